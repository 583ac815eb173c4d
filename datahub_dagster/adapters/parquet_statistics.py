"""What a Parquet footer says of each column: its type in the hub's words, nulls, smallest and largest value."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from datahub_dagster.domain.profile import Footer, FoundColumn
from datahub_dagster.domain.statistics import together

_BOUNDED = {
    "varchar", "bigint", "integer", "smallint", "tinyint", "ubigint", "uinteger", "usmallint", "utinyint", "double", "real", "boolean",
    "date", "timestamp", "timestamptz", "time",
}  # fmt: skip
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - that of instants without a time zone
_EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)


class Leaf(NamedTuple):
    """Where a footer tells of a column. `index` is None if the column is nested: then several leaves do, of other rows than its own.

    `of_raw` makes a value of what is written there; None = pyarrow does it, which takes ten times as long.
    """

    index: int | None
    is_bounded: bool = False
    of_raw: Callable[[Any], object] | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a schema, and a leaf for each."""

    columns: tuple[FoundColumn, ...]
    leaves: tuple[Leaf, ...]
    leaf_count: int

    def index(self, column: str) -> int | None:
        """Where a footer tells of a column, case ignored; None if there is no such one, or it is nested."""
        wanted = column.lower()
        pairs = zip(self.columns, self.leaves, strict=True)
        return next((leaf.index for found, leaf in pairs if found.name.lower() == wanted), None)


class Layouts:
    """The layout of each file. Files of a delivery mostly share one: it is made once, which pays for reading the statistics."""

    def __init__(self) -> None:
        self._last: tuple[pq.ParquetSchema, bytes | None, Layout] | None = None

    def of(self, file: pq.ParquetFile) -> Layout:
        """The layout of a file: of its Parquet schema, and Arrow's own beside it."""
        schema, arrows = file.metadata.schema, (file.metadata.metadata or {}).get(b"ARROW:schema")
        last = self._last
        if last is not None and arrows == last[1] and schema.equals(last[0]):
            return last[2]
        layout = _layout(file)
        self._last = schema, arrows, layout
        return layout


def _layout(file: pq.ParquetFile) -> Layout:
    columns: list[FoundColumn] = []
    leaves: list[Leaf] = []
    at = 0
    for field in file.schema_arrow:
        word, count = type_word(field.type), _leaf_count(field.type)
        columns.append(FoundColumn(name=_text(field.name), type=word))
        leaves.append(_leaf(file, at, word, field.type) if not field.type.num_fields else Leaf(None))
        at += count
    return Layout(tuple(columns), tuple(leaves), at)


def _leaf(file: pq.ParquetFile, at: int, word: str, found: pa.DataType) -> Leaf:
    is_bounded = (word in _BOUNDED or word.startswith("decimal(")) and not pa.types.is_float16(found)
    of_raw = _OF_RAW.get(word)
    if word in _OF_NANOSECONDS and at < file.metadata.num_columns:
        logical = file.schema.column(at).logical_type.to_json()
        of_raw = _OF_NANOSECONDS[word] if '"nanoseconds"' in logical else None
    return Leaf(at, is_bounded, of_raw)


def _day(days: int) -> date:
    return date.fromordinal(_EPOCH.toordinal() + days)


def _instant(nanoseconds: int) -> datetime:
    """To the microsecond: what is finer is left out."""
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)


