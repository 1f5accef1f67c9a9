"""attach, detach, expose, hide, ps and inspect on real containers."""

from __future__ import annotations

import re

from tests.docker.helpers import links, network, ping, refused, start
from tests.lab import Host


def plain(host: Host, name: str, *flags: object) -> str:
    """A container on Docker's default bridge; returns its ID."""
    return host.docker("run", "-d", "--name", name, *flags, "bb", "sleep", "9999").out


def test_two_legs_reach_each_other(weave_host: Host) -> None:
    plain(weave_host, "c1")
    plain(weave_host, "c2")
    one = weave_host.weave("attach", "c1").out
    two = weave_host.weave("attach", "10.2.1.9/24", "net:default", "c2").out
    assert re.fullmatch(r"10\.\d+\.\d+\.\d+", one)
    assert two.split()[0] == "10.2.1.9"
    assert ping(weave_host, "c1", two.split()[1])
    assert "ethwe" in links(weave_host, "c1")
    assert {a["local"] for a in links(weave_host, "c2")["ethwe"]["addr_info"]} >= set(two.split())


def test_attach_is_idempotent_and_takes_any_order(weave_host: Host) -> None:
    plain(weave_host, "c1")
    first = weave_host.weave("attach", "c1").out
    assert weave_host.weave("attach", "c1", "net:default").out == first
    assert weave_host.weave("attach", "c1", "ip:10.2.1.4/24").out == "10.2.1.4"
    assert weave_host.weave("attach", "10.2.1.4/24", "c1").out == "10.2.1.4"
    assert len(weave_host.links("vethwepl")) == 1
    assert weave_host.weave("detach", "10.2.1.4/24", "c1").out == "10.2.1.4"
    assert weave_host.weave("detach", "10.2.1.4/24", "c1").out == ""
    assert weave_host.weave("detach", "c1").out == first
    assert not weave_host.links("vethwepl")
    assert "ethwe" not in links(weave_host, "c1")


def test_a_subnet_of_the_range_is_apart(weave_host: Host) -> None:
    for name in ("c1", "c2", "c3"):
        plain(weave_host, name)
    one = weave_host.weave("attach", "net:10.40.1.0/24", "c1").out
    two = weave_host.weave("attach", "net:10.40.1.0/24", "c2").out
    weave_host.weave("attach", "net:10.40.2.0/24", "c3")
    assert (one, two) == ("10.40.1.1", "10.40.1.2")
    assert ping(weave_host, "c1", two)
    assert not ping(weave_host, "c3", one)


def test_ipv6_legs(weave_host: Host) -> None:
    plain(weave_host, "c1")
    plain(weave_host, "c2")
    assert weave_host.weave("attach", "fd10::5/64", "c1").out == "fd10::5"
    assert weave_host.weave("attach", "c2", "ip:fd10::6/64").out == "fd10::6"
    assert ping(weave_host, "c1", "fd10::6")
    assert weave_host.weave("detach", "fd10::6/64", "c2").out == "fd10::6"
    assert not ping(weave_host, "c1", "fd10::6")


def test_namespaces_without_docker(weave_host: Host) -> None:
    weave_host.sh("ip netns add blue; ip -n blue link set lo up")
    pid = weave_host.detach("unshare", "-n", "sleep", "999")
    try:
        one = weave_host.weave("attach", "netns:/run/netns/blue").out
        two = weave_host.weave("attach", f"pid:{pid}").out
        assert weave_host.run("ip", "netns", "exec", "blue", "ping", "-c1", "-W1", two).ok
        assert one in weave_host.weave("ps").stdout
        assert weave_host.weave("detach", "netns:blue").out == one
    finally:
        weave_host.sh(f"kill {pid}; ip netns del blue")
    weave_host.until(
        "the dead leg to be released",
        lambda: two not in weave_host.weave("ps").stdout and not weave_host.links("vethwepl"),
    )


def test_a_container_keeps_its_address_over_a_restart(weave_host: Host) -> None:
    plain(weave_host, "c1")
    plain(weave_host, "c2")
    first = weave_host.weave("attach", "c1").out
    weave_host.docker("restart", "c1")
    assert weave_host.weave("attach", "c2").out != first
    assert weave_host.weave("attach", "c1").out == first


def test_a_removed_container_frees_its_address(weave_host: Host) -> None:
    plain(weave_host, "c1")
    first = weave_host.weave("attach", "10.2.1.9/24", "c1").out
    weave_host.docker("rm", "-f", "c1")
    plain(weave_host, "c2")
    weave_host.until(
        "the address to be free",
        lambda: weave_host.weave("attach", f"{first}/24", "c2", check=False).ok,
        10,
    )


