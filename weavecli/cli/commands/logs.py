"""`weave logs`."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from typing import BinaryIO

import click

from weavecli.api import paths
from weavecli.cli.context import App, pass_app
from weavecli.cli.systemd import SERVICE
from weavecli.errors import Forbidden, NotFound

POLL = 0.2
CHUNK = 1 << 16


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Go on as more is written.")
@click.option(
    "-n", "--tail", "lines", type=click.IntRange(min=0), metavar="N", help="Last N lines only."
)
@pass_app
def logs(app: App, follow: bool, lines: int | None) -> int:
    """Show what the daemon wrote.

    That is systemd's journal where systemd runs the daemon, and /var/log/weave/weaved.log
    elsewhere.

    \b
    EXAMPLES
      weave logs -n 20
      weave logs -f
    """
    if app.systemd.active():
        return _journal(follow, lines)
    for text in read_log(paths.LOG_FILE, follow, lines):
        app.out.text(text)
    return 0


def _journal(follow: bool, lines: int | None) -> int:
    command = ["journalctl", "--no-pager", "-o", "cat", "-u", SERVICE]
    command += ["-f"] if follow else []
    command += ["-n", str(lines)] if lines is not None else ["-n", "all"] if follow else []
    return subprocess.run(command, check=False).returncode


def read_log(file: str, follow: bool, lines: int | None) -> Iterator[str]:
    """Pieces of the log. With `follow` without end, also when the file is cut or replaced."""
    log = _open(file)
    try:
        if lines is not None:
            log.seek(_start_of_tail(log, lines))
        while True:
            while chunk := log.read(CHUNK):
                yield chunk.decode(errors="replace")
            if not follow:
                return
            time.sleep(POLL)
            log = _reopened(log, file)
    finally:
        log.close()


def _open(file: str) -> BinaryIO:
    try:
        return open(file, "rb")
    except FileNotFoundError:
        raise NotFound(f"there is no log {file} yet; 'weave launch' begins one") from None
    except PermissionError:
        raise Forbidden(f"no permission to read {file}; run as root") from None


def _start_of_tail(log: BinaryIO, lines: int) -> int:
    """Where the last `lines` lines begin."""
    position = end = log.seek(0, os.SEEK_END)
    wanted = lines
    while position > 0:
        size = min(CHUNK, position)
        position -= size
        log.seek(position)
        chunk = log.read(size)
        at = len(chunk)
        if position + size == end and chunk.endswith(b"\n"):
            at -= 1
        if wanted == 0:
            return end
        while (at := chunk.rfind(b"\n", 0, at)) >= 0:
            wanted -= 1
            if wanted == 0:
                return position + at + 1
    return 0 if lines else end


def _reopened(log: BinaryIO, file: str) -> BinaryIO:
    """The same file, or what has taken its place, or its beginning after it was cut."""
    here = os.fstat(log.fileno())
    try:
        there = os.stat(file)
    except FileNotFoundError:
        return log
    if (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino):
        log.close()
        return _open(file)
    if there.st_size < log.tell():
        log.seek(0)
    return log
