"""How releases and datasets stand to their freshness SLO. `now` is always passed; `due` says when a release is owed.

A business date is *answered* by the first release that brings its partition. A month's partition grows, and
what was published before its last session began can't hold that session: it is answered by the first release
of the partition since then. In a dataset without partitions nobody can see which business date a release
holds: `due.held_date` says which one it is taken to hold.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from datahub_dagster.domain import words
from datahub_dagster.domain.calendars import CalendarRangeError
from datahub_dagster.domain.contract import FreshnessSlo, Granularity, Mode, PartitionSpec
from datahub_dagster.domain.due import (
    DueTime,
    business_date_of,
    calendar_of,
    due_at,
    earliest_at,
    held_date,
    is_owed,
    key_of,
    latest_due,
    local_date,
    next_due,
)
from datahub_dagster.domain.release import WHOLE, DueVerdict, Generation, GenerationKind
from datahub_dagster.domain.timeline import CLOCK_SKEW
from datahub_dagster.domain.verdict import DueResult, Verdict

Publications = Mapping[str, Sequence[datetime]]
"""For each partition when a release brought it (UTC), in order; see `publications_of`."""


class SloState(StrEnum):
    """How an SLO stands: `met`, `late` (not there though due), `pending` (nothing was due yet), `unknown` (says why)."""

    MET = "met"
    LATE = "late"
    PENDING = "pending"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class SloStanding:
    """How one SLO stands at an instant. Instants are UTC; `business_date` is ISO 8601, as the partition keys are.

    Args:
        due_at: The newest due time whose grace is over, and `business_date` what it was for.
        deadline_at: The end of its grace, from which delays count.
        next_due_at: The due time after that one; within its grace it is already past.
        reason: What a person should know: since when it is late, or that it came late, or why nothing is
            known.
    """

    slo: str
    state: SloState
    due_at: datetime | None = None
    deadline_at: datetime | None = None
    business_date: str | None = None
    next_due_at: datetime | None = None
    reason: str = ""


def lateness(slo: FreshnessSlo, business_date: date, published_at: datetime) -> timedelta:
    """How long after its deadline (grace included) a business date was published; negative or zero if in time.

    Raises:
        CalendarRangeError: The calendar does not reach that far.
    """
    return published_at - due_at(slo, business_date, calendar_of(slo)) - slo.grace


def verdicts_for_release(
    slos: Sequence[FreshnessSlo],
    partitions: Sequence[str],
    mode: Mode,
    published_at: datetime,
    *,
    spec: PartitionSpec | None = None,
    first_published_at: datetime | None = None,
    last_published_at: datetime | None = None,
    brought: Sequence[str] | None = None,
    before: Publications | None = None,
) -> tuple[DueVerdict, ...]:
    """How a release stood to the due times that it is the first to answer; a correction answers none again.

    With partitions: every owed business date among the keys, except history. History is what was due before
    the dataset's own first release; of that first release the newest business date alone is judged, not the
    years before. Without partitions: the one business date that the release is taken to hold. `max_age`:
    the instant at which the release before it became too old.

    Never fails for what a calendar does not know: such a business date gets no verdict.

    Args:
        slos: The contract's freshness SLOs.
        partitions: Keys that nobody has published before this release (`ReleasePlan.added`); ignored in
            mode `replace`.
        mode: The contract's delivery mode.
        published_at: When this release was published.
        spec: The contract's partitions (`Contract.partitions`).
        first_published_at: When the dataset's first release was published; None if this is the first.
        last_published_at: When the release before this one was published (no rollback); None if this is the
            first.
        brought: All keys of this release. Only read with partitions by month, which may have been published
            while they grew; without it a month that was is never judged.
        before: What was published before this release; only read with `brought`.
    """
    verdicts: list[DueVerdict] = []
    for slo in slos:
        try:
            if slo.max_age is not None:
                if last_published_at is not None:
                    deadline = last_published_at + slo.max_age + slo.grace
                    day = local_date(slo, deadline)
                    verdicts.append(_verdict(slo, day, deadline, published_at))
            elif mode is Mode.REPLACE:
                day = held_date(slo, published_at)
                if last_published_at is None or last_published_at < earliest_at(slo, day, None):
                    verdicts.append(
                        _verdict(slo, day, due_at(slo, day, calendar_of(slo)) + slo.grace, published_at)
                    )
            else:
                keys = partitions if brought is None or not _by_month(spec) else brought
                judged = [
                    (day, due)
                    for day, due in _owed_among(slo, keys, spec)
                    if _is_first_answer(slo, day, spec, published_at, before or {})
                ]
                since = first_published_at
                judged = (
                    judged[-1:]
                    if since is None
                    else [pair for pair in judged if pair[1] + slo.grace >= since]
                )
                verdicts += [_verdict(slo, day, due + slo.grace, published_at) for day, due in judged]
        except (CalendarRangeError, OverflowError, ValueError):
            continue
    return tuple(verdicts)


def standing(
    slo: FreshnessSlo,
    partitions: PartitionSpec | None,
    published: Mapping[str, datetime],
    last_published_at: datetime | None,
    now: datetime,
    *,
    publications: Publications | None = None,
    content_at: datetime | None = None,
) -> SloStanding:
    """How an SLO stands at `now`. Never raises for a calendar, a zone or a clock: that is `unknown`, with the reason.

    The newest deadline decides. A business date that came late is met from then on, and the reason says how
    late it was; an older one of the last `slo.window` that never came is told in the reason.

    Args:
        slo: One of the contract's SLOs.
        partitions: `Contract.partitions`; None in mode `replace`.
        published: Key of each partition that is published → when it was first published. Only read with
            partitions.
        last_published_at: When the newest release was published; None = never delivered.
        now: The instant asked about.
        content_at: When what is published now was published first: `max_age` counts from then. None = the newest
            release is published.
        publications: All that was ever published. With it a month is met only by a release of its own
            partition, and how late a dataset without partitions was is known. Without it the newest release
            is taken for one of the month that is owed.
    """
    try:
        if last_published_at is not None and last_published_at > now + CLOCK_SKEW:
            reason = f"the newest release was published at {words.instant(last_published_at)}, which is still to come: a clock is wrong"
            return SloStanding(slo=slo.name, state=SloState.UNKNOWN, reason=reason)
        if slo.max_age is not None:
            return _standing_by_age(slo, slo.max_age, last_published_at, content_at, now)
        facts = _Facts(published, last_published_at, publications)
        return _standing_by_due_time(slo, partitions, facts, now)
    except (CalendarRangeError, ValueError, OverflowError) as error:
        return SloStanding(slo=slo.name, state=SloState.UNKNOWN, reason=str(error).replace("\n", ";"))


def corrected(found: SloStanding, newest: DueResult | None) -> SloStanding:
    """The same, but for what `standing` can't see: what was taken back after it came, and what nobody knows.

    Args:
        found: What `standing` says.
        newest: What became of the due time that it is about; None = nothing yet.
    """
    if newest is None or found.state is not SloState.MET:
        return found
    if newest.verdict is Verdict.UNKNOWN:
        return replace(found, state=SloState.UNKNOWN, reason=newest.reason)
    if newest.verdict is Verdict.MISSED:
        reason = f"{not_there(newest)}: it was taken back"
        return replace(
            found,
            state=SloState.LATE,
            due_at=newest.due_at,
            deadline_at=newest.deadline_at,
            reason=reason,
        )
    return found


def not_there(missed: DueResult) -> str:
    """That a business date is missing, and since when."""
    grace = missed.deadline_at - missed.due_at
    return f"{missed.business_date} is not there, {words.after_deadline(missed.late, missed.due_at, grace)}"


def _standing_by_age(
    slo: FreshnessSlo,
    max_age: timedelta,
    last_published_at: datetime | None,
    content_at: datetime | None,
    now: datetime,
) -> SloStanding:
    if last_published_at is None:
        return SloStanding(slo=slo.name, state=SloState.LATE, reason="never delivered")
    since = content_at or last_published_at
    due = since + max_age
    if now <= due + slo.grace:
        return SloStanding(slo=slo.name, state=SloState.MET, next_due_at=due)
    promised = f"{words.duration(max_age)} is promised{_with_grace(slo)}"
    old = f"{words.duration(now - since)} old, {promised}"
    is_newest = since >= last_published_at
    return SloStanding(
        slo=slo.name,
        state=SloState.LATE,
        due_at=due,
        deadline_at=due + slo.grace,
        reason=f"the newest release is {old}"
        if is_newest
        else f"what is published is {old}: a newer release was taken back",
    )


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is known of a dataset's publications; see `standing`."""

    published: Mapping[str, datetime]
    last_published_at: datetime | None
    publications: Publications | None

    def answered_at(self, slo: FreshnessSlo, day: date, cut: PartitionSpec | None) -> datetime | None:
        """When a business date was published; None if it was not, or nobody knows."""
        if cut is not None and not _by_month(cut):
            return self.published.get(key_of(day, cut))
        key, earliest = key_of(day, cut) if cut else WHOLE, earliest_at(slo, day, cut)
        if self.publications is not None:
            return next((at for at in self.publications.get(key, ()) if at >= earliest), None)
        first = self.published.get(key) if cut else None
        found = first if first is not None and first >= earliest else self.last_published_at
        is_there = first is not None or cut is None
        return found if is_there and found is not None and found >= earliest else None

    @property
    def never_delivered(self) -> bool:
        return self.last_published_at is None and not self.published


