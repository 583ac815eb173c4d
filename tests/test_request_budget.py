"""What a release on AWS may ask for: a budget of requests in the number of files, partitions, earlier releases and tests.

AWS charges by the request, and each one waits for a network. So what these tests hold is the price of a release and, together with
the count of requests that wait for one another, its duration. Figures on larger deliveries: `benchmarks/README.md`.
"""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil
from pathlib import Path
from typing import Any

import pytest

from datahub_dagster import pipeline
from datahub_dagster.domain.audit import AuditReport
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.release import ReleaseState
from datahub_dagster.ports import Auditor, AuditRequest
from tests.adapters.dbt.audited import Audited, write_project
from tests.aws import AwsAccount, recorded_requests
from tests.builders import ORDERS_COLUMNS, by_day, column, contract, report
from tests.hubs import orders, put_delivery
from tests.places import OnAws

pytestmark = pytest.mark.aws

FIRST_DAY = date(2026, 1, 1)
ORDERS = contract()
SALES = contract(
    "pos.sales", delivery=by_day(start=FIRST_DAY), columns=(*ORDERS_COLUMNS, column("day", "date"))
)


@dataclass(frozen=True)
class Size:
    """How large a release is: its files, the partitions that it writes, and how many releases were published before it."""

    files: int
    partitions: int = 0
    before: int = 0

    def budget(self) -> Counter[str]:
        """Requests by operation, without those of the tests. What is not named here is not sent at all."""
        batches = ceil(self.partitions / 100)
        return Counter(
            {
                # A file: its checksum, its footer, its copy. An earlier release: its receipt, its generation, its list of files.
                "s3.HeadObject": self.files + 5 * self.before + 6,
                "s3.GetObject": self.files
                + 3 * self.before
                + 11,  # one reads the newest note of the contract
                "s3.CopyObject": self.files,
                "s3.PutObject": 7,  # receipt, list of files, audit, generation, promise, contract, record
                # Two look for alerts that are over by this. Two are for the contract: which notes there are, and, only where it is
                # noted, whether the clock is right.
                "s3.ListObjectsV2": 19,
                "glue.GetTable": 2,
                "glue.CreateTable": 2,
                "glue.CreateDatabase": 1,
                "glue.UpdateTable": 2,
                "glue.GetPartitions": 1,
                "glue.BatchCreatePartition": batches,
                "glue.BatchUpdatePartition": batches,
            }
        )


@dataclass(frozen=True)
class Spent:
    """What a release asked for.

    Attributes:
        requests: By operation.
        waits: How many of them were sent by the thread that releases, so that each waited for the one before.
    """

    requests: Counter[str]
    waits: int

    def exceeds(self, budget: Counter[str]) -> dict[str, str]:
        """Each operation that was sent more often than the budget allows."""
        return {
            operation: f"{count}, budget {budget[operation]}"
            for operation, count in self.requests.items()
            if count > budget[operation]
        }


class PassesAll(Auditor):
    """Passes everything without a look at the data: what real tests ask for has a budget of its own."""

    def audit(self, requests: Sequence[AuditRequest]) -> Sequence[AuditReport]:
        return [report(request.contract, base_generation=request.base_generation) for request in requests]


@dataclass
class Releases:
    """Releases into a hub on AWS, each by a process that knows nothing of the earlier ones."""

    place: OnAws
    number: int = 0

    def release(self, of: Contract, days: Sequence[date] = (), files: int = 1, **ports: Any) -> Spent:
        """Deliver so many files (for each day, if days are given) of rows that nobody had before, and release them."""
        folders = [f"day={day}/" for day in days] or [""]
        self.number += 1
        rows = {
            f"{folder}part-{i}.parquet": orders([self.number * 1_000_000 + j * 1000 + i])
            for j, folder in enumerate(folders)
            for i in range(files)
        }
        put_delivery(self.place.hub(of), of, f"delivery-{self.number}", rows)
        waits = 0

        def count(_request: Any) -> None:
            nonlocal waits
            waits += threading.current_thread() is threading.main_thread()

        hub = self.place.hub(of, **({"auditor": PassesAll(), "clients": self.place.clients(count)} | ports))
        with recorded_requests() as sent:
            outcome = pipeline.release(hub, of, f"delivery-{self.number}", actor="test")
        assert outcome.record is not None
        assert outcome.record.state is ReleaseState.PUBLISHED
        return Spent(sent.counts(), waits)


