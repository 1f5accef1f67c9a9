"""The store of one host: what is committed is there, all of it or nothing, after any reopening."""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from weavecli.errors import Internal, Unavailable
from weavecli.store.base import Delete, Put
from weavecli.store.sqlite import SqliteStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "weave" / "state.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(path)
    yield made
    made.close()


def test_a_new_store_is_empty_and_private(store: SqliteStore, path: Path) -> None:
    assert store.all("claim") == {}
    assert store.get("claim", "x") is None
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file


def test_a_record_is_written_replaced_and_removed(store: SqliteStore) -> None:
    store.commit(Put("claim", "10.0.0.1", {"owner": "a"}))
    store.commit(Put("claim", "10.0.0.1", {"owner": "b", "n": [1, None, "ü"]}))
    assert store.get("claim", "10.0.0.1") == {"owner": "b", "n": [1, None, "ü"]}
    store.commit(Delete("claim", "10.0.0.1"))
    assert store.get("claim", "10.0.0.1") is None
    store.commit(Delete("claim", "10.0.0.1"))


def test_kinds_are_apart_and_all_is_by_key(store: SqliteStore) -> None:
    store.commit(Put("a", "2", {"n": 2}), Put("a", "1", {"n": 1}), Put("b", "1", {"n": 3}))
    assert store.all("a") == {"1": {"n": 1}, "2": {"n": 2}}
    assert list(store.all("a")) == ["1", "2"]
    assert store.all("b") == {"1": {"n": 3}}
    store.commit(Delete("a", "1"))
    assert store.get("b", "1") == {"n": 3}


def test_a_snapshot_does_not_change(store: SqliteStore) -> None:
    store.commit(Put("a", "1", {"n": 1}))
    before = store.all("a")
    store.commit(Put("a", "2", {"n": 2}))
    assert before == {"1": {"n": 1}}


def test_an_empty_commit_is_nothing(store: SqliteStore) -> None:
    store.commit()
    assert store.all("a") == {}


def test_what_was_committed_is_there_after_reopening(path: Path) -> None:
    first = SqliteStore(path)
    first.commit(Put("a", "1", {"n": 1}), Put("a", "2", {"n": 2}))
    first.commit(Delete("a", "1"))
    first.close()
    second = SqliteStore(path)
    try:
        assert second.all("a") == {"2": {"n": 2}}
        assert second.migrated == 0
    finally:
        second.close()


def test_it_is_durable_by_setting(store: SqliteStore) -> None:
    def setting(name: str) -> object:
        return store._conn.execute(f"PRAGMA {name}").fetchone()[0]

    assert setting("journal_mode") == "wal"
    assert setting("synchronous") == 2  # FULL


def test_a_commit_that_fails_in_the_middle_changes_nothing(store: SqliteStore) -> None:
    store.commit(Put("a", "1", {"n": 1}))
    bad: dict[str, object] = {"n": object()}
    with pytest.raises(Internal, match="a record cannot be written: TypeError"):
        store.commit(Delete("a", "1"), Put("a", "2", {"n": 2}), Put("a", "3", bad))
    assert store.all("a") == {"1": {"n": 1}}
    store.commit(Put("a", "4", {"n": 4}))
    assert set(store.all("a")) == {"1", "4"}


def test_a_key_that_no_file_can_hold_is_refused(store: SqliteStore) -> None:
    with pytest.raises(Internal, match="UnicodeEncodeError"):
        store.commit(Put("a", "\ud800", {}))
    store.commit(Put("a", "1", {}))
    assert set(store.all("a")) == {"1"}


def test_a_read_only_store_says_so_and_keeps_what_it_has(store: SqliteStore) -> None:
    store.commit(Put("a", "1", {"n": 1}))
    store._conn.execute("PRAGMA query_only = ON")
    for changes in ([Put("a", "2", {})], [Delete("a", "1"), Put("a", "2", {})]):
        with pytest.raises(Unavailable, match="read-only"):
            store.commit(*changes)
    assert store.all("a") == {"1": {"n": 1}}
    store._conn.execute("PRAGMA query_only = OFF")
    store.commit(Put("a", "2", {}))
    assert set(store.all("a")) == {"1", "2"}


