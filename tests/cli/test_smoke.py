"""The smoke run: a dataset's life in a real hub, of which nothing stays."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from datahub_dagster import pipeline
from datahub_dagster.cli import run
from datahub_dagster.demo import smoke as smoke_module
from datahub_dagster.demo import smoke_data
from datahub_dagster.demo.smoke import SmokeStep, smoke
from datahub_dagster.domain.finding import Level
from datahub_dagster.settings import S3Root, Settings
from tests.aws import AwsAccount, new_account
from tests.builders import contract
from tests.emulator.launch import start_emulator
from tests.hubs import hub_at, orders, put_delivery

pytestmark = pytest.mark.slow

STEPS = 15


def files_below(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def levels(steps: list[SmokeStep]) -> list[Level]:
    return [step.level for step in steps]


def test_a_sound_hub_passes_every_step_and_is_as_it_was(tmp_path: Path) -> None:
    mine = contract()
    hub = hub_at(tmp_path, mine)
    put_delivery(hub, mine, "a", {"x.parquet": orders([1])})
    pipeline.release(hub, mine, "a", actor="test")
    before = files_below(tmp_path)

    steps = list(smoke(Settings(root=tmp_path)))

    assert [(step.found, step.level) for step in steps if step.level is not Level.FINE] == []
    assert len(steps) == STEPS
    assert all(step.seconds >= 0 for step in steps)
    assert files_below(tmp_path) == before
    assert list(tmp_path.glob("*/hub_smoke")) == []


def test_the_rows_that_are_promised_differ_at_each_release() -> None:
    assert smoke_data.as_text(smoke_data.FIRST) != smoke_data.as_text(smoke_data.AFTER_SECOND)


def test_a_step_that_fails_is_told_and_what_was_made_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        smoke_module.smoke_data, "SECOND", smoke_data.FAULTY
    )  # rejected, where it must be published

    steps = list(smoke(Settings(root=tmp_path)))

    failed, removed = steps[-2:]
    assert (failed.level, failed.subject) == (Level.FAULT, "release a second delivery")
    assert "became rejected, not published" in failed.found
    assert removed.subject == "remove"
    assert files_below(tmp_path) == []


def test_a_run_that_is_interrupted_removes_what_it_made(tmp_path: Path) -> None:
    steps = smoke(Settings(root=tmp_path))
    while next(steps).subject != "release a first delivery":
        pass
    assert files_below(tmp_path)

    steps.close()  # pyright: ignore[reportAttributeAccessIssue]

    assert files_below(tmp_path) == []


def test_what_a_killed_run_left_goes_with_the_next_one_and_a_younger_one_is_left_alone(
    tmp_path: Path,
) -> None:
    killed = tmp_path / "releases/hub_smoke/run_20200101t000000_00aa/2020-01-01.1/_files.json"
    killed.parent.mkdir(parents=True)
    killed.touch()
    running = smoke(Settings(root=tmp_path))
    while next(running).subject != "release a first delivery":
        pass
    assert not killed.exists()
    files = files_below(tmp_path)

    first = next(iter(smoke(Settings(root=tmp_path))))

    assert first.level is Level.NOTE
    assert "may be running still" in first.found
    assert files_below(tmp_path) == files
    running.close()  # pyright: ignore[reportAttributeAccessIssue]


def test_a_source_that_is_somebodys_is_refused_and_not_touched(tmp_path: Path) -> None:
    theirs = tmp_path / "log/hub_smoke/orders/generations/00000001.json"
    theirs.parent.mkdir(parents=True)
    theirs.touch()

    refused, removed = list(smoke(Settings(root=tmp_path)))

    assert refused.level is Level.FAULT
    assert "hub_smoke.orders" in refused.found
    assert removed.found == "nothing was written"
    assert theirs.exists()


def test_the_command_tells_every_step_and_its_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAHUB_ROOT", str(tmp_path / "hub"))

    assert run(["doctor", "--smoke", "--output", "json"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert told["healthy"] is True
    assert len(told["smoke"]) == STEPS
    assert {"subject", "level", "found", "seconds", "next_step"} == set(told["smoke"][0])


@pytest.fixture
def on_aws(aws_account: AwsAccount, tmp_path: Path) -> tuple[AwsAccount, Settings]:
    """A hub on AWS as Terraform makes it: with databases for candidates and for the smoke run."""
    for name in ("hub_candidates", "hub_smoke"):
        aws_account.client("glue").create_database(DatabaseInput={"Name": name})
    return aws_account, Settings(root=S3Root.parse(aws_account.root), cache_dir=tmp_path)


def keys(account: AwsAccount) -> list[str]:
    listed = account.client("s3").list_objects_v2(Bucket=account.bucket).get("Contents", [])
    return [each["Key"] for each in listed if "/athena/" not in each["Key"]]


@pytest.mark.aws
def test_a_hub_on_aws_passes_every_step_by_athena_and_directly(
    on_aws: tuple[AwsAccount, Settings],
) -> None:
    account, settings = on_aws

    steps = list(smoke(settings))

    assert [(step.subject, step.found) for step in steps if step.level is not Level.FINE] == []
    assert sum("by Athena" in step.subject for step in steps) == 4
    assert keys(account) == []
    assert account.client("glue").get_tables(DatabaseName="hub_smoke")["TableList"] == []


@pytest.mark.aws
def test_where_releases_may_not_be_deleted_it_says_what_it_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with start_emulator(auth=True) as emulator:
        account = new_account(emulator.endpoint)
        account.client("glue").create_database(DatabaseInput={"Name": "hub_candidates"})
        releases = f"arn:aws:s3:::{account.bucket}/hub/releases/*"
        for name, value in {**account.environment(), **role_that_may_not_delete(account, releases)}.items():
            monkeypatch.setenv(name, value)

        *steps, removed = smoke(Settings(root=S3Root.parse(account.root), cache_dir=tmp_path))

        assert [(step.subject, step.found) for step in steps if step.level is not Level.FINE] == []
        assert removed.level is Level.NOTE
        assert "s3:DeleteObject" in removed.found
        assert f"{account.root}/releases/hub_smoke/" in removed.found
        assert keys(account)
        assert all(key.startswith("hub/releases/hub_smoke/") for key in keys(account))
        account.close()


def role_that_may_not_delete(account: AwsAccount, place: str) -> dict[str, str]:
    """The variables of a role that may do everything, but not delete in a place."""
    iam, arn = account.client("iam"), f"arn:aws:iam::{account.account_id}"
    trust = {"Effect": "Allow", "Principal": {"AWS": f"{arn}:root"}, "Action": "sts:AssumeRole"}
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    kept = {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": place}
    iam.create_role(RoleName="hub", AssumeRolePolicyDocument=policy(trust))
    iam.put_role_policy(RoleName="hub", PolicyName="hub", PolicyDocument=policy(everything, kept))
    made = account.client("sts").assume_role(RoleArn=f"{arn}:role/hub", RoleSessionName="smoke")[
        "Credentials"
    ]
    return {
        "AWS_ACCESS_KEY_ID": made["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"],
        "AWS_SESSION_TOKEN": made["SessionToken"],
    }


def policy(*statements: Mapping[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
