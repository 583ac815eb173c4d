"""What the hub notices by itself, tick by tick."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from datahub_dagster import pipeline
from datahub_dagster.defs.names import asset_key
from datahub_dagster.defs.schedules import FETCH_TAG
from datahub_dagster.domain.contract import Contract, ContractFault
from datahub_dagster.domain.names import Location
from datahub_dagster.wiring import SystemClock
from tests.builders import book, by_day, column, contract, data_test
from tests.defs.dagster_hub import DagsterHub, requests, text, verdicts
from tests.hubs import orders, put_delivery

pytestmark = pytest.mark.slow

ORDERS, REFUNDS = contract(), contract("payments.refunds")
PRICES = contract("equities.prices")
NOT_NULL, UNIQUE = (test.check_name for test in ORDERS.tests)
FAULT = ContractFault(
    team="payments",
    path="models/payments/orders.yml",
    line=7,
    message="unknown key `retension`",
    next_step="write `retention`",
)
DAILY = contract(
    "payments.daily",
    delivery=by_day(),
    columns=(column("id", "bigint"), column("amount", "double"), column("day", "date")),
    tests=(data_test("not_null", "id", "payments.daily"),),
)


def hub_of(root: Path, *contracts: Contract) -> DagsterHub:
    return DagsterHub(root=root, book=book(*(contracts or (ORDERS,))))


def deliver(there: DagsterHub, name: str, ids: list, of: Contract = ORDERS, **columns) -> None:
    put_delivery(there.hub, of, name, {"part-0.parquet": orders(ids, **columns)})


def by_command_line(there: DagsterHub, name: str, of: Contract = ORDERS) -> None:
    pipeline.release(there.hub, of, name, actor="cli")


def told(result: dg.SensorResult, kind: type) -> list:
    return [event for event in result.asset_events if isinstance(event, kind)]


# ── inbox ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_complete_delivery_is_released_by_one_run_for_its_team(tmp_path: Path) -> None:
    there = hub_of(tmp_path, ORDERS, REFUNDS, PRICES)
    deliver(there, "a", [1])
    deliver(there, "b", [2], of=REFUNDS)
    deliver(there, "c", [3], of=PRICES)
    tick = there.sensor("inbox")
    assert [request.job_name for request in requests(tick)] == [
        "release_equities",
        "release_payments",
    ]
    for request in requests(tick):
        assert there.launch(request).success
    assert all(there.published(each) for each in (ORDERS, REFUNDS, PRICES))
    assert not there.sensor("inbox", tick.cursor).run_requests


def test_a_rejected_delivery_is_not_tried_again_until_its_content_changes(tmp_path: Path) -> None:
    there = hub_of(tmp_path)
    deliver(there, "bad", [1, 1])
    first = there.sensor("inbox")
    (request,) = requests(first)
    assert not there.launch(request).success
    second = there.sensor("inbox", first.cursor)
    assert not second.run_requests

    deliver(there, "bad", [1, 2, 3])
    third = there.sensor("inbox", second.cursor)
    (again,) = requests(third)
    assert again.run_key != request.run_key
    assert there.launch(again).success


def test_a_rejected_delivery_is_tried_again_when_its_contract_changed(tmp_path: Path) -> None:
    there = hub_of(tmp_path)
    deliver(there, "bad", [1, 1])
    first = there.sensor("inbox")
    assert not there.launch(requests(first)[0]).success
    there.change(replace(ORDERS, tests=ORDERS.tests[:1], fingerprint="without the unique test"))
    assert len(requests(there.sensor("inbox", first.cursor))) == 1


def test_an_inbox_that_cannot_be_read_stops_no_other(tmp_path: Path) -> None:
    there = hub_of(tmp_path, ORDERS, PRICES)
    deliver(there, "a", [1])
    deliver(there, "b", [1], of=PRICES)
    receipts = Path(there.hub.storage.engine_path(Location("log/equities/prices/receipts")))
    receipts.mkdir(parents=True)
    (receipts / "00000001.json").write_text("{ torn")
    tick = there.sensor("inbox")
    assert [request.job_name for request in requests(tick)] == ["release_payments"]


def test_deliveries_of_a_dataset_that_is_being_fetched_are_left_to_that_run(tmp_path: Path) -> None:
    there = hub_of(tmp_path, ORDERS, PRICES)
    there.use(clock=SystemClock())
    deliver(there, "fetched-2026-11-20-1", [1])
    deliver(there, "b", [1], of=PRICES)
    job = there.defs.resolve_job_def("release_payments")
    run = there.instance.create_run_for_job(job, tags={FETCH_TAG: "payments.orders"})
    during = there.sensor("inbox")
    assert [request.job_name for request in requests(during)] == ["release_equities"]
    there.instance.report_run_failed(run)
    after = there.sensor("inbox", during.cursor)
    assert [request.job_name for request in requests(after)] == ["release_payments"]


def test_a_fetching_run_that_never_says_how_it_ended_is_given_up(tmp_path: Path) -> None:
    there = hub_of(tmp_path)
    deliver(there, "a", [1])  # the hub's clock is years ahead of the run
    job = there.defs.resolve_job_def("release_payments")
    there.instance.create_run_for_job(job, tags={FETCH_TAG: "payments.orders"})
    assert len(requests(there.sensor("inbox"))) == 1


# ── contracts_changed ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_changed_contract_runs_its_checks_on_what_is_published_and_releases_nothing(tmp_path: Path) -> None:
    there = hub_of(tmp_path, ORDERS, PRICES)
    deliver(there, "a", [1])
    there.materialize(ORDERS)
    first = there.sensor("contracts_changed")
    assert not first.run_requests

    there.change(replace(ORDERS, fingerprint="changed"), PRICES)
    deliver(there, "b", [1, 2])
    second = there.sensor("contracts_changed", first.cursor)
    (request,) = requests(second)
    assert request.asset_selection == []
    result = there.launch(request)
    assert verdicts(result) == {"contract": True, NOT_NULL: True, UNIQUE: True}
    current = there.hub.log.current(ORDERS.name)
    assert current is not None
    assert current.number == 1
    assert not there.sensor("contracts_changed", second.cursor).run_requests


def test_a_changed_contract_without_data_asks_for_nothing(tmp_path: Path) -> None:
    there = hub_of(tmp_path)
    first = there.sensor("contracts_changed")
    there.change(replace(ORDERS, fingerprint="changed"))
    assert not there.sensor("contracts_changed", first.cursor).run_requests


def test_a_check_that_the_contract_lost_is_not_asked_for(tmp_path: Path) -> None:
    there = hub_of(tmp_path)
    deliver(there, "a", [1])
    there.materialize(ORDERS)
    first = there.sensor("contracts_changed")
    there.change(replace(ORDERS, tests=ORDERS.tests[:1], fingerprint="changed"))
    (request,) = requests(there.sensor("contracts_changed", first.cursor))
    assert {key.name for key in request.asset_check_keys or ()} == {"contract", NOT_NULL}


def test_a_contract_that_comes_back_to_what_it_was_is_checked_again(tmp_path: Path) -> None:
    there = hub_of(tmp_path)
    deliver(there, "a", [1])
    there.materialize(ORDERS)
    cursor, asked = there.sensor("contracts_changed").cursor, []
    for fingerprint in ("B", ORDERS.fingerprint, "B"):
        there.change(replace(ORDERS, fingerprint=fingerprint))
        tick = there.sensor("contracts_changed", cursor)
        cursor = tick.cursor
        asked += requests(tick)
    assert len(asked) == 3
    assert {request.run_key for request in asked} == {None}, "Dagster drops a key that it has seen"


def test_a_new_test_is_owed_until_the_code_location_knows_it(tmp_path: Path) -> None:
    there = hub_of(tmp_path, replace(ORDERS, tests=ORDERS.tests[:1], fingerprint="one test"))
    deliver(there, "a", [1])
    there.materialize(ORDERS)
    first = there.sensor("contracts_changed")
    there.change(ORDERS)
    second = there.sensor("contracts_changed", first.cursor)
    assert [key.name for key in requests(second)[0].asset_check_keys or ()] == ["contract", NOT_NULL]
    assert not there.sensor("contracts_changed", second.cursor).run_requests

    there.reload()
    third = there.sensor("contracts_changed", second.cursor)
    (request,) = requests(third)
    assert verdicts(there.launch(request)) == {UNIQUE: True}
    assert not there.sensor("contracts_changed", third.cursor).run_requests


def test_a_log_that_cannot_be_read_keeps_its_checks_owed_and_stops_no_other(tmp_path: Path) -> None:
    there = hub_of(tmp_path, ORDERS, PRICES)
    for each in (ORDERS, PRICES):
        deliver(there, "a", [1], of=each)
        there.materialize(each)
    first = there.sensor("contracts_changed")
    newest = tmp_path / "log/equities/prices/generations/00000001.json"
    whole = newest.read_text()
    newest.write_text("{ torn")
    there.forget()
    there.change(replace(ORDERS, fingerprint="changed"), replace(PRICES, fingerprint="changed"))
    second = there.sensor("contracts_changed", first.cursor)
    assert [request.tags["hub/team"] for request in requests(second)] == ["payments"]
    newest.write_text(whole)
    third = there.sensor("contracts_changed", second.cursor)
    assert [request.tags["hub/team"] for request in requests(third)] == ["equities"]


def test_files_that_break_and_are_mended_are_told_without_a_reload(tmp_path: Path) -> None:
    there = hub_of(tmp_path, ORDERS, PRICES)
    deliver(there, "a", [1])
    there.materialize(ORDERS)
    first = there.sensor("contracts_changed")
    assert not first.asset_events

    there.change(ORDERS, PRICES, faults=(FAULT,))
    second = there.sensor("contracts_changed", first.cursor)
    (broken,) = told(second, dg.AssetCheckEvaluation)
    assert (broken.asset_key, broken.check_name) == (asset_key(ORDERS.name), "contract")
    assert (broken.passed, broken.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "models/payments/orders.yml:7: unknown key `retension`" in broken.description
    assert "write `retention`" in broken.description
    third = there.sensor("contracts_changed", second.cursor)
    assert not third.asset_events

    there.change(ORDERS, PRICES)
    (mended,) = told(there.sensor("contracts_changed", third.cursor), dg.AssetCheckEvaluation)
    assert (mended.asset_key, mended.passed) == (asset_key(ORDERS.name), True)


def test_files_that_were_broken_before_the_first_look_are_told(tmp_path: Path) -> None:
    there = hub_of(tmp_path)
    there.change(ORDERS, faults=(FAULT,))
    (broken,) = told(there.sensor("contracts_changed"), dg.AssetCheckEvaluation)
    assert not broken.passed


# ── released_elsewhere ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_release_by_the_command_line_is_shown_once(tmp_path: Path) -> None:
    there = hub_of(tmp_path)
    deliver(there, "a", [1])
    by_command_line(there, "a")
    first = there.sensor("released_elsewhere")
    published = there.published(ORDERS)
    assert published is not None
    assert text(published.metadata, "delivery") == "a"
    assert {each.check_name: each.passed for each in told(first, dg.AssetCheckEvaluation)} == {
        "contract": True,
        NOT_NULL: True,
        UNIQUE: True,
    }
    assert not there.sensor("released_elsewhere", first.cursor).asset_events


def test_a_rejection_by_the_command_line_is_shown_and_the_asset_stays_as_it_is(tmp_path: Path) -> None:
    there = hub_of(tmp_path)
    deliver(there, "a", [1])
    there.materialize(ORDERS)
    first = there.sensor("released_elsewhere")
    assert not first.asset_events

    deliver(there, "bad", [1, 1])
    by_command_line(there, "bad")
    second = there.sensor("released_elsewhere", first.cursor)
    (observed,) = told(second, dg.AssetObservation)
    assert "was rejected" in observed.description
    failed = [each for each in told(second, dg.AssetCheckEvaluation) if not each.passed]
    assert [each.check_name for each in failed] == [UNIQUE]
    assert "(rejected)" in failed[0].description
    published = there.published(ORDERS)
    assert published is not None
    assert text(published.metadata, "delivery") == "a"
    latest = there.instance.event_log_storage.get_latest_asset_check_execution_by_key(
        [dg.AssetCheckKey(asset_key(ORDERS.name), UNIQUE)]
    )
    assert [each.status.value for each in latest.values()] == ["FAILED"]


def test_what_dagster_did_itself_is_not_told_again(tmp_path: Path) -> None:
    there = hub_of(tmp_path, ORDERS, DAILY)
    deliver(there, "a", [1])
    deliver(there, "d", [1], of=DAILY, day=date(2026, 11, 3))
    there.materialize(ORDERS, DAILY)
    deliver(there, "bad", [1, 1])
    there.materialize(ORDERS)
    there.run("rollback", "roll_back", dataset="payments.orders", generation=1, reason="try")
    assert not there.sensor("released_elsewhere").asset_events


def test_a_rollback_by_the_command_line_is_shown_once(tmp_path: Path) -> None:
    there = hub_of(tmp_path)
    for name, ids in (("a", [1]), ("b", [1, 2])):
        deliver(there, name, ids)
        there.materialize(ORDERS)
    first = there.sensor("released_elsewhere")
    pipeline.rollback(there.hub, ORDERS, 1, reason="b was wrong", actor="cli")
    second = there.sensor("released_elsewhere", first.cursor)
    (shown,) = told(second, dg.AssetMaterialization)
    assert "rolled back to generation 1" in shown.description
    assert "b was wrong" in shown.description
    assert not there.sensor("released_elsewhere", second.cursor).asset_events


def test_a_release_whose_run_was_killed_before_it_told_is_shown(tmp_path: Path) -> None:
    there = hub_of(tmp_path)
    deliver(there, "a", [1])
    run = there.instance.create_run_for_job(there.defs.resolve_job_def("release_payments"))
    pipeline.release(there.hub, ORDERS, "a", actor="dagster", run_id=run.run_id)
    waiting = there.sensor("released_elsewhere")
    assert not waiting.asset_events, "the run may be about to tell"
    there.instance.report_run_failed(run)
    after = there.sensor("released_elsewhere", waiting.cursor)
    assert len(told(after, dg.AssetMaterialization)) == 1
    assert not there.sensor("released_elsewhere", after.cursor).asset_events


def test_of_a_hub_that_is_older_than_dagsters_database_the_newest_releases_are_shown(tmp_path: Path) -> None:
    there = hub_of(tmp_path)
    for number in range(8):
        deliver(there, f"d{number}", [number])
        by_command_line(there, f"d{number}")
    shown = told(there.sensor("released_elsewhere"), dg.AssetMaterialization)
    assert [text(each.metadata, "delivery") for each in shown] == ["d3", "d4", "d5", "d6", "d7"]


def test_an_older_release_never_looks_like_what_is_published(tmp_path: Path) -> None:
    there = hub_of(tmp_path)
    first = there.sensor("released_elsewhere")
    deliver(there, "a", [1])
    by_command_line(there, "a")
    deliver(there, "b", [1, 2])
    there.materialize(ORDERS, deliveries=["b"])
    second = there.sensor("released_elsewhere", first.cursor)
    assert not told(second, dg.AssetMaterialization)
    (observed,) = told(second, dg.AssetObservation)
    assert "replaced since" in observed.description


def test_a_log_that_cannot_be_read_stops_no_other(tmp_path: Path) -> None:
    there = hub_of(tmp_path, ORDERS, PRICES)
    deliver(there, "a", [1])
    by_command_line(there, "a")
    generations = tmp_path / "log/equities/prices/generations"
    generations.mkdir(parents=True)
    (generations / "00000001.json").write_text("{ torn")
    assert len(told(there.sensor("released_elsewhere"), dg.AssetMaterialization)) == 1
