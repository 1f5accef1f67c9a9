"""The init system, where it is systemd: our units, and the few `systemctl` calls we need.

The order is what matters: weaved's plugin sockets must be there before Docker restores its
networks at boot, and until after it has let go of them at shutdown.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from weavecli.api import paths
from weavecli.errors import Unavailable

SERVICE = "weave.service"
SOCKET = "weave.socket"
UNIT_DIR = "etc/systemd/system"
DROP_IN = "docker.service.d/10-weave.conf"
SEARCHED = (UNIT_DIR, "run/systemd/system", "usr/lib/systemd/system", "lib/systemd/system")

SERVICE_TEXT = """\
[Unit]
Description=weave: one network for plain Docker hosts
Documentation=man:weave(1) man:weaved(8)
Wants=network-online.target
After=network-online.target
Before=docker.service

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
Restart=on-failure
RestartSec=1
RuntimeDirectory=weave
RuntimeDirectoryPreserve=yes

[Install]
WantedBy=multi-user.target
Also=weave.socket
"""

SOCKET_TEXT = f"""\
[Unit]
Description=weave: where Docker finds its plugin
Documentation=man:weave(1) man:weaved(8)
Before=docker.service

[Socket]
ListenStream={paths.PLUGIN_SOCKET}
ListenStream={paths.MESH_SOCKET}
SocketMode=0600
DirectoryMode=0755
RemoveOnStop=yes

[Install]
WantedBy=sockets.target
"""

DROP_IN_TEXT = """\
# Written by 'weave setup': Docker starts when its network plugin is there.
[Unit]
Wants=weave.socket weave.service
After=weave.socket weave.service
"""

Run = Callable[[Sequence[str]], "subprocess.CompletedProcess[str]"]


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Unavailable(f"{command[0]} is not there, although systemd runs") from None


class Systemd:
    """systemd on this machine, or under another root directory (for packages and tests)."""

    def __init__(self, root: str = "/", run: Run = _run) -> None:
        self._root = Path(root)
        self._run = run

    def booted(self) -> bool:
        """Whether systemd is this machine's init."""
        return (self._root / "run/systemd/system").is_dir()

    def installed(self) -> bool:
        """Whether a unit of ours is there."""
        return any((self._root / place / SERVICE).exists() for place in SEARCHED)

    def manages(self) -> bool:
        """Whether weaved is to be started and stopped through systemd."""
        return self.booted() and self.installed()

    def active(self) -> bool:
        """Whether a unit of ours is running or listening."""
        if not self.manages():
            return False
        done = self._run(["systemctl", "is-active", "--quiet", SERVICE, SOCKET])
        return done.returncode == 0

    def start(self) -> None:
        """Start our units; returns when weaved serves Docker's plugin sockets."""
        self._systemctl("start", SOCKET, SERVICE)

    def stop(self) -> None:
        """Stop our units."""
        self._systemctl("stop", SERVICE, SOCKET)

    def enable(self) -> None:
        """Make newly written units known, and start them at boot."""
        self._systemctl("daemon-reload")
        self._systemctl("enable", SERVICE, SOCKET)

    def disable(self) -> None:
        """No more start at boot."""
        self._systemctl("disable", SERVICE, SOCKET)

    def reload(self) -> None:
        """Make removed units forgotten."""
        self._systemctl("daemon-reload")

    def install(self, command: Sequence[str]) -> list[str]:
        """Write the units, with `command` as what starts weaved. Returns the files."""
        words = " ".join(_quote(word) for word in command)
        texts = {
            SERVICE: SERVICE_TEXT.format(command=words),
            SOCKET: SOCKET_TEXT,
            DROP_IN: DROP_IN_TEXT,
        }
        written = []
        for name, text in texts.items():
            file = self._root / UNIT_DIR / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            file.chmod(0o644)
            written.append(str(file))
        return written

    def remove(self) -> list[str]:
        """Remove what `install` wrote. Returns the files that were there."""
        removed = []
        for name in (DROP_IN, SOCKET, SERVICE):
            file = self._root / UNIT_DIR / name
            if file.exists():
                file.unlink()
                removed.append(str(file))
        drop_ins = self._root / UNIT_DIR / os.path.dirname(DROP_IN)
        if removed and drop_ins.is_dir() and not any(drop_ins.iterdir()):
            drop_ins.rmdir()
        return removed

    def _systemctl(self, *words: str) -> None:
        done = self._run(["systemctl", *words])
        if done.returncode:
            told = " ".join((done.stderr or done.stdout).split()) or f"exit {done.returncode}"
            raise Unavailable(
                f"'systemctl {' '.join(words)}' failed: {told}; see 'journalctl -u {SERVICE}'"
            )


def _quote(word: str) -> str:
    """A word of ExecStart= as systemd reads it: `%` and `$` doubled, quoted where needed."""
    word = word.replace("%", "%%").replace("$", "$$").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{word}"' if any(c.isspace() or c in "\"'\\;" for c in word) else word
