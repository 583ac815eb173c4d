"""Releases, generations, and the record that tells a release's whole story without Dagster."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from datahub_dagster.domain.audit import AuditReport, Block
from datahub_dagster.domain.contract import Mode
from datahub_dagster.domain.names import DatasetName, ReleaseId
from datahub_dagster.domain.profile import Fault
from datahub_dagster.domain.statistics import ColumnStatistics

WHOLE = ""  # key of the only partition of a dataset that has none


class ReleaseState(StrEnum):
    """Where a release stands. `superseded`: a later content has taken every one of its partitions."""

    STAGED = "staged"
    PUBLISHED = "published"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"


class GenerationKind(StrEnum):
    """What made a generation."""

    RELEASE = "release"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One state of a dataset: which release each partition is read from. Numbered from 1; the highest is published.

    Args:
        release_id: The release that made it; for a rollback, the newest release of the generation that was taken up again.
        published_at: Never before that of the generation before it, whatever the clock says.
        clock_at: What the clock said, where that was earlier: it, or the one before it, is wrong.
        restores: For a rollback, the generation whose content it publishes again.
    """

    dataset: DatasetName
    number: int
    kind: GenerationKind
    partitions: Mapping[str, ReleaseId]
    release_id: ReleaseId
    published_at: datetime
    clock_at: datetime | None = None
    contract_version: str = ""
    contract_fingerprint: str = ""
    actor: str = ""
    reason: str = ""
    restores: int | None = None

    @property
    def releases(self) -> frozenset[ReleaseId]:
        """Every release that is read in this generation."""
        return frozenset(self.partitions.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class DueVerdict:
    """How a release stood to one due time. `late_seconds` is negative for an early release."""

    slo: str
    business_date: str
    due_at: datetime
    late_seconds: float

    @property
    def met(self) -> bool:
        """Whether it was published in time (grace is already counted in `due_at`)."""
        return self.late_seconds <= 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRecord:
    """The outcome of one delivery, written once beside the data when its way has ended.

    Args:
        state: How its way ended: published, rejected, or superseded before it could be published.
        generation: The generation that it made; None unless published.
        base_generation: The generation that it was audited against.
        partitions: Keys of the partitions that it brought.
        replaced: Those of them that were published before.
        faults: Why validation said no. `blocks`: why the audit said no.
        dataset_rows: Rows of the whole dataset once it was published; `rows` are those of the release alone.
        statistics: What the footers of its files say of each column; empty where nothing could be read, and in records of old.
        step_seconds: Time spent in each step; not part of the outcome.
        run_id: The Dagster run, if one did it.
    """

    schema_version: int = 1
    dataset: DatasetName
    release_id: ReleaseId
    state: ReleaseState
    team: str
    delivery: str
    fingerprint: str
    contract_version: str
    contract_fingerprint: str
    mode: Mode
    received_at: datetime
    finished_at: datetime
    published_at: datetime | None = None
    generation: int | None = None
    base_generation: int | None = None
    partitions: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    rows: int = 0
    bytes: int = 0
    files: int = 0
    dataset_rows: int | None = None
    dataset_bytes: int | None = None
    columns: tuple[tuple[str, str], ...] = ()
    statistics: tuple[ColumnStatistics, ...] = ()
    faults: tuple[Fault, ...] = ()
    blocks: tuple[Block, ...] = ()
    audit: AuditReport | None = None
    due: tuple[DueVerdict, ...] = ()
    warnings: tuple[str, ...] = ()
    actor: str = ""
    run_id: str | None = None
    step_seconds: Mapping[str, float] = field(default_factory=dict[str, float])

    @property
    def refused(self) -> bool:
        """Whether the hub said no."""
        return self.state is ReleaseState.REJECTED

    @property
    def why(self) -> str:
        """One line that says what happened and why."""
        if self.state is ReleaseState.PUBLISHED:
            plural = "" if len(self.warnings) == 1 else "s"
            warned = f"; {len(self.warnings)} warning{plural}" if self.warnings else ""
            return f"published as generation {self.generation}{warned}"
        if self.state is ReleaseState.SUPERSEDED:
            return "a later delivery of the same partitions was published first"
        reasons = [fault.message for fault in self.faults] or [str(block) for block in self.blocks]
        more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
        return f"{reasons[0]}{more}" if reasons else "rejected"


def state_now(record: ReleaseRecord, current: Generation | None) -> ReleaseState:
    """A release's state today: a published one is superseded once no partition is read from it any more."""
    if (
        record.state is ReleaseState.PUBLISHED
        and current is not None
        and record.release_id not in current.releases
    ):
        return ReleaseState.SUPERSEDED
    return record.state


class OutcomeKind(StrEnum):
    """How a delivery ended. `repeat`: it brings what is published already; there was nothing to do."""

    PUBLISHED = "published"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"
    REPEAT = "repeat"
