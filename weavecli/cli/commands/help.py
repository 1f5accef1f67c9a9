"""`weave help [VERB [SUB]]`."""

from __future__ import annotations

import click

from weavecli.cli.context import App, pass_app


@click.command("help")
@click.argument("verb", nargs=-1)
@pass_app
@click.pass_context
def help_command(ctx: click.Context, app: App, verb: tuple[str, ...]) -> None:
    """Show how a command is used.

    Without a command: what commands there are.

    \b
    EXAMPLES
      weave help
      weave help attach
      weave help network create
    """
    parent = ctx.parent
    assert parent is not None
    command: click.Command = parent.command
    for name in verb:
        if not isinstance(command, click.Group):
            raise click.UsageError(f"{parent.command_path!r} has no sub-commands", ctx)
        _, found, _ = command.resolve_command(parent, [name])
        if found is None:
            raise click.UsageError(f"No such command {name!r}.", parent)
        command = found
        parent = command.make_context(name, [], parent=parent, resilient_parsing=True)
    app.out.line(command.get_help(parent))
