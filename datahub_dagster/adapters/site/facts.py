"""What the pages say of a dataset, as values of the domain.

`gather` reads them from the log, for one dataset at a time, so that a build looks only at what changed; `documents` puts them into JSON.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from datahub_dagster.adapters.site.documents.schema import Snippet
from datahub_dagster.adapters.site.links import NOBODY, Neighbours
from datahub_dagster.domain import words
from datahub_dagster.domain.alert import Incident
from datahub_dagster.domain.audit import CheckResult, Sample
from datahub_dagster.domain.contract import Consumer, Contract, ContractFault
from datahub_dagster.domain.contract_version import ContractVersion
from datahub_dagster.domain.impact import Reader
from datahub_dagster.domain.names import ReleaseId
from datahub_dagster.domain.outcome import Outcome
from datahub_dagster.domain.promise import Promise
from datahub_dagster.domain.release import (
    WHOLE,
    Generation,
    GenerationKind,
    OutcomeKind,
    ReleaseRecord,
    state_now,
)
from datahub_dagster.domain.sampling import columns_to_sample
from datahub_dagster.domain.slo import SloState
from datahub_dagster.domain.slo_report import SloReport
from datahub_dagster.domain.status import DatasetStatus
from datahub_dagster.domain.view import ReleasedFile

INCIDENTS_SHOWN = timedelta(days=90)
"""For how long an incident is told after it was over."""

CHECKS_SHOWN = timedelta(days=90)
"""For how long an answer of a test on published data is told."""

_WORST_FIRST = (SloState.LATE, SloState.UNKNOWN, SloState.PENDING, SloState.MET)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a test said, and when (UTC).

    Args:
        release: The delivery that it judged; None = what was published.
        is_of_published: Whether it is about what readers read: no answer for a delivery that was refused.
    """

    result: CheckResult
    at: datetime
    release: ReleaseId | None = None
    is_of_published: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetFacts:
    """One dataset, without anything that its readers may not see.

    Args:
        now: The instant at which all of it was looked at (UTC).
        is_public: Whether anybody may read the pages.
        generations: All states, by number.
        answers: For each test (by unique id) what it said, the oldest first.
        slos: How each SLO was kept, those of consumers too.
        promises: What was promised when, the oldest first, up to what is promised now; none = nothing was ever noted.
        files: Files that are published: all where they are few, else those of the newest partition.
        versions: What the contract said when, the oldest first.
        readers: Its consumers, by label, each with when it is affected if nothing comes from now on.
        neighbours: Datasets that tests link with this one.
        incidents: What is wrong, and what lately was, the oldest first.
        samples: Some rows; None where there are none, and `samples_reason` says why, as a code.
        fault: What is wrong with the team's files, if anything.
        problem: Why the dataset could not be looked at.
    """

    status: DatasetStatus
    now: datetime
    is_public: bool = False
    generations: Sequence[Generation] = ()
    answers: Mapping[str, Sequence[Answer]] = field(default_factory=dict[str, Sequence[Answer]])
    pins: Mapping[ReleaseId, str] = field(default_factory=dict[ReleaseId, str])
    slos: Sequence[SloReport] = ()
    promises: Sequence[Promise] = ()
    files: Sequence[ReleasedFile] = ()
    versions: Sequence[ContractVersion] = ()
    consumers: Sequence[Consumer] = ()
    readers: Sequence[Reader] = ()
    neighbours: Neighbours = NOBODY
    incidents: Sequence[Incident] = ()
    samples: Sample | None = None
    samples_reason: str | None = None
    snippets: Sequence[Snippet] = ()
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
    def open_columns(self) -> frozenset[str]:
        """Names (lower case) of the columns whose values may be shown."""
        return frozenset(name.lower() for name in columns_to_sample(self.contract, is_public=self.is_public))

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
        """How a delivery stands today. A release is overtaken that never was published, and superseded one that was."""
        if outcome.kind is OutcomeKind.SUPERSEDED or outcome.record is None:
            return words.outcome(outcome.kind)
        return state_now(outcome.record, self.status.current).value

    @property
    def has_unreadable(self) -> bool:
        """Whether anything of it could not be read this time; another time it may be."""
        is_unread = self.problem or any(report.is_unread for report in self.slos)
        return bool(is_unread or self.samples_reason == "unreadable")

    @property
    def needs_attention(self) -> bool:
        """Whether its owners should look: the macro `attention` of the pages says when."""
        is_bad = self.slo_state in (SloState.LATE, SloState.UNKNOWN)
        is_broken = any(report.budget.is_kept is False for report in self.slos)
        is_refused = bool(self.refused_last or self.status.failing_checks)
        return bool(is_bad or is_broken or is_refused or self.problem or self.fault)
