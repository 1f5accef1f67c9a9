"""The dockerd of a host."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.process import LabError, until

if TYPE_CHECKING:
    from tests.lab.host import Host

LOG = "/var/log/dockerd.log"
SOCKET = "/run/docker.sock"


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket, without the price of entering the host."""

    def __init__(self, path: Path) -> None:
        super().__init__("docker", timeout=2)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(str(self.path))
        except BaseException:
            self.sock.close()
            raise


class Dockerd:
    """Starts, stops and kills it."""

    def __init__(self, host: Host) -> None:
        self.host = host

    @property
    def pid(self) -> int | None:
        """Its pid inside the host, None when it does not run."""
        try:
            pid = int(self.host.path("/run/docker.pid").read_text())
            comm = self.host.path(f"/proc/{pid}/comm").read_text()
        except (OSError, ValueError):
            return None
        return pid if comm == "dockerd\n" else None

    def answers(self) -> bool:
        """True once its API does; it accepts connections long before that."""
        connection = _Connection(self.host.path(SOCKET))
        with (
            contextlib.closing(connection),
            contextlib.suppress(OSError, http.client.HTTPException),
        ):
            connection.request("GET", "/_ping")
            return connection.getresponse().status == http.client.OK
        return False

    def start(self, flags: list[str], wait: bool = True, timeout: float = 120) -> None:
        """With `wait`, until its API answers."""
        if self.pid:
            return
        self.host.path("/run/docker.pid").unlink(missing_ok=True)
        driver = ["--storage-driver", self.host.storage_driver]
        pid = self.host.detach("dockerd", *driver, *flags, log=LOG)
        if not wait:
            return

        def ready() -> bool:
            if not self.host.path(f"/proc/{pid}").exists():
                raise LabError(f"dockerd of {self.host.name} ended:\n{self.log_tail()}")
            return self.answers()

        until(f"dockerd of {self.host.name} to answer:\n{self.log_tail()}", ready, timeout)

    def stop(self, timeout: float = 120) -> None:
        self._end(signal.SIGTERM, timeout)

    def kill(self) -> None:
        """SIGKILL: containers go on (their shims live), sockets and pid files stay behind."""
        self._end(signal.SIGKILL, 10)
        self.host.path("/run/docker.pid").unlink(missing_ok=True)

    def _end(self, number: int, timeout: float) -> None:
        if pid := self.pid:
            with contextlib.suppress(ProcessLookupError):
                self.host.signal(pid, number)
            until(f"dockerd of {self.host.name} to end", lambda: self.pid != pid, timeout)

    def log_tail(self, lines: int = 15) -> str:
        log = self.host.dir / "log" / os.path.basename(LOG)
        if not log.exists():
            return "(no log)"
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