def test_expose_and_hide(weave_host: Host) -> None:
    plain(weave_host, "c1")
    leg = weave_host.weave("attach", "net:10.40.1.0/24", "c1").out
    exposed = weave_host.weave("expose", "net:10.40.1.0/24").out
    assert weave_host.weave("expose", "net:10.40.1.0/24").out == exposed
    assert weave_host.run("ping", "-c1", "-W1", leg).ok
    assert f"{exposed}/24" in weave_host.weave("ps", "weave:expose").stdout
    # from elsewhere too: the subnet is open through this host
    weave_host.lan.sh(f"ip route add 10.40.1.0/24 via {weave_host.ip}")
    try:
        assert weave_host.lan.run("ping", "-c1", "-W1", leg).ok
        assert weave_host.weave("hide", "net:10.40.1.0/24").out == exposed
        assert not weave_host.lan.run("ping", "-c1", "-W1", leg, check=False).ok
    finally:
        weave_host.lan.sh("ip route del 10.40.1.0/24")
    assert weave_host.weave("hide", "net:10.40.1.0/24").out == ""


def test_expose_survives_a_restart_with_its_masquerade(weave_host: Host) -> None:
    weave_host.weave("expose", "--without-masquerade", "10.2.1.1/24")
    rules = weave_host.sh("nft list table inet weave").stdout
    weave_host.weave("stop")
    weave_host.weave("launch")
    assert weave_host.sh("nft list table inet weave").stdout == rules
    weave_host.weave("expose", "10.2.1.1/24")
    assert weave_host.sh("nft list table inet weave").stdout != rules
    assert weave_host.weave("hide", "10.2.1.1/24").out == "10.2.1.1"


def test_ps(weave_host: Host) -> None:
    network(weave_host, "web", "--subnet", "10.5.0.0/16")
    cid = start(weave_host, "c1", "web")
    leg_id = plain(weave_host, "c2")
    weave_host.weave("attach", "10.2.1.9/24", "c2")
    mac = r"([0-9a-f]{2}:){5}[0-9a-f]{2}"
    lines = weave_host.weave("ps").lines
    assert re.fullmatch(rf"weave:expose {mac}", lines[0])
    assert any(re.fullmatch(rf"{cid[:12]} {mac} 10\.5\.0\.2/16", line) for line in lines)
    assert any(re.fullmatch(rf"{leg_id[:12]} {mac} 10\.2\.1\.9/24", line) for line in lines)
    assert re.fullmatch(rf"c2 {mac} 10\.2\.1\.9/24", weave_host.weave("ps", "c2").out)
    nobody = weave_host.weave("ps", "nobody")
    assert (nobody.rc, nobody.stdout) == (0, "")


def test_inspect_prints_the_weave_address(weave_host: Host) -> None:
    network(weave_host, "web", "--subnet", "10.5.0.0/16")
    start(weave_host, "c1", "web")
    plain(weave_host, "c2")
    template = "--format={{.NetworkSettings.IPAddress}}"
    assert weave_host.weave("inspect", template, "c1").out == "10.5.0.2"
    own = weave_host.docker("inspect", template, "c2").out
    assert weave_host.weave("inspect", template, "c2").out == own
    leg = weave_host.weave("attach", "c2").out
    addresses = weave_host.weave(
        "inspect", '--format={{range .NetworkSettings.Weave}}{{join .Addresses " "}}{{end}}', "c2"
    ).out
    assert addresses.startswith(f"{leg}/")
    assert weave_host.weave("inspect", "-f", "{{.Weave.Bridge}}", "web").out.startswith("wv-")
    refused(weave_host.weave("inspect", "-f", '{{template "x"}}', "web", check=False), "template")
    refused(weave_host.weave("inspect", "nosuch", check=False), "nosuch")


def test_what_cannot_be_attached(weave_host: Host) -> None:
    plain(weave_host, "c1")
    plain(weave_host, "stopped")
    weave_host.docker("kill", "stopped")
    plain(weave_host, "hosty", "--network", "host")
    weave_host.weave("attach", "10.2.1.9/24", "c1")
    network(weave_host, "web", "--subnet", "10.5.0.0/16")
    start(weave_host, "c2", "weave")
    links_before = weave_host.links("vethwepl")
    for args, words in (
        (("nosuch",), ("unable to inspect container nosuch", "No such container")),
        (("stopped",), ("stopped", "not running", "docker start")),
        (("hosty",), ("host network namespace",)),
        (("10.2.1.9/24", "stopped"), ("not running",)),
        (("10.2.1.9/33", "c1"), ("10.2.1.9/33",)),
        (("10.2.1/24", "c1"), ("10.2.1/24",)),
        (("net:10.2.1.3/24", "c1"), ("10.2.1.0/24",)),
        (("net:10.2.1.0/24", "c1"), ("out of bounds",)),
        (("net:10.40.1.0/31", "c1"), ("smaller than minimum size",)),
        (("10.2.2.0/24", "c1"), ("network address",)),
        (("10.5.0.9/16", "c1"), ("web", "docker network connect")),
        (("c2",), ("already",)),
        (("pid:0",), ("pid:",)),
        (("pid:999999",), ("999999",)),
        (("netns:/run/netns/nosuch",), ("/run/netns/nosuch",)),
        (("netns:/etc/passwd",), ("/etc/passwd",)),
        (("pid:1",), ("host",)),
    ):
        refused(weave_host.weave("attach", *args, check=False), *words)
    plain(weave_host, "c3")
    refused(weave_host.weave("attach", "10.2.1.9/24", "c3", check=False), "in use", "c1")
    assert weave_host.links("vethwepl") == links_before
