"""Wanted against observed: one comparison for start-up, repair and `weave status`. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from weavecli.dataplane.base import Bridge, Observed
from weavecli.model import naming
from weavecli.model.endpoint import Endpoint, Leg
from weavecli.model.network import Network

What = Literal["bridge", "port", "link", "orphan"]


@dataclass(frozen=True, slots=True)
class Difference:
    """`name` is the link it is about; `sentence` is for people. `bridge` and `port` can be
    mended; a missing `link` comes back with its container; an `orphan` belongs to no record."""

    what: What
    name: str
    sentence: str
    bridge: str = ""


def compare(
    wanted: Mapping[str, Bridge],
    networks: Mapping[str, Network],
    endpoints: Iterable[Endpoint],
    legs: Iterable[Leg],
    observed: Observed,
) -> list[Difference]:
    """Every difference between the records and the kernel."""
    found = [d for bridge in wanted.values() for d in _bridge(bridge, observed)]
    known: set[str] = set()
    for endpoint in endpoints:
        network = networks.get(endpoint.network)
        name = naming.host_end(endpoint.id)
        known.add(name)
        if network is not None and endpoint.joined:
            who = endpoint.container[:12] or f"endpoint {endpoint.id[:12]}"
            found += _port(name, network.bridge, who, observed)
    for leg in legs:
        name = naming.attach_end(leg.owner)
        known.add(name)
        found += _port(name, naming.DEFAULT_BRIDGE, leg.label, observed)
    found += _orphans(known, set(wanted), observed)
    return found


def _bridge(bridge: Bridge, observed: Observed) -> list[Difference]:
    link = observed.links.get(bridge.name)
    if link is None:
        return [Difference("bridge", bridge.name, f"bridge {bridge.name} is missing")]
    wrong = []
    if link.kind != "bridge":
        wrong.append(f"is a {link.kind or 'link'} and no bridge")
    if not link.up:
        wrong.append("is down")
    if link.mtu != bridge.mtu:
        wrong.append(f"has MTU {link.mtu} instead of {bridge.mtu}")
    if link.mac != bridge.mac:
        wrong.append(f"has MAC {link.mac} instead of {bridge.mac}")
    missing = [str(a) for a in bridge.addresses if a not in link.addresses]
    if missing:
        wrong.append(f"lacks {', '.join(missing)}")
    extra = [str(a) for a in link.addresses if a not in bridge.addresses]
    if extra:
        wrong.append(f"has {', '.join(extra)} too many")
    return [Difference("bridge", bridge.name, f"bridge {bridge.name} {text}") for text in wrong]


def _port(name: str, bridge: str, who: str, observed: Observed) -> list[Difference]:
    link = observed.links.get(name)
    if link is None:
        return [Difference("link", name, f"the link of {who} is gone ({name})", bridge)]
    if link.master != bridge:
        text = f"{name} of {who} is not on bridge {bridge}"
        return [Difference("port", name, text, bridge)]
    if not link.up:
        return [Difference("port", name, f"{name} of {who} is down", bridge)]
    return []


def _orphans(known: set[str], bridges: set[str], observed: Observed) -> list[Difference]:
    found = []
    in_use = {link.master for link in observed.links.values()}
    for name, link in observed.links.items():
        veth = name.startswith((naming.HOST_END, naming.ATTACH_END)) and link.kind == "veth"
        if veth and name not in known:
            found.append(Difference("orphan", name, f"{name} belongs to no endpoint", link.master))
        ours = link.kind == "bridge" and name.startswith(naming.BRIDGE_PREFIX)
        if ours and name not in bridges and name not in in_use:
            found.append(Difference("orphan", name, f"bridge {name} belongs to no network"))
    return found
