"""The contract of the data plane: what the rules may ask of the kernel.

`ensure_*` creates or verifies and is re-runnable; `delete_*` of something missing succeeds.
Implementations raise the kinds of `weavecli.errors` only: Exhausted (1023 bridge ports),
NotFound (no such netns), Conflict (a link of that name is of another type), Forbidden (missing
capability), TimedOut, Internal (any other errno, named). Thread-safe. The real one is
`kernel.Kernel`; the twin in memory is `tests.fakes.dataplane.FakeDataplane`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from weavecli.model.address import IPIface, IPNet


@dataclass(frozen=True, slots=True)
class Bridge:
    """A bridge as wanted: `addresses` are exactly those it shall have (gateway and exposed)."""

    name: str
    mac: str
    mtu: int
    addresses: tuple[IPIface, ...] = ()


@dataclass(frozen=True, slots=True)
class VethPair:
    """A pair for libnetwork: `host_end` is a port of `bridge`, `sandbox_end` stays beside it in
    the host's namespace until Docker moves it. `mac` is the sandbox end's."""

    host_end: str
    sandbox_end: str
    bridge: str
    mac: str
    mtu: int


@dataclass(frozen=True, slots=True)
class SandboxLink:
    """A pair whose sandbox end is born inside `netns` (a path) as `ifname`, for attach."""

    host_end: str
    ifname: str
    netns: str
    bridge: str
    mac: str
    mtu: int
    addresses: tuple[IPIface, ...]
    multicast_route: bool = True


@dataclass(frozen=True, slots=True)
class Link:
    """A link of the host as observed. `master` is a bridge's name or ""; `peer_in_host` tells
    for a veth whether its other end is in the host's namespace too."""

    name: str
    kind: str
    mac: str
    mtu: int
    up: bool
    master: str
    peer_in_host: bool
    addresses: tuple[IPIface, ...] = ()


@dataclass(frozen=True, slots=True)
class HostRoute:
    """A route of the host's main table, default routes left out. `direct` is scope link."""

    network: IPNet
    device: str
    direct: bool


@dataclass(frozen=True, slots=True)
class SandboxAddresses:
    """Addresses found inside some sandbox on the far end of one of our veths."""

    host_end: str
    netns: str
    ifname: str
    mac: str
    addresses: tuple[IPIface, ...]


@dataclass(frozen=True, slots=True)
class FirewallNet:
    """One bridge as the firewall sees it."""

    bridge: str
    subnets: tuple[IPNet, ...] = ()
    internal: bool = False
    exposed: tuple[IPNet, ...] = ()
    """Subnets of this bridge that anybody may reach through this host (`weave expose`)."""
    masqueraded: tuple[IPNet, ...] = ()
    """Exposed subnets whose inbound traffic gets the host's address too."""


@dataclass(frozen=True, slots=True)
class Firewall:
    """The whole of our rules. `foreign` are Docker's own bridges: isolated from ours."""

    nets: tuple[FirewallNet, ...] = ()
    foreign: tuple[str, ...] = ("docker0", "docker_gwbridge")


@dataclass(frozen=True, slots=True)
class Observed:
    """A snapshot of the host's links (ours and other bridges), by name, and its routes."""

    links: dict[str, Link] = field(default_factory=dict)
    routes: tuple[HostRoute, ...] = ()


class Dataplane(Protocol):
    """What the rules may ask of the kernel."""

    def preflight(self) -> list[str]:
        """What is missing for us to work (capabilities, tools, kernel features), one sentence
        each with the next step; empty when nothing is."""

    def boot_id(self) -> str:
        """Which boot of the host this is: another string after each."""

    def observe(self) -> Observed:
        """Links (bridges and veths with their master) and routes of the host, now."""

    def underlay_mtu(self) -> int:
        """MTU of the interface of the default route, else the largest of the physical ones,
        else 1500."""

    def ensure_bridge(self, bridge: Bridge) -> None:
        """Create or mend it: MAC, MTU, up, exactly these addresses, no RA, forwarding on. With an
        IPv6 address it gets fe80::1 too, without which the kernel finds no neighbours for what
        it forwards; `observe` leaves that one out."""

    def delete_bridge(self, name: str) -> None: ...

    def ensure_port(self, host_end: str, bridge: str) -> None:
        """Put an existing veth (back) on its bridge and set it up."""

    def create_pair(self, pair: VethPair) -> None:
        """Make the pair; one of that name, being deleted or not, is replaced."""

    def is_plugged(self, host_end: str, sandbox_end: str) -> bool:
        """Whether the pair exists and its sandbox end left the host's namespace. Microseconds."""

    def pair_exists(self, host_end: str) -> bool:
        """Whether the link exists and is not about to be deleted. Microseconds."""

    def doom(self, host_end: str) -> None:
        """Delete the link soon, in the background, in batches. Missing: nothing."""

    def doomed(self) -> int:
        """How many links wait for their deletion."""

    def flush_doomed(self, seconds: float) -> bool:
        """Wait until none waits any more; False when the time passed."""

    def netns_inode(self, path: str) -> int:
        """Identity of a network namespace. Raises NotFound naming the path."""

    def host_inode(self) -> int:
        """Identity of the host's own network namespace."""

    def attach(self, link: SandboxLink) -> None:
        """Ensure the link and all its addresses; existing ones are kept. Announces each new
        address (gratuitous ARP, unsolicited NA). Undoes itself on failure."""

    def detach(self, netns: str, ifname: str, addresses: tuple[IPIface, ...]) -> bool:
        """Remove addresses; the link too when none of ours is left. True when it is gone."""

    def sandbox_addresses(self) -> list[SandboxAddresses]:
        """Every address behind one of our veths in any namespace a process lives in."""

    def apply_firewall(self, firewall: Firewall) -> None:
        """Replace our rules atomically; keep our jump in DOCKER-USER where that chain exists."""

    def firewall_problems(self, firewall: Firewall) -> list[str]:
        """What differs from the rules wanted, a sentence each; empty when nothing."""

    def delete_everything(self) -> list[str]:
        """Remove every link, rule and setting of ours; returns what was removed. Never stops at
        the first error."""

    def close(self) -> None: ...