@pytest.fixture
def releases(aws_account: AwsAccount) -> Iterator[Releases]:
    place = OnAws(aws_account)
    yield Releases(place)
    place.close()


def days(count: int, after: int = 0) -> list[date]:
    return [FIRST_DAY + timedelta(days=after + i) for i in range(count)]


def test_a_release_in_one_piece_keeps_the_budget(releases: Releases) -> None:
    assert not releases.release(ORDERS, files=40).exceeds(Size(files=40).budget())
    assert not releases.release(ORDERS, files=40).exceeds(Size(files=40, before=1).budget())


def test_a_release_by_partitions_keeps_the_budget(releases: Releases) -> None:
    first = releases.release(SALES, days(120))
    assert first.requests["glue.BatchCreatePartition"] == 2
    assert not first.exceeds(Size(files=120, partitions=120).budget())

    second = releases.release(SALES, days(120))
    assert second.requests["glue.BatchUpdatePartition"] == 2
    assert not second.exceeds(Size(files=120, partitions=120, before=1).budget())


def test_one_more_day_costs_little_however_many_are_published(releases: Releases) -> None:
    for day in days(8):
        releases.release(SALES, [day])
    another = releases.release(SALES, days(1, after=8))
    assert not another.exceeds(Size(files=1, partitions=1, before=8).budget())


def test_no_file_waits_for_another(releases: Releases) -> None:
    few, many = releases.release(ORDERS, files=4), releases.release(ORDERS, files=40)
    assert many.waits <= few.waits + 2


def test_no_day_waits_for_another(releases: Releases) -> None:
    few = releases.release(SALES, days(3))
    many = releases.release(SALES, days(60))
    assert many.waits <= few.waits + 2


def test_no_earlier_release_is_waited_for(releases: Releases) -> None:
    waits = [releases.release(SALES, [day]).waits for day in days(8)]
    assert waits[-1] <= waits[2] + 2


TESTS = ["not_null", "unique"]


@pytest.mark.slow
def test_a_data_test_is_one_query_in_athena_however_many_files_there_are(
    releases: Releases, aws_account: AwsAccount, tmp_path: Path
) -> None:
    columns = [
        {"name": "id", "data_tests": TESTS},
        {"name": "amount", "data_tests": ["not_null"]},
    ]
    sources = [
        {"name": "payments", "tables": [{"name": "orders", "columns": columns}]},
        {"name": "pos", "tables": [{"name": "sales", "columns": columns[:1]}]},
    ]
    audited = Audited(write_project(tmp_path / "project", sources), tmp_path, aws=aws_account)
    three = audited.contract("payments.orders")
    two = audited.contract("pos.sales", delivery=SALES.delivery, columns=SALES.columns)

    for files in (2, 20):
        spent = releases.release(three, files=files, auditor=audited.auditor)
        assert not spent.exceeds(Size(files=files, before=1).budget() + of_audit(tests=3))
    spent = releases.release(two, days(120), auditor=audited.auditor)
    assert not spent.exceeds(Size(files=120, partitions=120).budget() + of_audit(tests=2, partitions=120))


def of_audit(tests: int, partitions: int = 0) -> Counter[str]:
    """Requests of an audit in which all tests pass: a table for the candidate, a query for each test, nothing for a file."""
    return Counter(
        {
            "athena.StartQueryExecution": tests,
            "athena.GetQueryExecution": 1_000,  # grows with the time that a query takes, and with nothing else
            "athena.GetQueryResults": tests,
            "glue.GetTables": 1,
            "glue.CreateTable": 2,
            "glue.CreateDatabase": 1,
            "glue.BatchCreatePartition": ceil(partitions / 100),
            "glue.BatchDeleteTable": 1,
            "s3.ListObjectsV2": 1,
        }
    )
