"""SQL to copy: what reads some rows of a dataset in Athena, Spark or DuckDB, as short as people write it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from datahub_dagster.adapters.catalog.glue_names import database_name, table_name
from datahub_dagster.adapters.duckdb_views import duckdb_type, exact, literal
from datahub_dagster.domain.contract import Contract, Granularity
from datahub_dagster.domain.release import WHOLE, Generation
from datahub_dagster.domain.schema import canonical
from datahub_dagster.domain.view import ReleasedFile

LIMIT = 100
MOST_FILES = 40

# What DuckDB, Athena (Trino) or Spark reserves: quoted as a name.
_RESERVED_WORDS = (
    "all alter analyse analyze and anti any array as asc asof asymmetric at authorization between binary "
    "both by case cast check collate collation column columns concurrently constraint create cross cube "
    "current_catalog current_date current_path current_role current_schema current_time current_timestamp "
    "current_user deallocate default deferrable delete desc describe distinct do drop else end escape "
    "except execute exists extract false fetch filter for foreign freeze from full function generated "
    "glob grant group grouping having ilike in initially inner insert intersect into is isnull join "
    "json_array json_exists json_object json_query json_table json_value lambda lateral leading left like "
    "limit listagg localtime localtimestamp map minus natural normalize not notnull null offset on only "
    "or order outer overlaps pivot pivot_longer pivot_wider placing positional prepare primary qualify "
    "recursive references returning right rollup row select semi session_user show similar skip some "
    "struct summarize symmetric table tablesample then to trailing trim true try_cast tuple uescape union "
    "unique unnest unpack unpivot user using values variadic verbose when where window with "
)
_RESERVED = frozenset(_RESERVED_WORDS.split())
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


def name(text: str, quote: str = '"') -> str:
    """A name in SQL, quoted only where it has to be.

    >>> name("trade_date"), name("order"), name("終値", "`")
    ('trade_date', '"order"', '`終値`')
    """
    if _PLAIN.fullmatch(text) and text not in _RESERVED:
        return text
    return quote + text.replace(quote, quote * 2) + quote


@dataclass(frozen=True, slots=True, kw_only=True)
class NewestKey:
    """The newest partition, as a condition on the rows.

    Args:
        type: Of the column, in the words of `domain.schema`; None = not known.
        is_finer: Whether the column holds more than the key, such as an instant: Glue has the key in a column of its own then.
        names: All column names of the contract (lower case).
    """

    column: str
    key: str
    type: str | None
    is_finer: bool
    names: frozenset[str]

    @property
    def is_month(self) -> bool:
        """Whether the key is `YYYY-MM`."""
        return len(self.key) == len("2026-11")

    def in_glue(self, quote: str = '"') -> str:
        """The condition on Glue's table, for Athena and Spark."""
        column = self.column.lower()
        if self.is_finer:
            column = f"{column}_{'month' if self.is_month else 'day'}"
            while column in self.names:
                column += "_key"
        text = literal(self.key)
        if self.is_finer or self.is_month or self.type == "varchar":
            return f"{name(column, quote)} = {text}"
        if self.type is None:
            return f"CAST({name(column, quote)} AS {'string' if quote == '`' else 'varchar'}) = {text}"
        return f"{name(column, quote)} = DATE {text}"

    def in_duckdb(self) -> str | None:
        """The same on the hub's files, where a text is compared with a date as one; None if the column holds more."""
        return None if self.is_finer else f"{name(self.column)} = {literal(self.key)}"


def newest_key(contract: Contract, current: Generation, files: Sequence[ReleasedFile]) -> NewestKey | None:
    """The newest partition that is published; None in a dataset in one piece."""
    spec = contract.partitions
    if spec is None or WHOLE in current.partitions or not current.partitions:
        return None
    promised = contract.column(spec.column)
    word = canonical(promised.data_type) if promised and promised.data_type else None
    is_in_path = bool(files) and not any(file.holds_partition_column for file in files)
    by_month = spec.granularity is Granularity.MONTH
    if word is None and is_in_path:
        word = "varchar" if by_month else "date"
    is_finer = any(file.holds_partition_column and not file.holds_only_key for file in files)
    if not files:  # too many to be looked at: what the promised type can hold
        is_finer = word in ("timestamp", "timestamptz") or (by_month and word == "date")
    return NewestKey(
        column=spec.column,
        key=max(current.partitions),
        type=word,
        is_finer=is_finer,
        names=frozenset(column.name.lower() for column in contract.columns),
    )


def glue_query(contract: Contract, prefix: str, newest: NewestKey | None, quote: str = '"') -> str:
    """Rows of Glue's table, without a semicolon."""
    database = name(database_name(prefix, contract.schema), quote)
    condition = f"\nWHERE {newest.in_glue(quote)}" if newest else ""
    return (
        f"SELECT *\nFROM {database}.{name(table_name(contract.identifier), quote)}{condition}\nLIMIT {LIMIT}"
    )


def view_query(contract: Contract, newest: NewestKey | None) -> str:
    """Rows of the view that a reader's DuckDB connection has, without a semicolon."""
    condition = newest.in_duckdb() if newest else None
    where = f"\nWHERE {condition}" if condition else ""
    return f"SELECT *\nFROM {name(contract.name.source)}.{name(contract.name.table)}{where}\nLIMIT {LIMIT}"


def file_query(files: Sequence[ReleasedFile], newest: NewestKey | None, root: str) -> str | None:
    """DuckDB's SQL over the published files, without a semicolon; None where that would be no example any more.

    Args:
        files: All that are published, or those of the newest partition alone.
        newest: The newest partition, whose files alone are listed; None = the dataset is in one piece.
        root: Address before their paths; empty = the folder of the hub.
    """
    files = [file for file in files if newest is None or file.partition == newest.key]
    options = _options(files, newest)
    if not files or len(files) > MOST_FILES or options is None:
        return None
    paths = ",\n".join(
        f"    {literal(exact(f'{root}/{file.path}' if root else file.path))}" for file in files
    )
    return f"SELECT *\nFROM read_parquet([\n{paths}\n], union_by_name = true, {options})\nLIMIT {LIMIT}"


def _options(files: Sequence[ReleasedFile], newest: NewestKey | None) -> str | None:
    """How DuckDB gets the partition column; None where one call can't say it."""
    if newest is None or all(file.holds_partition_column for file in files):
        return "hive_partitioning = false"
    spelled = {pair.split("=")[0] for file in files for pair in file.path.split("/")[:-1] if "=" in pair}
    if spelled != {newest.column} or any(file.holds_partition_column for file in files):
        return None
    kind = "VARCHAR" if newest.is_month else duckdb_type(newest.type).upper()
    return f"hive_partitioning = true, hive_types = {{{literal(newest.column)}: {kind}}}"
