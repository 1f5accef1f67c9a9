"""`weave setup`: systemd units, so that weave is there before Docker at every boot."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from weavecli.cli.commands.lifecycle import await_end
from weavecli.cli.context import App, pass_app
from weavecli.cli.systemd import SERVICE, Systemd
from weavecli.errors import Forbidden, NotSupported, Unavailable, WeaveError


@click.command()
@click.option("--remove", is_flag=True, help="Remove the units again; the daemon goes on running.")
@click.option(
    "--root", metavar="DIR", hidden=True, help="Write below this directory, for packages."
)
@pass_app
def setup(app: App, remove: bool, root: str | None) -> None:
    """Have systemd start weave before Docker at boot.

    Writes weave.service, weave.socket and a drop-in for docker.service below /etc/systemd/system,
    and enables them. weave then starts before Docker and stops after it, so that containers on
    networks of weave come back with Docker. A daemon that runs already is stopped and started again
    under systemd; containers keep talking meanwhile. Must be run as root.

    \b
    EXAMPLES
      weave setup
      weave setup --remove
    """
    if root is None and not app.is_root():
        raise Forbidden("weave setup must be run as root")
    systemd = Systemd(root) if root is not None else app.systemd
    live = root is None
    if live and not systemd.booted():
        raise NotSupported(
            "systemd does not run on this machine, so there is nothing to set up; have your init "
            "system run 'weave launch' before Docker starts"
        )
    try:
        if remove:
            _remove(app, systemd, live)
        else:
            _install(app, systemd, live)
    except OSError as error:
        raise Unavailable(f"{error.filename}: {error.strerror}") from None


def _install(app: App, systemd: Systemd, live: bool) -> None:
    for file in systemd.install(program(app.weaved.program)):
        app.out.line(f"wrote {file}")
    if live:
        systemd.enable()
        app.out.line(f"enabled {SERVICE}: weave starts before Docker at every boot")
        _hand_over(app, systemd)


def _hand_over(app: App, systemd: Systemd) -> None:
    """A daemon started by hand would lose its plugin sockets when Docker's start brings up
    weave.socket, which replaces them. A restart touches no device."""
    try:
        app.client.version()
    except WeaveError:
        return
    if not systemd.active():
        app.client.stop()
        await_end(app)
        systemd.start()
        app.out.line(f"the running daemon goes on as {SERVICE}")


def _remove(app: App, systemd: Systemd, live: bool) -> None:
    if live and systemd.installed():
        systemd.disable()
    removed = systemd.remove()
    for file in removed:
        app.out.line(f"removed {file}")
    if live and removed:
        systemd.reload()
    if not removed:
        app.out.note("No units of weave are installed.")


def program(fallback: Sequence[str]) -> list[str]:
    """What starts weaved: the console script beside this Python, or the module."""
    script = os.path.join(os.path.dirname(os.path.abspath(sys.executable)), "weaved")
    return [script] if os.access(script, os.X_OK) else list(fallback)
