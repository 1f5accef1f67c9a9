"""One run of weaved: doors first, then memory, kernel and Docker; and the way back."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from socket import socket
from typing import Any

from weavecli.api import paths
from weavecli.daemon import config
from weavecli.daemon import sockets as doors
from weavecli.daemon.app import ControlApp, PluginApp
from weavecli.daemon.compose import House, compose
from weavecli.daemon.config import Options
from weavecli.daemon.control import lifecycle as lifecycle_routes
from weavecli.daemon.control import routes
from weavecli.daemon.http import Request, Response
from weavecli.daemon.plugin.routes import CONSTANTS, METHODS
from weavecli.daemon.readonly import ReadOnlyApp
from weavecli.daemon.server import Server, listen_tcp, listen_unix
from weavecli.dataplane.base import Dataplane
from weavecli.engine.base import Engine
from weavecli.errors import Unavailable, WeaveError
from weavecli.model.settings import Settings
from weavecli.service.lifecycle import check_range, peer_name, prepare
from weavecli.service.state import State
from weavecli.store.base import Store

PLUGIN_DEADLINE = 9.0
CONTROL_DEADLINE = 120.0
STARTING = 8.0
"""Seconds a call waits for weaved to be ready before it is answered with an error."""

OFF = "the plugin of weave is off; switch it on with 'weave plugin start'"

log = logging.getLogger(__name__)


class Daemon:
    """`parts` are functions that make the real store, data plane and engine when asked."""

    def __init__(
        self,
        options: Options,
        open_store: Callable[[Path], Store],
        open_dataplane: Callable[[], Dataplane],
        open_engine: Callable[[], Engine],
    ) -> None:
        self.options = options
        self._open_store = open_store
        self._open_dataplane = open_dataplane
        self._open_engine = open_engine
        self.stopping = threading.Event()
        self.wipe = False
        self.stage = "starting"
        self.warnings: list[str] = []
        self.failure: WeaveError | None = None
        self.settings = Settings()
        self.house: House | None = None
        self._ready = threading.Event()
        self._systemd = doors.inherited()
        self._plugin_app = PluginApp(CONSTANTS, METHODS, self._wait_ready)
        self._control_routes = routes.constants(self.ready_reply)
        self._servers: dict[str, Server] = {}
        self._plugin_servers: dict[str, Server] = {}
        self._refusing: dict[str, Server] = {}
        self._closing = False
        self._state: State | None = None
        self._dataplane: Dataplane | None = None
        self._engine: Engine | None = None

    # -- start

    def start(self) -> None:
        """Open the doors, then become ready. Raises the kinds; then `close` tidies up."""
        self.say("opening sockets")
        control = ControlApp(self._control_routes, self._wait_ready)
        self._serve(
            "control",
            doors.control_socket(self._control_path()),
            control,
            control.failing,
            CONTROL_DEADLINE,
        )
        saved = self.options.given.get("plugin", "true")
        if config.settings({"plugin": saved}).plugin and self.options.mode == "run":
            self.open_plugin()
        self._load()

    def _control_path(self) -> str:
        return str(Path(self.options.run_dir, Path(paths.CONTROL_SOCKET).name))

    def _serve(
        self,
        name: str,
        sock: socket,
        app: Callable[[Request], Response],
        failing: Callable[[int, str, str], Response],
        deadline: float,
    ) -> Server:
        server = Server(name, sock, app, failing, deadline)
        server.start()
        self._servers[name] = server
        return server

    def _load(self) -> None:
        self.say("reading the state")
        store = self._open_store(Path(self.options.state_dir, "state.db"))
        state = self._state = State(store)
        record = {**(state.meta("settings") or {}), **self.options.given}
        self.settings = config.settings(record)
        self.settings = replace(self.settings, name=peer_name(state, self.settings.name))
        if self.options.mode == "run":
            logging.getLogger().setLevel(self.settings.log_level.upper())
        self.say("looking at the kernel")
        dataplane = self._dataplane = self._open_dataplane()
        missing = dataplane.preflight()
        if missing:
            raise Unavailable("; ".join(missing))
        self.warnings = check_range(dataplane, self.settings)
        prepare(state, self.settings)
        if not self.settings.plugin:
            self.close_plugin()
        if self.settings.status_addr and self.options.mode == "run":
            self._open_status()
        self._engine = self._open_engine()
        house = self.house = compose(
            state, dataplane, self._engine, self.settings, self.plugin_reply, self._notes
        )
        self.say("bringing up bridges and firewall")
        house.lifecycle.start()
        state.set_meta("settings", record)
        self._plugin_app.methods.update(house.plugin)
        self._control_routes.update(self._all_routes(house))
        self._ready.set()
        house.background.start()
        log.info("weaved is ready; peer %s, range %s", self.settings.name, self.settings.range)

    def _all_routes(self, house: House) -> routes.Routes:
        return {
            **routes.legs(house.services),
            **routes.reading(house.services),
            **routes.networks(house.services),
            **lifecycle_routes.routes(self),
        }

    def _open_status(self) -> None:
        app = ReadOnlyApp(lambda: self.house.services.status if self.house else None)
        self._serve(
            "status", listen_tcp(self.settings.status_addr), app, app.failing, CONTROL_DEADLINE
        )

    # -- the plugin's doors

    def open_plugin(self) -> None:
        """Serve Docker's two plugin sockets. Raises Unavailable."""
        for path in (self.options.plugin_socket, self.options.mesh_socket):
            if path in self._refusing:
                self._refusing.pop(path).stop()
            if path and path not in self._plugin_servers:
                held = self._systemd.get(path)  # kept, so that the plugin can start once more
                sock = held.dup() if held is not None else listen_unix(path, 0o600)
                server = Server(
                    Path(path).stem,
                    sock,
                    self._plugin_app,
                    self._plugin_app.failing,
                    PLUGIN_DEADLINE,
                )
                server.start()
                self._plugin_servers[path] = server

    def close_plugin(self) -> None:
        for path, server in list(self._plugin_servers.items()):
            if path not in self._systemd:
                doors.unlink(path)
            server.stop()
            del self._plugin_servers[path]
        if not self._closing:
            self._refuse_held()

    def _refuse_held(self) -> None:
        """What systemd holds accepts connections whether we serve it or not: answer that the
        plugin is off, or dockerd waits for ever."""

        def off(_request: Request) -> Response:
            return self._plugin_app.failing(500, OFF, "unavailable")

        for path in (self.options.plugin_socket, self.options.mesh_socket):
            held = self._systemd.get(path)
            if held is not None and path not in self._refusing:
                server = Server(
                    Path(path).stem, held.dup(), off, self._plugin_app.failing, PLUGIN_DEADLINE
                )
                server.start()
                self._refusing[path] = server

    def serve_stop(self) -> None:
        """Let a daemon that could not start be told to end."""
        stop = ("POST", paths.STOP)
        self._control_routes[stop] = lifecycle_routes.routes(self)[stop]

    def set_plugin(self, enabled: bool) -> None:
        """`weave plugin start|stop`; kept for the next start."""
        if enabled:
            self.open_plugin()
        else:
            self.close_plugin()
        assert self._state is not None
        record = {**(self._state.meta("settings") or {}), "plugin": str(enabled).lower()}
        self._state.set_meta("settings", record)
        if enabled and self.house is not None:
            self.house.background.look()

    # -- what others ask of us

    def _wait_ready(self) -> None:
        if self.failure is not None:
            raise self.failure
        if self._ready.wait(STARTING):
            return
        raise Unavailable(f"weaved is still starting ({self.stage}); try again")

    def say(self, stage: str) -> None:
        """Progress, for `weave launch`."""
        self.stage = stage
        self.notify({"stage": stage})

    def notify(self, message: dict[str, Any]) -> None:
        """A line on the descriptor that `weave launch` reads."""
        if self.options.notify_fd < 0:
            return
        with contextlib.suppress(OSError):  # nobody reads any more
            os.write(self.options.notify_fd, json.dumps(message).encode() + b"\n")

    def ready_reply(self) -> dict[str, Any]:
        ready = self.is_ready()
        return {
            "ready": ready,
            "stage": self.stage if not self.failure else str(self.failure),
            "docker": self.house.background.docker if self.house else "",
            "note": self.note() if ready else "",
            "name": self.settings.name,
        }

    def is_ready(self) -> bool:
        """Ready: calls are served, and Docker, where it answers, has the network `weave`."""
        house = self.house
        if not self._ready.is_set() or house is None:
            return False
        if not self.settings.plugin and not self._plugin_servers:
            return True
        background = house.background
        if not background.first_look.is_set():
            return False
        return bool(background.network or background.trouble or not background.docker)

    def note(self) -> str:
        """What the user should know once we are ready, or ""."""
        assert self.house is not None
        background = self.house.background
        said = list(self.warnings)
        if self._plugin_servers and not background.docker:
            said.append(
                "no Docker engine answers; everything but Docker networks works, and these will "
                "as soon as one does"
            )
        if background.trouble:
            said.append(background.trouble)
        return "; ".join(said)

    def _notes(self) -> list[str]:
        """Problems for `weave status` that no other part knows."""
        background = self.house.background if self.house else None
        if background is None:
            return [self.stage]
        found = [background.trouble] if background.trouble else []
        if self._plugin_servers and background.docker and not background.network:
            found.append("Docker network 'weave' does not exist yet")
        return found

    def plugin_reply(self) -> dict[str, Any]:
        background = self.house.background if self.house else None
        return {
            "enabled": bool(self._plugin_servers),
            "drivers": [Path(path).stem for path in self._plugin_servers],
            "sockets": list(self._plugin_servers),
            "docker": background.docker if background else "",
            "network": background.network if background else "",
            "calls": self._plugin_app.calls,
            "last_call": self._plugin_app.last_call,
        }

    # -- the end

    def close(self) -> None:
        """Take the doors down, end the background, close the files. Containers keep talking.

        The control socket goes last: who waits for it to vanish may start the next daemon.
        """
        self.failure = Unavailable("weaved is ending; start it again with 'weave launch'")
        self._ready.clear()
        for route in [r for r in self._control_routes if r[1] not in (paths.VERSION, paths.READY)]:
            del self._control_routes[route]
        self._closing = True
        self.close_plugin()
        for server in self._refusing.values():
            server.stop()
        for held in self._systemd.values():
            held.close()
        if self.house is not None:
            self.house.background.stop()
        for part in (self._engine, self._dataplane):
            if part is not None:
                part.close()
        if self._state is not None:
            self._state.store.close()
        if self.wipe:
            self._wipe_files()
        if "control" in self._servers:
            doors.unlink(self._control_path())
        for server in self._servers.values():
            server.stop()

    def _wipe_files(self) -> None:
        for place in (self.options.state_dir, str(Path(paths.LOG_FILE).parent)):
            shutil.rmtree(place, ignore_errors=True)
