"""What people and other schedulers start by name."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import dagster as dg
from dagster._core.definitions.assets.job.asset_job import build_asset_job, get_asset_graph_for_job
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from pydantic import Field

from datahub_dagster import pipeline
from datahub_dagster.defs.docs import DOCS_JOB
from datahub_dagster.defs.docs import KEY as DOCS_KEY
from datahub_dagster.defs.events import events_of_rollback
from datahub_dagster.defs.names import TEAM_TAG, group
from datahub_dagster.defs.resources import HubResource
from datahub_dagster.defs.shown import Shown
from datahub_dagster.defs.slo_answers import answers_after
from datahub_dagster.defs.slo_checks import slo_check_keys
from datahub_dagster.domain import words
from datahub_dagster.domain.contract import Contract
from datahub_dagster.errors import HubError, UsageError
from datahub_dagster.settings import Settings

CHECKS_JOB = "checks"
ONLY_RETENTION = "the hub's role may not delete what was released; `datahub gc` with the retention role does"
ROLLBACK_ACTOR = "dagster run "  # a generation has no run id; the sensor `released_elsewhere` reads it here


def release_job_name(team: str) -> str:
    """The job that releases what a team delivered."""
    return f"release_{group(team)}"


class TeamReleaseJob(UnresolvedAssetJobDefinition):
    """A job over assets whose partitions differ.

    `define_asset_job` refuses a team with one dataset by day and another by month. The job that Dagster itself keeps over
    all assets does not; this builds a team's job in the same way.
    """

    def resolve(
        self, asset_graph: Any, default_executor_def: Any = None, resource_defs: Any = None
    ) -> dg.JobDefinition:
        """The job, once all assets are known."""
        return build_asset_job(
            self.name,
            asset_graph=get_asset_graph_for_job(
                asset_graph, self.selection, allow_different_partitions_defs=True
            ),
            allow_different_partitions_defs=True,
            description=self.description,
            tags=self.tags,
            executor_def=self.executor_def or default_executor_def,
            resource_defs=resource_defs,
        )


def jobs(shown: Shown) -> list[Any]:
    """Release per team, checks and rollback of what is shown here; docs, reconcile and gc where the shared work is done."""
    return [
        *release_jobs(shown),
        dg.define_asset_job(
            CHECKS_JOB,
            selection=dg.AssetSelection.all_asset_checks()
            - dg.AssetSelection.checks(*slo_check_keys(shown, shown.contracts)),
            description="Run every data test on what is published. Releases nothing.",
        ),
        rollback_job,
        *(shared_jobs() if shown.settings.does_shared_work else ()),
    ]


def shared_jobs() -> list[Any]:
    """What one code location does for the datasets of all."""
    docs = dg.define_asset_job(
        DOCS_JOB,
        selection=dg.AssetSelection.assets(DOCS_KEY),
        description="Render the documentation now.",
    )
    return [docs, reconcile_job, gc_job]


def release_jobs(shown: Shown) -> list[TeamReleaseJob]:
    """One for each asset group. Two teams whose names differ in forbidden characters only share one, the first's."""
    first = {group(team): team for team in reversed(shown.teams)}
    of_slos: dict[str, list[dg.AssetCheckKey]] = {}
    for contract in shown.contracts:
        of_slos.setdefault(group(contract.team), []).extend(slo_check_keys(shown, [contract]))
    return [release_job(first[name], tuple(of_slos[name])) for name in sorted(first)]


@lru_cache(maxsize=1024)  # Dagster wants the job that a sensor names to be the very object among its jobs
def release_job(team: str, slo_checks: tuple[dg.AssetCheckKey, ...] = ()) -> TeamReleaseJob:
    """Everything that is ready in the inboxes of a team's datasets, or the deliveries that the run's config names.

    Asks every data test, and no SLO.
    """
    return TeamReleaseJob(
        name=release_job_name(team),
        selection=dg.AssetSelection.groups(group(team)) - dg.AssetSelection.checks(*slo_checks),
        description=f"Release what is ready in the inboxes of the team {team}.",
        tags={TEAM_TAG: team},
    )


class RollbackConfig(dg.Config):
    """Which dataset goes back to which of its generations, and why."""

    dataset: str = Field(description="Its name, as source.table.")
    generation: int = Field(description="The generation whose content is to be published again.")
    reason: str = Field(description="Why; it is kept in the log and shown to consumers.")


