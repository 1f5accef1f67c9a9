"""The image `bb`: busybox with every applet, made by hand since no registry can be reached."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
from pathlib import Path

from tests.lab.process import LabError, run

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}


def build(tar: Path) -> None:
    """Write what `docker load` reads.

    StopSignal KILL: a process that is pid 1 and has no handler ignores SIGTERM, so each
    `docker stop` of a `sleep` would cost ten seconds.
    """
    root = tar.with_suffix(".dir")
    shutil.rmtree(root, ignore_errors=True)
    _fill(root / "rootfs")
    reproducible = ("--mtime=@0", "--sort=name", "--owner=0", "--group=0")
    run("tar", "-C", root / "rootfs", *reproducible, "-cf", root / "layer.tar", ".")
    diff = hashlib.sha256((root / "layer.tar").read_bytes()).hexdigest()
    machine = platform.machine()
    config = {
        "architecture": ARCHITECTURE.get(machine, machine),
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{diff}"]},
        "config": {"Cmd": ["sh"], "Env": ["PATH=/bin"], "StopSignal": "KILL"},
    }
    manifest = [{"Config": "config.json", "RepoTags": ["bb:latest"], "Layers": ["layer.tar"]}]
    (root / "config.json").write_text(json.dumps(config))
    (root / "manifest.json").write_text(json.dumps(manifest))
    made = tar.with_suffix(".new")
    run("tar", "-C", root, "-cf", made, "config.json", "layer.tar", "manifest.json")
    made.rename(tar)
    shutil.rmtree(root)


def _fill(rootfs: Path) -> None:
    for directory in ("bin", "etc", "tmp", "root", "www"):
        (rootfs / directory).mkdir(parents=True)
    busybox = shutil.which("busybox", path="/usr/bin:/bin")
    if not busybox:
        raise LabError("busybox is missing: apt-get install busybox-static")
    shutil.copy(busybox, rootfs / "bin/busybox")
    for applet in run(busybox, "--list").stdout.split():
        if applet != "busybox":
            (rootfs / "bin" / applet).symlink_to("busybox")
    (rootfs / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (rootfs / "etc/group").write_text("root:x:0:\n")
    (rootfs / "www/index.html").write_text("it works\n")
