"""What the pages say of each dataset, gathered from contracts, the status and the release log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from datahub_dagster.domain import words
from datahub_dagster.domain.audit import CheckResult, CheckStatus
from datahub_dagster.domain.contract import Consumer, Contract, ContractBook, ContractFault
from datahub_dagster.domain.names import DatasetName, ReleaseId
from datahub_dagster.domain.outcome import Outcome
from datahub_dagster.domain.redact import report_without_secrets, without_secrets
from datahub_dagster.domain.release import (
    WHOLE,
    Generation,
    GenerationKind,
    OutcomeKind,
    ReleaseRecord,
    ReleaseState,
    state_now,
)
from datahub_dagster.domain.slo import SloState
from datahub_dagster.domain.slo_report import SloReport
from datahub_dagster.domain.status import DatasetStatus
from datahub_dagster.domain.view import ReleasedFile, files_read
from datahub_dagster.errors import HubError
from datahub_dagster.ports import Hub, ReleaseLog

_MOST_RELEASES_LISTED = 24  # more releases than this are not opened for the list of files in the SQL example
_WORST_FIRST = (SloState.LATE, SloState.UNKNOWN, SloState.PENDING, SloState.MET)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a test said last of published data, and when (UTC)."""

    result: CheckResult
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetFacts:
    """One dataset, without anything that its readers may not see.

    Args:
        generations: All states, by number.
        answers: For each test (by unique id), its newest answer on published data.
        slos: How each SLO was kept, those of consumers too.
        files: The files that are published, where they are few enough to be listed; else empty.
        fault: What is wrong with the team's files, if anything.
        problem: Why the dataset could not be looked at.
    """

    status: DatasetStatus
    generations: Sequence[Generation] = ()
    answers: Mapping[str, Answer] = field(default_factory=dict[str, Answer])
    pins: Mapping[ReleaseId, str] = field(default_factory=dict[ReleaseId, str])
    slos: Sequence[SloReport] = ()
    files: Sequence[ReleasedFile] = ()
    consumers: tuple[Consumer, ...] = ()
    fault: ContractFault | None = None
    problem: str = ""

    @property
    def contract(self) -> Contract:
        """What the team promises."""
        return self.status.contract

    @property
    def name(self) -> str:
        """`source.table`."""
        return str(self.contract.name)

    @property
    def slo_state(self) -> SloState | None:
        """The worst of its freshness SLOs; None if it promises none."""
        found = {standing.state for standing in self.status.standings}
        return next((state for state in _WORST_FIRST if state in found), None)

    @property
    def is_rolled_back(self) -> bool:
        """Whether what is published was taken up again from the past."""
        return self.status.current is not None and self.status.current.kind is GenerationKind.ROLLBACK

    @property
    def published_record(self) -> ReleaseRecord | None:
        """The record of the release that is published."""
        current = self.status.current
        records = (outcome.record for outcome in self.status.outcomes)
        return next((r for r in records if r and current and r.release_id == current.release_id), None)

    @property
    def business_date(self) -> str | None:
        """The newest business date (or month) that is published; None where the data don't tell."""
        current = self.status.current
        keys = [key for key in current.partitions if key != WHOLE] if current else []
        if keys:
            return max(keys)
        record = self.published_record
        return max((verdict.business_date for verdict in record.due), default=None) if record else None

    @property
    def refused_last(self) -> Outcome | None:
        """The newest delivery, if it was rejected."""
        last = self.status.last
        return last if last and last.refused else None

    def state_of(self, outcome: Outcome) -> str:
        """How a delivery stands today: `published`, `superseded`, `rejected` or `repeat`."""
        if outcome.record is None:
            return OutcomeKind.REPEAT.value
        return state_now(outcome.record, self.status.current).value

    def label_of(self, outcome: Outcome) -> str:
        """The same for people, who call a release overtaken that never was published, and superseded one that was."""
        never_published = outcome.kind is OutcomeKind.SUPERSEDED
        return words.outcome(outcome.kind) if never_published else self.state_of(outcome)

    @property
    def needs_attention(self) -> bool:
        """Whether its owners should look."""
        is_bad = self.slo_state in (SloState.LATE, SloState.UNKNOWN)
        return bool(is_bad or self.refused_last or self.problem or self.fault or self.status.failing_checks)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFacts:
    """Everything that the pages are built from. The same facts give the same bytes."""

    datasets: Sequence[DatasetFacts]
    consumers: tuple[Consumer, ...] = ()
    faults: tuple[ContractFault, ...] = ()

    @property
    def teams(self) -> tuple[str, ...]:
        """All teams that have a dataset, sorted."""
        return tuple(sorted({dataset.contract.team for dataset in self.datasets}))


def gather(hub: Hub, statuses: Sequence[DatasetStatus], reports: Sequence[SloReport] = ()) -> SiteFacts:
    """The facts of the whole hub, datasets and consumers by name.

    A dataset whose log can't be read is shown with its problem and stops no other.
    """
    book = hub.book()
    slos: dict[DatasetName, list[SloReport]] = {}
    for report in reports:
        slos.setdefault(report.contract.name, []).append(report)
    return SiteFacts(
        datasets=tuple(
            replace(_dataset(hub.log, book, status), slos=slos.get(status.contract.name, ()))
            for status in sorted(statuses, key=lambda s: str(s.contract.name))
        ),
        consumers=tuple(
            sorted(book.consumers, key=lambda consumer: (consumer.label or consumer.name, consumer.unique_id))
        ),
        faults=book.faults,
    )


def _dataset(log: ReleaseLog, book: ContractBook, status: DatasetStatus) -> DatasetFacts:
    contract = status.contract
    shown = replace(status, outcomes=tuple(without_secrets(contract, outcome) for outcome in status.outcomes))
    facts = DatasetFacts(
        status=shown,
        consumers=book.consumers_of(contract.name),
        fault=next((fault for fault in book.faults if fault.team == contract.team and fault.is_broken), None),
        problem=status.problem,
    )
    if status.problem:
        return facts
    try:
        return replace(
            facts,
            generations=log.generations(contract.name),
            answers=_answers(log, shown),
            pins=log.pins(contract.name),
            files=_files(log, status.current),
        )
    except HubError as error:
        return replace(facts, problem=error.headline)


def _answers(log: ReleaseLog, status: DatasetStatus) -> Mapping[str, Answer]:
    answers: dict[str, Answer] = {}
    for outcome in status.outcomes:
        record = outcome.record
        if record and record.audit and record.state is ReleaseState.PUBLISHED:
            answers |= {r.unique_id: Answer(result=r, at=record.finished_at) for r in record.audit.results}
    checked = log.last_check(status.contract.name)
    if checked:
        at, report = checked
        shown = report_without_secrets(status.contract, report)
        newer = (r for r in shown.results if r.unique_id not in answers or answers[r.unique_id].at <= at)
        answers |= {r.unique_id: Answer(result=r, at=at) for r in newer}
    return answers


def _files(log: ReleaseLog, current: Generation | None) -> Sequence[ReleasedFile]:
    if current is None or len(current.releases) > _MOST_RELEASES_LISTED:
        return ()
    lists = log.file_lists(current.dataset, current.releases)
    # By release, then by path.
    return [
        file
        for each in lists.values()
        for file in sorted(files_read([each], current.partitions), key=lambda file: file.path)
    ]


def failing(record: ReleaseRecord) -> tuple[CheckResult, ...]:
    """The answers of an audit that are not a pass, in the order of the report."""
    results = record.audit.results if record.audit else ()
    return tuple(result for result in results if result.status is not CheckStatus.PASS)
