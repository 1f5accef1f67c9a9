"""What the user typed, turned into values: addresses in any order, peer names, NAME=VALUE."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from weavecli.errors import Invalid

if TYPE_CHECKING:
    _TextType = click.ParamType[str]
else:
    _TextType = click.ParamType

OCTETS = 6
RANGE_OF_MTU = range(576, 65536)


class BadWord(click.UsageError):
    """A verb or sub-command that is not there; its sentence is printed as it stands."""


def split_addresses(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The address arguments, checked, and the others. Raises Invalid."""
    from weavecli.model.address import looks_like_address, parse_want

    addresses, others = [], []
    for argument in arguments:
        if looks_like_address(argument):
            parse_want(argument)
            addresses.append(argument)
        elif _bare_ip(argument):
            raise Invalid(
                f"address {argument!r} has no prefix length; write it as CIDR, e.g. {argument}/24"
            )
        else:
            others.append(argument)
    return addresses, others


def addresses_and_container(ctx: click.Context, arguments: Sequence[str]) -> tuple[list[str], str]:
    """For verbs that take one container and any number of addresses, in any order."""
    addresses, others = split_addresses(arguments)
    if not others:
        raise click.UsageError("which container? Give its name or ID", ctx)
    if len(others) > 1:
        raise click.UsageError(
            f"one container at a time; {' and '.join(map(repr, others))} are no addresses", ctx
        )
    if not others[0]:
        raise click.UsageError("the container's name is empty", ctx)
    return addresses, others[0]


def addresses_only(ctx: click.Context, arguments: Sequence[str]) -> list[str]:
    """For verbs that take addresses alone."""
    addresses, others = split_addresses(arguments)
    if others:
        raise click.UsageError(f"{others[0]!r} is not an address; write it like 10.2.1.9/24", ctx)
    return addresses


def _bare_ip(text: str) -> bool:
    import ipaddress

    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def pairs(values: Sequence[str], what: str, bare: bool = False) -> dict[str, str]:
    """NAME=VALUE arguments as a mapping; `bare` allows a NAME alone. Raises Invalid."""
    found = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not name or not (equals or bare):
            raise Invalid(f"{what} {text!r}: write it as NAME=VALUE")
        found[name] = value
    return found


class PeerName(_TextType):
    """Six octets; one run of zero octets may be written `::`."""

    name = "MAC"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        octets = _octets(str(value))
        if octets is None or not any(octets):
            self.fail(f"invalid peer name format: {value!r}; write it like 02:4b:7d:00:10:aa")
        return ":".join(f"{octet:02x}" for octet in octets)


def _octets(text: str) -> list[int] | None:
    left, gap, right = text.partition("::")
    if "::" in right or right.startswith(":") or left.endswith(":"):
        return None
    head = left.split(":") if left else []
    tail = right.split(":") if right else []
    missing = OCTETS - len(head) - len(tail)
    if (missing < 1) if gap else missing:
        return None
    words = [*head, *["0"] * missing, *tail]
    if not all(re.fullmatch("[0-9a-fA-F]{1,2}", word) for word in words):
        return None
    return [int(word, 16) for word in words]


class Subnet(_TextType):
    """A subnet in CIDR form, without host bits."""

    name = "CIDR"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from weavecli.model.address import parse_subnet

        what = param.opts[0] if param is not None else "subnet"
        return str(parse_subnet(str(value), what))


class MTU(_TextType):
    """A number of bytes, or 0 for what fits."""

    name = "N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        if not (
            text.isascii() and text.isdigit() and (int(text[:6]) in RANGE_OF_MTU or text == "0")
        ):
            self.fail(f"{value!r}: write a number of bytes from 576 to 65535, or 0 for what fits")
        return text


class StatusAddress(_TextType):
    """IP:PORT, or nothing to switch the listener off."""

    name = "IP:PORT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        host, colon, port = str(value).rpartition(":")
        if value and not (colon and _bare_ip(host.strip("[]")) and _is_port(port)):
            self.fail(f"{value!r}: write it as IP:PORT, e.g. 127.0.0.1:6782")
        return str(value)


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text[:6]) < 1 << 16
