"""`--format`: the part of Go's template language that scripts use, over JSON values.

Known: field paths, `.`, `$`, pipelines, parentheses, literals, `if`/`else if`/`else`, `range`/
`else`, comments, trim markers, and the functions of `functions.py`. All else is refused by name.
Values print as Go prints them. May import: model, errors. Never: click, the client.
"""

from __future__ import annotations

from weavecli.cli.template.parser import parse
from weavecli.cli.template.runner import run


class Template:
    """A parsed template. Both steps raise Invalid, and nothing else."""

    def __init__(self, text: str) -> None:
        self._nodes = parse(text)

    def render(self, value: object) -> str:
        """The text for `value`, which is what `json.loads` returns."""
        return run(self._nodes, value)
