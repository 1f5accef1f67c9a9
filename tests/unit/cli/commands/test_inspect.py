"""inspect."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fakes.client import FakeClient, raising, returning
from tests.unit.cli.running import weave
from weavecli.errors import NotFound

CONTAINER: dict[str, Any] = {
    "Id": "3f9c2ab71e04",
    "NetworkSettings": {"IPAddress": "10.32.0.4", "Ports": {"80/tcp": None}, "Networks": {}},
}


@pytest.mark.parametrize(
    ("flags", "kind"),
    [([], ""), (["--type", "container"], "container"), (["--type", "network"], "network")],
)
def test_inspect_prints_a_json_list(flags: list[str], kind: str) -> None:
    client = FakeClient(inspect=returning([CONTAINER]))
    ran = weave("inspect", *flags, "db", client=client)
    assert ran == (0, json.dumps([CONTAINER], indent=4) + "\n", "")
    assert client.calls == [("inspect", "db", kind)]


@pytest.mark.parametrize(
    ("template", "printed"),
    [
        ("{{.NetworkSettings.IPAddress}}", "10.32.0.4\n"),
        ('{{index .NetworkSettings.Ports "80/tcp"}}', "<nil>\n"),
        ("{{.NetworkSettings.Networks}}", "map[]\n"),
        ("{{json .NetworkSettings.Ports}}", '{"80/tcp":null}\n'),
    ],
)
@pytest.mark.parametrize("flag", ["-f", "--format"])
def test_a_template_is_followed_by_a_newline(flag: str, template: str, printed: str) -> None:
    client = FakeClient(inspect=returning([CONTAINER]))
    assert weave("inspect", "db", flag, template, client=client) == (0, printed, "")


def test_failures() -> None:
    client = FakeClient(inspect=raising(NotFound("no such container or network: db")))
    assert weave("inspect", "db", client=client) == (
        1,
        "",
        "weave: no such container or network: db\n",
    )
    client = FakeClient()
    ran = weave("inspect", "db", "-f", "{{nope}}", client=client)
    assert (ran.code, client.calls) == (1, [])
    assert 'function "nope" is not supported' in ran.err
    for arguments in ([], ["a", "b"], ["a", "--type", "image"]):
        ran = weave("inspect", *arguments)
        assert ran.code == 1
        assert "Usage: weave inspect" in ran.err
