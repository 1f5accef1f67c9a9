"""Values as Go's fmt prints them: `%v` and the other verbs of printf."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Any

from weavecli.cli.template.failure import bad, unsupported

DIRECTIVE = re.compile(
    r"%(?P<flags>[-+# 0]*)(?P<width>\d+|\*)?(?:\.(?P<precision>\d+|\*)?)?"
    r"(?P<index>\[)?(?P<verb>.)?",
    re.DOTALL,
)
VERBS = "vsdqxXtfFeEgGobcT"
LIMIT = 1_000_000
MAX_DEPTH = 100
ESCAPED = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 92: "\\\\"}
SMALL, LARGE = -4, 6
"""Decimal exponents from which on `%v` writes a float with an exponent: below and from."""


@dataclass(frozen=True, slots=True)
class Verb:
    """One directive of a format."""

    letter: str
    flags: str = ""
    width: int = 0
    precision: int | None = None


def show(value: Any) -> str:
    """A value as an action prints it."""
    return value if isinstance(value, str) else _format(value, Verb("v"), 0)


def kind_of(value: Any) -> str:
    """The type a message names."""
    if value is None:
        return "<nil>"
    if isinstance(value, dict):
        return "map[string]interface {}"
    if isinstance(value, list):
        return "[]interface {}"
    return {bool: "bool", int: "int", float: "float64"}.get(type(value), "string")


def printf(format_: str, arguments: list[Any]) -> str:
    """Go's Sprintf, misuse included: `%!d(string=x)`, `%!d(MISSING)`, `%!(EXTRA int=1)`."""
    parts, position, used = [], 0, 0
    while (start := format_.find("%", position)) >= 0:
        parts.append(format_[position:start])
        match = DIRECTIVE.match(format_, start)
        assert match is not None
        position = match.end()
        letter = match["verb"]
        if letter is None:
            parts.append("%!(NOVERB)")
        elif letter == "%":
            parts.append("%")
        elif used >= len(arguments):
            parts.append(f"%!{letter}(MISSING)")
        else:
            parts.append(_directive(match, arguments[used]))
            used += 1
    parts.append(format_[position:])
    if used < len(arguments):
        extra = ", ".join(_described(argument) for argument in arguments[used:])
        parts.append(f"%!(EXTRA {extra})")
    return "".join(parts)


def _directive(match: re.Match[str], argument: Any) -> str:
    whole = match.group()
    if match["index"] or "*" in whole:
        raise unsupported(f"the printf directive {whole!r}")
    letter = match["verb"]
    if letter in "UOp" or (letter == "v" and "#" in match["flags"]):
        raise unsupported(f"the printf verb {whole!r}")
    width = _bounded(match["width"])
    precision = _bounded(match["precision"]) if "." in whole else None
    if width is None or (precision is None and "." in whole):
        return "%!(BADWIDTH)" if width is None else "%!(BADPREC)"
    flags = match["flags"].replace("+", "") if letter == "v" else match["flags"]
    return _format(argument, Verb(letter, flags, width, precision), 0)


def _bounded(digits: str | None) -> int | None:
    """A width or precision; None when it is beyond reason."""
    number = int(digits[:8]) if digits else 0
    return number if number <= LIMIT else None


def _described(value: Any) -> str:
    return "<nil>" if value is None else f"{kind_of(value)}={show(value)}"


def _format(value: Any, verb: Verb, depth: int) -> str:
    if depth > MAX_DEPTH:
        raise bad("the value is nested too deep to be printed")
    if verb.letter == "T":
        return _pad(kind_of(value), replace(verb, precision=None))
    if value is None:
        return _pad("<nil>", verb) if verb.letter == "v" else f"%!{verb.letter}(<nil>)"
    if isinstance(value, dict):
        items = (f"{_one(k, verb)}:{_format(value[k], verb, depth + 1)}" for k in sorted(value))
        return f"map[{' '.join(items)}]"
    if isinstance(value, list):
        return f"[{' '.join(_format(one, verb, depth + 1) for one in value)}]"
    return _one(value, verb)


def _one(value: Any, verb: Verb) -> str:
    if isinstance(value, bool):
        if verb.letter in "vt":
            return _pad("true" if value else "false", replace(verb, precision=None))
    elif isinstance(value, str):
        text = _string(value, verb)
        if text is not None:
            return text
    elif isinstance(value, int):
        text = _integer(value, verb)
        if text is not None:
            return text
    elif isinstance(value, float):
        text = _float(value, verb)
        if text is not None:
            return text
    return f"%!{verb.letter}({_described(value)})"


