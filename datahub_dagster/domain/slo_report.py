"""How an SLO was kept over its window: what reports, checks, pages and alerts are made from."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from datahub_dagster.domain.contract import Contract, FreshnessSlo
from datahub_dagster.domain.verdict import DeliveryResult, DueResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much of an SLO's error budget is spent over a window.

    Args:
        since: Where the window begins (UTC): `window` before `until`, or when the promise was given, if that is later.
        met: How many due times, or deliveries, kept it. `late` and `missed` broke it; `excused` and `unknown` count for nothing.
        attainment: The share that kept it; None = nothing was due yet.
        allowed: How many may break it; need not be whole.
        left: The share of the budget that is left, 1 = all. Negative = more was spent than allowed. None = nothing was due yet.
        burn_rate: How fast it was spent lately (over the last tenth of the window): 1 = just as fast as allowed. None = nothing was
            due lately, or the objective allows nothing.
        spent_lately: How many of those broke it.
    """

    objective: float
    window: timedelta
    since: datetime
    until: datetime
    met: int = 0
    late: int = 0
    missed: int = 0
    excused: int = 0
    unknown: int = 0
    attainment: float | None = None
    allowed: float = 0.0
    left: float | None = None
    burn_rate: float | None = None
    spent_lately: int = 0

    @property
    def spent(self) -> int:
        """How many broke it."""
        return self.late + self.missed

    @property
    def is_kept(self) -> bool | None:
        """Whether the objective is reached; None = nothing was due yet."""
        return None if self.attainment is None else self.attainment >= self.objective


@dataclass(frozen=True, slots=True, kw_only=True)
class SloReport:
    """One SLO of one dataset over a span, as it stands at `budget.until`.

    Args:
        name: The SLO's name; `quality` for first-pass audits.
        slo: The freshness SLO as it is now, or as it was promised last; None for quality.
        results: Every due time, or delivery, of the span in order; also those that an SLO with another due time was promised for.
        next_due_at: The next due time (UTC, without grace), if it is known.
        problem: Why nothing can be said (a log that can't be read); empty as a rule. What is known but for some due times has none:
            those are `unknown`, with the reason.
        is_unread: Whether that is since the log could not be read, this time.
        promised_until: Since when it is promised no longer (UTC): dropped, or renamed. None = it is promised. Only reports over a span
            of the past have such.
    """

    contract: Contract
    name: str
    slo: FreshnessSlo | None
    budget: Budget
    results: tuple[DueResult | DeliveryResult, ...] = ()
    next_due_at: datetime | None = None
    problem: str = ""
    is_unread: bool = False
    promised_until: datetime | None = None

    @property
    def check_name(self) -> str:
        """Name of its asset check."""
        return slo_check_name(self.name)


def slo_check_name(slo: str) -> str:
    """The asset check of an SLO: `slo_freshness`, `slo_quality`.

    >>> slo_check_name("by noon")
    'slo_by_noon'
    """
    return "slo_" + "".join(char if char.isascii() and char.isalnum() else "_" for char in slo)
