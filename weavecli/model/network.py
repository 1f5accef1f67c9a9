"""Networks and their subnets, as recorded on this host."""

from __future__ import annotations

from dataclasses import dataclass

from weavecli.model.address import IP, IPIface, IPNet, contains

DEFAULT_ID = "default"
"""ID of the network that exists without Docker too: bridge `weave`, for attach and expose."""


@dataclass(frozen=True, slots=True)
class Subnet:
    """One family of a network: its CIDR and the gateway address our bridge has in it."""

    cidr: IPNet
    gateway: IP | None = None

    @property
    def gateway_iface(self) -> IPIface | None:
        """The gateway with the subnet's prefix length, as it stands on the bridge."""
        import ipaddress

        if self.gateway is None:
            return None
        return ipaddress.ip_interface(f"{self.gateway}/{self.cidr.prefixlen}")


@dataclass(frozen=True, slots=True)
class Network:
    """A CNM network on this host.

    `id` is Docker's NetworkID or DEFAULT_ID; `name` is Docker's, learned later, for people only.
    `ipam` is False when Docker's own IPAM gives the addresses: then the network is of this host
    alone. `mtu` 0 means: underlay minus 50.
    """

    id: str
    bridge: str
    v4: Subnet | None = None
    v6: Subnet | None = None
    internal: bool = False
    mtu: int = 0
    ipam: bool = True
    multicast: bool = False
    ifprefix: str = "ethwe"
    name: str = ""

    @property
    def subnets(self) -> tuple[Subnet, ...]:
        return tuple(s for s in (self.v4, self.v6) if s is not None)

    @property
    def label(self) -> str:
        """What to call it in a message: its name, else its ID cut to 12."""
        return self.name or self.id[:12]

    def subnet_of(self, ip: IP) -> Subnet | None:
        """The subnet that holds `ip`."""
        return next((s for s in self.subnets if contains(s.cidr, ip)), None)
