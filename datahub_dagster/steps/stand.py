"""How a dataset stands, from the log alone."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from datahub_dagster.domain.audit import CheckStatus
from datahub_dagster.domain.contract import Contract, FreshnessSlo, PartitionSpec
from datahub_dagster.domain.due import local_date
from datahub_dagster.domain.inbox import InboxState
from datahub_dagster.domain.names import DatasetName
from datahub_dagster.domain.outcome import Outcome
from datahub_dagster.domain.release import Generation, GenerationKind
from datahub_dagster.domain.slo import SloStanding, SloState, corrected, publications_of, standing
from datahub_dagster.domain.slo_history import due_results
from datahub_dagster.domain.slo_promised import as_promised
from datahub_dagster.domain.status import DatasetStatus
from datahub_dagster.domain.timeline import Timeline
from datahub_dagster.errors import HubError
from datahub_dagster.ports import Hub
from datahub_dagster.steps.inbox import look_into_inbox
from datahub_dagster.steps.slo import promises_on_record
from datahub_dagster.steps.views import view_of


def dataset_status(hub: Hub, contract: Contract) -> DatasetStatus:
    """How one dataset stands. What can't be read is told in `problem`, so that one dataset does not hide the others."""
    try:
        return _status(hub, contract)
    except HubError as error:
        return DatasetStatus(contract=contract, problem=error.headline)


def outcomes_of(hub: Hub, dataset: DatasetName) -> Sequence[Outcome]:
    """How every delivery ended that has, in the order in which they were received."""
    outcomes: list[Outcome] = []
    for receipt in hub.log.receipts(dataset):
        record = None if receipt.repeats else hub.log.record(dataset, receipt.release_id)
        if record is not None or receipt.repeats:
            outcomes.append(Outcome(receipt=receipt, record=record, is_news=False))
    return outcomes


def first_published(generations: Sequence[Generation]) -> Mapping[str, datetime]:
    """When each partition was first published (UTC)."""
    first: dict[str, datetime] = {}
    for generation in generations:
        for key in generation.partitions:
            first.setdefault(key, generation.published_at)
    return first


def _status(hub: Hub, contract: Contract) -> DatasetStatus:
    now = hub.clock.now()
    current = hub.log.current(contract.name)
    generations = hub.log.generations(contract.name)
    view = view_of(hub.log, contract.name, current.partitions, contract) if current else None
    promised = promises_on_record(hub, contract) if contract.freshness_slos else ()
    timeline = Timeline.of(generations, now)
    checked = hub.log.last_check(contract.name)
    bad = (CheckStatus.FAIL, CheckStatus.ERROR)
    return DatasetStatus(
        contract=contract,
        current=current,
        rows=view.rows if view else None,
        bytes=view.bytes if view else None,
        outcomes=outcomes_of(hub, contract.name),
        waiting=tuple(
            entry for entry in look_into_inbox(hub, contract) if entry.state is not InboxState.HANDLED
        ),
        standings=tuple(
            as_promised(_standing(slo, contract.partitions, generations, now), slo, promised, timeline, now)
            for slo in contract.freshness_slos
        ),
        checked_at=checked[0] if checked else None,
        failing_checks=tuple(r.check_name for r in checked[1].results if r.status in bad) if checked else (),
    )


def _standing(
    slo: FreshnessSlo, partitions: PartitionSpec | None, generations: Sequence[Generation], now: datetime
) -> SloStanding:
    released = [g.published_at for g in generations if g.kind is GenerationKind.RELEASE]
    timeline = Timeline.of(generations, now)
    found = standing(
        slo,
        partitions,
        first_published(generations),
        max(released, default=None),
        now,
        publications=publications_of(generations),
        content_at=timeline.content_at,
    )
    if found.state is not SloState.MET or not released:
        return found
    since = found.due_at + slo.grace if found.due_at else now - timedelta(days=1)
    about = found.business_date or local_date(slo, now).isoformat()
    results = due_results(slo, partitions, timeline, since, now, now, promised_since=released[0])
    return corrected(found, next((r for r in results if r.business_date == about), None))
