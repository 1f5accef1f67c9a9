"""Veth pairs: made in one message, on the hot path of every container's start."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from weavecli.dataplane import bridge as bridges
from weavecli.dataplane import wire
from weavecli.dataplane.base import SandboxLink, VethPair
from weavecli.dataplane.netlink import Session
from weavecli.errors import Conflict, Invalid, NotFound

NAME = struct.Struct("15s")
_HOST, _SANDBOX, _MAC = "vethwlXXXXXXXXX", "vethwgXXXXXXXXX", "02:77:58:58:58:58"


@dataclass(frozen=True, slots=True)
class Template:
    """An RTM_NEWLINK for one bridge and MTU, and where in it the names and the MAC stand."""

    message: bytes
    host_at: int
    sandbox_at: int
    mac_at: int


@lru_cache(maxsize=1024)
def template(bridge: int, mtu: int) -> Template:
    """Encoded once by pyroute2 (0.6 ms), then only patched.

    Keyed by the bridge's ifindex, which the kernel never uses twice: a bridge that was made anew
    gets another template. `host_end` comes up in the same message; a peer cannot (ENOTCONN).
    """
    peer = [("IFLA_IFNAME", _SANDBOX), ("IFLA_MTU", mtu), ("IFLA_ADDRESS", _MAC)]
    message = _pair(_HOST, bridge, mtu, peer)
    sandbox_at = message.index(_SANDBOX.encode())
    mac_at = message.index(_mac(_MAC), sandbox_at)
    return Template(message, message.index(_HOST.encode()), sandbox_at, mac_at)


def _pair(host_end: str, bridge: int, mtu: int, peer: wire.Attributes) -> bytes:
    info = [
        ("IFLA_INFO_KIND", "veth"),
        ("IFLA_INFO_DATA", {"attrs": [("VETH_INFO_PEER", {"attrs": peer})]}),
    ]
    attrs: wire.Attributes = [
        ("IFLA_IFNAME", host_end),
        ("IFLA_MTU", mtu),
        ("IFLA_MASTER", bridge),
        ("IFLA_LINKINFO", {"attrs": info}),
    ]
    return wire.link(wire.RTM_NEWLINK, wire.NEW, attrs, up=True)


def message(pair: VethPair, bridge: int) -> bytearray:
    """The RTM_NEWLINK for `pair`, for the bridge of that ifindex."""
    made = template(bridge, pair.mtu)
    patched = bytearray(made.message)
    # Shorter names are padded with zeros: the kernel reads up to the first.
    NAME.pack_into(patched, made.host_at, _name(pair.host_end))
    NAME.pack_into(patched, made.sandbox_at, _name(pair.sandbox_end))
    patched[made.mac_at : made.mac_at + 6] = _mac(pair.mac)
    return patched


def sandbox_message(link: SandboxLink, bridge: int, netns: int) -> bytes:
    """The RTM_NEWLINK for `link`, its peer born in the namespace behind the descriptor `netns`:
    moving an end afterwards costs 12-20 ms."""
    _name(link.host_end), _name(link.ifname), _mac(link.mac)
    peer: wire.Attributes = [
        ("IFLA_IFNAME", link.ifname),
        ("IFLA_MTU", link.mtu),
        ("IFLA_ADDRESS", link.mac),
        ("IFLA_NET_NS_FD", netns),
    ]
    return _pair(link.host_end, bridge, link.mtu, peer)


def _name(name: str) -> bytes:
    encoded = name.encode()
    if not 0 < len(encoded) <= NAME.size:
        raise Invalid(f"{name!r} is no name for a link: it must have 1 to {NAME.size} bytes")
    return encoded


def _mac(mac: str) -> bytes:
    try:
        packed = bytes.fromhex(mac.replace(":", ""))
    except ValueError:
        packed = b""
    if len(packed) != 6:
        raise Invalid(f"{mac!r} is no MAC address, e.g. 02:77:0a:20:00:05")
    return packed


def bridge_index(name: str) -> int:
    """5 us. Raises NotFound naming the bridge."""
    try:
        return socket.if_nametoindex(name)
    except OSError:
        raise NotFound(f"bridge {name} does not exist") from None


def index(name: str) -> int:
    """The ifindex of a link in the calling thread's namespace, or 0. 5 us."""
    try:
        return socket.if_nametoindex(name)
    except OSError as error:
        if error.errno in (errno.ENODEV, errno.ENXIO, None):
            return 0
        raise


def create_pair(nl: Session, pair: VethPair) -> None:
    """See the contract. Raises Exhausted when the bridge is full."""
    packed = message(pair, bridge_index(pair.bridge))
    create(nl, packed, (pair.host_end, pair.sandbox_end), pair.bridge)


def create(nl: Session, message: bytes | bytearray, names: Iterable[str], bridge: str) -> None:
    """Send it; links that stand in the way under `names` are deleted, once."""
    try:
        nl.ask(message)
        return
    except OSError as error:
        if error.errno != errno.EEXIST:
            raise _full(error, bridge) from None
    for name in names:
        delete(nl, name)
    try:
        nl.ask(message)
    except OSError as error:
        raise _full(error, bridge) from None


def _full(error: OSError, bridge: str) -> Exception:
    return bridges.full(bridge) if error.errno == errno.EXFULL else error


def delete(nl: Session, name: str) -> None:
    """Delete a veth and so its peer, now. Raises Conflict when the name is another kind's."""
    link = bridges.find(nl, name)
    if link is None:
        return
    if link.kind != "veth":
        kind = link.kind or "physical"
        raise Conflict(f"{name} exists and is of type {kind}, no veth; rename or remove it")
    bridges.remove_link(nl, link.index)
