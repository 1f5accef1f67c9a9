"""The tiers: a folder each, with what the machine must be able to do for it.

unit and drift need nothing; kernel needs root and network namespaces; docker and multihost need
hosts (tests/lab). A missing ability skips the test on a laptop and fails it where all must run:
with CI or WEAVE_TEST_ALL in the environment.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.lab import Lab, sweep

TESTS = Path(__file__).parent
LAB_TOOLS = ("unshare", "nsenter", "tini", "busybox", "ip", "nft", "iptables", "docker", "dockerd")
SBIN = "/usr/sbin:/sbin:/usr/local/sbin"


def missing_tools(*tools: str) -> str:
    path = f"{os.environ.get('PATH', '')}:{SBIN}"
    return " ".join(tool for tool in tools if not shutil.which(tool, path=path))


@cache
def lacks_kernel() -> str:
    """Why tests of the kernel cannot run here; empty if they can."""
    if os.geteuid() != 0:
        return "needs root"
    if missing := missing_tools("ip", "bridge", "nft", "unshare"):
        return f"needs {missing}; run tools/setup.sh"
    tried = subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "needs network namespaces"


@cache
def lacks_lab() -> str:
    """Why tests in hosts cannot run here; empty if they can."""
    if reason := lacks_kernel():
        return reason
    if missing := missing_tools(*LAB_TOOLS):
        return f"needs {missing}; run tools/setup.sh"
    roots = Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/pids")
    if not any((r / "cgroup.procs").exists() and os.access(r, os.W_OK) for r in roots):
        return "needs cgroups that can be written"
    return ""


ABILITIES: dict[str, Callable[[], str]] = {
    "kernel": lacks_kernel,
    "docker": lacks_lab,
    "multihost": lacks_lab,
}


def tier(item: pytest.Item) -> str:
    return item.path.relative_to(TESTS).parts[0] if item.path.is_relative_to(TESTS) else ""


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    ability = ABILITIES.get(tier(item))
    if ability and (reason := ability()):
        if os.environ.get("CI") or os.environ.get("WEAVE_TEST_ALL"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


TIERS = ("unit", "drift", "kernel", "docker", "multihost")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Quick tiers first."""
    order = {name: i for i, name in enumerate(TIERS)}
    items.sort(key=lambda item: order.get(tier(item), -1))


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """The lab of this run: `lab.up(n)`, `lab.add()`. Gone without a trace at the end."""
    sweep()
    made = Lab(f"pytest-{os.getpid()}")
    made.own()
    try:
        yield made
    finally:
        made.down()
    left = made.leftovers()
    assert not left, f"the lab left {left}"
