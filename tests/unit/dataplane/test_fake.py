"""What the twin offers to tests of the rules, beyond the contract."""

from __future__ import annotations

import ipaddress

import pytest

from tests.fakes.dataplane import FakeDataplane
from tests.kernel.samples import WEAVE, leg, pair
from weavecli.dataplane.base import HostRoute
from weavecli.errors import Exhausted, Forbidden, NotFound


def test_a_fault_happens_once_and_before_anything() -> None:
    fake = FakeDataplane()
    fake.ensure_bridge(WEAVE)
    fake.fail_next["create_pair"] = Exhausted("bridge weave is full")
    with pytest.raises(Exhausted):
        fake.create_pair(pair(1))
    assert not fake.pair_exists(pair(1).host_end)
    fake.create_pair(pair(1))
    assert fake.pair_exists(pair(1).host_end)


def test_every_method_can_fail() -> None:
    fake = FakeDataplane()
    for method in ("observe", "preflight", "close", "host_inode", "delete_everything"):
        fake.fail_next[method] = Forbidden("no")
        with pytest.raises(Forbidden):
            getattr(fake, method)()


def test_calls_are_listed() -> None:
    fake = FakeDataplane()
    fake.ensure_bridge(WEAVE)
    fake.doom("vethwl1")
    assert fake.calls == [("ensure_bridge", (WEAVE,)), ("doom", ("vethwl1",))]
    assert fake.wait_calls("doom", 1)
    assert not fake.wait_calls("doom", 2, 0.01)


def test_lazy_deletion() -> None:
    fake = FakeDataplane()
    fake.lazy = True
    fake.ensure_bridge(WEAVE)
    fake.create_pair(pair(1))
    fake.doom(pair(1).host_end)
    assert fake.doomed() == 1
    assert pair(1).host_end in fake.links
    assert not fake.pair_exists(pair(1).host_end)
    assert fake.flush_doomed(0)
    assert pair(1).sandbox_end not in fake.links


def test_sandboxes_live_as_long_as_a_path_leads_there() -> None:
    fake = FakeDataplane()
    inode = fake.add_netns("/proc/7/ns/net")
    assert fake.add_netns("/run/netns/seven", inode) == inode
    fake.ensure_bridge(WEAVE)
    fake.attach(leg("/proc/7/ns/net", "10.32.0.5/16"))
    assert fake.announced == [("ethwe", ipaddress.ip_interface("10.32.0.5/16"))]
    fake.kill_netns("/proc/7/ns/net")
    assert fake.pair_exists("vethwepl0000001")
    fake.kill_netns("/run/netns/seven")
    assert not fake.pair_exists("vethwepl0000001")
    with pytest.raises(NotFound):
        fake.netns_inode("/run/netns/seven")


def test_routes() -> None:
    fake = FakeDataplane()
    route = HostRoute(ipaddress.ip_network("10.0.0.0/8"), "eth0", False)
    fake.add_route(route)
    assert fake.observe().routes == (route,)
