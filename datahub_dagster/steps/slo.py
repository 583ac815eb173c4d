"""How SLOs were kept, from the log alone; and the note of what is promised since when."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from datahub_dagster.domain.budget import budget, delivery_results, promised_results, quality_since
from datahub_dagster.domain.calendars import CalendarRangeError
from datahub_dagster.domain.contract import Consumer, Contract, FreshnessSlo, QualitySlo
from datahub_dagster.domain.deadlines import next_deadline, one_line
from datahub_dagster.domain.delivery import Receipt
from datahub_dagster.domain.promise import QUALITY, Promise, promise_of
from datahub_dagster.domain.release import ReleaseRecord
from datahub_dagster.domain.slo_history import begin_of, history
from datahub_dagster.domain.slo_report import Budget, SloReport
from datahub_dagster.domain.timeline import CLOCK_SKEW, Timeline
from datahub_dagster.domain.verdict import DueResult
from datahub_dagster.errors import CorruptError, HubError
from datahub_dagster.ports import Hub
from datahub_dagster.side_by_side import side_by_side

_SOONEST = timedelta(microseconds=1)  # by which two promises differ at least


def promises(hub: Hub, contract: Contract, consumers: Sequence[Consumer]) -> Sequence[Promise]:
    """What was promised of a dataset when, the oldest first, up to what its contract says now, noted or not.

    Args:
        hub: The hub.
        contract: The dataset's.
        consumers: Those of the dataset (`ContractBook.consumers_of`).
    """
    noted, current = _noted_and_now(hub, contract, consumers)
    return [*noted, current] if current else noted


def note_promise(hub: Hub, contract: Contract, consumers: Sequence[Consumer]) -> None:
    """Keep what is promised from now on, if the log does not say so yet. Two at once, or a crash, do no harm.

    Args:
        hub: The hub.
        contract: The dataset's.
        consumers: Those of the dataset (`ContractBook.consumers_of`).
    """
    _, current = _noted_and_now(hub, contract, consumers)
    if current:
        hub.log.add_promise(current)


def note_promise_at_publication(hub: Hub, contract: Contract) -> None:
    """As `note_promise`, by the newest state of the contract. A note that can't be read stops no release: reports tell of it."""
    book = hub.book()
    with suppress(CorruptError):
        note_promise(hub, book.datasets.get(contract.name, contract), book.consumers_of(contract.name))


