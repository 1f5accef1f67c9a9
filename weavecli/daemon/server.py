"""A server on stream sockets: a thread per connection, a deadline per call.

dockerd has no time limit on a plugin call, so we have: when a call is not answered in time, the
watchdog answers it with an error and ends the connection, whatever its thread hangs in. A general
HTTP server takes two to three times as long per call as Docker's address calls may cost; this one
knows just what our three kinds of peer send.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import socket
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

from weavecli.daemon.http import BadRequest, Reader, Request, Response, encode
from weavecli.errors import Conflict, Unavailable, WeaveError

Handler = Callable[[Request], Response]
Failing = Callable[[int, str, str], Response]
"""Builds the reply for a failure of the transport: status, sentence, kind."""

SEND_SECONDS = 10.0
MAX_CONNECTIONS = 512
STACK = 256 * 1024

log = logging.getLogger(__name__)


class Connection:
    """One peer. Exactly one of its own thread and the watchdog answers each call."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.since = time.monotonic()
        self.busy = False
        self._lock = threading.Lock()
        self._call = 0

    def begin(self) -> int:
        """A call starts; returns its number."""
        with self._lock:
            self._call += 1
            self.since = time.monotonic()
            self.busy = True
            return self._call

    def answer(self, call: int, data: bytes) -> bool:
        """Send the reply of a call, unless it was answered already. Raises OSError."""
        with self._lock:
            if call != self._call or not self.busy:
                return False
            self.busy = False
            self.since = time.monotonic()
            self.sock.settimeout(SEND_SECONDS)
            self.sock.sendall(data)
            return True

    def overdue(self, seconds: float) -> int:
        """The number of a call that has taken longer than `seconds`, else 0."""
        late = self.busy and time.monotonic() - self.since > seconds
        return self._call if late else 0

    def end(self) -> None:
        """Wake its thread and the peer."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)


class Server:
    """Serves one listening socket until `stop`."""

    def __init__(
        self, name: str, sock: socket.socket, handler: Handler, failing: Failing, deadline: float
    ) -> None:
        """`deadline` is in seconds, from the last byte of a request to its reply."""
        self.name = name
        self._sock = sock
        self._handler = handler
        self._failing = failing
        self._deadline = deadline
        self._connections: set[Connection] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._wake = -1
        self._threads = [
            threading.Thread(target=self._accept, name=f"{name}-accept", daemon=True),
            threading.Thread(target=self._watch, name=f"{name}-watch", daemon=True),
        ]

    def start(self) -> None:
        threading.stack_size(STACK)
        self._sock.setblocking(False)
        self._wake = os.eventfd(0, os.EFD_CLOEXEC)
        for thread in self._threads:
            thread.start()

    def stop(self, drain: float = 1.0) -> None:
        """Take no new calls, let those under way end for `drain` seconds, end every connection.

        The listening socket is closed and not shut down: where systemd holds it too, Docker's
        calls queue in it until the next start.
        """
        self._stopping.set()
        if self._wake >= 0:
            os.eventfd_write(self._wake, 1)
            for thread in self._threads:
                thread.join(1.0)
            os.close(self._wake)
            self._wake = -1
        self._sock.close()
        until = time.monotonic() + drain
        while any(c.busy for c in self._list()) and time.monotonic() < until:
            time.sleep(0.01)
        for connection in self._list():
            connection.end()

    def _list(self) -> list[Connection]:
        with self._lock:
            return list(self._connections)

    def _accept(self) -> None:
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        while True:
            poll.poll()
            if self._stopping.is_set():
                return
            try:
                sock, _ = self._sock.accept()
            except BlockingIOError:
                continue  # the peer gave up between the two
            except OSError as error:
                log.error("%s: accept: %s", self.name, error)
                time.sleep(0.1)
                continue
            connection = Connection(sock)
            self._make_room()
            with self._lock:
                self._connections.add(connection)
            try:
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()
            except RuntimeError:
                log.error("%s: no thread for a connection", self.name)
                self._close(connection)

    def _make_room(self) -> None:
        """At the limit the connection that has been idle longest gives way."""
        with self._lock:
            if len(self._connections) < MAX_CONNECTIONS:
                return
            idle = [c for c in self._connections if not c.busy]
            if not idle:
                return
            oldest = min(idle, key=lambda c: c.since)
            self._connections.discard(oldest)  # so that the next one picks another
        oldest.end()

    def _serve(self, connection: Connection) -> None:
        reader = Reader(connection.sock)
        try:
            while not self._stopping.is_set():
                request = reader.next()
                if request is None:
                    return
                call = connection.begin()
                data = encode(self._handler(request), request.close, request.method == "HEAD")
                if not connection.answer(call, data) or request.close:
                    return
        except BadRequest as error:
            reply = self._failing(error.status, str(error), "invalid")
            self._last_words(connection, reply)
        except OSError:
            pass  # the peer went away
        finally:
            self._close(connection)

    def _last_words(self, connection: Connection, reply: Response) -> None:
        try:
            connection.answer(connection.begin(), encode(reply, close=True))
            # Unread input makes close() send a reset that can overtake the reply.
            connection.sock.shutdown(socket.SHUT_WR)
            connection.sock.settimeout(1.0)
            until = time.monotonic() + 2.0
            while time.monotonic() < until and connection.sock.recv(1 << 20):
                pass
        except OSError:
            pass

    def _close(self, connection: Connection) -> None:
        with self._lock:
            self._connections.discard(connection)
        connection.sock.close()

    def _watch(self) -> None:
        while not self._stopping.wait(0.25):
            for connection in self._list():
                call = connection.overdue(self._deadline)
                if call:
                    self._give_up(connection, call)

    def _give_up(self, connection: Connection, call: int) -> None:
        message = f"weaved could not do this within {self._deadline:.0f} s; see 'weave logs'"
        log.error(
            "%s: a call took longer than %.0f s; answered with an error", self.name, self._deadline
        )
        try:
            reply = encode(self._failing(500, message, "timed-out"), close=True)
            if not connection.answer(call, reply):
                return  # it was answered in the last moment
        except OSError:
            pass
        connection.end()


def listen_unix(path: str, mode: int, group: int = -1) -> socket.socket:
    """A listening Unix socket at `path`, replacing a stale one. Raises Unavailable, Conflict.

    It is bound under another name and renamed, so that no peer ever finds one it may not use.
    """
    place = Path(path)
    try:
        place.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        if place.exists() and not stat.S_ISSOCK(place.lstat().st_mode):
            raise Conflict(f"{path} exists and is no socket; move it away")
        fresh = f"{path}.{os.getpid()}"
        if os.path.exists(fresh):
            os.unlink(fresh)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            mask = os.umask(0o177)
            try:
                sock.bind(fresh)
            finally:
                os.umask(mask)
            if group >= 0:
                os.chown(fresh, 0, group)
            os.chmod(fresh, mode)
            sock.listen(1024)
            os.rename(fresh, path)
        except BaseException:
            sock.close()
            Path(fresh).unlink(missing_ok=True)
            raise
    except WeaveError:
        raise
    except OSError as error:
        raise Unavailable(f"cannot listen on {path}: {error.strerror or error}") from error
    return sock


def listen_tcp(address: str) -> socket.socket:
    """A listening TCP socket on `host:port`. Raises Conflict (port in use) or Unavailable."""
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host.strip("[]"), int(port)))
        sock.listen(128)
    except (OSError, OverflowError, ValueError) as error:
        sock.close()
        cause = getattr(error, "strerror", None) or str(error)
        raise Conflict(
            f"cannot listen on {address}: {cause}; choose another with --status-addr, or an "
            f"empty one for none"
        ) from error
    return sock
