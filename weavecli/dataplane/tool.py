"""Running nft and iptables: they have no library that is stable, present and ours to ship."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

from weavecli.errors import Forbidden, Internal, TimedOut, Unavailable, WeaveError

TIMEOUT = 30
"""Seconds; `-w` lets iptables wait for its lock for less."""
PACKAGES = {"nft": "nftables", "iptables": "iptables", "ip6tables": "iptables"}
_SBIN = "/usr/local/sbin:/usr/sbin:/sbin"


def environment() -> dict[str, str]:
    """English messages, and the folders of administrators' tools: services often lack them."""
    path = os.environ.get("PATH", "/usr/bin:/bin")
    return {"PATH": f"{path}:{_SBIN}", "LC_ALL": "C"}


def run(argv: Sequence[str], text: str = "") -> subprocess.CompletedProcess[str]:
    """Run a tool with `text` as its input. Raises Unavailable naming the package when missing."""
    try:
        return subprocess.run(
            argv,
            input=text,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT,
            env=environment(),
            check=False,
        )
    except FileNotFoundError:
        package = PACKAGES.get(argv[0], argv[0])
        raise Unavailable(f"{argv[0]} is missing; install the package {package}") from None
    except subprocess.TimeoutExpired:
        raise TimedOut(
            f"{' '.join(argv)} did not end within {TIMEOUT} seconds; try again"
        ) from None


def failure(result: subprocess.CompletedProcess[str], what: str) -> WeaveError:
    """The kind for a tool that failed; `what` names the object."""
    lines = [line.strip() for line in result.stderr.splitlines() if line.strip()]
    reason = lines[0] if lines else f"exit code {result.returncode}"
    if "not permitted" in reason or "you must be root" in reason:
        return Forbidden(f"{what}: {reason}; run as root, with CAP_NET_ADMIN")
    return Internal(f"{what}: {reason}")
