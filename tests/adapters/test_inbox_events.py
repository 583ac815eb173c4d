"""What S3 tells the queue: a hint that may come late, twice, in another order, wrapped, or never."""

import json
import logging
from collections.abc import Collection, Iterator
from typing import Any

import pytest

from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.adapters.aws.inbox_events import SqsDeliveryEvents
from datahub_dagster.errors import StorageError
from datahub_dagster.settings import S3Root
from tests.aws import AwsAccount, SentRequests
from tests.inbox_queue import notify_queue

pytestmark = pytest.mark.aws


class Queue:
    """A queue that the bucket's inbox tells of writes, and whoever takes from it."""

    def __init__(self, account: AwsAccount, aws: AwsClients) -> None:
        self.account = account
        self.url = notify_queue(account)
        self.aws = aws
        self.events = self.reader()

    def reader(self) -> SqsDeliveryEvents:
        return SqsDeliveryEvents(self.aws, self.url, S3Root.parse(self.account.root))

    def put(self, key: str) -> None:
        self.account.client("s3").put_object(Bucket=self.account.bucket, Key=key, Body=b"x")

    def send(self, *bodies: Any) -> None:
        for body in bodies:
            text = body if isinstance(body, str) else json.dumps(body)
            self.account.client("sqs").send_message(QueueUrl=self.url, MessageBody=text)

    def take(self, events: SqsDeliveryEvents | None = None) -> list[str]:
        return names((events or self.events).take())

    def left(self) -> int:
        """Messages in the queue, visible or taken and not deleted."""
        kinds = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.account.client("sqs").get_queue_attributes(QueueUrl=self.url, AttributeNames=kinds)
        return sum(int(each) for each in answer["Attributes"].values())

    def time_out(self) -> None:
        """All visibility timeouts are over: what was taken and not deleted is there again."""
        sqs = self.account.client("sqs")
        for message in self.events._taken:
            sqs.change_message_visibility(
                QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )


def names(datasets: Collection[Any]) -> list[str]:
    return sorted(str(each) for each in datasets)


@pytest.fixture
def queue(aws_account: AwsAccount) -> Iterator[Queue]:
    aws = AwsClients()
    yield Queue(aws_account, aws)
    aws.close()


def record(account: AwsAccount, key: str, bucket: str | None = None) -> dict[str, Any]:
    return {"s3": {"bucket": {"name": bucket or account.bucket}, "object": {"key": key}}}


def test_a_write_to_an_inbox_names_its_dataset(queue: Queue) -> None:
    queue.put("hub/inbox/payments/orders/2026-11-20/part 0+ä=1.parquet")
    queue.put("hub/inbox/payments/orders/2026-11-20/_SUCCESS")
    queue.put("hub/inbox/equities/daily.prices/a/_SUCCESS")
    assert queue.take() == ["equities.daily.prices", "payments.orders"]
    assert queue.take() == []
    assert queue.left() == 0


def test_what_is_no_inbox_is_dropped(queue: Queue) -> None:
    account = queue.account
    keys = [
        "hub/releases/payments/orders/2026-11-20.1/_files.json",
        "other/inbox/payments/orders/a/_SUCCESS",
        "hub/inbox/payments/orders",
        "hub/inbox/payments/",
        "hub/inbox/pay ments/orders/_SUCCESS",
        "hub/inbox//orders/_SUCCESS",
        "inbox/payments/orders/a/_SUCCESS",
    ]
    queue.send({"Records": [record(account, key) for key in keys]})
    queue.send({"Records": [record(account, "hub/inbox/payments/orders/a/_SUCCESS", "other-bucket")]})
    assert queue.take() == []
    queue.take()
    assert queue.left() == 0


