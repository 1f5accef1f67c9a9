"""`weave status`, `report` and `ps`: the truth, from the records and from the kernel."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from weavecli.api.messages import Interface, NetworkRow
from weavecli.dataplane.base import Dataplane
from weavecli.engine.base import Engine
from weavecli.errors import Invalid, WeaveError
from weavecli.model import naming
from weavecli.model.network import DEFAULT_ID, Network
from weavecli.model.settings import Settings
from weavecli.service.firewall import Firewalling
from weavecli.service.lifecycle import Lifecycle
from weavecli.service.networks import Networks
from weavecli.service.state import State

SUBJECTS = ("targets", "connections", "peers", "ipam")


class Status:
    """Reads; changes nothing."""

    def __init__(
        self,
        state: State,
        dataplane: Dataplane,
        engine: Engine,
        networks: Networks,
        firewall: Firewalling,
        lifecycle: Lifecycle,
        settings: Settings,
        version: str,
        plugin: Callable[[], dict[str, Any]],
        notes: Callable[[], list[str]],
    ) -> None:
        """`plugin` tells of the plugin's sockets (PluginReply); `notes` are problems that only
        the daemon knows, a sentence each (still starting, Docker network missing)."""
        self._state = state
        self._dataplane = dataplane
        self._engine = engine
        self._networks = networks
        self._firewall = firewall
        self._lifecycle = lifecycle
        self._settings = settings
        self._version = version
        self._plugin = plugin
        self._notes = notes

    # -- status

    def text(self, subject: str = "") -> tuple[str, bool]:
        """What `weave status [SUBJECT]` prints, and whether all is well."""
        if subject == "":
            return self._summary()
        if subject == "ipam":
            return self._ipam_line() + "\n", True
        if subject == "peers":
            return f"{self._peer()}\n", True
        if subject in SUBJECTS:
            return "", True
        raise Invalid(
            f"Invalid 'weave status' sub-command: {subject}; there are {', '.join(SUBJECTS)}"
        )

    def problems(self) -> list[str]:
        """What is wrong now, a sentence each."""
        found = list(self._notes())
        for check in (self._lifecycle.differences, self._firewall.problems):
            try:
                found += check()
            except WeaveError as error:
                found.append(str(error))
        return found

    def _full(self) -> list[str]:
        """Names of networks without a free address: a fact worth a line, but nothing is broken."""
        found = []
        for network in list(self._state.networks.values()):
            if not network.ipam or network.v4 is None or network.id == DEFAULT_ID:
                continue
            used, size = self._used(network)
            if used >= size:
                found.append(f"{network.label} (all {size} addresses)")
        return found

    def _used(self, network: Network) -> tuple[int, int]:
        assert network.v4 is not None
        with self._state.lock:
            used = self._state.book.count(network.v4.cidr)
        return used, network.v4.cidr.num_addresses - 2

    def _summary(self) -> tuple[str, bool]:
        problems = self.problems()
        sections = [[("Version", self._version)]]
        if problems:
            sections.insert(0, [("Problem", text) for text in problems])
        sections.append(
            [
                ("Service", "router"),
                ("Protocol", "weave 3"),
                ("Name", self._peer()),
                ("Encryption", "disabled"),
                ("PeerDiscovery", "disabled"),
                ("Targets", "0"),
                ("Connections", "0"),
                ("Peers", "1"),
                ("TrustedSubnets", "none"),
            ]
        )
        sections.append(self._ipam_section())
        sections.append(self._networks_section())
        plugin = self._plugin()
        if plugin["enabled"]:
            docker = plugin["docker"] or "no Docker engine answers"
            sections.append(
                [
                    ("Service", "plugin"),
                    ("DriverName", ", ".join(plugin["drivers"])),
                    ("Docker", docker),
                ]
            )
        body = "\n\n".join(
            "\n".join(f"{label:>15}: {value}" for label, value in section) for section in sections
        )
        return f"\n{body}\n\n", not problems

    def _peer(self) -> str:
        return f"{self._settings.name}({self._settings.nickname})"

    def _ipam_section(self) -> list[tuple[str, str]]:
        used, size = self._range_use()
        return [
            ("Service", "ipam"),
            ("Status", "ready" if used < size else "all addresses are in use"),
            ("Range", str(self._settings.range)),
            ("DefaultSubnet", str(self._settings.default_subnet)),
        ]

    def _range_use(self) -> tuple[int, int]:
        with self._state.lock:
            used = self._state.book.count(self._settings.range)
        return used, self._settings.range.num_addresses - 2

    def _ipam_line(self) -> str:
        used, _ = self._range_use()
        total = self._settings.range.num_addresses
        return f"{self._peer():<37} {total:>8} IPs (100.0% of total) ({used} active)"

    def _networks_section(self) -> list[tuple[str, str]]:
        docker = [n for n in list(self._state.networks.values()) if n.id != DEFAULT_ID]
        local = sum(1 for n in docker if not n.ipam)
        words = f"{len(docker)}" + (f" ({local} with Docker's own addresses)" if local else "")
        joined = sum(1 for e in list(self._state.endpoints.values()) if e.joined)
        section = [
            ("Service", "networks"),
            ("Networks", words),
            ("Endpoints", str(joined)),
            ("Attached", str(len(self._state.legs))),
            ("Exposed", ", ".join(str(a) for a in self._state.exposed) or "none"),
        ]
        full = self._full()
        return [*section, ("Full", ", ".join(full))] if full else section

    # -- report

    def report(self) -> dict[str, Any]:
        """The object of `weave report`; the paths are Weave Net's."""
        problems = self.problems()
        used, _ = self._range_use()
        plugin = self._plugin()
        report: dict[str, Any] = {
            "Ready": not problems,
            "Problems": problems,
            "Version": self._version,
            "VersionCheck": {"Enabled": False, "Success": False, "NewVersion": ""},
            "Router": self._router(),
            "IPAM": {
                "Paxos": None,
                "Range": str(self._settings.range),
                "RangeNumIPs": self._settings.range.num_addresses,
                "ActiveIPs": used,
                "DefaultSubnet": str(self._settings.default_subnet),
                "Entries": [self._entry()],
                "PendingClaims": None,
                "PendingAllocates": None,
            },
            "Networks": [dict(row) for row in self.networks()],
            "Interfaces": [dict(i) for i in self.ps([])],
        }
        if plugin["enabled"]:
            drivers = [*plugin["drivers"], "", ""]
            report["Plugin"] = {
                "DriverName": drivers[0],
                "MeshDriverName": drivers[1],
                "Sockets": plugin["sockets"],
                "Docker": plugin["docker"],
                "Calls": plugin["calls"],
            }
        return report

    def _router(self) -> dict[str, Any]:
        me = {"Name": self._settings.name, "NickName": self._settings.nickname}
        return {
            "Protocol": "weave",
            "ProtocolMinVersion": 3,
            "ProtocolMaxVersion": 3,
            "Encryption": False,
            "PeerDiscovery": False,
            **me,
            "Peers": [{**me, "Version": self._version, "Connections": None}],
            "Connections": None,
            "Targets": None,
            "TrustedSubnets": [],
            "Interface": naming.DEFAULT_BRIDGE,
        }

    def _entry(self) -> dict[str, Any]:
        return {
            "Token": str(self._settings.range.network_address),
            "Size": self._settings.range.num_addresses,
            "Peer": self._settings.name,
            "Nickname": self._settings.nickname,
            "IsKnownPeer": True,
            "Version": 0,
        }

    # -- ps

    def ps(self, refs: list[str]) -> list[Interface]:
        """One row per interface of ours: `weave:expose` first, then containers. With `refs` only
        those, echoed as typed; unknown ones give nothing."""
        rows: list[tuple[str, str, Interface]] = []
        self._learn_containers()
        for endpoint in list(self._state.endpoints.values()):
            plugged = self._dataplane.is_plugged(
                naming.host_end(endpoint.id), naming.sandbox_end(endpoint.id)
            )
            if plugged:
                owner = endpoint.container or f"endpoint:{endpoint.id}"
                name = (endpoint.container or endpoint.id)[:12]
                addresses = [str(a) for a in endpoint.addresses]
                rows.append((owner, "", _row(name, endpoint.mac, addresses)))
        for leg in list(self._state.legs.values()):
            if self._dataplane.pair_exists(naming.attach_end(leg.owner)):
                name = leg.owner[:12] if len(leg.owner) == 64 else leg.label
                addresses = [str(a) for a in leg.addresses]
                rows.append((leg.owner, leg.label, _row(name, leg.mac, addresses)))
        rows.sort(key=lambda row: (row[0], row[2]["addresses"]))
        exposed = _row(
            naming.OWNER_EXPOSE, naming.GATEWAY_MAC, [str(a) for a in self._state.exposed]
        )
        if not refs:
            return [exposed, *(row for _, _, row in rows)]
        return [row for ref in refs for row in self._named(ref, rows, exposed)]

    def _named(
        self, ref: str, rows: list[tuple[str, str, Interface]], exposed: Interface
    ) -> list[Interface]:
        if ref == naming.OWNER_EXPOSE:
            return [exposed]
        owner = ref
        with contextlib.suppress(WeaveError):
            owner = self._engine.container(ref).id
        found = [row for key, label, row in rows if owner in (key, label)]
        return [{**row, "id": ref[:12]} for row in found]

    def _learn_containers(self) -> None:
        """Whose endpoint is whose, where the background has not learned it yet."""
        from dataclasses import replace

        unknown = [e for e in list(self._state.endpoints.values()) if e.joined and not e.container]
        if not unknown:
            return
        try:
            networks = self._engine.networks()
        except WeaveError:
            return
        owners = {eid: ep[0] for n in networks for eid, ep in n.endpoints.items()}
        for endpoint in unknown:
            if owners.get(endpoint.id):
                self._state.note(replace(endpoint, container=owners[endpoint.id]))

    # -- network ls

    def networks(self) -> list[NetworkRow]:
        """A row per Docker network of ours."""
        rows: list[NetworkRow] = []
        for network in list(self._state.networks.values()):
            if network.id == DEFAULT_ID:
                continue
            endpoints = self._state.endpoints_of(network.id)
            rows.append(
                {
                    "id": network.id,
                    "name": network.name,
                    "subnets": [str(s.cidr) for s in network.subnets],
                    "gateways": [str(s.gateway) for s in network.subnets if s.gateway],
                    "bridge": network.bridge,
                    "endpoints": len(endpoints),
                    "internal": network.internal,
                    "ipam": "weave" if network.ipam else "docker (this host only)",
                    "mtu": self._networks.mtu(network),
                }
            )
        return sorted(rows, key=lambda row: (row["name"], row["id"]))


def _row(name: str, mac: str, addresses: list[str]) -> Interface:
    return {"id": name, "mac": mac, "addresses": addresses}
