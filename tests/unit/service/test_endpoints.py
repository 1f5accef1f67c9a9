"""CreateEndpoint, Join, Leave, DeleteEndpoint: repeated, lost, out of order."""

from __future__ import annotations

import pytest

from tests.unit.service.conftest import Clock
from tests.unit.service.house import House, Refused
from weavecli.errors import Exhausted
from weavecli.model.naming import host_end, sandbox_end

WEB = "10.5.0.0/16"


@pytest.fixture
def net(house: House) -> str:
    return house.network(WEB)


def create(house: House, net: str, eid: str, address: str, mac: str = "") -> dict[str, object]:
    interface = {"Address": address, "AddressIPv6": "", "MacAddress": mac}
    return house.call(
        "NetworkDriver.CreateEndpoint",
        NetworkID=net,
        EndpointID=eid,
        Interface=interface,
        Options={},
    )


def test_the_mac_is_the_addresss(house: House, net: str) -> None:
    answer = create(house, net, "e" * 64, "10.5.0.9/16")
    assert answer == {"Interface": {"MacAddress": "02:77:0a:05:00:09"}}


def test_a_given_mac_is_not_repeated(house: House, net: str) -> None:
    given = "02:42:0A:05:00:09"
    assert create(house, net, "e" * 64, "10.5.0.9/16", given) == {"Interface": {}}
    house.join(net, "e" * 64)
    assert house.dataplane.links[sandbox_end("e" * 64)].mac == given.lower()


def test_created_again_the_answer_is_the_same(house: House, net: str) -> None:
    first = create(house, net, "e" * 64, "10.5.0.9/16")
    house.join(net, "e" * 64)
    house.plug("e" * 64)
    assert create(house, net, "e" * 64, "10.5.0.9/16") == first
    assert house.state.endpoints["e" * 64].joined
    assert house.has_link("e" * 64)


def test_two_endpoints_never_have_one_address(house: House, net: str) -> None:
    create(house, net, "e" * 64, "10.5.0.9/16")
    with pytest.raises(Refused, match=r"10\.5\.0\.9 is already in use by a container on network"):
        create(house, net, "d" * 64, "10.5.0.9/16")
    assert set(house.state.endpoints) == {"e" * 64}


def test_a_dead_endpoint_gives_way_and_a_live_one_does_not(
    clock: Clock, house: House, net: str
) -> None:
    create(house, net, "e" * 64, "10.5.0.9/16")
    house.join(net, "e" * 64)
    house.plug("e" * 64)
    clock.forward(100)
    with pytest.raises(Refused, match="already in use"):
        create(house, net, "d" * 64, "10.5.0.9/16")
    house.kill("e" * 64)
    create(house, net, "d" * 64, "10.5.0.9/16")
    assert set(house.state.endpoints) == {"d" * 64}


@pytest.mark.parametrize("address", ["10.6.0.9/16", "192.168.0.1/24"])
def test_an_address_of_another_network_is_refused(house: House, net: str, address: str) -> None:
    with pytest.raises(Refused, match="does not lie in network"):
        create(house, net, "e" * 64, address)
    assert not house.state.endpoints


def test_an_unknown_network_is_named_with_the_next_step(house: House) -> None:
    for method in ("CreateEndpoint", "Join"):
        with pytest.raises(Refused, match=r"network ffffffffffff is not known.*docker network rm"):
            house.call(f"NetworkDriver.{method}", NetworkID="f" * 64, EndpointID="e" * 64)


def test_join_makes_the_pair_and_names_it(house: House, net: str) -> None:
    endpoint = house.endpoint(net)
    answer = house.join(net, endpoint)
    assert answer == {
        "InterfaceName": {"SrcName": sandbox_end(endpoint), "DstPrefix": "ethwe"},
        "Gateway": "10.5.0.1",
    }
    made = house.dataplane.links[sandbox_end(endpoint)]
    assert (made.mac, made.mtu) == ("02:77:0a:05:00:02", 1450)
    assert house.dataplane.links[host_end(endpoint)].master == house.state.networks[net].bridge


def test_join_again_makes_nothing_anew(house: House, net: str) -> None:
    endpoint = house.endpoint(net)
    first = house.join(net, endpoint)
    house.plug(endpoint)
    assert house.join(net, endpoint) == first
    assert house.dataplane.is_plugged(host_end(endpoint), sandbox_end(endpoint))


@pytest.mark.parametrize("lazy", [True, False])
def test_join_after_leave_makes_the_link_again(house: House, net: str, lazy: bool) -> None:
    house.dataplane.lazy = lazy
    endpoint = house.endpoint(net)
    first = house.join(net, endpoint)
    house.leave(net, endpoint)
    assert not house.has_link(endpoint)
    assert house.join(net, endpoint) == first
    assert house.dataplane.links[sandbox_end(endpoint)].mac == "02:77:0a:05:00:02"
    house.dataplane.flush_doomed(1)
    assert house.has_link(endpoint)


def test_who_publishes_ports_gets_no_gateway(house: House) -> None:
    net = house.network(WEB, "fd05::/64", **{"works.weave.multicast": "true"})
    endpoint = house.endpoint(net)
    published = house.join(net, endpoint, ports=1)
    assert "Gateway" not in published and "GatewayIPv6" not in published
    assert published["StaticRoutes"] == [{"Destination": "224.0.0.0/4", "RouteType": 1}]
    plain = house.join(net, endpoint)
    assert (plain["Gateway"], plain["GatewayIPv6"]) == ("10.5.0.1", "fd05::1")


