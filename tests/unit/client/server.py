"""A small HTTP server on a Unix socket that answers what a test tells it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any, NamedTuple


class Asked(NamedTuple):
    """A request as it came."""

    method: str
    target: str
    body: Any


class Server(ThreadingMixIn, UnixStreamServer):
    """`answers` maps a path (without query) to status and body; bytes are sent as they are."""

    daemon_threads = True

    def __init__(self, path: str) -> None:
        self.answers: dict[str, tuple[int, Any]] = {}
        self.asked: list[Asked] = []
        self.connections = 0
        self.release = threading.Event()
        super().__init__(path, Handler)

    def get_request(self) -> Any:
        self.connections += 1
        request, _ = super().get_request()
        return request, ("local", 0)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        self.server.asked.append(Asked(self.command, self.path, body))
        path = self.path.partition("?")[0]
        missing = (404, {"error": f"no route {path}", "kind": "not-supported"})
        status, reply = self.server.answers.get(path, missing)
        if reply == "hang":
            self.server.release.wait(10)
            self.close_connection = True
            return
        if reply == "drop":
            self.close_connection = True
            return
        data = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = _answer

    def log_message(self, *_: object) -> None:
        """Nothing: the test looks at `asked`."""


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """A server that answers on `folder/weave.sock` until the end of the block."""
    server = Server(str(folder / "weave.sock"))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.release.set()
        server.shutdown()
        thread.join()
        server.server_close()
