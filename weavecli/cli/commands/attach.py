"""`weave attach` and `weave detach`."""

from __future__ import annotations

import click

from weavecli.cli.context import App, pass_app
from weavecli.cli.params import addresses_and_container


@click.command()
@click.argument("arguments", nargs=-1, required=True, metavar="[ADDR]... CONTAINER")
@click.option(
    "--no-multicast-route", is_flag=True, help="Do not route 224.0.0.0/4 over the new interface."
)
@click.option("--without-dns", is_flag=True, hidden=True, help="Names are not in this release.")
@pass_app
@click.pass_context
def attach(
    ctx: click.Context,
    app: App,
    arguments: tuple[str, ...],
    no_multicast_route: bool,
    without_dns: bool,
) -> None:
    """Give a running container an interface on weave.

    ADDR is an address with its prefix length (10.2.1.9/24, the same as ip:10.2.1.9/24), a subnet
    to take a free address from (net:10.2.1.0/24), or net:default, which is also what no ADDR
    means. Addresses, flags and the container may stand in any order. CONTAINER is a name or an
    ID, pid:N for the network namespace of a process, or netns:PATH for a namespace by its path.

    Prints the addresses, without prefix, on one line. The same call again changes nothing and
    prints the same. The interface is gone when the container stops; its addresses are kept for it
    for half a minute.

    \b
    EXAMPLES
      weave attach db
      weave attach 10.2.1.9/24 db
      weave attach net:default net:10.2.1.0/24 db
      weave attach 10.2.1.9/24 netns:/run/netns/blue
    """
    addresses, container = addresses_and_container(ctx, arguments)
    reply = app.client.attach(
        {
            "container": container,
            "addresses": addresses,
            "multicast_route": not no_multicast_route,
        }
    )
    app.out.addresses(reply)


@click.command()
@click.argument("arguments", nargs=-1, required=True, metavar="[ADDR]... CONTAINER")
@pass_app
@click.pass_context
def detach(ctx: click.Context, app: App, arguments: tuple[str, ...]) -> None:
    """Take addresses on weave from a container.

    ADDR is written as for 'weave attach'; none means the address that 'weave attach' without one
    gave. The interface goes with its last address. Addresses the container does not have are
    passed over.

    Prints the addresses that were taken, without prefix, on one line; the line is empty if there
    were none.

    \b
    EXAMPLES
      weave detach db
      weave detach 10.2.1.9/24 db
    """
    addresses, container = addresses_and_container(ctx, arguments)
    app.out.addresses(app.client.detach({"container": container, "addresses": addresses}))
