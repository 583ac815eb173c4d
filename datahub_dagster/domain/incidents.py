"""What an alert makes of an incident, and what of it is news: opened, got worse, still there, over. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from datahub_dagster.domain.alert import Alert, Alerting, AlertKind, Baseline, Incident, Stage, Told
from datahub_dagster.domain.contract import digest
from datahub_dagster.domain.promise import QUALITY
from datahub_dagster.domain.slo_report import slo_check_name
from datahub_dagster.domain.timeline import CLOCK_SKEW

_LEVEL_IS_NEWS = (
    AlertKind.REJECTED,
    AlertKind.WARNED,
    AlertKind.CHECKS_FAILED,
    AlertKind.BUDGET_BURNS,  # noticed again only if it burns twice as fast
    AlertKind.CONTRACT_DEPRECATED,
)
_NO_REMINDER = (AlertKind.WARNED, AlertKind.CONTRACT_DEPRECATED)  # nothing that people wait for is missing
_OF_LATENESS = (AlertKind.SLO_MISSED, AlertKind.SLO_AT_RISK, AlertKind.BUDGET_BURNS)

# Whoever saw that a business date is missing may say so a little after it was published.
_SEEN_LATE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What is to be told of an incident.

    Args:
        incident: As it stands; its alert names only what is not accepted as known.
        told_before: When people were told last.
        to: The only ones to be told, by e-mail: consumers who were not concerned before. None = everybody.
    """

    incident: Incident
    told: Told
    told_before: datetime | None = None
    to: tuple[str, ...] | None = None


def noticed_by(alert: Alert, now: datetime) -> Alert:
    """An alert with an instant that is not still to come: whoever noticed it had a clock that is ahead."""
    return replace(alert, at=now) if alert.at > now + CLOCK_SKEW else alert


def by_the_clock(incident: Incident, now: datetime) -> Incident:
    """An incident without instants that are still to come, or nothing could be news of it, nor its end, until then."""
    if incident.opened_at <= now + CLOCK_SKEW and incident.alert.at <= now + CLOCK_SKEW:
        return incident
    return replace(
        incident,
        opened_at=min(incident.opened_at, now),
        alert=noticed_by(incident.alert, now),
        told_at=min(incident.told_at, now) if incident.told_at else None,
        closed_at=min(incident.closed_at, now) if incident.closed_at else None,
    )


def incident_after(known: Incident | None, alert: Alert) -> Incident | None:
    """An incident as an alert leaves it; None = the alert says nothing that is not known.

    Args:
        known: The newest incident of the alert's key, open or not.
        alert: What was noticed.
    """
    if alert.stage is Stage.OPEN:
        return _opened(known, alert)
    if alert.stage is Stage.OVER:
        return _ended(known, alert)
    if known is not None and known.alert.at >= alert.at:
        return None
    return replace(_new(alert), closed_at=alert.at)


def _opened(known: Incident | None, alert: Alert) -> Incident | None:
    if known is None:
        return _new(alert)
    if known.closed_at is not None:
        if _was_given_up(known):
            return _new(replace(alert, at=max(alert.at, known.closed_at)))
        seen_late = (
            _SEEN_LATE if alert.kind in (AlertKind.SLO_MISSED, AlertKind.SLO_AT_RISK) else timedelta(0)
        )
        return _new(alert) if alert.at > known.closed_at + seen_late else None
    if alert.at < known.alert.at:
        return None
    facts = alert.facts
    if alert.kind is AlertKind.REJECTED:  # what was refused before still is
        facts = {**facts, "partitions": sorted({*_partitions(known.alert), *_partitions(alert)})}
    return replace(known, alert=replace(alert, to=_joined(known.alert.to, alert.to), facts=facts))


def _partitions(alert: Alert) -> Sequence[str]:
    """The partitions that were refused, or that came; nothing where nobody knows."""
    return alert.facts.get("partitions") or ()


def _was_given_up(known: Incident) -> bool:
    """Whether an incident ended though what was wrong was not mended: its dataset or its promise had gone."""
    if known.alert.stage is Stage.OPEN:
        return True
    facts = known.alert.facts
    return known.alert.stage is Stage.OVER and "answered_at" in facts and facts["answered_at"] is None


