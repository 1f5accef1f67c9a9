"""A lab: hosts h1..hN on one LAN, 10.99.0.1..N, with the faults that hosts and LANs have.

All hosts live inside one outer pid, mount and net namespace whose network is the LAN bridge; it
has no way to the outside. The cgroup tree and the state directory are found by the lab's name,
so anyone can end a lab whose creator died.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.lab import cgroups as cg
from tests.lab.host import Host, build_image
from tests.lab.leftovers import Trace
from tests.lab.place import NET4, NET6, Place
from tests.lab.process import DETACH, JOIN, LabError, run, until

PREFIX = "weave-lab-"
# On a disk: dockerd's overlay2 works on no overlay.
BASE = Path(os.environ.get("LAB_DIR", "/var/tmp/weave-lab"))
MOST = 250

NFT = """table bridge lab {
    set cut { type ifname . ifname; };
    chain loss { };
    chain forward { type filter hook forward priority 0; iifname . oifname @cut drop; jump loss; };
}"""


class Lab:
    """The lab of this name: made if it is not there, joined if it is."""

    def __init__(self, name: str = "0", base: Path = BASE) -> None:
        self.name = name
        self.top = PREFIX + name
        self.dir = base / name
        self.cgroups = cg.detect()
        self.lan = Place("lan", self.cgroups, f"{self.top}/lan", self.dir / "lan")
        self._hosts: dict[str, Host] = {}
        self._trace = Trace(self.top, self.dir)

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    def own(self) -> None:
        """Note that this process made the lab: `sweep` ends it once the process is gone."""
        self.dir.mkdir(parents=True, exist_ok=True)
        (self.dir / "owner").write_text(f"{os.getpid()} {_born(os.getpid())}")

    # Hosts.

    def up(self, count: int, mtu: int = 1500, dockerd: bool | Sequence[str] = True) -> list[Host]:
        """Hosts h1..hCOUNT, booted where they are not. `dockerd`: False, True, or its flags."""
        self._lan_up(mtu)
        hosts = [self.host(f"h{n}") for n in range(1, count + 1)]
        self._boot(hosts, mtu, dockerd)
        return hosts

    def add(self, mtu: int = 1500, dockerd: bool | Sequence[str] = True) -> Host:
        """One more host, under the lowest name that is free."""
        self._lan_up(mtu)
        taken = {host.name for host in self.hosts}
        host = next(self.host(f"h{n}") for n in range(1, MOST) if f"h{n}" not in taken)
        self._boot([host], mtu, dockerd)
        return host

    def _boot(self, hosts: list[Host], mtu: int, dockerd: bool | Sequence[str]) -> None:
        flags = [] if isinstance(dockerd, bool) else list(dockerd)
        for host in hosts:
            if not host.up:
                host.settings.mtu = mtu
                host.settings.dockerd = None if dockerd is False else flags
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(Host.start, hosts))
        self._trace.note([self.lan, *hosts])

    def host(self, name: str) -> Host:
        """The host of this name, up or not."""
        if name not in self._hosts:
            self._hosts[name] = Host(name, self.lan, self.cgroups, self.top, self.dir)
        return self._hosts[name]

    @property
    def hosts(self) -> list[Host]:
        """All that were booted, those powered off included."""
        names = [n for n in self.cgroups.children(self.top) if n[0] == "h" and n[1:].isdigit()]
        return [self.host(name) for name in sorted(names, key=lambda n: int(n[1:]))]

    def remove(self, host: Host) -> None:
        """Destroy a host and its disk."""
        host.destroy()
        self._hosts.pop(host.name, None)

    def place(self, name: str) -> Place:
        """A host that is up, or `lan`."""
        return self.lan if name == "lan" else self.host(name)

    # The LAN.

    def _lan_up(self, mtu: int) -> None:
        if self.lan.up:
            return
        self.dir.mkdir(parents=True, exist_ok=True)
        self._on_disk()
        self.cgroups.make(self.lan.sub)
        files = [str(f) for f in self.cgroups.first(self.lan.sub)]
        unshare = [
            "unshare",
            "-mnpf",
            "--kill-child",
            "--propagation",
            "private",
            "--mount-proc",
        ]
        pid1 = ["tini", "--", "sleep", "infinity"]
        detach = ["sh", "-c", DETACH, "lab", str(self.dir / "lan.log"), *unshare, *pid1]
        run(
            "sh",
            "-c",
            JOIN,
            "lab",
            len(files),
            *files,
            *detach,
            shown=["start the LAN"],
        )
        until(f"the LAN, see {self.dir}/lan.log", self.lan.find)
        # It forwards but has no route: anything outside is unreachable at once, names included
        # (hosts ask it for DNS, nothing listens; icmp_ratelimit would make that a time-out).
        self.lan.sh(
            f"""ip link set lo up
            sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0
            ip link add lan type bridge forward_delay 0 mcast_snooping 0
            ip link set lan mtu {mtu} address 02:99:00:00:00:fe up
            ip addr add {NET4}.254/24 dev lan; ip addr add {NET6}:fe/64 dev lan nodad
            nft -f -""",
            input=NFT,
        )
        build_image(self.dir)
        self._trace.note([self.lan])

    def _on_disk(self) -> None:
        """Where the directory is on an overlay (a container's own root) use memory instead:
        an overlay cannot be the upper layer of another."""
        if run("stat", "-f", "-c", "%T", self.dir).out == "overlayfs":
            run("mount", "-t", "tmpfs", "-o", "mode=755", "weave-lab", self.dir)

    def partition(self, one: Iterable[Host], two: Iterable[Host] | None = None) -> None:
        """Drop all frames between the two sets, both ways; without the second: from all others."""
        one = list(one)
        others = [h for h in self.hosts if h not in one] if two is None else list(two)
        pairs = ", ".join(f'"{i}" . "{j}"' for i, j in _pairs(one, others))
        self.lan.run("nft", f"add element bridge lab cut {{ {pairs} }}")

    def loss(self, one: Host, two: Host, percent: int) -> None:
        """Drop that share of the frames between two hosts, both ways."""
        for i, j in _pairs([one], [two]):
            rule = f'iifname "{i}" oifname "{j}" numgen random mod 100 <= {percent - 1} drop'
            self.lan.run("nft", f"add rule bridge lab loss {rule}")

    def heal(self) -> None:
        """Undo every partition and loss."""
        self.lan.sh("nft flush set bridge lab cut; nft flush chain bridge lab loss")

    def faults(self) -> list[str]:
        """Partitions and losses in force, a line each direction."""
        listed = self.lan.run("nft", "-j", "list", "table", "bridge", "lab").json()["nftables"]
        cut = next(entry["set"] for entry in listed if "set" in entry).get("elem", [])
        found = ["{} -/-> {}".format(*element["concat"]) for element in cut]
        shown = self.lan.run("nft", "list", "chain", "bridge", "lab", "loss").lines
        return found + [line.strip() for line in shown if "numgen" in line]

    # The end.

    def down(self) -> None:
        """End everything, leave nothing; also when another process made it."""
        if self.cgroups.exists(self.top):
            for host in self.hosts:
                with contextlib.suppress(OSError):
                    host.thaw()
            self.cgroups.kill(self.top)
            self.cgroups.remove(self.top)
        run("umount", self.dir, check=False)
        shutil.rmtree(self.dir, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.dir.parent.rmdir()  # unless another lab lives there
        self._hosts.clear()

    def leftovers(self, timeout: float = 5) -> list[str]:
        """What is left after `down`, one line each; waits while the kernel is still at it."""
        with contextlib.suppress(LabError):
            until("nothing to be left", lambda: not self._leftovers(), timeout)
        return self._leftovers()

    def _leftovers(self) -> list[str]:
        cgroup = [f"cgroup {self.top}"] if self.cgroups.exists(self.top) else []
        return cgroup + self._trace.left()


def _pairs(one: Iterable[Host], two: Iterable[Host]) -> list[tuple[str, str]]:
    two = list(two)
    return [p for i in one for j in two if i != j for p in ((i.name, j.name), (j.name, i.name))]


def _born(pid: int) -> str | None:
    """When the process started: together with the pid it names one process for ever."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    return None


def sweep(base: Path = BASE) -> list[str]:
    """End the labs whose owner died; returns their names."""
    ended = []
    for file in base.glob("*/owner"):
        pid, born = file.read_text().split()
        if _born(int(pid)) != born:
            Lab(file.parent.name, base).down()
            ended.append(file.parent.name)
    return ended
