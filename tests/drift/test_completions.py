"""Completions are up to date, and the real shells complete with them."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time
from pathlib import Path

import pytest

from tests.drift.tools import COMMANDS, EVERY_COMMAND, HERE, flags, generator, need
from weavecli.cli.table import VERBS

FOLDER = HERE / "completions"
SCRIPTS: dict[str, str] = generator("completions").scripts()


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_scripts_are_up_to_date(name: str) -> None:
    assert (FOLDER / name).read_text() == SCRIPTS[name], "run completions/generate.py"


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_no_python_is_started(name: str) -> None:
    body = SCRIPTS[name].replace("completions/generate.py", "")
    assert "python" not in body
    assert "$(weave" not in body
    assert "`" not in body


def bash(*words: str) -> list[str]:
    """What bash offers for the last of the words."""
    quoted = " ".join(f"'{word}'" for word in words)
    program = (
        f"source {FOLDER}/weave.bash; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; "
        '_weave; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    command = [need("bash"), "--norc", "--noprofile", "-uc", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


def fish(line: str) -> list[str]:
    """What fish offers for a line."""
    program = f"source {FOLDER}/weave.fish; complete -C '{line}'"
    command = [need("fish"), "--no-config", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return [offered.split("\t")[0] for offered in done.stdout.splitlines()]


CASES: list[tuple[str, set[str]]] = [
    ("att", {"attach"}),
    ("s", {"status", "stop", "setup"}),
    ("network ", {"create", "ls", "inspect", "rm"}),
    ("network c", {"create"}),
    ("plugin st", {"start", "stop", "status"}),
    ("status ", {"targets", "connections", "peers", "ipam"}),
    ("help net", {"network"}),
    ("launch --log-level ", {"debug", "info", "warning", "error"}),
    ("launch --plugin ", {"true", "false"}),
    ("attach --no-m", {"--no-multicast-route"}),
    ("attach 10.2.1.9/24 --no", {"--no-multicast-route"}),
    ("network create --ip", {"--ip-range", "--ipv6"}),
    ("inspect --type n", {"network"}),
    ("attach db stat", set()),
]


@pytest.mark.parametrize(("line", "offered"), CASES)
def test_bash(line: str, offered: set[str]) -> None:
    found = set(bash("weave", *line.split(" ")))
    assert {word for word in found if not word.startswith("-") or "-" in line[-10:]} == offered


@pytest.mark.parametrize(("line", "offered"), CASES)
def test_fish(line: str, offered: set[str]) -> None:
    assert set(fish(f"weave {line}")) == offered


@EVERY_COMMAND
def test_every_command_and_flag_is_offered(words: str) -> None:
    *parents, last = words.split()
    assert last in bash("weave", *parents, last)
    offered = bash("weave", *words.split(), "-")
    assert set(flags(COMMANDS[words])) <= set(offered)
    in_fish = fish(f"weave {words} --")
    assert {f for f in flags(COMMANDS[words]) if f.startswith("--")} <= set(in_fish)


class Zsh:
    """An interactive zsh on a terminal of its own."""

    def __init__(self, home: Path) -> None:
        shell = need("zsh")
        self.pid, self.fd = pty.fork()
        if self.pid == 0:  # pragma: no cover
            os.environ.update(HOME=str(home), TERM="dumb", PS1="", ZDOTDIR=str(home))
            os.execv(shell, [shell, "-f", "-i"])
        self.ask("unsetopt zle_bracketed_paste prompt_cr prompt_sp; unset zle_bracketed_paste")
        self.ask(f"fpath=({FOLDER} $fpath); autoload -Uz compinit; compinit -u -D")
        self.ask("weave() { print -r -- \"GOT<$*>\" }; unsetopt auto_list beep; PS1=''; PS2=''")

    def ask(self, line: str) -> str:
        """Type a line and read on until it is done."""
        os.write(self.fd, f"{line}\nprint -r -- 'EN''D'\n".encode())
        seen = ""
        deadline = time.monotonic() + 20
        while not re.search(r"END\r?\n", seen):
            assert time.monotonic() < deadline, seen
            if select.select([self.fd], [], [], 0.1)[0]:
                seen += os.read(self.fd, 65536).decode(errors="replace")
        return seen

    def completes(self, line: str) -> str:
        """What the command is given when TAB is pressed at the end of the line."""
        found = re.findall(r"GOT<(.*)>", self.ask(f"weave {line}\t"))
        assert found, line
        return str(found[-1]).strip()

    def close(self) -> None:
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def test_zsh(tmp_path: Path) -> None:
    zsh = Zsh(tmp_path)
    try:
        for typed, completed in (
            ("att", "attach"),
            ("hel", "help"),
            ("network cr", "network create"),
            ("plugin sta", "plugin sta"),
            ("status ip", "status ipam"),
            ("launch --log-level de", "launch --log-level debug"),
            ("attach --no-m", "attach --no-multicast-route"),
            ("network create --int", "network create --internal"),
            ("help netw", "help network"),
        ):
            assert zsh.completes(typed) == completed
    finally:
        zsh.close()


def test_zsh_knows_every_verb_and_flag() -> None:
    for words, command in COMMANDS.items():
        block = SCRIPTS["_weave"].split(f'        "{words}")\n')[1].split(";;")[0]
        for flag in flags(command):
            assert f"'{flag}:" in block
    for verb in VERBS:
        assert f"'{verb}:" in SCRIPTS["_weave"]
