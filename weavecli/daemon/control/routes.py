"""The control API's routes: decode, call one service, encode."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from weavecli import __version__
from weavecli.api import paths
from weavecli.daemon.app import ControlMethod, decode
from weavecli.daemon.http import Request
from weavecli.errors import Invalid
from weavecli.service.attach import Attaching
from weavecli.service.docker_networks import DockerNetworks
from weavecli.service.expose import Exposing
from weavecli.service.inspecting import Inspecting
from weavecli.service.status import Status

Routes = dict[tuple[str, str], ControlMethod]


@dataclass(frozen=True, slots=True)
class Services:
    """What the routes call."""

    attaching: Attaching
    exposing: Exposing
    inspecting: Inspecting
    networks: DockerNetworks
    status: Status


def text(body: dict[str, Any], key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not value or len(value) > 4096 or "\0" in value:
        raise Invalid(f"{key} is missing or is no text")
    return value


def texts(body: dict[str, Any], key: str) -> list[str]:
    value = body.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Invalid(f"{key} is no list of texts")
    return value


def flag(body: dict[str, Any], key: str, default: bool) -> bool:
    value = body.get(key, default)
    if not isinstance(value, bool):
        raise Invalid(f"{key} is neither true nor false")
    return value


def constants(ready: Callable[[], dict[str, Any]]) -> Routes:
    """What is answered from the first moment on."""
    version = {"version": __version__, "api": paths.API_VERSION, "pid": os.getpid()}
    return {
        ("GET", paths.VERSION): lambda _request: version,
        ("GET", paths.READY): lambda _request: ready(),
    }


def legs(services: Services) -> Routes:
    """attach, detach, expose, hide."""

    def attach(request: Request) -> object:
        body = decode(request.body)
        addresses, warnings = services.attaching.attach(
            text(body, "container"), texts(body, "addresses"), flag(body, "multicast_route", True)
        )
        return {"addresses": addresses, "warnings": warnings}

    def detach(request: Request) -> object:
        body = decode(request.body)
        gone = services.attaching.detach(text(body, "container"), texts(body, "addresses"))
        return {"addresses": gone, "warnings": []}

    def expose(request: Request) -> object:
        body = decode(request.body)
        addresses, warnings = services.exposing.expose(
            texts(body, "addresses"), flag(body, "masquerade", True)
        )
        return {"addresses": addresses, "warnings": warnings}

    def hide(request: Request) -> object:
        body = decode(request.body)
        return {"addresses": services.exposing.hide(texts(body, "addresses")), "warnings": []}

    return {
        ("POST", paths.ATTACH): attach,
        ("POST", paths.DETACH): detach,
        ("POST", paths.EXPOSE): expose,
        ("POST", paths.HIDE): hide,
    }


def reading(services: Services) -> Routes:
    """status, report, ps, inspect, prime."""

    def status(request: Request) -> object:
        subject = request.path[len(paths.STATUS) :].strip("/")
        body, ok = services.status.text(subject)
        return {"text": body, "ok": ok}

    def ps(request: Request) -> object:
        return {"interfaces": services.status.ps(request.query.get("container", []))}

    def inspect(request: Request) -> object:
        ref = (request.query.get("ref") or [""])[0]
        if not ref:
            raise Invalid("ref is missing")
        return services.inspecting.inspect(ref, (request.query.get("type") or [""])[0])

    return {
        ("GET", paths.STATUS): status,
        ("GET", f"{paths.STATUS}/"): status,
        ("GET", paths.REPORT): lambda _request: services.status.report(),
        ("GET", paths.PS): ps,
        ("GET", paths.INSPECT): inspect,
        ("POST", paths.PRIME): lambda _request: {},
    }


def networks(services: Services) -> Routes:
    """network create, ls, inspect, rm."""

    def name(request: Request) -> str:
        return request.path[len(paths.NETWORKS) :].strip("/")

    def create(request: Request) -> object:
        return {"id": services.networks.create(decode(request.body))}

    def remove(request: Request) -> object:
        services.networks.remove(name(request))
        return {}

    return {
        ("GET", paths.NETWORKS): lambda _request: {"networks": services.status.networks()},
        ("POST", paths.NETWORKS): create,
        ("GET", f"{paths.NETWORKS}/"): lambda r: services.inspecting.inspect(name(r), "network"),
        ("DELETE", f"{paths.NETWORKS}/"): remove,
    }
