"""Rows for the pages: a few, of the columns that may be shown, and at the price of a few kilobytes."""

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.adapters.parquet_sample import ParquetSampler
from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.adapters.storage.s3 import S3Storage
from datahub_dagster.domain.contract import Classification, Column
from datahub_dagster.domain.names import Location
from datahub_dagster.domain.sampling import columns_to_sample
from datahub_dagster.domain.view import ReleasedFile
from datahub_dagster.errors import CorruptError
from datahub_dagster.ports import Storage
from tests.aws import AwsAccount
from tests.builders import column, contract
from tests.hubs import as_parquet

FOLDER = "releases/payments/orders/2026-11-20.1"


@pytest.fixture(params=["on disk", pytest.param("on s3", marks=pytest.mark.aws)])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    if request.param == "on disk":
        yield LocalStorage(tmp_path)
        return
    account: AwsAccount = request.getfixturevalue("aws_account")
    aws = AwsClients()
    yield S3Storage(aws, account.bucket, "hub")
    aws.close()


@pytest.fixture
def disk(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path)


def put(storage: Storage, table: pa.Table, path: str = "part-0.parquet", **more: Any) -> ReleasedFile:
    location = f"{FOLDER}/{path}"
    storage.replace(Location(location), as_parquet(table))
    return ReleasedFile(path=location, size=1, sha256="", rows=table.num_rows, **more)


def of(value: Any, kind: pa.DataType, storage: Storage) -> str | None:
    """How the only value of a column is shown."""
    table = pa.table({"x": pa.array([value], kind)})
    return ParquetSampler(storage).sample([put(storage, table)], ["x"], 5).rows[0][0]


def test_the_first_rows_of_the_asked_columns_are_shown(storage: Storage) -> None:
    orders = pa.table({"id": [3, 1, 2], "holder": ["Taro", "Hana", None], "Amount": [1.5, None, 2.0]})
    file = put(storage, orders)

    sample = ParquetSampler(storage).sample([file], ["id", "amount"], 2)

    assert sample.columns == ("id", "amount")
    assert sample.rows == (("3", "1.5"), ("1", None))
    assert sample.truncated
    assert not ParquetSampler(storage).sample([file], ["id"], 3).truncated


def test_they_are_of_the_newest_partition_whose_key_comes_from_the_path(storage: Storage) -> None:
    files = [
        put(
            storage, pa.table({"id": [number]}), f"day=2026-11-{number}/p.parquet",
            partition=f"2026-11-{number}", holds_partition_column=False,
        )
        for number in (19, 20, 18)
    ]  # fmt: skip

    sample = ParquetSampler(storage).sample(files, ["day", "id"], 5)

    assert sample.rows == (("2026-11-20", "20"),)
    assert sample.truncated


def test_a_key_is_shown_even_where_no_other_column_may_be(disk: LocalStorage) -> None:
    file = put(
        disk, pa.table({"holder": ["Taro", "Hana"]}), "region=eu/day=2026-11-20/p.parquet",
        partition="2026-11-20", holds_partition_column=False,
    )  # fmt: skip

    assert ParquetSampler(disk).sample([file], ["day", "region"], 5).rows == (("2026-11-20", None),) * 2


def test_a_column_that_the_file_does_not_hold_is_null_as_for_readers(disk: LocalStorage) -> None:
    file = put(disk, pa.table({"id": [1]}))

    assert ParquetSampler(disk).sample([file], ["id", "came_later"], 5).rows == (("1", None),)


def test_empty_files_are_passed_over_and_nothing_published_is_no_rows(disk: LocalStorage) -> None:
    empty = put(disk, pa.table({"id": pa.array([], pa.int64())}), "a.parquet")
    full = put(disk, pa.table({"id": [7]}), "b.parquet")
    sampler = ParquetSampler(disk)

    assert sampler.sample([full, empty], ["id"], 5).rows == (("7",),)
    assert sampler.sample([empty], ["id"], 5).rows == ()
    assert sampler.sample([], ["id"], 5).rows == ()
    assert sampler.sample([full], [], 5).rows == ()
    assert sampler.sample([full], ["id"], 0).rows == ()


