"""How a template fails: by name, with what is known instead."""

from __future__ import annotations

from weavecli.errors import Invalid

FUNCTIONS = ("eq", "index", "join", "json", "len", "printf")
SUPPORTED = (
    "supported are field paths, '.', '$', pipelines, parentheses, literals, if, else, range, end "
    "and the functions " + ", ".join(FUNCTIONS)
)


def bad(sentence: str) -> Invalid:
    """The template is wrong, or does not fit the value."""
    return Invalid(f"template: {sentence}")


def unsupported(what: str) -> Invalid:
    """Go knows this, or might; here it is not known."""
    return Invalid(f"template: {what} is not supported; {SUPPORTED}")
