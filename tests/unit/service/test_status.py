"""`weave status`, `ps`, `report` and `inspect`: the truth, in the shapes that scripts read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.service.house import House
from weavecli import __version__
from weavecli.errors import Invalid, NotFound
from weavecli.model.naming import bridge_name, host_end

PEER = "02:4b:7d:00:10:aa(host1)"
SUMMARY = f"""
        Version: {__version__}

        Service: router
       Protocol: weave 3
           Name: {PEER}
     Encryption: disabled
  PeerDiscovery: disabled
        Targets: 0
    Connections: 0
          Peers: 1
 TrustedSubnets: none

        Service: ipam
         Status: ready
          Range: 10.32.0.0/12
  DefaultSubnet: 10.32.0.0/12

        Service: networks
       Networks: 0
      Endpoints: 0
       Attached: 0
        Exposed: none

        Service: plugin
     DriverName: weave, weavemesh
         Docker: 20.10.24

"""


@pytest.fixture
def net(house: House) -> str:
    network = house.network("10.5.0.0/16")
    house.known(network, "web")
    house.reconcile.docker_pass()
    return network


def test_the_summary_of_an_idle_host(house: House) -> None:
    assert house.status.text() == (SUMMARY, True)


def test_without_the_plugin_its_section_is_missing(house: House) -> None:
    house.plugin["enabled"] = False
    text, ok = house.status.text()
    assert text == SUMMARY.partition("        Service: plugin")[0]
    assert ok


def test_what_is_there_is_counted(house: House, net: str) -> None:
    house.run(net, "c1")
    house.endpoint(net)
    house.container("c2")
    house.attaching.attach("c2", [], True)
    house.exposing.expose([], True)
    house.call(
        "NetworkDriver.CreateNetwork",
        NetworkID="b" * 64,
        IPv4Data=[{"AddressSpace": "LocalDefault", "Pool": "172.18.0.0/16"}],
    )
    text = house.status.text()[0]
    for line in (
        "       Networks: 2 (1 with Docker's own addresses)",
        "      Endpoints: 1",
        "       Attached: 1",
        "        Exposed: 10.32.0.3/12",
    ):
        assert f"\n{line}\n" in text


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("ipam", f"{PEER:<37}  1048576 IPs (100.0% of total) (1 active)\n"),
        ("peers", f"{PEER}\n"),
        ("targets", ""),
        ("connections", ""),
    ],
)
def test_a_subject(house: House, subject: str, text: str) -> None:
    assert house.status.text(subject) == (text, True)


def test_a_subject_that_does_not_exist(house: House) -> None:
    with pytest.raises(Invalid, match="sub-command: weather; there are targets"):
        house.status.text("weather")


def test_problems_come_first_and_make_it_fail(house: House, net: str) -> None:
    endpoint = house.run(net, "c1")
    house.dataplane.links[host_end(endpoint)].up = False
    house.dataplane.flush_firewall()
    house.notes.append("Docker network 'weave' does not exist yet")
    text, ok = house.status.text()
    assert not ok
    lines = text.splitlines()
    assert lines[1] == "        Problem: Docker network 'weave' does not exist yet"
    assert lines[2].endswith("is down")
    assert lines[3] == "        Problem: nftables table inet weave is missing"
    assert not house.status.report()["Ready"]


def test_a_kernel_that_cannot_be_asked_is_a_problem(house: House) -> None:
    house.dataplane.fail_next["firewall_problems"] = NotFound("nft is gone")
    assert house.status.problems() == ["nft is gone"]


# -- ps


def test_ps_lists_the_host_then_what_is_connected(house: House, net: str) -> None:
    endpoint = house.run(net, "c1")
    house.endpoint(net)  # not joined: no interface
    c2 = house.container("c2")
    house.attaching.attach("c2", ["net:default", "10.2.1.9/24"], True)
    c1 = house.engine.container("c1").id
    assert house.status.ps([]) == [
        {"id": "weave:expose", "mac": "02:77:65:61:76:65", "addresses": []},
        {"id": c1[:12], "mac": house.state.endpoints[endpoint].mac, "addresses": ["10.5.0.2/16"]},
        {"id": c2[:12], "mac": "02:77:0a:20:00:02", "addresses": ["10.32.0.2/12", "10.2.1.9/24"]},
    ]
    house.kill(endpoint)
    assert [row["id"] for row in house.status.ps([])] == ["weave:expose", c2[:12]]


def test_ps_of_some(house: House) -> None:
    house.container("c1")
    house.attaching.attach("c1", [], True)
    house.dataplane.add_netns("/run/netns/blue", 77)
    house.attaching.attach("netns:blue", [], True)
    house.exposing.expose([], True)

    def asked(*refs: str) -> list[tuple[str, list[str]]]:
        return [(row["id"], row["addresses"]) for row in house.status.ps(list(refs))]

    assert asked("c1") == [("c1", ["10.32.0.2/12"])]
    assert asked("netns:blue") == [("netns:blue", ["10.32.0.3/12"])]
    assert asked("weave:expose", "nobody") == [("weave:expose", ["10.32.0.4/12"])]
    assert asked("nobody") == []


def test_ps_without_docker_shows_endpoints(house: House, net: str) -> None:
    endpoint = house.run(net)
    house.engine.down = True
    assert house.status.ps([])[1]["id"] == endpoint[:12]


# -- report and network ls


def test_the_report_has_weaves_paths_and_is_json(house: House, net: str) -> None:
    house.run(net, "c1")
    report: dict[str, Any] = json.loads(json.dumps(house.status.report()))
    assert report["Ready"] is True
    assert report["Router"]["Name"] == "02:4b:7d:00:10:aa"
    assert report["Router"]["Peers"][0]["NickName"] == "host1"
    assert report["IPAM"]["Range"] == "10.32.0.0/12"
    assert report["IPAM"]["RangeNumIPs"] == 1 << 20
    assert report["IPAM"]["Entries"][0]["Token"] == "10.32.0.0"
    assert report["IPAM"]["ActiveIPs"] == 1
    assert report["Plugin"]["DriverName"] == "weave"
    assert report["Networks"][0]["name"] == "web"
    assert len(report["Interfaces"]) == 2
    house.plugin["enabled"] = False
    assert "Plugin" not in house.status.report()


def test_networks_as_rows(house: House, net: str) -> None:
    house.run(net)
    assert house.status.networks() == [
        {
            "id": net,
            "name": "web",
            "subnets": ["10.5.0.0/16"],
            "gateways": ["10.5.0.1"],
            "bridge": bridge_name(net),
            "endpoints": 1,
            "internal": False,
            "ipam": "weave",
            "mtu": 1450,
        }
    ]


# -- inspect


def inspect(house: House, ref: str, kind: str = "") -> dict[str, Any]:
    (found,) = house.composed.services.inspecting.inspect(ref, kind)
    result: dict[str, Any] = json.loads(json.dumps(found))
    return result


def test_inspect_of_a_container_has_the_facts_docker_lacks(house: House, net: str) -> None:
    endpoint = house.run(net, "c1")
    house.engine.set_container(
        "c1", networks={"web": {"EndpointID": endpoint, "NetworkID": net, "Gateway": "10.5.0.1"}}
    )
    settings = inspect(house, "c1")["NetworkSettings"]
    assert (settings["IPAddress"], settings["IPPrefixLen"]) == ("10.5.0.2", 16)
    assert (settings["Gateway"], settings["MacAddress"]) == ("10.5.0.1", "02:77:0a:05:00:02")
    assert settings["GlobalIPv6Address"] == ""
    (interface,) = settings["Weave"]
    assert interface == {
        "Network": "web",
        "MacAddress": "02:77:0a:05:00:02",
        "Addresses": ["10.5.0.2/16"],
        "Gateway": "10.5.0.1",
        "By": "docker",
    }


def test_inspect_of_an_attached_container_and_namespace(house: House) -> None:
    house.container("c1")
    house.attaching.attach("c1", [], True)
    settings = inspect(house, "c1", "container")["NetworkSettings"]
    assert settings["IPAddress"] == "10.32.0.2"
    assert [i["By"] for i in settings["Weave"]] == ["attach"]
    house.dataplane.add_netns("/run/netns/blue", 77)
    house.attaching.attach("netns:blue", ["fd05::9/64"], True)
    found = inspect(house, "netns:blue")
    assert found["NetworkSettings"]["GlobalIPv6Address"] == "fd05::9"
    assert found["Id"] == "netns:77"


def test_inspect_of_a_container_that_is_not_ours_is_dockers(house: House) -> None:
    house.container("c1")
    found = inspect(house, "c1")
    assert found["NetworkSettings"]["Weave"] == []
    assert "IPAddress" not in found["NetworkSettings"]


def test_inspect_of_a_network(house: House, net: str) -> None:
    house.run(net)
    found = inspect(house, "web", "network")
    assert found["Name"] == "web"
    assert found["Weave"] == {
        "Bridge": bridge_name(net),
        "MTU": 1450,
        "IPAM": "weave",
        "Scope": "host",
        "Gateways": ["10.5.0.1"],
        "Addresses": 2,
    }


@pytest.mark.parametrize(
    ("ref", "kind", "error", "says"),
    [
        ("nobody", "", NotFound, "no such container or network: nobody"),
        ("nobody", "container", NotFound, "No such container"),
        ("web", "container", NotFound, "No such container"),
        ("c1", "network", NotFound, "network c1 not found"),
        ("c1", "volume", Invalid, "expected container or network"),
    ],
)
def test_inspect_of_what_is_not_there(
    house: House, net: str, ref: str, kind: str, error: type[Exception], says: str
) -> None:
    house.container("c1")
    with pytest.raises(error, match=says):
        inspect(house, ref, kind)
