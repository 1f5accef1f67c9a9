"""`weave status`, `weave report`, `weave ps` and `weave version`."""

from __future__ import annotations

import click

from weavecli import __version__
from weavecli.cli.context import App, pass_app
from weavecli.cli.params import BadWord
from weavecli.errors import Unavailable, WeaveError

SUBJECTS = ("targets", "connections", "peers", "ipam")


@click.command()
@click.argument("subject", required=False, metavar="[targets|connections|peers|ipam]")
@pass_app
@click.pass_context
def status(ctx: click.Context, app: App, subject: str | None) -> int:
    """Show how weave is doing.

    The exit status is 0 if all is well, and 1 if something is wrong, which a line beginning with
    'Problem:' then tells, or if the daemon does not run.

    With a sub-command, one part of it: 'ipam' shows how many addresses are in use, 'peers' the
    hosts that are known; 'targets' and 'connections' are empty with one host.

    \b
    EXAMPLES
      weave status
      weave status ipam
    """
    if subject is not None and subject not in SUBJECTS:
        raise BadWord(f"Invalid 'weave status' sub-command: {subject}", ctx)
    reply = app.client.status(subject or "")
    app.out.text(reply["text"])
    return 0 if reply["ok"] else 1


@click.command()
@click.option("-f", "--format", "template", metavar="TEMPLATE", help="Print only this; see below.")
@pass_app
def report(app: App, template: str | None) -> None:
    """Show the state as JSON, or through a template.

    TEMPLATE is written in the language of 'docker inspect --format', of which this much is known:
    field paths, pipelines, if, range, len, json, printf, index, join, eq. weave-report(1) tells
    more. No newline is added.

    \b
    EXAMPLES
      weave report
      weave report -f '{{.Router.Name}}'
      weave report -f '{{range .Networks}}{{.name}} {{.subnets}}{{"\\n"}}{{end}}'
      weave report -f '{{json .IPAM}}'
    """
    if template is None:
        app.out.data(app.client.report())
        return
    from weavecli.cli.template import Template

    parsed = Template(template)
    app.out.text(parsed.render(app.client.report()))


@click.command()
@click.argument("containers", nargs=-1, metavar="[CONTAINER]...")
@pass_app
def ps(app: App, containers: tuple[str, ...]) -> None:
    """List the interfaces that are on weave.

    A line for each: the container's ID cut to 12 digits (or the name it was asked by), the MAC
    address, and the addresses with their prefix. The line 'weave:expose' is the host itself.
    A container that is unknown or not on weave gives no line.

    \b
    EXAMPLES
      weave ps
      weave ps db web
      weave ps weave:expose
    """
    for interface in app.client.ps(list(containers))["interfaces"]:
        app.out.line(" ".join([interface["id"], interface["mac"], *interface["addresses"]]))


@click.command()
@pass_app
def version(app: App) -> None:
    """Show the versions of the command and of the running daemon.

    The exit status is 0 whether or not the daemon runs.

    \b
    EXAMPLES
      weave version
    """
    app.out.line(f"weave script {__version__}")
    try:
        app.out.line(f"weave {app.client.version()['version']}")
    except Unavailable:
        app.out.line("weave is not running")
    except WeaveError as error:
        app.out.line("weave version unknown")
        app.out.fail(str(error))
