"""Who reaches whom, by ping and nc between namespaces, with Docker's firewall in place.

Two networks of ours, one internal one, Docker's docker0, and the world outside at 192.0.2.2.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.kernel.host import Sandbox, links, ruleset, run, sysctl
from tests.kernel.samples import DUAL, OTHER, iface, net, pair
from weavecli.dataplane.base import Bridge, Firewall, FirewallNet
from weavecli.dataplane.kernel import Kernel
from weavecli.errors import Forbidden, Internal, Unavailable
from weavecli.model.naming import GATEWAY_MAC

INNER = Bridge("wv-0000000c", GATEWAY_MAC, 1450, (iface("10.34.0.1/16"),))
WEAVE_NET = FirewallNet("weave", (net("10.32.0.0/16"), net("fd00:32::/64")))
OTHER_NET = FirewallNet("wv-0000000b", (net("10.33.0.0/16"),))
INNER_NET = FirewallNet("wv-0000000c", (net("10.34.0.0/16"),), internal=True)
WALL = Firewall((WEAVE_NET, OTHER_NET, INNER_NET))


def docker_firewall() -> None:
    """As Docker 20.10 to 28 leave it."""
    for name in ("iptables", "ip6tables"):
        run(name, "-P", "FORWARD", "DROP")
        run(name, "-N", "DOCKER-USER")
        run(name, "-A", "DOCKER-USER", "-j", "RETURN")
        run(name, "-I", "FORWARD", "-j", "DOCKER-USER")
    sysctl("net/bridge/bridge-nf-call-iptables", 1)
    sysctl("net/bridge/bridge-nf-call-ip6tables", 1)
    run("iptables", "-A", "FORWARD", "-o", "docker0", "-m", "conntrack", "--ctstate",
        "RELATED,ESTABLISHED", "-j", "ACCEPT")
    run("iptables", "-A", "FORWARD", "-i", "docker0", "-j", "ACCEPT")


class Site:
    """The host with its sandboxes, by name."""

    def __init__(self, kernel: Kernel, sandbox: Callable[[], Sandbox]) -> None:
        self.kernel = kernel
        self._sandbox = sandbox
        self._count = 0
        for bridge in (DUAL, OTHER, INNER):
            kernel.ensure_bridge(bridge)
        docker_firewall()
        self.a = self.plug("weave", "10.32.0.5/16", "fd00:32::5/64", route="10.32.0.1")
        self.a2 = self.plug("weave", "10.32.0.6/16", "fd00:32::6/64", route="10.32.0.1")
        self.b = self.plug(OTHER.name, "10.33.0.5/16", route="10.33.0.1")
        self.inner = self.plug(INNER.name, "10.34.0.5/16", route="10.34.0.1")
        self.inner2 = self.plug(INNER.name, "10.34.0.6/16", route="10.34.0.1")
        self.docker = self._docker()
        self.world = self._world()
        kernel.apply_firewall(WALL)

    def plug(self, bridge: str, *ifaces: str, route: str) -> Sandbox:
        self._count += 1
        one = pair(self._count, bridge)
        self.kernel.create_pair(one)
        box = self._sandbox()
        box.move_in(one.sandbox_end, "ethwe0", *ifaces, route=route)
        return box

    def _docker(self) -> Sandbox:
        run("ip", "link", "add", "docker0", "type", "bridge")
        run("ip", "addr", "add", "172.17.0.1/16", "dev", "docker0")
        run("ip", "link", "set", "docker0", "up")
        run("ip", "link", "add", "d0", "type", "veth", "peer", "name", "d1")
        run("ip", "link", "set", "d0", "master", "docker0", "up")
        box = self._sandbox()
        box.move_in("d1", "eth0", "172.17.0.2/16", route="172.17.0.1")
        return box

    def _world(self) -> Sandbox:
        """It has a route back to our networks: only the firewall keeps it out."""
        run("ip", "link", "add", "out0", "type", "veth", "peer", "name", "out1")
        run("ip", "addr", "add", "192.0.2.1/24", "dev", "out0")
        run("ip", "-6", "addr", "add", "2001:db8::1/64", "dev", "out0", "nodad")
        run("ip", "link", "set", "out0", "up")
        box = self._sandbox()
        box.move_in("out1", "eth0", "192.0.2.2/24", "2001:db8::2/64", route="192.0.2.1")
        box.run("ip", "-6", "route", "add", "default", "via", "2001:db8::1")
        for one in (self.a, self.a2):
            one.run("ip", "-6", "route", "add", "default", "via", "fd00:32::1")
        return box


@pytest.fixture
def site(kernel: Kernel, sandbox: Callable[[], Sandbox]) -> Site:
    return Site(kernel, sandbox)


def seen_source(box: Sandbox, target: Sandbox, ip: str, ping: str = "ping") -> str:
    """The source address that pings to `ip` have when they reach `target`."""
    sniff = (
        "import socket,sys\n"
        "s=socket.socket(socket.AF_PACKET,socket.SOCK_DGRAM,socket.htons(0x0003))\n"
        "s.settimeout(3); print(flush=True)\n"
        "while True:\n"
        "    d,a=s.recvfrom(2000)\n"
        "    if a[1]==0x0800 and d[9]==1 and d[(d[0]&15)*4]==8:\n"
        "        print(socket.inet_ntoa(d[12:16])); break\n"
        "    if a[1]==0x86dd and d[6]==58 and d[40]==128:\n"
        "        print(socket.inet_ntop(socket.AF_INET6,d[8:24])); break\n"
    )
    with subprocess.Popen(
        [*target.enter, "python3", "-c", sniff], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        box.reaches(ip)
        return process.stdout.readline().strip()


def tcp(box: Sandbox, ip: str, port: int) -> str:
    """"open", "refused" (it was let through) or "dropped"."""
    probe = (
        "import socket,sys\n"
        f"s=socket.socket(); s.settimeout(0.5)\n"
        f"try: s.connect(('{ip}',{port})); print('open')\n"
        "except ConnectionRefusedError: print('refused')\n"
        "except OSError: print('dropped')\n"
    )
    return box.run("python3", "-c", probe).stdout.strip()


def test_within_a_network(site: Site) -> None:
    """Through Docker's FORWARD policy, which sees bridged frames too."""
    assert site.a.reaches("10.32.0.6")
    assert site.a.reaches("fd00:32::6")
    assert site.inner.reaches("10.34.0.6")
    assert site.a.reaches("10.32.0.1")


