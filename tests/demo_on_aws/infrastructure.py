"""What `infra/` makes in a real account, made in the emulator: Terraform is not everywhere, and a demo must start in seconds."""

import json
from collections.abc import Iterable
from typing import Any

from tests.aws import AwsAccount

PREFIX = "demo"  # before every key of the hub, as an environment's name would be
GLUE_PREFIX = "demo_"
WORKGROUP = "datahub"
CUTOFF = 1024**3  # bytes that a query may scan


def make_infrastructure(account: AwsAccount, sources: Iterable[str]) -> dict[str, str]:
    """Buckets, queue, Glue databases and workgroup; what the hub and Dagster need to know of them.

    Args:
        account: An account of the demo's own; its bucket is the hub's.
        sources: Names of the sources, of which each has a Glue database.
    """
    docs, logs = f"{account.bucket}-docs", f"{account.bucket}-logs"
    _make_buckets(account, docs, logs)
    queue = _make_queue(account)
    glue = account.client("glue")
    for name in (*sources, "hub_candidates"):
        glue.create_database(DatabaseInput={"Name": f"{GLUE_PREFIX}{name}"})
    staging = f"s3://{account.bucket}/{PREFIX}/athena"
    account.client("athena").create_work_group(
        Name=WORKGROUP,
        Configuration={
            "EnforceWorkGroupConfiguration": True,
            "BytesScannedCutoffPerQuery": CUTOFF,
            "ResultConfiguration": {"OutputLocation": f"{staging}/"},
        },
    )
    return {
        **account.environment(),
        "DATAHUB_ROOT": f"s3://{account.bucket}/{PREFIX}",
        "DATAHUB_GLUE_PREFIX": GLUE_PREFIX,
        "DATAHUB_ATHENA_WORKGROUP": WORKGROUP,
        "DATAHUB_ATHENA_STAGING_DIR": staging,
        "DATAHUB_INBOX_QUEUE": queue,
        "DATAHUB_DOCS_ROOT": f"s3://{docs}",
        "DATAHUB_DOCS_PUBLIC": "true",
        "DATAHUB_DOCS_URL": f"{account.endpoint}/{docs}/docs/",
        "DAGSTER_LOGS_BUCKET": logs,
        "DAGSTER_LOGS_PREFIX": "dagster",
    }


def _make_buckets(account: AwsAccount, docs: str, logs: str) -> None:
    s3 = account.client("s3")
    place: Any = {"LocationConstraint": account.region}
    for bucket in (docs, logs):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
    closed = dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
    )
    for bucket in (account.bucket, logs):
        s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=closed)
    s3.put_bucket_versioning(Bucket=account.bucket, VersioningConfiguration={"Status": "Enabled"})
    everybody = _allow("s3:GetObject", f"arn:aws:s3:::{docs}/*", "*")
    s3.delete_public_access_block(Bucket=docs)
    s3.put_bucket_policy(Bucket=docs, Policy=everybody)


def _make_queue(account: AwsAccount) -> str:
    """A queue that hears of every write to an inbox; its URL."""
    sqs = account.client("sqs")
    url = sqs.create_queue(QueueName="datahub-inbox")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = _allow("sqs:SendMessage", arn, {"Service": "s3.amazonaws.com"})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    told: dict[str, Any] = {
        "QueueArn": arn,
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": f"{PREFIX}/inbox/"}]}},
    }
    account.client("s3").put_bucket_notification_configuration(
        Bucket=account.bucket, NotificationConfiguration={"QueueConfigurations": [told]}
    )
    return url


def _allow(action: str, resource: str, who: Any) -> str:
    statement = {"Effect": "Allow", "Principal": who, "Action": action, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