def _ended(known: Incident | None, alert: Alert) -> Incident | None:
    is_about_a_day = alert.kind is AlertKind.SLO_MISSED  # it has come, whatever was noticed in between
    if known is None:
        came_late = is_about_a_day and alert.facts.get("late_seconds", 0) > 0
        return replace(_new(alert), closed_at=alert.at) if came_late else None
    if not known.is_open or (alert.at < known.alert.at and not is_about_a_day):
        return None
    if alert.kind is AlertKind.REJECTED and (came := _partitions(alert)):
        left = [key for key in _partitions(known.alert) if key not in came]
        if left:
            facts = {**known.alert.facts, "partitions": left}
            return replace(known, alert=replace(known.alert, facts=facts))
    ended = replace(
        alert,
        level=max(known.alert.level, alert.level),
        facts={**known.alert.facts, **alert.facts},
        to=_joined(known.alert.to, alert.to),
    )
    return replace(known, alert=ended, closed_at=max(known.opened_at, alert.at))


def _new(alert: Alert) -> Incident:
    return Incident(
        id=digest(alert.key, alert.at.isoformat())[:8], key=alert.key, opened_at=alert.at, alert=alert
    )


def _joined(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *second)))


def news_of(
    before: Incident | None,
    incident: Incident,
    baselines: Sequence[Baseline],
    alerting: Alerting,
    now: datetime,
) -> News | None:
    """What is to be told of an incident now, if anything.

    Args:
        before: The same incident as it was kept; None = it is new.
        incident: As it is now.
        baselines: What is accepted as known, of any dataset.
        alerting: Says when people are reminded.
        now: UTC.
    """
    audible = heard(_as_of(incident, now), baselines, now)
    told_before = before.told_at if before else None
    shown = replace(incident, alert=audible or incident.alert)
    if not incident.is_open:
        if told_before is None and audible is None:
            return None
        told = Told.NEW if incident.alert.stage is Stage.HAPPENED else Told.OVER
        return News(incident=shown, told=told, told_before=told_before)
    if audible is None:
        return None
    if before is None or told_before is None:
        return News(incident=shown, told=Told.NEW)
    if _is_worse(before, audible):
        return News(incident=shown, told=Told.WORSE, told_before=told_before)
    if _is_to_be_reminded_of(incident, alerting, now - told_before):
        return News(incident=shown, told=Told.REMINDER, told_before=told_before)
    if joined := tuple(address for address in audible.to if address not in before.alert.to):
        return News(incident=shown, told=Told.NEW, told_before=told_before, to=joined)
    return None


def _is_to_be_reminded_of(incident: Incident, alerting: Alerting, quiet_for: timedelta) -> bool:
    if incident.acknowledged_by or incident.alert.kind in _NO_REMINDER:
        return False
    return timedelta(0) < alerting.remind_after <= quiet_for


def _is_worse(before: Incident, alert: Alert) -> bool:
    """Whether people should hear of it again. Seconds late grow by themselves: that is no news, they are reminded of it."""
    if alert.kind not in _LEVEL_IS_NEWS:
        return False
    if alert.level > before.told_level:
        return True
    another = alert.facts.get("delivery") != before.alert.facts.get("delivery")
    return alert.kind is AlertKind.REJECTED and another  # one more delivery that nobody can read


def _as_of(incident: Incident, now: datetime) -> Alert:
    """Its alert, with the lateness of what is still missing as it is now."""
    alert = incident.alert
    if not incident.is_open or alert.kind is not AlertKind.SLO_MISSED:
        return alert
    late = alert.level + max((now - alert.at).total_seconds(), 0.0)
    return replace(alert, level=late, facts={**alert.facts, "late_seconds": late})


def heard(alert: Alert, baselines: Sequence[Baseline], now: datetime) -> Alert | None:
    """What is left of an alert without all that is accepted as known; None = nothing."""
    accepted = {each.check: each for each in baselines if each.dataset == alert.dataset and now < each.until}
    if alert.kind in _OF_LATENESS:
        slo = str(alert.facts.get("slo"))
        baseline = accepted.get(slo_check_name(slo))
        if baseline is None:
            return alert
        # Of freshness a lateness was accepted, of quality the pace at which its budget burns.
        is_comparable = alert.kind is AlertKind.SLO_MISSED or slo == QUALITY
        return alert if is_comparable and alert.level > baseline.level else None
    checks: Sequence[Mapping[str, Any]] = alert.facts.get("checks") or ()
    left = [
        check
        for check in checks
        if check["check"] not in accepted or (check["failures"] or 0) > accepted[check["check"]].level
    ]
    if len(left) == len(checks):
        return alert
    if not left and not alert.facts.get("warnings"):
        return None
    return replace(
        alert,
        level=float(sum(check["failures"] or 1 for check in left)),
        facts={**alert.facts, "checks": left},
    )