def test_without_multicast_no_route_is_added(house: House, net: str) -> None:
    assert "StaticRoutes" not in house.join(net, house.endpoint(net), ports=1)


def test_an_internal_network_has_no_way_out(house: House) -> None:
    net = house.network(WEB, "fd05::/64", internal=True)
    answer = house.join(net, house.endpoint(net))
    assert set(answer) == {"InterfaceName"}


def test_an_endpoint_without_ipv6_gets_no_ipv6_gateway(house: House) -> None:
    net = house.network(WEB, "fd05::/64")
    create(house, net, "e" * 64, "10.5.0.9/16")
    answer = house.join(net, "e" * 64)
    assert answer["Gateway"] == "10.5.0.1"
    assert "GatewayIPv6" not in answer


def test_join_of_an_unknown_endpoint_connects_it(house: House, net: str) -> None:
    answer = house.join(net, "e" * 64)
    assert answer["InterfaceName"]["SrcName"] == sandbox_end("e" * 64)
    assert "Gateway" not in answer
    assert house.has_link("e" * 64)
    assert house.store.get("endpoint", "e" * 64) is not None


def test_a_join_that_fails_can_be_taken_back(house: House, net: str) -> None:
    endpoint = house.endpoint(net)
    house.dataplane.fail_next["create_pair"] = Exhausted("bridge is full: 1023 ports")
    with pytest.raises(Refused, match="1023 ports"):
        house.join(net, endpoint)
    assert not house.state.endpoints[endpoint].joined
    house.stop(net, endpoint)
    assert "10.5.0.2" not in house.claims()


@pytest.mark.parametrize("method", ["Leave", "DeleteEndpoint"])
def test_what_is_unknown_is_left_and_deleted_without_error(house: House, method: str) -> None:
    house.dataplane.add_link(host_end("e" * 64), "veth")
    house.call(f"NetworkDriver.{method}", NetworkID="f" * 64, EndpointID="e" * 64)
    assert host_end("e" * 64) not in house.dataplane.links  # by its name


def test_twice_is_once(house: House, net: str) -> None:
    endpoint = house.run(net)
    for _ in range(2):
        house.leave(net, endpoint)
    for _ in range(2):
        house.delete(net, endpoint)
    for _ in range(2):
        house.release(house.pools_of(net)[0], "10.5.0.2")
    assert not house.state.endpoints
    assert "10.5.0.2" not in house.claims()
    assert house.claims() == house.on_disk()


def test_a_deleted_endpoint_keeps_its_address_until_the_release(house: House, net: str) -> None:
    endpoint = house.run(net)
    house.leave(net, endpoint)
    house.delete(net, endpoint)
    assert house.on_disk()["10.5.0.2"] == "docker"
    assert str(house.state.endpoints[house.endpoint(net)].v4) == "10.5.0.3/16"


def test_a_create_that_the_disk_refuses_leaves_nothing(house: House, net: str) -> None:
    house.store._conn.execute("PRAGMA query_only = ON")
    with pytest.raises(Refused, match="cannot write the state"):
        create(house, net, "e" * 64, "10.5.0.9/16")
    with pytest.raises(Refused, match="cannot write the state"):
        house.address(house.pools_of(net)[0], "10.5.0.9")
    house.store._conn.execute("PRAGMA query_only = OFF")
    assert not house.state.endpoints
    assert house.claims() == house.on_disk()
    create(house, net, "e" * 64, "10.5.0.9/16")


def test_an_endpoint_that_the_disk_does_not_let_go_stays(house: House, net: str) -> None:
    endpoint = house.endpoint(net)
    house.store._conn.execute("PRAGMA query_only = ON")
    with pytest.raises(Refused):
        house.delete(net, endpoint)
    with pytest.raises(Refused):
        house.release(house.pools_of(net)[0], "10.5.0.2")
    house.store._conn.execute("PRAGMA query_only = OFF")
    assert endpoint in house.state.endpoints
    assert house.claims() == house.on_disk()
    house.delete(net, endpoint)
    house.release(house.pools_of(net)[0], "10.5.0.2")
    assert house.claims() == house.on_disk()


def test_after_a_restart_the_kernel_tells_who_is_joined(house: House, net: str) -> None:
    joined, created = house.run(net), house.endpoint(net)
    again = house.restarted()
    try:
        assert again.state.endpoints[joined].joined
        assert not again.state.endpoints[created].joined
        assert again.dataplane.is_plugged(host_end(joined), sandbox_end(joined))
        again.stop(net, joined)
        again.join(net, created)
    finally:
        again.close()


def test_a_link_prefix_of_the_network_is_used(house: House) -> None:
    net = house.network(WEB, **{"com.docker.network.container_iface_prefix": "lan"})
    assert house.join(net, house.endpoint(net))["InterfaceName"]["DstPrefix"] == "lan"


def test_a_store_error_is_a_sentence(house: House, net: str) -> None:
    house.store.close()
    with pytest.raises(Refused, match=r"^cannot write the state in"):
        house.address(house.pools_of(net)[0])