def test_without_the_jump_docker_drops_it(site: Site) -> None:
    """The witness that the test above shows something."""
    run("iptables", "-D", "DOCKER-USER", "-j", "WEAVE")
    assert not site.a.reaches("10.32.0.6")
    site.kernel.apply_firewall(WALL)
    assert site.a.reaches("10.32.0.6")


def test_networks_are_apart(site: Site) -> None:
    for box, ip in (
        (site.a, "10.33.0.5"),
        (site.b, "10.32.0.5"),
        (site.a, "10.34.0.5"),
        (site.inner, "10.32.0.5"),
        (site.a, "172.17.0.2"),
        (site.docker, "10.32.0.5"),
        (site.inner, "172.17.0.2"),
        (site.docker, "10.34.0.5"),
    ):
        assert not box.reaches(ip), ip


def test_networks_are_apart_at_l2(site: Site) -> None:
    """An ARP request never shows on another bridge."""
    site.a.run("ip", "route", "add", "10.33.0.0/16", "dev", "ethwe0")
    site.a.reaches("10.33.0.5")
    neighbours = json.loads(site.a.run("ip", "-j", "neigh").stdout)
    found = [n for n in neighbours if n["dst"] == "10.33.0.5"]
    assert all("lladdr" not in n for n in found)


def test_networks_are_apart_without_docker_too(site: Site) -> None:
    for name in ("iptables", "ip6tables"):
        run(name, "-P", "FORWARD", "ACCEPT")
        run(name, "-F")
        run(name, "-X")
    site.kernel.apply_firewall(WALL)
    assert "WEAVE" not in run("iptables", "-S").stdout, "nothing without DOCKER-USER"
    assert site.a.reaches("10.32.0.6")
    assert not site.a.reaches("10.33.0.5")
    assert not site.docker.reaches("10.32.0.5")
    assert not site.world.reaches("10.32.0.5")


