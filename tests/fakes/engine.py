"""An engine in memory: containers and networks that tests put there, events that tests push.

engine = FakeEngine()
c1 = engine.add_container("c1", pid=42)
web = engine.add_network("web", subnet="10.5.0.0/16")
engine.join(web, c1, "e" * 64, mac="02:00:00:00:00:01", ipv4="10.5.0.2/16")
engine.fail["create_network"] = Conflict("taken")     # each call of it, until removed
engine.down = True                                    # nothing answers
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from weavecli.engine.base import Container, EngineNetwork, Event, NetworkSpec
from weavecli.errors import Conflict, NotFound, Unavailable

DRIVERS = ("weave", "weavemesh")
ABSENT = "no Docker engine answers on fake; start Docker, or set DOCKER_HOST"


class FakeStream(Iterator["Event | None"]):
    """Events as the real stream has them; `beat` is how long it waits for one."""

    def __init__(self, beat: float) -> None:
        self.beat = beat
        self.queue: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self.ended = threading.Event()

    def __next__(self) -> Event | None:
        if self.ended.is_set():
            raise StopIteration
        try:
            event = self.queue.get(timeout=self.beat)
        except queue.Empty:
            return None
        if event is None:
            self.ended.set()
            raise StopIteration
        return event

    def close(self) -> None:
        self.queue.put(None)


class FakeEngine:
    """Implements the Engine contract; `calls` is what was asked for, in order."""

    def __init__(self, version: str = "20.10.24", beat: float = 0.01) -> None:
        self.down = False
        self.fail: dict[str, Exception] = {}
        self.calls: list[tuple[Any, ...]] = []
        self.containers_by_id: dict[str, Container] = {}
        self.networks_by_id: dict[str, EngineNetwork] = {}
        self.devices = ["docker0"]
        self._version = version
        self._beat = beat
        self._streams: list[FakeStream] = []
        self._lock = threading.RLock()
        self._count = 0

    # What tests do.

    def add_container(self, name: str, running: bool = True, pid: int = 0, **rest: Any) -> str:
        """Returns its ID."""
        values: dict[str, Any] = {
            "id": self._id("c"),
            "network_mode": "default",
            "sandbox_key": f"/var/run/docker/netns/{name}" if running else "",
            "restart_policy": "no",
            "error": "",
        }
        made = Container(name=name, running=running, pid=pid, **values | rest)
        with self._lock:
            self.containers_by_id[made.id] = made
        return made.id

    def add_network(
        self, name: str, driver: str = "weave", subnet: str | None = None, **rest: Any
    ) -> str:
        """Returns its ID."""
        values: dict[str, Any] = {
            "id": self._id("e"),
            "ipam_driver": driver if driver in DRIVERS else "default",
            "internal": False,
            "ipv6": False,
            "configs": ({"Subnet": subnet},) if subnet else (),
        }
        made = EngineNetwork(name=name, driver=driver, **values | rest)
        self._put(made)
        return made.id

    def join(
        self,
        network: str,
        container: str,
        endpoint: str,
        mac: str = "",
        ipv4: str = "",
        ipv6: str = "",
    ) -> None:
        """Give the network an endpoint; container '' makes it one without a sandbox."""
        name = self._container(container).name if container else "gone"
        cid = self._container(container).id if container else ""
        at = self._network(network)
        self._put(replace(at, endpoints={**at.endpoints, endpoint: (cid, name, mac, ipv4, ipv6)}))

    def set_container(self, ref: str, **changes: Any) -> None:
        """Change some members of a container."""
        with self._lock:
            found = self._container(ref)
            self.containers_by_id[found.id] = replace(found, **changes)

    def remove_container(self, ref: str) -> None:
        with self._lock:
            del self.containers_by_id[self._container(ref).id]

    def push(self, type: str, action: str, id: str, **attributes: str) -> None:
        """Send an event to all that watch."""
        for stream in list(self._streams):
            stream.queue.put(Event(type, action, id, attributes))

    def cut(self) -> None:
        """End all event streams, as a restart of dockerd does."""
        for stream in self._streams:
            stream.close()
        self._streams.clear()

    # What the rules do.

    def version(self) -> str:
        self._called("version")
        return self._version

    def container(self, ref: str) -> Container:
        self._called("container", ref)
        return self._container(ref)

    def containers(self) -> list[Container]:
        self._called("containers")
        with self._lock:
            return list(self.containers_by_id.values())

    def inspect_container(self, ref: str) -> dict[str, Any]:
        self._called("inspect_container", ref)
        found = self._container(ref)
        return {
            "Id": found.id,
            "Name": f"/{found.name}",
            "State": {"Running": found.running, "Pid": found.pid, "Error": found.error},
            "HostConfig": {
                "NetworkMode": found.network_mode,
                "RestartPolicy": {"Name": found.restart_policy},
            },
            "NetworkSettings": {"SandboxKey": found.sandbox_key, "Networks": found.networks},
        }

    def networks(self) -> list[EngineNetwork]:
        self._called("networks")
        with self._lock:
            return [n for n in self.networks_by_id.values() if n.driver in DRIVERS]

    def network(self, ref: str) -> EngineNetwork:
        self._called("network", ref)
        return self._network(ref)

    def bridges(self) -> list[str]:
        self._called("bridges")
        return list(self.devices)

    def create_network(self, spec: NetworkSpec, driver: str = "weave") -> str:
        self._called("create_network", spec, driver)
        with self._lock:
            if any(n.name == spec.name for n in self.networks_by_id.values()):
                raise Conflict(
                    f"unable to create network {spec.name}: "
                    f"network with name {spec.name} already exists"
                )
            return self.add_network(
                spec.name,
                driver,
                internal=spec.internal,
                ipv6=spec.ipv6,
                configs=spec.configs,
                options=dict(spec.options),
                raw={"Labels": dict(spec.labels)},
            )

    def remove_network(self, ref: str) -> None:
        self._called("remove_network", ref)
        with self._lock:
            found = self._network(ref)
            if found.endpoints:
                raise Conflict(
                    f"unable to remove network {ref}: "
                    f"network {found.name} id {found.id} has active endpoints"
                )
            del self.networks_by_id[found.id]

    def disconnect(self, network: str, container: str) -> None:
        self._called("disconnect", network, container)
        with self._lock:
            at = self._network(network)
            names = {end: (cid, name) for end, (cid, name, *_) in at.endpoints.items()}
            kept = {end: at.endpoints[end] for end, who in names.items() if container not in who}
            if len(kept) == len(names):
                raise NotFound(
                    f"unable to disconnect container {container} from network {network}: "
                    f"endpoint {container} not found"
                )
            self._put(replace(at, endpoints=kept))

    def start(self, container: str) -> None:
        self._called("start", container)
        self.set_container(container, running=True, error="")

    def events(self) -> FakeStream:
        self._called("events")
        stream = FakeStream(self._beat)
        self._streams.append(stream)
        return stream

    def close(self) -> None:
        self.cut()

    # The inside.

    def _called(self, name: str, *arguments: Any) -> None:
        with self._lock:
            self.calls.append((name, *arguments))
        if self.down:
            raise Unavailable(ABSENT)
        if name in self.fail:
            raise self.fail[name]

    def _container(self, ref: str) -> Container:
        with self._lock:
            for found in self.containers_by_id.values():
                if ref and (found.name == ref or found.id.startswith(ref)):
                    return found
        raise NotFound(f"unable to inspect container {ref}: No such container: {ref}")

    def _network(self, ref: str) -> EngineNetwork:
        with self._lock:
            for found in self.networks_by_id.values():
                if ref and (found.name == ref or found.id.startswith(ref)):
                    return found
        raise NotFound(f"unable to inspect network {ref}: network {ref} not found")

    def _id(self, letter: str) -> str:
        with self._lock:
            self._count += 1
            return f"{letter}{self._count:011x}".ljust(64, "0")

    def _put(self, network: EngineNetwork) -> None:
        """`raw` follows what the network has, in the shape of `docker network inspect`."""
        containers = {
            cid or f"ep-{end}": {
                "Name": name,
                "EndpointID": end,
                "MacAddress": mac,
                "IPv4Address": ipv4,
                "IPv6Address": ipv6,
            }
            for end, (cid, name, mac, ipv4, ipv6) in network.endpoints.items()
        }
        raw = {
            "Labels": {},
            **network.raw,
            "Name": network.name,
            "Id": network.id,
            "Driver": network.driver,
            "Internal": network.internal,
            "EnableIPv6": network.ipv6,
            "IPAM": {"Driver": network.ipam_driver, "Config": list(network.configs)},
            "Options": network.options,
            "Containers": containers,
        }
        with self._lock:
            self.networks_by_id[network.id] = replace(network, raw=raw)
