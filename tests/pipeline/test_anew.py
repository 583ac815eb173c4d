"""What happens to deliveries that were handled, when the contract changes, the clock of a file, or the source."""

import os
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from datahub_dagster import pipeline
from datahub_dagster.domain.contract import Contract, DeliverySpec
from datahub_dagster.domain.inbox import InboxState
from datahub_dagster.domain.outcome import Outcome
from datahub_dagster.domain.release import OutcomeKind
from datahub_dagster.ports import Hub
from tests.aws import AwsAccount
from tests.builders import by_day, column, contract, data_test
from tests.hubs import hub_at, ids_published, orders, put_delivery
from tests.places import OnAws, Place

ORDERS = contract()
MENDED = contract(tests=ORDERS.tests[:1], fingerprint="without unique")
DAILY = contract(
    "payments.daily",
    delivery=by_day(),
    columns=(column("id", "bigint"), column("amount", "double"), column("day", "date")),
    tests=(data_test("unique", "id", "payments.daily"),),
)


def released(hub: Hub, contract: Contract, name: str) -> Outcome:
    return pipeline.release(hub, contract, name, actor="test")


def state_of(hub: Hub, contract: Contract, name: str) -> InboxState:
    return next(entry.state for entry in pipeline.inbox(hub, contract) if entry.delivery == name)


def test_a_rejected_delivery_never_replaces_what_was_delivered_after_it(place: Place) -> None:
    hub = place.hub(ORDERS)
    put_delivery(hub, ORDERS, "monday-bad", {"part-0.parquet": orders([5, 5])})
    put_delivery(hub, ORDERS, "tuesday-good", {"part-0.parquet": orders([1])})
    assert released(hub, ORDERS, "monday-bad").refused
    released(hub, ORDERS, "tuesday-good")

    assert state_of(hub, MENDED, "monday-bad") is InboxState.HANDLED
    assert released(hub, MENDED, "monday-bad").is_news is False
    assert place.ids_read(hub, MENDED) == [1]


def test_unless_it_is_asked_for_again(place: Place) -> None:
    hub = place.hub(ORDERS)
    put_delivery(hub, ORDERS, "monday-bad", {"part-0.parquet": orders([5, 5])})
    put_delivery(hub, ORDERS, "tuesday-good", {"part-0.parquet": orders([1])})
    released(hub, ORDERS, "monday-bad")
    released(hub, ORDERS, "tuesday-good")

    assert pipeline.release(hub, MENDED, "monday-bad", actor="test", again=True).kind is OutcomeKind.PUBLISHED
    assert place.ids_read(hub, MENDED) == [5, 5]


@pytest.mark.parametrize(
    ("later_day", "expected"),
    [("2026-11-19", InboxState.READY), ("2026-11-18", InboxState.HANDLED)],
    ids=["a later delivery of another day is not in the way", "one of the same day is"],
)
def test_a_rejected_partition_is_judged_anew_while_nobody_delivered_it_since(
    later_day: str, expected: InboxState, place: Place
) -> None:
    hub = place.hub(DAILY)
    put_delivery(hub, DAILY, "bad", {"day=2026-11-18/x.parquet": orders([5, 5])})
    put_delivery(hub, DAILY, "later", {f"day={later_day}/x.parquet": orders([1])})
    released(hub, DAILY, "bad")
    released(hub, DAILY, "later")

    assert state_of(hub, replace(DAILY, tests=(), fingerprint="without tests"), "bad") is expected


def test_a_repeat_of_what_is_published_stands_against_an_earlier_rejected_delivery(place: Place) -> None:
    hub = place.hub(ORDERS)
    for name, ids in (("good", [1]), ("bad", [5, 5]), ("good-again", [1])):
        put_delivery(hub, ORDERS, name, {"part-0.parquet": orders(ids)})
        released(hub, ORDERS, name)

    assert state_of(hub, MENDED, "bad") is InboxState.HANDLED


def test_a_touched_delivery_is_looked_at_once_more_and_then_left_alone(tmp_path: Path) -> None:
    hub = hub_at(tmp_path, ORDERS)
    folder = put_delivery(hub, ORDERS, "one", {"part-0.parquet": orders([1])})
    released(hub, ORDERS, "one")
    later = hub.log.receipts(ORDERS.name)[0].received_at.timestamp() + 60
    os.utime(folder / "part-0.parquet", (later, later))
    assert state_of(hub, ORDERS, "one") is InboxState.READY

    assert released(hub, ORDERS, "one").is_news is False
    assert state_of(hub, ORDERS, "one") is InboxState.HANDLED

    pq.write_table(orders([2]), folder / "part-0.parquet")
    os.utime(folder / "part-0.parquet", (later + 60, later + 60))
    assert state_of(hub, ORDERS, "one") is InboxState.READY
    assert released(hub, ORDERS, "one").kind is OutcomeKind.PUBLISHED
    assert ids_published(hub, ORDERS) == [2]


@pytest.mark.aws
def test_on_s3_another_content_is_noticed_whatever_the_time_of_the_file_says(aws_account: AwsAccount) -> None:
    place = OnAws(aws_account)
    hub = place.hub(ORDERS)  # its clock is years ahead, so that no file is newer than its receipt
    put_delivery(hub, ORDERS, "one", {"part-0.parquet": orders([1])})
    released(hub, ORDERS, "one")
    assert state_of(hub, ORDERS, "one") is InboxState.HANDLED

    put_delivery(hub, ORDERS, "one", {"part-0.parquet": orders([2])})
    assert state_of(hub, ORDERS, "one") is InboxState.READY
    assert released(hub, ORDERS, "one").kind is OutcomeKind.PUBLISHED
    assert place.ids_read(hub, ORDERS) == [2]
    assert state_of(hub, ORDERS, "one") is InboxState.HANDLED
    place.close()


def test_a_source_that_goes_back_to_an_earlier_content_is_published_again(tmp_path: Path) -> None:
    source = tmp_path / "drop"
    source.mkdir()
    fetched = replace(ORDERS, delivery=DeliverySpec(source=str(source)))
    hub = hub_at(tmp_path / "hub", fetched)

    def fetch_and_release(ids: list[int]) -> OutcomeKind | None:
        pq.write_table(orders(ids), source / "orders.parquet")
        name = pipeline.fetch(hub, fetched)
        return released(hub, fetched, name).kind if name else None

    assert fetch_and_release([1, 2]) is OutcomeKind.PUBLISHED
    assert fetch_and_release([1, 2, 3]) is OutcomeKind.PUBLISHED
    assert fetch_and_release([1, 2]) is OutcomeKind.PUBLISHED
    assert ids_published(hub, fetched) == [1, 2]
    assert fetch_and_release([1, 2]) is None


def test_what_the_source_holds_does_not_come_back_over_a_delivery_by_hand(tmp_path: Path) -> None:
    source = tmp_path / "drop"
    source.mkdir()
    pq.write_table(orders([1]), source / "orders.parquet")
    fetched = replace(ORDERS, delivery=DeliverySpec(source=str(source)))
    hub = hub_at(tmp_path / "hub", fetched)
    released(hub, fetched, pipeline.fetch(hub, fetched) or "")
    put_delivery(hub, fetched, "by-hand", {"part-0.parquet": orders([2])})
    released(hub, fetched, "by-hand")

    assert pipeline.fetch(hub, fetched) is None
    assert ids_published(hub, fetched) == [2]
