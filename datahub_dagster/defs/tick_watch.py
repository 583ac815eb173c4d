"""Sensors and schedules that fail, as alerts."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import dagster as dg
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorTick,
    InstigatorType,
    TickStatus,
)

from datahub_dagster.defs.run_watch import headline
from datahub_dagster.domain.alert import Alert, AlertKind, Stage

_ENDED = [TickStatus.SUCCESS, TickStatus.SKIPPED, TickStatus.FAILURE]
# A sensor looks again in a minute, and one answer that came too late is no news; a schedule may only tick tomorrow.
_IN_A_ROW = {InstigatorType.SENSOR: 2, InstigatorType.SCHEDULE: 1}

Ticks = Mapping[str, tuple[InstigatorType, Sequence[InstigatorTick]]]
"""The newest ticks that have ended, the newest first, by name of the sensor or schedule."""


def newest_ticks(instance: dg.DagsterInstance, location: str | None) -> Ticks:
    """Those of all sensors and schedules of a code location that are switched on; None = of every location."""
    if instance.schedule_storage is None:
        return {}  # an instance that only runs jobs
    states = instance.all_instigator_state(
        instigator_statuses={InstigatorStatus.RUNNING, InstigatorStatus.DECLARED_IN_CODE}
    )
    found: dict[str, tuple[InstigatorType, Sequence[InstigatorTick]]] = {}
    for state in states:
        if location not in (None, _location(state)):
            continue
        # One by one: the question for all at once ranks every tick that is kept, and fails where statuses are named (1.13).
        ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=2, statuses=_ENDED)
        if ticks:
            found[state.instigator_name] = state.instigator_type, ticks
    return found


def _location(state: InstigatorState) -> str:
    return state.origin.repository_origin.code_location_origin.location_name


def alerts_of_ticks(
    ticks: Ticks, failing: Iterable[str], now: datetime, suffix: str = ""
) -> tuple[list[Alert], tuple[str, ...]]:
    """Which of them fail and did not before, and which work again or were switched off; and the names of those that fail now.

    Args:
        ticks: Those of now.
        failing: Names of those that were told as failing.
        now: The instant asked about.
        suffix: What tells them from those of the same name in another code location.
    """
    before = set(failing)
    alerts: list[Alert] = []
    still: set[str] = set()
    for name, (kind, newest) in ticks.items():
        row = newest[: _IN_A_ROW[kind]]
        has_failed = newest[0].status is TickStatus.FAILURE
        if has_failed and (name in before or all(each.status is TickStatus.FAILURE for each in row)):
            still.add(name)
    for name in sorted(still - before):
        tick = ticks[name][1][0]
        error = headline(tick.error.message if tick.error else "")
        alerts.append(_alert(f"{name}{suffix}", Stage.OPEN, _ended_at(tick), error))
    for name in sorted(before - still):
        ended_at = _ended_at(ticks[name][1][0]) if name in ticks else now
        alerts.append(_alert(f"{name}{suffix}", Stage.OVER, ended_at))
    return alerts, tuple(sorted(still))


def _alert(sensor: str, stage: Stage, at: datetime, error: str = "") -> Alert:
    return Alert(
        kind=AlertKind.SENSOR_FAILED,
        key=f"sensor-failed/{sensor}",
        stage=stage,
        team="",
        at=at,
        level=1.0,
        facts={"sensor": sensor} | ({"error": error} if error else {}),
    )


def _ended_at(tick: InstigatorTick) -> datetime:
    return datetime.fromtimestamp(tick.end_timestamp or tick.timestamp, UTC)
