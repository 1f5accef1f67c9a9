"""Networks: what CreateNetwork and DeleteNetwork ask for, and the bridges they call for."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from weavecli.dataplane.base import Bridge, Dataplane
from weavecli.errors import Conflict, Invalid
from weavecli.model import naming
from weavecli.model.address import IPIface, IPNet, contains, overlap, parse_iface
from weavecli.model.endpoint import Claim, Pool
from weavecli.model.network import DEFAULT_ID, Network, Subnet
from weavecli.service.addresses import GLOBAL_SPACE, LOCAL_SPACE
from weavecli.service.firewall import Firewalling
from weavecli.service.holders import Holders
from weavecli.service.locks import KeyedLocks
from weavecli.service.state import State

OPT_MTU = "com.docker.network.driver.mtu"
OPT_PREFIX = "com.docker.network.container_iface_prefix"
OPT_MULTICAST = "works.weave.multicast"
OWNER_AUX = "aux"
MTU_MIN, MTU_MAX = 68, 65535
MTU_MIN_V6 = 1280
VXLAN_HEADER = 50

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IPAMData:
    """One entry of CreateNetwork's IPv4Data or IPv6Data."""

    space: str
    pool: IPNet
    gateway: IPIface | None
    aux: tuple[IPIface, ...] = ()


