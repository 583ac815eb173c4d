"""A delivery's way, end to end, without dbt."""

import time

import pytest

from datahub_dagster import pipeline
from datahub_dagster.domain.contract import Severity
from datahub_dagster.domain.inbox import InboxState
from datahub_dagster.domain.release import OutcomeKind, ReleaseState, state_now
from datahub_dagster.errors import DeliveryError, RetentionError, UnknownReleaseError
from tests.builders import by_day, column, contract, data_test
from tests.hubs import orders, put_delivery
from tests.places import Place

ORDERS = contract()
DAILY = contract(
    "payments.daily",
    delivery=by_day(),
    columns=(column("id", "bigint"), column("amount", "double"), column("day", "date")),
    tests=(data_test("not_null", "id", "payments.daily"), data_test("unique", "id", "payments.daily")),
)


def release(hub, contract, name, **more):
    return pipeline.release(hub, contract, name, actor="test", **more)


def test_a_first_delivery_becomes_generation_one(place: Place) -> None:
    hub = place.hub(ORDERS)
    put_delivery(hub, ORDERS, "first", {"part-0.parquet": orders([1, 2, 3])})
    outcome = release(hub, ORDERS, "first")
    assert outcome.kind is OutcomeKind.PUBLISHED
    assert outcome.record is not None
    assert outcome.record.generation == 1
    assert (outcome.record.rows, outcome.record.files, outcome.record.dataset_rows) == (3, 1, 3)
    assert place.ids_read(hub, ORDERS) == [1, 2, 3]
    assert hub.catalog.applied(ORDERS.name) == 1
    assert list(outcome.record.step_seconds) == [
        "receive",
        "validate",
        "stage",
        "audit",
        "publish",
        "observe",
    ]


def test_a_release_leaves_the_record_beside_the_data(place: Place) -> None:
    hub = place.hub(ORDERS)
    put_delivery(hub, ORDERS, "first", {"part-0.parquet": orders([1])})
    outcome = release(hub, ORDERS, "first")
    folder = f"releases/payments/orders/{outcome.release_id}/"
    assert sorted(path.removeprefix(folder) for path in place.files() if path.startswith(folder)) == [
        f"_audit.0.{ORDERS.fingerprint}.json",
        "_files.json",
        "_record.json",
        "part-0.parquet",
    ]


def test_a_replacing_delivery_replaces_everything(place: Place) -> None:
    hub = place.hub(ORDERS)
    put_delivery(hub, ORDERS, "first", {"part-0.parquet": orders([1, 2])})
    put_delivery(hub, ORDERS, "second", {"part-0.parquet": orders([7])})
    first = release(hub, ORDERS, "first")
    release(hub, ORDERS, "second")
    assert place.ids_read(hub, ORDERS) == [7]
    assert first.record is not None
    assert state_now(first.record, hub.log.current(ORDERS.name)) is ReleaseState.SUPERSEDED


def test_a_partitioned_delivery_replaces_what_it_brings(place: Place) -> None:
    hub = place.hub(DAILY)
    put_delivery(
        hub,
        DAILY,
        "a",
        {"day=2026-11-18/x.parquet": orders([1]), "day=2026-11-19/x.parquet": orders([2])},
    )
    put_delivery(
        hub, DAILY, "b", {"day=2026-11-19/x.parquet": orders([3]), "day=2026-11-20/x.parquet": orders([4])}
    )
    release(hub, DAILY, "a")
    outcome = release(hub, DAILY, "b")
    assert place.ids_read(hub, DAILY) == [1, 3, 4]
    assert outcome.record is not None
    assert outcome.record.replaced == ("2026-11-19",)
    assert outcome.record.partitions == ("2026-11-19", "2026-11-20")


def test_a_full_delivery_of_a_partitioned_dataset_drops_the_other_partitions(place: Place) -> None:
    hub = place.hub(DAILY)
    put_delivery(
        hub, DAILY, "a", {"day=2026-11-18/x.parquet": orders([1]), "day=2026-11-19/x.parquet": orders([2])}
    )
    put_delivery(hub, DAILY, "b", {"day=2026-11-20/x.parquet": orders([3])}, full=True)
    release(hub, DAILY, "a")
    release(hub, DAILY, "b")
    assert place.ids_read(hub, DAILY) == [3]


def test_the_same_content_under_another_name_is_a_repeat(place: Place) -> None:
    hub = place.hub(DAILY)
    put_delivery(
        hub, DAILY, "a", {"day=2026-11-18/x.parquet": orders([1]), "day=2026-11-19/x.parquet": orders([2])}
    )
    put_delivery(hub, DAILY, "again", {"day=2026-11-19/renamed.parquet": orders([2])})
    first = release(hub, DAILY, "a")
    again = release(hub, DAILY, "again")
    assert again.kind is OutcomeKind.REPEAT
    assert again.receipt.repeats == first.release_id
    assert len(hub.log.generations(DAILY.name)) == 1


