"""`weave network create|rm`: Docker networks of ours, for people."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from weavecli.engine.base import Engine, NetworkSpec
from weavecli.errors import Conflict, Invalid
from weavecli.model.address import IPNet, contains, parse_ip, parse_subnet, within
from weavecli.service.lifecycle import DOCKER_NETWORK
from weavecli.service.state import State

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
DRIVERS = ("weave", "weavemesh")


class DockerNetworks:
    """Makes and removes them through Docker, which then calls our drivers."""

    def __init__(self, state: State, engine: Engine) -> None:
        self._state = state
        self._engine = engine

    def create(self, message: Mapping[str, Any]) -> str:
        """From a NetworkCreate message; returns Docker's ID. Raises Invalid before Docker is
        asked, and what Docker or our own drivers say."""
        name = message.get("name")
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise Invalid(
                f"network name {name!r}: letters, digits, and _ . - after the first character"
            )
        subnets = [parse_subnet(text, "--subnet") for text in _texts(message, "subnets")]
        configs = self._configs(subnets, message)
        v6 = bool(message.get("ipv6")) or any(s.version == 6 for s in subnets)
        spec = NetworkSpec(
            name,
            tuple(configs),
            bool(message.get("internal")),
            v6,
            _pairs(message, "options"),
            _pairs(message, "labels"),
        )
        made = self._engine.create_network(spec)
        known = self._state.networks.get(made)
        if known is not None and known.name != name:  # our driver was not told
            self._state.save(replace(known, name=name))
        return made

    @staticmethod
    def _configs(subnets: Sequence[IPNet], message: Mapping[str, Any]) -> list[dict[str, Any]]:
        """IPAM configs as `docker network create` makes them: each range, gateway and auxiliary
        address goes to the subnet that holds it."""
        configs: list[dict[str, Any]] = [{"Subnet": str(subnet)} for subnet in subnets]

        def place(key: str, text: str, hit: list[bool]) -> dict[str, Any]:
            if True not in hit:
                raise Invalid(f"no --subnet contains {key} {text}; name one that does")
            config = configs[hit.index(True)]
            if key in config:
                raise Invalid(f"{key} {text}: this subnet has one already ({config[key]})")
            return config

        for text in _texts(message, "ip_ranges"):
            inner = parse_subnet(text, "--ip-range")
            place("IPRange", text, [within(inner, s) for s in subnets])["IPRange"] = str(inner)
        for text in _texts(message, "gateways"):
            ip = parse_ip(text, "--gateway")
            place("Gateway", text, [contains(s, ip) for s in subnets])["Gateway"] = str(ip)
        for name, text in _pairs(message, "aux_addresses").items():
            ip = parse_ip(text, "--aux-address")
            hit = [contains(s, ip) for s in subnets]
            if True not in hit:
                raise Invalid(f"no --subnet contains --aux-address {name}={text}")
            configs[hit.index(True)].setdefault("AuxiliaryAddresses", {})[name] = str(ip)
        return configs

    def remove(self, ref: str) -> None:
        """Remove one of ours. Raises NotFound, Invalid (another driver's) or Conflict (in use,
        with the containers)."""
        network = self._engine.network(ref)
        if network.driver not in DRIVERS:
            raise Invalid(
                f"network {network.name} has driver {network.driver}; remove it with "
                f"'docker network rm {network.name}'"
            )
        if network.name == DOCKER_NETWORK:
            raise Conflict(
                "network weave is the default network and stays as long as weave does; "
                "'weave reset' removes both"
            )
        if network.endpoints:
            names = ", ".join(sorted(e[1] or e[0][:12] for e in network.endpoints.values()))
            raise Conflict(
                f"network {network.name} is in use by {names}; disconnect them first: "
                f"docker network disconnect {network.name} CONTAINER"
            )
        self._engine.remove_network(network.id)


def _texts(message: Mapping[str, Any], key: str) -> list[str]:
    value = message.get(key) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Invalid(f"{key} is no list of texts")
    return value


def _pairs(message: Mapping[str, Any], key: str) -> dict[str, str]:
    value = message.get(key) or {}
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        raise Invalid(f"{key} is no table of texts")
    return value
