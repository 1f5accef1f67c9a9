"""Deleting links later, in the background and many at once.

The kernel waits 15-18 ms for its readers in every RTM_DELLINK, but only once when it deletes a
whole group of links (`ip link set X group N`, `ip link delete group N`): 0.4 ms each. While one
deletion runs further links gather, so batches form by themselves. RTNL, the lock that every other
change of a link needs, is held meanwhile: hence a largest batch.
"""

from __future__ import annotations

import errno
import logging
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import lru_cache

from weavecli.dataplane import veth, wire
from weavecli.dataplane.bridge import remove_link
from weavecli.dataplane.netlink import Session, Sessions

GROUP = 0x77656176
"""Links that wait for their deletion ("weav"); nobody else uses that number."""
BATCH = 256
GATHER = 0.05
"""Seconds between two batches in which links gather. The first of a quiet time goes at once: so
libnetwork finds nothing left to move out of the sandbox."""

log = logging.getLogger(__name__)


def delete_links(nl: Session, indexes: Collection[int]) -> list[OSError]:
    """Delete links by ifindex, as one group when there are several. Never stops at an error.

    A link may vanish at any moment with its container: no error.
    """
    errors: list[OSError] = []
    marked = []
    for index in indexes:
        try:
            if len(indexes) == 1:
                remove_link(nl, index)
            elif _mark(nl, index):
                marked.append(index)
        except OSError as error:
            errors.append(error)
    if marked:
        errors += _delete_group(nl, marked)
    return errors


@lru_cache(maxsize=1)
def _marking() -> bytes:
    """Encoded once: 100 us each would be a fifth of a batch's time."""
    return wire.link(wire.RTM_SETLINK, wire.ACK, [("IFLA_GROUP", GROUP)])


def _mark(nl: Session, index: int) -> bool:
    try:
        nl.ask(wire.addressed(_marking(), index))
    except OSError as error:
        if error.errno != errno.ENODEV:
            raise
        return False
    return True


def _delete_group(nl: Session, marked: list[int]) -> list[OSError]:
    try:
        nl.ask(wire.link(wire.RTM_DELLINK, wire.ACK, [("IFLA_GROUP", GROUP)]))
    except OSError as error:
        if error.errno == errno.ENODEV:
            return []
        log.warning("deleting a group of %d links: %s; one by one", len(marked), error)
    else:
        return []
    errors = []
    for index in marked:
        try:
            remove_link(nl, index)
        except OSError as error:
            errors.append(error)
    return errors


class Reaper:
    """The queue of doomed links, by name, and the thread that works it off."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._changed = threading.Condition()
        self._waiting: dict[str, int] = {}
        self._dying: dict[str, int] = {}
        self._batches = 0
        self._ended = 0.0
        self._hurried = 0
        self._idle = False
        self._thread: threading.Thread | None = None
        self._closed = False

    def add(self, name: str) -> None:
        """Enter a link; a missing one is not entered, and none after `close`.

        The ifindex is kept, so that a link made later under the same name is not the one that
        is deleted.
        """
        index = veth.index(name)
        if not index:
            return
        with self._changed:
            if self._closed or self._dying.get(name) == index:
                return
            self._waiting[name] = index
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="weave-reaper", daemon=True)
                self._thread.start()
            if self._idle or len(self._waiting) >= BATCH:
                self._changed.notify_all()  # else it gathers, and each wake-up costs the caller

    def reclaim(self, name: str) -> None:
        """Before a link is made under `name`: take it off the queue, or wait until it is gone."""
        with self._changed:
            self._waiting.pop(name, None)
            while name in self._dying:
                self._changed.wait()

    def has(self, name: str) -> bool:
        """Whether a link waits, or is being deleted. Takes no lock: dicts are atomic enough."""
        return name in self._waiting or name in self._dying

    def names(self) -> set[str]:
        with self._changed:
            return {*self._waiting, *self._dying}

    def count(self) -> int:
        with self._changed:
            return len(self._waiting) + len(self._dying)

    def flush(self, seconds: float) -> bool:
        """Wait until none waits any more; False when the time passed."""
        deadline = time.monotonic() + seconds
        with self._hurry():
            while self._waiting or self._dying:
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
        return True

    def wait_batch(self) -> bool:
        """Wait until some of those that wait are gone; False when none waits."""
        with self._hurry():
            if not (self._waiting or self._dying):
                return False
            before = self._batches
            self._changed.wait_for(lambda: self._batches != before)
        return True

    @contextmanager
    def _hurry(self) -> Iterator[None]:
        """Hold the condition; while somebody waits for links to go, no batch gathers."""
        with self._changed:
            self._hurried += 1
            self._changed.notify_all()
            try:
                yield
            finally:
                self._hurried -= 1

    def close(self) -> None:
        """Delete what waits, then end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._idle = True
                while not self._waiting and not self._closed:
                    self._changed.wait()
                self._idle = False
                if not self._waiting:
                    return
                self._gather()
                if not self._waiting:
                    continue
                names = list(self._waiting)[:BATCH]
                # Entered first and removed second: `has` looks at both without the lock.
                self._dying = {name: self._waiting[name] for name in names}
                for name in names:
                    del self._waiting[name]
            self._delete(dict(self._dying))
            with self._changed:
                self._dying = {}
                self._batches += 1
                self._ended = time.monotonic()
                self._changed.notify_all()

    def _gather(self) -> None:
        """Right after a batch, let the next one grow, so that others get RTNL in between."""
        until = self._ended + GATHER
        while not (self._closed or self._hurried or len(self._waiting) >= BATCH):
            left = until - time.monotonic()
            if left <= 0:
                return
            self._changed.wait(left)

    def _delete(self, batch: dict[str, int]) -> None:
        try:
            with self._sessions.one() as nl:
                for error in delete_links(nl, batch.values()):
                    log.error("deleting links %s: %s", ", ".join(batch), error)
        except OSError as error:
            log.error("deleting links %s: %s", ", ".join(batch), error)
