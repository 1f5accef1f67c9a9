"""A place in a lab where commands run: a host, or the LAN that joins the hosts."""

from __future__ import annotations

import os
from pathlib import Path

from tests.lab.cgroups import Cgroups
from tests.lab.process import DETACH, JOIN, LabError, Process, Result, environment, run

NET4, NET6 = "10.99.0", "fd99:"


def depth() -> int:
    """How many pid namespaces deep this process lives."""
    status = Path("/proc/self/status").read_text().splitlines()
    return len(next(line for line in status if line.startswith("NSpid")).split()) - 1


class Place:
    """Namespaces that are held by a tini, found by their cgroup."""

    namespaces: tuple[str, ...] = ("-m", "-n", "-p")
    level = 1

    def __init__(self, name: str, cgroups: Cgroups, sub: str, directory: Path) -> None:
        self.name = name
        self.cgroups = cgroups
        self.sub = sub
        self.dir = directory

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def find(self) -> int | None:
        """The pid of its tini as seen from here; None when it is down."""
        wanted = depth() + self.level
        for pid in self.cgroups.own(self.sub):
            try:
                status = Path(f"/proc/{pid}/status").read_text()
                ids = next(li.split()[1:] for li in status.splitlines() if li[:5] == "NSpid")
                if ids[-1] == "1" and len(ids) == wanted and "Name:\ttini\n" in status:
                    return int(pid)
            except OSError:  # it ended meanwhile
                continue
        return None

    @property
    def up(self) -> bool:
        return self.find() is not None

    @property
    def pid(self) -> int:
        """The pid of its pid 1, as seen from here: /proc/PID/ns/net is its netns."""
        if pid := self.find():
            return pid
        raise LabError(f"{self.name} is not up")

    def path(self, path: str | Path) -> Path:
        """A file of the place, as this process can open it (sockets too). Not for /proc/sys/net
        and /proc/net: those show the netns of whoever reads them."""
        return Path(f"/proc/{self.pid}/root{path}")

    def enter(self, *cmd: object) -> list[str]:
        """The command line that runs `cmd` there when run here."""
        files = [str(f) for f in self.cgroups.join(self.sub)]
        nsenter = ["nsenter", "-t", str(self.pid), *self.namespaces, "--"]
        head = ["sh", "-c", JOIN, "lab", str(len(files)), *files]
        return [*head, *nsenter, *(str(c) for c in cmd)]

    def run(
        self,
        *cmd: object,
        check: bool = True,
        timeout: float = 60,
        input: str | None = None,
        env: dict[str, str] | None = None,
    ) -> Result:
        """Run it to its end there. Raises CommandFailed, with all it said."""
        shown = (f"{self.name}#", *cmd)
        return run(
            *self.enter(*cmd),
            check=check,
            timeout=timeout,
            input=input,
            env=env,
            shown=shown,
        )

    def sh(
        self,
        script: str,
        check: bool = True,
        timeout: float = 60,
        input: str | None = None,
    ) -> Result:
        """Run a shell script there; it stops at the first command that fails."""
        return self.run("sh", "-ec", script, check=check, timeout=timeout, input=input)

    def spawn(self, *cmd: object) -> Process:
        """Start it there and go on; `with` or stop() ends it."""
        return Process(self.enter(*cmd), (f"{self.name}#", *cmd))

    def detach(self, *cmd: object, log: str | Path = "/dev/null") -> int:
        """Start a daemon there, child of its pid 1; returns the pid it has there."""
        return int(self.run("sh", "-c", DETACH, "lab", log, *cmd).out)

    def exec(self, *cmd: object) -> None:
        """Become the command."""
        argv = self.enter(*cmd)
        os.execvpe(argv[0], argv, environment())
