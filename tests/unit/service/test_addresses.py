"""Docker's IPAM calls: pools and addresses, repeated, lost and late ones included."""

from __future__ import annotations

import ipaddress

import pytest

from tests.unit.service.conftest import Clock
from tests.unit.service.house import House, Refused
from weavecli.dataplane.base import HostRoute
from weavecli.service.holders import SETTLE


def test_pools_without_a_subnet_are_never_the_same_twice_in_a_row(house: House) -> None:
    pools = [house.pool() for _ in range(5)]
    assert len(set(pools)) == 5
    nets = [ipaddress.ip_network(p.removeprefix("weavelocal/")) for p in pools]
    assert not any(a.overlaps(b) for a in nets for b in nets if a is not b)


def test_an_ipv6_pool_without_a_subnet(house: House) -> None:
    pool = house.pool(v6=True)
    assert house.address(pool, gateway=True).startswith("fd")
    assert house.pool(v6=True) != pool


def test_the_reply_has_the_pool_and_the_id_says_all(house: House) -> None:
    answer = house.call(
        "IpamDriver.RequestPool",
        AddressSpace="weavelocal",
        Pool="10.5.0.0/16",
        SubPool="10.5.3.0/24",
        Options={},
        V6=False,
    )
    assert answer == {
        "PoolID": "weavelocal/10.5.0.0/16/10.5.3.0/24",
        "Pool": "10.5.0.0/16",
        "Data": {},
    }


def test_a_sub_range_gives_its_addresses_with_the_subnets_prefix(house: House) -> None:
    pool = house.pool("10.5.0.0/16", "10.5.3.0/24")
    assert house.address(pool, gateway=True) == "10.5.3.0/16"
    assert house.address(pool) == "10.5.3.1/16"
    assert house.address(pool, "10.5.9.9") == "10.5.9.9/16"  # --ip may lie outside


@pytest.mark.parametrize(
    ("space", "pool", "sub", "says"),
    [
        ("elsewhere", "", "", "is not ours"),
        ("weavelocal", "", "10.5.0.0/24", "needs a --subnet"),
        ("weavelocal", "10.5.0.1/16", "", "did you mean 10.5.0.0/16"),
        ("weavelocal", "10.5.0.0/31", "", "smaller than"),
        ("weavelocal", "10.5.0.0/16", "10.6.0.0/24", "does not lie in --subnet"),
        ("weavelocal", "10.5.0.0/16", "fd05::/64", "does not lie in --subnet"),
        ("weavelocal", "10.5.0.0/16", "nonsense", "is not a subnet"),
        ("weavelocal", "10.0.0.0/8", "", "default network 'weave'"),
        ("weavelocal", "10.33.0.0/16", "", "default network 'weave'"),
    ],
)
def test_a_pool_that_cannot_be(house: House, space: str, pool: str, sub: str, says: str) -> None:
    with pytest.raises(Refused, match=says):
        house.call(
            "IpamDriver.RequestPool",
            AddressSpace=space,
            Pool=pool,
            SubPool=sub,
            Options={},
            V6=False,
        )
    assert not house.state.pools


def test_overlaps_are_refused_by_name(house: House) -> None:
    network = house.network("10.5.0.0/16")
    house.known(network, "web")
    house.reconcile.docker_pass()
    for subnet in ("10.5.0.0/16", "10.5.3.0/24", "10.4.0.0/15"):
        with pytest.raises(Refused, match=r"overlaps .* of network web; choose another"):
            house.pool(subnet)
    with pytest.raises(Refused, match="network web"):
        house.pool("10.5.0.0/16", "10.5.3.0/24")


def test_a_pool_that_is_reserved_blocks_its_parts(house: House) -> None:
    house.pool("10.5.0.0/16")
    with pytest.raises(Refused, match="being created has reserved"):
        house.pool("10.5.3.0/24")


def test_what_the_host_reaches_directly_is_refused(house: House) -> None:
    route = HostRoute(ipaddress.ip_network("10.5.1.0/24"), "eth1", True)
    house.dataplane.add_route(route)
    with pytest.raises(Refused, match=r"overlaps 10\.5\.1\.0/24, which this host .* on eth1"):
        house.pool("10.5.0.0/16")
    far = HostRoute(ipaddress.ip_network("10.7.0.0/16"), "eth0", False)
    house.dataplane.add_route(far)
    assert house.pool("10.7.0.0/16")


def test_a_free_subnet_avoids_every_route(house: House) -> None:
    first = ipaddress.ip_network(house.pool().removeprefix("weavelocal/"))
    other = House(house.directory / "other", dataplane=house.dataplane)
    try:
        other.dataplane.add_route(HostRoute(first, "eth1", False))
        chosen = other.pool().removeprefix("weavelocal/")
        assert not first.overlaps(ipaddress.ip_network(chosen))
    finally:
        other.close()


