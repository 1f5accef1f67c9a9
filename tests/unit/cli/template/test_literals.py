"""Go's literals."""

from __future__ import annotations

import pytest

from tests.unit.cli.template.rendering import refusal, render
from weavecli.cli.template import literals
from weavecli.errors import Invalid


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('""', ""),
        (r'"\n\t\r\\\""', '\n\t\r\\"'),
        (r'"\a\b\f\v"', "\a\b\f\v"),
        (r'"\x41\101A\U0001F600"', "AAA\U0001f600"),
        (r'"\xc3\xa9"', "é"),
        (r'"\xff"', "�"),
        ("`a\\n\r\n`", "a\\n\n"),
        ('"ä"', "ä"),
    ],
)
def test_strings(written: str, value: str) -> None:
    assert literals.string(written) == value
    assert render("{{" + written + "}}") == value


@pytest.mark.parametrize(
    "written", [r'"\d"', r'"\x4"', r'"\u12"', r'"\ud800"', r'"\U00110000"', r'"\400"', r'"\'"']
)
def test_malformed_escapes(written: str) -> None:
    assert refusal("{{" + written + "}}").startswith("malformed escape in string: \\")


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("0", 0),
        ("42", 42),
        ("-7", -7),
        ("+7", 7),
        ("1_000", 1000),
        ("0x1F", 31),
        ("0b101", 5),
        ("0o17", 15),
        ("017", 15),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("-2.5E-3", -0.0025),
        ("9223372036854775807", (1 << 63) - 1),
        ("-9223372036854775808", -(1 << 63)),
    ],
)
def test_numbers(written: str, value: float) -> None:
    found = literals.number(written)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("written", ["1x", "0x", "1__0", "1_", "08", "1.2.3", "1i", "1e", "0b2"])
def test_bad_numbers(written: str) -> None:
    assert refusal("{{" + written + "}}") == f"bad number syntax: {written}"


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("99999999999999999999", "integer overflow"),
        ("1e999", "number out of range"),
        ("9" * 5000, "bad number syntax"),
    ],
)
def test_numbers_beyond_reason(written: str, sentence: str) -> None:
    assert sentence in refusal("{{" + written + "}}")


def test_characters_are_numbers() -> None:
    assert render(r"{{'a'}} {{'\n'}} {{'\''}} {{'é'}}") == "97 10 39 233"
    with pytest.raises(Invalid, match="malformed character constant"):
        literals.char("'ab'")
