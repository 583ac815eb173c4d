"""What became of each due time of a freshness SLO. Pure; `now` is passed.

A due time is judged by the generation that was published at its deadline, the due time plus `grace`. What is published, taken
back or corrected afterwards says at most how late it came. Judged is by the promise that was in force then; only overrides come
from the newest promise, since an excuse is written afterwards.

Of `max_age` each local day of the calendar is one due time: met if what was published was never too old on that day, and counted at
the day's end; else it is counted as soon as it was too old.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from datahub_dagster.domain.age import aged
from datahub_dagster.domain.calendars import CalendarRangeError
from datahub_dagster.domain.contract import FreshnessSlo, Granularity, PartitionSpec
from datahub_dagster.domain.deadlines import (
    Deadline,
    Owed,
    days_between,
    midnight,
    next_deadline,
    owed_between,
)
from datahub_dagster.domain.due import calendar_of, due_at, earliest_at, is_owed, key_of, local_date
from datahub_dagster.domain.promise import Promise
from datahub_dagster.domain.release import Generation
from datahub_dagster.domain.timeline import Holds, Timeline
from datahub_dagster.domain.verdict import DueResult, Verdict

__all__ = ["Deadline", "Timeline", "begin_of", "due_results", "history", "next_deadline"]

_DAY = timedelta(days=1)
_MOMENT = timedelta(microseconds=1)
_BEGINNING = datetime.min.replace(tzinfo=UTC)
_END = datetime.max.replace(tzinfo=UTC)


def history(
    promises: Sequence[Promise],
    name: str,
    timeline: Timeline,
    since: datetime,
    until: datetime,
    now: datetime,
) -> tuple[DueResult, ...]:
    """What became of each due time of an SLO, by the promises that were in force, in the order of their deadlines.

    Args:
        promises: All of the dataset, the oldest first.
        name: The SLO's.
        timeline: What was published when.
        since: Deadlines from here on (UTC) ...
        until: ... and before here, as far as they have passed.
        now: The instant asked about.
    """
    spans = _spans(promises, name, timeline)
    found: list[DueResult] = []
    for index, span in enumerate(spans):
        results = _within(span, timeline, since, until, now)
        found += _not_counted_before(spans[:index], span, results, timeline, now)
        if index and spans[index - 1].until == span.since:
            found += _in_between(spans[index - 1], span, timeline, since, until, now)
    once = {result.business_date: result for result in reversed(found)}
    return tuple(sorted(once.values(), key=lambda result: (result.deadline_at, result.business_date)))


def begin_of(promises: Sequence[Promise], name: str, timeline: Timeline) -> datetime | None:
    """Since when an SLO is promised (UTC); None = it is not.

    What the first promise on record says was promised since the first release, if that was before.
    """
    spans = _spans(promises, name, timeline)
    return spans[0].since if spans else None


def due_results(
    slo: FreshnessSlo,
    partitions: PartitionSpec | None,
    timeline: Timeline,
    since: datetime,
    until: datetime,
    now: datetime,
    *,
    promised_since: datetime | None = None,
) -> tuple[DueResult, ...]:
    """What became of each due time whose deadline is in [since, until) and has passed, in the order of the deadlines.

    At the very instant of a deadline it has not passed. Never raises for what a calendar does not know: that is `unknown`.

    Args:
        slo: The promise.
        partitions: `Contract.partitions`; None in mode `replace`.
        timeline: What was published when.
        since: Deadlines from here on (UTC) ...
        until: ... and before here.
        now: The instant asked about.
        promised_since: Since when it is promised (UTC); only `max_age` asks, since what was too old before does not break it. None =
            always.
    """
    until = min(until, now)
    if since >= until:
        return ()
    if slo.max_age is not None:
        found = _of_days(slo, timeline, since, until, now, promised_since or _BEGINNING)
    else:
        owed = owed_between(slo, partitions, since, until)
        # Asked before it is judged, which costs more.
        passed = (each for each in owed if since <= each.due_at + slo.grace < until)
        found = (_judged(slo, partitions, timeline, each, now) for each in passed)
    within = (result for result in found if since <= result.deadline_at < until)
    return tuple(sorted(within, key=lambda result: (result.deadline_at, result.business_date)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """From when to when (UTC) an SLO was promised in the same words."""

    slo: FreshnessSlo
    partitions: PartitionSpec | None
    since: datetime
    until: datetime


def _spans(promises: Sequence[Promise], name: str, timeline: Timeline) -> list[_Span]:
    named = [next((slo for slo in promise.freshness if slo.name == name), None) for promise in promises]
    newest = next((slo for slo in reversed(named) if slo is not None), None)
    if newest is None:
        return []
    starts = [promise.valid_from for promise in promises]
    starts[0] = min(starts[0], timeline.first_at or starts[0])
    spans: list[_Span] = []
    for promise, slo, since, until in zip(promises, named, starts, [*starts[1:], _END], strict=True):
        if slo is None:
            continue
        # What is asked of a budget has no say in what became of a due time.
        judged = replace(
            slo,
            overrides=newest.overrides,
            objective=newest.objective,
            window=newest.window,
            warn_before=newest.warn_before,
        )
        span = _Span(slo=judged, partitions=promise.partitions, since=since, until=until)
        last = spans[-1] if spans else None
        if last and last.until == since and (last.slo, last.partitions) == (span.slo, span.partitions):
            spans[-1] = replace(last, until=until)
        else:
            spans.append(span)
    return spans


def _within(
    span: _Span, timeline: Timeline, since: datetime, until: datetime, now: datetime
) -> tuple[DueResult, ...]:
    since, until = max(span.since, since), min(span.until, until)
    return due_results(span.slo, span.partitions, timeline, since, until, now, promised_since=span.since)


def _not_counted_before(
    earlier: Sequence[_Span],
    span: _Span,
    results: Sequence[DueResult],
    timeline: Timeline,
    now: datetime,
) -> Sequence[DueResult]:
    """A business date is counted once, by the promise under which it was due first."""
    if not earlier or not results:
        return results
    # It is due on its own day or later, so that an earlier promise counted none that began after its end; a day for the zones.
    first = date.fromisoformat(min(result.business_date for result in results))
    begun = midnight(span.slo, first) - _DAY
    counted = {
        result.business_date
        for before in earlier
        if before.until > begun
        for result in _within(before, timeline, begun, span.since, now)
    }
    return [result for result in results if result.business_date not in counted]


def _in_between(
    old: _Span, new: _Span, timeline: Timeline, since: datetime, until: datetime, now: datetime
) -> Iterator[DueResult]:
    """What was not due yet by the old words, and would have been before the change by the new ones: the old ones count."""
    if old.slo.due is None or new.slo.due is None:
        return
    change, calendar = new.since, calendar_of(old.slo)
    try:
        last = due_at(old.slo, calendar.add(local_date(old.slo, change), 0), calendar) + old.slo.grace
    except CalendarRangeError:
        return
    results = due_results(
        old.slo, old.partitions, timeline, max(change, since), min(until, last + _MOMENT), now
    )
    calendar = calendar_of(new.slo)
    for result in results:
        day = date.fromisoformat(result.business_date)
        try:
            is_still_owed = calendar.is_session(day) and is_owed(day, new.slo, new.partitions)
            if is_still_owed and due_at(new.slo, day, calendar) + new.slo.grace < change:
                yield result
        except CalendarRangeError:
            continue


def _judged(
    slo: FreshnessSlo, partitions: PartitionSpec | None, timeline: Timeline, owed: Owed, now: datetime
) -> DueResult:
    deadline = owed.due_at + slo.grace
    verdict, at, late, reason = Verdict.MISSED, None, timedelta(0), owed.excuse or owed.problem
    if owed.excuse:
        verdict = Verdict.EXCUSED
    elif owed.problem:
        verdict = Verdict.UNKNOWN
    else:
        answer = timeline.ask(deadline, _holds(slo, partitions, timeline, owed.day))
        at, reason = answer.at, answer.reason
        if answer.held is None:
            verdict = Verdict.UNKNOWN
        elif answer.held:
            verdict = Verdict.MET
        else:
            verdict, late = (Verdict.MISSED, now - deadline) if at is None else (Verdict.LATE, at - deadline)
    return DueResult(
        slo=slo.name,
        business_date=owed.day.isoformat(),
        due_at=owed.due_at,
        deadline_at=deadline,
        verdict=verdict,
        answered_at=at,
        late=late,
        reason=reason,
    )


def _holds(slo: FreshnessSlo, partitions: PartitionSpec | None, timeline: Timeline, day: date) -> Holds:
    """The question whether a generation holds a business date."""
    if partitions is None:
        earliest = earliest_at(slo, day, None)
        return lambda generation: timeline.was_released_since(generation.release_id, earliest)
    key = key_of(day, partitions)
    if partitions.granularity is Granularity.DAY:
        return lambda generation: key in generation.partitions
    earliest = earliest_at(slo, day, partitions)

    def holds_month(generation: Generation) -> bool | None:
        release_id = generation.partitions.get(key)
        return False if release_id is None else timeline.was_released_since(release_id, earliest)

    return holds_month


def _of_days(
    slo: FreshnessSlo,
    timeline: Timeline,
    since: datetime,
    until: datetime,
    now: datetime,
    promised_since: datetime,
) -> Iterator[DueResult]:
    ungraced = replace(slo, grace=timedelta(0))  # a day's end is its deadline
    for owed in days_between(slo, since, until):
        begin = max(midnight(slo, owed.day), promised_since)
        if owed.excuse or owed.problem:
            yield _judged(ungraced, None, timeline, owed, now)
        elif begin < owed.due_at:
            yield aged(slo, owed.day, timeline, begin, owed.due_at, now, promised_since)
