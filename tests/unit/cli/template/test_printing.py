"""Values and printf, compared with what Go's fmt prints."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.cli.template.rendering import refusal, render
from weavecli.cli.template.printing import printf, show


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        ("text", "text"),
        (True, "true"),
        (False, "false"),
        (None, "<nil>"),
        (3, "3"),
        (-3, "-3"),
        (1 << 63, "9223372036854775808"),
        (0.0, "0"),
        (-0.0, "-0"),
        (1.0, "1"),
        (1.5, "1.5"),
        (0.1, "0.1"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (0.000012345, "1.2345e-05"),
        (123456.0, "123456"),
        (1e6, "1e+06"),
        (123456789.0, "1.23456789e+08"),
        (123456.789, "123456.789"),
        (1e100, "1e+100"),
        (5e-324, "5e-324"),
        (float("inf"), "+Inf"),
        (float("-inf"), "-Inf"),
        (float("nan"), "NaN"),
        ([], "[]"),
        (["a", "b"], "[a b]"),
        ({}, "map[]"),
        ({"b": 1, "a": [True, None]}, "map[a:[true <nil>] b:1]"),
    ],
)
def test_as_an_action_prints_them(value: Any, printed: str) -> None:
    assert show(value) == printed


@pytest.mark.parametrize(
    ("format_", "arguments", "printed"),
    [
        ("%s|%v|%d", ["a", "b", 3], "a|b|3"),
        ("100%%", [], "100%"),
        ("%5s|%-5s|%05s", ["ab", "ab", "ab"], "   ab|ab   |000ab"),
        ("%.2s", ["abc"], "ab"),
        ("%5d|%-5d|%05d|%+d|% d", [42, 42, -42, 42, 42], "   42|42   |-0042|+42| 42"),
        ("%.3d|%8.3d", [7, 7], "007|     007"),
        ("%x|%X|%#x|%o|%b", [255, 255, 255, 8, 5], "ff|FF|0xff|10|101"),
        ("%c|%q", [65, 65], "A|'A'"),
        ("%x|%X|% x|%#x", ["hi", "hi", "hi", "hi"], "6869|6869|68 69|0x6869"),
        ("%q|%q", ["a\n\"", "é\x01"], '"a\\n\\""|"é\\x01"'),
        ("%t|%v|%5t", [True, False, True], "true|false| true"),
        ("%f|%.2f|%8.3f|%-8.1f|", [1.5, 1.005, 2.0, 2.25], "1.500000|1.00|   2.000|2.2     |"),
        ("%5.1f|%05.1f|%+.1f", [1.25, 1.5, 2.0], "  1.2|001.5|+2.0"),
        ("%e|%.2E|%g|%.3g", [1500.0, 1500.0, 1e6, 1234.5], "1.500000e+03|1.50E+03|1e+06|1.23e+03"),
        ("%x", [1.5], "0x1.8p+00"),
        ("%6.2f%%", [12.345], " 12.35%"),
        ("%v|%s", [["a", "b"], ["a", "b"]], "[a b]|[a b]"),
        ("%d|%02d", [[1, 2], [1, 2]], "[1 2]|[01 02]"),
        ("%q", [["a"]], '["a"]'),
        ("%v|%+v", [{"k": 1}, {"k": 1}], "map[k:1]|map[k:1]"),
        ("%T %T %T %T %T %T", ["", 1, 1.0, True, [], {}],
            "string int float64 bool []interface {} map[string]interface {}"),
        ("%v", [None], "<nil>"),
        ("%5v|%-5v|", [1, 1], "    1|1    |"),
        ("%+v|%08.3f", [float("inf"), float("inf")], "+Inf|    +Inf"),
        ("%v|%+f|% f", [float("nan")] * 3, "NaN|+NaN| NaN"),
        ("no verbs", [], "no verbs"),
    ],
)  # fmt: skip
def test_printf(format_: str, arguments: list[Any], printed: str) -> None:
    assert printf(format_, arguments) == printed


@pytest.mark.parametrize(
    ("format_", "arguments", "printed"),
    [
        ("%d", ["x"], "%!d(string=x)"),
        ("%s", [3], "%!s(int=3)"),
        ("%s", [None], "%!s(<nil>)"),
        ("%t", ["x"], "%!t(string=x)"),
        ("%d", [1.5], "%!d(float64=1.5)"),
        ("%f", [1], "%!f(int=1)"),
        ("%d", [True], "%!d(bool=true)"),
        ("%z", [1], "%!z(int=1)"),
        ("%d %d", [1], "1 %!d(MISSING)"),
        ("%d", [1, "x", None], "1%!(EXTRA string=x, <nil>)"),
        ("x%", [], "x%!(NOVERB)"),
        ("%9999999999d", [1], "%!(BADWIDTH)"),
        ("%.9999999999d", [1], "%!(BADPREC)"),
    ],
)
def test_misuse_prints_as_in_go(format_: str, arguments: list[Any], printed: str) -> None:
    assert printf(format_, arguments) == printed


@pytest.mark.parametrize("directive", ["%*d", "%.*f", "%[1]d", "%U", "%#v", "%O"])
def test_directives_that_are_not_known_are_named(directive: str) -> None:
    assert f"the printf {'verb' if directive[-1] in 'UvO' else 'directive'}" in refusal(
        f'{{{{printf "{directive}" 1}}}}'
    )


def test_printf_in_a_template() -> None:
    assert render('{{printf "%-8s|%5.1f" .Version .IPAM.Used}}') == "0.1.0   |  0.2"
