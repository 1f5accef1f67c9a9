"""attach and detach, judged from inside the sandbox and by its neighbours."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.kernel.host import Sandbox, addresses, eventually, link, links, ports, run
from tests.kernel.samples import DUAL, WEAVE, iface, leg, pair
from weavecli.dataplane import netns
from weavecli.dataplane import sandbox as module
from weavecli.dataplane.kernel import Kernel
from weavecli.errors import Conflict, NotFound, Unavailable

Boxes = Callable[[], Sandbox]


def global_addresses(box: Sandbox, ifname: str = "ethwe") -> list[str]:
    return [a for a in box.addresses(ifname) if not a.startswith("fe80")]


def threads() -> int:
    return sum(thread.name == "weave-netns" for thread in threading.enumerate())


def test_reachable_at_once(kernel: Kernel, sandbox: Boxes) -> None:
    kernel.ensure_bridge(DUAL)
    box = sandbox()
    kernel.attach(leg(box.path, "10.32.0.5/16", "fd00:32::5/64"))
    made = box.link("ethwe")
    assert made["address"] == "02:77:0a:20:ff:01"
    assert made["mtu"] == 1450
    assert "UP" in made["flags"]
    assert global_addresses(box) == ["10.32.0.5/16", "fd00:32::5/64"]
    assert ports("weave") == ["vethwepl0000001"]
    assert "UP" in link("vethwepl0000001")["flags"]
    assert box.reaches("10.32.0.1")
    assert box.reaches("fd00:32::1")


def test_two_sandboxes_reach_each_other(kernel: Kernel, sandbox: Boxes) -> None:
    kernel.ensure_bridge(DUAL)
    boxes = [sandbox(), sandbox()]
    for number, box in enumerate(boxes, 1):
        ifaces = f"10.32.0.{number}0/16", f"fd00:32::{number}0/64"
        kernel.attach(leg(box.path, *ifaces, number=number))
    assert boxes[0].reaches("10.32.0.20")
    assert boxes[1].reaches("fd00:32::10")


def test_ipv6_in_a_container_that_has_it_off(kernel: Kernel, sandbox: Boxes) -> None:
    kernel.ensure_bridge(DUAL)
    box = sandbox()
    box.run("sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6")
    kernel.attach(leg(box.path, "10.32.0.5/16"))
    conf = "/proc/sys/net/ipv6/conf/ethwe"
    assert box.run("cat", f"{conf}/disable_ipv6").stdout.strip() == "1", "nothing to do yet"
    kernel.attach(leg(box.path, "10.32.0.5/16", "fd00:32::5/64"))
    assert box.run("cat", f"{conf}/disable_ipv6").stdout.strip() == "0"
    assert box.run("cat", f"{conf}/accept_ra").stdout.strip() == "0"
    assert box.reaches("fd00:32::1")


def routes(box: Sandbox) -> list[dict[str, object]]:
    return [r for r in json.loads(box.run("ip", "-j", "route").stdout) if r["dst"] == "224.0.0.0/4"]


def test_the_multicast_route(kernel: Kernel, sandbox: Boxes) -> None:
    kernel.ensure_bridge(WEAVE)
    box, without = sandbox(), sandbox()
    kernel.attach(leg(box.path, "10.32.0.5/16"))
    assert [(r["dev"], r["metric"]) for r in routes(box)] == [("ethwe", 64)]
    box.run("ip", "route", "add", "224.0.0.0/4", "dev", "ethwe")
    kernel.attach(leg(box.path, "10.32.0.5/16", "10.32.0.6/16"))
    kernel.attach(replace(leg(without.path, "10.32.0.7/16", number=2), multicast_route=False))
    assert routes(without) == []


def test_again_keeps_what_is_there(kernel: Kernel, sandbox: Boxes) -> None:
    kernel.ensure_bridge(WEAVE)
    box = sandbox()
    kernel.attach(leg(box.path, "10.32.0.5/16"))
    before = box.link("ethwe")["ifindex"]
    kernel.attach(leg(box.path, "10.32.0.5/16"))
    kernel.attach(leg(box.path, "10.2.1.9/24"))
    assert box.link("ethwe")["ifindex"] == before
    assert global_addresses(box) == ["10.32.0.5/16", "10.2.1.9/24"]


def test_again_puts_the_port_back(kernel: Kernel, sandbox: Boxes) -> None:
    kernel.ensure_bridge(WEAVE)
    box = sandbox()
    kernel.attach(leg(box.path, "10.32.0.5/16"))
    run("ip", "link", "set", "vethwepl0000001", "nomaster")
    kernel.attach(leg(box.path, "10.32.0.5/16"))
    assert ports("weave") == ["vethwepl0000001"]


def test_a_stale_host_end_is_replaced(kernel: Kernel, sandbox: Boxes) -> None:
    """The same owner in a new namespace, before the kernel has torn the old one down."""
    kernel.ensure_bridge(WEAVE)
    old, new = sandbox(), sandbox()
    kernel.attach(leg(old.path, "10.32.0.5/16"))
    kernel.doom("vethwepl0000001")
    kernel.attach(leg(new.path, "10.32.0.5/16"))
    assert new.reaches("10.32.0.1")
    assert old.link("ethwe") == {}
    kernel.flush_doomed(2)
    kernel.attach(leg(old.path, "10.32.0.5/16"))
    assert old.reaches("10.32.0.1")
    assert new.link("ethwe") == {}


@pytest.mark.parametrize("kind", ["veth", "ifb"])
def test_an_interface_of_somebody_else(kernel: Kernel, sandbox: Boxes, kind: str) -> None:
    kernel.ensure_bridge(WEAVE)
    box = sandbox()
    box.run("ip", "link", "add", "ethwe", "type", kind)
    with pytest.raises(Conflict, match="has an interface ethwe already, which weave did not make"):
        kernel.attach(leg(box.path, "10.32.0.5/16"))
    with pytest.raises(Conflict, match="was not made by weave"):
        kernel.detach(box.path, "ethwe", (iface("10.32.0.5/16"),))
    assert box.link("ethwe")["linkinfo"]["info_kind"] == kind
    assert links("vethwepl") == []


def test_the_leg_of_another_owner(kernel: Kernel, sandbox: Boxes) -> None:
    kernel.ensure_bridge(WEAVE)
    box = sandbox()
    kernel.attach(leg(box.path, "10.32.0.5/16", number=1))
    with pytest.raises(Conflict):
        kernel.attach(leg(box.path, "10.32.0.6/16", number=2))
    assert global_addresses(box) == ["10.32.0.5/16"]


# -- failure


def test_without_a_sandbox(kernel: Kernel, tmp_path: Path) -> None:
    kernel.ensure_bridge(WEAVE)
    plain = tmp_path / "plain"
    plain.touch()
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    missing = tmp_path / "missing"
    mount = "/proc/self/ns/mnt"
    for path in (str(plain), str(fifo), str(missing), mount, f"{plain}/x", "/proc/0/ns/net"):
        with pytest.raises(NotFound, match=path):
            kernel.attach(leg(path, "10.32.0.5/16"))
        with pytest.raises(NotFound, match=path):
            kernel.netns_inode(path)
        assert kernel.detach(path, "ethwe", (iface("10.32.0.5/16"),))
    assert not missing.exists(), "a misspelt namespace is not made"
    assert links("vethwepl") == []


def test_without_a_bridge(kernel: Kernel, sandbox: Boxes) -> None:
    box = sandbox()
    with pytest.raises(NotFound, match="bridge weave does not exist"):
        kernel.attach(leg(box.path, "10.32.0.5/16"))
    assert box.link("ethwe") == {}


def test_a_failure_undoes_a_new_link(
    kernel: Kernel, sandbox: Boxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel.ensure_bridge(WEAVE)
    box = sandbox()
    monkeypatch.setattr("weavecli.dataplane.sysctl.write", lambda name, value: False)
    with pytest.raises(Unavailable, match="no IPv6"):
        kernel.attach(leg(box.path, "10.32.0.5/16", "fd00:32::5/64"))
    assert box.link("ethwe") == {}
    assert links("vethwepl") == []


def test_a_failure_takes_back_only_the_new_addresses(
    kernel: Kernel, sandbox: Boxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel.ensure_bridge(WEAVE)
    box = sandbox()
    kernel.attach(leg(box.path, "10.32.0.5/16"))

    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(module, "_multicast_route", fail)
    with pytest.raises(Exception, match=r"interface ethwe of /proc/.*EIO"):
        kernel.attach(leg(box.path, "10.32.0.5/16", "10.2.1.9/24"))
    assert global_addresses(box) == ["10.32.0.5/16"]


def test_the_sandbox_dies_meanwhile(
    kernel: Kernel, sandbox: Boxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """We hold its descriptor: it lives until we are done, and takes the link along."""
    kernel.ensure_bridge(WEAVE)
    box = sandbox()
    real = module._configure

    def die(*args: object) -> object:
        box.end()
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_configure", die)
    kernel.attach(leg(box.path, "10.32.0.5/16"))
    assert eventually(lambda: links("vethwepl") == [])
    assert not kernel.pair_exists("vethwepl0000001")


def test_announcing_is_best_effort(
    kernel: Kernel,
    sandbox: Boxes,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse() -> socket.socket:
        raise PermissionError(1, "Operation not permitted")

    kernel.ensure_bridge(WEAVE)
    box = sandbox()
    monkeypatch.setattr("weavecli.dataplane.announce.packet_socket", refuse)
    kernel.attach(leg(box.path, "10.32.0.5/16"))
    assert global_addresses(box) == ["10.32.0.5/16"]
    assert "announcing ethwe" in caplog.text


# -- detach


def test_detach_one_then_all(kernel: Kernel, sandbox: Boxes) -> None:
    kernel.ensure_bridge(DUAL)
    box = sandbox()
    kernel.attach(leg(box.path, "10.32.0.5/16", "10.2.1.9/24", "fd00:32::5/64"))
    assert not kernel.detach(box.path, "ethwe", (iface("10.2.1.9/24"),))
    assert not kernel.detach(box.path, "ethwe", (iface("10.2.1.9/24"),)), "twice"
    assert global_addresses(box) == ["10.32.0.5/16", "fd00:32::5/64"]
    assert kernel.detach(box.path, "ethwe", (iface("10.32.0.5/16"), iface("fd00:32::5/64")))
    assert box.link("ethwe") == {}
    assert links("vethwepl") == []
    assert kernel.detach(box.path, "ethwe", (iface("10.32.0.5/16"),))


def test_detach_of_a_primary_keeps_the_secondary(kernel: Kernel, sandbox: Boxes) -> None:
    kernel.ensure_bridge(WEAVE)
    box = sandbox()
    kernel.attach(leg(box.path, "10.32.0.5/16", "10.32.0.6/16"))
    assert not kernel.detach(box.path, "ethwe", (iface("10.32.0.5/16"),))
    assert global_addresses(box) == ["10.32.0.6/16"]
    assert box.reaches("10.32.0.1")


def test_detach_leaves_dockers_links_alone(kernel: Kernel, sandbox: Boxes) -> None:
    kernel.ensure_bridge(WEAVE)
    kernel.create_pair(pair(1))
    box = sandbox()
    box.move_in(pair(1).sandbox_end, "ethwe", "10.32.0.5/16")
    with pytest.raises(Conflict):
        kernel.detach(box.path, "ethwe", (iface("10.32.0.5/16"),))
    assert box.addresses("ethwe")[0] == "10.32.0.5/16"


# -- announcements


def test_neighbours_hear_of_a_new_address(kernel: Kernel, sandbox: Boxes) -> None:
    """An address moves to a container with another MAC; the neighbour's cache follows at once."""
    kernel.ensure_bridge(DUAL)
    neighbour, first, second = sandbox(), sandbox(), sandbox()
    kernel.attach(leg(neighbour.path, "10.32.0.9/16", "fd00:32::9/64", number=9))
    kernel.attach(leg(first.path, "10.32.0.5/16", "fd00:32::5/64", number=1))
    assert neighbour.reaches("10.32.0.5")
    assert neighbour.reaches("fd00:32::5")
    kernel.detach(first.path, "ethwe", (iface("10.32.0.5/16"), iface("fd00:32::5/64")))
    kernel.attach(leg(second.path, "10.32.0.5/16", "fd00:32::5/64", number=2))

    def known() -> dict[str, str]:
        found = json.loads(neighbour.run("ip", "-j", "neigh", "show", "dev", "ethwe").stdout)
        return {n["dst"]: n.get("lladdr", "") for n in found}

    wanted = {"10.32.0.5": "02:77:0a:20:ff:02", "fd00:32::5": "02:77:0a:20:ff:02"}
    assert eventually(lambda: wanted.items() <= known().items(), 1.0), known()


