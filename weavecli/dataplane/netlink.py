"""Talking to the kernel by rtnetlink: sockets, acknowledgements, dumps, and errno -> kinds.

pyroute2 encodes the messages (`wire.py`); the sockets are ours. Its own IPRoute keeps the trailing
ACK of every single GET for ever, has no time-outs, subscribes to notifications when bound (an
overflow then swallows replies) and leaks a socket per foreign thread. A plain socket per
conversation, taken from a pool and given back, has none of that and costs 15 us instead of 160.
"""

from __future__ import annotations

import errno
import itertools
import os
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from weavecli.errors import (
    Conflict,
    Exhausted,
    Forbidden,
    Internal,
    NotFound,
    TimedOut,
    WeaveError,
)

TIMEOUT = 10
"""Seconds to wait for the kernel; it answers within the call unless a socket was overrun."""
DUMP_ATTEMPTS = 5

NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 0x1, 0x4, 0x300
NLM_F_EXCL, NLM_F_CREATE = 0x200, 0x400
NLMSG_ERROR, NLMSG_DONE = 2, 3
_DUMP_INTERRUPTED = 0x10
_ACK_HAS_ATTRIBUTES = 0x200
_NLMSGERR_ATTR_MSG = 1
_SOL_NETLINK, _CAP_ACK, _EXT_ACK, _STRICT_CHECK = 270, 10, 11, 12
_BUFFER = 65536

_HEADER = struct.Struct("=IHHII")
_SEQUENCE = struct.Struct("=I")
_ERROR = struct.Struct("=i")
_ATTRIBUTE = struct.Struct("=HH")

Answer = tuple[int, bytes]
"""Type and payload (what follows the netlink header) of one message."""


class Session:
    """One rtnetlink socket: one question at a time, by one thread at a time.

    The kernel works inside send(): when that returns, the answer is in the receive queue. The
    socket is bound to no group, so nothing but answers ever arrives.
    """

    def __init__(self) -> None:
        """Opens in the network namespace of the calling thread, and stays in it."""
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
        self._socket = socket.socket(socket.AF_NETLINK, kind, socket.NETLINK_ROUTE)
        timeval = struct.pack("@ll", TIMEOUT, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeval)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeval)
        # Acknowledgements come without a copy of the question, and with the kernel's reason.
        # Strict checking lets the kernel filter dumps. All three are younger than the oldest
        # kernel we may meet, and none is necessary.
        for option in (_CAP_ACK, _EXT_ACK, _STRICT_CHECK):
            with suppress(OSError):
                self._socket.setsockopt(_SOL_NETLINK, option, 1)
        self._sequences = itertools.count(1)
        self.dirty = False
        """An answer was not read to its end: the next question would read its rest."""

    def close(self) -> None:
        self._socket.close()

    def ask(self, message: bytes | bytearray) -> list[Answer]:
        """Send one message that wants an ACK or a dump; returns what came before its end.

        The sequence number is filled in here. Raises OSError with the kernel's errno.
        """
        answers, _ = self._talk(bytearray(message))
        return answers

    def dump(self, message: bytes | bytearray) -> list[Answer]:
        """The answers to a dump, asked again when tables changed meanwhile.

        On a host where links come and go all the time every attempt is interrupted. An
        interrupted dump can miss an entry, so then the answers of all attempts are returned,
        oldest first: callers key them by name, and the last one wins.
        """
        everything: list[Answer] = []
        for _ in range(DUMP_ATTEMPTS):
            answers, interrupted = self._talk(bytearray(message))
            if not interrupted:
                return answers
            everything += answers
        return everything

    def _talk(self, message: bytearray) -> tuple[list[Answer], bool]:
        sequence = next(self._sequences) & 0xFFFFFFFF
        _SEQUENCE.pack_into(message, 8, sequence)
        self.dirty = True
        self._socket.send(message)
        answers: list[Answer] = []
        interrupted = False
        while True:
            data = self._socket.recv(_BUFFER)
            for kind, flags, answered, payload in _messages(data):
                if answered != sequence:
                    continue
                interrupted = interrupted or bool(flags & _DUMP_INTERRUPTED)
                if kind in (NLMSG_ERROR, NLMSG_DONE):
                    self.dirty = False
                    _check(kind, flags, payload)
                    return answers, interrupted
                answers.append((kind, payload))


