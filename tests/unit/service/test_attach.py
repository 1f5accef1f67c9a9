"""`weave attach` and `weave detach`: repeated, failing, restarted, shared, stopped."""

from __future__ import annotations

import ipaddress
import os

import pytest

from tests.unit.service.house import House
from weavecli.dataplane.base import HostRoute
from weavecli.errors import Conflict, Exhausted, Invalid, NotFound, Unavailable
from weavecli.model.naming import attach_end


def attach(house: House, ref: str, *addresses: str) -> list[str]:
    found: list[str] = house.attaching.attach(ref, list(addresses), True)[0]
    return found


def detach(house: House, ref: str, *addresses: str) -> list[str]:
    found: list[str] = house.attaching.detach(ref, list(addresses))
    return found


def inside(house: House, container: str) -> list[str]:
    """Addresses of ethwe in a container."""
    pid = house.engine.containers_by_id[container].pid
    links = house.dataplane.sandboxes[house.dataplane.netns[f"/proc/{pid}/ns/net"]]
    return [str(a) for a in links["ethwe"].addresses] if "ethwe" in links else []


def restart(house: House, container: str) -> None:
    """A container stops and starts: another process, another sandbox."""
    old = house.engine.containers_by_id[container]
    house.dataplane.kill_netns(f"/proc/{old.pid}/ns/net")
    house.sandboxes += 1
    house.dataplane.add_netns(f"/proc/{old.pid + 500}/ns/net", 4026540000 + house.sandboxes)
    house.engine.set_container(container, pid=old.pid + 500)


def test_an_address_of_the_default_subnet(house: House) -> None:
    c1 = house.container("c1")
    assert attach(house, "c1") == ["10.32.0.2"]
    assert inside(house, c1) == ["10.32.0.2/12"]
    assert house.on_disk()["10.32.0.2"] == c1
    assert house.dataplane.links[attach_end(c1)].master == "weave"
    assert house.dataplane.announced == [("ethwe", ipaddress.ip_interface("10.32.0.2/12"))]


def test_the_same_again_is_no_change(house: House) -> None:
    c1 = house.container("c1")
    for _ in range(3):
        assert attach(house, "c1", "net:default", "10.2.1.9/24") == ["10.32.0.2", "10.2.1.9"]
        assert attach(house, c1[:12]) == ["10.32.0.2"]
    assert inside(house, c1) == ["10.32.0.2/12", "10.2.1.9/24"]
    assert len(house.dataplane.announced) == 2


def test_several_addresses_in_the_order_asked_for(house: House) -> None:
    c1 = house.container("c1")
    got = attach(house, "c1", "ip:10.2.1.9/24", "net:10.33.0.0/24", "fd05::9/64", "net:default")
    assert got == ["10.2.1.9", "10.33.0.1", "fd05::9", "10.32.0.2"]
    assert inside(house, c1) == ["10.2.1.9/24", "10.33.0.1/24", "fd05::9/64", "10.32.0.2/12"]


def test_one_address_written_twice_is_one(house: House) -> None:
    c1 = house.container("c1")
    assert attach(house, "c1", "10.2.1.9/24", "ip:10.2.1.9/24") == ["10.2.1.9", "10.2.1.9"]
    assert inside(house, c1) == ["10.2.1.9/24"]
    assert [str(a) for a in house.state.legs[c1].addresses] == ["10.2.1.9/24"]


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("10.2.1.9", "no prefix length"),
        ("net:10.2.1.9/24", "did you mean"),
        ("net:192.168.0.0/24", r"range 192\.168\.0\.0/24 out of bounds: 10\.32\.0\.0/12"),
        ("10.2.1.255/24", "broadcast"),
    ],
)
def test_bad_input_is_refused_before_anything_is_touched(
    house: House, address: str, says: str
) -> None:
    house.container("c1")
    before = len(house.dataplane.calls)
    for verb in (attach, detach):
        with pytest.raises(Invalid, match=says):
            verb(house, "c1", "net:default", address)
    assert len(house.dataplane.calls) == before
    assert len(house.claims()) == 1


def test_conflicts_name_the_holder(house: House) -> None:
    house.container("c1")
    house.container("c2")
    attach(house, "c1", "10.2.1.9/24")
    with pytest.raises(Conflict, match=r"10\.2\.1\.9 is already in use by c1 \(weave attach\)"):
        attach(house, "c2", "10.2.1.9/24")
    with pytest.raises(Conflict, match=r"10\.32\.0\.1 is already in use by the gateway"):
        attach(house, "c2", "10.32.0.1/12")
    house.exposing.expose(["10.2.1.1/24"], True)
    with pytest.raises(Conflict, match=r"by this host \(weave expose\)"):
        attach(house, "c2", "10.2.1.1/24")
    with pytest.raises(Conflict, match=r"already there as 10\.2\.1\.9/24; detach"):
        attach(house, "c1", "10.2.1.9/16")


