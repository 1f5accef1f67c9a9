"""Docker's JSON as 20.10 and 29 write it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.engine import samples
from weavecli.engine import docker_shapes as shapes
from weavecli.engine.base import Event


@pytest.mark.parametrize("raw", [samples.CONTAINER_20, samples.CONTAINER_29], ids=["20.10", "29"])
def test_container_of_any_version(raw: dict[str, Any]) -> None:
    found = shapes.container(raw)
    assert found.id == samples.CID
    assert found.name == "c1"
    assert (found.running, found.pid) == (True, 4321)
    assert found.network_mode == "web"
    assert found.sandbox_key == "/var/run/docker/netns/0123456789ab"
    assert found.restart_policy == "unless-stopped"
    assert found.error == ""
    assert found.networks["web"]["IPAddress"] == "10.5.0.2"
    assert found.networks["web"]["EndpointID"] == samples.EID


def test_stopped_container_has_no_place() -> None:
    raw = {
        **samples.CONTAINER_20,
        "State": {"Running": False, "Pid": 0, "Error": "network web not found"},
        "NetworkSettings": {"SandboxKey": "", "Networks": None},
    }
    found = shapes.container(raw)
    assert not found.running
    assert (found.pid, found.sandbox_key, found.networks) == (0, "", {})
    assert found.error == "network web not found"


def test_listed_container_prefers_its_own_name() -> None:
    found = shapes.listed_container(samples.LISTED)
    assert (found.id, found.name, found.running) == (samples.CID, "c1", True)
    assert (found.pid, found.sandbox_key) == (0, "")
    assert found.networks["web"]["EndpointID"] == samples.EID


@pytest.mark.parametrize("raw", [samples.NETWORK_20, samples.NETWORK_29], ids=["20.10", "29"])
def test_network_of_any_version(raw: dict[str, Any]) -> None:
    found = shapes.network(raw)
    assert (found.id, found.name, found.driver) == (samples.NID, "web", "weave")
    assert found.ipam_driver == "weave"
    assert (found.internal, found.ipv6) == (False, True)
    assert [config["Subnet"] for config in found.configs] == ["10.5.0.0/16", "fd05::/64"]
    assert found.options == {"works.weave.multicast": "true"}
    expected = (samples.CID, "c1", "02:42:0a:05:00:02", "10.5.0.2/16", "fd05::2/64")
    assert found.endpoints[samples.EID] == expected
    assert found.raw is raw


def test_endpoint_without_sandbox_has_no_container() -> None:
    end = {"Name": "gone", "EndpointID": "e" * 64, "MacAddress": "", "IPv4Address": "10.5.0.9/16"}
    raw = {**samples.NETWORK_20, "Containers": {"ep-" + "e" * 64: end}}
    assert shapes.network(raw).endpoints["e" * 64] == ("", "gone", "", "10.5.0.9/16", "")


def test_network_with_nothing() -> None:
    raw = {"Id": samples.NID, "IPAM": {"Driver": "null", "Options": None, "Config": None}}
    found = shapes.network(raw)
    assert (found.configs, found.options, found.endpoints) == ((), {}, {})


def test_bridge_device() -> None:
    assert shapes.bridge({"Id": samples.NID, "Options": None}) == f"br-{samples.NID[:12]}"
    named = {"Id": samples.NID, "Options": {"com.docker.network.bridge.name": "docker0"}}
    assert shapes.bridge(named) == "docker0"


def test_event() -> None:
    raw = {
        "status": "start",
        "id": samples.CID,
        "Type": "container",
        "Action": "start",
        "Actor": {"ID": samples.CID, "Attributes": {"name": "c1", "image": "bb"}},
    }
    expected = Event("container", "start", samples.CID, {"name": "c1", "image": "bb"})
    assert shapes.event(raw) == expected


@pytest.mark.parametrize("action", ["exec_create: true", "exec_start: true", "exec_die"])
def test_health_checks_are_no_events(action: str) -> None:
    assert shapes.event({"Type": "container", "Action": action, "Actor": {"ID": "x"}}) is None
