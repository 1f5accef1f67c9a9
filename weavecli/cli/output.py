"""The only printer: data on stdout, everything said to people on stderr.

Colour and progress appear on a terminal only, and colour not where NO_COLOR is set.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from weavecli.api.messages import AddressesReply
    from weavecli.cli.template import Template

MIN_GAP = 3
"""Spaces between the columns of a table, as docker prints them."""


class Output:
    """Where commands put what they have. Nothing else in the project prints."""

    # -- stdout: what scripts read

    def line(self, text: str = "") -> None:
        """One line."""
        click.echo(text)

    def text(self, text: str) -> None:
        """Text as it stands, without a newline of ours."""
        click.echo(text, nl=False)

    def data(self, value: object, indent: int | None = 4) -> None:
        """A value as JSON."""
        import json

        click.echo(json.dumps(value, indent=indent, ensure_ascii=False))

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Columns under headings, as wide as they need."""
        lines = [head, *rows]
        widths = [max(len(line[i]) for line in lines) + MIN_GAP for i in range(len(head))]
        for line in lines:
            cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            click.echo("".join(cells).rstrip())

    def objects(self, found: list[dict[str, Any]], template: Template | None) -> None:
        """Objects as a JSON list, or each through a template and on a line of its own."""
        if template is None:
            self.data(found)
            return
        for one in found:
            self.line(template.render(one))

    def addresses(self, reply: AddressesReply) -> None:
        """Addresses on one line, what to know about them on stderr."""
        for warning in reply["warnings"]:
            self.warn(warning)
        self.line(" ".join(reply["addresses"]))

    # -- stderr: what people read

    def note(self, text: str) -> None:
        """Words worth knowing, as they stand."""
        click.echo(text, err=True)

    def warn(self, text: str) -> None:
        """A sentence that should not be missed."""
        click.echo(f"{self._paint('WARNING:', 'yellow')} {text}", err=True)

    def fail(self, text: str) -> None:
        """Why the command failed, one line. A sentence that begins with our name needs no sign."""
        sentence = " ".join(text.split())
        sign = "" if sentence.lower().startswith("weave") else self._paint("weave:", "red") + " "
        click.echo(sign + sentence, err=True)

    def progress(self) -> Progress:
        """Tells of stages while something takes long; silent where stderr is no terminal."""
        return Progress(self.is_terminal())

    def is_terminal(self) -> bool:
        """Whether a person watches stderr."""
        return bool(sys.stderr.isatty())

    def _paint(self, text: str, colour: str) -> str:
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        return text if plain or not self.is_terminal() else click.style(text, fg=colour)


class Progress:
    """One line on the terminal that is rewritten, and gone at the end."""

    def __init__(self, shown: bool) -> None:
        self._shown = shown
        self._began = time.monotonic()
        self._last = ""

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._write("")

    def stage(self, text: str) -> None:
        """What is being done now; the same text again only moves the clock."""
        self._write(f"{text} … {time.monotonic() - self._began:.0f} s")

    def _write(self, text: str) -> None:
        if self._shown and text != self._last:
            click.echo(f"\r\x1b[K{text}", nl=False, err=True)
            self._last = text