def test_an_address_of_a_docker_network_is_refused_by_name(house: House) -> None:
    network = house.network("10.5.0.0/16")
    house.known(network, "web")
    house.reconcile.docker_pass()
    house.container("c1")
    with pytest.raises(Conflict, match="lies in network web .*docker network connect web"):
        attach(house, "c1", "10.5.0.9/16")


def test_a_container_on_the_default_network_needs_no_leg(house: House) -> None:
    network = house.network("10.32.0.0/12")
    house.container("c1", networks={"weave": {"NetworkID": network}})
    with pytest.raises(Conflict, match="is on network .* already, which is the same segment"):
        attach(house, "c1")
    assert attach(house, "c1", "10.2.1.9/24") == ["10.2.1.9"]


@pytest.mark.parametrize("step", ["attach", "ensure_bridge"])
def test_a_failure_of_the_kernel_gives_everything_back(house: House, step: str) -> None:
    c1 = house.container("c1")
    house.dataplane.fail_next[step] = Exhausted("no more ports")
    with pytest.raises(Exhausted):
        attach(house, "c1", "net:default", "10.2.1.9/24")
    assert not house.state.legs and not house.store.all("leg")
    assert house.claims() == house.on_disk() == {"10.32.0.1": "weave:gateway"}
    assert inside(house, c1) == []


def test_a_failure_keeps_what_was_there_before(house: House) -> None:
    c1 = house.container("c1")
    attach(house, "c1")
    house.dataplane.fail_next["attach"] = Exhausted("no")
    with pytest.raises(Exhausted):
        attach(house, "c1", "net:default", "10.2.1.9/24")
    assert [str(a) for a in house.state.legs[c1].addresses] == ["10.32.0.2/12"]
    assert house.on_disk() == {"10.32.0.1": "weave:gateway", "10.32.0.2": c1}
    with pytest.raises(Conflict):
        attach(house, "c1", "10.2.1.9/24", "10.32.0.1/12")
    assert "10.2.1.9" not in house.claims()


def test_the_leg_is_on_disk_before_the_sandbox_has_it(house: House) -> None:
    c1 = house.container("c1")
    seen: list[object] = []
    real = house.dataplane.attach

    def spy(link: object) -> None:
        seen.append(house.store.get("leg", c1))
        real(link)  # type: ignore[arg-type]

    house.dataplane.attach = spy  # type: ignore[method-assign]
    attach(house, "c1")
    assert seen == [house.store.get("leg", c1)]
    assert seen[0] is not None


def test_detaching_one_of_two_and_then_the_other(house: House) -> None:
    c1 = house.container("c1")
    attach(house, "c1", "net:default", "10.2.1.9/24")
    assert detach(house, "c1", "10.2.1.9/24") == ["10.2.1.9"]
    assert inside(house, c1) == ["10.32.0.2/12"]
    assert detach(house, "c1", "10.2.1.9/24") == []
    assert detach(house, "c1") == ["10.32.0.2"]
    assert inside(house, c1) == []
    assert not house.state.legs
    assert house.claims() == house.on_disk() == {"10.32.0.1": "weave:gateway"}
    assert detach(house, "c1") == []


def test_detaching_a_stopped_container_frees_its_address(house: House) -> None:
    c1 = house.container("c1")
    attach(house, "c1")
    house.dataplane.kill_netns(f"/proc/{house.engine.containers_by_id[c1].pid}/ns/net")
    house.engine.set_container(c1, running=False, pid=0)
    assert detach(house, "c1") == ["10.32.0.2"]
    assert "10.32.0.2" not in house.claims()


def test_a_container_keeps_its_address_over_a_restart(house: House) -> None:
    c1 = house.container("c1")
    house.container("c2")
    attach(house, "c1")
    restart(house, c1)
    assert attach(house, "c2") == ["10.32.0.3"]
    assert attach(house, "c1") == ["10.32.0.2"]
    assert inside(house, c1) == ["10.32.0.2/12"]


