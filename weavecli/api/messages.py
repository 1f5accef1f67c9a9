"""The messages of the control API, as JSON objects. Addresses are strings."""

from __future__ import annotations

from typing import TypedDict


class VersionReply(TypedDict):
    version: str
    api: int
    pid: int


class ReadyReply(TypedDict):
    """`stage` says in a few words what is being waited for. `docker` is the engine's version, or
    "" without one; `note` is a sentence for the user (no Docker engine found …), or ""."""

    ready: bool
    stage: str
    docker: str
    note: str
    name: str


class StatusReply(TypedDict):
    """`text` is printed as it stands; `ok` False makes the exit code 1."""

    text: str
    ok: bool


class Interface(TypedDict):
    """A line of `weave ps`: `id` is a container's ID cut to 12, `weave:expose`, or the name the
    caller asked by."""

    id: str
    mac: str
    addresses: list[str]


class PsReply(TypedDict):
    interfaces: list[Interface]


class PluginRequest(TypedDict):
    enabled: bool


class PluginReply(TypedDict):
    """`calls` counts answered calls since the start; `driver` names are what `-d` takes."""

    enabled: bool
    drivers: list[str]
    sockets: list[str]
    docker: str
    network: str
    calls: int
    last_call: str


class AttachRequest(TypedDict):
    """`container`: name or ID, `pid:N` or `netns:PATH`. `addresses`: the grammar of
    model/address.py, as typed."""

    container: str
    addresses: list[str]
    multicast_route: bool


class DetachRequest(TypedDict):
    container: str
    addresses: list[str]


class ExposeRequest(TypedDict):
    addresses: list[str]
    masquerade: bool


class HideRequest(TypedDict):
    addresses: list[str]


class AddressesReply(TypedDict):
    """Addresses without prefix, in the order asked for. `warnings` are sentences for stderr."""

    addresses: list[str]
    warnings: list[str]


class NetworkCreate(TypedDict):
    """Lists run parallel to `docker network create`'s repeatable flags."""

    name: str
    subnets: list[str]
    ip_ranges: list[str]
    gateways: list[str]
    aux_addresses: dict[str, str]
    internal: bool
    ipv6: bool
    options: dict[str, str]
    labels: dict[str, str]


class NetworkCreated(TypedDict):
    id: str


class NetworkRow(TypedDict):
    """A line of `weave network ls`. `scope` is `host` when Docker's own IPAM serves it."""

    id: str
    name: str
    subnets: list[str]
    gateways: list[str]
    bridge: str
    endpoints: int
    internal: bool
    ipam: str
    mtu: int


class NetworksReply(TypedDict):
    networks: list[NetworkRow]


class NetworkInUse(TypedDict):
    name: str
    containers: list[str]


class StopReply(TypedDict):
    """Networks with containers on them: Docker's calls about these wait 15 s each until launch."""

    in_use: list[NetworkInUse]


class ResetRequest(TypedDict):
    force: bool


class ResetReply(TypedDict):
    """`removed`: what was taken away, a phrase each."""

    removed: list[str]


class ErrorReply(TypedDict):
    error: str
    kind: str