def test_the_message_by_which_s3_tries_the_queue_is_dropped(
    queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    queue.send({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": queue.account.bucket})
    assert queue.take() == []
    queue.take()
    assert queue.left() == 0
    assert not caplog.records


def test_a_key_is_decoded_as_s3_encodes_it(aws_account: AwsAccount) -> None:
    aws = AwsClients()
    queue = Queue(aws_account, aws)
    events = SqsDeliveryEvents(aws, queue.url, S3Root(aws_account.bucket, "stage=a b+c"))
    queue.send({"Records": [record(aws_account, "stage%3Da+b%2Bc/inbox/payments/orders/x/_SUCCESS")]})
    assert queue.take(events) == ["payments.orders"]
    aws.close()


def test_notifications_through_sns_and_eventbridge_say_the_same(queue: Queue) -> None:
    account = queue.account
    told = {"Records": [record(account, "hub/inbox/payments/orders/a/_SUCCESS")]}
    through_sns = {"Type": "Notification", "TopicArn": "arn:aws:sns:x", "Message": json.dumps(told)}
    test_event = {"Type": "Notification", "TopicArn": "t", "Message": json.dumps({"Event": "s3:TestEvent"})}
    through_eventbridge = {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {
            "bucket": {"name": account.bucket},
            "object": {"key": "hub/inbox/equities/prices/day=1/_SUCCESS"},
        },
    }
    queue.send(through_sns, test_event, through_eventbridge)
    assert queue.take() == ["equities.prices", "payments.orders"]
    queue.take()
    assert queue.left() == 0


def test_what_a_dead_process_took_is_told_again(queue: Queue) -> None:
    queue.put("hub/inbox/payments/orders/a/_SUCCESS")
    assert queue.take() == ["payments.orders"]
    queue.time_out()
    assert queue.take(queue.reader()) == ["payments.orders"]


def test_a_message_that_comes_twice_is_told_twice_at_most(queue: Queue) -> None:
    told = {"Records": [record(queue.account, "hub/inbox/payments/orders/a/_SUCCESS")]}
    queue.send(told, told)
    assert queue.take() == ["payments.orders"]
    queue.time_out()  # the first ones come again before they were deleted
    assert queue.take() == []  # ... and are deleted all the same, since nobody else had taken them
    assert queue.left() == 0


@pytest.mark.parametrize(
    "body", ["no JSON", "[1]", '"text"', '{"Records": [{"s3": 1}]}', "{}", '{"detail": []}']
)
def test_a_message_that_is_no_notification_is_left_to_the_dead_letter_queue(
    queue: Queue, body: str, caplog: pytest.LogCaptureFixture
) -> None:
    queue.send(body)
    queue.put("hub/inbox/payments/orders/a/_SUCCESS")
    with caplog.at_level(logging.WARNING):
        assert queue.take() == ["payments.orders"]
    assert "is no notification of S3" in caplog.text
    queue.take()
    assert queue.left() == 1


def test_more_messages_than_one_call_gives_are_taken_and_deleted_in_batches(
    queue: Queue, requests_counted: SentRequests
) -> None:
    sqs = queue.account.client("sqs")
    for start in range(0, 40, 10):
        entries = [
            {
                "Id": str(number),
                "MessageBody": json.dumps(
                    {"Records": [record(queue.account, f"hub/inbox/payments/t{start + number}/a/_SUCCESS")]}
                ),
            }
            for number in range(10)
        ]
        sqs.send_message_batch(QueueUrl=queue.url, Entries=entries)
    assert len(queue.take()) == 40
    assert queue.take() == []
    assert queue.left() == 0
    assert (
        requests_counted.counts()["sqs.DeleteMessageBatch"] == 5
    )  # with the message by which S3 tried the queue


def test_a_queue_that_is_not_there_is_an_error_that_names_it(queue: Queue) -> None:
    events = SqsDeliveryEvents(queue.aws, f"{queue.url}-gone", S3Root.parse(queue.account.root))
    with pytest.raises(StorageError) as raised:
        events.take()
    assert "sqs:ReceiveMessage" in str(raised.value)
    assert f"{queue.url}-gone" in str(raised.value)
