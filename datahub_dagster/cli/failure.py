"""How a command that could not finish says so: to people on stderr, to programs as JSON on stdout."""

import shlex
import sys
import traceback
from collections.abc import Sequence
from itertools import pairwise

import click

from datahub_dagster.cli.context import JSON, Session
from datahub_dagster.errors import HubError, UnexpectedError, UsageError

INTERRUPTED = 130  # what a shell gives a process that Ctrl-C ended


def report(error: Exception, arguments: Sequence[str], session: Session) -> int:
    """Print what went wrong; the exit code."""
    if session.debug or "--debug" in arguments:
        traceback.print_exception(error)
    if isinstance(error, click.Abort):
        code, told = INTERRUPTED, HubError("interrupted")
    else:
        told = _told(error, arguments)
        code = int(told.exit_code)
    if session.output == JSON or _asks_for_json(arguments):
        from datahub_dagster.cli.output import Output

        kind = "Interrupted" if code == INTERRUPTED else type(told).__name__
        Output(as_json=True).result({"error": error_details(told) | {"kind": kind, "exit_code": code}}, ())
    else:
        from datahub_dagster.cli.output import printable

        click.echo(printable(str(told)), err=True)
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


def _told(error: Exception, arguments: Sequence[str]) -> HubError:
    """Any error as one of the hub's own, so that all of them are told alike."""
    if isinstance(error, HubError):
        return error
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx else "datahub"
        return UsageError(_one_line(error), next_step=f"{command} --help")
    if isinstance(error, click.ClickException):
        return UsageError(_one_line(error), next_step="datahub --help")
    again = shlex.join(["datahub", "--debug", *arguments])
    return UnexpectedError(
        f"something unexpected happened: {type(error).__name__}: {error}",
        consumers="read what they read before: publishing is one step, and it can be tried again",
        next_step=f"{again}   (shows the traceback, which the platform team will want to see)",
    )


def _one_line(error: click.ClickException) -> str:
    return " ".join(error.format_message().split())


def _asks_for_json(arguments: Sequence[str]) -> bool:
    """Whether JSON was asked for in arguments that could not even be read to their end."""
    words = list(arguments)
    return f"--output={JSON}" in words or any(pair == ("--output", JSON) for pair in pairwise(words))
