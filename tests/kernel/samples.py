"""Values that many tests of the kernel use."""

from __future__ import annotations

import ipaddress

from weavecli.dataplane.base import Bridge, Firewall, FirewallNet, SandboxLink, VethPair
from weavecli.model.naming import GATEWAY_MAC

iface = ipaddress.ip_interface
net = ipaddress.ip_network

WEAVE = Bridge("weave", GATEWAY_MAC, 1450, (iface("10.32.0.1/16"),))
OTHER = Bridge("wv-0000000b", GATEWAY_MAC, 1450, (iface("10.33.0.1/16"),))
DUAL = Bridge("weave", GATEWAY_MAC, 1450, (iface("10.32.0.1/16"), iface("fd00:32::1/64")))
WALL = Firewall(
    (
        FirewallNet("weave", (net("10.32.0.0/16"), net("fd00:32::/64"))),
        FirewallNet("wv-0000000b", (net("10.33.0.0/16"),)),
    )
)


def pair(number: int, bridge: str = "weave") -> VethPair:
    return VethPair(
        f"vethwl{number:09x}",
        f"vethwg{number:09x}",
        bridge,
        f"02:77:0a:20:{number >> 8 & 255:02x}:{number & 255:02x}",
        1450,
    )


def leg(netns: str, *ifaces: str, number: int = 1, bridge: str = "weave") -> SandboxLink:
    return SandboxLink(
        f"vethwepl{number:07x}",
        "ethwe",
        netns,
        bridge,
        f"02:77:0a:20:ff:{number:02x}",
        1450,
        tuple(iface(i) for i in ifaces),
    )