def test_out(site: Site) -> None:
    assert site.a.reaches("192.0.2.2")
    assert site.a.reaches("2001:db8::2")
    assert seen_source(site.a, site.world, "192.0.2.2") == "192.0.2.1"
    assert seen_source(site.a, site.world, "2001:db8::2") == "2001:db8::1"
    assert seen_source(site.a, site.a2, "10.32.0.6") == "10.32.0.5", "bridged: untouched"


def test_not_in(site: Site) -> None:
    assert not site.world.reaches("10.32.0.5")
    assert not site.world.reaches("fd00:32::5")
    assert not site.world.reaches("10.34.0.5")


def test_internal_means_no_way_out(site: Site) -> None:
    assert not site.inner.reaches("192.0.2.2")
    assert site.inner.reaches("10.34.0.1"), "the host answers pings"


def test_the_host_reaches_all(site: Site) -> None:
    for ip in ("10.32.0.5", "10.33.0.5", "10.34.0.5"):
        assert run("ping", "-c1", "-W1", ip, check=False).returncode == 0, ip


def test_internal_containers_see_only_dns_of_the_host(site: Site) -> None:
    assert tcp(site.inner, "10.34.0.1", 22) == "dropped"
    assert tcp(site.inner, "10.34.0.1", 53) == "refused"
    assert tcp(site.a, "10.32.0.1", 22) == "refused"


@pytest.mark.parametrize("port", [6783, 6785, 6786])
def test_containers_do_not_reach_the_control_plane(site: Site, port: int) -> None:
    assert tcp(site.a, "10.32.0.1", port) == "dropped"
    assert tcp(site.a, "192.0.2.1", port) == "dropped", "by any address of the host"
    assert tcp(site.docker, "172.17.0.1", port) == "dropped"
    assert tcp(site.world, "192.0.2.1", port) == "refused"


def test_exposed(site: Site) -> None:
    exposed = replace(WEAVE_NET, exposed=WEAVE_NET.subnets)
    site.kernel.apply_firewall(Firewall((exposed, OTHER_NET, INNER_NET)))
    assert site.world.reaches("10.32.0.5")
    assert site.world.reaches("fd00:32::5")
    assert seen_source(site.world, site.a, "10.32.0.5") == "192.0.2.2"
    assert not site.world.reaches("10.33.0.5")
    assert not site.b.reaches("10.32.0.5"), "networks stay apart"
    assert not site.docker.reaches("10.32.0.5")
    site.kernel.apply_firewall(WALL)
    assert not site.world.reaches("10.32.0.5"), "hidden again"


def test_masqueraded(site: Site) -> None:
    exposed = replace(WEAVE_NET, exposed=WEAVE_NET.subnets, masqueraded=WEAVE_NET.subnets)
    site.kernel.apply_firewall(Firewall((exposed, OTHER_NET, INNER_NET)))
    assert seen_source(site.world, site.a, "10.32.0.5") == "10.32.0.1"
    assert seen_source(site.world, site.a, "fd00:32::5") == "fd00:32::1"
    assert seen_source(site.a2, site.a, "10.32.0.5") == "10.32.0.6"


def test_a_network_of_docker_joins_the_foreign(site: Site) -> None:
    """A bridge that nobody told us of: replies to it may pass, until it is named."""
    site.kernel.apply_firewall(Firewall(WALL.nets, (*WALL.foreign, "out0")))
    assert not site.a.reaches("192.0.2.2")


def test_rules_may_stand_before_the_bridge(site: Site) -> None:
    late = replace(OTHER, name="wv-0000000d", addresses=(iface("10.35.0.1/16"),))
    wall = Firewall((*WALL.nets, FirewallNet(late.name, (net("10.35.0.0/16"),))))
    site.kernel.apply_firewall(wall)
    site.kernel.ensure_bridge(late)
    box = site.plug(late.name, "10.35.0.5/16", route="10.35.0.1")
    assert box.reaches("192.0.2.2")
    assert not box.reaches("10.32.0.5")


# -- problems


