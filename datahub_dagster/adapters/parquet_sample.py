"""A few rows of what is published, for the pages. Reads one file, and of it no more than it must."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, BinaryIO
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from datahub_dagster.domain.audit import Sample
from datahub_dagster.domain.names import Location
from datahub_dagster.domain.view import ReleasedFile
from datahub_dagster.errors import CorruptError
from datahub_dagster.ports import Storage

_LONGEST = 200  # characters of a value
_BUFFER = 1 << 16  # bytes of a column that are read at once; Arrow would take a row group's whole column


class ParquetSampler:
    """Takes the first rows of the newest partition."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def sample(self, files: Sequence[ReleasedFile], columns: Sequence[str], rows: int) -> Sample:
        """The first rows of the newest partition's first file that has any: the same ones for the same files.

        Args:
            files: What is published, or its newest partition alone.
            columns: Those that may be shown; no other one is read. One that the file doesn't hold is null, as readers see it.
            rows: How many at most.

        Returns:
            Values as text of at most 200 characters: binary ones in hexadecimal digits, nested ones as JSON.

        Raises:
            CorruptError: The file is not there, or can't be read.
            StorageError: The storage refuses.
        """
        newest = max((file.partition for file in files), default="")
        first = sorted((file for file in files if file.partition == newest and file.rows), key=_path)[:1]
        found: list[Mapping[str, str | None]] = []
        for file in first if columns else []:
            try:
                with self._storage.open(Location(file.path)) as stream:
                    found = list(_rows(stream, file, {name.lower() for name in columns}, rows))
            except (pa.ArrowException, OSError, ValueError, ArithmeticError, RecursionError) as error:
                raise CorruptError(
                    "the rows of a published file can't be read",
                    subject=file.path,
                    found=f"{type(error).__name__}: {error}".splitlines()[0][:_LONGEST],
                    next_step="restore the file from a backup, then: datahub doctor",
                ) from error
        return Sample(
            columns=tuple(columns),
            rows=tuple(tuple(row.get(name.lower()) for name in columns) for row in found),
            truncated=sum(file.rows for file in files) > len(found),
        )


def _path(file: ReleasedFile) -> str:
    return file.path


def _rows(
    stream: BinaryIO, file: ReleasedFile, wanted: set[str], count: int
) -> Iterator[Mapping[str, str | None]]:
    """Rows by the names (lower case) of their columns."""
    key = _key_in(file)
    parquet = pq.ParquetFile(stream, buffer_size=_BUFFER, pre_buffer=False, coerce_int96_timestamp_unit="us")
    read = [name for name in parquet.schema_arrow.names if name.lower() in wanted]
    if not read:
        yield from [key] * min(count, file.rows)
        return
    for batch in parquet.iter_batches(batch_size=max(count, 1), columns=read, use_threads=False):
        table = _without_nanoseconds(pa.Table.from_batches([batch]))
        for row in table.slice(0, count).to_pylist(maps_as_pydicts="lossy"):
            yield {name.lower(): _text(value) for name, value in row.items()} | key
        count -= batch.num_rows
        if count <= 0:
            return


def _key_in(file: ReleasedFile) -> dict[str, str | None]:
    """The partition column, if the file has it in its path only."""
    if file.holds_partition_column:
        return {}
    pairs = (folder.partition("=") for folder in file.path.split("/")[:-1])
    return {name.lower(): file.partition for name, _, key in pairs if unquote(key) == file.partition}


def _without_nanoseconds(table: pa.Table) -> pa.Table:
    """Python has instants to the microsecond."""
    fields = [field.with_type(_to_microseconds(field.type)) for field in table.schema]
    return table.cast(pa.schema(fields), safe=False)


def _to_microseconds(kind: pa.DataType) -> pa.DataType:
    if isinstance(kind, pa.TimestampType):
        return pa.timestamp("us", kind.tz)
    return pa.time64("us") if kind == pa.time64("ns") else kind


def _text(value: Any) -> str | None:
    if value is None:
        return None
    text = _plain(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _plain(value: Any) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case bytes():
            return value[:_LONGEST].hex()
        case datetime():
            return str(value.astimezone(UTC) if value.tzinfo else value)
        case Decimal():
            return f"{value:f}"
        case list() | dict():
            return json.dumps(_nested(value), ensure_ascii=False)
        case _:
            return str(value)


def _nested(value: Any) -> Any:
    """A value as JSON has it."""
    match value:
        case list():
            return [_nested(each) for each in value]
        case dict():
            return {_plain(key): _nested(each) for key, each in value.items()}
        case None | bool() | int() | float() | str():
            return value
        case _:
            return _plain(value)