def _messages(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, flags, sequence, _ = _HEADER.unpack_from(data, at)
        if length < _HEADER.size:
            return
        yield kind, flags, sequence, data[at + _HEADER.size : at + length]
        at += (length + 3) & ~3


def _check(kind: int, flags: int, payload: bytes) -> None:
    code = -_ERROR.unpack_from(payload)[0] if len(payload) >= _ERROR.size else 0
    if code:
        reason = ""
        if kind == NLMSG_ERROR and flags & _ACK_HAS_ATTRIBUTES:
            found = attributes(payload, _ERROR.size + _HEADER.size)
            reason = found.get(_NLMSGERR_ATTR_MSG, b"").rstrip(b"\0").decode(errors="replace")
        raise OSError(code, reason or os.strerror(code))


def attributes(data: bytes, at: int = 0) -> dict[int, bytes]:
    """The netlink attributes that start at `at`, by type; flag bits of the type are cut off.

    Dumps are decoded with this and not with pyroute2: 10 us a link instead of 200.
    """
    found: dict[int, bytes] = {}
    end = len(data)
    while at + 4 <= end:
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < 4:
            break
        found[kind & 0x3FFF] = data[at + 4 : at + length]
        at += (length + 3) & ~3
    return found


class Sessions:
    """Idle sessions. A thread owns one while it talks, so no lock is held meanwhile, and a
    thread that ends leaves no socket behind."""

    def __init__(self, opener: Callable[[], Session] = Session) -> None:
        self._opener = opener
        self._idle: deque[Session] = deque()
        self._lock = threading.Lock()
        self._closed = False

    @contextmanager
    def one(self) -> Iterator[Session]:
        """A session for one `with` block."""
        try:
            session = self._idle.pop()
        except IndexError:
            session = self._opener()
        try:
            yield session
        finally:
            self._give_back(session)

    def _give_back(self, session: Session) -> None:
        with self._lock:
            if not (session.dirty or self._closed):
                self._idle.append(session)
                return
        session.close()

    def close(self) -> None:
        """Close all; one that is in use is closed when it is given back."""
        with self._lock:
            self._closed = True
            while self._idle:
                self._idle.pop().close()


_KINDS: dict[int, tuple[type[WeaveError], str]] = {
    errno.EPERM: (Forbidden, "; run as root, with CAP_NET_ADMIN and CAP_SYS_ADMIN"),
    errno.EACCES: (Forbidden, "; run as root, with CAP_NET_ADMIN and CAP_SYS_ADMIN"),
    errno.EROFS: (Forbidden, "; /proc/sys must be writable"),
    errno.ENOENT: (NotFound, ""),
    errno.ENODEV: (NotFound, ""),
    errno.EEXIST: (Conflict, ""),
    errno.EBUSY: (Conflict, ""),
    errno.ENOMEM: (Exhausted, ""),
    errno.ENOBUFS: (Exhausted, ""),
    errno.EMFILE: (Exhausted, "; raise the daemon's limit of open files"),
    errno.ENFILE: (Exhausted, "; raise fs.file-max"),
    errno.EAGAIN: (TimedOut, ""),
    errno.ETIMEDOUT: (TimedOut, ""),
}


def kind_of(error: OSError, what: str) -> WeaveError:
    """The kind for an OSError, with `what` naming the object and the kernel's reason."""
    code = error.errno or 0
    if code in (errno.EAGAIN, errno.ETIMEDOUT) or isinstance(error, TimeoutError):
        return TimedOut(f"{what}: the kernel did not answer within {TIMEOUT} seconds; try again")
    name = errno.errorcode.get(code, f"errno {code}")
    cls, hint = _KINDS.get(code, (Internal, ""))
    return cls(f"{what}: {error.strerror or error} ({name}){hint}")


@contextmanager
def kinds(what: str) -> Iterator[None]:
    """Let nothing but the kinds of `weavecli.errors` out of the block; `what` names the object."""
    try:
        yield
    except OSError as error:
        raise kind_of(error, what) from error
