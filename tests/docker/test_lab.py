"""The lab keeps what tests build on: hosts that look like Docker hosts, and die like them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lab import CommandFailed, Host, Lab, LabError, sweep
from tests.lab.lab import BASE

SLEEP = ("bb", "sleep", "1000")


@pytest.fixture
def other(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A lab beside the one of the run."""
    with Lab(f"other-{os.getpid()}") as made:
        yield made
    assert made.leftovers() == []


def test_a_host_is_as_docker_leaves_it(host: Host) -> None:
    assert "-P FORWARD DROP" in host.run("iptables", "-S", "FORWARD").lines
    names = "bridge/bridge-nf-call-iptables bridge/bridge-nf-call-ip6tables ipv4/ip_forward"
    assert host.sh(f"cd /proc/sys/net; cat {names}").lines == ["1", "1", "1"]
    assert host.path("/run/docker.sock").group() == "docker"
    assert host.docker("version", "-f", "{{.Client.Version}} {{.Server.Version}}").out
    assert host.docker("info", "-f", "{{.Driver}}").out == "overlay2"


def test_a_host_has_its_own_identity(host: Host, fresh_host: Host) -> None:
    for file in ("/etc/machine-id", "/proc/sys/kernel/random/boot_id"):
        here, there, machine = (p.read_text() for p in (*both(host, fresh_host, file), Path(file)))
        assert len({here, there, machine}) == 3
    assert host.run("hostname").out == host.name
    assert (
        host.docker("info", "-f", "{{.ID}}").out != fresh_host.docker("info", "-f", "{{.ID}}").out
    )


def both(one: Host, two: Host, path: str) -> tuple[Path, Path]:
    return one.path(path), two.path(path)


def test_hosts_reach_each_other_and_nothing_else(host: Host, fresh_host: Host) -> None:
    host.run("ping", "-c1", "-W2", fresh_host.ip)
    host.run("ping", "-c1", "-W2", fresh_host.ip6)
    outside = host.run("ping", "-c1", "-W2", "192.0.2.1", check=False)
    assert "Unreachable" in outside.stdout


def test_what_a_command_did_is_told(host: Host) -> None:
    with pytest.raises(
        CommandFailed, match=r"h\d+# sh -ec echo no >&2; exit 3: exit 3\nstderr: no"
    ):
        host.sh("echo no >&2; exit 3")
    assert host.sh("exit 3", check=False).rc == 3
    assert host.run("cat", input="a\nb\n").lines == ["a", "b"]
    with pytest.raises(CommandFailed, match=r"ended by the lab after 0.3 s"):
        host.run("sleep", "1000.25", timeout=0.3)
    assert not host.run("pgrep", "-f", "sleep 1000.25", check=False).ok


def test_spawn_goes_on_and_is_ended(host: Host) -> None:
    with host.spawn("sh", "-c", "echo begun; exec sleep 1000.5") as process:
        host.until("output", lambda: process.output == "begun\n")
        assert process.running
    assert not host.run("pgrep", "-f", "sleep 1000.5", check=False).ok
    assert process.output == "begun\n"
    assert host.spawn("echo", "done").wait().out == "done"


