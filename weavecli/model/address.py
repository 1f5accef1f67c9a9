"""Addresses and the grammar `[ip:]CIDR`, `net:CIDR`, `net:default`.

Grammar as Weave Net documents it, in IPv4 and IPv6. The values are those of the standard
library's `ipaddress`; nothing here knows who owns an address.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Literal

from weavecli.errors import Invalid

IP = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNet = ipaddress.IPv4Network | ipaddress.IPv6Network
IPIface = ipaddress.IPv4Interface | ipaddress.IPv6Interface

_CIDR = re.compile(r"[^%]*/\d+\s*", re.ASCII)  # `ipaddress` takes netmasks and zones too

MIN_SIZE = 4
"""Smallest subnet we hand addresses out of: network, broadcast and two hosts."""


@dataclass(frozen=True, slots=True)
class Want:
    """What a caller wants: this address (`ip`), any in a subnet (`net`), any at all (`default`)."""

    kind: Literal["ip", "net", "default"]
    iface: IPIface | None = None
    subnet: IPNet | None = None


def parse_ip(text: str, what: str = "address") -> IP:
    """An address without prefix. Raises Invalid naming `what`."""
    try:
        if "%" not in text:  # a zone would make two of one address
            return ipaddress.ip_address(text.strip())
    except ValueError:
        pass
    raise Invalid(f"{what} {text!r} is not an IP address, e.g. 10.32.0.5")


def parse_iface(text: str, what: str = "address") -> IPIface:
    """An address with its prefix length, host bits kept. Raises Invalid naming `what`."""
    if "/" not in text:
        raise Invalid(f"{what} {text!r} has no prefix length; write it as CIDR, e.g. 10.32.0.5/12")
    try:
        if _CIDR.fullmatch(text):
            return ipaddress.ip_interface(text.strip())
    except ValueError:
        pass
    raise Invalid(f"invalid CIDR address: {text!r}; write it like 10.2.1.9/24")


def parse_subnet(text: str, what: str = "subnet") -> IPNet:
    """A subnet: no bits after the prefix, at least MIN_SIZE addresses. Raises Invalid."""
    try:
        net = ipaddress.ip_network(text.strip())
    except ValueError:
        if "/" in text:
            loose = _loose(text)
            if loose is not None:
                raise Invalid(
                    f"invalid subnet - bits after network prefix are not all zero: {text}; "
                    f"did you mean {loose}?"
                ) from None
        raise Invalid(f"{what} {text!r} is not a subnet; write it like 10.2.1.0/24") from None
    if "/" not in text:
        raise Invalid(f"{what} {text!r} has no prefix length; write it like 10.2.1.0/24")
    if not _CIDR.fullmatch(text):
        raise Invalid(f"{what} {text!r} has a mask or a zone; write it like 10.2.1.0/24")
    if net.num_addresses < MIN_SIZE:
        raise Invalid(f"invalid subnet - smaller than minimum size {MIN_SIZE}: {text}")
    return net


def _loose(text: str) -> IPNet | None:
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return None


def usable(iface: IPIface) -> None:
    """Refuse an address no host may have in its subnet. Raises Invalid."""
    net = iface.network
    if iface.ip.is_multicast or iface.ip.is_unspecified or iface.ip.is_loopback:
        raise Invalid(f"{iface.ip} is no address for a container; choose one inside a subnet")
    if net.num_addresses < MIN_SIZE:
        return
    if iface.ip == net.network_address:
        raise Invalid(f"{iface.ip} is the network address of {net}; choose another address")
    if net.version == 4 and iface.ip == net.broadcast_address:
        raise Invalid(f"{iface.ip} is the broadcast address of {net}; choose another address")


def parse_want(text: str) -> Want:
    """One address argument of attach, detach, expose or hide. Raises Invalid."""
    if text == "net:default":
        return Want("default")
    if text.startswith("net:"):
        return Want("net", subnet=parse_subnet(text[4:]))
    if text.startswith("ip:"):
        text = text[3:]
    iface = parse_iface(text)
    usable(iface)
    return Want("ip", iface=iface)


def looks_like_address(text: str) -> bool:
    """True for an argument that is meant as an address and not as a container's name."""
    if text.startswith(("net:", "ip:")):
        return True
    head, slash, tail = text.partition("/")
    return bool(slash) and tail.isdigit() and (":" in head or head.replace(".", "").isdigit())


def overlap(a: IPNet, b: IPNet) -> bool:
    """Whether two subnets share an address; subnets of different families never do."""
    return a.version == b.version and a.overlaps(b)


def contains(net: IPNet, ip: IP) -> bool:
    """Whether `ip` lies in `net`; families may differ (then it does not)."""
    return ip.version == net.version and ip in net


def within(inner: IPNet, outer: IPNet) -> bool:
    """Whether all of `inner` lies in `outer`."""
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]
