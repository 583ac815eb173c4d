"""How verdicts and budgets are said, on pages, in alerts and in the terminal."""

from datetime import timedelta

from datahub_dagster.domain import slo_words
from datahub_dagster.domain.contract import FreshnessSlo
from datahub_dagster.domain.slo_report import Budget, SloReport
from datahub_dagster.domain.verdict import DeliveryResult, DueResult, Verdict
from tests.builders import NOW, contract

QUARTER = timedelta(days=90)


def due(day: int, verdict: Verdict, hours: float = 0) -> DueResult:
    at = NOW + timedelta(days=day)
    return DueResult(
        slo="freshness",
        business_date=f"{at:%Y-%m-%d}",
        due_at=at,
        deadline_at=at,
        verdict=verdict,
        late=timedelta(hours=hours),
    )


def delivered(number: int, verdict: Verdict) -> DeliveryResult:
    return DeliveryResult(
        release=f"2026-11-20.{number}", delivery="x", at=NOW + timedelta(days=number), verdict=verdict
    )


def report(*results: DueResult | DeliveryResult, slo: FreshnessSlo | None = None) -> SloReport:
    budget = Budget(objective=0.99, window=QUARTER, since=NOW, until=NOW)
    return SloReport(contract=contract(), name="freshness", slo=slo, budget=budget, results=results)


def test_the_worst_are_the_longest_delays_also_of_what_never_came() -> None:
    found = slo_words.worst(
        report(
            due(0, Verdict.LATE, 2),
            due(1, Verdict.MET),
            due(2, Verdict.MISSED, 9),
            due(3, Verdict.LATE, 1),
            due(4, Verdict.UNKNOWN),
            due(5, Verdict.LATE, 3),
        )
    )

    assert [result.late for result in found if isinstance(result, DueResult)] == [
        timedelta(hours=9),
        timedelta(hours=3),
        timedelta(hours=2),
    ]


def test_the_worst_deliveries_are_the_newest_that_were_rejected() -> None:
    found = slo_words.worst(
        report(*(delivered(number, Verdict.MISSED) for number in (1, 2, 3, 4)), slo=None), limit=2
    )

    assert [slo_words.subject(result) for result in found] == ["2026-11-20.4", "2026-11-20.3"]


def test_quality_is_reported_on_the_clocks_of_the_first_slo_or_in_utc() -> None:
    tokyo = FreshnessSlo(max_age=timedelta(days=2), timezone="Asia/Tokyo")

    assert slo_words.quality_zone(contract()) == "UTC"
    assert slo_words.quality_zone(contract(freshness_slos=(tokyo,))) == "Asia/Tokyo"
    assert slo_words.zone_of(report(slo=FreshnessSlo(timezone="America/New_York"))) == "America/New_York"
