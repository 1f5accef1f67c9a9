"""Bridges as `ip -j` sees them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.kernel.host import Sandbox, addresses, link, links, ports, run, sysctl
from tests.kernel.samples import DUAL, WEAVE, iface, pair
from weavecli.dataplane.kernel import Kernel
from weavecli.errors import Conflict, NotFound, Unavailable

HAS = ["10.32.0.1/16", "fd00:32::1/64", "fe80::1/64"]


def test_made_as_wanted(kernel: Kernel) -> None:
    kernel.ensure_bridge(DUAL)
    made = link("weave")
    assert made["linkinfo"]["info_kind"] == "bridge"
    assert made["address"] == DUAL.mac
    assert made["mtu"] == 1450
    assert "UP" in made["flags"]
    assert made["linkinfo"]["info_data"]["stp_state"] == 0
    assert made["linkinfo"]["info_data"]["forward_delay"] == 0
    assert addresses("weave") == HAS, "and no link-local one of the kernel's"


def test_the_v6_address_is_usable_at_once(kernel: Kernel) -> None:
    kernel.ensure_bridge(DUAL)
    flags = [a for a in link("weave")["addr_info"] if a["family"] == "inet6"]
    assert not any(a.get("tentative") for a in flags)
    assert run("ping", "-6", "-c1", "-W1", "fd00:32::1").returncode == 0


def test_again_changes_nothing(kernel: Kernel) -> None:
    kernel.ensure_bridge(DUAL)
    before = link("weave")
    kernel.ensure_bridge(DUAL)
    after = link("weave")
    for found in (before, after):
        found["linkinfo"]["info_data"].pop("gc_timer")
    assert after == before


def test_mends_all_that_differs(kernel: Kernel) -> None:
    kernel.ensure_bridge(DUAL)
    run("ip", "link", "set", "weave", "down")
    run("ip", "link", "set", "weave", "address", "02:00:00:00:00:09", "mtu", "1300")
    run("ip", "addr", "flush", "dev", "weave")
    run("ip", "addr", "add", "192.0.2.9/24", "dev", "weave")
    kernel.ensure_bridge(DUAL)
    assert (link("weave")["address"], link("weave")["mtu"]) == (DUAL.mac, 1450)
    assert addresses("weave") == HAS
    assert "UP" in link("weave")["flags"]


def test_another_link_local_address_is_taken_away(kernel: Kernel) -> None:
    run("ip", "link", "add", "weave", "up", "type", "bridge")
    run("ip", "addr", "add", "fe80::9/64", "dev", "weave", "nodad")
    kernel.ensure_bridge(DUAL)
    assert addresses("weave") == HAS


def test_removing_a_primary_address_keeps_the_others_of_its_subnet(kernel: Kernel) -> None:
    exposed = iface("10.32.0.5/16")
    kernel.ensure_bridge(replace(WEAVE, addresses=(*WEAVE.addresses, exposed)))
    kernel.ensure_bridge(replace(WEAVE, addresses=(exposed,)))
    assert addresses("weave") == ["10.32.0.5/16"]


@pytest.mark.parametrize("mtu", [1450, 1500, 9000])
def test_mac_and_mtu_do_not_change_with_the_ports(kernel: Kernel, mtu: int) -> None:
    kernel.ensure_bridge(replace(WEAVE, mtu=mtu))
    run("ip", "link", "add", "p0", "address", "00:00:00:00:00:01", "mtu", "1300", "type", "ifb")
    run("ip", "link", "set", "p0", "master", "weave", "up")
    assert (link("weave")["mtu"], link("weave")["address"]) == (mtu, WEAVE.mac)


def test_no_router_may_address_it(kernel: Kernel) -> None:
    kernel.ensure_bridge(DUAL)
    conf = "net/ipv6/conf/weave"
    assert sysctl(f"{conf}/accept_ra") == "0"
    assert sysctl(f"{conf}/autoconf") == "0"
    assert sysctl(f"{conf}/addr_gen_mode") == "1"


def test_ipv6_works_on_a_host_whose_default_is_off(kernel: Kernel) -> None:
    sysctl("net/ipv6/conf/default/disable_ipv6", 1)
    kernel.ensure_bridge(DUAL)
    assert sysctl("net/ipv6/conf/weave/disable_ipv6") == "0"
    assert "fd00:32::1/64" in addresses("weave")


def test_without_a_v6_address_that_default_stands(kernel: Kernel) -> None:
    sysctl("net/ipv6/conf/default/disable_ipv6", 1)
    kernel.ensure_bridge(WEAVE)
    assert sysctl("net/ipv6/conf/weave/disable_ipv6") == "1"
    assert sysctl("net/ipv6/conf/all/forwarding") == "0"


def test_forwarding(kernel: Kernel) -> None:
    sysctl("net/ipv4/ip_forward", 0)
    kernel.ensure_bridge(WEAVE)
    assert sysctl("net/ipv4/ip_forward") == "1"
    kernel.ensure_bridge(DUAL)
    assert sysctl("net/ipv6/conf/all/forwarding") == "1"


def test_the_host_keeps_its_advertised_routes(kernel: Kernel) -> None:
    """A forwarding host ignores advertisements where accept_ra is 1."""
    for name, value in (("e0", 1), ("e1", 0), ("e2", 2)):
        run("ip", "link", "add", name, "up", "type", "ifb")
        sysctl(f"net/ipv6/conf/{name}/accept_ra", value)
    kernel.ensure_bridge(DUAL)
    found = [sysctl(f"net/ipv6/conf/{name}/accept_ra") for name in ("e0", "e1", "e2")]
    assert found == ["2", "0", "2"]


def test_bridge_netfilter_is_left_alone(kernel: Kernel) -> None:
    before = sysctl("net/bridge/bridge-nf-call-iptables")
    kernel.ensure_bridge(DUAL)
    assert sysctl("net/bridge/bridge-nf-call-iptables") == before


def test_a_name_that_is_taken(kernel: Kernel) -> None:
    run("ip", "link", "add", "weave", "type", "ifb")
    with pytest.raises(Conflict, match="weave exists and is of type ifb, no bridge"):
        kernel.ensure_bridge(WEAVE)
    with pytest.raises(Conflict, match="weave exists"):
        kernel.delete_bridge("weave")
    assert link("weave")["linkinfo"]["info_kind"] == "ifb"


def test_a_kernel_without_ipv6(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weavecli.dataplane.sysctl.has_ipv6", lambda: False)
    with pytest.raises(Unavailable, match=r"ipv6\.disable=1"):
        kernel.ensure_bridge(DUAL)
    kernel.ensure_bridge(WEAVE)
    assert addresses("weave")[0] == "10.32.0.1/16"


def test_delete(kernel: Kernel) -> None:
    kernel.ensure_bridge(WEAVE)
    kernel.create_pair(pair(1))
    kernel.delete_bridge("weave")
    assert links("weave") == []
    assert links("vethwl"), "ports stay"
    kernel.delete_bridge("weave")


def test_ensure_port(kernel: Kernel) -> None:
    kernel.ensure_bridge(WEAVE)
    kernel.create_pair(pair(1))
    host_end = pair(1).host_end
    run("ip", "link", "set", host_end, "nomaster", "down")
    kernel.ensure_port(host_end, "weave")
    assert ports("weave") == [host_end]
    assert "UP" in link(host_end)["flags"]
    with pytest.raises(NotFound, match="vethwl9"):
        kernel.ensure_port("vethwl9", "weave")
    with pytest.raises(NotFound, match="bridge wv-9"):
        kernel.ensure_port(host_end, "wv-9")
    run("ip", "link", "add", "d0", "type", "ifb")
    with pytest.raises(Conflict, match="d0 exists and is of type ifb"):
        kernel.ensure_port(host_end, "d0")


def test_a_port_that_waited_for_deletion_is_safe(
    kernel: Kernel, sandbox: Callable[[], Sandbox]
) -> None:
    """A daemon that died between marking a link and deleting its group left the mark."""
    kernel.ensure_bridge(WEAVE)
    kernel.create_pair(pair(1))
    run("ip", "link", "set", pair(1).host_end, "group", str(0x77656176))
    kernel.ensure_port(pair(1).host_end, "weave")
    for number in range(2, 20):
        kernel.create_pair(pair(number))
    for number in range(2, 20):
        kernel.doom(pair(number).host_end)
    assert kernel.flush_doomed(5)
    assert links("vethwl") == [pair(1).host_end]
