"""The documentation as an asset downstream of every dataset."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from datahub_dagster import pipeline
from datahub_dagster.defs.names import asset_key
from datahub_dagster.defs.resources import HubResource
from datahub_dagster.defs.shown import Shown
from datahub_dagster.domain import pages
from datahub_dagster.errors import ExitCode, HubError
from datahub_dagster.settings import Settings

GROUP = "hub"
KEY = dg.AssetKey("hub_docs")
DOCS_JOB = "docs"
NOT_ENDED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


def docs_assets(shown: Shown) -> list[dg.AssetsDefinition]:
    """The documentation, where this code location does the shared work: the pages tell of the datasets of all of them."""
    return [_docs_asset(shown)] if shown.settings.does_shared_work else []


def docs_sensors(shown: Shown) -> list[dg.SensorDefinition]:
    """What renders it whenever it tells otherwise than the hub; where there is something to render."""
    return [_docs_sensor(shown.settings)] if shown.settings.does_shared_work else []


def _docs_sensor(settings: Settings) -> dg.SensorDefinition:
    """Asks once in so many minutes whether the pages are to be rendered, whatever it is that happened: the clock counts, too."""
    interval = timedelta(minutes=settings.docs_interval_minutes)

    @dg.sensor(
        name="hub_docs_automation",
        job_name=DOCS_JOB,
        minimum_interval_seconds=settings.sensor_interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Renders the documentation when something happened, or when a deadline passed, since the last time.",
    )
    def hub_docs_automation(context: dg.SensorEvaluationContext, hub: HubResource) -> dg.SensorResult:
        opened = hub.open()
        begun = _begin_of_interval(opened.clock.now(), interval).isoformat()
        if context.cursor in (None, begun):
            return dg.SensorResult(
                skip_reason=f"looked at each {settings.docs_interval_minutes} min", cursor=begun
            )
        runs = context.instance.get_run_ids(dg.RunsFilter(job_name=DOCS_JOB, statuses=NOT_ENDED), limit=1)
        if runs:
            return dg.SensorResult(skip_reason=f"run {runs[0]} is rendering them", cursor=context.cursor)
        if not pipeline.docs_are_stale(opened):
            return dg.SensorResult(skip_reason="they tell how everything is", cursor=begun)
        # If the run fails, the pages stay as they were, and the next look asks for another one.
        return dg.SensorResult(
            run_requests=[dg.RunRequest(run_key=f"{KEY.to_user_string()} {begun}")], cursor=begun
        )

    return hub_docs_automation


def _begin_of_interval(now: datetime, interval: timedelta) -> datetime:
    """When the interval began in which an instant is; all of them follow each other from one fixed instant on.

    >>> _begin_of_interval(datetime(2026, 11, 20, 9, 59, tzinfo=UTC), timedelta(minutes=20)).isoformat()
    '2026-11-20T09:40:00+00:00'
    """
    return now - (now - datetime.min.replace(tzinfo=UTC)) % interval


def _docs_asset(shown: Shown) -> dg.AssetsDefinition:
    """The pages, and dbt's own docs where the project or what is published changed."""
    docs_url, docs_at = shown.settings.docs_url, shown.settings.docs_at
    datasets = sorted(shown.book.datasets)

    @dg.asset(
        key=KEY,
        deps=[asset_key(name) for name in datasets],
        description="What consumers read: a page for each dataset, team and consumer, how every promise is kept, what changed, "
        "and dbt's docs.",
        metadata=_links(docs_url),
        group_name=GROUP,
        kinds={"html", "dbt"},
        pool="hub_docs",
    )
    def hub_docs(context: dg.AssetExecutionContext, hub: HubResource) -> dg.MaterializeResult:
        opened = hub.open()
        begin = time.monotonic()
        try:
            rendered = pipeline.document(opened, with_dbt_docs=True)
        except HubError as error:
            retry = error.exit_code is ExitCode.OUTSIDE
            raise dg.Failure(str(error), allow_retries=retry) from error
        address = docs_url or (
            opened.storage.uri(rendered.start) if isinstance(docs_at, Path) else f"{docs_at}/{rendered.start}"
        )
        context.log.info("rendered %s: %d of %d files changed", address, rendered.changed, rendered.files)
        link = dg.MetadataValue.url(docs_url) if docs_url else dg.MetadataValue.path(address)
        # Numbers are plotted over time.
        return dg.MaterializeResult(
            metadata={
                "url": link,
                "datasets": rendered.datasets,
                "datasets that changed": rendered.renewed,
                "files": rendered.files,
                "files that changed": rendered.changed,
                "files removed": rendered.removed,
                "bytes": rendered.bytes,
                "seconds": round(time.monotonic() - begin, 3),
            }
        )

    return hub_docs


def _links(docs_url: str) -> dict[str, dg.UrlMetadataValue]:
    """The pages to begin with, where they are served."""
    if not docs_url:
        return {}
    shown = {
        "all datasets": pages.HOME,
        "status": pages.STATUS,
        "changes": pages.CHANGES,
        "consumers": pages.CONSUMERS,
    }
    return {name: dg.MetadataValue.url(pages.address(docs_url, page)) for name, page in shown.items()}
