"""Legs of sandboxes that ended, and containers that Docker gave up."""

from __future__ import annotations

import pytest

from tests.unit.service.conftest import Clock
from tests.unit.service.house import House
from weavecli.engine.base import Container
from weavecli.errors import Conflict
from weavecli.model.naming import attach_end
from weavecli.service.reconcile import TRIES, given_up

LINGER = 30.0


@pytest.fixture
def c1(clock: Clock, house: House) -> str:
    """A container with a leg."""
    made = house.container("c1")
    house.attaching.attach("c1", [], True)
    clock.forward(1000)
    return made


def stop(house: House, container: str) -> None:
    house.dataplane.kill_netns(f"/proc/{house.engine.containers_by_id[container].pid}/ns/net")
    house.engine.set_container(container, running=False, pid=0)


def test_a_live_leg_is_left_alone(clock: Clock, house: House, c1: str) -> None:
    for _ in range(5):
        house.reconcile.legs_pass()
        clock.forward(LINGER + 1)
    assert c1 in house.state.legs


def test_a_stopped_containers_leg_lingers(clock: Clock, house: House, c1: str) -> None:
    stop(house, c1)
    house.reconcile.legs_pass()
    clock.forward(LINGER - 1)
    house.reconcile.legs_pass()
    assert house.claims()["10.32.0.2"] == c1
    clock.forward(2)
    house.reconcile.legs_pass()
    assert not house.state.legs
    assert house.claims() == house.on_disk() == {"10.32.0.1": "weave:gateway"}


def test_who_comes_back_begins_a_new_linger(clock: Clock, house: House, c1: str) -> None:
    stop(house, c1)
    house.reconcile.legs_pass()
    clock.forward(LINGER - 1)
    house.sandboxes += 1
    house.dataplane.add_netns("/proc/9/ns/net", 4026540000 + house.sandboxes)
    house.engine.set_container(c1, running=True, pid=9)
    assert house.attaching.attach("c1", [], True)[0] == ["10.32.0.2"]
    clock.forward(2)
    house.reconcile.legs_pass()
    stop(house, c1)
    house.reconcile.legs_pass()
    assert c1 in house.state.legs


def test_a_removed_containers_leg_goes_at_once(house: House, c1: str) -> None:
    stop(house, c1)
    house.engine.remove_container(c1)
    house.reconcile.legs_pass()
    assert not house.state.legs
    assert "10.32.0.2" not in house.claims()


def test_without_docker_it_lingers(clock: Clock, house: House, c1: str) -> None:
    stop(house, c1)
    house.engine.remove_container(c1)
    house.engine.down = True
    house.reconcile.legs_pass()
    assert c1 in house.state.legs
    clock.forward(LINGER + 1)
    house.reconcile.legs_pass()
    assert not house.state.legs


def test_a_namespaces_leg_goes_with_it(house: House) -> None:
    house.dataplane.add_netns("/run/netns/blue", 77)
    house.attaching.attach("netns:blue", [], True)
    house.reconcile.legs_pass()
    assert house.state.legs
    house.dataplane.kill_netns("/run/netns/blue")
    house.reconcile.legs_pass()
    assert not house.state.legs
    assert "10.32.0.2" not in house.claims()


def test_a_leg_that_came_back_meanwhile_is_not_released(house: House, c1: str) -> None:
    leg = house.state.legs[c1]
    house.attaching.forget(leg)  # decided while the link was away; it is there again
    assert house.dataplane.pair_exists(attach_end(c1))
    assert house.claims()["10.32.0.2"] == c1


def test_the_claims_of_an_attach_that_was_cut_off_are_collected(
    clock: Clock, house: House, c1: str
) -> None:
    house.state.drop(house.state.legs[c1])
    house.reconcile.legs_pass()
    assert "10.32.0.2" in house.claims()
    clock.forward(61)
    house.reconcile.legs_pass()
    assert "10.32.0.2" not in house.claims()
    assert "10.32.0.1" in house.claims()


# -- containers that Docker gave up


def container(**changes: object) -> Container:
    values: dict[str, object] = {
        "id": "c" * 64,
        "name": "c1",
        "running": False,
        "pid": 0,
        "network_mode": "web",
        "sandbox_key": "",
        "restart_policy": "always",
        "error": "NetworkDriver.Join: plugin not found",
    }
    return Container(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"error": "dial unix /run/docker/plugins/weave.sock: connect: refused"}, True),
        ({"error": 'plugin "weave" not found'}, True),
        ({"restart_policy": "unless-stopped"}, True),
        ({"restart_policy": "no"}, False),
        ({"running": True}, False),
        ({"error": ""}, False),
        ({"error": "exec: no such file"}, False),
    ],
)
def test_who_was_given_up_because_of_us(changes: dict[str, object], expected: bool) -> None:
    assert given_up(container(**changes)) is expected


@pytest.fixture
def net(house: House) -> str:
    network = house.network("10.5.0.0/16")
    house.known(network, "web")
    return network


def started(house: House) -> list[str]:
    return [house.engine.containers_by_id[c[1]].name for c in house.engine.calls if c[0] == "start"]


def test_only_given_up_containers_of_ours_are_started(house: House, net: str) -> None:
    error, nets = container().error, {"web": {"NetworkID": net}}
    engine = house.engine
    engine.add_container("ours", False, restart_policy="always", error=error, networks=nets)
    engine.add_container("theirs", False, restart_policy="always", error=error)
    engine.add_container("stopped", False, restart_policy="always", networks=nets)
    assert house.reconcile.start_given_up() is False
    assert started(house) == ["ours"]
    house.reconcile.start_given_up()
    assert started(house) == ["ours"]


def test_one_that_does_not_start_is_tried_again_but_not_for_ever(house: House, net: str) -> None:
    house.engine.add_container(
        "c1",
        False,
        restart_policy="always",
        error=container().error,
        networks={"web": {"NetworkID": net}},
    )
    house.engine.fail["start"] = Conflict("no")
    tries = 0
    while house.reconcile.start_given_up():
        tries += 1
        assert tries < 100
    assert len(started(house)) == TRIES
    house.reconcile.start_given_up()
    assert len(started(house)) == TRIES
