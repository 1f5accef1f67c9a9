"""The client against a dockerd that says what tests want it to say."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.engine import samples
from tests.unit.engine.server import FakeDocker, Handler
from weavecli.engine import docker_api
from weavecli.engine.base import NetworkSpec
from weavecli.engine.docker_api import DockerEngine
from weavecli.errors import (
    Conflict,
    Forbidden,
    Internal,
    Invalid,
    NotFound,
    Unavailable,
    WeaveError,
)

C1 = ("GET", "/containers/c1/json")


@pytest.fixture
def docker(tmp_path: Path) -> Iterator[FakeDocker]:
    with FakeDocker(tmp_path / "docker.sock").running() as running:
        yield running


@pytest.fixture
def engine(docker: FakeDocker) -> Iterator[DockerEngine]:
    made = DockerEngine(docker.url)
    yield made
    made.close()


def paths(docker: FakeDocker) -> list[str]:
    return [path for _, path, _ in docker.seen]


@pytest.mark.parametrize("api", ["1.41", "1.52"])
def test_the_version_is_negotiated_once(docker: FakeDocker, engine: DockerEngine, api: str) -> None:
    docker.api = api
    docker.routes[C1] = 200, samples.CONTAINER_20
    assert engine.container("c1").name == "c1"
    assert engine.container("c1").pid == 4321
    assert paths(docker) == ["/version", *2 * [f"/v{api}/containers/c1/json"]]


def test_the_version_is_negotiated_again_when_refused(
    docker: FakeDocker, engine: DockerEngine
) -> None:
    """Docker was updated in place: a new dockerd that no longer speaks the old version."""
    docker.routes["POST", "/containers/c1/start"] = 204, None
    engine.start("c1")
    docker.minimum, docker.api = "1.44", "1.52"
    engine.start("c1")
    assert paths(docker)[-1] == "/v1.52/containers/c1/start"


def test_a_lost_connection_is_made_again(tmp_path: Path) -> None:
    docker = FakeDocker(tmp_path / "docker.sock")
    engine = DockerEngine(docker.url)
    with docker.running():
        assert engine.version() == "20.10.24"
    with pytest.raises(Unavailable):
        engine.version()
    docker.api = "1.52"
    with docker.running():
        assert engine.version() == "20.10.24"
        assert paths(docker)[-1] == "/v1.52/version"
        engine.close()


def test_nobody_answers(tmp_path: Path) -> None:
    url = f"unix://{tmp_path}/none.sock"
    expected = f"no Docker engine answers on {url}; start Docker, or set DOCKER_HOST"
    for call in (DockerEngine(url).version, DockerEngine(url).events, DockerEngine(url).containers):
        with pytest.raises(Unavailable) as caught:
            call()
        assert str(caught.value) == expected


@pytest.mark.parametrize("url", ["tcp://127.0.0.1:1", "nonsense://x", "unix://"])
def test_urls_that_lead_nowhere(url: str) -> None:
    with pytest.raises(WeaveError):
        DockerEngine(url).version()


def test_docker_host_is_heeded(docker: FakeDocker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker.url)
    engine = DockerEngine()
    assert engine.version() == "20.10.24"
    engine.close()


def test_no_answer_in_time(
    docker: FakeDocker, engine: DockerEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dockerd that waits for a plugin at its start accepts connections and says nothing."""
    monkeypatch.setattr(docker_api, "NORMAL", 0.2)
    docker.routes["GET", "/networks/n1"] = lambda handler: docker.release.wait(5) and None
    began = time.monotonic()
    engine = DockerEngine(docker.url)
    with pytest.raises(Unavailable, match="unable to inspect network n1: .* did not answer within"):
        engine._call("inspect network n1", lambda c: c.inspect_network("n1"), 0.2)
    assert time.monotonic() - began < 2
    engine.close()


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (404, "No such container: c1", NotFound),
        (409, "in use", Conflict),
        (403, "c1 is a pre-defined network and cannot be removed", Forbidden),
        (403, "network c1 id 4b has active endpoints", Conflict),
        (403, "Pool overlaps with other one on this address space", Conflict),
        (400, "invalid reference", Invalid),
        (500, "NetworkDriver.CreateNetwork: no", Internal),
        (503, "not ready", Unavailable),
    ],
)
def test_refusals_become_kinds(
    docker: FakeDocker, engine: DockerEngine, status: int, message: str, kind: type[WeaveError]
) -> None:
    docker.routes[C1] = status, {"message": message}
    with pytest.raises(kind) as caught:
        engine.container("c1")
    assert type(caught.value) is kind
    assert str(caught.value) == f"unable to inspect container c1: {message}"


