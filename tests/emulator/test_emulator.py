"""The emulator as a process, its accounts, and the fixtures of tests/aws.py."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.aws import AwsAccount, SentRequests, error_code, new_account
from tests.emulator import launch
from tests.emulator.launch import Emulator, start_emulator
from tests.emulator.shop import prices

pytestmark = pytest.mark.aws


def test_an_account_sees_nothing_of_another(aws_account: AwsAccount) -> None:
    prices(aws_account, "r/")
    other = new_account(aws_account.endpoint)
    assert other.client("glue").get_databases()["DatabaseList"] == []
    with pytest.raises(ClientError) as refused:
        other.client("s3").list_objects_v2(Bucket=aws_account.bucket)
    assert error_code(refused.value) == "AccessDenied"
    other.close()


def test_a_closed_account_leaves_no_object_behind(aws_account: AwsAccount) -> None:
    account = new_account(aws_account.endpoint)
    account.client("s3").put_bucket_versioning(
        Bucket=account.bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    for content in (b"first", b"second"):
        account.client("s3").put_object(Bucket=account.bucket, Key="a", Body=content)
    account.client("s3").delete_object(Bucket=account.bucket, Key="a")

    account.close()

    again = AwsAccount(account.endpoint, account.account_id, account.bucket)
    left = again.client("s3").list_object_versions(Bucket=again.bucket)
    again.close()
    assert ("Versions" in left, "DeleteMarkers" in left) == (False, False)


def test_the_environment_leads_every_client_to_the_account(aws_account: AwsAccount) -> None:
    sts = boto3.Session().client("sts")
    assert sts.get_caller_identity()["Account"] == aws_account.account_id
    sts.close()


def test_requests_are_counted_by_operation_and_key(
    aws_account: AwsAccount, requests_counted: SentRequests
) -> None:
    s3, glue = aws_account.client("s3"), aws_account.client("glue")
    s3.put_object(Bucket=aws_account.bucket, Key="dt=2026-01-01/é.parquet", Body=b"any")
    s3.list_objects_v2(Bucket=aws_account.bucket)
    glue.get_databases()
    assert requests_counted.counts() == {"s3.PutObject": 1, "s3.ListObjectsV2": 1, "glue.GetDatabases": 1}
    assert [request.key for request in requests_counted.of("PutObject")] == ["dt=2026-01-01/é.parquet"]


@pytest.mark.parametrize("service", ["iam", "sqs", "secretsmanager", "ssm", "kms"])
def test_other_services_answer(aws_account: AwsAccount, service: str) -> None:
    client = aws_account.client(service)
    calls = {
        "iam": "list_roles",
        "sqs": "list_queues",
        "secretsmanager": "list_secrets",
        "ssm": "describe_parameters",
        "kms": "list_keys",
    }
    assert getattr(client, calls[service])()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_with_auth_a_role_may_do_what_its_policy_says() -> None:
    allowed = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:PutObject", '
        '"Resource": "arn:aws:s3:::%s/inbox/pos/*"}]}'
    )
    trust = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", '
        '"Principal": {"AWS": "arn:aws:iam::%s:root"}}]}'
    )
    with start_emulator(auth=True) as emulator:
        account = new_account(emulator.endpoint)
        iam, sts = account.client("iam"), account.client("sts")
        role = iam.create_role(RoleName="pos", AssumeRolePolicyDocument=trust % account.account_id)["Role"]
        iam.put_role_policy(RoleName="pos", PolicyName="inbox", PolicyDocument=allowed % account.bucket)
        granted = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="test")["Credentials"]
        team = boto3.Session(
            granted["AccessKeyId"], granted["SecretAccessKey"], granted["SessionToken"], account.region
        ).client("s3", endpoint_url=emulator.endpoint)

        team.put_object(Bucket=account.bucket, Key="inbox/pos/a", Body=b"any")
        with pytest.raises(ClientError) as refused:
            team.put_object(Bucket=account.bucket, Key="inbox/payments/a", Body=b"any")

        assert error_code(refused.value) == "AccessDenied"
        team.close()
        account.close()


def test_the_emulator_ends_with_its_block_even_after_an_error() -> None:
    started: list[Emulator] = []

    def fail() -> None:
        with start_emulator() as emulator:
            started.append(emulator)
            assert is_running(emulator.pid)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    [emulator] = started
    assert not is_running(emulator.pid)
    assert not emulator.log.parent.exists()


def test_the_emulator_dies_with_its_parent(tmp_path: Path) -> None:
    script = (
        "import time; from tests.emulator.launch import start_emulator\nwith start_emulator() as emulator:\n"
    )
    script += "    print(emulator.pid, flush=True); time.sleep(60)"
    parent = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=launch.REPO,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    emulator_pid = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()

    deadline = time.monotonic() + 10
    while is_running(emulator_pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(emulator_pid)


def test_without_its_environment_the_emulator_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "PYTHON", tmp_path / "python")
    with pytest.raises(launch.EmulatorError, match="make setup"), start_emulator():
        pass


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
