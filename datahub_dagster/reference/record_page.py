"""docs/reference/record.md, from the values in `domain/` that the release record is made of."""

import re
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from typing import Any

from datahub_dagster.adapters.json_values import json_of
from datahub_dagster.domain.audit import AuditReport, Block, CheckResult, QueryCost, Sample
from datahub_dagster.domain.profile import Fault
from datahub_dagster.domain.release import DueVerdict, ReleaseRecord
from datahub_dagster.domain.statistics import ColumnStatistics
from datahub_dagster.reference.example import RECORD
from datahub_dagster.reference.markdown import first_paragraph, head, table

KINDS = (
    ReleaseRecord,
    ColumnStatistics,
    Fault,
    Block,
    AuditReport,
    CheckResult,
    QueryCost,
    Sample,
    DueVerdict,
)

# What the docstrings leave to the name, or say in passing.
MEANINGS: dict[type, dict[str, str]] = {
    ReleaseRecord: {
        "schema_version": "Of this file. New fields may come; a field that changes its meaning makes a new version.",
        "dataset": "Source and table.",
        "release_id": "The release.",
        "team": "Who owns the dataset.",
        "delivery": "How the team called what it handed in.",
        "fingerprint": "Of the delivered content: the same content has the same.",
        "contract_version": "The contract's version, as the team wrote it.",
        "contract_fingerprint": "Of all in the contract that decides whether a delivery passes.",
        "mode": "`replace` or `partition`.",
        "received_at": "When it got its number.",
        "finished_at": "When its way had ended.",
        "published_at": "When consumers began to read it.",
        "rows": "Rows of the release.",
        "bytes": "Size of its files.",
        "files": "How many files it has.",
        "dataset_bytes": "Size of the whole dataset once it was published.",
        "columns": "Name and type of each column that was delivered.",
        "faults": "Why validation said no.",
        "blocks": "Why the audit said no.",
        "audit": "What every test answered.",
        "due": "How it stood to each due time that it was the first to answer.",
        "warnings": "What is worth knowing and stopped nothing.",
        "actor": "Who released it: a user of the machine, or `dagster`.",
    },
    Fault: {
        "files": "How many files show it.",
        "column": "The column that it is about.",
        "found": "What is there instead.",
    },
    Block: {
        "code": "A stable word for programs, listed in [the reference](faults.md).",
        "check_name": "The test, as the check in Dagster is called; null where no test ran at all.",
        "message": "One sentence for people.",
        "label": "The test as people call it, such as `unique of id`.",
    },
    AuditReport: {
        "dataset": "Source and table.",
        "base_generation": "The generation that the candidate was laid on; 0 = nothing was published before.",
        "results": "The answers, in the order of the contract's tests.",
        "contract_fingerprint": "The state of the contract whose tests ran.",
        "engine": "What ran them.",
        "seconds": "Run time of all tests.",
    },
    CheckResult: {
        "unique_id": "dbt's id of the test.",
        "check_name": "Its name as a check in Dagster.",
        "status": "`pass`, `warn`, `fail` or `error`: dbt's words.",
        "severity": "What a failure means: `error` blocks, `warn` is reported.",
        "failures": "How many rows failed; null where the test could not run.",
        "column": "The column, for a test below a column.",
        "message": "What dbt said.",
        "compiled_sql": "The query that ran.",
        "sample": "Some of the rows that failed.",
        "seconds": "Run time.",
        "cost": "What the query cost; null where the engine charges nothing, as DuckDB.",
    },
    QueryCost: {
        "bytes_scanned": "Bytes that the engine read for it.",
        "engine_seconds": "How long it ran in the engine.",
        "query_id": "What the engine calls the test's query: Athena's console finds it by that.",
        "bytes_by_query": "Bytes scanned by each, if samples of failing rows took more queries.",
    },
    Sample: {
        "columns": "Names of the columns.",
        "rows": "Values as text; null = null. Confidential ones are masked.",
        "truncated": "Whether there are more rows.",
    },
    DueVerdict: {
        "slo": "Name of the SLO.",
        "business_date": "What was due.",
        "due_at": "By when, grace included.",
        "late_seconds": "How late it came; negative = so much too early.",
    },
}

