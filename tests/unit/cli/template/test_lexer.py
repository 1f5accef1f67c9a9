"""Where text ends and actions begin; trim markers; comments."""

from __future__ import annotations

import pytest

from tests.unit.cli.template.rendering import refusal, render
from weavecli.cli.template.lexer import pieces, words


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("", ""),
        ("plain } text {", "plain } text {"),
        ("a{{1}}b", "a1b"),
        ("{{1}}{{2}}", "12"),
        ("a \n {{- 1 -}} \t b", "a1b"),
        ("a {{1 -}} b", "a 1b"),
        ("a {{- 1}} b", "a1 b"),
        ("{{-3}}", "-3"),
        ("{{- -3 -}}", "-3"),
        ("a {{/* hidden }} */}} b", "a  b"),
        ("a {{- /* hidden */ -}} b", "ab"),
        ("a {{- /* hidden */}} b", "a b"),
        ('{{"}}"}}', "}}"),
        ("{{`}}\n`}}", "}}\n"),
        (r'{{"\"}}"}}', '"}}'),
        ("{{\n1\n}}", "1"),
        ("{{ 1 -}}\n\n{{- 2 }}", "12"),
    ],
)
def test_text_and_actions(template: str, expected: str) -> None:
    assert render(template) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{", "unclosed action: {{"),
        ("a {{ .Ready", "unclosed action: {{ .Ready"),
        ("{{ .Ready }", "unclosed action: {{ .Ready }"),
        ("{{/* never", "unclosed comment"),
        ("{{/* x */ .Ready}}", "comment ends before closing delimiter"),
        ('{{"abc}}', 'unterminated quotation: "abc}}'),
        ('{{"a\nb"}}', 'unterminated quotation: "a\nb"}}'),
        ("{{`abc}}", "unterminated quotation: `abc}}"),
        ("{{.Ready-3}}", "unexpected '-' in {{.Ready-3}}"),
        ("{{.Ready!}}", "unexpected '!' in {{.Ready!}}"),
        ("{{#}}", "unexpected '#' in {{#}}"),
    ],
)
def test_what_cannot_be_cut(template: str, expected: str) -> None:
    assert refusal(template) == expected


def test_pieces_tell_text_from_actions() -> None:
    assert list(pieces("a{{ .B }}c{{/* */}}")) == [(False, "a"), (True, " .B "), (False, "c")]


def test_words_have_kinds() -> None:
    kinds = [token.kind for token in words(".A . $ len \"s\" 1.5 'c' (|)")]
    assert [kind for kind in kinds if kind != "space"] == [
        "field",
        "dot",
        "variable",
        "word",
        "string",
        "number",
        "char",
        "(",
        "|",
        ")",
    ]


def test_fields_may_have_letters_of_any_language() -> None:
    assert render("{{.größe_1}}", {"größe_1": 3}) == "3"
