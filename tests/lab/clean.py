"""Bringing a host back to what it was, and saying what could not be brought back."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable

from tests.lab.host import Host
from tests.lab.process import LabError, until

# Host ends of endpoints, guest ends not yet moved, host ends of attachments.
ENDPOINTS = ("vethwl", "vethwg", "vethwepl")
DEVICES = ("weave", "wv-", "vxlan-678")
# Docker makes docker_gwbridge when first needed and keeps it; `weave` belongs to the daemon.
ALREADY_RUNNING = 3
KEPT_NETWORKS = {"weave", "docker_gwbridge"}
SOCKETS = "/run/weave /run/docker/plugins/weave.sock /run/docker/plugins/weavemesh.sock"


def clean(host: Host, timeout: float = 10) -> None:
    """Remove all containers and the networks that users make. Raises LabError when links of
    theirs are still there after `timeout` seconds."""
    if host.up and host.frozen:
        host.thaw()
    host.start()
    if not host.dockerd_answers:
        host.dockerd_stop()
        host.dockerd_start()
    if containers := host.docker("ps", "-aq").lines:
        host.docker("rm", "-fv", *containers, timeout=120)
    networks = host.docker("network", "ls", "-f", "type=custom", "--format", "{{.Name}}").lines
    if networks := [name for name in networks if name not in KEPT_NETWORKS]:
        host.docker("network", "rm", *networks, timeout=120)
    _settle(host, lambda: [f"link {n}" for n in host.links() if n.startswith(ENDPOINTS)], timeout)


def launch(host: Host) -> None:
    """Have weaved running and answering."""
    host.start()
    if (launched := host.weave("launch", check=False)).rc not in (0, ALREADY_RUNNING):
        raise LabError(str(launched))


def kill_weaved(host: Host) -> None:
    """SIGKILL, and wait until it is gone."""
    pids = host.pids("weaved")
    for pid in pids:
        with contextlib.suppress(LabError):
            host.signal(pid, signal.SIGKILL)
    until(f"weaved of {host.name} to end", lambda: not set(pids) & set(host.pids("weaved")))


def wipe(host: Host, timeout: float = 10) -> None:
    """Stop weaved and erase its state. Raises LabError when something of it is left."""
    with contextlib.suppress(LabError):
        launch(host)  # networks can only be removed in good time while it runs
    clean(host)
    host.docker("network", "rm", "weave", check=False, timeout=120)
    host.weave("stop", check=False)
    host.weave("reset", "--force", check=False)
    kill_weaved(host)
    try:
        _settle(host, lambda: left_by_weave(host), timeout)
    finally:
        host.sh(f"rm -rf {SOCKETS} /var/lib/weave/* /var/log/weave")


def left_by_weave(host: Host) -> list[str]:
    """What a host that was reset must not have any more, one line each."""
    found = [f"link {name}" for name in host.links() if name.startswith(ENDPOINTS + DEVICES)]
    tables = host.sh("nft list tables 2>/dev/null || true").lines
    found += [table for table in tables if "weave" in table.split()[-1]]
    rules = host.sh("iptables-save; ip6tables-save", check=False).lines
    found += [rule for rule in rules if rule.startswith("-A") and "weave" in rule.lower()]
    left = host.sh("find /var/lib/weave -mindepth 1 -maxdepth 1; ls -d " + SOCKETS, check=False)
    return found + left.lines


def _settle(host: Host, left: Callable[[], list[str]], timeout: float) -> None:
    with contextlib.suppress(LabError):
        until("nothing to be left", lambda: not left(), timeout, interval=0.1)
    if found := left():
        raise LabError(f"left in {host.name}: {found}")
