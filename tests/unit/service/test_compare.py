"""Wanted against observed: each difference, by name, and none where there is none."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import Any

import pytest

from weavecli.dataplane.base import Bridge, Link, Observed
from weavecli.model.endpoint import Endpoint, Leg
from weavecli.model.naming import GATEWAY_MAC, attach_end, host_end
from weavecli.model.network import Network
from weavecli.service.compare import Difference, compare

NET, EID, OWNER = "a" * 64, "e" * 64, "c" * 64
GATEWAY = ipaddress.ip_interface("10.5.0.1/16")
BRIDGE = Bridge("wv-aaaaaaaa", GATEWAY_MAC, 1450, (GATEWAY,))
WEAVE = Bridge("weave", GATEWAY_MAC, 1450)
ENDPOINT = Endpoint(EID, NET, "02:77:0a:05:00:02", joined=True, container="d" * 64)
LEG = Leg(OWNER, "c1", "/proc/7/ns/net", 7, "02:77:0a:20:00:02")


def veth(name: str, master: str) -> Link:
    return Link(name, "veth", "02:00:00:00:00:01", 1450, True, master, False)


LINKS = {
    link.name: link
    for link in (
        Link("wv-aaaaaaaa", "bridge", GATEWAY_MAC, 1450, True, "", False, (GATEWAY,)),
        Link("weave", "bridge", GATEWAY_MAC, 1450, True, "", False),
        veth(host_end(EID), "wv-aaaaaaaa"),
        veth(attach_end(OWNER), "weave"),
        veth("veth1234567", "docker0"),
        Link("docker0", "bridge", "02:42:00:00:00:01", 1500, True, "", False),
    )
}


def found(
    links: dict[str, Link], endpoints: tuple[Endpoint, ...] = (ENDPOINT,)
) -> list[Difference]:
    return compare(
        {b.name: b for b in (BRIDGE, WEAVE)},
        {NET: Network(NET, BRIDGE.name)},
        endpoints,
        [LEG],
        Observed(links),
    )


def changed(name: str, **changes: Any) -> dict[str, Link]:
    return {**LINKS, name: replace(LINKS[name], **changes)}


def without(name: str) -> dict[str, Link]:
    return {key: link for key, link in LINKS.items() if key != name}


def test_where_all_is_well_there_is_no_difference() -> None:
    assert found(LINKS) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"kind": "dummy"}, "is a dummy and no bridge"),
        ({"kind": ""}, "is a link and no bridge"),
        ({"up": False}, "is down"),
        ({"mtu": 1500}, "has MTU 1500 instead of 1450"),
        ({"mac": "02:00:00:00:00:09"}, "has MAC 02:00:00:00:00:09 instead of 02:77:65:61:76:65"),
        ({"addresses": ()}, "lacks 10.5.0.1/16"),
        (
            {"addresses": (GATEWAY, ipaddress.ip_interface("10.5.0.9/16"))},
            "has 10.5.0.9/16 too many",
        ),
    ],
)
def test_what_is_wrong_with_a_bridge(changes: dict[str, Any], says: str) -> None:
    expected = Difference("bridge", "wv-aaaaaaaa", f"bridge wv-aaaaaaaa {says}")
    assert found(changed("wv-aaaaaaaa", **changes)) == [expected]


def test_a_missing_bridge() -> None:
    (difference,) = found(without("weave"))
    assert difference == Difference("bridge", "weave", "bridge weave is missing")


def test_everything_wrong_with_one_bridge_is_told() -> None:
    differences = found(changed("weave", up=False, mtu=9000))
    assert [d.sentence for d in differences] == [
        "bridge weave is down",
        "bridge weave has MTU 9000 instead of 1450",
    ]


@pytest.mark.parametrize(
    ("name", "who", "bridge"),
    [(host_end(EID), "d" * 12, "wv-aaaaaaaa"), (attach_end(OWNER), "c1", "weave")],
)
def test_what_is_wrong_with_a_port(name: str, who: str, bridge: str) -> None:
    assert found(without(name)) == [
        Difference("link", name, f"the link of {who} is gone ({name})", bridge)
    ]
    assert found(changed(name, master="")) == [
        Difference("port", name, f"{name} of {who} is not on bridge {bridge}", bridge)
    ]
    assert found(changed(name, up=False)) == [
        Difference("port", name, f"{name} of {who} is down", bridge)
    ]


def test_an_endpoint_that_is_not_joined_needs_no_link() -> None:
    assert found(without(host_end(EID)), (replace(ENDPOINT, joined=False),)) == []


def test_an_endpoint_of_an_unknown_container_or_network() -> None:
    (difference,) = found(without(host_end(EID)), (replace(ENDPOINT, container=""),))
    assert f"endpoint {EID[:12]}" in difference.sentence
    assert found(LINKS, (replace(ENDPOINT, network="f" * 64),)) == []


def test_orphans() -> None:
    stray = veth("vethwl123456789", "weave")
    assert found({**LINKS, stray.name: stray}) == [
        Difference("orphan", stray.name, f"{stray.name} belongs to no endpoint", "weave")
    ]
    bridge = replace(LINKS["weave"], name="wv-12345678")
    assert found({**LINKS, bridge.name: bridge}) == [
        Difference("orphan", bridge.name, "bridge wv-12345678 belongs to no network")
    ]


def test_a_bridge_with_ports_is_no_orphan_whoever_they_are() -> None:
    bridge = replace(LINKS["weave"], name="wv-12345678")
    stray = veth("vethwl123456789", bridge.name)
    differences = found({**LINKS, bridge.name: bridge, stray.name: stray})
    assert [d.name for d in differences] == [stray.name]


def test_what_only_looks_like_ours_is_no_orphan() -> None:
    links = [
        Link("vethwlx", "dummy", "", 1500, True, "", False),
        Link("wv-lan", "vlan", "", 1500, True, "", False),
        veth("vethabc", ""),
    ]
    assert found({**LINKS, **{link.name: link for link in links}}) == []
