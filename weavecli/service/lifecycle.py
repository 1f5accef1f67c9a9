"""Start, stop and reset: from records to a running network and back to nothing."""

from __future__ import annotations

import ipaddress
import logging
import secrets
from collections.abc import Callable
from dataclasses import replace

from weavecli.api.messages import NetworkInUse
from weavecli.dataplane.base import Dataplane, SandboxAddresses
from weavecli.engine.base import Engine, EngineNetwork, NetworkSpec
from weavecli.errors import Conflict, NotFound, Unavailable, WeaveError
from weavecli.model import naming
from weavecli.model.address import IPNet, contains, overlap
from weavecli.model.endpoint import Claim
from weavecli.model.network import DEFAULT_ID, Network, Subnet
from weavecli.model.settings import Settings
from weavecli.service.compare import Difference, compare
from weavecli.service.firewall import Firewalling
from weavecli.service.networks import OPT_MTU, OPT_MULTICAST, Networks
from weavecli.service.state import State

DOCKER_NETWORK = "weave"

log = logging.getLogger(__name__)


def peer_name(state: State, given: str) -> str:
    """This host's name among its peers: six octets, made once, kept until reset."""
    record = state.meta("identity") or {}
    name = given or record.get("name") or _random_name()
    if record.get("name") != name:
        state.set_meta("identity", {"name": name})
    return str(name)


def _random_name() -> str:
    first, *rest = secrets.token_bytes(6)
    return ":".join(f"{byte:02x}" for byte in ((first & 0xFE) | 0x02, *rest))


def rebooted(state: State, dataplane: Dataplane) -> bool:
    """Whether the host has booted since the last start of the daemon (first start: no)."""
    boot = {"id": dataplane.boot_id()}
    before = state.meta("boot")
    if before != boot:
        state.set_meta("boot", boot)
    return before is not None and before != boot


def prepare(state: State, settings: Settings) -> None:
    """Make or change the record of the default network. Raises Conflict when addresses of the
    old range are in use."""
    old = state.networks.get(DEFAULT_ID)
    subnet = settings.default_subnet
    limits = {"subnet": str(subnet), "range": str(settings.range)}
    if old is not None and state.meta("range") == limits:
        return
    _refuse_networks(state, settings)
    if old is not None:
        _leave_range(state, old, subnet)
    if not overlap(settings.range, subnet):
        raise Conflict(f"--ipalloc-default-subnet {subnet} does not overlap {settings.range}")

    inner = subnet if subnet.subnet_of(settings.range) else settings.range  # type: ignore[arg-type]
    with state.lock:
        gateway = state.book.lowest(subnet, inner)
    iface = ipaddress.ip_interface(f"{gateway}/{subnet.prefixlen}")
    network = Network(
        DEFAULT_ID, naming.DEFAULT_BRIDGE, v4=Subnet(subnet, gateway), name=DOCKER_NETWORK
    )
    state.save(network, Claim(gateway, iface, naming.OWNER_GATEWAY))
    state.set_meta("range", limits)


def check_range(dataplane: Dataplane, settings: Settings) -> list[str]:
    """Warnings about routes of the host that the address range overlaps. A default range that
    does is refused: Conflict; one that the user named is used all the same."""
    warnings = []
    for route in dataplane.observe().routes:
        if not overlap(route.network, settings.range) or route.device == naming.DEFAULT_BRIDGE:
            continue
        if not settings.range_given:
            raise Conflict(
                f"Network {settings.range} overlaps with existing route {route.network} on host "
                f"({route.device}). Default --ipalloc-range overlaps with existing route on "
                f"host; choose another with --ipalloc-range, or the same to use it all the same"
            )
        warnings.append(
            f"range {settings.range} overlaps the route {route.network} on {route.device} of "
            f"this host"
        )
    return warnings


def _refuse_networks(state: State, settings: Settings) -> None:
    """A new range must not swallow a network that exists."""
    for network in state.networks.values():
        if network.bridge == naming.DEFAULT_BRIDGE:
            continue
        for subnet in network.subnets:
            if overlap(subnet.cidr, settings.range) or overlap(
                subnet.cidr, settings.default_subnet
            ):
                raise Conflict(
                    f"the address range {settings.range} overlaps {subnet.cidr} of network "
                    f"{network.label}; choose another with --ipalloc-range, or remove that "
                    f"network first"
                )


