"""plugin start, stop and status."""

from __future__ import annotations

from typing import Any

from tests.fakes.client import FakeClient, down, raising, returning
from tests.unit.cli.commands.test_launch import FakeWeaved
from tests.unit.cli.running import weave
from weavecli.errors import Forbidden

STATE: dict[str, Any] = {
    "enabled": True,
    "drivers": ["weave", "weavemesh"],
    "sockets": ["/run/docker/plugins/weave.sock", "/run/docker/plugins/weavemesh.sock"],
    "docker": "29.0.1",
    "network": "8f0c3a6b12de",
    "calls": 12,
    "last_call": "/NetworkDriver.Join",
}
VERSION: Any = {"version": "0.1.0", "api": 1, "pid": 7}
GOLDEN = """\
         Plugin: on
        Drivers: weave, weavemesh
        Sockets: /run/docker/plugins/weave.sock, /run/docker/plugins/weavemesh.sock
         Docker: 29.0.1
        Network: 8f0c3a6b12de
          Calls: 12
       LastCall: /NetworkDriver.Join
"""


def test_start_of_a_running_daemon_switches_it_on() -> None:
    client = FakeClient(version=returning(VERSION), set_plugin=returning(STATE))
    assert weave("plugin", "start", client=client) == (0, "", "")
    assert client.calls == [("version",), ("set_plugin", True)]


def test_start_without_a_daemon_launches_one() -> None:
    weaved = FakeWeaved()
    ran = weave("plugin", "start", client=down(), weaved=weaved)
    assert (ran.code, ran.out) == (0, "02:4b:7d:00:10:aa\n")
    assert weaved.calls == [("start", ["--plugin=true"])]


def test_start_without_permission() -> None:
    client = FakeClient(version=raising(Forbidden("no permission on the socket")))
    ran = weave("plugin", "start", client=client)
    assert ran == (1, "", "weave: no permission on the socket\n")


def test_stop() -> None:
    client = FakeClient(set_plugin=returning({**STATE, "enabled": False}))
    assert weave("plugin", "stop", client=client) == (0, "", "")
    assert client.calls == [("set_plugin", False)]


def test_stop_without_a_daemon_is_no_failure() -> None:
    assert weave("plugin", "stop", client=down()) == (0, "", "Weave is not running.\n")


def test_status() -> None:
    assert weave("plugin", "status", client=FakeClient(plugin=returning(STATE))) == (0, GOLDEN, "")


def test_status_when_it_is_off() -> None:
    off = {"enabled": False, "drivers": [], "sockets": [], "docker": "", "network": "",
        "calls": 0, "last_call": ""}  # fmt: skip
    ran = weave("plugin", "status", client=FakeClient(plugin=returning(off)))
    assert ran.code == 1
    assert [line.split(": ")[1] for line in ran.out.splitlines()] == [
        "off",
        "none",
        "none",
        "no Docker engine answers",
        "none",
        "0",
        "none",
    ]


def test_status_without_a_daemon() -> None:
    ran = weave("plugin", "status", client=down())
    assert (ran.code, ran.out) == (1, "")


def test_bare_plugin_shows_the_usage() -> None:
    ran = weave("plugin")
    assert (ran.code, ran.out) == (1, "")
    assert "Usage: weave plugin [OPTIONS] COMMAND [ARGS]..." in ran.err
