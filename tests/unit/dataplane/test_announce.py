"""The frames that announce an address, byte by byte."""

from __future__ import annotations

import ipaddress
import struct

from weavecli.dataplane import announce

MAC = "02:77:0a:20:00:05"


def test_gratuitous_arp() -> None:
    frame = announce.frame(ipaddress.ip_interface("10.32.0.5/12"), MAC)
    assert frame == bytes.fromhex(
        "ffffffffffff 02770a200005 0806"
        "0001 0800 06 04 0001"
        "02770a200005 0a200005"
        "000000000000 0a200005"
    )


def test_neighbour_advertisement() -> None:
    frame = announce.frame(ipaddress.ip_interface("fd00::5/64"), MAC)
    address = ipaddress.IPv6Address("fd00::5").packed
    assert frame[:14] == bytes.fromhex("333300000001 02770a200005 86dd")
    assert struct.unpack_from("!IHBB", frame, 14) == (0x60000000, 32, 58, 255)
    assert frame[22:38] == address
    assert frame[38:54] == ipaddress.IPv6Address("ff02::1").packed
    body = frame[54:]
    assert (body[0], body[1]) == (136, 0)
    assert body[4:8] == bytes.fromhex("20000000"), "override, unsolicited"
    assert body[8:24] == address
    assert body[24:] == b"\x02\x01" + bytes.fromhex("02770a200005")


def test_the_checksum_is_right() -> None:
    """The sum over pseudo header and body with the checksum in it is all ones."""
    for host in range(1, 300, 7):
        frame = announce.frame(ipaddress.ip_interface(f"fd00:{host:x}::{host:x}/64"), MAC)
        covered = frame[22:54] + struct.pack("!II", 32, 58) + frame[54:]
        total = sum(struct.unpack(f"!{len(covered) // 2}H", covered))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        assert total == 0xFFFF


def test_waiting() -> None:
    answers = iter([False, False, True])
    assert announce.wait(lambda: next(answers), 1)
    assert not announce.wait(lambda: False, 0.01)
