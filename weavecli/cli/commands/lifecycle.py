"""`weave stop`, `weave reset` and `weave prime`."""

from __future__ import annotations

import os
import re
import time

import click

from weavecli.api import paths
from weavecli.api.messages import NetworkInUse
from weavecli.cli.context import App, pass_app
from weavecli.errors import TimedOut, Unavailable, WeaveError

STOP_DEADLINE = 10.0
POLL = 0.05
SHORT_ID = 12


@click.command()
@pass_app
def stop(app: App) -> None:
    """Stop the daemon; containers keep their network.

    Interfaces, addresses and rules stay, and the next 'weave launch' takes them up again. Until
    then Docker cannot start or stop containers on networks of weave without waiting; such
    networks are named. Not running is no failure.

    \b
    EXAMPLES
      weave stop
    """
    managed = app.systemd.active()
    try:
        in_use = app.client.stop()["in_use"]
    except Unavailable:
        if managed:
            app.systemd.stop()
        app.out.note("Weave is not running.")
        return
    _warn_in_use(app, in_use)
    if managed:
        app.systemd.stop()
    await_end(app)


def _warn_in_use(app: App, in_use: list[NetworkInUse]) -> None:
    for network in in_use:
        app.out.warn(f'the following containers are still attached to network "{network["name"]}":')
        for container in network["containers"]:
            app.out.note(f"  {_short(container)}")
    if in_use:
        app.out.note(
            "They keep talking, but Docker's calls about these networks (starting and stopping "
            "such containers) now wait 15 s each until 'weave launch'."
        )


def _short(container: str) -> str:
    return container[:SHORT_ID] if re.fullmatch("[0-9a-f]{64}", container) else container


def await_end(app: App) -> None:
    """Return when the daemon is gone, socket and process. Raises TimedOut."""
    deadline = time.monotonic() + STOP_DEADLINE
    pid = 0
    while True:
        try:
            pid = app.client.version()["pid"]
        except Unavailable:
            if not pid or not _alive(pid):
                return
        if time.monotonic() > deadline:
            raise TimedOut(
                f"weaved (process {pid}) was told to stop and has not within "
                f"{STOP_DEADLINE:.0f} s; see 'weave logs'"
            )
        time.sleep(POLL)


def _alive(pid: int) -> bool:
    """Whether a process runs; one that ended and that nobody has reaped does not."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except OSError:
        return False


@click.command()
@click.option(
    "--force",
    is_flag=True,
    help="Disconnect containers from weave's networks first; do without the daemon.",
)
@pass_app
def reset(app: App, force: bool) -> int:
    """Remove every trace of weave from this host, and stop the daemon.

    Docker networks of weave, interfaces, bridges, rules and the records go; containers lose their
    addresses on weave. With containers on such networks it is refused without --force. Units that
    'weave setup' installed stay.

    \b
    EXAMPLES
      weave reset
      weave reset --force
    """
    managed = app.systemd.active()
    try:
        removed = app.client.reset({"force": force})["removed"]
    except Unavailable:
        if managed:
            app.systemd.stop()
        return _reset_without_daemon(app, force)
    except WeaveError:
        # Under systemd a daemon that could not start stays, to answer Docker with errors.
        if not (force and managed and not app.client.ready()["ready"]):
            raise
        app.systemd.stop()
        return _reset_without_daemon(app, force)
    if managed:
        app.systemd.stop()
    if app.out.is_terminal():
        for what in removed:
            app.out.note(f"removed {what}")
    await_end(app)
    return 0


def _reset_without_daemon(app: App, force: bool) -> int:
    if os.path.exists(os.path.join(paths.STATE_DIR, "state.db")) and not force:
        raise Unavailable(
            "weave is not running; unable to remove Docker's networks in good order. Run 'weave "
            "launch' first, or 'weave reset --force'"
        )
    return app.weaved.reset_only()


@click.command()
@pass_app
def prime(app: App) -> None:
    """Wait until addresses can be allocated.

    With one host that is when the daemon runs. Prints nothing.

    \b
    EXAMPLES
      weave prime
    """
    app.client.prime()
