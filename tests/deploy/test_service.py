"""`deploy/dagster.yaml` at work: PostgreSQL, S3 and the queue, with a code server, a daemon and a webserver as processes."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.errors import DagsterInvalidConfigError
from dagster._core.storage.dagster_run import RunRecord
from dagster_aws.s3 import S3ComputeLogManager
from dagster_postgres import PostgresEventLogStorage

from datahub_dagster import pipeline
from datahub_dagster.demo.data import DemoDelivery, write_deliveries
from datahub_dagster.ports import Hub
from datahub_dagster.settings import Settings
from datahub_dagster.wiring import open_hub
from tests.aws import AwsAccount, new_account
from tests.builders import NOW
from tests.deploy.services import DEPLOY, Services, run_services
from tests.emulator.launch import Emulator
from tests.postgres import Postgres

pytestmark = [pytest.mark.slow, pytest.mark.aws]

PATIENCE = 180.0  # seconds; a run takes 15 on two busy cores


@pytest.fixture(scope="module")
def account(emulator: Emulator) -> Iterator[AwsAccount]:
    made = new_account(emulator.endpoint)
    yield made
    made.close()


@pytest.fixture(scope="module")
def asked_for(account: AwsAccount, postgres: Postgres) -> Iterator[pytest.MonkeyPatch]:
    """The environment that dagster.yaml asks for."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            **account.environment(),
            **postgres.environment(),
            "DAGSTER_LOGS_BUCKET": account.bucket,
            "DAGSTER_LOGS_PREFIX": "dagster",
        }.items():
            patch.setenv(name, value)
        yield patch


# ── What it says ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_part_is_what_the_file_says(
    tmp_path: Path, asked_for: pytest.MonkeyPatch, postgres: Postgres
) -> None:
    shutil.copy(DEPLOY / "dagster.yaml", tmp_path)

    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert isinstance(instance.event_log_storage, PostgresEventLogStorage)
        assert isinstance(instance.compute_log_manager, S3ComputeLogManager)
        assert type(instance.run_coordinator).__name__ == "QueuedRunCoordinator"
        queue = instance.get_concurrency_config().run_queue_config
        assert queue is not None
        assert queue.max_concurrent_runs == 8
        assert queue.tag_concurrency_limits == [
            {"key": "hub/team", "value": {"applyLimitPerUniqueValue": True}, "limit": 1}
        ]
        assert instance.run_retries_enabled
        assert not instance.run_retries_retry_on_asset_or_op_failure
        assert instance.run_monitoring_enabled
        assert instance.run_monitoring_max_runtime_seconds == 7200
        assert not instance.telemetry_enabled
        assert postgres.password not in instance.info_str()


@pytest.mark.parametrize(
    ("right", "typo"),
    [("max_runtime_seconds", "max_run_time_seconds"), ("upload_interval", "upload_intervall")],
)
def test_a_typo_is_refused(tmp_path: Path, asked_for: pytest.MonkeyPatch, right: str, typo: str) -> None:
    text = (DEPLOY / "dagster.yaml").read_text(encoding="utf-8")
    assert right in text
    (tmp_path / "dagster.yaml").write_text(text.replace(right, typo), encoding="utf-8")

    with (
        pytest.raises(DagsterInvalidConfigError, match=typo),
        dg.DagsterInstance.from_config(str(tmp_path)) as instance,
    ):
        assert instance.compute_log_manager is None


# ── What it does ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Service:
    """The running hub: its processes, a hub to deliver into, and Dagster's memory."""

    services: Services
    hub: Hub
    instance: dg.DagsterInstance
    deliveries: list[DemoDelivery]

    def deliver(self, dataset: str) -> None:
        told = next(each for each in self.deliveries if each.dataset == dataset)
        pipeline.deliver(self.hub, self.hub.book().find(dataset), told.path, told.name)

    def wait(self, until: Callable[[list[RunRecord]], bool]) -> list[RunRecord]:
        """The runs that the inbox asked for, oldest first, once they are as wanted."""
        releases = dg.RunsFilter(tags={"dagster/sensor_name": "inbox"})
        give_up_at = time.monotonic() + PATIENCE
        while time.monotonic() < give_up_at:
            found = sorted(self.instance.get_run_records(releases), key=lambda each: each.create_timestamp)
            if until(found):
                return found
            time.sleep(0.5)
        pytest.fail(f"waited {PATIENCE:.0f} s; the runs: {self.instance.get_runs()}")

    def said(self, record: RunRecord) -> str:
        """What a run's log says."""
        return "\n".join(entry.message for entry in self.instance.all_logs(record.dagster_run.run_id))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, asked_for: pytest.MonkeyPatch) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    asked_for.setenv("DATAHUB_ROOT", str(folder / "hub"))
    asked_for.setenv("DATAHUB_SENSOR_INTERVAL_SECONDS", "2")
    asked_for.setenv("DATAHUB_DOCS_INTERVAL_MINUTES", "720")
    deliveries = write_deliveries(folder / "outbox", NOW)
    with (
        run_services(folder / "dagster", os.environ) as services,
        dg.DagsterInstance.from_config(str(services.home)) as instance,
    ):
        yield Service(services, open_hub(Settings.from_environment()), instance, deliveries)


def ended(count: int) -> Callable[[list[RunRecord]], bool]:
    """So many runs are there, and all have ended."""
    return lambda runs: len(runs) == count and all(each.dagster_run.is_finished for each in runs)


def test_a_delivery_is_released_through_the_queue_and_its_log_is_on_s3(
    service: Service, account: AwsAccount, postgres: Postgres
) -> None:
    service.deliver("transport.airports")
    (record,) = service.wait(ended(1))
    run = record.dagster_run

    assert run.status is dg.DagsterRunStatus.SUCCESS, service.said(record)
    assert run.tags["hub/team"] == "transport"
    events = {entry.dagster_event_type for entry in service.instance.all_logs(run.run_id)}
    assert dg.DagsterEventType.PIPELINE_ENQUEUED in events

    def logs() -> list[str]:
        listed = account.client("s3").list_objects_v2(Bucket=account.bucket, Prefix="dagster/")
        return [each["Key"] for each in listed.get("Contents", ())]

    service.wait(lambda _: any(f"/{run.run_id}/compute_logs/" in key for key in logs()))
    for log in service.services.home.glob("*.log"):
        assert postgres.password not in log.read_text(encoding="utf-8", errors="replace")


def test_runs_of_a_team_take_turns(service: Service) -> None:
    before = len(service.wait(lambda _: True))
    service.deliver("weather.daily_observations")  # its test looks at the airports of the test before
    service.wait(lambda runs: len(runs) == before + 1)
    service.deliver("weather.hourly_temperatures")
    *_, first, second = service.wait(ended(before + 2))

    for each in (first, second):
        assert each.dagster_run.status is dg.DagsterRunStatus.SUCCESS, service.said(each)
    assert {first.dagster_run.tags["hub/team"], second.dagster_run.tags["hub/team"]} == {"weather"}
    assert second.create_timestamp.timestamp() < (first.end_time or 0), (
        "asked for while the first was under way"
    )
    assert (second.start_time or 0) >= (first.end_time or 0), "and waited for it"
