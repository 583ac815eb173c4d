"""A query's rows as Athena writes them: every value as text, every column with its Trino type."""

# pyright: reportMissingImports=false
from dataclasses import dataclass
from typing import Any

import duckdb

from tests.emulator.tables import quoted

# DuckDB's type: Athena's type, precision, scale
TYPES = {
    "BOOLEAN": ("boolean", 0, 0),
    "TINYINT": ("tinyint", 3, 0),
    "SMALLINT": ("smallint", 5, 0),
    "INTEGER": ("integer", 10, 0),
    "BIGINT": ("bigint", 19, 0),
    "UTINYINT": ("smallint", 5, 0),
    "USMALLINT": ("integer", 10, 0),
    "UINTEGER": ("bigint", 19, 0),
    "UBIGINT": ("bigint", 19, 0),
    "HUGEINT": ("bigint", 19, 0),  # what DuckDB makes of a sum of integers
    "FLOAT": ("float", 17, 0),
    "DOUBLE": ("double", 17, 0),
    "DATE": ("date", 0, 0),
    "TIME": ("time", 3, 0),
    "BLOB": ("varbinary", 1073741824, 0),
    "JSON": ("json", 0, 0),
    "INTERVAL": ("interval day to second", 0, 0),
}
VARCHAR = ("varchar", 2147483647, 0)

# How a value becomes text, where DuckDB's own cast differs from Athena's. {} is the column.
TEXTS = {
    "timestamp": "strftime({}, '%Y-%m-%d %H:%M:%S.%g')",
    "timestamp with time zone": "strftime({} at time zone 'UTC', '%Y-%m-%d %H:%M:%S.%g') || ' UTC'",
    "time": "strftime(date '2000-01-01' + {}, '%H:%M:%S.%g')",
    "varbinary": "trim(regexp_replace(lower(hex({})), '(..)', '\\1 ', 'g'))",
}


@dataclass(frozen=True)
class Column:
    """One column of an answer."""

    name: str
    kind: str
    precision: int
    scale: int

    def info(self) -> dict[str, Any]:
        """ColumnInfo of GetQueryResults."""
        return {
            "CatalogName": "hive",
            "SchemaName": "",
            "TableName": "",
            "Name": self.name,
            "Label": self.name,
            "Type": self.kind,
            "Precision": self.precision,
            "Scale": self.scale,
            "Nullable": "UNKNOWN",
            "CaseSensitive": self.kind == "varchar",
        }


def fetch(engine: duckdb.DuckDBPyConnection, sql: str) -> tuple[list[Column], list[list[str | None]]]:
    """Run a DuckDB query: its columns, and its rows as text, in its order."""
    described = engine.execute(f"describe {sql}").fetchall()
    columns = [_column(name, kind) for name, kind, *_ in described]
    # By place, since two columns of an answer may have one name.
    places = [f"c{place}" for place in range(len(columns))]
    texts = [
        TEXTS.get(c.kind, "cast({} as varchar)").format(quoted(p))
        for c, p in zip(columns, places, strict=True)
    ]
    engine.execute(f"create or replace temp table answer({', '.join(places)}) as {sql}")
    rows = engine.execute(f"select {', '.join(texts)} from answer").fetchall()
    return columns, [list(row) for row in rows]


def _column(name: str, duckdb_type: str) -> Column:
    if duckdb_type.startswith("DECIMAL("):
        precision, scale = duckdb_type.removeprefix("DECIMAL(").rstrip(")").split(",")
        return Column(name, "decimal", int(precision), int(scale))
    if duckdb_type.startswith("TIMESTAMP"):
        zoned = duckdb_type == "TIMESTAMP WITH TIME ZONE"
        return Column(name, "timestamp with time zone" if zoned else "timestamp", 3, 0)
    for ending, beginning, kind in (("[]", "", "array"), (")", "MAP(", "map"), (")", "STRUCT(", "row")):
        if duckdb_type.endswith(ending) and duckdb_type.startswith(beginning):
            return Column(name, kind, 0, 0)
    return Column(name, *TYPES.get(duckdb_type, VARCHAR))
