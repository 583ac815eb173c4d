"""What the monitor remembers of whole datasets, and what it says of itself. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from datahub_dagster.domain import monitor_alerts
from datahub_dagster.domain.alert import Alert, AlertKind, Stage
from datahub_dagster.domain.alert_routes import EMAIL
from datahub_dagster.domain.contract import Consumer, Contract, ContractBook
from datahub_dagster.domain.monitor import (
    MOST_NOTED,
    DatasetMemory,
    Heartbeat,
    MonitorMemory,
    Problem,
    SloMemory,
    Waiting,
    next_look,
    promise_key,
    slo_names,
)
from datahub_dagster.domain.monitor_changes import Changes, Look, after_look
from datahub_dagster.domain.names import DatasetName
from datahub_dagster.domain.promise import Promise, promise_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A dataset, what is promised of it now, and what is remembered."""

    contract: Contract
    consumers: Sequence[Consumer]
    promise: Promise
    promised: str
    before: DatasetMemory | None

    @property
    def slos(self) -> tuple[str, ...]:
        """Names of its SLOs."""
        return slo_names(self.promise)

    @property
    def is_as_promised(self) -> bool:
        """Whether the same was promised at the last look."""
        return self.before is not None and self.before.promised == self.promised

    def must_be_looked_at(self, now: datetime) -> bool:
        """Whether something may be new, or the clock went backwards since."""
        if self.before is None or self.before.looked_at is None or not self.is_as_promised:
            return True
        return now >= self.before.next_at or now < self.before.looked_at


def watch(
    contracts: Sequence[Contract], book: ContractBook, memory: MonitorMemory, now: datetime
) -> Mapping[str, Watched]:
    """The datasets with what is known of them, by `source.table`."""
    readers: dict[DatasetName, list[Consumer]] = {}
    for consumer in book.consumers:
        for name in consumer.depends_on:
            readers.setdefault(name, []).append(consumer)
    found: dict[str, Watched] = {}
    for contract in contracts:
        consumers = readers.get(contract.name, [])
        promise = promise_of(contract, consumers, now)
        found[str(contract.name)] = Watched(
            contract=contract,
            consumers=consumers,
            promise=promise,
            promised=promise_key(promise, contract),
            before=memory.datasets.get(str(contract.name)),
        )
    return found


def to_look_at(watched: Mapping[str, Watched], now: datetime) -> Sequence[Watched]:
    """The datasets to look at in a tick. Of those whose promise must be noted first some wait for the next one."""
    chosen = [each for each in watched.values() if each.must_be_looked_at(now)]
    # Known ones first, as something of theirs may be due.
    changed = sorted(
        (each for each in chosen if not each.is_as_promised), key=lambda each: each.before is None
    )
    return [*(each for each in chosen if each.is_as_promised), *changed[:MOST_NOTED]]


def after(each: Watched, look: Look, changes: Changes) -> DatasetMemory:
    """What is remembered of a dataset after a look; what is new goes to `changes`."""
    before, name = each.before, str(each.contract.name)
    known = before.slos if before else dict[str, SloMemory]()
    looked = {
        found.slo.name: after_look(look, found, known.get(found.slo.name, SloMemory()), changes)
        for found in look.slos
    }
    slos = {name: looked.get(name) or known.get(name) or SloMemory() for name in each.slos}
    if before and (dropped := {slo: memory for slo, memory in known.items() if slo not in slos}):
        forget(name, replace(before, slos=dropped, deprecated=0), look.at, changes)
    level = monitor_alerts.deprecation_level(each.contract, look.at.date())
    if level != (before.deprecated if before else 0):
        changes.alerts.append(monitor_alerts.deprecated(each.contract, each.consumers, level, look.at))
    if look.problem:  # the next tick tries again, and catches up
        base = before or DatasetMemory(team=each.contract.team, promised="", looked_at=None, next_at=look.at)
        return replace(base, slos=slos, next_at=look.at, reported_at=None, deprecated=level)
    wanted = [
        at
        for found in look.slos
        for at in (found.warn_at, found.coming.deadline_at if found.coming else None)
        if at
    ]
    is_same = before is not None and each.is_as_promised and look.seen == before.seen and slos == before.slos
    return DatasetMemory(
        team=each.contract.team,
        promised=each.promised,
        changed_at=before.changed_at if before and each.is_as_promised else look.at,
        looked_at=look.at,
        next_at=next_look(name, slos, wanted, look.at),
        seen=look.seen,
        reported_at=before.reported_at if before and is_same else None,
        is_adopted=bool(before and before.is_adopted),
        deprecated=level,
        owners=_addresses(each.contract),
        noted=look.noted,
        slos=slos,
    )


