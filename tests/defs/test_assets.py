"""Runs of datasets: what is released, and what Dagster is told of it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from datahub_dagster import pipeline
from datahub_dagster.defs import assets, published
from datahub_dagster.defs.names import asset_key
from datahub_dagster.domain.audit import AuditReport
from datahub_dagster.domain.contract import Classification, Contract, ContractFault, Origin, Severity
from datahub_dagster.errors import EngineError
from datahub_dagster.ports import Auditor, AuditRequest
from tests.builders import book, by_day, by_month, column, contract, data_test
from tests.charging import MB, ChargingAuditor
from tests.defs.dagster_hub import (
    DagsterHub,
    evaluations,
    failure_of,
    materializations,
    observations,
    rows,
    text,
    verdicts,
)
from tests.hubs import PlainSqlAuditor, orders, put_delivery

pytestmark = pytest.mark.slow

ORDERS = contract()
FIRST, SECOND = "2036-11-17.1", "2036-11-17.2"  # the day on which the clock of `tests.hubs` begins
NOT_NULL, UNIQUE = (test.check_name for test in ORDERS.tests)
DAILY = contract(
    "payments.daily",
    delivery=by_day(),
    columns=(column("id", "bigint"), column("amount", "double"), column("day", "date")),
    tests=(data_test("not_null", "id", "payments.daily"),),
)


def hub_of(root: Path, *contracts: Contract, **more) -> DagsterHub:
    return DagsterHub(root=root, book=book(*(contracts or (ORDERS,)), **more))


def deliver(there: DagsterHub, name: str, ids: list, of: Contract = ORDERS, **columns) -> None:
    put_delivery(there.hub, of, name, {"part-0.parquet": orders(ids, **columns)})


def test_a_release_is_a_materialization_that_tells_what_was_released(tmp_path: Path) -> None:
    there = hub_of(tmp_path)
    deliver(there, "first", [1, 2, 3])
    result = there.materialize(ORDERS)

    assert result.success
    (told,) = materializations(result)
    facts = {
        name: text(told.metadata, name) for name in ("release", "delivery", "rows", "files", "generation")
    }
    assert facts == {"release": FIRST, "delivery": "first", "rows": 3, "files": 1, "generation": 1}
    assert text(told.metadata, "dagster/row_count") == 3
    assert (
        text(told.metadata, "record")
        == f"{there.hub.storage.uri(there.hub.log.release_folder(ORDERS.name, _id(there)))}/_record.json"
    )
    assert Path(text(told.metadata, "record").removeprefix("file://")).is_file()
    steps = [part.split()[0] for part in text(told.metadata, "seconds by step").split(", ")]
    assert steps[:5] == ["receive", "validate", "stage", "audit", "publish"]
    assert rows(told.metadata, "preview")[0] == {"id": "1", "amount": "1.0"}
    assert verdicts(result) == {"contract": True, NOT_NULL: True, UNIQUE: True}


@pytest.mark.parametrize(
    ("every", "told"), [(60.0, []), (0.0, ["file 1 of 3", "file 2 of 3", "file 3 of 3"])]
)
def test_how_far_a_step_is_stands_in_the_log_now_and_then_and_not_for_each_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: float, told: list[str]
) -> None:
    monkeypatch.setattr(assets, "PROGRESS_EVERY", every)
    there = hub_of(tmp_path)
    put_delivery(
        there.hub, ORDERS, "first", {f"part-{number}.parquet": orders([number]) for number in (1, 2, 3)}
    )
    result = there.materialize(ORDERS)

    said = [entry.user_message for entry in there.instance.all_logs(result.run_id)]
    stage = "payments.orders: stage: "
    assert [line.removeprefix(stage) for line in said if line.startswith(stage)] == ["3 files", *told]


def _id(there: DagsterHub):
    (release_id,) = there.hub.log.releases_on_disk(ORDERS.name)
    return release_id


def test_a_release_and_its_checks_tell_what_their_queries_cost(tmp_path: Path) -> None:
    there = hub_of(tmp_path)
    there.use(auditor=ChargingAuditor(PlainSqlAuditor(there.hub.storage)))
    deliver(there, "a", [1])
    result = there.materialize(ORDERS)
    (told,) = materializations(result)
    assert text(told.metadata, "bytes scanned") == 50 * MB
    assert text(told.metadata, "engine seconds") == 1.0
    assert text(told.metadata, "queries") == 2
    checks = {each.check_name: each.metadata for each in evaluations(result)}
    assert text(checks[NOT_NULL], "bytes scanned") == 25 * MB
    assert text(checks[NOT_NULL], "engine seconds") == 0.5
    assert text(checks[NOT_NULL], "query") == "q-1"
    assert "bytes scanned" not in checks["contract"]


def test_where_the_engine_charges_nothing_nothing_is_said_of_it(tmp_path: Path) -> None:
    there = hub_of(tmp_path)
    deliver(there, "a", [1])
    result = there.materialize(ORDERS)
    told = [*materializations(result), *evaluations(result)]
    assert not [each for each in told if "bytes scanned" in each.metadata]


def test_a_check_points_to_the_release_that_it_was_about(tmp_path: Path) -> None:
    there = hub_of(tmp_path)
    deliver(there, "first", [1])
    result = there.materialize(ORDERS)
    stored = there.instance.get_latest_materialization_event(asset_key(ORDERS.name))
    assert stored is not None
    targets = [evaluation.target_materialization_data for evaluation in evaluations(result)]
    assert {target.run_id for target in targets if target} == {result.run_id}
    assert len([target for target in targets if target]) == 3


def test_a_rejected_release_fails_the_run_and_leaves_the_asset_as_it_was(tmp_path: Path) -> None:
    there = hub_of(tmp_path)
    deliver(there, "first", [1, 2])
    there.materialize(ORDERS)
    deliver(there, "second", [1, None])
    result = there.materialize(ORDERS)

    assert not result.success
    assert not materializations(result)
    assert failure_of(result).startswith(f"release {SECOND} (delivery second) was rejected")
    shown = there.published(ORDERS)
    assert shown is not None
    assert text(shown.metadata, "release") == FIRST


def test_a_rejected_release_is_shown_with_its_id_and_what_refused_it(tmp_path: Path) -> None:
    there = hub_of(tmp_path)
    deliver(there, "first", [1, None])
    result = there.materialize(ORDERS)

    assert verdicts(result) == {"contract": True, NOT_NULL: False, UNIQUE: True}
    refused = next(each for each in evaluations(result) if each.check_name == NOT_NULL)
    assert refused.description == f"release {FIRST} (rejected): 1 failure"
    assert text(refused.metadata, "release") == FIRST
    assert text(refused.metadata, "failures") == 1
    assert "select count(*)" in text(refused.metadata, "compiled SQL")
    (observed,) = observations(result)
    assert (observed.description or "").startswith(f"release {FIRST} was rejected: ")


def test_a_broken_schema_fails_the_contract_check_and_the_published_data_answer_the_others(
    tmp_path: Path,
) -> None:
    there = hub_of(tmp_path)
    deliver(there, "first", [1, 2])
    there.materialize(ORDERS)
    put_delivery(there.hub, ORDERS, "second", {"part-0.parquet": orders([1]).drop_columns(["amount"])})
    result = there.materialize(ORDERS)

    assert not result.success
    assert verdicts(result) == {"contract": False, NOT_NULL: True, UNIQUE: True}
    by_name = {each.check_name: each for each in evaluations(result)}
    (fault,) = rows(by_name["contract"].metadata, "faults")
    assert fault["fault"] == "missing-column"
    assert by_name[NOT_NULL].description == f"published release {FIRST}: passed"


def test_several_deliveries_are_released_in_order_and_the_run_fails_for_the_rejected_one(
    tmp_path: Path,
) -> None:
    there = hub_of(tmp_path)
    deliver(there, "a", [1])
    deliver(there, "b", [1, 1])
    deliver(there, "c", [1, 2])
    result = there.materialize(ORDERS, deliveries=["a", "b", "c"])

    assert not result.success
    assert [text(each.metadata, "delivery") for each in materializations(result)] == ["a", "c"]
    assert [text(each.metadata, "delivery") for each in observations(result)] == ["b"]
    assert [each.passed for each in evaluations(result) if each.check_name == UNIQUE] == [True, False, True]
    assert "delivery b" in failure_of(result)
    shown = there.published(ORDERS)
    assert shown is not None
    assert text(shown.metadata, "delivery") == "c"


def test_unticking_the_checks_does_not_skip_the_audit(tmp_path: Path) -> None:
    there = hub_of(tmp_path)
    deliver(there, "first", [1, None])
    result = there.materialize(ORDERS, checks=[])
    assert not result.success
    assert there.published(ORDERS) is None
    assert verdicts(result)[NOT_NULL] is False


def test_a_run_of_checks_alone_releases_nothing_and_asks_the_published_data(tmp_path: Path) -> None:
    there = hub_of(tmp_path)
    deliver(there, "first", [1])
    there.materialize(ORDERS)
    deliver(there, "second", [1, 2])
    result = there.run("checks")

    assert result.success
    assert not materializations(result)
    assert verdicts(result) == {"contract": True, NOT_NULL: True, UNIQUE: True}
    assert {text(each.metadata, "release") for each in evaluations(result)} == {FIRST}


def test_what_is_published_is_held_to_the_contract_of_today(tmp_path: Path) -> None:
    there = hub_of(tmp_path)
    deliver(there, "first", [1])
    there.materialize(ORDERS)
    fee = column("fee", "double", origin=Origin("models/payments/orders.yml", 31))
    retyped = replace(ORDERS.columns[1], data_type="varchar")
    there.change(replace(ORDERS, columns=(ORDERS.columns[0], retyped, fee), fingerprint="changed"))
    there.reload()
    result = there.run("checks")

    assert result.success, "what is published was right when it was released"
    said = next(each for each in evaluations(result) if each.check_name == "contract")
    assert (said.passed, said.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert [(row["fault"], row["promised"]) for row in rows(said.metadata, "faults")] == [
        ("retyped-column", "models/payments/orders.yml:12  amount varchar"),
        ("missing-column", "models/payments/orders.yml:31  fee double"),
    ]
    assert "column amount is published as double, not varchar (and 1 more)" in (said.description or "")

    second = orders([1], fee=0.5).set_column(1, "amount", [["1"]])
    put_delivery(there.hub, ORDERS, "second", {"part-0.parquet": second})
    there.materialize(*there.shown.contracts)
    assert verdicts(there.run("checks"))["contract"] is True


def counted_audits(there: DagsterHub, broken: str = "") -> list[list[str]]:
    """What the auditor is asked from now on, question by question. It can't answer one with the broken dataset in it."""
    asked: list[list[str]] = []
    auditor = there.hub.auditor

    class Counting(Auditor):
        def audit(self, requests: Sequence[AuditRequest]) -> Sequence[AuditReport]:
            names = [str(request.contract.name) for request in requests]
            asked.append(names)
            if broken in names:
                raise EngineError("dbt could not run", subject=broken)
            return auditor.audit(requests)

    there.use(auditor=Counting())
    return asked


