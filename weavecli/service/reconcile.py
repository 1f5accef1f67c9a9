"""What Docker forgot to tell: records compared with Docker, in the background.

Docker gives a call up after 15 s and forgets; it replays nothing after a restart; a crash skips
Leave, DeleteEndpoint and ReleaseAddress. So what Docker has and we do not is adopted; what we have
and Docker does not is collected, but only after it was missing twice, at least the grace period
apart, with no call about it in between: a container that is just starting is not shown yet.
"""

from __future__ import annotations

import ipaddress
import logging
import time
from dataclasses import replace
from typing import Any

from weavecli.dataplane.base import Dataplane
from weavecli.engine.base import Container, Engine, EngineNetwork
from weavecli.errors import NotFound, WeaveError
from weavecli.model import naming
from weavecli.model.address import IPIface
from weavecli.model.endpoint import Claim, Endpoint, Leg, Pool
from weavecli.model.network import DEFAULT_ID
from weavecli.service.addresses import LOCAL_SPACE, Addresses
from weavecli.service.attach import Attaching
from weavecli.service.endpoints import Endpoints
from weavecli.service.firewall import Firewalling
from weavecli.service.holders import OWNER_DOCKER, Holders
from weavecli.service.networks import OPT_MTU, OPT_MULTICAST, OPT_PREFIX, Networks, ipam_data
from weavecli.service.state import State

TRIES = 5
RESTARTING = ("always", "unless-stopped", "on-failure")
OUR_CALLS = ("weave.sock", "weavemesh.sock", "NetworkDriver.", "IpamDriver.", 'plugin "weave')

KEPT = (OPT_MTU, OPT_MULTICAST, OPT_PREFIX)

log = logging.getLogger(__name__)


