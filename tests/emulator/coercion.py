"""Which type of a file or a partition Athena accepts for a column that Glue declares with another."""

# pyright: reportMissingImports=false
import functools
from typing import Any

from sqlglot.expressions import DataType

WHOLE_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")  # each fits in those after it

FAMILIES = {
    **dict.fromkeys(("FLOAT", "DOUBLE", "REAL"), "fraction"),
    **dict.fromkeys(("VARCHAR", "TEXT", "BLOB"), "text"),
    "BOOLEAN": "boolean",
    "DATE": "date",
}


def columns(declared: list[dict[str, Any]] | None) -> dict[str, str]:
    """Name and DuckDB type of each column that Glue declares with a Hive type."""
    return {column["Name"]: duckdb_type(column["Type"]) for column in declared or []}


@functools.cache
def duckdb_type(hive_type: str) -> str:
    """A Hive type in DuckDB's words, spelled as DuckDB's DESCRIBE does."""
    kind = DataType.build(hive_type, dialect="hive").sql(dialect="duckdb")
    return {"TEXT": "VARCHAR", "INT": "INTEGER", "REAL": "FLOAT"}.get(kind, kind)


def fits(found: str, declared: str) -> bool:
    """Whether Athena reads the type `found` (in a file or a partition) as `declared`; both are DuckDB's.

    Whole numbers may grow, and nothing becomes text by itself. What isn't known is let through: nested types,
    unsigned numbers. Decimals may have other digits.
    """
    if found in WHOLE_NUMBERS and declared in WHOLE_NUMBERS:
        return WHOLE_NUMBERS.index(found) <= WHOLE_NUMBERS.index(declared)
    families = _family(found), _family(declared)
    return None in families or families[0] == families[1]


def is_plain(kind: str) -> bool:
    """Whether it is no array, struct or map."""
    return not kind.endswith("]") and not kind.startswith(("STRUCT", "MAP"))


def _family(kind: str) -> str | None:
    if kind in WHOLE_NUMBERS:
        return "whole number"
    if kind.startswith("TIMESTAMP"):
        return "timestamp"
    if kind.startswith("DECIMAL"):
        return "decimal"
    return FAMILIES.get(kind)
