"""Docker's JSON to values of ours and back. Liberal in what is there, strict in what is used.

Go sends `null` for empty maps, CIDR strings for gateways and auxiliary addresses, and "" for
everything unset; it decodes our members whatever their case.
"""

from __future__ import annotations

from typing import Any

from weavecli.errors import Invalid
from weavecli.model.address import IPIface, parse_iface
from weavecli.service.endpoints import MULTICAST_V4, Joined
from weavecli.service.networks import IPAMData, ipam_data

Body = dict[str, Any]

GENERIC = "com.docker.network.generic"
INTERNAL = "com.docker.network.internal"
PORTMAP = "com.docker.network.portmap"
GATEWAY_REQUEST = "com.docker.network.gateway"


def text(body: Body, key: str, needed: bool = False) -> str:
    """A string member; missing and null are "". Raises Invalid."""
    value = body.get(key)
    if value is None:
        value = ""
    if not isinstance(value, str):
        raise Invalid(f"{key} is {type(value).__name__}, expected a string")
    if needed and not value:
        raise Invalid(f"{key} is missing")
    if len(value) > 4096 or any(c == "\0" or "\ud800" <= c <= "\udfff" for c in value):
        raise Invalid(f"{key} is malformed")
    return value


def mapping(body: Body, key: str) -> Body:
    """An object member; missing and null are empty. Raises Invalid."""
    value = body.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Invalid(f"{key} is {type(value).__name__}, expected an object")
    return value


def flag(body: Body, key: str) -> bool:
    """A boolean member; missing and null are False. Raises Invalid."""
    value = body.get(key)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise Invalid(f"{key} is {type(value).__name__}, expected a boolean")
    return value


def ipam_list(body: Body, key: str) -> list[IPAMData]:
    """IPv4Data or IPv6Data of CreateNetwork. Raises Invalid."""
    value = body.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise Invalid(f"{key} is no list of objects")
    return [
        ipam_data(
            text(item, "AddressSpace"),
            text(item, "Pool", needed=True),
            text(item, "Gateway"),
            [text(mapping(item, "AuxAddresses"), name) for name in mapping(item, "AuxAddresses")],
        )
        for item in value
    ]


def generic(options: Body) -> dict[str, str]:
    """The user's `-o key=value` pairs. Raises Invalid."""
    return {key: text(mapping(options, GENERIC), key) for key in mapping(options, GENERIC)}


def iface(body: Body, key: str) -> IPIface | None:
    """An address with prefix; "" is none. Raises Invalid."""
    value = text(body, key)
    return parse_iface(value, key) if value else None


def mac(body: Body) -> str:
    """MacAddress, lower case; "" is none. Raises Invalid."""
    value = text(body, "MacAddress").lower().replace("-", ":")
    parts = value.split(":")
    if value and not (len(parts) == 6 and all(len(p) == 2 and _hex(p) for p in parts)):
        raise Invalid(f"MacAddress {value!r} is no MAC address, e.g. 02:42:0a:20:00:02")
    if value and int(parts[0], 16) & 1:
        raise Invalid(f"MacAddress {value} is a multicast address; an interface cannot have it")
    return value


def _hex(part: str) -> bool:
    return all(c in "0123456789abcdef" for c in part)


def publishes(body: Body) -> bool:
    """Whether the container of a Join publishes ports."""
    value = mapping(body, "Options").get(PORTMAP)
    return isinstance(value, list) and bool(value)


def is_gateway(body: Body) -> bool:
    """Whether a RequestAddress is for the network's gateway."""
    return mapping(body, "Options").get("RequestAddressType") == GATEWAY_REQUEST


def join_reply(joined: Joined) -> Body:
    """What Join answers. RouteType 1 is a connected route."""
    reply: Body = {"InterfaceName": {"SrcName": joined.source, "DstPrefix": joined.prefix}}
    if joined.gateway:
        reply["Gateway"] = joined.gateway
    if joined.gateway_v6:
        reply["GatewayIPv6"] = joined.gateway_v6
    if joined.multicast_route:
        reply["StaticRoutes"] = [{"Destination": MULTICAST_V4, "RouteType": 1}]
    return reply
