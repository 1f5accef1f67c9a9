"""The root: verbs found and not found, and failures that become one line and an exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from tests.fakes.client import FakeClient, raising, returning
from tests.unit.cli.running import weave
from weavecli import errors
from weavecli.cli.main import root
from weavecli.cli.table import LATER, REMOVED, VERBS


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_the_table_says_what_the_verbs_say(verb: str) -> None:
    """The overview is not allowed to drift from the commands it does not import."""
    command = root.get_command(None, verb)  # type: ignore[arg-type]
    assert command is not None
    assert command.name == verb
    assert command.help
    assert VERBS[verb].summary.rstrip(".")[:20] in command.help.replace("\n", " ")


@pytest.mark.parametrize(
    ("typed", "near"),
    [("attahc", "attach"), ("stat", "status"), ("netwrok", "network"), ("Attach", "attach")],
)
def test_unknown_verbs(typed: str, near: str) -> None:
    ran = weave(typed, "--help", "x")
    assert (ran.code, ran.out) == (1, "")
    first, usage, _ = ran.err.split("\n", 2)
    assert first.startswith(f"Unknown weave command '{typed}'; did you mean ")
    assert near in first
    assert usage == "Usage: weave [OPTIONS] COMMAND [ARGS]..."


def test_unknown_verbs_like_nothing() -> None:
    assert weave("zzz").err.startswith("Unknown weave command 'zzz'\n")


@pytest.mark.parametrize("verb", REMOVED)
def test_verbs_that_are_gone(verb: str) -> None:
    ran = weave(verb, "x", "--y")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(
        f"The 'weave {verb}' command has been removed as of Weave Net version 2.0"
    )


@pytest.mark.parametrize("verb", LATER)
def test_verbs_that_are_not_there_yet(verb: str) -> None:
    ran = weave(verb, "x")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"'weave {verb}' is not in this release")


@pytest.mark.parametrize("kind", sorted(errors.KINDS))
def test_every_kind_has_its_exit_code(kind: str) -> None:
    error = errors.by_kind(kind, "db: cause; next step")
    ran = weave("prime", client=FakeClient(prime=raising(error)))
    assert ran == (error.exit_code, "", "weave: db: cause; next step\n")


def test_a_defect_is_one_line_that_says_how_to_see_more() -> None:
    for error in (RuntimeError("boom"), KeyError("x"), RecursionError()):
        ran = weave("prime", client=FakeClient(prime=raising(error)))
        assert (ran.code, ran.out) == (1, "")
        assert ran.err.startswith(f"weave: unexpected {type(error).__name__}: ")
        assert ran.err.endswith("run again with WEAVE_DEBUG=1 to see where\n")
        assert ran.err.count("\n") == 1


def test_debugging_shows_the_traceback() -> None:
    with pytest.raises(AssertionError, match="boom"):
        weave(
            "prime",
            client=FakeClient(prime=raising(RuntimeError("boom"))),
            env={"WEAVE_DEBUG": "1"},
        )


def test_interruption() -> None:
    assert weave("prime", client=FakeClient(prime=raising(KeyboardInterrupt()))).code == 130


def test_the_old_local_word_is_accepted() -> None:
    client = FakeClient(prime=returning(None))
    assert weave("--local", "prime", client=client) == (0, "", "")


def test_usage_errors_show_where_to_read() -> None:
    ran = weave("ps", "--nope")
    assert ran.code == 1
    assert ran.err.splitlines()[1:] == [
        "Usage: weave ps [OPTIONS] [CONTAINER]...",
        "See 'weave ps --help'.",
    ]


PROGRAM = [sys.executable, "-m", "weavecli.cli.main"]


def run(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "WEAVE_SOCKET": "/nonexistent/weave.sock"}
    return subprocess.run(
        [*PROGRAM, *arguments], capture_output=True, text=True, env=env, check=False, **more
    )


def test_the_real_program() -> None:
    ran = run("status")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == "weave is not running; start it with 'weave launch'\n"
    assert run("version").returncode == 0
    assert run().returncode == 1


def test_a_reader_that_leaves_is_no_failure_to_tell_of() -> None:
    command = f"{sys.executable} -m weavecli.cli.main --help | true"
    ran = subprocess.run(
        ["bash", "-c", f"for i in 1 2 3 4 5; do {command}; done"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stderr == ""


def test_a_broken_pipe_is_quiet() -> None:
    broken = BrokenPipeError(32, "gone")
    assert weave("prime", client=FakeClient(prime=raising(broken))) == (1, "", "")


def test_a_pipe_that_breaks_at_the_end_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    dropped = []
    monkeypatch.setattr("weavecli.cli.main._quiet_stdout", lambda: dropped.append(1))
    monkeypatch.setattr("weavecli.cli.main.Root._run", raising(BrokenPipeError(32, "gone")))
    assert weave("prime") == (1, "", "")
    assert dropped == [1]
