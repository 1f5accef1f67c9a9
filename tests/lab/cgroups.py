"""The cgroups of a lab: one subtree a host. They are the lab's only state that matters.

Killing what is in the subtree ends the lab, whoever made it; both the old layout (a hierarchy
per controller) and the unified one are known.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from pathlib import Path
from typing import Protocol

from tests.lab.process import LabError, until

ROOT = Path("/sys/fs/cgroup")


class Cgroups(Protocol):
    """What the lab asks of cgroups; `sub` is a path below the root, such as lab-x/h1."""

    def make(self, sub: str) -> None: ...

    def first(self, sub: str) -> list[Path]:
        """The cgroup.procs files that the process which makes a host's namespaces must join."""

    def join(self, sub: str) -> list[Path]:
        """The same for processes that come later."""

    def settle(self, sub: str) -> None:
        """Called once the namespaces are made."""

    def own(self, sub: str) -> list[int]:
        """Processes of the subtree that belong to the host itself, not to a container."""

    def all(self, sub: str) -> list[int]: ...

    def freeze(self, sub: str, frozen: bool) -> None: ...

    def frozen(self, sub: str) -> bool: ...

    def kill(self, sub: str) -> None: ...

    def remove(self, sub: str) -> None: ...

    def children(self, sub: str) -> list[str]: ...

    def exists(self, sub: str) -> bool: ...

    def memory(self, sub: str) -> int: ...

    def mounts(self) -> list[tuple[str, str, str]]:
        """What a host mounts below /sys/fs/cgroup: type, options, directory ('' for the top)."""


def detect() -> Cgroups:
    return Unified() if (ROOT / "cgroup.controllers").exists() else PerController()


def _pids(files: list[Path]) -> list[int]:
    found = []
    for file in files:
        with contextlib.suppress(OSError):  # the cgroup went meanwhile
            found += [int(pid) for pid in file.read_text().split()]
    return found


def _rmdir(directory: Path) -> bool:
    try:
        directory.rmdir()
    except FileNotFoundError:
        return True
    except OSError:  # busy: the kernel has not reaped its last process yet
        return False
    return True


def _rmtree(top: Path) -> None:
    """Children first; only directories can be removed, files go with them."""
    for path in sorted([top, *top.rglob("*/")], key=lambda d: -len(d.parts)):
        until(f"rmdir {path}", lambda path=path: _rmdir(path))


