"""Endpoints: CreateEndpoint, Join, Leave and DeleteEndpoint.

CreateEndpoint and DeleteEndpoint change records only; the veth pair is made at Join and doomed at
Leave. So a failed CreateEndpoint has nothing to undo, and the Join that `docker rm --link` sends
right after a Leave of the same endpoint is nothing special. Deleting already at Leave spares
libnetwork the 11 ms of moving the link back.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from weavecli.dataplane.base import Dataplane, VethPair
from weavecli.errors import Conflict, Invalid
from weavecli.model import naming
from weavecli.model.address import IPIface, contains
from weavecli.model.endpoint import Endpoint
from weavecli.model.network import Network
from weavecli.service.holders import Holders
from weavecli.service.locks import KeyedLocks
from weavecli.service.networks import Networks
from weavecli.service.state import State

MULTICAST_V4 = "224.0.0.0/4"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Joined:
    """What Join answers: the link to move, the prefix of its name, the way out."""

    source: str
    prefix: str
    gateway: str = ""
    gateway_v6: str = ""
    multicast_route: bool = False


class Endpoints:
    """The endpoints of this host's networks."""

    def __init__(
        self, state: State, dataplane: Dataplane, networks: Networks, holders: Holders
    ) -> None:
        self._state = state
        self._dataplane = dataplane
        self._networks = networks
        self._holders = holders
        self._locks = KeyedLocks()

    def create(
        self,
        network_id: str,
        endpoint_id: str,
        v4: IPIface | None,
        v6: IPIface | None,
        mac: str,
    ) -> str:
        """Record an endpoint; returns its MAC address. The same again gives the same answer.

        Raises NotFound (network), Conflict (another endpoint has the address), Invalid.
        """
        network = self._state.network(network_id)
        self._check(network, v4, v6)
        with self._locks.hold(endpoint_id):
            if not mac:
                first = v4 or v6
                mac = naming.mac_for(first.ip if first else None, endpoint_id)
            made = Endpoint(endpoint_id, network_id, mac, v4, v6)
            known = self._state.endpoints.get(endpoint_id)
            if known is not None and known.addresses == made.addresses and known.mac == mac:
                return mac
            self._refuse_taken(made)
            self._holders.touch(endpoint_id)
            self._state.save(made)
        return mac

    @staticmethod
    def _check(network: Network, v4: IPIface | None, v6: IPIface | None) -> None:
        for iface, subnet in ((v4, network.v4), (v6, network.v6)):
            if iface is not None and (subnet is None or not contains(subnet.cidr, iface.ip)):
                raise Invalid(
                    f"address {iface} does not lie in network {network.label} "
                    f"({' '.join(str(s.cidr) for s in network.subnets)})"
                )

    def _refuse_taken(self, made: Endpoint) -> None:
        """Two live endpoints never have one address; a dead one gives way."""
        for iface in made.addresses:
            other = self._state.endpoints.get(self._state.by_address.get(iface.ip, ""))
            if other is None or other.id == made.id:
                continue
            if self._holders.plugged(other.id) or self._holders.quiet(other.id) < 1.0:
                raise Conflict(
                    f"address {iface.ip} is already in use by {self._state.holder(iface.ip)}"
                )
            log.warning("endpoint %s gave way to %s", other.id[:12], made.id[:12])
            self._dataplane.doom(naming.host_end(other.id))
            self._state.drop(other)

    def join(self, network_id: str, endpoint_id: str, sandbox: str, published: bool) -> Joined:
        """Make the veth pair and say how the sandbox gets out.

        A container that publishes ports gets no gateway from us: then Docker adds
        docker_gwbridge, publishes there, and shows the ports. Known only now: CreateEndpoint's
        port map is empty for every network but a container's first.
        """
        network = self._state.network(network_id)
        with self._locks.hold(endpoint_id):
            endpoint = self._state.endpoints.get(endpoint_id)
            if endpoint is None:
                log.warning("Join of endpoint %s, which was not recorded", endpoint_id[:12])
                endpoint = Endpoint(endpoint_id, network_id, naming.mac_for(None, endpoint_id))
                self._state.save(endpoint)
            self._holders.touch(endpoint_id)
            if not (endpoint.joined and self._dataplane.pair_exists(naming.host_end(endpoint_id))):
                self._dataplane.create_pair(self._pair(network, endpoint))
            self._state.note(replace(endpoint, joined=True, sandbox=sandbox))
        return self._way_out(network, endpoint, published)

    def _pair(self, network: Network, endpoint: Endpoint) -> VethPair:
        return VethPair(
            naming.host_end(endpoint.id),
            naming.sandbox_end(endpoint.id),
            network.bridge,
            endpoint.mac,
            self._networks.mtu(network),
        )

    @staticmethod
    def _way_out(network: Network, endpoint: Endpoint, published: bool) -> Joined:
        source = naming.sandbox_end(endpoint.id)
        if network.internal or published:
            return Joined(source, network.ifprefix, multicast_route=network.multicast)
        v4 = network.v4.gateway if network.v4 and endpoint.v4 else None
        v6 = network.v6.gateway if network.v6 and endpoint.v6 else None
        return Joined(source, network.ifprefix, str(v4 or ""), str(v6 or ""))

    def leave(self, network_id: str, endpoint_id: str) -> None:
        """Delete the pair in the background. Unknown: by its name, which the ID gives."""
        with self._locks.hold(endpoint_id):
            self._dataplane.doom(naming.host_end(endpoint_id))
            endpoint = self._state.endpoints.get(endpoint_id)
            if endpoint is None:
                log.info("Leave of unknown endpoint %s", endpoint_id[:12])
                return
            self._holders.touch(endpoint_id)
            self._state.note(replace(endpoint, joined=False, sandbox=""))

    def delete(self, network_id: str, endpoint_id: str) -> None:
        """Forget the endpoint; its addresses stay taken until ReleaseAddress."""
        with self._locks.hold(endpoint_id):
            self._dataplane.doom(naming.host_end(endpoint_id))
            endpoint = self._state.endpoints.get(endpoint_id)
            if endpoint is None:
                log.info("DeleteEndpoint of unknown endpoint %s", endpoint_id[:12])
                return
            self._holders.touch(endpoint_id)  # a look at Docker may still show it
            self._state.drop(endpoint)
