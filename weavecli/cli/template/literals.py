"""Go's literals: quoted and raw strings, characters, numbers."""

from __future__ import annotations

import re

from weavecli.cli.template.failure import bad

ESCAPES = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92}
ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))", re.DOTALL
)
INTEGER = re.compile(
    r"[+-]?(?:0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|\d(?:_?\d)*)"
)
FLOAT = re.compile(r"[+-]?(?:\d(?:_?\d)*\.?(?:\d(?:_?\d)*)?|\.\d(?:_?\d)*)(?:[eE][+-]?\d+)?")
LARGEST = 1 << 63
DIGITS = 400


def string(text: str) -> str:
    """A quoted or raw string. Bytes that are no UTF-8 become the replacement character."""
    if text.startswith("`"):
        return text[1:-1].replace("\r", "")
    return _unescape(text[1:-1], '"').decode(errors="replace")


def char(text: str) -> int:
    """A character constant is a number."""
    inside = _unescape(text[1:-1], "'").decode(errors="replace")
    if len(inside) != 1:
        raise bad(f"malformed character constant: {text}")
    return ord(inside)


def _unescape(text: str, quote: str) -> bytes:
    found = bytearray()
    position = 0
    while position < len(text):
        if text[position] != "\\":
            found += text[position].encode(errors="replace")
            position += 1
            continue
        match = ESCAPE.match(text, position)
        if match is None:
            raise bad(f"malformed escape in string: {text[position : position + 4]}")
        found += _escaped(match, quote)
        position = match.end()
    return bytes(found)


def _escaped(match: re.Match[str], quote: str) -> bytes:
    two, four, eight, octal, letter = match.groups()
    if two or octal:
        byte = int(two, 16) if two else int(octal, 8)
        if byte < 256:
            return bytes([byte])
    elif four or eight:
        code = int(four or eight, 16)
        if code < 0x110000 and not 0xD800 <= code < 0xE000:
            return chr(code).encode()
    elif letter == quote:
        return quote.encode()
    elif letter in ESCAPES:
        return bytes([ESCAPES[letter]])
    raise bad(f"malformed escape in string: {match.group()}")


def number(text: str) -> int | float:
    """An integer of 64 bits, or a float."""
    plain = text.replace("_", "")
    if len(text) <= DIGITS and INTEGER.fullmatch(text):
        value = _integer(plain)
        if not -LARGEST <= value < LARGEST * 2:
            raise bad(f"integer overflow: {text}")
        return value
    if len(text) <= DIGITS and FLOAT.fullmatch(text):
        result = float(plain)
        if result in (float("inf"), float("-inf")):
            raise bad(f"number out of range: {text}")
        return result
    raise bad(f"bad number syntax: {text[:40]}")


def _integer(plain: str) -> int:
    digits = plain.lstrip("+-")
    if re.fullmatch("0[0-7]+", digits):
        value = int(digits, 8)
    elif re.fullmatch("0[0-9]+", digits):
        raise bad(f"bad number syntax: {plain}")
    else:
        value = int(digits, 0)
    return -value if plain.startswith("-") else value