def test_a_run_of_checks_asks_all_its_datasets_in_one_go(tmp_path: Path) -> None:
    refunds, prices = contract("payments.refunds"), contract("equities.prices")
    there = hub_of(tmp_path, ORDERS, refunds, prices, contract("payments.never"))
    for each, ids in ((ORDERS, [1]), (refunds, [1, 2]), (prices, [1])):
        deliver(there, "first", ids, of=each)
        there.materialize(each)
    asked = counted_audits(there)
    for _ in range(2):
        assert len(evaluations(there.run("checks"))) == 9
    assert asked == [["equities.prices", "payments.orders", "payments.refunds"]] * 2


def test_datasets_are_asked_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "AT_ONCE", 2)
    many = [contract(f"payments.t{number}") for number in range(5)]
    there = hub_of(tmp_path, *many)
    for each in many:
        deliver(there, "first", [1], of=each)
    there.materialize(*many)
    asked = counted_audits(there)
    assert there.run("checks").success
    assert [len(names) for names in asked] == [2, 2, 1]


def test_a_dataset_that_cannot_be_audited_fails_alone(tmp_path: Path) -> None:
    refunds, prices = contract("payments.refunds"), contract("equities.prices")
    there = hub_of(tmp_path, ORDERS, refunds, prices)
    for each in (ORDERS, refunds, prices):
        deliver(there, "first", [1], of=each)
        there.materialize(each)
    counted_audits(there, broken="payments.refunds")
    result = there.run("checks")
    assert [event.step_key for event in result.all_events if event.is_step_failure] == ["payments__refunds"]
    assert {each.asset_key for each in evaluations(result)} == {
        asset_key(ORDERS.name),
        asset_key(prices.name),
    }


