"""From a request to a service and back: route tables, and failures to HTTP statuses.

The only place where an error of ours becomes a status. No route knows about networking.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from typing import Any

from weavecli.api.paths import API_VERSION, PREFIX
from weavecli.daemon.http import Request, Response
from weavecli.errors import Internal, Invalid, NotSupported, WeaveError

Body = dict[str, Any]

log = logging.getLogger(__name__)


def decode(raw: bytes) -> Body:
    """A JSON object. Raises Invalid."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise Invalid(f"the body is not JSON: {_excerpt(raw)}") from None
    if not isinstance(body, dict):
        raise Invalid(f"the body is {type(body).__name__}, expected a JSON object")
    return body


def _excerpt(raw: bytes) -> str:
    if not raw:
        return "it is empty"
    return repr(raw[:40].decode("utf-8", "replace")) + ("…" if len(raw) > 40 else "")


def encode(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def unforeseen(error: Exception, where: str) -> WeaveError:
    """A defect of ours: the trace goes to the log, a sentence to the caller."""
    log.exception("%s", where)
    return Internal(f"{where}: {type(error).__name__}: {error}; see 'weave logs'")


# -- the plugin edge

PLUGIN_TYPE = "application/vnd.docker.plugins.v1.2+json"
PluginMethod = Callable[[Body], Body]


class PluginApp:
    """Docker's calls. Every failure is a 500 with both `Err` (network) and `Error` (IPAM).

    `constants` need no argument and depend on nothing: a failing first call of these is never
    tried again by dockerd. An unknown method is 404, which libnetwork relies on.
    """

    def __init__(
        self, constants: dict[str, Body], names: frozenset[str], ready: Callable[[], None]
    ) -> None:
        """`names` are the paths of `methods`, which may be filled in later: `ready` is called
        before each and waits or raises while weaved is starting."""
        self._constants = {path: encode(reply) for path, reply in constants.items()}
        self._names = names
        self.methods: dict[str, PluginMethod] = {}
        self._ready = ready
        self.calls = 0
        self.last_call = ""

    def __call__(self, request: Request) -> Response:
        constant = self._constants.get(request.path)
        if constant is not None:
            self._count(request.path)
            log.info("%s", request.path)
            return Response(200, constant, PLUGIN_TYPE)
        if request.path not in self._names:
            return self.failing(404, f"{request.path[:80]} is not implemented", "not-supported")
        self._count(request.path)
        start = time.perf_counter()
        body: Body = {}
        try:
            body = decode(request.body)
            self._ready()
            reply = Response(200, encode(self.methods[request.path](body)), PLUGIN_TYPE)
            outcome = "ok"
        except WeaveError as error:
            reply = self.failing(500, str(error), error.kind)
            outcome = str(error)
        except Exception as error:
            failure = unforeseen(error, request.path)
            reply = self.failing(500, str(failure), failure.kind)
            outcome = str(failure)
        log.info(
            "%s %s %.1f ms: %s",
            request.path,
            _subject(body),
            (time.perf_counter() - start) * 1000,
            outcome,
        )
        return reply

    def _count(self, path: str) -> None:
        self.calls += 1
        self.last_call = path.lstrip("/")

    @staticmethod
    def failing(status: int, message: str, kind: str) -> Response:
        """A failure of any sort. What is no request of Docker's is a 500 like any other."""
        status = status if status == 404 else 500
        return Response(status, encode({"Err": message, "Error": message}), PLUGIN_TYPE)


def _subject(body: Body) -> str:
    """What a call is about, for the log."""
    for key in ("EndpointID", "NetworkID"):
        value = body.get(key)
        if isinstance(value, str) and value:
            return value[:12]
    parts = (body.get("PoolID") or body.get("Pool"), body.get("Address"))
    return " ".join(str(part) for part in parts if part) or "-"


# -- the control edge

ControlMethod = Callable[[Request], object]


class ControlApp:
    """The command line's calls: `{(method, path): function}`; a path ending in `/` takes a name."""

    def __init__(
        self, routes: dict[tuple[str, str], ControlMethod], ready: Callable[[], None]
    ) -> None:
        """A route that is not there yet may come: `ready` waits or raises until then."""
        self._routes = routes
        self._ready = ready

    def __call__(self, request: Request) -> Response:
        try:
            method = self._find(request)
            if method is None and request.path.startswith(f"{PREFIX}/"):
                self._ready()
                method = self._find(request)
            if method is None:
                raise self._unknown(request)
            return Response(200, encode(method(request)))
        except WeaveError as error:
            return self.failing(error.status, str(error), error.kind)
        except Exception as error:
            failure = unforeseen(error, f"{request.method} {request.path}")
            return self.failing(failure.status, str(failure), failure.kind)

    def _find(self, request: Request) -> ControlMethod | None:
        exact = self._routes.get((request.method, request.path))
        head = request.path.rpartition("/")[0]
        return exact or self._routes.get((request.method, f"{head}/"))

    def _unknown(self, request: Request) -> WeaveError:
        if any(path.rstrip("/") == request.path for _, path in self._routes):
            return Invalid(f"{request.method[:20]} is not possible on {request.path}")
        return NotSupported(
            f"this weaved speaks version {API_VERSION} of the control API and does not know "
            f"{request.path[:80]}; use the 'weave' it came with, or 'weave stop' and launch again"
        )

    @staticmethod
    def failing(status: int, message: str, kind: str) -> Response:
        return Response(status, encode({"error": message, "kind": kind}))
