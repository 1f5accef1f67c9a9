"""All services over a store on disk and a data plane and an engine in memory; and Docker's part.

house = House(tmp_path)
net = house.network("10.5.0.0/16")            # what `docker network create` makes Docker call
eid = house.run(net, "c1")                    # … and what `docker run --network` does
house.stop(net, eid)
house = house.restarted()                     # weaved anew, over the same store and kernel
"""

from __future__ import annotations

import ipaddress
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.fakes.dataplane import FakeDataplane
from tests.fakes.engine import FakeEngine
from weavecli.daemon.app import PluginApp
from weavecli.daemon.compose import House as Composed
from weavecli.daemon.compose import compose
from weavecli.daemon.http import Request
from weavecli.daemon.plugin.messages import GATEWAY_REQUEST
from weavecli.daemon.plugin.routes import CONSTANTS, METHODS
from weavecli.model.address import IPIface
from weavecli.model.endpoint import Claim
from weavecli.model.naming import host_end, sandbox_end
from weavecli.model.settings import Settings
from weavecli.service.lifecycle import prepare
from weavecli.service.state import State
from weavecli.store.sqlite import SqliteStore

SETTINGS = Settings(name="02:4b:7d:00:10:aa", nickname="host1")
GATEWAY = {"RequestAddressType": GATEWAY_REQUEST}
PLUGIN: dict[str, Any] = {
    "enabled": True,
    "drivers": ["weave", "weavemesh"],
    "sockets": ["/run/docker/plugins/weave.sock"],
    "docker": "20.10.24",
    "network": "",
    "calls": 0,
    "last_call": "",
}


def iface(text: str) -> IPIface:
    return ipaddress.ip_interface(text)


