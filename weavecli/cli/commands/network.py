"""`weave network create|ls|inspect|rm`: Docker networks with weave's driver and addresses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from weavecli.cli.context import App, pass_app
from weavecli.cli.params import pairs
from weavecli.errors import Invalid, WeaveError

if TYPE_CHECKING:
    from weavecli.api.messages import NetworkRow

SHORT_ID = 12
OPT_MTU = "com.docker.network.driver.mtu"


@click.group(no_args_is_help=False)
def network() -> None:
    """Make, list and remove Docker networks of weave.

    They are ordinary Docker networks: use them with 'docker run --network', 'docker network
    connect' and in Compose files as external networks.

    \b
    EXAMPLES
      weave network create web
      docker run -d --name db --network web postgres
      weave network ls
    """


@network.command()
@click.argument("name")
@click.option("--subnet", "subnets", multiple=True, metavar="CIDR", help="Subnet; repeatable.")
@click.option(
    "--ip-range", "ip_ranges", multiple=True, metavar="CIDR", help="Allocate from this part only."
)
@click.option("--gateway", "gateways", multiple=True, metavar="IP", help="Gateway; repeatable.")
@click.option(
    "--aux-address", multiple=True, metavar="NAME=IP", help="Never give this address out."
)
@click.option("--internal", is_flag=True, help="No way out of this network.")
@click.option("--ipv6", is_flag=True, help="Allow IPv6; name an IPv6 --subnet too.")
@click.option("-o", "--opt", "options", multiple=True, metavar="KEY=VALUE", help="Driver option.")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="Label.")
@click.option("--mtu", type=click.IntRange(68, 65535), metavar="N", help="Largest packet.")
@pass_app
def create(
    app: App,
    name: str,
    subnets: tuple[str, ...],
    ip_ranges: tuple[str, ...],
    gateways: tuple[str, ...],
    aux_address: tuple[str, ...],
    internal: bool,
    ipv6: bool,
    options: tuple[str, ...],
    labels: tuple[str, ...],
    mtu: int | None,
) -> None:
    """Make a Docker network. Prints its ID.

    Without --subnet, a free one is chosen: a /20 of 10.48.0.0/12. One that is given may not
    overlap another network, the range of 'weave launch' included, nor what this host reaches
    directly.

    \b
    EXAMPLES
      weave network create web
      weave network create --subnet 10.70.0.0/24 --gateway 10.70.0.254 web
      weave network create --internal --label team=blue back
      weave network create --ipv6 --subnet 10.71.0.0/24 --subnet fd00:71::/64 dual
    """
    chosen = pairs(options, "option", bare=True)
    if mtu is not None:
        chosen[OPT_MTU] = str(mtu)
    _check_addresses(subnets, ip_ranges, gateways)
    reply = app.client.create_network(
        {
            "name": name,
            "subnets": list(subnets),
            "ip_ranges": list(ip_ranges),
            "gateways": list(gateways),
            "aux_addresses": pairs(aux_address, "aux address"),
            "internal": internal,
            "ipv6": ipv6,
            "options": chosen,
            "labels": pairs(labels, "label", bare=True),
        }
    )
    app.out.line(reply["id"])


def _check_addresses(
    subnets: Sequence[str], ip_ranges: Sequence[str], gateways: Sequence[str]
) -> None:
    from weavecli.model.address import contains, parse_ip, parse_subnet, within

    nets = [parse_subnet(text) for text in subnets]
    for text in ip_ranges:
        inner = parse_subnet(text, "ip-range")
        if not any(within(inner, net) for net in nets):
            raise Invalid(f"ip-range {text} lies in no --subnet; name the subnet it is part of")
    for text in gateways:
        if not any(contains(net, parse_ip(text, "gateway")) for net in nets):
            raise Invalid(f"gateway {text} lies in no --subnet; name the subnet it is part of")


@network.command()
@click.option("-q", "--quiet", is_flag=True, help="Print IDs only.")
@click.option("--no-trunc", is_flag=True, help="Print whole IDs.")
@click.option(
    "--format", "template", metavar="TEMPLATE", help="'json', or a template for each network."
)
@pass_app
def ls(app: App, quiet: bool, no_trunc: bool, template: str | None) -> None:
    """List the Docker networks of weave.

    The fields for TEMPLATE are .ID .Name .Subnets .Gateways .Bridge .Endpoints .Internal .IPAM
    and .MTU; 'json' prints an object a line.

    \b
    EXAMPLES
      weave network ls
      weave network ls -q
      weave network ls --format '{{.Name}} {{join .Subnets ","}}'
    """
    rows = app.client.networks()["networks"]
    if quiet:
        for row in rows:
            app.out.line(_cut(row, no_trunc))
    elif template == "json":
        for row in rows:
            app.out.data(_fields(row, no_trunc), indent=None)
    elif template is not None:
        from weavecli.cli.template import Template

        parsed = Template(template)
        for row in rows:
            app.out.line(parsed.render(_fields(row, no_trunc)))
    else:
        head = ("NETWORK ID", "NAME", "SUBNET", "GATEWAY", "BRIDGE", "ENDPOINTS", "IPAM")
        app.out.table(head, [_columns(row, no_trunc) for row in rows])


def _cut(row: NetworkRow, whole: bool) -> str:
    return row["id"] if whole else row["id"][:SHORT_ID]


def _columns(row: NetworkRow, whole: bool) -> tuple[str, ...]:
    return (
        _cut(row, whole),
        row["name"] + (" (internal)" if row["internal"] else ""),
        ",".join(row["subnets"]),
        ",".join(row["gateways"]),
        row["bridge"],
        str(row["endpoints"]),
        row["ipam"],
    )


def _fields(row: NetworkRow, whole: bool) -> dict[str, object]:
    return {
        "ID": _cut(row, whole),
        "Name": row["name"],
        "Subnets": row["subnets"],
        "Gateways": row["gateways"],
        "Bridge": row["bridge"],
        "Endpoints": row["endpoints"],
        "Internal": row["internal"],
        "IPAM": row["ipam"],
        "MTU": row["mtu"],
    }


@network.command()
@click.argument("names", nargs=-1, required=True, metavar="NETWORK...")
@click.option("-f", "--format", "template", metavar="TEMPLATE", help="Print this for each network.")
@pass_app
def inspect(app: App, names: tuple[str, ...], template: str | None) -> int:
    """Show what Docker and weave know of networks, as JSON or through a template.

    \b
    EXAMPLES
      weave network inspect web
      weave network inspect -f '{{.Weave.Bridge}}' web
    """
    from weavecli.cli.template import Template

    parsed = Template(template) if template is not None else None
    objects, failed = [], 0
    for name in names:
        try:
            objects += app.client.network(name)
        except WeaveError as error:
            failed = failed or error.exit_code
            app.out.fail(str(error))
    app.out.objects(objects, parsed)
    return failed


@network.command()
@click.argument("names", nargs=-1, required=True, metavar="NETWORK...")
@pass_app
def rm(app: App, names: tuple[str, ...]) -> int:
    """Remove Docker networks of weave. Prints the name of each that was removed.

    \b
    EXAMPLES
      weave network rm web
    """
    failed = 0
    for name in names:
        try:
            app.client.remove_network(name)
            app.out.line(name)
        except WeaveError as error:
            failed = failed or error.exit_code
            app.out.fail(str(error))
    return failed
