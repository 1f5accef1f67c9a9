"""Telling the neighbours of a new address: gratuitous ARP, unsolicited neighbour advertisement.

An address may have been another container's a second ago; neighbours that keep the old MAC for
up to a minute would send into the void. Frames are built here and sent by AF_PACKET, since the
kernel announces by itself only where arp_notify or ndisc_notify is set.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
import time
from collections.abc import Callable

from weavecli.model.address import IPIface

_ARP, _IPV6, _ICMPV6, _ADVERTISEMENT = 0x0806, 0x86DD, 58, 136
_OVERRIDE = 0x20000000
"""Neighbours shall replace what they have."""
_ALL_NODES = ipaddress.IPv6Address("ff02::1")
_BROADCAST = b"\xff" * 6
_PACE = 0.001


def frame(iface: IPIface, mac: str) -> bytes:
    """The Ethernet frame that announces `iface` at `mac`."""
    hardware = bytes.fromhex(mac.replace(":", ""))
    if iface.version == 4:
        return _gratuitous_arp(iface.ip.packed, hardware)
    return _neighbour_advertisement(iface.ip.packed, hardware)


def _gratuitous_arp(ip: bytes, mac: bytes) -> bytes:
    """A request for one's own address: some stacks ignore unasked replies."""
    header = _BROADCAST + mac + struct.pack("!H", _ARP)
    fixed = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1)
    return header + fixed + mac + ip + bytes(6) + ip


def _neighbour_advertisement(ip: bytes, mac: bytes) -> bytes:
    group = _ALL_NODES.packed
    body = struct.pack("!BBHI", _ADVERTISEMENT, 0, 0, _OVERRIDE) + ip + b"\x02\x01" + mac
    pseudo = ip + group + struct.pack("!II", len(body), _ICMPV6)
    checksum = _checksum(pseudo + body)
    body = body[:2] + struct.pack("!H", checksum) + body[4:]
    # Hop limit 255: receivers drop neighbour discovery that may have crossed a router.
    ipv6 = struct.pack("!IHBB", 0x60000000, len(body), _ICMPV6, 255) + ip + group
    return b"\x33\x33" + group[-4:] + mac + struct.pack("!H", _IPV6) + ipv6 + body


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packet_socket() -> socket.socket:
    """For sending only (protocol 0); sends in the namespace it was opened in, for ever."""
    return socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)


def send(sender: socket.socket, ifname: str, mac: str, addresses: list[IPIface]) -> None:
    """Announce each address on `ifname`, once."""
    for iface in addresses:
        sender.sendto(frame(iface, mac), (ifname, 0))


def wait(forwarding: Callable[[], bool], seconds: float) -> bool:
    """Wait for a port to forward: a new link's carrier is noticed by a kernel worker a little
    later, and until then the bridge drops what comes in."""
    deadline = time.monotonic() + seconds
    while not forwarding():
        if time.monotonic() > deadline:
            return False
        time.sleep(_PACE)
    return True