class Reconcile:
    """One pass at a time; `background.py` decides when."""

    def __init__(
        self,
        state: State,
        dataplane: Dataplane,
        engine: Engine,
        addresses: Addresses,
        holders: Holders,
        networks: Networks,
        endpoints: Endpoints,
        attaching: Attaching,
        firewall: Firewalling,
        grace: float,
        linger: float,
    ) -> None:
        self._state = state
        self._dataplane = dataplane
        self._engine = engine
        self._addresses = addresses
        self._holders = holders
        self._networks = networks
        self._endpoints = endpoints
        self._attaching = attaching
        self._firewall = firewall
        self._grace = grace
        self._linger = linger
        self._missing: dict[str, float] = {}
        self._tries: dict[str, int] = {}

    # -- Docker

    def bridges_pass(self) -> None:
        """Learn Docker's own bridges, so that ours are kept apart from them."""
        self._firewall.set_foreign(self._engine.bridges())

    def docker_pass(self) -> None:
        """Adopt, learn and collect. Raises Unavailable when Docker does not answer."""
        networks = self._engine.networks()
        self.bridges_pass()
        for network in networks:
            self._learn(network)
        live = {eid for network in networks for eid in network.endpoints}
        held = {a.ip for n in networks for e in n.endpoints.values() for a in _ifaces(e[3], e[4])}
        for endpoint in list(self._state.endpoints.values()):
            if self._gone(f"endpoint:{endpoint.id}", endpoint.id not in live, endpoint.id):
                self._collect(endpoint)
        for claim in list(self._state.book):
            loose = claim.owner == OWNER_DOCKER and claim.ip not in self._state.by_address
            missing = loose and claim.ip not in held
            if self._gone(f"claim:{claim.ip}", missing, str(claim.ip)):
                log.warning("address %s: Docker knows no holder; released", claim.ip)
                self._state.drop(claim)
        self._collect_networks({network.id for network in networks})
        self._collect_links({naming.host_end(endpoint_id) for endpoint_id in live})
        self._forget_loose_links()

    def _collect_links(self, live: set[str]) -> None:
        """Links whose record went before they did: the daemon died in between."""
        known = {naming.host_end(endpoint_id) for endpoint_id in list(self._state.endpoints)}
        for name in self._dataplane.observe().links:
            loose = name.startswith(naming.HOST_END) and name not in known | live
            if self._gone(f"link:{name}", loose, name):
                log.warning("link %s: Docker knows no endpoint of it; deleted", name)
                self._dataplane.doom(name)

    def _collect_networks(self, live: set[str]) -> None:
        for network in list(self._state.networks.values()):
            missing = network.id not in live and network.id != DEFAULT_ID
            if self._gone(f"network:{network.id}", missing, network.id):
                log.warning("network %s: Docker does not know it; collected", network.label)
                self._networks.delete(network.id)
        for pool in list(self._state.pools.values()):
            if self._gone(f"pool:{pool.id}", not pool.network, pool.id):
                log.warning("pool %s: no network took it; released", pool.id)
                self._addresses.drop_pool(pool)

    def _gone(self, key: str, missing: bool, subject: str) -> bool:
        """Whether `key` has been missing for the grace period, with no call about it."""
        if not missing:
            self._missing.pop(key, None)
            return False
        now = time.monotonic()
        since = self._missing.get(key)
        if since is None:
            self._missing[key] = now
            return False
        if now - since < self._grace or self._holders.quiet(subject) < self._grace:
            return False
        del self._missing[key]
        return True

    def _collect(self, endpoint: Endpoint) -> None:
        """Docker has no such endpoint: its link and addresses are free again."""
        log.warning("endpoint %s: Docker does not know it; collected", endpoint.id[:12])
        claims = [self._state.book.get(a.ip) for a in endpoint.addresses]
        self._endpoints.delete(endpoint.network, endpoint.id)
        self._state.drop(*(c for c in claims if c is not None and c.owner == OWNER_DOCKER))

    def _learn(self, network: EngineNetwork) -> None:
        """Names of networks and containers; records that were lost."""
        known = self._state.networks.get(network.id)
        if known is None:
            self._adopt_network(network)
        elif known.name != network.name:
            self._state.save(replace(known, name=network.name))
        for endpoint_id, (container, _, mac, v4, v6) in network.endpoints.items():
            endpoint = self._state.endpoints.get(endpoint_id)
            addresses = _ifaces(v4, v6)
            if endpoint is None or (addresses and not endpoint.addresses):
                self._adopt_endpoint(network, endpoint_id, container, mac, addresses)
            elif container and endpoint.container != container:
                self._state.note(replace(endpoint, container=container))

    def _adopt_network(self, network: EngineNetwork) -> None:
        if self._holders.spoken(network.id, 2.0):
            return  # being created or deleted just now
        ours = network.ipam_driver in ("weave", "weavemesh")
        space = LOCAL_SPACE if ours else "LocalDefault"
        try:
            configs = [c for c in network.configs if c.get("Subnet")]
            data = [ipam_data(space, c["Subnet"], _gateway(c), _aux(c)) for c in configs]
            value = self._networks.describe(
                network.id,
                [d for d in data if d.pool.version == 4],
                [d for d in data if d.pool.version == 6],
                {k: v for k, v in network.options.items() if k in KEPT},
                network.internal,
            )
            pools = [_pool(network.id, c) for c in configs] if ours else []
            aux = [iface for d in data for iface in d.aux]
            self._networks.adopt(replace(value, name=network.name), pools, aux)
        except WeaveError as error:
            log.error("network %s cannot be adopted: %s", network.name, error)

    def _adopt_endpoint(
        self,
        network: EngineNetwork,
        endpoint_id: str,
        container: str,
        mac: str,
        addresses: list[IPIface],
    ) -> None:
        if network.id not in self._state.networks or self._holders.spoken(endpoint_id, 2.0):
            return  # being created or deleted just now
        v4 = next((a for a in addresses if a.version == 4), None)
        v6 = next((a for a in addresses if a.version == 6), None)
        name = naming.host_end(endpoint_id)
        made = Endpoint(
            endpoint_id, network.id, mac, v4, v6, self._dataplane.pair_exists(name), "", container
        )
        claims = []
        for address in addresses:
            held = self._state.book.get(address.ip)
            if held is None or held.owner == f"link:{name}":
                pool = self._pool_of(network.id, address)
                claims.append(Claim(address.ip, address, OWNER_DOCKER, pool))
        log.warning("endpoint %s was not recorded; adopted from Docker", endpoint_id[:12])
        self._state.save(made, *claims)

    def _pool_of(self, network_id: str, address: IPIface) -> str:
        subnet = str(address.network)
        pools = list(self._state.pools.values())
        return next((p.id for p in pools if p.network == network_id and p.subnet == subnet), "")

    def _forget_loose_links(self) -> None:
        """Addresses that start-up found on links no record knows: free once the link is gone."""
        for claim in list(self._state.book):
            owner, _, link = claim.owner.partition(":")
            if owner == "link" and not self._dataplane.pair_exists(link):
                self._state.drop(claim)

    # -- legs

    def legs_pass(self) -> None:
        """Release the legs of sandboxes that are gone: a removed container's at once, a stopped
        one's after the linger, so that it can come back to its addresses."""
        for leg in list(self._state.legs.values()):
            alive = self._dataplane.pair_exists(naming.attach_end(leg.owner))
            if alive or leg.owner.startswith("netns:"):
                self._missing.pop(f"leg:{leg.owner}", None)
                if not alive:
                    self._attaching.forget(leg)
                continue
            since = self._missing.setdefault(f"leg:{leg.owner}", time.monotonic())
            if time.monotonic() - since >= self._linger or self._removed(leg):
                del self._missing[f"leg:{leg.owner}"]
                self._attaching.forget(leg)
        self._orphaned_claims()

    def _removed(self, leg: Leg) -> bool:
        try:
            self._engine.container(leg.owner)
        except NotFound:
            return True
        except WeaveError:
            return False
        return False

    def _orphaned_claims(self) -> None:
        """Claims of an attach that was cut off between the address and the leg."""
        for claim in list(self._state.book):
            container = len(claim.owner) == 64 or claim.owner.startswith("netns:")
            missing = container and claim.owner not in self._state.legs
            if self._gone(f"orphan:{claim.ip}", missing, claim.owner):
                self._state.drop(claim)

    # -- containers that came up before us

    def start_given_up(self) -> bool:
        """Start containers with a restart policy that Docker gave up because we did not answer.

        Docker tries once when it starts, and never again. A container the user stopped is left
        alone: its last error is not about us. Returns whether another try is worth while.
        """
        again = False
        for container in self._engine.containers():
            tries = self._tries.get(container.id, 0)
            if tries >= TRIES or not given_up(container):
                continue
            if not any(_ours(self._state, n) for n in container.networks.values()):
                continue
            self._tries[container.id] = tries + 1
            try:
                self._engine.start(container.id)
                log.warning("container %s: Docker had given it up; started", container.name)
            except WeaveError as error:
                log.error("container %s cannot be started: %s", container.name, error)
                again = again or tries + 1 < TRIES
        return again


