"""Which subnet is free, for a network whose user named none."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable

from weavecli.errors import Exhausted
from weavecli.model.address import IPNet, overlap

V4_BASE = ipaddress.ip_network("10.48.0.0/12")
V4_PREFIX = 20
V6_PREFIX = 64


def v6_base(identity: str) -> ipaddress.IPv6Network:
    """The /48 of unique local addresses (RFC 4193) that belongs to one identity."""
    digest = hashlib.sha256(identity.encode()).digest()[:5]
    return ipaddress.IPv6Network((b"\xfd" + digest + bytes(10), 48))


def start_of(identity: str, count: int) -> int:
    """Where an identity begins to look, so that hosts launched apart rarely chose the same."""
    return int.from_bytes(hashlib.sha256(identity.encode()).digest()[5:9], "big") % count


def choose(version: int, identity: str, busy: Iterable[IPNet]) -> IPNet:
    """The first subnet, from the identity's place on, that overlaps none of `busy`.

    Raises Exhausted when all are taken.
    """
    base: IPNet = V4_BASE if version == 4 else v6_base(identity)
    prefix = V4_PREFIX if version == 4 else V6_PREFIX
    count = min(1 << (prefix - base.prefixlen), 1 << 12)
    start = start_of(identity, count)
    blockers = [net for net in busy if overlap(net, base)]
    step = 1 << ((32 if version == 4 else 128) - prefix)
    for offset in range(count):
        number = int(base.network_address) + ((start + offset) % count) * step
        net = ipaddress.ip_network((number, prefix))
        if not any(overlap(net, other) for other in blockers):
            return net
    raise Exhausted(
        f"no free subnet left in {base}: all {count} are in use or overlap a route of this host; "
        f"name one with --subnet"
    )
