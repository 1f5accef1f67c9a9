"""Model values to records and back, and records that lack what newer or older daemons write."""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weavecli.model.endpoint import Claim, Endpoint, Leg, Pool
from weavecli.model.network import Network, Subnet
from weavecli.store import records
from weavecli.store.base import Delete, Put
from weavecli.store.sqlite import SqliteStore

V4 = ipaddress.ip_interface("10.5.0.2/16")
V6 = ipaddress.ip_interface("fd05::2/64")
SUBNET = Subnet(V4.network, ipaddress.ip_address("10.5.0.1"))
READ = {
    "network": records.network,
    "endpoint": records.endpoint,
    "leg": records.leg,
    "claim": records.claim,
    "pool": records.pool,
}
VALUES: list[records.Value] = [
    Network("n1", "wv-1", SUBNET, Subnet(V6.network), True, 1400, False, True, "eth", "web"),
    Network("n2", "wv-2", None, Subnet(V6.network, V6.ip)),
    Network("n3", "wv-3"),
    Endpoint("e1", "n1", "02:77:0a:05:00:02", V4, V6, True, "/run/netns/x", "c1"),
    Endpoint("e2", "n1", "02:79:00:00:00:00"),
    Leg("netns:42", "pid:7", "/proc/7/ns/net", 42, "02:77:00:00:00:01", (V4, V6)),
    Leg("c" * 64, "c1", "", 0, "02:77:00:00:00:01"),
    Claim(V4.ip, V4, "docker", "weavelocal/10.5.0.0/16"),
    Claim(V6.ip, V6, "weave:expose"),
    Pool("weavelocal/10.5.0.0/16", "10.5.0.0/16", "10.5.3.0/24", 2, "n1", "10.5.0.1"),
    Pool("weavelocal/10.6.0.0/16", "10.6.0.0/16", "10.6.0.0/16"),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda v: f"{type(v).__name__}")
def test_a_value_comes_back_from_disk_as_it_was(value: records.Value, tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db")
    store.commit(records.put(value))
    store.close()
    store = SqliteStore(tmp_path / "state.db")
    try:
        kind, key = records.key_of(value)
        record = store.get(kind, key)
        assert record is not None
        assert READ[kind](record) == value
        store.commit(records.delete(value))
        assert store.all(kind) == {}
    finally:
        store.close()


def test_each_kind_has_its_key() -> None:
    keys = [records.key_of(value) for value in VALUES]
    assert keys[0] == ("network", "n1")
    assert keys[3] == ("endpoint", "e1")
    assert keys[5] == ("leg", "netns:42")
    assert keys[7] == ("claim", "10.5.0.2")
    assert keys[9] == ("pool", "weavelocal/10.5.0.0/16")
    assert isinstance(records.put(VALUES[0]), Put)
    assert records.delete(VALUES[0]) == Delete("network", "n1")


@pytest.mark.parametrize(
    ("kind", "record", "value"),
    [
        ("network", {"id": "n", "bridge": "b"}, Network("n", "b")),
        (
            "network",
            {"id": "n", "bridge": "b", "v4": {"cidr": "10.5.0.0/16"}, "v6": None, "new": 1},
            Network("n", "b", Subnet(V4.network)),
        ),
        ("endpoint", {"id": "e", "network": "n", "mac": "m"}, Endpoint("e", "n", "m")),
        ("endpoint", {"id": "e", "network": "n", "mac": "m", "v4": ""}, Endpoint("e", "n", "m")),
        ("leg", {"owner": "c", "mac": "m"}, Leg("c", "c", "", 0, "m")),
        ("leg", {"owner": "c", "label": "", "mac": "m"}, Leg("c", "c", "", 0, "m")),
        ("claim", {"iface": "10.5.0.2/16", "owner": "o"}, Claim(V4.ip, V4, "o")),
        ("pool", {"id": "p", "subnet": "10.5.0.0/16"}, Pool("p", "10.5.0.0/16", "10.5.0.0/16")),
    ],
)
def test_what_is_missing_gets_its_default(
    kind: str, record: dict[str, object], value: records.Value
) -> None:
    assert READ[kind](record) == value


@given(st.ip_addresses(), st.integers(0, 32), st.text(max_size=20))
def test_any_claim_survives_json(ip: ipaddress.IPv4Address, length: int, owner: str) -> None:
    iface = ipaddress.ip_interface(f"{ip}/{length}")
    claim = Claim(iface.ip, iface, owner, "p")
    put = records.put(claim)
    assert records.claim(json.loads(json.dumps(put.value))) == claim