def _string(value: str, verb: Verb) -> str | None:
    cut = value if verb.precision is None else value[: verb.precision]
    if verb.letter in "vs":
        return _pad(cut, verb)
    if verb.letter == "q":
        return _pad(_quoted(cut, '"'), verb)
    if verb.letter in "xX":
        data = value.encode(errors="replace")[: verb.precision]
        prefix = f"0{verb.letter}" if "#" in verb.flags and data else ""
        separator = " " if " " in verb.flags else ""
        pairs = [f"{byte:02{verb.letter}}" for byte in data]
        return _pad(prefix + (separator + (prefix if separator else "")).join(pairs), verb)
    return None


def _quoted(text: str, quote: str) -> str:
    return quote + "".join(_escape(char, quote) for char in text) + quote


def _escape(char: str, quote: str) -> str:
    code = ord(char)
    if char == quote:
        return "\\" + quote
    if code in ESCAPED:
        return ESCAPED[code]
    if char.isprintable():
        return char
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _integer(value: int, verb: Verb) -> str | None:
    if verb.letter in "cq":
        code = value if 0 <= value < 0x110000 and not 0xD800 <= value < 0xE000 else 0xFFFD
        text = chr(code) if verb.letter == "c" else _quoted(chr(code), "'")
        return _pad(text, verb)
    base = {"v": "d", "d": "d", "x": "x", "X": "X", "o": "o", "b": "b"}.get(verb.letter)
    if base is None:
        return None
    digits = format(abs(value), base)
    if verb.precision is not None:
        digits = "" if verb.precision == 0 and value == 0 else digits.rjust(verb.precision, "0")
    prefix = {"x": "0x", "X": "0X", "o": "0", "b": "0b"}.get(base, "") if "#" in verb.flags else ""
    return _number(value < 0, prefix, digits, verb, verb.precision is None)


def _float(value: float, verb: Verb) -> str | None:
    letter = "g" if verb.letter == "v" else verb.letter
    if letter not in "fFeEgGxX":
        return None
    if not math.isfinite(value):
        return _pad(_infinite(value, verb.flags), replace(verb, flags=verb.flags.replace("0", "")))
    magnitude = abs(value)
    if letter in "xX":
        digits = _hex(magnitude)
        digits = digits.upper() if letter == "X" else digits
    elif letter in "gG" and verb.precision is None:
        digits = _shortest(magnitude)
        digits = digits.upper() if letter == "G" else digits
    else:
        digits = format(magnitude, f".{6 if verb.precision is None else verb.precision}{letter}")
    return _number(math.copysign(1, value) < 0, "", digits, verb, True)


def _infinite(value: float, flags: str) -> str:
    """Infinity always has a sign, what is no number only where one is asked for."""
    sign = "+" if "+" in flags else " " if " " in flags else ""
    if math.isnan(value):
        return sign + "NaN"
    return "-Inf" if value < 0 else (sign or "+") + "Inf"


def _shortest(value: float) -> str:
    """The fewest digits that give the same float; an exponent where it is far from one."""
    mantissa, _, tail = repr(value).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(tail or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0") or "0"
    if value == 0:
        return "0"
    exponent = point - 1
    if exponent < SMALL or exponent >= LARGE:
        return _with_exponent(digits, exponent)
    if point <= 0:
        return "0." + "0" * -point + digits
    if len(digits) <= point:
        return digits + "0" * (point - len(digits))
    return digits[:point] + "." + digits[point:]


def _with_exponent(digits: str, exponent: int) -> str:
    rest = "." + digits[1:] if len(digits) > 1 else ""
    return f"{digits[0]}{rest}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def _hex(value: float) -> str:
    mantissa, _, exponent = value.hex().partition("p")
    number = int(exponent)
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa}p{'-' if number < 0 else '+'}{abs(number):02d}"


def _number(negative: bool, prefix: str, digits: str, verb: Verb, may_zero: bool) -> str:
    """Sign, prefix and digits, filled to the width; zeros go between sign and digits."""
    sign = "-" if negative else "+" if "+" in verb.flags else " " if " " in verb.flags else ""
    if "0" in verb.flags and "-" not in verb.flags and may_zero:
        digits = digits.rjust(verb.width - len(sign) - len(prefix), "0")
    return _pad(sign + prefix + digits, replace(verb, flags=verb.flags.replace("0", "")))


def _pad(text: str, verb: Verb) -> str:
    if "-" in verb.flags:
        return text.ljust(verb.width)
    return text.rjust(verb.width, "0" if "0" in verb.flags else " ")