def slo_reports(
    hub: Hub,
    contract: Contract,
    consumers: Sequence[Consumer],
    now: datetime,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Sequence[SloReport]:
    """How each SLO of a dataset was kept: those of freshness, of consumers too, then quality. Reads the log alone.

    Never raises for one dataset's log or calendar: `SloReport.problem` tells it.

    Args:
        hub: The hub.
        contract: The dataset's.
        consumers: Those of the dataset (`ContractBook.consumers_of`).
        now: The instant asked about.
        since: From when on it is counted (UTC); None = over each SLO's window. Never from before it was promised.
        until: Until when (UTC, exclusive); None, or what is still to come = until `now`.
    """
    until = min(until or now, now)
    promised = promise_of(contract, consumers, now)
    try:
        given = promises(hub, contract, consumers)
        timeline = Timeline.of(hub.log.generations(contract.name), now)
    except HubError as error:
        return [
            *(_unread(contract, slo.name, slo, since, until, error) for slo in promised.freshness),
            *(
                [_unread(contract, QUALITY, promised.quality, since, until, error)]
                if promised.quality
                else ()
            ),
        ]
    reports = [
        _freshness_report(contract, slo, given, timeline, since, until, now) for slo in promised.freshness
    ]
    if promised.quality:
        reports.append(_quality_report(hub, contract, promised.quality, given, since, until))
    return reports


def _noted_and_now(
    hub: Hub, contract: Contract, consumers: Sequence[Consumer]
) -> tuple[Sequence[Promise], Promise | None]:
    """What was noted, without what a wrong clock put into the future; and what is promised now, if that is something else."""
    now = hub.clock.now()
    noted = [each for each in hub.log.promises(contract.name) if each.valid_from <= now + CLOCK_SKEW]
    # By a clock that is behind, the newest promise must not come before an older one.
    valid_from = max(now, noted[-1].valid_from + _SOONEST) if noted else now
    current = promise_of(contract, consumers, valid_from)
    return noted, None if noted and current.is_as(noted[-1]) else current


def _freshness_report(
    contract: Contract,
    slo: FreshnessSlo,
    given: Sequence[Promise],
    timeline: Timeline,
    since: datetime | None,
    until: datetime,
    now: datetime,
) -> SloReport:
    begin = begin_of(given, slo.name, timeline) or now
    start = _start(slo, begin, since, until)
    results: tuple[DueResult, ...] = ()
    coming, problem = None, ""
    try:
        results = history(given, slo.name, timeline, start, until, now)
        coming = next_deadline(slo, contract.partitions, now, timeline)
    except (CalendarRangeError, ValueError, OverflowError) as error:
        problem = one_line(error)
    return SloReport(
        contract=contract,
        name=slo.name,
        slo=slo,
        budget=budget(
            results,
            objective=_in_force(given, slo, until).objective,
            window=_window(slo, since, until),
            since=start,
            until=until,
        ),
        results=results,
        next_due_at=coming.due_at if coming else None,
        problem=problem,
    )


def _quality_report(
    hub: Hub,
    contract: Contract,
    quality: QualitySlo,
    given: Sequence[Promise],
    since: datetime | None,
    until: datetime,
) -> SloReport:
    try:
        receipts = [receipt for receipt in hub.log.receipts(contract.name) if not receipt.repeats]
        begin = quality_since(given, receipts[0].received_at if receipts else None) or until
        start = _start(quality, begin, since, until)
        records = _records(hub, receipts, start)
    except HubError as error:
        return _unread(contract, QUALITY, quality, since, until, error)
    in_force = next((p.quality for p in reversed(given) if p.quality and p.valid_from < until), quality)
    results = tuple(
        result for result in promised_results(given, delivery_results(records)) if start <= result.at < until
    )
    return SloReport(
        contract=contract,
        name=QUALITY,
        slo=None,
        budget=budget(
            results,
            objective=in_force.objective,
            window=_window(quality, since, until),
            since=start,
            until=until,
        ),
        results=results,
    )


def _records(hub: Hub, receipts: Sequence[Receipt], start: datetime) -> Sequence[ReleaseRecord]:
    """How the deliveries ended that were received since an instant, and earlier ones with the same content. Reads no others."""
    contents = {receipt.delivery.fingerprint for receipt in receipts if receipt.received_at >= start}
    wanted = [receipt for receipt in receipts if receipt.delivery.fingerprint in contents] if contents else ()
    found = side_by_side(
        lambda receipt: hub.log.record(receipt.dataset, receipt.release_id), wanted, hub.storage.parallel
    )
    return [record for record in found if record is not None]


def _unread(
    contract: Contract,
    name: str,
    promised: FreshnessSlo | QualitySlo,
    since: datetime | None,
    until: datetime,
    error: HubError,
) -> SloReport:
    window = _window(promised, since, until)
    return SloReport(
        contract=contract,
        name=name,
        slo=promised if isinstance(promised, FreshnessSlo) else None,
        budget=Budget(objective=promised.objective, window=window, since=until - window, until=until),
        problem=error.headline,
    )


def _in_force(given: Sequence[Promise], slo: FreshnessSlo, until: datetime) -> FreshnessSlo:
    """The SLO as it was promised just before an instant: what a budget of the past allowed, a later contract does not change."""
    before = (promise for promise in reversed(given) if promise.valid_from < until)
    return next((each for promise in before for each in promise.freshness if each.name == slo.name), slo)


def _window(promised: FreshnessSlo | QualitySlo, since: datetime | None, until: datetime) -> timedelta:
    return promised.window if since is None else max(until - since, timedelta(0))


def _start(
    promised: FreshnessSlo | QualitySlo, begin: datetime, since: datetime | None, until: datetime
) -> datetime:
    return min(max(until - promised.window if since is None else since, begin), until)
