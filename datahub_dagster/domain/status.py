"""How a dataset stands: what was promised, what is published, what was refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.inbox import InboxEntry
from datahub_dagster.domain.outcome import Outcome
from datahub_dagster.domain.release import Generation
from datahub_dagster.domain.slo import SloStanding


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetStatus:
    """One line of the status table.

    Args:
        current: What is published; None before the first release.
        last: How the newest delivery ended.
        outcomes: All outcomes, by receipt.
        waiting: What lies in the inbox and is not handled.
        standings: How each freshness SLO stands now.
        problem: Why the dataset could not be looked at (a corrupt state, say); the rest is empty then.
    """

    contract: Contract
    current: Generation | None = None
    rows: int | None = None
    bytes: int | None = None
    outcomes: Sequence[Outcome] = ()
    waiting: Sequence[InboxEntry] = ()
    standings: Sequence[SloStanding] = ()
    checked_at: datetime | None = None
    failing_checks: tuple[str, ...] = ()
    problem: str = ""

    @property
    def last(self) -> Outcome | None:
        """How the newest delivery ended."""
        return self.outcomes[-1] if self.outcomes else None
