"""`weave plugin start|stop|status`."""

from __future__ import annotations

import click

from weavecli.cli.context import App, pass_app
from weavecli.errors import Unavailable


@click.group(no_args_is_help=False)
def plugin() -> None:
    """Switch the Docker plugin on and off.

    With it Docker finds the drivers 'weave' and 'weavemesh' for networks and for addresses.

    \b
    EXAMPLES
      weave plugin start
      docker network create -d weave --ipam-driver weave web
    """


@plugin.command()
@pass_app
def start(app: App) -> None:
    """Serve Docker's plugin calls; start weave if it is not running.

    \b
    EXAMPLES
      weave plugin start
    """
    from weavecli.cli.commands import launch

    if launch.running(app):
        app.client.set_plugin(True)
    else:
        launch.start(app, ["--plugin=true"])


@plugin.command()
@pass_app
def stop(app: App) -> None:
    """Serve no more plugin calls; the daemon and all else go on.

    Docker's calls about networks of weave then wait 15 s each until 'weave plugin start'.

    \b
    EXAMPLES
      weave plugin stop
    """
    try:
        app.client.set_plugin(False)
    except Unavailable:
        app.out.note("Weave is not running.")


@plugin.command()
@pass_app
def status(app: App) -> int:
    """Show the plugin's drivers, sockets and Docker's version.

    The exit status is 0 if plugin calls are served, 1 otherwise.

    \b
    EXAMPLES
      weave plugin status
    """
    reply = app.client.plugin()
    rows = [
        ("Plugin", "on" if reply["enabled"] else "off"),
        ("Drivers", ", ".join(reply["drivers"]) or "none"),
        ("Sockets", ", ".join(reply["sockets"]) or "none"),
        ("Docker", reply["docker"] or "no Docker engine answers"),
        ("Network", reply["network"] or "none"),
        ("Calls", str(reply["calls"])),
        ("LastCall", reply["last_call"] or "none"),
    ]
    for label, value in rows:
        app.out.line(f"{label:>15}: {value}")
    return 0 if reply["enabled"] else 1
