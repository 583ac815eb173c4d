"""A hub on AWS that knows secrets tells them to nobody: a release, a refusal and the docs, through Dagster, then a search."""

import logging
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from datahub_dagster import pipeline
from datahub_dagster.cli import run
from datahub_dagster.definitions import build
from datahub_dagster.defs.names import asset_key, op_name
from datahub_dagster.defs.resources import HubResource, resources
from datahub_dagster.defs.shown import Shown
from datahub_dagster.demo.data import DemoDelivery, write_deliveries
from datahub_dagster.settings import Settings
from tests.adapters.test_webhook import Receiver
from tests.aws import AwsAccount
from tests.builders import NOW
from tests.defs.dagster_hub import materializations, text

pytestmark = [pytest.mark.slow, pytest.mark.aws]

ADDRESS, SECRET_KEY, SESSION_TOKEN = "T0KEN-of-the-address", "SECRET-of-the-key", "T0KEN-of-the-session"
PLANTED = [each.encode() for each in (ADDRESS, SECRET_KEY, SESSION_TOKEN)]
DATASET = "transport.airports"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    yield running
    running.stop()


@pytest.fixture
def settings(
    aws_account: AwsAccount, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Settings:
    """The settings of a hub on AWS whose credentials and webhook are planted."""
    address = f"{receiver.address}/{ADDRESS}"
    aws_account.client("secretsmanager").create_secret(Name="datahub/webhook", SecretString=address)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setenv("AWS_SESSION_TOKEN", SESSION_TOKEN)
    monkeypatch.setenv("DATAHUB_ROOT", aws_account.root)
    monkeypatch.setenv("DATAHUB_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("DATAHUB_NOTIFY_WEBHOOK_SECRET", "secretsmanager:datahub/webhook")
    return Settings.from_environment()


def test_no_secret_stands_in_anything_that_is_kept_or_shown(
    settings: Settings,
    aws_account: AwsAccount,
    receiver: Receiver,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    deliveries = [each for each in write_deliveries(tmp_path / "given", NOW) if each.dataset == DATASET]
    good = next(each for each in deliveries if each.expected != "rejected")
    bad = tmp_path / "bad.csv"
    bad.write_text("this is no Parquet")
    with caplog.at_level(logging.INFO):
        ends = _release_by_dagster(settings, tmp_path / "dagster", good, bad)
        receiver.answers[f"/{ADDRESS}"] = 404
        ends.append(
            run(["reconcile", DATASET, "--output", "json"])
        )  # tells people of what Dagster's runs noticed
        ends.append(run(["rollback", DATASET, "--to", "1", "--reason", "a test", "--output", "json"]))
        shown = [["status"], ["status", "--cost"], ["show", DATASET], ["releases", DATASET], ["doctor"]]
        for arguments in shown:
            run([*arguments, "--output", "json"])
        run(["docs", "build", "--output", "json"])

    assert ends[:3] == [True, False, True]
    assert {path for path, _ in receiver.posted} == {f"/{ADDRESS}"}, "the planted address was used"
    (posted,) = [body for _, body in receiver.posted]
    assert (posted["kind"], posted["dataset"]) == ("alerts", DATASET), (
        "one has warnings, the other was rejected"
    )
    printed = capfd.readouterr()
    told = {"stdout": printed.out.encode(), "stderr": printed.err.encode(), "logs": caplog.text.encode()}
    told |= _objects(aws_account)
    told |= {str(path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert any(name.endswith("_record.json") for name in told)
    assert any("/docs/" in name for name in told)
    assert any("/outbox/" in name for name in told)
    assert any(name.endswith(".db") for name in told), "Dagster's run storage was searched"
    assert '"datasets"' in printed.out
    assert [where for where, found in told.items() if any(each in found for each in PLANTED)] == []


def _release_by_dagster(settings: Settings, home: Path, good: DemoDelivery, bad: Path) -> list[bool | int]:
    """Whether each run succeeded: of a delivery that is published, of one that is refused, of the docs."""
    home.mkdir()
    hub = HubResource.of(settings).open()
    definitions = build(Shown.of(hub, settings), resources(settings))
    job = definitions.resolve_implicit_global_asset_job_def()
    contract = hub.book().find(DATASET)
    pipeline.deliver(hub, contract, good.path, "good")
    folder = home / "bad"
    folder.mkdir()
    (folder / "part-0.parquet").write_bytes(bad.read_bytes())
    pipeline.deliver(hub, contract, folder, "bad")
    ends: list[bool | int] = []
    with dg.DagsterInstance.local_temp(str(home)) as instance:
        for name in ("good", "bad"):
            config = {op_name(contract.name): {"config": {"deliveries": [name]}}}
            result = job.execute_in_process(
                instance=instance,
                raise_on_error=False,
                asset_selection=[asset_key(contract.name)],
                run_config={"ops": config},
            )
            ends.append(result.success)
        docs = job.execute_in_process(
            instance=instance, raise_on_error=False, asset_selection=[dg.AssetKey("hub_docs")]
        )
        ends.append(docs.success)
        (rendered,) = materializations(docs)
        assert text(rendered.metadata, "url") == f"{settings.root}/docs/index.html"
    return ends


def _objects(account: AwsAccount) -> dict[str, bytes]:
    s3 = account.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=account.bucket)
    keys = [each["Key"] for page in pages for each in page.get("Contents", ())]
    return {
        f"s3://{account.bucket}/{key}": s3.get_object(Bucket=account.bucket, Key=key)["Body"].read()
        for key in keys
    }
