"""What the doctor finds on AWS: a sound environment, one that lacks a permission, and ones that are set up wrongly."""

import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse

from datahub_dagster.adapters.aws.bucket_policy import BucketPolicy
from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.adapters.aws.examine import examine
from datahub_dagster.adapters.aws.examine_account import clock
from datahub_dagster.adapters.storage.s3 import S3Storage
from datahub_dagster.cli import run
from datahub_dagster.domain.finding import Finding, Level
from datahub_dagster.settings import S3Root, Settings
from tests.aws import AwsAccount, new_account
from tests.builders import NOW, contract
from tests.emulator.launch import start_emulator
from tests.inbox_queue import notify_queue

ORDERS = contract()

# What the hub does. The emulator looks at the policy of a role for each of them.
NEEDED = [
    "s3:ListBucket",
    "s3:GetObject",
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:AbortMultipartUpload",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "glue:GetDatabase",
    "glue:GetTable",
    "glue:GetTables",
    "glue:CreateTable",
    "glue:UpdateTable",
    "glue:DeleteTable",
    "glue:BatchDeleteTable",
    "glue:GetPartitions",
    "glue:BatchCreatePartition",
    "glue:BatchUpdatePartition",
    "glue:BatchDeletePartition",
    "athena:StartQueryExecution",
    "athena:GetQueryExecution",
    "athena:GetQueryResults",
]

# What the doctor alone asks, by the call; the hub works without.
ASKED_BY_THE_DOCTOR = {
    "s3:GetBucketVersioning": "s3.GetBucketVersioning",
    "s3:GetEncryptionConfiguration": "s3.GetBucketEncryption",
    "s3:GetBucketPublicAccessBlock": "s3.GetPublicAccessBlock",
    "s3:GetBucketOwnershipControls": "s3.GetBucketOwnershipControls",
    "s3:GetLifecycleConfiguration": "s3.GetBucketLifecycleConfiguration",
    "s3:GetBucketPolicy": "s3.GetBucketPolicy",
    "s3:GetBucketNotification": "s3.GetBucketNotificationConfiguration",
    "athena:GetWorkGroup": "athena.GetWorkGroup",
}


class Environment:
    """A sound environment of a hub, and the doctor's look at it."""

    def __init__(self, account: AwsAccount) -> None:
        self.account = account
        self.root = S3Root.parse(account.root)
        self.settings = Settings(
            root=self.root, athena_workgroup="hub", inbox_queue=notify_queue(account), glue_prefix="dev_"
        )
        glue, athena = account.client("glue"), account.client("athena")
        for name in ("dev_hub_candidates", "dev_payments"):
            glue.create_database(DatabaseInput={"Name": name})
        told = {"OutputLocation": f"{account.root}/athena/"}
        limits = {"EnforceWorkGroupConfiguration": True, "BytesScannedCutoffPerQuery": 10**9}
        athena.create_work_group(Name="hub", Configuration={"ResultConfiguration": told, **limits})

    def session(self) -> boto3.Session:
        account = self.account
        return boto3.Session(
            aws_access_key_id=account.account_id, aws_secret_access_key="test", region_name=account.region
        )

    def look(self, session: boto3.Session | None = None, **settings: Any) -> list[Finding]:
        aws = AwsClients(session or self.session())
        changed = replace(self.settings, **settings)
        assert isinstance(changed.root, S3Root)
        storage = S3Storage(aws, changed.root.bucket, changed.root.prefix)
        try:
            return list(examine(aws, changed, changed.root, storage, [ORDERS], lambda: datetime.now(UTC)))
        finally:
            aws.close()

    def faults(self, session: boto3.Session | None = None, **settings: Any) -> list[Finding]:
        return [each for each in self.look(session, **settings) if each.level is Level.FAULT]


def told(findings: Sequence[Finding], subject: str) -> str:
    """What was found of a subject."""
    return "\n".join(f"{each.level}: {each.found}" for each in findings if each.subject == subject)


@pytest.fixture
def environment(aws_account: AwsAccount) -> Environment:
    return Environment(aws_account)


