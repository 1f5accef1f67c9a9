"""A whole weaved over a data plane and an engine in memory, on its real sockets."""

from __future__ import annotations

import ipaddress
import json
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.dataplane import FakeDataplane
from tests.fakes.engine import FakeEngine
from tests.unit.daemon.wire import Peer, dockerd, eventually, held, nothing_left
from weavecli.daemon import daemon as module
from weavecli.daemon import sockets
from weavecli.daemon.config import Options
from weavecli.daemon.daemon import Daemon
from weavecli.dataplane.base import HostRoute
from weavecli.errors import Conflict, Unavailable, WeaveError
from weavecli.store.sqlite import SqliteStore


class Host:
    """One host on which weaved is started and ended."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.dataplane = FakeDataplane()
        self.engine = FakeEngine()
        self.options = Options(
            {"status_addr": ""},
            "run",
            -1,
            str(place / "lib"),
            str(place / "run"),
            str(place / "plugins" / "weave.sock"),
            str(place / "plugins" / "weavemesh.sock"),
        )
        self.running: list[Daemon] = []

    @property
    def control(self) -> Path:
        return self.place / "run" / "weave.sock"

    @property
    def plugin(self) -> Path:
        return self.place / "plugins" / "weave.sock"

    def daemon(self, open_store: Callable[[Path], Any] = SqliteStore, **given: str) -> Daemon:
        options = replace(self.options, given={**self.options.given, **given})
        made = Daemon(options, open_store, lambda: self.dataplane, lambda: self.engine)
        self.running.append(made)
        return made

    def start(self, **given: str) -> Daemon:
        made = self.daemon(SqliteStore, **given)
        made.start()
        assert eventually(made.is_ready)
        return made

    def end(self) -> None:
        while self.running:
            self.running.pop().close()

    def ask(self, method: str, path: str, **body: Any) -> tuple[int, Any]:
        """One call of the control API."""
        raw = json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nContent-Length: {len(raw)}\r\n\r\n"
        with Peer(self.control) as peer:
            peer.send(head.encode() + raw)
            status, answer = peer.reply()
        return status, json.loads(answer)

    def call(self, method: str, **body: Any) -> tuple[int, Any]:
        """One call of Docker's."""
        with Peer(self.plugin) as peer:
            status, answer = peer.call(f"/{method}", json.dumps(body).encode() if body else b"")
        return status, json.loads(answer)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    monkeypatch.setattr(sockets, "docker_group", lambda: -1)
    made = Host(tmp_path)
    before = held()
    yield made
    made.end()
    assert nothing_left(before)


def test_it_serves_and_ends(host: Host) -> None:
    host.start()
    assert host.call("Plugin.Activate") == (200, {"Implements": ["NetworkDriver", "IpamDriver"]})
    status, answer = host.ask("GET", "/v1/ready")
    assert (status, answer["ready"], answer["docker"]) == (200, True, "20.10.24")
    host.end()
    assert not host.control.exists()
    assert not host.plugin.exists()
    assert host.dataplane.closed
    assert "weave" in host.dataplane.links  # containers keep talking


def test_both_names_answer(host: Host) -> None:
    host.start()
    with Peer(host.plugin.with_name("weavemesh.sock")) as peer:
        assert peer.call("/Plugin.Activate")[0] == 200
    assert host.ask("GET", "/v1/plugin")[1]["drivers"] == ["weave", "weavemesh"]


