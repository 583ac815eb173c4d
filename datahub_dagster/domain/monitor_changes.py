"""Decides what is new of a dataset since the monitor's last look: what is remembered, told, and handed out. Pure."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from datahub_dagster.domain import monitor_alerts
from datahub_dagster.domain.alert import Alert, AlertKind, Stage
from datahub_dagster.domain.contract import Consumer, Contract, FreshnessSlo
from datahub_dagster.domain.monitor import MOST_MISSING, SloMemory, Waiting
from datahub_dagster.domain.monitor_alerts import About
from datahub_dagster.domain.slo_history import Deadline
from datahub_dagster.domain.slo_report import SloReport
from datahub_dagster.domain.verdict import DeliveryResult, DueResult, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class SloLook:
    """What a look found of one freshness SLO.

    Args:
        results: The due times since the last look; if something new came, also those since the oldest that is missing.
        promised_at: Since when it is promised (UTC).
        coming: The first deadline that has not passed; None = there is none, or nobody knows.
        is_safe: Whether what is due next is there, or lies ready in the inbox. Only looked for once it is time to warn.
        problem: Why nobody can say anything.
        warning: Why nobody will be able to, soon.
    """

    slo: FreshnessSlo
    results: tuple[DueResult, ...] = ()
    promised_at: datetime | None = None
    coming: Deadline | None = None
    is_safe: bool = True
    problem: str = ""
    warning: str = ""

    @property
    def warn_at(self) -> datetime | None:
        """When people are warned if nothing was delivered by then (UTC); None = never."""
        if self.coming is None or not self.slo.warn_before:
            return None
        return self.coming.due_at - self.slo.warn_before


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a look found of one dataset.

    Args:
        at: When it was (UTC); what was due before is dealt with by it.
        since: When the one before was; None = this is the first.
        seen: See `DatasetMemory`.
        noted: See `DatasetMemory`.
        problem: Why nothing could be found out, of no SLO.
    """

    contract: Contract
    consumers: Sequence[Consumer]
    at: datetime
    since: datetime | None
    seen: str = ""
    noted: str = ""
    slos: tuple[SloLook, ...] = ()
    problem: str = ""

    def is_new(self, result: DueResult) -> bool:
        """Whether a due time was not dealt with by the look before."""
        return self.since is None or result.deadline_at >= self.since

    def about(self, name: str, slo: FreshnessSlo | None = None) -> About:
        """What an alert of one of its SLOs is about."""
        return About(self.contract, self.consumers, name, slo)


@dataclass
class Changes:
    """What is new: the alerts to raise, and the evaluations to hand out."""

    alerts: list[Alert] = field(default_factory=list[Alert])
    news: list[Waiting] = field(default_factory=list[Waiting])


def after_look(look: Look, found: SloLook, before: SloMemory, changes: Changes) -> SloMemory:
    """What is remembered of an SLO after a look; what is new goes to `changes`."""
    about = look.about(found.slo.name, found.slo)
    memory = replace(before, promised_at=found.promised_at or before.promised_at, problem=found.problem)
    if found.results:
        newest = found.results[-1]
        memory = replace(memory, doubt=newest.reason if newest.verdict is Verdict.UNKNOWN else "")
    memory = _due_times(look, found, about, memory, changes)
    if not found.problem:
        next_due_at = found.coming.due_at if found.coming else None
        memory = replace(memory, next_due_at=next_due_at, warning=found.warning)
        memory = _risk(look, found, about, memory, changes)
    elif not before.problem:
        changes.news.append(_news(about, "", Verdict.UNKNOWN, look.at))
    return _with_doubts(about, memory, look.at, changes)


def _with_doubts(about: About, memory: SloMemory, at: datetime, changes: Changes) -> SloMemory:
    """Whether people are told that nobody knows how the SLO stands, or that this is over."""
    reason = memory.problem or memory.blind or memory.doubt or memory.warning
    if bool(reason) != memory.told_unknown:
        stage = Stage.OPEN if reason else Stage.OVER
        changes.alerts.append(monitor_alerts.unknown(about, reason, at, stage))
    return replace(memory, told_unknown=bool(reason))


