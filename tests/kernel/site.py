"""A host with two networks of ours, an internal one, Docker's docker0 and the world at 192.0.2.2,
behind Docker's firewall; and probes that tell who reaches whom."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from tests.kernel.host import Sandbox, run, sysctl
from tests.kernel.samples import DUAL, OTHER, iface, net, pair
from weavecli.dataplane.base import Bridge, Firewall, FirewallNet
from weavecli.dataplane.kernel import Kernel
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
    run(
        "iptables",
        "-A",
        "FORWARD",
        "-o",
        "docker0",
        "-m",
        "conntrack",
        "--ctstate",
        "RELATED,ESTABLISHED",
        "-j",
        "ACCEPT",
    )
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
    """ "open", "refused" (it was let through) or "dropped"."""
    probe = (
        "import socket,sys\n"
        f"s=socket.socket(); s.settimeout(0.5)\n"
        f"try: s.connect(('{ip}',{port})); print('open')\n"
        "except ConnectionRefusedError: print('refused')\n"
        "except OSError: print('dropped')\n"
    )
    return box.run("python3", "-c", probe).stdout.strip()
