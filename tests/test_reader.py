"""`datahub_dagster.open()`: the published data for notebooks, at any kept release."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

import datahub_dagster
from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.adapters.release_log import JsonReleaseLog
from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.adapters.storage.s3 import S3Storage
from datahub_dagster.domain.names import DatasetName, Location
from datahub_dagster.domain.release import GenerationKind, ReleaseState
from datahub_dagster.domain.view import FileList, ReleasedFile
from datahub_dagster.errors import (
    RetentionError,
    SettingsError,
    StorageError,
    UnknownDatasetError,
    UnknownReleaseError,
    UsageError,
)
from datahub_dagster.ports import Storage
from datahub_dagster.reader import HubReader
from tests.aws import AwsAccount
from tests.builders import contract, generation, record, release_id
from tests.conftest import REPO

DAY = "select {id} as id, 'row ' || {id} as name, timestamptz '2026-11-20 23:30:00+00' as at"


FILE = "p [x] 100% {é}*?#1.parquet"  # nothing in a name is a pattern, or means anything to an address


class Published:
    """A hub, and releases published into it without the steps."""

    def __init__(self, root: Path | str, storage: Storage, scratch: Path) -> None:
        self.root = root
        self.storage = storage
        self.log = JsonReleaseLog(self.storage)
        self._scratch = scratch

    def release(
        self, dataset: str, number: int, *days: str, kept: dict[str, int] | None = None, **more: Any
    ) -> None:
        """Release `number` brings these days (none: the whole dataset), and becomes a generation beside what is kept."""
        source, table = dataset.rsplit(".", 1)
        name = DatasetName(source, table)
        folder = self.log.release_folder(name, release_id(number))
        files = [self._file(folder, number, day) for day in days or ("",)]
        self.log.add_file_list(
            FileList(
                dataset=name,
                release_id=release_id(number),
                files=tuple(files),
                partition_column="day" if days else None,
                partition_type="date",
            )
        )
        partitions = {day: release_id(old) for day, old in (kept or {}).items()}
        partitions |= {day: release_id(number) for day in days or ("",)}
        current = self.log.current(name)
        of = contract("a.b", name=name)
        values = {"partitions": partitions, "release_id": release_id(number)}
        self.log.add_generation(generation(of, current.number + 1 if current else 1, **(values | more)))

    def _file(self, folder: Location, number: int, day: str) -> ReleasedFile:
        path = f"{folder}/day={day}/{FILE}" if day else f"{folder}/{FILE}"
        written = self._scratch / "written.parquet"
        with duckdb.connect() as connection:
            connection.execute(f"copy ({DAY.format(id=number)}) to '{written}' (format parquet)")
        self.storage.upload(written, Location(path))
        return ReleasedFile(
            path=path, size=1, sha256="", rows=1, partition=day, holds_partition_column=not day
        )


@pytest.fixture(params=["on disk", pytest.param("on s3", marks=pytest.mark.aws)])
def published(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Published]:
    if request.param == "on disk":
        hub = Published(tmp_path / "hub", LocalStorage(tmp_path / "hub"), tmp_path)
        _publish_some(hub)
        yield hub
        return
    account: AwsAccount = request.getfixturevalue("aws_account")
    aws = AwsClients()
    hub = Published(account.root, S3Storage(aws, account.bucket, "hub"), tmp_path)
    _publish_some(hub)
    yield hub
    aws.close()


def _publish_some(hub: Published) -> None:
    hub.release("payments.orders", 1)
    hub.release("payments.orders", 3)
    hub.release("equities.daily_prices", 1, "2026-11-18", "2026-11-19")
    hub.release("equities.daily_prices", 2, "2026-11-19", kept={"2026-11-18": 1})


@pytest.fixture
def hub(published: Published) -> HubReader:
    return datahub_dagster.open(published.root)


def test_a_hub_lists_what_is_published(hub: HubReader) -> None:
    assert hub.datasets() == ["equities.daily_prices", "payments.orders"]
    assert "payments.orders" in hub
    assert list(hub) == hub.datasets()
    assert "payment.order" not in hub
    assert 7 not in hub
    assert "2 datasets" in repr(hub)


def test_a_dataset_is_read_as_it_is_published(hub: HubReader) -> None:
    orders = hub["payments.orders"]

    assert orders.arrow().to_pylist() == [
        {"id": 3, "name": "row 3", "at": datetime(2026, 11, 20, 23, 30, tzinfo=UTC)}
    ]
    assert (orders.name, orders.release, orders.generation, orders.rows) == (
        "payments.orders",
        "2026-11-20.3",
        2,
        1,
    )
    assert orders.columns == {"id": "INTEGER", "name": "VARCHAR", "at": "TIMESTAMP WITH TIME ZONE"}
    assert repr(orders) == "<payments.orders: release 2026-11-20.3, generation 2>"


def test_partitions_come_each_from_its_release(hub: HubReader) -> None:
    rows = hub["equities.daily_prices"].duckdb().project("id, day").order("day").fetchall()

    assert rows == [(1, date(2026, 11, 18)), (2, date(2026, 11, 19))]


def test_files_are_there_for_other_tools(published: Published, hub: HubReader) -> None:
    files = hub["equities.daily_prices"].files

    assert [str(file).split("/")[-2] for file in files] == ["day=2026-11-18", "day=2026-11-19"]
    for file in files:
        assert str(file).startswith(f"{published.root}/releases/equities/daily_prices/")
        assert isinstance(file, Path) == isinstance(published.root, Path)
        assert not isinstance(file, Path) or file.is_file()


@pytest.mark.parametrize("as_frame", ["polars", "pandas"])
def test_a_dataset_is_a_frame(hub: HubReader, as_frame: str) -> None:
    frame = getattr(hub["payments.orders"], as_frame)()

    assert list(frame.columns) == ["id", "name", "at"]
    assert list(frame["id"]) == [3]
    assert next(iter(frame["at"])) == datetime(2026, 11, 20, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize("as_frame", ["polars", "pandas"])
def test_without_the_library_the_error_names_the_extra(
    hub: HubReader, as_frame: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, as_frame, None)

    with pytest.raises(UsageError, match=f"{as_frame} is not installed") as raised:
        getattr(hub["payments.orders"], as_frame)()

    assert raised.value.next_step == 'pip install "datahub_dagster[notebook]"'


@pytest.mark.parametrize(
    "at",
    [lambda orders: orders.at(generation=1), lambda orders: orders.at(release="2026-11-20.1")],
    ids=["generation", "release"],
)
def test_a_dataset_is_read_as_it_was(hub: HubReader, at: Callable[[Any], Any]) -> None:
    then = at(hub["payments.orders"])

    assert (then.release, then.generation) == ("2026-11-20.1", 1)
    assert then.arrow()["id"].to_pylist() == [1]


def test_a_rolled_back_release_is_read_as_it_was_when_it_was_released(
    published: Published, hub: HubReader
) -> None:
    published.release(
        "payments.orders",
        4,
        kind=GenerationKind.ROLLBACK,
        partitions={"": release_id(1)},
        release_id=release_id(1),
        restores=1,
    )

    assert hub["payments.orders"].generation == 3
    assert hub["payments.orders"].arrow()["id"].to_pylist() == [1]
    assert hub["payments.orders"].at(release="2026-11-20.1").generation == 1


def test_a_reader_stays_with_its_generation_while_the_next_is_published(
    published: Published, hub: HubReader
) -> None:
    orders = hub["payments.orders"]

    published.release("payments.orders", 5)

    assert orders.arrow()["id"].to_pylist() == [3]
    assert hub["payments.orders"].arrow()["id"].to_pylist() == [5]


def test_what_retention_removed_is_said_with_a_next_step(published: Published, hub: HubReader) -> None:
    folder = published.log.release_folder(DatasetName("payments", "orders"), release_id(1))
    published.storage.delete(folder / "_files.json")

    with pytest.raises(RetentionError, match=r"release 2026-11-20\.1 are no longer kept") as raised:
        hub["payments.orders"].at(generation=1)

    assert raised.value.next_step == "datahub releases payments.orders"


def test_an_unknown_dataset_is_answered_with_the_nearest(hub: HubReader) -> None:
    with pytest.raises(UnknownDatasetError) as raised:
        _ = hub["payment.order"]

    assert "the nearest: payments.orders" in str(raised.value)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"generation": 9}, "there is no generation 9"),
        ({"generation": 0}, "there is no generation 0"),
        ({"release": "2026-11-20.9"}, "was never published"),
        ({"release": "yesterday"}, "they look like 2026-11-20.7"),
    ],
)
def test_an_unknown_release_is_an_error(hub: HubReader, wanted: dict[str, Any], message: str) -> None:
    with pytest.raises(UnknownReleaseError, match=message):
        hub["payments.orders"].at(**wanted)


def test_a_rejected_release_is_not_read(published: Published, hub: HubReader) -> None:
    published.log.add_record(record(contract(), 2, ReleaseState.REJECTED))

    with pytest.raises(UnknownReleaseError, match="was never published") as raised:
        hub["payments.orders"].at(release="2026-11-20.2")

    assert "it was rejected" in str(raised.value)


def test_at_needs_one_of_both(hub: HubReader) -> None:
    for wanted in ({}, {"generation": 1, "release": "2026-11-20.1"}):
        with pytest.raises(UsageError, match="either generation= or release="):
            hub["payments.orders"].at(**wanted)


def test_datasets_can_be_joined(hub: HubReader) -> None:
    with hub.connect() as connection:
        found = connection.execute(
            "select count(*) from payments.orders join equities.daily_prices on true"
        ).fetchall()

    assert found == [(2,)]
    with hub.connect("payments.orders") as connection, pytest.raises(duckdb.CatalogException):
        connection.execute("select * from equities.daily_prices")


def test_a_source_may_have_a_dot_in_its_name(published: Published, hub: HubReader) -> None:
    published.release("a.b-c.d", 1)

    assert hub["a.b-c.d"].rows == 1


def test_the_hubs_place_comes_from_the_environment(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAHUB_ROOT", str(published.root))

    assert datahub_dagster.open().datasets() == ["equities.daily_prices", "payments.orders"]


def test_a_folder_that_is_not_there_is_an_error_with_a_next_step(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no hub here") as raised:
        datahub_dagster.open(tmp_path / "nowhere")

    assert "DATAHUB_ROOT" in str(raised.value.next_step)
    assert datahub_dagster.open(tmp_path).datasets() == []


@pytest.mark.aws
def test_an_address_where_no_hub_is_is_an_error_with_a_next_step(aws_account: AwsAccount) -> None:
    with pytest.raises(SettingsError, match="there is no hub here"):
        datahub_dagster.open(f"s3://{aws_account.bucket}/typo")
    with pytest.raises(StorageError, match="there is no such bucket") as raised:
        datahub_dagster.open(f"s3://{aws_account.bucket}-typo")
    assert "DATAHUB_ROOT" in str(raised.value.next_step)
    with pytest.raises(SettingsError, match="is no place where a hub can be"):
        datahub_dagster.open("s3:///prod")


def test_reading_needs_neither_dbt_nor_dagster(published: Published) -> None:
    code = f"""
import sys, datahub_dagster
assert datahub_dagster.open({str(published.root)!r})["payments.orders"].rows == 1
assert datahub_dagster.open({str(published.root)!r})["payments.orders"].arrow().num_rows == 1
print(sorted({{"dbt", "dagster", "pandas", "polars", "yaml"}} & {{name.split(".")[0] for name in sys.modules}}))
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True)

    assert run.stdout.strip() == "[]"


def test_an_instant_is_the_same_wherever_the_machine_stands(hub: HubReader) -> None:
    at = hub["payments.orders"].arrow()["at"]

    assert str(at.type) == "timestamp[us, tz=UTC]"
    assert at[0].as_py().utcoffset() == timedelta(0)
