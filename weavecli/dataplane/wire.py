"""rtnetlink messages as bytes: built by pyroute2, and the little we read decoded here. Pure."""

from __future__ import annotations

import ipaddress
import socket
import struct
from dataclasses import dataclass
from typing import Any

from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from weavecli.dataplane.netlink import (
    NLM_F_ACK,
    NLM_F_CREATE,
    NLM_F_DUMP,
    NLM_F_EXCL,
    NLM_F_REQUEST,
    attributes,
)
from weavecli.model.address import IPIface, IPNet

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_SETLINK = 16, 17, 18, 19
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
RTM_NEWROUTE, RTM_GETROUTE = 24, 26
RTM_GETNSID = 90

NEW = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL
ACK = NLM_F_REQUEST | NLM_F_ACK
DUMP = NLM_F_REQUEST | NLM_F_DUMP

IFF_UP = 1
ARPHRD_ETHER = 1
MAIN_TABLE = 254
SCOPE_UNIVERSE, SCOPE_LINK = 0, 253
PROTO_BOOT, PROTO_STATIC = 3, 4
FORWARDING = 3
"""Bridge port state in which frames pass."""

_IFA_F_NODAD = 0x02
_SKIP_STATISTICS = 8
# ifinfomsg: family, pad, ARP type, index, flags, change; ifaddrmsg and rtmsg likewise.
_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBi")
_ROUTE = struct.Struct("=BBBBBBBBI")
_INDEX = struct.Struct("=i")
_INDEX_AT = 16 + 4
"""Where ifinfomsg, behind the netlink header, has the ifindex."""
_NEXTHOP = struct.Struct("=HBBi")

