"""What people say to alerts: that they take care of one, or that a failure is known and accepted for a while."""

import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from difflib import get_close_matches

from datahub_dagster.domain import words
from datahub_dagster.domain.alert import AlertKind, Baseline, Incident
from datahub_dagster.domain.contract import Consumer, Contract
from datahub_dagster.domain.monitor_alerts import is_burning
from datahub_dagster.domain.promise import QUALITY, promise_of
from datahub_dagster.domain.slo_report import slo_check_name
from datahub_dagster.errors import ConflictError, RefusedError, UsageError
from datahub_dagster.ports import Hub
from datahub_dagster.steps.alerts import LONGEST_CALL
from datahub_dagster.steps.slo import slo_reports

_FAILED = ("fail", "error", "warn")


def acknowledge_incidents(hub: Hub, ids: Sequence[str], *, reason: str, actor: str) -> Sequence[Incident]:
    """Note who takes care of open incidents, so that nobody is reminded of them; the beginning of an id is enough.

    Raises:
        UsageError: No open incident has that id, or several begin with it; none was acknowledged.
        ConflictError: Alerts are being dealt with all the time.
    """
    with _alone(hub) as now:
        known = hub.alerts.open_incidents()
        found = {incident.id: incident for incident in (_incident(known, text) for text in ids)}
        acknowledged = [
            replace(incident, acknowledged_by=actor, acknowledged_at=now, acknowledged_reason=reason)
            for incident in found.values()
        ]
        for incident in acknowledged:
            hub.alerts.save_incident(incident)
    return acknowledged


def accept_failure(
    hub: Hub, contract: Contract, check: str, *, until: datetime, reason: str, actor: str
) -> Baseline:
    """Accept a failing check, or an SLO that is missed, until an instant (UTC): people are told only if it gets worse.

    A check is accepted with as many failures as it has now, an SLO of freshness as late as it can get until then, quality with a
    budget that is spent as fast as now.

    Raises:
        UsageError: The dataset has no such check, or the instant has passed.
        RefusedError: Nothing is wrong with it.
    """
    now = hub.clock.now()
    if until <= now:
        raise UsageError(
            f"{words.instant(until)} has passed", subject=str(contract.name), next_step="name a later day"
        )
    _find_check(contract, check, hub.book().consumers_of(contract.name), now)
    level = _level_now(hub, contract, check, until)
    if level is None:
        raise RefusedError(
            "nothing is wrong with it that could be accepted",
            subject=f"{contract.name} {check}",
            next_step=f"datahub check {contract.name}",
        )
    baseline = Baseline(
        dataset=str(contract.name),
        check=check,
        level=level,
        until=until,
        reason=reason,
        actor=actor,
        accepted_at=now,
    )
    hub.alerts.save_baseline(baseline)
    return baseline


def take_back(hub: Hub, contract: Contract, check: str) -> None:
    """Tell people of a failure again that was accepted. Raises `UsageError` if it was not."""
    accepted = [each.check for each in hub.alerts.baselines() if each.dataset == str(contract.name)]
    if check not in accepted:
        raise UsageError(
            f"{check} was not accepted",
            subject=str(contract.name),
            found=f"accepted: {', '.join(accepted) or 'nothing'}",
            next_step="datahub alerts",
        )
    hub.alerts.remove_baseline(str(contract.name), check)


def _find_check(contract: Contract, check: str, consumers: Sequence[Consumer], now: datetime) -> None:
    promise = promise_of(contract, consumers, now)
    slos = [*(slo.name for slo in promise.freshness), *([QUALITY] if promise.quality else [])]
    names = [*(test.check_name for test in contract.tests), *map(slo_check_name, slos)]
    if check in names:
        return
    nearest = ", ".join(get_close_matches(check, names, n=3, cutoff=0.4))
    raise UsageError(
        f"there is no check {check}",
        subject=str(contract.name),
        found=f"{words.plural(len(names), 'check')}" + (f"; the nearest: {nearest}" if nearest else ""),
        next_step=f"datahub show {contract.name}",
    )


def _level_now(hub: Hub, contract: Contract, check: str, until: datetime) -> float | None:
    """How bad a check is now; None = it is fine."""
    levels: list[float] = []
    for incident in hub.alerts.open_incidents():
        alert = incident.alert
        if alert.dataset != str(contract.name):
            continue
        if alert.kind is AlertKind.SLO_MISSED and slo_check_name(str(alert.facts.get("slo"))) == check:
            levels.append((until - alert.at).total_seconds() + alert.level)
        levels += [
            each["failures"] or 1 for each in alert.facts.get("checks") or () if each["check"] == check
        ]
    if check == slo_check_name(QUALITY):
        reports = slo_reports(hub, contract, (), hub.clock.now())
        budgets = (report.budget for report in reports if report.name == QUALITY)
        levels += [each.burn_rate or 0.0 for each in budgets if each.is_kept is False or is_burning(each)]
    checked = hub.log.last_check(contract.name)
    levels += [
        result.failures or 1
        for result in (checked[1].results if checked else ())
        if result.check_name == check and result.status.value in _FAILED
    ]
    return float(max(levels)) if levels else None


def _incident(known: Sequence[Incident], text: str) -> Incident:
    found = [incident for incident in known if incident.id.startswith(text)] if text else []
    if len(found) == 1:
        return found[0]
    meant = ", ".join(f"{incident.id} ({incident.key})" for incident in found)
    raise UsageError(
        "several open incidents begin so" if found else "there is no open incident of that id",
        subject=text,
        found=meant or words.plural(len(known), "open incident"),
        next_step="datahub alerts",
    )


@contextmanager
def _alone(hub: Hub) -> Generator[datetime]:
    """Wait until nobody else deals with alerts: what they keep of an incident would be written over."""
    give_up = time.monotonic() + LONGEST_CALL
    while True:
        now = hub.clock.now()
        with hub.alerts.telling(now) as is_mine:
            if is_mine:
                yield now
                return
        if time.monotonic() > give_up:
            raise ConflictError("alerts are being sent at this moment", next_step="do it again in a minute")
        time.sleep(0.2)