def _leave_range(state: State, old: Network, subnet: IPNet) -> None:
    """Drop the old default network, if nothing uses it."""
    used = [
        c
        for c in state.book
        if any(contains(s.cidr, c.ip) for s in old.subnets)
        and c.owner not in (naming.OWNER_GATEWAY, "aux")
    ]
    if used:
        some = ", ".join(f"{c.ip} ({state.holder(c.ip)})" for c in used[:3])
        raise Conflict(
            f"the address range cannot become {subnet}: {len(used)} addresses of "
            f"{old.subnets[0].cidr} are in use, e.g. {some}; launch with the old range, or free "
            f"them first"
        )
    gateways = [
        c for c in state.book if c.owner == naming.OWNER_GATEWAY and old.subnet_of(c.ip) is not None
    ]
    docker = [n for n in state.networks.values() if n.bridge == old.bridge]
    pools = [p for p in state.pools.values() if p.network in [n.id for n in docker]]
    state.drop(*docker, *pools, *gateways)


class Lifecycle:
    """From records to a running network and back."""

    def __init__(
        self,
        state: State,
        dataplane: Dataplane,
        engine: Engine,
        networks: Networks,
        firewall: Firewalling,
        settings: Settings,
    ) -> None:
        self._state = state
        self._dataplane = dataplane
        self._engine = engine
        self._networks = networks
        self._firewall = firewall
        self._settings = settings

    # -- start

    def start(self) -> None:
        """Bring the kernel in line with the records, before any address is given out.

        A mere restart touches no device that is right. Links that no record knows (the state was
        restored from a copy, or lost) keep their addresses taken.
        """
        observed = self._dataplane.observe()
        self._note_joined(set(observed.links))
        differences = self._compare()
        orphans = {d.name for d in differences if d.what == "orphan"}
        if any(name.startswith("veth") for name in orphans):
            self._preclaim(orphans)
        self.mend_links()
        self._firewall.apply()

    def _note_joined(self, links: set[str]) -> None:
        for endpoint in list(self._state.endpoints.values()):
            joined = naming.host_end(endpoint.id) in links
            if joined != endpoint.joined:
                self._state.note(replace(endpoint, joined=joined))

    def mend_links(self) -> list[str]:
        """Mend bridges and ports; returns what was wrong, a sentence each."""
        mended = []
        for difference in self._compare():
            try:
                if difference.what == "bridge":
                    self._networks.ensure_bridge(difference.name)
                elif difference.what == "port":
                    self._dataplane.ensure_port(difference.name, difference.bridge)
                elif difference.name.startswith(naming.BRIDGE_PREFIX):
                    self._dataplane.delete_bridge(difference.name)
                else:
                    continue
                mended.append(difference.sentence)
                log.warning("%s; mended", difference.sentence)
            except WeaveError as error:
                log.error("%s; not mended: %s", difference.sentence, error)
        return mended

    def differences(self) -> list[str]:
        """What `weave status` has to say about the kernel, a sentence each."""
        return [d.sentence for d in self._compare() if d.what in ("bridge", "port")]

    def _compare(self) -> list[Difference]:
        return compare(
            self._networks.wanted_bridges(),
            dict(self._state.networks),
            list(self._state.endpoints.values()),
            list(self._state.legs.values()),
            self._dataplane.observe(),
        )

    def _preclaim(self, orphans: set[str]) -> None:
        """Take the addresses that live sandboxes have on links no record knows."""
        for found in self._dataplane.sandbox_addresses():
            if found.host_end in orphans:
                self._take_over(found)

    def _take_over(self, found: SandboxAddresses) -> None:
        fresh = [a for a in found.addresses if self._state.book.get(a.ip) is None]
        if fresh:
            owner = f"link:{found.host_end}"
            log.warning("%s has %s, not recorded; kept", owner, ", ".join(map(str, fresh)))
            self._state.save(*(Claim(a.ip, a, owner) for a in fresh))

    # -- the default Docker network

    def ensure_docker_network(self) -> str:
        """Have the Docker network `weave`; returns its ID. Raises Unavailable without Docker,
        Conflict when the name is another driver's."""
        try:
            network = self._engine.network(DOCKER_NETWORK)
        except NotFound:
            return self._engine.create_network(self._spec())
        if network.driver not in ("weave", "weavemesh"):
            raise Conflict(
                f"Docker network {DOCKER_NETWORK!r} has driver {network.driver!r}; remove or "
                f"rename it, then 'weave plugin start'"
            )
        wanted = str(self._settings.default_subnet)
        have = [str(config.get("Subnet", "")) for config in network.configs]
        if wanted in have:
            return network.id
        if network.endpoints:
            raise Conflict(
                f"Docker network {DOCKER_NETWORK!r} has subnet {' '.join(have)} instead of "
                f"{wanted} and containers on it; disconnect them, then 'weave plugin start'"
            )
        self._engine.remove_network(network.id)
        return self._engine.create_network(self._spec())

    def _spec(self) -> NetworkSpec:
        options = {OPT_MULTICAST: "true"}
        if self._settings.mtu:
            options[OPT_MTU] = str(self._settings.mtu)
        config = {"Subnet": str(self._settings.default_subnet)}
        if not self._settings.default_subnet.subnet_of(self._settings.range):  # type: ignore[arg-type]
            config["IPRange"] = str(self._settings.range)
        return NetworkSpec(DOCKER_NETWORK, (config,), options=options)

    # -- stop and reset

    def in_use(self) -> list[NetworkInUse]:
        """Networks with containers on them. Docker tells names; without it, IDs do."""
        used: dict[str, list[str]] = {}
        try:
            for network in self._engine.networks():
                names = [name or cid[:12] for cid, name, *_ in network.endpoints.values()]
                if names:
                    used[network.name] = sorted(names)
        except WeaveError:
            for endpoint in list(self._state.endpoints.values()):
                network_ = self._state.networks.get(endpoint.network)
                if endpoint.joined and network_ is not None:
                    name = endpoint.container[:12] or endpoint.id[:12]
                    used.setdefault(network_.label, []).append(name)
        return [{"name": name, "containers": used[name]} for name in sorted(used)]

    def reset(self, force: bool, say: Callable[[str], None]) -> None:
        """Remove every trace from Docker and the kernel. The caller removes the files.

        Without `force`, containers on networks are a Conflict that names them.
        """
        try:
            self._engine.version()
        except WeaveError:
            if not force and any(e.joined for e in list(self._state.endpoints.values())):
                raise Conflict(
                    "Docker does not answer, and containers are on networks of weave; start "
                    "Docker, or give --force to reset all the same"
                ) from None
        reset(self._engine, self._dataplane, force, say)


