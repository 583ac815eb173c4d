"""The error budget over a window, and which deliveries count for quality."""

from datetime import timedelta
from typing import Any

import pytest

from datahub_dagster.domain.budget import (
    budget,
    delivery_gaps,
    delivery_results,
    promised_results,
    quality_since,
)
from datahub_dagster.domain.contract import QualitySlo
from datahub_dagster.domain.promise import Promise
from datahub_dagster.domain.release import ReleaseState
from datahub_dagster.domain.slo_report import Budget
from datahub_dagster.domain.verdict import DueResult, Verdict
from tests.builders import NOW, contract, receipt, record

DAY = timedelta(days=1)
WINDOW = 90 * DAY
ORDERS = contract()
LETTERS = {
    "m": Verdict.MET,
    "l": Verdict.LATE,
    "x": Verdict.MISSED,
    "e": Verdict.EXCUSED,
    "u": Verdict.UNKNOWN,
}


def spent(verdicts: str, objective: float = 0.9, days: int = 90) -> Budget:
    """The budget of one due time a day, the last of them yesterday."""
    count = len(verdicts)
    results = [
        DueResult(
            slo="freshness",
            business_date="2026-11-20",
            due_at=NOW - (count - index) * DAY,
            deadline_at=NOW - (count - index) * DAY,
            verdict=LETTERS[letter],
        )
        for index, letter in enumerate(verdicts)
    ]
    return budget(results, objective=objective, window=days * DAY, since=NOW - days * DAY, until=NOW)


def test_late_and_missed_spend_the_budget_and_nothing_else_does() -> None:
    found = spent("m" * 36 + "lxeeu" + "mm")

    assert (found.met, found.late, found.missed, found.excused, found.unknown) == (38, 1, 1, 2, 1)
    assert (found.attainment, found.allowed, found.left) == (0.95, 4.0, 0.5)
    assert found.is_kept


def test_what_came_before_the_window_counts_no_more() -> None:
    assert spent("x" * 10 + "m" * 30, days=30).attainment == 1.0


@pytest.mark.parametrize(("verdicts", "kept"), [("m" * 9 + "x", True), ("m" * 8 + "xl", False)])
def test_the_objective_is_kept_up_to_the_last_of_its_budget(verdicts: str, kept: bool) -> None:
    found = spent(verdicts)

    assert found.is_kept is kept
    assert found.left == (0.0 if kept else -1.0)


@pytest.mark.parametrize("verdicts", ["", "e", "uu"])
def test_where_nothing_was_due_nothing_is_said(verdicts: str) -> None:
    found = spent(verdicts)

    assert (found.attainment, found.left, found.burn_rate, found.is_kept) == (None, None, None, None)


def test_an_objective_of_all_allows_nothing() -> None:
    assert (spent("mmm", objective=1.0).left, spent("mmm", objective=1.0).is_kept) == (1.0, True)
    assert (spent("mlx", objective=1.0).left, spent("mlx", objective=1.0).is_kept) == (-2.0, False)
    assert spent("mlx", objective=1.0).burn_rate is None


def test_the_burn_rate_looks_at_the_last_tenth_of_the_window() -> None:
    calm = spent("x" * 40 + "m" * 9)
    burning = spent("m" * 40 + "m" * 6 + "xxx")

    assert calm.burn_rate == 0.0
    assert burning.burn_rate == pytest.approx(3 / 9 / 0.1)


# --- quality -----------------------------------------------------------------------------------------------


def delivered(number: int, state: ReleaseState = ReleaseState.PUBLISHED, **more: Any) -> Any:
    return record(ORDERS, number, state, received_at=NOW + number * DAY, **more)


def told(*records: Any) -> str:
    return "".join(result.verdict[0] for result in delivery_results(records))


def test_a_delivery_that_passes_is_met_and_one_that_is_rejected_is_missed_with_the_reason() -> None:
    found = delivery_results([delivered(1), delivered(2, ReleaseState.REJECTED)])

    assert [(r.release, r.verdict, r.reason) for r in found] == [
        ("2026-11-20.1", Verdict.MET, ""),
        ("2026-11-20.2", Verdict.MISSED, "rejected"),
    ]
    assert found[1].at == NOW + 2 * DAY


def test_the_same_content_counts_once_as_it_was_judged_first() -> None:
    rejected = delivered(1, ReleaseState.REJECTED, fingerprint="same")
    passed = delivered(2, fingerprint="same", delivery="2026-11-01_again")

    assert [r.verdict for r in delivery_results([passed, rejected])] == [Verdict.MISSED]


def test_what_was_overtaken_before_its_audit_does_not_count() -> None:
    overtaken = delivered(1, ReleaseState.SUPERSEDED, fingerprint="same")

    assert delivery_results([overtaken]) == ()
    assert [r.release for r in delivery_results([overtaken, delivered(2, fingerprint="same")])] == [
        "2026-11-20.2"
    ]


def test_a_corrected_delivery_counts_beside_the_rejected_one() -> None:
    found = delivery_results([delivered(1, ReleaseState.REJECTED), delivered(2), delivered(3)])

    assert [r.verdict for r in found] == [Verdict.MISSED, Verdict.MET, Verdict.MET]


def test_quality_counts_while_it_is_promised() -> None:
    def given(day: int, quality: QualitySlo | None) -> Promise:
        return Promise(dataset=ORDERS.name, valid_from=NOW + day * DAY, quality=quality)

    results = delivery_results([delivered(number) for number in range(1, 7)])
    on_and_off = [given(2, QualitySlo()), given(4, None), given(6, QualitySlo(objective=0.5))]

    def counted(promises: list[Promise]) -> list[int]:
        return [int(result.release[-1]) for result in promised_results(promises, results)]

    assert counted(on_and_off) == [1, 2, 3, 6]
    assert counted(on_and_off[1:]) == [6]
    assert quality_since(on_and_off, NOW + DAY) == NOW + DAY
    assert quality_since(on_and_off[1:], NOW + DAY) == NOW + 6 * DAY
    assert quality_since([given(4, None)], NOW + DAY) is None


def test_deliveries_that_the_log_knows_nothing_of_are_unknown_and_never_kept() -> None:
    old = NOW - timedelta(days=5)
    receipts = [receipt(ORDERS, number, received_at=old + timedelta(hours=number)) for number in (1, 2, 4, 5)]
    receipts.append(receipt(ORDERS, 6, received_at=NOW + timedelta(days=900)))
    records = [record(ORDERS, number, received_at=old) for number in (1, 5)]

    gaps = delivery_gaps(receipts, records, NOW, NOW)

    assert {gap.verdict for gap in gaps} == {Verdict.UNKNOWN}
    assert [(gap.delivery, gap.reason) for gap in gaps] == [
        ("2026-11-02", "its record is missing from the log"),
        ("", "receipt 3 is missing from the log"),
        ("2026-11-04", "its record is missing from the log"),
        ("2026-11-06", "received at 2029-05-08 12:00 UTC, which is still to come: a clock is wrong"),
    ]
    assert all(gap.at < NOW for gap in gaps), "so that each counts"


def test_a_delivery_that_is_under_way_is_no_gap() -> None:
    receipts = [receipt(ORDERS, 1, received_at=NOW), receipt(ORDERS, 2, received_at=NOW)]
    assert delivery_gaps(receipts, [record(ORDERS, 2)], NOW, NOW) == ()
