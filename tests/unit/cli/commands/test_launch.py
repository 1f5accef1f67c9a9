"""launch: flags, the order of refusals, both ways to start, and what is said at the end."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.client import FakeClient, down, raising, returning
from tests.unit.cli.running import NoSystemd, Ran, weave
from weavecli.cli.commands import launch as module
from weavecli.cli.starting import Started
from weavecli.errors import Forbidden, NotSupported, TimedOut, Unavailable

NAME = "02:4b:7d:00:10:aa"
VERSION: Any = {"version": "0.1.0", "api": 1, "pid": 7}
RUNNING = "weave is already running; you can stop it with 'weave stop'.\n"
BY_HAND = "Nothing starts weave after a reboot; have your init system run 'weave launch'.\n"
BY_SETUP = "Nothing starts weave after a reboot; 'weave setup' installs a unit that does.\n"


class FakeWeaved:
    """The daemon's program, which starts at once, or fails."""

    program = ("weaved",)

    def __init__(self, note: str = "", failure: Exception | None = None, code: int = 0) -> None:
        self.note, self.failure, self.code = note, failure, code
        self.calls: list[Any] = []

    def start(self, flags: list[str], progress: Any) -> Started:
        self.calls.append(("start", flags))
        progress.stage("opening sockets")
        if self.failure:
            raise self.failure
        return Started(NAME, self.note)

    def save(self, flags: list[str]) -> None:
        self.calls.append(("save", flags))
        if self.failure:
            raise self.failure

    def reset_only(self) -> int:
        self.calls.append(("reset_only",))
        return self.code


def launch(*flags: str, **parts: Any) -> tuple[Ran, FakeWeaved]:
    weaved = parts.pop("weaved", None) or FakeWeaved()
    ran = weave("launch", *flags, client=parts.pop("client", down()), weaved=weaved, **parts)
    return ran, weaved


def test_launch() -> None:
    ran, weaved = launch()
    assert ran == (0, f"{NAME}\n", BY_HAND)
    assert weaved.calls == [("start", [])]


def test_where_systemd_runs_setup_is_mentioned() -> None:
    ran, _ = launch(systemd=NoSystemd(booted=True))
    assert ran == (0, f"{NAME}\n", BY_SETUP)


def test_the_note_of_the_daemon_is_passed_on() -> None:
    ran, _ = launch(weaved=FakeWeaved(note="no Docker engine answers; attach works"))
    assert ran == (0, f"{NAME}\n", "no Docker engine answers; attach works\n" + BY_HAND)


@pytest.mark.parametrize(
    ("flags", "given"),
    [
        (["--name", "::1"], ["--name", "00:00:00:00:00:01"]),
        (["--name", "02:4B:7d:0:10:aa"], ["--name", NAME]),
        (["--nickname", "alpha"], ["--nickname", "alpha"]),
        (["--ipalloc-range", "10.64.0.0/16"], ["--ipalloc-range", "10.64.0.0/16"]),
        (
            ["--ipalloc-default-subnet=10.64.1.0/24", "--ipalloc-range=10.64.0.0/16"],
            ["--ipalloc-range", "10.64.0.0/16", "--ipalloc-default-subnet", "10.64.1.0/24"],
        ),
        (["--plugin=false"], ["--plugin=false"]),
        (["--plugin=true"], ["--plugin=true"]),
        (["--plugin"], ["--plugin=true"]),
        (["--no-plugin"], ["--plugin=false"]),
        (["--no-plugin", "--plugin=0"], ["--plugin=false"]),
        (["--mtu", "1400"], ["--mtu", "1400"]),
        (["--mtu", "0"], ["--mtu", "0"]),
        (["--status-addr", "0.0.0.0:6782"], ["--status-addr", "0.0.0.0:6782"]),
        (["--status-addr", "[::1]:6782"], ["--status-addr", "[::1]:6782"]),
        (["--status-addr", ""], ["--status-addr", ""]),
        (["--log-level", "debug"], ["--log-level", "debug"]),
    ],
)
def test_flags_for_the_daemon(flags: list[str], given: list[str]) -> None:
    ran, weaved = launch(*flags)
    assert ran.code == 0
    assert weaved.calls == [("start", given)]


def test_the_environment_stands_in_for_flags_and_yields_to_them() -> None:
    env = {"WEAVE_STATUS_ADDR": "127.0.0.1:7000", "WEAVE_MTU": "1300"}
    _, weaved = launch(env=env)
    assert weaved.calls == [("start", ["--mtu", "1300", "--status-addr", "127.0.0.1:7000"])]
    _, weaved = launch("--mtu=1400", env={"WEAVE_MTU": "1300", "WEAVE_STATUS_ADDR": ""})
    assert weaved.calls == [("start", ["--mtu", "1400"])]


@pytest.mark.parametrize(
    "flags",
    [
        ["--name", "x"],
        ["--name", "1:2:3:4:5"],
        ["--name", "1:2:3:4:5:6:7"],
        ["--name", "::"],
        ["--name", "1::2::3"],
        ["--ipalloc-range", "10.64.0.1/16"],
        ["--ipalloc-range", ""],
        ["--ipalloc-default-subnet", "10.64.1.0"],
        ["--plugin=maybe"],
        ["--plugin", "--no-plugin"],
        ["--mtu", "5"],
        ["--mtu", "many"],
        ["--mtu", "70000"],
        ["--status-addr", "6782"],
        ["--status-addr", "localhost:6782"],
        ["--status-addr", "127.0.0.1:99999"],
        ["--log-level", "loud"],
        ["--no-such-flag"],
    ],
)
def test_bad_flags_are_refused_before_anything_is_asked(flags: list[str]) -> None:
    client = FakeClient()
    ran, weaved = launch(*flags, client=client)
    assert (ran.code, ran.out, client.calls, weaved.calls) == (1, "", [], [])
    assert ran.err.startswith("weave: ")


