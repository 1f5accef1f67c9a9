"""logs: whole, the tail, and following a file that is cut or replaced."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.running import NoSystemd, weave
from weavecli.api import paths
from weavecli.cli.commands import logs
from weavecli.errors import Forbidden

TEN = "".join(f"line {number}\n" for number in range(1, 11))


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "weaved.log"
    file.write_text(TEN)
    monkeypatch.setattr(paths, "LOG_FILE", str(file))
    return file


def test_all_of_it(log: Path) -> None:
    assert weave("logs") == (0, TEN, "")


@pytest.mark.parametrize("chunk", [1, 3, 7, 1 << 16])
@pytest.mark.parametrize("lines", [0, 1, 3, 9, 10, 11, 1000])
def test_the_tail(lines: int, chunk: int, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "CHUNK", chunk)
    expected = "".join(TEN.splitlines(keepends=True)[-lines:]) if lines else ""
    assert weave("logs", "-n", str(lines)).out == expected


@pytest.mark.parametrize(
    ("content", "lines", "expected"),
    [
        ("", 5, ""),
        ("no newline", 1, "no newline"),
        ("a\nno newline", 1, "no newline"),
        ("a\nno newline", 2, "a\nno newline"),
        ("\n\n\n", 2, "\n\n"),
    ],
)
def test_odd_files(content: str, lines: int, expected: str, log: Path) -> None:
    log.write_text(content)
    assert weave("logs", "--tail", str(lines)).out == expected


def test_bytes_that_are_no_text(log: Path) -> None:
    log.write_bytes(b"a\xff\n")
    assert weave("logs").out == "a�\n"


def test_no_log_yet(log: Path) -> None:
    log.unlink()
    ran = weave("logs")
    assert ran == (1, "", f"weave: there is no log {log} yet; 'weave launch' begins one\n")


def test_no_permission(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:
        raise PermissionError(13, "denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(Forbidden, match="run as root"):
        next(logs.read_log(str(log), False, None))


def test_following_survives_cutting_and_replacing(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def append() -> None:
        with log.open("a") as file:
            file.write("more\n")

    def cut() -> None:
        os.truncate(log, 0)

    def write_after_cut() -> None:
        log.write_text("after\n")

    def replace() -> None:
        log.rename(log.with_suffix(".1"))
        log.write_text("new file\n")

    def vanish() -> None:
        log.unlink()

    def end() -> None:
        raise KeyboardInterrupt

    steps = iter([append, lambda: None, cut, write_after_cut, replace, vanish, end])
    monkeypatch.setattr("weavecli.cli.commands.logs.time.sleep", lambda _: next(steps)())
    ran = weave("logs", "-f", "-n", "1")
    assert ran == (130, "line 10\nmore\nafter\nnew file\n", "\n")


@pytest.mark.parametrize(
    ("flags", "command"),
    [
        ([], []),
        (["-n", "5"], ["-n", "5"]),
        (["-f"], ["-f", "-n", "all"]),
        (["-f", "-n", "5"], ["-f", "-n", "5"]),
    ],
)
def test_under_systemd_the_journal_is_shown(
    flags: list[str], command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def run(words: list[str], check: bool) -> Any:
        asked.append(words)
        return subprocess.CompletedProcess(words, 1)

    monkeypatch.setattr(subprocess, "run", run)
    assert weave("logs", *flags, systemd=NoSystemd(active=True)).code == 1
    expected = ["journalctl", "--no-pager", "-o", "cat", "-u", "weave.service", *command]
    assert asked == [expected]