Attributes = list[tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class RawLink:
    """A link as the kernel tells it. `peer` is the ifindex of a veth's other end, which lives in
    the namespace `nsid` as this namespace numbers it; None: in this one. `port_state` is the
    bridge port's, or -1."""

    index: int
    name: str
    kind: str
    arp_type: int
    mac: str
    mtu: int
    up: bool
    master: int
    peer: int
    nsid: int | None
    port_state: int


@dataclass(frozen=True, slots=True)
class RawRoute:
    """A unicast route; `device` is an ifindex, `metric` counts for default routes."""

    network: IPNet
    device: int
    scope: int
    gateway: bool
    metric: int


def _encode(message: Any, kind: int, flags: int, attrs: Attributes) -> bytes:
    message["header"]["type"] = kind
    message["header"]["flags"] = flags
    message["attrs"] = attrs
    message.encode()
    return bytes(message.data)


def link(kind: int, flags: int, attrs: Attributes, index: int = 0, up: bool | None = None) -> bytes:
    """An RTM_*LINK message; `up` None leaves the state of the link alone."""
    message = ifinfmsg()
    message["index"] = index
    if up is not None:
        message["flags"] = IFF_UP if up else 0
        message["change"] = IFF_UP
    return _encode(message, kind, flags, attrs)


def addressed(message: bytes, index: int) -> bytearray:
    """A copy of an RTM_*LINK message, for the link of that ifindex."""
    copy = bytearray(message)
    _INDEX.pack_into(copy, _INDEX_AT, index)
    return copy


def address(kind: int, index: int, iface: IPIface) -> bytes:
    """RTM_NEWADDR or RTM_DELADDR. IPv6 without duplicate detection: the addresses are claimed,
    and a tentative one cannot be bound for a second or two."""
    message = ifaddrmsg()
    message["family"] = socket.AF_INET if iface.version == 4 else socket.AF_INET6
    message["prefixlen"] = iface.network.prefixlen
    message["index"] = index
    attrs: Attributes = [("IFA_LOCAL", str(iface.ip)), ("IFA_ADDRESS", str(iface.ip))]
    if iface.version == 6 and kind == RTM_NEWADDR:
        attrs.append(("IFA_FLAGS", _IFA_F_NODAD))
    return _encode(message, kind, NEW if kind == RTM_NEWADDR else ACK, attrs)


def device_route(network: IPNet, index: int, metric: int) -> bytes:
    """RTM_NEWROUTE: `network` is on the link itself."""
    message = rtmsg()
    message["family"] = socket.AF_INET if network.version == 4 else socket.AF_INET6
    message["dst_len"] = network.prefixlen
    message["table"] = MAIN_TABLE
    message["proto"] = PROTO_BOOT
    message["scope"] = SCOPE_LINK
    message["type"] = 1
    attrs: Attributes = [
        ("RTA_DST", str(network.network_address)),
        ("RTA_OIF", index),
        ("RTA_PRIORITY", metric),
    ]
    return _encode(message, RTM_NEWROUTE, NEW, attrs)


def dump_links() -> bytes:
    """Every link, without counters: they are two thirds of each message."""
    return link(RTM_GETLINK, DUMP, [("IFLA_EXT_MASK", _SKIP_STATISTICS)])


def get_link(name: str = "", index: int = 0) -> bytes:
    """One link by name or by ifindex."""
    attrs: Attributes = [("IFLA_EXT_MASK", _SKIP_STATISTICS)]
    if name:
        attrs.append(("IFLA_IFNAME", name))
    return link(RTM_GETLINK, ACK, attrs, index)


def dump_addresses() -> bytes:
    """Every address of every link, both families."""
    return _encode(ifaddrmsg(), RTM_GETADDR, DUMP, [])


def dump_routes(version: int) -> bytes:
    """The routes of one family; older kernels ignore the table and send all tables."""
    message = rtmsg()
    message["family"] = socket.AF_INET if version == 4 else socket.AF_INET6
    message["table"] = MAIN_TABLE
    return _encode(message, RTM_GETROUTE, DUMP, [])


def get_nsid(fd: int) -> bytes:
    """RTM_GETNSID: how the socket's namespace numbers the one behind `fd`."""
    body = struct.pack("=B3xHHi", socket.AF_UNSPEC, 8, 3, fd)
    return struct.pack("=IHHII", 16 + len(body), RTM_GETNSID, ACK, 0, 0) + body


def read_link(payload: bytes) -> RawLink:
    """Decode RTM_NEWLINK."""
    _, arp_type, index, flags, _ = _LINK.unpack_from(payload)
    found = attributes(payload, _LINK.size)
    info = attributes(found.get(18, b""))
    port = attributes(info.get(5, b"")) if _text(info.get(4, b"")) == "bridge" else {}
    return RawLink(
        index,
        _text(found.get(3, b"")),
        _text(info.get(1, b"")),
        arp_type,
        found.get(1, b"").hex(":"),
        _int(found.get(4)),
        bool(flags & IFF_UP),
        _int(found.get(10)),
        _int(found.get(5)),
        _int(found[37]) if 37 in found else None,
        port[1][0] if 1 in port else -1,
    )


def read_nsid(payload: bytes) -> int:
    """Decode the answer to RTM_GETNSID; -1: this namespace has no number for it yet."""
    found = attributes(payload, 4)
    return _int(found.get(1, b"\xff\xff\xff\xff"))


def read_address(payload: bytes) -> tuple[int, IPIface]:
    """Decode RTM_NEWADDR: ifindex and address."""
    _, prefix, _, _, index = _ADDRESS.unpack_from(payload)
    found = attributes(payload, _ADDRESS.size)
    # IFA_LOCAL is this side's address on point-to-point links; IPv6 mostly lacks it.
    ip = ipaddress.ip_address(found.get(2) or found[1])
    return index, ipaddress.ip_interface(f"{ip}/{prefix}")


def read_route(payload: bytes) -> RawRoute | None:
    """Decode RTM_NEWROUTE; None for what is no unicast route of the main table."""
    family, length, _, _, table, _, scope, kind, _ = _ROUTE.unpack_from(payload)
    found = attributes(payload, _ROUTE.size)
    table = _int(found.get(15)) or table
    if table != MAIN_TABLE or kind != 1 or family not in (socket.AF_INET, socket.AF_INET6):
        return None
    zero = bytes(4 if family == socket.AF_INET else 16)
    network = ipaddress.ip_network((found.get(1, zero), length))
    device, gateway = _int(found.get(4)), 5 in found or 18 in found
    if 9 in found and len(found[9]) >= _NEXTHOP.size:
        size, _, _, device = _NEXTHOP.unpack_from(found[9])
        gateway = gateway or 5 in attributes(found[9][:size], _NEXTHOP.size)
    return RawRoute(network, device, scope, gateway, _int(found.get(6)))


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode(errors="replace")


def _int(value: bytes | None) -> int:
    return int(_INDEX.unpack_from(value)[0]) if value else 0