class Networks:
    """The networks of this host and their bridges."""

    def __init__(
        self,
        state: State,
        dataplane: Dataplane,
        holders: Holders,
        firewall: Firewalling,
        mtu: int,
    ) -> None:
        """`mtu` is what a network has that names none; 0 means underlay minus 50."""
        self._state = state
        self._dataplane = dataplane
        self._holders = holders
        self._firewall = firewall
        self._mtu = mtu
        self._underlay = 0
        self.locks = KeyedLocks()

    # -- what the kernel shall have

    def mtu(self, network: Network) -> int:
        """The MTU of a network's bridge and veths, in bytes."""
        return network.mtu or self._mtu or self._underlay or self.refresh_underlay()

    def refresh_underlay(self) -> int:
        """Look at the underlay's MTU again; returns what is left of it under a VXLAN header."""
        self._underlay = max(MTU_MIN_V6, self._dataplane.underlay_mtu() - VXLAN_HEADER)
        return self._underlay

    def wanted_bridges(self) -> dict[str, Bridge]:
        """Every bridge the records call for, by name."""
        wanted: dict[str, Bridge] = {}
        for network in list(self._state.networks.values()):
            addresses = {s.gateway_iface for s in network.subnets if s.gateway_iface is not None}
            if network.id == DEFAULT_ID:
                addresses |= set(self._state.exposed)
            known = wanted.get(network.bridge)
            mtu = self.mtu(network)
            if known is not None:
                addresses |= set(known.addresses)
                mtu = max(mtu, known.mtu)
            order = sorted(addresses, key=lambda a: (a.version, int(a.ip)))
            wanted[network.bridge] = Bridge(network.bridge, naming.GATEWAY_MAC, mtu, tuple(order))
        return wanted

    def ensure_bridge(self, name: str) -> None:
        """Bring one bridge in line with the records."""
        bridge = self.wanted_bridges().get(name)
        if bridge is not None:
            self._dataplane.ensure_bridge(bridge)

    # -- Docker's calls

    def create(
        self,
        network_id: str,
        v4: Sequence[IPAMData],
        v6: Sequence[IPAMData],
        generic: Mapping[str, str],
        internal: bool,
    ) -> None:
        """CreateNetwork. The same network again is no error; nothing is left behind on failure."""
        network = self.describe(network_id, v4, v6, generic, internal)
        with self.locks.hold("networks"):
            self._holders.touch(network_id)
            network = self._admit(network)
            known = self._state.networks.get(network_id)
            if known is not None:
                if replace(known, name="") != network:
                    raise Conflict(
                        f"network {network_id[:12]} exists with other settings; remove it with "
                        f"'docker network rm {network_id[:12]}' and create it again"
                    )
                self.ensure_bridge(network.bridge)
                return
            self._make(network, [*v4, *v6])

    def describe(
        self,
        network_id: str,
        v4: Sequence[IPAMData],
        v6: Sequence[IPAMData],
        generic: Mapping[str, str],
        internal: bool,
    ) -> Network:
        """The value that CreateNetwork describes. Raises Invalid."""
        if len(v4) > 1 or len(v6) > 1:
            raise Invalid(
                "a network of weave has one IPv4 and one IPv6 subnet; create one network for "
                "each further --subnet"
            )
        if not v4 and not v6:
            raise Invalid("the network has no subnet; name one with --subnet")
        if any(data.pool.prefixlen == 0 for data in (*v4, *v6)):
            raise Invalid(
                "--ipam-driver null gives no subnet, which weave needs; use --ipam-driver weave"
            )
        spaces = {data.space for data in (*v4, *v6)}
        ours = spaces <= {LOCAL_SPACE, GLOBAL_SPACE}
        return Network(
            id=network_id,
            bridge=naming.bridge_name(network_id),
            v4=_subnet(v4[0]) if v4 else None,
            v6=_subnet(v6[0]) if v6 else None,
            internal=internal,
            mtu=_mtu(generic.get(OPT_MTU, ""), bool(v6)),
            ipam=ours,
            multicast=_flag(generic, OPT_MULTICAST),
            ifprefix=_prefix(generic.get(OPT_PREFIX, "")),
        )

    def _admit(self, network: Network) -> Network:
        """Refuse overlaps; a network with the default network's subnet is the default network."""
        default = self._state.default
        twin = [s for s in network.subnets if s.cidr in [d.cidr for d in default.subnets]]
        for other in list(self._state.networks.values()):
            if other.id in (DEFAULT_ID, network.id) or not _overlaps(other, network):
                continue
            if self._released(other, network):
                log.warning("network %s: Docker gave it up; replaced", other.label)
                self._remove(other)
                continue
            raise Conflict(
                f"subnet {' '.join(str(s.cidr) for s in network.subnets)} overlaps network "
                f"{other.label} ({' '.join(str(s.cidr) for s in other.subnets)}); choose "
                f"another, or remove that network first"
            )
        if not twin:
            if _overlaps(default, network):
                raise Conflict(
                    f"subnet {network.subnets[0].cidr} overlaps the default network 'weave' "
                    f"({default.subnets[0].cidr}); choose another"
                )
            return network
        if network.internal or not network.ipam:
            raise Conflict(
                f"subnet {twin[0].cidr} is that of the default network 'weave', which is not "
                f"--internal and has --ipam-driver weave; choose another subnet"
            )
        return replace(network, bridge=default.bridge, v4=default.v4 or network.v4)

    def _released(self, network: Network, successor: Network) -> bool:
        """Whether Docker gave the network's pools back but its DeleteNetwork never came.

        Docker's own IPAM never gives a subnet to two networks: so the one before is gone.
        """
        pools = [p for p in list(self._state.pools.values()) if p.network == network.id]
        live = any(
            self._dataplane.is_plugged(naming.host_end(e.id), naming.sandbox_end(e.id))
            for e in self._state.endpoints_of(network.id)
        )
        return network.ipam is successor.ipam and all(p.refs <= 0 for p in pools) and not live

    def _make(self, network: Network, data: Sequence[IPAMData]) -> None:
        """Record, bridge, firewall; each undone when a later one fails."""
        bound = self._bind(network)
        aux = [self._state.book.get(a.ip) for d in data for a in d.aux]
        claims = [replace(claim, owner=OWNER_AUX) for claim in aux if claim is not None]
        with ExitStack() as undo:
            self._state.save(network, *bound, *claims)
            undo.callback(self._unmake, network, bound)
            self.ensure_bridge(network.bridge)
            self._firewall.apply()
            undo.pop_all()
        log.info("network %s made on bridge %s", network.id[:12], network.bridge)

    def _unmake(self, network: Network, bound: list[Pool]) -> None:
        self._state.change(put=tuple(replace(p, network="") for p in bound), drop=(network,))
        if network.bridge != naming.DEFAULT_BRIDGE:
            self._dataplane.delete_bridge(network.bridge)

    def _bind(self, network: Network) -> list[Pool]:
        """The pools of this network's subnets, bound to it."""
        cidrs = {str(s.cidr) for s in network.subnets}
        if not network.ipam:
            return []
        return [
            replace(pool, network=network.id)
            for pool in list(self._state.pools.values())
            if pool.subnet in cidrs and pool.network in ("", network.id)
        ]

    def delete(self, network_id: str) -> None:
        """DeleteNetwork. Unknown: nothing."""
        with self.locks.hold("networks"):
            self._holders.touch(network_id)  # a look at Docker may still show it
            network = self._state.networks.get(network_id)
            if network is None or network_id == DEFAULT_ID:
                log.info("DeleteNetwork of unknown network %s", network_id[:12])
                return
            self._remove(network)
            self._firewall.apply()

    def _remove(self, network: Network) -> None:
        endpoints = self._state.endpoints_of(network.id)
        for endpoint in endpoints:
            self._dataplane.doom(naming.host_end(endpoint.id))
        pools = [p for p in list(self._state.pools.values()) if p.network == network.id]
        ids = {pool.id for pool in pools}
        claims = [c for c in self._state.book if c.pool in ids]
        self._state.drop(*endpoints, *claims, *pools, network)
        if network.bridge == naming.DEFAULT_BRIDGE:
            self.ensure_bridge(network.bridge)
        else:
            self._dataplane.delete_bridge(network.bridge)
        log.info("network %s removed", network.label)

    def adopt(self, network: Network, pools: Sequence[Pool], aux: Sequence[IPIface] = ()) -> None:
        """Enter a network that Docker has and our records lost (restored state)."""
        with self.locks.hold("networks"):
            if network.id in self._state.networks:
                return
            network = self._admit(network)
            self._state.save(network, *pools, *self._fixed_claims(network, pools, aux))
            self.ensure_bridge(network.bridge)
            self._firewall.apply()
        log.warning("network %s was not recorded; adopted from Docker", network.label)

    def _fixed_claims(
        self, network: Network, pools: Sequence[Pool], aux: Sequence[IPIface]
    ) -> list[Claim]:
        """Gateways and auxiliary addresses of an adopted network, as claims of its pools."""
        by_subnet = {pool.subnet: pool.id for pool in pools}
        gateways = [s.gateway_iface for s in network.subnets if s.gateway_iface is not None]
        wanted = [(iface, naming.OWNER_GATEWAY) for iface in gateways]
        wanted += [(iface, OWNER_AUX) for iface in aux]
        return [
            Claim(iface.ip, iface, owner, by_subnet[str(iface.network)])
            for iface, owner in wanted
            if str(iface.network) in by_subnet and self._state.book.get(iface.ip) is None
        ]


