"""The engine against a real dockerd."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from tests.lab import Host
from weavecli.engine.base import Event, NetworkSpec
from weavecli.engine.docker_api import DockerEngine
from weavecli.engine.docker_events import EventStream
from weavecli.errors import Conflict, Forbidden, NotFound, Unavailable

SLEEP = ("bb", "sleep", "1000")


def connect(host: Host) -> DockerEngine:
    return DockerEngine(f"unix://{host.path('/run/docker.sock')}")


@pytest.fixture
def engine(host: Host) -> Iterator[DockerEngine]:
    made = connect(host)
    yield made
    made.close()


def until_event(stream: EventStream, action: str, name: str) -> Event:
    end = time.monotonic() + 10
    for event in stream:
        if event and event.action == action and event.attributes.get("name") == name:
            return event
        assert time.monotonic() < end, f"no {action} of {name}"
    raise AssertionError("the stream ended")


def test_version(engine: DockerEngine, host: Host) -> None:
    assert engine.version() == host.docker("version", "-f", "{{.Server.Version}}").out


def test_container_running_and_stopped(engine: DockerEngine, host: Host) -> None:
    cid = host.docker("run", "-d", "--name", "c1", "--restart", "always", *SLEEP).out
    host.docker("create", "--name", "c2", *SLEEP)
    c1 = engine.container("c1")
    assert (c1.id, c1.name, c1.running, c1.restart_policy) == (cid, "c1", True, "always")
    assert c1.pid == host.container_pid("c1")
    assert c1.sandbox_key.startswith("/var/run/docker/netns/")
    assert set(c1.networks) == {"bridge"}
    assert {c.name: c.running for c in engine.containers()} == {"c1": True, "c2": False}
    assert engine.inspect_container("c1")["Id"] == cid


def test_a_container_that_failed_to_start_tells_why(engine: DockerEngine, host: Host) -> None:
    host.docker("run", "--name", "c1", "bb", "no-such-program", check=False)
    c1 = engine.container("c1")
    assert not c1.running
    assert "no-such-program" in c1.error


def test_network_with_endpoints(engine: DockerEngine, host: Host) -> None:
    host.docker("network", "create", "--subnet", "10.77.0.0/24", "-o", "a=b", "--internal", "n1")
    cid = host.docker("run", "-d", "--name", "c1", "--network", "n1", *SLEEP).out
    n1 = engine.network("n1")
    assert (n1.name, n1.driver, n1.ipam_driver, n1.internal) == ("n1", "bridge", "default", True)
    assert n1.configs[0]["Subnet"] == "10.77.0.0/24"
    assert n1.options["a"] == "b"
    ((endpoint, (owner, name, mac, ipv4, _)),) = n1.endpoints.items()
    assert (owner, name, ipv4) == (cid, "c1", "10.77.0.2/24")
    known = engine.container("c1").networks["n1"]
    assert (endpoint, mac) == (known["EndpointID"], known["MacAddress"])
    assert engine.networks() == []


def test_bridges(engine: DockerEngine, host: Host) -> None:
    host.docker("network", "create", "-o", "com.docker.network.bridge.name=mine", "n1")
    nid = host.docker("network", "create", "n2").out
    assert set(engine.bridges()) - {"docker_gwbridge"} == {"docker0", "mine", f"br-{nid[:12]}"}


def test_absent_objects_are_named(engine: DockerEngine) -> None:
    with pytest.raises(NotFound, match="unable to inspect container nope: No such container: nope"):
        engine.container("nope")
    with pytest.raises(NotFound, match="unable to inspect network nope: network nope not found"):
        engine.network("nope")
    with pytest.raises(NotFound, match="unable to start container nope"):
        engine.start("nope")
    with pytest.raises(NotFound, match="unable to remove network nope"):
        engine.remove_network("nope")


def test_refusals_have_a_kind(engine: DockerEngine, host: Host) -> None:
    with pytest.raises(Forbidden, match="pre-defined"):
        engine.remove_network("bridge")
    host.docker("network", "create", "n1")
    host.docker("run", "-d", "--network", "n1", *SLEEP)
    with pytest.raises(Conflict, match="active endpoints"):
        engine.remove_network("n1")
    with pytest.raises(Conflict, match="unable to create network n1: .*already exists"):
        engine.create_network(NetworkSpec("n1"), driver="bridge")


def test_disconnect_remove_start(engine: DockerEngine, host: Host) -> None:
    host.docker("network", "create", "n1")
    host.docker("create", "--name", "c1", "--network", "n1", *SLEEP)
    engine.start("c1")
    assert engine.container("c1").running
    engine.disconnect("n1", "c1")
    assert engine.network("n1").endpoints == {}
    engine.remove_network("n1")
    with pytest.raises(NotFound):
        engine.network("n1")


def test_events_come_at_once_and_none_between(engine: DockerEngine, host: Host) -> None:
    stream = engine.events()
    cid = host.docker("run", "-d", "--name", "c1", *SLEEP).out
    assert until_event(stream, "start", "c1").id == cid
    host.docker("network", "create", "n1")
    assert until_event(stream, "create", "n1").type == "network"
    began = time.monotonic()
    assert next(stream) is None
    assert 0.9 < time.monotonic() - began < 1.5
    stream.close()
    assert list(stream) == []


def test_close_ends_a_waiting_reader(engine: DockerEngine) -> None:
    stream = engine.events()
    reader = threading.Thread(target=lambda: list(stream))
    reader.start()
    engine.close()
    reader.join(3)
    assert not reader.is_alive()
    assert engine.version()


def test_one_engine_for_many_threads(engine: DockerEngine, host: Host) -> None:
    host.docker("run", "-d", "--name", "c1", *SLEEP)
    seen: list[str] = []
    threads = [
        threading.Thread(target=lambda: seen.extend(engine.container("c1").name for _ in range(20)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert seen == ["c1"] * 160


def test_dockerd_restarts(fresh_host: Host) -> None:
    """The stream ends, calls say that nothing answers, and the same object goes on after."""
    engine = connect(fresh_host)
    stream = engine.events()
    assert engine.version()
    fresh_host.dockerd_kill()
    began = time.monotonic()
    assert [event for event in stream if event] == []
    assert time.monotonic() - began < 3
    with pytest.raises(Unavailable, match=r"no Docker engine answers on unix:.*DOCKER_HOST"):
        engine.containers()
    with pytest.raises(Unavailable, match="no Docker engine answers"):
        engine.events()
    fresh_host.dockerd_start()
    assert engine.containers() == []
    fresh_host.dockerd_restart()
    assert engine.containers() == []
    engine.close()


def test_dockerd_hangs(fresh_host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream to a frozen engine ends, and no call waits for ever."""
    monkeypatch.setattr("weavecli.engine.docker_events.SILENCE", 1)
    engine = connect(fresh_host)
    stream = engine.events()
    fresh_host.freeze()
    began = time.monotonic()
    assert list(stream) == []
    with pytest.raises(Unavailable, match="did not answer within 2 s"):
        engine.version()
    assert time.monotonic() - began < 8
    fresh_host.thaw()
    assert engine.version()
    engine.close()
