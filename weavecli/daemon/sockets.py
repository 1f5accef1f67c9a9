"""The doors of the daemon: opened first, before anything that can fail or take time.

systemd may hold the plugin sockets (socket activation): then they are taken from it, and left in
place at the end, so that Docker's calls queue while weaved restarts.
"""

from __future__ import annotations

import contextlib
import fcntl
import grp
import os
import socket
import time
from pathlib import Path

from weavecli.daemon.server import listen_unix
from weavecli.errors import AlreadyRunning, Unavailable

FIRST_FD = 3
ENDING = 1.0


def inherited() -> dict[str, socket.socket]:
    """Listening sockets passed by systemd (LISTEN_PID, LISTEN_FDS), by path."""
    found: dict[str, socket.socket] = {}
    if os.environ.pop("LISTEN_PID", "") != str(os.getpid()):
        return found
    count = int(os.environ.pop("LISTEN_FDS", "0"))
    os.environ.pop("LISTEN_FDNAMES", None)
    for fd in range(FIRST_FD, FIRST_FD + count):
        os.set_inheritable(fd, False)
        sock = socket.socket(fileno=fd)
        found[str(Path(sock.getsockname()).resolve())] = sock
    return found


def docker_group() -> int:
    """The GID of group docker, or -1 where there is none."""
    try:
        return grp.getgrnam("docker").gr_gid
    except KeyError:
        return -1


def control_socket(path: str) -> socket.socket:
    """The control socket: 0660 root:docker, 0600 where that group is missing."""
    group = docker_group()
    return listen_unix(path, 0o660 if group >= 0 else 0o600, group)


def take_lock(run_dir: str) -> int:
    """Be the only daemon on this host; returns the lock's descriptor. A dead daemon's lock is
    free, whatever its file says. Raises AlreadyRunning with the other one's PID."""
    path = Path(run_dir, "weaved.pid")
    while True:
        try:
            path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise Unavailable(
                f"cannot use {run_dir}: {error.strerror}; run weaved as root"
            ) from error
        if not _flock(fd):
            pid = os.read(fd, 20).decode("ascii", "replace").strip()
            os.close(fd)
            raise AlreadyRunning(
                f"weave is already running (process {pid}); you can stop it with 'weave stop'."
            )
        if path.exists() and os.fstat(fd).st_ino == path.stat().st_ino:
            os.ftruncate(fd, 0)
            os.write(fd, f"{os.getpid()}\n".encode())
            return fd
        os.close(fd)  # the daemon that ended took the file away: lock the next one


def _flock(fd: int) -> bool:
    """Lock, waiting a little for a daemon that is just ending."""
    until = time.monotonic() + ENDING
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError:
            if time.monotonic() > until:
                return False
            time.sleep(0.02)


def unlink(path: str) -> None:
    """Remove a socket file; one that is gone is no error."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def notify_systemd(state: str) -> None:
    """Tell systemd, where it started us (sd_notify's datagram)."""
    where = os.environ.get("NOTIFY_SOCKET", "")
    if not where:
        return
    address = "\0" + where[1:] if where.startswith("@") else where
    kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC
    with socket.socket(socket.AF_UNIX, kind) as sock, contextlib.suppress(OSError):
        sock.sendto(state.encode(), address)