def test_the_same_bytes_for_another_day_are_no_repeat(place: Place) -> None:
    hub = place.hub(contract("payments.daily", delivery=by_day(), columns=(), tests=()))
    daily = next(iter(hub.book().datasets.values()))
    put_delivery(hub, daily, "a", {"day=2026-11-18/x.parquet": orders([1])})
    put_delivery(hub, daily, "b", {"day=2026-11-19/x.parquet": orders([1])})
    release(hub, daily, "a")
    assert release(hub, daily, "b").kind is OutcomeKind.PUBLISHED


def test_releasing_a_delivery_twice_does_nothing_the_second_time(place: Place) -> None:
    hub = place.hub(ORDERS)
    put_delivery(hub, ORDERS, "first", {"part-0.parquet": orders([1])})
    once = release(hub, ORDERS, "first")
    twice = release(hub, ORDERS, "first")
    assert (once.is_news, twice.is_news) == (True, False)
    assert once.record == twice.record


def test_a_superseded_delivery_left_in_the_inbox_is_not_published_again(place: Place) -> None:
    hub = place.hub(ORDERS)
    put_delivery(hub, ORDERS, "first", {"part-0.parquet": orders([1])})
    put_delivery(hub, ORDERS, "second", {"part-0.parquet": orders([2])})
    release(hub, ORDERS, "first")
    release(hub, ORDERS, "second")
    release(hub, ORDERS, "first")
    assert place.ids_read(hub, ORDERS) == [2]


def test_an_old_content_delivered_anew_is_published_again(place: Place) -> None:
    hub = place.hub(ORDERS)
    for name, ids in (("first", [1]), ("second", [2]), ("third", [1])):
        put_delivery(hub, ORDERS, name, {"part-0.parquet": orders(ids)})
        release(hub, ORDERS, name)
    assert place.ids_read(hub, ORDERS) == [1]
    assert len(hub.log.generations(ORDERS.name)) == 3


def test_a_failing_error_test_keeps_the_former_release_and_the_delivery(place: Place) -> None:
    hub = place.hub(ORDERS)
    put_delivery(hub, ORDERS, "good", {"part-0.parquet": orders([1])})
    put_delivery(hub, ORDERS, "bad", {"part-0.parquet": orders([5, 5])})
    release(hub, ORDERS, "good")
    outcome = release(hub, ORDERS, "bad")
    assert outcome.kind is OutcomeKind.REJECTED
    assert outcome.record is not None
    assert [block.check_name for block in outcome.record.blocks] == [ORDERS.tests[1].check_name]
    assert place.ids_read(hub, ORDERS) == [1]
    assert "inbox/payments/orders/bad/part-0.parquet" in place.files()


def test_a_failing_warn_test_is_published_with_a_warning(place: Place) -> None:
    lenient = contract(tests=(data_test("unique", "id", severity=Severity.WARN),))
    hub = place.hub(lenient)
    put_delivery(hub, lenient, "bad", {"part-0.parquet": orders([5, 5])})
    outcome = release(hub, lenient, "bad")
    assert outcome.kind is OutcomeKind.PUBLISHED
    assert outcome.record is not None
    assert len(outcome.record.warnings) == 1


def test_a_rejected_delivery_is_taken_anew_once_the_contract_has_changed(place: Place) -> None:
    hub = place.hub(ORDERS)
    put_delivery(hub, ORDERS, "bad", {"part-0.parquet": orders([5, 5])})
    assert release(hub, ORDERS, "bad").refused
    assert release(hub, ORDERS, "bad").is_news is False
    assert pipeline.inbox(hub, ORDERS)[0].state is InboxState.HANDLED
    mended = contract(tests=ORDERS.tests[:1], fingerprint="another")
    assert pipeline.inbox(hub, mended)[0].state is InboxState.READY
    outcome = release(hub, mended, "bad")
    assert outcome.kind is OutcomeKind.PUBLISHED
    assert outcome.release_id.number == 2


def test_a_rejected_delivery_can_be_judged_again_when_its_neighbour_has_come(place: Place) -> None:
    hub = place.hub(ORDERS)
    put_delivery(hub, ORDERS, "bad", {"part-0.parquet": orders([5, 5])})
    first = release(hub, ORDERS, "bad")
    again = release(hub, ORDERS, "bad", again=True)
    assert (first.refused, again.refused) == (True, True)
    assert (first.release_id.number, again.release_id.number) == (1, 2)
    assert again.is_news


def test_asking_again_for_what_is_published_does_nothing(place: Place) -> None:
    hub = place.hub(ORDERS)
    put_delivery(hub, ORDERS, "first", {"part-0.parquet": orders([1])})
    release(hub, ORDERS, "first")
    assert release(hub, ORDERS, "first", again=True).is_news is False


def test_a_delivery_without_its_marker_waits(place: Place) -> None:
    hub = place.hub(ORDERS)
    put_delivery(hub, ORDERS, "partial", {"part-0.parquet": orders([1])}, complete=False)
    assert pipeline.inbox(hub, ORDERS)[0].state is InboxState.INCOMPLETE
    with pytest.raises(DeliveryError, match="not complete"):
        release(hub, ORDERS, "partial")
    assert hub.log.receipts(ORDERS.name) == []


