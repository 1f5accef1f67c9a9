"""What surrounds a data plane in the contract suite: sandboxes, and what others do."""

from __future__ import annotations

from typing import Protocol

from tests.fakes.dataplane import FakeDataplane
from tests.kernel.host import Sandbox, run
from weavecli.dataplane.base import Dataplane
from weavecli.dataplane.kernel import Kernel
from weavecli.model.address import IPIface


class Rig(Protocol):
    dataplane: Dataplane

    def sandbox(self) -> str:
        """A new sandbox; its path."""

    def kill(self, path: str) -> None: ...

    def move_in(self, sandbox_end: str, path: str, ifname: str, *ifaces: IPIface) -> None: ...

    def move_out(self, path: str, ifname: str, sandbox_end: str) -> None: ...

    def inside(self, path: str, ifname: str) -> list[str] | None:
        """Addresses of an interface in a sandbox, link-local ones left out; None without it."""

    def add_link(self, name: str) -> None:
        """Somebody makes a link that is neither bridge nor veth."""

    def break_bridge(self, name: str) -> None:
        """Somebody takes the addresses away."""

    def unplug(self, port: str) -> None:
        """Somebody takes a port off its bridge."""

    def flush_firewall(self) -> None: ...

    def close(self) -> None: ...


class FakeRig:
    def __init__(self) -> None:
        self.dataplane = self.fake = FakeDataplane()
        self._count = 0

    def sandbox(self) -> str:
        self._count += 1
        path = f"/run/netns/{self._count}"
        self.fake.add_netns(path)
        return path

    def kill(self, path: str) -> None:
        self.fake.kill_netns(path)

    def move_in(self, sandbox_end: str, path: str, ifname: str, *ifaces: IPIface) -> None:
        self.fake.move_into(sandbox_end, path, ifname, ifaces)

    def move_out(self, path: str, ifname: str, sandbox_end: str) -> None:
        self.fake.move_back(path, ifname, sandbox_end)

    def inside(self, path: str, ifname: str) -> list[str] | None:
        link = self.fake.sandboxes[self.fake.netns[path]].get(ifname)
        return None if link is None else [str(a) for a in link.addresses]

    def add_link(self, name: str) -> None:
        self.fake.add_link(name, "ifb")

    def break_bridge(self, name: str) -> None:
        self.fake.links[name].addresses = ()

    def unplug(self, port: str) -> None:
        self.fake.links[port].master = ""

    def flush_firewall(self) -> None:
        self.fake.flush_firewall()

    def close(self) -> None:
        self.fake.close()


class KernelRig:
    """To be used inside `fresh_namespace`."""

    def __init__(self) -> None:
        self.dataplane = Kernel()
        self._boxes: dict[str, Sandbox] = {}

    def sandbox(self) -> str:
        box = Sandbox()
        self._boxes[box.path] = box
        return box.path

    def kill(self, path: str) -> None:
        self._boxes[path].end()

    def move_in(self, sandbox_end: str, path: str, ifname: str, *ifaces: IPIface) -> None:
        self._boxes[path].move_in(sandbox_end, ifname, *map(str, ifaces))

    def move_out(self, path: str, ifname: str, sandbox_end: str) -> None:
        self._boxes[path].move_out(ifname, sandbox_end)

    def inside(self, path: str, ifname: str) -> list[str] | None:
        box = self._boxes[path]
        if not box.link(ifname):
            return None
        return [a for a in box.addresses(ifname) if not a.startswith("fe80")]

    def add_link(self, name: str) -> None:
        run("ip", "link", "add", name, "type", "ifb")

    def break_bridge(self, name: str) -> None:
        run("ip", "addr", "flush", "dev", name)

    def unplug(self, port: str) -> None:
        run("ip", "link", "set", port, "nomaster")

    def flush_firewall(self) -> None:
        run("nft", "flush", "ruleset")

    def close(self) -> None:
        self.dataplane.close()
        for box in self._boxes.values():
            box.end()
