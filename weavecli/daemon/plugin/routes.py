"""The plugin's calls: which service each one is for."""

from __future__ import annotations

from weavecli.daemon.app import Body, PluginMethod
from weavecli.daemon.plugin import messages as m
from weavecli.service.addresses import GLOBAL_SPACE, LOCAL_SPACE, Addresses
from weavecli.service.endpoints import Endpoints
from weavecli.service.networks import Networks

CONSTANTS: dict[str, Body] = {
    "/Plugin.Activate": {"Implements": ["NetworkDriver", "IpamDriver"]},
    "/NetworkDriver.GetCapabilities": {"Scope": "local", "ConnectivityScope": "local"},
    "/NetworkDriver.DiscoverNew": {},
    "/NetworkDriver.DiscoverDelete": {},
    "/NetworkDriver.EndpointOperInfo": {"Value": {}},
    "/NetworkDriver.ProgramExternalConnectivity": {},
    "/NetworkDriver.RevokeExternalConnectivity": {},
    "/NetworkDriver.FreeNetwork": {},
    "/NetworkDriver.GwAllocCheck": {"SkipIPv4": False, "SkipIPv6": False},
    "/IpamDriver.GetCapabilities": {"RequiresMACAddress": False, "RequiresRequestReplay": False},
    "/IpamDriver.GetDefaultAddressSpaces": {
        "LocalDefaultAddressSpace": LOCAL_SPACE,
        "GlobalDefaultAddressSpace": GLOBAL_SPACE,
    },
}
"""Answered at once, from the first moment on, whatever state weaved is in."""

METHODS = frozenset(
    f"/NetworkDriver.{name}"
    for name in (
        "CreateNetwork",
        "DeleteNetwork",
        "CreateEndpoint",
        "DeleteEndpoint",
        "Join",
        "Leave",
        "AllocateNetwork",
    )
) | frozenset(
    f"/IpamDriver.{name}"
    for name in ("RequestPool", "ReleasePool", "RequestAddress", "ReleaseAddress")
)
"""Answered when weaved is ready."""


def network_driver(networks: Networks, endpoints: Endpoints) -> dict[str, PluginMethod]:
    """The methods of /NetworkDriver."""
    return {**_networks(networks), **_endpoints(endpoints)}


def _networks(networks: Networks) -> dict[str, PluginMethod]:
    def create_network(body: Body) -> Body:
        options = m.mapping(body, "Options")
        networks.create(
            m.text(body, "NetworkID", needed=True),
            m.ipam_list(body, "IPv4Data"),
            m.ipam_list(body, "IPv6Data"),
            m.generic(options),
            m.flag(options, m.INTERNAL),
        )
        return {}

    def delete_network(body: Body) -> Body:
        networks.delete(m.text(body, "NetworkID", needed=True))
        return {}

    def allocate_network(body: Body) -> Body:
        return {"Options": m.mapping(body, "Options")}

    return {
        "/NetworkDriver.CreateNetwork": create_network,
        "/NetworkDriver.DeleteNetwork": delete_network,
        "/NetworkDriver.AllocateNetwork": allocate_network,
    }


def _endpoints(endpoints: Endpoints) -> dict[str, PluginMethod]:
    def create_endpoint(body: Body) -> Body:
        interface = m.mapping(body, "Interface")
        given = m.mac(interface)
        made = endpoints.create(
            *_ids(body), m.iface(interface, "Address"), m.iface(interface, "AddressIPv6"), given
        )
        # libnetwork refuses a reply that repeats what it gave.
        return {"Interface": {} if given else {"MacAddress": made}}

    def join(body: Body) -> Body:
        joined = endpoints.join(*_ids(body), m.text(body, "SandboxKey"), m.publishes(body))
        return m.join_reply(joined)

    def leave(body: Body) -> Body:
        endpoints.leave(*_ids(body))
        return {}

    def delete_endpoint(body: Body) -> Body:
        endpoints.delete(*_ids(body))
        return {}

    return {
        "/NetworkDriver.CreateEndpoint": create_endpoint,
        "/NetworkDriver.Join": join,
        "/NetworkDriver.Leave": leave,
        "/NetworkDriver.DeleteEndpoint": delete_endpoint,
    }


def _ids(body: Body) -> tuple[str, str]:
    return m.text(body, "NetworkID", needed=True), m.text(body, "EndpointID", needed=True)


def ipam_driver(addresses: Addresses) -> dict[str, PluginMethod]:
    """The methods of /IpamDriver."""

    def request_pool(body: Body) -> Body:
        pool = addresses.request_pool(
            m.text(body, "AddressSpace", needed=True),
            m.text(body, "Pool"),
            m.text(body, "SubPool"),
            m.flag(body, "V6"),
        )
        return {"PoolID": pool.id, "Pool": pool.subnet, "Data": {}}

    def release_pool(body: Body) -> Body:
        addresses.release_pool(m.text(body, "PoolID", needed=True))
        return {}

    def request_address(body: Body) -> Body:
        iface = addresses.request_address(
            m.text(body, "PoolID", needed=True), m.text(body, "Address"), m.is_gateway(body)
        )
        return {"Address": str(iface), "Data": {}}

    def release_address(body: Body) -> Body:
        addresses.release_address(
            m.text(body, "PoolID", needed=True), m.text(body, "Address", needed=True)
        )
        return {}

    return {
        "/IpamDriver.RequestPool": request_pool,
        "/IpamDriver.ReleasePool": release_pool,
        "/IpamDriver.RequestAddress": request_address,
        "/IpamDriver.ReleaseAddress": release_address,
    }
