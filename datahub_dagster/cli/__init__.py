"""The command line `datahub`: every command is a module of its own, imported when it is used.

A command reads its arguments, calls one function of `pipeline.py`, and prints what comes back. Nothing is
decided here.
"""

import importlib
import sys
from collections.abc import Sequence

import click

from datahub_dagster.cli.context import OUTPUTS, GlobalOptions, Session

COMMANDS = {
    "deliver": "Put a file or folder into the inbox of a dataset.",
    "release": "Take the deliveries of the inbox all the way: validate, audit, publish.",
    "rollback": "Publish the content of an older generation again.",
    "reconcile": "Mend what a crash left behind.",
    "gc": "Remove what retention lets go.",
    "check": "Run the data tests on what is published.",
    "status": "How every dataset stands: promised, published, refused, and why.",
    "slo": "How well SLOs were kept: attainment, budget, worst delays.",
    "consumers": "Who reads what, and what they were promised.",
    "impact": "Whom it hurts if a dataset is late, wrong or changed.",
    "alerts": "What is wrong, who is told, and what was said to it.",
    "ack": "Say that you take care of an incident.",
    "accept": "Accept a known failure until a day.",
    "releases": "The history of a dataset: releases, refusals, repeats, rollbacks.",
    "show": "What a dataset promises, or the record of one release.",
    "monitor": "Look at every SLO now, and tell what is missed; or ask whether somebody does.",
    "docs": "Build the documentation, or serve it.",
    "demo": "Deliver real open data of several teams, and serve the result.",
    "doctor": "Look for what is missing or broken, and say how to mend it.",
}
"""Every command with its one line of help, so that `datahub --help` needs no module of theirs."""

EPILOG = """\
Exit codes: 0 fine; 1 the hub says no (contract, delivery, audit); 2 wrong command or settings; 3 something
outside failed, or the wait was over; 4 somebody was faster, try again; 130 interrupted.
"""


class LazyGroup(GlobalOptions, click.Group):
    """Imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order of a delivery's way."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command from its module, which is called as it is and has it as `command`."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        return importlib.import_module(f"datahub_dagster.cli.{cmd_name}").command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is meant; where there is none, the nearest is named."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=1)
            meant = f"; did you mean {near[0]}?" if near else ""
            raise click.UsageError(f"there is no command {args[0]!r}{meant}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from datahub_dagster import __version__

        click.echo(f"datahub {__version__}")
        ctx.exit()


@click.group(
    name="datahub",
    cls=LazyGroup,
    epilog=EPILOG,
    outputs=OUTPUTS,
    context_settings={"max_content_width": 100},
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Say the version."
)
def datahub() -> None:
    """Publish datasets: deliver, audit, release, look, roll back.

    A dataset is called `source.table`, as its team declared it in the dbt project.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and leave the process with its exit code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str], session: Session | None = None) -> int:
    """Run a command; its exit code. Errors are printed, never raised. A session can bring a hub of its own."""
    # A name out of a stranger's file must not end a command because the terminal can't show it.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # pyright: ignore[reportAttributeAccessIssue]
    session = session or Session()
    try:
        code = datahub.main(args=list(arguments), prog_name="datahub", standalone_mode=False, obj=session)
    except Exception as error:  # noqa: BLE001 - the outermost place: whatever went wrong becomes a message and a code
        from datahub_dagster.cli.failure import report

        return report(error, arguments, session)
    return int(code or 0)
