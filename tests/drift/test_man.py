"""Man pages are what the generator makes of today's commands, and say what they must."""

from __future__ import annotations

import re
import subprocess

import click
import pytest

from tests.drift.tools import COMMANDS, EVERY_COMMAND, HERE, flags, generator, need
from weavecli.cli.table import VERBS
from weavecli.errors import KINDS

MAN = HERE / "man"
PAGES: dict[str, str] = generator("man").pages()


@pytest.mark.parametrize("name", sorted(PAGES))
def test_pages_are_up_to_date(name: str) -> None:
    assert (MAN / name).read_text() == PAGES[name], "run man/generate.py"


def test_there_are_no_others() -> None:
    assert {path.name for path in MAN.glob("*.[1-8]")} == set(PAGES)
    assert set(PAGES) == {
        "weave.1",
        "weaved.8",
        "weave-architecture.7",
        *(f"weave-{verb}.1" for verb in VERBS),
    }


def test_every_fragment_is_used() -> None:
    names = {path.stem for path in (MAN / "src").glob("*.md")}
    assert names <= {name.rsplit(".", 1)[0] for name in PAGES}


def test_mandoc_has_nothing_to_say() -> None:
    pages = [str(MAN / name) for name in PAGES]
    command = [need("mandoc"), "-Tlint", "-W", "warning", *pages]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def rendered(name: str) -> str:
    command = [need("mandoc"), "-Tutf8", "-O", "width=1000", str(MAN / name)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return re.sub(".\b", "", text)


@EVERY_COMMAND
def test_every_command_and_flag_is_documented(words: str) -> None:
    text = rendered(f"weave-{words.split(maxsplit=1)[0]}.1")
    assert f"weave {words}" in text
    for flag in flags(COMMANDS[words]):
        assert flag in text
    for heading in ("NAME", "SYNOPSIS", "DESCRIPTION", "EXAMPLES", "EXIT STATUS", "SEE ALSO"):
        assert re.search(rf"^{heading}$", text, re.MULTILINE)


@EVERY_COMMAND
def test_every_command_has_help_with_examples(words: str) -> None:
    command = COMMANDS[words]
    help_ = command.help or ""
    first = help_.split("\n")[0]
    assert first
    assert "EXAMPLES\n" in help_
    assert f"  weave {words.split(maxsplit=1)[0]}" in help_.split("EXAMPLES\n")[1]
    for param in command.params:
        if isinstance(param, click.Option) and not param.hidden:
            assert param.help, f"{param.opts[0]} has no help"


def test_exit_status_is_that_of_the_kinds() -> None:
    text = rendered("weave.1")
    section = text.split("\nEXIT STATUS\n")[1].split("\nEXAMPLES\n")[0]
    codes = {int(code) for code in re.findall(r"^ +(\d+) +\S", section, re.MULTILINE)}
    assert codes == {0, 130} | {kind.exit_code for kind in KINDS.values()}
    for kind in KINDS.values():
        assert " ".join((kind.__doc__ or "").split()) in " ".join(section.split())


def test_the_architecture_fits_in_the_head() -> None:
    assert len((MAN / "src" / "weave-architecture.md").read_text().splitlines()) < 200
    text = rendered("weave-architecture.7")
    for room in ("cli", "client", "daemon", "service", "dataplane", "ipam", "store", "engine"):
        assert re.search(rf"^ +{room}\b", text, re.MULTILINE)
