"""Everything that may arrive on a socket: what dockerd sends, and what nobody should."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.daemon.wire import Peer, dockerd, eventually, served
from weavecli.daemon import http
from weavecli.daemon.server import Server


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "weave.sock"


@pytest.fixture
def server(path: Path) -> Iterator[Server]:
    with served(path) as made:
        yield made


@pytest.fixture
def peer(server: Server, path: Path) -> Iterator[Peer]:
    with Peer(path) as made:
        yield made


def told(body: bytes) -> dict[str, object]:
    found: dict[str, object] = json.loads(body)
    return found


def test_dockerds_request_with_a_body(peer: Peer) -> None:
    status, body = peer.call("/NetworkDriver.Join", b'{"NetworkID":"n"}')
    assert status == 200
    assert told(body)["path"] == "/NetworkDriver.Join"
    assert told(body)["body"] == '{"NetworkID":"n"}'


def test_dockerds_request_without_a_body(peer: Peer) -> None:
    assert told(peer.call("/Plugin.Activate")[1])["length"] == 0


def test_the_reply_names_type_and_length_and_keeps_the_connection(peer: Peer) -> None:
    peer.send(dockerd("/x"))
    status, header = peer.head()
    assert status == 200
    assert header["content-type"] == "application/json"
    assert int(header["content-length"]) > 0
    assert "connection" not in header


def test_many_calls_on_one_connection(peer: Peer) -> None:
    for number in range(50):
        assert told(peer.call("/x", b"%d" % number)[1])["body"] == str(number)


def test_calls_sent_ahead_are_answered_in_order(peer: Peer) -> None:
    peer.send(b"".join(dockerd(f"/{n}", b"x" * n) for n in range(20)))
    answers = [told(peer.reply()[1]) for _ in range(20)]
    assert [(a["path"], a["length"]) for a in answers] == [(f"/{n}", n) for n in range(20)]


def test_a_request_that_arrives_byte_by_byte(peer: Peer) -> None:
    for byte in dockerd("/NetworkDriver.Leave", b'{"a":1}'):
        peer.send(bytes([byte]))
    status, body = peer.reply()
    assert (status, told(body)["body"]) == (200, '{"a":1}')


def test_a_body_that_comes_later_than_its_header(peer: Peer) -> None:
    request = dockerd("/x", b"y" * 200_000)
    peer.send(request[:100])
    peer.send(request[100:150_000])
    peer.send(request[150_000:])
    assert told(peer.reply()[1])["length"] == 200_000


def test_a_query_and_an_escaped_path_are_decoded(peer: Peer) -> None:
    peer.send(b"GET /v1/networks/a%20b?ref=c%2Fd&ref=e&empty= HTTP/1.1\r\n\r\n")
    answer = told(peer.reply()[1])
    assert answer["path"] == "/v1/networks/a b"
    assert answer["query"] == {"ref": ["c/d", "e"], "empty": [""]}
    assert answer["method"] == "GET"


@pytest.mark.parametrize("name", [b"Content-Length", b"content-length", b"CONTENT-LENGTH"])
def test_header_names_have_no_case(peer: Peer, name: bytes) -> None:
    peer.send(b"POST /x HTTP/1.1\r\n" + name + b":   3  \r\n\r\nabc")
    assert told(peer.reply()[1])["body"] == "abc"


@pytest.mark.parametrize(
    "head", [b"GET /x HTTP/1.1\r\nConnection: close\r\n\r\n", b"GET /x HTTP/1.0\r\n\r\n"]
)
def test_who_wants_the_connection_closed_gets_it_closed(peer: Peer, head: bytes) -> None:
    peer.send(head)
    status, header = peer.head()
    assert (status, header["connection"]) == (200, "close")
    assert len(peer.rest) <= int(header["content-length"])
    while True:
        try:
            peer._more()
        except EOFError:
            break
    assert len(peer.rest) == int(header["content-length"])


def test_head_gets_no_body_and_the_next_call_its_own_reply(peer: Peer) -> None:
    peer.send(b"HEAD /x HTTP/1.1\r\n\r\n" + dockerd("/y"))
    status, header = peer.head()
    assert status == 200
    assert int(header["content-length"]) > 0
    assert told(peer.reply()[1])["path"] == "/y"


REFUSED = [
    ("not HTTP", b"hello\r\n\r\n", "not an HTTP/1.1 request"),
    ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "not an HTTP/1.1 request"),
    ("no version", b"GET /x\r\n\r\n", "not an HTTP/1.1 request"),
    ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "not an HTTP/1.1 request"),
    ("too many words", b"GET /a b HTTP/1.1\r\n\r\n", "not an HTTP/1.1 request"),
    ("empty line", b"\r\n\r\n", "not an HTTP/1.1 request"),
    ("bad length", b"POST /x HTTP/1.1\r\nContent-Length: 1x\r\n\r\n", "is no number"),
    ("negative", b"POST /x HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "is no number"),
    ("plus", b"POST /x HTTP/1.1\r\nContent-Length: +1\r\n\r\n", "is no number"),
    ("no length", b"POST /x HTTP/1.1\r\nContent-Length:\r\n\r\n", "is no number"),
    ("huge", b"POST /x HTTP/1.1\r\nContent-Length: " + b"9" * 9000 + b"\r\n\r\n", "no number"),
    (
        "chunked",
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        "not in chunks",
    ),
    ("10 MB", b"POST /x HTTP/1.1\r\nContent-Length: 10485760\r\n\r\n", "the limit is 1048576"),
    (
        "header in one piece",
        b"GET /x HTTP/1.1\r\nA: " + b"a" * 20_000 + b"\r\n\r\n",
        "header is larger",
    ),
    ("header without end", b"GET /x HTTP/1.1\r\nA: " + b"a" * 40_000, "header is larger"),
    ("bad path", b"GET http://[x?%20 HTTP/1.1\r\n\r\n", "path is malformed"),
]


@pytest.mark.parametrize(("data", "says"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_what_is_no_request_is_answered_and_ended(peer: Peer, data: bytes, says: str) -> None:
    peer.send(data)
    peer.send(b"x" * 100)
    status, body = peer.reply()
    assert status == 500
    failure = json.loads(body)
    assert says in failure["Err"]
    assert failure["Err"] == failure["Error"]
    assert peer.ended()


def test_a_body_of_10_mb_gets_its_answer_while_it_is_sent(server: Server, path: Path) -> None:
    with Peer(path) as peer:
        peer.send(b"POST /x HTTP/1.1\r\nContent-Length: 10485760\r\n\r\n")
        try:
            for _ in range(160):
                peer.send(b"x" * 65536)
        except OSError:
            pass  # the server had enough
        assert peer.reply()[0] == 500


def test_a_slow_request_is_answered_and_ended(
    monkeypatch: pytest.MonkeyPatch, server: Server, path: Path
) -> None:
    monkeypatch.setattr(http, "RECEIVE_SECONDS", 0.05)
    for part in (b"POST /x HT", b"POST /x HTTP/1.1\r\nContent-Length: 5\r\n\r\nab"):
        with Peer(path) as peer:
            peer.send(part)
            status, body = peer.reply()
            assert status == 500
            assert "did not arrive within" in json.loads(body)["Err"]
            assert peer.ended()


def test_quiet_between_calls_is_no_slowness(
    monkeypatch: pytest.MonkeyPatch, server: Server, path: Path
) -> None:
    monkeypatch.setattr(http, "RECEIVE_SECONDS", 0.05)
    with Peer(path) as peer:
        peer.call("/x")
        peer.sock.settimeout(0.2)
        with pytest.raises(TimeoutError):
            peer.sock.recv(1)
        peer.sock.settimeout(10)
        assert peer.call("/y")[0] == 200


@pytest.mark.parametrize(
    "part",
    [b"", b"P", b"POST /x HTTP/1.1\r\n", b"POST /x HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc"],
)
def test_a_peer_that_vanishes_leaves_nothing(server: Server, path: Path, part: bytes) -> None:
    with Peer(path) as peer:
        peer.send(part)
        assert eventually(lambda: len(server._connections) == 1)
    assert eventually(lambda: not server._connections)
    with Peer(path) as peer:
        assert peer.call("/x")[0] == 200


def test_a_peer_that_vanishes_before_its_reply(server: Server, path: Path) -> None:
    for _ in range(20):
        with Peer(path) as peer:
            peer.send(dockerd("/x", b"y" * 1000) * 50)
            peer.sock.shutdown(socket.SHUT_RD)
    assert eventually(lambda: not server._connections)
    with Peer(path) as peer:
        assert peer.call("/x")[0] == 200


def test_half_closed_peers_get_their_reply(server: Server, path: Path) -> None:
    with Peer(path) as peer:
        peer.send(dockerd("/x"))
        peer.sock.shutdown(socket.SHUT_WR)
        assert peer.reply()[0] == 200
        assert peer.ended()
