"""Starting the daemon, with small programs in its place."""

from __future__ import annotations

import os
import signal
import sys
import textwrap
import time
from pathlib import Path

import pytest

from weavecli.cli import starting
from weavecli.cli.output import Progress
from weavecli.cli.starting import Started, Weaved
from weavecli.errors import Internal, TimedOut, Unavailable, WeaveError

PREAMBLE = """
import json, os, sys, time
fd = int(sys.argv[sys.argv.index("--notify-fd") + 1]) if "--notify-fd" in sys.argv else -1
def tell(**message): os.write(fd, json.dumps(message).encode() + b"\\n")
"""


class Stages(Progress):
    """Remembers what it was told."""

    def __init__(self) -> None:
        super().__init__(False)
        self.seen: list[str] = []

    def stage(self, text: str) -> None:
        if not self.seen or self.seen[-1] != text:
            self.seen.append(text)


def weaved(folder: Path, body: str, deadline: float = 20.0) -> Weaved:
    program = PREAMBLE + textwrap.dedent(body)
    log = str(folder / "log" / "weaved.log")
    return Weaved([sys.executable, "-c", program], log, deadline)


def test_ready(tmp_path: Path) -> None:
    daemon = weaved(tmp_path, """
        print(os.getcwd(), os.getsid(0) == os.getpid(), sys.argv[1:-2], flush=True)
        print(sys.stdin.read() == "", file=sys.stderr, flush=True)
        tell(stage="opening sockets"); tell(stage="reading the state")
        tell(ready=True, name="02:4b:7d:00:10:aa", note="a note")
    """)  # fmt: skip
    stages = Stages()
    started = daemon.start(["--mtu", "1400"], stages)
    assert started == Started("02:4b:7d:00:10:aa", "a note")
    assert stages.seen == ["starting weaved", "opening sockets", "reading the state"]
    log = tmp_path / "log" / "weaved.log"
    assert log.read_text() == "/ True ['--mtu', '1400']\nTrue\n"
    assert log.stat().st_mode & 0o777 == 0o640
    assert log.parent.stat().st_mode & 0o777 == 0o750


def test_the_log_is_appended_to(tmp_path: Path) -> None:
    daemon = weaved(tmp_path, 'print("a", flush=True); tell(ready=True, name="n", note="")')
    for _ in range(2):
        assert daemon.start([], Stages()) == Started("n", "")
    assert (tmp_path / "log" / "weaved.log").read_text() == "a\na\n"


@pytest.mark.parametrize(("told", "code"), [(3, 3), (1, 1), (0, 1), (999, 1), ("x", 1)])
def test_the_failure_it_tells_of(told: object, code: int, tmp_path: Path) -> None:
    daemon = weaved(tmp_path, f'tell(error="nft is missing; install nftables", exit={told!r})')
    with pytest.raises(WeaveError) as caught:
        daemon.start([], Stages())
    assert str(caught.value) == "nft is missing; install nftables"
    assert caught.value.exit_code == code


@pytest.mark.parametrize(
    ("body", "last"),
    [
        ('print("one"); print("weaved: no kernel", file=sys.stderr)', " (no kernel)"),
        ("os._exit(4)", ""),
        ('print("x" * 9000 + " end")', " (" + "x" * 50),
    ],
)
def test_a_daemon_that_just_ends(body: str, last: str, tmp_path: Path) -> None:
    daemon = weaved(tmp_path, body)
    with pytest.raises(Unavailable) as caught:
        daemon.start([], Stages())
    assert str(caught.value).startswith("weaved ended while starting; see 'weave logs'" + last[:40])


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    daemon = Weaved([str(tmp_path / "nothing")], str(tmp_path / "log"))
    with pytest.raises(FileNotFoundError):
        daemon.start([], Stages())


def test_a_daemon_that_goes_silent_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starting, "TICK", 0.05)
    daemon = weaved(tmp_path, """
        print(os.getpid(), flush=True)
        tell(stage="waiting for Docker")
        time.sleep(30)
    """, deadline=1.0)  # fmt: skip
    with pytest.raises(TimedOut, match=r"not ready \(waiting for Docker\); it goes on"):
        daemon.start([], Stages())
    pid = int((tmp_path / "log" / "weaved.log").read_text())
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_an_interrupted_launch_ends_the_daemon(tmp_path: Path) -> None:
    class Interrupted(Stages):
        def stage(self, text: str) -> None:
            if text == "two":
                raise KeyboardInterrupt

    daemon = weaved(tmp_path, """
        print(os.getpid(), flush=True)
        tell(stage="two")
        time.sleep(30)
    """)  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        daemon.start([], Interrupted())
    pid = int((tmp_path / "log" / "weaved.log").read_text())
    deadline = time.monotonic() + 5
    status = 0
    while time.monotonic() < deadline and status == 0:
        try:
            _, status = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            return
        time.sleep(0.01)
    assert os.WTERMSIG(status) == signal.SIGTERM


@pytest.mark.parametrize("line", ["hello", "[1]", "{"])
def test_words_we_do_not_know(line: str, tmp_path: Path) -> None:
    daemon = weaved(tmp_path, f'os.write(fd, b"{line}\\n"); time.sleep(0.2)')
    with pytest.raises(Internal, match="in words we do not know"):
        daemon.start([], Stages())


def test_a_log_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    daemon = Weaved(["true"], str(tmp_path / "file" / "weaved.log"))
    with pytest.raises(Unavailable, match=r"the log .* cannot be written"):
        daemon.start([], Stages())


def test_save(tmp_path: Path) -> None:
    daemon = weaved(tmp_path, f'open({str(tmp_path / "got")!r}, "w").write(" ".join(sys.argv[1:]))')
    daemon.save(["--mtu", "1400"])
    assert (tmp_path / "got").read_text() == "--save-settings --mtu 1400"
    refusing = weaved(tmp_path, 'print("weaved: bad --mtu", file=sys.stderr); sys.exit(4)')
    with pytest.raises(WeaveError, match=r"^bad --mtu$") as caught:
        refusing.save([])
    assert caught.value.exit_code == 4
    with pytest.raises(WeaveError, match="refused the settings"):
        weaved(tmp_path, "sys.exit(1)").save([])


def test_reset_only(tmp_path: Path) -> None:
    assert (
        weaved(tmp_path, 'sys.exit(0 if sys.argv[1:] == ["--reset-only"] else 9)').reset_only() == 0
    )
    assert weaved(tmp_path, "sys.exit(5)").reset_only() == 5
    assert weaved(tmp_path, "os.kill(os.getpid(), 9)").reset_only() == 1


def test_tail_of_what_cannot_be_read(tmp_path: Path) -> None:
    assert starting.tail(str(tmp_path / "missing")) == ""
