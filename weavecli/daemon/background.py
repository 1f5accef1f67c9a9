"""What goes on without a caller: watching Docker, mending the kernel, collecting what is gone.

Docker is asked from here only, never inside one of its own calls. When it does not answer, this
waits and says so; nothing else depends on it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from weavecli.engine.base import Engine, Event
from weavecli.errors import WeaveError
from weavecli.service.firewall import Firewalling
from weavecli.service.lifecycle import Lifecycle
from weavecli.service.networks import Networks
from weavecli.service.reconcile import Reconcile

KERNEL_EVERY = 10.0
LEGS_EVERY = 2.0
DOCKER_EVERY = 30.0
SETTLE = 0.5
PATIENCE = 5.0
"""Seconds without an event before Docker is looked at, and how long a look waits at most: in a
burst of starts each look would cost dockerd and us more than a container's own calls."""
RETRY = 1.0
AGAIN = 5.0

log = logging.getLogger(__name__)


class Background:
    """Two threads: one for the kernel, one for Docker."""

    def __init__(
        self,
        engine: Engine,
        lifecycle: Lifecycle,
        networks: Networks,
        firewall: Firewalling,
        reconcile: Reconcile,
        plugin_enabled: Callable[[], bool],
        grace: float,
    ) -> None:
        self._engine = engine
        self._lifecycle = lifecycle
        self._networks = networks
        self._firewall = firewall
        self._reconcile = reconcile
        self._plugin_enabled = plugin_enabled
        self._docker_every = min(DOCKER_EVERY, max(1.0, grace / 2))
        self._stopping = threading.Event()
        self._pass = threading.Lock()
        self._quiet = False
        self._again = 0.0
        self._threads: list[threading.Thread] = []
        self.docker = ""
        """Docker's version, "" while it does not answer."""
        self.network = ""
        """ID of the Docker network `weave`, "" while there is none."""
        self.trouble = ""
        """Why there is none, or what Docker refused, a sentence."""
        self.first_look = threading.Event()
        """Set when Docker has been asked once, whatever it answered."""

    def start(self) -> None:
        for target in (self._kernel, self._docker):
            thread = threading.Thread(target=self._guard, args=(target,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(3.0)

    def quiet(self) -> None:
        """Wait for the pass under way and begin no other until `resume` (reset takes down what
        a pass would mend)."""
        self._quiet = True
        with self._pass:
            pass

    def resume(self) -> None:
        self._quiet = False

    def _guard(self, target: Callable[[], None]) -> None:
        """A defect in a pass is logged and the loop goes on."""
        while not self._stopping.is_set():
            try:
                target()
            except Exception:
                log.exception("background")
                self._stopping.wait(RETRY)

    # -- the kernel

    def _kernel(self) -> None:
        due = time.monotonic() + KERNEL_EVERY
        while not self._stopping.wait(LEGS_EVERY):
            self._try(self._reconcile.legs_pass)
            if time.monotonic() >= due:
                due = time.monotonic() + KERNEL_EVERY
                self._try(self._mend)

    def _mend(self) -> None:
        self._networks.refresh_underlay()
        self._lifecycle.mend_links()
        self._firewall.mend()

    def _try(self, work: Callable[[], object]) -> None:
        try:
            with self._pass:
                if not self._quiet:
                    work()
        except WeaveError as error:
            log.error("%s", error)

    # -- Docker

    def _docker(self) -> None:
        """One connection to Docker, from the first answer to the last."""
        try:
            self.docker = self._engine.version()
        except WeaveError as error:
            log.debug("Docker: %s", error)
            self.docker = self.network = ""
            self.first_look.set()
            self._stopping.wait(RETRY)
            return
        log.info("Docker %s answers", self.docker)
        self._try(self._firewall.mend)  # dockerd may just have made DOCKER-USER
        self.look()
        self._try(self._start_given_up)
        self._watch()
        if not self._stopping.is_set():
            log.warning("the connection to Docker ended; trying again")
            self._stopping.wait(RETRY)

    def look(self) -> None:
        """The Docker network, then everything Docker has."""
        try:
            with self._pass:
                if not self._quiet:
                    self._compare()
            self.trouble = ""
        except WeaveError as error:
            self.trouble = str(error)
            log.error("%s", error)
        finally:
            self.first_look.set()

    def _compare(self) -> None:
        if self._plugin_enabled():
            self.network = self._lifecycle.ensure_docker_network()
        self._reconcile.docker_pass()

    def _start_given_up(self) -> None:
        again = self._reconcile.start_given_up()
        self._again = time.monotonic() + AGAIN if again else 0.0

    def _watch(self) -> None:
        """Follow events; look again after they settle, and now and then without any."""
        first = last = 0.0  # of the events since the last look; 0: none
        looked = time.monotonic()
        try:
            for event in self._engine.events():
                if self._stopping.is_set():
                    return
                now = time.monotonic()
                if event is not None and event.type == "network" and event.action == "create":
                    self._try(self._reconcile.bridges_pass)  # isolation does not wait
                if event is not None and _matters(event):
                    first, last = first or now, now
                settled = first and (now - last > SETTLE or now - first > PATIENCE)
                if settled or now - looked > self._docker_every:
                    first, looked = 0.0, now
                    self.look()
                if self._again and now > self._again:
                    self._try(self._start_given_up)
        except WeaveError as error:
            log.warning("events of Docker: %s", error)


def _matters(event: Event) -> bool:
    if event.type == "network":
        return True
    return event.type == "container" and event.action in ("start", "die", "destroy", "rename")