def test_constants_are_answered_while_it_starts(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STARTING", 0.05)
    seen: list[Any] = []

    def slow(path: Path) -> SqliteStore:
        seen.append(host.call("NetworkDriver.GetCapabilities")[0])
        seen.append(host.call("NetworkDriver.Leave", NetworkID="n", EndpointID="e"))
        seen.append(host.ask("GET", "/v1/version")[0])
        seen.append(host.ask("POST", "/v1/attach")[1]["kind"])
        return SqliteStore(path)

    host.daemon(slow).start()
    assert seen[0] == seen[2] == 200
    assert seen[1][0] == 500
    assert "still starting (reading the state)" in seen[1][1]["Err"]
    assert seen[3] == "unavailable"
    assert host.call("NetworkDriver.Leave", NetworkID="n", EndpointID="e") == (200, {})


def test_settings_are_kept_for_the_next_start(host: Host) -> None:
    first = host.start(mtu="1400", nickname="h1")
    name = first.settings.name
    host.end()
    again = host.start(linger="7")
    assert (again.settings.mtu, again.settings.nickname, again.settings.linger) == (1400, "h1", 7)
    assert again.settings.name == name


def test_what_docker_did_is_known_after_a_restart(host: Host) -> None:
    host.start()
    pool = host.call("IpamDriver.RequestPool", AddressSpace="weavelocal", Pool="10.5.0.0/16")[1]
    host.call("IpamDriver.RequestAddress", PoolID=pool["PoolID"], Address="")
    host.end()
    host.start()
    answer = host.call("IpamDriver.RequestAddress", PoolID=pool["PoolID"], Address="")
    assert answer == (200, {"Address": "10.5.0.2/16", "Data": {}})


def test_the_plugin_can_be_stopped_and_started(host: Host) -> None:
    host.start()
    assert host.ask("POST", "/v1/plugin", enabled=False)[1]["enabled"] is False
    assert not host.plugin.exists()
    host.end()
    host.start()
    assert not host.plugin.exists()
    assert host.ask("POST", "/v1/plugin", enabled=True)[1]["enabled"] is True
    assert host.call("Plugin.Activate")[0] == 200


def test_sockets_of_systemd_stay_for_the_next_start(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.plugin.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as systemds:
        systemds.bind(str(host.plugin))
        systemds.listen()
        for _ in range(2):
            monkeypatch.setattr(sockets, "inherited", lambda: {str(host.plugin): systemds.dup()})
            host.start()
            assert host.call("Plugin.Activate")[0] == 200
            host.ask("POST", "/v1/plugin", enabled=False)
            host.ask("POST", "/v1/plugin", enabled=True)
            assert host.call("Plugin.Activate")[0] == 200
            host.end()
            assert host.plugin.is_socket()
        with Peer(host.plugin) as waiting:  # queues while weaved is away
            waiting.send(dockerd("/Plugin.Activate"))
            host.start()
            assert waiting.reply()[0] == 200
        host.end()


@pytest.mark.parametrize("path", ["stop", "reset"])
def test_the_daemon_ends_when_told(host: Host, path: str) -> None:
    daemon = host.start()
    status, answer = host.ask("POST", f"/v1/{path}", force=True)
    assert status == 200
    assert answer.keys() <= {"in_use", "removed"}
    assert daemon.stopping.wait(5)
    host.end()
    assert Path(host.options.state_dir).exists() is (path == "stop")


def test_a_range_that_the_host_routes_is_refused_unless_named(host: Host) -> None:
    host.dataplane.add_link("eth1", addresses=(), up=True)
    host.dataplane.add_route(HostRoute(ipaddress.ip_network("10.40.0.0/16"), "eth1", True))
    with pytest.raises(Conflict, match=r"overlaps with existing route 10\.40\.0\.0/16"):
        host.daemon().start()
    host.end()
    daemon = host.start(ipalloc_range="10.32.0.0/12")
    assert "overlaps the route 10.40.0.0/16" in daemon.note()


def test_what_is_missing_in_the_kernel_is_named(host: Host) -> None:
    host.dataplane.missing = ["nft is not there; install nftables"]
    with pytest.raises(Unavailable, match="install nftables"):
        host.daemon().start()


def test_a_failed_start_answers_with_its_cause(host: Host) -> None:
    def broken(_path: Path) -> SqliteStore:
        raise Unavailable("the state cannot be used")

    daemon = host.daemon(broken)
    with pytest.raises(Unavailable) as caught:
        daemon.start()
    daemon.failure = caught.value
    status, answer = host.call("NetworkDriver.Leave", NetworkID="n", EndpointID="e")
    assert (status, answer["Err"]) == (500, "the state cannot be used")
    assert host.call("Plugin.Activate")[0] == 200


def test_progress_is_told_to_who_started_it(host: Host) -> None:
    read, write = os.pipe()
    try:
        host.options = replace(host.options, notify_fd=write)
        host.start()
        lines = [json.loads(line) for line in os.read(read, 65536).splitlines()]
        assert [line["stage"] for line in lines][:2] == ["opening sockets", "reading the state"]
    finally:
        host.end()
        os.close(read)
        os.close(write)


def test_without_docker_it_is_ready_and_says_so(host: Host) -> None:
    host.engine.down = True
    daemon = host.start()
    assert "no Docker engine answers" in daemon.note()
    host.engine.down = False
    assert eventually(lambda: bool(daemon.plugin_reply()["network"]))


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/attach", {}),
        ("POST", "/v1/attach", {"container": 7}),
        ("POST", "/v1/attach", {"container": "c", "addresses": "x"}),
        ("POST", "/v1/attach", {"container": "c", "addresses": [7]}),
        ("POST", "/v1/attach", {"container": "c", "multicast_route": "yes"}),
        ("POST", "/v1/attach", {"container": "a\0b"}),
        ("POST", "/v1/attach", {"container": "c" * 5000}),
        ("POST", "/v1/detach", {"container": "c", "addresses": {}}),
        ("POST", "/v1/expose", {"masquerade": 1}),
        ("POST", "/v1/expose", {"addresses": ["nonsense"]}),
        ("POST", "/v1/hide", {"addresses": [None]}),
        ("POST", "/v1/networks", {"name": ["x"]}),
        ("GET", "/v1/inspect", {}),
        ("GET", "/v1/inspect?ref=x&type=volume", {}),
        ("GET", "/v1/status/weather", {}),
    ],
)
def test_a_wrong_control_call_is_invalid(
    host: Host, method: str, path: str, body: dict[str, Any]
) -> None:
    host.start()
    status, answer = host.ask(method, path, **body)
    assert (status, answer["kind"]) == (400, "invalid"), answer


