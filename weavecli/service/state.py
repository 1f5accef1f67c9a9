"""What this host knows, in memory, always behind what is on disk by at most one commit.

`lock` is held for arithmetic on the tables only, never across a commit, a kernel call or Docker.
A claim is entered in memory first and on disk before it is answered; it leaves the disk first and
the memory after: so no address is ever free in memory that somebody may still hold.
"""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable

from weavecli.errors import NotFound
from weavecli.ipam.allocator import Book
from weavecli.model.address import IP, IPIface
from weavecli.model.endpoint import Claim, Endpoint, Leg
from weavecli.model.naming import OWNER_EXPOSE, OWNER_GATEWAY
from weavecli.model.network import DEFAULT_ID, Network
from weavecli.store import records
from weavecli.store.base import Change, Put, Record, Store


class State:
    """The tables. Reading them needs no lock (dict reads are atomic); changing them does."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.lock = threading.Lock()
        self.networks = {k: records.network(v) for k, v in store.all("network").items()}
        self.endpoints = {k: records.endpoint(v) for k, v in store.all("endpoint").items()}
        self.by_address = {a.ip: e.id for e in self.endpoints.values() for a in e.addresses}
        self.legs = {k: records.leg(v) for k, v in store.all("leg").items()}
        self.pools = {k: records.pool(v) for k, v in store.all("pool").items()}
        self.book = Book()
        self._leaving: set[IP] = set()
        for record in store.all("claim").values():
            self.book.put(records.claim(record))

        self.exposed: dict[IPIface, bool] = {
            ipaddress.ip_interface(a): bool(m) for a, m in (self.meta("exposed") or {}).items()
        }

    # -- settings and other single facts

    def meta(self, key: str) -> Record | None:
        """A single fact (settings, identity), or None."""
        return self.store.get("meta", key)

    def set_meta(self, key: str, value: Record) -> None:
        self.store.commit(Put("meta", key, value))

    def set_exposed(self, exposed: dict[IPIface, bool]) -> None:
        """The host's addresses on bridge `weave`, and whether each masquerades."""
        self.set_meta("exposed", {str(iface): flag for iface, flag in exposed.items()})
        self.exposed = exposed

    # -- looking up

    @property
    def default(self) -> Network:
        """The network that attach and expose use."""
        return self.networks[DEFAULT_ID]

    def network(self, network_id: str) -> Network:
        """By NetworkID. Raises NotFound with the next step."""
        found = self.networks.get(network_id)
        if found is None:
            raise NotFound(
                f"network {network_id[:12]} is not known to weaved (its state was lost or reset); "
                f"remove it with 'docker network rm {network_id[:12]}' and create it again"
            )
        return found

    def endpoints_of(self, network_id: str) -> list[Endpoint]:
        return [e for e in list(self.endpoints.values()) if e.network == network_id]

    # -- changing

    def save(self, *values: records.Value) -> None:
        """Write values to disk, then to the tables."""
        self.store.commit(*(records.put(value) for value in values), flush=_outlives(values))
        with self.lock:
            for value in values:
                self._enter(value)

    def drop(self, *values: records.Value) -> None:
        """Remove values from disk, then from the tables."""
        self.change((), values)

    def change(self, put: tuple[records.Value, ...], drop: tuple[records.Value, ...]) -> None:
        """Both at once: all or nothing on disk.

        Of the claims to drop, those that another caller has dropped or is dropping are left out:
        by now the address may be somebody else's.
        """
        with self.lock:
            drop = tuple(value for value in drop if self._may_leave(value))
            leaving = {value.ip for value in drop if isinstance(value, Claim)}
            self._leaving |= leaving
        changes: list[Change] = [records.put(value) for value in put]
        changes += [records.delete(value) for value in drop]
        try:
            self.store.commit(*changes, flush=_outlives((*put, *drop)))
            with self.lock:
                for value in drop:
                    self._forget(value)
                for value in put:
                    self._enter(value)
        finally:
            with self.lock:
                self._leaving -= leaving

    def _may_leave(self, value: records.Value) -> bool:
        if not isinstance(value, Claim):
            return True
        return self.book.get(value.ip) is value and value.ip not in self._leaving

    def claim(self, choose: Callable[[Book], Claim]) -> Claim:
        """Take the address that `choose` picks from the book, durably.

        `choose` runs under the lock and raises Conflict or Exhausted itself; when the disk does
        not take the claim, it is given back.
        """
        with self.lock:
            claim = choose(self.book)
            self.book.take(claim)
        try:
            self.store.commit(records.put(claim))
        except BaseException:
            with self.lock:
                self.book.drop(claim.ip)
            raise
        return claim

    def note(self, endpoint: Endpoint) -> None:
        """Enter what the kernel can tell again after a restart: in memory only."""
        with self.lock:
            if endpoint.id in self.endpoints:
                self._enter(endpoint)

    def claims_of(self, owner: str) -> list[Claim]:
        with self.lock:
            return self.book.held_by(owner)

    def holder(self, ip: IP) -> str:
        """Who holds an address, in words for a message."""
        endpoint = self.endpoints.get(self.by_address.get(ip, ""))
        claim = self.book.get(ip)
        if endpoint is not None:
            who = f"container {endpoint.container[:12]}" if endpoint.container else "a container"
            label = (
                self.networks[endpoint.network].label if endpoint.network in self.networks else ""
            )
            return f"{who} on network {label or endpoint.network[:12]}"
        if claim is None:
            return "nobody"
        leg = self.legs.get(claim.owner)
        if leg is not None:
            return f"{leg.label} (weave attach)"
        words = {OWNER_GATEWAY: "the gateway", OWNER_EXPOSE: "this host (weave expose)"}
        return words.get(
            claim.owner, f"{claim.owner} ({claim.pool})" if claim.pool else claim.owner
        )

    def _enter(self, value: records.Value) -> None:
        if isinstance(value, Claim):
            self.book.put(value)
        elif isinstance(value, Leg):
            self.legs[value.owner] = value
        elif isinstance(value, Network):
            self.networks[value.id] = value
        elif isinstance(value, Endpoint):
            self.endpoints[value.id] = value
            self.by_address.update((a.ip, value.id) for a in value.addresses)
        else:
            self.pools[value.id] = value

    def _forget(self, value: records.Value) -> None:
        if isinstance(value, Claim):
            self.book.drop(value.ip)
        elif isinstance(value, Leg):
            self.legs.pop(value.owner, None)
        elif isinstance(value, Network):
            self.networks.pop(value.id, None)
        elif isinstance(value, Endpoint):
            self.endpoints.pop(value.id, None)
            for address in value.addresses:
                if self.by_address.get(address.ip) == value.id:
                    del self.by_address[address.ip]
        else:
            self.pools.pop(value.id, None)


def _outlives(values: tuple[records.Value, ...]) -> bool:
    """Whether any of these matters after a power cut. Endpoints do not: no sandbox outlives the
    boot, and Docker makes new ones. Their addresses are claims, which do."""
    return not all(isinstance(value, Endpoint) for value in values)
