"""stop, reset, plugin start|stop|status."""

from __future__ import annotations

import threading
from typing import Any, Protocol

from weavecli.api import paths
from weavecli.daemon.app import ControlMethod, decode
from weavecli.daemon.compose import House
from weavecli.daemon.http import Request


class Running(Protocol):
    """The daemon, as far as these calls change it."""

    house: House | None
    stopping: threading.Event
    wipe: bool

    def set_plugin(self, enabled: bool) -> None: ...

    def plugin_reply(self) -> dict[str, Any]: ...

    def open_plugin(self) -> None: ...

    def close_plugin(self) -> None: ...


GOODBYE = 0.1
"""Seconds for the reply to get out before the daemon ends."""


def routes(daemon: Running) -> dict[tuple[str, str], ControlMethod]:
    """What changes the daemon itself."""

    def end() -> None:
        threading.Timer(GOODBYE, daemon.stopping.set).start()

    def stop(_request: Request) -> object:
        in_use = daemon.house.lifecycle.in_use() if daemon.house is not None else []
        end()
        return {"in_use": in_use}

    def reset(request: Request) -> object:
        assert daemon.house is not None
        removed: list[str] = []
        force = decode(request.body).get("force") is True
        served = daemon.plugin_reply()["enabled"]
        daemon.house.background.quiet()
        try:
            daemon.open_plugin()  # Docker calls us back when its networks go
            daemon.house.lifecycle.reset(force, removed.append)
        except BaseException:
            if not served:
                daemon.close_plugin()
            daemon.house.background.resume()
            raise
        daemon.wipe = True
        end()
        return {"removed": removed}

    def plugin(request: Request) -> dict[str, Any]:
        daemon.set_plugin(decode(request.body).get("enabled") is True)
        return daemon.plugin_reply()

    return {
        ("POST", paths.STOP): stop,
        ("POST", paths.RESET): reset,
        ("GET", paths.PLUGIN): lambda _request: daemon.plugin_reply(),
        ("POST", paths.PLUGIN): plugin,
    }
