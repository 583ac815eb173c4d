"""How long a document holds while nothing happens: until the clock alone would change it."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from datahub_dagster.adapters.site.documents.days import midnight_after, midnight_before, zone_or_utc
from datahub_dagster.adapters.site.facts import CHECKS_SHOWN, INCIDENTS_SHOWN, DatasetFacts
from datahub_dagster.domain import slo_words
from datahub_dagster.domain.alert import Incident
from datahub_dagster.domain.calendars import CalendarRangeError
from datahub_dagster.domain.deadlines import owed_between
from datahub_dagster.domain.slo_report import SloReport
from datahub_dagster.domain.timeline import CLOCK_SKEW

_LATELY = 10  # the burn rate looks at a tenth of the window
_MOMENT = timedelta(microseconds=1)
_AHEAD = timedelta(days=2)  # longer than any local day


def valid_until(facts: DatasetFacts) -> datetime | None:
    """The last instant (UTC) at which the dataset's document is surely as it is now, if nothing happens; None = for ever.

    A deadline has not passed at its very instant, so that the document holds up to and including it.
    """
    return min((at for at in _instants(facts) if at >= facts.now), default=None)


def overviews_valid_until(incidents: Sequence[Incident], now: datetime) -> datetime | None:
    """The same of pages about many datasets, beside what changes those: when the next incident is told no longer."""
    return min((at for at in _ends(incidents) if at >= now), default=None)


def _instants(facts: DatasetFacts) -> Iterator[datetime]:
    graces = {slo.name: slo.grace for slo in facts.contract.freshness_slos}
    for standing in facts.status.standings:
        if standing.next_due_at:
            yield standing.next_due_at + graces.get(standing.slo, timedelta(0))
    for report in facts.slos:
        yield from _of_report(report, facts.now)
    for reader in facts.readers:
        if reader.affected:
            yield reader.affected.at
        # Where an age begins nowhere, the reader is affected since the begin of the day.
        yield from (
            midnight_after(facts.now, zone_or_utc(slo.timezone)) - _MOMENT
            for slo in reader.slos
            if slo.max_age
        )
    for outcome in facts.status.outcomes:
        # By a clock that is ahead, it is doubted at first, and counted when its time has come.
        yield outcome.receipt.received_at - CLOCK_SKEW - _MOMENT
        yield outcome.receipt.received_at
        if outcome.record:
            yield outcome.record.finished_at
    yield from _deadlines(facts)
    for answers in facts.answers.values():
        yield from (answer.at + CHECKS_SHOWN for answer in answers if answer.release is None)
    for generation in facts.generations:
        # A clock was ahead: such a generation is doubted until its time has come.
        for at in (generation.published_at, generation.clock_at or generation.published_at):
            yield at - CLOCK_SKEW - _MOMENT
            yield at
    yield from _ends(facts.incidents)


def _of_report(report: SloReport, now: datetime) -> Iterator[datetime]:
    """A day begins, a deadline passes, a result leaves the window or what is called lately."""
    zone = zone_or_utc(slo_words.zone_of(report))
    window = report.budget.window
    yield midnight_after(now, zone) - _MOMENT
    yield midnight_before(now, zone)  # of a promised age a day is counted just after its end
    yield midnight_after(report.budget.since, zone) + window - _MOMENT
    if report.next_due_at:
        yield report.next_due_at + (report.slo.grace if report.slo else timedelta(0))
    for result in report.results:
        yield result.at + window
        yield result.at + window / _LATELY


def _deadlines(facts: DatasetFacts) -> Iterator[datetime]:
    """The deadlines of the next day, excused ones too: at the end of the day there is a next look at the latest.

    What is promised anew and was not noted yet counts from its note on. Until then, the deadlines are those of the note before.
    """
    partitions = facts.contract.partitions
    promised = {(report.slo, partitions) for report in facts.slos if report.slo}
    promised |= {(slo, each.partitions) for each in facts.promises[-2:] for slo in each.freshness}
    for slo, cut in promised:
        if slo.due:
            with suppress(CalendarRangeError, ValueError, OverflowError):
                owed = owed_between(slo, cut, facts.now, facts.now + _AHEAD)
                yield from [each.due_at + slo.grace for each in owed]


def _ends(incidents: Sequence[Incident]) -> Iterator[datetime]:
    return (each.closed_at + INCIDENTS_SHOWN for each in incidents if each.closed_at)
