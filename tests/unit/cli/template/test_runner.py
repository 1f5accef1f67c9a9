"""Paths, branches and pipelines over a value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.cli.template.rendering import REPORT, refusal, render
from weavecli.cli.template import Template, runner
from weavecli.errors import WeaveError


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{.Router.Name}}", "02:4b:7d:00:10:aa"),
        ("{{ .Ready }}", "true"),
        ("{{$.Version}}", "0.1.0"),
        ("{{.IPAM.Labels.a}}", "1"),
        ("{{(index .Router.Peers 1).NickName}}", "beta"),
        ("{{range .Router.Peers}}{{.NickName}} {{end}}", "alpha beta "),
        ('{{range .Names}}{{.}}{{"\\n"}}{{end}}', "db\nweb\n"),
        ("{{range .IPAM.Labels}}{{.}},{{end}}", "1,2,"),
        ("{{range .Router.Peers}}{{$.Version}}/{{.Port}} {{end}}", "0.1.0/6783 0.1.0/6784 "),
        ("{{range .Router.Connections}}x{{else}}none{{end}}", "none"),
        ("{{range .Router.TrustedSubnets}}x{{else}}none{{end}}", "none"),
        ("{{range .Router.TrustedSubnets}}x{{end}}", ""),
        ("{{if .Ready}}yes{{end}}", "yes"),
        ("{{if .Off}}yes{{else}}no{{end}}", "no"),
        ("{{if .Zero}}yes{{else}}no{{end}}", "no"),
        ("{{if .Empty}}yes{{else}}no{{end}}", "no"),
        ("{{if .Router.Connections}}yes{{else}}no{{end}}", "no"),
        ("{{if .Router.TrustedSubnets}}yes{{else if .Names}}names{{end}}", "names"),
        ('{{len .Names | printf "%03d"}}', "002"),
        ('{{.Names | len | printf "%d" | printf "<%s>"}}', "<2>"),
        ("{{if eq (len .Names) 2}}two{{end}}", "two"),
        ("{{json .Router.Peers}}", json.dumps(REPORT["Router"]["Peers"], separators=(",", ":"))),
    ],
)
def test_values(template: str, expected: str) -> None:
    assert render(template) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{.Nope}}", 'at <.Nope>: map has no entry for key "Nope"'),
        ("{{.Router.Nope.More}}", 'at <.Router.Nope.More>: map has no entry for key "Nope"'),
        ("{{$.Nope}}", 'at <$.Nope>: map has no entry for key "Nope"'),
        ("{{(index .Names 0).X}}", "at <(…).X>: can't evaluate field X in type string"),
        ("{{.Names.X}}", "at <.Names.X>: can't evaluate field X in type []interface {}"),
        ("{{.Zero.X}}", "at <.Zero.X>: can't evaluate field X in type int"),
        ("{{.Router.Connections.X}}", 'at <.Router.Connections.X>: nil data; no entry for key "X"'),
        ("{{range .Zero}}{{end}}", "range can't iterate over 0"),
        ("{{range .Ready}}{{end}}", "range can't iterate over true"),
        ("{{range .Version}}{{end}}", "range can't iterate over 0.1.0"),
    ],
)
def test_templates_that_do_not_fit(template: str, expected: str) -> None:
    assert refusal(template) == expected


def test_what_is_not_taken_is_not_evaluated() -> None:
    assert render("{{if .Off}}{{.Nope}}{{end}}ok") == "ok"


def test_endless_output_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "MAX_OUTPUT", 10)
    assert "longer than 10" in refusal("{{range .Names}}123456{{end}}")


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["A", "B", "Name", "x"]) | st.text(max_size=4), inner)
    ),
    max_leaves=12,
)
VOCABULARY = (
    ". $ .A .B .Name .x $.A if else end range len json printf index join eq with nil true false "
    '( ) | := $x - "%d" "%v" "%5.1f" "%x" "%q" `raw` \'c\' 1 -2 0x1f 1.5 1e9 {{ }} {{- -}}'
    " /* */ %*d \\ , ="
)
WORDS = st.sampled_from(VOCABULARY.split(" "))
ACTIONS = st.lists(WORDS, max_size=8).map(lambda words: "{{" + " ".join(words) + "}}")


@settings(max_examples=600, deadline=None)
@given(st.lists(ACTIONS | WORDS | st.text(max_size=5), max_size=6).map("".join), VALUES)
def test_nothing_but_our_error_escapes(template: str, value: Any) -> None:
    try:
        assert isinstance(Template(template).render(value), str)
    except WeaveError as error:
        assert str(error).startswith("template: ")


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="%+-# 0123456789.*[vsdqxXtfeEgGobcTUpz", max_size=12), VALUES, VALUES)
def test_no_format_breaks_printf(format_: str, one: Any, two: Any) -> None:
    try:
        rendered = render("{{printf .F .A .B}}", {"F": format_, "A": one, "B": two})
        assert isinstance(rendered, str)
    except WeaveError as error:
        assert "printf" in str(error)


@given(VALUES)
def test_every_value_prints_and_survives_json(value: Any) -> None:
    assert isinstance(render("{{.}}", value), str)
    assert json.dumps(json.loads(render("{{json .}}", value))) == json.dumps(value)