def test_a_test_that_fails_on_what_is_published_fails_the_run_of_checks_only(tmp_path: Path) -> None:
    there = hub_of(tmp_path, replace(ORDERS, tests=ORDERS.tests[:1], fingerprint="one test"))
    deliver(there, "first", [1, 1])
    there.materialize(ORDERS)
    there.change(ORDERS)
    there.reload()
    released = there.materialize(ORDERS)  # nothing is in the inbox
    assert released.success
    assert verdicts(released) == {"contract": True, NOT_NULL: True, UNIQUE: False}
    checked = there.run("checks")
    assert not checked.success
    assert verdicts(checked)[UNIQUE] is False


def test_checks_of_a_dataset_that_was_never_published_are_skipped(tmp_path: Path) -> None:
    there = hub_of(tmp_path)
    result = there.run("checks")
    assert result.success
    assert not evaluations(result)


def test_a_run_with_an_empty_inbox_succeeds_and_answers_the_checks_that_were_planned(tmp_path: Path) -> None:
    there = hub_of(tmp_path)
    deliver(there, "first", [1])
    there.materialize(ORDERS)
    result = there.materialize(ORDERS)
    assert result.success
    assert not materializations(result)
    assert verdicts(result) == {"contract": True, NOT_NULL: True, UNIQUE: True}


