"""The monitor's tick: looks at what must be looked at, raises alerts, hands out what is new, and leaves a sign of life.

Alerts are raised before anything is remembered: whoever is stopped in between raises the same ones again, which does nothing.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from datahub_dagster.domain import monitor_alerts
from datahub_dagster.domain.contract import Contract, ContractBook
from datahub_dagster.domain.impact import Affected
from datahub_dagster.domain.monitor import (
    DatasetMemory,
    Evaluation,
    Health,
    Heartbeat,
    MonitorMemory,
    MonitorTick,
    SloMemory,
    Waiting,
    health,
    next_number,
    still_waiting,
    to_report,
)
from datahub_dagster.domain.monitor_changes import (
    Changes,
    Look,
    SloLook,
    adopted,
    after_fault,
    after_report,
    keys_to_adopt,
)
from datahub_dagster.domain.monitor_memory import (
    Watched,
    after,
    forget,
    heartbeat,
    still_promised,
    to_look_at,
    unreadable,
    watch,
)
from datahub_dagster.domain.slo_report import SloReport
from datahub_dagster.domain.verdict import DeliveryResult, DueResult, Verdict
from datahub_dagster.errors import HubError
from datahub_dagster.ports import Hub
from datahub_dagster.side_by_side import side_by_side
from datahub_dagster.steps.monitor_look import look_at
from datahub_dagster.steps.slo import slo_reports

logger = logging.getLogger(__name__)


def tick(
    hub: Hub, contracts: Sequence[Contract], *, scope: str, confirmed: int | None, most: int
) -> MonitorTick:
    """Evaluate every SLO of the contracts of which something may be new; see `pipeline.monitor`."""
    begun, now = time.perf_counter(), hub.clock.now()
    memory = hub.monitor_log.memory(scope)
    number = next_number(memory.number, now)
    alive_at = None if memory.datasets else _alive_at(hub, scope)
    book = hub.book()
    this = _Tick(hub, now, memory, watch(contracts, book, memory, now), alive_at)
    this.dismiss(book)

    looks = this.look()
    reports = this.report(this.waiting(confirmed), most)
    waiting = this.waiting(confirmed)
    handed = [each for each in waiting if each.dataset in reports][:most]

    alerts = [
        monitor_alerts.with_budget(alert, reports.get(alert.dataset, ())) for alert in this.changes.alerts
    ]
    for _ in side_by_side(hub.alerts.raise_alert, alerts, hub.storage.parallel):
        pass
    kept = _marked(waiting, handed, number) if confirmed is not None else ()
    memory = MonitorMemory(number=number, datasets=this.known, waiting=kept)
    hub.monitor_log.save_memory(scope, memory)
    alive = _with_messages(hub, heartbeat(scope, memory, this.watched, looks, now))
    alive = replace(alive, seconds=round(time.perf_counter() - begun, 3))
    hub.monitor_log.save_heartbeat(alive, memory)
    return MonitorTick(
        number=number,
        heartbeat=alive,
        evaluations=tuple(this.evaluation(each, reports[each.dataset]) for each in handed),
        alerts=tuple(alerts),
    )


def look_at_monitors(hub: Hub, max_age: timedelta) -> Health:
    """Whether every SLO of the book was evaluated lately, from contracts and signs of life alone."""
    now, book = hub.clock.now(), hub.book()
    watched = watch(tuple(book.datasets.values()), book, MonitorMemory(), now)
    promised = {name: each.slos for name, each in watched.items() if each.slos}
    unread = tuple(str(fault) for fault in book.faults if not fault.has_last_good)
    return replace(health(promised, hub.monitor_log.heartbeats(), now, max_age), unread=unread)


class _Tick:
    """What a tick knows on its way: `known` is the memory as it will be, `changes` what is new."""

    def __init__(
        self,
        hub: Hub,
        now: datetime,
        memory: MonitorMemory,
        watched: Mapping[str, Watched],
        alive_at: datetime | None,
    ) -> None:
        self._hub, self._now, self._memory, self._alive_at = hub, now, memory, alive_at
        self.watched = watched
        self.known = {name: each.before for name, each in watched.items() if each.before is not None}
        self.changes = Changes()

    def dismiss(self, book: ContractBook) -> None:
        """Forget what is in the hub no longer; but not what only can't be read now."""
        unread = [fault for fault in book.faults if not fault.has_last_good]
        for name, memory in self._memory.datasets.items():
            if name in self.watched:
                continue
            if unread:
                fault = next((each for each in unread if each.team == memory.team), unread[0])
                self.known[name] = unreadable(name, memory, str(fault), self._now, self.changes)
            else:
                forget(name, memory, self._now, self.changes)

    def look(self) -> Sequence[Look]:
        """Look at every dataset of which something may be new."""
        chosen = to_look_at(self.watched, self._now)
        looks = list(side_by_side(self._look, chosen, self._hub.storage.parallel))
        for each, look in zip(chosen, looks, strict=True):
            self.known[str(each.contract.name)] = after(each, look, self.changes)
        return looks

    def waiting(self, confirmed: int | None) -> tuple[Waiting, ...]:
        """The evaluations that somebody is to be handed, worst first."""
        found = still_waiting(self._memory.waiting, self.changes.news, confirmed)
        return still_promised(found, self.watched)

    def report(self, waiting: Sequence[Waiting], most: int) -> Mapping[str, Sequence[SloReport]]:
        """Make the reports of this tick, by dataset."""
        readable = {name: each for name, each in self.known.items() if name in self.watched}
        chosen = to_report(waiting, readable, most, self._now)
        watched = [self.watched[name] for name in chosen]
        made = zip(chosen, side_by_side(self._report, watched, self._hub.storage.parallel), strict=True)
        reports: dict[str, Sequence[SloReport]] = {}
        for name, found in made:
            if isinstance(found, str):
                self.known[name] = self._after_fault(name, found)
            else:
                reports[name] = found
        keys = [
            key
            for name, its_reports in reports.items()
            if not self.known[name].is_adopted
            for key in keys_to_adopt(self._glance(name), its_reports)
        ]
        is_open = self._hub.alerts.open_keys(keys) if keys else frozenset[str]()
        for name, its_reports in reports.items():
            self.known[name] = self._after_reports(name, its_reports, is_open)
        return reports

    def evaluation(self, waiting: Waiting, reports: Sequence[SloReport]) -> Evaluation:
        """What is handed out, with the SLO as it stands now."""
        each = self.watched[waiting.dataset]
        report = next(report for report in reports if report.name == waiting.slo)
        result = _result_of(report, waiting)
        hurt: tuple[Affected, ...] = ()
        if isinstance(result, DueResult) and result.verdict in (Verdict.MISSED, Verdict.LATE):
            about = self._glance(waiting.dataset).about(report.name, report.slo)
            hurt = about.affected(result.business_date, result.deadline_at, self._now)
        return Evaluation(contract=each.contract, report=report, result=result, affected=hurt)

    def _look(self, each: Watched) -> Look:
        try:
            return look_at(self._hub, each, self._now, self._alive_at)
        except HubError as error:
            problem = error.headline
        except Exception as error:  # noqa: BLE001 - see `_fault`
            problem = _fault(each, error)
        slos = tuple(SloLook(slo=slo, problem=problem) for slo in each.promise.freshness)
        return replace(self._glance(str(each.contract.name)), slos=slos, problem=problem)

    def _report(self, each: Watched) -> Sequence[SloReport] | str:
        """The reports of a dataset, or why there are none."""
        try:
            return slo_reports(self._hub, each.contract, each.consumers, self._now)
        except Exception as error:  # noqa: BLE001 - see `_fault`
            return _fault(each, error)

    def _after_fault(self, name: str, fault: str) -> DatasetMemory:
        before, look = self.known[name], self._glance(name)
        slos = {slo: after_fault(look, slo, known, fault, self.changes) for slo, known in before.slos.items()}
        return replace(before, slos=slos, reported_at=None)

    def _glance(self, name: str) -> Look:
        each = self.watched[name]
        return Look(contract=each.contract, consumers=each.consumers, at=self._now, since=None)

    def _after_reports(
        self, name: str, reports: Sequence[SloReport], is_open: frozenset[str]
    ) -> DatasetMemory:
        before, look = self.known[name], self._glance(name)
        slos = dict(before.slos)
        for report in reports:
            slo = slos.get(report.name, SloMemory())
            if not before.is_adopted:
                slo = adopted(look, report, slo, is_open, self.changes)
            slos[report.name] = after_report(look, report, slo, self.changes)
        is_readable = not any(report.problem for report in reports)
        return replace(
            before,
            slos=slos,
            reported_at=self._now if is_readable else None,
            is_adopted=before.is_adopted or is_readable,
        )


