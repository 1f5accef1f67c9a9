"""Conversations with a kernel that is played by a test."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Callable, Iterator

import pytest

from weavecli.dataplane import netlink, wire
from weavecli.dataplane.netlink import Session, Sessions, kind_of, kinds
from weavecli.errors import (
    Conflict,
    Exhausted,
    Forbidden,
    Internal,
    NotFound,
    TimedOut,
)

ASK = struct.pack("=IHHII", 16, 18, 1, 0, 0)


def message(kind: int, payload: bytes = b"", flags: int = 0, sequence: int = 1) -> bytes:
    data = struct.pack("=IHHII", 16 + len(payload), kind, flags, sequence, 0) + payload
    return data + bytes(-len(data) % 4)


def ack(code: int = 0, reason: str = "", sequence: int = 1) -> bytes:
    payload = struct.pack("=i", -code) + bytes(16)
    flags = 0x100
    if reason:
        text = reason.encode() + b"\0"
        payload += struct.pack("=HH", 4 + len(text), 1) + text
        flags |= 0x200
    return message(2, payload, flags, sequence)


def done(sequence: int = 1, code: int = 0) -> bytes:
    return message(3, struct.pack("=i", -code), 2, sequence)


class Script:
    """A socket whose answers are given; a callable gets the question."""

    def __init__(self, *answers: bytes | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[bytes] = []
        self.closed = False

    def setsockopt(self, level: int, option: int, value: object) -> None:
        if level == 270:
            raise OSError(errno.ENOPROTOOPT, "an older kernel has none of them")

    def send(self, data: bytearray) -> None:
        self.asked.append(bytes(data))

    def recv(self, size: int) -> bytes:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Session]]:
    def make(*answers: bytes | Exception) -> Session:
        monkeypatch.setattr(socket, "socket", lambda *_: Script(*answers))
        made = Session()
        monkeypatch.undo()
        return made

    return make


def test_answers_until_the_ack(session: Callable[..., Session]) -> None:
    found = session(message(16, b"abcd") + message(16, b"efgh"), ack()).ask(ASK)
    assert found == [(16, b"abcd"), (16, b"efgh")]


def test_answers_to_an_earlier_question_are_dropped(session: Callable[..., Session]) -> None:
    one = session(
        ack(), message(16, b"old!", sequence=1) + message(16, b"new!", sequence=2), ack(sequence=2)
    )
    assert one.ask(ASK) == []
    assert one.ask(ASK) == [(16, b"new!")]


def test_the_kernels_reason(session: Callable[..., Session]) -> None:
    with pytest.raises(OSError, match="a veth cannot be so") as caught:
        session(ack(errno.EINVAL, "a veth cannot be so")).ask(ASK)
    assert caught.value.errno == errno.EINVAL
    with pytest.raises(OSError, match="Invalid argument"):
        session(ack(errno.EINVAL)).ask(ASK)


def test_a_dump_that_fails_at_its_end(session: Callable[..., Session]) -> None:
    with pytest.raises(OSError) as caught:
        session(done(code=errno.ENOENT)).dump(ASK)
    assert caught.value.errno == errno.ENOENT


def test_an_interrupted_dump_is_asked_again(session: Callable[..., Session]) -> None:
    one = session(
        message(16, b"old!", 0x12) + done(1),
        message(16, b"new!", 2, 2) + done(2),
    )
    assert one.dump(ASK) == [(16, b"new!")], "a clean answer stands alone"


def test_a_dump_that_is_always_interrupted_gives_all(session: Callable[..., Session]) -> None:
    answers = [
        message(16, b"%04d" % n, 0x12, n) + done(n) for n in range(1, netlink.DUMP_ATTEMPTS + 1)
    ]
    found = session(*answers).dump(ASK)
    assert found == [(16, b"%04d" % n) for n in range(1, netlink.DUMP_ATTEMPTS + 1)]


def test_broken_answers_end_nothing(session: Callable[..., Session]) -> None:
    """A length of zero must not loop for ever."""
    one = session(bytes(16), b"", ack())
    assert one.ask(ASK) == []


def test_a_session_that_was_interrupted_is_not_used_again(session: Callable[..., Session]) -> None:
    made = [
        session(BlockingIOError(errno.EAGAIN, "no answer")),
        session(ack(errno.EPERM)),
        session(ack()),
    ]
    scripts = [one._socket for one in made]
    sessions = Sessions(lambda: made.pop(0))
    late = pytest.raises(TimedOut, match="weave: the kernel did not answer within 10 seconds")
    with late, kinds("weave"), sessions.one() as nl:
        nl.ask(ASK)
    assert scripts[0].closed  # type: ignore[attr-defined]
    with pytest.raises(Forbidden), kinds("weave"), sessions.one() as nl:
        nl.ask(ASK)
    assert not scripts[1].closed, "a refusal is a whole answer"  # type: ignore[attr-defined]
    sessions.close()
    assert scripts[1].closed  # type: ignore[attr-defined]
    with sessions.one() as nl:
        nl.ask(ASK)
    assert scripts[2].closed, "after the end nothing is kept"  # type: ignore[attr-defined]


def test_sessions_are_used_again(session: Callable[..., Session]) -> None:
    made = [session(), session()]
    sessions = Sessions(lambda: made.pop(0))
    with sessions.one() as first, sessions.one() as second:
        assert first is not second
    with sessions.one() as again:
        assert again is first
    sessions.close()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (errno.EPERM, Forbidden),
        (errno.EACCES, Forbidden),
        (errno.EROFS, Forbidden),
        (errno.ENODEV, NotFound),
        (errno.EEXIST, Conflict),
        (errno.ENOBUFS, Exhausted),
        (errno.EMFILE, Exhausted),
        (errno.ETIMEDOUT, TimedOut),
        (errno.EINVAL, Internal),
        (12345, Internal),
    ],
)
def test_kinds(code: int, kind: type[Exception]) -> None:
    error = kind_of(OSError(code, "a reason"), "bridge weave")
    assert type(error) is kind
    assert str(error).startswith("bridge weave: ")


def test_an_unforeseen_errno_is_named() -> None:
    assert str(kind_of(OSError(errno.EINVAL, "bad"), "x")) == "x: bad (EINVAL)"
    assert "errno 12345" in str(kind_of(OSError(12345, "odd"), "x"))


def test_kinds_pass() -> None:
    with pytest.raises(NotFound, match=r"^here$"), kinds("x"):
        raise NotFound("here")


# -- attributes


def test_attributes() -> None:
    data = struct.pack("=HH4s", 8, 3 | 0x8000, b"abcd") + struct.pack("=HH1s3x", 5, 4, b"z")
    assert netlink.attributes(data) == {3: b"abcd", 4: b"z"}
    assert netlink.attributes(data + b"\0\0\0\0") == {3: b"abcd", 4: b"z"}
    assert netlink.attributes(b"\x01\0") == {}


def test_a_route_of_another_table_or_kind_is_none() -> None:
    def route(family: int, table: int, kind: int) -> bytes:
        return struct.pack("=BBBBBBBBI", family, 24, 0, 0, table, 3, 253, kind, 0)

    assert wire.read_route(route(2, 254, 1)) is not None
    assert wire.read_route(route(2, 255, 1)) is None
    assert wire.read_route(route(2, 254, 6)) is None
    assert wire.read_route(route(7, 254, 1)) is None
    large_table = route(2, 252, 1) + struct.pack("=HHI", 8, 15, 1000)
    assert wire.read_route(large_table) is None
