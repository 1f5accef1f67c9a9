"""Many threads, one transaction: nobody is told "written" for what is not."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from weavecli.errors import Unavailable, WeaveError
from weavecli.store.base import Change, Delete, Put
from weavecli.store.sqlite import SqliteStore

THREADS = 16
EACH = 60


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(tmp_path / "state.db")
    yield made
    made.close()


class Watched(SqliteStore):
    """Counts transactions; `gate` holds them up, so that callers pile up behind one."""

    def __init__(self, path: Path) -> None:
        self.sizes: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        self.broken: type[Exception] | None = None
        super().__init__(path)

    def _transaction(self, changes: list[Change]) -> None:
        self.gate.wait(10)
        self.sizes.append(len(changes))
        if self.broken is not None:
            raise self.broken("broken for the test")
        super()._transaction(changes)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    made = Watched(tmp_path / "state.db")
    yield made
    made.close()


def pile_up(store: Watched, writers: int) -> list[Exception | None]:
    """One caller in a transaction that waits, the others behind it; how each of them ended."""
    store.gate.clear()
    outcomes: list[Exception | None] = [None] * writers

    def write(number: int) -> None:
        try:
            store.commit(Put("a", f"{number}-1", {}), Put("a", f"{number}-2", {}))
        except Exception as error:
            outcomes[number] = error

    threads = [threading.Thread(target=write, args=(n,)) for n in range(writers)]
    for thread in threads:
        thread.start()
    while len(store._queue) < writers - 1:  # all but the one that is in its transaction
        threading.Event().wait(0.001)
    store.gate.set()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    return outcomes


def test_sixteen_threads_lose_nothing(store: SqliteStore, tmp_path: Path) -> None:
    def work(thread: int) -> None:
        for number in range(EACH):
            key = f"{thread}-{number}"
            store.commit(Put("a", key, {"n": number}), Put("b", key, {"n": number}))
            assert store.get("a", key) == {"n": number}
            if number % 3 == 0:
                store.commit(Delete("a", key), Delete("b", key))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
    expected = {f"{t}-{n}" for t in range(THREADS) for n in range(EACH) if n % 3}
    assert set(store.all("a")) == set(store.all("b")) == expected
    store.close()
    again = SqliteStore(tmp_path / "state.db")
    try:
        assert set(again.all("a")) == set(again.all("b")) == expected
    finally:
        again.close()


def test_changes_of_one_commit_are_never_seen_apart(store: SqliteStore) -> None:
    store.commit(Put("pair", "left", {"n": 0}), Put("pair", "right", {"n": 0}))
    stop = threading.Event()
    torn: list[object] = []

    def read() -> None:
        while not stop.is_set():
            both = store.all("pair")
            if both["left"] != both["right"]:
                torn.append(both)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(200):
        store.commit(Put("pair", "left", {"n": number}), Put("pair", "right", {"n": number}))
    stop.set()
    reader.join()
    assert torn == []


def test_those_who_wait_share_one_transaction(watched: Watched) -> None:
    assert pile_up(watched, 8) == [None] * 8
    assert watched.sizes == [2, 14]
    assert len(watched.all("a")) == 16


def test_the_order_of_one_callers_changes_is_kept(watched: Watched) -> None:
    watched.commit(Put("a", "x", {"n": 1}), Delete("a", "x"), Put("a", "x", {"n": 2}))
    assert watched.get("a", "x") == {"n": 2}
    watched.commit(Put("a", "x", {"n": 3}), Delete("a", "x"))
    assert watched.get("a", "x") is None


@pytest.mark.parametrize("cause", [sqlite3.OperationalError, ValueError, OverflowError])
def test_a_failure_is_everybodys_failure(watched: Watched, cause: type[Exception]) -> None:
    watched.broken = cause
    outcomes = pile_up(watched, 8)
    assert all(isinstance(outcome, WeaveError) for outcome in outcomes), outcomes
    if cause is sqlite3.OperationalError:
        assert all(isinstance(outcome, Unavailable) for outcome in outcomes)
    assert watched.sizes == [2, 14]
    watched.broken = None
    assert watched.all("a") == {}
    watched.commit(Put("a", "after", {}))
    assert set(watched.all("a")) == {"after"}


def test_errors_in_turn_with_successes_are_told_to_the_right_callers(watched: Watched) -> None:
    told: dict[str, bool] = {}
    lock = threading.Lock()

    def work(thread: int) -> None:
        for number in range(20):
            key = f"{thread}-{number}"
            if number % 5 == 0:
                watched.broken = sqlite3.OperationalError if number % 10 else None
            try:
                watched.commit(Put("a", key, {}))
                written = True
            except Unavailable:
                written = False
            with lock:
                told[key] = written

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    watched.broken = None
    assert set(watched.all("a")) == {key for key, written in told.items() if written}
    assert len(told) == 160
