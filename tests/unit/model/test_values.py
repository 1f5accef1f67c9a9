"""Networks, endpoints and settings as values."""

from __future__ import annotations

import dataclasses
import ipaddress

import pytest

from weavecli.model.endpoint import Claim, Endpoint, Leg, Pool
from weavecli.model.network import Network, Subnet
from weavecli.model.settings import DEFAULT_RANGE, Settings

V4 = Subnet(ipaddress.ip_network("10.5.0.0/16"), ipaddress.ip_address("10.5.0.1"))
V6 = Subnet(ipaddress.ip_network("fd05::/64"))


def test_a_gateway_stands_on_the_bridge_with_the_subnets_prefix() -> None:
    assert V4.gateway_iface == ipaddress.ip_interface("10.5.0.1/16")
    assert V6.gateway_iface is None


def test_the_subnets_of_a_network_in_order() -> None:
    assert Network("n", "b", V4, V6).subnets == (V4, V6)
    assert Network("n", "b", None, V6).subnets == (V6,)
    assert Network("n", "b").subnets == ()


def test_which_subnet_holds_an_address() -> None:
    network = Network("n", "b", V4, V6)
    assert network.subnet_of(ipaddress.ip_address("10.5.9.9")) is V4
    assert network.subnet_of(ipaddress.ip_address("fd05::9")) is V6
    assert network.subnet_of(ipaddress.ip_address("10.6.0.1")) is None


def test_a_network_is_called_by_name_else_by_id() -> None:
    assert Network("c" * 64, "b", name="web").label == "web"
    assert Network("c" * 64, "b").label == "c" * 12


def test_the_addresses_of_an_endpoint() -> None:
    v4, v6 = ipaddress.ip_interface("10.5.0.2/16"), ipaddress.ip_interface("fd05::2/64")
    assert Endpoint("e", "n", "m", v4, v6).addresses == (v4, v6)
    assert Endpoint("e", "n", "m", None, v6).addresses == (v6,)
    assert Endpoint("e", "n", "m").addresses == ()


def test_settings_default_to_weaves_range() -> None:
    settings = Settings()
    assert settings.range == settings.default_subnet == ipaddress.ip_network(DEFAULT_RANGE)
    assert (settings.grace, settings.linger, settings.range_given) == (60.0, 30.0, False)


@pytest.mark.parametrize("cls", [Network, Subnet, Endpoint, Leg, Claim, Pool, Settings])
def test_values_are_frozen(cls: type) -> None:
    assert cls.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert "__slots__" in vars(cls)
    assert dataclasses.is_dataclass(cls)
