"""Docker's IPAM calls: pools and addresses.

Calls may be repeated and may be lost (Docker gives up after 15 s and forgets): so pools are
counted, unknown ones are derived from their ID, and an address whose endpoint has no live sandbox
can be taken over.
"""

from __future__ import annotations

import ipaddress
import logging
from dataclasses import replace
from functools import lru_cache

from weavecli.dataplane.base import Dataplane
from weavecli.errors import Conflict, Exhausted, Invalid
from weavecli.ipam.allocator import Book
from weavecli.ipam.pools import choose
from weavecli.model import naming
from weavecli.model.address import (
    IP,
    IPIface,
    IPNet,
    contains,
    overlap,
    parse_ip,
    parse_subnet,
    usable,
    within,
)
from weavecli.model.endpoint import Claim, Pool
from weavecli.model.network import DEFAULT_ID
from weavecli.service.holders import OWNER_DOCKER, Holders
from weavecli.service.locks import KeyedLocks
from weavecli.service.state import State

LOCAL_SPACE = "weavelocal"
GLOBAL_SPACE = "weaveglobal"

log = logging.getLogger(__name__)


class Addresses:
    """Pools and addresses of Docker's networks."""

    def __init__(self, state: State, dataplane: Dataplane, identity: str, holders: Holders) -> None:
        """`identity` decides where the search for a free subnet begins."""
        self._state = state
        self._dataplane = dataplane
        self._identity = identity
        self._locks = KeyedLocks()
        self._holders = holders

    # -- pools

    def request_pool(self, space: str, pool: str, sub_pool: str, v6: bool) -> Pool:
        """Reserve a subnet. Raises Invalid, Conflict (overlap, by name) or Exhausted."""
        if space not in (LOCAL_SPACE, GLOBAL_SPACE):
            raise Invalid(f"address space {space!r} is not ours; expected {LOCAL_SPACE}")
        if sub_pool and not pool:
            raise Invalid(f"--ip-range {sub_pool} needs a --subnet that contains it")
        with self._locks.hold("pools"):
            if not pool:
                subnet = choose(6 if v6 else 4, self._identity, self.busy())
            else:
                subnet = parse_subnet(pool)
            inner = self._range(subnet, sub_pool)
            pool_id = f"{space}/{subnet}" + (f"/{inner}" if sub_pool else "")
            known = self._state.pools.get(pool_id)
            if pool:
                self.refuse_overlap(subnet, known)
            made = Pool(pool_id, str(subnet), str(inner))
            if known is not None:
                # At 0 its network is gone from Docker: the next CreateNetwork binds it anew.
                bound = known.network if known.refs > 0 else ""
                made = replace(known, refs=known.refs + 1, network=bound)
            self._state.save(made)
            self._holders.touch(pool_id)
            return made

    @staticmethod
    def _range(subnet: IPNet, sub_pool: str) -> IPNet:
        if not sub_pool:
            return subnet
        try:
            inner = ipaddress.ip_network(sub_pool, strict=False)
        except ValueError:
            raise Invalid(f"--ip-range {sub_pool!r} is not a subnet, e.g. 10.5.3.0/24") from None
        if not within(inner, subnet):
            raise Invalid(f"--ip-range {inner} does not lie in --subnet {subnet}")
        return inner

    def refuse_overlap(self, subnet: IPNet, known: Pool | None) -> None:
        """Raise Conflict when a network, a pool or a link of this host has part of `subnet`.

        `known` is the pool of the same ID: it may be reserved again as long as no network that
        Docker still has is bound to it.
        """
        default = self._state.default
        for network in list(self._state.networks.values()):
            for other in network.subnets:
                if not overlap(other.cidr, subnet):
                    continue
                if network.id == DEFAULT_ID and other.cidr == subnet:
                    continue
                if known is not None and known.network == network.id and known.refs <= 0:
                    continue  # Docker released it; its DeleteNetwork never came
                if network.id == DEFAULT_ID:
                    raise Conflict(
                        f"subnet {subnet} overlaps {other.cidr} of the default network 'weave'; "
                        f"choose one outside {default.v4.cidr if default.v4 else other.cidr}, "
                        f"or none to get a free one"
                    )
                raise Conflict(
                    f"subnet {subnet} overlaps {other.cidr} of network {network.label}; choose "
                    f"another, or remove that network first"
                )
        for pool in list(self._state.pools.values()):
            if known is not None and pool.id == known.id:
                continue
            if not pool.network and overlap(ipaddress.ip_network(pool.subnet), subnet):
                raise Conflict(
                    f"subnet {subnet} overlaps {pool.subnet}, which a network that is being "
                    f"created has reserved; try again in a minute"
                )
        self._refuse_legs(subnet)
        for route in self._dataplane.observe().routes:
            if route.direct and not _ours(route.device) and overlap(route.network, subnet):
                raise Conflict(
                    f"subnet {subnet} overlaps {route.network}, which this host reaches directly "
                    f"on {route.device}; choose another"
                )

    def _refuse_legs(self, subnet: IPNet) -> None:
        """Addresses of attach and expose live on bridge `weave`, not on a new network's."""
        if subnet in [s.cidr for s in self._state.default.subnets]:
            return
        for claim in self._state.book:
            if not claim.pool and contains(subnet, claim.ip):
                raise Conflict(
                    f"subnet {subnet} has {claim.ip}, which is in use by "
                    f"{self._state.holder(claim.ip)}; choose another, or detach or hide it first"
                )

    def busy(self) -> list[IPNet]:
        """Every subnet that a new network must not overlap."""
        busy: list[IPNet] = [s.cidr for n in list(self._state.networks.values()) for s in n.subnets]
        busy += [ipaddress.ip_network(p.subnet) for p in list(self._state.pools.values())]
        busy += [ipaddress.ip_network(c.ip) for c in self._state.book if not c.pool]
        busy += [route.network for route in self._dataplane.observe().routes]
        return busy

    def release_pool(self, pool_id: str) -> None:
        """Give a reservation back; a pool that no network is bound to goes with the last one."""
        with self._locks.hold("pools"):
            pool = self._state.pools.get(pool_id)
            if pool is None:
                log.info("ReleasePool of unknown pool %s", pool_id)
                return
            pool = replace(pool, refs=max(0, pool.refs - 1))
            if pool.refs or pool.network:
                self._state.save(pool)
            else:
                self.drop_pool(pool)

    def drop_pool(self, pool: Pool) -> None:
        """Remove a pool and every address taken from it."""
        claims = [c for c in self._state.book if c.pool == pool.id]
        self._state.drop(pool, *claims)

    # -- addresses

    def request_address(self, pool_id: str, address: str, gateway: bool) -> IPIface:
        """Take an address: this one, or the lowest free. The answer has the subnet's prefix.

        Raises Invalid, Conflict naming the holder, or Exhausted naming the pool.
        """
        pool = self.pool(pool_id)
        subnet = _network(pool.subnet)
        if gateway:
            with self._locks.hold("pools"):
                return self._gateway(self._state.pools.get(pool_id, pool), subnet, address)
        if address:
            iface = self._member(subnet, address)
            return self._take(iface, OWNER_DOCKER, pool_id)
        inner = _network(pool.range)

        def lowest(book: Book) -> Claim:
            iface = _iface(book.lowest(subnet, inner), subnet)
            return Claim(iface.ip, iface, OWNER_DOCKER, pool_id)

        try:
            claim = self._state.claim(lowest)
        except Exhausted:
            if not self._holders.evict_from(pool_id):
                raise
            claim = self._state.claim(lowest)
        self._holders.touch(str(claim.ip))
        return claim.iface

    @staticmethod
    def _member(subnet: IPNet, address: str) -> IPIface:
        ip = parse_ip(address)
        if not contains(subnet, ip):
            raise Invalid(f"address {ip} does not lie in {subnet}")
        iface = _iface(ip, subnet)
        usable(iface)
        return iface

    def _take(self, iface: IPIface, owner: str, pool_id: str) -> IPIface:
        """This address, from a holder without a live sandbox if need be."""

        def exact(book: Book) -> Claim:
            if book.get(iface.ip) is not None:
                raise Conflict(
                    f"address {iface.ip} is already in use by {self._state.holder(iface.ip)}; "
                    f"choose another, or none to get a free one"
                )
            return Claim(iface.ip, iface, owner, pool_id)

        try:
            claim = self._state.claim(exact)
        except Conflict:
            held = self._state.book.get(iface.ip)
            if held is None or held.pool != pool_id or not self._holders.evict(held):
                raise
            claim = self._state.claim(exact)
        self._holders.touch(str(claim.ip))
        return claim.iface

    def _gateway(self, pool: Pool, subnet: IPNet, address: str) -> IPIface:
        """The gateway of a pool; asked again, the same one. The default network has its own."""
        asked = parse_ip(address) if address else None
        if pool.gateway and str(asked or pool.gateway) == pool.gateway:
            return _iface(ipaddress.ip_address(pool.gateway), subnet)
        default = next((s for s in self._state.default.subnets if s.cidr == subnet), None)
        if default is not None and default.gateway is not None:
            if asked is not None and asked != default.gateway:
                raise Conflict(
                    f"the gateway of {subnet} is {default.gateway} on every host; leave out "
                    f"--gateway or give that one"
                )
            iface = _iface(default.gateway, subnet)
        elif address:
            iface = self._take(self._member(subnet, address), naming.OWNER_GATEWAY, pool.id)
        else:
            inner = _network(pool.range)

            def lowest(book: Book) -> Claim:
                found = _iface(book.lowest(subnet, inner), subnet)
                return Claim(found.ip, found, naming.OWNER_GATEWAY, pool.id)

            iface = self._state.claim(lowest).iface
        self._state.save(replace(pool, gateway=str(iface.ip)))
        return iface

    def release_address(self, pool_id: str, address: str) -> None:
        """Give an address back. Unknown: nothing. One whose sandbox still lives is kept: then it
        was the DeleteEndpoint before this call that got lost, or the container was restored."""
        ip = parse_ip(address)
        # A second release must not take away what somebody was given after the first.
        with self._locks.hold(f"address {ip}"):
            claim = self._state.book.get(ip)
            if claim is None or claim.pool != pool_id:
                log.info("ReleaseAddress of %s, which pool %s does not hold", ip, pool_id)
                return
            endpoint = self._state.endpoints.get(self._state.by_address.get(ip, ""))
            if endpoint is not None and self._holders.plugged(endpoint.id):
                log.warning("ReleaseAddress of %s, but endpoint %s lives", ip, endpoint.id[:12])
            elif claim.owner == OWNER_DOCKER:
                self._state.drop(claim)
            else:
                self._release_fixed(claim)

    def _release_fixed(self, claim: Claim) -> None:
        """Give a gateway or an auxiliary address back."""
        with self._locks.hold("pools"):
            pool = self._state.pools.get(claim.pool)
            if pool is not None and pool.network and pool.refs > 1:
                log.info("ReleaseAddress of %s, which another network of the pool has", claim.ip)
                return
            self._state.drop(claim)
            if pool is not None and pool.gateway == str(claim.ip):
                self._state.save(replace(pool, gateway=""))

    def pool(self, pool_id: str) -> Pool:
        """By ID; one that was lost is derived from it, since the ID says all. Raises Invalid."""
        known = self._state.pools.get(pool_id)
        if known is not None:
            return known
        space, _, rest = pool_id.partition("/")
        parts = rest.split("/")
        if space not in (LOCAL_SPACE, GLOBAL_SPACE) or len(parts) not in (2, 4):
            raise Invalid(f"pool {pool_id!r} is not one of ours")
        subnet = parse_subnet("/".join(parts[:2]))
        inner = self._range(subnet, "/".join(parts[2:]))
        bound = next(
            (
                n.id
                for n in list(self._state.networks.values())
                if n.id != DEFAULT_ID and any(s.cidr == subnet for s in n.subnets)
            ),
            "",
        )
        log.warning("pool %s was not recorded; derived from its ID", pool_id)
        pool = Pool(pool_id, str(subnet), str(inner), network=bound)
        self._state.save(pool)
        return pool


@lru_cache(maxsize=1024)
def _network(text: str) -> IPNet:
    return ipaddress.ip_network(text)


def _iface(ip: IP, subnet: IPNet) -> IPIface:
    return ipaddress.ip_interface(f"{ip}/{subnet.prefixlen}")


def _ours(device: str) -> bool:
    return device == naming.DEFAULT_BRIDGE or device.startswith(naming.BRIDGE_PREFIX)
