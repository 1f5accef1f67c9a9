"""weaved killed at any moment, two callers at once: nothing is given out twice, nothing leaks."""

from __future__ import annotations

import os
import random
import time

from tests.docker.helpers import address, network, ping, start
from tests.docker.test_restarts import detach
from tests.lab import Host
from tests.lab.clean import kill_weaved

SEED = int(os.environ.get("WEAVE_SEED", "20261123"))
ROUNDS = 6


def run_many(host: Host, first: int, count: int) -> str:
    """A shell line that starts containers in parallel and goes on when one fails."""
    names = " ".join(f"x{i}" for i in range(first, first + count))
    one = "docker run -d --name $n --network web bb sleep 9999 >/dev/null 2>&1"
    return f"for n in {names}; do {one} & done; wait"


def check(host: Host) -> None:
    """Every running container has an address of its own, on a link that works."""
    found = host.docker("ps", "--format", "{{.Names}}").lines
    addresses = {name: address(host, name, "web") for name in found}
    assert all(addresses.values()), addresses
    assert len(set(addresses.values())) == len(addresses), addresses
    anchor = addresses["anchor"]
    for name in found:
        if name != "anchor":
            host.until(f"{name} to reach anchor", lambda n=name: ping(host, n, anchor), 5)


def test_killed_at_any_moment(fresh_host: Host) -> None:
    host = fresh_host
    random.seed(SEED)
    host.weave("launch")
    host.weave("stop")
    detach(host, "--grace", "2")
    network(host, "web", "--subnet", "10.5.0.0/24")
    start(host, "anchor", "web")
    for number in range(ROUNDS):
        with host.spawn("sh", "-c", run_many(host, number * 10, 4)) as work:
            time.sleep(random.uniform(0.05, 1.2))
            kill_weaved(host)
            time.sleep(random.uniform(0.0, 1.0))
            detach(host, "--grace", "2")
            work.wait(120)
        check(host)
        if number % 2:
            names = list(host.docker("ps", "-aq").lines)
            keep = host.docker("ps", "-aqf", "name=anchor").out
            doomed = " ".join(n for n in names if n != keep)
            with host.spawn("sh", "-c", f"docker rm -f {doomed}") as work:
                time.sleep(random.uniform(0.02, 0.5))
                kill_weaved(host)
                detach(host, "--grace", "2")
                work.wait(120)
            check(host)
    host.sh("docker rm -f $(docker ps -aq)", timeout=120)
    host.until("links to go", lambda: not host.links("vethw"), 30)
    host.docker("network", "rm", "web")
    host.until("the records to be empty", lambda: _records(host) == 0, 30)
    assert host.weave("status").ok


def _records(host: Host) -> int:
    """Addresses in use besides the default gateway, as the report tells."""
    report = host.weave("report").json()
    outside = host.weave("network", "ls").stdout.count("wv-")
    return int(report["IPAM"]["ActiveIPs"]) - 1 + outside


def test_many_at_once(weave_host: Host) -> None:
    network(weave_host, "web", "--subnet", "10.5.0.0/24")
    start(weave_host, "anchor", "web")
    weave_host.sh(run_many(weave_host, 0, 16), timeout=120)
    assert len(weave_host.docker("ps", "-q").lines) == 17
    check(weave_host)


def test_a_locked_state_is_an_error_in_time(weave_host: Host) -> None:
    """Somebody holds the database: the call fails within 10 s and says so."""
    network(weave_host, "web")
    script = (
        "import sqlite3, time; c = sqlite3.connect('/var/lib/weave/state.db'); "
        "c.execute('BEGIN EXCLUSIVE'); print('held', flush=True); time.sleep(20)"
    )
    from sys import executable

    with weave_host.spawn(executable, "-c", script):
        time.sleep(0.5)
        begun = time.monotonic()
        done = weave_host.docker("run", "--rm", "--network", "web", "bb", "true", check=False)
        assert not done.ok and "state" in done.stderr, done
        assert time.monotonic() - begun < 12
    weave_host.docker("run", "--rm", "--network", "web", "bb", "true")
