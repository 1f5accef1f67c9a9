"""From a request to a service and back: plugin, control and read-only edge."""

from __future__ import annotations

import json
from typing import Any

import pytest

from weavecli.api import paths
from weavecli.daemon.app import PLUGIN_TYPE, ControlApp, PluginApp, decode
from weavecli.daemon.control import routes
from weavecli.daemon.http import Request, Response
from weavecli.daemon.plugin.routes import CONSTANTS, METHODS
from weavecli.daemon.readonly import ReadOnlyApp
from weavecli.errors import KINDS, Internal, Invalid, Unavailable


def nothing() -> None:
    """Ready."""


def starting() -> None:
    raise Unavailable("weaved is still starting; try again")


def plugin(**methods: Any) -> PluginApp:
    app = PluginApp(CONSTANTS, METHODS, nothing)
    app.methods.update({f"/NetworkDriver.{name}": method for name, method in methods.items()})
    return app


def post(path: str, body: bytes = b"{}") -> Request:
    return Request("POST", path, {}, body)


def body_of(response: Response) -> Any:
    return json.loads(response.body)


# -- bodies


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "it is empty"),
        (b"{", "not JSON"),
        (b"{'a':1}", "not JSON"),
        (b"\xff\xfe{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"a":' * 50_000, "not JSON"),
        (b"1" * 5000, "not JSON"),
        (b"[]", "is list, expected a JSON object"),
        (b"null", "is NoneType, expected a JSON object"),
        (b'"x"', "is str, expected a JSON object"),
        (b"1", "is int, expected a JSON object"),
    ],
)
def test_what_is_no_object_is_invalid(raw: bytes, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        decode(raw)


def test_an_object_is_decoded_and_a_long_one_cut_in_the_message() -> None:
    assert decode(b'{"a": [1, null]}') == {"a": [1, None]}
    with pytest.raises(Invalid) as caught:
        decode(b"x" * 100_000)
    assert len(str(caught.value)) < 120


# -- the plugin edge


@pytest.mark.parametrize("path", sorted(CONSTANTS))
def test_constants_are_answered_whatever_happens(path: str) -> None:
    app = PluginApp(CONSTANTS, METHODS, starting)
    for body in (b"", b"{}", b"nonsense", b'{"NetworkID": 7}'):
        response = app(post(path, body))
        assert (response.status, response.content_type) == (200, PLUGIN_TYPE)
        assert body_of(response) == CONSTANTS[path]
    assert app.calls == 4


def test_what_docker_needs_is_constant_or_a_method() -> None:
    network = (
        "CreateNetwork",
        "DeleteNetwork",
        "CreateEndpoint",
        "DeleteEndpoint",
        "Join",
        "Leave",
        "EndpointOperInfo",
        "DiscoverNew",
        "DiscoverDelete",
        "AllocateNetwork",
        "FreeNetwork",
        "ProgramExternalConnectivity",
        "RevokeExternalConnectivity",
        "GetCapabilities",
    )
    ipam = (
        "GetCapabilities",
        "GetDefaultAddressSpaces",
        "RequestPool",
        "ReleasePool",
        "RequestAddress",
        "ReleaseAddress",
    )
    needed = {f"/NetworkDriver.{n}" for n in network} | {f"/IpamDriver.{n}" for n in ipam}
    assert needed <= set(CONSTANTS) | METHODS
    assert not set(CONSTANTS) & METHODS


@pytest.mark.parametrize(
    "path", ["/", "/NetworkDriver.Nope", "/NetworkDriver.join", "/Plugin.Activate/", "/v1/version"]
)
def test_an_unknown_method_is_404_with_both_members(path: str) -> None:
    response = plugin()(post(path))
    assert response.status == 404
    assert body_of(response)["Err"] == body_of(response)["Error"]
    assert "is not implemented" in body_of(response)["Err"]


def test_a_method_gets_the_body_and_its_answer_goes_out() -> None:
    seen: list[Any] = []

    def join(body: dict[str, Any]) -> dict[str, Any]:
        seen.append(body)
        return {"InterfaceName": {}}

    app = plugin(Join=join)
    response = app(post("/NetworkDriver.Join", b'{"a":null}'))
    assert (response.status, body_of(response)) == (200, {"InterfaceName": {}})
    assert seen == [{"a": None}]
    assert (app.calls, app.last_call) == (1, "NetworkDriver.Join")


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_failure_is_500_with_both_members(kind: str) -> None:
    def fail(_body: dict[str, Any]) -> dict[str, Any]:
        raise KINDS[kind]("the reason")

    response = plugin(Leave=fail)(post("/NetworkDriver.Leave"))
    assert response.status == 500
    assert body_of(response) == {"Err": "the reason", "Error": "the reason"}


def test_a_defect_is_a_sentence_and_a_trace_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    response = plugin(Leave=lambda body: body["nothing"])(post("/NetworkDriver.Leave"))
    assert response.status == 500
    assert "KeyError" in body_of(response)["Err"]
    assert "see 'weave logs'" in body_of(response)["Error"]
    assert "Traceback" in caplog.text


def test_an_answer_that_is_no_json_is_a_defect_too() -> None:
    response = plugin(Leave=lambda _body: {"x": object()})(post("/NetworkDriver.Leave"))
    assert response.status == 500
    assert "TypeError" in body_of(response)["Err"]


@pytest.mark.parametrize("path", sorted(METHODS))
@pytest.mark.parametrize("raw", [b"", b"x", b"[]", b"null"])
def test_no_body_no_call(path: str, raw: bytes) -> None:
    app = PluginApp(CONSTANTS, METHODS, nothing)
    app.methods.update({path: lambda _body: pytest.fail("called")})
    response = app(post(path, raw))
    assert response.status == 500
    assert body_of(response)["Err"].startswith("the body is")


def test_while_starting_methods_fail_and_are_not_called() -> None:
    app = PluginApp(CONSTANTS, METHODS, starting)
    response = app(post("/NetworkDriver.Leave"))
    assert response.status == 500
    assert "still starting" in body_of(response)["Err"]


@pytest.mark.parametrize("status", [400, 408, 413, 431, 500])
def test_a_failure_of_the_transport_is_a_500(status: int) -> None:
    response = PluginApp.failing(status, "m", "invalid")
    assert (response.status, body_of(response)) == (500, {"Err": "m", "Error": "m"})


def test_each_call_is_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    plugin(Leave=lambda _body: {})(
        post("/NetworkDriver.Leave", b'{"EndpointID":"%b"}' % (b"e" * 64))
    )
    (record,) = caplog.records
    assert record.getMessage().startswith("/NetworkDriver.Leave eeeeeeeeeeee ")
    assert record.getMessage().endswith(" ms: ok")


# -- the control edge


def control(ready: Any = nothing, **table: Any) -> ControlApp:
    names = {
        "status": ("GET", paths.STATUS),
        "net": ("DELETE", f"{paths.NETWORKS}/"),
        "attach": ("POST", paths.ATTACH),
    }
    found = {names[name]: method for name, method in table.items()}
    return ControlApp({**routes.constants(lambda: {"ready": False}), **found}, ready)


def test_a_route_is_found_by_method_and_path() -> None:
    app = control(status=lambda r: {"text": r.path}, net=lambda r: {"gone": r.path})
    assert body_of(app(Request("GET", paths.STATUS))) == {"text": paths.STATUS}
    assert body_of(app(Request("DELETE", f"{paths.NETWORKS}/web"))) == {"gone": "/v1/networks/web"}


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("POST", paths.STATUS, 400, "invalid"),
        ("GET", "/v2/status", 404, "not-supported"),
        ("GET", "/", 404, "not-supported"),
        ("GET", "/v1/nothing", 404, "not-supported"),
        ("DELETE", f"{paths.NETWORKS}/a/b", 404, "not-supported"),
    ],
)
def test_what_is_not_there(method: str, path: str, status: int, kind: str) -> None:
    response = control(status=lambda _r: {}, net=lambda _r: {})(Request(method, path))
    assert (response.status, body_of(response)["kind"]) == (status, kind)


