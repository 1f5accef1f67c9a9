"""`weave attach` and `weave detach`: a leg on bridge `weave` for any running sandbox."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Sequence
from dataclasses import replace

from weavecli.dataplane.base import Dataplane, SandboxLink
from weavecli.errors import Conflict, Invalid
from weavecli.ipam.allocator import Book
from weavecli.model import naming
from weavecli.model.address import IPNet, Want, contains, overlap, parse_want, within
from weavecli.model.endpoint import Claim, Leg
from weavecli.model.network import DEFAULT_ID
from weavecli.model.settings import Settings
from weavecli.service.locks import KeyedLocks
from weavecli.service.networks import Networks
from weavecli.service.sandboxes import Sandbox, Sandboxes
from weavecli.service.state import State

log = logging.getLogger(__name__)


class Choosing:
    """Turns what a caller wants into claims of an owner; shared by attach and expose."""

    def __init__(self, state: State, dataplane: Dataplane, settings: Settings) -> None:
        self._state = state
        self._dataplane = dataplane
        self._settings = settings

    def parse(self, texts: Sequence[str]) -> list[Want]:
        """Address arguments; none means `net:default`. Raises Invalid before anything is done."""
        wants = [parse_want(text) for text in texts] or [Want("default")]
        for want in wants:
            self.subnet(want)
        return wants

    def subnet(self, want: Want) -> IPNet:
        """The subnet a want is about. Raises Invalid when it is outside our range."""
        if want.iface is not None:
            return want.iface.network
        subnet = want.subnet or self._settings.default_subnet
        limits = self._settings.range
        if want.subnet is not None and subnet.version == 4 and not within(subnet, limits):
            raise Invalid(
                f"range {subnet} out of bounds: {limits}; choose a subnet inside it, or give an "
                f"exact address such as ip:{subnet.network_address + 1}/{subnet.prefixlen}"
            )
        return subnet

    def held(self, owner: str, want: Want) -> list[Claim]:
        """What an owner holds of a want."""
        claims = self._state.claims_of(owner)
        if want.iface is not None:
            return [c for c in claims if c.ip == want.iface.ip]
        subnet = self.subnet(want)
        return [c for c in claims if c.iface.network == subnet]

    def claim(self, owner: str, want: Want) -> tuple[Claim, bool]:
        """The claim for a want and whether it is new. Raises Conflict or Exhausted."""
        held = self.held(owner, want)
        if held:
            if want.iface is not None and held[0].iface != want.iface:
                raise Conflict(
                    f"address {want.iface.ip} is already there as {held[0].iface}; detach or "
                    f"hide it first to change its prefix"
                )
            return held[0], False
        subnet = self.subnet(want)
        self._refuse_foreign(subnet, want)
        if want.iface is not None:
            return self._state.claim(lambda book: self._exact(book, owner, want)), True
        limits = self._settings.range
        inner = limits if subnet.version == 4 and within(limits, subnet) else subnet

        def lowest(book: Book) -> Claim:
            iface = ipaddress.ip_interface(f"{book.lowest(subnet, inner)}/{subnet.prefixlen}")
            return Claim(iface.ip, iface, owner)

        return self._state.claim(lowest), True

    def _exact(self, book: Book, owner: str, want: Want) -> Claim:
        assert want.iface is not None
        if book.get(want.iface.ip) is not None:
            raise Conflict(
                f"address {want.iface.ip} is already in use by "
                f"{self._state.holder(want.iface.ip)}; choose another, or net:default for a "
                f"free one"
            )
        return Claim(want.iface.ip, want.iface, owner)

    def _refuse_foreign(self, subnet: IPNet, want: Want) -> None:
        """An address of a Docker network belongs to that network's bridge, not to `weave`."""
        for network in list(self._state.networks.values()):
            if network.bridge == naming.DEFAULT_BRIDGE:
                continue
            for other in network.subnets:
                hit = contains(other.cidr, want.iface.ip) if want.iface else False
                if hit or (want.iface is None and overlap(other.cidr, subnet)):
                    raise Conflict(
                        f"{want.iface or subnet} lies in network {network.label} "
                        f"({other.cidr}); use 'docker network connect {network.label}' for that"
                    )

    def warnings(self, wants: Sequence[Want]) -> list[str]:
        """Routes of this host that an exact address overlaps."""
        found = []
        for want in wants:
            if want.iface is None:
                continue
            for route in self._dataplane.observe().routes:
                if route.device != naming.DEFAULT_BRIDGE and overlap(
                    route.network, want.iface.network
                ):
                    found.append(
                        f"{want.iface} overlaps the route {route.network} of this host "
                        f"({route.device})"
                    )
        return found