@pytest.mark.parametrize(
    ("value", "kind", "shown"),
    [
        ("東京", pa.string(), "東京"),
        (True, pa.bool_(), "true"),
        (b"\x00\xff", pa.binary(), "00ff"),
        (Decimal("1200000000.50"), pa.decimal128(18, 2), "1200000000.50"),
        (date(2026, 11, 20), pa.date32(), "2026-11-20"),
        (time(9, 30), pa.time64("ns"), "09:30:00"),
        (1_763_631_000_000_000_123, pa.timestamp("ns"), "2025-11-20 09:30:00"),
        (datetime(2026, 11, 20, tzinfo=UTC), pa.timestamp("us", "Asia/Tokyo"), "2026-11-20 00:00:00+00:00"),
        ([1, None], pa.list_(pa.int64()), "[1, null]"),
        ({"at": date(2026, 11, 20), "by": "花"}, pa.struct({"at": pa.date32(), "by": pa.string()}),
         '{"at": "2026-11-20", "by": "花"}'),
        ([(date(2026, 11, 20), Decimal("1.50"))], pa.map_(pa.date32(), pa.decimal128(5, 2)),
         '{"2026-11-20": "1.50"}'),
        ("x" * 200, pa.string(), "x" * 200),
        ("x" * 201, pa.string(), "x" * 199 + "…"),
        (b"\xab" * 5000, pa.binary(), ("ab" * 100)[:199] + "…"),
    ],
)  # fmt: skip
def test_values_are_short_text(value: Any, kind: pa.DataType, shown: str, disk: LocalStorage) -> None:
    assert of(value, kind, disk) == shown


class CountingStorage(LocalStorage):
    """Counts the bytes that are read of files."""

    bytes = 0

    def open(self, location: Location) -> BinaryIO:
        return CountedFile(self, self.root / location.path)


class CountedFile(io.FileIO):
    def __init__(self, storage: CountingStorage, path: Path) -> None:
        super().__init__(path)
        self._storage = storage

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(-1 if size is None else size) or b""
        self._storage.bytes += len(content)
        return content


def test_a_row_group_of_a_million_rows_is_not_read_to_show_five(tmp_path: Path) -> None:
    storage = CountingStorage(tmp_path)
    path = tmp_path / FOLDER / "part-0.parquet"
    path.parent.mkdir(parents=True)
    ids = pa.array(range(1_000_000), pa.int64())
    table = pa.table({"id": ids, "holder": ids.cast(pa.string())})
    pq.write_table(table, path, row_group_size=1_000_000, compression="none", use_dictionary=False)
    file = ReleasedFile(path=f"{FOLDER}/part-0.parquet", size=1, sha256="", rows=1_000_000)

    rows = ParquetSampler(storage).sample([file], ["id"], 5).rows

    assert rows == tuple((str(number),) for number in range(5))
    assert path.stat().st_size > 15_000_000
    assert 0 < storage.bytes < 2_000_000


def test_a_file_that_is_gone_or_broken_is_an_error_of_the_hub(disk: LocalStorage) -> None:
    file = put(disk, pa.table({"id": [1]}))
    disk.replace(Location(file.path), b"not a Parquet file at all")
    with pytest.raises(CorruptError) as caught:
        ParquetSampler(disk).sample([file], ["id"], 5)
    assert caught.value.subject == file.path
    assert caught.value.next_step

    disk.delete(Location(file.path))
    with pytest.raises(CorruptError, match="can't be read"):
        ParquetSampler(disk).sample([file], ["id"], 5)


# ── Which columns may be shown ───────────────────────────────────────────────────────────────────────────────────────

SECRET, PUBLIC = Classification.CONFIDENTIAL, Classification.PUBLIC
COLUMNS: tuple[Column, ...] = (
    column("id", classification=PUBLIC),
    column("amount"),
    column("holder", classification=SECRET),
)


@pytest.mark.parametrize(
    ("classification", "is_public", "shown"),
    [
        (Classification.INTERNAL, False, ("id", "amount")),
        (PUBLIC, False, ("id", "amount")),
        (SECRET, False, ()),
        (PUBLIC, True, ("id", "amount")),
        (Classification.INTERNAL, True, ()),
        (SECRET, True, ()),
    ],
)
def test_samples_show_what_its_classification_lets_the_reader_of_the_page_see(
    classification: Classification, is_public: bool, shown: tuple[str, ...]
) -> None:
    orders = contract(columns=COLUMNS, classification=classification)

    assert columns_to_sample(orders, is_public=is_public) == shown


def test_an_internal_column_of_a_public_dataset_is_not_for_everybody() -> None:
    orders = contract(
        columns=(column("id"), column("margin", classification=Classification.INTERNAL)),
        classification=PUBLIC,
    )

    assert columns_to_sample(orders, is_public=True) == ("id",)
    assert columns_to_sample(orders, is_public=False) == ("id", "margin")


def test_a_dataset_without_promised_columns_shows_none() -> None:
    assert columns_to_sample(contract(columns=()), is_public=False) == ()