def _fault(each: Watched, error: Exception) -> str:
    """What is told of an error that nobody foresaw: of one dataset, it must not leave all others unwatched."""
    logger.error("%s: could not be evaluated", each.contract.name, exc_info=error)
    return f"a fault of the hub itself: {type(error).__name__}: {error}"


def _alive_at(hub: Hub, scope: str) -> datetime | None:
    """When a scope whose memory is lost gave its last sign of life."""
    return next((each.at for each in hub.monitor_log.heartbeats() if each.scope == scope), None)


def _result_of(report: SloReport, waiting: Waiting) -> DueResult | DeliveryResult | None:
    """What an evaluation is about, as it is known by now: a due time, or the newest delivery."""
    for result in reversed(report.results):
        if isinstance(result, DeliveryResult) or result.business_date == waiting.business_date:
            return result
    return None


def _marked(waiting: Sequence[Waiting], handed: Sequence[Waiting], number: int) -> tuple[Waiting, ...]:
    """What waits, with the tick that hands it out."""
    out = {each.subject for each in handed}
    return tuple(replace(each, handed=number if each.subject in out else 0) for each in waiting)


def _with_messages(hub: Hub, alive: Heartbeat) -> Heartbeat:
    pending = hub.alerts.pending()
    failed = sum(message.attempts > 0 for message in pending)
    return replace(alive, pending_messages=len(pending), failed_messages=failed)
