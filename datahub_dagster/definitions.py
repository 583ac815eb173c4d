"""The code location: merges what is in `defs/`, and nothing else."""

import warnings
from collections.abc import Mapping

import dagster as dg

from datahub_dagster.defs.assets import dataset_assets
from datahub_dagster.defs.consumers import consumer_assets
from datahub_dagster.defs.docs import docs_assets
from datahub_dagster.defs.jobs import jobs
from datahub_dagster.defs.resources import HubResource, resources
from datahub_dagster.defs.schedules import schedules
from datahub_dagster.defs.sensors import sensors
from datahub_dagster.defs.shown import Shown
from datahub_dagster.defs.slo_checks import slo_checks
from datahub_dagster.settings import Settings

# Code references and partition exclusions; `dagster` is pinned to a minor version for their sake.
_UNFINISHED = (dg.BetaWarning, dg.PreviewWarning)


@dg.definitions
def defs() -> dg.Definitions:
    """The hub that the environment asks for. Read when Dagster loads it, not on import."""
    settings = Settings.from_environment()
    return build(Shown.of(HubResource.of(settings).open(), settings))


def build(shown: Shown, given: Mapping[str, object] | None = None) -> dg.Definitions:
    """Every definition of the datasets that are shown, with the resources of `defs/resources.py` or others that are given."""
    with warnings.catch_warnings():
        for category in _UNFINISHED:
            warnings.simplefilter("ignore", category)
        return dg.Definitions(
            assets=[*dataset_assets(shown), *consumer_assets(shown), *docs_assets(shown)],
            asset_checks=slo_checks(shown),
            jobs=jobs(shown),
            schedules=schedules(shown),
            sensors=sensors(shown),
            resources=given or resources(shown.settings),
            executor=dg.in_process_executor,  # half the time to launch of a process for each step; steps are short
        )
