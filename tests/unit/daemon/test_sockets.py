"""One daemon per host, and the sockets that systemd may hold."""

from __future__ import annotations

import contextlib
import fcntl
import grp
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from weavecli.daemon import sockets
from weavecli.errors import AlreadyRunning, Unavailable


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "ENDING", 0.05)


def test_the_lock_has_our_pid_and_a_second_daemon_is_refused(tmp_path: Path) -> None:
    fd = sockets.take_lock(str(tmp_path / "run"))
    try:
        assert (tmp_path / "run" / "weaved.pid").read_text() == f"{os.getpid()}\n"
        with pytest.raises(AlreadyRunning, match=rf"process {os.getpid()}\).*weave stop") as caught:
            sockets.take_lock(str(tmp_path / "run"))
        assert caught.value.exit_code == 3
    finally:
        os.close(fd)
    os.close(sockets.take_lock(str(tmp_path / "run")))


def test_a_daemon_in_another_process_is_refused_until_it_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys; from weavecli.daemon.sockets import take_lock\n"
        "take_lock(sys.argv[1]); print('ok', flush=True); sys.stdin.read()"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ok\n"
        with pytest.raises(AlreadyRunning, match=f"process {child.pid}"):
            sockets.take_lock(str(tmp_path))
        child.kill()
    os.close(sockets.take_lock(str(tmp_path)))


@pytest.mark.parametrize("content", ["4242\n", "", "nonsense", "9" * 100])
def test_the_file_of_a_dead_daemon_is_no_lock(tmp_path: Path, content: str) -> None:
    place = tmp_path / "weaved.pid"
    place.write_text(content)
    os.close(sockets.take_lock(str(tmp_path)))
    assert place.read_text() == f"{os.getpid()}\n"


def test_a_lock_on_a_file_that_was_taken_away_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "weaved.pid"
    real = fcntl.flock
    taken_away: list[bool] = []

    def flock(fd: int, operation: int) -> None:
        if not taken_away:  # the other daemon ends between our open and our lock
            taken_away.append(True)
            place.unlink()
        real(fd, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    fd = sockets.take_lock(str(tmp_path))
    try:
        assert place.exists()
        with pytest.raises(AlreadyRunning):
            sockets.take_lock(str(tmp_path))
    finally:
        os.close(fd)


def test_the_lock_is_not_inherited(tmp_path: Path) -> None:
    fd = sockets.take_lock(str(tmp_path))
    try:
        assert not os.get_inheritable(fd)
    finally:
        os.close(fd)


def test_a_place_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="cannot use"):
        sockets.take_lock(str(tmp_path / "file"))


def test_removing_a_socket_that_is_gone_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    for _ in range(2):
        sockets.unlink(str(tmp_path / "x"))
    assert not (tmp_path / "x").exists()


# -- systemd


@pytest.fixture
def listening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """Two listening sockets at consecutive descriptors, as systemd passes them."""
    paths = [tmp_path / "weave.sock", tmp_path / "weavemesh.sock"]
    first = fcntl.fcntl(0, fcntl.F_DUPFD, 200)
    os.close(first)
    monkeypatch.setattr(sockets, "FIRST_FD", first)
    for number, path in enumerate(paths):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(str(path))
            sock.listen()
            os.dup2(sock.fileno(), first + number)
    monkeypatch.setenv("LISTEN_FDS", "2")
    monkeypatch.setenv("LISTEN_FDNAMES", "a:b")
    yield paths
    for number in range(2):
        with contextlib.suppress(OSError):
            os.close(first + number)


def test_sockets_of_systemd_are_taken_by_path(
    listening: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    found = sockets.inherited()
    try:
        assert set(found) == {str(path) for path in listening}
        assert not any(os.get_inheritable(sock.fileno()) for sock in found.values())
        assert not {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} & set(os.environ)
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(str(listening[0]))
        assert sockets.inherited() == {}
    finally:
        for sock in found.values():
            sock.close()


@pytest.mark.parametrize("pid", ["1", "", "x"])
@pytest.mark.usefixtures("listening")
def test_sockets_for_another_process_are_not_ours(
    pid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LISTEN_PID", pid)
    assert sockets.inherited() == {}


def test_without_systemd_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LISTEN_PID", raising=False)
    assert sockets.inherited() == {}


def test_telling_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    sockets.notify_systemd("READY=1")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        sockets.notify_systemd("READY=1")
        assert systemd.recv(100) == b"READY=1"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(f"\0weave-test-{os.getpid()}")
        systemd.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@weave-test-{os.getpid()}")
        sockets.notify_systemd("STOPPING=1")
        assert systemd.recv(100) == b"STOPPING=1"
    sockets.notify_systemd("nobody listens")


# -- the control socket


@pytest.mark.parametrize(("known", "mode"), [(True, 0o660), (False, 0o600)])
def test_the_control_socket_is_for_root_and_group_docker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool, mode: int
) -> None:
    def getgrnam(name: str) -> SimpleNamespace:
        assert name == "docker"
        if not known:
            raise KeyError(name)
        return SimpleNamespace(gr_gid=os.getgid())

    monkeypatch.setattr(grp, "getgrnam", getgrnam)
    monkeypatch.setattr(os, "chown", lambda *_: None)
    with sockets.control_socket(str(tmp_path / "weave.sock")):
        assert stat.S_IMODE((tmp_path / "weave.sock").stat().st_mode) == mode
