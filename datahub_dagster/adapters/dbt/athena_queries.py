"""A query of the hub's own in Athena, beside those of dbt."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import sleep
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0  # seconds between two looks at a query

Row = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query found.

    Args:
        columns: Name and type (Athena's word) of each.
        rows: Values as text, None = null.
        execution: What GetQueryExecution says of it.
    """

    columns: Sequence[tuple[str, str]]
    rows: Sequence[Row]
    execution: Mapping[str, Any]


def ask(athena: Any, query: str, workgroup: str, staging_dir: str) -> Answer | None:
    """Run a query and wait for it; None if it fails. No former result is used again."""
    try:
        query_id = athena.start_query_execution(
            QueryString=query,
            WorkGroup=workgroup,
            ResultConfiguration={"OutputLocation": staging_dir},
        )["QueryExecutionId"]
        wait = patience()
        while True:
            execution = athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
            state = execution["Status"]["State"]
            if state == "SUCCEEDED":
                break
            if state in ("FAILED", "CANCELLED"):
                return None
            wait(0.0)
        pages = list(athena.get_paginator("get_query_results").paginate(QueryExecutionId=query_id))
    except (ClientError, BotoCoreError):
        return None
    told = pages[0]["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    rows = [row["Data"] for page in pages for row in page["ResultSet"]["Rows"]]
    return Answer(
        columns=[(info["Name"], info["Type"]) for info in told],
        rows=[
            tuple(datum.get("VarCharValue") for datum in row) for row in rows[1:]
        ],  # the first one holds the names
        execution=execution,
    )


def patience() -> Callable[[float], None]:
    """A pause that grows: most queries take a second or two, some take minutes. What it is told to wait does not matter."""
    pause = _FIRST_PAUSE

    def wait(_seconds: float) -> None:
        nonlocal pause
        sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)

    return wait
