"""A plain Docker host: mount, net, pid, uts, ipc and cgroup namespaces with tini as pid 1.

/var/lib/{docker,weave,etcd,containerd}, /var/log and changes to /etc survive a power-off; /run
does not. /tmp, /usr and /dev are the machine's.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.lab import boot, image
from tests.lab.cgroups import Cgroups
from tests.lab.dockerd import Dockerd
from tests.lab.place import NET4, NET6, Place
from tests.lab.process import DETACH, JOIN, Result, run, until

# A kernel that has been a Docker host for a while: dockerd sets the policy of FORWARD to DROP,
# but only when it turns IPv4 forwarding on itself, and loading br_netfilter makes bridged
# frames pass iptables too. A host that does not show both would let through what others drop.
AS_DOCKER_LEAVES_IT = """
    sysctl -qw net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1 \
        net.bridge.bridge-nf-call-ip6tables=1 2>/dev/null || sysctl -qw net.ipv4.ip_forward=1
    iptables -w -P FORWARD DROP"""


@dataclass
class Settings:
    """What a boot needs to know; kept on disk, so that anyone can boot the host again."""

    mtu: int = 1500
    dockerd: list[str] | None = field(default_factory=list)
    boot: list[list[str]] = field(default_factory=list)
    boot_after: list[list[str]] = field(default_factory=list)


class Host(Place):
    """One host of a lab. `boot` and `boot_after` are commands that each boot starts, detached,
    before or after dockerd, as an init system would; they log to /var/log/boot.log."""

    namespaces = ("-m", "-n", "-p", "-u", "-i", "-C")
    level = 2

    def __init__(self, name: str, lan: Place, cgroups: Cgroups, top: str, base: Path) -> None:
        super().__init__(name, cgroups, f"{top}/{name}", base / name)
        self.lan = lan
        self.number = int(name[1:])
        self.ip = f"{NET4}.{self.number}"
        self.ip6 = f"{NET6}:{self.number}"
        self._dockerd = Dockerd(self)
        self.settings = self._read()
        self.storage_driver = "overlay2"

    def _read(self) -> Settings:
        file = self.dir / "host.json"
        return Settings(**json.loads(file.read_text())) if file.exists() else Settings()

    def _write(self) -> None:
        self.dir.mkdir(parents=True, exist_ok=True)
        (self.dir / "host.json").write_text(json.dumps(asdict(self.settings)))

    @property
    def boot(self) -> list[list[str]]:
        return self.settings.boot

    @boot.setter
    def boot(self, commands: list[list[str]]) -> None:
        self.settings.boot = commands
        self._write()

    @property
    def boot_after(self) -> list[list[str]]:
        return self.settings.boot_after

    @boot_after.setter
    def boot_after(self, commands: list[list[str]]) -> None:
        self.settings.boot_after = commands
        self._write()

    # Power.

    def start(self, wait: bool = True) -> Host:
        """Boot: LAN port, `boot`, dockerd, `boot_after`. With `wait`, until dockerd answers."""
        if self.up:
            return self
        self._write()
        self._namespaces()
        self._port()
        self.sh(AS_DOCKER_LEAVES_IT)
        self._detach_all(self.boot)
        if self.settings.dockerd is not None:
            self.dockerd_start(wait=wait)
        self._detach_all(self.boot_after)
        return self

    def _namespaces(self) -> None:
        what = {
            "name": self.name,
            "dir": str(self.dir),
            "net4": NET4,
            "net6": NET6,
            "cgroups": self.cgroups.mounts(),
        }
        self.cgroups.make(self.sub)
        files = [str(f) for f in self.cgroups.first(self.sub)]
        unshare = [
            "unshare",
            "-mnpuiCf",
            "--kill-child",
            "--propagation",
            "private",
            "--",
        ]
        pid1 = [sys.executable, boot.__file__, json.dumps(what)]
        lan = ["nsenter", "-t", str(self.lan.pid), *self.lan.namespaces, "--"]
        log = self.dir / "init.log"
        detach = ["sh", "-c", DETACH, "lab", str(log), *unshare, *pid1]
        run(
            "sh",
            "-c",
            JOIN,
            "lab",
            len(files),
            *files,
            *lan,
            *detach,
            shown=["boot", self.name],
        )
        until(f"{self.name} to boot, see {log}", self.find)
        self.cgroups.settle(self.sub)

    def _port(self) -> None:
        """The same MAC at each boot, as a network card has: others remember it for a while."""
        name, mtu = self.name, self.settings.mtu
        mac = f"02:99:00:00:00:{self.number:02x}"
        veth = f"mtu {mtu} type veth peer name eth0 mtu {mtu} address {mac} netns {self.pid}"
        # In the LAN's netns, but with this process's view of pids: `netns` takes a pid.
        lan = ("nsenter", "-t", self.lan.pid, "-n")
        run(*lan, "sh", "-ec", f"ip link add {name} {veth}; ip link set {name} master lan up")
        self.sh(f"""ip link set lo up; ip link set eth0 up
            ip addr add {self.ip}/24 dev eth0; ip addr add {self.ip6}/64 dev eth0 nodad
            ip route add default via {NET4}.254""")

    def _detach_all(self, commands: Sequence[Sequence[str]]) -> None:
        for command in commands:
            self.detach(*command, log="/var/log/boot.log")

    def kill(self) -> None:
        """Pull the plug. The LAN port goes down first: the kernel would send FIN and RST for
        the dying processes, and peers of a real power cut hear nothing."""
        self.lan.run("ip", "link", "set", self.name, "down", check=False)
        self.cgroups.kill(self.sub)
        self.lan.run("ip", "link", "del", self.name, check=False)

    def freeze(self) -> None:
        """Hang, dockerd and containers and all; the network stack still answers pings."""
        self.cgroups.freeze(self.sub, True)

    def thaw(self) -> None:
        self.cgroups.freeze(self.sub, False)

    @property
    def frozen(self) -> bool:
        return self.cgroups.frozen(self.sub)

    def destroy(self) -> None:
        """Kill it and forget its disk."""
        self.kill()
        self.cgroups.remove(self.sub)
        shutil.rmtree(self.dir, ignore_errors=True)

    # Docker.

    def dockerd_start(self, *flags: str, wait: bool = True, timeout: float = 120) -> None:
        """With the flags given, else with those of the last time."""
        if flags:
            self.settings.dockerd = list(flags)
            self._write()
        self._dockerd.start(self.settings.dockerd or [], wait, timeout)
        if wait and not self.docker("images", "-q", "bb").out:
            self.docker("load", "-qi", self.image())

    def dockerd_stop(self, timeout: float = 120) -> None:
        self._dockerd.stop(timeout)

    def dockerd_kill(self) -> None:
        """SIGKILL. Containers go on; without --live-restore the next start ends them."""
        self._dockerd.kill()

    def dockerd_restart(self, *flags: str, timeout: float = 120) -> None:
        self.dockerd_stop(timeout)
        self.dockerd_start(*flags, timeout=timeout)

    @property
    def dockerd_pid(self) -> int | None:
        """The pid it has in the host."""
        return self._dockerd.pid

    @property
    def dockerd_answers(self) -> bool:
        return self._dockerd.answers()

    @property
    def dockerd_log(self) -> str:
        return (self.dir / "log/dockerd.log").read_text(errors="replace")

    def daemon_json(self, **settings: Any) -> None:
        """Write /etc/docker/daemon.json (dockerd reads it at its next start)."""
        self.path("/etc/docker/daemon.json").write_text(json.dumps(settings))

    def image(self) -> Path:
        """The archive of image bb, shared by the hosts of a lab."""
        return self.dir.parent / "bb.tar"

    def docker(self, *args: object, **options: Any) -> Result:
        return self.run("docker", *args, **options)

    def inspect(self, name: str) -> dict[str, Any]:
        """`docker inspect` of one object."""
        found: dict[str, Any] = self.docker("inspect", name).json()[0]
        return found

    def container_pid(self, name: str) -> int:
        """The pid of its first process, inside the host."""
        return int(self.docker("inspect", "-f", "{{.State.Pid}}", name).out)

    def container(self, name: str, *cmd: object, **options: Any) -> Result:
        """Run a tool of the host in the container's netns: 10 times cheaper than docker exec,
        and the container needs no tools."""
        return self.run("nsenter", "-t", self.container_pid(name), "-n", "--", *cmd, **options)

    # The product.

    def weave(self, *args: object, **options: Any) -> Result:
        """The `weave` that belongs to the Python these tests run with."""
        return self.run(*weave_command("weave"), *args, **options)

    def signal(self, pid: int, number: int) -> None:
        """Signal a process by the pid it has in the host."""
        self.run("kill", f"-{int(number)}", pid)

    def pids(self, name: str) -> list[int]:
        """Processes of the host (its containers too) with this name or title, by its pids."""
        return [int(pid) for pid in self.run("pgrep", "-x", name, check=False).stdout.split()]

    def links(self, pattern: str = "") -> list[str]:
        """Names of the links in the host's netns that begin with `pattern`."""
        found = self.run("ip", "-j", "link", "show").json()
        return [link["ifname"] for link in found if link.get("ifname", "").startswith(pattern)]

    def until(self, what: str, test: Callable[[], Any], timeout: float = 20) -> Any:
        return until(f"{self.name}: {what}", test, timeout)


def weave_command(name: str) -> list[str]:
    """`weave` or `weaved` as installed beside this Python, else straight from the checkout."""
    installed = Path(sys.executable).parent / name
    if installed.exists():
        return [str(installed)]
    module = {"weave": "weavecli.cli.main", "weaved": "weavecli.daemon.main"}[name]
    checkout = Path(__file__).resolve().parents[2]
    code = f"import sys; sys.path.insert(0, {str(checkout)!r}); from {module} import main"
    return [sys.executable, "-c", f"{code}; sys.argv[0] = {name!r}; sys.exit(main())"]


def build_image(base: Path) -> None:
    tar = base / "bb.tar"
    if not tar.exists():
        image.build(tar)