def _due_times(look: Look, found: SloLook, about: About, memory: SloMemory, changes: Changes) -> SloMemory:
    """What became of due times: each that is missed is an incident, until it comes or its window is over."""
    if found.slo.max_age is not None:
        return _ages(look, found, about, memory, changes)
    missing = dict(memory.missing)
    for result in found.results:
        was_missing = result.business_date in missing
        is_new = look.is_new(result)
        if is_new or (was_missing and result.verdict is not Verdict.MISSED):
            changes.news.append(_news(about, result.business_date, result.verdict, result.deadline_at))
        if result.verdict is Verdict.MISSED:
            if not was_missing:
                changes.alerts.append(monitor_alerts.missed(about, result, look.at, memory.left))
            missing.setdefault(result.business_date, result.deadline_at)
        elif was_missing or (is_new and look.since and result.verdict is Verdict.LATE):
            # If nobody looked between its deadline and its coming, it is told once, as over.
            changes.alerts.append(monitor_alerts.came(about, result, look.at, memory.left))
            missing.pop(result.business_date, None)
    asked = sorted(missing.items(), key=lambda item: item[1])[-MOST_MISSING:]
    kept = {day: at for day, at in asked if at >= look.at - found.slo.window}
    for day, deadline_at in missing.items():
        if day not in kept:
            changes.alerts.append(monitor_alerts.given_up(about, day, deadline_at, look.at))
    return replace(memory, missing=tuple(kept.items()))


def _ages(look: Look, found: SloLook, about: About, memory: SloMemory, changes: Changes) -> SloMemory:
    """What became of the days of `max_age`: data that are too old are one incident, however many days it takes."""
    missing = dict(memory.missing)
    for result in found.results:
        is_new = look.is_new(result)
        if is_new or (result.business_date in missing and result.verdict is not Verdict.MISSED):
            changes.news.append(_news(about, result.business_date, result.verdict, result.deadline_at))
        if result.verdict is Verdict.MISSED:
            if not missing:
                changes.alerts.append(monitor_alerts.missed(about, result, look.at, memory.left))
            missing.setdefault(result.business_date, result.deadline_at)
        elif is_new and look.since and not missing and result.verdict is Verdict.LATE:
            changes.alerts.append(monitor_alerts.came(about, result, look.at, memory.left))
    asked = sorted(missing.items(), key=lambda item: item[1])
    if asked and found.coming is not None and found.slo.max_age is not None:  # it is fresh again
        day, deadline_at = asked[0]
        answered_at = found.coming.due_at - found.slo.max_age
        result = DueResult(
            slo=found.slo.name,
            business_date=day,
            due_at=deadline_at,
            deadline_at=deadline_at,
            verdict=Verdict.LATE,
            answered_at=answered_at,
            late=max(answered_at - deadline_at, timedelta(0)),
        )
        changes.alerts.append(monitor_alerts.came(about, result, look.at, memory.left))
        asked = []
    return replace(memory, missing=(*asked[:1], *asked[1:][1 - MOST_MISSING :]))


def _risk(look: Look, found: SloLook, about: About, memory: SloMemory, changes: Changes) -> SloMemory:
    """Whether a due time is near, and nothing was delivered."""
    coming, warn_at = found.coming, found.warn_at
    is_near = coming is not None and warn_at is not None and warn_at <= look.at
    endangered = coming.business_date if coming and is_near and not found.is_safe else ""
    if memory.at_risk == endangered:
        return memory
    if memory.at_risk:
        due_at = memory.risk_due_at or look.at
        changes.alerts.append(monitor_alerts.at_risk(about, memory.at_risk, due_at, look.at, Stage.OVER))
    if endangered and coming and warn_at:
        changes.alerts.append(monitor_alerts.at_risk(about, endangered, coming.due_at, warn_at, Stage.OPEN))
    return replace(memory, at_risk=endangered, risk_due_at=coming.due_at if endangered and coming else None)


