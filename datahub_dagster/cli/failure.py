"""How a command that could not finish says so: to people on stderr, to programs as JSON on stdout."""

import shlex
import sys
import traceback
from collections.abc import Sequence
from itertools import pairwise

import click

from datahub_dagster.cli.context import JSON, Session
from datahub_dagster.errors import ExitCode, HubError

INTERRUPTED = 130  # what a shell gives a process that Ctrl-C ended


def report(error: Exception, arguments: Sequence[str], session: Session) -> int:
    """Print what went wrong; the exit code."""
    if session.debug or "--debug" in arguments:
        traceback.print_exception(error)
    if isinstance(error, click.Abort):
        code, text, details = INTERRUPTED, "interrupted", {}
    elif isinstance(error, HubError):
        code, text, details = int(error.exit_code), str(error), error_details(error)
    elif isinstance(error, click.UsageError):
        code, text, details = int(ExitCode.USAGE), _usage(error), {}
    elif isinstance(error, click.ClickException):
        code, text, details = error.exit_code, error.format_message(), {}
    else:
        code, text, details = int(ExitCode.OUTSIDE), _unexpected(error, arguments), {}
    if session.output == JSON or _asks_for_json(arguments):
        from datahub_dagster.cli.output import Output

        reason = {"reason": text.splitlines()[0]} | details
        Output(as_json=True).result({"error": {"kind": type(error).__name__, "exit_code": code} | reason}, ())
    else:
        from datahub_dagster.cli.output import printable

        click.echo(printable(text), err=True)
    sys.stdout.flush()
    return code


def error_details(error: HubError) -> dict[str, object]:
    """What a hub's error knows, for programs."""
    return {
        "kind": type(error).__name__,
        "exit_code": int(error.exit_code),
        "subject": error.subject,
        "reason": error.reason,
        "promised": error.promised,
        "found": error.found,
        "consumers": error.consumers,
        "next": error.next_step,
    }


def _usage(error: click.UsageError) -> str:
    command = error.ctx.command_path if error.ctx else "datahub"
    return f"{error.format_message()}\n  {'next':<10} {command} --help"


def _unexpected(error: Exception, arguments: Sequence[str]) -> str:
    again = shlex.join(["datahub", "--debug", *arguments])
    return (
        f"something unexpected happened: {type(error).__name__}: {error}\n"
        f"  {'consumers':<10} read what they read before: publishing is one step, and it can be tried again\n"
        f"  {'next':<10} {again}   (shows the traceback, which the platform team will want to see)"
    )


def _asks_for_json(arguments: Sequence[str]) -> bool:
    """Whether JSON was asked for in arguments that could not even be read to their end."""
    words = list(arguments)
    return f"--output={JSON}" in words or any(pair == ("--output", JSON) for pair in pairwise(words))
