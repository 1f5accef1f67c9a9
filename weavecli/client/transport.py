"""HTTP over the control socket: one session, time limits, failures turned into kinds.

`requests` is imported when the first request is made: `weave --help` does without it.
"""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from weavecli.api import paths
from weavecli.errors import (
    Forbidden,
    Internal,
    NotSupported,
    TimedOut,
    Unavailable,
    WeaveError,
    by_kind,
)

if TYPE_CHECKING:
    import requests

SOCKET_ENV = "WEAVE_SOCKET"
CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 60.0
CHANGE_TIMEOUT = 180.0
"""Longer than any deadline the daemon sets itself, so that its own sentence arrives first."""

NOT_RUNNING = "weave is not running; start it with 'weave launch'"

NEIGHBOURS = 5
"""How many contract versions up and down are tried to learn what a strange daemon speaks."""


def socket_path() -> str:
    """Where the daemon listens; `WEAVE_SOCKET` may name another place."""
    return os.environ.get(SOCKET_ENV) or paths.CONTROL_SOCKET


class Transport:
    """One session to one socket. `request` returns decoded JSON or raises a WeaveError."""

    def __init__(self, path: str = "") -> None:
        self.socket = path or socket_path()
        self._session: requests.Session | None = None

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        params: list[tuple[str, str]] | None = None,
        timeout: float = READ_TIMEOUT,
    ) -> Any:
        """One call. Raises the kind of failure the daemon names, or one of the wire's own."""
        try:
            return self._decode(self._send(method, path, body, params, timeout))
        except NotSupported as error:
            raise self._explain(error) from None

    def close(self) -> None:
        """Let go of the connection."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _send(
        self,
        method: str,
        path: str,
        body: Any,
        params: list[tuple[str, str]] | None,
        timeout: float,
    ) -> requests.Response:
        session = self._open()
        import requests

        try:
            return session.request(
                method,
                f"http+unix://{quote(self.socket, safe='')}{path}",
                json=body,
                params=params,
                timeout=(CONNECT_TIMEOUT, timeout),
                allow_redirects=False,
            )
        except requests.Timeout:
            raise TimedOut(
                f"weave did not answer within {timeout:.0f} s ({method} {path}); see 'weave logs'"
            ) from None
        except (requests.RequestException, OSError) as error:
            self.close()
            self._probe()
            raise Unavailable(
                f"weave ended the connection on {self.socket} without a reply "
                f"({type(error).__name__}); see 'weave logs'"
            ) from None

    def _open(self) -> requests.Session:
        if self._session is None:
            self._probe()
            import requests_unixsocket

            session: requests.Session = requests_unixsocket.Session()
            session.trust_env = False
            self._session = session
        return self._session

    def _probe(self) -> None:
        """Whether anybody listens, told without the HTTP library: it hides the reason well, and
        takes long to import for a command that then only says that weave is not running."""
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                _connect(probe, self.socket)
            except PermissionError:
                raise Forbidden(
                    f"no permission on {self.socket}: run as root or as a member of group docker"
                ) from None
            except (TimeoutError, BlockingIOError):
                raise TimedOut("weave does not take connections; see 'weave logs'") from None
            except (FileNotFoundError, ConnectionRefusedError):
                raise Unavailable(NOT_RUNNING) from None
            except OSError as error:
                raise Unavailable(f"{self.socket} cannot be reached: {error}") from None

    def _decode(self, response: requests.Response) -> Any:
        try:
            reply = response.json()
        except ValueError:
            raise Internal(
                f"{self.socket} answered with something that is not JSON "
                f"(HTTP {response.status_code}); is that weave's socket?"
            ) from None
        if response.status_code < 400:
            return reply
        if not isinstance(reply, dict) or not isinstance(reply.get("error"), str):
            raise Internal(f"weave failed without saying why (HTTP {response.status_code})")
        raise by_kind(str(reply.get("kind", "")), reply["error"])

    def _explain(self, error: NotSupported) -> NotSupported:
        """When the daemon speaks another version of the contract, say which and what to do."""
        own = paths.API_VERSION
        nearby = sorted(range(max(1, own - NEIGHBOURS), own + NEIGHBOURS + 1), reverse=True)
        for number in nearby:
            if number == own:
                continue
            try:
                reply = self._decode(
                    self._send("GET", f"/v{number}/version", None, None, CONNECT_TIMEOUT)
                )
                other = int(reply["api"])
                if other != own:
                    return other_version(other, str(reply["version"]), int(reply["pid"]))
            except (WeaveError, KeyError, TypeError, ValueError):
                continue
        return error


def other_version(api: int, version: str, pid: int) -> NotSupported:
    """The failure that tells of a daemon with another version of the control API."""
    return NotSupported(
        f"this weave speaks version {paths.API_VERSION} of the control API, the running weaved "
        f"{version} speaks version {api}; end that weaved (process {pid}) and run 'weave launch'"
    )


def _connect(probe: socket.socket, path: str) -> None:
    """Connect, with patience for a full queue, which Linux reports at once."""
    probe.settimeout(CONNECT_TIMEOUT)
    deadline = time.monotonic() + CONNECT_TIMEOUT
    while True:
        try:
            probe.connect(path)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
