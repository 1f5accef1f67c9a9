"""Every test of the kernel runs in a host of its own: a fresh network namespace."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.kernel.host import Sandbox, fresh_namespace
from tests.kernel.site import Site
from weavecli.dataplane.kernel import Kernel


@pytest.fixture(autouse=True)
def namespace() -> Iterator[None]:
    with fresh_namespace():
        yield


@pytest.fixture
def kernel(namespace: None) -> Iterator[Kernel]:
    made = Kernel()
    yield made
    made.close()


@pytest.fixture
def sandbox(namespace: None) -> Iterator[Callable[[], Sandbox]]:
    made: list[Sandbox] = []

    def make() -> Sandbox:
        made.append(Sandbox())
        return made[-1]

    yield make
    for one in made:
        one.end()


@pytest.fixture
def site(kernel: Kernel, sandbox: Callable[[], Sandbox]) -> Site:
    return Site(kernel, sandbox)
