"""The printer: streams, tables, colour and progress only where a person looks."""

from __future__ import annotations

from typing import Any

import pytest

from weavecli.cli.output import Output, Progress


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Output, "is_terminal", lambda _: True)
    monkeypatch.setattr("click._compat.should_strip_ansi", lambda *_, **__: False, raising=False)
    monkeypatch.setattr("click.utils.should_strip_ansi", lambda *_, **__: False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")


def test_data_goes_to_stdout(capsys: Any) -> None:
    out = Output()
    out.line("a")
    out.line()
    out.text("b")
    out.data({"k": "é"})
    out.data([1, 2], indent=None)
    assert capsys.readouterr() == ('a\n\nb{\n    "k": "é"\n}\n[1, 2]\n', "")


def test_words_go_to_stderr(capsys: Any) -> None:
    out = Output()
    out.note("n")
    out.warn("w")
    out.fail("f\n  g")
    out.note("r\ns")
    assert capsys.readouterr() == ("", "n\nWARNING: w\nweave: f g\nr\ns\n")


@pytest.mark.parametrize(
    ("sentence", "line"),
    [
        ("weave is not running", "weave is not running"),
        ("Weave is not running.", "Weave is not running."),
        ("weaved ended while starting", "weaved ended while starting"),
        ("no such container: weave", "weave: no such container: weave"),
    ],
)
def test_a_sentence_about_weave_is_not_signed_twice(sentence: str, line: str, capsys: Any) -> None:
    Output().fail(sentence)
    assert capsys.readouterr().err == line + "\n"


def test_columns_are_as_wide_as_they_need(capsys: Any) -> None:
    Output().table(("ID", "NAME", "X"), [("1", "long name", "x"), ("22", "", "")])
    assert capsys.readouterr().out == "ID   NAME        X\n1    long name   x\n22\n"


@pytest.mark.usefixtures("terminal")
def test_a_person_sees_colour(capsys: Any) -> None:
    Output().warn("w")
    Output().fail("f")
    assert capsys.readouterr().err == "\x1b[33mWARNING:\x1b[0m w\n\x1b[31mweave:\x1b[0m f\n"


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_unless_the_environment_says_no(
    name: str, value: str, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    Output().warn("w")
    assert capsys.readouterr().err == "WARNING: w\n"


def test_progress_is_silent_without_a_terminal(capsys: Any) -> None:
    with Output().progress() as progress:
        progress.stage("reading the state")
    assert capsys.readouterr() == ("", "")


def test_progress_rewrites_its_line_and_leaves_nothing(
    capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("click.utils.should_strip_ansi", lambda *_, **__: False)
    monkeypatch.setattr("weavecli.cli.output.time.monotonic", iter([0, 1, 1, 3]).__next__)
    with Progress(True) as progress:
        progress.stage("a")
        progress.stage("a")
        progress.stage("b")
    lines = capsys.readouterr().err.split("\r\x1b[K")
    assert lines == ["", "a … 1 s", "b … 3 s", ""]


def test_addresses_and_objects(capsys: Any) -> None:
    out = Output()
    out.addresses({"addresses": ["10.32.0.1", "10.32.0.2"], "warnings": []})
    out.objects([{"A": 1}], None)
    assert capsys.readouterr().out == ('10.32.0.1 10.32.0.2\n[\n    {\n        "A": 1\n    }\n]\n')
