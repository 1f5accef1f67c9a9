"""attach and detach: any order, bad grammar never reaches the daemon, one line out."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from tests.fakes.client import FakeClient, down, raising, returning
from tests.unit.cli.running import weave
from weavecli.errors import Conflict, NotFound

GIVEN: Any = {"addresses": ["10.32.0.1", "10.2.1.9"], "warnings": []}
NOTHING: Any = {"addresses": [], "warnings": []}


@pytest.mark.parametrize(
    "arguments",
    list(permutations(["10.2.1.9/24", "net:default", "--no-multicast-route", "db"])),
)
def test_attach_takes_its_arguments_in_any_order(arguments: tuple[str, ...]) -> None:
    client = FakeClient(attach=returning(GIVEN))
    assert weave("attach", *arguments, client=client) == (0, "10.32.0.1 10.2.1.9\n", "")
    ((name, request),) = client.calls
    assert name == "attach"
    assert request["container"] == "db"
    assert sorted(request["addresses"]) == ["10.2.1.9/24", "net:default"]
    assert request["multicast_route"] is False


@pytest.mark.parametrize(
    "container",
    ["db", "3f9c2ab71e04", "pid:77", "netns:/run/netns/blue", "netns:/proc/7/ns/net", "a/b"],
)
def test_what_may_be_a_container(container: str) -> None:
    client = FakeClient(attach=returning(NOTHING))
    assert weave("attach", container, client=client).code == 0
    assert client.calls == [
        ("attach", {"container": container, "addresses": [], "multicast_route": True})
    ]


@pytest.mark.parametrize(
    "address",
    ["10.2.1.9/24", "ip:10.2.1.9/24", "net:10.2.1.0/24", "net:default", "fd00::5/64",
     "net:fd00::/64"],
)  # fmt: skip
def test_addresses_are_passed_on_as_typed(address: str) -> None:
    client = FakeClient(attach=returning(NOTHING), detach=returning(NOTHING))
    assert weave("attach", "db", address, client=client).code == 0
    assert weave("detach", address, "db", client=client).code == 0
    assert [call[1]["addresses"] for call in client.calls] == [[address], [address]]


@pytest.mark.parametrize("verb", ["attach", "detach"])
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["10.2.1.9/33", "db"], "invalid CIDR address: '10.2.1.9/33'"),
        (["10.2.1.300/24", "db"], "invalid CIDR address: '10.2.1.300/24'"),
        (["net:10.2.1.1/24", "db"], "bits after network prefix are not all zero: 10.2.1.1/24"),
        (["net:10.2.1.0/31", "db"], "smaller than minimum size 4: 10.2.1.0/31"),
        (["net:10.2.1.0", "db"], "no prefix length"),
        (["net:", "db"], "is not a subnet"),
        (["10.2.1.0/24", "db"], "10.2.1.0 is the network address of 10.2.1.0/24"),
        (["10.2.1.255/24", "db"], "10.2.1.255 is the broadcast address"),
        (["224.0.0.5/24", "db"], "224.0.0.5 is no address for a container"),
        (["10.2.1.9", "db"], "'10.2.1.9' has no prefix length; write it as CIDR"),
        (["fd00::1", "db"], "'fd00::1' has no prefix length"),
    ],
)
def test_bad_addresses_are_refused_here(verb: str, arguments: list[str], sentence: str) -> None:
    client = FakeClient()
    ran = weave(verb, *arguments, client=client)
    assert (ran.code, ran.out, client.calls) == (1, "", [])
    assert ran.err.startswith("weave: ")
    assert ran.err.count("\n") == 1
    assert sentence in ran.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Missing argument"),
        (["10.2.1.9/24"], "which container? Give its name or ID"),
        (["db", "web"], "one container at a time; 'db' and 'web' are no addresses"),
        (["db", ""], "one container at a time"),
        ([""], "the container's name is empty"),
        (["--rewrite-hosts", "db"], "No such option"),
    ],
)
def test_wrong_shapes_show_the_usage(arguments: list[str], sentence: str) -> None:
    ran = weave("attach", *arguments)
    assert (ran.code, ran.out) == (1, "")
    assert sentence in ran.err
    assert "Usage: weave attach [OPTIONS] [ADDR]... CONTAINER\n" in ran.err


def test_the_old_flag_against_names_is_accepted() -> None:
    client = FakeClient(attach=returning(GIVEN))
    assert weave("attach", "--without-dns", "db", client=client) == (
        0,
        "10.32.0.1 10.2.1.9\n",
        "",
    )


def test_warnings_go_to_stderr() -> None:
    reply = {"addresses": ["10.2.1.9"], "warnings": ["10.2.1.0/24 overlaps a route on eth0"]}
    ran = weave("attach", "10.2.1.9/24", "db", client=FakeClient(attach=returning(reply)))
    assert ran == (0, "10.2.1.9\n", "WARNING: 10.2.1.0/24 overlaps a route on eth0\n")


def test_detach_of_nothing_is_an_empty_line() -> None:
    client = FakeClient(detach=returning(NOTHING))
    assert weave("detach", "db", client=client) == (0, "\n", "")
    assert client.calls == [("detach", {"container": "db", "addresses": []})]


@pytest.mark.parametrize("verb", ["attach", "detach"])
def test_failures_of_the_daemon(verb: str) -> None:
    for error in (NotFound("no such container: db"), Conflict("10.2.1.9 is in use by web")):
        ran = weave(verb, "db", client=FakeClient(**{verb: raising(error)}))
        assert ran == (1, "", f"weave: {error}\n")
    assert weave(verb, "db", client=down()) == (
        1,
        "",
        "weave is not running; start it with 'weave launch'\n",
    )
