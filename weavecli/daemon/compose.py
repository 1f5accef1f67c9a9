"""The services, put together from the rooms' doors. `main.py` brings the real parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from weavecli import __version__
from weavecli.daemon.app import PluginMethod
from weavecli.daemon.background import Background
from weavecli.daemon.control.routes import Services
from weavecli.daemon.plugin.routes import ipam_driver, network_driver
from weavecli.dataplane.base import Dataplane
from weavecli.engine.base import Engine
from weavecli.model.settings import Settings
from weavecli.service.addresses import Addresses
from weavecli.service.attach import Attaching, Choosing
from weavecli.service.docker_networks import DockerNetworks
from weavecli.service.endpoints import Endpoints
from weavecli.service.expose import Exposing
from weavecli.service.firewall import Firewalling
from weavecli.service.holders import Holders
from weavecli.service.inspecting import Inspecting
from weavecli.service.lifecycle import Lifecycle, rebooted
from weavecli.service.networks import Networks
from weavecli.service.reconcile import Reconcile
from weavecli.service.sandboxes import Sandboxes
from weavecli.service.state import State
from weavecli.service.status import Status


@dataclass(frozen=True, slots=True)
class House:
    """Everything that serves calls."""

    plugin: dict[str, PluginMethod]
    services: Services
    lifecycle: Lifecycle
    reconcile: Reconcile
    background: Background
    firewall: Firewalling


def compose(
    state: State,
    dataplane: Dataplane,
    engine: Engine,
    settings: Settings,
    plugin: Callable[[], dict[str, Any]],
    notes: Callable[[], list[str]],
) -> House:
    """Build the services. Nothing is done yet."""
    firewall = Firewalling(state, dataplane)
    holders = Holders(state, dataplane, rebooted(state, dataplane))
    addresses = Addresses(state, dataplane, settings.name, holders)
    networks = Networks(state, dataplane, holders, firewall, settings.mtu)
    endpoints = Endpoints(state, dataplane, networks, holders)
    sandboxes = Sandboxes(state, dataplane, engine)
    choosing = Choosing(state, dataplane, settings)
    attaching = Attaching(state, dataplane, networks, sandboxes, choosing)
    lifecycle = Lifecycle(state, dataplane, engine, networks, firewall, settings)
    reconcile = Reconcile(
        *(state, dataplane, engine, addresses, holders, networks, endpoints, attaching, firewall),
        settings.grace,
        settings.linger,
    )
    status = Status(
        *(state, dataplane, engine, networks, firewall, lifecycle, settings),
        __version__,
        plugin,
        notes,
    )
    services = Services(
        attaching,
        Exposing(state, networks, firewall, choosing),
        Inspecting(state, engine, networks, sandboxes),
        DockerNetworks(state, engine),
        status,
    )
    background = Background(
        engine,
        lifecycle,
        networks,
        firewall,
        reconcile,
        lambda: bool(plugin()["enabled"]),
        settings.grace,
    )
    calls = {**network_driver(networks, endpoints), **ipam_driver(addresses)}
    return House(calls, services, lifecycle, reconcile, background, firewall)
