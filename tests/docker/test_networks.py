"""Docker networks through our drivers, typed as a user would."""

from __future__ import annotations

import ipaddress

from tests.docker.helpers import address, links, network, ping, refused, settings, start
from tests.lab import Host


def test_run_gets_an_address_a_gateway_and_an_interface(weave_host: Host) -> None:
    network(weave_host, "web", "--subnet", "10.5.0.0/16")
    start(weave_host, "c1", "web")
    found = settings(weave_host, "c1", "web")
    assert found["IPAddress"] == "10.5.0.2"
    assert found["IPPrefixLen"] == 16
    assert found["Gateway"] == "10.5.0.1"
    assert found["MacAddress"] == links(weave_host, "c1")["ethwe0"]["address"]
    assert "eth0" not in links(weave_host, "c1")


def test_the_default_network_is_there(weave_host: Host) -> None:
    start(weave_host, "c1", "weave")
    start(weave_host, "c2", "weave")
    assert ipaddress.ip_address(address(weave_host, "c1", "weave")) in ipaddress.ip_network(
        "10.32.0.0/12"
    )
    assert ping(weave_host, "c1", address(weave_host, "c2", "weave"))


def test_names_and_aliases_resolve(weave_host: Host) -> None:
    network(weave_host, "web")
    start(weave_host, "db", "web", "--network-alias", "sql")
    for name in ("db", "sql"):
        done = weave_host.docker("run", "--rm", "--network", "web", "bb", "ping", "-c1", name)
        assert done.ok


def test_the_interface_is_there_before_the_entry_point_runs(weave_host: Host) -> None:
    network(weave_host, "web", "--subnet", "10.5.0.0/16")
    for _ in range(5):
        out = weave_host.docker(
            "run",
            "--rm",
            "--network",
            "web",
            "bb",
            "sh",
            "-c",
            "ip -o -4 addr show ethwe0; ip route",
        ).out
        assert "inet 10.5.0." in out
        assert "default via 10.5.0.1 dev ethwe0" in out


def test_two_networks_are_isolated_and_a_container_on_both_reaches_both(weave_host: Host) -> None:
    network(weave_host, "neta")
    network(weave_host, "netb")
    start(weave_host, "ca", "neta")
    start(weave_host, "cb", "netb")
    start(weave_host, "cab", "neta")
    weave_host.docker("network", "connect", "netb", "cab")
    a, b = address(weave_host, "ca", "neta"), address(weave_host, "cb", "netb")
    assert not ping(weave_host, "ca", b)
    assert not ping(weave_host, "cb", a)
    assert ping(weave_host, "cab", a)
    assert ping(weave_host, "cab", b)
    # at L2: a neighbour of the other network is never found, even with a route by force
    weave_host.container("ca", "ip", "route", "add", f"{b}/32", "dev", "ethwe0")
    assert not ping(weave_host, "ca", b)


def test_docker_bridges_and_ours_are_isolated(weave_host: Host) -> None:
    network(weave_host, "web")
    weave_host.docker("network", "create", "plain")
    start(weave_host, "ours", "web")
    start(weave_host, "theirs", "plain")
    assert not ping(weave_host, "ours", address(weave_host, "theirs", "plain"))
    assert not ping(weave_host, "theirs", address(weave_host, "ours", "web"))


def test_outbound_traffic_is_masqueraded(weave_host: Host) -> None:
    network(weave_host, "web")
    start(weave_host, "c1", "web")
    assert ping(weave_host, "c1", "10.99.0.254")


def test_internal_has_no_way_out_but_its_members_reach_each_other(weave_host: Host) -> None:
    network(weave_host, "inside", "--internal")
    start(weave_host, "c1", "inside")
    start(weave_host, "c2", "inside")
    assert ping(weave_host, "c1", address(weave_host, "c2", "inside"))
    gateway = weave_host.docker(
        "network", "inspect", "-f", "{{(index .IPAM.Config 0).Subnet}}", "inside"
    ).out.rpartition(".")[0]
    weave_host.container("c1", "ip", "route", "add", "default", "via", f"{gateway}.1")
    assert not ping(weave_host, "c1", "10.99.0.254")


