"""Published ports: docker_gwbridge only for containers that publish, and for these always."""

from __future__ import annotations

from tests.docker.helpers import address, links, network, ping, start
from tests.lab import Host

SERVE = ("sh", "-c", "echo hello > /www/index.html; exec httpd -f -p 80 -h /www")


def serve(host: Host, name: str, net: str, *flags: object) -> None:
    host.docker("run", "-d", "--name", name, "--network", net, *flags, "bb", *SERVE)


def fetch(host: Host, port: str) -> str:
    """What the LAN gets from a published port of the host."""
    got: str = host.lan.run("curl", "-sm3", f"http://{host.ip}:{port}/", check=False).out
    return got


def published(host: Host, name: str) -> str:
    return host.docker("port", name, "80/tcp").lines[0].rpartition(":")[2]


def test_a_published_port_answers_and_is_shown(weave_host: Host) -> None:
    network(weave_host, "web")
    serve(weave_host, "c1", "web", "-p", "8080:80")
    assert fetch(weave_host, "8080") == "hello"
    assert "0.0.0.0:8080" in weave_host.docker("port", "c1").stdout
    assert "8080->80" in weave_host.docker("ps").stdout
    assert ping(weave_host, "c1", "10.99.0.254")


def test_nobody_else_pays_for_docker_gwbridge(weave_host: Host) -> None:
    network(weave_host, "web")
    start(weave_host, "c1", "web")
    assert set(links(weave_host, "c1")) == {"lo", "ethwe0"}
    serve(weave_host, "c2", "web", "-p", "80")
    assert set(links(weave_host, "c2")) == {"lo", "ethwe0", "eth0"} or "eth1" in links(
        weave_host, "c2"
    )


def test_ports_stay_published_when_networks_come_and_go(weave_host: Host) -> None:
    network(weave_host, "web")
    network(weave_host, "also")
    network(weave_host, "aaa")
    serve(weave_host, "c1", "web", "-p", "8080:80")
    for other in ("also", "aaa"):
        weave_host.docker("network", "connect", other, "c1")
        assert fetch(weave_host, "8080") == "hello"
        assert "8080" in weave_host.docker("port", "c1").stdout
    for other in ("web", "aaa"):
        weave_host.docker("network", "disconnect", other, "c1")
        assert fetch(weave_host, "8080") == "hello"
        assert "8080" in weave_host.docker("port", "c1").stdout


def test_a_published_container_reaches_only_its_own_networks(weave_host: Host) -> None:
    network(weave_host, "web")
    network(weave_host, "other")
    serve(weave_host, "c1", "web", "-p", "8080:80")
    start(weave_host, "c2", "other")
    start(weave_host, "c3", "web")
    assert ping(weave_host, "c1", address(weave_host, "c3", "web"))
    assert not ping(weave_host, "c1", address(weave_host, "c2", "other"))


def test_an_ephemeral_port_survives_a_restart_of_the_container(weave_host: Host) -> None:
    network(weave_host, "web")
    serve(weave_host, "c1", "web", "-p", "80")
    assert fetch(weave_host, published(weave_host, "c1")) == "hello"
    weave_host.docker("restart", "c1")
    assert fetch(weave_host, published(weave_host, "c1")) == "hello"
