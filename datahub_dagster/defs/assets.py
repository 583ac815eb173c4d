"""Datasets as assets: each body reads its config, calls the pipeline and reports how it went."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
from pydantic import Field

from datahub_dagster import pipeline
from datahub_dagster.defs.answers import Answer, answers_of_published, answers_of_release
from datahub_dagster.defs.checks import check_specs
from datahub_dagster.defs.events import events_of_outcome
from datahub_dagster.defs.freshness import dagster_policy
from datahub_dagster.defs.metadata import asset_description, asset_metadata, asset_tags
from datahub_dagster.defs.names import TEAM_TAG, asset_key, check_names, group, op_name, owners
from datahub_dagster.defs.partitions import partitions_of
from datahub_dagster.defs.published import lists_of, report_of_published
from datahub_dagster.defs.resources import HubResource
from datahub_dagster.defs.shown import Shown
from datahub_dagster.defs.slo_answers import answers_after
from datahub_dagster.domain.contract import Contract, ContractFault
from datahub_dagster.domain.inbox import InboxState
from datahub_dagster.domain.outcome import Outcome
from datahub_dagster.errors import ExitCode, HubError
from datahub_dagster.ports import Hub, StepEvent

ACTOR = "dagster"
ALREADY_TOLD = "told by another alert"  # in the metadata of a failure: `run_watch` need not tell it again

PROGRESS_EVERY = 10.0  # seconds; each line of a run's log is a write to Dagster's database, and a release may have 10,000 files
_TRY_AGAIN = {ExitCode.OUTSIDE, ExitCode.CONFLICT}


class ReleaseConfig(dg.Config):
    """What a run releases. By default everything that is ready in the dataset's inbox, by name."""

    deliveries: list[str] = Field(
        default=[],
        description="Names of deliveries in the inbox, in the order in which they are to be released.",
    )
    fetch: bool = Field(
        default=False, description="First bring what the contract's delivery.source holds into the inbox."
    )


def dataset_assets(shown: Shown) -> list[dg.AssetsDefinition]:
    """An asset with its checks for each dataset."""
    contracts = shown.contracts
    return [_dataset_asset(shown, contract, contracts) for contract in contracts]


def dataset_spec(shown: Shown, contract: Contract) -> dg.AssetSpec:
    """Everything that Dagster knows of a dataset before anything was released."""
    faults = shown.faults_of(contract)
    settings = shown.settings
    return dg.AssetSpec(
        asset_key(contract.name),
        description=asset_description(contract, faults, settings.docs_url),
        metadata=asset_metadata(
            contract,
            faults,
            project=Path(settings.dbt_project_dir),
            uri=shown.releases_at(contract.name),
            docs_url=settings.docs_url,
        ),
        group_name=group(contract.team),
        owners=owners(contract),
        tags=asset_tags(contract, faults),
        kinds={"parquet", "dbt", "athena" if settings.is_on_aws else "duckdb"},
        partitions_def=partitions_of(contract, shown.today),
        freshness_policy=dagster_policy(contract, shown.today),
        skippable=True,  # a rejected release, or an empty inbox, leaves the asset as it is
    )


def _dataset_asset(shown: Shown, contract: Contract, others: Sequence[Contract]) -> dg.AssetsDefinition:
    faults = shown.faults_of(contract)
    docs_url = shown.settings.docs_url

    @dg.multi_asset(
        name=op_name(contract.name),
        specs=[dataset_spec(shown, contract)],
        check_specs=check_specs(contract),
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run() if contract.partitions else None,
        pool=f"hub_{group(contract.team)}",
        op_tags={TEAM_TAG: contract.team},
    )
    def release(
        context: dg.AssetExecutionContext, config: ReleaseConfig, hub: HubResource
    ) -> Iterator[dg.AssetCheckResult]:
        """Release what is ready, in order; a run of checks alone asks the published data.

        A run for partitions does the same. Deliveries bring the partitions that they bring, and the order in which they are
        released decides which content is the newest, so that none may be taken out of turn for the sake of a partition.
        Every release tells which partitions it brought; one that nobody delivered stays as it is.
        """
        yield from report(context, hub.open(), contract, config, others, faults, docs_url)

    return release


def report(
    context: dg.AssetExecutionContext,
    hub: Hub,
    contract: Contract,
    config: ReleaseConfig,
    others: Sequence[Contract],
    faults: Sequence[ContractFault] = (),
    docs_url: str = "",
) -> Iterator[dg.AssetCheckResult]:
    """The asset's body.

    A selected check that no release answered is answered by what is published, so that each says something true. Such an
    answer fails a run of checks, but not one that was to release: nothing went wrong with that.

    Raises:
        dg.Failure: A delivery was rejected, or could not be released; after everything was reported.
    """
    releases = _Releases(context, hub, contract, docs_url)
    for name in _deliveries(context, hub, contract, config):
        releases.release(name)
        if releases.try_again:
            break  # a later delivery must not overtake this one

    if releases.has_news:
        _tell_slos(context, hub, contract, docs_url)
    answers = releases.answers
    unanswered = {key.name for key in context.selected_asset_check_keys} - answers.keys()
    if unanswered and not releases.try_again:
        asked = _ask_published(context, hub, contract, others, faults)
        for name in unanswered & asked.keys():
            if context.selected_asset_keys and asked[name].stops:
                _log_answer(context, contract, asked[name])
            else:
                answers[name] = asked[name]
    yield from (answers[name].as_result(contract) for name in check_names(contract) if name in answers)
    if releases.problems:
        still = hub.log.current(contract.name)
        published = f"release {still.release_id}, generation {still.number}" if still else "nothing"
        raise dg.Failure(
            "\n".join(releases.problems),
            metadata={"still published": published} | ({} if releases.errors else {ALREADY_TOLD: "rejected"}),
            allow_retries=releases.try_again,
        )


