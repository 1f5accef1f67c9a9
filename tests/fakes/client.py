"""A client made of function fields: a test gives the calls it expects, all others fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from weavecli.client.client import Client
from weavecli.errors import Unavailable, WeaveError

NOT_RUNNING = "weave is not running; start it with 'weave launch'"


class FakeClient:
    """Stands in for `Client`. `calls` lists what was asked: the name, then the arguments."""

    def __init__(self, **functions: Callable[..., Any]) -> None:
        for name in functions:
            assert callable(getattr(Client, name)), f"Client has no {name}"
        self._functions = functions
        self.calls: list[tuple[Any, ...]] = []
        self.closed = False

    def close(self) -> None:
        self.closed = True

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_") or not hasattr(Client, name):
            raise AttributeError(name)

        def call(*arguments: Any) -> Any:
            self.calls.append((name, *arguments))
            function = self._functions.get(name)
            assert function is not None, f"unexpected call {name}{arguments}"
            return function(*arguments)

        return call


def returning(value: Any) -> Callable[..., Any]:
    """A function that answers every request with `value`."""
    return lambda *_: value


def raising(error: BaseException) -> Callable[..., Any]:
    """A function that fails every request."""

    def fail(*_: Any) -> Any:
        raise error

    return fail


def down(error: WeaveError | None = None) -> FakeClient:
    """A client whose daemon does not run."""
    names = [name for name in vars(Client) if not name.startswith("_") and name != "close"]
    failing = raising(error or Unavailable(NOT_RUNNING))
    return FakeClient(**dict.fromkeys(names, failing))
