"""The six functions, used well and badly."""

from __future__ import annotations

import pytest

from tests.unit.cli.template.rendering import refusal, render
from weavecli.cli.template.failure import FUNCTIONS
from weavecli.cli.template.functions import TABLE


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{eq 1 1}}", "true"),
        ("{{eq 1 2 3 1}}", "true"),
        ("{{eq 1 2 3}}", "false"),
        ("{{eq 1 1.0}}", "true"),
        ('{{eq .Version "0.1.0"}}', "true"),
        ("{{eq .Ready true}}", "true"),
        ("{{eq .Router.Connections .Router.Connections}}", "true"),
        ('{{eq .Router.Connections "x"}}', "false"),
        ('{{index .IPAM.Labels "a"}}', "1"),
        ('{{index .IPAM.Labels "no.such"}}', ""),
        ('{{if index .IPAM.Labels "no.such"}}yes{{else}}no{{end}}', "no"),
        ("{{index .Names 1}}", "web"),
        ('{{index .Router "Peers" 0 "NickName"}}', "alpha"),
        ("{{index .Version 0}}", "48"),
        ("{{index .Version}}", "0.1.0"),
        ('{{join .Names ", "}}', "db, web"),
        ('{{join .Router.Connections ","}}', ""),
        ("{{json .IPAM.Labels}}", '{"b":"2","a":"1"}'),
        ('{{json "<é>"}}', '"<é>"'),
        ("{{json .Router.Connections}}", "null"),
        ("{{len .Names}}{{len .IPAM.Labels}}{{len .Empty}}", "220"),
        ('{{len "é"}}', "2"),
        ("{{len .Router.Connections}}", "0"),
        ('{{printf "%s=%d" .Version .Zero}}', "0.1.0=0"),
    ],
)
def test_results(template: str, expected: str) -> None:
    assert render(template) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{eq}}", "wrong number of args for eq: want at least 1 got 0"),
        ("{{eq 1}}", "error calling eq: missing argument for comparison"),
        ('{{eq 1 "1"}}', "incompatible types for comparison: int and string"),
        ("{{eq true 1}}", "incompatible types for comparison: bool and int"),
        ("{{eq .Names .Names}}", "non-comparable type []interface {}"),
        ("{{eq .IPAM 1}}", "non-comparable type map[string]interface {}"),
        ("{{index .IPAM.Labels 1}}", "value has type int; should be string"),
        ('{{index .Names "x"}}', "cannot index slice/array with type string"),
        ("{{index .Names true}}", "cannot index slice/array with type bool"),
        ("{{index .Names 2}}", "index out of range: 2"),
        ("{{index .Names -1}}", "index out of range: -1"),
        ("{{index .Zero 0}}", "can't index item of type int"),
        ("{{index .Router.Connections 0}}", "index of untyped nil"),
        ("{{join .Names}}", "wrong number of args for join: want 2 got 1"),
        ('{{.Names | join ","}}', "expected a list and a separator, got string and []interface {}"),
        ("{{json}}", "wrong number of args for json: want 1 got 0"),
        ("{{json 1 2}}", "wrong number of args for json: want 1 got 2"),
        ("{{len}}", "wrong number of args for len: want 1 got 0"),
        ("{{len 3}}", "len of type int"),
        ("{{len .Ready}}", "len of type bool"),
        ("{{printf}}", "wrong number of args for printf: want at least 1 got 0"),
        ("{{printf 1}}", "the format has type int, not string"),
    ],
)
def test_misuse_is_named(template: str, expected: str) -> None:
    assert expected in refusal(template)


def test_all_functions_are_announced() -> None:
    assert tuple(TABLE) == FUNCTIONS


def test_a_value_too_deep_for_json_is_refused() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert "too deep" in refusal("{{json .}}", deep)
    assert "too deep" in refusal("{{.}}", deep)
    while deep:
        deep = deep[0]  # type: ignore[assignment]
