"""The address grammar: `[ip:]CIDR`, `net:CIDR`, `net:default`, and every wrong shape."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weavecli.errors import Invalid
from weavecli.model.address import (
    Want,
    contains,
    looks_like_address,
    overlap,
    parse_iface,
    parse_ip,
    parse_subnet,
    parse_want,
    usable,
    within,
)

net = ipaddress.ip_network
ip = ipaddress.ip_address
iface = ipaddress.ip_interface


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("10.2.1.9/24", Want("ip", iface("10.2.1.9/24"))),
        ("ip:10.2.1.9/24", Want("ip", iface("10.2.1.9/24"))),
        ("ip:fd00::9/64", Want("ip", iface("fd00::9/64"))),
        ("fd00::9/64", Want("ip", iface("fd00::9/64"))),
        ("10.2.1.9/32", Want("ip", iface("10.2.1.9/32"))),
        ("10.2.1.0/31", Want("ip", iface("10.2.1.0/31"))),
        ("net:10.2.1.0/24", Want("net", subnet=net("10.2.1.0/24"))),
        ("net:fd00::/64", Want("net", subnet=net("fd00::/64"))),
        ("net:10.0.0.0/30", Want("net", subnet=net("10.0.0.0/30"))),
        ("net:default", Want("default")),
    ],
)
def test_what_is_written_is_what_is_wanted(text: str, want: Want) -> None:
    assert parse_want(text) == want


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no prefix length"),
        ("ip:", "no prefix length"),
        ("10.2.1.9", "no prefix length"),
        ("ip:10.2.1.9", "no prefix length"),
        ("10.2.1.9/", "invalid CIDR"),
        ("10.2.1.9/33", "invalid CIDR"),
        ("10.2.1.9/-1", "invalid CIDR"),
        ("10.2.1.9/+24", "invalid CIDR"),
        ("10.2.1.9/2 4", "invalid CIDR"),
        ("10.2.1/24", "invalid CIDR"),
        ("10.2.1.9.1/24", "invalid CIDR"),
        ("10.2.1.256/24", "invalid CIDR"),
        ("10.2.01.9/24", "invalid CIDR"),
        ("0x0a.2.1.9/24", "invalid CIDR"),
        ("10.2.1.9/24/24", "invalid CIDR"),
        ("10.2.1.9/255.255.255.0", "invalid CIDR"),
        ("10.2.1.9/0.0.0.255", "invalid CIDR"),
        ("10.2.1.9/²", "invalid CIDR"),
        ("10.2.1.9/٣", "invalid CIDR"),
        ("fd00::9/129", "invalid CIDR"),
        ("fd00:::9/64", "invalid CIDR"),
        ("fe80::1%eth0/64", "invalid CIDR"),
        ("IP:10.2.1.9/24", "invalid CIDR"),
        ("c1/24", "invalid CIDR"),
        ("net:", "is not a subnet"),
        ("net:10.2.1.0", "no prefix length"),
        ("net:10.2.1.9/24", "did you mean 10.2.1.0/24?"),
        ("net:10.2.1.0/31", "smaller than minimum size 4"),
        ("net:10.2.1.1/32", "smaller than minimum size 4"),
        ("net:fd00::/127", "smaller than minimum size 4"),
        ("net:10.2.1.0/33", "is not a subnet"),
        ("net:10.2.1.0/255.255.255.0", "mask"),
        ("net:fe80::%1/64", "zone"),
        ("net:defaults", "is not a subnet"),
        ("net:net:default", "is not a subnet"),
        ("10.2.1.0/24", "network address"),
        ("10.2.1.255/24", "broadcast address"),
        ("fd00::/64", "network address"),
        ("224.0.0.1/24", "no address for a container"),
        ("127.0.0.1/8", "no address for a container"),
        ("0.0.0.0/8", "no address for a container"),
        ("ff02::1/64", "no address for a container"),
        ("::1/64", "no address for a container"),
    ],
)
def test_every_wrong_shape_is_refused_with_the_reason(text: str, says: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_want(text)
    assert says in str(caught.value)


def test_the_last_address_of_an_ipv6_subnet_is_an_address() -> None:
    usable(iface("fd00::ffff:ffff:ffff:ffff/64"))


@pytest.mark.parametrize("text", ["10.32.0.5", " 10.32.0.5 ", "fd00::5"])
def test_an_address_without_prefix(text: str) -> None:
    assert str(parse_ip(text)) == text.strip()


@pytest.mark.parametrize("text", ["", "10.32.0.5/12", "x", "fe80::1%eth0", "10.32.0", "1"])
def test_what_is_no_address_is_named(text: str) -> None:
    with pytest.raises(Invalid, match=r"^gateway .* is not an IP address"):
        parse_ip(text, "gateway")


def test_a_message_names_what_the_text_was_for() -> None:
    with pytest.raises(Invalid, match=r"^--subnet 'x' is not a subnet"):
        parse_subnet("x", "--subnet")
    with pytest.raises(Invalid, match=r"^gateway 'x' has no prefix length"):
        parse_iface("x", "gateway")


@pytest.mark.parametrize(
    ("text", "is_address"),
    [
        ("net:default", True),
        ("net:nonsense", True),
        ("ip:nonsense", True),
        ("10.2.1.9/24", True),
        ("fd00::1/64", True),
        ("c1", False),
        ("web/24", False),
        ("10.2.1.9", False),
        ("4f9c2a/24x", False),
        ("", False),
        ("/24", False),
    ],
)
def test_an_address_is_told_from_a_container(text: str, is_address: bool) -> None:
    assert looks_like_address(text) is is_address


def test_families_never_meet() -> None:
    assert not overlap(net("0.0.0.0/0"), net("::/0"))
    assert not contains(net("0.0.0.0/0"), ip("::1"))
    assert not within(net("10.0.0.0/8"), net("::/0"))


def test_overlap_containment_and_membership() -> None:
    assert overlap(net("10.0.0.0/8"), net("10.2.0.0/16"))
    assert overlap(net("10.2.0.0/16"), net("10.0.0.0/8"))
    assert not overlap(net("10.2.0.0/16"), net("10.3.0.0/16"))
    assert within(net("10.2.0.0/16"), net("10.0.0.0/8"))
    assert not within(net("10.0.0.0/8"), net("10.2.0.0/16"))
    assert contains(net("10.2.0.0/16"), ip("10.2.3.4"))
    assert not contains(net("10.2.0.0/16"), ip("10.3.0.1"))


@given(st.ip_addresses(), st.integers(0, 128))
def test_whatever_is_accepted_is_kept_as_written(address: ipaddress.IPv4Address, n: int) -> None:
    text = f"{address}/{n}"
    try:
        want = parse_want(text)
    except Invalid:
        return
    assert want.iface is not None
    assert want.iface.ip == address
    assert want.iface.network.prefixlen == n


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_invalid(text: str) -> None:
    for parse in (parse_want, parse_ip, parse_iface, parse_subnet):
        try:
            assert parse(text) is not None
        except Invalid as error:
            assert str(error)