class PerController:
    """cgroup v1: the same subtree in every hierarchy."""

    def __init__(self) -> None:
        found = ROOT.iterdir() if ROOT.is_dir() else ()
        self.names = [d.name for d in found if not d.is_symlink() and (d / "cgroup.procs").exists()]
        if not self.names:
            raise LabError(f"no cgroups at {ROOT}")
        self.chief = "pids" if "pids" in self.names else self.names[0]

    def make(self, sub: str) -> None:
        for name in self.names:
            (ROOT / name / sub).mkdir(parents=True, exist_ok=True)
            if "cpuset" in name.split(","):
                self._copy_cpuset(ROOT / name, sub)

    def _copy_cpuset(self, top: Path, sub: str) -> None:
        """A new cpuset is empty, and no process may join it before it has CPUs and memory."""
        at = top
        for part in Path(sub).parts:
            for file in ("cpuset.cpus", "cpuset.mems"):
                (at / part / file).write_text((at / file).read_text())
            at /= part

    def first(self, sub: str) -> list[Path]:
        return [ROOT / name / sub / "cgroup.procs" for name in self.names]

    join = first

    def settle(self, sub: str) -> None:
        pass

    def own(self, sub: str) -> list[int]:
        return _pids([ROOT / self.chief / sub / "cgroup.procs"])

    def all(self, sub: str) -> list[int]:
        return _pids(list((ROOT / self.chief / sub).rglob("cgroup.procs")))

    def freeze(self, sub: str, frozen: bool) -> None:
        state = "FROZEN" if frozen else "THAWED"
        (ROOT / "freezer" / sub / "freezer.state").write_text(state)

    def frozen(self, sub: str) -> bool:
        return (ROOT / "freezer" / sub / "freezer.state").read_text().strip() != "THAWED"

    def kill(self, sub: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.freeze(sub, False)  # a frozen process does not even die

        def gone() -> bool:
            for pid in (left := self.all(sub)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return not left

        until(f"the processes of {sub} to end", gone)

    def remove(self, sub: str) -> None:
        for name in self.names:
            _rmtree(ROOT / name / sub)

    def children(self, sub: str) -> list[str]:
        return [d.name for d in (ROOT / self.chief / sub).glob("*/")]

    def exists(self, sub: str) -> bool:
        return any((ROOT / name / sub).exists() for name in self.names)

    def memory(self, sub: str) -> int:
        with contextlib.suppress(FileNotFoundError):
            return int((ROOT / "memory" / sub / "memory.usage_in_bytes").read_text())
        return 0

    def mounts(self) -> list[tuple[str, str, str]]:
        kinds = {
            "unified": ("cgroup2", "rw"),
            "systemd": ("cgroup", "none,name=systemd"),
        }
        top = ("tmpfs", "mode=755", "")
        return [
            top,
            *((*kinds.get(name, ("cgroup", name)), name) for name in self.names),
        ]


class Unified:
    """cgroup v2: one tree. Only leaves may hold processes where controllers are passed down, and
    dockerd passes them down from what it sees as the root; so a host's own processes live in
    the leaf `init` of the host's directory, which is the root of its cgroup namespace."""

    def make(self, sub: str) -> None:
        if self.exists(sub):  # of the last boot: an inner node by now, which none may join
            self.remove(sub)
        (ROOT / sub).mkdir(parents=True)
        at = ROOT
        for part in Path(sub).parts:
            self._pass_down(at)
            at /= part

    def _pass_down(self, at: Path) -> None:
        controllers = (at / "cgroup.controllers").read_text().split()
        passed = (at / "cgroup.subtree_control").read_text().split()
        for name in set(controllers) - set(passed):
            try:
                (at / "cgroup.subtree_control").write_text(f"+{name}")
            except OSError as e:
                if e.errno != errno.EBUSY:
                    continue  # a controller that cannot be had here: do without
                self._empty(at)
                (at / "cgroup.subtree_control").write_text(f"+{name}")

    def _empty(self, at: Path) -> None:
        """Move the processes of an inner node into its leaf `init`."""
        (at / "init").mkdir(exist_ok=True)
        for pid in _pids([at / "cgroup.procs"]):
            with contextlib.suppress(ProcessLookupError, OSError):
                (at / "init" / "cgroup.procs").write_text(str(pid))

    def first(self, sub: str) -> list[Path]:
        return [ROOT / sub / "cgroup.procs"]

    def join(self, sub: str) -> list[Path]:
        leaf = ROOT / sub / "init"
        return [(leaf if leaf.exists() else ROOT / sub) / "cgroup.procs"]

    def settle(self, sub: str) -> None:
        self._empty(ROOT / sub)
        self._pass_down(ROOT / sub)

    def own(self, sub: str) -> list[int]:
        return _pids([ROOT / sub / "cgroup.procs", ROOT / sub / "init" / "cgroup.procs"])

    def all(self, sub: str) -> list[int]:
        return _pids(list((ROOT / sub).rglob("cgroup.procs")))

    def freeze(self, sub: str, frozen: bool) -> None:
        (ROOT / sub / "cgroup.freeze").write_text("1" if frozen else "0")

    def frozen(self, sub: str) -> bool:
        return (ROOT / sub / "cgroup.freeze").read_text().strip() == "1"

    def kill(self, sub: str) -> None:
        def gone() -> bool:
            with contextlib.suppress(FileNotFoundError):  # kernels before 5.14 have no cgroup.kill
                (ROOT / sub / "cgroup.freeze").write_text("0")
                (ROOT / sub / "cgroup.kill").write_text("1")
            for pid in (left := self.all(sub)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return not left

        until(f"the processes of {sub} to end", gone)

    def remove(self, sub: str) -> None:
        _rmtree(ROOT / sub)

    def children(self, sub: str) -> list[str]:
        return [d.name for d in (ROOT / sub).glob("*/")]

    def exists(self, sub: str) -> bool:
        return (ROOT / sub).exists()

    def memory(self, sub: str) -> int:
        with contextlib.suppress(FileNotFoundError):
            return int((ROOT / sub / "memory.current").read_text())
        return 0

    def mounts(self) -> list[tuple[str, str, str]]:
        return [("cgroup2", "rw", "")]
