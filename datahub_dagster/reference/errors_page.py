"""docs/reference/errors.md, from the tree of errors."""

import importlib
from collections.abc import Iterator

from datahub_dagster import errors
from datahub_dagster.cli.reference import CODES
from datahub_dagster.reference.markdown import first_paragraph, head, table

# Errors are told where they belong; these modules have some of their own.
_ALSO_IN = ("datahub_dagster.domain.calendars", "datahub_dagster.cli.waiting")


def errors_page() -> Iterator[str]:
    """Exit codes, and every error with its code."""
    yield from head(
        "Errors and exit codes",
        "A result that is merely bad, such as a rejected delivery, is not an error: it is a record, and the command "
        "says so. An error is what "
        "stops the work. Each says what is wrong, and where known what was promised, what was found, what it means for consumers, and the "
        "next command.",
        "```\npayments.orders: no column settled_at\n  promised   models/payments/orders.yml:41  settled_at timestamp\n"
        "  found      part-0.parquet  1,204 rows, 7 columns\n  consumers  still read release 2026-11-19.6\n"
        "  next       datahub show payments.orders\n```",
        "With `--output json` the same stands under `error`, with the keys `kind`, `exit_code`, `subject`, `reason`, `promised`, `found`, "
        "`consumers` and `next`. `--debug` shows the traceback.",
        "## Exit codes",
    )
    rows = [(str(int(code)), meaning, _advice(code)) for code, meaning in CODES.items()]
    yield from table(("code", "meaning", "a scheduler should"), [*rows, ("130", "interrupted (Ctrl-C)", "")])
    yield "## Errors"
    yield ""
    yield from table(("error", "code", "when"), _rows())
    yield "The tree, as in `datahub_dagster/errors.py`:"
    yield ""
    yield "```"
    yield from _tree()
    yield "```"


def all_errors() -> list[type[errors.HubError]]:
    """Every error of the package, those that only a few modules raise included; by the tree, then by name."""
    for module in _ALSO_IN:
        importlib.import_module(module)
    return list(_below(errors.HubError))


def _below(parent: type[errors.HubError]) -> Iterator[type[errors.HubError]]:
    for child in parent.__subclasses__():
        if child.__module__.startswith("datahub_dagster"):
            yield child
            yield from _below(child)


def _rows() -> Iterator[tuple[str, str, str]]:
    for error in all_errors():
        yield f"`{error.__name__}`", str(int(error.exit_code)), first_paragraph(error.__doc__)


def _tree() -> Iterator[str]:
    lines = (errors.__doc__ or "").splitlines()
    return (line.strip("\n")[4:] for line in lines if line.startswith("    "))


def _advice(code: errors.ExitCode) -> str:
    return {
        errors.ExitCode.FINE: "go on",
        errors.ExitCode.REFUSED: "tell the team; trying again gives the same answer",
        errors.ExitCode.USAGE: "tell whoever wrote the call",
        errors.ExitCode.OUTSIDE: "try the same call again, a few times, with a pause",
        errors.ExitCode.CONFLICT: "try the same call again",
    }[code]
