"""What the pages may not show: values of confidential columns, wherever they could have got into a record.

Where anybody may read the pages, values of what is not public are as secret as confidential ones. What rules of a contract quote is
in `redact_rules`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from datahub_dagster.domain.audit import AuditReport, Block, BlockCode, CheckResult, CheckStatus, Sample
from datahub_dagster.domain.contract import Classification, Contract
from datahub_dagster.domain.contract_version import ContractVersion
from datahub_dagster.domain.outcome import Outcome
from datahub_dagster.domain.profile import Fault
from datahub_dagster.domain.redact_rules import MASK as MASK
from datahub_dagster.domain.redact_rules import check_shown, checks_shown
from datahub_dagster.domain.release import WHOLE, ReleaseRecord
from datahub_dagster.domain.sampling import columns_to_sample

WITHHELD = "the test could not run; its message is withheld, since it may quote confidential values"

_KEY: Final = re.compile(r"\d{4}-\d{2}(-\d{2})?")
_IN_PATH: Final = re.compile(r"(?<==)([^/]+)(?=/)")
# Where messages of faults (`placement`) quote what a partition column holds.
_QUOTED: Final = {
    "bad-partition": re.compile(r"(?<=^.)(.*)(?=. is not a (?:day|month) \()", re.DOTALL),
    "many-partitions": re.compile(r"(?<= from )(.*) to (.*)(?=: write one file for each )", re.DOTALL),
    "path-disagrees": re.compile(r"(?<==)(.*), the file holds (.*)$", re.DOTALL),
}


def without_secrets(
    contract: Contract,
    outcome: Outcome,
    *,
    is_public: bool = False,
    versions: Sequence[ContractVersion] = (),
) -> Outcome:
    """The outcome as its readers may read it, by the contract of today: what is confidential now was never less so.

    Args:
        contract: The contract of today.
        outcome: What became of a delivery.
        is_public: Whether anybody may read it.
        versions: What the contract said when, the oldest first, as far as it was noted.
    """
    record = outcome.record
    if record is None or not _has_secrets(contract, is_public):
        return outcome
    audit = record.audit and _report(
        contract,
        record.audit,
        is_public=is_public,
        was_hidden=_hidden_between(versions, record.received_at, record.finished_at),
    )
    names = checks_shown(contract)
    blocks = tuple(_block(contract, block, names) for block in record.blocks)
    shown = replace(record, audit=audit, blocks=blocks)
    return replace(outcome, record=_without_keys(contract, shown, is_public))


def report_without_secrets(
    contract: Contract,
    report: AuditReport,
    *,
    is_public: bool = False,
    versions: Sequence[ContractVersion] = (),
    at: datetime | None = None,
) -> AuditReport:
    """The same for an audit, which ended `at` (UTC).

    A confidential dataset shows no samples and no SQL. What was confidential when a sample was taken is masked in the log. Where a
    column may have become so since, every sampled column that is not a promised, open one is masked: the SQL of a test may have
    renamed it. An engine's error message quotes values at times.
    """
    if not _has_secrets(contract, is_public):
        return report
    was_hidden = _hidden_between(versions, at - timedelta(seconds=report.seconds), at) if at else None
    return _report(contract, report, is_public=is_public, was_hidden=was_hidden)


def masked(sample: Sample, shown: Iterable[str]) -> Sample:
    """The sample with the values of some columns alone; case is ignored, and every other value is a mask."""
    open_columns = {name.lower() for name in shown}
    is_open = [name.lower() in open_columns for name in sample.columns]
    rows = (
        tuple(value if shown else MASK for value, shown in zip(row, is_open, strict=False))
        for row in sample.rows
    )
    return replace(sample, rows=tuple(rows))


def _hidden_classes(*, is_public: bool) -> tuple[Classification, ...]:
    return (Classification.CONFIDENTIAL, *((Classification.INTERNAL,) if is_public else ()))


def _has_secrets(contract: Contract, is_public: bool) -> bool:
    hidden = _hidden_classes(is_public=is_public)
    return contract.classification in hidden or any(
        each.classification in hidden for each in contract.columns
    )


def _hidden_between(
    versions: Sequence[ContractVersion], since: datetime, until: datetime
) -> frozenset[str] | None:
    """Names of the columns that were confidential all the time; None = nobody noted what was."""
    noted = [each for each in versions if each.valid_from <= until]
    before = [each for each in noted if each.valid_from <= since]
    if not before:
        return None
    found = [each.contract.confidential_columns for each in noted[len(before) - 1 :]]
    return frozenset[str].intersection(*found)


def _report(
    contract: Contract, report: AuditReport, *, is_public: bool, was_hidden: frozenset[str] | None
) -> AuditReport:
    is_masked_in_log = was_hidden is not None and contract.confidential_columns <= was_hidden
    names = checks_shown(contract)
    results = (_result(contract, result, names) for result in report.results)
    return replace(
        report,
        results=tuple(
            replace(each, sample=each.sample and _sample(contract, each.sample, is_public, is_masked_in_log))
            for each in results
        ),
    )


def _result(contract: Contract, result: CheckResult, names: Mapping[str, str]) -> CheckResult:
    whole = contract.classification is Classification.CONFIDENTIAL
    return replace(
        result,
        check_name=check_shown(contract, result.check_name, names),
        message=WITHHELD if result.status is CheckStatus.ERROR else result.message,
        compiled_sql="" if whole else result.compiled_sql,
    )


def _sample(contract: Contract, sample: Sample, is_public: bool, is_masked_in_log: bool) -> Sample | None:
    shown = columns_to_sample(contract, is_public=is_public)
    if contract.classification in _hidden_classes(is_public=is_public) or (is_public and not shown):
        return None
    is_cleared = is_masked_in_log and not is_public and _is_masked(contract, sample)
    return sample if is_cleared else masked(sample, shown)


def _is_masked(contract: Contract, sample: Sample) -> bool:
    """Whether confidential columns that have their own names are masked: who wrote the sample knew of them."""
    secret = [name.lower() in contract.confidential_columns for name in sample.columns]
    cells = (cell for row in sample.rows for cell, hidden in zip(row, secret, strict=False) if hidden)
    return all(cell in (None, MASK) for cell in cells)


def _block(contract: Contract, block: Block, names: Mapping[str, str]) -> Block:
    return replace(
        block,
        check_name=block.check_name and check_shown(contract, block.check_name, names),
        message=WITHHELD if block.code is BlockCode.TEST_ERRORED else block.message,
    )


def _without_keys(contract: Contract, record: ReleaseRecord, is_public: bool) -> ReleaseRecord:
    """The record without what a hidden partition column holds beside partition keys."""
    hidden = _hidden_classes(is_public=is_public)
    spec = contract.delivery.partitions
    column = contract.column(spec.column) if spec else None
    if contract.classification not in hidden and not (column and column.classification in hidden):
        return record
    return replace(
        record,
        partitions=tuple(dict.fromkeys(map(_key, record.partitions))),
        replaced=tuple(dict.fromkeys(map(_key, record.replaced))),
        faults=tuple(map(_fault, record.faults)),
    )


def _fault(fault: Fault) -> Fault:
    pattern = _QUOTED.get(fault.code)
    return replace(
        fault,
        message=pattern.sub(_values_masked, fault.message) if pattern else fault.message,
        file=fault.file and _IN_PATH.sub(_values_masked, fault.file),
        found=None if pattern else fault.found,
    )


def _values_masked(quoted: re.Match[str]) -> str:
    """What was found with a mask for each value in it that is no partition key."""
    text = quoted[0]
    for value in sorted(filter(None, quoted.groups()), key=len, reverse=True):
        text = text.replace(value, _key(value))
    return text


def _key(value: str) -> str:
    return value if value == WHOLE or _KEY.fullmatch(value) else MASK
