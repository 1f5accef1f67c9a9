"""status, report, ps and version."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fakes.client import FakeClient, down, raising, returning
from tests.unit.cli.running import weave
from weavecli import __version__
from weavecli.errors import Forbidden, Invalid, NotSupported

TEXT = "\n        Version: 0.1.0\n\n        Service: router\n\n"
REPORT: Any = {"Ready": True, "Router": {"Name": "02:4b:7d:00:10:aa", "Peers": [1, 2]}}
GOLDEN_REPORT = """\
{
    "Ready": true,
    "Router": {
        "Name": "02:4b:7d:00:10:aa",
        "Peers": [
            1,
            2
        ]
    }
}
"""


@pytest.mark.parametrize(("ok", "code"), [(True, 0), (False, 1)])
def test_status_prints_the_text_as_it_stands(ok: bool, code: int) -> None:
    client = FakeClient(status=returning({"text": TEXT, "ok": ok}))
    assert weave("status", client=client) == (code, TEXT, "")
    assert client.calls == [("status", "")]


@pytest.mark.parametrize("subject", ["targets", "connections", "peers", "ipam"])
def test_parts_of_the_status(subject: str) -> None:
    client = FakeClient(status=returning({"text": "", "ok": True}))
    assert weave("status", subject, client=client) == (0, "", "")
    assert client.calls == [("status", subject)]


@pytest.mark.parametrize("subject", ["dns", "x", ""])
def test_a_part_that_is_not_there(subject: str) -> None:
    ran = weave("status", subject)
    assert (ran.code, ran.out) == (1, "")
    first, usage, _ = ran.err.split("\n", 2)
    assert first == f"Invalid 'weave status' sub-command: {subject}"
    assert usage == "Usage: weave status [OPTIONS] [targets|connections|peers|ipam]"


def test_status_without_a_daemon() -> None:
    assert weave("status", client=down()) == (
        1,
        "",
        "weave is not running; start it with 'weave launch'\n",
    )


def test_report_is_json_with_four_spaces() -> None:
    client = FakeClient(report=returning(REPORT))
    assert weave("report", client=client) == (0, GOLDEN_REPORT, "")


@pytest.mark.parametrize(
    ("template", "printed"),
    [
        ("{{.Router.Name}}", "02:4b:7d:00:10:aa"),
        ("{{len .Router.Peers}}", "2"),
        ('{{range .Router.Peers}}{{.}}{{"\\n"}}{{end}}', "1\n2\n"),
        ("{{json .}}", json.dumps(REPORT, separators=(",", ":"))),
        ("", ""),
    ],
)
@pytest.mark.parametrize("flag", ["-f", "--format"])
def test_report_through_a_template_adds_no_newline(flag: str, template: str, printed: str) -> None:
    client = FakeClient(report=returning(REPORT))
    assert weave("report", flag, template, client=client) == (0, printed, "")


def test_a_bad_template_is_refused_before_the_daemon_is_asked() -> None:
    client = FakeClient()
    ran = weave("report", "-f", "{{with .}}", client=client)
    assert (ran.code, ran.out, client.calls) == (1, "", [])
    assert ran.err.startswith('weave: template: "with" is not supported; supported are ')


def test_a_template_that_does_not_fit_prints_nothing_else() -> None:
    client = FakeClient(report=returning(REPORT))
    ran = weave("report", "-f", "some{{.Nope}}", client=client)
    assert ran == (1, "", 'weave: template: at <.Nope>: map has no entry for key "Nope"\n')


def test_report_takes_no_arguments() -> None:
    ran = weave("report", "x")
    assert ran.code == 1
    assert "Usage: weave report [OPTIONS]\n" in ran.err


def test_ps() -> None:
    rows = [
        {"id": "weave:expose", "mac": "02:77:65:61:76:65", "addresses": []},
        {
            "id": "3f9c2ab71e04",
            "mac": "02:77:0a:20:00:04",
            "addresses": ["10.32.0.4/12", "fd::4/64"],
        },
    ]
    client = FakeClient(ps=returning({"interfaces": rows}))
    assert weave("ps", client=client) == (
        0,
        "weave:expose 02:77:65:61:76:65\n3f9c2ab71e04 02:77:0a:20:00:04 10.32.0.4/12 fd::4/64\n",
        "",
    )
    assert client.calls == [("ps", [])]


def test_ps_of_named_containers() -> None:
    client = FakeClient(ps=returning({"interfaces": []}))
    assert weave("ps", "db", "no.such", client=client) == (0, "", "")
    assert client.calls == [("ps", ["db", "no.such"])]


def test_version_with_a_daemon() -> None:
    client = FakeClient(version=returning({"version": "0.0.9", "api": 1, "pid": 7}))
    assert weave("version", client=client) == (
        0,
        f"weave script {__version__}\nweave 0.0.9\n",
        "",
    )


def test_version_without_a_daemon() -> None:
    assert weave("version", client=down()) == (
        0,
        f"weave script {__version__}\nweave is not running\n",
        "",
    )


@pytest.mark.parametrize("error", [Forbidden("no permission"), NotSupported("other API")])
def test_version_when_the_daemon_cannot_tell(error: Exception) -> None:
    ran = weave("version", client=FakeClient(version=raising(error)))
    assert ran == (0, f"weave script {__version__}\nweave version unknown\n", f"weave: {error}\n")


def test_version_takes_no_arguments() -> None:
    assert weave("version", "x").code == 1


def test_an_invalid_from_the_daemon_is_one_line() -> None:
    client = FakeClient(status=raising(Invalid("two\nlines")))
    assert weave("status", client=client).err == "weave: two lines\n"
