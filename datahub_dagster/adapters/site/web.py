"""What only a page has: ids for links, times for programs, SQL to copy."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from datahub_dagster.domain.contract import digest
from datahub_dagster.domain.view import ReleasedFile

_MOST_FILES_LISTED = 40


def machine_time(at: datetime) -> str:
    """An instant for programs: ISO 8601, UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def anchor(prefix: str, name: str) -> str:
    """An id for a deep link: stable, and usable in a URL whatever the name is.

    >>> anchor("column", "trade_date")
    'column-trade_date'
    """
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", name)
    return f"{prefix}-{plain}" if plain == name else f"{prefix}-{plain}-{digest(name)[:6]}"


def duckdb_sql(files: Sequence[ReleasedFile]) -> str | None:
    """SQL that reads exactly the published files, from the hub's root folder; None where that would be no example any more."""
    in_file = {file.holds_partition_column for file in files}
    if not files or len(files) > _MOST_FILES_LISTED or len(in_file) > 1:
        return None
    paths = ",\n".join("    '" + file.path.replace("'", "''") + "'" for file in files)
    hive = "" if in_file == {True} else ", hive_partitioning = true"
    return f"SELECT *\nFROM read_parquet([\n{paths}\n], union_by_name = true{hive})\nLIMIT 100;"