def test_pools_are_counted(house: House) -> None:
    pool = house.pool("10.5.0.0/16")
    assert house.pool("10.5.0.0/16") == pool
    house.address(pool)
    house.call("IpamDriver.ReleasePool", PoolID=pool)
    assert house.state.pools[pool].refs == 1
    house.call("IpamDriver.ReleasePool", PoolID=pool)
    assert not house.state.pools
    assert "10.5.0.1" not in house.claims() | house.on_disk()
    house.call("IpamDriver.ReleasePool", PoolID=pool)


def test_the_default_subnet_is_a_pool_too(house: House) -> None:
    pool = house.pool("10.32.0.0/12")
    assert house.address(pool, gateway=True) == "10.32.0.1/12"
    assert house.address(pool, "10.32.0.1", gateway=True) == "10.32.0.1/12"
    assert house.address(pool) == "10.32.0.2/12"
    with pytest.raises(Refused, match=r"gateway of 10\.32\.0\.0/12 is 10\.32\.0\.1 on every host"):
        house.address(pool, "10.32.0.9", gateway=True)
    with pytest.raises(Refused, match="is not an IP address"):
        house.address(pool, "nonsense", gateway=True)


def test_addresses_are_lowest_first_and_come_again(house: House) -> None:
    pool = house.pool("10.5.0.0/16")
    got = [house.address(pool) for _ in range(3)]
    assert got == ["10.5.0.1/16", "10.5.0.2/16", "10.5.0.3/16"]
    house.release(pool, "10.5.0.2")
    house.release(pool, "10.5.0.2")
    assert house.address(pool) == "10.5.0.2/16"
    assert house.claims() == house.on_disk()


def test_the_gateway_asked_for_again_is_the_same(house: House) -> None:
    pool = house.pool("10.5.0.0/16")
    assert house.address(pool, "10.5.0.254", gateway=True) == "10.5.0.254/16"
    assert house.address(pool, gateway=True) == "10.5.0.254/16"
    assert house.address(pool, "10.5.0.254", gateway=True) == "10.5.0.254/16"
    assert house.claims()["10.5.0.254"] == "weave:gateway"


def test_an_ipv6_gateway_may_be_written_otherwise_the_second_time(house: House) -> None:
    pool = house.pool("fd05::/64", v6=True)
    assert house.address(pool, "fd05::fe", gateway=True) == "fd05::fe/64"
    assert house.address(pool, "fd05:0::00fe", gateway=True) == "fd05::fe/64"


def test_a_released_gateway_is_free_and_forgotten(house: House) -> None:
    pool = house.pool("10.5.0.0/16")
    house.address(pool, gateway=True)
    house.release(pool, "10.5.0.1")
    assert house.state.pools[pool].gateway == ""
    assert "10.5.0.1" not in house.claims()
    assert house.address(pool, gateway=True) == "10.5.0.1/16"


def test_two_creates_of_one_subnet_do_not_free_the_winners_gateway(house: House) -> None:
    pools = [house.pool("10.5.0.0/16") for _ in range(2)]
    gateways = [house.address(p, gateway=True) for p in pools]
    winner = house.create(pools[:1], gateways[:1])
    with pytest.raises(Refused, match="overlaps network"):
        house.create(pools[1:], gateways[1:])
    house.release(pools[1], gateways[1])
    house.call("IpamDriver.ReleasePool", PoolID=pools[1])
    assert house.endpoint(winner)
    assert house.claims()["10.5.0.1"] == "weave:gateway"
    house.remove(winner)
    assert "10.5.0.1" not in house.claims()


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("10.6.0.1", "does not lie in"),
        ("fd05::1", "does not lie in"),
        ("10.5.0.0", "network address"),
        ("10.5.255.255", "broadcast address"),
        ("10.5.0.2/16", "is not an IP address"),
        ("nonsense", "is not an IP address"),
    ],
)
def test_an_address_that_cannot_be(house: House, address: str, says: str) -> None:
    pool = house.pool("10.5.0.0/16")
    with pytest.raises(Refused, match=says):
        house.address(pool, address)


def test_a_taken_address_is_refused_with_its_holder(house: House) -> None:
    network = house.network("10.5.0.0/16")
    house.known(network, "web")
    house.run(network, "c1", "10.5.0.9")
    (pool,) = house.pools_of(network)
    with pytest.raises(Refused, match=r"10\.5\.0\.9 is already in use by a container on network"):
        house.address(pool, "10.5.0.9")
    house.reconcile.docker_pass()
    with pytest.raises(Refused, match=r"by container c0000000000. on network web"):
        house.address(pool, "10.5.0.9")
    with pytest.raises(Refused, match="already in use by the gateway"):
        house.address(pool, "10.5.0.1")


def test_a_full_pool_names_itself(house: House) -> None:
    pool = house.pool("10.5.0.0/30")
    house.address(pool, gateway=True)
    house.address(pool)
    with pytest.raises(Refused, match=r"no free address in 10\.5\.0\.0/30: all 2"):
        house.address(pool)


