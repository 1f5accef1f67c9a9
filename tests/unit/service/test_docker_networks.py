"""`weave network create|rm`: what becomes of the flags, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.service.house import House
from weavecli.engine.base import NetworkSpec
from weavecli.errors import Conflict, Invalid, NotFound


def create(house: House, **message: Any) -> NetworkSpec:
    """What Docker is asked for."""
    house.composed.services.networks.create({"name": "web", **message})
    name, spec, driver = house.engine.calls[-1]
    assert (name, driver) == ("create_network", "weave")
    assert isinstance(spec, NetworkSpec)
    return spec


def test_a_name_is_enough(house: House) -> None:
    assert create(house) == NetworkSpec("web")


def test_each_address_goes_to_the_subnet_that_holds_it(house: House) -> None:
    spec = create(
        house,
        subnets=["10.5.0.0/16", "fd05::/64"],
        gateways=["fd05::fe", "10.5.0.254"],
        ip_ranges=["10.5.3.0/24"],
        aux_addresses={"a": "10.5.0.9", "b": "fd05::9"},
        internal=True,
        options={"o": "1"},
        labels={"l": "2"},
    )
    assert spec.configs == (
        {
            "Subnet": "10.5.0.0/16",
            "IPRange": "10.5.3.0/24",
            "Gateway": "10.5.0.254",
            "AuxiliaryAddresses": {"a": "10.5.0.9"},
        },
        {"Subnet": "fd05::/64", "Gateway": "fd05::fe", "AuxiliaryAddresses": {"b": "fd05::9"}},
    )
    assert (spec.internal, spec.ipv6, spec.options, spec.labels) == (
        True,
        True,
        {"o": "1"},
        {"l": "2"},
    )


@pytest.mark.parametrize("ipv6", [True, False])
def test_ipv6_without_a_subnet(house: House, ipv6: bool) -> None:
    assert create(house, ipv6=ipv6).ipv6 is ipv6


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ({"name": ""}, "network name ''"),
        ({"name": "-x"}, "network name '-x'"),
        ({"name": "a b"}, "letters, digits"),
        ({"name": None}, "network name None"),
        ({"subnets": ["10.5.0.1/16"]}, "did you mean 10.5.0.0/16"),
        ({"subnets": "10.5.0.0/16"}, "subnets is no list"),
        ({"subnets": [1]}, "subnets is no list"),
        ({"gateways": ["10.5.0.1"]}, "no --subnet contains Gateway"),
        ({"subnets": ["10.5.0.0/16"], "gateways": ["10.6.0.1"]}, "no --subnet contains Gateway"),
        ({"subnets": ["10.5.0.0/16"], "gateways": ["10.5.0.1", "10.5.0.2"]}, "has one already"),
        ({"subnets": ["10.5.0.0/16"], "gateways": ["x"]}, "--gateway 'x' is not an IP"),
        ({"subnets": ["10.5.0.0/16"], "ip_ranges": ["10.6.0.0/24"]}, "contains IPRange"),
        ({"subnets": ["10.5.0.0/16"], "aux_addresses": {"a": "10.6.0.1"}}, "--aux-address a="),
        ({"aux_addresses": ["a"]}, "aux_addresses is no table"),
        ({"options": {"a": 1}}, "options is no table"),
    ],
)
def test_bad_input_is_refused_before_docker_is_asked(
    house: House, message: dict[str, Any], says: str
) -> None:
    calls = len(house.engine.calls)
    with pytest.raises(Invalid) as caught:
        house.composed.services.networks.create({"name": "web", **message})
    assert says in str(caught.value)
    assert len(house.engine.calls) == calls


def test_removing(house: House) -> None:
    remove = house.composed.services.networks.remove
    house.engine.add_network("web")
    remove("web")
    assert not house.engine.networks_by_id
    with pytest.raises(NotFound):
        remove("web")


def test_what_is_in_use_or_not_ours_stays(house: House) -> None:
    remove = house.composed.services.networks.remove
    c1 = house.engine.add_container("c1")
    house.engine.join(house.engine.add_network("web"), c1, "e" * 64)
    with pytest.raises(Conflict, match="in use by c1; disconnect them first"):
        remove("web")
    house.engine.add_network("other", "bridge")
    with pytest.raises(Invalid, match=r"has driver bridge.*docker network rm other"):
        remove("other")
    house.engine.add_network("weave", "weave")
    with pytest.raises(Conflict, match="'weave reset' removes both"):
        remove("weave")
    assert len(house.engine.networks_by_id) == 3
