"""What the smoke run delivers: a dbt project of its own, and three deliveries, the second of them with a fault."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

SOURCE = "hub_smoke"
COLUMNS = ("id", "day", "amount", "note")

Row = tuple[int, date, int, str]

MONDAY, TUESDAY, WEDNESDAY = (date(2026, 11, day) for day in (16, 17, 18))
FIRST: tuple[Row, ...] = ((1, MONDAY, 10, "plain"), (2, MONDAY, 20, "odd"), (3, TUESDAY, 30, "plain"))
FAULTY: tuple[Row, ...] = ((4, TUESDAY, 40, "plain"), (4, TUESDAY, 41, "plain"))
SECOND: tuple[Row, ...] = ((5, TUESDAY, 50, "plain"), (6, WEDNESDAY, 60, "plain"))
AFTER_SECOND: tuple[Row, ...] = (*FIRST[:2], *SECOND)  # the days that it brought were replaced
WARNINGS_OF_FIRST = 1  # the odd note

_PROJECT = """\
name: hub_smoke
version: 1.0.0
config-version: 2
profile: hub_smoke
model-paths: [models]
flags: {send_anonymous_usage_stats: false}
"""

# dbt's own tests alone: the hub's project may have other macros than this version of the hub knows.
_CONTRACT = """\
version: 2
sources:
  - name: hub_smoke
    description: Made by `datahub doctor --smoke`, which removes it again.
    config: {{meta: {{hub: {{team: hub_smoke, owners: [nobody@example.com]}}}}}}
    tables:
      - name: {table}
        description: Three deliveries, one of them with a fault.
        config:
          meta:
            hub:
              delivery: {{mode: partition, partitions: {{column: day, granularity: day, start: 2026-11-16}}}}
        columns:
          - name: id
            data_type: bigint
            description: A number.
            data_tests: [not_null, unique]
          - name: day
            data_type: date
            description: The partition.
          - name: amount
            data_type: bigint
            description: Another number.
            data_tests: [not_null]
          - name: note
            data_type: varchar
            description: Says odd once, which is a warning.
            data_tests:
              - accepted_values: {{arguments: {{values: [plain]}}, config: {{severity: warn}}}}
"""


def write_project(folder: Path, table: str) -> None:
    """Write the dbt project, whose only dataset is `hub_smoke.<table>`."""
    models = folder / "models" / SOURCE
    models.mkdir(parents=True)
    (folder / "dbt_project.yml").write_text(_PROJECT, encoding="utf-8")
    (models / "contract.yml").write_text(_CONTRACT.format(table=table), encoding="utf-8")


def write_delivery(folder: Path, rows: Sequence[Row]) -> Path:
    """Write a delivery, a folder for each day: the day is in the path only, as most writers of Parquet have it."""
    for day in sorted({row[1] for row in rows}):
        those = [row for row in rows if row[1] == day]
        table = pa.table(
            {
                "id": pa.array([row[0] for row in those], pa.int64()),
                "amount": pa.array([row[2] for row in those], pa.int64()),
                "note": pa.array([row[3] for row in those], pa.string()),
            }
        )
        place = folder / f"day={day.isoformat()}"
        place.mkdir(parents=True)
        pq.write_table(table, place / "part-0.parquet")
    return folder


def as_text(rows: Sequence[Sequence[object]]) -> list[tuple[str | None, ...]]:
    """Rows as text, sorted: how an engine writes a number or a date is not what is looked at."""
    return sorted(tuple(None if value is None else str(value) for value in row) for row in rows)
