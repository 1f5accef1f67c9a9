"""The value most template tests use, and short ways to try a template on it."""

from __future__ import annotations

from typing import Any

import pytest

from weavecli.cli.template import Template
from weavecli.errors import Invalid

REPORT: dict[str, Any] = {
    "Ready": True,
    "Version": "0.1.0",
    "Router": {
        "Name": "02:4b:7d:00:10:aa",
        "Peers": [{"NickName": "alpha", "Port": 6783}, {"NickName": "beta", "Port": 6784}],
        "Connections": None,
        "TrustedSubnets": [],
    },
    "IPAM": {"RangeNumIPs": 1048576, "Used": 0.25, "Labels": {"b": "2", "a": "1"}},
    "Names": ["db", "web"],
    "Empty": "",
    "Zero": 0,
    "Off": False,
}


def render(template: str, value: Any = REPORT) -> str:
    return Template(template).render(value)


def refusal(template: str, value: Any = REPORT) -> str:
    """The sentence a template is refused with."""
    with pytest.raises(Invalid) as caught:
        Template(template).render(value)
    sentence = str(caught.value)
    assert sentence.startswith("template: ")
    return sentence.removeprefix("template: ")
