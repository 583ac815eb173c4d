"""The queue that hears of the inbox: whether it is there, and whether the bucket tells it."""

import json
from datetime import timedelta

from datahub_dagster.adapters.aws.asking import Answer, ask, missing_permission
from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.adapters.aws.examine_bucket import arn, key
from datahub_dagster.domain import words
from datahub_dagster.domain.finding import Finding, Findings, Level, fault, fine, note
from datahub_dagster.settings import S3Root, Settings

QUEUE = "sqs queue"
EVENTS = "sqs events"
_MADE = "infra/README.md has the Terraform that makes it so"


def queue(aws: AwsClients, settings: Settings, root: S3Root) -> Findings:
    """The queue and the bucket's notifications."""
    url = settings.inbox_queue
    if not url:
        yield fine(QUEUE, "DATAHUB_INBOX_QUEUE is not set: inboxes are listed each time")
        return
    answer = ask(
        QUEUE,
        "sqs:GetQueueAttributes",
        url,
        lambda: aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]),
        absent=("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"),
    )
    if isinstance(answer, Finding):
        yield answer
        return
    if not answer:
        yield fault(
            QUEUE, f"there is no queue {url}", "look at DATAHUB_INBOX_QUEUE, or make it (infra/README.md)"
        )
        return
    attributes: dict[str, str] = answer["Attributes"]
    yield from _permissions(aws, url, attributes["QueueArn"])
    yield from _properties(attributes, timedelta(seconds=settings.sensor_interval_seconds))
    yield from _events(aws, root, attributes)


def _permissions(aws: AwsClients, url: str, queue_arn: str) -> Findings:
    questions = {
        # Stays in the queue, and visible to the sensor.
        "sqs:ReceiveMessage": lambda: aws.sqs.receive_message(
            QueueUrl=url, VisibilityTimeout=0, WaitTimeSeconds=0
        ),
        "sqs:DeleteMessage": lambda: aws.sqs.delete_message(QueueUrl=url, ReceiptHandle="of-nothing"),
    }
    missing = [
        found
        for action, question in questions.items()
        if (found := missing_permission(QUEUE, action, queue_arn, question))
    ]
    yield from missing
    if not missing:
        yield fine(QUEUE, f"{queue_arn}: may receive and delete")


def _properties(attributes: dict[str, str], interval: timedelta) -> Findings:
    hidden = timedelta(seconds=int(attributes.get("VisibilityTimeout", 30)))
    if hidden < interval:
        yield note(
            QUEUE,
            f"a message that was taken comes back after {words.duration(hidden)}, before the sensor looks again "
            f"({words.duration(interval)}): inboxes are looked at more often than needed",
            "set the queue's visibility timeout to several times DATAHUB_SENSOR_INTERVAL_SECONDS",
        )
    if "RedrivePolicy" not in attributes:
        yield note(
            QUEUE, "no dead-letter queue: a message that can't be read comes back until it expires", _MADE
        )


def _events(aws: AwsClients, root: S3Root, attributes: dict[str, str]) -> Findings:
    """Whether the bucket tells the queue, and may."""
    answer = ask(
        EVENTS,
        "s3:GetBucketNotification",
        arn(root),
        lambda: aws.s3.get_bucket_notification_configuration(Bucket=root.bucket),
        level=Level.NOTE,
    )
    may_be_told = _may_be_told(attributes, root)
    if isinstance(answer, Finding):
        yield answer
    else:
        inbox = key(root, "inbox/")
        queues = answer.get("QueueConfigurations", [])
        ours = [each for each in queues if each.get("QueueArn") == attributes["QueueArn"]]
        is_told = any(_tells(each, inbox) for each in ours)
        if not is_told and ("EventBridgeConfiguration" in answer or "TopicConfigurations" in answer):
            found = "the bucket tells EventBridge or SNS; whether they tell the queue is not looked at"
            yield note(EVENTS, found, "deliver something, and see whether a message comes")
            return
        if is_told and may_be_told:
            yield fine(EVENTS, f"the bucket tells the queue of what is written below {inbox}")
        if not is_told:
            other = "tells it of other things only" if ours else "has no notification for this queue"
            found = f"{root.bucket} {other}, and not of s3:ObjectCreated:* below {inbox}"
            yield fault(EVENTS, found, _MADE)
    if not may_be_told:
        found = f"the queue's policy doesn't let s3.amazonaws.com do sqs:SendMessage for {arn(root)}"
        yield fault(EVENTS, found, _MADE)


def _may_be_told(attributes: dict[str, str], root: S3Root) -> bool:
    """Whether S3 may send to the queue. If not, it drops its notifications and tells nobody."""
    statements = json.loads(attributes.get("Policy") or "{}").get("Statement", [])
    return any(
        _lets_s3_send(each, root) for each in (statements if isinstance(statements, list) else [statements])
    )


def _lets_s3_send(statement: Answer, root: S3Root) -> bool:
    conditions = json.dumps(statement.get("Condition", {}))
    is_about_us = (
        "aws:SourceArn" not in conditions or arn(root) in conditions or "arn:aws:s3:*:*:*" in conditions
    )
    is_of_s3 = "s3.amazonaws.com" in json.dumps(statement.get("Principal", ""))
    return statement.get("Effect") == "Allow" and is_of_s3 and is_about_us


def _tells(configuration: Answer, inbox: str) -> bool:
    """Whether a notification is sent for every `_SUCCESS` in the inbox."""
    if not {"s3:ObjectCreated:*", "s3:ObjectCreated:Put"} & set(configuration.get("Events", [])):
        return False
    rules = configuration.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    filters = {rule["Name"].lower(): rule["Value"] for rule in rules}
    suffix = filters.get("suffix", "")
    return inbox.startswith(filters.get("prefix", "")) and "_SUCCESS".endswith(suffix)