@dg.op
def roll_back(context: dg.OpExecutionContext, config: RollbackConfig, hub: HubResource) -> None:
    """Publish the content of an older generation again, as a new one."""
    opened = hub.open()
    try:
        contract = opened.book().find(config.dataset)
        _refuse_elsewhere(hub.settings, contract)
        generation = pipeline.rollback(
            opened,
            contract,
            config.generation,
            reason=config.reason,
            actor=f"{ROLLBACK_ACTOR}{context.run_id}",
        )
    except HubError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    for event in events_of_rollback(opened, contract, generation, hub.settings.docs_url):
        context.log_event(event)
    for answer in answers_after(opened, contract, hub.settings.docs_url):
        # Dagster takes it, though the signature doesn't say so.
        context.log_event(answer.as_evaluation(contract))  # pyright: ignore[reportArgumentType]


def _refuse_elsewhere(settings: Settings, contract: Contract) -> None:
    """Raises `UsageError` for a dataset of another code location: what happens to it is told there."""
    if not settings.shows(contract.team):
        raise UsageError(
            "another code location shows this dataset",
            subject=str(contract.name),
            promised=f"a dataset of {', '.join(settings.teams)}",
            found=f"one of {contract.team}",
            next_step=f"launch the job rollback of the location that shows {contract.team}",
        )


@dg.job(
    name="rollback",
    description="Publish an older generation of a dataset again. Nothing is lost: it can be undone the same way.",
)
def rollback_job() -> None:
    """One op."""
    roll_back()


class ReconcileConfig(dg.Config):
    """Which datasets are looked at; empty = all."""

    datasets: list[str] = Field(default=[], description="Names, as source.table.")


@dg.op
def reconcile_catalog(context: dg.OpExecutionContext, config: ReconcileConfig, hub: HubResource) -> None:
    """Make catalog and records agree with the log after any crash."""
    opened = hub.open()

    def mend(contract: Contract) -> None:
        for sentence in pipeline.reconcile(opened, contract):
            context.log.info("%s: %s", contract.name, sentence)

    _for_each(_chosen(hub, config.datasets), mend)


@dg.job(
    name="reconcile", description="Make the catalog show what the log says is published, after any crash."
)
def reconcile_job() -> None:
    """One op."""
    reconcile_catalog()


class GcConfig(dg.Config):
    """What is collected. A dry run, which is the default, removes nothing and logs what it would."""

    dry_run: bool = Field(default=True, description="Say what would be removed, and remove nothing.")
    datasets: list[str] = Field(default=[], description="Names, as source.table; empty = all.")


@dg.op
def collect_garbage(context: dg.OpExecutionContext, config: GcConfig, hub: HubResource) -> None:
    """Remove what every contract's retention lets go. Never what is published, pinned, or within retention."""
    opened = hub.open()
    removed = 0

    def collect(contract: Contract) -> None:
        nonlocal removed
        for removal in pipeline.collect(opened, contract, dry_run=config.dry_run):
            removed += removal.bytes
            verb = "would remove" if config.dry_run else "removed"
            context.log.info(
                "%s: %s %s (%s): %s",
                contract.name,
                verb,
                removal.location,
                words.size(removal.bytes),
                removal.reason,
            )

    hint = ONLY_RETENTION if hub.settings.is_on_aws and not config.dry_run else None
    _for_each(_chosen(hub, config.datasets), collect, hint=hint)
    context.log.info(
        "%s %s", words.size(removed), "could be freed: set dry_run to false" if config.dry_run else "freed"
    )


@dg.job(
    name="gc",
    description="Remove what retention lets go. A dry run unless the config says `dry_run: false`. On AWS it is good for a "
    f"dry run alone: {ONLY_RETENTION}.",
)
def gc_job() -> None:
    """One op."""
    collect_garbage()


def _chosen(hub: HubResource, names: Sequence[str]) -> Sequence[Contract]:
    book = hub.open().book()
    try:
        return [book.find(name) for name in names] or sorted(
            book.datasets.values(), key=lambda contract: contract.name
        )
    except HubError as error:
        raise dg.Failure(str(error), allow_retries=False) from error


def _for_each(
    contracts: Sequence[Contract], act: Callable[[Contract], None], *, hint: str | None = None
) -> None:
    """One dataset's trouble stops no other; it is told at the end, and then the hint."""
    problems: list[str] = []
    for contract in contracts:
        try:
            act(contract)
        except HubError as error:
            problems.append(str(error))
    if problems:
        raise dg.Failure("\n".join([*problems, *filter(None, [hint])]), allow_retries=False)
