"""The functions a template may call."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from weavecli.cli.template.failure import bad
from weavecli.cli.template.printing import kind_of, printf, show

BASIC = (str, bool, int, float)


def call(name: str, arguments: list[Any]) -> Any:
    """The value of a function. Raises Invalid for arguments that do not fit."""
    function, least, most = TABLE[name]
    if len(arguments) < least or (most is not None and len(arguments) > most):
        wanted = str(least) if most == least else f"at least {least}"
        raise bad(
            f"wrong number of args for {name}: want {wanted} got {len(arguments)}",
        )
    return function(*arguments)


def _eq(first: Any, *others: Any) -> bool:
    if not others:
        raise bad("error calling eq: missing argument for comparison")
    return any(_same(first, other) for other in others)


def _same(a: Any, b: Any) -> bool:
    if a is None or b is None:
        return a is b
    for value in (a, b):
        if not isinstance(value, BASIC):
            raise bad(f"error calling eq: non-comparable type {kind_of(value)}")
    if _comparable(a) is not _comparable(b):
        raise bad(
            f"error calling eq: incompatible types for comparison: {kind_of(a)} and {kind_of(b)}"
        )
    return bool(a == b)


def _comparable(value: Any) -> type:
    """Numbers compare among each other, whether whole or not: JSON does not tell them apart."""
    if isinstance(value, bool):
        return bool
    return str if isinstance(value, str) else float


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        value = _at(value, key)
    return value


def _at(value: Any, key: Any) -> Any:
    if value is None:
        raise bad("error calling index: index of untyped nil")
    if isinstance(value, dict):
        if not isinstance(key, str):
            raise bad(f"error calling index: value has type {kind_of(key)}; should be string")
        return value.get(key, "")
    if not isinstance(value, list | str):
        raise bad(f"error calling index: can't index item of type {kind_of(value)}")
    if isinstance(key, bool) or not isinstance(key, int):
        raise bad(f"error calling index: cannot index slice/array with type {kind_of(key)}")
    sequence = value.encode(errors="replace") if isinstance(value, str) else value
    if not 0 <= key < len(sequence):
        raise bad(f"error calling index: index out of range: {key}")
    return sequence[key]


def _join(values: Any, separator: Any) -> str:
    if values is None:
        values = []
    if not isinstance(values, list) or not isinstance(separator, str):
        raise bad(
            "error calling join: expected a list and a separator, got "
            f"{kind_of(values)} and {kind_of(separator)}"
        )
    return separator.join(show(value) for value in values)


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        raise bad("error calling json: the value is nested too deep") from None


def _len(value: Any) -> int:
    """Null counts as an empty list: that is how an empty list arrives."""
    if value is None:
        return 0
    if isinstance(value, str):
        return len(value.encode(errors="replace"))
    if isinstance(value, list | dict):
        return len(value)
    raise bad(f"error calling len: len of type {kind_of(value)}")


def _printf(format_: Any, *arguments: Any) -> str:
    if not isinstance(format_, str):
        raise bad(f"error calling printf: the format has type {kind_of(format_)}, not string")
    return printf(format_, list(arguments))


TABLE: dict[str, tuple[Callable[..., Any], int, int | None]] = {
    "eq": (_eq, 1, None),
    "index": (_index, 1, None),
    "join": (_join, 2, 2),
    "json": (_json, 1, 1),
    "len": (_len, 1, 1),
    "printf": (_printf, 1, None),
}

__all__ = ["call", "kind_of"]
