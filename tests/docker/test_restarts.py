"""The daemon, dockerd and the host die at any moment and come back."""

from __future__ import annotations

import time

from tests.docker.helpers import address, network, ping, start
from tests.lab import Host
from tests.lab.clean import kill_weaved
from tests.lab.host import weave_command

DAEMON = weave_command("weaved")


def addresses(host: Host, names: list[str], net: str) -> dict[str, str]:
    return {name: address(host, name, net) for name in names}


def distinct(host: Host, names: list[str], net: str) -> None:
    found = addresses(host, names, net)
    assert len(set(found.values())) == len(names), found
    assert all(found.values()), found


def test_weaved_is_killed_and_comes_back(weave_host: Host) -> None:
    network(weave_host, "web", "--subnet", "10.5.0.0/16")
    start(weave_host, "c1", "web")
    start(weave_host, "c2", "web")
    before = addresses(weave_host, ["c1", "c2"], "web")
    for _ in range(3):
        kill_weaved(weave_host)
        assert ping(weave_host, "c1", before["c2"])
        weave_host.weave("launch")
        assert ping(weave_host, "c1", before["c2"])
    start(weave_host, "c3", "web")
    distinct(weave_host, ["c1", "c2", "c3"], "web")
    assert addresses(weave_host, ["c1", "c2"], "web") == before


def test_no_packet_is_lost_while_weaved_restarts(weave_host: Host) -> None:
    network(weave_host, "web")
    start(weave_host, "c1", "web")
    start(weave_host, "c2", "web")
    target = address(weave_host, "c2", "web")
    with weave_host.spawn(
        "nsenter",
        "-t",
        weave_host.container_pid("c1"),
        "-n",
        "--",
        "ping",
        "-i",
        "0.02",
        "-c",
        "200",
        "-W",
        "1",
        target,
    ) as pings:
        kill_weaved(weave_host)
        weave_host.weave("launch")
        weave_host.weave("stop")
        weave_host.weave("launch")
        result = pings.wait(30)
    assert "200 received" in result.stdout, result


def test_calls_wait_for_a_weaved_that_is_being_restarted(weave_host: Host) -> None:
    network(weave_host, "web")
    kill_weaved(weave_host)
    with weave_host.spawn(
        "docker", "run", "-d", "--name", "c1", "--network", "web", "bb", "sleep", "99"
    ) as run:
        time.sleep(1.5)
        weave_host.weave("launch")
        assert run.wait(60).rc == 0
    assert address(weave_host, "c1", "web")


def test_what_docker_forgot_is_collected(fresh_host: Host) -> None:
    """Containers removed while we are away: Docker gives up each call after 15 s and forgets."""
    host = fresh_host
    host.weave("launch")
    host.weave("stop")
    detach(host, "--grace", "3")
    network(host, "tiny", "--subnet", "10.5.0.0/29")
    start(host, "c1", "tiny")
    start(host, "c2", "tiny", "--ip", "10.5.0.6")
    kill_weaved(host)
    host.docker("rm", "-f", "c1", "c2", timeout=120)
    detach(host, "--grace", "3")
    host.until("the leftovers to be collected", lambda: not host.links("vethwl"), 30)
    start(host, "d6", "tiny", "--ip", "10.5.0.6")
    host.until(
        "c1's address to be free again",
        lambda: (
            host.docker(
                "run", "--rm", "--network", "tiny", "--ip", "10.5.0.2", "bb", "true", check=False
            ).ok
        ),
        30,
    )


def test_a_dead_holder_gives_way_to_ip_at_once(fresh_host: Host) -> None:
    host = fresh_host
    host.weave("launch")
    network(host, "web", "--subnet", "10.5.0.0/24")
    start(host, "c1", "web", "--ip", "10.5.0.9")
    kill_weaved(host)
    host.docker("rm", "-f", "c1", timeout=120)  # 45 s: three calls, given up one after the other
    host.weave("launch")
    time.sleep(16)
    start(host, "c2", "web", "--ip", "10.5.0.9")


def detach(host: Host, *flags: str) -> None:
    """Start weaved as an init system would."""
    host.detach(*DAEMON, *flags, log="/var/log/boot.log")
    host.until("weave to be ready", lambda: host.weave("status", check=False).ok, 30)


def test_dockerd_stops_and_starts(weave_host: Host) -> None:
    network(weave_host, "web", "--subnet", "10.5.0.0/16")
    start(weave_host, "c1", "web", "--restart", "always")
    start(weave_host, "c2", "web", "--restart", "always", "--ip", "10.5.0.77")
    start(weave_host, "c3", "web")
    weave_host.dockerd_restart()
    names = ["c1", "c2"]
    weave_host.until("the containers", lambda: len(weave_host.docker("ps", "-q").lines) == 2)
    assert address(weave_host, "c2", "web") == "10.5.0.77"
    distinct(weave_host, names, "web")
    assert ping(weave_host, "c1", "10.5.0.77")
    weave_host.docker("start", "c3")
    distinct(weave_host, [*names, "c3"], "web")


