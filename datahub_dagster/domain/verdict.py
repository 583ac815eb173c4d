"""What became of one due time, or of one delivery: the units that budgets count."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Verdict(StrEnum):
    """How a due time, or a delivery, stands to its SLO.

    `late`: it came after its deadline. `missed`: its deadline has passed, and it is not there. `excused`: an override says why
    nothing was owed. `unknown`: nobody can say, and the reason tells why; it never counts as met.
    """

    MET = "met"
    LATE = "late"
    MISSED = "missed"
    EXCUSED = "excused"
    UNKNOWN = "unknown"

    @property
    def is_kept(self) -> bool:
        """Whether it counts as kept."""
        return self is Verdict.MET

    @property
    def counts(self) -> bool:
        """Whether it counts at all, as kept or as broken."""
        return self in (Verdict.MET, Verdict.LATE, Verdict.MISSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class DueResult:
    """What became of one due time. Instants are UTC.

    Args:
        slo: Name of the SLO.
        business_date: What it was owed for, as partition keys are written: ISO 8601, a day.
        due_at: Without grace.
        deadline_at: With grace.
        answered_at: Since when the business date was there, if it is; the last time before the deadline if it is met.
        late: How long after its deadline it came, or is missing until `now`; nothing if it is met, excused or unknown.
        reason: Why it is excused or unknown; else empty, or what a person should know.
    """

    slo: str
    business_date: str
    due_at: datetime
    deadline_at: datetime
    verdict: Verdict
    answered_at: datetime | None = None
    late: timedelta = timedelta(0)
    reason: str = ""

    @property
    def at(self) -> datetime:
        """The instant at which it is counted."""
        return self.deadline_at


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryResult:
    """Whether a delivery passed its audit at the first try: met, or missed. `at` is when it was received (UTC)."""

    release: str
    delivery: str
    at: datetime
    verdict: Verdict
    reason: str = ""
