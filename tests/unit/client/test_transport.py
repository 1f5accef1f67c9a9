"""The wire: what goes out, what comes back, and every way it can fail."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.client.server import Server, serving
from weavecli import errors
from weavecli.api import paths
from weavecli.client.transport import Transport, socket_path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path) as running:
        yield running


@pytest.fixture
def transport(tmp_path: Path) -> Iterator[Transport]:
    made = Transport(str(tmp_path / "weave.sock"))
    yield made
    made.close()


def test_a_request_and_its_reply(server: Server, transport: Transport) -> None:
    server.answers["/v1/attach"] = (200, {"addresses": ["10.32.0.1"]})
    reply = transport.request("POST", "/v1/attach", {"container": "a b"}, [("x", "ä&")])
    assert reply == {"addresses": ["10.32.0.1"]}
    assert server.asked == [("POST", "/v1/attach?x=%C3%A4%26", {"container": "a b"})]


def test_the_same_request_again_uses_the_same_connection(
    server: Server, transport: Transport
) -> None:
    server.answers["/v1/ready"] = (200, {})
    for _ in range(3):
        transport.request("GET", "/v1/ready")
    assert server.connections == 2, "one to see whether anybody is there, one for the requests"


def test_the_proxy_of_the_environment_is_not_asked(
    server: Server, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://192.0.2.1:1")
    server.answers["/v1/ready"] = (200, {})
    assert transport.request("GET", "/v1/ready") == {}


@pytest.mark.parametrize("kind", sorted(errors.KINDS))
def test_a_failure_has_the_kind_and_the_words_of_the_daemon(
    kind: str, server: Server, transport: Transport
) -> None:
    expected = errors.KINDS[kind]
    server.answers["/v1/x"] = (expected.status, {"error": "db: no", "kind": kind})
    with pytest.raises(expected, match=r"^db: no$"):
        transport.request("GET", "/v1/x")


def test_an_unknown_kind_is_internal(server: Server, transport: Transport) -> None:
    server.answers["/v1/x"] = (418, {"error": "teapot", "kind": "brewing"})
    with pytest.raises(errors.Internal, match="teapot"):
        transport.request("GET", "/v1/x")


def test_nobody_listens(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.sock", tmp_path / "missing" / "weave.sock"):
        with pytest.raises(errors.Unavailable) as caught:
            Transport(str(path)).request("GET", "/v1/version")
        assert str(caught.value) == "weave is not running; start it with 'weave launch'"


def test_a_socket_that_was_left_behind(tmp_path: Path) -> None:
    path = tmp_path / "weave.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with pytest.raises(errors.Unavailable, match=r"^weave is not running; start it"):
        Transport(str(path)).request("GET", "/v1/version")


CHILD = """
import os, sys
import requests_unixsocket
from weavecli.client.transport import Transport
from weavecli.errors import WeaveError
os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    Transport(sys.argv[1]).request("GET", "/v1/version")
except WeaveError as error:
    print(error.kind, error)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="root is needed to become somebody else")
def test_no_permission(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "weave.sock"
    path.chmod(0o600)
    here = tmp_path
    while str(here) != "/tmp" and here != here.parent:
        here.chmod(0o755)
        here = here.parent
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(path)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.getcwd(), "HOME": "/"},
    )
    assert done.stdout == (
        f"forbidden no permission on {path}: run as root or as a member of group docker\n"
    )


def test_a_path_that_no_socket_can_have() -> None:
    with pytest.raises(errors.Unavailable, match=r"x cannot be reached: .*too long"):
        Transport("/" + "x" * 200).request("GET", "/v1/version")


def test_a_daemon_that_is_too_busy_to_listen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weavecli.client.transport.CONNECT_TIMEOUT", 0.05)
    path = str(tmp_path / "weave.sock")
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(path)
        busy.listen(0)
        waiting.connect(path)
        with pytest.raises(errors.TimedOut, match="does not take connections"):
            Transport(path).request("GET", "/v1/version")


def test_silence_has_an_end(server: Server, transport: Transport) -> None:
    server.answers["/v1/status"] = (200, "hang")
    with pytest.raises(errors.TimedOut, match=r"within 0 s \(GET /v1/status\); see 'weave logs'"):
        transport.request("GET", "/v1/status", timeout=0.05)


def test_a_daemon_that_dies_while_asked(server: Server, transport: Transport) -> None:
    server.answers["/v1/status"] = (200, "drop")
    with pytest.raises(errors.Unavailable, match="without a reply"):
        transport.request("GET", "/v1/status")


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (200, b"<html>", r"not JSON \(HTTP 200\); is that weave's socket\?"),
        (502, b"bad gateway", r"not JSON \(HTTP 502\)"),
        (200, b"", "not JSON"),
        (500, b"[]", r"without saying why \(HTTP 500\)"),
        (500, b'{"error": 3}', "without saying why"),
    ],
)
def test_garbage(
    status: int, body: bytes, sentence: str, server: Server, transport: Transport
) -> None:
    server.answers["/v1/version"] = (status, body)
    with pytest.raises(errors.Internal, match=sentence):
        transport.request("GET", "/v1/version")


def test_a_daemon_of_another_api_version(server: Server, transport: Transport) -> None:
    other = paths.API_VERSION + 2
    server.answers[f"/v{other}/version"] = (200, {"version": "9.1", "api": other, "pid": 77})
    with pytest.raises(errors.NotSupported) as caught:
        transport.request("POST", "/v1/attach", {})
    assert str(caught.value) == (
        "this weave speaks version 1 of the control API, the running weaved 9.1 speaks version 3; "
        "end that weaved (process 77) and run 'weave launch'"
    )


def test_a_route_that_this_daemon_lacks(server: Server, transport: Transport) -> None:
    server.answers["/v2/version"] = (200, ["nonsense"])
    with pytest.raises(errors.NotSupported, match=r"^no route /v1/attach$"):
        transport.request("POST", "/v1/attach", {})


def test_where_the_socket_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEAVE_SOCKET", raising=False)
    assert socket_path() == paths.CONTROL_SOCKET
    monkeypatch.setenv("WEAVE_SOCKET", "/elsewhere.sock")
    assert Transport().socket == "/elsewhere.sock"


def test_the_http_library_is_imported_at_the_first_request() -> None:
    program = (
        "import sys; import weavecli.client.client as c; c.Client(); "
        "sys.exit('requests' in sys.modules or 'urllib3' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
