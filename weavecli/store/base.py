"""The contract of a store: records by kind and key, changed by atomic, durable commits.

A record is a JSON object; `records.py` turns model values into records and back. Reads are for
the start: afterwards the rules keep their own tables (`service/state.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Put:
    """Write a record, whether or not it exists."""

    kind: str
    key: str
    value: Record


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a record; one that does not exist is no error."""

    kind: str
    key: str


Change = Put | Delete


class Store(Protocol):
    """One writer process, many threads."""

    def get(self, kind: str, key: str) -> Record | None:
        """The record, or None."""

    def all(self, kind: str) -> dict[str, Record]:
        """A snapshot of every record of a kind, by key."""

    def commit(self, *changes: Change, flush: bool = True) -> None:
        """Make all changes or none. With `flush` they are on disk when this returns; without,
        they survive the end of the process but perhaps not a power cut: for what no boot
        outlives.

        Raises Unavailable when the disk does not take them (full, read-only); then none is made.
        """

    def close(self) -> None:
        """Release the files. No call may follow."""
