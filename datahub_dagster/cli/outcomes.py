"""The end of a delivery's way as a message: what was promised, what was found, what consumers read, what to do next."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Self

from datahub_dagster.cli.context import Session
from datahub_dagster.cli.output import Line, Rows, Styled
from datahub_dagster.cli.texts import bytes_text, count_text, duration_text, keys_text, list_text, origin_text
from datahub_dagster.domain.audit import Block, BlockCode, CheckResult, CheckStatus
from datahub_dagster.domain.contract import Consumer, Contract
from datahub_dagster.domain.outcome import Outcome
from datahub_dagster.domain.profile import Fault
from datahub_dagster.domain.release import Generation, OutcomeKind, ReleaseRecord

STYLES = {
    OutcomeKind.PUBLISHED: "green",
    OutcomeKind.REJECTED: "red",
    OutcomeKind.REPEAT: "dim",
    OutcomeKind.SUPERSEDED: "yellow",
}
SAMPLE_ROWS = 3  # of a failing test in a message; `datahub show` has all that were kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """An outcome with what is needed to tell it: the contract, who reads, and what is published now."""

    contract: Contract
    outcome: Outcome
    current: Generation | None = None
    consumers: tuple[Consumer, ...] = ()
    project_dir: Path = Path()

    @classmethod
    def of(cls, session: Session, contract: Contract, outcome: Outcome) -> Self:
        """Look up what consumers read now, and who they are."""
        return cls(
            contract=contract,
            outcome=outcome,
            current=session.hub.log.current(contract.name),
            consumers=session.book.consumers_of(contract.name),
            project_dir=session.settings.dbt_project_dir,
        )

    def as_value(self) -> dict[str, object]:
        """For programs."""
        return {
            "dataset": self.contract.name,
            "delivery": self.outcome.receipt.delivery.name,
            "kind": self.outcome.kind,
            "release": self.outcome.release_id,
            "why": self.outcome.why,
            "is_news": self.outcome.is_news,
            "record": self.outcome.record,
        }

    def lines(self) -> Iterator[Line]:
        """For people."""
        name, record = self.contract.name, self.outcome.record
        delivery = self.outcome.receipt.delivery.name
        style = STYLES[self.outcome.kind]
        if record is None:
            yield Styled(f"{name}: delivery {delivery} is {self.outcome.why}", style)
        elif self.outcome.kind is OutcomeKind.REJECTED:
            yield from self._refusal(record)
        elif self.outcome.kind is OutcomeKind.SUPERSEDED:
            yield Styled(f"{name}: delivery {delivery} came too late: {self.outcome.why}", style)
        else:
            again = "" if self.outcome.is_news else " (since an earlier call; nothing was done)"
            release = f"release {record.release_id} is published as generation {record.generation}"
            yield Styled(f"{name}: {release}{again}", style)
            yield from self._publication(record)

    def _publication(self, record: ReleaseRecord) -> Iterator[Line]:
        replaced = f", of which {len(record.replaced):,} were there before" if record.replaced else ""
        what = "" if record.partitions == ("",) else f" in {keys_text(record.partitions)}{replaced}"
        rows = f"{count_text(record.rows, 'row')}{what}, {bytes_text(record.bytes)}"
        yield f"  {'brought':<10} {rows}, by delivery {record.delivery}"
        if record.audit:
            yield f"  {'audit':<10} {audit_text(record.audit.results)}"
        for due in record.due:
            late = duration_text(timedelta(seconds=due.late_seconds))
            yield f"  {'due':<10} {due.business_date}: " + (
                f"in time, {late} early" if due.met else f"{late} late"
            )
        for warning in record.warnings:
            yield Styled(f"  {'warning':<10} {warning}", "yellow")

    def _refusal(self, record: ReleaseRecord) -> Iterator[Line]:
        reasons = [*record.faults, *record.blocks]
        subject = f"{self.contract.name}: delivery {record.delivery} was rejected"
        if len(reasons) == 1:
            yield Styled(f"{subject}: {_reason(reasons[0])}", "red")
            yield from self._details(record, reasons[0])
        else:
            yield Styled(f"{subject} for {len(reasons)} reasons" if reasons else subject, "red")
            for reason in reasons:
                yield Styled(f"  {'reason':<10} {_reason(reason)}", "red")
                yield from self._details(record, reason)
        yield f"  {'consumers':<10} {self._still_read(record)}"
        yield f"  {'next':<10} datahub show {self.contract.name} --release {record.release_id}"
        yield f"  {'':<10} then repair the files, and hand them in under another name with datahub deliver"

    def _details(self, record: ReleaseRecord, reason: Fault | Block) -> Iterator[Line]:
        if isinstance(reason, Fault):
            if reason.promised:
                yield f"  {'promised':<10} {reason.promised}"
            place = f"{reason.file}" + (
                f" and {count_text(reason.files - 1, 'other file')}" if reason.files > 1 else ""
            )
            found = "  ".join(part for part in (place if reason.file else "", reason.found or "") if part)
            if found:
                yield f"  {'found':<10} {found}"
            return
        test = next((test for test in self.contract.tests if test.check_name == reason.check_name), None)
        if test:
            where = f" of {test.column}" if test.column else ""
            yield f"  {'promised':<10} {origin_text(self.project_dir, test.origin)}  {test.kind}{where}"
        results = record.audit.results if record.audit else ()
        result = next((result for result in results if result.check_name == reason.check_name), None)
        if result and (sample := sample_rows(result, SAMPLE_ROWS)):
            yield f"  {'found':<10} {reason.message}, such as"
            yield sample
        elif reason.code is not BlockCode.TEST_MISSING and reason.check_name:
            yield f"  {'found':<10} {reason.message}"

    def _still_read(self, record: ReleaseRecord) -> str:
        who = list_text(consumer.label or consumer.name for consumer in self.consumers)
        done = "nothing was staged" if record.faults else "nothing was published"
        if self.current is None:
            return f"have nothing to read yet; {done}" + (f" ({who} wait)" if who else "")
        still = f"still read generation {self.current.number} (release {self.current.release_id}); {done}"
        return f"{still}: {who}" if who else still


def _reason(reason: Fault | Block) -> str:
    if isinstance(reason, Fault):
        return reason.message
    return f"{reason.check_name}: {reason.message}" if reason.check_name else reason.message


def audit_text(results: tuple[CheckResult, ...]) -> str:
    """How many tests said what."""
    if not results:
        return "no tests"
    said = {status: sum(result.status is status for result in results) for status in CheckStatus}
    others = [
        f"{said[status]} {status.value}"
        for status in (CheckStatus.WARN, CheckStatus.FAIL, CheckStatus.ERROR)
        if said[status]
    ]
    return f"{said[CheckStatus.PASS]} of {count_text(len(results), 'test')} passed" + "".join(
        f", {text}" for text in others
    )


def sample_rows(result: CheckResult, limit: int) -> Rows | None:
    """Some of the failing rows, as a table; None where none were kept."""
    sample = result.sample
    if sample is None or not sample.rows:
        return None
    return Rows(
        columns=sample.columns,
        rows=tuple(tuple("null" if value is None else value for value in row) for row in sample.rows[:limit]),
        indent=13,
    )


def check_rows(results: tuple[CheckResult, ...]) -> Rows:
    """Every test with its answer."""
    styles = {
        CheckStatus.PASS: "green",
        CheckStatus.WARN: "yellow",
        CheckStatus.FAIL: "red",
        CheckStatus.ERROR: "bold red",
    }
    return Rows(
        columns=("test", "column", "severity", "answer", "failures", "seconds", "message"),
        numbers=("failures", "seconds"),
        narrow=("answer",),
        rows=tuple(
            (
                result.check_name,
                result.column or "",
                result.severity.value,
                Styled(result.status.value, styles[result.status]),
                "" if result.failures is None else f"{result.failures:,}",
                f"{result.seconds:.2f}",
                result.message,
            )
            for result in results
        ),
        indent=2,
    )
