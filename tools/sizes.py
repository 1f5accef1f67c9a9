"""Fails when a file has more than 350 lines or a function more than 50."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

FILE, FUNCTION = 350, 50


def too_long(path: Path) -> Iterator[str]:
    text = path.read_text()
    if (lines := len(text.splitlines())) > FILE:
        yield f"{path}: {lines} lines, at most {FILE}"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION:
                yield f"{path}:{node.lineno}: {node.name}: {lines} lines, at most {FUNCTION}"


def main(directories: list[str]) -> int:
    files = [path for directory in directories for path in sorted(Path(directory).rglob("*.py"))]
    found = [line for path in files for line in too_long(path)]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
