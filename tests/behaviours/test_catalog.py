"""What every catalog does, whatever engine reads it. A new catalog is one more parameter."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread
from typing import Any

import duckdb
import pytest

from datahub_dagster.adapters.catalog.duckdb import DuckDbCatalog, published_views
from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.domain.view import DatasetView, ReleasedFile, ViewColumn
from datahub_dagster.ports import Applied, Catalog
from tests.adapters.glue_hub import GlueHub
from tests.builders import contract, generation, name
from tests.hubs import as_parquet, orders


@dataclass(frozen=True)
class CatalogUnderTest:
    """A catalog, what its readers see (None = no such dataset), and ways to put its entries into a bad state."""

    catalog: Catalog
    release: Callable[[int], DatasetView]
    reads: Callable[[], list[Any] | None]
    lose: Callable[[], None]
    corrupt: Callable[[], None]
    claim: Callable[[int], None]


@contextmanager
def duckdb_catalog(request: pytest.FixtureRequest) -> Iterator[CatalogUnderTest]:
    tmp_path: Path = request.getfixturevalue("tmp_path")
    storage = LocalStorage(tmp_path)
    entries = tmp_path / "catalog" / "payments" / "orders"

    def release(number: int) -> DatasetView:
        path = f"releases/payments/orders/2026-11-20.{number}/p.parquet"
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        with duckdb.connect() as connection:
            connection.execute(f"copy (select {number} as id) to '{tmp_path / path}' (format parquet)")
        file = ReleasedFile(path=path, size=1, sha256="", rows=1)
        return DatasetView(dataset=name(), schema="payments", table="orders", files=(file,))

    def reads() -> list[Any] | None:
        statements = published_views(tmp_path).get("payments.orders")
        if statements is None:
            return None
        with duckdb.connect() as connection:
            for statement in statements:
                connection.execute(statement)
            return [row[0] for row in connection.execute("select * from payments.orders").fetchall()]

    def lose() -> None:
        for path in entries.iterdir():
            path.unlink()

    def corrupt() -> None:
        for path in entries.iterdir():
            path.write_bytes(path.read_bytes()[:20])

    def claim(number: int) -> None:
        (path,) = entries.iterdir()
        path.rename(entries / f"{number:08d}.json")

    yield CatalogUnderTest(
        catalog=DuckDbCatalog(storage),
        release=release,
        reads=reads,
        lose=lose,
        corrupt=corrupt,
        claim=claim,
    )


@contextmanager
def glue_catalog(request: pytest.FixtureRequest) -> Iterator[CatalogUnderTest]:
    hub = GlueHub(request.getfixturevalue("aws_account"), contract())

    def release(number: int) -> DatasetView:
        path = f"releases/payments/orders/2026-11-20.{number}/p.parquet"
        hub.place.write(path, as_parquet(orders([number]).select(["id"])))
        file = ReleasedFile(path=path, size=1, sha256="", rows=1)
        held = (ViewColumn(name="id", type="bigint"),)
        return DatasetView(dataset=name(), schema="payments", table="orders", files=(file,), held=held)

    def reads() -> list[Any] | None:
        if not hub.place.tables():
            return None
        return [int(id) for (id,) in hub.in_athena(["id"]) if id is not None]

    def lose() -> None:
        hub.place.lose_catalog()

    def corrupt() -> None:
        table = hub.table()
        parameters = {key: value for key, value in table["Parameters"].items() if key != "hub.generation"}
        storage = table["StorageDescriptor"] | {"Location": f"s3://{hub.place.account.bucket}/elsewhere/"}
        told = {"Name": table["Name"], "TableType": "EXTERNAL_TABLE", "Parameters": parameters}
        hub.glue.update_table(
            DatabaseName=table["DatabaseName"], TableInput=told | {"StorageDescriptor": storage}
        )

    def claim(number: int) -> None:
        hub.alter(lambda table: table["Parameters"].update({"hub.generation": str(number)}))

    yield CatalogUnderTest(
        catalog=hub.catalog(),
        release=release,
        reads=reads,
        lose=lose,
        corrupt=corrupt,
        claim=claim,
    )
    hub.close()


@pytest.fixture(
    params=[
        pytest.param(duckdb_catalog, id="duckdb"),
        pytest.param(glue_catalog, id="glue", marks=pytest.mark.aws),
    ]
)
def shown(request: pytest.FixtureRequest) -> Iterator[CatalogUnderTest]:
    with request.param(request) as catalog:
        yield catalog


def apply(shown: CatalogUnderTest, number: int) -> bool:
    """Whether something had to be changed."""
    return shown.catalog.apply(generation(contract(), number), shown.release(number)).changed


def test_before_the_first_release_nothing_is_shown(shown: CatalogUnderTest) -> None:
    assert shown.catalog.applied(name()) == 0
    assert shown.reads() is None


def test_what_was_applied_is_read(shown: CatalogUnderTest) -> None:
    assert apply(shown, 1)
    assert shown.reads() == [1]
    assert shown.catalog.applied(name()) == 1


def test_applying_again_changes_nothing(shown: CatalogUnderTest) -> None:
    apply(shown, 1)

    assert not apply(shown, 1)
    assert shown.reads() == [1]


def test_the_next_generation_takes_the_place_of_the_former(shown: CatalogUnderTest) -> None:
    apply(shown, 1)

    assert apply(shown, 2)
    assert shown.reads() == [2]
    assert shown.catalog.applied(name()) == 2


def test_generations_may_be_skipped(shown: CatalogUnderTest) -> None:
    apply(shown, 1)
    apply(shown, 12)

    assert shown.reads() == [12]


def test_an_older_generation_is_never_shown_again(shown: CatalogUnderTest) -> None:
    apply(shown, 3)

    assert not apply(shown, 2)
    assert shown.reads() == [3]
    assert shown.catalog.applied(name()) == 3


def test_what_was_lost_is_shown_again(shown: CatalogUnderTest) -> None:
    apply(shown, 2)
    shown.lose()
    assert shown.catalog.applied(name()) == 0

    assert apply(shown, 2)
    assert shown.reads() == [2]


def test_what_was_damaged_is_mended(shown: CatalogUnderTest) -> None:
    apply(shown, 2)
    shown.corrupt()
    assert shown.catalog.applied(name()) == 0
    assert not shown.reads()

    assert apply(shown, 2)
    assert shown.reads() == [2]


def test_a_newer_generation_that_the_catalog_claims_stays_and_is_named(shown: CatalogUnderTest) -> None:
    apply(shown, 2)
    shown.claim(99)

    assert shown.catalog.apply(generation(contract(), 3), shown.release(3)) == Applied(
        changed=False, ahead=99
    )
    assert shown.reads() == [2]


def test_a_claim_that_nobody_published_is_told_and_put_right(shown: CatalogUnderTest) -> None:
    apply(shown, 2)
    shown.claim(99)
    third = (generation(contract(), 3), shown.release(3))

    applied = shown.catalog.apply(*third, unpublished=99)

    assert applied.changed
    (told,) = applied.foreign
    assert told.endswith(": it claimed generation 99, and the newest is 3; it was put right")
    assert shown.reads() == [3]
    assert shown.catalog.applied(name()) == 3
    assert shown.catalog.apply(*third) == Applied(changed=False)


def test_only_the_claim_that_nobody_published_is_put_right(shown: CatalogUnderTest) -> None:
    apply(shown, 4)  # published since the claim was seen

    applied = shown.catalog.apply(generation(contract(), 3), shown.release(3), unpublished=99)

    assert applied == Applied(changed=False, ahead=4)
    assert shown.reads() == [4]


def test_what_had_to_be_made_is_named(shown: CatalogUnderTest) -> None:
    first = (generation(contract(), 1), shown.release(1))
    made = shown.catalog.apply(*first).made
    assert made is not None
    assert "orders" in made
    assert shown.catalog.apply(*first).made is None


def test_of_several_that_follow_the_log_at_once_the_newest_generation_wins(shown: CatalogUnderTest) -> None:
    views = {number: shown.release(number) for number in range(1, 9)}
    threads = [
        Thread(target=shown.catalog.apply, args=(generation(contract(), number), view))
        for number, view in views.items()
    ]
    for thread in reversed(threads):
        thread.start()
    for thread in threads:
        thread.join()

    assert shown.reads() == [8]
    assert shown.catalog.applied(name()) == 8


def test_datasets_do_not_touch_each_other(shown: CatalogUnderTest) -> None:
    apply(shown, 5)
    other = generation(contract("payments.refunds"), 1)

    shown.catalog.apply(other, replace(shown.release(1), dataset=other.dataset, table="refunds"))

    assert shown.reads() == [5]
    assert shown.catalog.applied(other.dataset) == 1
