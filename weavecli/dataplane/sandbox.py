"""An interface inside a sandbox, for attach and detach: made, addressed, announced, removed."""

from __future__ import annotations

import errno
import ipaddress
import logging
from collections.abc import Callable
from contextlib import ExitStack

from weavecli.dataplane import announce, bridge, netns, observe, sysctl, veth, wire
from weavecli.dataplane.base import SandboxLink
from weavecli.dataplane.netlink import Session
from weavecli.errors import Conflict, NotFound, Unavailable, WeaveError
from weavecli.model.address import IPIface
from weavecli.model.naming import ATTACH_END

MULTICAST = ipaddress.ip_network("224.0.0.0/4")
MULTICAST_METRIC = 64
"""Behind the routes that Docker may want to add later for the same prefix (metric 0)."""
CARRIER_SECONDS = 0.2

log = logging.getLogger(__name__)


def attach(nl: Session, link: SandboxLink, host: int) -> None:
    """See the contract. `host` is a descriptor of the host's namespace."""
    with netns.opened(link.netns) as fd, netns.open_inside(fd) as inside, ExitStack() as undo:
        found = bridge.find(inside, link.ifname)
        if found is None:
            _create(nl, link, fd)
            undo.callback(_undo, veth.delete, nl, link.host_end)
        else:
            _refuse_foreign(nl, inside, found, link, host)
            bridge.ensure_port(nl, link.host_end, link.bridge)
        fresh = _configure(inside, link, fd, undo)
        _announce(nl, link, fd, fresh)
        undo.pop_all()


def _undo(step: Callable[..., object], *args: object) -> None:
    """The failure that is being undone is the one to report."""
    try:
        step(*args)
    except (OSError, WeaveError) as error:
        log.warning("undoing an attach: %s", error)


def _create(nl: Session, link: SandboxLink, fd: int) -> None:
    message = veth.sandbox_message(link, veth.bridge_index(link.bridge), fd)
    veth.create(nl, message, [link.host_end], link.bridge)


def _refuse_foreign(
    nl: Session, inside: Session, found: wire.RawLink, link: SandboxLink, host: int
) -> None:
    host_end = bridge.find(nl, link.host_end)
    if host_end is None or not _are_pair(inside, found, host_end, host):
        raise Conflict(
            f"{link.netns} has an interface {link.ifname} already, which weave did not make; "
            "rename or remove it"
        )


def _are_pair(inside: Session, found: wire.RawLink, host_end: wire.RawLink, host: int) -> bool:
    """The two ends name each other, and the far one lives in the host's namespace."""
    crossed = found.peer == host_end.index and host_end.peer == found.index
    return crossed and found.nsid is not None and found.nsid == observe.nsid(inside, host)


def _configure(inside: Session, link: SandboxLink, fd: int, undo: ExitStack) -> list[IPIface]:
    """Bring it up with its addresses; returns those it did not have."""
    found = bridge.find(inside, link.ifname)
    if found is None:
        raise NotFound(f"{link.ifname} vanished from {link.netns} while it was made; try again")
    netns.inside(fd, lambda: _settings(link))
    fresh = []
    for iface in link.addresses:
        if bridge.add_address(inside, found.index, iface):
            undo.callback(_undo, bridge.remove_address, inside, found.index, iface)
            fresh.append(iface)
    if not found.up:
        inside.ask(wire.link(wire.RTM_SETLINK, wire.ACK, [], found.index, up=True))
    if link.multicast_route:
        _multicast_route(inside, found.index)
    return fresh


def _settings(link: SandboxLink) -> None:
    """Docker switches IPv6 off in containers whose networks have none."""
    sysctl.keep_secondaries(link.ifname)
    if not any(a.version == 6 for a in link.addresses):
        return
    conf = f"ipv6/conf/{link.ifname}"
    sysctl.write(f"{conf}/accept_ra", 0)
    if not sysctl.write(f"{conf}/disable_ipv6", 0):
        raise Unavailable(
            f"{link.ifname} wants an IPv6 address, but this kernel has no IPv6; "
            "boot without ipv6.disable=1"
        )


def _multicast_route(inside: Session, index: int) -> None:
    try:
        inside.ask(wire.device_route(MULTICAST, index, MULTICAST_METRIC))
    except OSError as error:
        if error.errno != errno.EEXIST:
            raise


def _announce(nl: Session, link: SandboxLink, fd: int, fresh: list[IPIface]) -> None:
    """Best effort: without it the neighbours find out by themselves, later."""
    if not fresh:
        return

    def forwarding() -> bool:
        port = bridge.find(nl, link.host_end)
        return port is not None and port.port_state == wire.FORWARDING

    try:
        announce.wait(forwarding, CARRIER_SECONDS)
        with netns.inside(fd, announce.packet_socket) as sender:
            announce.send(sender, link.ifname, link.mac, fresh)
    except OSError as error:
        log.warning("announcing %s of %s: %s", link.ifname, link.netns, error)


def detach(nl: Session, path: str, ifname: str, addresses: tuple[IPIface, ...], host: int) -> bool:
    """See the contract. A namespace that is gone took the interface with it."""
    try:
        with netns.opened(path) as fd, netns.open_inside(fd) as inside:
            return _detach(nl, inside, path, ifname, addresses, host)
    except NotFound:
        return True


def _detach(
    nl: Session,
    inside: Session,
    path: str,
    ifname: str,
    addresses: tuple[IPIface, ...],
    host: int,
) -> bool:
    found = bridge.find(inside, ifname)
    if found is None:
        return True
    host_end = _host_end(nl, found.peer) if found.kind == "veth" else None
    if host_end is None or not _are_pair(inside, found, host_end, host):
        raise Conflict(f"interface {ifname} of {path} was not made by weave; it is left alone")
    for iface in addresses:
        bridge.remove_address(inside, found.index, iface)
    left = [a for a in bridge.addresses(inside, found.index) if not a.ip.is_link_local]
    if left:
        return False
    bridge.remove_link(nl, host_end.index)
    return True


def _host_end(nl: Session, index: int) -> wire.RawLink | None:
    try:
        answers = nl.ask(wire.get_link(index=index))
    except OSError as error:
        if error.errno == errno.ENODEV:
            return None
        raise
    link = wire.read_link(answers[0][1])
    return link if link.name.startswith(ATTACH_END) else None
