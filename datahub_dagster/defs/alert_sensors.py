"""What goes wrong in Dagster itself, as alerts: runs and sensors that fail, freshness that only Dagster knows of, silent monitors.

What is noticed stands in `run_watch`, `tick_watch` and `monitor_watch`; here is the sensor that asks, raises, and remembers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange
from pydantic import TypeAdapter

from datahub_dagster.defs import monitor_watch, run_watch, tick_watch
from datahub_dagster.defs.monitor_sensor import ALL, scope_of
from datahub_dagster.defs.names import asset_key
from datahub_dagster.defs.resources import HubResource
from datahub_dagster.defs.shown import Shown
from datahub_dagster.domain.alert import Alert, AlertKind, Stage
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.monitor import MAX_AGE

MISSED_INTERVALS = 5  # so many without a sign of life, and a monitor is silent
_PAGE = 500
_BAD = {FreshnessState.WARN: 1.0, FreshnessState.FAIL: 2.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What the sensor keeps until its next tick.

    Args:
        freshness_event: Dagster's number of the last change of freshness that was looked at.
        silent: Scopes whose monitor was told as silent.
        unwatched: SLOs that no monitor evaluates.
    """

    runs: run_watch.RunMemory = field(default_factory=run_watch.RunMemory)
    failing: tuple[str, ...] = ()
    freshness_event: int = 0
    silent: tuple[str, ...] = ()
    unwatched: monitor_watch.UnwatchedMemory = field(default_factory=monitor_watch.UnwatchedMemory)


_CURSOR = TypeAdapter(Memory)


def alert_sensor(shown: Shown) -> dg.SensorDefinition:
    """One for all: it asks Dagster's database a handful of questions, however many datasets there are."""
    settings = shown.settings
    own_scope = scope_of(settings)
    # Each location has jobs and sensors of the same names.
    suffix = "" if own_scope == ALL else f" ({own_scope})"
    plain = {
        asset_key(each.name): each for each in shown.contracts if promises_dbt_freshness_alone(shown, each)
    }
    max_age = max(MAX_AGE, timedelta(seconds=MISSED_INTERVALS * settings.monitor_interval_seconds))

    @dg.sensor(
        name="hub_alerts",
        minimum_interval_seconds=settings.monitor_interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Notices runs, sensors and schedules that fail, changes of dbt's own freshness, and monitors that are silent.",
    )
    def hub_alerts(context: dg.SensorEvaluationContext, hub: HubResource) -> dg.SensorResult:
        opened = hub.open()
        now = opened.clock.now()
        location = context.code_location_origin.location_name if context.code_location_origin else None
        watcher = run_watch.RunWatch(
            instance=context.instance,
            location=location,
            suffix=suffix,
            teams={asset_key(each.name): each.team for each in shown.contracts},
            dagster_url=settings.dagster_url,
        )

        def runs(memory: Memory) -> tuple[Sequence[Alert], Memory]:
            alerts, seen = watcher.look(memory.runs, now)
            return alerts, replace(memory, runs=seen)

        def ticks(memory: Memory) -> tuple[Sequence[Alert], Memory]:
            found = tick_watch.newest_ticks(context.instance, location)
            alerts, failing = tick_watch.alerts_of_ticks(found, memory.failing, now, suffix)
            return alerts, replace(memory, failing=failing)

        def freshness(memory: Memory) -> tuple[Sequence[Alert], Memory]:
            changes, last = changes_of_freshness(context.instance, memory.freshness_event)
            return alerts_of_freshness(changes, plain), replace(memory, freshness_event=last)

        def monitors(memory: Memory) -> tuple[Sequence[Alert], Memory]:
            alerts, silent = monitor_watch.alerts_of_monitors(opened, own_scope, memory.silent, max_age, now)
            return alerts, replace(memory, silent=silent)

        def unwatched(memory: Memory) -> tuple[Sequence[Alert], Memory]:
            is_asked = settings.does_shared_work  # one location asks for all teams
            found = monitor_watch.unwatched_slos(opened, memory.silent, max_age) if is_asked else {}
            alerts, known = monitor_watch.alerts_of_unwatched(found, memory.unwatched, max_age, now)
            return alerts, replace(memory, unwatched=known)

        memory = _CURSOR.validate_json(context.cursor) if context.cursor else Memory()
        told = 0
        for part in (runs, ticks, freshness, monitors, unwatched):
            try:
                alerts, after = part(memory)
                for alert in alerts:
                    opened.alerts.raise_alert(alert)
            except Exception:
                context.log.exception(
                    "%s could not be looked at, and will be at the next tick", part.__name__
                )
                continue
            told, memory = told + len(alerts), after
        return dg.SensorResult(
            skip_reason=f"{told} noticed" if told else "nothing is wrong",
            cursor=_CURSOR.dump_json(memory, exclude_defaults=True).decode(),
        )

    return hub_alerts


# ── Freshness that only Dagster knows of ─────────────────────────────────────────────────────────────────────────────


def promises_dbt_freshness_alone(shown: Shown, contract: Contract) -> bool:
    """Whether Dagster is the only one to judge a dataset's freshness. Of an SLO the monitor tells, and more exactly."""
    has_slo = contract.freshness_slos or any(
        str(contract.name) in consumer.slos for consumer in shown.consumers_of(contract)
    )
    return contract.dbt_freshness is not None and not has_slo


def changes_of_freshness(
    instance: dg.DagsterInstance, after: int
) -> tuple[Sequence[FreshnessStateChange], int]:
    """What Dagster has found since an event of its own, the oldest first; and the number of the newest."""
    changes: list[FreshnessStateChange] = []
    while True:
        # The instance's own method warns that Dagster's users have better ones; there is none for this event.
        records = instance.event_log_storage.get_event_records(
            dg.EventRecordsFilter(dg.DagsterEventType.FRESHNESS_STATE_CHANGE, after_cursor=after),
            limit=_PAGE,
            ascending=True,
        )
        for record in records:
            event = record.event_log_entry.dagster_event
            if event and isinstance(event.event_specific_data, FreshnessStateChange):
                changes.append(event.event_specific_data)
        after = records[-1].storage_id if records else after
        if len(records) < _PAGE:
            return changes, after


def alerts_of_freshness(
    changes: Sequence[FreshnessStateChange], contracts: Mapping[dg.AssetKey, Contract]
) -> list[Alert]:
    """How each dataset stands after some changes: only the last one of each is told.

    Args:
        changes: The oldest first.
        contracts: Those that are told.
    """
    newest = {change.key: change for change in changes if change.key in contracts}
    alerts: list[Alert] = []
    for key, change in newest.items():
        contract = contracts[key]
        if change.new_state not in (*_BAD, FreshnessState.PASS):
            continue
        alerts.append(
            Alert(
                kind=AlertKind.FRESHNESS_CHANGED,
                key=f"freshness-changed/{contract.name}",
                stage=Stage.OPEN if change.new_state in _BAD else Stage.OVER,
                team=contract.team,
                at=datetime.fromtimestamp(change.state_change_timestamp, UTC),
                dataset=str(contract.name),
                level=_BAD.get(change.new_state, 0.0),
                facts={"before": change.previous_state.value, "now": change.new_state.value},
            )
        )
    return alerts
