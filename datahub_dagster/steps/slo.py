"""How SLOs were kept, from the log alone; and the note of what is promised since when."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from datahub_dagster.domain.budget import (
    budget,
    delivery_gaps,
    delivery_results,
    promised_results,
    quality_since,
)
from datahub_dagster.domain.calendars import CalendarRangeError
from datahub_dagster.domain.contract import Consumer, Contract, FreshnessSlo, QualitySlo
from datahub_dagster.domain.deadlines import next_deadline, one_line
from datahub_dagster.domain.delivery import Receipt
from datahub_dagster.domain.promise import (
    QUALITY,
    Promise,
    promise_of,
    promised_slos,
    promised_until,
    promised_within,
)
from datahub_dagster.domain.release import ReleaseRecord
from datahub_dagster.domain.slo_history import begin_of, history
from datahub_dagster.domain.slo_report import Budget, SloReport
from datahub_dagster.domain.timeline import CLOCK_SKEW, Timeline
from datahub_dagster.domain.verdict import DueResult
from datahub_dagster.errors import HubError
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


def promises_on_record(hub: Hub, contract: Contract, consumers: Sequence[Consumer] = ()) -> Sequence[Promise]:
    """As `promises`, but none where the log has none: nobody can say since when anything is promised."""
    noted, current = _noted_and_now(hub, contract, consumers)
    return [*noted, current] if noted and current else noted


def slos_ever_promised(
    hub: Hub, contract: Contract, consumers: Sequence[Consumer]
) -> Mapping[str, FreshnessSlo]:
    """Every SLO of freshness of a dataset by name, those of now first, those of the past as they were promised last.

    Where the log can't be read, only those of now.
    """
    current = promise_of(contract, consumers, hub.clock.now())
    with suppress(HubError):
        return promised_slos([current, *promises(hub, contract, consumers)])
    return promised_slos([current])


def note_promise(hub: Hub, contract: Contract, consumers: Sequence[Consumer]) -> None:
    """Keep what is promised from now on, if the log does not say so yet. Two at once, or a crash, do no harm.

    Args:
        hub: The hub.
        contract: The dataset's.
        consumers: Those of the dataset (`ContractBook.consumers_of`).
    """
    _, current = _noted_and_now(hub, contract, consumers)
    if current and not is_clock_behind(hub, contract):
        hub.log.add_promise(current)


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

    Over a span (`since`) those are told, too, that were promised at some time within it and are no longer: `promised_until`.

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
    slos, quality = {slo.name: slo for slo in promised.freshness}, promised.quality
    if since is not None:
        ever = promised_slos(given)
        slos |= {
            name: ever[name]
            for name in ever
            if name not in slos and promised_within(given, name, since, until)
        }
        if quality is None and promised_within(given, QUALITY, since, until):
            quality = next(each.quality for each in reversed(given) if each.quality)
    reports = [_freshness_report(contract, slo, given, timeline, since, until, now) for slo in slos.values()]
    if quality:
        reports.append(_quality_report(hub, contract, quality, given, since, until))
    return [replace(report, promised_until=promised_until(given, report.name)) for report in reports]


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


def is_clock_behind(hub: Hub, contract: Contract) -> bool:
    """Whether what was published last is still to come by this clock: what it notes would reach back into what is over.

    Of two publications one may be the fault of another clock.
    """
    newest = hub.log.current(contract.name)
    before = hub.log.generation(contract.name, newest.number - 1) if newest and newest.number > 1 else newest
    soon = hub.clock.now() + CLOCK_SKEW
    return bool(newest and before) and all(
        each is not None and (each.clock_at or each.published_at) > soon for each in (newest, before)
    )


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
    except (CalendarRangeError, ValueError, OverflowError) as error:
        problem = one_line(error)
    if until >= now and promised_until(given, slo.name) is None:
        with suppress(CalendarRangeError, ValueError, OverflowError):
            coming = next_deadline(slo, contract.partitions, now, timeline)
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
        received = hub.log.receipts(contract.name)
        receipts = [receipt for receipt in received if not receipt.repeats]
        begin = quality_since(given, receipts[0].received_at if receipts else None) or until
        start = _start(quality, begin, since, until)
        records = _records(hub, receipts, start)
    except HubError as error:
        return _unread(contract, QUALITY, quality, since, until, error)
    in_force = next((p.quality for p in reversed(given) if p.quality and p.valid_from < until), quality)
    judged = (*delivery_results(records), *delivery_gaps(received, records, hub.clock.now(), until))
    results = tuple(
        sorted(
            (result for result in promised_results(given, judged) if start <= result.at < until),
            key=lambda result: result.at,
        )
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
        is_unread=True,
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
