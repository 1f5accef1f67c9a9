"""The rules over time: what is missing is named, put back, and taken away at the end."""

from __future__ import annotations

import subprocess
import time

import pytest

from tests.kernel.host import links, ruleset, run
from tests.kernel.samples import net
from tests.kernel.site import (
    WALL,
    WEAVE_NET,
    Site,
    docker_firewall,
)
from weavecli.dataplane import tool
from weavecli.dataplane.base import Firewall, FirewallNet
from weavecli.dataplane.kernel import Kernel
from weavecli.errors import Forbidden, Internal, Unavailable

# -- problems


def test_problems_name_what_is_wrong(site: Site) -> None:
    assert site.kernel.firewall_problems(WALL) == []
    run("nft", "flush", "chain", "inet", "weave", "forward")
    assert site.kernel.firewall_problems(WALL) == [
        "nftables chain forward has other rules than ours"
    ]
    run("nft", "flush", "ruleset")
    assert site.kernel.firewall_problems(WALL) == ["nftables table inet weave is missing"]
    docker_firewall()
    assert site.kernel.firewall_problems(WALL) == [
        "nftables table inet weave is missing",
        "iptables: chain WEAVE is missing",
        "ip6tables: chain WEAVE is missing",
    ]
    site.kernel.apply_firewall(WALL)
    assert site.kernel.firewall_problems(WALL) == []
    changed = Firewall(WALL.nets[:2])
    assert any("set internal differs" in p for p in site.kernel.firewall_problems(changed))


def test_an_element_more_or_less(kernel: Kernel) -> None:
    kernel.apply_firewall(WALL)
    run("nft", "add", "element", "inet", "weave", "exposed4", "{ 10.32.7.7 }")
    assert kernel.firewall_problems(WALL) == [
        "nftables set exposed4 differs from what it should hold"
    ]
    run("nft", "delete", "element", "inet", "weave", "exposed4", "{ 10.32.7.7 }")
    run("nft", "delete", "element", "inet", "weave", "ours", '{ "weave" }')
    assert kernel.firewall_problems(WALL) == ["nftables set ours differs from what it should hold"]


def test_two_hundred_networks(kernel: Kernel) -> None:
    nets = tuple(
        FirewallNet(f"wv-{n:08x}", (net(f"10.48.{n}.0/24"), net(f"fd00:{n:x}::/64")), n % 5 == 0)
        for n in range(200)
    )
    wall = Firewall((WEAVE_NET, *nets))
    kernel.apply_firewall(wall)
    assert kernel.firewall_problems(wall) == []
    rules = [one for one in ruleset() if "rule" in one]
    assert len(rules) < 40, "elements of sets, not rules"
    start = time.monotonic()
    kernel.firewall_problems(wall)
    assert time.monotonic() - start < 0.2, "20 ms on an idle machine"


def test_subnets_of_subnets_and_neighbours(kernel: Kernel) -> None:
    """Intervals that overlap are an error to nft; such that touch it may list as one."""
    nested = FirewallNet(
        "weave",
        (net("10.32.0.0/12"), net("10.32.5.0/24"), net("10.2.1.0/24"), net("10.2.2.0/24")),
        exposed=(net("10.2.1.0/24"), net("10.2.2.0/24"), net("10.9.9.9/32"), net("fd00::9/128")),
    )
    wall = Firewall((nested,))
    kernel.apply_firewall(wall)
    assert kernel.firewall_problems(wall) == []


def test_no_networks_at_all(kernel: Kernel) -> None:
    kernel.apply_firewall(Firewall((), ()))
    assert kernel.firewall_problems(Firewall((), ())) == []


def test_a_packet_never_sees_half_of_it(site: Site) -> None:
    """Pings go on while the table is replaced again and again; none gets through or lost."""
    ping = subprocess.Popen(
        [*site.a.enter, "ping", "-i0.002", "-c400", "-W1", "10.32.0.6"],
        stdout=subprocess.PIPE,
        text=True,
    )
    leak = subprocess.Popen(
        [*site.b.enter, "ping", "-i0.002", "-c400", "-W1", "10.32.0.6"],
        stdout=subprocess.PIPE,
        text=True,
    )
    while ping.poll() is None:
        site.kernel.apply_firewall(WALL)
    assert ", 0% packet loss" in ping.communicate()[0]
    assert " 0 received" in leak.communicate()[0]


# -- DOCKER-USER


def user_rules(name: str = "iptables") -> list[str]:
    return [
        line.removeprefix("-A DOCKER-USER ")
        for line in run(name, "-S", "DOCKER-USER").stdout.splitlines()
        if line.startswith("-A")
    ]


