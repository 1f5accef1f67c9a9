"""Who imports whom, and what the command line does not import at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.drift.tools import HERE, need

HEAVY = ("requests", "urllib3", "requests_unixsocket", "docker", "pyroute2", "sqlite3", "waitress")
PROGRAM = """
import json, sys
sys.argv = ["weave", *sys.argv[1:]]
from weavecli.cli.main import main
try:
    main()
except SystemExit:
    pass
sys.stdout = sys.stderr
print(json.dumps([m for m in sys.modules]), file=sys.stderr)
"""


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    beside = Path(sys.executable).with_name("lint-imports")
    command = str(beside) if beside.exists() else need("lint-imports")
    return subprocess.run(
        [command, "--config", str(HERE / "setup.cfg"), "--no-cache"],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
    )


def test_contracts() -> None:
    done = lint_imports(HERE)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("cli/broken.py", "import weavecli.service.state", "the client alone"),
        ("service/broken.py", "import weavecli.store.sqlite", "not their machinery"),
        ("daemon/broken.py", "import weavecli.dataplane.kernel", "chooses the real parts"),
        ("model/broken.py", "import weavecli.api.paths", "Imports go down only"),
        ("store/broken.py", "import weavecli.engine.base", "siblings do not see each other"),
        ("engine/broken.py", "import pyroute2", "pyroute2 lives in dataplane"),
        ("service/broken.py", "import docker", "The Docker SDK lives in engine"),
        ("client/broken.py", "import click", "click lives in cli"),
        ("daemon/broken.py", "import requests", "live in client"),
    ],
)
def test_contracts_catch_what_they_forbid(
    module: str, line: str, contract: str, tmp_path: Path
) -> None:
    import shutil

    shutil.copytree(HERE / "weavecli", tmp_path / "weavecli")
    (tmp_path / "weavecli" / module).write_text(f'"""Broken on purpose."""\n\n{line}\n')
    done = lint_imports(tmp_path)
    assert done.returncode == 1
    broken = [text for text in done.stdout.splitlines() if " BROKEN" in text]
    assert any(contract in text for text in broken), done.stdout


def loaded(*arguments: str) -> set[str]:
    """The top modules a command has imported when it ends."""
    env = {**os.environ, "WEAVE_SOCKET": "/nonexistent/weave.sock"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=env,
        cwd=HERE,
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["help", "attach"], ["attach", "--help"], ["status"], ["nonsense"], ["version"]],
    ids=" ".join,
)
def test_a_command_that_needs_no_daemon_loads_none_of_its_tools(arguments: list[str]) -> None:
    assert not loaded(*arguments) & set(HEAVY)


def test_the_overview_imports_no_command() -> None:
    modules = loaded("--help")
    assert not any(name.startswith("weavecli.cli.commands.") for name in modules)
    assert not any(name.startswith(("weavecli.client", "weavecli.model")) for name in modules)


def test_only_what_renders_templates_loads_them() -> None:
    assert not any(name.startswith("weavecli.cli.template") for name in loaded("report", "--help"))
