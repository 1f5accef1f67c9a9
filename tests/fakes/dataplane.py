"""FakeDataplane: the data plane in memory. It passes the same contract suite as the kernel.

What Docker and others do to the kernel, a test does with the methods of `World`: `add_netns`,
`move_into`, `move_back`, `kill_netns`, `flush_firewall`, `add_route`, `add_link`.
`fail_next["create_pair"] = Exhausted("…")` makes the next call of that method fail, once, before
it changes anything. `calls` lists every call as (method, arguments).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from tests.fakes.world import HOST_INODE, FakeLink, World
from weavecli.dataplane.base import (
    Bridge,
    Firewall,
    HostRoute,
    Link,
    Observed,
    SandboxAddresses,
    SandboxLink,
    VethPair,
)
from weavecli.errors import Conflict, Exhausted, NotFound
from weavecli.model.address import IPIface
from weavecli.model.naming import (
    ATTACH_END,
    BRIDGE_PREFIX,
    DEFAULT_BRIDGE,
    HOST_END,
    SANDBOX_END,
)

F = TypeVar("F", bound=Callable[..., Any])

PORTS = 1023


def _call(method: F) -> F:
    """Record the call, fail if a fault waits, hold the lock."""

    @wraps(method)
    def wrapper(self: FakeDataplane, *args: Any) -> Any:
        with self.lock:
            self.calls.append((method.__name__, args))
            fault = self.fail_next.pop(method.__name__, None)
            if fault is not None:
                raise fault
            return method(self, *args)

    return cast(F, wrapper)


class FakeDataplane(World):
    """The contract over a `World`."""

    # -- the contract

    @_call
    def preflight(self) -> list[str]:
        return list(self.missing)

    def boot_id(self) -> str:
        return self.boot

    @_call
    def observe(self) -> Observed:
        links = {
            link.name: Link(
                link.name,
                link.kind,
                link.mac,
                link.mtu,
                link.up,
                link.master,
                link.peer is not None and not link.peer.netns,
                link.addresses,
            )
            for link in self.links.values()
            if link.name not in self.doomed_names
        }
        connected = [
            HostRoute(iface.network, link.name, True)
            for link in self.links.values()
            for iface in link.addresses
            if link.up
        ]
        return Observed(links, tuple(dict.fromkeys([*self.routes, *connected])))

    @_call
    def underlay_mtu(self) -> int:
        return self.mtu

    @_call
    def ensure_bridge(self, bridge: Bridge) -> None:
        link = self.links.get(bridge.name)
        if link is None:
            link = self.links[bridge.name] = FakeLink(bridge.name, "bridge")
        self._refuse_other(link)
        link.mac, link.mtu, link.up = bridge.mac, bridge.mtu, True
        link.addresses = tuple(bridge.addresses)

    def _refuse_other(self, link: FakeLink) -> None:
        if link.kind != "bridge":
            raise Conflict(f"{link.name} exists and is of type {link.kind}, no bridge")

    @_call
    def delete_bridge(self, name: str) -> None:
        link = self.links.get(name)
        if link is None:
            return
        self._refuse_other(link)
        del self.links[name]
        for port in self.links.values():
            if port.master == name:
                port.master = ""

    @_call
    def ensure_port(self, host_end: str, bridge: str) -> None:
        self.doomed_names.discard(host_end)
        link = self.links.get(host_end)
        if link is None:
            raise NotFound(f"link {host_end} does not exist; restart its container")
        self._bridge(bridge, link)
        link.master, link.up = bridge, True

    def _bridge(self, name: str, port: FakeLink | None = None) -> None:
        """Raise unless the bridge exists and takes one more port."""
        if name not in self.links:
            raise NotFound(f"bridge {name} does not exist")
        self._refuse_other(self.links[name])
        if self._ports(name, port) >= PORTS:
            for doomed in list(self.doomed_names):
                self._remove(doomed)
        if self._ports(name, port) >= PORTS:
            raise Exhausted(f"bridge {name} is full: a Linux bridge takes {PORTS} ports")

    def _ports(self, name: str, but: FakeLink | None) -> int:
        return sum(link.master == name for link in self.links.values() if link is not but)

    @_call
    def create_pair(self, pair: VethPair) -> None:
        self._make_room(pair.host_end, pair.sandbox_end)
        self._bridge(pair.bridge)
        host_end = FakeLink(pair.host_end, "veth", "", pair.mtu, True, pair.bridge)
        sandbox_end = FakeLink(pair.sandbox_end, "veth", pair.mac, pair.mtu, peer=host_end)
        host_end.peer = sandbox_end
        self.links[pair.host_end] = host_end
        self.links[pair.sandbox_end] = sandbox_end

    def _make_room(self, *names: str) -> None:
        for name in names:
            link = self.links.get(name)
            if link is not None and link.kind != "veth":
                raise Conflict(f"{name} exists and is of type {link.kind}, no veth")
            self._remove(name)

    @_call
    def is_plugged(self, host_end: str, sandbox_end: str) -> bool:
        return self._exists(host_end) and sandbox_end not in self.links

    @_call
    def pair_exists(self, host_end: str) -> bool:
        return self._exists(host_end)

    def _exists(self, name: str) -> bool:
        return name in self.links and name not in self.doomed_names

    @_call
    def doom(self, host_end: str) -> None:
        if host_end in self.links:
            self.doomed_names.add(host_end)
            if not self.lazy:
                self._remove(host_end)

    @_call
    def doomed(self) -> int:
        return len(self.doomed_names)

    @_call
    def flush_doomed(self, seconds: float) -> bool:
        for name in list(self.doomed_names):
            self._remove(name)
        return True

    @_call
    def netns_inode(self, path: str) -> int:
        if path not in self.netns:
            raise NotFound(f"no network namespace at {path}; is the container running?")
        return self.netns[path]

    @_call
    def host_inode(self) -> int:
        return HOST_INODE

    @_call
    def attach(self, link: SandboxLink) -> None:
        inside = self._inside(link.netns)
        found = inside.get(link.ifname)
        if found is None:
            self._make_room(link.host_end)
            self._bridge(link.bridge)
            host_end = FakeLink(link.host_end, "veth", "", link.mtu, True, link.bridge)
            found = FakeLink(link.ifname, "veth", link.mac, link.mtu, netns=link.netns)
            found.peer, host_end.peer = host_end, found
            inside[link.ifname] = found
            self.links[link.host_end] = host_end
        elif found.peer is None or found.peer.name != link.host_end:
            raise Conflict(f"{link.netns} has an interface {link.ifname} already")
        else:
            self.doomed_names.discard(link.host_end)
            self._bridge(link.bridge, found.peer)
            found.peer.master, found.peer.up = link.bridge, True
        fresh = [a for a in link.addresses if a not in found.addresses]
        found.addresses += tuple(fresh)
        found.up = True
        found.multicast_route = found.multicast_route or link.multicast_route
        self.announced += [(link.ifname, iface) for iface in fresh]

    @_call
    def detach(self, netns: str, ifname: str, addresses: tuple[IPIface, ...]) -> bool:
        link = self.sandboxes.get(self.netns.get(netns, 0), {}).get(ifname)
        if link is None:
            return True
        if link.peer is None or not link.peer.name.startswith(ATTACH_END):
            raise Conflict(f"interface {ifname} of {netns} was not made by weave")
        link.addresses = tuple(a for a in link.addresses if a not in addresses)
        if link.addresses:
            return False
        self._remove(link.peer.name)
        return True

    @_call
    def sandbox_addresses(self) -> list[SandboxAddresses]:
        paths = {inode: path for path, inode in self.netns.items()}
        return [
            SandboxAddresses(link.peer.name, paths[inode], link.name, link.mac, link.addresses)
            for inode, inside in self.sandboxes.items()
            for link in inside.values()
            if link.peer is not None
            and link.peer.name.startswith((HOST_END, ATTACH_END))
            and link.addresses
        ]

    @_call
    def apply_firewall(self, firewall: Firewall) -> None:
        self.firewall = firewall

    @_call
    def firewall_problems(self, firewall: Firewall) -> list[str]:
        if self.firewall is None:
            return ["nftables table inet weave is missing"]
        if self.firewall != firewall:
            return ["nftables set ours differs from what it should hold"]
        return []

    @_call
    def delete_everything(self) -> list[str]:
        removed = []
        for link in list(self.links.values()):
            veth = link.kind == "veth" and link.name.startswith((HOST_END, SANDBOX_END, ATTACH_END))
            ours = link.name == DEFAULT_BRIDGE or link.name.startswith(BRIDGE_PREFIX)
            if veth or (link.kind == "bridge" and ours):
                removed.append(link.name)
        for name in removed:
            self._remove(name)
        if self.firewall is not None:
            removed.append("nftables table inet weave")
        self.firewall = None
        return sorted(removed)

    @_call
    def close(self) -> None:
        self.doomed_names.clear()
        self.closed = True
