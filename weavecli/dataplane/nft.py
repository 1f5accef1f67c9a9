"""The nftables table `inet weave`: rendered from a Firewall, applied at once, compared.

HAZARD. An accept here is not the last word: other tables see the packet too, and any drop
wins. So this table only isolates; what Docker's tables would drop is accepted in DOCKER-USER
(`iptables.py`). A drop here is final, whatever other tables say.

With br_netfilter, frames between two ports of one bridge pass `forward` as well, with the bridge
as both interfaces. Interfaces are matched by name, so the rules may stand before the bridge does.
The number of rules is constant: 200 networks are 200 elements of the same sets.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from weavecli.dataplane import tool
from weavecli.dataplane.base import Firewall
from weavecli.errors import Invalid
from weavecli.model.address import IPNet

TABLE = "inet weave"


@dataclass(frozen=True, slots=True)
class Set:
    name: str
    type: str
    elements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """`why` is the rule's comment: it is what people see, and what we recognise it by."""

    match: str
    why: str


@dataclass(frozen=True, slots=True)
class Chain:
    name: str
    hook: str
    rules: tuple[Rule, ...]


FORWARD = Chain(
    "forward",
    "type filter hook forward priority filter - 10; policy accept;",
    (
        Rule("iifname . oifname @same accept", "within one network"),
        Rule("iifname @internal drop", "out of an internal network"),
        Rule("oifname @internal drop", "into an internal network"),
        Rule("iifname @ours oifname @ours drop", "between networks"),
        Rule("iifname @ours oifname @foreign drop", "from our networks to Docker's"),
        Rule("iifname @foreign oifname @ours drop", "from Docker's networks to ours"),
        Rule("oifname @ours ct state established,related accept", "answers"),
        Rule("oifname @ours ip daddr @exposed4 accept", "exposed"),
        Rule("oifname @ours ip6 daddr @exposed6 accept", "exposed, IPv6"),
        Rule("oifname @ours drop", "into a network from outside"),
        Rule("iifname @ours accept", "out of a network"),
    ),
)
POSTROUTING = Chain(
    "postrouting",
    "type nat hook postrouting priority srcnat; policy accept;",
    (
        Rule('oifname "lo" return', "the host itself"),
        Rule("ip daddr 224.0.0.0/4 return", "multicast"),
        Rule("ip6 daddr ff00::/8 return", "multicast, IPv6"),
        Rule("oifname != @ours ip saddr @inside4 masquerade", "out of a network"),
        Rule("oifname != @ours ip6 saddr @inside6 masquerade", "out of a network, IPv6"),
        Rule(
            "oifname @ours ip daddr @masqueraded4 ip saddr != @masqueraded4 masquerade",
            "into an exposed subnet",
        ),
        Rule(
            "oifname @ours ip6 daddr @masqueraded6 ip6 saddr != @masqueraded6 masquerade",
            "into an exposed subnet, IPv6",
        ),
    ),
)
INPUT = Chain(
    "input",
    "type filter hook input priority filter - 10; policy accept;",
    (
        Rule("iifname @ours jump guard", "from our networks"),
        Rule("iifname @foreign jump guard", "from Docker's networks"),
        Rule("iifname @internal jump inside", "from internal networks"),
    ),
)
GUARD = Chain(
    "guard",
    "",
    (
        Rule("tcp dport { 6783, 6785, 6786 } drop", "control plane"),
        Rule("udp dport 6784 drop", "overlay"),
    ),
)
INSIDE = Chain(
    "inside",
    "",
    (
        Rule("ct state established,related accept", "answers to the host"),
        Rule("meta l4proto { icmp, ipv6-icmp } accept", "errors, ping, neighbours"),
        Rule("udp dport 53 accept", "DNS"),
        Rule("tcp dport 53 accept", "DNS over TCP"),
        Rule("drop", "anything else"),
    ),
)
CHAINS = (FORWARD, POSTROUTING, GUARD, INSIDE, INPUT)
"""Chains that are jumped to stand before the chain that jumps."""


def sets(firewall: Firewall) -> tuple[Set, ...]:
    """What the rules refer to. Raises Invalid for a name no interface can have."""
    nets = firewall.nets
    ours = tuple(dict.fromkeys(_quoted(net.bridge) for net in nets))
    foreign = tuple(f for f in dict.fromkeys(map(_quoted, firewall.foreign)) if f not in ours)
    internal = tuple(dict.fromkeys(_quoted(net.bridge) for net in nets if net.internal))
    inside = [subnet for net in nets if not net.internal for subnet in net.subnets]
    exposed = [subnet for net in nets for subnet in net.exposed]
    masqueraded = [subnet for net in nets for subnet in net.masqueraded]
    return (
        Set("ours", "ifname", ours),
        Set("same", "ifname . ifname", tuple(f"{name} . {name}" for name in ours)),
        Set("internal", "ifname", internal),
        Set("foreign", "ifname", foreign),
        *_subnets("inside", inside),
        *_subnets("exposed", exposed),
        *_subnets("masqueraded", masqueraded),
    )


