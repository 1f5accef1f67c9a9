"""The tables: durable before visible as free, and never one address for two."""

from __future__ import annotations

import ipaddress
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.unit.service.house import House, Refused
from weavecli.errors import Unavailable
from weavecli.model.endpoint import Claim
from weavecli.service.state import State
from weavecli.store.base import Change, Delete

POOL = "weavelocal/10.5.0.0/24"


class Interrupting:
    """A store that lets another caller in just before it removes an address."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.between: Any = None

    def commit(self, *changes: Change, flush: bool = True) -> None:
        between, self.between = self.between, None
        if between is not None and any(isinstance(c, Delete) for c in changes):
            between()
        else:
            self.between = between
        self._store.commit(*changes)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def test_an_address_released_twice_at_once_is_not_given_out_twice(house: House) -> None:
    pool = house.pool("10.5.0.0/24")
    first = house.address(pool)
    given: list[str] = []
    store = Interrupting(house.store)
    house.state.store = store

    def another_caller() -> None:
        claim = house.claim_of(first.partition("/")[0])
        assert claim is not None
        house.state.drop(claim)  # the same release, on another thread
        given.append(house.address(pool))

    store.between = another_caller
    house.release(pool, first)
    given.append(house.address(pool))
    assert len(set(given)) == 2
    assert house.claims() == house.on_disk()


def test_an_old_claim_does_not_free_its_successor(house: House) -> None:
    pool = house.pool("10.5.0.0/24")
    house.address(pool, "10.5.0.9")
    old = house.claim_of("10.5.0.9")
    assert old is not None
    house.state.drop(old)
    house.address(pool, "10.5.0.9")
    house.state.drop(old)
    assert "10.5.0.9" in house.claims()
    assert house.claims() == house.on_disk()


def test_a_claim_that_the_disk_refuses_is_free_again(house: House) -> None:
    house.store._conn.execute("PRAGMA query_only = ON")
    iface = ipaddress.ip_interface("10.2.1.9/24")
    with pytest.raises(Unavailable):
        house.state.claim(lambda _book: Claim(iface.ip, iface, "x"))
    with pytest.raises(Unavailable):
        house.state.drop(*list(house.state.book))
    house.store._conn.execute("PRAGMA query_only = OFF")
    assert house.claims() == house.on_disk() == {"10.32.0.1": "weave:gateway"}
    house.state.drop(*list(house.state.book))
    assert house.claims() == house.on_disk() == {}


def test_eight_threads_never_get_one_address_twice(house: House) -> None:
    house.pool("10.5.0.0/24")
    lock = threading.Lock()
    held: Counter[str] = Counter()
    twice: list[str] = []

    def work(number: int) -> None:
        mine: list[str] = []
        for step in range(40):
            if step % 3 == 2:
                address = mine.pop(0)
                with lock:
                    held[address] -= 1
                house.release(POOL, address)
                house.release(POOL, "10.5.0.254")  # never held: at least once is also for these
                continue
            address = house.address(POOL)
            with lock:
                held[address] += 1
                if held[address] > 1:
                    twice.append(address)
            mine.append(address)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert twice == []
    in_use = {address.partition("/")[0] for address, count in held.items() if count}
    assert {ip for ip, owner in house.claims().items() if owner == "docker"} == in_use
    assert house.claims() == house.on_disk()
    assert State(house.store).book.count(ipaddress.ip_network("10.5.0.0/24")) == len(in_use)


def test_eight_threads_want_one_address_and_one_gets_it(house: House) -> None:
    house.pool("10.5.0.0/24")

    def want(_number: int) -> bool:
        try:
            house.address(POOL, "10.5.0.9")
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(want, range(8))) == 1


def test_a_full_pool_gives_each_address_once(house: House) -> None:
    house.pool("10.5.0.0/26")

    def want(_number: int) -> str:
        try:
            return house.address("weavelocal/10.5.0.0/26")
        except Refused:
            return ""

    with ThreadPoolExecutor(8) as pool:
        got = [address for address in pool.map(want, range(80)) if address]
    assert len(got) == len(set(got)) == 62


def test_the_calls_of_one_endpoint_from_several_threads(house: House) -> None:
    net = house.network("10.5.0.0/24")
    endpoint = house.endpoint(net)
    interface = {"Address": "10.5.0.2/24", "AddressIPv6": "", "MacAddress": ""}
    calls = [
        lambda: house.call(
            "NetworkDriver.CreateEndpoint", NetworkID=net, EndpointID=endpoint, Interface=interface
        ),
        lambda: house.join(net, endpoint),
        lambda: house.leave(net, endpoint),
        lambda: house.delete(net, endpoint),
    ]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: calls[n % 4](), range(200)))
    house.leave(net, endpoint)
    house.delete(net, endpoint)
    house.release(POOL, "10.5.0.2")
    assert not house.state.endpoints and not house.store.all("endpoint")
    assert not [name for name in house.dataplane.links if name.startswith("veth")]
    assert house.claims() == house.on_disk()
    assert "10.5.0.2" not in house.claims()


def test_networks_made_at_once_never_overlap(house: House) -> None:
    with ThreadPoolExecutor(8) as pool:
        pools = list(pool.map(lambda _n: house.pool(), range(16)))
    assert len(set(pools)) == 16
