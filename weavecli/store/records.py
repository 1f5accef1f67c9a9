"""Model values to records and back. Reading is defensive: what is missing gets its default.

Kinds: network, endpoint, leg, claim, pool, meta.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from weavecli.model.address import IPIface
from weavecli.model.endpoint import Claim, Endpoint, Leg, Pool
from weavecli.model.network import Network, Subnet
from weavecli.store.base import Delete, Put, Record

Value = Network | Endpoint | Leg | Claim | Pool


def put(value: Value) -> Put:
    """The change that writes a value."""
    return Put(*key_of(value), _ENCODE[type(value)](value))


def delete(value: Value) -> Delete:
    """The change that removes a value."""
    return Delete(*key_of(value))


def key_of(value: Value) -> tuple[str, str]:
    """Kind and key of a value."""
    if isinstance(value, Claim):
        return "claim", str(value.ip)
    if isinstance(value, Leg):
        return "leg", value.owner
    return type(value).__name__.lower(), value.id


def network(record: Record) -> Network:
    return Network(
        id=record["id"],
        bridge=record["bridge"],
        v4=_subnet(record.get("v4")),
        v6=_subnet(record.get("v6")),
        internal=bool(record.get("internal")),
        mtu=int(record.get("mtu", 0)),
        ipam=bool(record.get("ipam", True)),
        multicast=bool(record.get("multicast")),
        ifprefix=record.get("ifprefix", "ethwe"),
        name=record.get("name", ""),
    )


def endpoint(record: Record) -> Endpoint:
    return Endpoint(
        id=record["id"],
        network=record["network"],
        mac=record["mac"],
        v4=_iface(record.get("v4")),
        v6=_iface(record.get("v6")),
        joined=bool(record.get("joined")),
        sandbox=record.get("sandbox", ""),
        container=record.get("container", ""),
    )


def leg(record: Record) -> Leg:
    return Leg(
        owner=record["owner"],
        label=record.get("label") or record["owner"],
        netns=record.get("netns", ""),
        inode=int(record.get("inode", 0)),
        mac=record["mac"],
        addresses=tuple(ipaddress.ip_interface(a) for a in record.get("addresses", ())),
    )


def claim(record: Record) -> Claim:
    iface = ipaddress.ip_interface(record["iface"])
    return Claim(iface.ip, iface, record["owner"], record.get("pool", ""))


def pool(record: Record) -> Pool:
    return Pool(
        id=record["id"],
        subnet=record["subnet"],
        range=record.get("range") or record["subnet"],
        refs=int(record.get("refs", 1)),
        network=record.get("network", ""),
        gateway=record.get("gateway", ""),
    )


def _subnet(record: Record | None) -> Subnet | None:
    if not record:
        return None
    gateway = record.get("gateway")
    return Subnet(
        ipaddress.ip_network(record["cidr"]),
        ipaddress.ip_address(gateway) if gateway else None,
    )


def _iface(text: str | None) -> IPIface | None:
    return ipaddress.ip_interface(text) if text else None


def _text(value: object | None) -> str:
    return "" if value is None else str(value)


def _subnet_record(subnet: Subnet | None) -> Record | None:
    if subnet is None:
        return None
    return {"cidr": str(subnet.cidr), "gateway": _text(subnet.gateway)}


def _network(value: Network) -> Record:
    return {
        "id": value.id,
        "bridge": value.bridge,
        "v4": _subnet_record(value.v4),
        "v6": _subnet_record(value.v6),
        "internal": value.internal,
        "mtu": value.mtu,
        "ipam": value.ipam,
        "multicast": value.multicast,
        "ifprefix": value.ifprefix,
        "name": value.name,
    }


def _endpoint(value: Endpoint) -> Record:
    return {
        "id": value.id,
        "network": value.network,
        "mac": value.mac,
        "v4": _text(value.v4),
        "v6": _text(value.v6),
        "joined": value.joined,
        "sandbox": value.sandbox,
        "container": value.container,
    }


def _leg(value: Leg) -> Record:
    return {
        "owner": value.owner,
        "label": value.label,
        "netns": value.netns,
        "inode": value.inode,
        "mac": value.mac,
        "addresses": [str(a) for a in value.addresses],
    }


def _claim(value: Claim) -> Record:
    return {"iface": str(value.iface), "owner": value.owner, "pool": value.pool}


def _pool(value: Pool) -> Record:
    return {
        "id": value.id,
        "subnet": value.subnet,
        "range": value.range,
        "refs": value.refs,
        "network": value.network,
        "gateway": value.gateway,
    }


_ENCODE: dict[type, Any] = {
    Network: _network,
    Endpoint: _endpoint,
    Leg: _leg,
    Claim: _claim,
    Pool: _pool,
}