def test_a_full_disk_says_so_and_keeps_what_it_has(store: SqliteStore, path: Path) -> None:
    store.commit(Put("a", "1", {"n": 1}))
    pages = store._conn.execute("PRAGMA page_count").fetchone()[0]
    store._conn.execute(f"PRAGMA max_page_count = {pages}")
    big = {"text": "x" * 100_000}
    with pytest.raises(Unavailable, match=r"full.*free space"):
        store.commit(Put("a", "2", big), Put("a", "3", big))
    with pytest.raises(Unavailable, match="full"):
        store.commit(Put("a", "2", big))
    assert set(store.all("a")) == {"1"}
    store._conn.execute("PRAGMA max_page_count = 1000000")
    store.commit(Put("a", "2", big))
    store.close()
    again = SqliteStore(path)
    try:
        assert set(again.all("a")) == {"1", "2"}
    finally:
        again.close()


@pytest.mark.parametrize("content", [b"this is no database, but long enough" * 200, b"\0" * 8192])
def test_what_is_no_database_is_refused_with_the_next_step(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(Unavailable, match=r"cannot be used.*weave reset --force"):
        SqliteStore(path)
    assert path.read_bytes() == content


def test_a_damaged_page_is_reported_when_it_is_read(path: Path) -> None:
    store = SqliteStore(path)
    for number in range(300):
        store.commit(Put("a", str(number), {"text": "x" * 100}))
    store._conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))
    damaged = SqliteStore(path)
    try:
        with pytest.raises(Unavailable, match="cannot read the state"):
            damaged.all("a")
        with pytest.raises(Unavailable, match="cannot read the state"):
            damaged.get("a", "7")
    finally:
        damaged.close()


def test_a_place_that_cannot_be_a_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot open the state"):
        SqliteStore(tmp_path / "file" / "state.db")


def test_a_directory_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state.db").mkdir()
    with pytest.raises(Unavailable, match="cannot open the state"):
        SqliteStore(tmp_path / "state.db")


def test_missing_directories_are_made(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "a" / "b" / "state.db")
    store.commit(Put("a", "1", {}))
    store.close()
    assert (tmp_path / "a" / "b" / "state.db").is_file()


def test_a_copy_of_the_directory_is_a_backup(path: Path, tmp_path: Path) -> None:
    store = SqliteStore(path)
    store.commit(*(Put("a", str(n), {"n": n}) for n in range(50)))
    shutil.copytree(path.parent, tmp_path / "copy")  # while it is open
    store.commit(*(Delete("a", str(n)) for n in range(50)))
    store.close()
    shutil.rmtree(path.parent)
    shutil.copytree(tmp_path / "copy", path.parent)
    restored = SqliteStore(path)
    try:
        assert restored.all("a") == {str(n): {"n": n} for n in range(50)}
    finally:
        restored.close()


def test_a_value_is_readable_with_sqlites_own_tool(path: Path) -> None:
    store = SqliteStore(path)
    store.commit(Put("claim", "10.0.0.1", {"owner": "a"}))
    store.close()
    conn = sqlite3.connect(path)
    try:
        ((kind, key, value),) = conn.execute("SELECT kind, key, value FROM record").fetchall()
    finally:
        conn.close()
    assert (kind, key, json.loads(value)) == ("claim", "10.0.0.1", {"owner": "a"})


def test_after_close_a_commit_is_refused_and_not_lost_silently(path: Path) -> None:
    store = SqliteStore(path)
    store.close()
    with pytest.raises(Unavailable):
        store.commit(Put("a", "1", {}))
    with pytest.raises(Unavailable):
        store.all("a")
