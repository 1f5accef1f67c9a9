"""What a lab might leave on the machine: processes, namespaces, mounts, links, directories."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from tests.lab.place import Place
from tests.lab.process import run

KINDS = ("net", "mnt", "pid")
# Links that only a host of a lab may have, never the machine.
OURS = ("vethw", "wv-", "weave", "vxlan-678", "lan")


class Trace:
    """Remembers the namespaces of a lab, to recognise later what still lives in them."""

    def __init__(self, top: str, directory: Path) -> None:
        self.top = top
        self.dir = directory
        self.namespaces: set[str] = set()
        self.links = set(_links())

    def note(self, places: Iterable[Place]) -> None:
        for place in places:
            for kind in KINDS:
                with contextlib.suppress(OSError):
                    self.namespaces.add(os.readlink(f"/proc/{place.pid}/ns/{kind}"))

    def left(self) -> list[str]:
        """One line for each thing that is still there."""
        found = [f"directory {self.dir}"] if self.dir.exists() else []
        found += [f"link {name}" for name in set(_links()) - self.links]
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                held = {os.readlink(process / "ns" / kind) for kind in KINDS}
                if held & self.namespaces:
                    name = (process / "comm").read_text().strip()
                    found.append(f"process {process.name} {name}")
        return found + self._mounts()

    def _mounts(self) -> list[str]:
        """In this mount namespace: of the state directory, or of a namespace (nsfs)."""
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
        fields = [line.split() for line in lines]
        return [
            f"mount {f[4]}"
            for f in fields
            if f[3] in self.namespaces or Path(f[4]).is_relative_to(self.dir)
        ]


def _links() -> list[str]:
    names = [line.split()[1].rstrip(":").split("@")[0] for line in run("ip", "-o", "link").lines]
    return [name for name in names if name.startswith(OURS)]
