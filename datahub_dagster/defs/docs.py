"""The documentation as an asset downstream of every dataset."""

from pathlib import Path

import dagster as dg

from datahub_dagster import pipeline
from datahub_dagster.defs.names import asset_key
from datahub_dagster.defs.resources import HubResource
from datahub_dagster.defs.shown import Shown
from datahub_dagster.errors import ExitCode, HubError

GROUP = "hub"
KEY = dg.AssetKey("hub_docs")


def docs_assets(shown: Shown) -> list[dg.AssetsDefinition]:
    """The documentation, where this code location does the shared work: the pages tell of the datasets of all of them."""
    return [_docs_asset(shown)] if shown.settings.does_shared_work else []


def docs_sensors(shown: Shown) -> list[dg.AutomationConditionSensorDefinition]:
    """What renders it after releases, those of other code locations too; where there is something to render."""
    sensor = dg.AutomationConditionSensorDefinition(
        "hub_docs_automation",
        target=dg.AssetSelection.groups(GROUP),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=shown.settings.sensor_interval_seconds,
        description="Renders the documentation after releases.",
    )
    return [sensor] if shown.settings.does_shared_work else []


def _docs_asset(shown: Shown) -> dg.AssetsDefinition:
    """The pages and dbt's own docs, rendered when something was released, and at most once in so many minutes."""
    docs_url, docs_at = shown.settings.docs_url, shown.settings.docs_at
    datasets = sorted(shown.book.datasets)

    @dg.asset(
        key=KEY,
        deps=[asset_key(name) for name in datasets],
        description="What consumers read: a page for each dataset, the state of every promise, and dbt's docs.",
        group_name=GROUP,
        kinds={"html", "dbt"},
        automation_condition=rendering_condition(shown.settings.docs_interval_minutes),
        pool="hub_docs",
    )
    def hub_docs(context: dg.AssetExecutionContext, hub: HubResource) -> dg.MaterializeResult:
        opened = hub.open()
        try:
            start = pipeline.document(opened, with_dbt_docs=True)
        except HubError as error:
            retry = error.exit_code is ExitCode.OUTSIDE
            raise dg.Failure(str(error), allow_retries=retry) from error
        address = docs_url or (
            opened.storage.uri(start) if isinstance(docs_at, Path) else f"{docs_at}/{start}"
        )
        context.log.info("rendered %s", address)
        link = dg.MetadataValue.url(docs_url) if docs_url else dg.MetadataValue.path(address)
        return dg.MaterializeResult(metadata={"url": link, "datasets": len(datasets)})

    return hub_docs


def rendering_condition(minutes: int) -> dg.AutomationCondition:
    """True when a dataset was released since the last rendering, at the next tick of every so many minutes.

    `AutomationCondition.eager()` would wait until every dataset has been released once, which may be never.

    Args:
        minutes: The time between two ticks. It divides an hour, or is whole hours that divide a day (`Settings` allows no
            other): a cron's ticks are only then equally far apart.
    """
    due = dg.AutomationCondition.any_deps_updated().since(
        dg.AutomationCondition.newly_requested() | dg.AutomationCondition.newly_updated()
    )
    tick = dg.AutomationCondition.cron_tick_passed(ticks(minutes))
    return (due & tick & ~dg.AutomationCondition.in_progress()).with_label(f"released, every {minutes} min")


def ticks(minutes: int) -> str:
    """The cron that ticks every so many minutes.

    >>> ticks(1), ticks(20), ticks(60), ticks(360), ticks(1440)
    ('*/1 * * * *', '*/20 * * * *', '0 */1 * * *', '0 */6 * * *', '0 0 * * *')
    """
    if minutes < 60:
        return f"*/{minutes} * * * *"
    return "0 0 * * *" if minutes == 1440 else f"0 */{minutes // 60} * * *"
