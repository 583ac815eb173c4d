"""The rows that a failed test found, by DuckDB: some of them, as text, and nothing that is confidential."""

import duckdb

from datahub_dagster.adapters.dbt.privacy import LONGEST, MASK, Privacy
from datahub_dagster.adapters.duckdb_views import literal
from datahub_dagster.domain.audit import Sample


def take_sample(
    connection: duckdb.DuckDBPyConnection, sql: str, limit: int, privacy: Privacy
) -> Sample | None:
    """At most `limit` of the rows that a test's query finds, the same ones each time; None if they can't be had.

    Confidential values never leave the engine.
    """
    query = f"select * from (\n{sql}\n) as failures"
    try:
        columns = connection.sql(f"{query} limit 0")
        shown = [
            _value(place, privacy.shows(name, str(kind), sql))
            for place, (name, kind) in enumerate(zip(columns.columns, columns.types, strict=True), start=1)
        ]
        rows = connection.execute(
            f"select {', '.join(shown)} from ({query} order by all limit {limit + 1})"
        ).fetchall()
    except duckdb.Error:  # the query needs something of dbt's (an sql_header): then there is no sample
        return None
    return Sample(columns=tuple(columns.columns), rows=tuple(rows[:limit]), truncated=len(rows) > limit)


def _value(place: int, is_shown: bool) -> str:
    if not is_shown:
        return f"case when #{place} is not null then {literal(MASK)} end"
    text = f"cast(#{place} as varchar)"
    return f"case when length({text}) > {LONGEST} then left({text}, {LONGEST}) || '…' else {text} end"
