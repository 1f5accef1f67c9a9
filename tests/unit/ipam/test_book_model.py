"""The book against a naive set: whatever is done in whatever order, both agree."""

from __future__ import annotations

import ipaddress

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from weavecli.errors import Conflict, Exhausted
from weavecli.ipam.allocator import Book
from weavecli.model.address import IP
from weavecli.model.endpoint import Claim

SUBNETS = [ipaddress.ip_network(t) for t in ("10.5.0.0/28", "10.5.0.16/29", "fd05::/124")]
RANGES = {
    SUBNETS[0]: [SUBNETS[0], *map(ipaddress.ip_network, ("10.5.0.8/29", "10.5.0.0/30"))],
    SUBNETS[1]: [SUBNETS[1], ipaddress.ip_network("10.5.0.20/31")],
    SUBNETS[2]: [SUBNETS[2], ipaddress.ip_network("fd05::8/125")],
}


def naive(taken: set[IP], subnet: object, inner: object) -> IP | None:
    """The lowest free address, by looking at every one."""
    for ip in inner:  # type: ignore[attr-defined]
        if ip == subnet.network_address:  # type: ignore[attr-defined]
            continue
        if ip.version == 4 and ip == subnet.broadcast_address:  # type: ignore[attr-defined]
            continue
        if ip not in taken:
            return ip  # type: ignore[no-any-return]
    return None


class Machine(RuleBasedStateMachine):
    """Takes, releases and asks."""

    def __init__(self) -> None:
        super().__init__()
        self.book = Book()
        self.taken: set[IP] = set()

    @rule(subnet=st.sampled_from(SUBNETS), which=st.integers(0, 2))
    def lowest(self, subnet: ipaddress.IPv4Network, which: int) -> None:
        inner = RANGES[subnet][which % len(RANGES[subnet])]
        expected = naive(self.taken, subnet, inner)
        try:
            found: IP | None = self.book.lowest(subnet, inner)
        except Exhausted:
            found = None
        assert found == expected
        if found is not None:
            iface = ipaddress.ip_interface(f"{found}/{subnet.prefixlen}")
            self.book.take(Claim(found, iface, "x"))
            self.taken.add(found)

    @rule(subnet=st.sampled_from(SUBNETS), index=st.integers(0, 15))
    def exact(self, subnet: ipaddress.IPv4Network, index: int) -> None:
        ip = subnet[index % subnet.num_addresses]
        made = Claim(ip, ipaddress.ip_interface(f"{ip}/{subnet.prefixlen}"), "x")
        try:
            self.book.take(made)
            free = True
        except Conflict:
            free = False
        assert free is (ip not in self.taken)
        self.taken.add(ip)

    @rule(subnet=st.sampled_from(SUBNETS), index=st.integers(0, 15))
    def drop(self, subnet: ipaddress.IPv4Network, index: int) -> None:
        ip = subnet[index % subnet.num_addresses]
        assert (self.book.drop(ip) is not None) is (ip in self.taken)
        self.taken.discard(ip)

    @invariant()
    def agree(self) -> None:
        assert {claim.ip for claim in self.book} == self.taken
        for subnet in SUBNETS:
            assert self.book.count(subnet) == sum(ip in subnet for ip in self.taken)


TestBook = Machine.TestCase
TestBook.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