def test_problems_name_what_is_wrong(site: Site) -> None:
    assert site.kernel.firewall_problems(WALL) == []
    run("nft", "flush", "chain", "inet", "weave", "forward")
    assert site.kernel.firewall_problems(WALL) == [
        "nftables chain forward has other rules than ours"
    ]
    run("nft", "flush", "ruleset")
    assert site.kernel.firewall_problems(WALL) == ["nftables table inet weave is missing"]
    docker_firewall()
    assert site.kernel.firewall_problems(WALL) == [
        "nftables table inet weave is missing",
        "iptables: chain WEAVE is missing",
        "ip6tables: chain WEAVE is missing",
    ]
    site.kernel.apply_firewall(WALL)
    assert site.kernel.firewall_problems(WALL) == []
    changed = Firewall(WALL.nets[:2])
    assert any("set internal differs" in p for p in site.kernel.firewall_problems(changed))


def test_an_element_more_or_less(kernel: Kernel) -> None:
    kernel.apply_firewall(WALL)
    run("nft", "add", "element", "inet", "weave", "exposed4", "{ 10.32.7.7 }")
    assert kernel.firewall_problems(WALL) == [
        "nftables set exposed4 differs from what it should hold"
    ]
    run("nft", "delete", "element", "inet", "weave", "exposed4", "{ 10.32.7.7 }")
    run("nft", "delete", "element", "inet", "weave", "ours", '{ "weave" }')
    assert kernel.firewall_problems(WALL) == ["nftables set ours differs from what it should hold"]


def test_two_hundred_networks(kernel: Kernel) -> None:
    nets = tuple(
        FirewallNet(f"wv-{n:08x}", (net(f"10.48.{n}.0/24"), net(f"fd00:{n:x}::/64")), n % 5 == 0)
        for n in range(200)
    )
    wall = Firewall((WEAVE_NET, *nets))
    kernel.apply_firewall(wall)
    assert kernel.firewall_problems(wall) == []
    rules = [one for one in ruleset() if "rule" in one]
    assert len(rules) < 40, "elements of sets, not rules"
    start = time.monotonic()
    kernel.firewall_problems(wall)
    assert time.monotonic() - start < 0.2, "20 ms on an idle machine"


def test_subnets_of_subnets_and_neighbours(kernel: Kernel) -> None:
    """Intervals that overlap are an error to nft; such that touch it may list as one."""
    nested = FirewallNet(
        "weave",
        (net("10.32.0.0/12"), net("10.32.5.0/24"), net("10.2.1.0/24"), net("10.2.2.0/24")),
        exposed=(net("10.2.1.0/24"), net("10.2.2.0/24"), net("10.9.9.9/32"), net("fd00::9/128")),
    )
    wall = Firewall((nested,))
    kernel.apply_firewall(wall)
    assert kernel.firewall_problems(wall) == []


def test_no_networks_at_all(kernel: Kernel) -> None:
    kernel.apply_firewall(Firewall((), ()))
    assert kernel.firewall_problems(Firewall((), ())) == []


def test_a_packet_never_sees_half_of_it(site: Site) -> None:
    """Pings go on while the table is replaced again and again; none gets through or lost."""
    ping = subprocess.Popen(
        [*site.a.enter, "ping", "-i0.002", "-c400", "-W1", "10.32.0.6"],
        stdout=subprocess.PIPE, text=True,
    )
    leak = subprocess.Popen(
        [*site.b.enter, "ping", "-i0.002", "-c400", "-W1", "10.32.0.6"],
        stdout=subprocess.PIPE, text=True,
    )
    while ping.poll() is None:
        site.kernel.apply_firewall(WALL)
    assert ", 0% packet loss" in ping.communicate()[0]
    assert " 0 received" in leak.communicate()[0]


# -- DOCKER-USER


def user_rules(name: str = "iptables") -> list[str]:
    return [
        line.removeprefix("-A DOCKER-USER ")
        for line in run(name, "-S", "DOCKER-USER").stdout.splitlines()
        if line.startswith("-A")
    ]