def test_a_lost_release_is_taken_over_by_ip_once_the_sandbox_is_dead(
    clock: Clock, house: House
) -> None:
    network = house.network("10.5.0.0/16")
    house.run(network, address="10.5.0.9")
    (pool,) = house.pools_of(network)
    endpoint = next(iter(house.state.endpoints))
    clock.forward(10 * SETTLE)
    with pytest.raises(Refused, match="already in use"):  # it lives
        house.address(pool, "10.5.0.9")
    house.kill(endpoint)
    assert house.address(pool, "10.5.0.9") == "10.5.0.9/16"
    assert endpoint not in house.state.endpoints
    assert house.claims() == house.on_disk()


def test_an_endpoint_that_docker_just_spoke_of_is_not_taken_over(
    clock: Clock, house: House
) -> None:
    network = house.network("10.5.0.0/16")
    house.endpoint(network, "10.5.0.9")  # no link yet: Join is on its way
    (pool,) = house.pools_of(network)
    clock.forward(SETTLE - 1)
    with pytest.raises(Refused, match="already in use"):
        house.address(pool, "10.5.0.9")
    clock.forward(2)
    assert house.address(pool, "10.5.0.9") == "10.5.0.9/16"


def test_an_address_without_endpoint_is_taken_over_after_a_while(
    clock: Clock, house: House
) -> None:
    pool = house.pool("10.5.0.0/16")
    house.address(pool, "10.5.0.9")
    clock.forward(2 * SETTLE - 1)
    with pytest.raises(Refused):
        house.address(pool, "10.5.0.9")
    clock.forward(2)
    assert house.address(pool, "10.5.0.9") == "10.5.0.9/16"


def test_a_full_pool_is_searched_for_dead_holders(clock: Clock, house: House) -> None:
    network = house.network("10.5.0.0/29")
    endpoints = [house.run(network) for _ in range(5)]
    with pytest.raises(Refused, match="no free address"):
        house.endpoint(network)
    clock.forward(10 * SETTLE)
    house.kill(endpoints[2])
    fresh = house.state.endpoints[house.endpoint(network)]
    assert str(fresh.v4) == "10.5.0.4/29"
    assert set(endpoints) - set(house.state.endpoints) == {endpoints[2]}


def test_gateways_and_aux_are_never_taken_over(clock: Clock, house: House) -> None:
    pool = house.pool("10.5.0.0/16")
    gateway = house.address(pool, gateway=True)
    aux = house.address(pool, "10.5.0.9")
    house.create([pool], [gateway], aux=aux)
    clock.forward(1000)
    for address in ("10.5.0.1", "10.5.0.9"):
        with pytest.raises(Refused, match="already in use"):
            house.address(pool, address)


def test_a_release_while_the_sandbox_lives_is_no_release(house: House) -> None:
    network = house.network("10.5.0.0/16")
    endpoint = house.run(network, address="10.5.0.9")
    (pool,) = house.pools_of(network)
    house.release(pool, "10.5.0.9")
    assert house.claims()["10.5.0.9"] == "docker"
    house.kill(endpoint)
    house.release(pool, "10.5.0.9")
    assert "10.5.0.9" not in house.claims()


def test_a_release_by_another_pool_is_nothing(house: House) -> None:
    pool = house.pool("10.5.0.0/16")
    house.address(pool, "10.5.0.9")
    house.release("weavelocal/10.6.0.0/16", "10.5.0.9")
    assert "10.5.0.9" in house.claims()


def test_a_pool_that_was_lost_is_derived_from_its_id(house: House) -> None:
    pool = "weavelocal/10.5.0.0/16/10.5.3.0/24"
    assert house.address(pool) == "10.5.3.0/16"
    assert house.state.pools[pool].refs == 1
    house.call("IpamDriver.ReleasePool", PoolID=pool)
    assert pool not in house.state.pools


def test_a_derived_pool_belongs_to_the_network_of_its_subnet(house: House) -> None:
    network = house.network("10.5.0.0/16")
    (pool,) = house.pools_of(network)
    house.state.drop(house.state.pools[pool])
    house.address(pool)
    assert house.state.pools[pool].network == network


@pytest.mark.parametrize(
    "pool",
    [
        "x",
        "elsewhere/10.5.0.0/16",
        "weavelocal/10.5.0.0",
        "weavelocal/10.5.0.0/16/1",
        "weavelocal/10.5.0.1/16",
        "weavelocal/10.5.0.0/16/10.6.0.0/24",
    ],
)
def test_a_pool_id_that_is_not_ours(house: House, pool: str) -> None:
    with pytest.raises(Refused):
        house.address(pool)
    assert not house.state.pools


def test_everything_is_there_after_a_restart(house: House) -> None:
    pool = house.pool("10.5.0.0/16")
    house.address(pool, gateway=True)
    house.address(pool)
    again = house.restarted()
    try:
        assert again.claims() == house.claims()
        assert again.address(pool, gateway=True) == "10.5.0.1/16"
        assert again.address(pool) == "10.5.0.3/16"
    finally:
        again.close()
