"""Names and MAC addresses derived from identities, so that a restart needs no memory of them.

Link names have at most 15 bytes (IFNAMSIZ - 1). The prefixes are Weave Net's; scripts and
firewalls know them.
"""

from __future__ import annotations

import hashlib
import re

from weavecli.model.address import IP

DEFAULT_BRIDGE = "weave"
BRIDGE_PREFIX = "wv-"
HOST_END = "vethwl"
SANDBOX_END = "vethwg"
ATTACH_END = "vethwepl"
ATTACH_IFNAME = "ethwe"
PLUGIN_PREFIX = "ethwe"
"""libnetwork appends an index: ethwe0, ethwe1, …"""
GATEWAY_MAC = "02:77:65:61:76:65"
"""Every bridge of every host has it (anycast gateway): 02 then "weave" in ASCII."""
OWNER_GATEWAY = "weave:gateway"
OWNER_EXPOSE = "weave:expose"

_HEX = re.compile(r"[0-9a-f]{12,64}")


def bridge_name(network_id: str) -> str:
    """The bridge of a network that is not the default one: `wv-` and 8 digits."""
    return BRIDGE_PREFIX + _digits(network_id, 8)


def host_end(endpoint_id: str) -> str:
    """The veth end that stays in the host and is a port of the bridge."""
    return HOST_END + _digits(endpoint_id, 9)


def sandbox_end(endpoint_id: str) -> str:
    """The veth end that libnetwork moves into the sandbox and renames."""
    return SANDBOX_END + _digits(endpoint_id, 9)


def attach_end(owner: str) -> str:
    """The host's veth end of an attached sandbox, by its owner (container ID or netns)."""
    return ATTACH_END + hashlib.sha256(owner.encode()).hexdigest()[:7]


def _digits(identity: str, count: int) -> str:
    """The first digits of a hex ID; swarm's base-36 IDs and anything else are hashed."""
    if _HEX.fullmatch(identity):
        return identity[:count]
    return hashlib.sha256(identity.encode()).hexdigest()[:count]


def mac_for(ip: IP | None, identity: str) -> str:
    """The MAC of an interface: from its address, else from its identity.

    Derived from the address, a container that takes over an address takes over the MAC too, and
    no neighbour keeps a stale entry. `02` is locally administered, `77` keeps us apart from
    Docker's 02:42.
    """
    if ip is not None and ip.version == 4:
        tail = ip.packed
    elif ip is not None:
        tail = hashlib.sha256(ip.packed).digest()[:4]
        return "02:78:" + ":".join(f"{byte:02x}" for byte in tail)
    else:
        tail = hashlib.sha256(identity.encode()).digest()[:4]
        return "02:79:" + ":".join(f"{byte:02x}" for byte in tail)
    return "02:77:" + ":".join(f"{byte:02x}" for byte in tail)
