"""A queue that hears of writes to a test's inbox, set up as `infra/` does."""

import json
from typing import Any

from tests.aws import AwsAccount


def notify_queue(account: AwsAccount, prefix: str = "hub") -> str:
    """Make the bucket tell a new queue of what is written to the inbox; its URL."""
    sqs, s3 = account.client("sqs"), account.client("s3")
    url = sqs.create_queue(QueueName="inbox")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "s3.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": arn,
            }
        ],
    }
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    told: dict[str, Any] = {
        "QueueArn": arn,
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": f"{prefix}/inbox/"}]}},
    }
    s3.put_bucket_notification_configuration(
        Bucket=account.bucket, NotificationConfiguration={"QueueConfigurations": [told]}
    )
    return url
