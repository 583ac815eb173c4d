"""Monitors that are silent, and SLOs that no monitor ever evaluated, as alerts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from datahub_dagster import pipeline
from datahub_dagster.domain.alert import Alert, AlertKind, Stage
from datahub_dagster.domain.monitor import health
from datahub_dagster.ports import Hub

NOBODY = "nobody"  # in the place of a scope: SLOs that none evaluates
_MOST_NAMED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class UnwatchedMemory:
    """What is known of SLOs that no monitor evaluates.

    Args:
        asked_at: When it was asked last (UTC).
        teams: Since when each team has such SLOs, as far as was asked (UTC).
        told: The teams of which people were told.
    """

    asked_at: datetime | None = None
    teams: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    told: tuple[str, ...] = ()


def alerts_of_monitors(
    hub: Hub, own_scope: str, told: Sequence[str], max_age: timedelta, now: datetime
) -> tuple[list[Alert], tuple[str, ...]]:
    """Which other scopes were not heard of for long and which are back; and those that are silent now.

    A scope whose SLOs are evaluated by another one, or that are promised no more, is missed by nobody.

    Args:
        hub: Where monitors leave their signs of life.
        own_scope: The one that asks: it would not, were it silent itself.
        told: Scopes that were told as silent.
        max_age: How long a monitor may be silent.
        now: The instant asked about.
    """
    heartbeats = hub.monitor_log.heartbeats()
    exist = {str(name) for name in hub.book().datasets}
    alerts: list[Alert] = []
    silent: list[str] = []
    for each in heartbeats:
        promised = {dataset: names for dataset, names in each.slos.items() if dataset in exist}
        nobody = health(promised, heartbeats, now, max_age).silent
        if each.scope == own_scope or not nobody or abs(now - each.at) <= max_age:
            continue
        silent.append(each.scope)
        if each.scope not in told:
            facts = {"since": each.at.isoformat(), "slos": sum(map(len, nobody.values()))}
            alerts.append(_silence(each.scope, Stage.OPEN, now, facts))
    alerts += [_silence(scope, Stage.OVER, now, {}) for scope in told if scope not in silent]
    return alerts, tuple(silent)


def unwatched_slos(hub: Hub, silent: Sequence[str], max_age: timedelta) -> Mapping[str, Mapping[str, int]]:
    """How many SLOs no monitor evaluates, by team and dataset: no code location shows them, or it never started.

    Of a team that was watched once, and whose files can't be read now, its own monitor tells (`slo-unknown`).

    Args:
        hub: The hub.
        silent: Scopes that are told as silent: what they evaluated is told with them.
        max_age: How old a monitor's sign of life may be.
    """
    health = pipeline.monitor_health(hub, max_age)
    known = [each.slos for each in health.heartbeats if each.scope in silent]
    teams = {str(name): contract.team for name, contract in hub.book().datasets.items()}
    found: dict[str, dict[str, int]] = {}
    for dataset, names in health.silent.items():
        told = {name for slos in known for name in slos.get(dataset, ())}
        if dataset in teams and (count := len(set(names) - told)):
            found.setdefault(teams[dataset], {})[dataset] = count
    return found


def alerts_of_unwatched(
    unwatched: Mapping[str, Mapping[str, int]], memory: UnwatchedMemory, max_age: timedelta, now: datetime
) -> tuple[list[Alert], UnwatchedMemory]:
    """Whether SLOs have been without a monitor for long, and what is known of them from now on.

    Args:
        unwatched: See `unwatched_slos`.
        memory: What was known when it was asked last.
        max_age: How long they may be, while somebody asks: a location that has just started knows nothing of before.
        now: The instant asked about.
    """
    was_away = memory.asked_at is None or abs(now - memory.asked_at) > max_age
    known = {team: at for team, at in memory.teams.items() if team in memory.told or not was_away}
    since = {team: known.get(team, now) for team in sorted(unwatched)}
    for_long = [team for team, at in since.items() if team in memory.told or now - at > max_age]
    alerts: list[Alert] = []
    if not set(for_long) <= set(memory.told):
        slos = {dataset: count for team in for_long for dataset, count in unwatched[team].items()}
        facts = {
            "since": min(since[team] for team in for_long).isoformat(),
            "slos": sum(slos.values()),
            "teams": for_long[:_MOST_NAMED],
            "datasets": list(slos)[:_MOST_NAMED],
        }
        alerts.append(_silence(NOBODY, Stage.OPEN, now, facts, level=float(len(for_long))))
    elif memory.told and not for_long:
        alerts.append(_silence(NOBODY, Stage.OVER, now, {}))
    return alerts, UnwatchedMemory(asked_at=now, teams=since, told=tuple(for_long))


def _silence(
    scope: str, stage: Stage, at: datetime, facts: Mapping[str, object], level: float = 1.0
) -> Alert:
    return Alert(
        kind=AlertKind.MONITOR_SILENT,
        key=f"monitor-silent/{scope}",
        stage=stage,
        team="",
        at=at,
        level=level,
        facts=facts,
    )
