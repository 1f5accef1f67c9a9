"""Which address is free: lowest first, within a range of a subnet.

One `Book` holds every address that is taken on this host, whatever took it: subnets of different
networks never overlap, so an address is a key of its own.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from weavecli.errors import Conflict, Exhausted
from weavecli.model.address import IP, IPNet, contains
from weavecli.model.endpoint import Claim

Bounds = tuple[int, int, int]
"""IP version, first and last address, as integers."""


def bounds(subnet: IPNet, within: IPNet) -> Bounds:
    """The addresses of `within` a host may have in `subnet`: not its first one (network address;
    subnet-router anycast in IPv6), not IPv4's broadcast address."""
    last = int(subnet.broadcast_address) - (1 if subnet.version == 4 else 0)
    return (
        subnet.version,
        max(int(within.network_address), int(subnet.network_address) + 1),
        min(int(within.broadcast_address), last),
    )


class Book:
    """The addresses that are taken, with who took them. Not thread-safe: the caller locks."""

    def __init__(self) -> None:
        self._claims: dict[IP, Claim] = {}
        self._taken: dict[int, set[int]] = {4: set(), 6: set()}
        self._hints: dict[Bounds, int] = {}

    def __len__(self) -> int:
        return len(self._claims)

    def __iter__(self) -> Iterator[Claim]:
        return iter(list(self._claims.values()))

    def get(self, ip: IP) -> Claim | None:
        """Who holds the address."""
        return self._claims.get(ip)

    def take(self, claim: Claim) -> None:
        """Enter a claim. Raises Conflict naming the holder when the address is taken."""
        holder = self._claims.get(claim.ip)
        if holder is not None:
            raise Conflict(
                f"address {claim.ip} is already in use by {holder.owner}; choose another, "
                f"or none to get a free one"
            )
        self.put(claim)

    def put(self, claim: Claim) -> None:
        """Enter or replace a claim."""
        self._claims[claim.ip] = claim
        self._taken[claim.ip.version].add(int(claim.ip))

    def drop(self, ip: IP) -> Claim | None:
        """Remove a claim; returns it, or None when there was none."""
        claim = self._claims.pop(ip, None)
        if claim is not None:
            number = int(ip)
            self._taken[ip.version].discard(number)
            for key, hint in self._hints.items():
                if key[0] == ip.version and key[1] <= number < hint:
                    self._hints[key] = number
        return claim

    def lowest(self, subnet: IPNet, within: IPNet | None = None) -> IP:
        """The lowest free address of `within` (default: all) of `subnet`. Raises Exhausted."""
        key = bounds(subnet, within or subnet)
        version, first, last = key
        taken = self._taken[version]
        number = max(first, self._hints.get(key, first))
        while number in taken:
            number += 1
        if number > last:
            self._hints[key] = number
            raise Exhausted(
                f"no free address in {within or subnet}: all {max(0, last - first + 1)} are in "
                f"use; remove containers, or use a network with a larger subnet"
            )
        self._hints[key] = number
        if version == 4:
            return ipaddress.IPv4Address(number)
        return ipaddress.IPv6Address(number)

    def count(self, subnet: IPNet) -> int:
        """How many addresses of the subnet are taken."""
        return sum(1 for ip in self._claims if contains(subnet, ip))

    def held_by(self, owner: str) -> list[Claim]:
        """The claims of one owner, lowest address first."""
        mine = [c for c in self._claims.values() if c.owner == owner]
        return sorted(mine, key=lambda c: (c.ip.version, int(c.ip)))
