"""Names and MAC addresses from identities: short enough, stable, and never the same for two."""

from __future__ import annotations

import ipaddress
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weavecli.model import naming

HEX = "13d1ea086a5aa784778165c2316d49ee03779789e25622fc70b9b93f82638abc"
SWARM = "zol28wbh2pzg5vq3nmvycvk3u"
MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")

identities = st.one_of(
    st.text(alphabet="0123456789abcdef", min_size=12, max_size=64),
    st.text(alphabet="0123456789abcdefghijklmnopqrstuvwxyz", min_size=25, max_size=25),
    st.text(max_size=80),
)


def test_a_hex_id_shows_in_its_names() -> None:
    assert naming.bridge_name(HEX) == "wv-13d1ea08"
    assert naming.host_end(HEX) == "vethwl13d1ea086"
    assert naming.sandbox_end(HEX) == "vethwg13d1ea086"


def test_a_swarm_id_is_hashed_and_stable() -> None:
    first = naming.bridge_name(SWARM)
    assert first == naming.bridge_name(SWARM)
    assert re.fullmatch(r"wv-[0-9a-f]{8}", first)
    assert SWARM[:8] not in first


@given(identities)
def test_no_name_is_longer_than_the_kernel_takes(identity: str) -> None:
    makers = (naming.bridge_name, naming.host_end, naming.sandbox_end, naming.attach_end)
    for name in (make(identity) for make in makers):
        assert len(name.encode()) <= 15
        assert re.fullmatch(r"[a-z0-9-]+", name)


def test_both_ends_of_a_pair_differ_and_attach_is_apart() -> None:
    names = {naming.host_end(HEX), naming.sandbox_end(HEX), naming.attach_end(HEX)}
    assert len(names) == 3


def test_many_ids_have_many_names() -> None:
    ids = [f"{number * 2654435761 % 2**64:064x}"[::-1] for number in range(1, 2001)]
    assert len({naming.host_end(i) for i in ids}) == 2000
    assert len({naming.attach_end(f"netns:{n}") for n in range(2000)}) == 2000


@pytest.mark.parametrize(
    ("ip", "mac"),
    [("10.32.0.2", "02:77:0a:20:00:02"), ("255.255.255.255", "02:77:ff:ff:ff:ff")],
)
def test_an_ipv4_address_is_in_its_mac(ip: str, mac: str) -> None:
    assert naming.mac_for(ipaddress.ip_address(ip), HEX) == mac


@given(st.ip_addresses(v=4), st.ip_addresses(v=4))
def test_two_addresses_have_two_macs(a: ipaddress.IPv4Address, b: ipaddress.IPv4Address) -> None:
    assert (naming.mac_for(a, HEX) == naming.mac_for(b, HEX)) is (a == b)


def test_ipv6_and_identity_have_their_own_prefixes() -> None:
    v6 = naming.mac_for(ipaddress.ip_address("fd00::1"), HEX)
    none = naming.mac_for(None, HEX)
    assert v6.startswith("02:78:")
    assert none.startswith("02:79:")
    assert naming.mac_for(ipaddress.ip_address("fd00::2"), HEX) != v6
    assert naming.mac_for(None, SWARM) != none


@given(st.one_of(st.none(), st.ip_addresses()), identities)
def test_every_mac_is_a_local_unicast_one_and_not_dockers(
    ip: ipaddress.IPv4Address | None, identity: str
) -> None:
    mac = naming.mac_for(ip, identity)
    assert MAC.fullmatch(mac)
    assert int(mac[:2], 16) & 3 == 2
    assert not mac.startswith("02:42:")
    assert naming.mac_for(ip, identity) == mac


def test_the_gateway_mac_is_a_local_unicast_one() -> None:
    assert bytes.fromhex(naming.GATEWAY_MAC.replace(":", "")) == b"\x02weave"