@pytest.mark.parametrize(
    ("flags", "env", "sentence"),
    [
        (
            ["host1", "host2"],
            {},
            "joining other hosts is not in this release; launch without host1 host2",
        ),
        (
            ["--password", "x"],
            {},
            "encryption between hosts is not in this release; launch without a password",
        ),
        (
            [],
            {"WEAVE_PASSWORD": "x"},
            "encryption between hosts is not in this release; launch without a password",
        ),
    ],
)
def test_what_needs_several_hosts_is_refused(
    flags: list[str], env: dict[str, str], sentence: str
) -> None:
    ran, weaved = launch(*flags, env=env)
    assert ran == (1, "", f"weave: {sentence}\n")
    assert weaved.calls == []


def test_flags_without_meaning_are_named_once() -> None:
    ran, weaved = launch(
        "--no-discovery", "--conn-limit", "100", "--no-dns", "--dns-domain=x.", "--proxy=false",
        "-H", "unix:///x.sock", "-H", "tcp://0.0.0.0:1", "--resume", "--ipalloc-init", "seed=::1",
        "--no-restart", "--trusted-subnets=10.0.0.0/8", "--nickname=a",
    )  # fmt: skip
    first, rest = ran.err.split("\n", 1)
    assert first.startswith("weave: without meaning in this release: ")
    assert set(first.split(": ")[2].split(", ")) == {
        "--no-discovery", "--conn-limit", "--no-dns", "--dns-domain", "--proxy", "-H", "--resume",
        "--ipalloc-init", "--no-restart", "--trusted-subnets",
    }  # fmt: skip
    assert rest == BY_HAND
    assert weaved.calls == [("start", ["--nickname", "a"])]


@pytest.mark.parametrize("is_root", [True, False])
@pytest.mark.parametrize("version", [returning(VERSION), raising(NotSupported("other API"))])
def test_one_that_runs_is_left_alone(is_root: bool, version: Any) -> None:
    ran, weaved = launch(client=FakeClient(version=version), is_root=is_root)
    assert ran == (3, "", RUNNING)
    assert weaved.calls == []


@pytest.mark.parametrize("error", [Unavailable("not running"), Forbidden("no permission")])
def test_a_user_must_be_root(error: Exception) -> None:
    ran, weaved = launch(client=FakeClient(version=raising(error)), is_root=False)
    assert ran == (1, "", "weave launch must be run as root\n")
    assert weaved.calls == []


def test_a_daemon_that_hangs_is_not_taken_for_none() -> None:
    ran, weaved = launch(client=FakeClient(version=raising(TimedOut("no answer within 60 s"))))
    assert ran == (1, "", "weave: no answer within 60 s\n")
    assert weaved.calls == []


def test_the_failure_of_the_daemon_is_ours() -> None:
    failure = Unavailable("nft is missing")
    failure.exit_code = 5
    ran, _ = launch(weaved=FakeWeaved(failure=failure))
    assert ran == (5, "", "weave: nft is missing\n")


class Starting:
    """A daemon under systemd that becomes ready after a few looks."""

    def __init__(self, *stages: str) -> None:
        self.stages = list(stages)

    def ready(self) -> Any:
        if not self.stages:
            return {"ready": True, "stage": "", "docker": "", "note": "a note", "name": NAME}
        stage = self.stages.pop(0)
        if stage == "down":
            raise Unavailable("not running")
        return {"ready": False, "stage": stage, "docker": "", "note": "", "name": ""}


def test_under_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL", 0.0)
    systemd = NoSystemd(booted=True, installed=True)
    starting = Starting("down", "reading the state", "waiting for Docker")
    client = FakeClient(
        version=raising(Unavailable("not running")),
        ready=starting.ready,
        prime=raising(Unavailable("still starting")),
    )
    ran, weaved = launch("--mtu", "1400", client=client, systemd=systemd)
    assert ran == (0, f"{NAME}\n", "a note\n")
    assert weaved.calls == [("save", ["--mtu", "1400"])]
    assert systemd.calls == ["start"]


def test_under_systemd_bad_settings_start_nothing() -> None:
    systemd = NoSystemd(booted=True, installed=True)
    ran, _ = launch(systemd=systemd, weaved=FakeWeaved(failure=Unavailable("bad --mtu")))
    assert ran == (1, "", "weave: bad --mtu\n")
    assert systemd.calls == []


def test_under_systemd_a_daemon_that_cannot_work_is_not_waited_for() -> None:
    words = "Network 10.32.0.0/12 overlaps with existing route 10.0.0.0/8 on host (eth0)"
    client = FakeClient(
        version=raising(Unavailable("not running")),
        ready=Starting(words).ready,
        prime=raising(Unavailable(words)),
    )
    ran, _ = launch(client=client, systemd=NoSystemd(booted=True, installed=True))
    assert ran == (1, "", f"weave: {words}\n")


def test_under_systemd_waiting_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READY_DEADLINE", 0.05)
    monkeypatch.setattr(module, "POLL", 0.01)
    client = FakeClient(
        version=raising(Unavailable("not running")),
        ready=Starting(*["waiting for Docker"] * 100).ready,
        prime=returning(None),
    )
    ran, _ = launch(client=client, systemd=NoSystemd(booted=True, installed=True))
    assert ran.code == 1
    assert ran.err == (
        "weaved is not ready (waiting for Docker); see 'weave status' and 'weave logs'\n"
    )
