"""Bridges: create, mend, delete, and what is on them."""

from __future__ import annotations

import errno
import ipaddress

from weavecli.dataplane import sysctl, wire
from weavecli.dataplane.base import Bridge
from weavecli.dataplane.netlink import Session
from weavecli.errors import Conflict, Exhausted, NotFound, Unavailable
from weavecli.model.address import IPIface

PORTS = 1023
"""Ports of one Linux bridge: the kernel's BR_MAX_PORTS - 1."""
NO_GROUP = 0
ROUTER = ipaddress.IPv6Interface("fe80::1/64")
"""On every bridge that has an IPv6 address. The kernel asks for a container's MAC on behalf of a
forwarded packet with a link-local source only; without one it does not ask, and what comes from
outside is lost. The same on every host, as the gateway's address and MAC are."""


def find(nl: Session, name: str) -> wire.RawLink | None:
    """The link of that name in the session's namespace."""
    try:
        answers = nl.ask(wire.get_link(name))
    except OSError as error:
        if error.errno == errno.ENODEV:
            return None
        raise
    return next((wire.read_link(payload) for _, payload in answers), None)


def ensure(nl: Session, bridge: Bridge) -> None:
    """Create the bridge or mend what differs. Raises Conflict when the name is another kind's."""
    link = find(nl, bridge.name)
    if link is None:
        _create(nl, bridge)
        link = find(nl, bridge.name)
    if link is None:
        raise NotFound(f"bridge {bridge.name} vanished while it was made; try again")
    _refuse_other(link)
    _settings(bridge)
    changed: wire.Attributes = []
    if link.mac != bridge.mac:
        changed.append(("IFLA_ADDRESS", bridge.mac))
    if link.mtu != bridge.mtu:
        changed.append(("IFLA_MTU", bridge.mtu))
    if changed or not link.up:
        nl.ask(wire.link(wire.RTM_SETLINK, wire.ACK, changed, link.index, up=True))
    _addresses(nl, link.index, bridge.addresses)
    for version in {4, *(a.version for a in bridge.addresses)}:
        sysctl.forward(version)


def _create(nl: Session, bridge: Bridge) -> None:
    """Down at first: the IPv6 settings must stand before it comes up.

    A bridge takes the smallest MTU of its ports until somebody sets one, and an MTU equal to the
    present one does not count as set: so it is born with another. A MAC given at birth counts,
    else it would be that of the lowest port.
    """
    data = [("IFLA_BR_STP_STATE", 0), ("IFLA_BR_FORWARD_DELAY", 0), ("IFLA_BR_MCAST_SNOOPING", 0)]
    info = [("IFLA_INFO_KIND", "bridge"), ("IFLA_INFO_DATA", {"attrs": data})]
    attrs: wire.Attributes = [
        ("IFLA_IFNAME", bridge.name),
        ("IFLA_ADDRESS", bridge.mac),
        ("IFLA_MTU", bridge.mtu - 1),
        ("IFLA_LINKINFO", {"attrs": info}),
    ]
    try:
        nl.ask(wire.link(wire.RTM_NEWLINK, wire.NEW, attrs))
    except OSError as error:
        if error.errno != errno.EEXIST:
            raise


def _refuse_other(link: wire.RawLink) -> None:
    if link.kind != "bridge":
        kind = link.kind or "physical"
        raise Conflict(f"{link.name} exists and is of type {kind}, no bridge; rename or remove it")


def _settings(bridge: Bridge) -> None:
    """No address but ours: none made up from a router's word, none from the MAC."""
    sysctl.keep_secondaries(bridge.name)
    wants_v6 = any(a.version == 6 for a in bridge.addresses)
    if not sysctl.has_ipv6():
        if wants_v6:
            raise Unavailable(
                f"bridge {bridge.name} wants IPv6, which this kernel has not; "
                "boot without ipv6.disable=1"
            )
        return
    conf = f"ipv6/conf/{bridge.name}"
    sysctl.write(f"{conf}/addr_gen_mode", 1)
    sysctl.write(f"{conf}/accept_ra", 0)
    sysctl.write(f"{conf}/autoconf", 0)
    if wants_v6:
        sysctl.write(f"{conf}/disable_ipv6", 0)


def addresses(nl: Session, index: int) -> list[IPIface]:
    """What a link has, in the kernel's order (primary addresses first)."""
    found = dict.fromkeys(wire.read_address(p) for _, p in nl.dump(wire.dump_addresses()))
    return [iface for owner, iface in found if owner == index]


def _addresses(nl: Session, index: int, wanted: tuple[IPIface, ...]) -> None:
    if any(iface.version == 6 for iface in wanted):
        wanted = (*wanted, ROUTER)
    present = addresses(nl, index)
    for iface in present:
        if iface not in wanted:
            remove_address(nl, index, iface)
    for iface in wanted:
        if iface not in present:
            add_address(nl, index, iface)


def add_address(nl: Session, index: int, iface: IPIface) -> bool:
    """False when it was there."""
    try:
        nl.ask(wire.address(wire.RTM_NEWADDR, index, iface))
    except OSError as error:
        if error.errno != errno.EEXIST:
            raise
        return False
    return True


def remove_address(nl: Session, index: int, iface: IPIface) -> bool:
    """False when it was not there."""
    try:
        nl.ask(wire.address(wire.RTM_DELADDR, index, iface))
    except OSError as error:
        if error.errno not in (errno.EADDRNOTAVAIL, errno.ENODEV):
            raise
        return False
    return True


def delete(nl: Session, name: str) -> None:
    """Remove it; ports stay, as loose links. Raises Conflict when it is no bridge."""
    link = find(nl, name)
    if link is None:
        return
    _refuse_other(link)
    remove_link(nl, link.index)


def remove_link(nl: Session, index: int) -> None:
    """RTM_DELLINK: 15-18 ms, in which the kernel waits for readers. Missing is success."""
    try:
        nl.ask(wire.link(wire.RTM_DELLINK, wire.ACK, [], index))
    except OSError as error:
        if error.errno != errno.ENODEV:
            raise


def ensure_port(nl: Session, host_end: str, bridge: str) -> None:
    """Put an existing link on the bridge, up, and out of any group that waits for deletion."""
    link, master = find(nl, host_end), find(nl, bridge)
    if link is None:
        raise NotFound(f"link {host_end} does not exist; restart its container")
    if master is None:
        raise NotFound(f"bridge {bridge} does not exist")
    _refuse_other(master)
    attrs: wire.Attributes = [("IFLA_GROUP", NO_GROUP)]
    if link.master != master.index:
        attrs.append(("IFLA_MASTER", master.index))
    try:
        nl.ask(wire.link(wire.RTM_SETLINK, wire.ACK, attrs, link.index, up=True))
    except OSError as error:
        raise full(bridge) if error.errno == errno.EXFULL else error from None


def full(name: str) -> Exhausted:
    """What a bridge answers to its 1024th port (EXFULL)."""
    return Exhausted(
        f"bridge {name} is full: a Linux bridge takes {PORTS} ports; remove containers from this "
        "network, or start further ones on another network or host"
    )
