"""stop, reset and prime."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.client import FakeClient, down, raising, returning
from tests.unit.cli.commands.test_launch import FakeWeaved
from tests.unit.cli.running import NoSystemd, weave
from weavecli.api import paths
from weavecli.cli.commands import lifecycle
from weavecli.errors import Conflict, Unavailable

IN_USE: list[dict[str, Any]] = [
    {"name": "back", "containers": ["db", "3f9c2ab71e04" + "a" * 52]},
    {"name": "web", "containers": ["app"]},
]
WARNING = """\
WARNING: the following containers are still attached to network "back":
  db
  3f9c2ab71e04
WARNING: the following containers are still attached to network "web":
  app
They keep talking, but Docker's calls about these networks (starting and stopping such containers) \
now wait 15 s each until 'weave launch'.
"""


NOBODY = 99_999_999
"""A process that does not exist."""


class Ending:
    """A daemon whose socket vanishes after a few looks."""

    def __init__(self, looks: int, pid: int = NOBODY) -> None:
        self.looks = looks
        self.pid = pid

    def version(self) -> Any:
        self.looks -= 1
        if self.looks < 0:
            raise Unavailable("not running")
        return {"version": "0.1.0", "api": 1, "pid": self.pid}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "POLL", 0.0)


def test_stop_waits_until_the_socket_is_gone() -> None:
    client = FakeClient(stop=returning({"in_use": []}), version=Ending(3).version)
    assert weave("stop", client=client) == (0, "", "")
    assert client.calls == [("stop",)] + [("version",)] * 4


def test_stop_waits_until_the_process_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "STOP_DEADLINE", 0.05)
    client = FakeClient(stop=returning({"in_use": []}), version=Ending(1, os.getpid()).version)
    code, _, err = weave("stop", client=client)
    assert code == 1
    assert f"process {os.getpid()}" in err


def test_stop_warns_of_networks_in_use() -> None:
    client = FakeClient(stop=returning({"in_use": IN_USE}), version=Ending(0).version)
    assert weave("stop", client=client) == (0, "", WARNING)


def test_stop_of_nothing() -> None:
    systemd = NoSystemd()
    assert weave("stop", client=down(), systemd=systemd) == (0, "", "Weave is not running.\n")
    assert systemd.calls == []


def test_stop_under_systemd_asks_first_and_then_stops_the_units() -> None:
    systemd = NoSystemd(active=True)
    client = FakeClient(stop=returning({"in_use": IN_USE}), version=Ending(1).version)
    assert weave("stop", client=client, systemd=systemd) == (0, "", WARNING)
    assert systemd.calls == ["stop"]


def test_stop_under_systemd_also_closes_sockets_without_a_daemon() -> None:
    systemd = NoSystemd(active=True)
    assert weave("stop", client=down(), systemd=systemd).err == "Weave is not running.\n"
    assert systemd.calls == ["stop"]


def test_a_daemon_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "STOP_DEADLINE", 0.02)
    client = FakeClient(stop=returning({"in_use": []}), version=Ending(1 << 30).version)
    ran = weave("stop", client=client)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"weaved (process {NOBODY}) was told to stop and has not within ")


@pytest.mark.parametrize("force", [False, True])
def test_reset(force: bool) -> None:
    removed = ["Docker network weave", "bridge weave"]
    client = FakeClient(reset=returning({"removed": removed}), version=Ending(1).version)
    assert weave("reset", *["--force"] * force, client=client) == (0, "", "")
    assert client.calls[0] == ("reset", {"force": force})


def test_reset_tells_a_person_what_was_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weavecli.cli.output.Output.is_terminal", lambda _: True)
    client = FakeClient(reset=returning({"removed": ["bridge weave"]}), version=Ending(0).version)
    assert weave("reset", client=client) == (0, "", "removed bridge weave\n")


def test_reset_is_refused_while_containers_use_it() -> None:
    client = FakeClient(reset=raising(Conflict("containers are on networks of weave (web: app)")))
    ran = weave("reset", client=client)
    assert ran == (1, "", "weave: containers are on networks of weave (web: app)\n")


def test_reset_under_systemd_stops_the_units() -> None:
    systemd = NoSystemd(active=True)
    client = FakeClient(reset=returning({"removed": []}), version=Ending(0).version)
    assert weave("reset", client=client, systemd=systemd).code == 0
    assert systemd.calls == ["stop"]


def test_reset_without_a_daemon_needs_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "STATE_DIR", str(tmp_path))
    (tmp_path / "state.db").write_text("")
    weaved = FakeWeaved()
    ran = weave("reset", client=down(), weaved=weaved)
    assert (ran.code, ran.out, weaved.calls) == (1, "", [])
    assert ran.err == (
        "weave is not running; unable to remove Docker's networks in good order. Run "
        "'weave launch' first, or 'weave reset --force'\n"
    )


@pytest.mark.parametrize("code", [0, 4])
def test_reset_without_a_daemon(code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weaved = FakeWeaved(code=code)
    monkeypatch.setattr(paths, "STATE_DIR", str(tmp_path))
    (tmp_path / "state.db").write_text("")
    systemd = NoSystemd(active=True)
    assert weave("reset", "--force", client=down(), weaved=weaved, systemd=systemd).code == code
    assert systemd.calls == ["stop"]
    monkeypatch.setattr(paths, "STATE_DIR", str(tmp_path / "missing"))
    assert weave("reset", client=down(), weaved=weaved).code == code
    assert weaved.calls == [("reset_only",)] * 2


def test_prime() -> None:
    client = FakeClient(prime=returning(None))
    assert weave("prime", client=client) == (0, "", "")
    assert weave("prime", client=down()).code == 1
    assert weave("prime", "x").code == 1
