"""The inbox sensor with a queue: what S3 tells, tick by tick, and what it fails to tell."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.adapters.aws.inbox_events import SqsDeliveryEvents
from datahub_dagster.defs.schedules import FETCH_TAG
from datahub_dagster.domain.contract import Contract
from datahub_dagster.settings import S3Root
from tests.aws import AwsAccount
from tests.builders import NOW, book, contract
from tests.defs.dagster_hub import DagsterHub, requests
from tests.hubs import SetClock, orders, put_delivery
from tests.inbox_queue import notify_queue

pytestmark = [pytest.mark.slow, pytest.mark.aws]

ORDERS, PRICES = contract(), contract("equities.prices")


class QueuedHub:
    """A hub whose sensor is told by a queue. Deliveries lie on a disk; S3 hears of a marker, and tells the queue."""

    def __init__(self, root: Path, account: AwsAccount) -> None:
        self.account = account
        self.url = notify_queue(account)
        self.aws = AwsClients()
        self.clock = SetClock(NOW + timedelta(days=3650))
        self.there = DagsterHub(root=root, book=book(ORDERS, PRICES))
        self.restart()
        self.cursor: str | None = None

    def restart(self) -> None:
        """Another process takes from the queue."""
        events = SqsDeliveryEvents(self.aws, self.url, S3Root.parse(self.account.root))
        self.there.use(clock=self.clock, events=events)

    def deliver(
        self, of: Contract, name: str, ids: list[int], *, tell: int = 1, complete: bool = True
    ) -> None:
        put_delivery(self.there.hub, of, name, {"part-0.parquet": orders(ids)}, complete=complete)
        for _ in range(tell):
            self.tell(of, f"{name}/_SUCCESS" if complete else f"{name}/part-0.parquet")

    def tell(self, of: Contract, path: str) -> None:
        key = f"hub/inbox/{of.name.source}/{of.name.table}/{path}"
        self.account.client("s3").put_object(Bucket=self.account.bucket, Key=key, Body=b"")

    def tick(self, *, after: timedelta = timedelta(seconds=30)) -> list[dg.RunRequest]:
        self.clock.at += after
        result = self.there.sensor("inbox", self.cursor)
        self.cursor = result.cursor
        return requests(result)


@pytest.fixture
def hub(tmp_path: Path, aws_account: AwsAccount) -> Iterator[QueuedHub]:
    queued = QueuedHub(tmp_path, aws_account)
    assert queued.tick() == []  # the first tick lists all inboxes, which are empty
    yield queued
    queued.aws.close()


def jobs(asked: list[dg.RunRequest]) -> list[str | None]:
    return [request.job_name for request in asked]


def test_an_event_brings_about_the_release_of_its_dataset_alone(hub: QueuedHub) -> None:
    hub.deliver(ORDERS, "a", [1])
    hub.deliver(PRICES, "b", [1], tell=0)
    (asked,) = hub.tick()
    assert asked.job_name == "release_payments"
    assert hub.there.launch(asked).success
    assert hub.there.published(ORDERS)
    assert hub.tick() == []


def test_a_lost_event_is_made_up_for_by_the_next_listing(hub: QueuedHub) -> None:
    hub.deliver(PRICES, "b", [1], tell=0)
    assert hub.tick() == []
    assert jobs(hub.tick(after=timedelta(minutes=10))) == ["release_equities"]


def test_an_event_that_comes_twice_releases_once(hub: QueuedHub) -> None:
    hub.deliver(ORDERS, "a", [1], tell=3)
    (asked,) = hub.tick()
    hub.there.launch(asked)
    hub.tell(ORDERS, "a/_SUCCESS")  # the same, late
    assert hub.tick() == []
    current = hub.there.hub.log.current(ORDERS.name)
    assert current is not None
    assert current.number == 1


def test_an_event_that_comes_before_the_rest_of_its_delivery_waits_for_it(hub: QueuedHub) -> None:
    hub.deliver(ORDERS, "a", [1], complete=False)
    assert hub.tick() == []
    hub.deliver(ORDERS, "a", [1], tell=0)  # the event of its marker was lost
    assert jobs(hub.tick()) == ["release_payments"]


def test_events_out_of_order_release_deliveries_in_the_order_of_their_completion(hub: QueuedHub) -> None:
    hub.deliver(ORDERS, "second-by-name", [1], tell=0)
    hub.deliver(ORDERS, "first-by-name", [1, 2], tell=0)
    hub.tell(ORDERS, "first-by-name/_SUCCESS")
    hub.tell(ORDERS, "second-by-name/_SUCCESS")
    (asked,) = hub.tick()
    assert asked.run_config["ops"]["payments__orders"]["config"]["deliveries"] == [
        "second-by-name",
        "first-by-name",
    ]


def test_a_run_that_died_is_asked_for_again_without_another_event(hub: QueuedHub) -> None:
    hub.deliver(ORDERS, "a", [1])
    (first,) = hub.tick()
    assert hub.tick() == []
    (second,) = hub.tick(after=timedelta(minutes=2))
    assert first.run_key != second.run_key


def test_a_delivery_that_comes_while_its_dataset_is_fetched_is_not_forgotten(hub: QueuedHub) -> None:
    job = hub.there.defs.resolve_job_def("release_payments")
    hub.clock.at = datetime.now(NOW.tzinfo) + timedelta(seconds=5)  # runs are dated by the machine's clock
    assert hub.tick(after=timedelta(0)) == []
    run = hub.there.instance.create_run_for_job(job, tags={FETCH_TAG: "payments.orders"})
    hub.deliver(ORDERS, "a", [1])
    assert hub.tick() == []
    hub.there.instance.report_run_failed(run)
    assert jobs(hub.tick()) == ["release_payments"]


def test_a_process_that_dies_between_two_ticks_loses_nothing(hub: QueuedHub) -> None:
    hub.deliver(ORDERS, "a", [1])
    before = hub.cursor
    hub.tick()
    hub.cursor = before  # it died before the tick was kept
    events = hub.there.hub.events
    assert isinstance(events, SqsDeliveryEvents)
    for message in events._taken:
        hub.account.client("sqs").change_message_visibility(
            QueueUrl=hub.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )
    hub.restart()
    assert jobs(hub.tick()) == ["release_payments"]


def test_without_its_queue_the_sensor_lists_all_inboxes_and_says_so(
    hub: QueuedHub, capfd: pytest.CaptureFixture[str]
) -> None:
    hub.account.client("sqs").delete_queue(QueueUrl=hub.url)
    hub.deliver(ORDERS, "a", [1], tell=0)
    hub.deliver(PRICES, "b", [1], tell=0)
    assert jobs(hub.tick()) == ["release_equities", "release_payments"]
    assert "all inboxes are listed, as their events can't be had" in "".join(capfd.readouterr())
