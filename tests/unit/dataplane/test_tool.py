"""Running tools, and what their failures become."""

from __future__ import annotations

import subprocess

import pytest

from weavecli.dataplane import tool
from weavecli.errors import Forbidden, Internal, TimedOut, Unavailable


def test_input_output_and_language() -> None:
    assert tool.run(["cat"], "text\n").stdout == "text\n"
    assert tool.run(["sh", "-c", "echo $LC_ALL; echo $PATH"]).stdout.startswith("C\n")
    assert "/usr/sbin" in tool.environment()["PATH"]


def test_a_missing_tool_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool, "environment", lambda: {"PATH": "/nowhere"})
    for name, package in (("nft", "nftables"), ("ip6tables", "iptables"), ("other", "other")):
        with pytest.raises(Unavailable, match=f"{name} is missing; install the package {package}"):
            tool.run([name])


def test_a_tool_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool, "TIMEOUT", 0.05)
    with pytest.raises(TimedOut, match="sleep 5 did not end"):
        tool.run(["sleep", "5"])


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("Error: Operation not permitted\n", Forbidden, "CAP_NET_ADMIN"),
        ("\nError: syntax error\nmore\n", Internal, "table: Error: syntax error"),
        ("", Internal, "table: exit code 3"),
    ],
)
def test_failures(text: str, kind: type[Exception], message: str) -> None:
    error = tool.failure(subprocess.CompletedProcess(["nft"], 3, "", text), "table")
    assert type(error) is kind
    assert message in str(error)
