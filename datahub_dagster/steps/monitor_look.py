"""A look at one dataset: what became of its due times since the last one. Reads as little of the log as that takes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from datahub_dagster.domain.calendars import CalendarRangeError
from datahub_dagster.domain.contract import Contract, FreshnessSlo
from datahub_dagster.domain.due import calendar_of, latest_due, local_date
from datahub_dagster.domain.inbox import InboxState
from datahub_dagster.domain.monitor import DatasetMemory, SloMemory, contract_key
from datahub_dagster.domain.monitor_changes import Look, SloLook
from datahub_dagster.domain.monitor_memory import Watched
from datahub_dagster.domain.promise import Promise
from datahub_dagster.domain.release import Generation, GenerationKind
from datahub_dagster.domain.slo_history import Deadline, begin_of, due_results, history, next_deadline
from datahub_dagster.domain.timeline import Timeline
from datahub_dagster.domain.verdict import DueResult, Verdict
from datahub_dagster.ports import Hub
from datahub_dagster.steps.contract_history import note_contract
from datahub_dagster.steps.inbox import look_into_inbox
from datahub_dagster.steps.slo import note_promise, promises

_SOON = timedelta(days=30)  # so long before a calendar ends somebody is told
_SOON_OF_YEARLY = timedelta(
    days=7
)  # before that nobody could do anything: the days of the coming year aren't announced yet
_MOMENT = timedelta(microseconds=1)
_MOST_CAUGHT_UP = timedelta(days=31)
_CHANGES_LAST = timedelta(days=7)  # longer than most promises look back; budgets look at all in any case
_A_DAY = timedelta(days=1)
_ALWAYS = datetime.min.replace(tzinfo=UTC)


def look_at(hub: Hub, each: Watched, now: datetime, alive_at: datetime | None = None) -> Look:
    """What is new of a dataset since it was looked at. A new promise, or a changed contract, is noted in the log on the way.

    Args:
        hub: The hub.
        each: The dataset, with what is known of it.
        now: UTC.
        alive_at: When the monitor gave its last sign of life (UTC): from there on a dataset of which it knows nothing is caught up with.

    Raises:
        HubError: Its log can't be read.
    """
    contract, before = each.contract, each.before
    given: Sequence[Promise] | None = None
    if before is None or not each.is_as_promised:
        note_promise(hub, contract, each.consumers)
        given = promises(hub, contract, each.consumers)
    noted = contract_key(contract)
    if (before is None or before.noted != noted) and not note_contract(hub, contract):
        noted = ""
    current = hub.log.current(contract.name)
    seen = _seen(hub, contract, current)
    is_news = given is not None or before is None or seen != before.seen
    if given is None and before is not None and _asks_former_promises(before, now, is_news=is_news):
        given = promises(hub, contract, each.consumers)
    since = min(before.looked_at, now) if before and before.looked_at else None
    looks: list[SloLook] = []
    for slo in each.promise.freshness:
        known = before.slos.get(slo.name) if before else None
        first = _since(slo, contract, known, since, is_news=is_news, now=now)
        if (known is None or since is None) and alive_at is not None:
            first = max(min(first, alive_at), now - _MOST_CAUGHT_UP)
        looks.append(_Asked(hub, contract, current, slo, first, now).look(given, known))
    return Look(
        contract=contract,
        consumers=each.consumers,
        at=now,
        since=since,
        seen=seen,
        slos=tuple(looks),
        noted=noted,
    )


def _asks_former_promises(before: DatasetMemory, now: datetime, *, is_news: bool) -> bool:
    """Whether something that was promised in other words may become due, or may have come."""
    if before.changed_at is not None and now - before.changed_at < _CHANGES_LAST:
        return True
    return is_news and any(known.missing for known in before.slos.values())


def _seen(hub: Hub, contract: Contract, current: Generation | None) -> str:
    """The newest generation, and, where deliveries count, the newest release and whether its way has ended."""
    number = current.number if current else 0
    if contract.quality_slo is None:
        return str(number)
    releases = hub.log.releases_on_disk(contract.name)
    if not releases:
        return f"{number}/"
    return f"{number}/{releases[-1]}/{hub.log.has_ended(contract.name, releases[-1])}"


def _since(
    slo: FreshnessSlo,
    contract: Contract,
    known: SloMemory | None,
    looked_at: datetime | None,
    *,
    is_news: bool,
    now: datetime,
) -> datetime:
    """From which deadline on due times are judged in this look."""
    if known is None or looked_at is None:
        try:
            newest = latest_due(slo, now - slo.grace, contract.partitions)
        except (CalendarRangeError, ValueError, OverflowError):
            newest = None
        return newest[1] + slo.grace if newest else now - _A_DAY
    # What is missing can't have come as long as nothing was published.
    return min([looked_at, *(at for _, at in known.missing)]) if is_news else looked_at


class _Asked:
    """One SLO, and as much of the past as it takes to judge it."""

    def __init__(
        self,
        hub: Hub,
        contract: Contract,
        current: Generation | None,
        slo: FreshnessSlo,
        since: datetime,
        now: datetime,
    ) -> None:
        self._hub = hub
        self._contract = contract
        self._slo = slo
        self._since = since
        self._now = now
        self._generations = self._tail(current)

    def look(self, given: Sequence[Promise] | None, known: SloMemory | None) -> SloLook:
        slo, now = self._slo, self._now
        found = SloLook(slo=slo)
        try:
            results, promised_at = self._results(given, known)
            found = replace(found, results=results, promised_at=promised_at)
            coming = next_deadline(slo, self._contract.partitions, now, self._timeline(now))
            if coming is None and not self._generations:
                coming = self._first_deadline(promised_at)
            found = replace(found, coming=coming, warning=_calendar_ends(slo, now))
            if found.warn_at is not None and found.warn_at <= now:
                found = replace(found, is_safe=self._is_held(found) or self._lies_ready())
        except (CalendarRangeError, ValueError, OverflowError) as error:
            return replace(found, problem=str(error).replace("\n", ";"))
        return found

    def _results(
        self, given: Sequence[Promise] | None, known: SloMemory | None
    ) -> tuple[tuple[DueResult, ...], datetime | None]:
        found = self._judge(given, known)
        return self._judge(given, known) if self._must_read_on(found[0]) else found

    def _judge(
        self, given: Sequence[Promise] | None, known: SloMemory | None
    ) -> tuple[tuple[DueResult, ...], datetime | None]:
        slo, now, timeline = self._slo, self._now, self._timeline(self._now)
        if given is not None:
            results = history(given, slo.name, timeline, self._since, now, now)
            return results, begin_of(given, slo.name, timeline)
        promised_at = known.promised_at if known else None
        results = due_results(
            slo,
            self._contract.partitions,
            timeline,
            self._since,
            now,
            now,
            promised_since=promised_at or _ALWAYS,
        )
        return results, promised_at

    def _must_read_on(self, results: Sequence[DueResult]) -> bool:
        """Whether something can't be judged by the newest generations alone. Then all are read."""
        is_whole = not self._generations or self._generations[0].number == 1
        if is_whole or all(result.verdict is not Verdict.UNKNOWN for result in results):
            return False
        self._generations = tuple(self._hub.log.generations(self._contract.name))
        return True

    def _timeline(self, now: datetime) -> Timeline:
        return Timeline.of(self._generations, now)

    def _tail(self, current: Generation | None) -> tuple[Generation, ...]:
        """The newest generations, back to what was published when the first of the due times was due."""
        if current is None:
            return ()
        # Of `max_age` the day before counts, too.
        since = self._since - 2 * _A_DAY if self._slo.max_age else self._since
        found, older = [current], int(current.published_at < since)
        # Two that are older, as one may have been written by a wrong clock.
        while found[-1].number > 1 and older < 2:
            before = self._hub.log.generation(self._contract.name, found[-1].number - 1)
            if before is None:
                return tuple(self._hub.log.generations(self._contract.name))
            found.append(before)
            older += before.published_at < since
        if self._slo.max_age is not None and any(g.kind is GenerationKind.ROLLBACK for g in found):
            return tuple(self._hub.log.generations(self._contract.name))
        return tuple(reversed(found))

    def _first_deadline(self, promised_at: datetime | None) -> Deadline | None:
        """When data that were never delivered are too old, reckoned from the promise on; None if that has passed."""
        if self._slo.max_age is None or promised_at is None:
            return None
        due = promised_at + self._slo.max_age
        if due + self._slo.grace < self._now:
            return None
        return Deadline(due, due + self._slo.grace, local_date(self._slo, due).isoformat())

    def _is_held(self, found: SloLook) -> bool:
        """Whether what is due next would be there, if nothing else came."""
        if found.coming is None or self._slo.max_age is not None:
            return False
        results = self._foreseen(found.coming.deadline_at)
        if self._must_read_on(results):
            results = self._foreseen(found.coming.deadline_at)
        return any(
            result.business_date == found.coming.business_date and result.verdict is not Verdict.MISSED
            for result in results
        )

    def _foreseen(self, deadline_at: datetime) -> tuple[DueResult, ...]:
        then = deadline_at + _MOMENT
        return due_results(
            self._slo, self._contract.partitions, self._timeline(then), deadline_at, then, then
        )

    def _lies_ready(self) -> bool:
        entries = look_into_inbox(self._hub, self._contract)
        return any(entry.state is InboxState.READY for entry in entries)


def _calendar_ends(slo: FreshnessSlo, now: datetime) -> str:
    """Why nobody will know when something is owed, soon; empty if the calendar reaches far enough."""
    calendar = calendar_of(slo)
    if calendar.last - local_date(slo, now) >= (_SOON_OF_YEARLY if calendar.is_yearly else _SOON):
        return ""
    reason = (
        f"the calendar {slo.calendar} ends on {calendar.last}: what is due after that day, nobody will know"
    )
    if not calendar.is_yearly:
        return reason
    return f"{reason}; its days are announced year by year: update the library `holidays`, or write a calendar file"
