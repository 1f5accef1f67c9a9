"""What each command is handed: the client, the printer, and the doors to this host's tools.

Everything is made on first use, so that a command pays only for what it touches. Tests hand in
fakes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from weavecli.cli.output import Output

if TYPE_CHECKING:
    from weavecli.cli.starting import Weaved
    from weavecli.cli.systemd import Systemd
    from weavecli.client.client import Client


def _is_root() -> bool:
    return os.geteuid() == 0


class App:
    """The parts a command may use."""

    def __init__(
        self,
        client: Client | None = None,
        out: Output | None = None,
        weaved: Weaved | None = None,
        systemd: Systemd | None = None,
        is_root: Callable[[], bool] = _is_root,
    ) -> None:
        self.out = out or Output()
        self.is_root = is_root
        self._client = client
        self._weaved = weaved
        self._systemd = systemd

    @property
    def client(self) -> Client:
        """The daemon, at the other end of the control socket."""
        if self._client is None:
            from weavecli.client.client import Client

            self._client = Client()
        return self._client

    @property
    def weaved(self) -> Weaved:
        """The daemon's program, to be started."""
        if self._weaved is None:
            from weavecli.cli.starting import Weaved

            self._weaved = Weaved()
        return self._weaved

    @property
    def systemd(self) -> Systemd:
        """The init system, where it is systemd."""
        if self._systemd is None:
            from weavecli.cli.systemd import Systemd

            self._systemd = Systemd()
        return self._systemd

    def close(self) -> None:
        """Let go of what was opened."""
        if self._client is not None:
            self._client.close()


pass_app = click.make_pass_decorator(App, ensure=True)
"""Hands the App to a command as its first argument."""