def test_every_flag_of_network_create(weave_host: Host) -> None:
    network(
        weave_host,
        "flags",
        "--subnet",
        "10.6.0.0/16",
        "--ip-range",
        "10.6.3.0/24",
        "--gateway",
        "10.6.0.9",
        "--aux-address",
        "nas=10.6.3.0",
        "--aux-address",
        "db=10.6.3.1",
        "-o",
        "com.docker.network.driver.mtu=1400",
    )
    start(weave_host, "c1", "flags")
    start(weave_host, "c2", "flags", "--ip", "10.6.9.9")
    assert address(weave_host, "c1", "flags") == "10.6.3.2"
    assert address(weave_host, "c2", "flags") == "10.6.9.9"
    assert settings(weave_host, "c1", "flags")["Gateway"] == "10.6.0.9"
    assert links(weave_host, "c1")["ethwe0"]["mtu"] == 1400
    bridge = weave_host.sh("ip -j link show type bridge").json()
    assert 1400 in [b["mtu"] for b in bridge if b.get("ifname", "").startswith("wv-")]
    assert ping(weave_host, "c1", "10.6.9.9")


def test_mac_address_is_kept(weave_host: Host) -> None:
    network(weave_host, "web")
    start(weave_host, "c1", "web", "--mac-address", "02:42:0a:05:00:77")
    assert links(weave_host, "c1")["ethwe0"]["address"] == "02:42:0a:05:00:77"
    assert settings(weave_host, "c1", "web")["MacAddress"] == "02:42:0a:05:00:77"


def test_ipv6(weave_host: Host) -> None:
    network(weave_host, "six", "--ipv6", "--subnet", "10.7.0.0/24", "--subnet", "fd07::/64")
    start(weave_host, "c1", "six")
    start(weave_host, "c2", "six", "--ip6", "fd07::99")
    one, two = settings(weave_host, "c1", "six"), settings(weave_host, "c2", "six")
    assert one["GlobalIPv6Address"].startswith("fd07::")
    assert two["GlobalIPv6Address"] == "fd07::99"
    assert ping(weave_host, "c1", "fd07::99")
    assert one["IPv6Gateway"] == "fd07::1"
    assert ping(weave_host, "c1", "fd99::fe"), "no way out over IPv6"


def test_ipv6_without_a_subnet_gets_one(weave_host: Host) -> None:
    network(weave_host, "six", "--ipv6")
    start(weave_host, "c1", "six")
    assert settings(weave_host, "c1", "six")["GlobalIPv6Address"].startswith("fd")


def test_with_dockers_own_addresses(weave_host: Host) -> None:
    weave_host.docker("network", "create", "-d", "weave", "own")
    start(weave_host, "c1", "own")
    start(weave_host, "c2", "own")
    assert ping(weave_host, "c1", address(weave_host, "c2", "own"))
    assert ping(weave_host, "c1", "10.99.0.254")
    assert "docker" in weave_host.weave("network", "ls").stdout


def test_weavemesh_is_an_alias(weave_host: Host) -> None:
    weave_host.docker(
        "network",
        "create",
        "-d",
        "weavemesh",
        "--ipam-driver",
        "weavemesh",
        "--subnet",
        "10.8.0.0/24",
        "mesh",
    )
    start(weave_host, "c1", "mesh")
    assert address(weave_host, "c1", "mesh") == "10.8.0.2"


def test_connect_and_disconnect_a_running_container(weave_host: Host) -> None:
    network(weave_host, "web", "--subnet", "10.5.0.0/16")
    weave_host.docker("run", "-d", "--name", "c1", "bb", "sleep", "9999")
    weave_host.docker("network", "connect", "--ip", "10.5.7.7", "web", "c1")
    assert "ethwe0" in links(weave_host, "c1")
    weave_host.docker("network", "disconnect", "web", "c1")
    assert "ethwe0" not in links(weave_host, "c1")
    weave_host.docker("network", "connect", "--ip", "10.5.7.7", "web", "c1")
    assert address(weave_host, "c1", "web") == "10.5.7.7"


