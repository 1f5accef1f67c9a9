"""The book of addresses: lowest first, within a range, and never one twice."""

from __future__ import annotations

import ipaddress

import pytest

from weavecli.errors import Conflict, Exhausted
from weavecli.ipam.allocator import Book, bounds
from weavecli.model.address import IPNet
from weavecli.model.endpoint import Claim


def net(text: str) -> IPNet:
    return ipaddress.ip_network(text)


def claim(text: str, owner: str = "docker", pool: str = "") -> Claim:
    iface = ipaddress.ip_interface(text)
    return Claim(iface.ip, iface, owner, pool)


def take(book: Book, subnet: str, within: str = "", owner: str = "docker") -> str:
    ip = book.lowest(net(subnet), net(within) if within else None)
    book.take(claim(f"{ip}/{net(subnet).prefixlen}", owner))
    return str(ip)


def test_the_lowest_free_address_first() -> None:
    book = Book()
    assert [take(book, "10.5.0.0/24") for _ in range(3)] == ["10.5.0.1", "10.5.0.2", "10.5.0.3"]


def test_asking_takes_nothing() -> None:
    book = Book()
    assert book.lowest(net("10.5.0.0/24")) == book.lowest(net("10.5.0.0/24"))
    assert len(book) == 0


def test_a_released_address_comes_again_before_higher_ones() -> None:
    book = Book()
    for _ in range(5):
        take(book, "10.5.0.0/24")
    book.drop(ipaddress.ip_address("10.5.0.4"))
    book.drop(ipaddress.ip_address("10.5.0.2"))
    assert [take(book, "10.5.0.0/24") for _ in range(3)] == ["10.5.0.2", "10.5.0.4", "10.5.0.6"]


def test_an_address_taken_from_outside_is_skipped() -> None:
    book = Book()
    book.put(claim("10.5.0.1/24"))
    book.put(claim("10.5.0.2/24"))
    assert take(book, "10.5.0.0/24") == "10.5.0.3"


@pytest.mark.parametrize(
    ("subnet", "inner", "first", "last"),
    [
        ("10.5.0.0/30", "10.5.0.0/30", "10.5.0.1", "10.5.0.2"),
        ("10.5.0.0/16", "10.5.3.0/24", "10.5.3.0", "10.5.3.255"),
        ("10.5.0.0/16", "10.5.0.0/24", "10.5.0.1", "10.5.0.255"),
        ("10.5.0.0/16", "10.5.255.0/24", "10.5.255.0", "10.5.255.254"),
        ("10.5.0.0/16", "10.5.3.7/32", "10.5.3.7", "10.5.3.7"),
        ("fd05::/126", "fd05::/126", "fd05::1", "fd05::3"),
        ("fd05::/64", "fd05::1:0/112", "fd05::1:0", "fd05::1:ffff"),
    ],
)
def test_the_bounds_of_a_range(subnet: str, inner: str, first: str, last: str) -> None:
    version, low, high = bounds(net(subnet), net(inner))
    kind = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
    assert (str(kind(low)), str(kind(high))) == (first, last)


def test_a_range_gives_its_own_addresses_only() -> None:
    book = Book()
    got = [take(book, "10.5.0.0/16", "10.5.3.0/30") for _ in range(4)]
    assert got == ["10.5.3.0", "10.5.3.1", "10.5.3.2", "10.5.3.3"]
    with pytest.raises(Exhausted, match=r"no free address in 10\.5\.3\.0/30: all 4"):
        book.lowest(net("10.5.0.0/16"), net("10.5.3.0/30"))
    assert take(book, "10.5.0.0/16") == "10.5.0.1"


def test_two_views_of_one_subnet_share_their_addresses() -> None:
    book = Book()
    assert take(book, "10.5.0.0/24", "10.5.0.0/25") == "10.5.0.1"
    assert take(book, "10.5.0.0/24") == "10.5.0.2"
    assert take(book, "10.5.0.0/24", "10.5.0.0/25") == "10.5.0.3"
    book.drop(ipaddress.ip_address("10.5.0.2"))
    assert take(book, "10.5.0.0/24", "10.5.0.0/25") == "10.5.0.2"


@pytest.mark.parametrize(("subnet", "size"), [("10.5.0.0/29", 6), ("fd05::/125", 7)])
def test_a_full_subnet_gives_all_it_has_and_recovers(subnet: str, size: int) -> None:
    book = Book()
    got = [take(book, subnet) for _ in range(size)]
    assert len(set(got)) == size
    for _ in range(2):
        with pytest.raises(Exhausted, match=f"all {size} are in use"):
            book.lowest(net(subnet))
    book.drop(ipaddress.ip_address(got[2]))
    assert take(book, subnet) == got[2]


def test_a_single_address_as_range() -> None:
    book = Book()
    assert take(book, "10.5.0.0/16", "10.5.3.7/32") == "10.5.3.7"
    with pytest.raises(Exhausted):
        book.lowest(net("10.5.0.0/16"), net("10.5.3.7/32"))


def test_the_network_address_alone_is_no_range() -> None:
    with pytest.raises(Exhausted, match="all 0 are in use"):
        Book().lowest(net("10.5.0.0/16"), net("10.5.0.0/32"))


def test_ipv6_is_lowest_first_without_counting_up_to_it() -> None:
    book = Book()
    got = [take(book, "fd05::/64") for _ in range(3)]
    assert got == ["fd05::1", "fd05::2", "fd05::3"]


def test_a_taken_address_is_a_conflict_that_names_the_holder() -> None:
    book = Book()
    book.take(claim("10.5.0.9/24", "somebody"))
    with pytest.raises(Conflict, match=r"10\.5\.0\.9 is already in use by somebody"):
        book.take(claim("10.5.0.9/16", "another"))
    found = book.get(ipaddress.ip_address("10.5.0.9"))
    assert found is not None and found.owner == "somebody"


def test_put_replaces() -> None:
    book = Book()
    book.put(claim("10.5.0.9/24", "docker"))
    book.put(claim("10.5.0.9/24", "aux"))
    assert [c.owner for c in book] == ["aux"]


def test_dropping_what_is_not_there_is_nothing() -> None:
    book = Book()
    assert book.drop(ipaddress.ip_address("10.5.0.9")) is None
    taken = claim("10.5.0.9/24")
    book.put(taken)
    assert book.drop(taken.ip) is taken
    assert book.get(taken.ip) is None


def test_what_an_owner_holds_is_in_order() -> None:
    book = Book()
    for text in ("10.5.0.10/24", "fd05::1/64", "10.5.0.9/24"):
        book.put(claim(text, "me"))
    book.put(claim("10.5.0.1/24", "other"))
    assert [str(c.ip) for c in book.held_by("me")] == ["10.5.0.9", "10.5.0.10", "fd05::1"]


def test_counting_by_subnet() -> None:
    book = Book()
    for text in ("10.5.0.1/24", "10.5.0.2/24", "10.6.0.1/24", "fd05::1/64"):
        book.put(claim(text))
    assert book.count(net("10.5.0.0/24")) == 2
    assert book.count(net("fd05::/64")) == 1
    assert len(book) == 4


def test_a_walk_may_change_the_book() -> None:
    book = Book()
    for number in range(1, 5):
        book.put(claim(f"10.5.0.{number}/24"))
    for found in book:
        book.drop(found.ip)
    assert len(book) == 0
