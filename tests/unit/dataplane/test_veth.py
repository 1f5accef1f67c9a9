"""The patched message is the message pyroute2 would have made."""

from __future__ import annotations

import struct

import pytest

from weavecli.dataplane import netlink, veth
from weavecli.dataplane.base import VethPair
from weavecli.errors import Invalid, NotFound

ONE = VethPair("vethwl123456789", "vethwg123456789", "weave", "02:77:0a:20:00:05", 1450)


def decode(message: bytes | bytearray) -> dict[str, object]:
    """By hand, from rtnetlink(7): header 16 bytes, ifinfomsg 16, then attributes."""
    data = bytes(message)
    assert struct.unpack_from("=I", data)[0] == len(data)
    flags, change = struct.unpack_from("=II", data, 24)
    found = netlink.attributes(data, 32)
    info = netlink.attributes(found[18])
    peer = netlink.attributes(netlink.attributes(info[2])[1], 16)
    return {
        "flags": (flags, change),
        "host_end": found[3].rstrip(b"\0").decode(),
        "mtu": struct.unpack("=I", found[4])[0],
        "master": struct.unpack("=I", found[10])[0],
        "kind": info[1].rstrip(b"\0").decode(),
        "sandbox_end": peer[3].rstrip(b"\0").decode(),
        "peer_mtu": struct.unpack("=I", peer[4])[0],
        "mac": peer[1].hex(":"),
    }


def test_the_message() -> None:
    assert decode(veth.message(ONE, 7)) == {
        "flags": (1, 1),
        "host_end": "vethwl123456789",
        "mtu": 1450,
        "master": 7,
        "kind": "veth",
        "sandbox_end": "vethwg123456789",
        "peer_mtu": 1450,
        "mac": "02:77:0a:20:00:05",
    }


def test_short_names_are_padded() -> None:
    found = decode(veth.message(VethPair("a", "bc", "weave", "02:00:00:00:00:01", 1500), 9))
    assert (found["host_end"], found["sandbox_end"], found["mtu"]) == ("a", "bc", 1500)


def test_templates_are_not_changed_by_use() -> None:
    veth.message(ONE, 7)
    other = decode(veth.message(VethPair("a", "b", "weave", "02:00:00:00:00:01", 1450), 7))
    assert (other["host_end"], other["mac"]) == ("a", "02:00:00:00:00:01")
    assert decode(veth.message(ONE, 7))["host_end"] == ONE.host_end
    assert decode(veth.message(ONE, 8))["master"] == 8


def test_the_templates_are_bounded() -> None:
    for index in range(2000):
        veth.template(index, 1450)
    assert veth.template.cache_info().currsize <= 1024


@pytest.mark.parametrize("mac", ["", "02:77", "02:77:0a:20:00:05:06", "zz:77:0a:20:00:05"])
def test_a_mac_that_is_none(mac: str) -> None:
    with pytest.raises(Invalid, match="no MAC address"):
        veth.message(VethPair("a", "b", "weave", mac, 1450), 7)


def test_a_name_that_is_none() -> None:
    for name in ("", "x" * 16, "é" * 8):
        with pytest.raises(Invalid, match="1 to 15 bytes"):
            veth.message(VethPair(name, "b", "weave", ONE.mac, 1450), 7)


def test_lookups_of_what_is_not_there() -> None:
    assert veth.index("vethwl-none") == 0
    with pytest.raises(NotFound, match="bridge wv-none does not exist"):
        veth.bridge_index("wv-none")
