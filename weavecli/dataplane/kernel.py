"""The real data plane: the contract of `base.py`, composed from the files beside this one."""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from weavecli.dataplane import (
    bridge as bridges,
)
from weavecli.dataplane import (
    iptables,
    netns,
    nft,
    observe,
    reaper,
    sandbox,
    tool,
    veth,
)
from weavecli.dataplane.base import (
    Bridge,
    Firewall,
    Observed,
    SandboxAddresses,
    SandboxLink,
    VethPair,
)
from weavecli.dataplane.netlink import Session, Sessions, kinds
from weavecli.errors import Exhausted, Internal, WeaveError
from weavecli.model.address import IPIface
from weavecli.model.naming import (
    ATTACH_END,
    BRIDGE_PREFIX,
    DEFAULT_BRIDGE,
    HOST_END,
    SANDBOX_END,
)

_CAPABILITIES = {12: "CAP_NET_ADMIN", 13: "CAP_NET_RAW", 21: "CAP_SYS_ADMIN"}
_STRIPES = 64
_CLOSE_SECONDS = 10.0
_ROOM_SECONDS = 10.0

log = logging.getLogger(__name__)


class Kernel:
    """The kernel of this host. Opened in the host's network namespace, by a thread that never
    leaves it; usable from any thread of that namespace until `close`."""

    def __init__(self) -> None:
        self._sessions = Sessions()
        self._reaper = reaper.Reaper(self._sessions)
        self._names = [threading.Lock() for _ in range(_STRIPES)]
        self._firewall = threading.Lock()
        with kinds("the host's network namespace"):
            self._host = os.open(netns.HOST, os.O_RDONLY | os.O_CLOEXEC)

    @contextmanager
    def _talk(self, what: str, name: str = "") -> Iterator[Session]:
        """A session; with a `name`, nobody else makes or deletes that link meanwhile."""
        lock = self._names[hash(name) % _STRIPES] if name else nullcontext()
        with kinds(what), lock, self._sessions.one() as nl:
            yield nl

    # -- the host

    def preflight(self) -> list[str]:
        missing = [
            f"{name} is missing; run the daemon as root, in a container with --cap-add {name[4:]}"
            for bit, name in _CAPABILITIES.items()
            if not _effective() >> bit & 1
        ]
        if shutil.which("nft", path=tool.environment()["PATH"]) is None:
            missing.append("nft is missing; install the package nftables")
        return missing

    def boot_id(self) -> str:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()

    def observe(self) -> Observed:
        with self._talk("the host's links") as nl:
            return observe.snapshot(nl, self._reaper.names())

    def underlay_mtu(self) -> int:
        with self._talk("the host's default route") as nl:
            return observe.underlay_mtu(nl)

    def host_inode(self) -> int:
        return os.fstat(self._host).st_ino

    def netns_inode(self, path: str) -> int:
        with kinds(path):
            return netns.inode(path)

    # -- bridges

    def ensure_bridge(self, bridge: Bridge) -> None:
        with self._talk(f"bridge {bridge.name}", bridge.name) as nl:
            bridges.ensure(nl, bridge)

    def delete_bridge(self, name: str) -> None:
        with self._talk(f"bridge {name}", name) as nl:
            bridges.delete(nl, name)

    def ensure_port(self, host_end: str, bridge: str) -> None:
        with self._talk(f"link {host_end} on bridge {bridge}", host_end) as nl:
            self._reaper.reclaim(host_end)
            bridges.ensure_port(nl, host_end, bridge)

    # -- pairs

    def create_pair(self, pair: VethPair) -> None:
        with self._talk(f"link {pair.host_end}", pair.host_end) as nl:
            self._reaper.reclaim(pair.host_end)
            self._in_room(lambda: veth.create_pair(nl, pair))

    def is_plugged(self, host_end: str, sandbox_end: str) -> bool:
        return self.pair_exists(host_end) and not veth.index(sandbox_end)

    def pair_exists(self, host_end: str) -> bool:
        return not self._reaper.has(host_end) and veth.index(host_end) != 0

    def doom(self, host_end: str) -> None:
        with kinds(f"link {host_end}"):
            self._reaper.add(host_end)

    def doomed(self) -> int:
        return self._reaper.count()

    def flush_doomed(self, seconds: float) -> bool:
        return self._reaper.flush(seconds)

    # -- sandboxes

    def attach(self, link: SandboxLink) -> None:
        what = f"interface {link.ifname} of {link.netns}"
        with self._talk(what, link.host_end) as nl:
            self._reaper.reclaim(link.host_end)
            self._in_room(lambda: sandbox.attach(nl, link, self._host))

    def _in_room(self, step: Callable[[], None]) -> None:
        """On a full bridge, links that wait for their deletion make room first."""
        deadline = time.monotonic() + _ROOM_SECONDS
        while True:
            try:
                return step()
            except Exhausted:
                if not self._reaper.wait_batch() or time.monotonic() > deadline:
                    raise

    def detach(self, netns: str, ifname: str, addresses: tuple[IPIface, ...]) -> bool:
        with self._talk(f"interface {ifname} of {netns}") as nl:
            return sandbox.detach(nl, netns, ifname, addresses, self._host)

    def sandbox_addresses(self) -> list[SandboxAddresses]:
        with self._talk("the sandboxes of this host") as nl:
            return observe.sandbox_addresses(nl, self._host)

    # -- firewall

    def apply_firewall(self, firewall: Firewall) -> None:
        with self._firewall, kinds("firewall"):
            nft.apply(firewall)
            iptables.apply()

    def firewall_problems(self, firewall: Firewall) -> list[str]:
        with self._firewall, kinds("firewall"):
            return [*nft.problems(firewall), *iptables.problems()]

    # -- the end

    def delete_everything(self) -> list[str]:
        removed: list[str] = []
        errors: list[str] = []
        steps: tuple[Callable[[], list[str]], ...] = (
            self._delete_links,
            lambda: [f"nftables table {nft.TABLE}"] if nft.delete() else [],
            iptables.delete,
        )
        for step in steps:
            try:
                removed += step()
            except WeaveError as error:
                errors.append(str(error))
        if errors:
            done = f" (removed: {', '.join(removed)})" if removed else ""
            raise Internal(f"not everything could be removed: {'; '.join(errors)}{done}")
        return removed

    def _delete_links(self) -> list[str]:
        self._reaper.flush(_CLOSE_SECONDS)
        with self._talk("our links") as nl:
            found = {i: k.name for i, k in observe.links(nl).items() if _is_ours(k.name, k.kind)}
            errors = reaper.delete_links(nl, found)
            left = set(observe.links(nl)) & set(found)
        if left or errors:
            names = ", ".join(found[index] for index in sorted(left)) or "our links"
            raise Internal(f"{names}: {errors[0] if errors else 'still there'}")
        return sorted(found.values())

    def close(self) -> None:
        self._reaper.close()
        self._sessions.close()
        if self._host >= 0:
            os.close(self._host)
            self._host = -1


def _effective() -> int:
    with kinds("/proc/self/status"), open("/proc/self/status", "rb") as status:
        return next((int(line[7:], 16) for line in status if line.startswith(b"CapEff:")), 0)


def _is_ours(name: str, kind: str) -> bool:
    if kind == "veth":
        return name.startswith((HOST_END, SANDBOX_END, ATTACH_END))
    return kind == "bridge" and (name == DEFAULT_BRIDGE or name.startswith(BRIDGE_PREFIX))
