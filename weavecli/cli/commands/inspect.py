"""`weave inspect`."""

from __future__ import annotations

import click

from weavecli.cli.context import App, pass_app


@click.command()
@click.argument("ref", metavar="CONTAINER|NETWORK")
@click.option("-f", "--format", "template", metavar="TEMPLATE", help="Print only this.")
@click.option(
    "--type", "kind", type=click.Choice(["container", "network"]), help="Which of the two is meant."
)
@pass_app
def inspect(app: App, ref: str, template: str | None, kind: str | None) -> None:
    """Show what Docker and weave know of a container or a network.

    The object is Docker's, with the addresses filled in that Docker does not tell for networks of
    plugins: NetworkSettings.IPAddress, .MacAddress and .Gateway are those of the container's
    first interface on weave, and NetworkSettings.Weave lists all of them, 'weave attach'
    included. Prints a JSON list, or TEMPLATE and a newline; weave-report(1) tells how to write
    one.

    \b
    EXAMPLES
      weave inspect db
      weave inspect --format '{{.NetworkSettings.IPAddress}}' db
      weave inspect --type network -f '{{.Weave.MTU}}' web
    """
    from weavecli.cli.template import Template

    parsed = Template(template) if template is not None else None
    app.out.objects(app.client.inspect(ref, kind or ""), parsed)
