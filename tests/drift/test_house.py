"""The house rules that neither a linter nor an import contract can see."""

from __future__ import annotations

import ast
import configparser
import statistics
from pathlib import Path

import pytest

from tests.drift.tools import EVERY_FILE, EVERY_MODULE, HERE, PACKAGE, TESTS, label

MAX_FILE, MAX_FUNCTION = 350, 50
ROOMS = sorted(path for path in PACKAGE.glob("*/__init__.py"))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def length(path: Path) -> int:
    return len(path.read_text().splitlines())


@pytest.mark.parametrize("sign", ROOMS, ids=label)
def test_every_room_has_its_sign(sign: Path) -> None:
    """What lives here, what it may import, and what never happens here."""
    words = ast.get_docstring(tree(sign)) or ""
    assert "May import" in words
    assert "Never" in words or "never" in words or "alone" in words


@pytest.mark.parametrize("module", EVERY_MODULE, ids=label)
def test_every_module_says_what_it_is(module: Path) -> None:
    assert ast.get_docstring(tree(module)), "the first line of a module says what it is for"


@pytest.mark.parametrize("file", EVERY_FILE, ids=label)
def test_files_and_functions_stay_small(file: Path) -> None:
    assert length(file) <= MAX_FILE
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            assert lines <= MAX_FUNCTION, f"{node.name} has {lines} lines"


def test_files_are_small_on_the_whole() -> None:
    lengths = sorted(length(path) for path in EVERY_MODULE if path.name != "__init__.py")
    assert statistics.median(lengths) <= 130


def test_there_is_at_least_as_much_test_as_source() -> None:
    source = sum(length(path) for path in EVERY_MODULE)
    tests = sum(length(path) for path in TESTS.rglob("*.py"))
    assert tests >= source


@pytest.mark.parametrize("module", EVERY_MODULE, ids=label)
def test_nothing_but_the_printer_prints(module: Path) -> None:
    """In the command line; the daemon may print before it has a log."""
    if PACKAGE / "daemon" in module.parents or module == PACKAGE / "cli" / "output.py":
        return
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("print", "click.echo", "click.secho", "sys.stdout.write")


def test_every_folder_of_tests_is_a_package() -> None:
    """Else a folder called docker hides the Docker SDK."""
    for folder in {path.parent for path in TESTS.rglob("*.py")}:
        assert (folder / "__init__.py").exists(), folder


def test_every_module_of_the_command_line_has_its_twin() -> None:
    for room in ("cli", "client"):
        for module in (PACKAGE / room).rglob("*.py"):
            if module.stem in ("__init__", "table", "failure"):
                continue
            folder = TESTS / "unit" / module.relative_to(PACKAGE).parent
            assert (folder / f"test_{module.stem}.py").exists(), label(module)


def test_what_is_made_is_installed() -> None:
    """setup.cfg names man pages and completions by patterns; every file must match one."""
    config = configparser.ConfigParser()
    config.read(HERE / "setup.cfg")
    patterns = [p for value in config["options.data_files"].values() for p in value.split()]
    installed = {path for pattern in patterns for path in HERE.glob(pattern)}
    made = [*HERE.glob("man/*.[1-8]"), *(HERE / "completions").glob("*weave*")]
    assert set(made) == installed
