"""The Docker engine through its API: the low-level client of the Docker SDK.

The version of the API is negotiated at the first call, and again when the connection was lost:
another dockerd may listen by then. Each call has a time limit; it counts from one answer of the
socket to the next, as dockerd itself may wait for our plugin. Safe for threads.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from weavecli.engine import docker_failures as failures
from weavecli.engine import docker_shapes as shapes
from weavecli.engine.base import Container, EngineNetwork, NetworkSpec
from weavecli.engine.docker_events import EventStream
from weavecli.errors import NotFound, Unavailable, WeaveError

T = TypeVar("T")

DEFAULT_URL = "unix:///var/run/docker.sock"
DRIVERS = ("weave", "weavemesh")
EVENTS = {"type": ["container", "network"]}

QUICK = 2.0
NORMAL = 10.0
# dockerd calls back our plugin meanwhile, and waits 15 s for each of its calls when it is gone.
PATIENT = 60.0


class DockerEngine:
    """The engine at `url`: DOCKER_HOST, else the usual socket."""

    def __init__(self, url: str | None = None) -> None:
        self.url = url or os.environ.get("DOCKER_HOST") or DEFAULT_URL
        self._lock = threading.Lock()
        self._clients: dict[float, Any] = {}
        self._api = ""
        self._streams: set[EventStream] = set()

    # Reading.

    def version(self) -> str:
        answer = self._call("ask Docker's version", lambda c: c.version(), QUICK, read=True)
        return str(answer.get("Version") or "")

    def container(self, ref: str) -> Container:
        return shapes.container(self.inspect_container(ref))

    def inspect_container(self, ref: str) -> dict[str, Any]:
        raw: dict[str, Any] = self._call(
            f"inspect container {ref}", lambda c: c.inspect_container(ref), read=True
        )
        return raw

    def containers(self) -> list[Container]:
        """One that is being started blocks its own inspection, for as long as its network takes:
        that one is told from the list, without pid and sandbox."""
        listed = self._call("list containers", lambda c: c.containers(all=True), read=True)
        found = []
        for entry in listed:
            with contextlib.suppress(NotFound):  # gone meanwhile
                found.append(self._detailed(entry))
        return found

    def _detailed(self, entry: dict[str, Any]) -> Container:
        ref = entry["Id"]
        doing = f"inspect container {ref[:12]}"
        try:
            return shapes.container(
                self._call(doing, lambda c: c.inspect_container(ref), QUICK, read=True)
            )
        except Unavailable:
            return shapes.listed_container(entry)

    def networks(self) -> list[EngineNetwork]:
        found = []
        for entry in self._listed_networks(DRIVERS):
            with contextlib.suppress(NotFound):
                found.append(self.network(entry["Id"]))
        return found

    def network(self, ref: str) -> EngineNetwork:
        doing = f"inspect network {ref}"
        return shapes.network(self._call(doing, lambda c: c.inspect_network(ref), read=True))

    def bridges(self) -> list[str]:
        return sorted(shapes.bridge(raw) for raw in self._listed_networks(["bridge"]))

    def _listed_networks(self, drivers: tuple[str, ...] | list[str]) -> list[dict[str, Any]]:
        filters = {"driver": list(drivers)}
        return list(self._call("list networks", lambda c: c.networks(filters=filters), read=True))

    # Changing.

    def create_network(self, spec: NetworkSpec, driver: str = "weave") -> str:
        ipam = {"Driver": driver, "Config": [dict(config) for config in spec.configs]}
        answer = self._call(
            f"create network {spec.name}",
            lambda c: c.create_network(
                spec.name,
                driver=driver,
                options=dict(spec.options),
                ipam=ipam,
                check_duplicate=True,  # before API 1.44 Docker allows a name twice
                internal=spec.internal,
                labels=dict(spec.labels),
                enable_ipv6=spec.ipv6,
            ),
            PATIENT,
        )
        return str(answer["Id"])

    def remove_network(self, ref: str) -> None:
        self._call(f"remove network {ref}", lambda c: c.remove_network(ref), PATIENT)

    def disconnect(self, network: str, container: str) -> None:
        self._call(
            f"disconnect container {container} from network {network}",
            lambda c: c.disconnect_container_from_network(container, network, force=True),
            PATIENT,
        )

    def start(self, container: str) -> None:
        self._call(f"start container {container}", lambda c: c.start(container), PATIENT)

    # Watching.

    def events(self) -> EventStream:
        """The stream is connected when this returns: what is listed after it misses nothing."""
        doing = "watch Docker's events"
        client = self._connect(doing, NORMAL, negotiated=self._negotiate(doing))
        url = f"{client.base_url}/v{client.api_version}/events"
        try:
            self._knock()
            response = client.get(
                url, params={"filters": json.dumps(EVENTS)}, stream=True, timeout=NORMAL
            )
            _raise_refusal(response)
            stream = EventStream(client, response, self._alive, lambda: self._forget(stream))
        except Exception as e:
            client.close()
            self._drop()
            raise failures.translate(e, doing, self.url, NORMAL) from None
        with self._lock:
            self._streams.add(stream)
        return stream

    def _alive(self) -> bool:
        try:
            self.version()
        except WeaveError:
            return False
        return True

    def _forget(self, stream: EventStream) -> None:
        with self._lock:
            self._streams.discard(stream)

    def close(self) -> None:
        """End all streams and connections; the next call opens new ones."""
        with self._lock:
            streams = list(self._streams)
        for stream in streams:
            stream.close()
        self._drop()

    # Calling.

    def _call(
        self,
        doing: str,
        call: Callable[[Any], T],
        limit: float = NORMAL,
        read: bool = False,
    ) -> T:
        """Run one call of the SDK. Tried again once, with a new connection and version, where that
        is harmless: for reads when the connection was lost, for all when the version is refused."""
        for again in (True, False):
            try:
                return self._try(doing, call, limit)
            except Exception as e:
                outdated, lost = failures.outdated(e), failures.lost(e)
                if outdated or lost:
                    self._drop()
                if not (again and (outdated or (read and lost))):
                    raise failures.translate(e, doing, self.url, limit) from None
        raise AssertionError("unreachable")

    def _try(self, doing: str, call: Callable[[Any], T], limit: float) -> T:
        self._knock()
        negotiated = self._negotiate(doing)
        with self._lock:
            client = self._clients.get(limit)
            if client is None:
                client = self._connect(doing, limit, negotiated)
                self._clients[limit] = client
        return call(client)

    def _knock(self) -> None:
        """Fail early where nobody listens: the SDK leaks a socket for each failed connection."""
        if self.url.startswith("unix://"):
            with socket.socket(socket.AF_UNIX) as knock:
                knock.settimeout(QUICK)
                knock.connect(self.url.removeprefix("unix://"))

    def _negotiate(self, doing: str) -> str:
        """The version both sides speak, asked once a connection."""
        with self._lock:
            if self._api:
                return self._api
        client = self._connect(doing, QUICK, negotiated="1.24")
        try:
            self._knock()
            answer = client.version(api_version=False)
        except Exception as e:
            raise failures.translate(e, doing, self.url, QUICK) from None
        finally:
            client.close()
        with self._lock:
            self._api = str(answer["ApiVersion"])
            return self._api

    def _connect(self, doing: str, limit: float, negotiated: str) -> Any:
        """A client that has not spoken yet."""
        import docker
        from docker.utils import kwargs_from_env

        settings = {"base_url": self.url}
        try:
            if self.url.startswith(("tcp:", "http")):
                settings = kwargs_from_env(environment=os.environ | {"DOCKER_HOST": self.url})
            client = docker.APIClient(version=negotiated, timeout=limit, **settings)
        except Exception as e:
            raise failures.translate(e, doing, self.url, limit) from None
        client.trust_env = not self.url.startswith("unix:")  # no proxy, no ~/.netrc in between
        return client

    def _drop(self) -> None:
        """Close what there is. A call of another thread that is under way ends by itself."""
        with self._lock:
            clients, self._clients, self._api = list(self._clients.values()), {}, ""
        for client in clients:
            client.close()


def _raise_refusal(response: Any) -> None:
    """Raise what the SDK raises for its own calls."""
    import requests
    from docker.errors import create_api_error_from_http_exception

    try:
        response.raise_for_status()
    except requests.exceptions.HTTPError as e:
        create_api_error_from_http_exception(e)