@pytest.fixture(scope="module")
def guarded() -> Iterator[tuple[Environment, Callable[..., boto3.Session]]]:
    """A sound environment where permissions count, and who has all of them but those that are named."""
    patch = pytest.MonkeyPatch()
    with start_emulator(auth=True) as emulator:
        account = new_account(emulator.endpoint)
        patch.setenv("AWS_ENDPOINT_URL", emulator.endpoint)
        iam, sts = account.client("iam"), account.client("sts")
        arn = f"arn:aws:iam::{account.account_id}"
        trust = {"Effect": "Allow", "Principal": {"AWS": f"{arn}:root"}, "Action": "sts:AssumeRole"}
        iam.create_role(RoleName="hub", AssumeRolePolicyDocument=policy(trust))

        def lacking(*actions: str) -> boto3.Session:
            statements: list[dict[str, Any]] = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
            if actions:
                statements.append({"Effect": "Deny", "Action": list(actions), "Resource": "*"})
            iam.put_role_policy(RoleName="hub", PolicyName="hub", PolicyDocument=policy(*statements))
            made = sts.assume_role(RoleArn=f"{arn}:role/hub", RoleSessionName="doctor")["Credentials"]
            return boto3.Session(
                made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"], account.region
            )

        yield Environment(account), lacking
        account.close()
    patch.undo()


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.mark.aws
def test_a_sound_environment_has_no_fault_and_keeps_nothing_of_the_doctor(environment: Environment) -> None:
    account = environment.account

    assert environment.faults() == []

    listed = account.client("s3").list_objects_v2(Bucket=account.bucket).get("Contents", [])
    assert [each["Key"] for each in listed if "/athena/" not in each["Key"]] == []
    assert "Uploads" not in account.client("s3").list_multipart_uploads(Bucket=account.bucket)
    for database in ("dev_hub_candidates", "dev_payments"):
        assert account.client("glue").get_tables(DatabaseName=database)["TableList"] == []


@pytest.mark.aws
def test_a_role_with_all_permissions_has_no_fault(
    guarded: tuple[Environment, Callable[..., boto3.Session]],
) -> None:
    environment, lacking = guarded

    assert environment.faults(lacking()) == []


@pytest.mark.aws
@pytest.mark.parametrize("action", NEEDED)
def test_a_permission_that_is_missing_is_named_with_what_it_is_for(
    action: str, guarded: tuple[Environment, Callable[..., boto3.Session]]
) -> None:
    environment, lacking = guarded
    if action == "glue:CreateTable":  # asked where there is a table, too
        make_table(environment, "orders", {"hub.dataset": "payments.orders"})

    faults = environment.faults(lacking(action))
    if action == "glue:CreateTable":  # the next test shares the environment, and no log knows of that table
        environment.account.client("glue").delete_table(DatabaseName="dev_payments", Name="orders")

    assert faults
    named = [each for each in faults if f"the permission {action} is missing" in each.found]
    assert named
    assert all(f"give the role that this runs with {action} on " in each.next_step for each in named)
    # No other permission is blamed.
    assert [each.found for each in faults if "permission" in each.found and each not in named] == []


@pytest.mark.aws
def test_a_database_that_is_missing_asks_for_the_permission_to_make_it(
    guarded: tuple[Environment, Callable[..., boto3.Session]],
) -> None:
    environment, lacking = guarded
    not_there = {"athena_candidates": "not_there_yet"}

    (fault,) = environment.faults(lacking("glue:CreateDatabase"), **not_there)

    assert fault.subject == "glue dev_not_there_yet"
    assert "the permission glue:CreateDatabase is missing" in fault.found
    assert environment.faults(lacking(), **not_there) == []


@pytest.mark.aws
@pytest.mark.parametrize(("action", "call"), list(ASKED_BY_THE_DOCTOR.items()))
def test_what_only_the_doctor_may_not_look_at_is_a_note(
    action: str, call: str, environment: Environment
) -> None:
    session = environment.session()
    session.events.register(f"before-send.{call}", denied)

    found = environment.look(session)

    assert [each for each in found if each.level is Level.FAULT] == []
    assert any(each.level is Level.NOTE and f"permission {action} is missing" in each.found for each in found)


def denied(request: Any, **_: Any) -> Any:
    """AWS's answer to who lacks a permission, for S3 and for the others."""
    if request.headers.get("X-Amz-Target"):
        content, kind = json.dumps({"__type": "AccessDeniedException", "Message": "no"}), "application/json"
    else:
        content, kind = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>", "application/xml"
    status = 400 if kind == "application/json" else 403
    headers: Any = {"content-type": kind}
    return AWSResponse(request.url, status, headers, Raw(content.encode()))


