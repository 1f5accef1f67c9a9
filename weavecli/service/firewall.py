"""Which firewall this host's networks and exposed addresses call for, and keeping it in place."""

from __future__ import annotations

import logging
import threading

from weavecli.dataplane.base import Dataplane, Firewall, FirewallNet
from weavecli.errors import WeaveError
from weavecli.model.address import IPNet
from weavecli.model.naming import DEFAULT_BRIDGE
from weavecli.service.state import State

DOCKER_BRIDGES = ("docker0", "docker_gwbridge")

log = logging.getLogger(__name__)


class Firewalling:
    """Applies the rules that the records call for, one caller at a time."""

    def __init__(self, state: State, dataplane: Dataplane) -> None:
        self._state = state
        self._dataplane = dataplane
        self._lock = threading.Lock()
        self._foreign: frozenset[str] = frozenset(DOCKER_BRIDGES)

    def wanted(self) -> Firewall:
        """The rules for the records as they stand."""
        nets: dict[str, FirewallNet] = {}
        networks = list(self._state.networks.values())
        for network in sorted(networks, key=lambda n: n.id):
            known = nets.get(network.bridge, FirewallNet(network.bridge))
            subnets = {*known.subnets, *(s.cidr for s in network.subnets)}
            nets[network.bridge] = FirewallNet(
                network.bridge, _sorted(subnets), known.internal or network.internal
            )
        exposed, masqueraded = self._exposed()
        weave = nets.get(DEFAULT_BRIDGE, FirewallNet(DEFAULT_BRIDGE))
        nets[DEFAULT_BRIDGE] = FirewallNet(
            DEFAULT_BRIDGE,
            _sorted({*weave.subnets, *exposed}),
            weave.internal,
            _sorted(exposed),
            _sorted(masqueraded),
        )
        return Firewall(tuple(nets[name] for name in sorted(nets)), tuple(sorted(self._foreign)))

    def _exposed(self) -> tuple[set[IPNet], set[IPNet]]:
        record = self._state.exposed
        nets = {iface.network: masquerade for iface, masquerade in record.items()}
        return set(nets), {net for net, masquerade in nets.items() if masquerade}

    def apply(self) -> None:
        """Bring the kernel in line. Raises what the data plane raises."""
        with self._lock:
            self._dataplane.apply_firewall(self.wanted())

    def set_foreign(self, bridges: list[str]) -> None:
        """Enter Docker's own bridges, learned from Docker; applies only when they changed."""
        foreign = frozenset((*DOCKER_BRIDGES, *bridges))
        if foreign != self._foreign:
            self._foreign = foreign
            self.apply()

    def problems(self) -> list[str]:
        """What differs in the kernel, a sentence each."""
        return self._dataplane.firewall_problems(self.wanted())

    def mend(self) -> list[str]:
        """Put back what somebody flushed; returns what was missing."""
        try:
            found = self.problems()
            if found:
                log.warning("firewall: %s; putting it back", "; ".join(found))
                self.apply()
        except WeaveError as error:
            log.error("firewall: %s", error)
            return [str(error)]
        return found


def _sorted(nets: set[IPNet]) -> tuple[IPNet, ...]:
    return tuple(sorted(nets, key=lambda n: (n.version, int(n.network_address), n.prefixlen)))