def test_networks_without_a_subnet_never_share_one(weave_host: Host) -> None:
    for name in ("n1", "n2", "n3"):
        network(weave_host, name)
    subnets = [
        weave_host.docker("network", "inspect", "-f", "{{(index .IPAM.Config 0).Subnet}}", n).out
        for n in ("n1", "n2", "n3")
    ]
    nets = [ipaddress.ip_network(s) for s in subnets]
    assert len(set(nets)) == 3
    assert all(net.subnet_of(ipaddress.ip_network("10.48.0.0/12")) for net in nets)


def test_create_without_a_subnet_after_expose_does_not_spin(weave_host: Host) -> None:
    weave_host.weave("expose", "10.48.0.1/12")
    try:
        done = weave_host.docker(
            "network",
            "create",
            "-d",
            "weave",
            "--ipam-driver",
            "weave",
            "n1",
            check=False,
            timeout=20,
        )
        assert not done.ok, "every subnet of ours overlaps the exposed one"
        assert "--subnet" in done.stderr
    finally:
        weave_host.weave("hide", "10.48.0.1/12")


def test_overlaps_are_refused_by_name(weave_host: Host) -> None:
    network(weave_host, "web", "--subnet", "10.5.0.0/16")
    weave_host.until(
        "the name to be known", lambda: "web" in weave_host.weave("network", "ls").stdout
    )
    done = weave_host.docker(
        "network",
        "create",
        "-d",
        "weave",
        "--ipam-driver",
        "weave",
        "--subnet",
        "10.5.8.0/24",
        "two",
        check=False,
    )
    refused(done, "10.5.8.0/24", "overlaps", "web")
    done = weave_host.docker(
        "network",
        "create",
        "-d",
        "weave",
        "--ipam-driver",
        "weave",
        "--subnet",
        "10.99.0.0/25",
        "lan",
        check=False,
    )
    refused(done, "10.99.0.0/24", "eth0")
    assert "two" not in weave_host.docker("network", "ls").stdout


def test_address_in_use_and_full_pool(weave_host: Host) -> None:
    network(weave_host, "tiny", "--subnet", "10.5.0.0/29")
    start(weave_host, "c1", "tiny", "--ip", "10.5.0.5")
    done = weave_host.docker(
        "run",
        "-d",
        "--name",
        "c2",
        "--network",
        "tiny",
        "--ip",
        "10.5.0.5",
        "bb",
        "sleep",
        "9",
        check=False,
    )
    refused(done, "10.5.0.5", "in use")
    for number in range(4):
        start(weave_host, f"d{number}", "tiny")
    done = weave_host.docker(
        "run", "-d", "--name", "c3", "--network", "tiny", "bb", "sleep", "9", check=False
    )
    refused(done, "no free address", "10.5.0.0/29")
    weave_host.docker("rm", "-f", "d2")
    start(weave_host, "c4", "tiny")


def test_bad_options_are_refused(weave_host: Host) -> None:
    for flags, words in (
        (("-o", "com.docker.network.driver.mtu=abc"), ("mtu", "abc")),
        (("-o", "works.weave.multicast=perhaps"), ("multicast", "perhaps")),
        (("--subnet", "10.5.0.0/31"), ("smaller than minimum size",)),
    ):
        done = weave_host.docker(
            "network", "create", "-d", "weave", "--ipam-driver", "weave", *flags, "bad", check=False
        )
        refused(done, *words)
    done = weave_host.docker(
        "network", "create", "-d", "weave", "--ipam-driver", "null", "bad", check=False
    )
    refused(done, "--ipam-driver weave")
    assert not weave_host.links("wv-")
