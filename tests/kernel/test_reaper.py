"""Deferred deletion: in batches, in time, and never of the wrong link."""

from __future__ import annotations

import os
import resource
import threading
import time
from collections.abc import Callable

import pytest

from tests.kernel.host import Sandbox, eventually, link, links, ports, run
from tests.kernel.samples import OTHER, WEAVE, pair
from weavecli.dataplane import reaper
from weavecli.dataplane.kernel import Kernel
from weavecli.dataplane.netlink import Session


def ends(*numbers: int) -> list[str]:
    return [pair(n).host_end for n in numbers]


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_one(kernel: Kernel) -> None:
    kernel.ensure_bridge(WEAVE)
    kernel.create_pair(pair(1))
    kernel.doom(pair(1).host_end)
    assert not kernel.pair_exists(pair(1).host_end), "at once"
    assert kernel.flush_doomed(2)
    assert links("veth") == []
    assert kernel.doomed() == 0


def test_a_missing_one_is_nothing(kernel: Kernel) -> None:
    kernel.doom("vethwl999999999")
    assert kernel.doomed() == 0
    assert kernel.flush_doomed(0)


def test_a_doomed_one_is_not_observed(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel.ensure_bridge(WEAVE)
    kernel.create_pair(pair(1))
    released = threading.Event()
    monkeypatch.setattr(reaper, "delete_links", lambda nl, indexes: released.wait(5) and [])
    kernel.doom(pair(1).host_end)
    assert kernel.doomed() == 1
    assert not kernel.flush_doomed(0.05)
    assert pair(1).host_end not in kernel.observe().links
    assert links("vethwl") == ends(1), "it is still there"
    released.set()


def test_a_burst_is_deleted_in_time(kernel: Kernel) -> None:
    """2,000 links over two bridges; one by one they would take half a minute."""
    kernel.ensure_bridge(WEAVE)
    kernel.ensure_bridge(OTHER)
    for number in range(2000):
        kernel.create_pair(pair(number, "weave" if number % 2 else OTHER.name))
    for number in range(2000):
        kernel.doom(pair(number).host_end)
    last = time.monotonic()
    assert kernel.flush_doomed(20)
    took = time.monotonic() - last
    assert links("veth") == []
    assert took < 3, f"{took:.2f} s; 1 s on an idle machine"


def test_made_again_at_once(kernel: Kernel) -> None:
    kernel.ensure_bridge(WEAVE)
    for _ in range(10):
        kernel.create_pair(pair(1))
        kernel.doom(pair(1).host_end)
    kernel.create_pair(pair(1))
    kernel.flush_doomed(2)
    assert kernel.pair_exists(pair(1).host_end)
    assert ports("weave") == ends(1)


def test_made_again_out_of_a_queue(kernel: Kernel) -> None:
    """Some wait, some are dying; a new link of the same name lives."""
    kernel.ensure_bridge(WEAVE)
    for number in range(600):
        kernel.create_pair(pair(number))
    for number in range(600):
        kernel.doom(pair(number).host_end)
    for number in (0, 300, 599):
        kernel.create_pair(pair(number))
        assert kernel.pair_exists(pair(number).host_end)
    assert kernel.flush_doomed(10)
    assert ports("weave") == ends(0, 300, 599)


def test_the_container_may_die_first(kernel: Kernel, sandbox: Callable[[], Sandbox]) -> None:
    kernel.ensure_bridge(WEAVE)
    boxes = [sandbox() for _ in range(6)]
    for number, box in enumerate(boxes):
        kernel.create_pair(pair(number))
        box.move_in(pair(number).sandbox_end, "ethwe0")
    for number, box in enumerate(boxes):
        box.end()
        kernel.doom(pair(number).host_end)
    assert kernel.flush_doomed(5)
    assert eventually(lambda: links("veth") == [])


def test_a_link_that_vanished_while_it_waited() -> None:
    run("ip", "link", "add", "x0", "type", "ifb")
    index = link("x0")["ifindex"]
    run("ip", "link", "del", "x0")
    session = Session()
    try:
        assert reaper.delete_links(session, [index]) == []
        assert reaper.delete_links(session, [index, index + 1]) == []
    finally:
        session.close()


def test_a_group_with_one_that_cannot_be_deleted_goes_one_by_one() -> None:
    """The kernel deletes a group entirely or not at all; `lo` cannot be deleted."""
    run("ip", "link", "add", "x0", "type", "ifb")
    run("ip", "link", "add", "x1", "type", "ifb")
    session = Session()
    try:
        errors = reaper.delete_links(session, [1, link("x0")["ifindex"], link("x1")["ifindex"]])
    finally:
        session.close()
    assert len(errors) == 1
    assert links() == ["lo"]
    run("ip", "link", "set", "lo", "group", "default")


def test_close_deletes_what_waits() -> None:
    kernel = Kernel()
    kernel.ensure_bridge(WEAVE)
    for number in range(50):
        kernel.create_pair(pair(number))
    for number in range(50):
        kernel.doom(pair(number).host_end)
    kernel.close()
    assert links("veth") == []
    run("ip", "link", "add", "late", "type", "ifb")
    kernel.doom("late")
    assert kernel.doomed() == 0, "nobody would delete it"


def test_nothing_leaks(kernel: Kernel) -> None:
    """5,000 pairs made and doomed, by short-lived threads too."""
    kernel.ensure_bridge(WEAVE)

    def churn(first: int, count: int) -> None:
        for number in range(first, first + count):
            kernel.create_pair(pair(number % 900))
            kernel.doom(pair(number % 900).host_end)
            if number % 200 == 199:
                kernel.flush_doomed(10)

    churn(0, 400)
    kernel.flush_doomed(10)
    before, memory = descriptors(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for start in range(400, 5000, 460):
        thread = threading.Thread(target=churn, args=(start, 460))
        thread.start()
        thread.join()
    assert kernel.flush_doomed(10)
    assert descriptors() <= before + 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < memory + 8 * 1024
    assert links("veth") == []


def test_a_closed_kernel_leaves_no_descriptor() -> None:
    before = descriptors()
    kernel = Kernel()
    kernel.ensure_bridge(WEAVE)
    kernel.create_pair(pair(1))
    kernel.close()
    assert descriptors() == before
