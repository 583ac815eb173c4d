"""The same facts for programs: `status.json`, and one JSON document beside each dataset's page."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from datahub_dagster.adapters.site import web
from datahub_dagster.adapters.site.facts import DatasetFacts, SiteFacts
from datahub_dagster.domain import slo_words, words
from datahub_dagster.domain.audit import AuditReport, CheckResult
from datahub_dagster.domain.contract import Column, Consumer, ContractFault, DataTest, FreshnessSlo
from datahub_dagster.domain.outcome import Outcome
from datahub_dagster.domain.release import Generation
from datahub_dagster.domain.slo import SloStanding
from datahub_dagster.domain.slo_report import SloReport
from datahub_dagster.domain.verdict import DeliveryResult, DueResult, Verdict

SCHEMA_VERSION = 1

_NEWEST = 5  # results of each SLO among its figures; the dataset's own document has all

Json = dict[str, Any]


def encode(document: Json) -> bytes:
    """A document as it is written: readable, and the same bytes for the same content."""
    text = json.dumps(document, ensure_ascii=False, indent=1)
    return text.encode("utf-8", "backslashreplace") + b"\n"


def site_document(site: SiteFacts) -> Json:
    """All datasets in short. Instants are ISO 8601 in UTC, sizes in bytes."""
    return {
        "schema_version": SCHEMA_VERSION,
        "datasets": [_short(dataset) for dataset in site.datasets],
        "consumers": [_consumer(consumer) for consumer in site.consumers],
        "contract_faults": [_fault(fault) for fault in site.faults],
    }


def dataset_document(dataset: DatasetFacts) -> Json:
    """One dataset in full."""
    contract = dataset.contract
    return {
        "schema_version": SCHEMA_VERSION,
        **_short(dataset),
        "support": [{"tool": s.tool, "channel": s.channel, "url": s.url} for s in contract.support],
        "origin": str(contract.origin),
        "promise": {
            "freshness": [_slo(slo) for slo in contract.freshness_slos],
            "quality": contract.quality_slo
            and {
                "objective": contract.quality_slo.objective,
                "window_days": contract.quality_slo.window.days,
            },
            "delivery": words.delivery(contract.delivery),
            "retention": {"releases": contract.retention.releases, "days": contract.retention.days},
            "license": contract.license
            and {"terms": contract.license.terms, "redistribution": contract.license.redistribution},
            "sunset_date": contract.sunset_date.isoformat() if contract.sunset_date else None,
            "successor": contract.successor,
        },
        "slo_results": {
            report.name: [_verdict(result) for result in reversed(report.results)] for report in dataset.slos
        },
        "columns": [_column(dataset, column) for column in contract.columns],
        "tests": [_test(dataset, test) for test in contract.tests],
        "deliveries": [_outcome(dataset, outcome) for outcome in reversed(dataset.status.outcomes)],
        "generations": [_generation(generation) for generation in reversed(dataset.generations)],
        "pins": {str(release): reason for release, reason in sorted(dataset.pins.items())},
        "inbox": [
            {"delivery": e.delivery, "state": e.state.value, "problem": e.problem}
            for e in dataset.status.waiting
        ],
    }


def _short(dataset: DatasetFacts) -> Json:
    contract, status = dataset.contract, dataset.status
    last = status.last
    return {
        "dataset": dataset.name,
        "team": contract.team,
        "description": contract.description,
        "owners": list(contract.owners),
        "tags": list(contract.tags),
        "version": contract.version,
        "lifecycle": contract.lifecycle.value,
        "classification": contract.classification.value,
        "page": f"datasets/{dataset.name}.html",
        "document": f"datasets/{dataset.name}.json",
        "published": status.current
        and {
            "release": str(status.current.release_id),
            "generation": status.current.number,
            "business_date": dataset.business_date,
            "rows": status.rows,
            "bytes": status.bytes,
            "published_at": _at(status.current.published_at),
            "rolled_back": dataset.is_rolled_back,
            "reason": status.current.reason,
        },
        "slo": {
            "state": dataset.slo_state.value if dataset.slo_state else None,
            "standings": [_standing(standing) for standing in status.standings],
            "kept": [_kept(report) for report in dataset.slos],
        },
        "last_delivery": last and {"outcome": dataset.state_of(last), **_delivery(last)},
        "failing_checks": list(status.failing_checks),
        "consumers": [consumer.name for consumer in dataset.consumers],
        "contract_fault": dataset.fault and _fault(dataset.fault),
        "problem": dataset.problem or None,
    }


def _slo(slo: FreshnessSlo) -> Json:
    return {
        "name": slo.name,
        "due": slo.due.isoformat("minutes") if slo.due else None,
        "max_age_seconds": slo.max_age.total_seconds() if slo.max_age else None,
        "timezone": slo.timezone,
        "calendar": slo.calendar,
        "covers": slo.covers,
        "grace_seconds": slo.grace.total_seconds(),
        "objective": slo.objective,
        "window_days": slo.window.days,
    }


def _standing(standing: SloStanding) -> Json:
    return {
        "slo": standing.slo,
        "state": standing.state.value,
        "business_date": standing.business_date,
        "due_at": _at(standing.due_at),
        "deadline_at": _at(standing.deadline_at),
        "next_due_at": _at(standing.next_due_at),
        "reason": standing.reason,
    }


def _kept(report: SloReport) -> Json:
    """How an SLO was kept over its window, with its newest verdicts. Shares are numbers from 0 to 1."""
    budget = report.budget
    return {
        "slo": report.name,
        "consumer": report.slo.consumer if report.slo else None,
        "promised": slo_words.promise(report),
        "objective": budget.objective,
        "window_days": budget.window.days,
        "attainment": budget.attainment,
        "is_kept": budget.is_kept,
        **{verdict.value: getattr(budget, verdict.value) for verdict in Verdict},
        "budget_allowed": budget.allowed,
        "budget_left": budget.left,
        "burn_rate": budget.burn_rate,
        "next_due_at": _at(report.next_due_at),
        "problem": report.problem or None,
        "last": [_verdict(result) for result in reversed(report.results[-_NEWEST:])],
    }


def _verdict(result: DueResult | DeliveryResult) -> Json:
    """One due time, or delivery. What is missed has no `late_seconds`: they would grow from one rendering to the next."""
    if isinstance(result, DeliveryResult):
        return {
            "release": result.release,
            "delivery": result.delivery,
            "received_at": _at(result.at),
            "verdict": result.verdict.value,
        }
    return {
        "business_date": result.business_date,
        "due_at": _at(result.due_at),
        "deadline_at": _at(result.deadline_at),
        "verdict": result.verdict.value,
        "answered_at": _at(result.answered_at),
        "late_seconds": result.late.total_seconds() if result.verdict is Verdict.LATE else None,
        "reason": result.reason or None,
    }


def _column(dataset: DatasetFacts, column: Column) -> Json:
    is_secret = column.name.lower() in dataset.contract.confidential_columns
    return {
        "name": column.name,
        "type": column.data_type,
        "description": column.description,
        "nullable": column.nullable,
        "unique": column.unique,
        "classification": column.classification.value if column.classification else None,
        "deprecated": column.deprecated,
        "examples": [] if is_secret else list(column.examples),
        "tags": list(column.tags),
        "constraints": list(column.constraints),
    }


def _test(dataset: DatasetFacts, test: DataTest) -> Json:
    answer = dataset.answers.get(test.unique_id)
    return {
        "check": test.check_name,
        "kind": test.kind,
        "column": test.column,
        "severity": test.severity.value,
        "description": test.description,
        "last": answer and {"at": _at(answer.at), **_result(answer.result)},
    }


def _result(result: CheckResult) -> Json:
    sample = result.sample
    return {
        "status": result.status.value,
        "failures": result.failures,
        "message": result.message,
        "sample": sample
        and {
            "columns": list(sample.columns),
            "rows": [list(row) for row in sample.rows],
            "truncated": sample.truncated,
        },
    }


def _delivery(outcome: Outcome) -> Json:
    return {
        "delivery": outcome.receipt.delivery.name,
        "release": str(outcome.release_id),
        "received_at": _at(outcome.receipt.received_at),
        "why": outcome.why,
    }


def _outcome(dataset: DatasetFacts, outcome: Outcome) -> Json:
    record = outcome.record
    document = {"state": dataset.state_of(outcome), **_delivery(outcome)}
    if record is None:
        return document
    return document | {
        "outcome": record.state.value,
        "finished_at": _at(record.finished_at),
        "generation": record.generation,
        "contract_version": record.contract_version,
        "partitions": list(record.partitions),
        "rows": record.rows,
        "bytes": record.bytes,
        "files": record.files,
        "faults": [
            {"code": f.code, "message": f.message, "file": f.file, "files": f.files, "column": f.column}
            for f in record.faults
        ],
        "blocks": [
            {"code": b.code.value, "check": b.check_name, "message": b.message} for b in record.blocks
        ],
        "checks": _checks(record.audit),
        "warnings": list(record.warnings),
    }


def _checks(audit: AuditReport | None) -> Sequence[Json]:
    return [{"check": result.check_name, **_result(result)} for result in audit.results] if audit else []


def _generation(generation: Generation) -> Json:
    return {
        "number": generation.number,
        "kind": generation.kind.value,
        "release": str(generation.release_id),
        "published_at": _at(generation.published_at),
        "contract_version": generation.contract_version,
        "actor": generation.actor,
        "reason": generation.reason,
        "restores": generation.restores,
    }


def _consumer(consumer: Consumer) -> Json:
    return {
        "name": consumer.name,
        "label": consumer.label,
        "kind": consumer.kind.value if consumer.kind else None,
        "type": consumer.exposure_type,
        "owner": consumer.owner_name,
        "email": consumer.owner_email,
        "reads": {
            str(name): list(consumer.columns.get(str(name), ())) or None for name in consumer.depends_on
        },
        "notice_days": consumer.notice.days if consumer.notice else None,
    }


def _fault(fault: ContractFault) -> Json:
    return {
        "team": fault.team,
        "path": fault.path,
        "line": fault.line,
        "message": fault.message,
        "next_step": fault.next_step,
        "has_last_good": fault.has_last_good,
        "is_broken": fault.is_broken,
    }


def _at(at: datetime | None) -> str | None:
    return web.machine_time(at) if at else None
