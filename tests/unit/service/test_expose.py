"""`weave expose` and `weave hide`: the host's own addresses on bridge weave."""

from __future__ import annotations

import ipaddress

import pytest

from tests.unit.service.house import House
from weavecli.errors import Conflict, Exhausted, Invalid


def on_bridge(house: House) -> list[str]:
    return [str(a) for a in house.dataplane.links["weave"].addresses]


def rules(house: House) -> tuple[list[str], list[str]]:
    """Exposed and masqueraded subnets in the firewall."""
    firewall = house.dataplane.firewall
    assert firewall is not None
    (weave,) = [n for n in firewall.nets if n.bridge == "weave"]
    return [str(n) for n in weave.exposed], [str(n) for n in weave.masqueraded]


def expose(house: House, *addresses: str, masquerade: bool = True) -> list[str]:
    found: list[str] = house.exposing.expose(list(addresses), masquerade)[0]
    return found


def test_the_host_gets_an_address(house: House) -> None:
    assert expose(house) == ["10.32.0.2"]
    assert on_bridge(house) == ["10.32.0.1/12", "10.32.0.2/12"]
    assert rules(house) == (["10.32.0.0/12"], ["10.32.0.0/12"])
    assert house.on_disk()["10.32.0.2"] == "weave:expose"


def test_the_same_again_changes_only_the_masquerade(house: House) -> None:
    expose(house)
    assert expose(house) == ["10.32.0.2"]
    assert expose(house, masquerade=False) == ["10.32.0.2"]
    assert rules(house) == (["10.32.0.0/12"], [])
    assert on_bridge(house) == ["10.32.0.1/12", "10.32.0.2/12"]


def test_several_addresses_in_the_order_asked_for(house: House) -> None:
    assert expose(house, "10.2.1.1/24", "net:default", "fd05::1/64") == [
        "10.2.1.1",
        "10.32.0.2",
        "fd05::1",
    ]
    assert set(on_bridge(house)) == {"10.32.0.1/12", "10.2.1.1/24", "10.32.0.2/12", "fd05::1/64"}


def test_hiding_takes_it_back(house: House) -> None:
    expose(house, "net:default", "10.2.1.1/24")
    assert house.exposing.hide(["10.2.1.1/24"]) == ["10.2.1.1"]
    assert on_bridge(house) == ["10.32.0.1/12", "10.32.0.2/12"]
    assert house.exposing.hide(["10.2.1.1/24"]) == []
    assert house.exposing.hide([]) == ["10.32.0.2"]
    assert on_bridge(house) == ["10.32.0.1/12"]
    assert rules(house) == ([], [])
    assert house.claims() == house.on_disk() == {"10.32.0.1": "weave:gateway"}


@pytest.mark.parametrize("step", ["ensure_bridge", "apply_firewall"])
@pytest.mark.parametrize("verb", ["expose", "hide"])
def test_a_failure_leaves_it_as_it_was(house: House, step: str, verb: str) -> None:
    if verb == "hide":
        expose(house)
    before = (on_bridge(house), house.claims(), house.state.meta("exposed"))
    house.dataplane.fail_next[step] = Exhausted("no")
    with pytest.raises(Exhausted):
        house.exposing.expose([], True) if verb == "expose" else house.exposing.hide([])
    after = (on_bridge(house), house.claims(), house.state.meta("exposed") or None)
    assert after == (before[0], before[1], before[2] or None)
    assert house.claims() == house.on_disk()


def test_bad_input_is_refused_before_anything_is_touched(house: House) -> None:
    for verb in (lambda a: house.exposing.expose(a, True), house.exposing.hide):
        with pytest.raises(Invalid):
            verb(["net:default", "nonsense"])
    assert on_bridge(house) == ["10.32.0.1/12"]


def test_a_taken_address_is_refused_and_the_rest_given_back(house: House) -> None:
    house.container("c1")
    house.attaching.attach("c1", ["10.2.1.9/24"], True)
    with pytest.raises(Conflict, match="already in use by c1"):
        expose(house, "net:default", "10.2.1.9/24")
    assert "10.32.0.3" not in house.claims()
    assert "weave:expose" not in house.claims().values()


def test_it_survives_a_restart_and_a_reboot(house: House) -> None:
    expose(house, "net:default", masquerade=False)
    house.dataplane.links.pop("weave")
    house.dataplane.flush_firewall()
    again = house.restarted()
    try:
        assert on_bridge(again) == ["10.32.0.1/12", "10.32.0.2/12"]
        assert rules(again) == (["10.32.0.0/12"], [])
        assert list(again.state.exposed) == [ipaddress.ip_interface("10.32.0.2/12")]
        assert again.exposing.hide([]) == ["10.32.0.2"]
    finally:
        again.close()
