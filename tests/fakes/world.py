"""The world of FakeDataplane: links and sandboxes in memory, and what others do to them."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import Any

from weavecli.dataplane.base import Firewall, HostRoute
from weavecli.errors import NotFound
from weavecli.model.address import IPIface

HOST_INODE = 4026531840


@dataclass
class FakeLink:
    """One link. `netns` is "" in the host, else a sandbox's path; `peer` is the other end."""

    name: str
    kind: str
    mac: str = ""
    mtu: int = 1500
    up: bool = False
    master: str = ""
    netns: str = ""
    peer: FakeLink | None = field(default=None, repr=False)
    addresses: tuple[IPIface, ...] = ()
    multicast_route: bool = False


class World:
    """A host with one network interface, eth0. Doomed links stay in `doomed_names` until
    `flush_doomed`, as long as `lazy` is set; else they are gone at once."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.fail_next: dict[str, Exception] = {}
        self.links: dict[str, FakeLink] = {
            "eth0": FakeLink("eth0", "", "02:fc:00:00:00:01", 1500, True)
        }
        """Links of the host, by name."""
        self.netns: dict[str, int] = {}
        """Inodes by path."""
        self.sandboxes: dict[int, dict[str, FakeLink]] = {}
        """Links of a sandbox, by inode and name."""
        self.doomed_names: set[str] = set()
        self.lazy = False
        self.routes: list[HostRoute] = []
        self.firewall: Firewall | None = None
        self.announced: list[tuple[str, IPIface]] = []
        """Interface and address of every announcement."""
        self.missing: list[str] = []
        """What `preflight` answers."""
        self.mtu = 1500
        self.boot = "boot-1"
        self.closed = False

    def _remove(self, name: str) -> None:
        """A veth takes its peer with it."""
        self.doomed_names.discard(name)
        link = self.links.pop(name, None)
        if link is not None and link.peer is not None:
            self._home(link.peer).pop(link.peer.name, None)

    def _home(self, link: FakeLink) -> dict[str, FakeLink]:
        return self.sandboxes.get(self.netns.get(link.netns, 0), {}) if link.netns else self.links

    def _inside(self, path: str) -> dict[str, FakeLink]:
        if path not in self.netns:
            raise NotFound(f"no network namespace at {path}; is the container running?")
        return self.sandboxes[self.netns[path]]

    # -- what others do to the kernel

    def add_netns(self, path: str, inode: int = 0) -> int:
        """A sandbox appears at `path`; returns its inode. One that exists gets another path."""
        with self.lock:
            inode = inode or HOST_INODE + 1 + len(self.sandboxes)
            self.netns[path] = inode
            self.sandboxes.setdefault(inode, {})
            return inode

    def move_into(
        self, sandbox_end: str, path: str, ifname: str, addresses: tuple[IPIface, ...] = ()
    ) -> None:
        """As libnetwork does after Join: move, rename, address, up."""
        with self.lock:
            inside = self._inside(path)
            link = self.links.pop(sandbox_end)
            link.name, link.netns, link.up, link.addresses = ifname, path, True, addresses
            inside[ifname] = link

    def move_back(self, path: str, ifname: str, sandbox_end: str) -> None:
        """As libnetwork does at Leave."""
        with self.lock:
            link = self._inside(path).pop(ifname)
            link.name, link.netns, link.up, link.addresses = sandbox_end, "", False, ()
            self.links[sandbox_end] = link

    def kill_netns(self, path: str) -> None:
        """The last process of a sandbox ends: its links go, and their peers with them."""
        with self.lock:
            inode = self.netns.pop(path)
            if inode in self.netns.values():
                return
            for link in self.sandboxes.pop(inode).values():
                if link.peer is not None:
                    self.doomed_names.discard(link.peer.name)
                    self.links.pop(link.peer.name, None)

    def add_link(self, name: str, kind: str = "dummy", **settings: Any) -> None:
        """A link somebody else made."""
        with self.lock:
            self.links[name] = replace(FakeLink(name, kind), **settings)

    def add_route(self, route: HostRoute) -> None:
        with self.lock:
            self.routes.append(route)

    def flush_firewall(self) -> None:
        """`nft flush ruleset`."""
        self.firewall = None

    def wait_calls(self, method: str, count: int, seconds: float = 2.0) -> bool:
        """Wait until `method` was called `count` times, by whatever thread."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if sum(name == method for name, _ in list(self.calls)) >= count:
                return True
            time.sleep(0.005)
        return False
