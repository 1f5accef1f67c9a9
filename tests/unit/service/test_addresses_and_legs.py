"""Subnets of networks and addresses of legs keep apart."""

from __future__ import annotations

import pytest

from tests.unit.service.house import House, Refused


def test_a_subnet_with_an_attached_address_is_refused_by_name(house: House) -> None:
    house.container("c1")
    house.attaching.attach("c1", ["10.70.0.9/24"], True)
    with pytest.raises(Refused, match=r"10\.70\.0\.9.*c1"):
        house.pool("10.70.0.0/16")
    house.attaching.detach("c1", ["10.70.0.9/24"])
    house.pool("10.70.0.0/16")