def test_the_jump_is_behind_the_users_rules(kernel: Kernel) -> None:
    docker_firewall()
    run("iptables", "-I", "DOCKER-USER", "-s", "10.32.0.66/32", "-j", "DROP")
    for _ in range(3):
        kernel.apply_firewall(WALL)
    assert user_rules() == ["-s 10.32.0.66/32 -j DROP", "-j WEAVE", "-j RETURN"]
    assert user_rules("ip6tables") == ["-j WEAVE", "-j RETURN"]
    chain = run("iptables", "-S", "WEAVE").stdout.splitlines()
    assert chain == [
        "-N WEAVE",
        "-A WEAVE -i weave -j ACCEPT",
        "-A WEAVE -o weave -j ACCEPT",
        "-A WEAVE -i wv-+ -j ACCEPT",
        "-A WEAVE -o wv-+ -j ACCEPT",
    ]


def test_a_jump_that_got_out_of_place_is_moved(kernel: Kernel) -> None:
    docker_firewall()
    kernel.apply_firewall(WALL)
    run("iptables", "-I", "DOCKER-USER", "-j", "WEAVE")
    run("iptables", "-I", "DOCKER-USER", "2", "-s", "10.32.0.66/32", "-j", "DROP")
    assert kernel.firewall_problems(WALL) == [
        "iptables: the jump to WEAVE is not behind the other rules of DOCKER-USER"
    ]
    kernel.apply_firewall(WALL)
    assert user_rules() == ["-s 10.32.0.66/32 -j DROP", "-j WEAVE", "-j RETURN"]


def test_docker_28_has_no_return(kernel: Kernel) -> None:
    run("iptables", "-N", "DOCKER-USER")
    run("iptables", "-A", "DOCKER-USER", "-s", "10.32.0.66/32", "-j", "DROP")
    kernel.apply_firewall(WALL)
    assert user_rules() == ["-s 10.32.0.66/32 -j DROP", "-j WEAVE"]


def test_a_user_can_still_block(site: Site) -> None:
    assert site.a.reaches("192.0.2.2")
    run("iptables", "-I", "DOCKER-USER", "-s", "10.32.0.5/32", "-j", "DROP")
    site.kernel.apply_firewall(WALL)
    assert not site.a.reaches("192.0.2.2")


# -- failure and the end


def test_without_nft(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weavecli.dataplane.tool.environment", lambda: {"PATH": "/nowhere"})
    with pytest.raises(Unavailable, match="nft is missing; install the package nftables"):
        kernel.apply_firewall(WALL)


def test_what_nft_refuses_changes_nothing(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel.apply_firewall(WALL)
    with monkeypatch.context() as patch:
        patch.setattr("weavecli.dataplane.nft.render", lambda wall: "table inet weave { nonsense }")
        with pytest.raises(Internal, match=r"nftables table inet weave: .*syntax error"):
            kernel.apply_firewall(Firewall())
    assert kernel.firewall_problems(WALL) == []


def test_without_permission(kernel: Kernel) -> None:
    probe = run(
        *("setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin", "--"),
        *("nft", "-f", "-"),
        text="table inet x {}",
        check=False,
    )
    assert probe.returncode, "the witness: nft fails without the capability"
    assert isinstance(tool.failure(probe, "nftables"), Forbidden)


def test_delete_everything(site: Site) -> None:
    """All of ours, and nothing else."""
    run("ip", "link", "add", "wv-notours", "type", "veth", "peer", "name", "vethwx")
    before = set(links()) - set(links("vethwl")) - {"weave", "wv-0000000b", "wv-0000000c"}
    removed = site.kernel.delete_everything()
    assert set(links()) == before
    assert {"weave", "wv-0000000b", "wv-0000000c", "vethwl000000001"} <= set(removed)
    assert {"nftables table inet weave", "iptables chain WEAVE", "ip6tables chain WEAVE"} <= set(
        removed
    )
    assert user_rules() == ["-j RETURN"]
    assert "WEAVE" not in run("iptables", "-S").stdout
    assert not any(one.get("table", {}).get("name") == "weave" for one in ruleset())
    assert site.kernel.delete_everything() == []


def test_delete_everything_goes_on_after_an_error(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bool:
        raise Internal("nft is in a bad mood")

    monkeypatch.setattr("weavecli.dataplane.nft.delete", fail)
    with pytest.raises(Internal, match=r"not everything .*bad mood.*removed: .*weave"):
        site.kernel.delete_everything()
    assert links("weave") == []
    assert "WEAVE" not in run("iptables", "-S").stdout
