"""What `observe` tells, against what `ip` made."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from tests.kernel.host import Sandbox, link, run
from tests.kernel.samples import DUAL, WEAVE, iface, leg, net, pair
from weavecli.dataplane.base import HostRoute
from weavecli.dataplane.kernel import Kernel


def test_links(kernel: Kernel, sandbox: Callable[[], Sandbox]) -> None:
    kernel.ensure_bridge(DUAL)
    kernel.create_pair(pair(1))
    kernel.create_pair(pair(2))
    sandbox().move_in(pair(2).sandbox_end, "ethwe0")
    run("ip", "link", "add", "docker0", "type", "bridge")
    run("ip", "addr", "add", "172.17.0.1/16", "dev", "docker0")
    links = kernel.observe().links
    weave = links["weave"]
    assert (weave.kind, weave.mac, weave.mtu, weave.up) == ("bridge", DUAL.mac, 1450, True)
    assert weave.addresses == DUAL.addresses
    assert (links["docker0"].up, links["docker0"].addresses) == (False, (iface("172.17.0.1/16"),))
    one, two = links[pair(1).host_end], links[pair(2).host_end]
    assert (one.kind, one.master, one.up, one.peer_in_host) == ("veth", "weave", True, True)
    assert (two.kind, two.master, two.up, two.peer_in_host) == ("veth", "weave", True, False)
    assert links[pair(1).sandbox_end].mac == pair(1).mac
    assert links[pair(1).sandbox_end].master == ""
    assert pair(2).sandbox_end not in links


def test_routes(kernel: Kernel) -> None:
    run("ip", "link", "add", "e0", "type", "veth", "peer", "name", "e1")
    for name in ("e0", "e1"):
        run("ip", "link", "set", name, "up")
    run("ip", "addr", "add", "192.0.2.1/24", "dev", "e0")
    run("ip", "-6", "addr", "add", "fd00:9::1/64", "dev", "e0", "nodad")
    run("ip", "route", "add", "default", "via", "192.0.2.254")
    run("ip", "route", "add", "198.51.100.0/24", "via", "192.0.2.254")
    run("ip", "-6", "route", "add", "fd00:a::/64", "via", "fd00:9::2")
    run("ip", "route", "add", "203.0.113.0/24", "nexthop", "dev", "e0", "nexthop", "dev", "e1")
    run("ip", "route", "add", "10.99.0.0/24", "dev", "e0", "table", "77")
    run("ip", "route", "add", "blackhole", "10.98.0.0/24")
    found = [r for r in kernel.observe().routes if not r.network.is_link_local]
    assert set(found) == {
        HostRoute(net("192.0.2.0/24"), "e0", True),
        HostRoute(net("198.51.100.0/24"), "e0", False),
        HostRoute(net("203.0.113.0/24"), "e0", False),
        HostRoute(net("fd00:9::/64"), "e0", True),
        HostRoute(net("fd00:a::/64"), "e0", False),
    }


def test_a_bare_host(kernel: Kernel) -> None:
    observed = kernel.observe()
    assert list(observed.links) == ["lo"]
    assert observed.routes == ()
    assert kernel.underlay_mtu() == 1500


def test_underlay_mtu(kernel: Kernel) -> None:
    for name, mtu in (("e0", 1400), ("e1", 9000)):
        run("ip", "link", "add", name, "mtu", str(mtu), "type", "veth", "peer", "name", f"{name}x")
        run("ip", "link", "set", name, "up")
        run("ip", "link", "set", f"{name}x", "up")
    assert kernel.underlay_mtu() == 1500, "no default route, and veths are not physical"
    run("ip", "-6", "route", "add", "default", "dev", "e0")
    assert kernel.underlay_mtu() == 1400
    run("ip", "route", "add", "default", "dev", "e1", "metric", "200")
    assert kernel.underlay_mtu() == 9000
    run("ip", "route", "add", "default", "dev", "e0", "metric", "100")
    assert kernel.underlay_mtu() == 1400, "the smaller metric"


def test_every_link_is_seen_while_others_come_and_go(kernel: Kernel) -> None:
    """Such dumps are interrupted; none may lose a link that is there all the time."""
    kernel.ensure_bridge(WEAVE)
    for number in range(200):
        kernel.create_pair(pair(number))
    stop = threading.Event()

    def churn() -> None:
        number = 0
        while not stop.is_set():
            kernel.create_pair(pair(500 + number % 50))
            kernel.doom(pair(500 + number % 50).host_end)
            number += 1

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _ in range(20):
            links = kernel.observe().links
            assert all(pair(n).host_end in links for n in range(200))
            assert links[pair(0).host_end].master == "weave"
    finally:
        stop.set()
        thread.join()


def test_addresses_in_sandboxes(kernel: Kernel, sandbox: Callable[[], Sandbox]) -> None:
    kernel.ensure_bridge(DUAL)
    plugged, legged, empty = sandbox(), sandbox(), sandbox()
    kernel.create_pair(pair(1))
    kernel.create_pair(pair(2))
    plugged.move_in(pair(1).sandbox_end, "ethwe0", "10.32.0.5/16", "fd00:32::5/64")
    kernel.attach(leg(legged.path, "10.32.0.6/16", "10.2.1.9/24"))
    # Somebody else's veth, and one between two sandboxes whose ifindexes may look like ours.
    run("ip", "link", "add", "vethX", "type", "veth", "peer", "name", "vethY")
    empty.move_in("vethY", "eth0", "172.17.0.2/16")
    index = link(pair(2).host_end)["ifindex"]
    legged.run(
        *("ip", "link", "add", "v0", "index", str(index), "type", "veth", "peer", "name", "v1")
    )
    legged.run("ip", "addr", "add", "192.0.2.1/24", "dev", "v1")
    found = {f.host_end: f for f in kernel.sandbox_addresses()}
    assert set(found) == {pair(1).host_end, "vethwepl0000001"}
    one = found[pair(1).host_end]
    assert (one.ifname, one.mac) == ("ethwe0", pair(1).mac)
    assert one.addresses == (iface("10.32.0.5/16"), iface("fd00:32::5/64"))
    assert os.stat(one.netns).st_ino == os.stat(plugged.path).st_ino
    assert found["vethwepl0000001"].addresses == (iface("10.32.0.6/16"), iface("10.2.1.9/24"))
