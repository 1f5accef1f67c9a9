"""Starting weaved: as a child that lives on, or to do one thing and end.

The child tells how it gets on in JSON lines on a pipe (`--notify-fd`): `{"stage": text}` any
number of times, then `{"ready": true, "name": …, "note": …}` or `{"error": …, "exit": …}`.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from weavecli.api import paths
from weavecli.cli.output import Progress
from weavecli.errors import Internal, TimedOut, Unavailable, WeaveError

DEADLINE = 180.0
"""How long a start may take. Docker's answers, when it starts itself, are the longest part."""

ENDING = 5.0
TICK = 1.0
MODULE = "weavecli.daemon.main"


class Started(NamedTuple):
    """A daemon that is ready: its peer name, and a sentence for the user or nothing."""

    name: str
    note: str


class Weaved:
    """The daemon's program."""

    def __init__(
        self,
        program: Sequence[str] = (sys.executable, "-m", MODULE),
        log_file: str = paths.LOG_FILE,
        deadline: float = DEADLINE,
    ) -> None:
        self.program = tuple(program)
        self._log_file = log_file
        self._deadline = deadline

    def start(self, flags: Sequence[str], progress: Progress) -> Started:
        """Start weaved in the background and wait until it is ready.

        Raises the failure it told of, or Unavailable with the last line it logged.
        """
        reader, writer = os.pipe()
        try:
            process = self._spawn([*flags, "--notify-fd", str(writer)], writer)
        except BaseException:
            os.close(reader)
            raise
        finally:
            os.close(writer)
        try:
            with open(reader, "rb", buffering=0) as pipe:
                return self._await(
                    process, _lines(pipe, time.monotonic() + self._deadline), progress
                )
        except KeyboardInterrupt:
            process.terminate()
            raise
        finally:
            process.returncode = process.poll() or 0

    def save(self, flags: Sequence[str]) -> None:
        """Have weaved check and keep these settings for its next start."""
        done = subprocess.run(
            [*self.program, "--save-settings", *flags],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise _failure(
                _last_line(done.stderr) or "weaved refused the settings", done.returncode
            )

    def reset_only(self) -> int:
        """Have weaved remove every trace without serving anything. Returns its exit code."""
        done = subprocess.run(
            [*self.program, "--reset-only"], stdin=subprocess.DEVNULL, check=False
        )
        return done.returncode if done.returncode >= 0 else 1

    def _spawn(self, flags: Sequence[str], writer: int) -> subprocess.Popen[bytes]:
        folder = os.path.dirname(self._log_file)
        try:
            os.makedirs(folder, mode=0o750, exist_ok=True)
            log = os.open(self._log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        except OSError as error:
            raise Unavailable(f"the log {self._log_file} cannot be written: {error}") from None
        try:
            return subprocess.Popen(
                [*self.program, *flags],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                pass_fds=(writer,),
            )
        finally:
            os.close(log)

    def _await(
        self, process: subprocess.Popen[bytes], lines: Iterator[str | None], progress: Progress
    ) -> Started:
        stage = "starting weaved"
        progress.stage(stage)
        for line in lines:
            message = _message(line) if line is not None else {}
            stage = str(message.get("stage", stage))
            progress.stage(stage)
            if message.get("ready"):
                return Started(str(message.get("name", "")), str(message.get("note") or ""))
            if "error" in message:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(ENDING)
                raise _failure(str(message["error"]), message.get("exit", 1))
        try:
            process.wait(TICK)
        except subprocess.TimeoutExpired:
            raise TimedOut(
                f"weaved is not ready ({stage}); it goes on, see 'weave status' and 'weave logs'"
            ) from None
        last = _last_line(tail(self._log_file))
        raise Unavailable(
            "weaved ended while starting; see 'weave logs'" + (f" ({last})" if last else "")
        )


def _lines(pipe: Any, deadline: float) -> Iterator[str | None]:
    """Lines as they come, None for each second without one, the end at EOF or the deadline."""
    rest = b""
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([pipe], [], [], min(TICK, left))[0]:
            yield None
            continue
        chunk = pipe.read(65536)
        if not chunk:
            return
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.decode(errors="replace")


def _message(line: str) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        raise Internal(f"weaved told its progress in words we do not know: {line[:80]!r}")
    return message


def _failure(sentence: str, code: object) -> WeaveError:
    error = WeaveError(sentence)
    error.exit_code = code if isinstance(code, int) and 0 < code < 256 else 1
    return error


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].removeprefix("weaved: ") if lines else ""


def tail(file: str, size: int = 4096) -> str:
    """The end of a file; nothing if it cannot be read."""
    try:
        with Path(file).open("rb") as opened:
            end = opened.seek(0, os.SEEK_END)
            opened.seek(max(0, end - size))
            return opened.read().decode(errors="replace")
    except OSError:
        return ""
