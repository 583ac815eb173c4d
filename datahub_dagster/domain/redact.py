"""What the pages may not show: values of confidential columns, wherever they could have got into a record."""

from dataclasses import replace

from datahub_dagster.domain.audit import AuditReport, Block, BlockCode, CheckResult, CheckStatus, Sample
from datahub_dagster.domain.contract import Classification, Contract
from datahub_dagster.domain.outcome import Outcome
from datahub_dagster.domain.release import ReleaseRecord

MASK = "•••"
WITHHELD = "the test could not run; its message is withheld, since it may quote confidential values"


def without_secrets(contract: Contract, outcome: Outcome) -> Outcome:
    """The outcome as anybody may read it, by the contract of today: what is confidential now was never less so."""
    return replace(outcome, record=_record(contract, outcome.record)) if outcome.record else outcome


def report_without_secrets(contract: Contract, report: AuditReport) -> AuditReport:
    """The same for an audit.

    A confidential dataset shows no samples and no SQL. Where single columns are confidential, every sampled column that is
    not a promised, open one is masked: the SQL of a test may have renamed it. An engine's error message quotes values at times.
    """
    if not _has_secrets(contract):
        return report
    return replace(report, results=tuple(_result(contract, result) for result in report.results))


def _has_secrets(contract: Contract) -> bool:
    return contract.classification is Classification.CONFIDENTIAL or bool(contract.confidential_columns)


def _record(contract: Contract, record: ReleaseRecord) -> ReleaseRecord:
    if not _has_secrets(contract):
        return record
    return replace(
        record,
        audit=report_without_secrets(contract, record.audit) if record.audit else None,
        blocks=tuple(_block(block) for block in record.blocks),
    )


def _block(block: Block) -> Block:
    return replace(block, message=WITHHELD) if block.code is BlockCode.TEST_ERRORED else block


def _result(contract: Contract, result: CheckResult) -> CheckResult:
    whole = contract.classification is Classification.CONFIDENTIAL
    return replace(
        result,
        message=WITHHELD if result.status is CheckStatus.ERROR else result.message,
        compiled_sql="" if whole else result.compiled_sql,
        sample=None if whole or result.sample is None else _masked(contract, result.sample),
    )


def _masked(contract: Contract, sample: Sample) -> Sample:
    secret = contract.confidential_columns
    is_open = [contract.column(name) is not None and name.lower() not in secret for name in sample.columns]
    rows = (
        tuple(value if shown else MASK for value, shown in zip(row, is_open, strict=False))
        for row in sample.rows
    )
    return replace(sample, rows=tuple(rows))
