"""Docker's side of a recorded scenario, told to our services.

What the recorded plugin made up is rewritten to what ours answered: its address spaces, its pool
IDs, the subnets it chose and the addresses it gave. So the sequence is Docker's, and the values
are those Docker would have sent to us. Links move as libnetwork moves them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.unit.service.house import House
from weavecli.daemon.http import Request
from weavecli.model.naming import sandbox_end

Body = dict[str, Any]
SPACES = {f"{who}{kind}": f"weave{kind}" for who in ("fake", "lab") for kind in ("local", "global")}
TRACES = Path(__file__).parents[3] / "data" / "traces"


@dataclass
class Answer:
    """One call as it was made, and what came back."""

    path: str
    request: Body
    status: int
    body: Body


def load(place: Path) -> list[Body]:
    return [json.loads(line) for line in place.read_text().splitlines()]


def names() -> list[str]:
    return sorted(place.stem for place in TRACES.glob("*.jsonl"))


@dataclass
class Docker:
    """Replays one trace. `pools`, `subnets` and `addresses` map the recorded values to ours."""

    house: House
    pools: dict[str, str] = field(default_factory=dict)
    subnets: dict[str, str] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)

    def tell(self, record: Body) -> Answer:
        """Make one recorded call."""
        request = self.rewritten(record["path"], record["request"] or {})
        self.bury(request)
        answer = self.call(record["path"], request, empty=record["request"] is None)
        if answer.status == 200:
            self.learn(record, answer.body)
        self.answers.append(answer)
        return answer

    def call(self, path: str, request: Body, empty: bool = False) -> Answer:
        raw = b"" if empty else json.dumps(request).encode()
        response = self.house.app(Request("POST", path, {}, raw))
        return Answer(path, request, response.status, json.loads(response.body))

    def moved(self, answer: Answer) -> None:
        """After Join libnetwork moves the link into the sandbox."""
        endpoint = answer.request["EndpointID"]
        if sandbox_end(endpoint) in self.house.dataplane.links:
            self.house.plug(endpoint)

    def bury(self, request: Body) -> None:
        """Docker gives an address or a subnet again only when the containers that had it are
        dead, whether or not anybody told us."""
        interface = request.get("Interface") or {}
        given = {interface.get(key) for key in ("Address", "AddressIPv6")} - {"", None}
        pools = {d["Pool"] for d in request.get("IPv4Data") or []}
        for endpoint in list(self.house.state.endpoints.values()):
            place = f"/var/run/docker/netns/{endpoint.id[:12]}"
            gone = place not in self.house.dataplane.netns
            if gone or endpoint.id == request.get("EndpointID"):
                continue
            addresses = {str(a) for a in endpoint.addresses}
            if given & addresses or pools & {str(a.network) for a in endpoint.addresses}:
                self.house.kill(endpoint.id)

    def rewritten(self, path: str, request: Body) -> Body:
        body: Body = json.loads(json.dumps(request))
        if "AddressSpace" in body:
            body["AddressSpace"] = SPACES.get(body["AddressSpace"], body["AddressSpace"])
        if "PoolID" in body:
            recorded = body["PoolID"]
            body["PoolID"] = self.pools.get(recorded, recorded.replace("fake", "weave"))
        if path == "/IpamDriver.ReleaseAddress":
            body["Address"] = self.ours(body["Address"])
        for key in ("Address", "AddressIPv6"):
            interface = body.get("Interface") or {}
            if interface.get(key):
                interface[key] = self.ours(interface[key])
        for entry in (body.get("IPv4Data") or []) + (body.get("IPv6Data") or []):
            self.rewrite_entry(entry)
        return body

    def rewrite_entry(self, entry: Body) -> None:
        entry["AddressSpace"] = SPACES.get(entry["AddressSpace"], entry["AddressSpace"])
        entry["Pool"] = self.subnets.get(entry["Pool"], entry["Pool"])
        if "Gateway" in entry:
            entry["Gateway"] = self.ours(entry["Gateway"])
        for name, address in (entry.get("AuxAddresses") or {}).items():
            entry["AuxAddresses"][name] = self.ours(address)

    def ours(self, address: str) -> str:
        """Our address for a recorded one, with our prefix where the recorded one had one."""
        ip, slash, _ = address.partition("/")
        if ip not in self.addresses:
            return address
        return self.addresses[ip] if slash else self.addresses[ip].partition("/")[0]

    def learn(self, record: Body, answer: Body) -> None:
        recorded = record.get("response") or {}
        if record["path"] == "/IpamDriver.RequestPool" and recorded.get("PoolID"):
            self.pools[recorded["PoolID"]] = answer["PoolID"]
            self.subnets[recorded["Pool"]] = answer["Pool"]
        if record["path"] == "/IpamDriver.RequestAddress" and recorded.get("Address"):
            self.addresses[recorded["Address"].partition("/")[0]] = answer["Address"]
