"""What the grammar takes, and how it names what it does not."""

from __future__ import annotations

import pytest

from tests.unit.cli.template.rendering import refusal, render
from weavecli.cli.template.failure import SUPPORTED


@pytest.mark.parametrize(
    ("template", "named"),
    [
        ("{{with .Router}}{{end}}", '"with"'),
        ('{{define "x"}}{{end}}', '"define"'),
        ('{{template "x"}}', '"template"'),
        ('{{block "x" .}}{{end}}', '"block"'),
        ("{{range .Names}}{{break}}{{end}}", '"break"'),
        ("{{range .Names}}{{continue}}{{end}}", '"continue"'),
        ("{{nil}}", '"nil"'),
        ("{{if .Ready}}{{else with .Router}}{{end}}", '"with"'),
        ("{{$x := .Names}}", "a variable (':=')"),
        ("{{range $i, $e := .Names}}{{end}}", "a variable (',')"),
        ("{{$x}}", "a variable ('$x')"),
        ("{{upper .Version}}", 'function "upper"'),
        ("{{.Version | html}}", 'function "html"'),
        ("{{not .Ready}}", 'function "not"'),
    ],
)
def test_what_go_knows_and_we_do_not_is_named(template: str, named: str) -> None:
    assert refusal(template) == f"{named} is not supported; {SUPPORTED}"


def test_the_refusal_lists_what_is_supported() -> None:
    for word in ("if", "else", "range", "end", "eq", "index", "join", "json", "len", "printf"):
        assert word in SUPPORTED


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{}}", "missing value for command"),
        ("{{ }}", "missing value for command"),
        ("{{if}}{{end}}", "missing value for if"),
        ("{{range}}{{end}}", "missing value for range"),
        ("{{len ()}}", "missing value for parenthesized pipeline"),
        ("{{.Names | }}", "missing value for command"),
        ("{{| len}}", "missing value for command"),
        ("{{(len .Names}}", "unclosed left parenthesis"),
        ("{{len .Names)}}", "unexpected ')'"),
        ("{{end}}", "unexpected {{end}}"),
        ("{{else}}", "unexpected {{else}}"),
        ("{{if 1}}{{else}}{{else}}{{end}}", "unexpected {{else}}"),
        ("{{if 1}}", "unexpected end: {{if}} has no {{end}}"),
        ("{{range .Names}}{{if 1}}{{end}}", "unexpected end: {{range}} has no {{end}}"),
        ("{{if 1}}{{end 1}}", "unexpected '1' after end"),
        ("{{range .Names}}{{else if 1}}{{end}}", "unexpected 'if' after {{else}} of {{range}}"),
        ("{{if 1}}{{else 1}}{{end}}", "unexpected '1' after {{else}} of {{if}}"),
        ("{{len if}}", "unexpected <if> in command"),
        ("{{.Version 1}}", "can't give argument to non-function .Version"),
        ("{{$ 1}}", "can't give argument to non-function $"),
        ("{{3 4}}", "can't give argument to non-function 3"),
        ("{{.Version | .Ready}}", "non executable command in pipeline stage 2"),
        ('{{.Version | "x"}}', "non executable command in pipeline stage 2"),
        ('{{"a".}}', "unexpected '.' after '\"a\"'"),
        ('{{"a".B}}', "unexpected '.B' after '\"a\"'"),
        ("{{len(.Names)}}", "unexpected '(' after 'len'"),
        ("{{ . .Ready }}", "can't give argument to non-function ."),
    ],
)
def test_mistakes(template: str, expected: str) -> None:
    assert refusal(template) == expected


def test_nesting_has_a_limit_and_it_is_told() -> None:
    assert "inside each other" in refusal("{{if 1}}" * 100 + "{{end}}" * 100)
    assert "parentheses inside each other" in refusal("{{" + "(" * 5000 + "}}")
    assert render("{{if 1}}" * 60 + "x" + "{{end}}" * 60) == "x"


def test_an_else_if_chain_has_one_end() -> None:
    template = "{{if .Off}}a{{else if .Zero}}b{{else if .Empty}}c{{else}}d{{end}}!"
    assert render(template) == "d!"
