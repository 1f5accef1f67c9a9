"""Pid 1 of a new host: makes its private file systems, then becomes tini.

Run as a file, by the path of it, inside fresh mount, net, pid, uts, ipc and cgroup namespaces.
Its argument is JSON: name, dir (the host's state), net4, net6, cgroups (what to mount).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

# /var/lib/X that are directories of the disk, not of an overlay: dockerd's overlay2 needs that.
ON_DISK = ("docker", "weave", "etcd", "containerd")


def mount(kind: str, options: str, target: str | Path, source: str | Path = "none") -> None:
    subprocess.run(["mount", "-t", kind, "-o", options, source, target], check=True)


def bind(source: Path, target: str) -> None:
    subprocess.run(["mount", "--bind", source, target], check=True)


def let_go() -> None:
    """Drop the namespaces and containers of others that the mount namespace inherited: a mount
    here would keep them alive after their owner unmounts them."""
    for line in reversed(Path("/proc/self/mountinfo").read_text().splitlines()):
        fields = line.split()
        if fields[4] != "/" and fields[fields.index("-") + 1] in ("nsfs", "overlay"):
            subprocess.run(["umount", "-l", fields[4]], check=False, stderr=subprocess.DEVNULL)


def mount_kernel(cgroups: list[list[str]]) -> None:
    mount("proc", "rw", "/proc")
    mount("sysfs", "rw", "/sys")  # shows /sys/class/net of the netns it is mounted in
    for kind, options, directory in cgroups:
        target = Path("/sys/fs/cgroup", directory)
        target.mkdir(exist_ok=True)
        mount(kind, options, target)


def mount_files(state: Path) -> None:
    mount("tmpfs", "mode=755", "/run")
    for directory in ("docker/plugins", "netns", "lock"):
        Path("/run", directory).mkdir(parents=True)
    for directory in ("etc", "var/lib"):
        upper = state / directory.replace("/", "-")
        work = upper.with_suffix(".work")
        for path in (upper, work):
            path.mkdir(exist_ok=True)
        target = f"/{directory}"
        mount("overlay", f"lowerdir={target},upperdir={upper},workdir={work}", target)
    for name in ON_DISK:
        Path("/var/lib", name).mkdir(exist_ok=True)
        (state / name).mkdir(exist_ok=True)
        bind(state / name, f"/var/lib/{name}")
    (state / "log").mkdir(exist_ok=True)
    bind(state / "log", "/var/log")


def first_boot(name: str, net4: str, net6: str) -> None:
    """What makes this host another than the machine it runs on."""
    shutil.rmtree("/etc/docker", ignore_errors=True)  # its key.json would be the engine's ID
    Path("/etc/docker").mkdir()
    hosts = "".join(f"{net4}.{i} h{i}\n{net6}:{i} h{i}-6\n" for i in range(1, 33))
    write("/etc/machine-id", uuid.uuid4().hex + "\n")
    write("/etc/hostname", name + "\n")
    write("/etc/hosts", f"127.0.0.1 localhost\n::1 localhost\n{hosts}")
    write("/etc/resolv.conf", f"nameserver {net4}.254\n")
    groups = Path("/etc/group").read_text()
    if "\ndocker:" not in groups:
        taken = {line.split(":")[2] for line in groups.splitlines() if line.count(":") == 3}
        gid = next(str(i) for i in range(990, 100, -1) if str(i) not in taken)
        Path("/etc/group").write_text(f"{groups}docker:x:{gid}:\n")


def write(path: str, text: str) -> None:
    """Replace the file: it may be a symbolic link to somewhere in the machine's /run."""
    Path(path).unlink(missing_ok=True)
    Path(path).write_text(text)


def main() -> None:
    host = json.loads(sys.argv[1])
    state = Path(host["dir"])
    let_go()
    mount_kernel(host["cgroups"])
    mount_files(state)
    if not (state / "etc/machine-id").exists():
        first_boot(host["name"], host["net4"], host["net6"])
    # Peers tell a boot from a mere restart by this; the kernel's own never changes in a lab.
    (state / "boot_id").write_text(f"{uuid.uuid4()}\n")
    bind(state / "boot_id", "/proc/sys/kernel/random/boot_id")
    subprocess.run(["hostname", host["name"]], check=True)
    os.chdir("/")
    os.execvp("tini", ["tini", "--", "sleep", "infinity"])


if __name__ == "__main__":
    main()
