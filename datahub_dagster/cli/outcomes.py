"""The end of a delivery's way as a message: what was promised, found, what consumers read, what to do next."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Self

from datahub_dagster.cli.context import Session
from datahub_dagster.cli.output import Line, Rows, Styled
from datahub_dagster.cli.texts import origin_text, place_in
from datahub_dagster.domain import words
from datahub_dagster.domain.audit import Block, CheckResult, CheckStatus
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
    """An outcome with what is needed to tell it: the contract, who reads, and what is published now.

    `was_awaited`: somebody else brought it about while this command waited.
    """

    contract: Contract
    outcome: Outcome
    current: Generation | None = None
    consumers: tuple[Consumer, ...] = ()
    project_dir: Path = Path()
    was_awaited: bool = False

    @classmethod
    def of(cls, session: Session, contract: Contract, outcome: Outcome, *, was_awaited: bool = False) -> Self:
        """Look up what consumers read now, and who they are."""
        return cls(
            contract=contract,
            outcome=outcome,
            current=session.hub.log.current(contract.name),
            consumers=session.book.consumers_of(contract.name),
            project_dir=session.settings.dbt_project_dir,
            was_awaited=was_awaited,
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

    def lines(self, *, in_full: bool = False) -> Iterator[Line]:
        """For people; `in_full` where the whole record follows, so that nobody is sent to look for it."""
        name, record = self.contract.name, self.outcome.record
        delivery = self.outcome.receipt.delivery.name
        style = STYLES[self.outcome.kind]
        if record is None:
            yield Styled(f"{name}: delivery {delivery} is {self.outcome.why}", style)
        elif self.outcome.kind is OutcomeKind.REJECTED:
            yield from self._refusal(record, in_full=in_full)
        elif self.outcome.kind is OutcomeKind.SUPERSEDED:
            yield Styled(f"{name}: delivery {delivery} came too late: {self.outcome.why}", style)
        else:
            is_old = not self.outcome.is_news and not self.was_awaited
            again = " (since an earlier call; nothing was done)" if is_old else ""
            release = f"release {record.release_id} is published as generation {record.generation}"
            yield Styled(f"{name}: {release}{again}", style)
            yield from self._publication(record)

    def _publication(self, record: ReleaseRecord) -> Iterator[Line]:
        replaced = f", of which {len(record.replaced):,} were there before" if record.replaced else ""
        what = "" if record.partitions == ("",) else f" in {words.keys(record.partitions)}{replaced}"
        rows = f"{words.plural(record.rows, 'row')}{what}, {words.size(record.bytes)}"
        yield f"  {'brought':<10} {rows}, by delivery {record.delivery}"
        if record.audit:
            yield f"  {'audit':<10} {audit_text(record.audit.results)}"
        for due in record.due:
            late = words.duration(timedelta(seconds=due.late_seconds))
            yield f"  {'due':<10} {due.business_date}: " + (
                f"in time, {late} early" if due.met else f"{late} late"
            )
        for warning in record.warnings:
            yield Styled(f"  {'warning':<10} {warning}", "yellow")

    def _refusal(self, record: ReleaseRecord, *, in_full: bool) -> Iterator[Line]:
        reasons = [*record.faults, *record.blocks]
        subject = f"{self.contract.name}: delivery {record.delivery} was rejected"
        if len(reasons) == 1:
            yield Styled(f"{subject}: {self._reason(record, reasons[0])}", "red")
            yield from self._details(record, reasons[0])
        else:
            yield Styled(f"{subject} for {len(reasons)} reasons" if reasons else subject, "red")
            for reason in reasons:
                yield Styled(f"  {'reason':<10} {self._reason(record, reason)}", "red")
                yield from self._details(record, reason)
        yield f"  {'consumers':<10} {self._still_read(record)}"
        repair = f"repair the files, and hand them in under another name: datahub deliver {self.contract.name} PATH"
        if in_full:
            yield f"  {'next':<10} {repair}"
        else:
            yield f"  {'next':<10} datahub show {self.contract.name} --release {record.release_id}"
            yield f"  {'':<10} then {repair}"

    def _reason(self, record: ReleaseRecord, reason: Fault | Block) -> str:
        return reason.message if isinstance(reason, Fault) else _block_text(record, reason)

    def _details(self, record: ReleaseRecord, reason: Fault | Block) -> Iterator[Line]:
        if isinstance(reason, Fault):
            if reason.promised:
                yield f"  {'promised':<10} {place_in(self.project_dir, reason.promised)}"
            others = f" and {words.plural(reason.files - 1, 'other file')}" if reason.files > 1 else ""
            if found := "  ".join(
                part for part in (f"{reason.file or ''}{others}", reason.found or "") if part
            ):
                yield f"  {'found':<10} {found}"
            return
        test = next((test for test in self.contract.tests if test.check_name == reason.check_name), None)
        if test:
            what = f"{test.kind} of {test.column}" if test.column else test.kind
            place = origin_text(self.project_dir, test.origin)
            yield f"  {'promised':<10} {'  '.join(part for part in (place, what) if part)}"
        results = record.audit.results if record.audit else ()
        result = next((result for result in results if result.check_name == reason.check_name), None)
        if result and (sample := sample_rows(result, SAMPLE_ROWS)):
            yield f"  {'found':<10} {words.plural(result.failures or 0, 'failure')}, such as"
            yield sample

    def _still_read(self, record: ReleaseRecord) -> str:
        who = words.names(consumer.label or consumer.name for consumer in self.consumers)
        done = "nothing was staged" if record.faults else "nothing was published"
        if self.current is None:
            return f"have nothing to read yet; {done}" + (f" ({who} wait)" if who else "")
        still = f"still read generation {self.current.number} (release {self.current.release_id}); {done}"
        return f"{still}: {who}" if who else still


def why(outcome: Outcome) -> str:
    """One sentence: what happened and why, by the tests' short names and with an example of what failed."""
    record = outcome.record
    if record is None or not record.refused:
        return outcome.why
    reasons = [fault.message for fault in record.faults] + [
        _block_text(record, block) for block in record.blocks
    ]
    return words.names(reasons, limit=2, separator="; ") or outcome.why


def _block_text(record: ReleaseRecord, block: Block) -> str:
    if block.check_name is None:
        return block.message
    results = record.audit.results if record.audit else ()
    result = next((result for result in results if result.check_name == block.check_name), None)
    return str(block) if result is None or result.failures is None else f"{block}{_example(result)}"


def _example(result: CheckResult) -> str:
    """The first failing row, where it is short enough to stand in a sentence."""
    if result.sample is None or not result.sample.rows or len(result.sample.columns) > 3:
        return ""
    row = result.sample.rows[0]
    pairs = ", ".join(f"{name} {value}" for name, value in zip(result.sample.columns, row, strict=False))
    return f" ({pairs})" if len(pairs) <= 60 else ""


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
    return f"{said[CheckStatus.PASS]} of {words.plural(len(results), 'test')} passed" + "".join(
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


def check_rows(contract: Contract, results: tuple[CheckResult, ...]) -> Rows:
    """Every test with its answer, by the name that people call it."""
    styles = {
        CheckStatus.PASS: "green",
        CheckStatus.WARN: "yellow",
        CheckStatus.FAIL: "red",
        CheckStatus.ERROR: "bold red",
    }
    tests = {test.unique_id: test for test in contract.tests}
    return Rows(
        columns=("test", "severity", "answer", "failures", "seconds", "message"),
        numbers=("failures", "seconds"),
        narrow=("answer",),
        rows=tuple(
            (
                tests[result.unique_id].label if result.unique_id in tests else result.check_name,
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
