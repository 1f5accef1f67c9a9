"""`weave launch`: flags here, the start itself in `start`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import click

from weavecli.cli.context import App, pass_app
from weavecli.cli.output import Progress
from weavecli.cli.params import MTU, PeerName, StatusAddress, Subnet
from weavecli.errors import (
    AlreadyRunning,
    Forbidden,
    Invalid,
    NotSupported,
    TimedOut,
    Unavailable,
    WeaveError,
)

RUNNING = "weave is already running; you can stop it with 'weave stop'."
READY_DEADLINE = 180.0
POLL = 0.2

WITHOUT_MEANING = ("--no-discovery", "--no-dns", "--no-restart", "--resume", "--no-fastdp",
    "--no-bridged-fastdp", "--pkt-debug", "--without-dns", "--no-multicast-route",
    "--no-rewrite-hosts", "--no-default-ipalloc", "--rewrite-inspect", "--tls", "--tlsverify",
    "--no-detect-tls")  # fmt: skip
WITHOUT_MEANING_VALUED = ("--conn-limit", "--dns-domain", "--dns-listen-address", "--dns-ttl",
    "--dns-fallback-timeout", "--resolv-conf", "--ipalloc-init", "--trusted-subnets", "--host",
    "--port", "--min-protocol-version", "--hostname-from-label", "--hostname-match",
    "--hostname-replacement", "--tlscacert", "--tlscert", "--tlskey")  # fmt: skip


def _accepted(command: Callable[..., Any]) -> Callable[..., Any]:
    """Flags of Weave Net that scripts pass and that mean nothing to one host."""
    for flag in WITHOUT_MEANING:
        command = click.option(flag, is_flag=True, hidden=True, default=None)(command)
    for flag in WITHOUT_MEANING_VALUED:
        command = click.option(flag, hidden=True)(command)
    command = click.option("--proxy", is_flag=False, flag_value="true", hidden=True)(command)
    return click.option("-H", "proxy_address", multiple=True, hidden=True)(command)


@click.command()
@click.argument("peers", nargs=-1, metavar="")
@click.option("--name", type=PeerName(), help="Name of this host among peers: six octets.")
@click.option("--nickname", metavar="TEXT", help="Label of this host; default: its host name.")
@click.option(
    "--ipalloc-range",
    type=Subnet(),
    help="Range to take addresses from; default: 10.32.0.0/12.",
)
@click.option(
    "--ipalloc-default-subnet",
    type=Subnet(),
    help="Subnet that is meant where none is named; default: the range.",
)
@click.option(
    "--plugin",
    type=click.BOOL,
    is_flag=False,
    flag_value="true",
    metavar="BOOL",
    help="Serve Docker's plugin calls; default: true.",
)
@click.option("--no-plugin", is_flag=True, help="The same as --plugin=false.")
@click.option(
    "--mtu",
    type=MTU(),
    envvar="WEAVE_MTU",
    show_envvar=True,
    help="Largest packet in bytes; default: that of the way out, less 50.",
)
@click.option(
    "--status-addr",
    type=StatusAddress(),
    envvar="WEAVE_STATUS_ADDR",
    show_envvar=True,
    help="Where to serve status and report to read; default: 127.0.0.1:6782; '' is nowhere.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    help="How much to log; default: info.",
)
@click.option("--password", envvar="WEAVE_PASSWORD", hidden=True)
@_accepted
@pass_app
@click.pass_context
def launch(ctx: click.Context, app: App, /, peers: tuple[str, ...], **flags: Any) -> None:
    """Start weave on this host: the daemon, its Docker plugin and the Docker network 'weave'.

    Returns when containers can use it, and prints the name this host has among peers. Without a
    Docker engine it starts all the same, and says so. Must be run as root.

    Where 'weave setup' has installed units, systemd starts the daemon, and the flags are kept for
    its next start; elsewhere the daemon is started in the background and not restarted if it
    ends.

    \b
    EXAMPLES
      weave launch
      weave launch --ipalloc-range 10.64.0.0/16
      weave launch --no-plugin --status-addr ''
    """
    if peers:
        raise NotSupported(
            f"joining other hosts is not in this release; launch without {' '.join(peers)}"
        )
    if flags["password"] is not None:
        raise NotSupported(
            "encryption between hosts is not in this release; launch without a password"
        )
    given = _daemon_flags(flags)
    ignored = [_flag_name(ctx, name) for name in flags if _is_ignored(ctx, name, flags[name])]
    if ignored:
        app.out.note(f"weave: without meaning in this release: {', '.join(ignored)}")
    start(app, given)


def _is_ignored(ctx: click.Context, name: str, value: object) -> bool:
    option = next(p for p in ctx.command.params if p.name == name)
    return bool(getattr(option, "hidden", False)) and value not in (None, (), False)


def _flag_name(ctx: click.Context, name: str) -> str:
    return next(p for p in ctx.command.params if p.name == name).opts[0]


def _daemon_flags(flags: dict[str, Any]) -> list[str]:
    """The flags that were given, spelled for weaved. Raises Invalid for a contradiction."""
    if flags["no_plugin"]:
        if flags["plugin"]:
            raise Invalid("--plugin and --no-plugin exclude each other; give one")
        flags["plugin"] = False
    words = []
    names = ("name", "nickname", "ipalloc_range", "ipalloc_default_subnet", "mtu", "status_addr",
        "log_level")  # fmt: skip
    for name in names:
        if flags[name] is not None:
            words += [f"--{name.replace('_', '-')}", str(flags[name])]
    if flags["plugin"] is not None:
        words.append(f"--plugin={str(flags['plugin']).lower()}")
    return words


def running(app: App) -> bool:
    """Whether a daemon answers, whatever version of the control API it speaks."""
    try:
        app.client.version()
    except Unavailable:
        return False
    except NotSupported:
        return True
    return True


def start(app: App, flags: list[str]) -> None:
    """Start weaved and wait until it is ready; say what the user should know."""
    if app.is_root():
        if running(app):
            raise AlreadyRunning(RUNNING)
    else:
        _refuse_user(app)
    with app.out.progress() as progress:
        if app.systemd.manages():
            app.weaved.save(flags)
            progress.stage("starting weave.service")
            app.systemd.start()
            name, note = _await_ready(app, progress)
        else:
            name, note = app.weaved.start(flags, progress)
    app.out.line(name)
    if note:
        app.out.note(note)
    if not app.systemd.installed():
        app.out.note(_after_reboot(app))


def _refuse_user(app: App) -> None:
    """A user who is not root learns that weave runs, if that can be seen, or else who may."""
    try:
        up = running(app)
    except Forbidden:
        up = False
    if up:
        raise AlreadyRunning(RUNNING)
    raise Forbidden("weave launch must be run as root")


def _after_reboot(app: App) -> str:
    if app.systemd.booted():
        return "Nothing starts weave after a reboot; 'weave setup' installs a unit that does."
    return "Nothing starts weave after a reboot; have your init system run 'weave launch'."


def _await_ready(app: App, progress: Progress) -> tuple[str, str]:
    """Wait for the daemon that systemd started. Raises the failure it stays up to tell of."""
    deadline = time.monotonic() + READY_DEADLINE
    stage = "waiting for weaved"
    while time.monotonic() < deadline:
        try:
            reply = app.client.ready()
            if reply["ready"]:
                return reply["name"], reply["note"]
            stage = reply["stage"]
        except Unavailable:
            pass
        progress.stage(stage)
        _raise_failure(app, stage)
        time.sleep(POLL)
    raise TimedOut(f"weaved is not ready ({stage}); see 'weave status' and 'weave logs'")


def _raise_failure(app: App, stage: str) -> None:
    """A daemon that cannot work has its failure as its stage, and answers every call with it."""
    try:
        app.client.prime()
    except WeaveError as error:
        if str(error) == stage:
            raise
