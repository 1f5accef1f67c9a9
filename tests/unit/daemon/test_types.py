"""Every member of every plugin call with every wrong type, and with what Go makes of nothing."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.service.house import House, Refused
from weavecli.daemon.plugin import messages as m
from weavecli.daemon.plugin.routes import METHODS
from weavecli.errors import Invalid

NET, EID = "a" * 64, "e" * 64
DATA = {
    "AddressSpace": "weavelocal",
    "Pool": "10.5.0.0/16",
    "Gateway": "10.5.0.1/16",
    "AuxAddresses": {"x": "10.5.0.9/16"},
}
GOOD: dict[str, dict[str, Any]] = {
    "/NetworkDriver.CreateNetwork": {
        "NetworkID": NET,
        "Options": {m.GENERIC: {"works.weave.multicast": "true"}, m.INTERNAL: False},
        "IPv4Data": [DATA],
        "IPv6Data": [],
    },
    "/NetworkDriver.DeleteNetwork": {"NetworkID": NET},
    "/NetworkDriver.CreateEndpoint": {
        "NetworkID": NET,
        "EndpointID": EID,
        "Interface": {"Address": "10.5.0.2/16", "AddressIPv6": "", "MacAddress": ""},
        "Options": {},
    },
    "/NetworkDriver.Join": {
        "NetworkID": NET,
        "EndpointID": EID,
        "SandboxKey": "/run/x",
        "Options": {m.PORTMAP: []},
    },
    "/NetworkDriver.Leave": {"NetworkID": NET, "EndpointID": EID},
    "/NetworkDriver.DeleteEndpoint": {"NetworkID": NET, "EndpointID": EID},
    "/NetworkDriver.AllocateNetwork": {"NetworkID": NET, "Options": {"a": "b"}},
    "/IpamDriver.RequestPool": {
        "AddressSpace": "weavelocal",
        "Pool": "10.7.0.0/16",
        "SubPool": "",
        "Options": {},
        "V6": False,
    },
    "/IpamDriver.ReleasePool": {"PoolID": "weavelocal/10.7.0.0/16"},
    "/IpamDriver.RequestAddress": {
        "PoolID": "weavelocal/10.7.0.0/16",
        "Address": "10.7.0.9",
        "Options": None,
    },
    "/IpamDriver.ReleaseAddress": {"PoolID": "weavelocal/10.7.0.0/16", "Address": "10.7.0.9"},
}
UNUSED = {
    ("/NetworkDriver.CreateEndpoint", ("Options",)),
    ("/NetworkDriver.AllocateNetwork", ("NetworkID",)),
    ("/IpamDriver.RequestPool", ("Options",)),
    ("/NetworkDriver.Join", ("Options", m.PORTMAP)),
}
"""Members that we do not look at, or only whether something is there: any value is taken."""
NEEDED = {"NetworkID", "EndpointID", "AddressSpace", "PoolID", "Pool"}
MAY_LACK = UNUSED | {
    ("/IpamDriver.RequestPool", ("Pool",)),
    ("/NetworkDriver.CreateNetwork", ("IPv4Data", 0, "AddressSpace")),
}
WRONG: list[Any] = [7, 1.5, True, "text", "\ud800", "\0", "x" * 5000, [], ["x"], [7], {}, {"x": 7}]


def members(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The place of every member, at every depth."""
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, inner in items:
        yield (*path, key)
        yield from members(inner, (*path, key))