def _standing_by_due_time(
    slo: FreshnessSlo, partitions: PartitionSpec | None, facts: _Facts, now: datetime
) -> SloStanding:
    passed = latest_due(slo, now - slo.grace, partitions)
    coming = next_due(slo, now - slo.grace, partitions)
    next_due_at = coming[1] if coming else None
    if passed is None:
        reason = (
            "never delivered; nothing was due yet"
            if facts.last_published_at is None
            else "nothing was due yet"
        )
        return SloStanding(slo=slo.name, state=SloState.PENDING, next_due_at=next_due_at, reason=reason)
    day, due = passed
    answered_at = facts.answered_at(slo, day, partitions)
    if facts.never_delivered:
        state, reason = SloState.LATE, "never delivered"
    elif answered_at is None:
        since = words.after_deadline(now - due - slo.grace, due, slo.grace)
        state, reason = SloState.LATE, f"{day} is not there, {since}"
    else:
        state, reason = SloState.MET, _how_late(slo, partitions, facts, day, answered_at - due - slo.grace)
    gaps = _gaps(slo, partitions, facts, day) if partitions is not None and facts.published else []
    if gaps:
        more = f" and {len(gaps) - 3} more" if len(gaps) > 3 else ""
        reason += f"{'; ' if reason else ''}never came: {', '.join(gaps[-3:])}{more}"
    return SloStanding(
        slo=slo.name,
        state=state,
        due_at=due,
        deadline_at=due + slo.grace,
        business_date=day.isoformat(),
        next_due_at=next_due_at,
        reason=reason,
    )


