"""From words to a tree. Go's grammar, less variables, `with` and named templates."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal as Choice

from weavecli.cli.template import literals
from weavecli.cli.template.failure import FUNCTIONS, bad, unsupported
from weavecli.cli.template.lexer import Token, pieces, words

MAX_DEPTH = 60
"""Deeper than anybody nests; keeps a hostile template within Python's own stack."""

UNSUPPORTED = ("with", "define", "template", "block", "break", "continue", "nil")


@dataclass(frozen=True, slots=True)
class Literal:
    """A string, number or bool."""

    value: str | int | float | bool


@dataclass(frozen=True, slots=True)
class Path:
    """Fields of dot, of `$`, or of what a pipeline in parentheses gives."""

    base: Choice["."] | Choice["$"] | Pipeline
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        base = self.base if isinstance(self.base, str) else "(…)"
        joined = "".join("." + name for name in self.fields)
        return joined if base == "." and joined else base + joined


@dataclass(frozen=True, slots=True)
class Call:
    """A function and the arguments that are written beside it."""

    name: str
    arguments: tuple[Operand, ...] = ()


Operand = Literal | Path | Call


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands; the value of each is the last argument of the next."""

    commands: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """Literal text."""

    text: str


@dataclass(slots=True)
class Branch:
    """`if` or `range`: what to do with the value, and what without."""

    keyword: str
    pipeline: Pipeline
    body: list[Node] = field(default_factory=list)
    other: list[Node] = field(default_factory=list)
    has_else: bool = False
    chained: bool = False
    """Came from `else if`: the same `end` closes it and the one around it."""


Node = Text | Pipeline | Branch


def parse(text: str) -> list[Node]:
    """The tree of a template. Raises Invalid."""
    top: list[Node] = []
    open_branches: list[Branch] = []
    for is_action, piece in pieces(text):
        into = _into(open_branches, top)
        if not is_action:
            into.append(Text(piece))
            continue
        tokens = _strip(words(piece))
        keyword = tokens[0].text if tokens and tokens[0].kind == "word" else ""
        if keyword in ("if", "range"):
            _open(keyword, tokens, into, open_branches)
        elif keyword == "else":
            _else(tokens, open_branches)
        elif keyword == "end":
            _end(tokens, open_branches)
        else:
            into.append(_whole_pipeline(tokens, "command"))
    if open_branches:
        raise bad(f"unexpected end: {{{{{open_branches[-1].keyword}}}}} has no {{{{end}}}}")
    return top


def _into(open_branches: list[Branch], top: list[Node]) -> list[Node]:
    if not open_branches:
        return top
    branch = open_branches[-1]
    return branch.other if branch.has_else else branch.body


def _open(
    keyword: str, tokens: list[Token], into: list[Node], open_branches: list[Branch]
) -> Branch:
    branch = Branch(keyword, _whole_pipeline(_strip(tokens[1:]), keyword))
    into.append(branch)
    open_branches.append(branch)
    if len(open_branches) > MAX_DEPTH:
        raise bad(f"more than {MAX_DEPTH} {{{{if}}}} and {{{{range}}}} inside each other")
    return branch


def _else(tokens: list[Token], open_branches: list[Branch]) -> None:
    rest = _strip(tokens[1:])
    if not open_branches or open_branches[-1].has_else:
        raise bad("unexpected {{else}}")
    branch = open_branches[-1]
    branch.has_else = True
    if not rest:
        return
    if rest[0].text == "with":
        raise unsupported('"with"')
    if rest[0].text != "if" or branch.keyword != "if":
        raise bad(f"unexpected {rest[0].text!r} after {{{{else}}}} of {{{{{branch.keyword}}}}}")
    _open("if", rest, branch.other, open_branches).chained = True


def _end(tokens: list[Token], open_branches: list[Branch]) -> None:
    if len(tokens) > 1:
        raise bad(f"unexpected {tokens[-1].text!r} after end")
    if not open_branches:
        raise bad("unexpected {{end}}")
    while open_branches.pop().chained:
        pass


def _strip(tokens: list[Token]) -> list[Token]:
    start, end = 0, len(tokens)
    while start < end and tokens[start].kind == "space":
        start += 1
    while end > start and tokens[end - 1].kind == "space":
        end -= 1
    return tokens[start:end]


def _whole_pipeline(tokens: list[Token], context: str) -> Pipeline:
    reader = _Reader(tokens)
    pipeline = reader.pipeline(context, 0)
    if reader.peek() is not None:
        raise bad(f"unexpected {tokens[reader.at].text!r}")
    return pipeline


class _Reader:
    """Reads one action's tokens from left to right."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0

    def peek(self) -> Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def _next(self) -> Token | None:
        token = self.peek()
        self.at += 1
        return token

    def _skip_space(self) -> Token | None:
        while (token := self.peek()) is not None and token.kind == "space":
            self.at += 1
        return token

    def pipeline(self, context: str, depth: int) -> Pipeline:
        """Commands up to the end or a closing parenthesis, which is left to the caller."""
        if depth > MAX_DEPTH:
            raise bad(f"more than {MAX_DEPTH} parentheses inside each other")
        commands: list[Operand] = []
        while True:
            command = self._command(context, depth)
            if commands and not isinstance(command, Call):
                raise bad(f"non executable command in pipeline stage {len(commands) + 1}")
            commands.append(command)
            token = self._skip_space()
            if token is None or token.kind != "|":
                return Pipeline(tuple(commands))
            self.at += 1

    def _command(self, context: str, depth: int) -> Operand:
        operands: list[Operand] = []
        while (token := self._skip_space()) is not None and token.kind not in ("|", ")"):
            operands.append(self._operand(token, depth))
            following = self.peek()
            if following is not None and following.kind not in ("space", "|", ")"):
                raise bad(f"unexpected {following.text!r} after {token.text!r}")
        if not operands:
            raise bad(f"missing value for {context}")
        first, *arguments = operands
        if not arguments:
            return first
        if not isinstance(first, Call):
            what = f"{first}" if isinstance(first, Path) else repr(first.value)
            raise bad(f"can't give argument to non-function {what}")
        return Call(first.name, tuple(arguments))

    def _operand(self, token: Token, depth: int) -> Operand:
        self.at += 1
        if token.kind in ("string", "number", "char"):
            return Literal(getattr(literals, token.kind)(token.text))
        if token.kind == "word":
            return _word(token.text)
        if token.kind == "field":
            return Path(".", (token.text[1:], *self._fields()))
        if token.kind == "dot":
            return Path(".")
        if token.kind == "variable":
            if token.text != "$":
                raise unsupported(f"a variable ({token.text!r})")
            return Path("$", self._fields())
        return self._parenthesis(depth)

    def _parenthesis(self, depth: int) -> Operand:
        inner = self.pipeline("parenthesized pipeline", depth + 1)
        if self._next() is None:
            raise bad("unclosed left parenthesis")
        return Path(inner, self._fields())

    def _fields(self) -> tuple[str, ...]:
        names = []
        while (token := self.peek()) is not None and token.kind == "field":
            names.append(token.text[1:])
            self.at += 1
        return tuple(names)


def _word(name: str) -> Operand:
    if name in ("true", "false"):
        return Literal(name == "true")
    if name in UNSUPPORTED:
        raise unsupported(f'"{name}"')
    if name in ("if", "range", "else", "end"):
        raise bad(f"unexpected <{name}> in command")
    if name not in FUNCTIONS:
        raise unsupported(f'function "{name}"')
    return Call(name)
