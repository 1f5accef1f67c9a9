"""A subset of the Go template language, for `--format`."""

from __future__ import annotations


class Template:
    """A parsed template."""

    def __init__(self, text: str) -> None:
        self._text = text

    def render(self, value: object) -> str:
        """The text for `value`."""
        from weavecli.errors import NotSupported

        raise NotSupported("templates are not there yet")