def _how_late(
    slo: FreshnessSlo, partitions: PartitionSpec | None, facts: _Facts, day: date, late: timedelta
) -> str:
    """How late a business date came that is there; empty if in time."""
    if late <= timedelta(0):
        return ""
    if facts.publications is None and (partitions is None or _by_month(partitions)):
        # The newest release may be a correction: an earlier one may have been in time.
        return f"the newest release came {words.duration(late)} after the deadline{_with_grace(slo)}"
    return f"{day} came {words.duration(late)} late"


def _gaps(slo: FreshnessSlo, partitions: PartitionSpec, facts: _Facts, newest: date) -> list[str]:
    """Keys that are missing between the first published one and the newest one due, within the SLO's window."""
    window_start = (newest - slo.window).isoformat()
    first_key = min(facts.published)
    days = calendar_of(slo).backward(newest)
    missing: list[str] = []
    for day in days:
        key = key_of(day, partitions)
        if key <= first_key or day.isoformat() < window_start:
            break
        if is_owed(day, slo, partitions) and facts.answered_at(slo, day, partitions) is None:
            missing.append(key)
    return missing[::-1]


def publications_of(generations: Sequence[Generation]) -> Publications:
    """For each partition when a release brought it, in order. A rollback brings nothing.

    Args:
        generations: All of a dataset, by number.
    """
    found: dict[str, list[datetime]] = {}
    for generation in generations:
        if generation.kind is not GenerationKind.RELEASE:
            continue
        for key, release_id in generation.partitions.items():
            if release_id == generation.release_id:
                found.setdefault(key, []).append(generation.published_at)
    return found


def _by_month(partitions: PartitionSpec | None) -> bool:
    return partitions is not None and partitions.granularity is Granularity.MONTH


def _is_first_answer(
    slo: FreshnessSlo,
    day: date,
    partitions: PartitionSpec | None,
    published_at: datetime,
    before: Publications,
) -> bool:
    """Whether a release that brings a business date's partition is the first that can hold it."""
    if partitions is None or not _by_month(partitions):
        return True
    earliest = earliest_at(slo, day, partitions)
    return published_at >= earliest and all(at < earliest for at in before.get(key_of(day, partitions), ()))


def _owed_among(slo: FreshnessSlo, keys: Sequence[str], spec: PartitionSpec | None) -> list[DueTime]:
    calendar = calendar_of(slo)
    pairs: list[DueTime] = []
    for key in keys:
        try:
            day = business_date_of(key, slo)
            if day is not None and calendar.is_session(day) and is_owed(day, slo, spec):
                pairs.append((day, due_at(slo, day, calendar)))
        except (CalendarRangeError, OverflowError):
            continue  # the calendar can't say: no verdict, rather than a guess
    return sorted(pairs)


def _verdict(slo: FreshnessSlo, day: date, deadline: datetime, published_at: datetime) -> DueVerdict:
    late_seconds = (published_at - deadline).total_seconds()
    return DueVerdict(slo=slo.name, business_date=day.isoformat(), due_at=deadline, late_seconds=late_seconds)


def _with_grace(slo: FreshnessSlo) -> str:
    return f" ({words.duration(slo.grace)} of grace)" if slo.grace else ""