_TYPES = {
    "str": "text",
    "int": "number",
    "float": "number",
    "bool": "true or false",
    "datetime": "instant",
    "Mode": "text",
    "ReleaseState": "text",
    "CheckStatus": "text",
    "Severity": "text",
    "BlockCode": "text",
    "ReleaseId": "text",
    "DatasetName": "map: `source`, `table`",
}


def record_page() -> Iterator[str]:
    """Every field of the record and of what is in it, with an example."""
    yield from head(
        "The release record",
        "The outcome of one delivery. It is written once, beside the data: `releases/<source>/<table>/<release>/_record.json`. "
        "Instants are UTC, ISO 8601. `datahub show DATASET --release RELEASE --output json` prints the same fields under "
        "`record`, with each `dataset` as the text `source.table`.",
        "A rejected delivery has a record as well. A repeat has none: there is nothing to tell but its receipt.",
    )
    for kind in KINDS:
        yield f"## {kind.__name__}"
        yield ""
        yield first_paragraph(kind.__doc__)
        yield ""
        texts = meanings(kind)
        yield from table(
            ("field", "type", "meaning"),
            ((f"`{field.name}`", type_text(field), texts[field.name]) for field in fields(kind)),
        )
    yield "## Example"
    yield ""
    yield "```json"
    yield json_of(ReleaseRecord).dump_json(RECORD, indent=2).decode()
    yield "```"


def meanings(kind: type) -> dict[str, str]:
    """What each field means: from the docstring's `Args`, and from here.

    Raises:
        LookupError: Nobody says what a field means.
    """
    texts = arguments(kind.__doc__ or "") | MEANINGS.get(kind, {})
    silent = [field.name for field in fields(kind) if field.name not in texts]
    if silent:
        raise LookupError(
            f"{kind.__name__}: say in its docstring, or in MEANINGS, what {', '.join(silent)} means"
        )
    return texts


def arguments(docstring: str) -> dict[str, str]:
    r"""The `Args` of a docstring by name.

    >>> arguments(
    ...     "It is.\n\n    Args:\n        a: First,\n            still first.\n        b: Second.\n    "
    ... )
    {'a': 'First, still first.', 'b': 'Second.'}
    """
    _, _, block = docstring.partition("Args:\n")
    found: dict[str, str] = {}
    name = ""
    for line in block.splitlines():
        if match := re.match(r" {8}(\w+): (.+)", line):
            name = match[1]
            found[name] = match[2]
        elif name and line.startswith(" " * 12):
            found[name] += f" {line.strip()}"
    return found


def type_text(field: "Field[Any]") -> str:
    """A field's type in plain words."""
    text = field.type if isinstance(field.type, str) else getattr(field.type, "__name__", str(field.type))
    text = str(field.type) if "[" in str(field.type) or "|" in str(field.type) else text
    text = re.sub(r"\b(?:\w+\.)+(\w+)", r"\1", text)
    optional = text.endswith(" | None")
    text = text.removesuffix(" | None")
    if match := re.fullmatch(r"tuple\[(.+), \.\.\.\]", text):
        inner = match[1]
        shown = (
            "list of pairs"
            if inner == "tuple[str, str]"
            else "list of rows"
            if inner.startswith("tuple")
            else f"list of {_plural(inner)}"
        )
    elif text.startswith("Mapping"):
        shown = "map: step → seconds"
    else:
        shown = _word(text)
    return (
        f"{shown}, or null" if optional or (field.default is None and field.default is not MISSING) else shown
    )


def _word(name: str) -> str:
    return _TYPES.get(name) or f"[{name}](#{name.lower()})"


def _plural(name: str) -> str:
    return f"{_TYPES[name]}s" if name in _TYPES else _word(name)
