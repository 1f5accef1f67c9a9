"""`weave`: the root of the command tree, and the one place where failures become exit codes.

Verbs are imported when they are used, see `table.py`; the overview needs none of them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

from weavecli.cli.context import App
from weavecli.cli.output import Output
from weavecli.cli.params import BadWord
from weavecli.cli.table import LATER, REMOVED, VERBS
from weavecli.errors import WeaveError

DEBUG_ENV = "WEAVE_DEBUG"
USAGE_EXIT = 1
INTERRUPT_EXIT = 130

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Root(click.Group):
    """The commands of the table, loaded one at a time."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        verb = VERBS.get(cmd_name)
        if verb is None:
            return None
        command = getattr(import_module(f"weavecli.cli.commands.{verb.module}"), verb.attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.summary) for name, verb in VERBS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in VERBS:
            raise BadWord(_unknown(args[0]), ctx)
        return super().resolve_command(ctx, args)

    def main(self, args: Sequence[str] | None = None, **extra: Any) -> NoReturn:  # type: ignore[override]
        """Run, print a failure as one line, and exit with the code of its kind."""
        app = extra.pop("obj", None) or App()
        extra.update(prog_name="weave", standalone_mode=False, obj=app)
        try:
            code = self._run(list(sys.argv[1:] if args is None else args), app.out, extra)
            sys.stdout.flush()
        except BrokenPipeError:
            _quiet_stdout()
            code = 1
        finally:
            app.close()
        sys.exit(code)

    def _run(self, args: list[str], out: Output, extra: dict[str, Any]) -> int:
        try:
            return int(super().main(args, **extra) or 0)
        except click.UsageError as error:
            return _usage(error, out)
        except click.ClickException as error:
            out.fail(error.format_message())
            return USAGE_EXIT
        except (KeyboardInterrupt, click.Abort):
            return INTERRUPT_EXIT
        except WeaveError as error:
            out.fail(str(error))
            return error.exit_code
        except BrokenPipeError:
            raise
        except Exception as error:
            if os.environ.get(DEBUG_ENV):
                raise
            told = str(error) or "no further words"
            out.fail(
                f"unexpected {type(error).__name__}: {told}; this is a defect of weave, "
                f"run again with {DEBUG_ENV}=1 to see where"
            )
            return USAGE_EXIT


def _usage(error: click.UsageError, out: Output) -> int:
    ctx = error.ctx
    if isinstance(error, BadWord):
        out.note(error.format_message())
    else:
        out.fail(error.format_message())
    if ctx is None:
        return USAGE_EXIT
    out.note(ctx.get_usage())
    out.note(f"See '{ctx.command_path} --help'.")
    return USAGE_EXIT


def _unknown(name: str) -> str:
    if name in REMOVED:
        return (
            f"The 'weave {name}' command has been removed as of Weave Net version 2.0; "
            f"'weave launch' and 'weave stop' do its work"
        )
    if name in LATER:
        return f"'weave {name}' is not in this release: it serves one host, without names or proxy"
    from difflib import get_close_matches

    near = get_close_matches(name, VERBS, n=3)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return f"Unknown weave command {name!r}{hint}"


def _quiet_stdout() -> None:
    """Nobody reads any more: let the flush at exit go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


@click.command(
    cls=Root,
    context_settings=SETTINGS,
    invoke_without_command=True,
    subcommand_metavar="COMMAND [ARGS]...",
)
@click.option("--local", is_flag=True, hidden=True, help="Accepted for old scripts; no effect.")
@click.pass_context
def root(ctx: click.Context, local: bool) -> int | None:
    """One network for plain Docker hosts.

    Start it with 'weave launch', then give containers a network with 'weave network create' and
    'docker run --network', or with 'weave attach'.

    \b
    EXAMPLES
      weave launch
      weave network create web
      weave attach 10.2.1.9/24 mycontainer
      weave status
    """
    if ctx.invoked_subcommand is None:
        ctx.obj.out.note(ctx.get_help())
        return USAGE_EXIT
    return None


def main(args: Sequence[str] | None = None) -> NoReturn:
    """The `weave` console script."""
    root.main(args)


if __name__ == "__main__":
    main()
