"""Words to values."""

from __future__ import annotations

from itertools import permutations

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weavecli.cli.params import (
    MTU,
    PeerName,
    StatusAddress,
    Subnet,
    addresses_and_container,
    addresses_only,
    pairs,
    split_addresses,
)
from weavecli.errors import Invalid, WeaveError

CONTEXT = click.Context(click.Command("attach"))


def test_addresses_are_told_from_names_in_any_order() -> None:
    for order in permutations(["10.2.1.9/24", "net:default", "db", "fd00::1/64"]):
        addresses, others = split_addresses(order)
        assert others == ["db"]
        assert addresses == [word for word in order if word != "db"]


@pytest.mark.parametrize("name", ["db", "10", "a.b/c", "pid:7", "netns:/run/netns/x", "web-1", "é"])
def test_names(name: str) -> None:
    assert split_addresses([name]) == ([], [name])
    assert addresses_and_container(CONTEXT, [name]) == ([], name)
    with pytest.raises(click.UsageError, match="is not an address"):
        addresses_only(CONTEXT, [name])


@given(st.lists(st.text(max_size=20), max_size=4))
def test_whatever_is_typed_is_sorted_or_refused(words: list[str]) -> None:
    try:
        addresses, others = split_addresses(words)
    except WeaveError:
        return
    assert sorted([*addresses, *others]) == sorted(words)


def test_pairs() -> None:
    assert pairs(["a=1", "b==", "c="], "x") == {"a": "1", "b": "=", "c": ""}
    assert pairs(["a"], "x", bare=True) == {"a": ""}
    assert pairs(["a=1", "a=2"], "x") == {"a": "2"}
    for bad in ("a", "=1", ""):
        with pytest.raises(Invalid, match="write it as NAME=VALUE"):
            pairs([bad], "x")


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("::1", "00:00:00:00:00:01"),
        ("1::", "01:00:00:00:00:00"),
        ("1::1", "01:00:00:00:00:01"),
        ("1:2:3:4:5:6", "01:02:03:04:05:06"),
        ("AA:BB:cc:0:0:1", "aa:bb:cc:00:00:01"),
        ("1:2::5:6", "01:02:00:00:05:06"),
        ("1:2:3:4:5::", "01:02:03:04:05:00"),
    ],
)
def test_peer_names(typed: str, name: str) -> None:
    assert PeerName().convert(typed, None, None) == name


@pytest.mark.parametrize(
    "typed",
    ["", "::", "0:0:0:0:0:0", "1:2:3", "1:2:3:4:5:6:7", "1::2::3", ":1:2:3:4:5:6", "1:2:3:4:5:",
     "100:2:3:4:5:6", "g:2:3:4:5:6", "1:2:3::4:5:6", ":::", "-1::", "1 ::2"],
)  # fmt: skip
def test_no_peer_names(typed: str) -> None:
    with pytest.raises(click.BadParameter, match="invalid peer name format"):
        PeerName().convert(typed, None, None)


def test_subnets_are_named_by_their_flag() -> None:
    option = click.Option(["--ipalloc-range"])
    assert Subnet().convert("10.64.0.0/16", option, None) == "10.64.0.0/16"
    with pytest.raises(Invalid, match=r"--ipalloc-range '10.64' is not a subnet"):
        Subnet().convert("10.64", option, None)


@pytest.mark.parametrize("typed", ["", "127.0.0.1:1", "[::1]:65535", "0.0.0.0:6782"])
def test_status_addresses(typed: str) -> None:
    assert StatusAddress().convert(typed, None, None) == typed


@pytest.mark.parametrize("typed", ["x", ":1", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0",
    "127.0.0.1:65536", "127.0.0.1:²", "host:1", "127.0.0.1:9999999999"])  # fmt: skip
def test_no_status_addresses(typed: str) -> None:
    with pytest.raises(click.BadParameter, match="IP:PORT"):
        StatusAddress().convert(typed, None, None)


def test_mtu() -> None:
    assert [MTU().convert(n, None, None) for n in ("0", "576", "65535")] == ["0", "576", "65535"]
    for bad in ("575", "65536", "x", "", "-1", "1e3", "99999999"):
        with pytest.raises(click.BadParameter, match="from 576 to 65535"):
            MTU().convert(bad, None, None)
