"""docs/reference/files.md: what lies in a hub's folder."""

from collections.abc import Iterator
from textwrap import dedent

from datahub_dagster.adapters import release_log
from datahub_dagster.adapters.json_values import json_of
from datahub_dagster.reference import example
from datahub_dagster.reference.markdown import head, table

_FOLDERS = (
    (
        "`inbox/<source>/<table>/<delivery>/`",
        (
            "What teams hand in. `_SUCCESS` says that it is complete, `_FULL` that it is the whole dataset. "
            "Theirs to write; "
            "the hub removes what was released (`datahub gc`), never what was rejected."
        ),
    ),
    (
        "`releases/<source>/<table>/<release>/`",
        "What was staged: data files, and beside them the hub's own, which start with `_`. Never changed.",
    ),
    (
        "`log/<source>/<table>/`",
        "The truth: receipts, generations, checks, promises, contracts of the past, pins. Created once, never changed.",
    ),
    (
        "`catalog/<source>/<table>/`",
        "For DuckDB: the SQL of each dataset's view. Derived; `datahub reconcile` makes it again.",
    ),
    (
        "`docs/`",
        (
            "The pages, and beside each its content as JSON for programs (`docs/status.json`: all datasets). Derived; `datahub docs build` "
            "makes them again, by `docs/_build.json.gz` only those that changed. `.docs-lock` beside it lets one build wait for another."
        ),
    ),
    (
        "`alerts/`",
        (
            "What was noticed, what is wrong, what people are told and what is accepted as known: `datahub alerts` shows it. "
            "`alerts/closed/` and `alerts/sent/` are history, by month."
        ),
    ),
    (
        "`outbox/<YYYY-MM>.jsonl`",
        (
            "What people are told of each team's incidents, one message a line, whether or not a channel took it. On S3 each message "
            "is an object of its own."
        ),
    ),
    (
        "`monitor/<scope>/`",
        (
            "What the monitor remembers (`state.json`), its sign of life (`heartbeat.json`) and its figures for Prometheus "
            "(`metrics.prom`). Derived; the next tick makes them again."
        ),
    ),
    (
        "`.cache/`",
        "Parsed contracts, dbt's files, the teams' last good files. May be removed: then the last good files are forgotten.",
    ),
)

_JSON = (
    (
        "A receipt",
        "log/equities/daily_prices/receipts/00000007.json",
        "A delivery was received, and got its number. Written before anything is copied.",
        example.RECEIPT,
    ),
    (
        "A generation",
        "log/equities/daily_prices/generations/00000003.json",
        (
            "What is published: partition → release. The file with the highest number counts. "
            "A dataset without partitions has one, with an empty key."
        ),
        example.GENERATION,
    ),
    (
        "The list of files",
        "releases/equities/daily_prices/2026-11-20.7/_files.json",
        "Written last of all files: the release exists from then on. Retention removes it first.",
        example.FILES,
    ),
    (
        "An audit",
        "releases/equities/daily_prices/2026-11-20.7/_audit.2.5f1e0c7a9b3d2846.json",
        (
            "What the tests answered, against generation 2, by one state of the contract. "
            "Checks on published data look the same, in `log/…/checks/<instant>.json`."
        ),
        example.AUDIT,
    ),
)


def files_page() -> Iterator[str]:
    """Folders, and each JSON file with an example."""
    yield from head(
        "Files of a hub",
        "All that the hub knows lies in one folder (`DATAHUB_ROOT`). Copy the folder, and you have copied the hub. "
        "Dagster's database is not part "
        "of it: it can be lost, and tells again what the log says.",
    )
    yield from table(("folder", "what it holds"), _FOLDERS)
    yield "Readers need `log/` and `releases/`, and nothing else. Don't list `releases/` by yourself: it also holds what was rejected."
    yield ""
    yield "```"
    yield from _layout()
    yield "```"
    yield ""
    for title, path, text, value in _JSON:
        yield f"## {title}"
        yield ""
        yield f"`{path}`"
        yield ""
        yield text
        yield ""
        yield "```json"
        yield json_of(type(value)).dump_json(value, indent=2).decode()
        yield "```"
        yield ""
    yield "## The record"
    yield ""
    yield "`releases/equities/daily_prices/2026-11-20.7/_record.json` has [a page of its own](record.md)."


def _layout() -> Iterator[str]:
    """The layout as the adapter that writes it tells it."""
    _, _, block = (release_log.__doc__ or "").partition("::\n\n")
    return iter(dedent(block).rstrip().splitlines())
