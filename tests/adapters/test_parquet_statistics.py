"""What footers say of columns, from real Parquet files of several writers to the statistics of a release."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datahub_dagster.adapters.parquet import ParquetProfiler
from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.domain.contract import Classification, Contract
from datahub_dagster.domain.names import Location
from datahub_dagster.domain.profile import FileProfile
from datahub_dagster.domain.statistics import ColumnStatistics, statistics_of
from tests.builders import column, contract

ANY = contract(columns=())
NAN = float("nan")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def profiles(folder: Path, *tables: pa.Table, **options: Any) -> list[FileProfile]:
    for number, table in enumerate(tables):
        pq.write_table(table, folder / f"{number}.parquet", **options)
    files = [(f"{number}.parquet", 1) for number in range(len(tables))]
    return list(ParquetProfiler(LocalStorage(folder.parent)).profile(Location(folder.name), files, None))


def found(folder: Path, *tables: pa.Table, of: Contract = ANY, **options: Any) -> dict[str, tuple[Any, ...]]:
    """Nulls, smallest and largest value of each column."""
    made = statistics_of(profiles(folder, *tables, **options), of)
    return {each.name: (each.nulls, each.low, each.high) for each in made}


def one(values: list[Any], kind: pa.DataType) -> pa.Table:
    return pa.table({"x": pa.array(values, kind)})


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        (pa.int64(), [3, None, -2], (1, "-2", "3")),
        (pa.int8(), [3, -2], (0, "-2", "3")),
        (pa.uint64(), [1, 2**64 - 1], (0, "1", "18446744073709551615")),
        (pa.uint8(), [1, 255], (0, "1", "255")),
        (pa.float64(), [0.1, NAN, -1.5], (0, "-1.5", "0.1")),
        (pa.float64(), [NAN, NAN], (0, None, None)),
        (pa.float64(), [0.0, -0.0], (0, "0.0", "0.0")),
        (pa.float64(), [float("inf"), 1e300], (0, "1e+300", "inf")),
        (pa.float32(), [0.1, 16777216.0], (0, "0.1", "16777216.0")),
        (pa.float16(), [0.5, 1.5], (0, None, None)),
        (pa.bool_(), [True, False], (0, "false", "true")),
        (pa.string(), ["b", "a", None], (1, "a", "b")),
        (pa.large_string(), ["é"], (0, "é", "é")),
        (pa.dictionary(pa.int32(), pa.string()), ["b", "a"], (0, "a", "b")),
        (pa.binary(), [b"a", b"\xff"], (0, None, None)),
        (pa.date32(), [date(2026, 11, 20), date(1969, 12, 31)], (0, "1969-12-31", "2026-11-20")),
        (pa.date64(), [date(2026, 11, 20)], (0, "2026-11-20", "2026-11-20")),
        (pa.time64("us"), [time(18, 30)], (0, "18:30:00", "18:30:00")),
        (pa.timestamp("us"), [datetime(2026, 1, 1, 1)], (0, "2026-01-01T01:00:00", "2026-01-01T01:00:00")),  # noqa: DTZ001
        (pa.timestamp("ns"), [-1_500], (0, "1969-12-31T23:59:59.999998", "1969-12-31T23:59:59.999998")),
        (pa.timestamp("s"), [1], (0, "1970-01-01T00:00:01", "1970-01-01T00:00:01")),
        (pa.timestamp("us", "Asia/Tokyo"), [NOON], (0, "2026-11-20T12:00:00+00:00", "2026-11-20T12:00:00+00:00")),
        (pa.timestamp("ns", "Asia/Tokyo"), [2_000], (0, "1970-01-01T00:00:00.000002+00:00", "1970-01-01T00:00:00.000002+00:00")),
        (pa.decimal128(10, 2), [Decimal("1.10"), Decimal("-2.20")], (0, "-2.20", "1.10")),
        (pa.decimal128(38, 0), [Decimal(10) ** 30], (0, "1" + 30 * "0", "1" + 30 * "0")),
        (pa.decimal256(50, 2), [Decimal("1.50")], (0, "1.50", "1.50")),
        (pa.int64(), [None, None], (2, None, None)),
        (pa.duration("us"), [1, 2], (0, None, None)),
        (pa.list_(pa.int64()), [[1], None], (None, None, None)),
        (pa.struct({"a": pa.int64()}), [{"a": 1}, None], (None, None, None)),
        (pa.map_(pa.string(), pa.int64()), [[("k", 1)]], (None, None, None)),
    ],
    ids=str,
)  # fmt: skip
def test_each_type_is_told_as_people_read_it(
    tmp_path: Path, kind: pa.DataType, values: list[Any], expected: tuple[Any, ...]
) -> None:
    assert found(tmp_path, one(values, kind)) == {"x": expected}


def test_a_column_behind_nested_ones_keeps_its_own_bounds(tmp_path: Path) -> None:
    inner = pa.struct({"c": pa.string()})
    deep = pa.list_(pa.struct({"a": pa.int64(), "b": pa.list_(inner)}))
    table = pa.table(
        {
            "deep": pa.array([[{"a": 1, "b": [{"c": "x"}]}]], deep),
            "pairs": pa.array([[("k", 7)]], pa.map_(pa.string(), pa.int64())),
            "a.b": pa.array([5]),
        }
    )
    assert found(tmp_path, table)["a.b"] == (0, "5", "5")


def test_files_and_row_groups_are_told_as_one(tmp_path: Path) -> None:
    early, late = one([5, None, 1, 2], pa.int64()), one([None, 9], pa.int64())
    assert found(tmp_path, early, late, row_group_size=2) == {"x": (2, "1", "9")}


def test_a_file_of_nulls_or_of_no_rows_takes_nothing_from_the_others(tmp_path: Path) -> None:
    tables = (one([1], pa.int64()), one([None], pa.int64()), one([], pa.int64()))
    assert found(tmp_path, *tables) == {"x": (1, "1", "1")}


def test_nothing_is_known_of_the_whole_if_one_file_does_not_tell(tmp_path: Path) -> None:
    folder = tmp_path / "some"
    folder.mkdir()
    assert found(folder, one([1], pa.int64()), pa.table({"y": [1]})) == {
        "x": (None, None, None),
        "y": (None, None, None),
    }
    assert found(tmp_path, one([1], pa.int64()), write_statistics=False) == {"x": (None, None, None)}


def test_a_column_of_several_types_has_bounds_only_if_its_values_have_one_order(tmp_path: Path) -> None:
    assert found(tmp_path, one([1], pa.int64()), one([300], pa.int32())) == {"x": (0, "1", "300")}
    assert found(tmp_path, one([1], pa.int64()), one(["a"], pa.string())) == {"x": (0, None, None)}
    assert found(tmp_path, one([True], pa.bool_()), one([0], pa.int64())) == {"x": (0, None, None)}
    naive, aware = one([1], pa.timestamp("us")), one([1], pa.timestamp("us", "UTC"))
    assert found(tmp_path, naive, aware) == {"x": (0, None, None)}


def test_a_long_text_is_cut_before_what_some_writers_truncate(tmp_path: Path) -> None:
    low, high = "a" * 100, "é" * 100
    assert found(tmp_path, one([low, high], pa.string())) == {"x": (0, "a" * 56 + "…", "é" * 28 + "…")}
    assert found(tmp_path, one(["b" * 56], pa.string())) == {"x": (0, "b" * 56, "b" * 56)}


def test_a_text_too_long_for_footers_has_no_bounds(tmp_path: Path) -> None:
    assert found(tmp_path, one(["x" * 10_000], pa.string())) == {"x": (0, None, None)}


def test_values_of_confidential_columns_are_never_told(tmp_path: Path) -> None:
    secret = column("X", "bigint", classification=Classification.CONFIDENTIAL)
    assert found(tmp_path, one([1, None], pa.int64()), of=contract(columns=(secret,))) == {
        "x": (1, None, None)
    }


def test_what_a_confidential_dataset_does_not_promise_is_as_secret(tmp_path: Path) -> None:
    public = column("x", classification=Classification.PUBLIC)
    secret = contract(columns=(public,), classification=Classification.CONFIDENTIAL)
    table = pa.table({"x": [1], "unpromised": [2]})
    assert found(tmp_path, table, of=secret) == {"x": (0, "1", "1"), "unpromised": (0, None, None)}


def test_text_that_is_no_text_refuses_no_delivery(tmp_path: Path) -> None:
    broken = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe")]
    )
    [profile] = profiles(tmp_path, pa.table({"x": broken, "y": [1]}))
    assert profile.broken is None
    assert [each.nulls for each in profile.statistics] == [None, 0]


def test_files_of_different_layouts_are_told_apart(tmp_path: Path) -> None:
    tables = [
        pa.table({"x": [1], "y": ["a"]}),
        pa.table({"y": ["b"], "x": [2]}),
        pa.table({"x": [3], "y": ["c"]}),
    ]
    assert found(tmp_path, *tables) == {"x": (0, "1", "3"), "y": (0, "a", "c")}


def test_footers_of_another_writer_are_read(tmp_path: Path) -> None:
    target = tmp_path / "0.parquet"
    duckdb.sql(
        f"copy (select range as x, null::int as n, 'é' || range as t, date '2026-11-20' as d from range(3)) to '{target}' (format parquet)"
    )
    profile = ParquetProfiler(LocalStorage(tmp_path.parent)).profile(
        Location(tmp_path.name), [("0.parquet", 1)], None
    )
    assert statistics_of(profile, ANY) == (
        ColumnStatistics(name="x", nulls=0, low="0", high="2"),
        ColumnStatistics(name="n", nulls=3),
        ColumnStatistics(name="t", nulls=0, low="é0", high="é2"),
        ColumnStatistics(name="d", nulls=0, low="2026-11-20", high="2026-11-20"),
    )
