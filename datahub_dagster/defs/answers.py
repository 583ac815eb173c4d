"""What the audit said, as values from which Dagster's check results and check evaluations are made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from datahub_dagster.defs.names import asset_key, contract_check
from datahub_dagster.defs.tables import sample_table, text_table
from datahub_dagster.domain import words
from datahub_dagster.domain.audit import AuditReport, CheckResult, CheckStatus
from datahub_dagster.domain.contract import Contract, ContractFault, Severity
from datahub_dagster.domain.drift import promises_not_kept
from datahub_dagster.domain.profile import Fault
from datahub_dagster.domain.redact import report_without_secrets
from datahub_dagster.domain.release import Generation, ReleaseRecord
from datahub_dagster.domain.view import FileList

_FAULT_COLUMNS = ("fault", "what", "file", "promised", "found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One check's verdict. `about` says of what: a release, or what is published."""

    check_name: str
    passed: bool
    blocking: bool
    about: str
    text: str
    metadata: Mapping[str, Any]
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR

    @property
    def description(self) -> str:
        """One line for the list of checks."""
        return f"{self.about}: {self.text}"

    @property
    def stops(self) -> bool:
        """Whether the run fails that yields it as a result."""
        return self.blocking and not self.passed and self.severity is dg.AssetCheckSeverity.ERROR

    def as_result(self, contract: Contract) -> dg.AssetCheckResult:
        """For the op of the asset, which yields it."""
        return dg.AssetCheckResult(
            asset_key=asset_key(contract.name),
            check_name=self.check_name,
            passed=self.passed,
            severity=self.severity,
            description=self.description,
            metadata=self.metadata,
        )

    def as_evaluation(self, contract: Contract) -> dg.AssetCheckEvaluation:
        """For anybody else: a sensor, or a step in which a later delivery answers the same check."""
        return dg.AssetCheckEvaluation(
            asset_key=asset_key(contract.name),
            check_name=self.check_name,
            passed=self.passed,
            severity=self.severity,
            description=self.description,
            metadata=self.metadata,
            blocking=self.blocking,
        )


def answers_of_release(contract: Contract, record: ReleaseRecord) -> list[Answer]:
    """What every check said of a release: the contract alone if its validation said no, else all that the audit asked.

    A test of the contract that gave no answer has failed, as the gate sees it.
    """
    about = f"release {record.release_id} ({record.state.value})"
    facts = {"release": str(record.release_id), "delivery": record.delivery, "state": record.state.value}
    schema = Answer(
        check_name=contract_check(contract),
        passed=not record.faults,
        blocking=True,
        about=about,
        text=_fault_text(record.faults) or f"{len(record.columns)} columns as promised",
        metadata=facts | {"contract version": record.contract_version} | _fault_table(record.faults),
    )
    return [schema, *(_answers_of_tests(contract, record.audit, about, facts) if record.audit else [])]


def answers_of_published(
    contract: Contract,
    report: AuditReport,
    current: Generation | None,
    published: Sequence[FileList],
    faults: Sequence[ContractFault],
) -> list[Answer]:
    """What every check said of the data that are published."""
    facts = _published_facts(current)
    schema = answer_of_contract(contract, current, published, faults)
    return [schema, *_answers_of_tests(contract, report, _about(current), facts)]


def answer_of_contract(
    contract: Contract,
    current: Generation | None,
    published: Sequence[FileList],
    faults: Sequence[ContractFault],
) -> Answer:
    """Whether the team's files can be read, and what is published keeps what they promise now.

    It never blocks: the data were right when they were released, and readers keep them.
    """
    broken = promises_not_kept(contract, published)
    texts = [f"{fault}{f' (next: {fault.next_step})' if fault.next_step else ''}" for fault in faults]
    text = "nothing is published yet" if current is None else f"{len(contract.columns)} columns as promised"
    if broken:
        first = broken[0]
        text = f"{_fault_text(broken)}; promised in {first.promised}; until the next release readers miss it"
    if texts:
        more = f" (and {len(texts) - 1} more)" if len(texts) > 1 else ""
        text = f"the team's last good contract is used: {texts[0]}{more}"
    return Answer(
        check_name=contract_check(contract),
        passed=not texts and not broken,
        blocking=True,
        severity=dg.AssetCheckSeverity.WARN,
        about=_about(current),
        text=text,
        metadata=_published_facts(current)
        | _fault_table(broken)
        | ({"contract_error": "\n".join(texts)} if texts else {}),
    )


def _about(current: Generation | None) -> str:
    return f"published release {current.release_id}" if current else "the contract"


def _published_facts(current: Generation | None) -> dict[str, Any]:
    if current is None:
        return {"state": "never published"}
    return {"release": str(current.release_id), "state": "published", "generation": current.number}


def _answers_of_tests(
    contract: Contract, report: AuditReport, about: str, facts: Mapping[str, Any]
) -> list[Answer]:
    results = {result.unique_id: result for result in report_without_secrets(contract, report).results}
    answers: list[Answer] = []
    for test in contract.tests:
        result = results.get(test.unique_id)
        answers.append(
            Answer(
                check_name=test.check_name,
                passed=result is not None and result.status is CheckStatus.PASS,
                blocking=test.severity is Severity.ERROR,
                severity=_severity(result),
                about=about,
                text=_text(result),
                metadata={**facts, **(_result_metadata(result) if result else {})},
            )
        )
    return answers


def _severity(result: CheckResult | None) -> dg.AssetCheckSeverity:
    """A `warn` of dbt does not block. No answer, or an error, proves nothing and does, whatever the test's own severity."""
    if result is None or result.status in (CheckStatus.ERROR, CheckStatus.FAIL):
        return dg.AssetCheckSeverity.ERROR
    return dg.AssetCheckSeverity.WARN if result.severity is Severity.WARN else dg.AssetCheckSeverity.ERROR


def _text(result: CheckResult | None) -> str:
    if result is None:
        return "the test gave no answer"
    if result.status is CheckStatus.PASS:
        return "passed"
    if result.status is CheckStatus.ERROR:
        return f"the test could not run: {result.message}"
    return words.plural(result.failures or 0, "failure")


def _result_metadata(result: CheckResult) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "status": result.status.value,
        "failures": result.failures or 0,
        "seconds": round(result.seconds, 3),
    }
    if result.cost:
        metadata["bytes scanned"] = result.cost.bytes_scanned
        metadata["engine seconds"] = round(result.cost.engine_seconds, 3)
        if result.cost.query_id:
            metadata["query"] = result.cost.query_id
    if result.sample and result.sample.rows:
        more = " (there are more)" if result.sample.truncated else ""
        metadata[f"failing rows{more}"] = sample_table(result.sample)
    if result.message:
        metadata["message"] = result.message
    if result.compiled_sql:
        metadata["compiled SQL"] = dg.MetadataValue.md(f"```sql\n{result.compiled_sql.strip()}\n```")
    return metadata


def _fault_text(faults: Sequence[Fault]) -> str:
    if not faults:
        return ""
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{faults[0].message}{more}"


def _fault_table(faults: Sequence[Fault]) -> dict[str, Any]:
    if not faults:
        return {"failures": 0}  # what is plotted
    rows = [
        {
            "fault": fault.code,
            "what": fault.message,
            "file": f"{fault.file or ''}{f' (and {fault.files - 1} more)' if fault.files > 1 else ''}",
            "promised": fault.promised or "",
            "found": fault.found or "",
        }
        for fault in faults[:50]
    ]
    return {"faults": text_table(rows, _FAULT_COLUMNS), "failures": len(faults)}
