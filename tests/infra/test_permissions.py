"""Whatever the package asks of AWS stands in `infra/README.md`, from where a test takes it to the policies."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from tests.conftest import REPO
from tests.infra.permissions import told_actions

ADAPTERS = sorted((REPO / "datahub_dagster/adapters").rglob("*.py"))
SERVICES = ("athena", "glue", "s3", "sqs", "ssm", "secretsmanager", "sts")  # get_database is meant as Glue's

# The calls whose permission has another name than they have.
PERMISSIONS = {
    "s3:AbortMultipartUpload": ["s3:AbortMultipartUpload"],
    "s3:CompleteMultipartUpload": ["s3:PutObject"],
    "s3:CopyObject": ["s3:GetObject", "s3:PutObject"],
    "s3:CreateMultipartUpload": ["s3:PutObject"],
    "s3:DeleteObjects": ["s3:DeleteObject"],
    "s3:GetBucketEncryption": ["s3:GetEncryptionConfiguration"],
    "s3:GetBucketLifecycleConfiguration": ["s3:GetLifecycleConfiguration"],
    "s3:GetBucketNotificationConfiguration": ["s3:GetBucketNotification"],
    "s3:GetPublicAccessBlock": ["s3:GetBucketPublicAccessBlock"],
    "s3:HeadBucket": ["s3:ListBucket"],
    "s3:HeadObject": ["s3:GetObject"],
    "s3:ListObjectsV2": ["s3:ListBucket"],
    "s3:UploadPart": ["s3:PutObject"],
    "s3:UploadPartCopy": ["s3:GetObject", "s3:PutObject"],
    "sqs:DeleteMessageBatch": ["sqs:DeleteMessage"],
    "sts:GetCallerIdentity": [],  # needs none
}

# dbt-athena's own calls: audits, freshness and the pages of dbt.
OF_DBT = [
    "athena:StartQueryExecution",
    "athena:GetQueryExecution",
    "athena:GetQueryResults",
    "athena:StopQueryExecution",
    "athena:GetWorkGroup",
    "glue:GetDatabases",
    "glue:GetTable",
    "glue:GetTables",
    "glue:GetPartitions",
]


def named_permissions() -> Iterator[tuple[str, str]]:
    """Every permission that the package names in a message: `s3:PutObject`, and where."""
    for path in ADAPTERS:
        for action in re.findall(
            r"\b((?:s3|glue|athena|sqs):[A-Z][A-Za-z]+)", path.read_text(encoding="utf-8")
        ):
            # What S3 tells a queue, what S3 does to a queue, and `s3:Delete*` in an example.
            if (
                not action.startswith(("s3:ObjectCreated", "s3:TestEvent", "sqs:SendMessage"))
                and action != "s3:Delete"
            ):
                yield action, path.name


def called_operations() -> Iterator[tuple[str, str]]:
    """Every operation that the package calls on a client of boto3: `s3:HeadObject`, and where."""
    session = boto3.Session(aws_access_key_id="none", aws_secret_access_key="none", region_name="eu-west-1")
    operations: dict[str, str] = {}
    for service in SERVICES:
        client = session.client(service)
        names = client.meta.method_to_api_mapping
        operations |= {method: f"{service}:{operation}" for method, operation in names.items()}
        client.close()
    for path in ADAPTERS:
        text = path.read_text(encoding="utf-8")
        if "aws" not in text and "s3" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            called = node.attr if isinstance(node, ast.Attribute) else getattr(node, "value", None)
            if (
                isinstance(called, str) and called in operations
            ):  # a paginator is asked for by the name of the call
                yield operations[called], path.name


@pytest.mark.parametrize("action", sorted({action for action, _ in named_permissions()}))
def test_a_permission_that_a_message_names_is_granted(action: str) -> None:
    assert action in told_actions("hub")


@pytest.mark.parametrize("operation", sorted({operation for operation, _ in called_operations()}))
def test_a_call_to_aws_is_granted(operation: str) -> None:
    assert set(PERMISSIONS.get(operation, [operation])) <= set(told_actions("hub"))


@pytest.mark.parametrize("action", OF_DBT)
def test_what_dbt_calls_is_granted(action: str) -> None:
    assert action in told_actions("hub")


@pytest.mark.parametrize("path", ["storage/s3.py", "catalog/glue.py", "aws/inbox_events.py"])
def test_the_calls_of_an_adapter_are_found(path: str) -> None:
    found = {name for _, name in called_operations()}

    assert Path(path).name in found
