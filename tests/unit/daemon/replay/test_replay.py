"""What dockerd really sent, scenario by scenario, answered by the real services.

Once as it was; once with every call that may come twice made twice; once with weaved restarted
between every two calls. The answers are the same and libnetwork takes each of them; at the end
nothing is left but what Docker never took back.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.daemon.replay import rules
from tests.unit.daemon.replay.docker import TRACES, Answer, Docker, load, names
from tests.unit.service.conftest import Clock
from tests.unit.service.house import SETTINGS, House
from weavecli.model.naming import host_end
from weavecli.model.network import DEFAULT_ID

OWN_RANGE = ipaddress.ip_network("10.128.0.0/12")
"""Apart from the subnets that the scenarios name."""
ADDING = ("/IpamDriver.RequestPool", "/IpamDriver.RequestAddress")
"""A second one asks for one more; all other calls say the same thing again."""

ERRORS: dict[str, dict[int, str]] = {
    "03-options": {
        34: "one IPv4 and one IPv6 subnet",
        38: "--ipam-driver null gives no subnet",
        39: "network 2dde2382dfec is not known",
        40: "network 2dde2382dfec is not known",
    },
    "06-ipam": {68: "one IPv4 and one IPv6 subnet"},
}
"""Calls that are errors with us by design: by scenario, number of the call and cause."""


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def docker(tmp_path: Path) -> Iterator[Docker]:
    settings = replace(SETTINGS, range=OWN_RANGE, default_subnet=OWN_RANGE)
    made = Docker(House(tmp_path, settings))
    yield made
    made.house.close()


def replayed(
    docker: Docker, clock: Clock, name: str, after: Callable[[Answer], None] = lambda _: None
) -> list[Answer]:
    """Replay a scenario; `after` runs after each call that succeeded. Judges each answer."""
    errors = ERRORS.get(name, {})
    for number, record in enumerate(load(TRACES / f"{name}.jsonl")):
        clock.forward(20)
        answer = docker.tell(record)
        if number in errors:
            assert answer.status == 500, (number, answer)
            assert errors[number] in answer.body["Err"] == answer.body["Error"]
            continue
        assert answer.status == 200, (number, answer)
        rules.check(docker.house, answer.path, answer.request, answer.body)
        after(answer)
        if answer.path == "/NetworkDriver.Join":
            docker.moved(answer)
    return docker.answers


def taken_back(answers: list[Answer]) -> tuple[set[str], set[str]]:
    """Networks and endpoints that the calls themselves leave behind."""
    networks: set[str] = set()
    endpoints: dict[str, str] = {}
    for answer in (a for a in answers if a.status == 200):
        call, network = answer.path.partition(".")[2], answer.request.get("NetworkID", "")
        endpoint = answer.request.get("EndpointID", "")
        if call == "CreateNetwork":
            subnet = answer.request["IPv4Data"][0]["Pool"]
            networks -= {n for n in networks if _subnet(answers, n) == subnet}
            networks.add(network)
        elif call in ("CreateEndpoint", "Join"):
            endpoints[endpoint] = network
        elif call == "DeleteEndpoint":
            endpoints.pop(endpoint, None)
        elif call == "DeleteNetwork":
            networks.discard(network)
    return networks, {e for e, n in endpoints.items() if n in networks}


def _subnet(answers: list[Answer], network: str) -> Any:
    made = (
        a.request["IPv4Data"][0]["Pool"]
        for a in answers
        if a.path == "/NetworkDriver.CreateNetwork" and a.request["NetworkID"] == network
    )
    return next(made, None)


def judge_end(docker: Docker) -> None:
    """No leak: only what Docker never took back, and what belongs to it."""
    house = docker.house
    networks, endpoints = taken_back(docker.answers)
    assert set(house.state.networks) - {DEFAULT_ID} == networks
    assert set(house.state.endpoints) <= endpoints
    assert {p.network for p in house.state.pools.values()} <= networks
    holders = {c.pool for c in house.state.book if c.owner != "weave:gateway"}
    assert holders <= set(house.state.pools)
    assert house.claims() == house.on_disk()
    house.dataplane.flush_doomed(1)
    links = {name for name in house.dataplane.links if name.startswith("veth")}
    assert links <= {host_end(e) for e in endpoints}
    bridges = {name for name in house.dataplane.links if name.startswith("wv-")}
    assert bridges == {house.state.networks[n].bridge for n in networks} - {"weave"}


@pytest.mark.parametrize("name", names())
def test_every_call_is_answered_and_nothing_leaks(docker: Docker, clock: Clock, name: str) -> None:
    replayed(docker, clock, name)
    judge_end(docker)


@pytest.mark.parametrize("name", names())
def test_every_call_twice_is_answered_twice_the_same(
    docker: Docker, clock: Clock, name: str
) -> None:
    def again(answer: Answer) -> None:
        gateway = (answer.request.get("Options") or {}).get("RequestAddressType")
        if answer.path not in ADDING or gateway:
            second = docker.call(answer.path, answer.request, empty=not answer.request)
            assert second == answer

    replayed(docker, clock, name, again)
    judge_end(docker)


@pytest.mark.parametrize("name", names())
def test_a_restart_between_every_two_calls_changes_no_answer(
    docker: Docker, clock: Clock, name: str, tmp_path: Path
) -> None:
    def restart(_answer: Answer) -> None:
        docker.house = docker.house.restarted()

    settings = docker.house.settings
    straight = Docker(House(tmp_path / "straight", settings))
    try:
        expected = replayed(straight, clock, name)
    finally:
        straight.house.close()
    assert replayed(docker, clock, name, restart) == expected
    judge_end(docker)


def test_the_scenarios_are_there() -> None:
    assert len(names()) >= 20
    assert sum(len(load(TRACES / f"{name}.jsonl")) for name in names()) > 600


@pytest.mark.parametrize(
    "record", load(TRACES.parent / "wire-20.10.jsonl"), ids=lambda r: str(r["path"])
)
def test_every_shape_of_request_is_understood(docker: Docker, record: dict[str, Any]) -> None:
    """Out of its order a request may fail, but never for its shape."""
    request = docker.rewritten(record["path"], record["request"] or {})
    answer = docker.call(record["path"], request, record["request"] is None)
    if answer.status != 200:
        assert answer.status == 500
        shape = ("expected", "is missing", "malformed", "not JSON", "no list", "see 'weave logs'")
        assert not [word for word in shape if word in answer.body["Err"]], answer.body


def test_an_answer_that_libnetwork_refuses_is_noticed(docker: Docker) -> None:
    request = {"Interface": {"MacAddress": "02:42:00:00:00:01"}}
    with pytest.raises(AssertionError):
        rules.check(
            docker.house,
            "/NetworkDriver.CreateEndpoint",
            request,
            {"Interface": {"MacAddress": "02:42:00:00:00:01"}},
        )
    with pytest.raises(AssertionError):
        rules.check(
            docker.house,
            "/IpamDriver.RequestAddress",
            {"PoolID": "weavelocal/10.5.0.0/16", "Address": ""},
            {"Address": "10.5.0.2"},
        )
