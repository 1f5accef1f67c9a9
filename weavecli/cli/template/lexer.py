"""A template's text cut into literal text and actions, and an action into words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from weavecli.cli.template.failure import bad, unsupported

OPEN, CLOSE = "{{", "}}"
SPACES = " \t\r\n"


class Token(NamedTuple):
    """`kind`: space, field, dot, variable, word, string, number, char, or the mark itself."""

    kind: str
    text: str


WORD = r"[^\W\d]\w*"
PATTERN = re.compile(
    rf"""
      (?P<space>[ \t\r\n]+)
    | (?P<string>"(?:[^"\\\n]|\\[^\n])*"|`[^`]*`)
    | (?P<char>'(?:[^'\\\n]|\\[^\n])+')
    | (?P<number>[+-]?(?:\.\d|\d)(?:[\w.]|(?<=[eEpP])[+-])*)
    | (?P<field>\.{WORD})
    | (?P<dot>\.)
    | (?P<variable>\$\w*)
    | (?P<word>{WORD})
    | (?P<mark>:=|[|()=,])
    """,
    re.VERBOSE,
)
MUST_END = ("field", "dot", "variable", "word")
ENDS = SPACES + ".,|:)("


def pieces(text: str) -> Iterator[tuple[bool, str]]:
    """(False, literal text) and (True, the inside of an action), trim markers applied."""
    position = 0
    trim = False
    while True:
        start = text.find(OPEN, position)
        literal = text[position:] if start < 0 else text[position:start]
        if trim:
            literal = literal.lstrip(SPACES)
        if start < 0:
            if literal:
                yield False, literal
            return
        start += len(OPEN)
        if text[start : start + 1] == "-" and text[start + 1 : start + 2] in tuple(SPACES):
            literal = literal.rstrip(SPACES)
            start += 1
        if literal:
            yield False, literal
        inside, trim, position = _action(text, start)
        if inside is not None:
            yield True, inside


def _action(text: str, start: int) -> tuple[str | None, bool, int]:
    """The action from `start`: its inside (None for a comment), whether it trims what follows,
    and where it ends."""
    body = start
    while text[body : body + 1] in tuple(SPACES):
        body += 1
    if text.startswith("/*", body):
        return _comment(text, body)
    end = start
    while True:
        if text.startswith(CLOSE, end):
            return text[start:end], False, end + len(CLOSE)
        trimmed = text[end : end + 1] in tuple(SPACES) and text.startswith("-" + CLOSE, end + 1)
        if trimmed:
            return text[start:end], True, end + 2 + len(CLOSE)
        if end >= len(text):
            raise bad(f"unclosed action: {OPEN}{text[start : start + 40]}")
        end = _after(text, end)


def _comment(text: str, start: int) -> tuple[None, bool, int]:
    end = text.find("*/", start + 2)
    if end < 0:
        raise bad("unclosed comment")
    end += 2
    if text.startswith(CLOSE, end):
        return None, False, end + len(CLOSE)
    if text[end : end + 1] in tuple(SPACES) and text.startswith("-" + CLOSE, end + 1):
        return None, True, end + 2 + len(CLOSE)
    raise bad("comment ends before closing delimiter")


def _after(text: str, at: int) -> int:
    """The place after one character, or after a whole quotation (which may hold `}}`)."""
    quote = text[at]
    if quote not in "\"'`":
        return at + 1
    end = at + 1
    while end < len(text) and text[end] != quote:
        if quote != "`" and text[end] == "\n":
            break
        end += 2 if quote != "`" and text[end] == "\\" else 1
    if end >= len(text) or text[end] != quote:
        raise bad(f"unterminated quotation: {text[at : at + 40]}")
    return end + 1


def words(action: str) -> list[Token]:
    """The tokens of an action's inside."""
    tokens = []
    position = 0
    while position < len(action):
        match = PATTERN.match(action, position)
        if match is None:
            raise bad(f"unexpected {action[position]!r} in {OPEN}{action}{CLOSE}")
        kind = str(match.lastgroup)
        position = match.end()
        following = action[position : position + 1]
        if kind in MUST_END and following and following not in ENDS:
            raise bad(f"unexpected {following!r} in {OPEN}{action}{CLOSE}")
        if kind == "mark":
            kind = match.group()
            if kind in (":=", "=", ","):
                raise unsupported(f"a variable ({kind!r})")
        tokens.append(Token(kind, match.group()))
    return tokens
