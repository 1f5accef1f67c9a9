"""Locks by key, with a time limit: what two callers want of one object happens in turn."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from weavecli.errors import TimedOut

PATIENCE = 8.0
"""Seconds a call waits for another one on the same object. Docker has no time limit of its own."""


class KeyedLocks:
    """One lock per key, made on demand and forgotten when nobody holds or wants it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[str, tuple[threading.Lock, int]] = {}

    @contextmanager
    def hold(self, key: str, seconds: float = PATIENCE) -> Iterator[None]:
        """Hold the lock of `key`. Raises TimedOut when another call keeps it too long."""
        with self._guard:
            lock, users = self._locks.get(key, (threading.Lock(), 0))
            self._locks[key] = (lock, users + 1)
        held = False
        try:
            held = lock.acquire(timeout=seconds)
            if not held:
                raise TimedOut(
                    f"another call on {key[:24]} has not ended within {seconds:.0f} s; try again"
                )
            yield
        finally:
            if held:
                lock.release()
            with self._guard:
                lock, users = self._locks[key]
                if users == 1:
                    del self._locks[key]
                else:
                    self._locks[key] = (lock, users - 1)