def test_tools_run_in_the_netns_of_a_container(host: Host) -> None:
    host.docker("run", "-d", "--name", "c1", *SLEEP)
    inside = host.container("c1", "ip", "-j", "addr", "show", "eth0").json()
    address = inside[0]["addr_info"][0]["local"]
    assert address == host.inspect("c1")["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]


def test_power_off_keeps_the_disk_and_forgets_the_rest(fresh_host: Host) -> None:
    host = fresh_host
    host.docker("run", "-d", "--name", "c1", "--restart", "always", *SLEEP)
    host.sh("echo kept >/var/lib/weave/file; echo kept >/etc/file; echo lost >/run/file")
    before = host.path("/proc/sys/kernel/random/boot_id").read_text()
    host.kill()
    assert not host.up
    with pytest.raises(LabError, match="is not up"):
        host.run("true")
    host.start()
    assert host.sh("cat /var/lib/weave/file /etc/file").lines == ["kept", "kept"]
    assert not host.path("/run/file").exists()
    assert host.path("/proc/sys/kernel/random/boot_id").read_text() != before
    host.until("c1 to run", lambda: host.inspect("c1")["State"]["Running"])


def test_boot_commands_start_around_dockerd(fresh_host: Host) -> None:
    host = fresh_host
    look = "{ test -S /run/docker.sock && echo after || echo before; } >/run/"
    host.boot = [["sh", "-c", look + "first; exec sleep 1000"]]
    host.boot_after = [["sh", "-c", look + "second"]]
    for _ in range(2):
        host.kill()
        host.start()
        host.until("both", lambda: host.path("/run/second").exists())
        assert host.sh("cat /run/first /run/second").lines == ["before", "after"]


def test_dockerd_flags_and_settings(fresh_host: Host) -> None:
    host = fresh_host
    host.daemon_json(**{"live-restore": True, "labels": ["a=b"]})
    host.dockerd_restart()
    assert host.docker("info", "-f", "{{.LiveRestoreEnabled}} {{.Labels}}").out == "true [a=b]"
    host.docker("run", "-d", "--name", "c1", *SLEEP)
    pid = host.container_pid("c1")
    host.dockerd_kill()
    assert host.dockerd_pid is None
    host.dockerd_start()
    assert host.container_pid("c1") == pid
    with pytest.raises(LabError, match=r"dockerd of h\d+ ended:\n"):
        host.dockerd_restart("--no-such-flag")


def test_a_frozen_host_hangs(fresh_host: Host) -> None:
    fresh_host.freeze()
    assert fresh_host.frozen
    assert not fresh_host.dockerd_answers
    fresh_host.thaw()
    assert fresh_host.dockerd_answers


def test_partition_and_loss(lab: Lab, host: Host, fresh_host: Host) -> None:
    def reached() -> bool:
        return host.run("ping", "-c1", "-W1", fresh_host.ip, check=False).ok

    cuts: list[Callable[[], None]] = [
        lambda: lab.partition([host], [fresh_host]),
        lambda: lab.partition([host]),
        lambda: lab.loss(host, fresh_host, 100),
    ]
    for cut in cuts:
        host.until("the LAN to work", reached)
        cut()
        assert len(lab.faults()) == 2
        assert not reached()
        lab.heal()
        assert lab.faults() == []


def test_jumbo_frames(other: Lab) -> None:
    one, two = other.up(2, mtu=9000, dockerd=False)
    assert one.dockerd_pid is None
    one.run("ping", "-c1", "-W2", "-M", "do", "-s", "8972", two.ip)


def test_a_lab_is_ended_by_its_name(other: Lab) -> None:
    """Also when the process that made it has died: the next run does so."""
    code = f"""if True:
        import os
        from tests.lab import Lab
        lab = Lab({other.name!r})
        lab.own()
        lab.up(1, dockerd=False)
        os._exit(0)"""
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True, timeout=60)
    assert other.host("h1").up
    other._trace.note([other.lan, other.host("h1")])
    assert sweep() == [other.name]
    assert other.leftovers() == []
    assert not (BASE / other.name).exists()


def test_the_command_line(other: Lab) -> None:
    def lab(*args: str) -> subprocess.CompletedProcess[str]:
        cmd = [sys.executable, "-m", "tests.lab", "--name", other.name, *args]
        root = Path(__file__).parents[2]
        return subprocess.run(cmd, cwd=root, text=True, capture_output=True, check=False)

    assert lab("up", "1", "--no-dockerd").returncode == 0
    assert lab("exec", "h1", "--", "hostname").stdout == "h1\n"
    assert lab("exec", "lan", "ip", "link", "show", "h1").returncode == 0
    assert "h1 10.99.0.1 up" in lab("status").stdout
    assert lab("kill", "h1").returncode == 0
    assert "h1 10.99.0.1 off" in lab("status").stdout
    assert "h1 is not up" in lab("exec", "h1", "true").stderr
    assert lab("nonsense").returncode == 2
    assert lab("down").returncode == 0
    assert lab("status").stdout == "down\n"


def test_an_interrupted_demo_leaves_nothing() -> None:
    root = Path(__file__).parents[2]
    cmd = [sys.executable, "-m", "tests.lab.demo"]
    with subprocess.Popen(cmd, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as demo:
        assert demo.stdout
        demo.stdout.readline()
        demo.stdout.readline()
        state = BASE / f"demo-{demo.pid}"
        assert state.exists()
        demo.send_signal(signal.SIGINT)
        assert demo.wait(30) == 1
    assert not state.exists()
    assert not list(Path("/sys/fs/cgroup").glob(f"**/weave-lab-demo-{demo.pid}"))
