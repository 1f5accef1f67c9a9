"""The kinds of failure.

A failure that crosses a room's door is exactly one of these. Each kind knows the HTTP status it
has on a socket and the exit code it has on the command line; its message names the object, the
cause and the next step. Two edges translate: `daemon/app.py` and `cli/main.py`.
"""

from __future__ import annotations


class WeaveError(Exception):
    """Base of all kinds. `str(error)` is one line for people."""

    kind = "internal"
    status = 500
    exit_code = 1


class Invalid(WeaveError):
    """The request is malformed; nothing was touched."""

    kind = "invalid"
    status = 400


class NotFound(WeaveError):
    """The named object does not exist."""

    kind = "not-found"
    status = 404


class Conflict(WeaveError):
    """The object exists already, is in use, or overlaps another."""

    kind = "conflict"
    status = 409


class AlreadyRunning(Conflict):
    """A daemon of ours already runs on this host."""

    kind = "already-running"
    exit_code = 3


class Forbidden(WeaveError):
    """The caller may not do this (not root, not in group docker, a missing capability)."""

    kind = "forbidden"
    status = 403


class Exhausted(WeaveError):
    """A pool, a bridge or another bounded thing is full."""

    kind = "exhausted"
    status = 507


class Unavailable(WeaveError):
    """Something needed does not answer or is not there (Docker, the daemon, a tool)."""

    kind = "unavailable"
    status = 503


class TimedOut(WeaveError):
    """The deadline of the call passed."""

    kind = "timed-out"
    status = 504


class NotSupported(WeaveError):
    """The peer asks for something this version does not know."""

    kind = "not-supported"
    status = 404


class Internal(WeaveError):
    """A defect of ours, or the kernel answered something unforeseen."""


KINDS: dict[str, type[WeaveError]] = {
    cls.kind: cls
    for cls in (
        Internal,
        Invalid,
        NotFound,
        Conflict,
        AlreadyRunning,
        Forbidden,
        Exhausted,
        Unavailable,
        TimedOut,
        NotSupported,
    )
}


def by_kind(kind: str, message: str) -> WeaveError:
    """Rebuild an error from the `kind` and `message` found on the wire."""
    return KINDS.get(kind, Internal)(message)
