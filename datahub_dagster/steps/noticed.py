"""Raise alerts for what became of a delivery, a rollback or a check: who is told of them, and when, is decided elsewhere."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from datahub_dagster.domain.alert import Alert, AlertKind, Stage
from datahub_dagster.domain.audit import AuditReport, CheckStatus
from datahub_dagster.domain.contract import Consumer, Contract
from datahub_dagster.domain.monitor_alerts import About, came
from datahub_dagster.domain.release import Generation, ReleaseRecord, ReleaseState
from datahub_dagster.domain.slo_words import quality_zone
from datahub_dagster.domain.verdict import DueResult, Verdict
from datahub_dagster.ports import Hub

_FAILED = (CheckStatus.FAIL, CheckStatus.ERROR)


def raise_for_record(hub: Hub, contract: Contract, record: ReleaseRecord) -> None:
    """What follows from the end of a delivery's way."""
    if record.state is ReleaseState.REJECTED:
        hub.alerts.raise_alert(_rejected(contract, record))
    elif record.state is ReleaseState.PUBLISHED:
        for alert in _published(hub, contract, record):
            hub.alerts.raise_alert(alert)


def raise_for_rollback(hub: Hub, contract: Contract, generation: Generation) -> None:
    """Owners and consumers hear that an older content is published again, and why."""
    facts = {
        "generation": generation.number,
        "restores": generation.restores,
        "release": str(generation.release_id),
        "reason": generation.reason,
        "actor": generation.actor,
    }
    key = f"{AlertKind.ROLLED_BACK.value}/{contract.name}/{generation.number}"
    emails = _emails(hub.book().consumers_of(contract.name))
    at = generation.published_at
    hub.alerts.raise_alert(
        _alert(contract, AlertKind.ROLLED_BACK, Stage.HAPPENED, at, facts, key=key, to=emails)
    )


def raise_for_checks(
    hub: Hub, contracts: Iterable[Contract], reports: Sequence[AuditReport], now: datetime
) -> None:
    """Tests on published data that fail, and those that no longer do."""
    by_name = {contract.name: contract for contract in contracts}
    keys = {report.dataset: _key(AlertKind.CHECKS_FAILED, by_name[report.dataset]) for report in reports}
    was_bad = hub.alerts.open_keys(keys.values())
    for report in reports:
        contract = by_name[report.dataset]
        failing = _checks(report, _FAILED)
        if failing:
            facts = {"checks": failing}
            alert = _alert(
                contract, AlertKind.CHECKS_FAILED, Stage.OPEN, now, facts, level=_failures(failing)
            )
            hub.alerts.raise_alert(alert)
        elif keys[report.dataset] in was_bad:
            hub.alerts.raise_alert(_alert(contract, AlertKind.CHECKS_FAILED, Stage.OVER, now, {}))


def _rejected(contract: Contract, record: ReleaseRecord) -> Alert:
    against = {block.check_name for block in record.blocks}
    checks = [each for each in _checks(record.audit, tuple(CheckStatus)) if each["check"] in against]
    answered = {each["check"] for each in checks}
    checks += [{"check": name, "failures": None} for name in sorted(filter(None, against - answered))]
    facts = _of(record) | {"why": record.why, "checks": checks, "partitions": list(record.partitions)}
    level = _failures(checks) + len(record.faults)
    return _alert(contract, AlertKind.REJECTED, Stage.OPEN, record.finished_at, facts, level=level)


def _published(hub: Hub, contract: Contract, record: ReleaseRecord) -> Iterator[Alert]:
    """First what is over."""
    assert record.published_at is not None
    late = list(_late(hub, contract, record, record.published_at))
    rejected, warned = (_key(kind, contract) for kind in (AlertKind.REJECTED, AlertKind.WARNED))
    was_open = hub.alerts.open_keys({rejected, warned, *(alert.key for alert in late)})
    if rejected in was_open:
        # In mode `replace` any release brings all that was refused.
        brought = list(record.partitions) if contract.partitions else []
        facts = {"release": str(record.release_id), "partitions": brought}
        yield _alert(contract, AlertKind.REJECTED, Stage.OVER, record.finished_at, facts)
    # What was due before there was any promise is nobody's concern, unless people were told of it.
    yield from (alert for alert in late if alert.key in was_open or record.generation != 1)
    checks = _checks(record.audit, (CheckStatus.WARN,))
    others = record.warnings[: len(record.warnings) - len(checks)]
    if checks or others:
        facts = _of(record) | {"warnings": list(others), "checks": checks}
        level = _failures(checks) + len(others)
        yield _alert(contract, AlertKind.WARNED, Stage.OPEN, record.finished_at, facts, level=level)
    elif warned in was_open:
        yield _alert(
            contract, AlertKind.WARNED, Stage.OVER, record.finished_at, {"release": str(record.release_id)}
        )


def _late(hub: Hub, contract: Contract, record: ReleaseRecord, published_at: datetime) -> Iterator[Alert]:
    slos = {slo.name: slo for slo in contract.freshness_slos}
    verdicts = [verdict for verdict in record.due if not verdict.met and verdict.slo in slos]
    consumers = hub.book().consumers_of(contract.name) if verdicts else ()
    for verdict in verdicts:
        slo = slos[verdict.slo]
        result = DueResult(
            slo=slo.name,
            business_date=verdict.business_date,
            due_at=verdict.due_at - slo.grace,
            deadline_at=verdict.due_at,
            verdict=Verdict.LATE,
            answered_at=published_at,
            late=timedelta(seconds=verdict.late_seconds),
        )
        yield came(About(contract, consumers, slo.name, slo), result, published_at, None)


def _checks(report: AuditReport | None, statuses: Sequence[CheckStatus]) -> list[dict[str, Any]]:
    return [
        {"check": result.check_name, "failures": result.failures}
        for result in (report.results if report else ())
        if result.status in statuses
    ]


def _failures(checks: Sequence[Mapping[str, Any]]) -> float:
    """How many rows fail; a test that could not run counts as one."""
    return float(sum(check["failures"] or 1 for check in checks))


def _of(record: ReleaseRecord) -> dict[str, Any]:
    return {"release": str(record.release_id), "delivery": record.delivery}


def _emails(consumers: Iterable[Consumer]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.owner_email for each in consumers if each.owner_email))


def _key(kind: AlertKind, contract: Contract) -> str:
    return f"{kind.value}/{contract.name}"


def _alert(
    contract: Contract,
    kind: AlertKind,
    stage: Stage,
    at: datetime,
    facts: Mapping[str, Any],
    *,
    level: float = 0.0,
    key: str = "",
    to: tuple[str, ...] = (),
) -> Alert:
    return Alert(
        kind=kind,
        key=key or _key(kind, contract),
        stage=stage,
        team=contract.team,
        at=at,
        dataset=str(contract.name),
        level=level,
        facts={"timezone": quality_zone(contract), **facts},
        to=to,
    )