def test_dockerd_is_killed(weave_host: Host) -> None:
    network(weave_host, "web", "--subnet", "10.5.0.0/16")
    start(weave_host, "c1", "web", "--restart", "always")
    start(weave_host, "c2", "web", "--restart", "always", "--ip", "10.5.0.77")
    weave_host.dockerd_kill()
    weave_host.dockerd_start()
    weave_host.until("the containers", lambda: len(weave_host.docker("ps", "-q").lines) == 2)
    distinct(weave_host, ["c1", "c2"], "web")
    assert address(weave_host, "c2", "web") == "10.5.0.77"
    weave_host.until("old links to go", lambda: len(weave_host.links("vethwl")) == 2)


def test_live_restore(fresh_host: Host) -> None:
    host = fresh_host
    host.dockerd_restart("--live-restore")
    host.weave("launch")
    network(host, "web")
    start(host, "c1", "web")
    start(host, "c2", "web")
    target = address(host, "c2", "web")
    pid = host.container_pid("c1")
    host.dockerd_kill()
    kill_weaved(host)
    host.run("nsenter", "-t", pid, "-n", "ping", "-c1", "-W1", target)
    detach(host)
    host.dockerd_start("--live-restore")
    assert host.container_pid("c1") == pid
    assert ping(host, "c1", target)
    start(host, "c3", "web")
    distinct(host, ["c1", "c2", "c3"], "web")
    host.docker("network", "disconnect", "web", "c1")
    host.docker("rm", "-f", "c1", "c2", "c3")
    host.until("all links to go", lambda: not host.links("vethwl"))


def test_the_host_crashes_and_boots_weaved_first(fresh_host: Host) -> None:
    host = fresh_host
    host.weave("launch")
    network(host, "web", "--subnet", "10.5.0.0/16")
    start(host, "c1", "web", "--restart", "always", "--ip", "10.5.0.77")
    start(host, "c2", "web", "--restart", "always")
    host.weave("expose", "10.40.0.7/12")
    host.boot = [DAEMON]
    host.kill()
    host.start()
    host.until("the containers", lambda: len(host.docker("ps", "-q").lines) == 2, 60)
    assert address(host, "c1", "web") == "10.5.0.77"
    distinct(host, ["c1", "c2"], "web")
    assert ping(host, "c2", "10.5.0.77")
    assert ping(host, "c2", "10.99.0.254")
    assert "10.40.0.7/12" in host.weave("ps").stdout
    host.until("status to be well", lambda: host.weave("status", check=False).ok, 30)


def test_containers_that_docker_gave_up_are_started(fresh_host: Host) -> None:
    """Booted the other way round: dockerd first, and weaved much later."""
    host = fresh_host
    host.weave("launch")
    network(host, "web", "--subnet", "10.5.0.0/16")
    start(host, "c1", "web", "--restart", "always", "--ip", "10.5.0.77")
    start(host, "c2", "web", "--restart", "unless-stopped")
    start(host, "c3", "web", "--restart", "unless-stopped")
    host.docker("stop", "c3")
    host.kill()
    host.start()
    assert host.docker("ps", "-q").lines == []
    host.weave("launch")
    host.until("the containers", lambda: len(host.docker("ps", "-q").lines) == 2, 30)
    names = host.docker("ps", "--format", "{{.Names}}").lines
    assert sorted(names) == ["c1", "c2"]
    assert address(host, "c1", "web") == "10.5.0.77"


def test_state_is_backed_up_and_restored(fresh_host: Host) -> None:
    """A container made after the backup keeps its address to itself after the restore."""
    host = fresh_host
    host.weave("launch")
    network(host, "web", "--subnet", "10.5.0.0/16")
    start(host, "c1", "web")
    host.weave("stop")
    host.sh("cp -a /var/lib/weave/. /var/log/backup")
    host.weave("launch")
    start(host, "c2", "web")
    network(host, "late", "--subnet", "10.6.0.0/16")
    start(host, "l1", "late")
    host.weave("stop")
    host.sh("rm -rf /var/lib/weave/*; cp -a /var/log/backup/. /var/lib/weave")
    host.weave("launch")
    start(host, "c3", "web")
    distinct(host, ["c1", "c2", "c3"], "web")
    host.until(
        "the later network to be adopted", lambda: "late" in host.weave("network", "ls").stdout
    )
    start(host, "l2", "late")
    distinct(host, ["l1", "l2"], "late")
    assert ping(host, "l1", address(host, "l2", "late"))


def test_rm_link_leaves_and_joins_the_same_endpoint(weave_host: Host) -> None:
    network(weave_host, "web")
    start(weave_host, "db", "web")
    weave_host.docker(
        "run", "-d", "--name", "app", "--network", "web", "--link", "db:sql", "bb", "sleep", "9999"
    )
    weave_host.docker("rm", "--link", "/app/sql", check=False)
    target = address(weave_host, "db", "web")
    weave_host.until("app to reach db", lambda: ping(weave_host, "app", target), 10)