@pytest.mark.parametrize(
    ("ref", "kind", "says"),
    [
        ("nobody", NotFound, "No such container"),
        ("pid:0", Invalid, "expected pid:N"),
        ("pid:x", Invalid, "expected pid:N"),
        ("pid:²", Invalid, "expected pid:N"),
        ("pid:", Invalid, "expected pid:N"),
        ("pid:424242", NotFound, "no network namespace at /proc/424242/ns/net"),
        ("netns:", Invalid, "expected netns:PATH"),
        ("netns:a\0b", Invalid, "expected netns:PATH"),
        ("netns:blue", NotFound, "/run/netns/blue"),
    ],
)
def test_whom_to_attach_cannot_be_found(
    house: House, ref: str, kind: type[Exception], says: str
) -> None:
    with pytest.raises(kind, match=says):
        attach(house, ref)


def test_the_hosts_own_namespace_is_refused(house: House) -> None:
    house.dataplane.add_netns("/proc/1/ns/net", house.dataplane.host_inode())
    house.engine.add_container("h1", pid=1, network_mode="host")
    house.engine.add_container("h2", pid=1)
    with pytest.raises(Invalid, match="host network namespace"):
        attach(house, "h1")
    for ref in ("pid:1", "h2"):
        with pytest.raises(Invalid, match="host's own network namespace; use 'weave expose'"):
            attach(house, ref)


def test_a_stopped_container_is_refused_with_the_next_step(house: House) -> None:
    house.engine.add_container("c1", running=False)
    with pytest.raises(Invalid, match="container c1 not running; start it first"):
        attach(house, "c1")
    house.engine.add_container("c2", pid=77)
    with pytest.raises(NotFound, match="Container c2 died"):
        attach(house, "c2")


def test_without_docker_only_namespaces_can_be_attached(house: House) -> None:
    house.engine.down = True
    with pytest.raises(Unavailable):
        attach(house, "c1")
    house.dataplane.add_netns("/run/netns/blue", 77)
    assert attach(house, "netns:blue") == ["10.32.0.2"]
    assert attach(house, "netns:/run/netns/blue") == ["10.32.0.2"]


def test_two_containers_that_share_a_sandbox_share_the_leg(house: House) -> None:
    c1 = house.container("c1")
    pid = house.engine.containers_by_id[c1].pid
    c2 = house.engine.add_container("c2", pid=pid)
    assert attach(house, "c1") == ["10.32.0.2"]
    assert attach(house, "c2") == ["10.32.0.2"]
    assert attach(house, f"pid:{pid}") == ["10.32.0.2"]
    assert set(house.state.legs) == {c1}
    assert detach(house, c2) == ["10.32.0.2"]
    assert not house.state.legs


def test_a_namespaces_number_is_used_again(house: House) -> None:
    house.dataplane.add_netns("/run/netns/blue", 77)
    assert attach(house, "netns:blue", "10.2.1.9/24") == ["10.2.1.9"]
    house.dataplane.kill_netns("/run/netns/blue")
    house.dataplane.add_netns("/run/netns/green", 77)
    assert attach(house, "netns:green") == ["10.32.0.2"]
    assert "10.2.1.9" not in house.claims()  # that was blue's


def test_an_overlap_with_a_route_of_the_host_is_a_warning(house: House) -> None:
    house.container("c1")
    route = HostRoute(ipaddress.ip_network("10.2.0.0/16"), "eth1", True)
    house.dataplane.add_route(route)
    addresses, warnings = house.attaching.attach("c1", ["10.2.1.9/24"], True)
    assert addresses == ["10.2.1.9"]
    assert warnings == ["10.2.1.9/24 overlaps the route 10.2.0.0/16 of this host (eth1)"]


def test_a_full_subnet_is_named(house: House) -> None:
    for number in range(3):
        house.container(f"c{number}")
    attach(house, "c0", "net:10.40.0.0/30")
    attach(house, "c1", "net:10.40.0.0/30")
    with pytest.raises(Exhausted, match=r"10\.40\.0\.0/30"):
        attach(house, "c2", "net:10.40.0.0/30")


def test_legs_are_known_after_a_restart_of_weaved(house: House) -> None:
    c1 = house.container("c1")
    attach(house, "c1", "net:default", "10.2.1.9/24")
    again = house.restarted()
    try:
        assert attach(again, "c1") == ["10.32.0.2"]
        assert detach(again, "c1", "net:default", "10.2.1.9/24") == ["10.32.0.2", "10.2.1.9"]
        assert inside(again, c1) == []
    finally:
        again.close()


def test_no_file_of_this_host_is_looked_at(house: House) -> None:
    with pytest.raises(NotFound):
        attach(house, f"pid:{os.getpid()}")