def test_the_jump_is_behind_the_users_rules(kernel: Kernel) -> None:
    docker_firewall()
    run("iptables", "-I", "DOCKER-USER", "-s", "10.32.0.66/32", "-j", "DROP")
    for _ in range(3):
        kernel.apply_firewall(WALL)
    assert user_rules() == ["-s 10.32.0.66/32 -j DROP", "-j WEAVE", "-j RETURN"]
    assert user_rules("ip6tables") == ["-j WEAVE", "-j RETURN"]
    chain = run("iptables", "-S", "WEAVE").stdout.splitlines()
    assert chain == [
        "-N WEAVE",
        "-A WEAVE -i weave -j ACCEPT",
        "-A WEAVE -o weave -j ACCEPT",
        "-A WEAVE -i wv-+ -j ACCEPT",
        "-A WEAVE -o wv-+ -j ACCEPT",
    ]


def test_a_jump_that_got_out_of_place_is_moved(kernel: Kernel) -> None:
    docker_firewall()
    kernel.apply_firewall(WALL)
    run("iptables", "-I", "DOCKER-USER", "-j", "WEAVE")
    run("iptables", "-I", "DOCKER-USER", "2", "-s", "10.32.0.66/32", "-j", "DROP")
    assert kernel.firewall_problems(WALL) == [
        "iptables: the jump to WEAVE is not behind the other rules of DOCKER-USER"
    ]
    kernel.apply_firewall(WALL)
    assert user_rules() == ["-s 10.32.0.66/32 -j DROP", "-j WEAVE", "-j RETURN"]


def test_docker_28_has_no_return(kernel: Kernel) -> None:
    run("iptables", "-N", "DOCKER-USER")
    run("iptables", "-A", "DOCKER-USER", "-s", "10.32.0.66/32", "-j", "DROP")
    kernel.apply_firewall(WALL)
    assert user_rules() == ["-s 10.32.0.66/32 -j DROP", "-j WEAVE"]


def test_a_user_can_still_block(site: Site) -> None:
    assert site.a.reaches("192.0.2.2")
    run("iptables", "-I", "DOCKER-USER", "-s", "10.32.0.5/32", "-j", "DROP")
    site.kernel.apply_firewall(WALL)
    assert not site.a.reaches("192.0.2.2")


# -- failure and the end


def test_without_nft(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weavecli.dataplane.tool.environment", lambda: {"PATH": "/nowhere"})
    with pytest.raises(Unavailable, match="nft is missing; install the package nftables"):
        kernel.apply_firewall(WALL)


def test_what_nft_refuses_changes_nothing(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel.apply_firewall(WALL)
    with monkeypatch.context() as patch:
        patch.setattr("weavecli.dataplane.nft.render", lambda wall: "table inet weave { nonsense }")
        with pytest.raises(Internal, match=r"nftables table inet weave: .*syntax error"):
            kernel.apply_firewall(Firewall())
    assert kernel.firewall_problems(WALL) == []


def test_without_permission(kernel: Kernel) -> None:
    probe = run(
        *("setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin", "--"),
        *("nft", "-f", "-"), text="table inet x {}", check=False,
    )
    assert probe.returncode, "the witness: nft fails without the capability"
    from weavecli.dataplane import tool

    assert isinstance(tool.failure(probe, "nftables"), Forbidden)


def test_delete_everything(site: Site) -> None:
    """All of ours, and nothing else."""
    run("ip", "link", "add", "wv-notours", "type", "veth", "peer", "name", "vethwx")
    before = set(links()) - set(links("vethwl")) - {"weave", "wv-0000000b", "wv-0000000c"}
    removed = site.kernel.delete_everything()
    assert set(links()) == before
    assert {"weave", "wv-0000000b", "wv-0000000c", "vethwl000000001"} <= set(removed)
    assert {"nftables table inet weave", "iptables chain WEAVE", "ip6tables chain WEAVE"} <= set(
        removed
    )
    assert user_rules() == ["-j RETURN"]
    assert "WEAVE" not in run("iptables", "-S").stdout
    assert not any(one.get("table", {}).get("name") == "weave" for one in ruleset())
    assert site.kernel.delete_everything() == []


def test_delete_everything_goes_on_after_an_error(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bool:
        raise Internal("nft is in a bad mood")

    monkeypatch.setattr("weavecli.dataplane.nft.delete", fail)
    with pytest.raises(Internal, match=r"not everything .*bad mood.*removed: .*weave"):
        site.kernel.delete_everything()
    assert links("weave") == []
    assert "WEAVE" not in run("iptables", "-S").stdout
