"""Every operation: its method, path and body, and that the reply comes back untouched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.client.server import Server, serving
from weavecli.client.client import Client
from weavecli.client.transport import Transport
from weavecli.errors import Internal, NotSupported

NETWORK: Any = {
    "name": "web",
    "subnets": ["10.40.0.0/24"],
    "ip_ranges": [],
    "gateways": [],
    "aux_addresses": {},
    "internal": False,
    "ipv6": False,
    "options": {},
    "labels": {},
}
ATTACH: Any = {"container": "db", "addresses": [], "multicast_route": True}
DETACH: Any = {"container": "db", "addresses": []}
EXPOSE: Any = {"addresses": [], "masquerade": True}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path) as running:
        yield running


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with Client(Transport(str(tmp_path / "weave.sock"))) as made:
        yield made


Call = Callable[[Client], Any]

READS: list[tuple[Call, str, Any]] = [
    (Client.ready, "/v1/ready", {"ready": True}),
    (Client.status, "/v1/status", {"text": "x", "ok": True}),
    (lambda c: c.status("ipam"), "/v1/status/ipam", {"text": "x", "ok": True}),
    (lambda c: c.status("a/b"), "/v1/status/a%2Fb", {"text": "x", "ok": True}),
    (Client.report, "/v1/report", {"Ready": True}),
    (lambda c: c.ps([]), "/v1/ps", {"interfaces": []}),
    (lambda c: c.ps(["a", "b c"]), "/v1/ps?container=a&container=b+c", {"interfaces": []}),
    (lambda c: c.inspect("db"), "/v1/inspect?ref=db&type=", [{"Id": "1"}]),
    (lambda c: c.inspect("w", "network"), "/v1/inspect?ref=w&type=network", [{"Id": "1"}]),
    (Client.plugin, "/v1/plugin", {"enabled": True}),
    (Client.networks, "/v1/networks", {"networks": []}),
    (lambda c: c.network("we/b"), "/v1/networks/we%2Fb", [{"Name": "web"}]),
]

CHANGES: list[tuple[Call, str, Any, Any]] = [
    (lambda c: c.set_plugin(False), "/v1/plugin", {"enabled": False}, {"enabled": False}),
    (lambda c: c.create_network(NETWORK), "/v1/networks", NETWORK, {"id": "7"}),
    (lambda c: c.attach(ATTACH), "/v1/attach", ATTACH, {"addresses": [], "warnings": []}),
    (lambda c: c.detach(DETACH), "/v1/detach", DETACH, {"addresses": [], "warnings": []}),
    (lambda c: c.expose(EXPOSE), "/v1/expose", EXPOSE, {"addresses": [], "warnings": []}),
    (
        lambda c: c.hide({"addresses": ["net:default"]}),
        "/v1/hide",
        {"addresses": ["net:default"]},
        {"addresses": [], "warnings": []},
    ),
    (Client.stop, "/v1/stop", {}, {"in_use": []}),
    (lambda c: c.reset({"force": True}), "/v1/reset", {"force": True}, {"removed": []}),
]


@pytest.mark.parametrize(("call", "target", "reply"), READS)
def test_reading(call: Call, target: str, reply: Any, server: Server, client: Client) -> None:
    server.answers[target.partition("?")[0]] = (200, reply)
    assert call(client) == reply
    assert server.asked == [("GET", target, None)]


@pytest.mark.parametrize(("call", "path", "body", "reply"), CHANGES)
def test_changing(
    call: Call, path: str, body: Any, reply: Any, server: Server, client: Client
) -> None:
    server.answers[path] = (200, reply)
    assert call(client) == reply
    assert server.asked == [("POST", path, body)]


def test_changes_that_answer_nothing(server: Server, client: Client) -> None:
    server.answers["/v1/networks/web"] = (200, {})
    server.answers["/v1/prime"] = (200, {})
    client.remove_network("web")
    client.prime()
    assert server.asked == [("DELETE", "/v1/networks/web", None), ("POST", "/v1/prime", {})]


def test_version(server: Server, client: Client) -> None:
    server.answers["/v1/version"] = (200, {"version": "0.1.0", "api": 1, "pid": 4})
    assert client.version()["pid"] == 4


@pytest.mark.parametrize("reply", [{"version": "0.9", "api": 2, "pid": 4}, {}])
def test_a_version_reply_of_another_contract(reply: Any, server: Server, client: Client) -> None:
    server.answers["/v1/version"] = (200, reply)
    with pytest.raises(NotSupported, match="speaks version 1 of the control API"):
        client.version()


def test_replies_of_the_wrong_shape(server: Server, client: Client) -> None:
    server.answers["/v1/report"] = (200, [])
    server.answers["/v1/inspect"] = (200, {})
    with pytest.raises(Internal, match="GET /v1/report with something that is no object"):
        client.report()
    with pytest.raises(Internal, match="GET /v1/inspect with something that is no list"):
        client.inspect("db")
