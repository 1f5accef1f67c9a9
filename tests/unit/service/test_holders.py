"""Who may still hold what."""

from __future__ import annotations

import time

import pytest

from tests.fakes.dataplane import FakeDataplane
from weavecli.service import holders as module
from weavecli.service.holders import Holders
from weavecli.service.state import State


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that only a test moves: the monotonic one, for the wall clock may jump."""
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "time", lambda: 0.0)
    return now


@pytest.fixture
def holders(clock: list[float]) -> Holders:
    return Holders(State.__new__(State), FakeDataplane())


def test_quiet_counts_from_the_last_word_or_from_the_start(
    holders: Holders, clock: list[float]
) -> None:
    clock[0] += 5
    assert holders.quiet("e1") == 5
    holders.touch("e1")
    clock[0] += 3
    assert holders.quiet("e1") == 3
    assert holders.quiet("e2") == 8


def test_spoken_is_about_an_explicit_word_only(holders: Holders, clock: list[float]) -> None:
    assert not holders.spoken("e1", 2.0)
    holders.touch("e1")
    assert holders.spoken("e1", 2.0)
    clock[0] += 2
    assert not holders.spoken("e1", 2.0)


def test_after_a_reboot_everything_has_been_quiet_for_long(clock: list[float]) -> None:
    booted = Holders(State.__new__(State), FakeDataplane(), rebooted=True)
    assert booted.quiet("e1") > module.SETTLE


def test_what_was_said_long_ago_is_forgotten_and_growth_is_bounded(
    holders: Holders, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROOM", 10)
    holders._room = 10
    for number in range(8):
        holders.touch(f"old{number}")
    clock[0] += module.FORGET + 1
    for number in range(30):
        holders.touch(f"new{number}")
    assert "old0" not in holders._touched
    assert len(holders._touched) <= 30
    assert holders.spoken("new0", 1.0), "what was said just now is kept"
