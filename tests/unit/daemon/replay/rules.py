"""libnetwork's rules for replies: what of an answer would make dockerd fail a command."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any

from tests.unit.service.house import House

Body = dict[str, Any]
MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


def check(house: House, path: str, request: Body, reply: Body) -> None:
    """Assert that libnetwork takes the reply as meant."""
    assert isinstance(reply, dict)
    assert "Err" not in reply and "Error" not in reply
    rule = RULES.get(path.partition(".")[2], _nothing)
    rule(house, request, reply)


def _nothing(_house: House, _request: Body, reply: Body) -> None:
    assert reply in ({}, {"Value": {}})


def _activate(_house: House, _request: Body, reply: Body) -> None:
    assert set(reply["Implements"]) == {"NetworkDriver", "IpamDriver"}


def _capabilities(_house: House, _request: Body, reply: Body) -> None:
    if "Scope" in reply:
        assert reply["Scope"] == reply["ConnectivityScope"] == "local"
    else:
        assert reply == {"RequiresMACAddress": False, "RequiresRequestReplay": False}


def _spaces(_house: House, _request: Body, reply: Body) -> None:
    local, world = reply["LocalDefaultAddressSpace"], reply["GlobalDefaultAddressSpace"]
    assert local and world and local != world


def _pool(_house: House, request: Body, reply: Body) -> None:
    """Without a pool asked for, any; else that one. Data is a map and never null."""
    assert reply["PoolID"]
    assert isinstance(reply["Data"], dict)
    subnet = ipaddress.ip_network(reply["Pool"])
    assert (subnet.version == 6) is request["V6"]
    if request["Pool"]:
        assert reply["Pool"] == request["Pool"]


def _address(_house: House, request: Body, reply: Body) -> None:
    """With the mask of the subnet: without one the address leaks in Docker."""
    assert "/" in reply["Address"]
    iface = ipaddress.ip_interface(reply["Address"])
    subnet = ipaddress.ip_network("/".join(request["PoolID"].split("/")[1:3]))
    assert iface.network == subnet
    assert iface.ip not in (subnet.network_address,)
    if request["Address"]:
        assert str(iface.ip) == request["Address"]


def _endpoint(_house: House, request: Body, reply: Body) -> None:
    """What was given may not be repeated, not even with the same value."""
    interface = reply["Interface"]
    given = {key for key, value in (request.get("Interface") or {}).items() if value}
    assert not given & set(interface)
    assert set(interface) <= {"MacAddress"}
    if "MacAddress" not in given:
        assert MAC.fullmatch(interface["MacAddress"])


def _join(house: House, request: Body, reply: Body) -> None:
    name = reply["InterfaceName"]
    assert 0 < len(name["SrcName"]) <= 15
    assert name["DstPrefix"]
    assert len(name["DstPrefix"]) <= 12
    endpoint = house.state.endpoints[request["EndpointID"]]
    network = house.state.networks[request["NetworkID"]]
    mine = {a.ip for a in endpoint.addresses}
    for key, version in (("Gateway", 4), ("GatewayIPv6", 6)):
        if key in reply:
            gateway = ipaddress.ip_address(reply[key])  # fails with a prefix
            assert gateway.version == version
            assert network.subnet_of(gateway) is not None
            assert gateway not in mine
    for route in reply.get("StaticRoutes", []):
        ipaddress.ip_network(route["Destination"])
        assert route["RouteType"] in (0, 1)
        assert ("NextHop" in route) is (route["RouteType"] == 0)
    if (request.get("Options") or {}).get("com.docker.network.portmap") or network.internal:
        assert "Gateway" not in reply and "GatewayIPv6" not in reply


def _allocate(_house: House, request: Body, reply: Body) -> None:
    assert reply == {"Options": request["Options"]}


RULES: dict[str, Callable[[House, Body, Body], None]] = {
    "Activate": _activate,
    "GetCapabilities": _capabilities,
    "GetDefaultAddressSpaces": _spaces,
    "RequestPool": _pool,
    "RequestAddress": _address,
    "CreateEndpoint": _endpoint,
    "Join": _join,
    "AllocateNetwork": _allocate,
}
