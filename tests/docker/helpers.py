"""Short words for what the tests of Docker networks do."""

from __future__ import annotations

import json
from typing import Any

from tests.lab import Host, Result

DRIVER = ("-d", "weave", "--ipam-driver", "weave")


def network(host: Host, name: str, *flags: object) -> str:
    """Make a network of ours; returns its ID."""
    return host.docker("network", "create", *DRIVER, *flags, name).out


def start(host: Host, name: str, net: str, *flags: object) -> str:
    """Run a container that sleeps; returns its ID."""
    return host.docker(
        "run", "-d", "--name", name, "--network", net, *flags, "bb", "sleep", "9999"
    ).out


def settings(host: Host, container: str, net: str) -> dict[str, Any]:
    """NetworkSettings.Networks[net] of a container."""
    found: dict[str, Any] = host.inspect(container)["NetworkSettings"]["Networks"][net]
    return found


def address(host: Host, container: str, net: str) -> str:
    return str(settings(host, container, net)["IPAddress"])


def links(host: Host, container: str) -> dict[str, dict[str, Any]]:
    """The interfaces inside a container, by name, as `ip -j addr` shows them."""
    found = json.loads(host.container(container, "ip", "-j", "addr").stdout)
    return {link["ifname"]: link for link in found if link}


def ping(host: Host, container: str, target: str, count: int = 1) -> bool:
    """Whether all of `count` pings from a container's namespace are answered."""
    done = host.container(
        container, "ping", "-c", count, "-i", "0.2", "-W", "1", target, check=False
    )
    return done.ok and f" {count} received" in done.stdout


def refused(result: Result, *words: str) -> None:
    """The command failed, and its message has all these words and no traceback."""
    assert not result.ok, f"should have failed: {result}"
    for word in words:
        assert word in result.stderr, f"{word!r} is missing in: {result.stderr}"
    assert "Traceback" not in result.stderr