def _subnet(data: IPAMData) -> Subnet:
    return Subnet(data.pool, data.gateway.ip if data.gateway else None)


def _overlaps(a: Network, b: Network) -> bool:
    return any(overlap(x.cidr, y.cidr) for x in a.subnets for y in b.subnets)


def _mtu(text: str, v6: bool) -> int:
    if not text:
        return 0
    least = MTU_MIN_V6 if v6 else MTU_MIN
    if not text.isdecimal() or not least <= int(text) <= MTU_MAX:
        raise Invalid(f"option {OPT_MTU}={text}: expected a number from {least} to {MTU_MAX}")
    return int(text)


def _prefix(text: str) -> str:
    if not text:
        return naming.PLUGIN_PREFIX
    if len(text) > 12 or "/" in text or any(c.isspace() for c in text):
        raise Invalid(
            f"option {OPT_PREFIX}={text!r}: an interface name has at most 15 characters with "
            f"its number, no space and no slash"
        )
    return text


def _flag(generic: Mapping[str, str], key: str) -> bool:
    """A boolean option; bare means true, as Weave Net took it."""
    if key not in generic:
        return False
    text = generic[key].lower()
    if text in ("", "1", "t", "true"):
        return True
    if text in ("0", "f", "false"):
        return False
    raise Invalid(f"unrecognized value {generic[key]!r} for option {key}; use true or false")


def ipam_data(space: str, pool: str, gateway: str, aux: Sequence[str]) -> IPAMData:
    """Parse one IPAM entry as Docker sends it (CIDR strings). Raises Invalid."""
    try:
        net = ipaddress.ip_network(pool)
    except ValueError:
        raise Invalid(f"pool {pool!r} is not a subnet") from None
    way_out = parse_iface(gateway, "gateway") if gateway else None
    if way_out is not None and not contains(net, way_out.ip):
        raise Invalid(f"gateway {way_out.ip} does not lie in {net}")
    return IPAMData(space, net, way_out, tuple(parse_iface(a, "auxiliary address") for a in aux))