def test_the_control_calls(host: Host) -> None:
    host.start()
    host.dataplane.add_netns("/proc/77/ns/net", 77)
    host.engine.add_container("c1", pid=77)
    attached = host.ask("POST", "/v1/attach", container="c1")
    assert attached == (200, {"addresses": ["10.32.0.2"], "warnings": []})
    assert host.ask("POST", "/v1/expose")[1]["addresses"] == ["10.32.0.3"]
    ids = [row["addresses"] for row in host.ask("GET", "/v1/ps")[1]["interfaces"]]
    assert ids == [["10.32.0.3/12"], ["10.32.0.2/12"]]
    assert (
        host.ask("GET", "/v1/inspect?ref=c1")[1][0]["NetworkSettings"]["IPAddress"] == "10.32.0.2"
    )
    assert host.ask("GET", "/v1/networks/weave")[1][0]["Name"] == "weave"
    assert host.ask("GET", "/v1/networks")[0] == 200
    assert host.ask("DELETE", "/v1/networks/none")[1]["kind"] == "not-found"
    assert host.ask("POST", "/v1/hide")[1]["addresses"] == ["10.32.0.3"]
    assert host.ask("POST", "/v1/detach", container="c1")[1]["addresses"] == ["10.32.0.2"]
    assert host.ask("POST", "/v1/prime") == (200, {})
    assert host.ask("GET", "/v1/report")[1]["IPAM"]["Range"] == "10.32.0.0/12"


def test_the_status_port(host: Host) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        with pytest.raises(WeaveError, match="cannot listen on"):
            probe.listen()
            host.daemon(status_addr=f"127.0.0.1:{port}").start()
        host.end()
    host.start(status_addr=f"127.0.0.1:{port}")
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(b"HEAD /status HTTP/1.0\r\n\r\n")
        reply = b"".join(iter(lambda: sock.recv(65536), b""))
    assert reply.startswith((b"HTTP/1.1 200", b"HTTP/1.1 503"))
    assert reply.endswith(b"\r\n\r\n")