def given_up(container: Container) -> bool:
    """Whether Docker's last try to start a container failed because our plugin was away."""
    return (
        not container.running
        and container.restart_policy in RESTARTING
        and any(call in container.error for call in OUR_CALLS)
    )


def _ours(state: State, network: dict[str, object]) -> bool:
    return network.get("NetworkID") in state.networks


def _gateway(config: dict[str, Any]) -> str:
    """Docker shows only what the user named; else it is the first address, asked for first."""
    subnet = ipaddress.ip_network(config["Subnet"])
    gateway = (config.get("Gateway") or "").partition("/")[0]
    if not gateway:
        inner = ipaddress.ip_network(config.get("IPRange") or subnet)
        gateway = str(inner[1] if inner[0] == subnet[0] else inner[0])
    return f"{gateway}/{subnet.prefixlen}"


def _aux(config: dict[str, Any]) -> list[str]:
    length = ipaddress.ip_network(config["Subnet"]).prefixlen
    return [f"{ip}/{length}" for ip in (config.get("AuxiliaryAddresses") or {}).values()]


def _pool(network_id: str, config: dict[str, Any]) -> Pool:
    subnet, inner = config["Subnet"], config.get("IPRange") or ""
    pool_id = f"{LOCAL_SPACE}/{subnet}" + (f"/{inner}" if inner else "")
    gateway = _gateway(config).partition("/")[0]
    return Pool(pool_id, subnet, inner or subnet, 1, network_id, gateway)


def _ifaces(v4: str, v6: str) -> list[IPIface]:
    return [ipaddress.ip_interface(text) for text in (v4, v6) if text]
