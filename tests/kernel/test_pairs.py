"""Pairs for libnetwork: made, replaced, refused; and how `weave` knows that one is in use."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import pytest

from tests.kernel.host import Sandbox, eventually, link, links, ports, run
from tests.kernel.samples import OTHER, WEAVE, pair
from weavecli.dataplane.base import VethPair
from weavecli.dataplane.kernel import Kernel
from weavecli.errors import (
    Conflict,
    Exhausted,
    Forbidden,
    Invalid,
    NotFound,
    WeaveError,
)


def test_made_as_wanted(kernel: Kernel) -> None:
    kernel.ensure_bridge(WEAVE)
    kernel.create_pair(pair(7))
    host_end, sandbox_end = link("vethwl000000007"), link("vethwg000000007")
    assert host_end["master"] == "weave"
    assert "UP" in host_end["flags"]
    assert "UP" not in sandbox_end["flags"]
    assert sandbox_end["address"] == "02:77:0a:20:00:07"
    assert (host_end["mtu"], sandbox_end["mtu"]) == (1450, 1450)
    assert (host_end["link"], sandbox_end["link"]) == (sandbox_end["ifname"], host_end["ifname"])


@pytest.mark.parametrize("name", ["v", "vethwlshort", "vethwl123456789"])
def test_names_of_any_length(kernel: Kernel, name: str) -> None:
    kernel.ensure_bridge(WEAVE)
    kernel.create_pair(VethPair(name, "p" + name[:14], "weave", "02:00:00:00:00:01", 1450))
    assert link(name)["link"] == "p" + name[:14]


def test_a_template_does_not_outlive_its_bridge(kernel: Kernel) -> None:
    kernel.ensure_bridge(WEAVE)
    kernel.ensure_bridge(OTHER)
    kernel.create_pair(pair(1))
    kernel.delete_bridge("weave")
    kernel.ensure_bridge(WEAVE)
    kernel.create_pair(pair(2))
    kernel.create_pair(pair(3, "wv-0000000b"))
    assert ports("weave") == ["vethwl000000002"]
    assert ports("wv-0000000b") == ["vethwl000000003"]


def test_replaces_one_of_that_name(kernel: Kernel) -> None:
    kernel.ensure_bridge(WEAVE)
    kernel.create_pair(pair(1))
    before = link("vethwl000000001")["ifindex"]
    kernel.create_pair(pair(1))
    assert link("vethwl000000001")["ifindex"] != before
    assert len(links("veth")) == 2


def test_replaces_a_loose_sandbox_end(kernel: Kernel) -> None:
    kernel.ensure_bridge(WEAVE)
    run("ip", "link", "add", "x", "type", "veth", "peer", "name", "vethwg000000001")
    kernel.create_pair(pair(1))
    assert link("vethwg000000001")["link"] == "vethwl000000001"
    assert links("x") == []


def test_refuses_to_replace_what_is_no_veth(kernel: Kernel) -> None:
    kernel.ensure_bridge(WEAVE)
    run("ip", "link", "add", "vethwl000000001", "type", "ifb")
    with pytest.raises(Conflict, match="vethwl000000001 exists and is of type ifb"):
        kernel.create_pair(pair(1))
    assert links("vethw") == ["vethwl000000001"]


def test_without_a_bridge(kernel: Kernel) -> None:
    with pytest.raises(NotFound, match="bridge weave does not exist"):
        kernel.create_pair(pair(1))
    assert links("veth") == []


def test_impossible_names_and_macs(kernel: Kernel) -> None:
    kernel.ensure_bridge(WEAVE)
    with pytest.raises(Invalid, match="1 to 15 bytes"):
        kernel.create_pair(VethPair("v" * 16, "w", "weave", "02:00:00:00:00:01", 1450))
    with pytest.raises(Invalid, match="no MAC address"):
        kernel.create_pair(VethPair("v", "w", "weave", "02:00:00:00:00", 1450))
    with pytest.raises(WeaveError, match="link v"):
        kernel.create_pair(VethPair("v", "w", "weave", "01:00:00:00:00:01", 1450))
    assert links("v") == []


def test_a_full_bridge_says_so_and_leaves_nothing(kernel: Kernel) -> None:
    kernel.ensure_bridge(WEAVE)
    for number in range(1023):
        kernel.create_pair(pair(number))
    with pytest.raises(Exhausted, match="bridge weave is full: a Linux bridge takes 1023 ports"):
        kernel.create_pair(pair(2000))
    assert links("vethwl0000007d0") == []
    assert len(ports("weave")) == 1023
    kernel.ensure_bridge(OTHER)
    kernel.create_pair(pair(2000, "wv-0000000b"))
    with pytest.raises(Exhausted, match="bridge weave is full"):
        kernel.ensure_port("vethwl0000007d0", "weave")
    kernel.delete_everything()


def test_plugged(kernel: Kernel, sandbox: Callable[[], Sandbox]) -> None:
    kernel.ensure_bridge(WEAVE)
    kernel.create_pair(pair(1))
    ends = pair(1).host_end, pair(1).sandbox_end
    assert kernel.pair_exists(ends[0])
    assert not kernel.is_plugged(*ends)
    box = sandbox()
    box.move_in(ends[1], "ethwe0", "10.32.0.5/16")
    assert kernel.is_plugged(*ends)
    box.move_out("ethwe0", ends[1])
    assert kernel.pair_exists(ends[0])
    assert not kernel.is_plugged(*ends)
    box.move_in(ends[1], "ethwe0")
    box.end()
    assert eventually(lambda: not kernel.pair_exists(ends[0])), "both ends die with the sandbox"
    assert not kernel.is_plugged(*ends)


def test_two_threads_make_the_same_pair(kernel: Kernel) -> None:
    kernel.ensure_bridge(WEAVE)
    errors: list[WeaveError] = []

    def work(number: int) -> None:
        try:
            for _ in range(5):
                kernel.create_pair(pair(number))
        except WeaveError as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n % 2,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert ports("weave") == ["vethwl000000000", "vethwl000000001"]
    assert len(links("veth")) == 4


def test_many_threads_make_many_pairs(kernel: Kernel) -> None:
    kernel.ensure_bridge(WEAVE)

    def work(first: int) -> None:
        for number in range(first, first + 20):
            kernel.create_pair(pair(number))

    threads = [threading.Thread(target=work, args=(n * 20,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ports("weave")) == 160


def test_without_permission(kernel: Kernel) -> None:
    """Nobody's effective capabilities are empty."""
    kernel.ensure_bridge(WEAVE)
    kernel.create_pair(pair(1))
    os.seteuid(65534)
    try:
        with pytest.raises(Forbidden, match=r"link vethwl000000002: .*CAP_NET_ADMIN"):
            kernel.create_pair(pair(2))
        with pytest.raises(Forbidden, match="bridge wv-0000000b"):
            kernel.ensure_bridge(OTHER)
        missing = kernel.preflight()
    finally:
        os.seteuid(0)
    assert [text.split()[0] for text in missing] == [
        "CAP_NET_ADMIN",
        "CAP_NET_RAW",
        "CAP_SYS_ADMIN",
    ]
    assert kernel.preflight() == []
    assert kernel.pair_exists("vethwl000000001")


def test_preflight_names_the_package(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weavecli.dataplane.tool.environment", lambda: {"PATH": "/nowhere"})
    assert kernel.preflight() == ["nft is missing; install the package nftables"]
