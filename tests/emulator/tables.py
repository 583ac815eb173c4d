"""A Glue table as Athena reads it: the files of its registered partitions, in the columns that Glue declares."""

# pyright: reportMissingImports=false
import base64
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from ministack.services import athena, glue

from tests.emulator import coercion
from tests.emulator.failures import QueryFailedError
from tests.emulator.objects import Copies

GlueTable = dict[str, Any]

NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"  # what Hive writes for a partition value that is NULL


@dataclass(frozen=True)
class Rows:
    """A DuckDB query for a table's rows, and the bytes of the objects that it reads."""

    sql: str
    scanned_bytes: int


def find(database: str, name: str) -> GlueTable | None:
    """The table in the caller's catalog; names are lower-case there."""
    return glue._tables.get(f"{database.lower()}/{name.lower()}")


def view_text(table: GlueTable) -> str | None:
    """The query behind a view, which Glue keeps as JSON in base64 in a comment; None for a table."""
    packed = re.fullmatch(r"/\* Presto View: (\S+) \*/", table.get("ViewOriginalText") or "")
    return json.loads(base64.b64decode(packed[1]))["originalSql"] if packed else None


def pack_view(query: str, database: str) -> str:
    """What Glue keeps of a view; `view_text` reads it."""
    content = {"originalSql": query, "catalog": "awsdatacatalog", "schema": database}
    return f"/* Presto View: {base64.b64encode(json.dumps(content).encode()).decode()} */"


def select_rows(engine: duckdb.DuckDBPyConnection, table: GlueTable, condition: str, copies: Copies) -> Rows:
    """The table's rows, from those partitions for which `condition` (DuckDB's SQL over partition keys) holds.

    A table that isn't Parquet, or has projected partitions, is read as ministack does: everything under LOCATION.

    Raises:
        QueryFailedError: A partition or a file has another type than the table declares, or it is an Iceberg table.
    """
    parameters = table.get("Parameters") or {}
    if parameters.get("table_type", "").upper() == "ICEBERG":
        raise QueryFailedError(
            "NOT_SUPPORTED by the emulator: Iceberg tables"
        )  # ministack reads its metadata as CSV
    if athena._data_format(table) != "parquet" or parameters.get("projection.enabled", "").lower() == "true":
        files = copies.below(table["StorageDescriptor"]["Location"])
        relation = athena._table_relation(table, files) if files else athena._empty_relation(table)
        return Rows(f"select * from {relation}", _size(files))

    keys = coercion.columns(table.get("PartitionKeys"))
    declared = coercion.columns(table["StorageDescriptor"].get("Columns"))
    if keys:
        partitions = _partitions(engine, table, keys, condition)
        values_of = {file: values for values, location in partitions for file in copies.below(location)}
    else:
        values_of = dict.fromkeys(copies.below(table["StorageDescriptor"]["Location"]), ())
    if not values_of:
        nulls = ", ".join(
            f"cast(null as {kind}) as {quoted(name)}" for name, kind in (declared | keys).items()
        )
        return Rows(f"select {nulls} where false", 0)
    return Rows(_select(engine, declared, keys, values_of), _size(list(values_of)))


def _partitions(
    engine: duckdb.DuckDBPyConnection, table: GlueTable, keys: dict[str, str], condition: str
) -> list[tuple[tuple[str, ...], str]]:
    """Values and location of each registered partition for which the condition holds."""
    registered = glue._partitions.get(f"{table['DatabaseName']}/{table['Name']}", [])
    declared = coercion.columns(table["StorageDescriptor"].get("Columns"))
    for partition in registered:
        own = coercion.columns(partition["StorageDescriptor"].get("Columns"))
        for name in declared.keys() & own.keys():
            if not coercion.fits(own[name], declared[name]):
                raise QueryFailedError(
                    "HIVE_PARTITION_SCHEMA_MISMATCH: There is a mismatch between the table and partition schemas. "
                    f"The column '{name}' in table '{table['DatabaseName']}.{table['Name']}' is declared as type "
                    f"'{declared[name]}', but partition '{partition['Values']}' declared column '{name}' as type "
                    f"'{own[name]}'."
                )
    partitions = [(tuple(one["Values"]), one["StorageDescriptor"]["Location"]) for one in registered]
    if not partitions or not condition:
        return partitions
    rows = ", ".join(f"({place}, {_literals(values)})" for place, (values, _) in enumerate(partitions))
    sql = f"select place from (select place, {_values(keys)} from (values {rows}) p(place, {_names(keys)}))"
    kept = engine.execute(f"{sql} where {condition}").fetchall()
    return [partitions[place] for (place,) in kept]


def _select(
    engine: duckdb.DuckDBPyConnection,
    declared: dict[str, str],
    keys: dict[str, str],
    values_of: dict[str, tuple[str, ...]],
) -> str:
    """Columns by name, as Glue declares them, NULL where no file has them; then the partition's values."""
    files = ", ".join(literal(file) for file in values_of)
    scan = f"read_parquet([{files}], union_by_name = true, hive_partitioning = false, filename = '__file')"
    found = {row[0].lower(): (row[0], row[1]) for row in engine.execute(f"describe from {scan}").fetchall()}
    # Of several types in several files DuckDB would make one; Athena looks at each file.
    leaves = (
        f"select distinct lower(name), duckdb_type from parquet_schema([{files}]) where num_children is null"
    )
    held: dict[str, set[str]] = {}
    for name, kind in engine.execute(leaves).fetchall():
        held.setdefault(name, set()).add(kind)
    columns = []
    for name, kind in declared.items():
        own_name, own_kind = found.get(name.lower(), ("", kind))
        kinds = held.get(name.lower(), set()) if own_name and coercion.is_plain(own_kind) else {own_kind}
        for each in sorted(kinds):
            if not coercion.fits(each, kind):
                raise QueryFailedError(
                    f"HIVE_BAD_DATA: Field {name}'s type {each} in parquet file is incompatible with type {kind} "
                    "defined in table schema"
                )
        columns.append(f"cast({f'd.{quoted(own_name)}' if own_name else 'null'} as {kind}) as {quoted(name)}")
    if not keys:
        return f"select {', '.join(columns)} from {scan} d"
    rows = ", ".join(f"({literal(file)}, {_literals(values)})" for file, values in values_of.items())
    return (
        f"select {', '.join(columns)}, {_values(keys)} from {scan} d "
        f"join (values {rows}) p(file, {_names(keys)}) on d.__file = p.file"
    )


def _values(keys: dict[str, str]) -> str:
    """The partition keys as typed columns of `p`, whose v0, v1 and so on are their texts."""
    return ", ".join(
        f"cast(nullif(p.v{place}, {literal(NULL_PARTITION)}) as {kind}) as {quoted(name)}"
        for place, (name, kind) in enumerate(keys.items())
    )


def _names(keys: dict[str, str]) -> str:
    return ", ".join(f"v{place}" for place in range(len(keys)))


def _literals(values: tuple[str, ...]) -> str:
    return ", ".join(literal(value) for value in values)


def _size(files: list[str]) -> int:
    return sum(Path(file).stat().st_size for file in files)


def quoted(name: str) -> str:
    """A name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string in SQL."""
    return "'" + text.replace("'", "''") + "'"
