"""What the hub does by the clock."""

import dagster as dg

from datahub_dagster.defs.assets import ReleaseConfig
from datahub_dagster.defs.jobs import CHECKS_JOB, reconcile_job, release_job_name
from datahub_dagster.defs.names import TEAM_TAG, asset_key, op_name, test_keys
from datahub_dagster.defs.shown import Shown
from datahub_dagster.domain.contract import Contract
from datahub_dagster.settings import Settings

FETCH_TAG = "hub/fetch"  # on a run that fetches a dataset; the sensor `inbox` leaves that one to it


def schedules(shown: Shown) -> list[dg.ScheduleDefinition]:
    """Nightly checks, and a fetch for each dataset whose contract says from where and when; reconcile is shared work."""
    settings = shown.settings
    return [
        dg.ScheduleDefinition(
            name="nightly_checks",
            job_name=CHECKS_JOB,
            cron_schedule=settings.nightly_checks_cron,
            execution_timezone=settings.timezone,
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Runs every data test on what is published.",
        ),
        *([reconcile_schedule(settings)] if settings.does_shared_work else ()),
        *(
            fetch_schedule(contract)
            for contract in shown.contracts
            if contract.delivery.schedule and contract.delivery.source
        ),
    ]


def reconcile_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """Compares the catalog with the log, for the datasets of all code locations."""
    return dg.ScheduleDefinition(
        name="reconcile_catalog",
        job=reconcile_job,
        cron_schedule=settings.reconcile_cron,
        execution_timezone=settings.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Makes the catalog show what is published, should a crash have kept it from doing so.",
    )


def fetch_schedule(contract: Contract) -> dg.ScheduleDefinition:
    """Fetches what the contract's `delivery.source` holds, and releases it."""
    when = contract.delivery.schedule
    assert when is not None

    @dg.schedule(
        name=f"fetch_{op_name(contract.name)}",
        job_name=release_job_name(contract.team),
        cron_schedule=when.cron,
        execution_timezone=when.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Fetches {contract.name} from {contract.delivery.source} and releases it.",
    )
    def fetch(_: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest(
            asset_selection=[asset_key(contract.name)],
            asset_check_keys=test_keys(contract),
            run_config=dg.RunConfig(ops={op_name(contract.name): ReleaseConfig(fetch=True)}),
            tags={FETCH_TAG: str(contract.name), TEAM_TAG: contract.team},
        )

    return fetch
