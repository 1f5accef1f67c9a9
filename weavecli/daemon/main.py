"""weaved: the only place where the real parts are chosen."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from setproctitle import setproctitle

from weavecli import __version__
from weavecli.daemon import config
from weavecli.daemon import sockets as doors
from weavecli.daemon.app import unforeseen
from weavecli.daemon.config import Options
from weavecli.daemon.daemon import Daemon
from weavecli.dataplane.base import Dataplane
from weavecli.engine.base import Engine
from weavecli.errors import Forbidden, Unavailable, WeaveError
from weavecli.service.lifecycle import reset
from weavecli.store.base import Store

log = logging.getLogger("weaved")


def _store(path: Path) -> Store:
    from weavecli.store.sqlite import SqliteStore

    return SqliteStore(path)


def _dataplane() -> Dataplane:
    from weavecli.dataplane.kernel import Kernel

    return Kernel()


def _engine() -> Engine:
    from weavecli.engine.docker_api import DockerEngine

    return DockerEngine()


class _Lines(logging.Formatter):
    """Time, level, message. The time is formatted once a second: a line per plugin call is
    otherwise a tenth of the call."""

    def __init__(self) -> None:
        super().__init__("%(message)s")
        self._second = (0, "")

    def format(self, record: logging.LogRecord) -> str:
        second, text = self._second
        if second != int(record.created):
            second = int(record.created)
            text = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
            self._second = (second, text)
        return f"{text}.{record.msecs:03.0f} {record.levelname} {super().format(record)}"


def _set_up_process(level: int) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    logging.basicConfig(level=level, handlers=[handler])
    # What no line of ours shows need not be gathered for each.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    setproctitle("weaved")


def _run(options: Options) -> int:
    """Serve until told to stop; the exit code."""
    if os.geteuid() != 0:
        raise Forbidden("weaved must be run as root")
    lock = doors.take_lock(options.run_dir)
    daemon = Daemon(options, _store, _dataplane, _engine)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: daemon.stopping.set())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        if options.mode == "reset":
            return _reset(daemon)
        daemon.start()
        # Calls are served from here on. dockerd may be waiting for us to say so, and we ask it
        # things only after that.
        doors.notify_systemd("READY=1")
        threading.Thread(target=_announce, args=(daemon,), daemon=True).start()
        daemon.stopping.wait()
        log.info("weaved ends")
        return 0
    except Exception as error:
        failure = error if isinstance(error, WeaveError) else unforeseen(error, "starting")
        if os.environ.get("NOTIFY_SOCKET") and options.mode == "run":
            return _stay(daemon, failure)
        raise failure from None
    finally:
        doors.notify_systemd("STOPPING=1")
        daemon.close()
        doors.unlink(str(Path(options.run_dir, "weaved.pid")))
        if daemon.wipe:
            shutil.rmtree(options.run_dir, ignore_errors=True)
        os.close(lock)


def _announce(daemon: Daemon) -> None:
    """Tell who started us once we are ready."""
    daemon.say("waiting for Docker")
    while not daemon.is_ready() and not daemon.stopping.wait(0.02):
        pass
    daemon.stage = "ready"
    daemon.notify({"ready": True, "name": daemon.settings.name, "note": daemon.note()})


def _stay(daemon: Daemon, error: WeaveError) -> int:
    """Under systemd, answer errors rather than not at all: it holds the sockets, and dockerd
    would wait at them for ever."""
    log.error("%s", error)
    daemon.failure = error
    daemon.serve_stop()
    doors.notify_systemd("READY=1")
    doors.notify_systemd(f"STATUS={error}")
    daemon.stopping.wait()
    return 0  # it was told to end: systemd shall not bring it back


def _reset(daemon: Daemon) -> int:
    """Without reading the state, which may be what has to go. Docker calls us back when its
    networks go, and removes them whatever we answer."""
    daemon.failure = Unavailable("weave is being reset")
    daemon.open_plugin()
    engine, dataplane = _engine(), _dataplane()
    try:
        reset(engine, dataplane, True, lambda what: _tell(f"removed {what}"))
    finally:
        engine.close()
        dataplane.close()
    daemon.wipe = True
    return 0


def _save_settings(options: Options) -> int:
    """Keep the flags for the next start."""
    store = _store(Path(options.state_dir, "state.db"))
    try:
        from weavecli.store.base import Put

        record = {**(store.get("meta", "settings") or {}), **options.given}
        config.settings(record)
        store.commit(Put("meta", "settings", record))
    finally:
        store.close()
    return 0


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point `weaved`. Ends the process."""
    notify_fd = -1
    try:
        options = config.parse(sys.argv[1:] if argv is None else argv)
        notify_fd = options.notify_fd
        if options.mode == "version":
            sys.stdout.write(f"weaved {__version__}\n")
            sys.exit(0)
        _set_up_process(logging.INFO if options.mode == "run" else logging.ERROR)
        code = _save_settings(options) if options.mode == "save-settings" else _run(options)
    except WeaveError as error:
        code = _failed(error, notify_fd)
    sys.exit(code)


def _tell(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")


def _failed(error: WeaveError, notify_fd: int) -> int:
    """One line for people; one for `weave launch`, where it waits."""
    import json

    _tell(f"weaved: {error}")
    if notify_fd >= 0:
        try:
            message = {"error": str(error), "exit": error.exit_code}
            os.write(notify_fd, json.dumps(message).encode() + b"\n")
        except OSError:
            pass
    return error.exit_code


if __name__ == "__main__":
    main()
