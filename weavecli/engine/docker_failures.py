"""What the SDK and the HTTP library raise, told as our kinds of failure.

No exception of theirs leaves this room. A message says what was tried, on what, why it failed
and, where there is one, the next step.
"""

from __future__ import annotations

from weavecli.errors import (
    Conflict,
    Forbidden,
    Internal,
    Invalid,
    NotFound,
    Unavailable,
    WeaveError,
)

KINDS: dict[int, type[WeaveError]] = {
    400: Invalid,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    503: Unavailable,
}
# Docker says 403 to these too, although nobody else may do them either.
CONFLICTS = ("active endpoints", "overlaps", "already exists")
VERSION = "client version"


def absent(url: str) -> Unavailable:
    return Unavailable(f"no Docker engine answers on {url}; start Docker, or set DOCKER_HOST")


def late(url: str, doing: str, limit: float) -> Unavailable:
    return Unavailable(
        f"unable to {doing}: Docker on {url} did not answer within {limit:g} s; see its log"
    )


def outdated(error: BaseException) -> bool:
    """True when dockerd refuses the negotiated version: another dockerd has taken the socket."""
    explanation = str(getattr(error, "explanation", None) or "")
    return getattr(error, "status_code", None) == 400 and VERSION in explanation


def lost(error: BaseException) -> bool:
    """True when a connection broke or was refused, as after a restart of dockerd; a call that
    was too slow is none of these."""
    import requests

    if isinstance(error, requests.exceptions.Timeout):
        return False
    broken = requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError
    strange = requests.exceptions.RequestException  # itself an OSError
    return isinstance(error, broken) or (_cause(error, OSError) and not isinstance(error, strange))


def translate(error: BaseException, doing: str, url: str, limit: float) -> WeaveError:
    """The failure as one of ours."""
    import requests
    from docker.errors import APIError

    if isinstance(error, WeaveError):
        return error
    if isinstance(error, APIError):
        return _answered(error, doing)
    if _cause(error, PermissionError):
        return Forbidden(
            f"unable to {doing}: no permission to open {url}; be root or in group docker"
        )
    if isinstance(error, requests.exceptions.Timeout) or _cause(error, TimeoutError):
        return late(url, doing, limit)
    if lost(error):
        return absent(url)
    return Internal(f"unable to {doing}: Docker on {url} answered strangely: {error}")


def _answered(error: BaseException, doing: str) -> WeaveError:
    status = getattr(error, "status_code", None) or 500
    why = str(getattr(error, "explanation", None) or error).strip()
    kind = KINDS.get(status, Internal)
    if kind is Forbidden and any(text in why for text in CONFLICTS):
        kind = Conflict
    return kind(f"unable to {doing}: {why}")


def _cause(error: BaseException | None, kind: type[BaseException]) -> bool:
    """True when an exception of this kind is somewhere below; the SDK and urllib3 wrap, some by
    `from`, some in their arguments."""
    seen: list[BaseException] = []
    todo = [error]
    while todo:
        found = todo.pop()
        if found is None or found in seen:
            continue
        if isinstance(found, kind):
            return True
        seen.append(found)
        inner = [
            found.__cause__,
            found.__context__,
            getattr(found, "reason", None),
            *found.args,
        ]
        todo += [e for e in inner if isinstance(e, BaseException)]
    return False
