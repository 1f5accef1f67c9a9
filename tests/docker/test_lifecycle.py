"""launch, stop, reset, status, plugin: the life of the daemon."""

from __future__ import annotations

import json
import socket
import stat
import sys
import time

from tests.docker.helpers import network, ping, refused, start
from tests.lab import Host
from tests.lab.clean import kill_weaved, left_by_weave
from tests.lab.host import weave_command


def test_launch_status_stop_launch_reset(fresh_host: Host) -> None:
    host = fresh_host
    launched = host.weave("launch")
    assert launched.out.count(":") == 5, "launch prints the peer's name"
    assert host.docker("network", "ls", "--filter", "name=weave", "-q").out
    status = host.weave("status").stdout
    for line in ("Service: ipam", "Range: 10.32.0.0/12", "DriverName: weave, weavemesh"):
        assert line in status
    assert host.pids("weaved"), "its process title"
    start(host, "c1", "weave")
    start(host, "c2", "weave")
    target = host.docker("inspect", "-f", "{{.NetworkSettings.Networks.weave.IPAddress}}", "c2").out
    network_id = host.docker("network", "inspect", "-f", "{{.Id}}", "weave").out
    stopped = host.weave("stop")
    assert "c1" in stopped.stderr and "15 s" in stopped.stderr
    assert ping(host, "c1", target)
    assert not host.weave("status", check=False).ok
    assert host.weave("stop").ok
    assert host.weave("launch").out == launched.out
    assert ping(host, "c1", target)
    assert host.docker("network", "inspect", "-f", "{{.Id}}", "weave").out == network_id
    refused(host.weave("reset", check=False), "c1", "c2", "--force")
    assert ping(host, "c1", target)
    host.weave("reset", "--force")
    assert not left_by_weave(host)
    assert host.docker("network", "ls", "--filter", "driver=weave", "-q").out == ""
    assert host.weave("launch").out != launched.out


def test_reset_without_the_daemon(fresh_host: Host) -> None:
    host = fresh_host
    host.weave("launch")
    network(host, "web")
    start(host, "c1", "web")
    kill_weaved(host)
    refused(host.weave("reset", check=False), "not running", "--force")
    host.weave("reset", "--force", timeout=120)
    assert not left_by_weave(host)
    assert host.docker("network", "ls", "--filter", "driver=weave", "-q").out == ""
    assert host.weave("reset").ok


def test_a_second_launch_and_leftovers_of_a_dead_one(weave_host: Host) -> None:
    second = weave_host.weave("launch", check=False)
    refused(second, "already running", "weave stop")
    assert second.rc == 3
    kill_weaved(weave_host)
    assert weave_host.sh("ls /run/weave/weave.sock /run/weave/weaved.pid").ok
    assert weave_host.weave("launch").ok


def test_a_used_port(weave_host: Host) -> None:
    weave_host.weave("stop")
    taken = (sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "6782")
    with weave_host.spawn(*taken):
        weave_host.until(
            "the port to be taken",
            lambda: weave_host.run("curl", "-s", "http://127.0.0.1:6782/", check=False).ok,
        )
        failed = weave_host.weave("launch", check=False)
        refused(failed, "127.0.0.1:6782", "--status-addr")
        assert failed.rc == 1
        assert not weave_host.pids("weaved")
    weave_host.weave("launch")


def test_a_range_that_overlaps_a_route(fresh_host: Host) -> None:
    host = fresh_host
    host.sh("ip route add 10.0.0.0/8 via 10.99.0.254")
    failed = host.weave("launch", check=False)
    refused(failed, "10.0.0.0/8", "--ipalloc-range")
    assert failed.rc == 1
    assert not host.links("weave")
    allowed = host.weave("launch", "--ipalloc-range", "10.32.0.0/12")
    assert "overlaps" in allowed.stderr


def test_another_range(weave_host: Host) -> None:
    weave_host.weave("stop")
    failed = weave_host.weave("launch", "--ipalloc-range", "10.32.0.0/33", check=False)
    refused(failed, "10.32.0.0/33")
    weave_host.weave(
        "launch", "--ipalloc-range", "10.64.0.0/16", "--ipalloc-default-subnet", "10.64.1.0/24"
    )
    weave_host.docker("run", "-d", "--name", "c1", "bb", "sleep", "99")
    assert weave_host.weave("attach", "c1").out == "10.64.1.2"
    weave_host.weave("stop")
    back = ("--ipalloc-range", "10.32.0.0/12", "--ipalloc-default-subnet", "10.32.0.0/12")
    refused(weave_host.weave("launch", *back, check=False), "10.64.1.2", "in use")
    weave_host.weave("launch")
    weave_host.weave("detach", "c1")
    weave_host.weave("stop")
    weave_host.weave("launch", *back)
    assert weave_host.weave("attach", "c1").out == "10.32.0.2"


