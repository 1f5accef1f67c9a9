"""setup: what it writes, and where it refuses."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.client import FakeClient, down, returning
from tests.unit.cli.commands.test_launch import FakeWeaved
from tests.unit.cli.running import NoSystemd, weave
from weavecli.cli.commands import setup
from weavecli.cli.systemd import Systemd
from weavecli.errors import Unavailable

UNITS = "etc/systemd/system"
FILES = ["weave.service", "weave.socket", "docker.service.d/10-weave.conf"]


class Recorder:
    """Stands in for systemctl."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def __call__(self, command: Any) -> Any:
        self.asked.append(list(command))
        import subprocess

        return subprocess.CompletedProcess(command, 0, "", "")


def machine(root: Path) -> tuple[Systemd, Recorder]:
    (root / "run/systemd/system").mkdir(parents=True)
    recorder = Recorder()
    return Systemd(str(root), recorder), recorder


def test_setup_writes_and_enables(tmp_path: Path) -> None:
    systemd, systemctl = machine(tmp_path)
    ran = weave("setup", client=down(), systemd=systemd, weaved=FakeWeaved())
    written = "".join(f"wrote {tmp_path}/{UNITS}/{name}\n" for name in FILES)
    assert ran == (
        0,
        written + "enabled weave.service: weave starts before Docker at every boot\n",
        "",
    )
    assert systemctl.asked == [
        ["systemctl", "daemon-reload"],
        ["systemctl", "enable", "weave.service", "weave.socket"],
    ]
    assert systemd.manages()


def test_setup_hands_a_running_daemon_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    systemd, systemctl = machine(tmp_path)
    monkeypatch.setattr(systemd, "active", lambda: False)
    looks = iter([{"version": "0.1.0", "api": 1, "pid": 99_999_999}])
    client = FakeClient(stop=returning({"in_use": []}), version=lambda: next(looks, None) or gone())
    ran = weave("setup", client=client, systemd=systemd, weaved=FakeWeaved())
    assert ran.code == 0
    assert ran.out.endswith("the running daemon goes on as weave.service\n")
    assert ("stop",) in client.calls
    assert systemctl.asked[-1][:2] == ["systemctl", "start"]


def gone() -> Any:
    raise Unavailable("weave is not running")


def test_setup_remove(tmp_path: Path) -> None:
    systemd, systemctl = machine(tmp_path)
    weave("setup", systemd=systemd, weaved=FakeWeaved())
    systemctl.asked.clear()
    ran = weave("setup", "--remove", systemd=systemd)
    assert ran.code == 0
    assert sorted(ran.out.splitlines()) == sorted(
        f"removed {tmp_path}/{UNITS}/{name}" for name in FILES
    )
    assert [words[1] for words in systemctl.asked] == ["disable", "daemon-reload"]
    assert not any((tmp_path / UNITS).iterdir())
    ran = weave("setup", "--remove", systemd=systemd)
    assert ran == (0, "", "No units of weave are installed.\n")


def test_below_another_root_nothing_is_run(tmp_path: Path) -> None:
    ran = weave("setup", "--root", str(tmp_path), is_root=False, weaved=FakeWeaved())
    assert (ran.code, ran.err) == (0, "")
    assert all((tmp_path / UNITS / name).is_file() for name in FILES)
    assert weave("setup", "--root", str(tmp_path), "--remove", is_root=False).code == 0
    assert not any((tmp_path / UNITS).iterdir())


def test_without_systemd_nothing_is_written(tmp_path: Path) -> None:
    ran = weave("setup", systemd=Systemd(str(tmp_path)), weaved=FakeWeaved())
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("weave: systemd does not run on this machine")
    assert not any(tmp_path.iterdir())


def test_a_user_must_be_root() -> None:
    ran = weave("setup", is_root=False, systemd=NoSystemd(booted=True))
    assert ran == (1, "", "weave setup must be run as root\n")


def test_a_disk_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "etc").write_text("not a directory")
    ran = weave("setup", "--root", str(tmp_path), weaved=FakeWeaved())
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"weave: {tmp_path}/etc")


def test_what_starts_the_daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert setup.program(["python", "-m", "x"]) == ["python", "-m", "x"]
    script = tmp_path / "weaved"
    script.write_text("#!/bin/sh\n")
    os.chmod(script, 0o755)
    assert setup.program(["python", "-m", "x"]) == [str(script)]