@dataclass
class _Releases:
    """The deliveries that one step releases, told to Dagster one by one.

    Materializations are logged as they happen, and not yielded: a step may make several, each with partitions of its own,
    and what is published must be told even if the process dies before the step ends. Of several answers to a check the
    newest is kept to be yielded, the others are logged.
    """

    context: dg.AssetExecutionContext
    hub: Hub
    contract: Contract
    docs_url: str
    answers: dict[str, Answer] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    errors: int = 0
    has_news: bool = False
    try_again: bool = False
    told_at: float = 0.0

    def release(self, name: str) -> None:
        """Release one delivery. What goes wrong is kept for the end of the step."""
        try:
            outcome = pipeline.release(
                self.hub,
                self.contract,
                name,
                actor=ACTOR,
                run_id=self.context.run.run_id,
                on_step=self._log_step,
            )
        except HubError as error:
            self.problems.append(f"delivery {name}: {error}")
            self.errors += 1
            self.try_again = error.exit_code in _TRY_AGAIN
            return
        self.context.log.info(
            "%s: delivery %s: %s (release %s)", self.contract.name, name, outcome.why, outcome.release_id
        )
        if outcome.refused:
            self.problems.append(
                f"release {outcome.release_id} (delivery {name}) was rejected: {outcome.why}"
            )
        if outcome.is_news:  # if not, the run that brought it about told it, or `released_elsewhere` will
            self.has_news = True
            self._tell(outcome)

    def _log_step(self, event: StepEvent) -> None:
        """Log a step; how far it is, only now and then."""
        now = time.monotonic()
        if event.is_progress and now - self.told_at < PROGRESS_EVERY:
            return
        self.told_at = now
        self.context.log.info("%s: %s: %s", event.dataset, event.step, event.message)

    def _tell(self, outcome: Outcome) -> None:
        for event in events_of_outcome(self.hub, self.contract, outcome, self.docs_url):
            self.context.log_event(event)
        for answer in answers_of_release(self.contract, outcome.record) if outcome.record else ():
            if earlier := self.answers.get(answer.check_name):
                _log_answer(self.context, self.contract, earlier)
            self.answers[answer.check_name] = answer


def _deliveries(
    context: dg.AssetExecutionContext, hub: Hub, contract: Contract, config: ReleaseConfig
) -> Sequence[str]:
    """Names of what is to be released: none in a run of checks alone."""
    if not context.selected_asset_keys:
        return ()
    if config.deliveries:
        return config.deliveries
    try:
        if config.fetch:
            fetched = pipeline.fetch(hub, contract)
            context.log.info(
                "%s: fetched %s from %s", contract.name, fetched or "nothing new", contract.delivery.source
            )
        ready = [entry.delivery for entry in pipeline.inbox(hub, contract) if entry.state is InboxState.READY]
    except HubError as error:
        raise dg.Failure(str(error), allow_retries=error.exit_code in _TRY_AGAIN) from error
    if not ready:
        context.log.info("%s: nothing is ready in the inbox; what is published stays as it is", contract.name)
    return ready


def _ask_published(
    context: dg.AssetExecutionContext,
    hub: Hub,
    contract: Contract,
    others: Sequence[Contract],
    faults: Sequence[ContractFault],
) -> dict[str, Answer]:
    """The answers of the data that are published; empty if nothing is."""
    try:
        report = report_of_published(context, hub, contract, others)
        if report is None:
            context.log.warning(
                "%s: nothing was published yet, so that there is nothing to check", contract.name
            )
            return {}
        seen = hub.log.generation(contract.name, report.base_generation)
        published = lists_of(hub, seen)
    except HubError as error:
        raise dg.Failure(str(error), allow_retries=error.exit_code in _TRY_AGAIN) from error
    answers = answers_of_published(contract, report, seen, published, faults)
    return {answer.check_name: answer for answer in answers}


def _tell_slos(context: dg.AssetExecutionContext, hub: Hub, contract: Contract, docs_url: str) -> None:
    """Tell how the SLOs stand beside what was released. It has no say in how the run ends, not even if it can't be told."""
    try:
        for answer in answers_after(hub, contract, docs_url):
            _log_answer(context, contract, answer)
    except HubError as error:
        context.log.warning("how the SLOs stand is told by the sensor slo_monitor: %s", error)


def _log_answer(context: dg.AssetExecutionContext, contract: Contract, answer: Answer) -> None:
    """Tell an answer that has no say in how the run ends."""
    # Dagster takes it, though the signature doesn't say so.
    context.log_event(answer.as_evaluation(contract))  # pyright: ignore[reportArgumentType]
