"""Alerts of each kind, and messages, for tests of what people read and how it reaches them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from datahub_dagster.adapters.notify.apprise_channels import AppriseChannels
from datahub_dagster.adapters.notify.targets import TargetFile
from datahub_dagster.adapters.notify.texts import TemplateTexts
from datahub_dagster.domain.alert import Alert, AlertKind, Digest, DigestItem, Incident, Message, Stage, Told
from datahub_dagster.domain.contract import Language, Support

AT = datetime(2026, 11, 24, 9, 31, tzinfo=UTC)
TEXTS = TemplateTexts("https://hub.example.com/docs/")

_CONSUMERS = [
    {"label": "Morning signal", "at": "2026-11-24T09:30:00+00:00", "already": True},
    {"label": "Weekly report", "at": "2026-11-24T23:00:00+00:00", "already": False},
]
_PROMISE = {
    "slo": "freshness",
    "timezone": "Asia/Tokyo",
    "promised": "by 18:30 Asia/Tokyo, each XTKS session",
    "promise": {
        "due": "18:30",
        "timezone": "Asia/Tokyo",
        "calendar": "XTKS",
        "covers": 0,
        "grace_seconds": 0,
    },
    "grace_seconds": 0,
    "business_date": "2026-11-24",
    "due_at": "2026-11-24T09:30:00+00:00",
    "consumers": _CONSUMERS,
}
_CHECKS = [
    {"check": "not_null_daily_prices_ticker", "failures": 3},
    {"check": "hub_row_count", "failures": 1204},
]
FACTS: dict[AlertKind, dict[str, Any]] = {
    AlertKind.SLO_MISSED: _PROMISE | {"late_seconds": 64, "budget_left": 0.67},
    AlertKind.SLO_AT_RISK: _PROMISE | {"consumers": _CONSUMERS[1:]},
    AlertKind.BUDGET_BURNS: {
        "slo": "for_morning_signal",
        "burn_rate": 6.2,
        "budget_left": -0.2,
        "attainment": 0.96123,
        "objective": 0.99,
        "window_seconds": 90 * 86_400,
    },
    AlertKind.SLO_UNKNOWN: {"slo": "freshness", "reason": "generation 7 is missing"},
    AlertKind.REJECTED: {
        "release": "2026-11-24.1",
        "delivery": "evening",
        "why": "2 checks fail",
        "checks": _CHECKS,
        "partitions": ["2026-11-20", "2026-11-24"],
        "consumers": _CONSUMERS,
    },
    AlertKind.WARNED: {
        "release": "2026-11-24.1",
        "delivery": "evening",
        "warnings": ["hub_between_close: 2 failures"],
        "checks": _CHECKS[:1],
    },
    AlertKind.CHECKS_FAILED: {"checks": _CHECKS, "consumers": _CONSUMERS[:1]},
    AlertKind.ROLLED_BACK: {
        "generation": 9,
        "restores": 7,
        "release": "2026-11-20.1",
        "reason": "prices of another day",
        "actor": "hanako",
    },
    AlertKind.FRESHNESS_CHANGED: {"before": "PASS", "now": "FAIL"},
    AlertKind.RUN_FAILED: {
        "job": "nightly_checks",
        "run_id": "ab12",
        "error": "MemoryError",
        "url": "https://dagster.example.com/runs/ab12",
    },
    AlertKind.SENSOR_FAILED: {"sensor": "inbox_sensor", "error": "no answer"},
    AlertKind.CONTRACT_DEPRECATED: {"sunset_date": "2027-03-31", "successor": "equities.prices_v2"},
    AlertKind.MONITOR_SILENT: {"since": "2026-11-24T08:00:00+00:00", "slos": 17},
}
_OF_THE_PLATFORM = (AlertKind.RUN_FAILED, AlertKind.SENSOR_FAILED, AlertKind.MONITOR_SILENT)
WITHOUT_END = (AlertKind.ROLLED_BACK,)


def item(kind: AlertKind, told: Told = Told.NEW, **values: Any) -> DigestItem:
    of_incident = {key: values.pop(key) for key in list(values) if key.startswith(("acknowledged", "id"))}
    is_platforms = kind in _OF_THE_PLATFORM
    defaults: dict[str, Any] = {
        "kind": kind,
        "key": f"{kind}/equities.daily_prices",
        "stage": Stage.OVER if told is Told.OVER else Stage.OPEN,
        "team": "" if is_platforms else "markets",
        "dataset": "" if is_platforms else "equities.daily_prices",
        "at": AT,
        "facts": FACTS[kind],
    }
    alert = Alert(**(defaults | values))
    incident = Incident(
        **({"id": "1a2b3c4", "key": alert.key, "opened_at": AT, "alert": alert} | of_incident)
    )
    return DigestItem(incident=incident, told=told)


def render(
    *items: DigestItem, language: Language = Language.ENGLISH, texts: TemplateTexts = TEXTS
) -> tuple[str, str]:
    return texts.render(Digest(team=items[0].incident.alert.team, language=language, items=items))


def message(to: str, **values: Any) -> Message:
    tool, _, channel = to.partition(":")
    defaults: dict[str, Any] = {
        "id": "m1",
        "route": Support(tool=tool, channel=channel),
        "language": Language.ENGLISH,
        "subject": "equities.daily_prices is late",
        "text": "First line\n\n  promised   by 18:30\n  next       datahub show equities.daily_prices\n",
        "team": "markets",
        "incidents": ("a1",),
        "told": (Told.NEW,),
        "created_at": AT,
        "not_before": AT,
    }
    return Message(**(defaults | values))


def channels(folder: Path, targets: Mapping[str, str]) -> AppriseChannels:
    """Channels whose targets file holds these."""
    file = folder / "targets.yaml"
    file.write_text("".join(f'"{key}": "{url}"\n' for key, url in targets.items()))
    return AppriseChannels(TargetFile(file, {}))
