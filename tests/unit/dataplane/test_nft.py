"""The table as text: one golden file for each scenario. WEAVE_GOLDEN=write rewrites them."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import Any

import pytest

from weavecli.dataplane import nft
from weavecli.dataplane.base import Firewall, FirewallNet
from weavecli.errors import Invalid

GOLDEN = Path(__file__).parent / "golden"
net = ipaddress.ip_network

WEAVE = FirewallNet("weave", (net("10.32.0.0/12"),))
DUAL = FirewallNet("wv-0a1b2c3d", (net("10.48.0.0/20"), net("fd00:48::/64")))
INTERNAL = FirewallNet("wv-4e5f6071", (net("10.48.16.0/20"),), internal=True)
EXPOSED = FirewallNet(
    "weave",
    (net("10.32.0.0/12"), net("10.2.1.0/24"), net("10.32.5.0/24")),
    exposed=(net("10.32.0.0/12"), net("10.2.1.0/24"), net("10.32.5.0/24"), net("fd00:9::/64")),
    masqueraded=(net("10.2.1.0/24"),),
)
SCENARIOS = {
    "nothing": Firewall((), ()),
    "default": Firewall((WEAVE,)),
    "networks": Firewall((WEAVE, DUAL, INTERNAL), ("docker0", "br-0123456789ab")),
    "exposed": Firewall((EXPOSED, DUAL)),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_golden(name: str) -> None:
    path = GOLDEN / f"{name}.nft"
    text = nft.render(SCENARIOS[name])
    if os.environ.get("WEAVE_GOLDEN") == "write":
        path.write_text(text)
    assert text == path.read_text(), f"{path} differs; WEAVE_GOLDEN=write if it is meant"


def test_every_golden_has_its_scenario() -> None:
    assert {path.stem for path in GOLDEN.glob("*.nft")} == set(SCENARIOS)


def test_the_order_of_networks_does_not_change_the_rules() -> None:
    one = nft.sets(Firewall((WEAVE, DUAL)))
    two = nft.sets(Firewall((DUAL, WEAVE)))
    assert [(s.name, set(s.elements)) for s in one] == [(s.name, set(s.elements)) for s in two]


def test_subnets_of_subnets_are_left_out() -> None:
    sets = {s.name: s.elements for s in nft.sets(SCENARIOS["exposed"])}
    assert sets["inside4"] == ("10.2.1.0/24", "10.32.0.0/12", "10.48.0.0/20")
    assert sets["exposed4"] == ("10.2.1.0/24", "10.32.0.0/12")
    assert sets["exposed6"] == ("fd00:9::/64",)


def test_internal_subnets_are_not_masqueraded() -> None:
    sets = {s.name: s.elements for s in nft.sets(SCENARIOS["networks"])}
    assert "10.48.16.0/20" not in sets["inside4"]
    assert sets["internal"] == ('"wv-4e5f6071"',)


def test_a_bridge_of_ours_is_not_foreign() -> None:
    """Whoever lists Docker's networks lists ours among them."""
    sets = {s.name: s.elements for s in nft.sets(Firewall((WEAVE,), ("docker0", "weave")))}
    assert sets["foreign"] == ('"docker0"',)


@pytest.mark.parametrize("name", ["", 'a"b', "a b", "a*", "a/b", "x" * 16, "a\n}"])
def test_names_no_bridge_can_have(name: str) -> None:
    with pytest.raises(Invalid, match="no name for a bridge"):
        nft.render(Firewall((FirewallNet(name),)))
    with pytest.raises(Invalid):
        nft.render(Firewall((), (name,)))


def test_comments_are_short_and_plain() -> None:
    """nft takes 128 bytes, without quotes; and we recognise rules by them."""
    for chain in nft.CHAINS:
        whys = [rule.why for rule in chain.rules]
        assert all(len(why) < 128 and '"' not in why for why in whys)
        assert len(set(whys)) == len(whys), chain.name


# -- compare


def listed(firewall: Firewall) -> list[dict[str, Any]]:
    """What `nft -j list table` says when all is well."""
    found: list[dict[str, Any]] = [{"metainfo": {"json_schema_version": 1}}]
    for one in nft.sets(firewall):
        real: dict[str, Any] = {"name": one.name, "type": one.type, "elem": []}
        for text in one.elements:
            real["elem"].append(_json(text))
        if not real["elem"]:
            del real["elem"]
        if " . " in one.type:
            real["type"] = one.type.split(" . ")
        found.append({"set": real})
    for chain in nft.CHAINS:
        found.append({"chain": {"name": chain.name, **({"hook": "x"} if chain.hook else {})}})
        found += [{"rule": {"chain": chain.name, "comment": rule.why}} for rule in chain.rules]
    return found


def _json(text: str) -> Any:
    if " . " in text:
        return {"concat": [part.strip('"') for part in text.split(" . ")]}
    if "/" not in text:
        return text.strip('"')
    address, length = text.split("/")
    return {"prefix": {"addr": address, "len": int(length)}}


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_problem(name: str) -> None:
    assert nft.compare(SCENARIOS[name], listed(SCENARIOS[name])) == []


def test_single_addresses_are_listed_without_a_prefix() -> None:
    wall = Firewall((FirewallNet("weave", exposed=(net("10.2.1.9/32"), net("fd00::9/128"))),))
    real = listed(wall)
    for one in real:
        if one.get("set", {}).get("name") == "exposed4":
            one["set"]["elem"] = ["10.2.1.9"]
        if one.get("set", {}).get("name") == "exposed6":
            one["set"]["elem"] = ["fd00::9"]
    assert nft.compare(wall, real) == []


def without(kind: str, name: str) -> list[dict[str, Any]]:
    return [o for o in listed(SCENARIOS["networks"]) if o.get(kind, {}).get("name") != name]


@pytest.mark.parametrize(
    ("real", "problem"),
    [
        (without("set", "ours"), "nftables set ours is missing"),
        (without("chain", "forward"), "nftables chain forward is missing"),
        (
            [o for o in listed(SCENARIOS["networks"]) if o.get("rule", {}).get("comment") != "DNS"],
            "nftables chain inside has other rules than ours",
        ),
        (
            [*listed(SCENARIOS["networks"]), {"rule": {"chain": "input", "expr": []}}],
            "nftables chain input has other rules than ours",
        ),
    ],
)
def test_a_problem(real: list[dict[str, Any]], problem: str) -> None:
    assert nft.compare(SCENARIOS["networks"], real) == [problem]


def test_rules_in_another_order_are_a_problem() -> None:
    real = listed(SCENARIOS["default"])
    rules = [i for i, o in enumerate(real) if o.get("rule", {}).get("chain") == "forward"]
    real[rules[0]], real[rules[1]] = real[rules[1]], real[rules[0]]
    assert nft.compare(SCENARIOS["default"], real) == [
        "nftables chain forward has other rules than ours"
    ]


def test_other_elements_are_a_problem() -> None:
    assert nft.compare(SCENARIOS["networks"], listed(SCENARIOS["default"])) == [
        f"nftables set {name} differs from what it should hold"
        for name in ("ours", "same", "internal", "foreign", "inside4", "inside6")
    ]
