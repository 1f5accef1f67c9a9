"""The kinds of failure: each has one name, a status and an exit code, and survives the wire."""

from __future__ import annotations

import pytest

from weavecli import errors
from weavecli.errors import KINDS, Conflict, Internal, WeaveError, by_kind

EXPECTED = {
    "internal": (500, 1),
    "invalid": (400, 1),
    "not-found": (404, 1),
    "conflict": (409, 1),
    "already-running": (409, 3),
    "forbidden": (403, 1),
    "exhausted": (507, 1),
    "unavailable": (503, 1),
    "timed-out": (504, 1),
    "not-supported": (404, 1),
}


def test_every_kind_has_its_status_and_exit_code() -> None:
    assert {k: (c.status, c.exit_code) for k, c in KINDS.items()} == EXPECTED


def test_every_class_is_in_the_table() -> None:
    classes = {
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, WeaveError) and value is not WeaveError
    }
    assert set(KINDS.values()) == classes


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_an_error_is_rebuilt_from_the_wire(kind: str) -> None:
    rebuilt = by_kind(kind, "what happened")
    assert type(rebuilt) is KINDS[kind]
    assert str(rebuilt) == "what happened"


def test_an_unknown_kind_is_internal() -> None:
    assert type(by_kind("of-the-future", "x")) is Internal


def test_already_running_is_a_conflict() -> None:
    assert issubclass(errors.AlreadyRunning, Conflict)
