"""Hosts for tests with a real dockerd.

    def test_x(host): host.docker("run", "-d", "--name", "c1", "bb", "sleep", "1000")

`host` is shared by the run and cleaned after each test; `fresh_host` is for tests that break
theirs; `weave_host` is `host` with weaved running, wiped after each module.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab import Host, Lab
from tests.lab.clean import clean, launch, wipe


@pytest.fixture(scope="session")
def shared_host(lab: Lab) -> Host:
    """For the fixtures below; tests take `host`."""
    return lab.add()


@pytest.fixture
def host(shared_host: Host) -> Iterator[Host]:
    """A host with dockerd and without weaved. After the test its containers and networks are
    removed, and nothing of ours may be left."""
    yield shared_host
    clean(shared_host)


@pytest.fixture
def fresh_host(lab: Lab) -> Iterator[Host]:
    """A host of this test alone: kill it, restart its dockerd, fill its disk."""
    made = lab.add()
    yield made
    lab.remove(made)


@pytest.fixture(scope="module")
def launched(shared_host: Host) -> Iterator[Host]:
    """The shared host while weaved runs in it."""
    launch(shared_host)
    yield shared_host
    wipe(shared_host)


@pytest.fixture
def weave_host(launched: Host) -> Iterator[Host]:
    """A host with dockerd and weaved. A test may kill or stop weaved: it is launched again."""
    launch(launched)
    yield launched
    launch(launched)
    clean(launched)
