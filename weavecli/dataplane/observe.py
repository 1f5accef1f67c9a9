"""Reading the host: links, addresses, routes, MTU of the underlay, addresses in sandboxes."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

from weavecli.dataplane import netns, wire
from weavecli.dataplane.base import HostRoute, Link, Observed, SandboxAddresses
from weavecli.dataplane.bridge import ROUTER
from weavecli.dataplane.netlink import Session
from weavecli.errors import NotFound
from weavecli.model.address import IPIface
from weavecli.model.naming import ATTACH_END, HOST_END

DEFAULT_MTU = 1500


def links(nl: Session) -> dict[int, wire.RawLink]:
    """Every link of the session's namespace by ifindex."""
    found = (wire.read_link(payload) for _, payload in nl.dump(wire.dump_links()))
    return {link.index: link for link in found}


def _addresses(nl: Session) -> dict[int, list[IPIface]]:
    found: dict[int, list[IPIface]] = {}
    for _, payload in nl.dump(wire.dump_addresses()):
        index, iface = wire.read_address(payload)
        ifaces = found.setdefault(index, [])
        if iface not in ifaces:
            ifaces.append(iface)
    return found


def _routes(nl: Session) -> list[wire.RawRoute]:
    found: dict[wire.RawRoute, None] = {}
    for version in (4, 6):
        try:
            answers = nl.dump(wire.dump_routes(version))
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.EOPNOTSUPP):
                raise
            continue  # the main table is made with its first route; or there is no IPv6
        for _, payload in answers:
            route = wire.read_route(payload)
            if route is not None:
                found[route] = None
    return list(found)


def snapshot(nl: Session, doomed: set[str]) -> Observed:
    """Links and routes; links that wait for their deletion are left out."""
    raw = links(nl)
    addresses = _addresses(nl)
    observed = {}
    for link in raw.values():
        if link.name not in doomed:
            master = raw.get(link.master)
            observed[link.name] = Link(
                link.name,
                link.kind,
                link.mac,
                link.mtu,
                link.up,
                master.name if master else "",
                link.kind == "veth" and link.nsid is None and link.peer != 0,
                tuple(a for a in addresses.get(link.index, ()) if a != ROUTER),
            )
    routes = tuple(
        HostRoute(r.network, raw[r.device].name, _direct(r))
        for r in _routes(nl)
        if r.network.prefixlen and r.device in raw
    )
    return Observed(observed, routes)


def _direct(route: wire.RawRoute) -> bool:
    """IPv6 knows no scope of routes: there, what has no gateway is on the link."""
    if route.network.version == 4:
        return route.scope == wire.SCOPE_LINK
    return not route.gateway


def underlay_mtu(nl: Session) -> int:
    """See the contract. The default route with the smallest metric, IPv4 before IPv6."""
    raw = links(nl)
    defaults = [r for r in _routes(nl) if r.network.prefixlen == 0 and r.device in raw]
    defaults.sort(key=lambda r: (r.network.version, r.metric))
    if defaults:
        return raw[defaults[0].device].mtu
    physical = [k.mtu for k in raw.values() if not k.kind and k.arp_type == wire.ARPHRD_ETHER]
    return max(physical, default=DEFAULT_MTU)


def sandbox_addresses(nl: Session, host: int) -> list[SandboxAddresses]:
    """Look into every namespace a process lives in; `host` is a descriptor of the host's own."""
    raw = links(nl)
    ours = {
        link.index: link
        for link in raw.values()
        if link.kind == "veth" and link.name.startswith((HOST_END, ATTACH_END))
    }
    found: list[SandboxAddresses] = []
    for path in _sandboxes(os.fstat(host).st_ino):
        try:
            with netns.opened(path) as fd, netns.open_inside(fd) as inside:
                found += _behind(inside, host, ours, path)
        except (NotFound, OSError):
            continue  # the process ended meanwhile, and its namespace with it
    return found


def _sandboxes(host: int) -> Iterator[str]:
    """One path for each namespace of a process; thousands of processes share a few."""
    seen = {host}
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            path = process / "ns/net"
            try:
                inode = path.stat().st_ino
            except OSError:
                continue
            if inode not in seen:
                seen.add(inode)
                yield str(path)


def _behind(
    inside: Session, host: int, ours: dict[int, wire.RawLink], path: str
) -> Iterator[SandboxAddresses]:
    """An ifindex says nothing without its namespace: the peer must live in the host's."""
    number = nsid(inside, host)
    if number < 0:
        return
    addresses = _addresses(inside)
    for link in links(inside).values():
        if link.kind == "veth" and link.nsid == number and link.peer in ours:
            ifaces = tuple(a for a in addresses.get(link.index, ()) if not a.ip.is_link_local)
            if ifaces:
                yield SandboxAddresses(ours[link.peer].name, path, link.name, link.mac, ifaces)


def nsid(nl: Session, fd: int) -> int:
    """How the session's namespace numbers the one behind `fd`; -1 when it does not know it."""
    return next((wire.read_nsid(payload) for _, payload in nl.ask(wire.get_nsid(fd))), -1)
