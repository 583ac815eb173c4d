"""Values for tests. Each builder takes only what the test is about; everything else is a plain default.

`contract()` is `payments.orders` of the team `payments`: an id, an amount, no promise of timeliness. `NOW` is a Friday noon (UTC).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from datahub_dagster.domain.audit import AuditReport, CheckResult, CheckStatus, Sample
from datahub_dagster.domain.contract import (
    Column,
    Consumer,
    Contract,
    ContractBook,
    DataTest,
    DeliverySpec,
    Granularity,
    Mode,
    Origin,
    PartitionSpec,
    Severity,
    digest,
)
from datahub_dagster.domain.delivery import DeliveredFile, Delivery, Receipt
from datahub_dagster.domain.inbox import InboxEntry, InboxState
from datahub_dagster.domain.names import DatasetName, Location, ReleaseId
from datahub_dagster.domain.outcome import Outcome
from datahub_dagster.domain.release import Generation, GenerationKind, ReleaseRecord, ReleaseState

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TODAY = NOW.date()


def name(text: str = "payments.orders") -> DatasetName:
    return DatasetName.parse(text)


def release_id(number: int = 1, on: date = TODAY) -> ReleaseId:
    return ReleaseId(on, number)


def column(name: str, data_type: str | None = "varchar", **more: Any) -> Column:
    return Column(name=name, data_type=data_type, **more)


def data_test(
    kind: str = "not_null", column: str | None = "id", dataset: str = "payments.orders", **more: Any
) -> DataTest:
    """A test that reads its own dataset only, and blocks."""
    of = name(dataset)
    dbt_name = more.pop("name", f"source_{kind}_{of.source}_{of.table}_{column or ''}".rstrip("_"))
    values: dict[str, Any] = {
        "unique_id": f"test.hub.{dbt_name}.{digest(dbt_name)[:10]}",
        "name": dbt_name,
        "check_name": "".join(char if char.isalnum() else "_" for char in dbt_name),
        "kind": kind,
        "column": column,
        "depends_on": (of,),
    }
    return DataTest(**(values | more))


ORDERS_COLUMNS = (
    Column(name="id", data_type="bigint", nullable=False, unique=True),
    Column(name="amount", data_type="double"),
)


def contract(text: str = "payments.orders", **more: Any) -> Contract:
    """A whole contract; `team` is the source unless told."""
    dataset = name(text)
    values: dict[str, Any] = {
        "name": dataset,
        "unique_id": f"source.hub.{dataset.source}.{dataset.table}",
        "team": dataset.source,
        "schema": dataset.source,
        "identifier": dataset.table,
        "origin": Origin(f"models/{dataset.source}/{dataset.table}.yml", 12),
        "fingerprint": digest(text),
        "declared": True,
        "owners": (f"{dataset.source.lower()}-data@example.com",),
        "columns": ORDERS_COLUMNS,
        "tests": (data_test("not_null", "id", text), data_test("unique", "id", text)),
    }
    return Contract(**(values | more))


def by_day(column: str = "day", start: date | None = date(2026, 11, 2), **more: Any) -> DeliverySpec:
    """Deliveries that replace the days that they bring."""
    return DeliverySpec(mode=Mode.PARTITION, partitions=PartitionSpec(column=column, start=start, **more))


def by_month(column: str = "month", start: date | None = date(2026, 1, 1), **more: Any) -> DeliverySpec:
    """Deliveries that replace the months that they bring."""
    spec = PartitionSpec(column=column, granularity=Granularity.MONTH, start=start, **more)
    return DeliverySpec(mode=Mode.PARTITION, partitions=spec)


def consumer(
    name: str = "morning_report", reads: Sequence[str] = ("payments.orders",), **more: Any
) -> Consumer:
    values: dict[str, Any] = {
        "name": name,
        "unique_id": f"exposure.hub.{name}",
        "label": name.replace("_", " ").capitalize(),
        "kind": None,
        "exposure_type": "dashboard",
        "owner_name": "Desk",
        "owner_email": "desk@example.com",
        "depends_on": tuple(DatasetName.parse(text) for text in reads),
    }
    return Consumer(**(values | more))


def book(*contracts: Contract, **more: Any) -> ContractBook:
    return ContractBook(datasets={each.name: each for each in contracts}, **more)


def result(test: DataTest, failures: int | None = 0, **more: Any) -> CheckResult:
    """The answer of a test: its status follows from its severity and the failures (None = it could not run)."""
    if failures is None:
        status = CheckStatus.ERROR
    elif not failures:
        status = CheckStatus.PASS
    else:
        status = CheckStatus.FAIL if test.severity is Severity.ERROR else CheckStatus.WARN
    values: dict[str, Any] = {
        "unique_id": test.unique_id,
        "check_name": test.check_name,
        "status": status,
        "severity": test.severity,
        "failures": failures,
        "column": test.column,
    }
    return CheckResult(**(values | more))


def sample(columns: Sequence[str], *rows: Sequence[str | None], truncated: bool = False) -> Sample:
    return Sample(columns=tuple(columns), rows=tuple(tuple(row) for row in rows), truncated=truncated)


def report(
    of: Contract, failures: Mapping[str, int | None] | None = None, base_generation: int = 0
) -> AuditReport:
    """An audit in which every test passes, but those named in `failures` (check name → failures)."""
    wanted = failures or {}
    return AuditReport(
        dataset=of.name,
        base_generation=base_generation,
        results=tuple(result(test, wanted.get(test.check_name, 0)) for test in of.tests),
        engine="duckdb",
        seconds=0.2,
    )


def record(
    of: Contract, number: int = 1, state: ReleaseState = ReleaseState.PUBLISHED, **more: Any
) -> ReleaseRecord:
    """How a release ended; a published one made the generation of its own number."""
    published = state is ReleaseState.PUBLISHED
    values: dict[str, Any] = {
        "dataset": of.name,
        "release_id": release_id(number),
        "state": state,
        "team": of.team,
        "delivery": f"2026-11-{number:02}",
        "fingerprint": digest(str(of.name), str(number)),
        "contract_version": of.version,
        "contract_fingerprint": of.fingerprint,
        "mode": of.delivery.mode,
        "received_at": NOW,
        "finished_at": NOW + timedelta(seconds=2),
        "published_at": NOW + timedelta(seconds=1) if published else None,
        "generation": number if published else None,
        "base_generation": number - 1,
        "partitions": ("",),
        "rows": 100,
        "bytes": 2048,
        "files": 1,
        "dataset_rows": 100 if published else None,
        "columns": tuple((each.name, each.data_type or "varchar") for each in of.columns),
        "audit": report(of, base_generation=number - 1),
        "actor": "test",
        "step_seconds": {"receive": 0.01, "validate": 0.02, "stage": 0.05, "audit": 0.4, "publish": 0.01},
    }
    return ReleaseRecord(**(values | more))


def receipt(of: Contract, number: int = 1, **more: Any) -> Receipt:
    delivery = Delivery(
        dataset=of.name,
        name=f"2026-11-{number:02}",
        location=Location(f"inbox/{of.name.source}/{of.name.table}/2026-11-{number:02}"),
        files=(DeliveredFile(path="part-0.parquet", size=2048, sha256=digest(str(number))),),
    )
    values: dict[str, Any] = {
        "number": number,
        "release_id": release_id(number),
        "delivery": delivery,
        "received_at": NOW,
        "contract_fingerprint": of.fingerprint,
        "actor": "test",
    }
    return Receipt(**(values | more))


def outcome(
    of: Contract, number: int = 1, state: ReleaseState = ReleaseState.PUBLISHED, **more: Any
) -> Outcome:
    """How a delivery ended; what is said of the record goes to the record."""
    made = record(of, number, state, **more)
    given = receipt(of, number)
    return Outcome(receipt=replace(given, delivery=replace(given.delivery, name=made.delivery)), record=made)


def repeat(of: Contract, number: int = 2, repeats: int = 1) -> Outcome:
    """A delivery with the content of an earlier release."""
    return Outcome(receipt=receipt(of, number, repeats=release_id(repeats)), record=None)


def generation(of: Contract, number: int = 1, **more: Any) -> Generation:
    values: dict[str, Any] = {
        "dataset": of.name,
        "number": number,
        "kind": GenerationKind.RELEASE,
        "partitions": {"": release_id(number)},
        "release_id": release_id(number),
        "published_at": NOW,
    }
    return Generation(**(values | more))


def entry(
    of: Contract, delivery: str = "2026-11-20", state: InboxState = InboxState.READY, **more: Any
) -> InboxEntry:
    values: dict[str, Any] = {
        "dataset": of.name,
        "delivery": delivery,
        "state": state,
        "newest_at": NOW,
        "files": 1,
        "bytes": 2048,
        "content_key": digest(str(of.name), delivery, of.fingerprint),
    }
    return InboxEntry(**(values | more))
