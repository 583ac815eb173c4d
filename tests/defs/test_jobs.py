"""Jobs and schedules: rollback, reconcile, gc, docs, fetch."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from datahub_dagster import pipeline
from datahub_dagster.defs.docs import KEY as DOCS
from datahub_dagster.defs.jobs import ONLY_RETENTION, gc_job
from datahub_dagster.defs.names import asset_key
from datahub_dagster.domain.contract import Contract, DeliverySpec, Retention, Schedule
from tests.adapters.s3_faults import answers
from tests.aws import AwsAccount
from tests.builders import book, by_day, column, contract, data_test
from tests.defs.dagster_hub import DagsterHub, failure_of, materializations, resource_of, rows, text
from tests.hubs import orders, put_delivery
from tests.places import OnAws

pytestmark = pytest.mark.slow

ORDERS, REFUNDS = contract(), contract("payments.refunds")


def hub_with_two_releases(root: Path, *of: Contract) -> DagsterHub:
    datasets = of or (ORDERS,)
    there = DagsterHub(root=root, book=book(*datasets))
    for name, ids in (("a", [1]), ("b", [1, 2])):
        for each in datasets:
            put_delivery(there.hub, each, name, {"part-0.parquet": orders(ids)})
        there.materialize(*datasets)
    return there


def test_a_rollback_is_what_the_asset_says_is_published(tmp_path: Path) -> None:
    there = hub_with_two_releases(tmp_path)
    result = there.run(
        "rollback", "roll_back", dataset="payments.orders", generation=1, reason="b counts twice"
    )
    assert result.success
    published = there.published(ORDERS)
    assert published is not None
    assert published.description == "rolled back to generation 1 (release 2036-11-17.1): b counts twice"
    assert (text(published.metadata, "generation"), text(published.metadata, "release")) == (
        3,
        "2036-11-17.1",
    )
    facts = {
        name: text(published.metadata, name) for name in ("rows", "files", "dagster/row_count", "record")
    }
    record = there.hub.log.record_location(ORDERS.name, there.hub.log.releases_on_disk(ORDERS.name)[0])
    assert facts == {
        "rows": 1,
        "files": 1,
        "dagster/row_count": 1,
        "record": there.hub.storage.uri(record),
    }
    assert text(published.metadata, "bytes") > 0
    assert rows(published.metadata, "preview") == [{"id": "1", "amount": "1.0"}]


def test_a_rollback_of_partitions_is_told_for_those_that_changed(tmp_path: Path) -> None:
    daily = contract(
        "payments.daily",
        delivery=by_day(),
        columns=(column("id", "bigint"), column("amount", "double"), column("day", "date")),
        tests=(data_test("not_null", "id", "payments.daily"),),
    )
    there = DagsterHub(root=tmp_path, book=book(daily))
    for name, day, ids in (("a", 3, [1]), ("b", 4, [2]), ("c", 4, [2, 3])):
        put_delivery(
            there.hub, daily, name, {"p.parquet": orders(ids, day=datetime(2026, 11, day, tzinfo=UTC).date())}
        )
        there.materialize(daily)
    result = there.run("rollback", "roll_back", dataset="payments.daily", generation=2, reason="c is wrong")
    (brought,) = materializations(result)
    assert brought.partition == "2026-11-04"
    assert (text(brought.metadata, "rows"), text(brought.metadata, "dagster/partition_row_count")) == (1, 1)
    assert text(brought.metadata, "dagster/row_count") == 2


def test_a_rollback_to_nowhere_says_what_to_do(tmp_path: Path) -> None:
    there = hub_with_two_releases(tmp_path)
    result = there.run("rollback", "roll_back", dataset="payments.orders", generation=9, reason="?")
    assert not result.success
    assert "next" in failure_of(result)
    unknown = there.run("rollback", "roll_back", dataset="payments.order", generation=1, reason="?")
    assert "payments.orders" in failure_of(unknown)


def test_reconcile_makes_the_catalog_follow_and_one_broken_log_stops_no_other(tmp_path: Path) -> None:
    there = hub_with_two_releases(tmp_path, ORDERS, REFUNDS)
    for path in (tmp_path / "catalog").rglob("*.json"):
        path.unlink()
    corrupt = tmp_path / "log/payments/orders/generations/00000002.json"
    corrupt.write_text("{")
    there.forget()

    result = there.run("reconcile")

    assert not result.success
    assert there.hub.catalog.applied(REFUNDS.name) == 2
    assert str(corrupt) in failure_of(result)
    assert "refunds" not in failure_of(result)
    assert corrupt.read_text() == "{"


def test_gc_is_a_dry_run_unless_told_otherwise(tmp_path: Path) -> None:
    brief = replace(ORDERS, retention=Retention(releases=1, days=0))
    there = hub_with_two_releases(tmp_path, brief)
    first = there.hub.log.releases_on_disk(brief.name)[0]
    assert there.run("gc").success
    assert there.hub.log.file_list(brief.name, first) is not None
    assert there.run("gc", "collect_garbage", dry_run=False).success
    assert there.hub.log.file_list(brief.name, first) is None


@pytest.mark.aws
def test_gc_with_the_hubs_role_on_aws_removes_no_release_and_says_who_may(aws_account: AwsAccount) -> None:
    def policy(request: Any) -> Any:
        """What the bucket's policy does to all but the retention role."""
        is_removal = request.method == "DELETE" and "/releases/" in request.url
        return answers(403, "AccessDenied")(request) if is_removal else None

    place = OnAws(aws_account)
    brief = replace(ORDERS, retention=Retention(releases=1, days=0))
    hub = place.hub(brief, clients=place.clients(policy))
    for name, ids in (("a", [1]), ("b", [1, 2])):
        put_delivery(hub, brief, name, {"part-0.parquet": orders(ids)})
        pipeline.release(hub, brief, name, actor="test")
    before = place.files()

    def collect(*, dry_run: bool) -> dg.ExecuteInProcessResult:
        return gc_job.execute_in_process(
            resources={"hub": resource_of(hub, aws_account.root)},
            run_config={"ops": {"collect_garbage": {"config": {"dry_run": dry_run}}}},
            raise_on_error=False,
        )

    assert collect(dry_run=True).success
    refused = failure_of(collect(dry_run=False))

    assert "the permission s3:DeleteObject is missing" in refused
    assert f"{aws_account.root}/releases/payments/orders/" in refused
    assert refused.endswith(ONLY_RETENTION)
    assert place.files() == before
    assert place.ids_read(hub, brief) == [1, 2]


