"""Parquet footers → profiles. The data pages are never read."""

from collections.abc import Sequence
from datetime import date, datetime
from os import SEEK_END
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from datahub_dagster.adapters.parquet_statistics import Layouts, footers
from datahub_dagster.domain.names import Location
from datahub_dagster.domain.profile import Bounds, FileProfile
from datahub_dagster.ports import Profiler, Storage
from datahub_dagster.side_by_side import side_by_side


class ParquetProfiler(Profiler):
    """Reads each file's footer through the storage."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def profile(
        self, folder: Location, files: Sequence[tuple[str, int]], bounds_of: str | None
    ) -> Sequence[FileProfile]:
        layouts = Layouts()
        return list(
            side_by_side(
                lambda file: self._profile_file(folder, *file, bounds_of, layouts),
                files,
                self._storage.parallel,
            )
        )

    def _profile_file(
        self, folder: Location, path: str, size: int, bounds_of: str | None, layouts: Layouts
    ) -> FileProfile:
        try:
            with self._storage.open(folder / path) as stream:
                footer = pq.ParquetFile(stream)
                if _is_signed(stream, footer.metadata):
                    return FileProfile(
                        path=path,
                        size=size,
                        broken="an encrypted Parquet file: no engine of the hub has its keys",
                    )
                layout = layouts.of(footer)
                return FileProfile(
                    path=path,
                    size=size,
                    rows=footer.metadata.num_rows,
                    columns=layout.columns,
                    bounds=_bounds(footer.metadata, layout.index(bounds_of)) if bounds_of else None,
                    statistics=footers(footer.metadata, layout),
                )
        except FileNotFoundError:
            return FileProfile(path=path, size=size, broken="the file has gone")
        except (pa.ArrowException, OSError, ValueError, ArithmeticError, RecursionError) as error:
            return FileProfile(
                path=path, size=size, broken=f"not a readable Parquet file: {_first_line(error)}"
            )


def _bounds(metadata: pq.FileMetaData, index: int | None) -> Bounds | None:
    """Smallest and largest value over all row groups; None as soon as one group has no statistics."""
    if index is None:
        return None
    lowest: list[str] = []
    highest: list[str] = []
    null_count: int | None = 0
    for group in range(metadata.num_row_groups):
        chunk = metadata.row_group(group).column(index)
        statistics = chunk.statistics
        if statistics is None:
            return Bounds(minimum=None, maximum=None, null_count=None)
        nulls = statistics.null_count if statistics.has_null_count else None
        null_count = None if null_count is None or nulls is None else null_count + nulls
        if nulls is not None and nulls == chunk.num_values and not statistics.has_min_max:
            continue  # a group of nulls alone
        if not statistics.has_min_max:
            return Bounds(minimum=None, maximum=None, null_count=null_count)
        lowest.append(_iso(statistics.min))
        highest.append(_iso(statistics.max))
    if not lowest:
        return Bounds(minimum=None, maximum=None, null_count=null_count)
    return Bounds(minimum=min(lowest), maximum=max(highest), null_count=null_count)


def _iso(value: object) -> str:
    if isinstance(value, date | datetime):
        return value.isoformat()
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _is_signed(stream: BinaryIO, metadata: pq.FileMetaData) -> bool:
    """Whether the footer carries a signature, as it does in a file whose columns alone are encrypted.

    pyarrow 26 ends the process (`std::terminate`) when it is asked for the statistics of an encrypted column.
    """
    stream.seek(-8, SEEK_END)
    return int.from_bytes(stream.read(4), "little") != metadata.serialized_size


def _first_line(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    line = text.splitlines()[0][:200]
    return line if line.isprintable() else repr(line)[1:-1]  # Arrow quotes what it found
