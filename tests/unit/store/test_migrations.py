"""Schema steps: forwards with a copy kept, never backwards, and all of a step or nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from weavecli.errors import Conflict, Unavailable
from weavecli.store import migrations
from weavecli.store.base import Put
from weavecli.store.migrations import STEPS, migrate
from weavecli.store.sqlite import SqliteStore

MORE = (*STEPS, "ALTER TABLE record ADD COLUMN note TEXT DEFAULT 'new'")
FAILING = (*STEPS, "CREATE TABLE extra (a)", "CREATE TABLE record (a)")


@contextmanager
def connected(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        yield conn


def version(path: Path) -> int:
    with connected(path) as conn:
        found: int = conn.execute("PRAGMA user_version").fetchone()[0]
        return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store of today's version with one record."""
    place = tmp_path / "state.db"
    store = SqliteStore(place)
    store.commit(Put("a", "1", {"n": 1}))
    store.close()
    return place


def test_a_new_database_gets_every_step_and_no_copy(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db")
    store.close()
    assert store.migrated == len(STEPS)
    assert version(tmp_path / "state.db") == len(STEPS)
    assert not list(tmp_path.glob("*.v*"))


def test_an_up_to_date_one_is_left_alone(path: Path) -> None:
    with connected(path) as conn:
        assert migrate(conn, path) == 0
    assert not list(path.parent.glob("*.v*"))


def test_a_newer_daemon_migrates_and_keeps_a_copy(path: Path) -> None:
    with connected(path) as conn:
        assert migrate(conn, path, MORE) == 1
        assert conn.execute("SELECT key, note FROM record").fetchall() == [("1", "new")]
    assert version(path) == len(MORE)
    copy = path.with_name(f"state.db.v{len(STEPS)}")
    assert version(copy) == len(STEPS)
    with connected(copy) as conn:
        assert conn.execute("SELECT * FROM record").fetchall() == [("a", "1", '{"n":1}')]


def test_the_copy_holds_what_was_only_in_the_log(path: Path) -> None:
    store = SqliteStore(path)
    store.commit(Put("a", "2", {"n": 2}))
    assert path.with_name("state.db-wal").stat().st_size > 0
    migrate(store._conn, path, MORE)
    store.close()
    with connected(path.with_name(f"state.db.v{len(STEPS)}")) as conn:
        assert conn.execute("SELECT count(*) FROM record").fetchone() == (2,)


def test_the_copy_can_be_put_back(path: Path) -> None:
    with connected(path) as conn:
        migrate(conn, path, MORE)
    path.with_name(f"state.db.v{len(STEPS)}").rename(path)
    store = SqliteStore(path)
    try:
        assert store.all("a") == {"1": {"n": 1}}
    finally:
        store.close()


def test_an_older_daemon_refuses_and_touches_nothing(path: Path) -> None:
    with connected(path) as conn:
        conn.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    with pytest.raises(Conflict, match=r"newer weaved \(schema 99, this one knows"):
        SqliteStore(path)
    assert path.read_bytes() == before
    assert version(path) == 99


def test_a_failing_step_is_rolled_back_and_those_before_stay(path: Path) -> None:
    with connected(path) as conn:
        with pytest.raises(sqlite3.OperationalError, match="already exists"):
            migrate(conn, path, FAILING)
        assert not conn.in_transaction
        assert conn.execute("SELECT count(*) FROM record").fetchone() == (1,)
        conn.execute("SELECT a FROM extra")
    assert version(path) == len(STEPS) + 1


def test_a_store_whose_step_fails_is_unavailable(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations.migrate, "__defaults__", (FAILING,))
    with pytest.raises(Unavailable, match="cannot be used"):
        SqliteStore(path)
    monkeypatch.undo()


def test_a_step_cut_off_before_its_version_is_done_again(path: Path) -> None:
    with connected(path) as conn:
        conn.execute("BEGIN IMMEDIATE")
        conn.execute(MORE[-1])
        conn.execute(f"PRAGMA user_version = {len(MORE)}")
    assert version(path) == len(STEPS)  # closing without COMMIT is what a crash does
    with connected(path) as conn:
        assert migrate(conn, path, MORE) == 1
