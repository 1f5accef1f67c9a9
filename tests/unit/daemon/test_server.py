"""The life of a server: its deadline, its limits, its end; and the sockets it listens on."""

from __future__ import annotations

import json
import os
import resource
import socket
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.unit.daemon.wire import (
    Peer,
    dockerd,
    echo,
    eventually,
    held,
    nothing_left,
    served,
    threads,
)
from weavecli.daemon import server as module
from weavecli.daemon.app import PluginApp
from weavecli.daemon.http import Request, Response
from weavecli.daemon.server import Connection, Server, listen_tcp, listen_unix
from weavecli.errors import Conflict, Unavailable


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "weave.sock"


class Hanging:
    """A handler whose call to /hang ends only when told to."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.release = threading.Event()
        self.ended = threading.Event()

    def __call__(self, request: Request) -> Response:
        if request.path == "/hang":
            self.started.set()
            self.release.wait(20)
            self.ended.set()
            return Response(200, b"too late")
        return echo(request)


def test_a_call_that_hangs_is_answered_for_it(path: Path) -> None:
    handler = Hanging()
    with served(path, handler, deadline=0.3), Peer(path) as peer:
        peer.send(dockerd("/hang"))
        status, body = peer.reply()
        assert status == 500
        assert "could not do this within" in json.loads(body)["Error"]
        assert not handler.ended.is_set()
        handler.release.set()
        assert handler.ended.wait(5)
        assert peer.ended()  # the late answer is never sent


def test_while_one_hangs_others_are_answered(path: Path) -> None:
    handler = Hanging()
    with served(path, handler, deadline=20), Peer(path) as stuck, Peer(path) as peer:
        stuck.send(dockerd("/hang"))
        assert handler.started.wait(5)
        assert peer.call("/x")[0] == 200
        handler.release.set()
        assert stuck.reply() == (200, b"too late")


def test_a_call_in_time_is_left_alone_by_the_watch(path: Path) -> None:
    with served(path, deadline=0.3), Peer(path) as peer:
        for _ in range(3):
            assert peer.call("/x")[0] == 200
            peer.sock.settimeout(0.6)
            with pytest.raises(TimeoutError):
                peer.sock.recv(1)
            peer.sock.settimeout(10)


def test_only_one_answers_a_call() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection = Connection(ours)
        call = connection.begin()
        assert connection.answer(call, b"first")
        assert not connection.answer(call, b"second")
        later = connection.begin()
        assert not connection.answer(call, b"stale")
        assert connection.answer(later, b"third")
        assert theirs.recv(100) == b"firstthird"


def test_an_answer_in_the_last_moment_keeps_the_connection(path: Path) -> None:
    with served(path) as server, Peer(path) as peer:
        peer.call("/x")
        (connection,) = server._connections
        server._give_up(connection, 1)  # the watch saw call 1, which is answered by now
        assert peer.call("/y")[0] == 200


def test_stop_lets_calls_under_way_end(path: Path) -> None:
    handler = Hanging()
    with served(path, handler) as server, Peer(path) as peer:
        peer.send(dockerd("/hang"))
        assert handler.started.wait(5)
        stopping = threading.Thread(target=server.stop, args=(10.0,))
        stopping.start()
        assert eventually(lambda: server._sock.fileno() == -1)
        with pytest.raises(ConnectionRefusedError):
            Peer(path)
        handler.release.set()
        assert peer.reply() == (200, b"too late")
        stopping.join(10)
        assert not stopping.is_alive()
        assert peer.ended()


def test_stop_does_not_wait_longer_than_its_drain(path: Path) -> None:
    handler = Hanging()
    with served(path, handler, drain=0.05) as server, Peer(path) as peer:
        peer.send(dockerd("/hang"))
        assert handler.started.wait(5)
        server.stop(0.05)
        assert not handler.ended.is_set()
        assert peer.ended()
        handler.release.set()


def test_stop_ends_idle_connections_and_may_come_twice(path: Path) -> None:
    with served(path) as server, Peer(path) as peer:
        peer.call("/x")
        server.stop()
        assert peer.ended()
        server.stop()


def test_a_socket_that_somebody_else_holds_too_goes_on_listening(path: Path) -> None:
    held = listen_unix(str(path), 0o600)
    with held:
        for _ in range(2):
            server = Server("test", held.dup(), echo, PluginApp.failing, 5)
            server.start()
            with Peer(path) as peer:
                assert peer.call("/x")[0] == 200
            server.stop()
        with Peer(path) as waiting:
            waiting.send(dockerd("/queued"))
            server = Server("test", held.dup(), echo, PluginApp.failing, 5)
            server.start()
            assert json.loads(waiting.reply()[1])["path"] == "/queued"
            server.stop()


def test_neither_descriptors_nor_threads_are_left(path: Path) -> None:
    before = held()
    for _ in range(3):
        with served(path) as server:
            peers = [Peer(path) for _ in range(20)]
            for peer in peers:
                assert peer.call("/x")[0] == 200
            peers[0].send(b"nonsense\r\n\r\n")
            for peer in peers[:10]:
                peer.close()
            assert eventually(lambda made=server: len(made._connections) <= 11)  # type: ignore[misc]
        for peer in peers:
            peer.close()
    assert nothing_left(before)


@pytest.fixture
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
def test_a_thousand_connections(path: Path) -> None:
    with served(path) as server:
        peers = [Peer(path) for _ in range(1000)]
        try:
            assert eventually(lambda: len(server._connections) == module.MAX_CONNECTIONS)
            assert eventually(lambda: threads() < module.MAX_CONNECTIONS + 50)
            with ThreadPoolExecutor(8) as pool:
                statuses = list(pool.map(lambda p: p.call("/x")[0], peers[-400:]))
            assert statuses == [200] * 400
            assert peers[0].ended()
            with Peer(path) as another:
                assert another.call("/x")[0] == 200
        finally:
            for peer in peers:
                peer.close()
    assert eventually(lambda: threads() < 50)


def test_who_is_busy_never_gives_way(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CONNECTIONS", 2)
    handler = Hanging()
    with served(path, handler, deadline=20) as server, Peer(path) as busy:
        busy.send(dockerd("/hang"))
        assert handler.started.wait(5)
        for _ in range(5):
            with Peer(path) as peer:
                assert peer.call("/x")[0] == 200
        handler.release.set()
        assert busy.reply()[0] == 200
        assert len(server._connections) <= 3


@pytest.mark.parametrize("mode", [0o600, 0o660])
def test_a_socket_has_its_mode_from_the_start(path: Path, mode: int) -> None:
    with listen_unix(str(path), mode):
        assert stat.S_IMODE(path.stat().st_mode) == mode
        assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_stale_socket_is_replaced(path: Path) -> None:
    socket.socket(socket.AF_UNIX).close()
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    (path.parent / f"{path.name}.{os.getpid()}").touch()
    with served(path), Peer(path) as peer:
        assert peer.call("/x")[0] == 200


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir])
def test_what_is_no_socket_is_left_alone(path: Path, make: object) -> None:
    make(path)  # type: ignore[operator]
    with pytest.raises(Conflict, match="exists and is no socket"):
        listen_unix(str(path), 0o600)
    assert not path.is_socket()


def test_a_socket_that_cannot_be_made_is_unavailable_and_leaves_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Unavailable, match="too long"):
        listen_unix(str(path.parent / ("x" * 120)), 0o600)

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chown", refuse)
    with pytest.raises(Unavailable, match="Operation not permitted"):
        listen_unix(str(path), 0o660, 999)
    assert not list(path.parent.iterdir())


def test_directories_are_made(tmp_path: Path) -> None:
    with listen_unix(str(tmp_path / "run" / "weave" / "weave.sock"), 0o600):
        assert stat.S_IMODE((tmp_path / "run" / "weave").stat().st_mode) == 0o755


def test_tcp_listens_and_a_taken_port_is_a_conflict() -> None:
    with listen_tcp("127.0.0.1:0") as sock:
        port = sock.getsockname()[1]
        with pytest.raises(Conflict, match=r"cannot listen on .*in use.*--status-addr"):
            listen_tcp(f"127.0.0.1:{port}")
    with listen_tcp("[::1]:0") as sock:
        assert sock.family == socket.AF_INET6


@pytest.mark.parametrize("address", ["192.0.2.77:6782", "127.0.0.1:99999", "127.0.0.1:x", "x"])
def test_an_address_that_is_not_ours_is_a_conflict(address: str) -> None:
    with pytest.raises(Conflict, match="cannot listen on"):
        listen_tcp(address)
