"""Start, range changes, the default Docker network, stop and reset."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.dataplane import FakeDataplane
from tests.unit.service.house import SETTINGS, House
from weavecli.errors import Conflict, Exhausted, Unavailable
from weavecli.model.naming import bridge_name, host_end
from weavecli.model.settings import Settings
from weavecli.service.lifecycle import peer_name, prepare

OTHER = ipaddress.ip_network("10.128.0.0/12")


@pytest.fixture
def moved(house: House) -> Iterator[Any]:
    """Launch again with other settings."""
    made: list[House] = []

    def launch(**settings: Any) -> House:
        made.append((made or [house])[-1].restarted(**settings))
        return made[-1]

    yield launch
    for one in made:
        one.close()


def changes(dataplane: FakeDataplane) -> set[str]:
    names = ("ensure_bridge", "delete_bridge", "ensure_port", "create_pair", "doom", "attach")
    return {name for name, _ in dataplane.calls} & set(names)


def test_the_peer_name_is_made_once_and_kept(house: House) -> None:
    first = peer_name(house.state, "")
    assert int(first[:2], 16) & 3 == 2
    assert len(first.split(":")) == 6
    assert peer_name(house.state, "") == first
    assert peer_name(house.state, "02:00:00:00:00:01") == "02:00:00:00:00:01"
    assert peer_name(house.state, "") == "02:00:00:00:00:01"


def test_a_mere_restart_touches_no_device(house: House, moved: Any) -> None:
    net = house.network("10.5.0.0/16")
    house.run(net)
    house.container("c1")
    house.attaching.attach("c1", [], True)
    house.exposing.expose([], True)
    house.dataplane.calls.clear()
    again = moved()
    assert changes(again.dataplane) == set()
    assert again.claims() == house.claims()


def test_after_a_reboot_bridges_and_firewall_are_back(house: House, moved: Any) -> None:
    net = house.network("10.5.0.0/16")
    house.dataplane.links = {"eth0": house.dataplane.links["eth0"]}
    house.dataplane.firewall = None
    again = moved()
    for name in ("weave", bridge_name(net)):
        assert again.dataplane.links[name].up
    assert again.dataplane.firewall is not None


def test_what_is_wrong_is_mended_and_told(house: House) -> None:
    net = house.network("10.5.0.0/16")
    endpoint = house.run(net)
    house.dataplane.links[bridge_name(net)].mtu = 9000
    house.dataplane.links[host_end(endpoint)].master = ""
    assert len(house.lifecycle.differences()) == 2
    assert len(house.lifecycle.mend_links()) == 2
    assert house.lifecycle.differences() == []
    assert house.dataplane.links[host_end(endpoint)].master == bridge_name(net)


def test_what_cannot_be_mended_hinders_nothing_else(house: House) -> None:
    net = house.network("10.5.0.0/16")
    house.dataplane.links["weave"].mtu = 9000
    house.dataplane.links[bridge_name(net)].mtu = 9000
    house.dataplane.fail_next["ensure_bridge"] = Exhausted("no")
    assert len(house.lifecycle.mend_links()) == 1
    assert len(house.lifecycle.differences()) == 1


def test_a_leftover_bridge_is_removed_and_anothers_is_not(house: House) -> None:
    house.dataplane.add_link("wv-12345678", "bridge")
    house.dataplane.add_link("br-12345678", "bridge")
    house.lifecycle.mend_links()
    assert "wv-12345678" not in house.dataplane.links
    assert "br-12345678" in house.dataplane.links


def test_addresses_on_unknown_links_are_taken_before_any_is_given(
    house: House, tmp_path: Path
) -> None:
    house.container("c1")
    house.attaching.attach("c1", ["net:default", "10.2.1.9/24"], True)
    fresh = House(tmp_path / "fresh", dataplane=house.dataplane, engine=house.engine)
    try:
        owners = fresh.claims()
        assert owners["10.32.0.2"] == owners["10.2.1.9"]
        assert owners["10.2.1.9"].startswith("link:vethwepl")
        fresh.sandboxes = house.sandboxes
        fresh.container("c2")
        assert fresh.attaching.attach("c2", [], True)[0] == ["10.32.0.3"]
    finally:
        fresh.close()


def test_an_unused_range_may_change(moved: Any) -> None:
    again = moved(range=OTHER, default_subnet=OTHER)
    assert str(again.state.default.v4.gateway) == "10.128.0.1"
    assert again.claims() == again.on_disk() == {"10.128.0.1": "weave:gateway"}
    assert [str(a) for a in again.dataplane.links["weave"].addresses] == ["10.128.0.1/12"]


def test_a_network_without_containers_moves_along(house: House, moved: Any) -> None:
    network = house.network("10.32.0.0/12")
    again = moved(range=OTHER, default_subnet=OTHER)
    assert network not in again.state.networks
    assert not again.state.pools
    assert again.claims() == {"10.128.0.1": "weave:gateway"}


@pytest.mark.parametrize("user", ["attach", "expose", "docker"])
def test_a_range_in_use_stays(house: House, user: str) -> None:
    if user == "docker":
        house.run(house.network("10.32.0.0/12"))
    elif user == "expose":
        house.exposing.expose([], True)
    else:
        house.container("c1")
        house.attaching.attach("c1", [], True)
    before = house.claims()
    with pytest.raises(
        Conflict, match=r"cannot become 10\.128\.0\.0/12: 1 addresses .*10\.32\.0\.2"
    ):
        house.restarted(range=OTHER, default_subnet=OTHER)
    again = house.restarted()
    try:
        assert again.claims() == before
    finally:
        again.close()


def test_an_address_outside_the_range_is_no_hindrance(house: House, moved: Any) -> None:
    house.container("c1")
    house.attaching.attach("c1", ["10.2.1.9/24"], True)
    assert "10.2.1.9" in moved(range=OTHER, default_subnet=OTHER).claims()


def test_a_part_of_the_range_as_default_subnet(tmp_path: Path) -> None:
    part = replace(SETTINGS, default_subnet=ipaddress.ip_network("10.40.0.0/16"))
    made = House(tmp_path, part)
    try:
        made.container("c1")
        assert made.attaching.attach("c1", [], True)[0] == ["10.40.0.2"]
        assert made.attaching.attach("c1", ["net:10.33.0.0/24"], True)[0] == ["10.33.0.1"]
    finally:
        made.close()


def test_a_default_subnet_around_the_range_gives_the_ranges_addresses(tmp_path: Path) -> None:
    around = replace(SETTINGS, range=ipaddress.ip_network("10.32.5.0/24"))
    made = House(tmp_path, around)
    try:
        assert str(made.state.default.v4.gateway_iface) == "10.32.5.0/12"  # type: ignore[union-attr]
        made.container("c1")
        assert made.attaching.attach("c1", [], True)[0] == ["10.32.5.1"]
        made.lifecycle.ensure_docker_network()
        spec = made.engine.calls[-1][1]
        assert spec.configs == ({"Subnet": "10.32.0.0/12", "IPRange": "10.32.5.0/24"},)
    finally:
        made.close()


# -- the Docker network `weave`


def test_the_docker_network_is_made_once(house: House) -> None:
    made = house.lifecycle.ensure_docker_network()
    assert house.lifecycle.ensure_docker_network() == made
    network = house.engine.networks_by_id[made]
    assert (network.name, network.driver) == ("weave", "weave")
    assert network.configs == ({"Subnet": "10.32.0.0/12"},)
    assert network.options == {"works.weave.multicast": "true"}


def test_one_of_another_driver_is_left_alone(house: House) -> None:
    house.engine.add_network("weave", "bridge")
    with pytest.raises(Conflict, match="has driver 'bridge'; remove or rename it"):
        house.lifecycle.ensure_docker_network()


def test_one_of_another_subnet_is_replaced_unless_it_is_used(house: House) -> None:
    old = house.engine.add_network("weave", "weavemesh", "10.40.0.0/16")
    house.engine.join(old, house.engine.add_container("c1"), "e" * 64)
    with pytest.raises(Conflict, match=r"has subnet 10\.40\.0\.0/16 instead of 10\.32\.0\.0/12"):
        house.lifecycle.ensure_docker_network()
    house.engine.disconnect(old, "c1")
    assert house.lifecycle.ensure_docker_network() != old
    assert old not in house.engine.networks_by_id


def test_without_docker_there_is_none(house: House) -> None:
    house.engine.down = True
    with pytest.raises(Unavailable):
        house.lifecycle.ensure_docker_network()


# -- stop and reset


def test_who_is_in_use(house: House) -> None:
    assert house.lifecycle.in_use() == []
    net = house.network("10.5.0.0/16")
    house.known(net, "web")
    house.run(net, "c1")
    house.run(net, "c2")
    assert house.lifecycle.in_use() == [{"name": "web", "containers": ["c1", "c2"]}]
    house.reconcile.docker_pass()
    house.engine.down = True
    (found,) = house.lifecycle.in_use()
    assert found["name"] == "web"
    assert len(found["containers"]) == 2


def test_a_reset_is_refused_while_containers_are_connected(house: House) -> None:
    net = house.network("10.5.0.0/16")
    house.known(net, "web")
    endpoint = house.run(net, "c1")
    with pytest.raises(Conflict, match=r"web: c1\); disconnect them, or give --force"):
        house.lifecycle.reset(False, lambda _: None)
    assert house.has_link(endpoint)
    assert house.engine.networks_by_id


def test_a_forced_reset_leaves_no_trace(house: House) -> None:
    house.known(house.network("10.5.0.0/16"), "web")
    (net,) = house.engine.networks_by_id
    house.run(net, "c1")
    house.container("c2")
    house.attaching.attach("c2", [], True)
    said: list[str] = []
    house.lifecycle.reset(True, said.append)
    assert {"c1 from network web", "Docker network web", "weave"} <= set(said)
    assert not house.engine.networks_by_id
    assert set(house.dataplane.links) == {"eth0"}
    assert house.dataplane.firewall is None


def test_a_reset_that_docker_refuses_says_so_and_leaves_the_kernel(house: House) -> None:
    house.known(house.network("10.5.0.0/16"), "web")
    house.engine.fail["remove_network"] = Conflict("has active endpoints")
    links = set(house.dataplane.links)
    with pytest.raises(Conflict, match="network web .has active endpoints."):
        house.lifecycle.reset(True, lambda _: None)
    assert set(house.dataplane.links) == links


def test_a_reset_without_docker_asks_for_force_where_containers_are(house: House) -> None:
    net = house.network("10.5.0.0/16")
    house.known(net, "web")
    house.run(net, "c1")
    house.engine.down = True
    with pytest.raises(Conflict, match="Docker does not answer.*--force"):
        house.lifecycle.reset(False, lambda _: None)
    house.lifecycle.reset(True, lambda _: None)
    assert set(house.dataplane.links) == {"eth0"}


def test_a_range_that_swallows_a_network_is_refused(house: House) -> None:
    house.known(house.network("10.70.0.0/16"), "big")
    wide = ipaddress.ip_network("10.64.0.0/10")
    with pytest.raises(Conflict, match="overlaps 10.70.0.0/16 of network"):
        prepare(house.state, Settings(range=wide, default_subnet=wide))


def test_a_reset_without_docker(house: House) -> None:
    house.engine.down = True
    house.lifecycle.reset(False, lambda _: None)
    assert set(house.dataplane.links) == {"eth0"}