def test_without_a_docker_engine(fresh_host: Host) -> None:
    host = fresh_host
    host.dockerd_stop()
    launched = host.weave("launch")
    assert "Docker" in launched.stderr
    host.sh("ip netns add blue")
    assert host.weave("attach", "netns:blue").out == "10.32.0.2"
    assert "no Docker engine" in host.weave("status").stdout
    refused(host.weave("attach", "c1", check=False), "Docker")
    host.dockerd_start()
    host.until("the network", lambda: host.docker("network", "inspect", "weave", check=False).ok)
    host.until("status", lambda: "no Docker engine" not in host.weave("status").stdout)


def test_plugin_stop_and_start(weave_host: Host) -> None:
    assert "weavemesh" in weave_host.weave("plugin", "status").stdout
    weave_host.weave("plugin", "stop")
    assert not weave_host.run("test", "-e", "/run/docker/plugins/weave.sock", check=False).ok
    weave_host.weave("plugin", "start")
    network(weave_host, "web")
    start(weave_host, "c1", "web")


def test_plugin_start_launches_and_launch_without_plugin(fresh_host: Host) -> None:
    host = fresh_host
    host.weave("launch", "--plugin=false")
    assert not host.run("test", "-e", "/run/docker/plugins/weave.sock", check=False).ok
    assert not host.docker("network", "inspect", "weave", check=False).ok
    host.weave("plugin", "start")
    host.until("the network", lambda: host.docker("network", "inspect", "weave", check=False).ok)
    host.weave("stop")
    host.weave("plugin", "start")
    assert host.weave("status").ok


def test_a_flushed_firewall_is_put_back(weave_host: Host) -> None:
    before = weave_host.sh("nft list table inet weave").stdout
    weave_host.sh(
        "nft delete table inet weave; iptables -F DOCKER-USER; iptables -A DOCKER-USER -j RETURN"
    )
    problem = weave_host.weave("status", check=False)
    assert problem.rc == 1 and "inet weave" in problem.stdout
    weave_host.until(
        "the rules",
        lambda: weave_host.sh("nft list table inet weave", check=False).stdout == before,
        30,
    )
    weave_host.until(
        "the jump", lambda: "WEAVE" in weave_host.sh("iptables -S DOCKER-USER").stdout, 30
    )
    assert weave_host.weave("status").ok


def test_rules_of_the_user_come_first(weave_host: Host) -> None:
    weave_host.sh("iptables -I DOCKER-USER -s 10.77.0.0/16 -j DROP")
    try:
        weave_host.weave("stop")
        weave_host.weave("launch")
        rules = weave_host.sh("iptables -S DOCKER-USER").lines
        assert rules.index("-A DOCKER-USER -s 10.77.0.0/16 -j DROP") < [
            "WEAVE" in rule for rule in rules
        ].index(True)
        assert sum("WEAVE" in rule for rule in rules) == 1
    finally:
        weave_host.sh("iptables -D DOCKER-USER -s 10.77.0.0/16 -j DROP")


def test_a_broken_bridge_is_mended(weave_host: Host) -> None:
    network(weave_host, "web")
    start(weave_host, "c1", "web")
    start(weave_host, "c2", "web")
    bridge = weave_host.links("wv-")[0]
    target = weave_host.docker(
        "inspect", "-f", "{{.NetworkSettings.Networks.web.IPAddress}}", "c2"
    ).out
    weave_host.run("ip", "link", "del", bridge)
    problem = weave_host.weave("status", check=False)
    assert problem.rc == 1 and bridge in problem.stdout
    weave_host.until("the bridge to be back", lambda: ping(weave_host, "c1", target), 30)
    assert weave_host.weave("status").ok


def test_doors(weave_host: Host) -> None:
    modes = {}
    for path in (
        "/run/weave/weave.sock",
        "/run/docker/plugins/weave.sock",
        "/run/docker/plugins/weavemesh.sock",
    ):
        found = weave_host.path(path).lstat()
        assert stat.S_ISSOCK(found.st_mode)
        modes[path] = (stat.S_IMODE(found.st_mode), found.st_uid)
    assert modes["/run/docker/plugins/weave.sock"] == (0o600, 0)
    assert modes["/run/docker/plugins/weavemesh.sock"] == (0o600, 0)
    assert modes["/run/weave/weave.sock"][0] in (0o660, 0o600)
    group = weave_host.sh("stat -c %G /run/weave/weave.sock").out
    assert (modes["/run/weave/weave.sock"][0] == 0o660) == (group == "docker")
    listening = weave_host.sh("ss -tlnp | grep weaved || true").lines
    assert all("127.0.0.1:6782" in line for line in listening), listening


