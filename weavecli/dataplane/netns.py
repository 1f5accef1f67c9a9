"""Entering a sandbox: network namespaces of other processes.

HAZARD. A network namespace belongs to a thread, not to a process. A thread that enters one and
fails to come back goes on serving other requests inside some container, and every thread it
starts is born there. Therefore the one way in is `inside`: a new thread enters, does its work and
ends; it never comes back. Sockets remember the namespace they were opened in, so most work
is: open a socket inside, use it outside (`open_inside`).

Nothing here forks (a daemon with threads must not, and it costs 90 ms at 400 MiB), and nothing
creates a namespace: a path that leads to none is NotFound. Paths like /proc/PID/ns/net may lead
to another namespace a moment later, so a path is opened once and the descriptor used from then on.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from weavecli.dataplane.netlink import TIMEOUT, Session
from weavecli.errors import NotFound, TimedOut

T = TypeVar("T")

HOST = "/proc/thread-self/ns/net"
_CLONE_NEWNET = 0x40000000
_NS_GET_NSTYPE = 0xB703


@contextmanager
def opened(path: str) -> Iterator[int]:
    """A descriptor of the network namespace at `path`. Raises NotFound naming the path."""
    fd = _open(path)
    try:
        yield fd
    finally:
        os.close(fd)


def _open(path: str) -> int:
    try:
        # O_NONBLOCK: the path comes from a user and could be a FIFO.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError, ProcessLookupError):
        raise NotFound(f"no network namespace at {path}; is the container running?") from None
    if not _is_netns(fd):
        os.close(fd)
        # A mount point whose namespace was unmounted is an empty file.
        raise NotFound(f"{path} is no network namespace; is the container running?")
    return fd


def _is_netns(fd: int) -> bool:
    try:
        return fcntl.ioctl(fd, _NS_GET_NSTYPE) == _CLONE_NEWNET
    except OSError:
        return False


def inode(path: str) -> int:
    """What identifies a namespace, whatever path leads to it, as long as it lives."""
    with opened(path) as fd:
        return os.fstat(fd).st_ino


def inside(fd: int, work: Callable[[], T]) -> T:
    """Run `work` in the namespace, in a thread that ends with it; its exception comes out."""
    results: list[T] = []
    errors: list[BaseException] = []

    def enter() -> None:
        try:
            _setns(fd)
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=enter, name="weave-netns", daemon=True)
    thread.start()
    thread.join(TIMEOUT)
    if errors:
        raise errors[0]
    if not results:
        raise TimedOut(f"a network namespace did not answer within {TIMEOUT} seconds; try again")
    return results[0]


def _setns(fd: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(fd, _CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


@contextmanager
def open_inside(fd: int) -> Iterator[Session]:
    """A netlink session of that namespace, usable from outside."""
    session = inside(fd, Session)
    try:
        yield session
    finally:
        session.close()