def test_rolling_back_publishes_the_older_content_as_a_new_generation(place: Place) -> None:
    hub = place.hub(ORDERS)
    for name, ids in (("first", [1]), ("second", [2])):
        put_delivery(hub, ORDERS, name, {"part-0.parquet": orders(ids)})
        release(hub, ORDERS, name)
    generation = pipeline.rollback(hub, ORDERS, 1, reason="wrong prices", actor="ann")
    assert (generation.number, generation.restores, generation.reason) == (3, 1, "wrong prices")
    assert place.ids_read(hub, ORDERS) == [1]
    assert hub.catalog.applied(ORDERS.name) == 3


def test_a_delivery_after_a_rollback_goes_on_top(place: Place) -> None:
    hub = place.hub(ORDERS)
    for name, ids in (("first", [1]), ("second", [2])):
        put_delivery(hub, ORDERS, name, {"part-0.parquet": orders(ids)})
        release(hub, ORDERS, name)
    pipeline.rollback(hub, ORDERS, 1, reason="wrong prices", actor="ann")
    put_delivery(hub, ORDERS, "third", {"part-0.parquet": orders([3])})
    release(hub, ORDERS, "third")
    assert place.ids_read(hub, ORDERS) == [3]


def test_rolling_back_to_what_is_published_is_refused(place: Place) -> None:
    hub = place.hub(ORDERS)
    put_delivery(hub, ORDERS, "first", {"part-0.parquet": orders([1])})
    release(hub, ORDERS, "first")
    for number in (1, 9):
        with pytest.raises(UnknownReleaseError):
            pipeline.rollback(hub, ORDERS, number, reason="x", actor="ann")


def test_rolling_back_to_data_that_were_removed_is_refused(place: Place) -> None:
    hub = place.hub(ORDERS)
    for name, ids in (("first", [1]), ("second", [2])):
        put_delivery(hub, ORDERS, name, {"part-0.parquet": orders(ids)})
        release(hub, ORDERS, name)
    place.remove(f"releases/payments/orders/{hub.log.receipts(ORDERS.name)[0].release_id}/_files.json")
    with pytest.raises(RetentionError):
        pipeline.rollback(hub, ORDERS, 1, reason="x", actor="ann")


def test_a_dry_run_shows_the_plan_and_writes_nothing(place: Place) -> None:
    hub = place.hub(DAILY)
    put_delivery(hub, DAILY, "a", {"day=2026-11-18/x.parquet": orders([1])})
    before = place.files()
    preview = pipeline.preview(hub, DAILY, "a")
    assert preview.plan is not None
    assert preview.plan.added == ("2026-11-18",)
    assert place.files() == before
    outcome = release(hub, DAILY, "a")
    assert outcome.release_id == preview.plan.release_id


def test_files_with_the_partition_column_inside_and_in_the_path_live_together(place: Place) -> None:
    import datetime

    hub = place.hub(DAILY)
    put_delivery(hub, DAILY, "a", {"day=2026-11-18/x.parquet": orders([1])})
    put_delivery(hub, DAILY, "b", {"x.parquet": orders([2], day=datetime.date(2026, 11, 19))})
    release(hub, DAILY, "a")
    outcome = release(hub, DAILY, "b")
    assert outcome.kind is OutcomeKind.PUBLISHED, outcome.why
    assert place.ids_read(hub, DAILY) == [1, 2]


def test_the_inbox_is_released_in_the_order_in_which_it_was_completed(place: Place) -> None:
    hub = place.hub(ORDERS)
    put_delivery(hub, ORDERS, "z", {"part-0.parquet": orders([1])})
    time.sleep(place.tick)
    put_delivery(hub, ORDERS, "a", {"part-0.parquet": orders([2])})
    assert [entry.delivery for entry in pipeline.inbox(hub, ORDERS)] == ["z", "a"]
    release(hub, ORDERS, "z")
    assert [entry.state for entry in pipeline.inbox(hub, ORDERS)] == [InboxState.HANDLED, InboxState.READY]


def test_a_lost_catalog_is_mended(place: Place) -> None:
    hub = place.hub(ORDERS)
    put_delivery(hub, ORDERS, "first", {"part-0.parquet": orders([1])})
    release(hub, ORDERS, "first")
    place.lose_catalog()
    missing, shown = pipeline.reconcile(hub, ORDERS)
    assert missing.endswith(": it was missing; it was made anew")
    assert shown == "the catalog shows generation 1 again"
    assert pipeline.reconcile(hub, ORDERS) == []


def test_status_tells_what_happened(place: Place) -> None:
    hub = place.hub(ORDERS, DAILY)
    put_delivery(hub, ORDERS, "first", {"part-0.parquet": orders([1])})
    release(hub, ORDERS, "first")
    put_delivery(hub, ORDERS, "bad", {"part-0.parquet": orders([5, 5])})
    release(hub, ORDERS, "bad")
    daily, told = pipeline.status(hub)
    assert (daily.current, daily.last) == (None, None)
    assert told.last is not None
    assert told.last.refused
    assert told.rows == 1