class Raw(io.BytesIO):
    """A body as urllib3 gives it."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


@pytest.mark.aws
def test_a_store_that_overwrites_is_no_place_for_a_hub(environment: Environment) -> None:
    session = environment.session()

    def forget_the_condition(params: dict[str, Any], **_: Any) -> None:
        params["headers"].pop("If-None-Match", None)

    for operation in ("PutObject", "CopyObject", "CompleteMultipartUpload"):
        session.events.register(f"before-call.s3.{operation}", forget_the_condition)

    said = told(environment.faults(session), "s3 probe")

    assert "a second write with If-None-Match was taken" in said


@pytest.mark.aws
def test_a_bucket_that_is_not_there_leaves_the_rest_to_be_looked_at(environment: Environment) -> None:
    found = environment.look(root=S3Root("no-such-bucket-of-anybody", "hub"))

    assert "there is no bucket no-such-bucket-of-anybody" in told(found, "s3 bucket")
    assert told(found, "athena query")
    assert not told(found, "s3 probe")


@pytest.mark.aws
def test_a_bucket_in_another_region_gets_the_region_by_name(environment: Environment) -> None:
    account = environment.account
    session = boto3.Session(account.account_id, "test", region_name="us-west-2")

    (fault, *_) = environment.faults(session)

    assert (fault.subject, fault.next_step) == ("s3 bucket", "export AWS_REGION=eu-west-1")


@pytest.mark.aws
def test_credentials_that_aws_does_not_take_end_the_look(
    guarded: tuple[Environment, Callable[..., boto3.Session]],
) -> None:
    environment, _ = guarded
    session = boto3.Session("ASIAXXXXXXXXXXXXXXXX", "nonsense", "expired", environment.account.region)

    (fault,) = environment.look(session)

    assert fault.subject == "aws identity"
    assert "get new ones" in fault.next_step


@pytest.mark.aws
def test_a_lifecycle_rule_that_removes_releases_is_a_fault(environment: Environment) -> None:
    account = environment.account
    rules = [
        {"ID": "tidy", "Status": "Enabled", "Filter": {"Prefix": "hub/"}, "Expiration": {"Days": 30}},
        {
            "ID": "results",
            "Status": "Enabled",
            "Filter": {"Prefix": "hub/athena/"},
            "Expiration": {"Days": 7},
        },
    ]
    account.client("s3").put_bucket_lifecycle_configuration(
        Bucket=account.bucket, LifecycleConfiguration={"Rules": rules}
    )

    said = told(environment.faults(), "s3 lifecycle")

    assert "rule tidy removes what is below hub/, hub/releases/ among it" in said
    assert "results" not in said


@pytest.mark.aws
def test_a_queue_that_the_bucket_does_not_tell_is_a_fault(environment: Environment) -> None:
    account = environment.account
    account.client("s3").put_bucket_notification_configuration(
        Bucket=account.bucket, NotificationConfiguration={}
    )
    account.client("sqs").set_queue_attributes(
        QueueUrl=environment.settings.inbox_queue, Attributes={"Policy": policy()}
    )

    said = told(environment.faults(), "sqs events")

    assert "s3:ObjectCreated:* below hub/inbox/" in said
    assert "sqs:SendMessage" in said


@pytest.mark.aws
def test_a_queue_that_is_not_there_is_a_fault(environment: Environment) -> None:
    (fault,) = environment.faults(inbox_queue=f"{environment.settings.inbox_queue}-gone")

    assert "DATAHUB_INBOX_QUEUE" in fault.next_step


@pytest.mark.aws
def test_a_queue_that_gives_messages_back_too_soon_is_noted(environment: Environment) -> None:
    found = environment.look(sensor_interval_seconds=600)

    assert "comes back after 30 s, before the sensor looks again" in told(found, "sqs queue")


@pytest.mark.aws
def test_a_table_of_somebody_else_and_one_altered_by_hand_are_faults(environment: Environment) -> None:
    make_table(environment, "orders", {})
    said = told(environment.faults(), "glue dev_payments.orders")
    assert "a table of that name is there already" in said

    environment.account.client("glue").delete_table(DatabaseName="dev_payments", Name="orders")
    make_table(environment, "orders", {"hub.dataset": "payments.orders", "projection.enabled": "true"})
    said = told(environment.faults(), "glue dev_payments.orders")
    assert "altered by hand: projection.enabled was set" in said


@pytest.mark.aws
def test_a_table_of_another_hub_and_a_claim_that_nobody_published_are_faults(
    environment: Environment,
) -> None:
    make_table(
        environment, "orders", {"hub.dataset": "payments.orders", "hub.root": "s3://desk/one/releases"}
    )
    said = told(environment.faults(), "glue dev_payments.orders")
    assert "the table of payments.orders in another hub, s3://desk/one/releases" in said

    environment.account.client("glue").delete_table(DatabaseName="dev_payments", Name="orders")
    make_table(environment, "orders", {"hub.dataset": "payments.orders"})
    said = told(environment.faults(), "glue dev_payments.orders")
    assert "it claims generation 1, and the newest is none" in said


def make_table(environment: Environment, name: str, parameters: dict[str, str]) -> None:
    table = {"Name": name, "Parameters": {"hub.generation": "1", **parameters} if parameters else {}}
    glue = environment.account.client("glue")
    if not glue.get_tables(DatabaseName="dev_payments")["TableList"]:
        glue.create_table(DatabaseName="dev_payments", TableInput=table)


@pytest.mark.aws
def test_a_workgroup_that_is_not_there_is_a_fault(environment: Environment) -> None:
    assert "there is no workgroup nobodys" in told(
        environment.faults(athena_workgroup="nobodys"), "athena workgroup"
    )


@pytest.mark.aws
def test_a_workgroup_without_a_cutoff_and_with_results_elsewhere_is_noted(environment: Environment) -> None:
    account = environment.account
    elsewhere = {"OutputLocation": f"s3://{account.bucket}/elsewhere/"}
    account.client("athena").create_work_group(
        Name="loose", Configuration={"ResultConfiguration": elsewhere, "EnforceWorkGroupConfiguration": True}
    )

    found = environment.look(athena_workgroup="loose")

    assert "note: loose has no limit" in told(found, "athena workgroup")
    assert f"note: the workgroup puts them in s3://{account.bucket}/elsewhere/" in told(
        found, "athena results"
    )


@pytest.mark.aws
def test_docs_that_everybody_reads_must_be_meant_to_be_public(environment: Environment) -> None:
    account, s3 = environment.account, environment.account.client("s3")
    s3.delete_public_access_block(Bucket=account.bucket)
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}
    place = f"arn:aws:s3:::{account.bucket}/hub/docs/*"
    s3.put_bucket_policy(Bucket=account.bucket, Policy=policy({**everybody, "Resource": place}))

    assert "DATAHUB_DOCS_PUBLIC is false" in told(environment.faults(), "docs")
    assert environment.faults(docs_public=True) == []


@pytest.mark.aws
def test_releases_that_everybody_reads_are_a_fault(environment: Environment) -> None:
    account = environment.account
    everybody = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "s3:*"}
    place = f"arn:aws:s3:::{account.bucket}/*"
    account.client("s3").put_bucket_policy(
        Bucket=account.bucket, Policy=policy({**everybody, "Resource": place})
    )

    assert "everybody on the internet may read releases" in told(environment.faults(), "s3 policy")


@pytest.mark.parametrize(
    ("skew", "level"),
    [
        (timedelta(seconds=5), Level.FINE),
        (timedelta(minutes=2), Level.NOTE),
        (timedelta(minutes=9), Level.FAULT),
    ],
)
def test_a_clock_that_is_wrong_is_told(skew: timedelta, level: Level) -> None:
    answer = {"ResponseMetadata": {"HTTPHeaders": {"date": "Fri, 20 Nov 2026 12:00:00 GMT"}}}

    (finding,) = clock(answer, NOW + skew)

    assert finding.level is level


def test_the_policy_of_the_terraform_is_read_as_it_is_meant() -> None:
    everybody: dict[str, Any] = {"Effect": "Deny", "Principal": {"AWS": "*"}}
    kept = BucketPolicy(
        {
            "Statement": [
                everybody | {"Action": "s3:DeleteObject", "NotResource": ["arn:aws:s3:::b/hub/inbox/*"]},
                everybody
                | {
                    "Action": ["s3:PutObject"],
                    "Resource": "arn:aws:s3:::b/hub/releases/*",
                    "Condition": {"Null": {"s3:if-none-match": "true"}},
                },
            ]
        }
    )

    assert kept.denies("s3:DeleteObject", "arn:aws:s3:::b/hub/releases/x")
    assert not kept.denies("s3:DeleteObject", "arn:aws:s3:::b/hub/inbox/x")
    assert kept.denies("s3:PutObject", "arn:aws:s3:::b/hub/releases/x", "s3:if-none-match")
    assert not kept.denies("s3:PutObject", "arn:aws:s3:::b/hub/releases/x", "aws:SecureTransport")


@pytest.mark.aws
@pytest.mark.slow
def test_the_command_looks_at_aws_and_at_the_datasets(
    environment: Environment,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Any,
) -> None:
    monkeypatch.setenv("DATAHUB_ROOT", environment.account.root)
    monkeypatch.setenv("DATAHUB_CACHE_DIR", str(tmp_path))

    assert run(["doctor", "--output", "json"]) == 0

    findings = json.loads(capsys.readouterr().out)["findings"]
    subjects = {each["subject"] for each in findings}
    assert {"aws identity", "s3 probe", "athena query", "contracts", "datasets"} <= subjects
    assert "root" not in subjects


def test_without_a_region_the_command_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    monkeypatch.setenv("DATAHUB_ROOT", "s3://anybodys-bucket/hub")
    monkeypatch.setenv("DATAHUB_CACHE_DIR", str(tmp_path))

    assert run(["doctor"]) == 1

    assert "export AWS_REGION=" in capsys.readouterr().out