def with_member(method: str, path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    body = copy.deepcopy(GOOD[method])
    place: Any = body
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return body


def kind(value: Any) -> type:
    return bool if isinstance(value, bool) else type(value)


def at(method: str, path: tuple[Any, ...]) -> Any:
    value: Any = GOOD[method]
    for key in path:
        value = value[key]
    return value


CASES = [(method, path) for method, body in sorted(GOOD.items()) for path in members(body)]


@pytest.fixture
def ready(house: House) -> House:
    """A host on which every good call is answered."""
    house.pool("10.5.0.0/16")
    return house


def test_the_table_has_every_method() -> None:
    assert set(GOOD) == METHODS


def test_the_good_calls_are_good(ready: House) -> None:
    for method in ("CreateNetwork", "CreateEndpoint", "Join", "AllocateNetwork", "Leave"):
        ready.call(f"NetworkDriver.{method}", **GOOD[f"/NetworkDriver.{method}"])
    for method in ("RequestPool", "RequestAddress", "ReleaseAddress", "ReleasePool"):
        ready.call(f"IpamDriver.{method}", **GOOD[f"/IpamDriver.{method}"])
    for method in ("DeleteEndpoint", "DeleteNetwork"):
        ready.call(f"NetworkDriver.{method}", **GOOD[f"/NetworkDriver.{method}"])


@pytest.mark.parametrize(("method", "path"), CASES, ids=lambda v: str(v).strip("/"))
def test_a_member_of_a_wrong_type_is_refused_by_name(
    ready: House, method: str, path: tuple[Any, ...], caplog: pytest.LogCaptureFixture
) -> None:
    unused = any((method, path[: len(place)]) == (name, place) for name, place in UNUSED)
    expected = kind(at(method, path))
    before = len(ready.dataplane.links)
    for value in WRONG:
        fits = kind(value) is expected or (expected is type(None) and isinstance(value, dict))
        if fits and isinstance(value, list | dict):
            continue
        try:
            ready.call(method.strip("/"), **with_member(method, path, value))
        except Refused as error:
            assert error.status == 500
            assert "see 'weave logs'" not in str(error), (value, str(error))
        else:
            assert unused or fits or _echoed(method), (value, path)
    assert "Traceback" not in caplog.text
    assert len(ready.dataplane.links) <= before + 3


def _echoed(method: str) -> bool:
    """AllocateNetwork gives the options back as they are."""
    return method == "/NetworkDriver.AllocateNetwork"


@pytest.mark.parametrize(
    ("method", "path"),
    [c for c in CASES if c[1][-1] in NEEDED and c not in MAY_LACK],
    ids=lambda v: str(v).strip("/"),
)
@pytest.mark.parametrize("value", ["", None])
def test_what_is_needed_and_missing_is_named(
    ready: House, method: str, path: tuple[Any, ...], value: Any
) -> None:
    with pytest.raises(Refused, match=f"{path[-1]} is missing"):
        ready.call(method.strip("/"), **with_member(method, path, value))


@pytest.mark.parametrize(
    ("method", "path"),
    [c for c in CASES if c[1][-1] not in NEEDED and isinstance(c[1][-1], str)],
    ids=lambda v: str(v).strip("/"),
)
def test_null_is_nothing(ready: House, method: str, path: tuple[Any, ...]) -> None:
    """Go sends null for empty maps and lists. Nothing may be too little, but it is understood."""
    try:
        ready.call(method.strip("/"), **with_member(method, path, None))
    except Refused as error:
        assert "expected" not in str(error)
        assert "see 'weave logs'" not in str(error)


@pytest.mark.parametrize(
    ("text", "mac"),
    [
        ("", ""),
        ("02:42:0A:05:00:02", "02:42:0a:05:00:02"),
        ("02-42-0a-05-00-02", "02:42:0a:05:00:02"),
    ],
)
def test_a_mac_address(text: str, mac: str) -> None:
    assert m.mac({"MacAddress": text}) == mac


@pytest.mark.parametrize(
    "text",
    [
        "02:42",
        "02:42:0a:05:00:0g",
        "2:42:0a:05:00:02",
        "01:42:0a:05:00:02",
        "ff:ff:ff:ff:ff:ff",
        "02:42:0a:05:00:02:03",
        "02420a050002",
    ],
)
def test_what_is_no_mac_address(text: str) -> None:
    with pytest.raises(Invalid, match="MacAddress"):
        m.mac({"MacAddress": text})


def test_a_gateway_request_and_a_port_map_are_told() -> None:
    assert m.is_gateway({"Options": {"RequestAddressType": m.GATEWAY_REQUEST}})
    for options in (None, {}, {"RequestAddressType": "other"}, {m.GATEWAY_REQUEST: "x"}):
        assert not m.is_gateway({"Options": options})
    assert m.publishes({"Options": {m.PORTMAP: [{"Port": 80}]}})
    nothing: list[Any] = [None, [], {}, "80"]
    for portmap in nothing:
        assert not m.publishes({"Options": {m.PORTMAP: portmap}})


def test_unknown_members_are_ignored(ready: House) -> None:
    body = {**GOOD["/NetworkDriver.CreateNetwork"], "Future": [1], "Options": {"new": {"a": 1}}}
    assert ready.call("NetworkDriver.CreateNetwork", **json.loads(json.dumps(body))) == {}
