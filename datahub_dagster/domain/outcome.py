"""How one delivery ended: a record, or the receipt of a repeat."""

from dataclasses import dataclass

from datahub_dagster.domain.delivery import Receipt
from datahub_dagster.domain.names import ReleaseId
from datahub_dagster.domain.release import OutcomeKind, ReleaseRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The end of a delivery's way. `record` is None for a repeat. `is_news`: whether this call brought it about."""

    receipt: Receipt
    record: ReleaseRecord | None
    is_news: bool = True

    @property
    def kind(self) -> OutcomeKind:
        """How it ended."""
        return OutcomeKind(self.record.state.value) if self.record else OutcomeKind.REPEAT

    @property
    def refused(self) -> bool:
        """Whether the hub said no."""
        return self.kind is OutcomeKind.REJECTED

    @property
    def release_id(self) -> ReleaseId:
        """The release; for a repeat, the published one that it repeats."""
        return self.receipt.repeats or self.receipt.release_id

    @property
    def why(self) -> str:
        """One line that says what happened and why."""
        return (
            self.record.why
            if self.record
            else f"the same content as release {self.receipt.repeats}: nothing to do"
        )
