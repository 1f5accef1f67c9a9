"""Who may still hold what: when Docker last spoke of a thing, and what the kernel says of it."""

from __future__ import annotations

import logging
import threading
import time

from weavecli.dataplane.base import Dataplane
from weavecli.model import naming
from weavecli.model.endpoint import Claim
from weavecli.service.state import State

OWNER_DOCKER = "docker"
SETTLE = 15.0
"""Seconds from a call on an endpoint until its link must have left the host's namespace."""

ROOM = 10_000
FORGET = 120.0
"""How many keys are remembered before those older than this, in seconds, are forgotten."""

log = logging.getLogger(__name__)


class Holders:
    """Endpoints, networks, pools and addresses that Docker spoke of, and dead holders."""

    def __init__(self, state: State, dataplane: Dataplane, rebooted: bool = False) -> None:
        """`rebooted` tells that no sandbox of before can live, so no call about one can be on
        its way."""
        self._state = state
        self._dataplane = dataplane
        self._lock = threading.Lock()
        self._touched: dict[str, float] = {}
        self._room = ROOM
        self._born = time.monotonic() - (10 * SETTLE if rebooted else 0.0)

    def touch(self, key: str) -> None:
        """Docker just spoke of this endpoint, network, pool or address: not stale for a while."""
        now = time.monotonic()
        self._touched[key] = now
        if len(self._touched) > self._room:
            with self._lock:
                kept = {k: t for k, t in list(self._touched.items()) if now - t < FORGET}
                self._touched = kept
                self._room = max(ROOM, 2 * len(kept))

    def spoken(self, key: str, seconds: float) -> bool:
        """Whether Docker spoke of an endpoint, network or pool within the last `seconds`."""
        touched = self._touched.get(key)
        return touched is not None and time.monotonic() - touched < seconds

    def quiet(self, key: str) -> float:
        """Seconds since Docker last spoke of an endpoint, network, pool or address."""
        return time.monotonic() - self._touched.get(key, self._born)

    def plugged(self, endpoint_id: str) -> bool:
        """Whether the kernel has the endpoint's link in a sandbox."""
        return self._dataplane.is_plugged(
            naming.host_end(endpoint_id), naming.sandbox_end(endpoint_id)
        )

    def is_stale(self, claim: Claim) -> bool:
        """Whether the kernel proves that no sandbox uses a claim of Docker's: its veth is gone or
        back in the host's namespace, and no call is on its way."""
        if claim.owner != OWNER_DOCKER:
            return False
        endpoint = self._state.endpoints.get(self._state.by_address.get(claim.ip, ""))
        if endpoint is None:
            return self.quiet(str(claim.ip)) > 2 * SETTLE
        if self.quiet(endpoint.id) < SETTLE:
            return False
        return not self.plugged(endpoint.id)

    def evict(self, claim: Claim) -> bool:
        """Release a stale claim; False when it is not stale."""
        if not self.is_stale(claim):
            return False
        endpoint = self._state.endpoints.get(self._state.by_address.get(claim.ip, ""))
        log.warning("%s: its holder has no live sandbox; released", claim.ip)
        if endpoint is not None:
            self._dataplane.doom(naming.host_end(endpoint.id))
            self._state.drop(claim, endpoint)
        else:
            self._state.drop(claim)
        return True

    def evict_from(self, pool_id: str) -> bool:
        """Release every stale claim of a pool; True when there was one."""
        evicted = [self.evict(c) for c in self._state.book if c.pool == pool_id]
        return any(evicted)