class Attaching:
    """Legs of containers and other sandboxes."""

    def __init__(
        self,
        state: State,
        dataplane: Dataplane,
        networks: Networks,
        sandboxes: Sandboxes,
        choosing: Choosing,
    ) -> None:
        self._state = state
        self._dataplane = dataplane
        self._networks = networks
        self._sandboxes = sandboxes
        self._choosing = choosing
        self._locks = KeyedLocks()

    def attach(
        self, ref: str, texts: Sequence[str], multicast_route: bool
    ) -> tuple[list[str], list[str]]:
        """Give a sandbox addresses; returns them in the order asked for, and warnings.

        The same again is no change. On failure new addresses are given back.
        """
        wants = self._choosing.parse(texts)
        sandbox = self._sandboxes.resolve(ref)
        self._refuse_twice(sandbox, wants)
        with self._locks.hold(sandbox.owner):
            self._clear_dead(sandbox)
            claims: list[Claim] = []
            fresh: list[Claim] = []
            try:
                for want in wants:
                    claim, new = self._choosing.claim(sandbox.owner, want)
                    claims.append(claim)
                    fresh += [claim] if new else []
                self._plug(sandbox, claims, multicast_route)
            except BaseException:
                self._state.drop(*fresh)
                raise
        return [str(c.ip) for c in claims], self._choosing.warnings(wants)

    def _plug(self, sandbox: Sandbox, claims: list[Claim], multicast_route: bool) -> None:
        host_end = naming.attach_end(sandbox.owner)
        leg = self._state.legs.get(sandbox.owner)
        alive = leg is not None and self._dataplane.pair_exists(host_end)
        addresses = list(leg.addresses) if leg is not None and alive else []
        addresses = list(dict.fromkeys([*addresses, *(c.iface for c in claims)]))
        mac = leg.mac if leg is not None and alive else ""
        mac = mac or naming.mac_for(addresses[0].ip, sandbox.owner)
        default = self._state.networks[DEFAULT_ID]
        self._networks.ensure_bridge(naming.DEFAULT_BRIDGE)
        link = SandboxLink(
            host_end,
            naming.ATTACH_IFNAME,
            sandbox.netns,
            naming.DEFAULT_BRIDGE,
            mac,
            self._networks.mtu(default),
            tuple(addresses),
            multicast_route,
        )
        made = Leg(
            sandbox.owner, sandbox.label, sandbox.netns, sandbox.inode, mac, tuple(addresses)
        )
        # Recorded first: a sandbox never has an address that the records do not hold for it.
        self._state.save(made)
        try:
            self._dataplane.attach(link)
        except BaseException:
            if leg is None:
                self._state.drop(made)
            else:
                self._state.save(leg)
            raise

    def _clear_dead(self, sandbox: Sandbox) -> None:
        """A namespace's number is used again by the kernel: what an earlier namespace of the same
        number held is not this one's. A container keeps its addresses over a restart."""
        leg = self._state.legs.get(sandbox.owner)
        if leg is None or not sandbox.owner.startswith("netns:"):
            return
        if not self._dataplane.pair_exists(naming.attach_end(leg.owner)):
            self._state.drop(leg, *self._state.claims_of(leg.owner))

    def _refuse_twice(self, sandbox: Sandbox, wants: Sequence[Want]) -> None:
        """Two interfaces in one subnet would make the sandbox's routes ambiguous."""
        for network_id in sandbox.networks:
            network = self._state.networks.get(network_id)
            if network is None:
                continue
            for want in wants:
                if any(overlap(s.cidr, self._choosing.subnet(want)) for s in network.subnets):
                    raise Conflict(
                        f"{sandbox.label} is on network {network.label} already, which is the "
                        f"same segment; it needs no leg there, or give an address of another "
                        f"subnet"
                    )

    def detach(self, ref: str, texts: Sequence[str]) -> list[str]:
        """Take addresses away, and the interface with the last one; returns what was removed."""
        wants = self._choosing.parse(texts)
        sandbox = self._sandboxes.resolve(ref, running=False)
        with self._locks.hold(sandbox.owner):
            gone: list[Claim] = []
            for want in wants:
                gone += [c for c in self._choosing.held(sandbox.owner, want) if c not in gone]
            if gone:
                self._unplug(sandbox, gone)
        return [str(c.ip) for c in gone]

    def _unplug(self, sandbox: Sandbox, gone: list[Claim]) -> None:
        leg = self._state.legs.get(sandbox.owner)
        removed = tuple(c.iface for c in gone)
        left = tuple(a for a in (leg.addresses if leg else ()) if a not in removed)
        host_end = naming.attach_end(sandbox.owner)
        if sandbox.netns and self._dataplane.pair_exists(host_end):
            self._dataplane.detach(sandbox.netns, naming.ATTACH_IFNAME, removed)
        if leg is None:
            self._state.drop(*gone)
        elif left:
            self._state.change(put=(replace(leg, addresses=left),), drop=tuple(gone))
        else:
            self._dataplane.doom(host_end)
            self._state.drop(leg, *gone)

    def forget(self, leg: Leg) -> None:
        """Release a leg whose sandbox is gone."""
        with self._locks.hold(leg.owner):
            alive = self._dataplane.pair_exists(naming.attach_end(leg.owner))
            if alive or self._state.legs.get(leg.owner) is not leg:
                return  # it came back just now
            self._dataplane.doom(naming.attach_end(leg.owner))
            self._state.drop(leg, *self._state.claims_of(leg.owner))
            log.info("%s is gone; released %s", leg.label, ", ".join(map(str, leg.addresses)))
