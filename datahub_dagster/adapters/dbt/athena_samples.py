"""The rows that a failed test found, by Athena: some of them, as text, and nothing that is confidential.

What a query finds lies in the staging folder as long as its lifecycle rule says: so values are masked in the query itself.
"""

import re
from collections.abc import Callable, Sequence

from datahub_dagster.adapters.dbt.athena_queries import Answer, Row
from datahub_dagster.adapters.dbt.privacy import LONGEST, MASK, Privacy
from datahub_dagster.adapters.duckdb_views import literal
from datahub_dagster.domain.audit import Sample

_AS_JSON = {"array", "map", "row"}  # Trino casts none of these to text
_UNORDERED = {"map", "json"}
_FLOATS = {"double", "float", "real"}


def take_sample(run: Callable[[str], Answer | None], sql: str, limit: int, privacy: Privacy) -> Sample | None:
    """At most `limit` of the rows that a test's query finds, the same ones each time; None if they can't be had.

    Costs two queries: one that reads nothing and tells the columns, and one for the rows.

    Args:
        run: Runs a query; None if it fails.
        sql: The test's query.
        limit: How many rows.
        privacy: What of them may be shown.
    """
    described = run(f"select * from (\n{sql}\n) as failures limit 0")
    if described is None:
        return None
    columns = described.columns
    # The columns have other names here, since two of a test may have the same one, and Athena lets an order name no such column.
    places = [f"c{place}" for place in range(1, len(columns) + 1)]
    shown = [
        _value(place, kind, privacy.shows(name, kind, sql))
        for place, (name, kind) in zip(places, columns, strict=True)
    ]
    ordered = [place for place, (_, kind) in zip(places, columns, strict=True) if kind not in _UNORDERED]
    order = f" order by {', '.join(ordered)}" if ordered else ""
    found = run(
        f"select {', '.join(shown)} from (\n{sql}\n) as failures ({', '.join(places)}){order} limit {limit + 1}"
    )
    if found is None:
        return None
    rows = [_row(columns, row) for row in found.rows]
    return Sample(
        columns=tuple(name for name, _ in columns), rows=tuple(rows[:limit]), truncated=len(rows) > limit
    )


def _value(place: str, kind: str, is_shown: bool) -> str:
    if not is_shown:
        return f"case when {place} is not null then {literal(MASK)} end"
    if kind in _AS_JSON:
        text = f"json_format(cast({place} as json))"
    elif kind == "varbinary":
        text = f"to_hex({place})"
    else:
        text = f"cast({place} as varchar)"
    return f"case when length({text}) > {LONGEST} then substr({text}, 1, {LONGEST}) || '…' else {text} end"


def _row(columns: Sequence[tuple[str, str]], row: Row) -> Row:
    return tuple(_as_duckdb_says(kind, text) for (_, kind), text in zip(columns, row, strict=True))


def _as_duckdb_says(kind: str, text: str | None) -> str | None:
    """A value as the embedded hub would show it: Trino writes 5.0E0 and 12:00:00.000."""
    if text is None or text == MASK:
        return text
    if kind in _FLOATS:
        return repr(float(text))
    if kind.startswith("timestamp"):
        text = re.sub(r"(\.\d*?)0+(?= |$)", r"\1", text)
        return re.sub(r"\.(?= |$)", "", text).replace(" UTC", "+00")
    return text