def test_the_docs_tell_where_they_are(tmp_path: Path) -> None:
    there = hub_with_two_releases(tmp_path)
    assert there.run("docs").success
    event = there.instance.get_latest_materialization_event(DOCS)
    assert event is not None
    assert event.asset_materialization is not None
    assert text(event.asset_materialization.metadata, "url") == "http://docs.example"


def test_a_contract_with_source_and_schedule_is_fetched_by_the_clock(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    source = tmp_path / "source"
    source.mkdir()
    pq.write_table(orders([1, 2]), source / "part-0.parquet")
    spec = DeliverySpec(source=str(source), schedule=Schedule(cron="0 5 * * *", timezone="Europe/Berlin"))
    fetched = replace(ORDERS, delivery=spec)
    there = DagsterHub(root=tmp_path / "hub", book=book(fetched))
    schedule = there.defs.resolve_schedule_def("fetch_payments__orders")
    with dg.build_schedule_context(
        there.instance, scheduled_execution_time=datetime(2026, 11, 20, 4, tzinfo=UTC)
    ) as context:
        data = schedule.evaluate_tick(context)
    (request,) = list(data.run_requests or ())
    result = there.launch(replace_job(request, schedule.job_name))
    assert result.success
    assert [each.asset_key for each in materializations(result)] == [asset_key(fetched.name)]


def replace_job(request: dg.RunRequest, job_name: str) -> dg.RunRequest:
    return request.with_replaced_attrs(job_name=job_name)
