"""The contract of the engine: what the rules may ask of Docker, always with a time limit.

Raises Unavailable (no engine, or no answer in time), NotFound, Conflict, Forbidden, Internal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Container:
    """A container as inspected. `networks` maps network name to its inspect object."""

    id: str
    name: str
    running: bool
    pid: int
    network_mode: str
    sandbox_key: str
    restart_policy: str
    error: str
    networks: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EngineNetwork:
    """A Docker network of one of our drivers (or another's bridge: `bridge` is its device).

    `endpoints` maps EndpointID to (container ID, container name, MAC, IPv4 CIDR, IPv6 CIDR).
    `raw` is Docker's own inspect object.
    """

    id: str
    name: str
    driver: str
    ipam_driver: str
    internal: bool
    ipv6: bool
    configs: tuple[dict[str, Any], ...] = ()
    options: dict[str, str] = field(default_factory=dict)
    endpoints: dict[str, tuple[str, str, str, str, str]] = field(default_factory=dict)
    raw: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """What to create. `configs` are IPAM configs as `docker network create` makes them: keys
    Subnet, IPRange, Gateway, AuxiliaryAddresses."""

    name: str
    configs: tuple[dict[str, Any], ...] = ()
    internal: bool = False
    ipv6: bool = False
    options: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """A Docker event. `type` container or network; `id` of that object; `attributes` as sent."""

    type: str
    action: str
    id: str
    attributes: dict[str, str] = field(default_factory=dict)


class Engine(Protocol):
    """What the rules may ask of Docker."""

    def version(self) -> str:
        """Docker's version. Raises Unavailable when it does not answer within two seconds."""

    def container(self, ref: str) -> Container:
        """By name or ID. Raises NotFound: `unable to inspect container X: No such container`."""

    def containers(self) -> list[Container]:
        """All that exist, stopped ones included."""

    def inspect_container(self, ref: str) -> dict[str, Any]:
        """Docker's own inspect object."""

    def networks(self) -> list[EngineNetwork]:
        """Every network of drivers weave and weavemesh, with endpoints."""

    def network(self, ref: str) -> EngineNetwork:
        """One network of any driver, with endpoints. Raises NotFound."""

    def bridges(self) -> list[str]:
        """Device names of Docker's own bridge networks."""

    def create_network(self, spec: NetworkSpec, driver: str = "weave") -> str:
        """Make it with our IPAM; returns its ID."""

    def remove_network(self, ref: str) -> None: ...

    def disconnect(self, network: str, container: str) -> None:
        """By force."""

    def start(self, container: str) -> None: ...

    def events(self) -> Iterator[Event | None]:
        """Container and network events from now on; None each second without one. Ends when the
        connection does. The caller resyncs and calls again."""

    def close(self) -> None: ...
