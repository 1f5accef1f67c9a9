"""A server of the daemon on a Unix socket, and a peer that speaks bytes."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from weavecli.daemon.app import PluginApp
from weavecli.daemon.http import Request, Response
from weavecli.daemon.server import Server, listen_unix

DOCKERD = (
    b"POST %s HTTP/1.1\r\nHost: \r\nUser-Agent: Go-http-client/1.1\r\nContent-Length: %d\r\n"
    b"Accept: application/vnd.docker.plugins.v1.2+json\r\n\r\n"
)
"""What dockerd 20.10 sends: an empty Host, no Content-Type."""


def dockerd(path: str, body: bytes = b"") -> bytes:
    return DOCKERD % (path.encode(), len(body)) + body


def echo(request: Request) -> Response:
    """Tells what arrived."""
    told = {
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "length": len(request.body),
        "body": request.body[:200].decode("latin1"),
    }
    return Response(200, json.dumps(told).encode())


class Peer:
    """One connection; `reply` reads exactly one reply."""

    def __init__(self, path: Path) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        try:
            self.sock.connect(str(path))
        except OSError:
            self.sock.close()
            raise
        self.rest = b""

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def head(self) -> tuple[int, dict[str, str]]:
        """Status and header, names in lower case. Raises EOFError when the connection ends."""
        while b"\r\n\r\n" not in self.rest:
            self._more()
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        line, *lines = head.decode("latin1").split("\r\n")
        pairs = [text.partition(":") for text in lines]
        return int(line.split(" ")[1]), {name.lower(): value.strip() for name, _, value in pairs}

    def reply(self) -> tuple[int, bytes]:
        status, header = self.head()
        length = int(header["content-length"])
        while len(self.rest) < length:
            self._more()
        body, self.rest = self.rest[:length], self.rest[length:]
        return status, body

    def _more(self) -> None:
        chunk = self.sock.recv(65536)
        if not chunk:
            raise EOFError
        self.rest += chunk

    def call(self, path: str, body: bytes = b"") -> tuple[int, bytes]:
        self.send(dockerd(path, body))
        return self.reply()

    def ended(self) -> bool:
        """Whether the server has ended the connection, with nothing more to read."""
        try:
            return not self.rest and self.sock.recv(1) == b""
        except ConnectionResetError:
            return True

    def close(self) -> None:
        self.sock.close()

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def served(
    path: Path,
    handler: Callable[[Request], Response] = echo,
    deadline: float = 5.0,
    drain: float = 1.0,
) -> Iterator[Server]:
    """A running server at `path`."""
    server = Server("test", listen_unix(str(path), 0o600), handler, PluginApp.failing, deadline)
    server.start()
    try:
        yield server
    finally:
        server.stop(drain)


def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Wait for something another thread does."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.005)
    return condition()


def threads() -> int:
    return threading.active_count()


def held() -> tuple[int, int]:
    """Descriptors and threads of this process."""
    return len(os.listdir("/proc/self/fd")), threads()


def nothing_left(before: tuple[int, int]) -> bool:
    """Whether no more is held than `before`, once what ends has ended."""
    return eventually(lambda: all(now <= was for now, was in zip(held(), before, strict=True)))
