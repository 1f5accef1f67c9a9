"""The flags of `weaved` and the settings they make.

What a flag does not say is as it was at the last launch (kept in the state), else the default: so
that a restart, by hand, by systemd or at boot, brings back what the user set up.
"""

from __future__ import annotations

import argparse
import ipaddress
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace

from weavecli.api import paths
from weavecli.errors import Invalid
from weavecli.model.address import IPNet, parse_subnet
from weavecli.model.settings import Settings
from weavecli.store.base import Record

LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class Options:
    """One start of the daemon. `given` holds the settings that flags named; `mode` is run,
    save-settings or reset."""

    given: Record
    mode: str = "run"
    notify_fd: int = -1
    state_dir: str = paths.STATE_DIR
    run_dir: str = paths.RUN_DIR
    plugin_socket: str = paths.PLUGIN_SOCKET
    mesh_socket: str = paths.MESH_SOCKET


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise Invalid(f"weaved: {message}")


SETTINGS = {
    "name": "this peer's name, six octets such as 02:4b:7d:00:10:aa",
    "nickname": "what to call this peer in status (default: the host name)",
    "ipalloc_range": f"addresses for attach and network weave ({Settings().range})",
    "ipalloc_default_subnet": "the part of the range to use (default: all of it)",
    "plugin": "true or false: serve Docker's plugin sockets",
    "mtu": "MTU of bridges and containers in bytes (default: underlay minus 50)",
    "status_addr": f"read-only HTTP, host:port ({paths.STATUS_ADDR}); empty: none",
    "log_level": ", ".join(LEVELS),
    "grace": "seconds before a record unknown to Docker is collected (60)",
    "linger": "seconds a stopped container keeps its attached addresses (30)",
}
"""The flags that are kept, and what they mean."""


def _parser() -> _Parser:
    parser = _Parser(
        prog="weaved",
        description="The daemon of weave; 'weave launch' starts it.",
        allow_abbrev=False,
    )
    for key, words in SETTINGS.items():
        parser.add_argument(f"--{key.replace('_', '-')}", help=words)
    parser.add_argument("--notify-fd", type=int, default=-1, help="where to report progress")
    parser.add_argument("--state-dir", default=paths.STATE_DIR)
    parser.add_argument("--run-dir", default=paths.RUN_DIR)
    parser.add_argument("--plugin-socket", default=paths.PLUGIN_SOCKET)
    parser.add_argument("--plugin-mesh-socket", default=paths.MESH_SOCKET)
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument("--save-settings", action="store_true", help="keep the flags and end")
    modes.add_argument("--reset-only", action="store_true", help="remove every trace and end")
    parser.add_argument("--version", action="store_true")
    return parser


def parse(argv: Sequence[str]) -> Options:
    """Command line to options. Raises Invalid."""
    args = _parser().parse_args(argv)
    given = {key: value for key in SETTINGS if (value := getattr(args, key)) is not None}
    mode = "save-settings" if args.save_settings else "reset" if args.reset_only else "run"
    alone = dict(given)
    if "ipalloc_range" not in given and "ipalloc_default_subnet" in given:
        # Whether it lies in the range that is kept is seen once the state is read.
        _v4_range("--ipalloc-default-subnet", alone.pop("ipalloc_default_subnet"))
    settings(alone)  # refuse bad values before anything is touched
    return Options(
        given,
        "version" if args.version else mode,
        args.notify_fd,
        args.state_dir,
        args.run_dir,
        args.plugin_socket,
        args.plugin_mesh_socket,
    )


def settings(record: Record) -> Settings:
    """Settings from flags or a saved record. Raises Invalid naming the flag."""
    made = Settings(nickname=str(record.get("nickname") or socket.gethostname()))
    if record.get("name"):
        made = replace(made, name=_peer_name(str(record["name"])))
    if record.get("ipalloc_range") is not None:
        limits = _v4_range("--ipalloc-range", str(record["ipalloc_range"]))
        made = replace(made, range=limits, default_subnet=limits, range_given=True)
    if record.get("ipalloc_default_subnet"):
        subnet = _v4_range("--ipalloc-default-subnet", str(record["ipalloc_default_subnet"]))
        if not subnet.overlaps(made.range):
            raise Invalid(
                f"--ipalloc-default-subnet {subnet} does not overlap --ipalloc-range "
                f"{made.range}; choose a part of the range"
            )
        made = replace(made, default_subnet=subnet)
    level = str(record.get("log_level") or "info")
    if level not in LEVELS:
        raise Invalid(f"--log-level {level!r}: expected one of {', '.join(LEVELS)}")
    return replace(
        made,
        mtu=_mtu(str(record.get("mtu") or "0")),
        plugin=_boolean("--plugin", str(record.get("plugin", "true"))),
        status_addr=_address(str(record.get("status_addr", paths.STATUS_ADDR))),
        log_level=level,
        grace=_seconds("--grace", str(record.get("grace", 60))),
        linger=_seconds("--linger", str(record.get("linger", 30))),
    )


def _v4_range(flag: str, text: str) -> IPNet:
    if not text:
        raise Invalid(f"{flag} is empty; allocation cannot be turned off, name a range instead")
    net = parse_subnet(text, flag)
    if net.version != 4:
        raise Invalid(f"{flag} {text}: expected an IPv4 range, e.g. 10.32.0.0/12")
    if net.prefixlen < 8:
        raise Invalid(f"{flag} {text}: larger than a /8; choose a part of it")
    return net


def _peer_name(text: str) -> str:
    """Six octets, with one run of zeros as `::`."""
    head, double, tail = text.lower().partition("::")
    if double:
        left, right = (part.split(":") if part else [] for part in (head, tail))
        parts = [*left, *["0"] * (6 - len(left) - len(right)), *right]
    else:
        parts = text.lower().split(":")
    if len(parts) != 6 or not all(re.fullmatch(r"[0-9a-f]{1,2}", p) for p in parts):
        raise Invalid(f"invalid peer name format: {text!r}; expected e.g. 02:4b:7d:00:10:aa")
    return ":".join(f"{int(p, 16):02x}" for p in parts)


def _mtu(text: str) -> int:
    if not text.isdecimal() or (int(text) and not 576 <= int(text) <= 65535):
        raise Invalid(f"--mtu {text}: expected a number of bytes from 576 to 65535")
    return int(text)


def _boolean(flag: str, text: str) -> bool:
    if text.lower() in ("true", "1", "yes", "on"):
        return True
    if text.lower() in ("false", "0", "no", "off"):
        return False
    raise Invalid(f"{flag}={text}: expected true or false")


def _seconds(flag: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 86400:
        raise Invalid(f"{flag} {text}: expected a number of seconds")
    return value


def _address(text: str) -> str:
    """host:port, or "" for none."""
    if not text:
        return ""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or not 0 < int(port) < 65536:
        raise Invalid(f"--status-addr {text!r}: expected host:port, e.g. {paths.STATUS_ADDR}")
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        raise Invalid(f"--status-addr {text!r}: {host!r} is not an IP address") from None
    return text
