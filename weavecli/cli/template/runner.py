"""A tree and a value give text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from weavecli.cli.template.failure import bad
from weavecli.cli.template.functions import call, kind_of
from weavecli.cli.template.parser import Branch, Call, Literal, Node, Operand, Path, Pipeline, Text
from weavecli.cli.template.printing import show

MAX_OUTPUT = 1 << 26
"""Characters. Nested ranges multiply; nobody wants more than this on a terminal."""


def run(nodes: list[Node], value: Any) -> str:
    """The text. Raises Invalid when the template does not fit the value."""
    runner = _Runner(value)
    runner.run(nodes, value)
    return "".join(runner.parts)


class _Runner:
    def __init__(self, top: Any) -> None:
        self._top = top
        self.parts: list[str] = []
        self._size = 0

    def run(self, nodes: Iterable[Node], dot: Any) -> None:
        for node in nodes:
            if isinstance(node, Text):
                self._write(node.text)
            elif isinstance(node, Pipeline):
                self._write(show(self._pipeline(node, dot)))
            else:
                self._branch(node, dot)

    def _write(self, text: str) -> None:
        self._size += len(text)
        if self._size > MAX_OUTPUT:
            raise bad(f"the output is longer than {MAX_OUTPUT} characters")
        self.parts.append(text)

    def _branch(self, branch: Branch, dot: Any) -> None:
        value = self._pipeline(branch.pipeline, dot)
        if branch.keyword == "if":
            self.run(branch.body if value else branch.other, dot)
            return
        elements = _elements(value)
        for element in elements:
            self.run(branch.body, element)
        if not elements:
            self.run(branch.other, dot)

    def _pipeline(self, pipeline: Pipeline, dot: Any) -> Any:
        first, *rest = pipeline.commands
        value = self._operand(first, dot)
        for command in rest:
            assert isinstance(command, Call)
            value = call(command.name, [*self._arguments(command, dot), value])
        return value

    def _operand(self, operand: Operand, dot: Any) -> Any:
        if isinstance(operand, Literal):
            return operand.value
        if isinstance(operand, Call):
            return call(operand.name, self._arguments(operand, dot))
        return self._path(operand, dot)

    def _arguments(self, command: Call, dot: Any) -> list[Any]:
        return [self._operand(argument, dot) for argument in command.arguments]

    def _path(self, path: Path, dot: Any) -> Any:
        if isinstance(path.base, Pipeline):
            value = self._pipeline(path.base, dot)
        else:
            value = self._top if path.base == "$" else dot
        for name in path.fields:
            value = _field(value, name, path)
        return value


def _field(value: Any, name: str, path: Path) -> Any:
    if isinstance(value, dict):
        if name in value:
            return value[name]
        raise bad(f'at <{path}>: map has no entry for key "{name}"')
    if value is None:
        raise bad(f'at <{path}>: nil data; no entry for key "{name}"')
    raise bad(f"at <{path}>: can't evaluate field {name} in type {kind_of(value)}")


def _elements(value: Any) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return [value[key] for key in sorted(value)]
    raise bad(f"range can't iterate over {show(value)[:40]}")
