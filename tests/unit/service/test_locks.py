"""Locks by key: in turn on one object, side by side on others, and never for ever."""

from __future__ import annotations

import threading

import pytest

from weavecli.errors import TimedOut
from weavecli.service.locks import KeyedLocks


def test_one_object_is_held_by_one() -> None:
    locks = KeyedLocks()
    inside = 0
    seen: list[int] = []

    def work() -> None:
        nonlocal inside
        for _ in range(200):
            with locks.hold("x"):
                inside += 1
                seen.append(inside)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [1] * 1600


def test_another_object_is_free() -> None:
    locks = KeyedLocks()
    with locks.hold("x"), locks.hold("y", 0.01):
        pass


def test_who_waits_too_long_is_told_for_what() -> None:
    locks = KeyedLocks()
    says = "another call on networks has not ended within 0 s"
    with locks.hold("networks"), pytest.raises(TimedOut, match=says), locks.hold("networks", 0.01):
        raise AssertionError("two hold it")
    with locks.hold("networks", 0.01):
        pass


def test_a_failure_inside_gives_it_free_and_nothing_is_kept() -> None:
    locks = KeyedLocks()
    for key in ("a", "b"):
        with pytest.raises(ValueError, match="x"), locks.hold(key):
            raise ValueError("x")
    with pytest.raises(TimedOut), locks.hold("c"), locks.hold("c", 0.01):
        pass
    assert locks._locks == {}