class Refused(Exception):
    """A plugin call that was not answered with 200."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class House:
    """One host. `number` counts the IDs it makes up."""

    def __init__(
        self,
        directory: Path,
        settings: Settings = SETTINGS,
        dataplane: FakeDataplane | None = None,
        engine: FakeEngine | None = None,
    ) -> None:
        self.directory = directory
        self.settings = settings
        self.dataplane = dataplane or FakeDataplane()
        self.engine = engine or FakeEngine()
        self.number = 0
        self.sandboxes = 0
        self.notes: list[str] = []
        self.plugin = dict(PLUGIN)
        self.store = SqliteStore(directory / "state.db")
        try:
            self.state = State(self.store)
            prepare(self.state, settings)
            self.composed: Composed = compose(
                self.state,
                self.dataplane,
                self.engine,
                settings,
                lambda: self.plugin,
                lambda: self.notes,
            )
            self.composed.lifecycle.start()
        except BaseException:
            self.store.close()
            raise
        self.app = PluginApp(CONSTANTS, METHODS, lambda: None)
        self.app.methods.update(self.composed.plugin)

    def restarted(self, **settings: Any) -> House:
        self.close()
        changed = replace(self.settings, **settings)
        made = House(self.directory, changed, self.dataplane, self.engine)
        made.number, made.sandboxes = self.number, self.sandboxes
        return made

    def close(self) -> None:
        self.store.close()

    # -- the services

    @property
    def attaching(self) -> Any:
        return self.composed.services.attaching

    @property
    def exposing(self) -> Any:
        return self.composed.services.exposing

    @property
    def status(self) -> Any:
        return self.composed.services.status

    @property
    def reconcile(self) -> Any:
        return self.composed.reconcile

    @property
    def lifecycle(self) -> Any:
        return self.composed.lifecycle

    # -- Docker

    def call(self, method: str, **body: Any) -> dict[str, Any]:
        """One plugin call. Raises Refused."""
        response = self.app(Request("POST", f"/{method}", {}, json.dumps(body).encode()))
        answer: dict[str, Any] = json.loads(response.body)
        if response.status != 200:
            assert answer["Err"] == answer["Error"]
            raise Refused(response.status, answer["Err"])
        return answer

    def new_id(self, letter: str = "e") -> str:
        self.number += 1
        return f"{self.number:06x}{letter}".ljust(64, "0")

    def pool(self, pool: str = "", sub: str = "", v6: bool = False) -> str:
        """RequestPool; the PoolID."""
        answer = self.call(
            "IpamDriver.RequestPool",
            AddressSpace="weavelocal",
            Pool=pool,
            SubPool=sub,
            Options=None,
            V6=v6,
        )
        return str(answer["PoolID"])

    def address(self, pool: str, address: str = "", gateway: bool = False) -> str:
        """RequestAddress; the CIDR."""
        options = GATEWAY if gateway else None
        answer = self.call(
            "IpamDriver.RequestAddress", PoolID=pool, Address=address, Options=options
        )
        return str(answer["Address"])

    def release(self, pool: str, address: str) -> None:
        self.call("IpamDriver.ReleaseAddress", PoolID=pool, Address=address.partition("/")[0])

    def create(
        self,
        pools: list[str],
        gateways: list[str],
        network: str = "",
        aux: str = "",
        **options: Any,
    ) -> str:
        """CreateNetwork; the NetworkID."""
        network = network or self.new_id("a")
        data: dict[str, list[dict[str, Any]]] = {"IPv4Data": [], "IPv6Data": []}
        for pool, gateway in zip(pools, gateways, strict=True):
            subnet = "/".join(pool.split("/")[1:3])
            entry: dict[str, Any] = {
                "AddressSpace": "weavelocal",
                "Pool": subnet,
                "Gateway": gateway,
            }
            if aux and not data["IPv4Data"]:
                entry["AuxAddresses"] = {"one": aux}
            data["IPv6Data" if ":" in subnet else "IPv4Data"].append(entry)
        self.call("NetworkDriver.CreateNetwork", NetworkID=network, Options=options, **data)
        return network

    def network(self, *subnets: str, internal: object = False, **generic: Any) -> str:
        """All calls of `docker network create`; the NetworkID."""
        pools = [self.pool(s, v6=":" in s) for s in subnets or ("",)]
        gateways = [self.address(p, gateway=True) for p in pools]
        options: dict[str, Any] = {"com.docker.network.generic": generic}
        if internal:
            options["com.docker.network.internal"] = True
        return self.create(pools, gateways, **options)

    def pools_of(self, network: str) -> list[str]:
        return sorted(p.id for p in self.state.pools.values() if p.network == network)

    def remove(self, network: str) -> None:
        """All calls of `docker network rm`."""
        for pool in self.pools_of(network):
            gateway = self.state.pools[pool].gateway
            if gateway:
                self.release(pool, gateway)
            self.call("IpamDriver.ReleasePool", PoolID=pool)
        self.call("NetworkDriver.DeleteNetwork", NetworkID=network)

    def endpoint(self, network: str, address: str = "", endpoint: str = "", mac: str = "") -> str:
        """RequestAddress and CreateEndpoint; the EndpointID."""
        endpoint = endpoint or self.new_id()
        interface = {"Address": "", "AddressIPv6": "", "MacAddress": mac}
        for pool in self.pools_of(network):
            key = "AddressIPv6" if ":" in pool else "Address"
            interface[key] = self.address(pool, address if key == "Address" else "")
        self.call(
            "NetworkDriver.CreateEndpoint",
            NetworkID=network,
            EndpointID=endpoint,
            Interface=interface,
            Options={},
        )
        return endpoint

    def join(self, network: str, endpoint: str, ports: int = 0) -> dict[str, Any]:
        portmap = [{"Proto": 6, "Port": 80, "HostPort": 8080}] * ports
        return self.call(
            "NetworkDriver.Join",
            NetworkID=network,
            EndpointID=endpoint,
            SandboxKey="/var/run/docker/netns/1",
            Options={"com.docker.network.portmap": portmap},
        )

    def run(self, network: str, name: str = "", address: str = "", ports: int = 0) -> str:
        """All calls of `docker run`, and the move of the link into the sandbox."""
        endpoint = self.endpoint(network, address)
        self.join(network, endpoint, ports)
        self.plug(endpoint)
        if name:
            container = self.engine.add_container(name, pid=1000 + self.number)
            made = self.state.endpoints[endpoint]
            self.engine.join(
                network, container, endpoint, made.mac, str(made.v4 or ""), str(made.v6 or "")
            )
        return endpoint

    def plug(self, endpoint: str) -> None:
        """The link goes into its sandbox."""
        place = f"/var/run/docker/netns/{endpoint[:12]}"
        self.sandboxes += 1
        self.dataplane.add_netns(place, 4026540000 + self.sandboxes)
        addresses = self.state.endpoints[endpoint].addresses
        self.dataplane.move_into(sandbox_end(endpoint), place, "ethwe0", addresses)

    def kill(self, endpoint: str) -> None:
        """The container's last process ends, and with it the link."""
        self.dataplane.kill_netns(f"/var/run/docker/netns/{endpoint[:12]}")

    def leave(self, network: str, endpoint: str) -> None:
        self.call("NetworkDriver.Leave", NetworkID=network, EndpointID=endpoint)

    def delete(self, network: str, endpoint: str) -> None:
        self.call("NetworkDriver.DeleteEndpoint", NetworkID=network, EndpointID=endpoint)

    def stop(self, network: str, endpoint: str) -> None:
        """All calls of `docker stop`."""
        addresses = self.state.endpoints[endpoint].addresses
        self.leave(network, endpoint)
        self.delete(network, endpoint)
        for address in addresses:
            for pool in self.pools_of(network):
                if (":" in pool) is (address.version == 6):
                    self.release(pool, str(address))

    def container(self, name: str, **settings: Any) -> str:
        """A running container without a network of ours; its ID."""
        self.sandboxes += 1
        pid = 5000 + self.sandboxes
        self.dataplane.add_netns(f"/proc/{pid}/ns/net", 4026540000 + self.sandboxes)
        return self.engine.add_container(name, pid=pid, **settings)

    # -- what came of it

    def known(self, network: str, name: str, **rest: Any) -> None:
        """Docker lists the network from now on."""
        value = self.state.networks[network]
        configs = tuple({"Subnet": str(s.cidr)} for s in value.subnets)
        self.engine.add_network(name, id=network, configs=configs, **rest)

    def claims(self) -> dict[str, str]:
        """Owner by address."""
        return {str(c.ip): c.owner for c in self.state.book}

    def on_disk(self) -> dict[str, str]:
        return {key: value["owner"] for key, value in self.store.all("claim").items()}

    def claim_of(self, address: str) -> Claim | None:
        return self.state.book.get(ipaddress.ip_address(address))

    def has_link(self, endpoint: str) -> bool:
        return self.dataplane.pair_exists(host_end(endpoint))
