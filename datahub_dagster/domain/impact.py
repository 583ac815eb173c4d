"""Whom it hurts that data are not there, and from when on: consumers by their own promises, or by the dataset's.

A consumer that was promised a due time of its own notices a missing business date at its own deadline: that of its first
business date, on its own calendar, from the missing one on. Everybody else notices it at the dataset's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import takewhile
from typing import Final

from datahub_dagster.domain.calendars import CalendarRangeError
from datahub_dagster.domain.contract import (
    Consumer,
    ConsumerKind,
    Contract,
    ContractBook,
    DataTest,
    FreshnessSlo,
    Granularity,
    License,
    PartitionSpec,
)
from datahub_dagster.domain.due import (
    DueTime,
    business_date_of,
    calendar_of,
    due_at,
    earliest_at,
    is_owed,
    key_of,
    latest_due,
    local_date,
    next_due,
    zone_named,
)
from datahub_dagster.domain.promise import Promise
from datahub_dagster.domain.release import WHOLE, Generation
from datahub_dagster.domain.slo_history import begin_of, due_results, history
from datahub_dagster.domain.slo_promised import newest_counted, was_counted
from datahub_dagster.domain.timeline import Timeline
from datahub_dagster.domain.verdict import Verdict

# A calendar whose sessions never are the partitions' has no answer, and a feed may be dead for years: not for ever.
_FARTHEST: Final = timedelta(days=400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """Somebody who reads what is not there.

    Args:
        at: Since when it matters to them, or when it will (UTC).
        already: Whether that has come.
        business_date: What they needed first: the missing business date, or the next one of their own calendar. ISO 8601.
    """

    consumer: Consumer
    at: datetime
    already: bool
    business_date: str

    @property
    def label(self) -> str:
        """What people call the consumer."""
        return self.consumer.label or self.consumer.name

    def as_fact(self) -> dict[str, str | bool]:
        """As the facts of an alert have it."""
        return {"label": self.label, "at": self.at.isoformat(), "already": self.already}


def affected(
    contract: Contract,
    consumers: Sequence[Consumer],
    slo: FreshnessSlo,
    business_date: str,
    now: datetime,
    *,
    deadline_at: datetime | None = None,
    last_published_at: datetime | None = None,
) -> tuple[Affected, ...]:
    """Who is affected by a business date that is not there, who first comes first.

    A consumer whose own deadline nobody can say is reckoned with at the dataset's: where its calendar does not reach far enough, or
    where it was promised an age and `last_published_at` is not told.

    Args:
        contract: The dataset's.
        consumers: Those of the dataset (`ContractBook.consumers_of`).
        slo: The promise that is broken or in danger. Of one that was given to a single consumer, nobody else is told.
        business_date: A day, or a partition's key.
        now: The instant asked about.
        deadline_at: When `slo` is broken, where that is known (`DueResult.deadline_at`); None = what `slo` says of the business
            date, which for a promise of an age is the start of that day: on it, the content was too old.
        last_published_at: When the content that is published was released first (UTC), which decides on promises of an age.

    Raises:
        CalendarRangeError: The calendar of `slo` does not reach that far.
        ValueError: The business date is neither a day nor a month.
    """
    day = business_date_of(business_date, slo)
    if day is None:
        raise ValueError(f"{business_date!r} is neither a day nor a month")
    deadline_at = deadline_at or _deadline_at(slo, day, last_published_at)
    found: list[Affected] = []
    for consumer in consumers:
        if slo.consumer not in (None, consumer.name):
            continue
        own = None if slo.consumer else consumer.slos.get(str(contract.name))
        needed, at = _own_deadline(own, day, contract.partitions, last_published_at) or (day, deadline_at)
        found.append(Affected(consumer=consumer, at=at, already=at < now, business_date=needed.isoformat()))
    return tuple(sorted(found, key=lambda each: (each.at, each.label)))


def _own_deadline(
    own: FreshnessSlo | None, day: date, partitions: PartitionSpec | None, last_published_at: datetime | None
) -> tuple[date, datetime] | None:
    """The business date that a consumer's own promise needs first, and its deadline; None where it has none or can't say."""
    if own is None or (own.max_age is not None and last_published_at is None):
        return None
    try:
        needed = day if own.max_age is not None else _first_owed(own, day, partitions)
        return (needed, _deadline_at(own, needed, last_published_at)) if needed else None
    except (CalendarRangeError, ValueError):
        return None


def _first_owed(own: FreshnessSlo, day: date, partitions: PartitionSpec | None) -> date | None:
    """The first business date from a day on that a promise owes; of a month its last session, which calendars may differ on."""
    by_month = partitions is not None and partitions.granularity is Granularity.MONTH
    first = day.replace(day=1) if by_month else day
    days = calendar_of(own).forward(first - timedelta(days=1))
    near = takewhile(lambda each: each <= first + _FARTHEST, days)
    return next((each for each in near if is_owed(each, own, partitions)), None)


def _deadline_at(slo: FreshnessSlo, day: date, last_published_at: datetime | None) -> datetime:
    if slo.max_age is None:
        return due_at(slo, day, calendar_of(slo)) + slo.grace
    if last_published_at is None:
        return _midnight(slo, day)
    return last_published_at + slo.max_age + slo.grace


def _midnight(slo: FreshnessSlo, day: date) -> datetime:
    return datetime.combine(day, time(0), tzinfo=zone_named(slo.timezone)).astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A consumer of one dataset, with what it was promised.

    Args:
        columns: What it reads; empty = all columns.
        slos: What it was promised of the time: its own, or else the dataset's.
        affected: When it is affected if nothing comes from now on; None where no time was promised.
        license: What it may do with the data; only external customers are bound by it.
        problem: Why nobody can say when it is affected; empty as a rule.
    """

    consumer: Consumer
    columns: tuple[str, ...] = ()
    slos: tuple[FreshnessSlo, ...] = ()
    affected: Affected | None = None
    license: License | None = None
    problem: str = ""

    @property
    def label(self) -> str:
        """What people call the consumer."""
        return self.consumer.label or self.consumer.name

    def reads(self, column: str) -> bool:
        """Whether it reads a column; case is ignored, as in both engines."""
        return not self.columns or column.lower() in {each.lower() for each in self.columns}


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """Everybody who relies on a dataset: who reads it, by name, and the tests of other datasets that read it."""

    contract: Contract
    readers: tuple[Reader, ...]
    tests: tuple[tuple[Contract, DataTest], ...]


