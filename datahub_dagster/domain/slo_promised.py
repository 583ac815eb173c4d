"""How an SLO stands by what was promised when, as budgets count it: what is due by the newest words alone was never promised. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from datahub_dagster.domain import words
from datahub_dagster.domain.contract import FreshnessSlo
from datahub_dagster.domain.promise import Promise
from datahub_dagster.domain.slo import SloStanding, SloState, not_there
from datahub_dagster.domain.slo_history import begin_of, history
from datahub_dagster.domain.timeline import Timeline
from datahub_dagster.domain.verdict import DueResult, Verdict

_MOMENT = timedelta(microseconds=1)
_STATES = {
    Verdict.MET: SloState.MET,
    Verdict.LATE: SloState.MET,
    Verdict.MISSED: SloState.LATE,
    Verdict.UNKNOWN: SloState.UNKNOWN,
}


def as_promised(
    found: SloStanding, slo: FreshnessSlo, promises: Sequence[Promise], timeline: Timeline, now: datetime
) -> SloStanding:
    """The same, unless it is late for a due time that was never promised: then the newest that was decides.

    Args:
        found: How it stands by the contract as it is now.
        slo: The SLO as it is now.
        promises: All of the dataset, the oldest first, up to what is promised now; none = the log has none, nothing is changed.
        timeline: What was published when.
        now: The instant asked about.
    """
    begin = begin_of(promises, slo.name, timeline) if promises else None
    if found.state is not SloState.LATE or begin is None:
        return found
    about, at = found.business_date, found.deadline_at
    if about and at and was_counted(promises, slo.name, timeline, about, at, now):
        return found
    newest = newest_counted(promises, slo, timeline, now)
    if newest is None:
        is_awaited = timeline.first_at is None  # the age counts from the promise until something is there
        return SloStanding(
            slo=slo.name,
            state=SloState.PENDING,
            next_due_at=begin + slo.max_age if slo.max_age and is_awaited else found.next_due_at,
            reason=f"nothing was due since it is promised ({words.instant(begin)})",
        )
    if slo.max_age is not None:
        return found
    reason = {
        Verdict.MET: "",
        Verdict.LATE: f"{newest.business_date} came {words.duration(newest.late)} late",
        Verdict.MISSED: "never delivered" if timeline.first_at is None else not_there(newest),
    }
    return replace(
        found,
        state=_STATES[newest.verdict],
        due_at=newest.due_at,
        deadline_at=newest.deadline_at,
        business_date=newest.business_date,
        reason=reason.get(newest.verdict, newest.reason),
    )


def was_counted(
    promises: Sequence[Promise],
    name: str,
    timeline: Timeline,
    business_date: str,
    deadline_at: datetime,
    now: datetime,
) -> bool:
    """Whether a due time was one by what was promised at its deadline (UTC), which has passed."""
    at_once = history(promises, name, timeline, deadline_at, deadline_at + _MOMENT, now)
    return any(result.business_date == business_date for result in at_once)


def newest_counted(
    promises: Sequence[Promise], slo: FreshnessSlo, timeline: Timeline, now: datetime
) -> DueResult | None:
    """The newest due time within the SLO's window that has passed, by what was promised then; without those that are excused."""
    results = history(promises, slo.name, timeline, now - slo.window, now, now)
    return next((each for each in reversed(results) if each.verdict is not Verdict.EXCUSED), None)
