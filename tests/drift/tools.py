"""What the drift tests share: where things are, and tools that may be missing on a laptop."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click
import pytest

from weavecli.cli.main import root
from weavecli.cli.table import VERBS

HERE = Path(__file__).resolve().parents[2]
PACKAGE = HERE / "weavecli"
TESTS = HERE / "tests"


def need(tool: str) -> str:
    """The path of a tool; without it the test is skipped, and in CI it fails."""
    found = shutil.which(tool)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"{tool} is missing")
        pytest.skip(f"{tool} is not installed")
    return found


def generator(folder: str) -> ModuleType:
    """`FOLDER/generate.py`, which is no part of a package."""
    spec = importlib.util.spec_from_file_location(
        f"{folder}_generate", HERE / folder / "generate.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command by its words, groups and their sub-commands included."""
    top = root.make_context("weave", [], resilient_parsing=True)
    for verb in VERBS:
        command = root.get_command(top, verb)
        assert command is not None
        yield verb, command
        if isinstance(command, click.Group):
            for name, sub in command.commands.items():
                yield f"{verb} {name}", sub


def flags(command: click.Command) -> list[str]:
    """The visible flags of a command, all spellings."""
    options = [p for p in command.params if isinstance(p, click.Option) and not p.hidden]
    return [name for option in options for name in (*option.opts, *option.secondary_opts)]


COMMANDS = dict(commands())
EVERY_COMMAND = pytest.mark.parametrize("words", sorted(COMMANDS))
EVERY_MODULE = sorted(PACKAGE.rglob("*.py"))
EVERY_FILE = [*EVERY_MODULE, *sorted(TESTS.rglob("*.py")), *sorted(HERE.glob("*/generate.py"))]


def label(path: Path) -> str:
    """How a file is called in a test's name."""
    return str(path.relative_to(HERE))