def reset(engine: Engine, dataplane: Dataplane, force: bool, say: Callable[[str], None]) -> None:
    """Remove Docker's networks of ours, then everything from the kernel; `say` hears what went.

    Raises Conflict naming containers on networks (without `force`) or networks that Docker does
    not give up; then the kernel is as it was.
    """
    try:
        networks = engine.networks()
    except Unavailable:
        networks = []
    used = [n for n in networks if n.endpoints]
    if used and not force:
        listing = "; ".join(f"{n.name}: {_names(n)}" for n in used)
        raise Conflict(
            f"containers are on networks of weave ({listing}); disconnect them, or give "
            f"--force to do that and reset"
        )
    kept = [sentence for n in networks if (sentence := _remove_network(engine, n, say))]
    if kept:
        raise Conflict(f"Docker does not give up {'; '.join(kept)}; see to that, then reset again")
    dataplane.flush_doomed(5.0)
    for what in dataplane.delete_everything():
        say(what)


def _remove_network(engine: Engine, network: EngineNetwork, say: Callable[[str], None]) -> str:
    """Why it could not be removed, or ""."""
    for container, name, *_ in network.endpoints.values():
        try:
            engine.disconnect(network.id, container)
            say(f"{name} from network {network.name}")
        except WeaveError as error:
            log.error("disconnecting %s from %s: %s", name, network.name, error)
    try:
        engine.remove_network(network.id)
    except NotFound:
        return ""
    except WeaveError as error:
        log.error("removing network %s: %s", network.name, error)
        return f"network {network.name} ({error})"
    say(f"Docker network {network.name}")
    return ""


def _names(network: EngineNetwork) -> str:
    return ", ".join(sorted(name or cid[:12] for cid, name, *_ in network.endpoints.values()))
