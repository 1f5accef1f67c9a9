"""expose and hide."""

from __future__ import annotations

import pytest

from tests.fakes.client import FakeClient, down, returning
from tests.unit.cli.running import weave

ONE = {"addresses": ["10.32.0.1"], "warnings": []}


@pytest.mark.parametrize(
    ("arguments", "request_"),
    [
        ([], {"addresses": [], "masquerade": True}),
        (["10.2.1.200/24"], {"addresses": ["10.2.1.200/24"], "masquerade": True}),
        (
            ["--without-masquerade", "net:default"],
            {"addresses": ["net:default"], "masquerade": False},
        ),
        (
            ["net:default", "--without-masquerade"],
            {"addresses": ["net:default"], "masquerade": False},
        ),
    ],
)
def test_expose(arguments: list[str], request_: object) -> None:
    client = FakeClient(expose=returning(ONE))
    assert weave("expose", *arguments, client=client) == (0, "10.32.0.1\n", "")
    assert client.calls == [("expose", request_)]


@pytest.mark.parametrize("arguments", [[], ["10.2.1.200/24", "net:default"]])
def test_hide(arguments: list[str]) -> None:
    client = FakeClient(hide=returning(ONE))
    assert weave("hide", *arguments, client=client) == (0, "10.32.0.1\n", "")
    assert client.calls == [("hide", {"addresses": arguments})]


@pytest.mark.parametrize("verb", ["expose", "hide"])
def test_only_addresses_are_taken(verb: str) -> None:
    ran = weave(verb, "db")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(
        f"weave: 'db' is not an address; write it like 10.2.1.9/24\nUsage: weave {verb} "
    )
    assert weave(verb, "net:10.0.0.1/8").code == 1


def test_a_name_is_refused_and_not_taken_for_help() -> None:
    ran = weave("expose", "-h", "host.weave.local")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        "weave: names are not in this release; expose without '-h host.weave.local'\n"
    )


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help(flag: str) -> None:
    ran = weave("expose", flag)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("Usage: weave expose [OPTIONS] [ADDR]...\n")


def test_daemon_down() -> None:
    for verb in ("expose", "hide"):
        assert weave(verb, client=down()).code == 1