def test_a_repeat_changes_nothing_and_is_told_as_such(tmp_path: Path) -> None:
    there = hub_of(tmp_path)
    deliver(there, "first", [1])
    deliver(there, "again", [1])
    result = there.materialize(ORDERS, deliveries=["first", "again"])
    assert result.success
    assert len(materializations(result)) == 1
    (observed,) = observations(result)
    assert observed.description == f"the same content as release {FIRST}: nothing to do"


def test_a_delivery_that_was_handled_before_is_not_told_twice(tmp_path: Path) -> None:
    there = hub_of(tmp_path)
    deliver(there, "first", [1])
    there.materialize(ORDERS, deliveries=["first"])
    result = there.materialize(ORDERS, deliveries=["first"])
    assert result.success
    assert not materializations(result)


def test_a_warning_is_shown_and_does_not_block(tmp_path: Path) -> None:
    lenient = replace(ORDERS, tests=(data_test("not_null", severity=Severity.WARN),))
    there = hub_of(tmp_path, lenient)
    deliver(there, "first", [1, None])
    result = there.materialize(lenient)
    assert result.success
    assert len(materializations(result)) == 1
    warned = next(each for each in evaluations(result) if each.check_name == NOT_NULL)
    assert (warned.passed, warned.severity) == (False, dg.AssetCheckSeverity.WARN)


def test_a_delivery_that_is_not_there_fails_the_run_and_not_the_ones_beside_it(tmp_path: Path) -> None:
    there = hub_of(tmp_path)
    deliver(there, "real", [1])
    result = there.materialize(ORDERS, deliveries=["ghost", "real"])
    assert not result.success
    assert "there is no delivery ghost" in failure_of(result)
    assert len(materializations(result)) == 1


def test_one_dataset_that_is_rejected_stops_no_other_of_the_run(tmp_path: Path) -> None:
    other = contract("payments.refunds")
    there = hub_of(tmp_path, ORDERS, other)
    deliver(there, "bad", [1, 1])
    deliver(there, "good", [1], of=other)
    result = there.materialize(ORDERS, other, job="release_payments")
    assert not result.success
    assert there.published(ORDERS) is None
    assert there.published(other) is not None


def test_confidential_columns_are_masked_in_the_preview(tmp_path: Path) -> None:
    secret = replace(
        ORDERS,
        columns=(
            column("id", "bigint"),
            column("amount", "double", classification=Classification.CONFIDENTIAL),
        ),
    )
    there = hub_of(tmp_path, secret)
    deliver(there, "first", [1], amount=42.5)
    (told,) = materializations(there.materialize(secret))
    assert rows(told.metadata, "preview") == [{"id": "1", "amount": "•••"}]


def test_of_a_confidential_dataset_no_rows_are_shown(tmp_path: Path) -> None:
    secret = replace(ORDERS, classification=Classification.CONFIDENTIAL)
    there = hub_of(tmp_path, secret)
    deliver(there, "first", [1])
    (told,) = materializations(there.materialize(secret))
    assert "preview" not in told.metadata


