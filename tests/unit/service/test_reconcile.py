"""What Docker forgot to tell: collected after the grace, adopted when our records were lost."""

from __future__ import annotations

import ipaddress
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.service.conftest import Clock
from tests.unit.service.house import House, Refused
from weavecli.errors import Unavailable
from weavecli.model.naming import bridge_name
from weavecli.model.network import DEFAULT_ID

GRACE = 60.0


@pytest.fixture
def net(clock: Clock, house: House) -> str:
    network = house.network("10.5.0.0/16")
    house.known(network, "web")
    clock.forward(1000)
    return network


@pytest.fixture
def lost(clock: Clock, house: House, tmp_path: Path) -> Iterator[House]:
    """A host whose state was lost: the kernel and Docker are as `house` left them."""
    made: list[House] = []

    class Later:
        def __call__(self) -> House:
            house.close()
            made.append(House(tmp_path / "fresh", dataplane=house.dataplane, engine=house.engine))
            clock.forward(1000)
            return made[0]

    house.lost = Later()  # type: ignore[attr-defined]
    yield house
    for one in made:
        one.close()


def look(house: House) -> None:
    house.reconcile.docker_pass()


def test_what_docker_has_is_left_alone(clock: Clock, house: House, net: str) -> None:
    endpoint = house.run(net, "c1")
    for _ in range(5):
        look(house)
        clock.forward(GRACE)
    assert endpoint in house.state.endpoints
    assert house.has_link(endpoint)
    assert "10.5.0.2" in house.claims()


def test_a_lost_delete_is_collected_after_two_sightings_a_grace_apart(
    clock: Clock, house: House, net: str
) -> None:
    endpoint = house.run(net)  # Docker lists no such endpoint
    clock.forward(1000)
    look(house)
    clock.forward(GRACE - 1)
    look(house)
    assert endpoint in house.state.endpoints
    clock.forward(2)
    look(house)
    assert endpoint not in house.state.endpoints
    assert not house.has_link(endpoint)
    assert "10.5.0.2" not in house.claims() | house.on_disk()


def test_one_sighting_is_never_enough(clock: Clock, house: House, net: str) -> None:
    house.reconcile._grace = 0.0
    endpoint = house.run(net)
    clock.forward(1000)
    look(house)
    assert endpoint in house.state.endpoints


def test_a_call_in_between_begins_the_grace_anew(clock: Clock, house: House, net: str) -> None:
    endpoint = house.run(net)
    clock.forward(1000)
    look(house)
    clock.forward(GRACE)
    house.join(net, endpoint)
    look(house)
    assert endpoint in house.state.endpoints
    clock.forward(GRACE + 1)
    look(house)
    assert endpoint not in house.state.endpoints


def test_seen_again_it_is_forgiven(clock: Clock, house: House, net: str) -> None:
    endpoint = house.run(net, "c1")
    listed = house.engine.networks_by_id[net]
    house.engine.disconnect(net, "c1")
    look(house)
    clock.forward(GRACE + 1)
    house.engine.networks_by_id[net] = listed
    look(house)
    house.engine.disconnect(net, "c1")
    look(house)
    assert endpoint in house.state.endpoints


def test_without_docker_nothing_is_collected(clock: Clock, house: House, net: str) -> None:
    house.run(net)
    house.engine.down = True
    for _ in range(3):
        clock.forward(GRACE + 1)
        with pytest.raises(Unavailable):
            look(house)
    assert len(house.state.endpoints) == 1


def test_an_address_without_endpoint_is_collected(clock: Clock, house: House, net: str) -> None:
    (pool,) = house.pools_of(net)
    house.address(pool, "10.5.0.9")
    look(house)
    assert "10.5.0.9" in house.claims()
    clock.forward(GRACE + 1)
    look(house)
    assert "10.5.0.9" not in house.claims()
    assert house.claims()["10.5.0.1"] == "weave:gateway"


def test_a_lost_delete_network_is_collected(clock: Clock, house: House, net: str) -> None:
    house.engine.remove_network(net)
    look(house)
    clock.forward(GRACE + 1)
    look(house)
    assert set(house.state.networks) == {DEFAULT_ID}
    assert bridge_name(net) not in house.dataplane.links
    assert not house.state.pools
    assert house.claims() == {"10.32.0.1": "weave:gateway"}


def test_a_pool_that_no_network_took_is_released(clock: Clock, house: House) -> None:
    pool = house.pool("10.6.0.0/16")
    house.address(pool, gateway=True)
    clock.forward(1)
    look(house)
    clock.forward(GRACE + 1)
    look(house)
    assert not house.state.pools
    assert "10.6.0.1" not in house.claims()


def test_names_are_learned(house: House, net: str) -> None:
    endpoint = house.run(net, "c1")
    look(house)
    assert house.state.networks[net].label == "web"
    assert house.state.endpoints[endpoint].container == house.engine.container("c1").id
    assert house.store.get("network", net)["name"] == "web"  # type: ignore[index]


def test_a_deleted_endpoint_that_docker_still_shows_is_not_adopted(
    clock: Clock, house: House, net: str
) -> None:
    endpoint = house.run(net, "c1")  # and Docker goes on listing it
    house.stop(net, endpoint)
    look(house)
    assert not house.state.endpoints
    assert "10.5.0.2" not in house.claims()


def test_a_deleted_network_that_docker_still_shows_is_not_adopted(house: House, net: str) -> None:
    house.remove(net)
    look(house)
    assert net not in house.state.networks
    assert house.network("10.5.0.0/16")


