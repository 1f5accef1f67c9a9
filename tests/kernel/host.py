"""A host in a network namespace of its own, sandboxes in theirs, and independent witnesses.

The calling thread (pytest's main one) moves into a fresh namespace and back, so every thread,
socket and process a test starts lives there and the machine's own network is never touched.
Nothing here imports the code under test.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


@contextmanager
def fresh_namespace() -> Iterator[None]:
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if LIBC.unshare(CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWNET)")
        try:
            run("ip", "link", "set", "lo", "up")
            yield
        finally:
            if LIBC.setns(home, CLONE_NEWNET) != 0:
                os._exit(70)  # never go on in a namespace that is not the machine's
    finally:
        os.close(home)


def run(*argv: str, check: bool = True, text: str = "") -> subprocess.CompletedProcess[str]:
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=60, check=False)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(argv)}: {done.stderr.strip() or done.stdout.strip()}")
    return done


def sysctl(name: str, value: int | None = None) -> str:
    """/proc/sys of the namespace we are in; `name` is `net/ipv4/ip_forward`."""
    path = f"/proc/sys/{name}"
    if value is not None:
        with open(path, "w") as f:
            f.write(str(value))
    with open(path) as f:
        return f.read().strip()


def link(name: str, inside: Sequence[str] = ()) -> dict[str, Any]:
    """`ip -j -d link show`, or {} when there is none."""
    done = run(*inside, "ip", "-j", "-d", "addr", "show", "dev", name, check=False)
    found = json.loads(done.stdout) if done.returncode == 0 and done.stdout.strip() else []
    return found[0] if found else {}


def links(prefix: str = "") -> list[str]:
    found = json.loads(run("ip", "-j", "link", "show").stdout or "[]")
    return sorted(one["ifname"] for one in found if one["ifname"].startswith(prefix))


def addresses(name: str, inside: Sequence[str] = ()) -> list[str]:
    return [
        f"{a['local']}/{a['prefixlen']}"
        for a in link(name, inside).get("addr_info", ())
        if "local" in a
    ]


def ports(bridge: str) -> list[str]:
    """`bridge -j link`: who is on the bridge."""
    found = json.loads(run("bridge", "-j", "link", "show").stdout or "[]")
    return sorted(one["ifname"] for one in found if one.get("master") == bridge)


def ruleset() -> list[dict[str, Any]]:
    return json.loads(run("nft", "-j", "list", "ruleset").stdout)["nftables"]


def eventually(what: Callable[[], bool], seconds: float = 3.0) -> bool:
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


class Sandbox:
    """A namespace as a container has one: a process lives in it."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            ["unshare", "-n", "sh", "-c", "ip link set lo up; echo; exec sleep 3600"],
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        self.process.stdout.readline()
        self.path = f"/proc/{self.process.pid}/ns/net"
        self.enter = ["nsenter", f"--net={self.path}"]

    def run(self, *argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return run(*self.enter, *argv, check=check)

    def link(self, name: str) -> dict[str, Any]:
        return link(name, self.enter)

    def addresses(self, name: str) -> list[str]:
        return addresses(name, self.enter)

    def move_in(self, sandbox_end: str, ifname: str, *ifaces: str, route: str = "") -> None:
        """As libnetwork does after Join."""
        run("ip", "link", "set", sandbox_end, "netns", str(self.process.pid))
        self.run("ip", "link", "set", sandbox_end, "name", ifname)
        for iface in ifaces:
            family = ["-6"] if ":" in iface else []
            nodad = ["nodad"] if family else []
            self.run("ip", *family, "addr", "add", iface, "dev", ifname, *nodad)
        self.run("ip", "link", "set", ifname, "up")
        if route:
            self.run("ip", "route", "add", "default", "via", route)

    def move_out(self, ifname: str, sandbox_end: str) -> None:
        """As libnetwork does at Leave."""
        self.run("ip", "link", "set", ifname, "down")
        self.run("ip", "link", "set", ifname, "name", sandbox_end)
        self.run("ip", "link", "set", sandbox_end, "netns", str(os.getpid()))

    def reaches(self, ip: str, seconds: int = 1) -> bool:
        return self.run("ping", "-c1", f"-W{seconds}", ip, check=False).returncode == 0

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