def impact_of(
    contract: Contract,
    book: ContractBook,
    generations: Sequence[Generation],
    now: datetime,
    promises: Sequence[Promise] = (),
) -> Impact:
    """Who relies on a dataset, and when each of them would be affected if nothing came from now on.

    Args:
        contract: The dataset's.
        book: All contracts and consumers.
        generations: All of the dataset, by number.
        now: The instant asked about.
        promises: What was promised when, the oldest first, up to now: nobody is affected by a due time that never was one. None =
            the log has none, and what is promised now counts as if it always was.
    """
    consumers = sorted(
        book.consumers_of(contract.name), key=lambda each: (each.label or each.name, each.name)
    )
    others = sorted(book.datasets.values(), key=lambda each: each.name)
    return Impact(
        contract=contract,
        readers=tuple(_reader(contract, consumer, generations, now, promises) for consumer in consumers),
        tests=tuple(
            (other, test)
            for other in others
            for test in other.tests
            if other.name != contract.name and contract.name in test.depends_on
        ),
    )


def reader_of(contract: Contract, consumer: Consumer) -> Reader:
    """What a consumer of a dataset reads and was promised; does not say when it is affected."""
    own = consumer.slos.get(str(contract.name))
    return Reader(
        consumer=consumer,
        columns=consumer.columns.get(str(contract.name), ()),
        slos=(own,) if own else contract.freshness_slos,
        license=contract.license if consumer.kind is ConsumerKind.CUSTOMER else None,
    )