def _addresses(contract: Contract) -> tuple[str, ...]:
    support = (route.channel for route in contract.support if route.tool == EMAIL)
    return tuple(dict.fromkeys((*support, *contract.owners)))


def forget(dataset: str, memory: DatasetMemory, at: datetime, changes: Changes) -> None:
    """A dataset, or some of its SLOs, is promised no longer: whatever was wrong with it is over."""

    def over(kind: AlertKind, slo: str = "", business_date: str = "") -> None:
        parts = (kind.value, dataset, slo, business_date)
        changes.alerts.append(
            Alert(
                kind=kind,
                key="/".join(part for part in parts if part),
                stage=Stage.OVER,
                team=memory.team,
                at=at,
                dataset=dataset,
                facts={"slo": slo, "answered_at": None} if slo else {},
            )
        )

    for name, slo in memory.slos.items():
        for business_date, _ in slo.missing:
            over(AlertKind.SLO_MISSED, name, business_date)
        if slo.at_risk:
            over(AlertKind.SLO_AT_RISK, name, slo.at_risk)
        if slo.told_unknown:
            over(AlertKind.SLO_UNKNOWN, name)
        if slo.burns is not None:
            over(AlertKind.BUDGET_BURNS, name)
    if memory.deprecated:
        over(AlertKind.CONTRACT_DEPRECATED)


def unreadable(
    dataset: str, memory: DatasetMemory, reason: str, at: datetime, changes: Changes
) -> DatasetMemory:
    """What stays remembered of a dataset whose contract can't be read: nobody knows how its SLOs stand, and people are told so."""
    slos: dict[str, SloMemory] = {}
    for name, slo in memory.slos.items():
        if not slo.told_unknown:
            changes.alerts.append(
                Alert(
                    kind=AlertKind.SLO_UNKNOWN,
                    key=f"{AlertKind.SLO_UNKNOWN}/{dataset}/{name}",
                    stage=Stage.OPEN,
                    team=memory.team,
                    at=at,
                    dataset=dataset,
                    facts={"slo": name, "reason": reason},
                    to=memory.owners,
                )
            )
        slos[name] = replace(slo, blind=reason, told_unknown=True)
    # Once it can be read, it is looked at and reported at once.
    return replace(memory, slos=slos, next_at=at, reported_at=None)


def still_promised(waiting: Sequence[Waiting], watched: Mapping[str, Watched]) -> tuple[Waiting, ...]:
    """Without the evaluations of what is promised no longer."""
    return tuple(
        each for each in waiting if each.dataset in watched and each.slo in watched[each.dataset].slos
    )


def heartbeat(
    scope: str, memory: MonitorMemory, watched: Mapping[str, Watched], looks: Sequence[Look], at: datetime
) -> Heartbeat:
    """The sign of life after a tick that began at an instant (UTC); how long it took is not known yet."""
    slos = [slo for each in memory.datasets.values() for slo in each.slos.values()]
    evaluated = {
        name: tuple(slo for slo in each.slos if slo in memory.datasets[name].slos)
        for name, each in watched.items()
        if name in memory.datasets
    }
    return Heartbeat(
        scope=scope,
        number=memory.number,
        at=at,
        seconds=0.0,
        looked=len(looks),
        slos={name: names for name, names in evaluated.items() if names},
        unknown=sum(slo.is_unknown for slo in slos),
        waiting=len(memory.waiting),
        problems=tuple(
            Problem(dataset=str(look.contract.name), reason=look.problem) for look in looks if look.problem
        ),
        next_due_at=min((s.next_due_at for s in slos if s.next_due_at and s.next_due_at > at), default=None),
    )