def test_nonsense_is_internal(docker: FakeDocker, engine: DockerEngine) -> None:
    docker.routes[C1] = 200, None
    with pytest.raises(WeaveError, match="unable to inspect container c1"):
        engine.container("c1")


def test_containers_that_vanish_or_hang(
    docker: FakeDocker, engine: DockerEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One goes between the list and its inspection; one is being started, which blocks its own
    inspection: it is told as the list has it."""
    monkeypatch.setattr(docker_api, "QUICK", 0.2)
    ids = {name: name * 64 for name in "abc"}
    docker.routes["GET", "/containers/json"] = (
        200,
        [{**samples.LISTED, "Id": cid, "Names": [f"/{name}"]} for name, cid in ids.items()],
    )
    docker.routes["GET", f"/containers/{ids['a']}/json"] = 200, samples.CONTAINER_20
    docker.routes["GET", f"/containers/{ids['b']}/json"] = 404, {"message": "No such container"}
    docker.routes["GET", f"/containers/{ids['c']}/json"] = lambda h: docker.release.wait(5) and None
    found = engine.containers()
    assert [(c.name, c.pid) for c in found] == [("c1", 4321), ("c", 0)]


def test_networks_are_ours_with_endpoints(docker: FakeDocker, engine: DockerEngine) -> None:
    docker.routes["GET", "/networks"] = 200, [{**samples.NETWORK_20, "Containers": {}}]
    docker.routes["GET", f"/networks/{samples.NID}"] = 200, samples.NETWORK_20
    (web,) = engine.networks()
    assert list(web.endpoints) == [samples.EID]
    assert "weavemesh" in paths(docker)[1]


def test_create_network_asks_for_our_ipam(docker: FakeDocker, engine: DockerEngine) -> None:
    docker.routes["POST", "/networks/create"] = 201, {"Id": samples.NID, "Warning": ""}
    spec = NetworkSpec(
        "web",
        ({"Subnet": "10.5.0.0/16", "AuxiliaryAddresses": {"a": "10.5.0.9"}},),
        internal=True,
        ipv6=True,
        options={"k": "v"},
        labels={"l": "1"},
    )
    assert engine.create_network(spec) == samples.NID
    sent = docker.seen[-1][2]
    assert sent == {
        "Name": "web",
        "Driver": "weave",
        "IPAM": {"Driver": "weave", "Config": [dict(spec.configs[0])]},
        "Options": {"k": "v"},
        "Labels": {"l": "1"},
        "Internal": True,
        "EnableIPv6": True,
        "CheckDuplicate": True,
    }


def test_disconnect_is_by_force(docker: FakeDocker, engine: DockerEngine) -> None:
    docker.routes["POST", "/networks/web/disconnect"] = 200, None
    engine.disconnect("web", "c1")
    assert docker.seen[-1][2] == {"Container": "c1", "Force": True}


def event(action: str) -> bytes:
    actor = {"ID": samples.CID, "Attributes": {"name": "c1"}}
    return json.dumps({"Type": "container", "Action": action, "Actor": actor}).encode() + b"\n"


def test_events_however_they_are_cut(docker: FakeDocker, engine: DockerEngine) -> None:
    text = event("create") + event("exec_start: true") + event("start")

    def stream(handler: Handler) -> None:
        handler.chunks(text[:30], text[30:], event("die"))
        docker.release.wait(5)

    docker.routes["GET", "/events"] = stream
    events = engine.events()
    assert [next(events).action for _ in range(3)] == ["create", "start", "die"]  # type: ignore[union-attr]
    assert next(events) is None
    engine.close()
    assert list(events) == []


def test_events_end_with_the_connection(docker: FakeDocker, engine: DockerEngine) -> None:
    docker.routes["GET", "/events"] = lambda handler: handler.chunks(event("start"))

    def stream(handler: Handler) -> None:
        handler.chunks(event("start"))
        handler.close_connection = True

    docker.routes["GET", "/events"] = stream
    assert [e.action for e in engine.events() if e] == ["start"]


def test_a_reader_in_another_thread_is_ended(docker: FakeDocker, engine: DockerEngine) -> None:
    def stream(handler: Handler) -> None:
        handler.chunks(event("start"))
        docker.release.wait(5)

    docker.routes["GET", "/events"] = stream
    events = engine.events()
    reader = threading.Thread(target=lambda: list(events))
    reader.start()
    events.close()
    reader.join(3)
    assert not reader.is_alive()


def test_a_refused_event_stream(docker: FakeDocker, engine: DockerEngine) -> None:
    docker.routes["GET", "/events"] = 500, {"message": "out of files"}
    with pytest.raises(WeaveError, match="unable to watch Docker's events"):
        engine.events()
