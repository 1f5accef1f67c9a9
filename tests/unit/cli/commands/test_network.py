"""network create, ls, inspect, rm."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fakes.client import FakeClient, down, returning
from tests.unit.cli.running import weave
from weavecli.errors import Conflict, NotFound

PLAIN: dict[str, Any] = {
    "name": "web",
    "subnets": [],
    "ip_ranges": [],
    "gateways": [],
    "aux_addresses": {},
    "internal": False,
    "ipv6": False,
    "options": {},
    "labels": {},
}
ID = "8f0c3a6b12de" + "0" * 52
ROWS: list[dict[str, Any]] = [
    {
        "id": ID,
        "name": "web",
        "subnets": ["10.40.0.0/24", "fd00:41::/64"],
        "gateways": ["10.40.0.1"],
        "bridge": "wv-8f0c3a6b",
        "endpoints": 2,
        "internal": False,
        "ipam": "weave",
        "mtu": 1450,
    },
    {
        "id": "77" * 32,
        "name": "back",
        "subnets": ["10.48.0.0/20"],
        "gateways": [],
        "bridge": "wv-77777777",
        "endpoints": 0,
        "internal": True,
        "ipam": "docker (this host only)",
        "mtu": 1450,
    },
]
TABLE = """\
NETWORK ID     NAME              SUBNET                      GATEWAY     BRIDGE        ENDPOINTS   IPAM
8f0c3a6b12de   web               10.40.0.0/24,fd00:41::/64   10.40.0.1   wv-8f0c3a6b   2           weave
777777777777   back (internal)   10.48.0.0/20                            wv-77777777   0           docker (this host only)
"""  # noqa: E501


def networks() -> FakeClient:
    return FakeClient(networks=returning({"networks": ROWS}))


@pytest.mark.parametrize(
    ("flags", "changes"),
    [
        ([], {}),
        (["--subnet", "10.40.0.0/24"], {"subnets": ["10.40.0.0/24"]}),
        (
            [
                "--subnet",
                "10.40.0.0/24",
                "--ip-range",
                "10.40.0.128/25",
                "--gateway",
                "10.40.0.254",
            ],
            {
                "subnets": ["10.40.0.0/24"],
                "ip_ranges": ["10.40.0.128/25"],
                "gateways": ["10.40.0.254"],
            },
        ),
        (
            ["--ipv6", "--subnet", "10.41.0.0/24", "--subnet", "fd00:41::/64"],
            {"ipv6": True, "subnets": ["10.41.0.0/24", "fd00:41::/64"]},
        ),
        (["--aux-address", "router=10.40.0.9"], {"aux_addresses": {"router": "10.40.0.9"}}),
        (["--internal"], {"internal": True}),
        (["-o", "a=b", "--opt", "flag"], {"options": {"a": "b", "flag": ""}}),
        (["--label", "team=blue", "--label", "x"], {"labels": {"team": "blue", "x": ""}}),
        (["--mtu", "1400"], {"options": {"com.docker.network.driver.mtu": "1400"}}),
    ],
)
def test_create(flags: list[str], changes: dict[str, Any]) -> None:
    client = FakeClient(create_network=returning({"id": ID}))
    assert weave("network", "create", *flags, "web", client=client) == (0, f"{ID}\n", "")
    assert client.calls == [("create_network", {**PLAIN, **changes})]


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--subnet", "10.40.0.1/24"], "did you mean 10.40.0.0/24?"),
        (["--subnet", "10.40.0.0"], "no prefix length"),
        (["--subnet", "10.40.0.0/24", "--gateway", "10.41.0.1"], "gateway 10.41.0.1 lies in no"),
        (["--gateway", "10.41.0.1"], "lies in no --subnet"),
        (["--subnet", "10.40.0.0/24", "--gateway", "x"], "gateway 'x' is not an IP address"),
        (["--subnet", "10.40.0.0/24", "--ip-range", "10.0.0.0/8"], "ip-range 10.0.0.0/8 lies in"),
        (["--aux-address", "router"], "aux address 'router': write it as NAME=VALUE"),
        (["--aux-address", "=10.40.0.9"], "write it as NAME=VALUE"),
        (["--label", "=x"], "label '=x'"),
        (["--mtu", "5"], "5 is not in the range"),
    ],
)
def test_create_refuses_nonsense_here(flags: list[str], sentence: str) -> None:
    client = FakeClient()
    ran = weave("network", "create", *flags, "web", client=client)
    assert (ran.code, ran.out, client.calls) == (1, "", [])
    assert sentence in ran.err


def test_ls() -> None:
    assert weave("network", "ls", client=networks()) == (0, TABLE, "")


def test_ls_without_networks_has_headings() -> None:
    client = FakeClient(networks=returning({"networks": []}))
    ran = weave("network", "ls", client=client)
    assert ran.out.split() == TABLE.splitlines()[0].split()


@pytest.mark.parametrize(
    ("flags", "printed"),
    [
        (["-q"], "8f0c3a6b12de\n777777777777\n"),
        (["-q", "--no-trunc"], f"{ID}\n{'77' * 32}\n"),
        (["--format", "{{.Name}} {{.MTU}}"], "web 1450\nback 1450\n"),
        (["--format", '{{join .Subnets ","}}'], "10.40.0.0/24,fd00:41::/64\n10.48.0.0/20\n"),
        (["--format", "{{if .Internal}}{{.ID}}{{end}}"], "\n777777777777\n"),
    ],
)
def test_ls_in_other_shapes(flags: list[str], printed: str) -> None:
    assert weave("network", "ls", *flags, client=networks()) == (0, printed, "")


def test_ls_as_json_is_an_object_a_line() -> None:
    ran = weave("network", "ls", "--format", "json", client=networks())
    first, second = (json.loads(line) for line in ran.out.splitlines())
    assert first == {
        "ID": "8f0c3a6b12de",
        "Name": "web",
        "Subnets": ["10.40.0.0/24", "fd00:41::/64"],
        "Gateways": ["10.40.0.1"],
        "Bridge": "wv-8f0c3a6b",
        "Endpoints": 2,
        "Internal": False,
        "IPAM": "weave",
        "MTU": 1450,
    }
    assert second["Internal"] is True


def _inspect(ref: str) -> list[dict[str, Any]]:
    if ref == "gone":
        raise NotFound("no such network: gone; see 'weave network ls'")
    return [{"Name": ref}]


def test_inspect() -> None:
    client = FakeClient(network=_inspect)
    ran = weave("network", "inspect", "web", "back", client=client)
    assert ran == (0, json.dumps([{"Name": "web"}, {"Name": "back"}], indent=4) + "\n", "")
    assert client.calls == [("network", "web"), ("network", "back")]


def test_inspect_goes_on_after_one_that_is_missing() -> None:
    ran = weave("network", "inspect", "-f", "{{.Name}}", "a", "gone", "b",
        client=FakeClient(network=_inspect))  # fmt: skip
    assert ran == (1, "a\nb\n", "weave: no such network: gone; see 'weave network ls'\n")


def _remove(ref: str) -> None:
    if ref == "busy":
        raise Conflict("network busy has containers on it: db")


def test_rm() -> None:
    client = FakeClient(remove_network=_remove)
    ran = weave("network", "rm", "a", "busy", "b", client=client)
    assert ran == (1, "a\nb\n", "weave: network busy has containers on it: db\n")
    assert [name for _, name in client.calls] == ["a", "busy", "b"]


@pytest.mark.parametrize("arguments", [["create"], ["inspect"], ["rm"], [], ["nope"]])
def test_wrong_shapes_show_the_usage(arguments: list[str]) -> None:
    ran = weave("network", *arguments)
    assert (ran.code, ran.out) == (1, "")
    assert "Usage: weave network" in ran.err


def test_daemon_down() -> None:
    for arguments in (["ls"], ["create", "web"], ["rm", "web"], ["inspect", "web"]):
        ran = weave("network", *arguments, client=down())
        assert ran.code == 1
        assert "start it with 'weave launch'" in ran.err
