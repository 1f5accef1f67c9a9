"""A few lines of HTTP on a Unix socket in place of dockerd: tests say what it answers."""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

Answer = tuple[int, Any]


class FakeDocker:
    """Answers `routes[(method, path without its version)]`: (status, JSON) or a function that
    gets the handler. `seen` is what came, with the version."""

    def __init__(self, path: Path, api: str = "1.41") -> None:
        self.path = path
        self.url = f"unix://{path}"
        self.api = api
        self.minimum = "1.12"
        self.seen: list[tuple[str, str, Any]] = []
        self.routes: dict[tuple[str, str], Answer | Callable[[Handler], None]] = {}
        self.release = threading.Event()

    def version(self) -> dict[str, str]:
        return {"Version": "20.10.24", "ApiVersion": self.api, "MinAPIVersion": self.minimum}

    @contextlib.contextmanager
    def running(self) -> Iterator[FakeDocker]:
        self.path.unlink(missing_ok=True)
        server = _Server(str(self.path), Handler)
        server.docker = self
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            self.release.set()
            server.shutdown()
            thread.join()
            server.end_connections()
            server.server_close()
            self.path.unlink(missing_ok=True)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    docker: FakeDocker
    daemon_threads = False

    def __init__(self, *args: Any) -> None:
        self.open: set[socket.socket] = set()
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        super().process_request(request, client_address)

    def end_connections(self) -> None:
        """What a kill does to them."""
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def handle_any(self) -> None:
        docker = self.server.docker
        path = self.path.partition("?")[0]
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"null")
        docker.seen.append((self.command, self.path, body))
        version, _, rest = path[1:].partition("/")
        if not version.startswith("v1."):
            version, rest = "", path[1:]
        if version and not self.spoken(version[1:]):
            text = f"client version {version[1:]} is too old. Minimum supported API version is"
            self.reply(400, {"message": f"{text} {docker.minimum}"})
            return
        if rest == "version":
            self.reply(200, docker.version())
            return
        default = (404, {"message": "page not found"})
        answer = docker.routes.get((self.command, f"/{rest}"), default)
        if callable(answer):
            answer(self)
        else:
            self.reply(*answer)

    do_GET = do_POST = do_DELETE = handle_any

    def spoken(self, version: str) -> bool:
        number = [int(n) for n in version.split(".")]
        least, most = self.server.docker.minimum, self.server.docker.api
        low, high = ([int(n) for n in v.split(".")] for v in (least, most))
        return low <= number <= high

    def reply(self, status: int, value: Any) -> None:
        body = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def chunks(self, *parts: bytes) -> None:
        """Begin a stream, without an end."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in parts:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.flush()
            time.sleep(0.01)

    def log_message(self, *_: Any) -> None:
        pass
