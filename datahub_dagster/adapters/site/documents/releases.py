"""Deliveries with what each brought, and the generations that they made."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from datahub_dagster.adapters.site.documents.diffs import MOST_KEYS, release_diff
from datahub_dagster.adapters.site.documents.parts import instant, maybe, table
from datahub_dagster.adapters.site.documents.schema import (
    DeliveryDocument,
    FailingCheck,
    GenerationDocument,
    Published,
    ReleaseDiff,
)
from datahub_dagster.adapters.site.facts import DatasetFacts
from datahub_dagster.domain import words
from datahub_dagster.domain.audit import CheckResult, CheckStatus
from datahub_dagster.domain.outcome import Outcome
from datahub_dagster.domain.release import WHOLE, ReleaseRecord, ReleaseState
from datahub_dagster.domain.verdict import DueResult

MOST = 400
"""So many deliveries, and generations, are listed."""

_MOST_IN_DETAIL = 20  # of these deliveries statistics and failing rows are told, too


def published(facts: DatasetFacts) -> Published | None:
    """What is published now."""
    current = facts.status.current
    return current and Published(
        release=str(current.release_id),
        generation=current.number,
        business_date=facts.business_date,
        rows=facts.status.rows,
        bytes=facts.status.bytes,
        published_at=instant(current.published_at),
        rolled_back=facts.is_rolled_back,
        restores=current.restores,
        reason=current.reason,
        actor=current.actor,
    )


def deliveries(facts: DatasetFacts) -> list[DeliveryDocument]:
    """The newest deliveries, the newest first."""
    outcomes = facts.status.outcomes
    before = list(_published_before(facts))
    broken = _broken_due_times(facts)
    found = list(enumerate(zip(outcomes, before, strict=True), start=1))[-MOST:]
    detailed = len(outcomes) - _MOST_IN_DETAIL
    return [
        _delivery(facts, outcome, earlier, broken, in_detail=number > detailed)
        for number, (outcome, earlier) in reversed(found)
    ]


@dataclass(frozen=True, slots=True)
class _Before:
    """What was published when a delivery came: last, and last of the very same partitions."""

    last: ReleaseRecord
    same: ReleaseRecord | None


def _published_before(facts: DatasetFacts) -> Iterator[_Before | None]:
    last: ReleaseRecord | None = None
    by_keys: dict[frozenset[str], ReleaseRecord] = {}
    for outcome in facts.status.outcomes:
        record = outcome.record
        keys = frozenset(record.partitions) if record else frozenset[str]()
        yield last and _Before(last, by_keys.get(keys))
        if record and record.state is ReleaseState.PUBLISHED:
            last = by_keys[keys] = record


def _broken_due_times(facts: DatasetFacts) -> frozenset[tuple[str, str]]:
    """SLO and business date of what a budget counts as broken."""
    return frozenset(
        (report.name, result.business_date)
        for report in facts.slos
        for result in report.results
        if isinstance(result, DueResult) and result.verdict.counts and not result.verdict.is_kept
    )


def _delivery(
    facts: DatasetFacts,
    outcome: Outcome,
    before: _Before | None,
    broken: Collection[tuple[str, str]],
    *,
    in_detail: bool,
) -> DeliveryDocument:
    record, receipt = outcome.record, outcome.receipt
    keys = [key for key in record.partitions if key != WHOLE] if record else []
    return DeliveryDocument(
        delivery=receipt.delivery.name,
        release=str(outcome.release_id),
        state=facts.state_of(outcome),  # pyright: ignore[reportArgumentType]
        outcome=outcome.kind.value,
        received_at=instant(receipt.received_at),
        finished_at=maybe(record.finished_at) if record else None,
        published_at=maybe(record.published_at) if record else None,
        why=outcome.why,
        generation=record.generation if record else None,
        contract_version=record.contract_version if record else None,
        partitions=sorted(keys)[-MOST_KEYS:],
        partitions_count=len(keys),
        partitions_text=words.keys(record.partitions) if record and record.partitions else "",
        rows=record.rows if record else None,
        dataset_rows=record.dataset_rows if record else None,
        bytes=record.bytes if record else None,
        files=record.files if record else None,
        actor=receipt.actor,
        due=[
            {
                "slo": each.slo,
                "business_date": each.business_date,
                "due_at": instant(each.due_at),
                "late_seconds": each.late_seconds,
                "is_counted": (each.slo, each.business_date) in broken,
            }
            for each in (record.due if record else ())[-MOST_KEYS:]
        ],
        faults=[
            {"code": f.code, "message": f.message, "file": f.file, "files": f.files, "column": f.column}
            for f in (record.faults if record else ())
        ],
        blocks=[
            {
                "code": b.code.value,
                "check": b.check_name,
                "label": b.label or b.check_name or "",
                "message": b.message,
            }
            for b in (record.blocks if record else ())
        ],
        failing=[_failing(facts, each, in_detail) for each in _not_passed(record)],
        warnings=list(record.warnings) if record else [],
        diff=_diff(facts, before, record, in_detail) if record and before else None,
    )


def _not_passed(record: ReleaseRecord | None) -> list[CheckResult]:
    results = record.audit.results if record and record.audit else ()
    return [result for result in results if result.status is not CheckStatus.PASS]


def _failing(facts: DatasetFacts, result: CheckResult, in_detail: bool) -> FailingCheck:
    labels = {test.unique_id: test.label for test in facts.contract.tests}
    return FailingCheck(
        check=result.check_name,
        label=labels.get(result.unique_id, result.check_name),
        status=result.status.value,  # pyright: ignore[reportArgumentType]
        failures=result.failures,
        message=result.message,
        sample=table(result.sample) if in_detail else None,
    )


def _diff(facts: DatasetFacts, before: _Before, record: ReleaseRecord, in_detail: bool) -> ReleaseDiff | None:
    """Of what was refused, too, where its files could be read; of what others overtook, none."""
    if record.state is ReleaseState.SUPERSEDED or not record.columns:
        return None
    return release_diff(before.last, before.same, record, facts.open_columns, with_statistics=in_detail)


def generations(facts: DatasetFacts) -> list[GenerationDocument]:
    """The newest states, the newest first."""
    return [
        GenerationDocument(
            number=each.number,
            kind=each.kind.value,
            release=str(each.release_id),
            published_at=instant(each.published_at),
            contract_version=each.contract_version,
            actor=each.actor,
            reason=each.reason,
            restores=each.restores,
        )
        for each in reversed(facts.generations[-MOST:])
    ]
