"""Who reaches whom, by ping and TCP between namespaces, with Docker's firewall in place."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.kernel.host import run
from tests.kernel.samples import OTHER, iface, net
from tests.kernel.site import (
    INNER_NET,
    OTHER_NET,
    WALL,
    WEAVE_NET,
    Site,
    seen_source,
    tcp,
)
from weavecli.dataplane.base import Firewall, FirewallNet


def test_within_a_network(site: Site) -> None:
    """Through Docker's FORWARD policy, which sees bridged frames too."""
    assert site.a.reaches("10.32.0.6")
    assert site.a.reaches("fd00:32::6")
    assert site.inner.reaches("10.34.0.6")
    assert site.a.reaches("10.32.0.1")


def test_without_the_jump_docker_drops_it(site: Site) -> None:
    """The witness that the test above shows something."""
    run("iptables", "-D", "DOCKER-USER", "-j", "WEAVE")
    assert not site.a.reaches("10.32.0.6")
    site.kernel.apply_firewall(WALL)
    assert site.a.reaches("10.32.0.6")


def test_networks_are_apart(site: Site) -> None:
    for box, ip in (
        (site.a, "10.33.0.5"),
        (site.b, "10.32.0.5"),
        (site.a, "10.34.0.5"),
        (site.inner, "10.32.0.5"),
        (site.a, "172.17.0.2"),
        (site.docker, "10.32.0.5"),
        (site.inner, "172.17.0.2"),
        (site.docker, "10.34.0.5"),
    ):
        assert not box.reaches(ip), ip


def test_networks_are_apart_at_l2(site: Site) -> None:
    """An ARP request never shows on another bridge."""
    site.a.run("ip", "route", "add", "10.33.0.0/16", "dev", "ethwe0")
    site.a.reaches("10.33.0.5")
    neighbours = json.loads(site.a.run("ip", "-j", "neigh").stdout)
    found = [n for n in neighbours if n["dst"] == "10.33.0.5"]
    assert all("lladdr" not in n for n in found)


def test_networks_are_apart_without_docker_too(site: Site) -> None:
    for name in ("iptables", "ip6tables"):
        run(name, "-P", "FORWARD", "ACCEPT")
        run(name, "-F")
        run(name, "-X")
    site.kernel.apply_firewall(WALL)
    assert "WEAVE" not in run("iptables", "-S").stdout, "nothing without DOCKER-USER"
    assert site.a.reaches("10.32.0.6")
    assert not site.a.reaches("10.33.0.5")
    assert not site.docker.reaches("10.32.0.5")
    assert not site.world.reaches("10.32.0.5")


def test_out(site: Site) -> None:
    assert site.a.reaches("192.0.2.2")
    assert site.a.reaches("2001:db8::2")
    assert seen_source(site.a, site.world, "192.0.2.2") == "192.0.2.1"
    assert seen_source(site.a, site.world, "2001:db8::2") == "2001:db8::1"
    assert seen_source(site.a, site.a2, "10.32.0.6") == "10.32.0.5", "bridged: untouched"


def test_not_in(site: Site) -> None:
    assert not site.world.reaches("10.32.0.5")
    assert not site.world.reaches("fd00:32::5")
    assert not site.world.reaches("10.34.0.5")


def test_internal_means_no_way_out(site: Site) -> None:
    assert not site.inner.reaches("192.0.2.2")
    assert site.inner.reaches("10.34.0.1"), "the host answers pings"


def test_the_host_reaches_all(site: Site) -> None:
    for ip in ("10.32.0.5", "10.33.0.5", "10.34.0.5"):
        assert run("ping", "-c1", "-W1", ip, check=False).returncode == 0, ip


def test_internal_containers_see_only_dns_of_the_host(site: Site) -> None:
    assert tcp(site.inner, "10.34.0.1", 22) == "dropped"
    assert tcp(site.inner, "10.34.0.1", 53) == "refused"
    assert tcp(site.a, "10.32.0.1", 22) == "refused"


@pytest.mark.parametrize("port", [6783, 6785, 6786])
def test_containers_do_not_reach_the_control_plane(site: Site, port: int) -> None:
    assert tcp(site.a, "10.32.0.1", port) == "dropped"
    assert tcp(site.a, "192.0.2.1", port) == "dropped", "by any address of the host"
    assert tcp(site.docker, "172.17.0.1", port) == "dropped"
    assert tcp(site.world, "192.0.2.1", port) == "refused"


def test_exposed(site: Site) -> None:
    exposed = replace(WEAVE_NET, exposed=WEAVE_NET.subnets)
    site.kernel.apply_firewall(Firewall((exposed, OTHER_NET, INNER_NET)))
    assert site.world.reaches("10.32.0.5")
    assert site.world.reaches("fd00:32::5")
    assert seen_source(site.world, site.a, "10.32.0.5") == "192.0.2.2"
    assert not site.world.reaches("10.33.0.5")
    assert not site.b.reaches("10.32.0.5"), "networks stay apart"
    assert not site.docker.reaches("10.32.0.5")
    site.kernel.apply_firewall(WALL)
    assert not site.world.reaches("10.32.0.5"), "hidden again"


def test_masqueraded(site: Site) -> None:
    exposed = replace(WEAVE_NET, exposed=WEAVE_NET.subnets, masqueraded=WEAVE_NET.subnets)
    site.kernel.apply_firewall(Firewall((exposed, OTHER_NET, INNER_NET)))
    assert seen_source(site.world, site.a, "10.32.0.5") == "10.32.0.1"
    assert seen_source(site.world, site.a, "fd00:32::5") == "fd00:32::1"
    assert seen_source(site.a2, site.a, "10.32.0.5") == "10.32.0.6"


def test_a_network_of_docker_joins_the_foreign(site: Site) -> None:
    """A bridge that nobody told us of: replies to it may pass, until it is named."""
    site.kernel.apply_firewall(Firewall(WALL.nets, (*WALL.foreign, "out0")))
    assert not site.a.reaches("192.0.2.2")


def test_rules_may_stand_before_the_bridge(site: Site) -> None:
    late = replace(OTHER, name="wv-0000000d", addresses=(iface("10.35.0.1/16"),))
    wall = Firewall((*WALL.nets, FirewallNet(late.name, (net("10.35.0.0/16"),))))
    site.kernel.apply_firewall(wall)
    site.kernel.ensure_bridge(late)
    box = site.plug(late.name, "10.35.0.5/16", route="10.35.0.1")
    assert box.reaches("192.0.2.2")
    assert not box.reaches("10.32.0.5")
