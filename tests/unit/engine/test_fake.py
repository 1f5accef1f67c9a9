"""The fake keeps what the contract promises."""

from __future__ import annotations

import pytest

from tests.fakes.engine import FakeEngine
from weavecli.engine.base import Engine, Event, NetworkSpec
from weavecli.errors import Conflict, NotFound, Unavailable


def test_it_is_an_engine() -> None:
    engine: Engine = FakeEngine()
    assert engine.version() == "20.10.24"


def test_containers_and_networks() -> None:
    engine = FakeEngine()
    c1 = engine.add_container("c1", pid=42)
    nid = engine.create_network(NetworkSpec("web", ({"Subnet": "10.5.0.0/16"},)))
    engine.join("web", "c1", "e1", ipv4="10.5.0.2/16")
    assert engine.container(c1[:12]).pid == 42
    assert engine.network("web").endpoints["e1"][:2] == (c1, "c1")
    assert engine.network(nid).raw["Containers"][c1]["IPv4Address"] == "10.5.0.2/16"
    with pytest.raises(Conflict, match="already exists"):
        engine.create_network(NetworkSpec("web"))
    with pytest.raises(Conflict, match="active endpoints"):
        engine.remove_network("web")
    engine.disconnect("web", "c1")
    engine.remove_network("web")
    with pytest.raises(NotFound):
        engine.network("web")
    assert engine.networks() == []


def test_faults() -> None:
    engine = FakeEngine()
    engine.fail["containers"] = Conflict("no")
    with pytest.raises(Conflict):
        engine.containers()
    engine.down = True
    with pytest.raises(Unavailable):
        engine.version()


def test_events() -> None:
    engine = FakeEngine()
    stream = engine.events()
    engine.push("container", "die", "c" * 64, name="c1")
    assert next(stream) == Event("container", "die", "c" * 64, {"name": "c1"})
    assert next(stream) is None
    engine.close()
    assert list(stream) == []
