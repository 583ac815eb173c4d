"""The reference of the command line, written from the commands themselves.

`python -m datahub_dagster.cli.reference` writes docs/reference/cli.md; a test keeps the file current.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from datahub_dagster.cli import COMMANDS, EPILOG, datahub
from datahub_dagster.cli.context import GlobalOptions
from datahub_dagster.errors import ExitCode

PAGE = Path("docs/reference/cli.md")

CODES = {
    ExitCode.FINE: "fine: published, the same content as before, or nothing to do",
    ExitCode.REFUSED: "the hub says no: a contract, a delivery, an audit, a retention",
    ExitCode.USAGE: "wrong command, or wrong settings",
    ExitCode.OUTSIDE: "something outside failed (disk, dbt, engine), the wait was over, or something unexpected",
    ExitCode.CONFLICT: "somebody was faster: trying again is safe",
}


def page() -> str:
    """The whole reference, in Markdown."""
    return "\n".join([*_head(), *(line for name in COMMANDS for line in _command([name]))]).rstrip() + "\n"


def _head() -> Iterator[str]:
    context = click.Context(datahub, info_name="datahub")
    yield "# The command line"
    yield ""
    yield "<!-- Written by `python -m datahub_dagster.cli.reference`; change the commands, not this page. -->"
    yield ""
    yield "`datahub COMMAND [OPTIONS]`. A dataset is called `source.table`."
    yield "Results go to stdout, progress and notes to stderr."
    yield ""
    yield "| command | what it does |"
    yield "|---|---|"
    yield from (f"| [`{name}`](#datahub-{name}) | {text} |" for name, text in COMMANDS.items())
    yield ""
    yield "## Options of every command"
    yield ""
    yield "They stand before or after the command's name."
    yield ""
    yield from _options(datahub.global_options, context)
    yield "`--output json` prints one JSON document on stdout. Its keys are stable: more may come, none changes"
    yield "its meaning. An error is an object `error` with the keys `kind`, `exit_code`, `subject`, `reason`,"
    yield "`promised`, `found`, `consumers` and `next`."
    yield ""
    yield "Colours follow the terminal; `NO_COLOR=1` turns them off, and what is no terminal gets none."
    yield ""
    yield "## Exit codes"
    yield ""
    yield "| code | meaning |"
    yield "|---|---|"
    yield from (f"| {int(code)} | {meaning} |" for code, meaning in CODES.items())
    yield "| 130 | interrupted (Ctrl-C) |"
    yield ""


def _command(path: list[str]) -> Iterator[str]:
    command: click.Command = datahub
    context = click.Context(datahub, info_name="datahub")
    for name in path:
        found = command.get_command(context, name) if isinstance(command, click.Group) else None
        if found is None:
            raise LookupError(" ".join(path))
        command, context = found, click.Context(found, info_name=name, parent=context)
    yield f"{'#' * (len(path) + 1)} datahub {' '.join(path)}"
    yield ""
    yield "```"
    yield _usage(command, context)
    yield "```"
    yield ""
    yield _paragraphs(command.help or "")
    yield ""
    own = [p for p in command.params if isinstance(p, click.Option) and p not in _global(command)]
    if own:
        yield from _options(own, context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            yield from _command([*path, name])


def _global(command: click.Command) -> list[click.Option]:
    return command.global_options if isinstance(command, GlobalOptions) else []


def _usage(command: click.Command, context: click.Context) -> str:
    return " ".join([context.command_path, *command.collect_usage_pieces(context)])


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _options(options: list[click.Option], context: click.Context) -> Iterator[str]:
    yield "| option | meaning |"
    yield "|---|---|"
    for option in options:
        record = option.get_help_record(context)
        if record:
            names, text = (part.replace("|", "\\|") for part in record)
            yield f"| `{names}` | {text.strip()} |"
    yield ""


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page(), encoding="utf-8")
    click.echo(f"{target} is written; {EPILOG.split(':')[0].lower()} and {len(COMMANDS)} commands")