def _instant_utc(nanoseconds: int) -> datetime:
    return _EPOCH_UTC + timedelta(microseconds=nanoseconds // 1000)


_OF_RAW: dict[str, Callable[[Any], object]] = {
    "bigint": int,
    "integer": int,
    "smallint": int,
    "tinyint": int,
    "double": float,
    "real": float,
    "boolean": bool,
    "varchar": bytes.decode,
    "date": _day,
}
_OF_NANOSECONDS = {"timestamp": _instant, "timestamptz": _instant_utc}  # pyarrow would load pandas for them


def _leaf_count(found: pa.DataType) -> int:
    if isinstance(found, pa.BaseExtensionType):
        return _leaf_count(found.storage_type)
    return sum(_leaf_count(found.field(i).type) for i in range(found.num_fields)) or 1


def footers(metadata: pq.FileMetaData, layout: Layout) -> tuple[Footer, ...]:
    """What the footer says of each column of the layout, over all row groups."""
    rows = metadata.num_rows
    if layout.leaf_count != metadata.num_columns:
        return tuple(Footer(rows, None, None, None) for _ in layout.columns)
    groups = [
        (each := metadata.row_group(number), each.num_rows) for number in range(metadata.num_row_groups)
    ]
    if len(groups) == 1:
        group = groups[0][0]
        return tuple([_footer(group, rows, leaf) for leaf in layout.leaves])
    return tuple(together([_footer(*group, leaf) for group in groups]) for leaf in layout.leaves)


def _footer(group: Any, rows: int, leaf: Leaf) -> Footer:
    index, is_bounded, of_raw = leaf
    try:
        statistics = None if index is None else group.column(index).statistics
        if statistics is None:
            return Footer(rows, None, None, None)
        nulls = statistics.null_count if statistics.has_null_count else None
        if not is_bounded or not statistics.has_min_max:
            return Footer(rows, nulls, None, None)
        if of_raw is None:
            low, high = statistics.min, statistics.max
        else:
            low, high = of_raw(statistics.min_raw), of_raw(statistics.max_raw)
        if low != low or high != high:  # NaN, as some writers have it
            return Footer(rows, nulls, None, None)
        return Footer(rows, nulls, low, high)
    except Exception:  # noqa: BLE001 - whatever a stranger wrote there, no delivery is refused for a bound that can't be read
        return Footer(rows, None, None, None)


def _text(name: str) -> str:
    return name.encode("utf-8", "replace").decode("utf-8")


def type_word(found: pa.DataType) -> str:
    """An Arrow type in the words of `domain.schema`; a type that no engine of ours holds keeps Arrow's own word.

    >>> (
    ...     type_word(pa.int64()),
    ...     type_word(pa.large_string()),
    ...     type_word(pa.timestamp("us", tz="UTC")),
    ...     type_word(pa.decimal128(10, 2)),
    ... )
    ('bigint', 'varchar', 'timestamptz', 'decimal(10,2)')
    """
    if isinstance(found, pa.DictionaryType):
        return type_word(found.value_type)
    if isinstance(found, pa.TimestampType):
        return "timestamptz" if found.tz else "timestamp"
    if pa.types.is_decimal(found):
        return f"decimal({found.precision},{found.scale})"
    if pa.types.is_list(found) or pa.types.is_large_list(found) or pa.types.is_fixed_size_list(found):
        return f"array<{type_word(found.value_type)}>"
    if pa.types.is_struct(found):
        return f"struct<{','.join(f'{field.name}:{type_word(field.type)}' for field in found)}>"
    if isinstance(found, pa.MapType):
        return f"map<{type_word(found.key_type)},{type_word(found.item_type)}>"
    return _WORDS.get(str(found), str(found))


_WORDS = {
    "string": "varchar",
    "large_string": "varchar",
    "string_view": "varchar",
    "int64": "bigint",
    "int32": "integer",
    "int16": "smallint",
    "int8": "tinyint",
    "uint64": "ubigint",
    "uint32": "uinteger",
    "uint16": "usmallint",
    "uint8": "utinyint",
    "double": "double",
    "float": "real",
    "halffloat": "real",
    "bool": "boolean",
    "date32[day]": "date",
    "date64[ms]": "date",
    "time32[ms]": "time",
    "time32[s]": "time",
    "time64[us]": "time",
    "time64[ns]": "time",
    "binary": "varbinary",
    "large_binary": "varbinary",
}