def test_no_permission_and_no_daemon(weave_host: Host) -> None:
    nobody = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--")

    denied = weave_host.run(*nobody, *weave_command("weave"), "status", check=False)
    refused(denied, "permission", "docker")
    refused(weave_host.run(*nobody, *weave_command("weave"), "launch", check=False), "weave")
    weave_host.weave("stop")
    for verb in (("status",), ("attach", "c1"), ("ps",), ("expose",), ("network", "ls")):
        refused(weave_host.weave(*verb, check=False), "weave launch")
    assert weave_host.weave("version").ok


def test_read_only_http(weave_host: Host) -> None:
    get = ("curl", "-s", "http://127.0.0.1:6782")
    assert "Service: ipam" in weave_host.run(*get[:2], f"{get[2]}/status").stdout
    report = json.loads(weave_host.run(*get[:2], f"{get[2]}/report").stdout)
    assert report["IPAM"]["Range"] == "10.32.0.0/12"
    assert report == weave_host.weave("report").json()
    for method in ("POST", "DELETE", "PUT"):
        code = weave_host.run(
            "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-X", method, f"{get[2]}/status"
        ).out
        assert code == "405"


def test_garbage_on_the_plugin_socket(weave_host: Host) -> None:
    network(weave_host, "web", "--subnet", "10.5.0.0/16")
    path = str(weave_host.path("/run/docker/plugins/weave.sock"))
    for data in (
        b"\x00" * 100,
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST /NetworkDriver.Join HTTP/1.1\r\nContent-Length: 4\r\n\r\nnope",
        b"A" * 100_000,
    ):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(15)
            sock.connect(path)
            sock.sendall(data)
            reply = sock.recv(65536)
            assert b"Err" in reply and b"Error" in reply
    idle = [socket.socket(socket.AF_UNIX) for _ in range(1000)]
    try:
        for sock in idle:
            sock.connect(path)
        start(weave_host, "c1", "web")
    finally:
        for sock in idle:
            sock.close()
    assert weave_host.weave("status").ok


def test_missing_tool_and_missing_capability(fresh_host: Host) -> None:
    host = fresh_host
    no_admin = ("setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin", "--")
    failed = host.run(*no_admin, *weave_command("weave"), "launch", check=False)
    refused(failed, "CAP_NET_ADMIN")
    host.sh("mount --bind /dev/null /usr/sbin/nft")
    refused(host.weave("launch", check=False), "nft is missing", "package nftables")
    assert not host.links("weave")
    assert not host.pids("weaved")
    host.sh("umount /usr/sbin/nft")
    assert host.weave("launch").ok


def test_state_of_a_newer_version_is_refused(fresh_host: Host) -> None:
    host = fresh_host
    host.weave("launch")
    host.weave("stop")
    script = "import sqlite3; sqlite3.connect('/var/lib/weave/state.db').execute('PRAGMA {}')"
    host.run(sys.executable, "-c", script.format("user_version = 99"))
    refused(host.weave("launch", check=False), "newer weaved", "99")
    host.run(sys.executable, "-c", script.format("user_version = 1"))
    assert host.weave("launch").ok


def test_reset_of_a_state_that_cannot_be_read(fresh_host: Host) -> None:
    host = fresh_host
    host.weave("launch")
    network(host, "web")
    start(host, "c1", "web")
    host.weave("stop")
    host.sh("echo garbage > /var/lib/weave/state.db; rm -f /var/lib/weave/state.db-*")
    refused(host.weave("launch", check=False), "state.db", "weave reset --force")
    host.weave("reset", "--force", timeout=120)
    assert not left_by_weave(host)
    assert host.docker("network", "ls", "--filter", "driver=weave", "-q").out == ""
    host.weave("launch")


def test_reset_with_the_plugin_off(fresh_host: Host) -> None:
    host = fresh_host
    host.weave("launch")
    network(host, "web")
    host.weave("plugin", "stop")
    begun = time.monotonic()
    host.weave("reset")
    assert time.monotonic() - begun < 10, "Docker's calls were answered"
    assert not left_by_weave(host)
