"""HTTP/1.1 as far as dockerd and our client speak it: requests and replies on a stream.

dockerd sends an empty Host, no Content-Type, always a Content-Length. Limits keep a slow or hostile
peer from holding more than its own connection.
"""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

MAX_HEADER = 16 * 1024
MAX_BODY = 1024 * 1024
RECEIVE_SECONDS = 10.0
"""From the first byte of a request to its last."""

REASONS = {
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    411: "Length Required",
    413: "Content Too Large",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    504: "Gateway Timeout",
    507: "Insufficient Storage",
}


class BadRequest(Exception):
    """What the peer sent is no request we take. The connection ends after the reply."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """`path` is decoded, `query` maps names to lists of values, `body` is raw."""

    method: str
    path: str
    query: dict[str, list[str]] = field(default_factory=dict)
    body: bytes = b""
    close: bool = False


@dataclass(frozen=True, slots=True)
class Response:
    """`body` with its type; `then` runs after it was sent (the daemon's own end)."""

    status: int
    body: bytes
    content_type: str = "application/json"


class Reader:
    """Takes requests off one connection."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = bytearray()

    def next(self) -> Request | None:
        """The next request; None at the end of the connection. Raises BadRequest, OSError."""
        if not self._buffer:
            self._sock.settimeout(None)  # between requests dockerd may be quiet for days
            chunk = self._sock.recv(65536)
            if not chunk:
                return None
            self._buffer += chunk
        deadline = time.monotonic() + RECEIVE_SECONDS
        end = self._buffer.find(b"\r\n\r\n")
        while end < 0:
            if len(self._buffer) > MAX_HEADER:
                raise BadRequest(431, f"the request's header is larger than {MAX_HEADER} bytes")
            if not self._more(deadline):
                return None
            end = self._buffer.find(b"\r\n\r\n")
        if end > MAX_HEADER:
            raise BadRequest(431, f"the request's header is larger than {MAX_HEADER} bytes")
        head = bytes(self._buffer[:end])
        del self._buffer[: end + 4]
        return self._request(head, deadline)

    def _request(self, head: bytes, deadline: float) -> Request | None:
        line, _, rest = head.partition(b"\r\n")
        words = line.split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            raise BadRequest(400, "this is not an HTTP/1.1 request")
        length, close = _headers(rest, close=words[2] == b"HTTP/1.0")
        if length > MAX_BODY:
            raise BadRequest(413, f"the body has {length} bytes; the limit is {MAX_BODY}")
        while len(self._buffer) < length:
            if not self._more(deadline):
                return None
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        target = words[1].decode("latin1")
        if "?" not in target and "%" not in target:
            return Request(words[0].decode("latin1"), target, {}, body, close)
        try:
            parts = urlsplit(target)
        except ValueError:
            raise BadRequest(400, "the request's path is malformed") from None
        query = parse_qs(parts.query, keep_blank_values=True)
        return Request(words[0].decode("latin1"), unquote(parts.path), query, body, close)

    def _more(self, deadline: float) -> bool:
        """Receive what there is; False at the end of the connection."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise BadRequest(408, f"the request did not arrive within {RECEIVE_SECONDS:.0f} s")
        self._sock.settimeout(left)
        try:
            chunk = self._sock.recv(65536)
        except TimeoutError:
            return self._more(deadline)
        self._buffer += chunk
        return bool(chunk)


def _headers(rest: bytes, close: bool) -> tuple[int, bool]:
    """Content-Length and whether the peer closes after this. Other headers do not concern us."""
    length = 0
    for line in rest.split(b"\r\n"):
        name, _, value = line.partition(b":")
        name = name.strip().lower()
        if name == b"content-length":
            if not value.strip().isdigit() or len(value.strip()) > 18:
                raise BadRequest(400, "Content-Length is no number")
            length = int(value)
        elif name == b"transfer-encoding":
            raise BadRequest(411, "send the body with a Content-Length, not in chunks")
        elif name == b"connection":
            close = value.strip().lower() == b"close"
    return length, close


def encode(response: Response, close: bool, bodyless: bool = False) -> bytes:
    """The reply as bytes; `bodyless` for HEAD, which gets the header alone."""
    head = (
        f"HTTP/1.1 {response.status} {REASONS.get(response.status, 'Unknown')}\r\n"
        f"Content-Type: {response.content_type}\r\n"
        f"Content-Length: {len(response.body)}\r\n"
        f"{'Connection: close' + chr(13) + chr(10) if close else ''}\r\n"
    )
    return head.encode("latin1") + (b"" if bodyless else response.body)
