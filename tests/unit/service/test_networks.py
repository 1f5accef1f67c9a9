"""CreateNetwork and DeleteNetwork: repeated, overlapping, failing halfway."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from tests.unit.service.house import House, Refused
from weavecli.errors import Exhausted
from weavecli.model.naming import bridge_name
from weavecli.model.network import DEFAULT_ID


def bridge(house: House, network: str) -> Any:
    return house.dataplane.links.get(house.state.networks[network].bridge)


def describe(house: House, network: str, **options: Any) -> None:
    house.create(["weavelocal/10.5.0.0/16"], ["10.5.0.1/16"], network, **options)


def test_a_network_has_its_bridge_with_the_gateway(house: House) -> None:
    network = house.network("10.5.0.0/16", "fd05::/64")
    made = bridge(house, network)
    assert made.name == bridge_name(network)
    assert [str(a) for a in made.addresses] == ["10.5.0.1/16", "fd05::1/64"]
    assert made.mtu == 1450
    assert made.mac == "02:77:65:61:76:65"
    nets = {n.bridge: n for n in house.dataplane.firewall.nets}  # type: ignore[union-attr]
    assert [str(s) for s in nets[made.name].subnets] == ["10.5.0.0/16", "fd05::/64"]


def test_created_again_it_is_the_same(house: House) -> None:
    network = house.network("10.5.0.0/16")
    before = dict(house.state.networks)
    for _ in range(2):
        describe(house, network)
    assert house.state.networks == before
    house.dataplane.links.pop(bridge_name(network))
    describe(house, network)
    assert bridge(house, network) is not None


def test_created_again_with_other_settings_it_is_refused(house: House) -> None:
    network = house.network("10.5.0.0/16")
    with pytest.raises(Refused, match="exists with other settings; remove it"):
        describe(house, network, **{"com.docker.network.internal": True})


def test_the_default_network_may_be_created_again_too(house: House) -> None:
    network = house.network("10.32.0.0/12")
    house.create(["weavelocal/10.32.0.0/12"], ["10.32.0.1/12"], network)
    assert house.state.networks[network].bridge == "weave"


def test_the_network_of_the_default_subnet_is_bridge_weave(house: House) -> None:
    network = house.network("10.32.0.0/12")
    assert bridge(house, network).name == "weave"
    house.remove(network)
    assert "weave" in house.dataplane.links
    assert str(house.dataplane.links["weave"].addresses[0]) == "10.32.0.1/12"


@pytest.mark.parametrize(
    ("options", "says"),
    [({"com.docker.network.internal": True}, "not --internal")],
)
def test_the_default_subnet_does_not_become_internal(
    house: House, options: dict[str, Any], says: str
) -> None:
    pool = house.pool("10.32.0.0/12")
    gateway = house.address(pool, gateway=True)
    with pytest.raises(Refused, match=says):
        house.create([pool], [gateway], **options)


def test_a_second_network_on_the_default_subnet_is_refused(house: House) -> None:
    house.network("10.32.0.0/12")
    with pytest.raises(Refused, match="overlaps"):
        house.network("10.32.0.0/12")


@pytest.mark.parametrize("step", ["ensure_bridge", "apply_firewall"])
def test_a_failure_halfway_leaves_nothing(house: House, step: str) -> None:
    pool = house.pool("10.5.0.0/16")
    gateway = house.address(pool, gateway=True)
    links = set(house.dataplane.links)
    house.dataplane.fail_next[step] = Exhausted("the kernel is full")
    network = house.new_id("a")
    with pytest.raises(Refused, match="the kernel is full"):
        house.create([pool], [gateway], network)
    assert network not in house.state.networks
    assert not house.store.get("network", network)
    assert set(house.dataplane.links) == links
    assert house.state.pools[pool].network == ""
    house.release(pool, gateway)
    house.call("IpamDriver.ReleasePool", PoolID=pool)
    assert not house.state.pools
    assert house.network("10.5.0.0/16")


def test_deleting_takes_everything_along(house: House) -> None:
    network = house.network("10.5.0.0/16")
    endpoint = house.run(network)
    made = bridge(house, network).name
    house.call("NetworkDriver.DeleteNetwork", NetworkID=network)
    assert made not in house.dataplane.links
    assert not house.has_link(endpoint)
    assert not house.state.pools and not house.state.endpoints
    assert set(house.claims().values()) == {"weave:gateway"}
    assert house.claims() == house.on_disk()
    assert all(n.bridge != made for n in house.dataplane.firewall.nets)  # type: ignore[union-attr]


@pytest.mark.parametrize("network", ["f" * 64, DEFAULT_ID, "zol28wbh2pzg5vq3nmvycvk3u"])
def test_deleting_what_is_not_known_is_no_error(house: House, network: str) -> None:
    house.call("NetworkDriver.DeleteNetwork", NetworkID=network)
    assert DEFAULT_ID in house.state.networks
    assert "weave" in house.dataplane.links


def test_a_network_whose_delete_was_lost_gives_way(house: House) -> None:
    old = house.network("10.5.0.0/16")
    (pool,) = house.pools_of(old)
    house.release(pool, "10.5.0.1")
    house.call("IpamDriver.ReleasePool", PoolID=pool)  # and DeleteNetwork never comes
    new = house.network("10.5.0.0/16")
    assert old not in house.state.networks
    assert bridge_name(old) not in house.dataplane.links
    assert house.pools_of(new) == [pool]
    endpoint = house.run(new)
    assert str(house.state.endpoints[endpoint].v4) == "10.5.0.2/16"
    house.call("NetworkDriver.DeleteNetwork", NetworkID=old)  # late
    assert house.has_link(endpoint)
    house.stop(new, endpoint)
    house.remove(new)
    assert not house.state.pools


def test_a_released_network_with_a_live_container_does_not_give_way(house: House) -> None:
    old = house.network("10.5.0.0/16")
    house.run(old)
    (pool,) = house.pools_of(old)
    house.call("IpamDriver.ReleasePool", PoolID=pool)
    with pytest.raises(Refused, match="overlaps network"):
        house.network("10.5.0.0/16")
    assert old in house.state.networks


def test_docker_s_own_addresses_make_a_network_of_this_host(house: House) -> None:
    network = house.new_id("a")
    house.call(
        "NetworkDriver.CreateNetwork",
        NetworkID=network,
        Options=None,
        IPv6Data=None,
        IPv4Data=[
            {"AddressSpace": "LocalDefault", "Pool": "172.18.0.0/16", "Gateway": "172.18.0.1/16"}
        ],
    )
    assert house.state.networks[network].ipam is False
    assert not house.state.pools
    with pytest.raises(Refused, match="overlaps"):
        house.pool("172.18.5.0/24")


@pytest.mark.parametrize(
    ("v4", "v6", "says"),
    [
        ([], [], "has no subnet"),
        (["0.0.0.0/0"], [], "--ipam-driver null"),
        (["10.5.0.0/16", "10.6.0.0/16"], [], "one IPv4 and one IPv6 subnet"),
        (["10.5.0.0/16"], ["fd05::/64", "fd06::/64"], "one IPv4 and one IPv6 subnet"),
        (["10.5.0.1/16"], [], "is not a subnet"),
        (["10.32.4.0/24"], [], "overlaps the default network"),
    ],
)
def test_a_network_that_cannot_be(house: House, v4: list[str], v6: list[str], says: str) -> None:
    def data(subnets: list[str]) -> list[dict[str, str]]:
        return [{"AddressSpace": "LocalDefault", "Pool": s} for s in subnets]

    with pytest.raises(Refused, match=says):
        house.call(
            "NetworkDriver.CreateNetwork",
            NetworkID="a" * 64,
            Options={},
            IPv4Data=data(v4),
            IPv6Data=data(v6),
        )
    assert set(house.state.networks) == {DEFAULT_ID}


def test_a_gateway_outside_its_subnet_is_refused(house: House) -> None:
    pool = house.pool("10.5.0.0/16")
    with pytest.raises(Refused, match=r"gateway 10\.6\.0\.1 does not lie in 10\.5\.0\.0/16"):
        house.create([pool], ["10.6.0.1/16"])


def test_options_are_taken(house: House) -> None:
    network = house.network(
        "10.5.0.0/16",
        "fd05::/64",
        internal=True,
        **{
            "com.docker.network.driver.mtu": "1400",
            "works.weave.multicast": "",
            "com.docker.network.container_iface_prefix": "lan",
            "unknown": "x",
        },
    )
    made = house.state.networks[network]
    assert (made.mtu, made.multicast, made.ifprefix, made.internal) == (1400, True, "lan", True)
    assert bridge(house, network).mtu == 1400
    nets = {n.bridge: n for n in house.dataplane.firewall.nets}  # type: ignore[union-attr]
    assert nets[made.bridge].internal is True


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("com.docker.network.driver.mtu", "67"),
        ("com.docker.network.driver.mtu", "65536"),
        ("com.docker.network.driver.mtu", "-1"),
        ("com.docker.network.driver.mtu", "1e3"),
        ("com.docker.network.driver.mtu", "²"),
        ("com.docker.network.container_iface_prefix", "x" * 13),
        ("com.docker.network.container_iface_prefix", "a b"),
        ("com.docker.network.container_iface_prefix", "a/b"),
        ("works.weave.multicast", "maybe"),
    ],
)
def test_options_that_cannot_be(house: House, key: str, value: str) -> None:
    with pytest.raises(Refused, match=f"option {key}"):
        house.network("10.5.0.0/16", **{key: value})


def test_ipv6_needs_its_own_least_mtu(house: House) -> None:
    with pytest.raises(Refused, match="from 1280"):
        house.network("10.5.0.0/16", "fd05::/64", **{"com.docker.network.driver.mtu": "1279"})


@pytest.mark.parametrize(("value", "flag"), [("", True), ("T", True), ("1", True), ("f", False)])
def test_a_flag_in_its_shapes(house: House, value: str, flag: bool) -> None:
    network = house.network("10.5.0.0/16", **{"works.weave.multicast": value})
    assert house.state.networks[network].multicast is flag


def test_a_swarm_id_has_a_bridge_too(house: House) -> None:
    pool = house.pool("10.5.0.0/16")
    gateway = house.address(pool, gateway=True)
    network = house.create([pool], [gateway], "zol28wbh2pzg5vq3nmvycvk3u")
    assert bridge(house, network).name == bridge_name(network)


def test_aux_addresses_stay_taken(house: House) -> None:
    pool = house.pool("10.5.0.0/16")
    gateway = house.address(pool, gateway=True)
    house.address(pool, "10.5.0.2")
    network = house.create([pool], [gateway], aux="10.5.0.2/16")
    assert house.on_disk()["10.5.0.2"] == "aux"
    assert str(house.state.endpoints[house.endpoint(network)].v4) == "10.5.0.3/16"


def test_the_mtu_follows_the_underlay(house: House) -> None:
    house.dataplane.mtu = 9000
    network = house.network("10.5.0.0/16")
    assert bridge(house, network).mtu == 1450  # as it was when first asked
    house.composed.background._networks.refresh_underlay()
    house.lifecycle.mend_links()
    assert bridge(house, network).mtu == 8950


def test_networks_are_there_after_a_restart(house: House) -> None:
    network = house.network("10.5.0.0/16")
    again = house.restarted()
    try:
        assert again.state.networks == house.state.networks
        describe(again, network)
        again.remove(network)
        assert set(again.state.networks) == {DEFAULT_ID}
    finally:
        again.close()


def test_the_default_network_is_recorded(house: House) -> None:
    default = house.state.default
    assert default.bridge == "weave"
    assert default.subnets[0].cidr == ipaddress.ip_network("10.32.0.0/12")
    assert house.claims() == {"10.32.0.1": "weave:gateway"}