def test_an_old_address_is_not_announced_again(
    kernel: Kernel, sandbox: Boxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[list[str]] = []
    monkeypatch.setattr(
        "weavecli.dataplane.announce.send",
        lambda sender, ifname, mac, fresh: sent.append([str(a) for a in fresh]),
    )
    kernel.ensure_bridge(WEAVE)
    box = sandbox()
    kernel.attach(leg(box.path, "10.32.0.5/16"))
    kernel.attach(leg(box.path, "10.32.0.5/16", "10.2.1.9/24"))
    kernel.attach(leg(box.path, "10.32.0.5/16"))
    assert sent == [["10.32.0.5/16"], ["10.2.1.9/24"]]


# -- namespaces


def test_identity(kernel: Kernel, sandbox: Boxes) -> None:
    box = sandbox()
    assert kernel.netns_inode(box.path) == os.stat(box.path).st_ino
    assert kernel.host_inode() == os.stat("/proc/thread-self/ns/net").st_ino
    assert kernel.netns_inode(box.path) != kernel.host_inode()


def test_nobody_stays_in_a_sandbox(kernel: Kernel, sandbox: Boxes) -> None:
    kernel.ensure_bridge(WEAVE)
    home = os.stat("/proc/thread-self/ns/net").st_ino
    for number in range(1, 6):
        kernel.attach(leg(sandbox().path, f"10.32.0.{number}/16", number=number))
    assert os.stat("/proc/thread-self/ns/net").st_ino == home
    assert eventually(lambda: threads() == 0)


def test_what_fails_inside_comes_out(sandbox: Boxes) -> None:
    box = sandbox()
    with netns.opened(box.path) as fd:
        with pytest.raises(ZeroDivisionError):
            netns.inside(fd, lambda: 1 // 0)
        assert netns.inside(fd, socket.if_nameindex) == [(1, "lo")]
        assert addresses("lo")


def test_attaching_leaks_no_descriptor(kernel: Kernel, sandbox: Boxes) -> None:
    kernel.ensure_bridge(WEAVE)
    box = sandbox()
    kernel.attach(leg(box.path, "10.32.0.5/16"))
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        kernel.attach(leg(box.path, "10.32.0.5/16", "10.2.1.9/24"))
        kernel.detach(box.path, "ethwe", (iface("10.2.1.9/24"),))
        with pytest.raises(NotFound):
            kernel.attach(leg("/proc/self/status", "10.32.0.5/16"))
    assert len(os.listdir("/proc/self/fd")) == before
