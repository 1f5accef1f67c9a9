"""help, in all the ways people ask for it."""

from __future__ import annotations

import pytest

from tests.unit.cli.running import weave
from weavecli.cli.table import VERBS


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_three_ways_to_the_same_words(verb: str) -> None:
    long, asked = weave(verb, "--help"), weave("help", verb)
    assert long == asked
    assert (long.code, long.err) == (0, "")
    assert long.out.startswith(f"Usage: weave {verb}")
    assert weave(verb, "-h") == long


def test_the_overview() -> None:
    overview = weave("--help")
    assert overview == weave("-h") == weave("help")
    assert (overview.code, overview.err) == (0, "")
    for verb, (_, _, summary) in VERBS.items():
        assert f"  {verb:<9}{summary}\n" in overview.out


def test_weave_alone_shows_it_on_stderr_and_fails() -> None:
    alone = weave()
    assert (alone.code, alone.out) == (1, "")
    assert alone.err == weave("--help").out


@pytest.mark.parametrize("group", ["network create", "network rm", "plugin start"])
def test_sub_commands(group: str) -> None:
    ran = weave("help", *group.split())
    assert ran == weave(*group.split(), "--help")
    assert ran.out.startswith(f"Usage: weave {group} [OPTIONS]")


def test_unknown_words() -> None:
    assert weave("help", "stats").err.startswith(
        "Unknown weave command 'stats'; did you mean status?\n"
    )
    assert "'weave status' has no sub-commands" in weave("help", "status", "x").err
    assert "No such command 'x'" in weave("help", "network", "x").err
    for words in (["stats"], ["status", "x"], ["network", "x"]):
        ran = weave("help", *words)
        assert (ran.code, ran.out) == (1, "")
