"""The contract of the data plane, on the twin in memory and on the kernel alike.

A twin that passes may be trusted where the rules are tested.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.conftest import lacks_kernel
from tests.contract.rigs import FakeRig, KernelRig, Rig
from tests.kernel.host import eventually, fresh_namespace
from tests.kernel.samples import DUAL, OTHER, WALL, WEAVE, iface, leg, net, pair
from weavecli.dataplane.base import Firewall
from weavecli.errors import Conflict, Exhausted, NotFound, WeaveError


@pytest.fixture(params=["fake", "kernel"])
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    if request.param == "fake":
        yield FakeRig()
        return
    if reason := lacks_kernel():
        if os.environ.get("CI") or os.environ.get("WEAVE_TEST_ALL"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    with fresh_namespace():
        made = KernelRig()
        yield made
        made.close()


ONE = pair(1)
ENDS = ONE.host_end, ONE.sandbox_end


def test_ready(rig: Rig) -> None:
    assert rig.dataplane.preflight() == []
    assert rig.dataplane.underlay_mtu() == 1500
    assert rig.dataplane.observe().routes == ()


# -- bridges


def test_a_bridge_is_observed_as_wanted(rig: Rig) -> None:
    rig.dataplane.ensure_bridge(DUAL)
    observed = rig.dataplane.observe()
    link = observed.links["weave"]
    assert (link.kind, link.mac, link.mtu, link.up) == ("bridge", DUAL.mac, DUAL.mtu, True)
    assert set(link.addresses) == set(DUAL.addresses)
    routes = {r.network: r for r in observed.routes if r.device == "weave"}
    assert routes[net("10.32.0.0/16")].direct


def test_a_bridge_is_mended(rig: Rig) -> None:
    rig.dataplane.ensure_bridge(DUAL)
    rig.break_bridge("weave")
    rig.dataplane.ensure_bridge(DUAL)
    assert set(rig.dataplane.observe().links["weave"].addresses) == set(DUAL.addresses)


def test_exactly_the_addresses_wanted(rig: Rig) -> None:
    rig.dataplane.ensure_bridge(replace(DUAL, addresses=(*DUAL.addresses, iface("10.2.1.9/24"))))
    rig.dataplane.ensure_bridge(WEAVE)
    assert rig.dataplane.observe().links["weave"].addresses == WEAVE.addresses


def test_a_bridges_name_is_taken(rig: Rig) -> None:
    rig.add_link("weave")
    with pytest.raises(Conflict, match="weave"):
        rig.dataplane.ensure_bridge(WEAVE)
    with pytest.raises(Conflict, match="weave"):
        rig.dataplane.delete_bridge("weave")


def test_deleting_a_bridge(rig: Rig) -> None:
    rig.dataplane.delete_bridge("weave")
    rig.dataplane.ensure_bridge(WEAVE)
    rig.dataplane.create_pair(ONE)
    rig.dataplane.delete_bridge("weave")
    links = rig.dataplane.observe().links
    assert "weave" not in links
    assert links[ONE.host_end].master == ""


def test_a_port_is_put_back(rig: Rig) -> None:
    rig.dataplane.ensure_bridge(WEAVE)
    rig.dataplane.create_pair(ONE)
    rig.unplug(ONE.host_end)
    assert rig.dataplane.observe().links[ONE.host_end].master == ""
    rig.dataplane.ensure_port(ONE.host_end, "weave")
    assert rig.dataplane.observe().links[ONE.host_end].master == "weave"


def test_a_port_needs_link_and_bridge(rig: Rig) -> None:
    rig.dataplane.ensure_bridge(WEAVE)
    with pytest.raises(NotFound, match=ONE.host_end):
        rig.dataplane.ensure_port(ONE.host_end, "weave")
    rig.dataplane.create_pair(ONE)
    with pytest.raises(NotFound, match="wv-9"):
        rig.dataplane.ensure_port(ONE.host_end, "wv-9")


# -- pairs


def test_a_pair_is_observed(rig: Rig) -> None:
    rig.dataplane.ensure_bridge(WEAVE)
    rig.dataplane.create_pair(ONE)
    links = rig.dataplane.observe().links
    host_end, sandbox_end = links[ONE.host_end], links[ONE.sandbox_end]
    assert (host_end.kind, host_end.master, host_end.up) == ("veth", "weave", True)
    assert (sandbox_end.mac, sandbox_end.mtu) == (ONE.mac, ONE.mtu)
    assert (sandbox_end.master, sandbox_end.up, sandbox_end.peer_in_host) == ("", False, True)


def test_a_pair_without_a_bridge(rig: Rig) -> None:
    with pytest.raises(NotFound, match="weave"):
        rig.dataplane.create_pair(ONE)
    assert not rig.dataplane.pair_exists(ONE.host_end)


def test_a_pair_in_the_way_is_replaced(rig: Rig) -> None:
    rig.dataplane.ensure_bridge(WEAVE)
    rig.dataplane.ensure_bridge(OTHER)
    rig.dataplane.create_pair(ONE)
    rig.dataplane.create_pair(replace(ONE, bridge=OTHER.name))
    assert rig.dataplane.observe().links[ONE.host_end].master == OTHER.name


def test_another_link_in_the_way_is_not(rig: Rig) -> None:
    rig.dataplane.ensure_bridge(WEAVE)
    rig.add_link(ONE.host_end)
    with pytest.raises(Conflict, match=ONE.host_end):
        rig.dataplane.create_pair(ONE)


def test_a_full_bridge(rig: Rig) -> None:
    """Links that wait for their deletion are still ports; they make room when it is needed."""
    if isinstance(rig, FakeRig):
        rig.fake.lazy = True
    rig.dataplane.ensure_bridge(WEAVE)
    for number in range(1023):
        rig.dataplane.create_pair(pair(number))
    with pytest.raises(Exhausted, match="weave is full: a Linux bridge takes 1023 ports"):
        rig.dataplane.create_pair(pair(5000))
    assert not rig.dataplane.pair_exists(pair(5000).host_end)
    for number in range(300):
        rig.dataplane.doom(pair(number).host_end)
    for number in range(300):
        rig.dataplane.create_pair(pair(5000 + number))
    with pytest.raises(Exhausted):
        rig.dataplane.attach(leg(rig.sandbox(), "10.32.0.5/16"))
    rig.dataplane.doom(pair(300).host_end)
    rig.dataplane.attach(leg(rig.sandbox(), "10.32.0.5/16"))
    rig.dataplane.delete_everything()


def test_plugged(rig: Rig) -> None:
    assert not rig.dataplane.is_plugged(*ENDS)
    rig.dataplane.ensure_bridge(WEAVE)
    rig.dataplane.create_pair(ONE)
    assert not rig.dataplane.is_plugged(*ENDS)
    path = rig.sandbox()
    rig.move_in(ONE.sandbox_end, path, "ethwe0", iface("10.32.0.5/16"))
    assert rig.dataplane.is_plugged(*ENDS)
    assert not rig.dataplane.observe().links[ONE.host_end].peer_in_host
    rig.move_out(path, "ethwe0", ONE.sandbox_end)
    assert not rig.dataplane.is_plugged(*ENDS)
    assert rig.dataplane.pair_exists(ONE.host_end)


def test_a_pair_dies_with_its_sandbox(rig: Rig) -> None:
    rig.dataplane.ensure_bridge(WEAVE)
    rig.dataplane.create_pair(ONE)
    path = rig.sandbox()
    rig.move_in(ONE.sandbox_end, path, "ethwe0")
    rig.kill(path)
    assert eventually(lambda: not rig.dataplane.pair_exists(ONE.host_end))
    rig.dataplane.doom(ONE.host_end)
    assert rig.dataplane.flush_doomed(2)


# -- doom


def test_doomed(rig: Rig) -> None:
    rig.dataplane.doom(ONE.host_end)
    assert rig.dataplane.doomed() == 0
    rig.dataplane.ensure_bridge(WEAVE)
    for number in range(20):
        rig.dataplane.create_pair(pair(number))
    for number in range(20):
        rig.dataplane.doom(pair(number).host_end)
        assert not rig.dataplane.pair_exists(pair(number).host_end)
    assert rig.dataplane.flush_doomed(5)
    assert rig.dataplane.doomed() == 0
    assert not [n for n in rig.dataplane.observe().links if n.startswith("veth")]


def test_doomed_and_made_again(rig: Rig) -> None:
    if isinstance(rig, FakeRig):
        rig.fake.lazy = True
    rig.dataplane.ensure_bridge(WEAVE)
    for _ in range(3):
        rig.dataplane.create_pair(ONE)
        assert rig.dataplane.pair_exists(ONE.host_end)
        rig.dataplane.doom(ONE.host_end)
        assert not rig.dataplane.is_plugged(*ENDS)
        assert ONE.host_end not in rig.dataplane.observe().links
    rig.dataplane.create_pair(ONE)
    assert rig.dataplane.flush_doomed(2)
    assert rig.dataplane.pair_exists(ONE.host_end)


def test_threads(rig: Rig) -> None:
    rig.dataplane.ensure_bridge(WEAVE)
    errors: list[WeaveError] = []

    def work(number: int) -> None:
        try:
            for _ in range(10):
                rig.dataplane.create_pair(pair(number))
                rig.dataplane.doom(pair(number).host_end)
            rig.dataplane.create_pair(pair(number))
        except WeaveError as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n % 4,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert all(rig.dataplane.pair_exists(pair(n).host_end) for n in range(4))


# -- sandboxes


def test_identity(rig: Rig) -> None:
    one, two = rig.sandbox(), rig.sandbox()
    inodes = {rig.dataplane.netns_inode(p) for p in (one, two)} | {rig.dataplane.host_inode()}
    assert len(inodes) == 3
    with pytest.raises(NotFound, match="/run/netns/none"):
        rig.dataplane.netns_inode("/run/netns/none")


def test_attach_and_detach(rig: Rig) -> None:
    rig.dataplane.ensure_bridge(DUAL)
    path = rig.sandbox()
    both = leg(path, "10.32.0.5/16", "fd00:32::5/64")
    rig.dataplane.attach(leg(path, "10.32.0.5/16"))
    rig.dataplane.attach(both)
    rig.dataplane.attach(both)
    assert rig.inside(path, "ethwe") == ["10.32.0.5/16", "fd00:32::5/64"]
    assert rig.dataplane.pair_exists(both.host_end)
    assert rig.dataplane.observe().links[both.host_end].master == "weave"
    assert not rig.dataplane.detach(path, "ethwe", both.addresses[:1])
    assert rig.inside(path, "ethwe") == ["fd00:32::5/64"]
    assert rig.dataplane.detach(path, "ethwe", both.addresses)
    assert rig.inside(path, "ethwe") is None
    assert not rig.dataplane.pair_exists(both.host_end)
    assert rig.dataplane.detach(path, "ethwe", both.addresses), "nothing there is success"


def test_attach_to_nothing(rig: Rig) -> None:
    rig.dataplane.ensure_bridge(WEAVE)
    with pytest.raises(NotFound, match="/run/netns/none"):
        rig.dataplane.attach(leg("/run/netns/none", "10.32.0.5/16"))
    assert rig.dataplane.detach("/run/netns/none", "ethwe", (iface("10.32.0.5/16"),))
    path = rig.sandbox()
    with pytest.raises(NotFound, match="wv-9"):
        rig.dataplane.attach(leg(path, "10.32.0.5/16", bridge="wv-9"))
    assert rig.inside(path, "ethwe") is None


def test_attach_where_docker_was_first(rig: Rig) -> None:
    rig.dataplane.ensure_bridge(WEAVE)
    rig.dataplane.create_pair(ONE)
    path = rig.sandbox()
    rig.move_in(ONE.sandbox_end, path, "ethwe", iface("10.32.0.9/16"))
    with pytest.raises(Conflict, match="ethwe"):
        rig.dataplane.attach(leg(path, "10.32.0.5/16"))
    with pytest.raises(Conflict, match="ethwe"):
        rig.dataplane.detach(path, "ethwe", (iface("10.32.0.9/16"),))
    assert rig.inside(path, "ethwe") == ["10.32.0.9/16"]


def test_attach_anew_after_a_restart(rig: Rig) -> None:
    rig.dataplane.ensure_bridge(WEAVE)
    old, new = rig.sandbox(), rig.sandbox()
    rig.dataplane.attach(leg(old, "10.32.0.5/16"))
    rig.dataplane.attach(leg(new, "10.32.0.5/16"))
    assert rig.inside(old, "ethwe") is None
    assert rig.inside(new, "ethwe") == ["10.32.0.5/16"]


def test_addresses_behind_our_links(rig: Rig) -> None:
    rig.dataplane.ensure_bridge(WEAVE)
    rig.dataplane.create_pair(ONE)
    plugged, legged = rig.sandbox(), rig.sandbox()
    rig.move_in(ONE.sandbox_end, plugged, "ethwe0", iface("10.32.0.5/16"))
    rig.dataplane.attach(leg(legged, "10.32.0.6/16", "10.2.1.9/24"))
    found = {f.host_end: f for f in rig.dataplane.sandbox_addresses()}
    assert set(found) == {ONE.host_end, "vethwepl0000001"}
    assert found[ONE.host_end].addresses == (iface("10.32.0.5/16"),)
    assert (found[ONE.host_end].ifname, found[ONE.host_end].mac) == ("ethwe0", ONE.mac)
    assert set(found["vethwepl0000001"].addresses) == {iface("10.32.0.6/16"), iface("10.2.1.9/24")}
    inode = rig.dataplane.netns_inode(legged)
    assert rig.dataplane.netns_inode(found["vethwepl0000001"].netns) == inode


# -- firewall and the end


def test_firewall(rig: Rig) -> None:
    assert rig.dataplane.firewall_problems(WALL) == ["nftables table inet weave is missing"]
    rig.dataplane.apply_firewall(WALL)
    rig.dataplane.apply_firewall(WALL)
    assert rig.dataplane.firewall_problems(WALL) == []
    assert rig.dataplane.firewall_problems(Firewall(WALL.nets[:1])) != []
    rig.flush_firewall()
    assert rig.dataplane.firewall_problems(WALL) == ["nftables table inet weave is missing"]


def test_delete_everything(rig: Rig) -> None:
    assert rig.dataplane.delete_everything() == []
    rig.dataplane.ensure_bridge(WEAVE)
    rig.dataplane.ensure_bridge(OTHER)
    rig.dataplane.create_pair(ONE)
    rig.add_link("eth9")
    path = rig.sandbox()
    rig.dataplane.attach(leg(path, "10.32.0.6/16"))
    rig.dataplane.apply_firewall(WALL)
    removed = rig.dataplane.delete_everything()
    expected = {"weave", OTHER.name, ONE.host_end, "vethwepl0000001", "nftables table inet weave"}
    assert expected <= set(removed)
    assert "eth9" in rig.dataplane.observe().links
    assert "weave" not in rig.dataplane.observe().links
    assert rig.inside(path, "ethwe") is None
    assert rig.dataplane.delete_everything() == []