def _reader(
    contract: Contract,
    consumer: Consumer,
    generations: Sequence[Generation],
    now: datetime,
    promises: Sequence[Promise],
) -> Reader:
    reader = reader_of(contract, consumer)
    is_own = str(contract.name) in consumer.slos
    promised = [replace(slo, name=f"for_{consumer.name}") if is_own else slo for slo in reader.slos]
    try:
        missing = [_first_missing(slo, contract.partitions, generations, now, promises) for slo in promised]
    except (CalendarRangeError, ValueError) as error:
        return replace(reader, problem=str(error).splitlines()[0])
    found = min((pair for pair in missing if pair), key=lambda pair: pair[1], default=None)
    if found is None:
        return reader
    day, at = found
    hurt = Affected(consumer=consumer, at=at, already=at < now, business_date=day.isoformat())
    return replace(reader, affected=hurt)


def _first_missing(
    slo: FreshnessSlo,
    partitions: PartitionSpec | None,
    generations: Sequence[Generation],
    now: datetime,
    promises: Sequence[Promise],
) -> DueTime | None:
    """The first of the deadlines that passed without their business dates, up to the newest; else the next whose is not there."""
    timeline = Timeline.of(generations, now)
    if slo.max_age is not None:
        today = local_date(slo, now)
        return today, _deadline_at(slo, today, timeline.content_at or begin_of(promises, slo.name, timeline))
    held = generations[-1].partitions if generations else {WHOLE: None}

    def is_there(day: date) -> bool:
        release_id = held.get(key_of(day, partitions) if partitions else WHOLE)
        if release_id is None:
            return False
        if partitions and partitions.granularity is Granularity.DAY:
            return True
        return bool(timeline.was_released_since(release_id, earliest_at(slo, day, partitions)))

    probe = now - slo.grace
    passed = latest_due(slo, probe, partitions)
    if passed and not is_there(passed[0]):
        counted = _as_promised(slo, (passed[0], passed[1] + slo.grace), timeline, now, promises)
        if counted and not is_there(counted[0]):
            return _first_of_run(slo, partitions, counted, timeline, now, promises, is_there)
    while coming := next_due(slo, probe, partitions):
        if not is_there(coming[0]):
            return coming[0], coming[1] + slo.grace
        probe = coming[1] + timedelta(microseconds=1)
    return None


def _first_of_run(
    slo: FreshnessSlo,
    partitions: PartitionSpec | None,
    newest: DueTime,
    timeline: Timeline,
    now: datetime,
    promises: Sequence[Promise],
    is_there: Callable[[date], bool],
) -> DueTime:
    """The first deadline of those in a row, up to the newest, whose business dates were promised and are not there."""
    begin = begin_of(promises, slo.name, timeline) if promises else timeline.first_at
    if begin is None:
        return newest
    since, until = max(begin, now - _FARTHEST), newest[1]
    if promises:
        earlier = history(promises, slo.name, timeline, since, until, now)
    else:
        earlier = due_results(slo, partitions, timeline, since, until, now)
    first = newest
    for result in reversed(earlier):
        day = date.fromisoformat(result.business_date)
        if result.verdict is Verdict.EXCUSED:
            continue
        if is_there(day):
            break
        first = day, result.deadline_at
    return first


def _as_promised(
    slo: FreshnessSlo, passed: DueTime, timeline: Timeline, now: datetime, promises: Sequence[Promise]
) -> DueTime | None:
    """A deadline that has passed, if it was promised; else the newest that was."""
    day, at = passed
    if not promises or was_counted(promises, slo.name, timeline, day.isoformat(), at, now):
        return passed
    newest = newest_counted(promises, slo, timeline, now)
    return (date.fromisoformat(newest.business_date), newest.deadline_at) if newest else None
