"""Commands with a time limit: started, watched, ended with everything they started."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

# Writes 0, "myself", into the cgroup.procs files given, then becomes the command: a process
# that enters a host's namespaces must be in its cgroup first, nsenter does not move it.
JOIN = """n=$1; shift
while [ "$n" -gt 0 ]; do echo 0 >"$1" || exit 125; shift; n=$((n-1)); done
exec "$@\""""

# Starts a command in a session of its own, whose parent becomes pid 1; prints its pid.
DETACH = 'log=$1; shift; setsid "$@" >>"$log" 2>&1 </dev/null & echo $!'


class LabError(Exception):
    """The lab cannot do what was asked."""


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    args: tuple[str, ...]
    rc: int
    stdout: str
    stderr: str

    @property
    def ok(self) -> bool:
        return self.rc == 0

    @property
    def out(self) -> str:
        """stdout without the white space around it."""
        return self.stdout.strip()

    @property
    def lines(self) -> list[str]:
        return self.stdout.splitlines()

    def json(self) -> Any:
        return json.loads(self.stdout)

    def __str__(self) -> str:
        said = "".join(f"\n{name}: {text.rstrip()}" for name, text in self._said() if text.strip())
        return f"{' '.join(self.args)}: exit {self.rc}{said}"

    def _said(self) -> list[tuple[str, str]]:
        return [("stdout", self.stdout), ("stderr", self.stderr)]


class CommandFailed(LabError):
    """A command ended with another exit code than 0, or not at all in its time."""

    def __init__(self, result: Result) -> None:
        super().__init__(str(result))
        self.result = result


def environment() -> dict[str, str]:
    """What commands in a lab see: the caller's tools, none of the caller's Docker settings.

    /usr/bin stands before /usr/local/bin: hosts run the distribution's Docker client, which
    fits its dockerd.
    """
    tools = Path(sys.executable).parent
    env = {
        "PATH": f"{tools}:/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin",
        "HOME": "/root",
        "LANG": "C.UTF-8",
        "TERM": os.environ.get("TERM", "dumb"),
    }
    kept = (
        "PYTHONPATH",
        "PYTHONPYCACHEPREFIX",
        "COVERAGE_PROCESS_START",
        "WEAVE_DEBUG",
    )
    return env | {name: os.environ[name] for name in kept if name in os.environ}


def run(
    *cmd: object,
    check: bool = True,
    timeout: float = 60,
    input: str | None = None,
    env: dict[str, str] | None = None,
    shown: Sequence[object] | None = None,
) -> Result:
    """Run it to its end. `shown` is what messages call it."""
    args = tuple(str(c) for c in (shown or cmd))
    with subprocess.Popen(
        [str(c) for c in cmd],
        stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=environment() | (env or {}),
    ) as proc:
        try:
            out, err = proc.communicate(input, timeout)
            result = Result(args, proc.returncode, out, err)
        except subprocess.TimeoutExpired as e:
            kill_tree(proc.pid)
            out, err = (_text(part) for part in (e.stdout, e.stderr))
            said = f"{err}\n(ended by the lab after {timeout} s)"
            raise CommandFailed(Result(args, -signal.SIGKILL, out, said)) from None
        except BaseException:
            kill_tree(proc.pid)
            raise
    if check and result.rc:
        raise CommandFailed(result)
    return result


def _text(part: str | bytes | None) -> str:
    return part.decode(errors="replace") if isinstance(part, bytes) else part or ""


def kill_tree(pid: int) -> None:
    """SIGKILL a process and its descendants, children first: nsenter passes no signal on."""
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            kill_tree(int(child))
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


class Process:
    """A command that goes on while the test does; its output goes to a file."""

    def __init__(self, cmd: Sequence[object], shown: Sequence[object]) -> None:
        self.args = tuple(str(c) for c in shown)
        self._out = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 closed by stop()
        self._proc = subprocess.Popen(
            [str(c) for c in cmd],
            stdin=subprocess.DEVNULL,
            stdout=self._out,
            stderr=subprocess.STDOUT,
            env=environment(),
        )

    @property
    def running(self) -> bool:
        return self._proc.poll() is None

    @property
    def output(self) -> str:
        """What it wrote until now, both streams."""
        if self._out.closed:
            return self._said
        size = os.fstat(self._out.fileno()).st_size
        return os.pread(self._out.fileno(), size, 0).decode(errors="replace")

    def wait(self, timeout: float = 60) -> Result:
        """Its end; ends it if that takes too long."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._proc.wait(timeout)
        return self.stop()

    def signal(self, number: int) -> None:
        """Send a signal to the command itself (not to the nsenter before it)."""
        pid = self._proc.pid
        while children := Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            if Path(f"/proc/{pid}/comm").read_text() not in ("nsenter\n", "sh\n"):
                break
            pid = int(children[0])
        os.kill(pid, number)

    def stop(self) -> Result:
        """End it if it still runs."""
        if self.running:
            kill_tree(self._proc.pid)
            self._proc.wait(10)
        self._said = self.output
        self._out.close()
        return Result(self.args, self._proc.returncode, self._said, "")

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def until(what: str, test: Callable[[], T], timeout: float = 20, interval: float = 0.02) -> T:
    """Wait for `test` to return something true, and return that."""
    end = time.monotonic() + timeout
    while not (got := test()):
        if time.monotonic() > end:
            raise LabError(f"timed out after {timeout} s: {what}")
        time.sleep(interval)
    return got
