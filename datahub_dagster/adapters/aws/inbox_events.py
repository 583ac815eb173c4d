"""Writes to the inbox as S3 tells them to a queue, so that not every inbox needs to be listed at every look."""

import json
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from threading import Lock
from typing import Any
from urllib.parse import unquote_plus

from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.adapters.aws.failures import outside
from datahub_dagster.domain.names import DatasetName
from datahub_dagster.ports import DeliveryEvents
from datahub_dagster.settings import S3Root

logger = logging.getLogger(__name__)

_BATCH = 10  # what SQS gives, or deletes, in one call
_MOST_CALLS = 100  # in one look; what is left is for the next

Message = Mapping[str, Any]


class SqsDeliveryEvents(DeliveryEvents):
    """A queue that S3 fills, directly or through SNS or EventBridge.

    Messages are deleted by the call after the one that took them: where nobody calls again, because the process died, SQS
    gives them to the next one when their visibility timeout is over. One that is no notification stays for the queue's
    dead-letter queue.

    Args:
        aws: The clients.
        queue_url: The queue. Nobody else may take messages from it: a second code location needs a queue of its own.
        root: Where the hub is; what was written elsewhere is none of its business.
    """

    def __init__(self, aws: AwsClients, queue_url: str, root: S3Root) -> None:
        self._aws = aws
        self._queue_url = queue_url
        self._bucket = root.bucket
        self._inbox = f"{root.prefix}/inbox/".lstrip("/")
        self._taken: list[Message] = []
        self._lock = Lock()

    def take(self) -> Collection[DatasetName]:
        with self._lock:
            taken, self._taken = self._taken, []
            self._delete(taken)
            told = set[DatasetName]()
            for message in self._receive():
                try:
                    told |= {name for key in self._keys(message["Body"]) if (name := self._dataset(key))}
                except (ValueError, TypeError, KeyError, AttributeError) as error:
                    logger.warning(
                        "%s: message %s is no notification of S3 (%s: %s); it is left to the dead-letter queue",
                        self._queue_url,
                        message.get("MessageId"),
                        type(error).__name__,
                        error,
                    )
                else:
                    self._taken.append(message)
            return told

    def _receive(self) -> Iterator[Message]:
        for _ in range(_MOST_CALLS):
            with outside("sqs:ReceiveMessage", self._queue_url):
                answer = self._aws.sqs.receive_message(
                    QueueUrl=self._queue_url, MaxNumberOfMessages=_BATCH, WaitTimeSeconds=0
                )
            messages = answer.get("Messages", [])
            if not messages:
                return
            yield from messages

    def _delete(self, messages: Sequence[Message]) -> None:
        """What can't be deleted comes again, which does no harm."""
        for start in range(0, len(messages), _BATCH):
            entries = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(messages[start : start + _BATCH])
            ]
            with outside("sqs:DeleteMessage", self._queue_url):
                answer = self._aws.sqs.delete_message_batch(QueueUrl=self._queue_url, Entries=entries)
            if failed := answer.get("Failed"):
                logger.info(
                    "%s: %d messages were not deleted: %s",
                    self._queue_url,
                    len(failed),
                    failed[0].get("Code"),
                )

    def _keys(self, body: str) -> Iterator[str]:
        """Keys of this bucket that a message tells of. Raises `ValueError`, `KeyError` or `TypeError` if it is no notification."""
        said = json.loads(body)
        if said.get("Type") == "Notification" and "TopicArn" in said:  # through SNS
            said = json.loads(said["Message"])
        if said.get("Event") == "s3:TestEvent":  # what S3 sends when notifications are switched on
            return
        if "detail" in said:  # through EventBridge, where keys are as they are
            if said["detail"]["bucket"]["name"] == self._bucket:
                yield said["detail"]["object"]["key"]
            return
        for record in said["Records"]:
            if record["s3"]["bucket"]["name"] == self._bucket:
                yield unquote_plus(record["s3"]["object"]["key"])

    def _dataset(self, key: str) -> DatasetName | None:
        """Whose inbox a key is in: `<prefix>/inbox/<source>/<table>/...`; None if it is in none."""
        if not key.startswith(self._inbox):
            return None
        source, _, rest = key.removeprefix(self._inbox).partition("/")
        table, slash, _ = rest.partition("/")
        try:
            return DatasetName(source, table) if slash else None
        except ValueError:
            return None
