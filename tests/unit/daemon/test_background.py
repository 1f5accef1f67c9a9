"""What goes on without a caller: Docker is watched, the kernel mended, and no defect ends it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.daemon.wire import eventually, threads
from tests.unit.service.house import House
from weavecli.daemon import background as module
from weavecli.daemon.background import Background
from weavecli.errors import Conflict


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KERNEL_EVERY", "LEGS_EVERY", "SETTLE", "RETRY"):
        monkeypatch.setattr(module, name, 0.01)


@pytest.fixture
def background(house: House, quick: None) -> Iterator[Background]:
    made = house.composed.background
    yield made
    made.stop()
    assert eventually(lambda: threads() == 1)


def calls(house: House, name: str) -> int:
    return sum(call[0] == name for call in house.engine.calls)


def test_docker_gets_its_network_once_it_answers(house: House, background: Background) -> None:
    house.engine.down = True
    background.start()
    assert background.first_look.wait(5)
    assert (background.docker, background.network) == ("", "")
    house.engine.down = False
    assert eventually(lambda: bool(background.network))
    assert background.docker == "20.10.24"
    assert [n.name for n in house.engine.networks()] == ["weave"]


def test_without_the_plugin_docker_gets_none(house: House, background: Background) -> None:
    house.plugin["enabled"] = False
    background.start()
    assert background.first_look.wait(5)
    assert house.engine.networks() == []


def test_what_docker_refuses_is_told_and_tried_again(house: House, background: Background) -> None:
    house.engine.fail["create_network"] = Conflict("subnet taken")
    background.start()
    assert eventually(lambda: background.trouble == "subnet taken")
    assert background.first_look.wait(5)
    del house.engine.fail["create_network"]
    background.look()
    assert background.trouble == ""
    assert background.network


def test_an_event_makes_it_look(house: House, background: Background) -> None:
    background.start()
    assert eventually(lambda: calls(house, "events") == 1)
    looks = calls(house, "networks")
    house.engine.push("image", "pull", "x")
    house.engine.push("container", "exec_start", "x")
    house.engine.push("container", "start", "x")
    assert eventually(lambda: calls(house, "networks") > looks)


def test_a_new_bridge_of_dockers_is_learned_without_waiting_for_quiet(
    house: House, background: Background
) -> None:
    background.start()
    assert eventually(lambda: calls(house, "events") == 1)
    asked, looks = calls(house, "bridges"), calls(house, "networks")
    house.engine.push("network", "create", "x")
    assert eventually(lambda: calls(house, "bridges") > asked)
    assert calls(house, "networks") == looks, "without a whole look"


def test_a_lost_connection_is_made_again(house: House, background: Background) -> None:
    background.start()
    assert eventually(lambda: calls(house, "events") == 1)
    house.engine.cut()
    assert eventually(lambda: calls(house, "events") == 2)


def test_the_kernel_is_mended(house: House, background: Background) -> None:
    background.start()
    house.dataplane.links["weave"].mtu = 9000
    house.dataplane.flush_firewall()
    assert eventually(lambda: house.dataplane.links["weave"].mtu == 1450)
    assert eventually(lambda: house.dataplane.firewall is not None)


def test_legs_of_sandboxes_that_ended_go(house: House, background: Background) -> None:
    house.dataplane.add_netns("/run/netns/blue", 77)
    house.attaching.attach("netns:blue", [], True)
    background.start()
    house.dataplane.kill_netns("/run/netns/blue")
    assert eventually(lambda: not house.state.legs)


def test_a_defect_does_not_end_it(
    house: House, background: Background, caplog: pytest.LogCaptureFixture
) -> None:
    house.dataplane.fail_next["observe"] = ZeroDivisionError("a defect")
    house.engine.fail["networks"] = ZeroDivisionError("another")
    background.start()
    assert eventually(lambda: caplog.text.count("ZeroDivisionError") >= 2)
    del house.engine.fail["networks"]
    assert eventually(lambda: bool(background.network))
    house.dataplane.links["weave"].mtu = 9000
    assert eventually(lambda: house.dataplane.links["weave"].mtu == 1450)


def test_while_quiet_nothing_is_mended(house: House, background: Background) -> None:
    background.quiet()
    background.start()
    house.dataplane.links["weave"].mtu = 9000
    observed = len(house.dataplane.calls)
    assert background.first_look.wait(5)
    assert not eventually(lambda: len(house.dataplane.calls) > observed, 0.2)
    background.resume()
    assert eventually(lambda: house.dataplane.links["weave"].mtu == 1450)