def test_each_partition_of_a_release_has_its_event_and_the_newest_tells_everything(tmp_path: Path) -> None:
    there = hub_of(tmp_path, DAILY)
    days = {f"{day}.parquet": orders([day], day=date(2026, 11, day)) for day in (3, 2)}
    put_delivery(there.hub, DAILY, "first", dict(days))
    result = there.materialize(DAILY)
    told = materializations(result)
    assert [each.partition for each in told] == ["2026-11-02", "2026-11-03"]
    assert "preview" not in told[0].metadata
    assert "preview" in told[1].metadata
    assert text(told[1].metadata, "partitions") == "2026-11-02, 2026-11-03"
    assert there.instance.get_materialized_partitions(asset_key(DAILY.name)) == {"2026-11-02", "2026-11-03"}


def test_a_run_for_a_partition_releases_what_is_ready_whatever_it_brings(tmp_path: Path) -> None:
    there = hub_of(tmp_path, DAILY)
    deliver(there, "first", [1], of=DAILY, day=[date(2026, 11, 3)])
    result = there.materialize(DAILY, partition_key="2026-11-05")
    assert result.success
    assert there.instance.get_materialized_partitions(asset_key(DAILY.name)) == {"2026-11-03"}


def test_a_job_releases_a_team_whose_datasets_are_partitioned_differently(tmp_path: Path) -> None:
    monthly = replace(
        contract("payments.monthly", delivery=by_month()),
        columns=(column("id", "bigint"), column("amount", "double"), column("month", "date")),
    )
    there = hub_of(tmp_path, ORDERS, DAILY, monthly)
    deliver(there, "o", [1])
    deliver(there, "d", [1], of=DAILY, day=[date(2026, 11, 3)])
    deliver(there, "m", [1], of=monthly, month=[date(2026, 10, 1)])
    result = there.run("release_payments")
    assert result.success
    assert sorted((each.asset_key.path[-1], each.partition) for each in materializations(result)) == [
        ("daily", "2026-11-03"),
        ("monthly", "2026-10"),
        ("orders", None),
    ]


def test_names_that_dagster_does_not_allow_are_released_all_the_same(tmp_path: Path) -> None:
    odd = contract("pay-ments.card.orders-2")
    plain = contract("pay_ments.card_orders_2")
    there = hub_of(tmp_path, odd, plain)
    deliver(there, "first", [1], of=odd)
    result = there.materialize(odd)
    assert result.success
    assert materializations(result)[0].asset_key.path == ["pay-ments", "card.orders-2"]
    assert len(verdicts(result)) == 3


def test_a_team_with_broken_files_keeps_its_last_good_contract_and_says_so(tmp_path: Path) -> None:
    fault = ContractFault(
        team="payments", path="models/payments/orders.yml", line=7, message="unknown key `retension`"
    )
    there = hub_of(tmp_path, ORDERS, faults=(fault,))
    spec = there.defs.resolve_assets_def(asset_key(ORDERS.name)).specs_by_key[asset_key(ORDERS.name)]
    assert spec.tags["contract_error"] == "true"
    assert "models/payments/orders.yml:7: unknown key `retension`" in (spec.description or "")

    deliver(there, "first", [1])
    assert there.materialize(ORDERS).success
    checked = there.run("checks")
    warned = next(each for each in evaluations(checked) if each.check_name == "contract")
    assert (warned.passed, warned.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "models/payments/orders.yml:7" in (warned.description or "")
    assert checked.success


def test_fetching_brings_the_source_into_the_inbox_and_releases_it(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    source = tmp_path / "source"
    source.mkdir()
    pq.write_table(orders([1, 2]), source / "part-0.parquet")
    fetched = replace(ORDERS, delivery=replace(ORDERS.delivery, source=str(source)))
    there = hub_of(tmp_path / "hub", fetched)
    job = there.defs.resolve_job_def("release_payments")
    config = {"ops": {"payments__orders": {"config": {"fetch": True}}}}
    first = job.execute_in_process(instance=there.instance, raise_on_error=False, run_config=config)
    second = job.execute_in_process(instance=there.instance, raise_on_error=False, run_config=config)
    assert first.success
    assert second.success
    assert (len(materializations(first)), len(materializations(second))) == (1, 0)
    assert pipeline.inbox(there.hub, fetched)