def test_version_and_readiness_are_there_from_the_start() -> None:
    app = control(starting)
    assert body_of(app(Request("GET", paths.VERSION)))["api"] == paths.API_VERSION
    assert body_of(app(Request("GET", paths.READY))) == {"ready": False}
    response = app(Request("POST", paths.ATTACH))
    assert (response.status, body_of(response)["kind"]) == (503, "unavailable")


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_failure_has_its_status_and_kind(kind: str) -> None:
    def fail(_request: Request) -> object:
        raise KINDS[kind]("the reason")

    response = control(attach=fail)(Request("POST", paths.ATTACH))
    assert response.status == KINDS[kind].status
    assert body_of(response) == {"error": "the reason", "kind": kind}


def test_a_defect_is_internal() -> None:
    response = control(attach=lambda _r: 1 / 0)(Request("POST", paths.ATTACH))
    assert (response.status, body_of(response)["kind"]) == (500, Internal.kind)
    assert "ZeroDivisionError" in body_of(response)["error"]


# -- the read-only edge


class FakeStatus:
    def text(self, subject: str) -> tuple[str, bool]:
        if subject == "bad":
            raise Invalid("no such subject")
        return f"[{subject}]", subject != "ill"

    def report(self) -> dict[str, str]:
        return {"Version": "1"}


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/status", 200, "[]"),
        ("HEAD", "/status", 200, "[]"),
        ("GET", "/status/ipam", 200, "[ipam]"),
        ("GET", "/status/ill", 503, "[ill]"),
        ("GET", "/status/bad", 400, "no such subject\n"),
        ("GET", "/statusx", 404, "there are /status, /status/SUBJECT and /report\n"),
        ("GET", "/", 404, "there are /status, /status/SUBJECT and /report\n"),
        ("GET", "/v1/status", 404, "there are /status, /status/SUBJECT and /report\n"),
        ("POST", "/status", 405, "this address is for reading only: use GET\n"),
        ("DELETE", "/report", 405, "this address is for reading only: use GET\n"),
    ],
)
def test_reading(method: str, path: str, status: int, body: str) -> None:
    app = ReadOnlyApp(lambda: FakeStatus())  # type: ignore[arg-type, return-value]
    response = app(Request(method, path))
    assert (response.status, response.body.decode()) == (status, body)
    assert response.content_type.startswith("text/plain")


def test_the_report_is_json_and_starting_is_told() -> None:
    app = ReadOnlyApp(lambda: FakeStatus())  # type: ignore[arg-type, return-value]
    report = app(Request("GET", "/report"))
    assert (report.content_type, body_of(report)) == ("application/json", {"Version": "1"})
    assert ReadOnlyApp(lambda: None)(Request("GET", "/status")).status == 503


def test_a_defect_while_reading_is_a_500() -> None:
    def broken() -> None:
        raise KeyError("x")

    response = ReadOnlyApp(broken)(Request("GET", "/status"))
    assert response.status == 500
    assert b"KeyError" in response.body
