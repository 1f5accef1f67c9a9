"""`weave expose` and `weave hide`."""

from __future__ import annotations

import click

from weavecli.cli.context import App, pass_app
from weavecli.cli.params import addresses_only
from weavecli.errors import NotSupported


@click.command(context_settings={"help_option_names": ["--help"]})
@click.argument("arguments", nargs=-1, metavar="[ADDR]...")
@click.option(
    "--without-masquerade",
    is_flag=True,
    help="Keep the source addresses of packets that enter or leave these subnets by this host.",
)
@click.option("-h", "fqdn", is_flag=False, flag_value="", hidden=True, help="A name to give.")
@pass_app
@click.pass_context
def expose(
    ctx: click.Context,
    app: App,
    arguments: tuple[str, ...],
    without_masquerade: bool,
    fqdn: str | None,
) -> None:
    """Give this host addresses on weave, so that it and containers reach each other.

    ADDR is written as for 'weave attach'; none means one of the default subnet. The same call
    again changes nothing and prints the same addresses.

    Prints the addresses, without prefix, on one line.

    \b
    EXAMPLES
      weave expose
      weave expose 10.2.1.200/24
      weave expose --without-masquerade net:10.2.1.0/24
    """
    if fqdn == "":
        app.out.line(ctx.get_help())
        return
    if fqdn is not None:
        raise NotSupported(f"names are not in this release; expose without '-h {fqdn}'")
    addresses = addresses_only(ctx, arguments)
    reply = app.client.expose({"addresses": addresses, "masquerade": not without_masquerade})
    app.out.addresses(reply)


@click.command()
@click.argument("arguments", nargs=-1, metavar="[ADDR]...")
@pass_app
@click.pass_context
def hide(ctx: click.Context, app: App, arguments: tuple[str, ...]) -> None:
    """Take this host's addresses on weave away.

    ADDR is written as for 'weave attach'; none means the one that 'weave expose' without one gave.
    Nothing to do is no failure.

    Prints the addresses, without prefix, on one line.

    \b
    EXAMPLES
      weave hide
      weave hide 10.2.1.200/24
    """
    app.out.addresses(app.client.hide({"addresses": addresses_only(ctx, arguments)}))
