"""Alerts, incidents, baselines and messages as values: what happened, what is still wrong, what is known, what people are told.

An *alert* says what was noticed. Alerts with the same key belong to one *incident*, which is open until an alert says that it is
over. People are told when an incident opens, gets worse and ends, in *messages*, one for each channel, grouped by team.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from datahub_dagster.domain.contract import Language, Support, digest


class AlertKind(StrEnum):
    """What an alert is about. After each, the keys of its `facts`; instants are ISO 8601 in UTC, lengths are seconds.

    Every alert about a dataset may have `consumers`: who is affected, each with `label`, `at` (since when) and `already` (whether
    that has come), and has `timezone`: on whose clocks people are told.
    """

    # Of freshness: `promised` in English words, `promise` as `FreshnessSlo` has it, and since its deadline, which is `grace_seconds`
    # after `due_at`, it is late.
    SLO_MISSED = "slo-missed"  # slo, …, business_date, due_at, grace_seconds, late_seconds, budget_left; over: answered_at
    SLO_AT_RISK = "slo-at-risk"  # slo, …, business_date, due_at, grace_seconds
    BUDGET_BURNS = "budget-burns"  # slo, burn_rate, budget_left, attainment, objective, window_seconds
    SLO_UNKNOWN = "slo-unknown"  # slo, reason
    # partitions: [key] that are still refused, of all deliveries; over: those that were brought, none = whatever was refused
    REJECTED = "rejected"  # release, delivery, why, checks: [{check, failures}], partitions; over: release, partitions
    WARNED = "warned"  # release, delivery, warnings: [text] that no check gave, checks: [{check, failures}]; over: release
    CHECKS_FAILED = "checks-failed"  # checks: [{check, failures}]; on data that are published
    ROLLED_BACK = "rolled-back"  # generation, restores, release, reason, actor
    FRESHNESS_CHANGED = "freshness-changed"  # before, now; Dagster's own words
    RUN_FAILED = "run-failed"  # job, run_id, error, url
    SENSOR_FAILED = "sensor-failed"  # sensor, error
    CONTRACT_DEPRECATED = "contract-deprecated"  # sunset_date, successor
    MONITOR_SILENT = "monitor-silent"  # since, slos: how many nobody evaluates; teams and datasets where no monitor ever did


class Stage(StrEnum):
    """What an alert says of its incident. `happened`: it has no duration, and is over as soon as it was told."""

    OPEN = "open"
    OVER = "over"
    HAPPENED = "happened"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that was noticed at an instant (UTC).

    Args:
        key: What makes it one incident with others, unique over kinds: `slo-missed/equities.daily_prices/freshness/2026-11-20`.
        team: Whose it is; empty = the platform's own.
        dataset: `source.table`; empty = none.
        level: How bad it is, in a number that only ever is compared with those of the same key: failures, or seconds late.
        facts: What the templates say; see `AlertKind`. JSON values.
        to: Who else is told beside the dataset's own channels: e-mail addresses of consumers.
    """

    kind: AlertKind
    key: str
    stage: Stage
    team: str
    at: datetime
    dataset: str = ""
    level: float = 0.0
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    to: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The same alert, noticed by two processes or twice, has the same id."""
        return digest(self.key, self.stage.value, self.at.isoformat(), repr(float(self.level)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """What is wrong, or was, from its first alert to its last.

    Args:
        id: Short enough to type: `datahub ack <id>`.
        alert: The newest alert.
        told_level: The worst level that people were told.
        told_at: When they were told last; None = not yet (quiet, or accepted as known).
        closed_at: When it was over.
        acknowledged_by: Who takes care; then nobody is reminded.
    """

    id: str
    key: str
    opened_at: datetime
    alert: Alert
    told_level: float = 0.0
    told_at: datetime | None = None
    closed_at: datetime | None = None
    acknowledged_by: str = ""
    acknowledged_at: datetime | None = None
    acknowledged_reason: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it is not over."""
        return self.closed_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A failure that is known and accepted until a day: nobody is told of it unless it gets worse.

    Args:
        check: Name of an asset check: a data test's, or `slo_<name>`.
        level: Up to which level it is accepted: failures, or seconds late.
        until: The first instant (UTC) at which it counts again.
    """

    dataset: str
    check: str
    level: float
    until: datetime
    reason: str
    actor: str
    accepted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A text on its way to one channel.

    Args:
        route: Where it goes; `url` is not read.
        incidents: Ids of the incidents that it tells of.
        told: What it says of each, in the same order.
        not_before: When it may be sent: at once, after quiet hours, or at the next try.
        attempts: How often it was tried in vain, and `error` why the last time.
        sent_at: When it was taken by the channel, or kept because nothing is configured for it.
        kept: Whether it went nowhere but to the outbox, as the settings name no target for its channel.
    """

    id: str
    route: Support
    language: Language
    subject: str
    text: str
    team: str
    incidents: tuple[str, ...]
    created_at: datetime
    not_before: datetime
    told: tuple["Told", ...] = ()
    attempts: int = 0
    error: str = ""
    sent_at: datetime | None = None
    kept: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """What one message tells: alerts of one team that belong together, with what is to be said of each."""

    team: str
    language: Language
    items: tuple["DigestItem", ...]


class Told(StrEnum):
    """Why an incident is told now."""

    NEW = "new"
    WORSE = "worse"
    REMINDER = "reminder"
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestItem:
    """One incident in a message."""

    incident: Incident
    told: Told


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerting:
    """How the platform wants people to be told.

    Args:
        language: Where a channel says none.
        remind_after: An incident that nobody acknowledged is told again after so long; nothing = never.
        platform: Where alerts go that are no team's.
    """

    language: Language = Language.ENGLISH
    remind_after: timedelta = timedelta(hours=24)
    platform: tuple[Support, ...] = ()
