"""How verdicts and budgets are said: one wording for reports, pages, checks and alerts. Pure."""

from datetime import timedelta
from math import floor

from datahub_dagster.domain import words
from datahub_dagster.domain.contract import Contract, FreshnessSlo, QualitySlo
from datahub_dagster.domain.slo_report import Budget, SloReport
from datahub_dagster.domain.verdict import DeliveryResult, DueResult, Verdict

NOTHING_YET = "nothing to count yet"


def quality_zone(contract: Contract) -> str:
    """The time zone in which days and months of quality begin: that of the first SLO of freshness, else UTC."""
    return contract.freshness_slos[0].timezone if contract.freshness_slos else "UTC"


def zone_of(report: SloReport) -> str:
    """The time zone of an SLO."""
    return report.slo.timezone if report.slo else quality_zone(report.contract)


def promise(report: SloReport) -> str:
    """What the SLO of a report promises, as half a sentence."""
    if report.slo is None:
        return "deliveries pass their audit at the first try"
    return words.freshness(report.slo, report.contract.partitions)


def objective(of: Budget | QualitySlo) -> str:
    """How often it is to be kept.

    >>> from datetime import timedelta
    >>> objective(QualitySlo(objective=0.95, window=timedelta(days=90)))
    '95% over 90 days'
    """
    return f"{words.share(of.objective)} over {words.duration(of.window)}"


def attained(value: float | None) -> str:
    """A share in percent to two digits, rounded down: what misses an objective never looks as if it reached it.

    >>> attained(0.98999), attained(0.29), attained(1.0), attained(None)
    ('98.99%', '29%', '100%', '–')
    """
    return "–" if value is None else words.share(floor(value * 10_000 + 1e-6) / 10_000)


def counts(budget: Budget) -> str:
    """How many there were of each verdict.

    >>> from datetime import UTC, datetime, timedelta
    >>> now = datetime(2026, 11, 20, tzinfo=UTC)
    >>> about = {"objective": 0.99, "window": timedelta(days=90), "since": now, "until": now}
    >>> counts(Budget(met=61, late=1, excused=2, **about)), counts(Budget(**about))
    ('61 met, 1 late, 2 excused', 'nothing to count yet')
    """
    numbers = {verdict: getattr(budget, verdict.value) for verdict in Verdict}
    return (
        ", ".join(f"{number:,} {verdict.value}" for verdict, number in numbers.items() if number)
        or NOTHING_YET
    )


def left(budget: Budget) -> str:
    """What is left of the error budget, or by how much it was overspent; a dash before anything was due.

    >>> from datetime import UTC, datetime, timedelta
    >>> now = datetime(2026, 11, 20, tzinfo=UTC)
    >>> about = {"objective": 0.95, "window": timedelta(days=90), "since": now, "until": now}
    >>> left(Budget(met=49, late=1, attainment=0.98, allowed=2.5, left=0.6, **about))
    '60% left, 1 of 2.5 spent'
    >>> left(Budget(met=47, late=3, attainment=0.94, allowed=2.5, left=-0.2, **about))
    'overspent, 3 of 2.5 allowed'
    >>> left(Budget(met=1, missed=1, attainment=0.5, allowed=0.0, left=-1.0, **about | {"objective": 1.0}))
    'overspent, 1 of none allowed'
    """
    if budget.left is None:
        return "–"
    allowed = f"{budget.allowed:.2f}".rstrip("0").rstrip(".") if budget.allowed else "none"
    spent = f"{budget.spent:,} of {allowed}"
    return (
        f"overspent, {spent} allowed" if budget.left < 0 else f"{attained(budget.left)} left, {spent} spent"
    )


def burns(budget: Budget) -> str:
    """How fast the budget was spent lately; empty while that is no faster than allowed.

    >>> from datetime import UTC, datetime, timedelta
    >>> now = datetime(2026, 11, 20, tzinfo=UTC)
    >>> burns(Budget(objective=0.95, window=timedelta(days=90), since=now, until=now, burn_rate=3.2))
    'burns 3.2 times as fast as allowed'
    """
    if budget.burn_rate is None or budget.burn_rate <= 1:
        return ""
    return f"burns {budget.burn_rate:.1f} times as fast as allowed"


def became(
    result: DueResult | DeliveryResult, slo: FreshnessSlo | None = None, *, with_age: bool = True
) -> str:
    """What became of a due time, or of a delivery, in a few words.

    Args:
        result: What is told.
        slo: The promise; of one of an age it is said by how long the data were too old.
        with_age: Whether it is said how long ago the deadline of a missed one was, which changes by the minute.

    >>> from datetime import UTC, datetime, timedelta
    >>> due = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    >>> about = {"slo": "freshness", "business_date": "2026-11-20", "due_at": due, "deadline_at": due}
    >>> became(DueResult(verdict=Verdict.LATE, late=timedelta(minutes=34), **about))
    '34 min late'
    >>> became(DueResult(verdict=Verdict.MISSED, late=timedelta(hours=3), **about))
    'missed, 3 h ago'
    >>> became(DueResult(verdict=Verdict.EXCUSED, reason="typhoon", **about))
    'excused: typhoon'
    >>> days = FreshnessSlo(max_age=timedelta(days=3))
    >>> became(DueResult(verdict=Verdict.MISSED, late=timedelta(days=18), **about), days)
    'too old by 18 days'
    """
    late = result.late if isinstance(result, DueResult) else timedelta(0)
    if slo is not None and slo.max_age is not None and result.verdict in (Verdict.LATE, Verdict.MISSED):
        return (
            f"too old by {words.duration(late)}" if with_age or result.verdict is Verdict.LATE else "too old"
        )
    if result.verdict is Verdict.LATE:
        return f"{words.duration(late)} late"
    text = result.verdict.value
    if result.verdict is Verdict.MISSED and late and with_age:
        text += f", {words.duration(late)} ago"
    return f"{text}: {result.reason}" if result.reason else text


def subject(result: DueResult | DeliveryResult) -> str:
    """What it was about: the business date, or the release.

    >>> from datetime import UTC, datetime
    >>> at = datetime(2026, 11, 20, tzinfo=UTC)
    >>> subject(DeliveryResult(release="2026-11-20.1", delivery="friday", at=at, verdict=Verdict.MET))
    '2026-11-20.1'
    """
    return words.business_date(result.business_date) if isinstance(result, DueResult) else result.release


def worst(report: SloReport, limit: int = 3) -> tuple[DueResult | DeliveryResult, ...]:
    """What broke it worst: the longest delays first, of deliveries the newest."""
    broken = [each for each in report.results if each.verdict.counts and not each.verdict.is_kept]

    def weight(result: DueResult | DeliveryResult) -> tuple[timedelta, float]:
        return result.late if isinstance(result, DueResult) else timedelta(0), result.at.timestamp()

    return tuple(sorted(broken, key=weight, reverse=True)[:limit])
