"""Subnets for networks whose user named none."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weavecli.errors import Exhausted
from weavecli.ipam.pools import V4_BASE, choose, start_of, v6_base
from weavecli.model.address import IPNet, overlap

ME = "02:4b:7d:00:10:aa"


def test_the_first_choice_is_the_identitys() -> None:
    first = choose(4, ME, [])
    assert first == choose(4, ME, [])
    assert first.prefixlen == 20
    assert overlap(first, V4_BASE)
    firsts = {choose(4, f"02:4b:7d:00:10:{n:02x}", []) for n in range(64)}
    assert len(firsts) > 40  # chance alone makes some meet


def test_ipv6_subnets_are_unique_local_and_the_identitys() -> None:
    first = choose(6, ME, [])
    assert first.prefixlen == 64
    assert first.subnet_of(v6_base(ME))  # type: ignore[arg-type]
    assert v6_base(ME).subnet_of(ipaddress.IPv6Network("fd00::/8"))
    assert v6_base(ME) != v6_base("02:4b:7d:00:10:ab")


def test_while_one_is_taken_another_is_chosen_until_none_is_left() -> None:
    busy: list[IPNet] = []
    for _ in range(256):
        chosen = choose(4, ME, busy)
        assert not any(overlap(chosen, other) for other in busy)
        busy.append(chosen)
    assert sum(n.num_addresses for n in busy) == V4_BASE.num_addresses
    with pytest.raises(Exhausted, match=r"10\.48\.0\.0/12: all 256 .*--subnet"):
        choose(4, ME, busy)


def test_a_free_one_is_found_before_the_start_too() -> None:
    every: list[IPNet] = list(V4_BASE.subnets(new_prefix=20))
    start = start_of(ME, 256)
    before = every[(start - 1) % 256]
    assert choose(4, ME, [n for n in every if n != before]) == before


@pytest.mark.parametrize("busy", ["10.0.0.0/8", "0.0.0.0/0", "10.48.0.0/12"])
def test_a_route_over_all_of_it_leaves_none(busy: str) -> None:
    with pytest.raises(Exhausted):
        choose(4, ME, [ipaddress.ip_network(busy)])


def test_the_other_family_is_no_hindrance() -> None:
    assert choose(4, ME, [ipaddress.ip_network("::/0")]).version == 4
    assert choose(6, ME, [ipaddress.ip_network("0.0.0.0/0")]).version == 6


@settings(deadline=None)
@given(
    st.sampled_from([4, 6]),
    st.text(max_size=20),
    st.lists(
        st.tuples(st.integers(0, 255), st.integers(13, 28)).map(
            lambda t: ipaddress.ip_network((int(V4_BASE[0]) + t[0] * 4096, t[1]), strict=False)
        ),
        max_size=12,
    ),
)
def test_what_is_chosen_overlaps_nothing(version: int, identity: str, busy: list[IPNet]) -> None:
    try:
        chosen = choose(version, identity, busy)
    except Exhausted:
        return
    assert chosen.version == version
    assert not any(overlap(chosen, other) for other in busy)
