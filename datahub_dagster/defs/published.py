"""What is published now, as exact files, and what its tests say."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import dagster as dg

from datahub_dagster import pipeline
from datahub_dagster.defs.names import asset_key
from datahub_dagster.domain.audit import AuditReport
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.names import DatasetName
from datahub_dagster.domain.release import Generation
from datahub_dagster.domain.view import FileList
from datahub_dagster.errors import HubError
from datahub_dagster.ports import Hub, StepEvent

AT_ONCE = 50  # datasets in one start of dbt; should it fail as a whole, so many are asked one by one


def lists_of(hub: Hub, generation: Generation | None) -> list[FileList]:
    """The lists of files of every release that is read in a generation; without those that retention has removed."""
    if generation is None:
        return []
    return list(hub.log.file_lists(generation.dataset, generation.releases).values())


@dataclass
class _Asked:
    """What a run has asked so far. `reports` are the answers that no step has taken yet."""

    run_id: str = ""
    datasets: set[DatasetName] = field(default_factory=set[DatasetName])
    reports: dict[DatasetName, AuditReport] = field(default_factory=dict[DatasetName, AuditReport])


_asked = _Asked()


def report_of_published(
    context: dg.AssetExecutionContext, hub: Hub, contract: Contract, others: Sequence[Contract]
) -> AuditReport | None:
    """What the tests of a dataset say of what is published; None if nothing is.

    A run of checks alone asks many datasets in one start of dbt, which takes as long as a hundred tests: the first step asks
    for those after it too, and they find their answers here. All steps of a run share one process. If the common question
    can't be asked, for the sake of one broken dataset perhaps, each step asks for itself.

    Args:
        context: Of the step.
        hub: Where it is published.
        contract: The dataset.
        others: Every contract of the code location.

    Raises:
        HubError: The question could not be asked for this dataset alone either.
    """
    global _asked  # noqa: PLW0603
    if _asked.run_id != context.run.run_id:
        _asked = _Asked(run_id=context.run.run_id)
    asked = _asked

    def log(event: StepEvent) -> None:
        context.log.info("%s: %s: %s", event.dataset, event.step, event.message)

    batch = [each for each in _batch(context, contract, others) if each.name not in asked.datasets]
    if contract.name not in asked.reports and len(batch) > 1:
        asked.datasets |= {each.name for each in batch}
        try:
            asked.reports |= {report.dataset: report for report in pipeline.check(hub, batch, on_step=log)}
        except HubError as error:
            context.log.warning("%d datasets are asked one by one: %s", len(batch), error)
    if contract.name not in asked.reports:
        asked.reports |= {report.dataset: report for report in pipeline.check(hub, [contract], on_step=log)}
    return asked.reports.pop(contract.name, None)  # a retry asks anew


def _batch(
    context: dg.AssetExecutionContext, contract: Contract, others: Sequence[Contract]
) -> Sequence[Contract]:
    """The datasets of the run that are asked together with this one: none where something is released meanwhile."""
    layer = context.job_def.asset_layer
    if layer.selected_asset_keys:
        return [contract]
    checked = {key.asset_key for each in layer.data for key in each.assets_def.check_keys}
    together = [each for each in others if asset_key(each.name) in checked]
    first = [each.name for each in together].index(contract.name) // AT_ONCE * AT_ONCE
    return together[first : first + AT_ONCE]