def after_report(look: Look, report: SloReport, before: SloMemory, changes: Changes) -> SloMemory:
    """What is remembered of an SLO after a report: its budget, and the newest delivery."""
    about = look.about(report.name, report.slo)
    budget = report.budget
    rate = budget.burn_rate if monitor_alerts.is_burning(budget) else None
    if rate is not None and (before.burns is None or rate >= 2 * before.burns):
        changes.alerts.append(monitor_alerts.burns(about, budget, look.at, Stage.OPEN))
    elif rate is not None:
        rate = before.burns
    elif before.burns is not None:
        changes.alerts.append(monitor_alerts.burns(about, budget, look.at, Stage.OVER))
    memory = replace(before, burns=rate, attainment=budget.attainment, left=budget.left, blind=report.problem)
    newest = report.results[-1] if report.results else None
    if isinstance(newest, DeliveryResult) and newest.release != before.newest:
        changes.news.append(_news(about, "", newest.verdict, newest.at))
        memory = replace(memory, newest=newest.release)
    return _with_doubts(about, memory, look.at, changes)


def after_fault(look: Look, name: str, before: SloMemory, fault: str, changes: Changes) -> SloMemory:
    """What is remembered of an SLO of which no report could be made, and why."""
    slo = next((each for each in look.contract.freshness_slos if each.name == name), None)
    return _with_doubts(look.about(name, slo), replace(before, blind=fault), look.at, changes)


def keys_to_adopt(look: Look, reports: Sequence[SloReport]) -> tuple[str, ...]:
    """Keys of all incidents that may be open of a dataset of which nothing is remembered."""
    return tuple(key for report in reports for key, _, _ in _incidents(look, report))


def adopted(
    look: Look, report: SloReport, before: SloMemory, is_open: Collection[str], changes: Changes
) -> SloMemory:
    """What is remembered of an SLO once it is known which of its incidents are open; those that are over are told as such.

    Args:
        look: Says when it is, and what the SLO is of.
        report: The SLO over its window.
        before: What is remembered of it by now.
        is_open: Those of `keys_to_adopt` that are.
        changes: What is new goes there.
    """
    about = look.about(report.name, report.slo)
    memory = before
    missing = dict(before.missing)
    for key, kind, result in _incidents(look, report):
        if key not in is_open:
            continue
        if kind is AlertKind.SLO_UNKNOWN:
            memory = replace(memory, told_unknown=True)
        elif kind is AlertKind.BUDGET_BURNS:
            memory = replace(memory, burns=memory.burns or report.budget.burn_rate or 0.0)
        elif result is not None and kind is AlertKind.SLO_AT_RISK:
            day, due_at = result.business_date, result.due_at
            changes.alerts.append(monitor_alerts.at_risk(about, day, due_at, look.at, Stage.OVER))
        elif result is not None and result.verdict is Verdict.MISSED:
            missing.setdefault(result.business_date, result.deadline_at)
        elif result is not None:
            changes.alerts.append(monitor_alerts.came(about, result, look.at, report.budget.left))
    ordered = sorted(missing.items(), key=lambda item: item[1])[-MOST_MISSING:]
    return replace(memory, missing=tuple(ordered))


def _incidents(look: Look, report: SloReport) -> Iterator[tuple[str, AlertKind, DueResult | None]]:
    """Every incident that may be open of an SLO: its key, its kind, and the due time that it is about."""
    about = look.about(report.name, report.slo)
    for kind in (AlertKind.SLO_UNKNOWN, AlertKind.BUDGET_BURNS):
        yield about.key(kind), kind, None
    for result in report.results:
        if isinstance(result, DueResult):
            for kind in (AlertKind.SLO_MISSED, AlertKind.SLO_AT_RISK):
                yield about.key(kind, result.business_date), kind, result


def _news(about: About, business_date: str, verdict: Verdict, at: datetime) -> Waiting:
    return Waiting(
        dataset=str(about.contract.name), slo=about.name, business_date=business_date, verdict=verdict, at=at
    )
