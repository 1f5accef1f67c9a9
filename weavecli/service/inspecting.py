"""`weave inspect`: what `docker inspect` prints, with the facts filled in that Docker lacks.

Docker leaves the top-level `NetworkSettings.IPAddress` empty for every network but its default
bridge, and newer engines drop it; of `weave attach` it knows nothing. Here these fields tell of
the container's first interface on weave, and `NetworkSettings.Weave` lists all of them.
"""

from __future__ import annotations

from typing import Any

from weavecli.engine.base import Engine, EngineNetwork
from weavecli.errors import Invalid, NotFound
from weavecli.model.address import IPIface
from weavecli.service.networks import Networks
from weavecli.service.sandboxes import Sandboxes
from weavecli.service.state import State


class Inspecting:
    """Reads; changes nothing."""

    def __init__(
        self, state: State, engine: Engine, networks: Networks, sandboxes: Sandboxes
    ) -> None:
        self._state = state
        self._engine = engine
        self._networks = networks
        self._sandboxes = sandboxes

    def inspect(self, ref: str, kind: str) -> list[dict[str, Any]]:
        """The object of a container, else of a network. `kind` narrows it. Raises NotFound."""
        if kind not in ("", "container", "network"):
            raise Invalid(f"type {kind!r}: expected container or network")
        if ref.startswith(("pid:", "netns:")):
            return [self._namespace(ref)]
        if kind in ("", "container"):
            try:
                return [self._container(ref)]
            except NotFound:
                if kind == "container":
                    raise
        try:
            return [self._network(self._engine.network(ref))]
        except NotFound:
            if kind == "network":
                raise
            raise NotFound(
                f"no such container or network: {ref}; see 'docker ps -a' and 'weave network ls'"
            ) from None

    def _namespace(self, ref: str) -> dict[str, Any]:
        sandbox = self._sandboxes.resolve(ref)
        leg = self._state.legs.get(sandbox.owner)
        settings: dict[str, Any] = {"SandboxKey": sandbox.netns}
        mac, addresses = (leg.mac, leg.addresses) if leg is not None else ("", ())
        _fill(settings, mac, addresses, "")
        return {"Id": sandbox.owner, "Name": ref, "NetworkSettings": settings}

    def _container(self, ref: str) -> dict[str, Any]:
        found = self._engine.inspect_container(ref)
        settings = found.setdefault("NetworkSettings", {})
        interfaces = []
        for name, docker in (settings.get("Networks") or {}).items():
            endpoint = self._state.endpoints.get(docker.get("EndpointID", ""))
            if endpoint is not None:
                gateway = str(docker.get("Gateway") or "")
                interfaces.append(
                    _interface(name, endpoint.mac, endpoint.addresses, gateway, "docker")
                )
        leg = self._state.legs.get(str(found.get("Id", "")))
        if leg is not None:
            interfaces.append(_interface("", leg.mac, leg.addresses, "", "attach"))
        settings["Weave"] = interfaces
        if interfaces:
            first = interfaces[0]
            addresses = tuple(first.pop("_addresses"))
            for other in interfaces[1:]:
                other.pop("_addresses")
            if not settings.get("IPAddress"):
                _fill(settings, first["MacAddress"], addresses, first["Gateway"])
        return found

    def _network(self, network: EngineNetwork) -> dict[str, Any]:
        found = dict(network.raw)
        known = self._state.networks.get(network.id)
        if known is not None:
            found["Weave"] = {
                "Bridge": known.bridge,
                "MTU": self._networks.mtu(known),
                "IPAM": "weave" if known.ipam else "docker",
                "Scope": "host",
                "Gateways": [str(s.gateway) for s in known.subnets if s.gateway],
                "Addresses": sum(self._count(s.cidr) for s in known.subnets),
            }
        return found

    def _count(self, subnet: Any) -> int:
        with self._state.lock:
            return self._state.book.count(subnet)


def _interface(
    network: str, mac: str, addresses: tuple[IPIface, ...], gateway: str, by: str
) -> dict[str, Any]:
    return {
        "Network": network,
        "MacAddress": mac,
        "Addresses": [str(a) for a in addresses],
        "Gateway": gateway,
        "By": by,
        "_addresses": addresses,
    }


def _fill(settings: dict[str, Any], mac: str, addresses: tuple[IPIface, ...], gateway: str) -> None:
    """The fields that scripts written for Docker's default bridge read."""
    v4 = next((a for a in addresses if a.version == 4), None)
    v6 = next((a for a in addresses if a.version == 6), None)
    settings["IPAddress"] = str(v4.ip) if v4 else ""
    settings["IPPrefixLen"] = v4.network.prefixlen if v4 else 0
    settings["GlobalIPv6Address"] = str(v6.ip) if v6 else ""
    settings["GlobalIPv6PrefixLen"] = v6.network.prefixlen if v6 else 0
    settings["MacAddress"] = mac
    settings["Gateway"] = gateway