def test_lost_records_are_adopted_from_docker(lost: House) -> None:
    net = lost.network(
        "10.5.0.0/16", "fd05::/64", **{"com.docker.network.container_iface_prefix": "lan"}
    )
    lost.known(net, "web", options={"com.docker.network.container_iface_prefix": "lan"})
    endpoint = lost.run(net, "c1")
    before = lost.state.endpoints[endpoint]
    house: House = lost.lost()  # type: ignore[attr-defined]
    assert house.claims()["10.5.0.2"].startswith("link:vethwl")  # taken before Docker is asked
    look(house)
    network = house.state.networks[net]
    assert [str(s.gateway) for s in network.subnets] == ["10.5.0.1", "fd05::1"]
    assert (network.label, network.ifprefix, network.ipam) == ("web", "lan", True)
    adopted = house.state.endpoints[endpoint]
    assert (adopted.mac, adopted.addresses) == (before.mac, before.addresses)
    assert adopted.joined
    assert house.claims()["10.5.0.1"] == "weave:gateway"
    assert house.claims()["10.5.0.2"] == "docker"
    assert house.claims() == house.on_disk()
    assert [str(a) for a in house.dataplane.links[network.bridge].addresses] == [
        "10.5.0.1/16",
        "fd05::1/64",
    ]
    (pool, _) = house.pools_of(net)
    assert house.address(pool) == "10.5.0.3/16"
    house.stop(net, endpoint)
    house.remove(net)
    assert not house.state.pools


def test_a_lost_bridge_is_not_torn_from_its_containers(lost: House) -> None:
    net = lost.network("10.5.0.0/16")
    lost.known(net, "web")
    lost.run(net, "c1")
    bridge = lost.dataplane.links[bridge_name(net)]
    house: House = lost.lost()  # type: ignore[attr-defined]
    look(house)
    assert house.dataplane.links[bridge_name(net)] is bridge


def test_adoption_knows_ranges_gateways_and_aux_addresses(lost: House) -> None:
    configs = (
        {
            "Subnet": "10.5.0.0/16",
            "IPRange": "10.5.3.0/24",
            "AuxiliaryAddresses": {"a": "10.5.3.1"},
        },
    )
    first = lost.engine.add_network("first", configs=configs)
    named = ({"Subnet": "10.6.0.0/16", "Gateway": "10.6.0.254"},)
    second = lost.engine.add_network("second", configs=named)
    house: House = lost.lost()  # type: ignore[attr-defined]
    look(house)
    assert str(house.state.networks[first].v4.gateway) == "10.5.3.0"  # type: ignore[union-attr]
    assert str(house.state.networks[second].v4.gateway) == "10.6.0.254"  # type: ignore[union-attr]
    assert house.claims()["10.5.3.1"] == "aux"
    assert house.address("weavelocal/10.5.0.0/16/10.5.3.0/24") == "10.5.3.2/16"
    assert house.address("weavelocal/10.6.0.0/16", gateway=True) == "10.6.0.254/16"


def test_a_network_with_dockers_own_addresses_is_adopted_as_such(lost: House) -> None:
    net = lost.engine.add_network("web", "weave", "172.18.0.0/16", ipam_driver="default")
    house: House = lost.lost()  # type: ignore[attr-defined]
    look(house)
    assert house.state.networks[net].ipam is False
    assert not house.state.pools


def test_what_cannot_be_adopted_hinders_nothing_else(lost: House) -> None:
    lost.engine.add_network("bad", "weave", "10.33.0.0/16")  # inside the default network
    good = lost.engine.add_network("good", "weave", "10.5.0.0/16")
    house: House = lost.lost()  # type: ignore[attr-defined]
    look(house)
    assert set(house.state.networks) == {DEFAULT_ID, good}


def test_a_restored_copy_of_the_state_finds_its_way(
    clock: Clock, house: House, tmp_path: Path
) -> None:
    net = house.network("10.5.0.0/16")
    house.known(net, "web")
    old = house.run(net, "c1")
    shutil.copytree(tmp_path, tmp_path.parent / f"{tmp_path.name}-copy")
    house.stop(net, old)
    house.engine.disconnect(net, "c1")
    new = house.run(net, "c2", "10.5.0.7")
    house.close()
    copy = tmp_path.parent / f"{tmp_path.name}-copy"
    restored = House(copy, dataplane=house.dataplane, engine=house.engine)
    try:
        assert restored.claims()["10.5.0.7"].startswith("link:")
        clock.forward(1000)
        for _ in range(3):
            look(restored)
            clock.forward(GRACE + 1)
        assert set(restored.state.endpoints) == {new}
        assert restored.claims()["10.5.0.7"] == "docker"
        assert "10.5.0.2" not in restored.claims()
    finally:
        restored.close()


def test_an_address_found_on_a_link_is_free_once_the_link_is_gone(lost: House) -> None:
    net = lost.network("10.5.0.0/16")
    endpoint = lost.run(net)
    house: House = lost.lost()  # type: ignore[attr-defined]
    look(house)
    assert "10.5.0.2" in house.claims()
    lost.kill(endpoint)
    look(house)
    assert "10.5.0.2" not in house.claims() | house.on_disk()


def test_adopted_addresses_are_never_given_out(lost: House) -> None:
    net = lost.network("10.5.0.0/29")
    lost.known(net, "web")
    for number in range(5):
        lost.run(net, f"c{number}")
    house: House = lost.lost()  # type: ignore[attr-defined]
    look(house)
    with pytest.raises(Refused, match="no free address"):
        house.address("weavelocal/10.5.0.0/29")
    assert ipaddress.ip_address("10.5.0.6") in house.state.by_address
