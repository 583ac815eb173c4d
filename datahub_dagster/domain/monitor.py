"""The monitor's values: what a tick found, what it remembers until the next one, and the sign of life that it leaves.

A *tick* looks at every dataset that must be looked at, and at no other: `next_look` says when that is. A *look* is cheap; it
tells what became of the due times since the last one. A *report* reads the whole window for the budget; a tick makes some.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import Final

from datahub_dagster.domain.alert import Alert
from datahub_dagster.domain.contract import Contract, digest
from datahub_dagster.domain.impact import Affected
from datahub_dagster.domain.promise import QUALITY, Promise
from datahub_dagster.domain.slo_report import SloReport
from datahub_dagster.domain.verdict import DeliveryResult, DueResult, Verdict

LOOK_EVERY: Final = timedelta(hours=1)  # at the latest: for rejected deliveries and rollbacks
REPORT_EVERY: Final = timedelta(days=1)  # at the latest: the window goes on though nothing is due
WATCH_FOR: Final = timedelta(days=1)  # so long is each tick asked whether something missed has come
WATCH_EVERY: Final = timedelta(minutes=10)  # and then so often
MOST_NOTED: Final = 2000  # new or changed promises a tick; to note one costs a write, and a tick must not take longer than a minute
MOST_MISSING: Final = 31  # of one SLO: a dataset that nobody delivers any more must not fill the memory
MAX_AGE: Final = timedelta(minutes=5)  # a monitor that was not heard of for longer is silent


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """News of one SLO.

    Args:
        report: The SLO over its window, as it stands now.
        result: The due time that it is about; the newest delivery for quality. None = nobody can say, and `report.problem` why.
        affected: Whom it hurts that the business date is not there, or was not.
    """

    contract: Contract
    report: SloReport
    result: DueResult | DeliveryResult | None
    affected: tuple[Affected, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A dataset that could not be evaluated, and why."""

    dataset: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """The sign of life that each tick leaves, for whoever watches the monitor.

    Args:
        at: When the tick began (UTC).
        seconds: How long it took.
        looked: Datasets that were looked at in this tick.
        slos: Names of all SLOs that this scope evaluates, by dataset; those of which it can only say that nobody knows are told as
            alerts, and count.
        unknown: How many of them nobody can say anything of now.
        waiting: Evaluations that are not handed out yet, or not confirmed.
        next_due_at: The next due time of any (UTC).
    """

    scope: str
    number: int
    at: datetime
    seconds: float
    looked: int
    slos: Mapping[str, tuple[str, ...]]
    unknown: int = 0
    waiting: int = 0
    problems: tuple[Problem, ...] = ()
    next_due_at: datetime | None = None
    pending_messages: int | None = None
    failed_messages: int | None = None

    @property
    def slo_count(self) -> int:
        """How many SLOs it evaluates."""
        return sum(map(len, self.slos.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorTick:
    """What one tick found.

    Args:
        evaluations: What is new, worst first; the caller that has stored them confirms this tick's number to the next tick.
        alerts: What was raised.
    """

    number: int
    heartbeat: Heartbeat
    evaluations: tuple[Evaluation, ...] = ()
    alerts: tuple[Alert, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SloMemory:
    """What a scope knows of one SLO.

    Args:
        promised_at: Since when it is promised (UTC).
        missing: Business dates that were missed and are not there yet, each with its deadline; the oldest first.
        at_risk: The business date that was told as at risk, due at `risk_due_at`; empty = none is.
        problem: Why nobody could say anything at the last look; empty = somebody could. `blind` likewise at the last report.
        doubt: Why the newest due time is unknown, likewise.
        warning: Why nobody will be able to say anything soon.
        told_unknown: Whether people were told of such a reason, and not yet that it is over.
        burns: The burn rate that was told; None = none is.
        newest: The release of the newest delivery that counts for quality.
    """

    promised_at: datetime | None = None
    missing: tuple[tuple[str, datetime], ...] = ()
    at_risk: str = ""
    risk_due_at: datetime | None = None
    problem: str = ""
    blind: str = ""
    doubt: str = ""
    warning: str = ""
    told_unknown: bool = False
    burns: float | None = None
    newest: str = ""
    attainment: float | None = None
    left: float | None = None
    next_due_at: datetime | None = None

    @property
    def is_unknown(self) -> bool:
        """Whether nobody can say how it stands."""
        return bool(self.problem or self.blind or self.doubt)

    @property
    def missing_since(self) -> datetime | None:
        """The newest deadline that passed without its business date, if that is still not there."""
        return self.missing[-1][1] if self.missing else None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetMemory:
    """What a scope knows of one dataset.

    Args:
        team: Whose it is.
        promised: `promise_key` of what was promised at the last look.
        changed_at: When another promise was taken up (UTC): for a while due times of the former one may still come.
        looked_at: Up to when due times were dealt with (UTC); None = none were, as there was a problem.
        next_at: When it must be looked at again (UTC).
        seen: The newest generation and the newest release that had ended: something new came where it differs.
        reported_at: When its last report was made; None = something is new since, or there was none.
        is_adopted: Whether its open incidents are known: those of another scope, or from before the memory was lost.
        deprecated: How urgently consumers were told to leave; see `deprecation_level`.
        owners: E-mail addresses of those who are told if its contract can't be read any more.
        noted: `contract_key` of the contract that is known to be in the log.
    """

    team: str
    promised: str
    looked_at: datetime | None
    next_at: datetime
    changed_at: datetime | None = None
    seen: str = ""
    reported_at: datetime | None = None
    is_adopted: bool = False
    deprecated: int = 0
    owners: tuple[str, ...] = ()
    noted: str = ""
    slos: Mapping[str, SloMemory] = field(default_factory=dict[str, SloMemory])


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An evaluation that somebody is to be handed. `handed` is the tick that last did; 0 = none yet."""

    dataset: str
    slo: str
    business_date: str
    verdict: Verdict
    at: datetime
    handed: int = 0

    @property
    def subject(self) -> tuple[str, str, str]:
        """What it is about; what is found later of the same takes its place."""
        return self.dataset, self.slo, self.business_date


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorMemory:
    """All that a scope remembers from one tick to the next. Lost, it is made anew."""

    number: int = 0
    datasets: Mapping[str, DatasetMemory] = field(default_factory=dict[str, DatasetMemory])
    waiting: tuple[Waiting, ...] = ()


_WORST_FIRST: Final = (Verdict.MISSED, Verdict.UNKNOWN, Verdict.LATE, Verdict.EXCUSED, Verdict.MET)


def by_urgency(waiting: Waiting) -> tuple[int, datetime, tuple[str, str, str]]:
    """The order in which evaluations are handed out: what is missed first, and of those the oldest."""
    return _WORST_FIRST.index(waiting.verdict), waiting.at, waiting.subject


def still_waiting(
    before: Sequence[Waiting], news: Sequence[Waiting], confirmed: int | None
) -> tuple[Waiting, ...]:
    """The evaluations to hand out, worst first: what nobody confirmed, and what is new.

    Args:
        before: Those of the memory.
        news: Found in this tick; they take the place of older ones about the same.
        confirmed: The tick whose evaluations the caller has stored; None = it wants nothing but the news.
    """
    kept = (
        [] if confirmed is None else [each for each in before if not each.handed or each.handed != confirmed]
    )
    return tuple(sorted({each.subject: each for each in (*kept, *news)}.values(), key=by_urgency))


def to_report(
    waiting: Sequence[Waiting], known: Mapping[str, DatasetMemory], most: int, now: datetime
) -> tuple[str, ...]:
    """The datasets to make a report of in a tick, at most so many: whose evaluations wait, worst first, then whose figures are old."""
    urgent = (each.dataset for each in waiting)
    old = (
        name for name, each in known.items() if not each.reported_at or now - each.reported_at >= REPORT_EVERY
    )
    return tuple(islice(dict.fromkeys(chain(urgent, old)), most))


def promise_key(promise: Promise, contract: Contract) -> str:
    """A digest of all that decides what is evaluated and told: a dataset with another one is looked at, at once."""
    parts = (
        promise.freshness, promise.quality, promise.partitions, contract.lifecycle, contract.sunset_date,
    )  # fmt: skip
    return digest(repr(parts))


def contract_key(contract: Contract) -> str:
    """A digest of all that a contract says: one with another digest is compared with what is noted of it in the log."""
    return digest(repr(contract))


def slo_names(promise: Promise) -> tuple[str, ...]:
    """Names of all SLOs of a promise."""
    return (*(slo.name for slo in promise.freshness), *((QUALITY,) if promise.quality else ()))


def next_number(last: int, now: datetime) -> int:
    """The number of a tick: higher than the last one, and higher than any before it though the memory be lost."""
    return max(last + 1, int(now.timestamp() * 1000))


def next_look(
    dataset: str, slos: Mapping[str, SloMemory], wanted: Sequence[datetime], now: datetime
) -> datetime:
    """When a dataset must be looked at again (UTC).

    Args:
        dataset: `source.table`.
        slos: As they are remembered from this look on.
        wanted: Deadlines and warnings to come.
        now: UTC.
    """
    missing_since = max((slo.missing_since for slo in slos.values() if slo.missing_since), default=None)
    if any(slo.at_risk for slo in slos.values()) or (missing_since and now - missing_since < WATCH_FOR):
        return now
    # Not all in the same minute: a first tick looks at all datasets at once.
    latest = now + LOOK_EVERY * (0.5 + 0.5 * int(digest(dataset)[:4], 16) / 0xFFFF)
    if missing_since is not None:
        latest = min(latest, now + WATCH_EVERY)
    return min([latest, *(at for at in wanted if at >= now)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether every SLO is evaluated by somebody.

    Args:
        slos: How many there are.
        silent: Those that nobody has evaluated lately, by dataset.
        heartbeats: The last of each scope.
        unread: Why the files of some teams can't be read: nobody knows what they promise.
    """

    slos: int
    silent: Mapping[str, tuple[str, ...]]
    heartbeats: tuple[Heartbeat, ...]
    unread: tuple[str, ...] = ()

    @property
    def is_fine(self) -> bool:
        """Whether somebody has evaluated each of them lately."""
        return not self.silent and not self.unread


def health(
    promised: Mapping[str, Sequence[str]], heartbeats: Sequence[Heartbeat], now: datetime, max_age: timedelta
) -> Health:
    """Whether somebody has evaluated every SLO lately; a sign of life from the future is none.

    Args:
        promised: All SLOs of the hub, by dataset.
        heartbeats: The last of each scope.
        now: UTC.
        max_age: How old a sign of life may be.
    """
    alive = [each for each in heartbeats if abs(now - each.at) <= max_age]
    silent: dict[str, tuple[str, ...]] = {}
    for dataset, names in promised.items():
        heard = {name for each in alive for name in each.slos.get(dataset, ())}
        if missed := tuple(name for name in names if name not in heard):
            silent[dataset] = missed
    return Health(slos=sum(map(len, promised.values())), silent=silent, heartbeats=tuple(heartbeats))
