"""The jump in DOCKER-USER, on listings of `iptables -S`."""

from __future__ import annotations

from subprocess import CompletedProcess

import pytest

from weavecli.dataplane import iptables, tool
from weavecli.errors import Forbidden, Internal

BARE = ["-P INPUT ACCEPT", "-P FORWARD DROP", "-P OUTPUT ACCEPT"]
DOCKER = [*BARE, "-N DOCKER-USER", "-A FORWARD -j DOCKER-USER", "-A DOCKER-USER -j RETURN"]
CHAIN = ["-N WEAVE", *iptables.RULES]
USER = "-A DOCKER-USER -s 10.0.0.1/32 -j DROP"


def with_user(*rules: str) -> list[str]:
    return [*BARE, "-N DOCKER-USER", *CHAIN, *(f"-A DOCKER-USER {rule}" for rule in rules)]


@pytest.mark.parametrize(
    ("lines", "problems"),
    [
        ([], []),
        (BARE, []),
        (DOCKER, ["chain WEAVE is missing"]),
        (with_user("-j WEAVE", "-j RETURN"), []),
        (with_user("-j WEAVE"), []),
        (with_user("-s 10.0.0.1/32 -j DROP", "-j WEAVE"), []),
        (with_user("-j RETURN"), ["the jump to WEAVE is missing in DOCKER-USER"]),
        (with_user("-j WEAVE", "-s 10.0.0.1/32 -j DROP"), ["behind"]),
        (with_user("-j RETURN", "-j WEAVE"), ["behind"]),
        (with_user("-j WEAVE", "-j WEAVE"), ["behind"]),
        ([*with_user("-j WEAVE"), "-A WEAVE -j DROP"], ["chain WEAVE has other rules than ours"]),
    ],
)
def test_compare(lines: list[str], problems: list[str]) -> None:
    found = iptables.compare(lines)
    assert len(found) == len(problems)
    assert all(part in text for part, text in zip(problems, found, strict=True)), found


def test_into_dockers_chain() -> None:
    assert iptables.restore_text(DOCKER) == (
        "*filter\n"
        ":WEAVE - [0:0]\n"
        "-A WEAVE -i weave -j ACCEPT\n"
        "-A WEAVE -o weave -j ACCEPT\n"
        "-A WEAVE -i wv-+ -j ACCEPT\n"
        "-A WEAVE -o wv-+ -j ACCEPT\n"
        "-I DOCKER-USER 1 -j WEAVE\n"
        "COMMIT\n"
    )


@pytest.mark.parametrize(
    ("rules", "deletions", "position"),
    [
        ((), 0, 1),
        (("-j RETURN",), 0, 1),
        (("-s 10.0.0.1/32 -j DROP",), 0, 2),
        (("-s 10.0.0.1/32 -j DROP", "-j RETURN"), 0, 2),
        (("-j RETURN", "-s 10.0.0.1/32 -j DROP"), 0, 3),
        (("-j WEAVE", "-s 10.0.0.1/32 -j DROP", "-j WEAVE", "-j RETURN"), 2, 2),
    ],
)
def test_the_place_of_the_jump(rules: tuple[str, ...], deletions: int, position: int) -> None:
    text = iptables.restore_text(with_user(*rules))
    assert text.count("-D DOCKER-USER -j WEAVE\n") == deletions
    assert f"\n-I DOCKER-USER {position} -j WEAVE\n" in text
    assert "-s 10.0.0.1" not in text, "rules of others are not written"


class Tool:
    """A scripted `tool.run`: answers by the start of the command line."""

    def __init__(self, **answers: tuple[int, str, str]) -> None:
        self.answers = answers
        self.inputs: list[tuple[str, str]] = []

    def __call__(self, argv: list[str], text: str = "") -> object:
        name = argv[0].replace("-", "_")
        if text:
            self.inputs.append((argv[0], text))
        code, out, err = self.answers.get(name, (0, "", ""))
        return CompletedProcess(argv, code, out, err)


def use(monkeypatch: pytest.MonkeyPatch, fake: Tool) -> Tool:
    monkeypatch.setattr(tool, "run", fake)
    return fake


def test_nothing_is_written_when_all_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    right = "\n".join(with_user("-j WEAVE", "-j RETURN"))
    fake = use(monkeypatch, Tool(iptables=(0, right, ""), ip6tables=(0, "\n".join(DOCKER), "")))
    iptables.apply()
    assert [name for name, _ in fake.inputs] == ["ip6tables-restore"]
    assert iptables.problems() == ["ip6tables: chain WEAVE is missing"]


def test_delete_takes_every_jump(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = "\n".join(with_user("-j WEAVE", "-j WEAVE"))
    fake = use(monkeypatch, Tool(iptables=(0, twice, "")))
    assert iptables.delete() == ["iptables chain WEAVE"]
    text = "*filter\n" + 2 * "-D DOCKER-USER -j WEAVE\n" + "-F WEAVE\n-X WEAVE\nCOMMIT\n"
    assert fake.inputs == [("iptables-restore", text)]


def test_a_kernel_without_ip6tables(monkeypatch: pytest.MonkeyPatch) -> None:
    error = "ip6tables v1.8.9: can't initialize ip6tables table `filter': Table does not exist"
    use(monkeypatch, Tool(ip6tables=(3, "", error)))
    assert iptables.problems() == []


def test_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    denied = "iptables: can't initialize: Permission denied (you must be root)"
    use(monkeypatch, Tool(iptables=(4, "", denied)))
    with pytest.raises(Forbidden, match="run as root"):
        iptables.problems()
    answers = {"iptables": (0, "\n".join(DOCKER), ""), "iptables_restore": (2, "", "line 3 failed")}
    use(monkeypatch, Tool(**answers))
    with pytest.raises(Internal, match="iptables chain WEAVE: line 3 failed"):
        iptables.apply()
