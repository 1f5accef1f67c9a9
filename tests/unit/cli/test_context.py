"""What commands are handed is made when it is used, and let go at the end."""

from __future__ import annotations

import os
from typing import Any

from tests.fakes.client import FakeClient, returning
from weavecli.cli.context import App
from weavecli.cli.starting import Weaved
from weavecli.cli.systemd import Systemd
from weavecli.client.client import Client


def test_the_real_parts() -> None:
    app = App()
    assert isinstance(app.client, Client)
    assert isinstance(app.weaved, Weaved)
    assert isinstance(app.systemd, Systemd)
    assert app.client is app.client
    assert app.is_root() is (os.geteuid() == 0)
    app.close()


def test_what_was_handed_in_is_used_and_closed() -> None:
    client = FakeClient(prime=returning(None))
    handed: Any = client
    app = App(handed)
    assert app.client is handed
    app.close()
    assert client.closed


def test_nothing_opened_is_nothing_closed() -> None:
    App().close()
