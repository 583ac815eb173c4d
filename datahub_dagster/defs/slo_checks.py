"""SLOs as asset checks, whose history Dagster keeps and plots.

A data test asks what the data are like, an SLO when they came, and how many deliveries were right at once. So no release runs these
checks, nor do the nightly ones, and they never block: the sensor `slo_monitor` answers them from the log, so does a run of them by
hand, and whoever publishes something tells beside it how they stand.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta

import dagster as dg

from datahub_dagster import pipeline
from datahub_dagster.defs.names import asset_key, check_key, dataset_of, group, slo_check_names
from datahub_dagster.defs.resources import HubResource
from datahub_dagster.defs.shown import Shown
from datahub_dagster.defs.slo_answers import answers_of_reports
from datahub_dagster.domain import words
from datahub_dagster.domain.contract import Contract, FreshnessSlo
from datahub_dagster.domain.promise import QUALITY, promise_of
from datahub_dagster.errors import ExitCode, HubError


def slo_checks(shown: Shown) -> list[dg.AssetChecksDefinition]:
    """One op for each team, with a check for each of its SLOs: an op for each dataset takes Dagster three times as long to load."""
    by_group: dict[str, list[dg.AssetCheckSpec]] = {}
    for contract in shown.contracts:
        by_group.setdefault(group(contract.team), []).extend(slo_check_specs(shown, contract))
    return [_team_checks(name, specs, shown.settings.docs_url) for name, specs in by_group.items() if specs]


def slo_check_keys(shown: Shown, contracts: Sequence[Contract]) -> list[dg.AssetCheckKey]:
    """The checks of the SLOs of some datasets: what runs of data tests leave out."""
    return [
        check_key(contract, name)
        for contract in contracts
        for name in slo_check_names(contract, shown.consumers_of(contract)).values()
    ]


def slo_check_specs(shown: Shown, contract: Contract) -> list[dg.AssetCheckSpec]:
    """A check for each SLO of a dataset, and for each that a consumer of it was promised."""
    promise = promise_of(contract, shown.consumers_of(contract), datetime.combine(shown.today, time(), UTC))
    said = {slo.name: _freshness(shown, contract, slo) for slo in promise.freshness}
    if promise.quality:
        deliveries = "of deliveries pass their audit at the first try"
        said[QUALITY] = f"{_objective(promise.quality.objective, promise.quality.window, deliveries)}."
    names = slo_check_names(contract, shown.consumers_of(contract))
    return [
        dg.AssetCheckSpec(names[slo], asset=asset_key(contract.name), description=text)
        for slo, text in said.items()
    ]


def _freshness(shown: Shown, contract: Contract, slo: FreshnessSlo) -> str:
    labels = {each.name: each.label for each in shown.consumers_of(contract)}
    to = f" Promised to {labels.get(slo.consumer) or slo.consumer}." if slo.consumer else ""
    kept = _objective(slo.objective, slo.window, "of the time")
    return f"Published {words.freshness(slo, contract.partitions)}: {kept}.{to}"


def _objective(objective: float, window: timedelta, of_what: str) -> str:
    return f"{words.share(objective)} {of_what}, over {words.duration(window)}"


def _team_checks(
    group_name: str, specs: Sequence[dg.AssetCheckSpec], docs_url: str
) -> dg.AssetChecksDefinition:
    # No dataset has an op of this name, however it is called; see `op_name`.
    @dg.multi_asset_check(name=f"slo__{group_name}__checks", specs=specs, can_subset=True)
    def evaluate(context: dg.AssetCheckExecutionContext, hub: HubResource) -> Iterator[dg.AssetCheckResult]:
        """Say how SLOs stand at this moment, from the log alone."""
        opened = hub.open()
        selected = context.selected_asset_check_keys
        wanted = {dataset_of(key.asset_key) for key in selected}
        try:
            book = opened.book()
            contracts = [book.datasets[name] for name in sorted(wanted & book.datasets.keys())]
            reports = pipeline.slo(opened, contracts)
        except HubError as error:
            raise dg.Failure(str(error), allow_retries=error.exit_code is ExitCode.OUTSIDE) from error
        for contract, answer in answers_of_reports(reports, book, opened.clock.now(), docs_url):
            if check_key(contract, answer.check_name) in selected:
                yield answer.as_result(contract)

    return evaluate
