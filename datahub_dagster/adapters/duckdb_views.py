"""Datasets as DuckDB views over exact lists of files: what an audit tests, what the catalog shows, what a reader opens."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import unquote

from datahub_dagster.domain.names import Location
from datahub_dagster.domain.schema import canonical
from datahub_dagster.domain.view import DatasetView, ReleasedFile, ViewColumn

DATABASE = "memory"  # what DuckDB calls the database of a connection to ":memory:"

_UNKNOWN_TYPE = "varchar"
_WORDS = {
    "varbinary": "blob",
    "array": "varchar[]",
    "struct": "struct(unknown varchar)",
    "map": "map(varchar, varchar)",
}
_NESTED = re.compile(r"(array|list|struct|row|map)\s*[<(](.*)[>)]", re.DOTALL | re.IGNORECASE)
_KEY_IN_PATH = re.compile(r"([^/=]+)=([^/]*)")


def view_sql(
    view: DatasetView, engine_path: Callable[[Location], str], *, database: str = DATABASE
) -> list[str]:
    """The statements that make `"<schema>"."<table>"` in a DuckDB connection.

    Names are qualified with the database, since a source may be called `temp` or `system`, as DuckDB's own databases are. A dataset
    of no files (all partitions were removed) is an empty view with the promised columns.
    """
    schema = f"{quoted(database)}.{quoted(view.schema)}"
    name = f"{schema}.{quoted(view.table)}"
    statements = [
        f"create schema if not exists {schema}",
        f"create or replace view {name} as {select_sql(view, engine_path)}",
    ]
    if view.description:
        statements.append(f"comment on view {name} is {literal(view.description)}")
    return statements


def select_sql(view: DatasetView, engine_path: Callable[[Location], str]) -> str:
    """The query behind the view."""
    branches = list(_branches(view, engine_path))
    if not branches:
        columns = view.columns or (
            ViewColumn(name=view.partition_column or "nothing_is_published", type=view.partition_type),
        )
        return f"select {', '.join(_null(column) for column in columns)} where false"
    rows = " union all by name ".join(branches)
    if not view.columns:
        return rows
    return f"select {', '.join(_shown(column) for column in view.columns)} from ({rows})"


def duckdb_type(promised: str | None) -> str:
    """A type in the words of `domain.schema`, or as a team wrote it, in DuckDB's; varchar where it is in no known words.

    >>> duckdb_type("varbinary"), duckdb_type("decimal(10,2)"), duckdb_type("array<struct<a:int64, b text>>")
    ('blob', 'decimal(10,2)', 'struct("a" bigint, "b" varchar)[]')
    """
    text = (promised or "").strip()
    if nested := _NESTED.fullmatch(text):
        return _nested_type(nested[1].lower(), nested[2])
    if text.endswith("[]"):
        return f"{duckdb_type(text[:-2])}[]"
    word = canonical(text) if text else None
    return _WORDS.get(word, word) if word else _UNKNOWN_TYPE


def quoted(name: str) -> str:
    """An SQL identifier.

    >>> quoted('my "x" table')
    '"my ""x"" table"'
    """
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """An SQL string.

    >>> print(literal("it's"))
    'it''s'
    """
    return "'" + text.replace("'", "''") + "'"


def exact(path: str) -> str:
    """A path as DuckDB's pattern that matches this file alone: it expands patterns in lists of files, too.

    >>> exact("/hub/[x]*.parquet")
    '/hub/[[]x][*].parquet'
    """
    return re.sub(r"[*?\[]", r"[\g<0>]", path)


def _branches(view: DatasetView, engine_path: Callable[[Location], str]) -> Iterator[str]:
    whole: list[str] = []
    by_key_spelling: dict[str, list[str]] = defaultdict(list)
    by_value: dict[str, list[str]] = defaultdict(list)
    for file in view.files:
        path = engine_path(Location(file.path))
        if view.partition_column is None or file.holds_partition_column:
            whole.append(path)
        elif spelling := _only_key(path, view.partition_column):
            by_key_spelling[spelling].append(path)
        else:
            by_value[_partition_value(file, view.partition_column)].append(path)
    if whole:
        yield f"select * from {_read(whole)}"
    if view.partition_column is None:
        return
    column = quoted(view.partition_column)
    for spelling, paths in sorted(by_key_spelling.items()):
        rows = _read(paths, hive_type=(spelling, view.partition_type))
        key = quoted(spelling)
        yield (
            f"select * from {rows}"
            if key == column
            else f"select * exclude ({key}), {key} as {column} from {rows}"
        )
    for value, paths in sorted(by_value.items()):
        yield f"select *, cast({literal(value)} as {view.partition_type}) as {column} from {_read(paths)}"


def _only_key(path: str, column: str) -> str | None:
    """How the path spells the partition column, if that is the only `key=value` folder in it.

    DuckDB takes every such folder for a column, and puts it in the place of a column of that name in the file: a hub below
    `/data/env=prod/` would show `prod` for all of a dataset's own column `env`.
    """
    folders = path.rpartition("/")[0].split("/")
    keys = [match[1] for folder in folders if (match := _KEY_IN_PATH.fullmatch(folder))]
    return keys[0] if len(keys) == 1 and keys[0].lower() == column.lower() else None


def _partition_value(file: ReleasedFile, column: str) -> str:
    for folder in reversed(file.path.split("/")[:-1]):
        match = _KEY_IN_PATH.fullmatch(folder)
        if match and match[1].lower() == column.lower():
            return unquote(match[2])
    return file.partition


def _read(paths: Sequence[str], hive_type: tuple[str, str] | None = None) -> str:
    files = ", ".join(literal(exact(path)) for path in paths)
    hive = "hive_partitioning = false"
    if hive_type is not None:
        key, kind = hive_type
        hive = f"hive_partitioning = true, hive_types = {{{literal(key)}: {kind}}}"
    return f"read_parquet([{files}], union_by_name = true, {hive})"


def _shown(column: ViewColumn) -> str:
    return f"{quoted(column.name)} as {quoted(column.name)}" if column.found else _null(column)


def _null(column: ViewColumn) -> str:
    return f"cast(null as {duckdb_type(column.type)}) as {quoted(column.name)}"


def _nested_type(kind: str, inside: str) -> str:
    parts = list(_split(inside))
    if kind in {"array", "list"}:
        return f"{duckdb_type(inside)}[]"
    if kind == "map" and len(parts) == 2:
        return f"map({duckdb_type(parts[0])}, {duckdb_type(parts[1])})"
    if kind in {"struct", "row"}:
        fields = [re.split(r"\s*:\s*|\s+", part.strip(), maxsplit=1) for part in parts]
        if all(len(field) == 2 for field in fields):
            return f"struct({', '.join(f'{quoted(name)} {duckdb_type(of)}' for name, of in fields)})"
    return _UNKNOWN_TYPE


def _split(text: str) -> Iterator[str]:
    """The parts between commas that stand in no brackets."""
    depth, start = 0, 0
    for place, char in enumerate(text):
        depth += (char in "<([") - (char in ">)]")
        if char == "," and depth == 0:
            yield text[start:place]
            start = place + 1
    yield text[start:]