def _quoted(name: str) -> str:
    if not name or len(name.encode()) > 15 or any(c in '"*\\/' or c.isspace() for c in name):
        raise Invalid(f"{name!r} is no name for a bridge")
    return f'"{name}"'


def _subnets(name: str, subnets: list[IPNet]) -> Iterable[Set]:
    """One set for each family. Intervals may not overlap, so subnets of subnets are left out."""
    v4 = [net for net in subnets if isinstance(net, ipaddress.IPv4Network)]
    v6 = [net for net in subnets if isinstance(net, ipaddress.IPv6Network)]
    yield Set(f"{name}4", "ipv4_addr", tuple(map(str, ipaddress.collapse_addresses(v4))))
    yield Set(f"{name}6", "ipv6_addr", tuple(map(str, ipaddress.collapse_addresses(v6))))


def render(firewall: Firewall) -> str:
    """The whole table as text for `nft -f`. Pure."""
    lines = [f"table {TABLE} {{"]
    for one in sets(firewall):
        lines += [f"\tset {one.name} {{", f"\t\ttype {one.type}"]
        if one.type.endswith("_addr"):
            lines.append("\t\tflags interval")
        if one.elements:
            elements = ",\n\t\t\t".join(one.elements)
            lines.append(f"\t\telements = {{\n\t\t\t{elements}\n\t\t}}")
        lines += ["\t}", ""]
    for chain in CHAINS:
        lines.append(f"\tchain {chain.name} {{")
        if chain.hook:
            lines.append(f"\t\t{chain.hook}")
        lines += [f'\t\t{rule.match} comment "{rule.why}"' for rule in chain.rules]
        lines += ["\t}", ""]
    lines[-1] = "}"
    return "\n".join(lines) + "\n"


def apply(firewall: Firewall) -> None:
    """Replace the table in one transaction: no packet sees half of it."""
    text = f"table {TABLE} {{}}\ndelete table {TABLE}\n{render(firewall)}"
    result = tool.run(["nft", "-f", "-"], text)
    if result.returncode:
        raise tool.failure(result, f"nftables table {TABLE}")


def delete() -> bool:
    """Remove the table; False when there was none."""
    if tool.run(["nft", "list", "table", *TABLE.split()]).returncode:
        return False
    text = f"table {TABLE} {{}}\ndelete table {TABLE}\n"
    result = tool.run(["nft", "-f", "-"], text)
    if result.returncode:
        raise tool.failure(result, f"nftables table {TABLE}")
    return True


def problems(firewall: Firewall) -> list[str]:
    """How the kernel's table differs, a sentence each."""
    result = tool.run(["nft", "-j", "list", "table", *TABLE.split()])
    if result.returncode:
        if "No such file" in result.stderr:
            return [f"nftables table {TABLE} is missing"]
        raise tool.failure(result, f"nftables table {TABLE}")
    return compare(firewall, json.loads(result.stdout)["nftables"])


def compare(firewall: Firewall, listed: list[dict[str, Any]]) -> list[str]:
    """The wanted table against `nft -j list table`. Pure."""
    real_sets = {o["set"]["name"]: o["set"] for o in listed if "set" in o}
    chains = {o["chain"]["name"]: o["chain"] for o in listed if "chain" in o}
    rules = [o["rule"] for o in listed if "rule" in o]
    found = []
    for one in sets(firewall):
        if one.name not in real_sets:
            found.append(f"nftables set {one.name} is missing")
        elif _elements(real_sets[one.name]) != set(one.elements):
            found.append(f"nftables set {one.name} differs from what it should hold")
    for chain in CHAINS:
        if chain.name not in chains or bool(chain.hook) != ("hook" in chains[chain.name]):
            found.append(f"nftables chain {chain.name} is missing")
            continue
        real = [rule.get("comment", "?") for rule in rules if rule["chain"] == chain.name]
        if real != [rule.why for rule in chain.rules]:
            found.append(f"nftables chain {chain.name} has other rules than ours")
    return found


def _elements(real: dict[str, Any]) -> set[str]:
    return {_element(one, real["type"] == "ifname") for one in real.get("elem", ())}


def _element(one: Any, quoted: bool) -> str:
    if isinstance(one, dict) and "prefix" in one:
        return f"{one['prefix']['addr']}/{one['prefix']['len']}"
    if isinstance(one, dict) and "concat" in one:
        return " . ".join(f'"{part}"' for part in one["concat"])
    if quoted:
        return f'"{one}"'
    text = str(one)
    return f"{text}/{128 if ':' in text else 32}" if "/" not in text else text
