"""The read-only HTTP door for people's tools: /status, /status/SUBJECT and /report. GET only."""

from __future__ import annotations

import json
from collections.abc import Callable

from weavecli.daemon.app import unforeseen
from weavecli.daemon.http import Request, Response
from weavecli.errors import NotSupported, Unavailable, WeaveError
from weavecli.service.status import Status

TEXT = "text/plain; charset=utf-8"


class ReadOnlyApp:
    """Text for people, JSON for programs; nothing here changes anything."""

    def __init__(self, status: Callable[[], Status | None]) -> None:
        """`status` gives the service, or None while weaved is starting."""
        self._status = status

    def __call__(self, request: Request) -> Response:
        try:
            if request.method not in ("GET", "HEAD"):
                return self.failing(405, "this address is for reading only: use GET", "invalid")
            return self._get(request)
        except WeaveError as error:
            return self.failing(error.status, str(error), error.kind)
        except Exception as error:
            failure = unforeseen(error, f"GET {request.path}")
            return self.failing(failure.status, str(failure), failure.kind)

    def _get(self, request: Request) -> Response:
        status = self._status()
        if status is None:
            raise Unavailable("weaved is still starting; try again")
        if request.path == "/report":
            body = json.dumps(status.report(), indent=4).encode() + b"\n"
            return Response(200, body)
        if request.path == "/status" or request.path.startswith("/status/"):
            text, ok = status.text(request.path[len("/status") :].strip("/"))
            return Response(200 if ok else 503, text.encode(), TEXT)
        raise NotSupported("there are /status, /status/SUBJECT and /report")

    @staticmethod
    def failing(status: int, message: str, kind: str) -> Response:
        return Response(status, f"{message}\n".encode(), TEXT)
