"""Run `weave` as a user would, with fakes for everything outside the command line."""

from __future__ import annotations

from inspect import signature
from typing import Any, NamedTuple

from click.testing import CliRunner

from tests.fakes.client import FakeClient
from weavecli.cli.context import App
from weavecli.cli.main import root


class Ran(NamedTuple):
    """What a user sees of a command."""

    code: int
    out: str
    err: str


class NoSystemd:
    """A machine with another init. Fields may be set, and say what was called."""

    def __init__(self, booted: bool = False, installed: bool = False, active: bool = False) -> None:
        self._booted, self._installed, self._active = booted, installed, active
        self.calls: list[str] = []

    def booted(self) -> bool:
        return self._booted

    def installed(self) -> bool:
        return self._installed

    def manages(self) -> bool:
        return self._booted and self._installed

    def active(self) -> bool:
        return self._active

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *_: self.calls.append(name)


def weave(
    *arguments: str,
    client: FakeClient | None = None,
    systemd: Any = None,
    weaved: Any = None,
    is_root: bool = True,
    env: dict[str, str] | None = None,
) -> Ran:
    """Run `weave ARGUMENTS`."""
    fake: Any = client or FakeClient()
    init: Any = systemd or NoSystemd()
    app = App(fake, None, weaved, init, lambda: is_root)
    clean = {"WEAVE_MTU": None, "WEAVE_STATUS_ADDR": None, "WEAVE_PASSWORD": None}
    result = _runner().invoke(root, list(arguments), obj=app, env={**clean, **(env or {})})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert fake.closed or not fake.calls
    return Ran(result.exit_code, result.stdout, result.stderr)


def _runner() -> CliRunner:
    """A runner that keeps the streams apart, which click before 8.2 does only when told."""
    told: Any = {"mix_stderr": False} if "mix_stderr" in signature(CliRunner).parameters else {}
    return CliRunner(**told)
