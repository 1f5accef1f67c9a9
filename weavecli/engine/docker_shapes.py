"""Docker's JSON to the values of the contract; pure.

From 20.10 (API 1.41) to 29 (API 1.52) the same members carry what is needed here. The top-level
NetworkSettings.IPAddress and its kin are not read: they are empty for every network but the
default one, and gone from API 1.52 on.
"""

from __future__ import annotations

from typing import Any

from weavecli.engine.base import Container, EngineNetwork, Event

BRIDGE_NAME = "com.docker.network.bridge.name"


def container(raw: dict[str, Any]) -> Container:
    """From the object `docker inspect` shows."""
    state = raw.get("State") or {}
    host = raw.get("HostConfig") or {}
    settings = raw.get("NetworkSettings") or {}
    return Container(
        id=raw["Id"],
        name=_plain(raw.get("Name")),
        running=bool(state.get("Running")),
        pid=int(state.get("Pid") or 0),
        network_mode=host.get("NetworkMode") or "",
        sandbox_key=settings.get("SandboxKey") or "",
        restart_policy=(host.get("RestartPolicy") or {}).get("Name") or "",
        error=state.get("Error") or "",
        networks=dict(settings.get("Networks") or {}),
    )


def listed_container(raw: dict[str, Any]) -> Container:
    """From an entry of the list, which knows less: no pid, no sandbox, no error."""
    names = raw.get("Names") or [""]
    # A container that is linked to also has names such as /other/alias.
    own = next((name for name in names if name.count("/") == 1), names[0])
    return Container(
        id=raw["Id"],
        name=_plain(own),
        running=raw.get("State") in ("running", "paused"),
        pid=0,
        network_mode=(raw.get("HostConfig") or {}).get("NetworkMode") or "",
        sandbox_key="",
        restart_policy="",
        error="",
        networks=dict((raw.get("NetworkSettings") or {}).get("Networks") or {}),
    )


def _plain(name: str | None) -> str:
    return (name or "").removeprefix("/")


def network(raw: dict[str, Any]) -> EngineNetwork:
    """From the object `docker network inspect` shows."""
    ipam = raw.get("IPAM") or {}
    return EngineNetwork(
        id=raw["Id"],
        name=raw.get("Name") or "",
        driver=raw.get("Driver") or "",
        ipam_driver=ipam.get("Driver") or "",
        internal=bool(raw.get("Internal")),
        ipv6=bool(raw.get("EnableIPv6")),
        configs=tuple(ipam.get("Config") or ()),
        options=dict(raw.get("Options") or {}),
        endpoints=_endpoints(raw.get("Containers") or {}),
        raw=raw,
    )


def _endpoints(containers: dict[str, Any]) -> dict[str, tuple[str, str, str, str, str]]:
    """By EndpointID. An endpoint that no sandbox has is keyed `ep-<id>`: its container is ''."""
    return {
        end["EndpointID"]: (
            "" if key.startswith("ep-") else key,
            end.get("Name") or "",
            end.get("MacAddress") or "",
            end.get("IPv4Address") or "",
            end.get("IPv6Address") or "",
        )
        for key, end in containers.items()
        if end.get("EndpointID")
    }


def bridge(raw: dict[str, Any]) -> str:
    """The device of a network of Docker's bridge driver."""
    name = (raw.get("Options") or {}).get(BRIDGE_NAME)
    return name or f"br-{raw['Id'][:12]}"


def event(raw: dict[str, Any]) -> Event | None:
    """None for what a health check does each few seconds."""
    action = raw.get("Action") or raw.get("status") or ""
    actor = raw.get("Actor") or {}
    if action.startswith("exec_"):
        return None
    return Event(
        type=raw.get("Type") or "",
        action=action,
        id=actor.get("ID") or raw.get("id") or "",
        attributes=dict(actor.get("Attributes") or {}),
    )
