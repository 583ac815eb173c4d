"""At whatever hour the demo is told, its story is the same: promises that were kept, one broken by an hour, one by a day."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from datahub_dagster.demo.data import DemoDelivery, write_deliveries
from datahub_dagster.demo.story import ROLLED_BACK
from datahub_dagster.demo.times import StoryTimes, pacific
from datahub_dagster.domain.release import WHOLE, Generation, GenerationKind
from datahub_dagster.domain.slo_history import Timeline, history
from datahub_dagster.domain.verdict import DueResult, Verdict
from tests.builders import name, release_id
from tests.demo.promised import CONTRACTS, promise, promising

HOURLY, SESSIONS = "weather.hourly_temperatures", "volatility.index_sessions"

NOWS = [
    "2026-11-22T17:55",  # a Sunday
    "2026-11-23T12:59",  # a Monday, a minute before New York's sessions are due ...
    "2026-11-23T13:00:01",  # ... and a second after
    "2026-11-21T05:00",  # the very deadline of an evening ...
    "2026-11-21T05:00:01",  # ... and a second after
    "2026-11-27T16:00",  # the Friday after Thanksgiving
    "2026-12-01T00:30",  # the first of a month, and still the last in America
    "2026-12-01T17:59",
    "2026-12-02T05:01",
    "2026-12-26T10:00",
    "2027-01-01T00:00",
    "2027-01-02T23:00",  # a Saturday after New Year
    "2027-03-14T11:00",  # clocks go forward in America: twice an hour before, and after
    "2027-03-15T13:30",
    "2027-11-07T09:30",  # clocks go back
    "2027-11-08T05:30",
    "2028-02-29T12:00",
    "2028-03-01T08:01",
    "2026-03-01T00:00",  # the earliest
]


@pytest.mark.parametrize("now", NOWS)
def test_the_story_is_the_same_whenever_it_is_told(now: str, tmp_path: Path) -> None:
    told_at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    deliveries = write_deliveries(tmp_path, told_at)
    results = {dataset: due_results(deliveries, dataset, told_at) for dataset in CONTRACTS}

    assert all(delivery.at <= told_at for delivery in deliveries)
    assert verdicts(results.pop(HOURLY)) == {
        "freshness": {Verdict.MET: 7, Verdict.LATE: 1, Verdict.MISSED: 1},
    }
    assert verdicts(results[SESSIONS])["freshness"] == {Verdict.MET: 3}
    for dataset, kept in results.items():
        assert {result.verdict for result in kept} <= {Verdict.MET}, dataset


def test_the_late_evening_is_late_by_35_minutes_and_the_last_is_missing(tmp_path: Path) -> None:
    now = datetime(2026, 11, 22, 18, tzinfo=UTC)
    broken = [
        each
        for each in due_results(write_deliveries(tmp_path, now), HOURLY, now)
        if each.verdict is not Verdict.MET
    ]

    late, missed = broken
    assert (late.business_date, late.late) == ("2026-11-17", timedelta(minutes=35))
    assert (missed.business_date, missed.deadline_at) == ("2026-11-21", pacific(broken_day(missed), 21))


def test_the_days_of_the_story_are_those_whose_due_times_have_passed_last() -> None:
    times = StoryTimes.before(datetime(2026, 11, 30, 12, 59, tzinfo=UTC))  # Monday 07:59 in New York

    assert f"{times.evenings[-1]}" == "2026-11-29"
    assert [f"{day}" for day in times.sessions] == ["2026-11-23", "2026-11-24", "2026-11-25", "2026-11-27"]
    assert f"{times.morning}" == "2026-11-27"


def broken_day(result: DueResult) -> Any:
    return datetime.fromisoformat(result.business_date).date()


def due_results(deliveries: Sequence[DemoDelivery], dataset: str, now: datetime) -> list[DueResult]:
    """What becomes of each due time of a dataset, if all deliveries fare as they say."""
    promised = promise(dataset, min(each.at for each in deliveries if each.dataset == dataset))
    timeline = Timeline.of(generations(deliveries, dataset, now), now)
    return [
        result
        for slo in promised.freshness
        for result in history([promised], slo.name, timeline, promised.valid_from, now, now)
    ]


def generations(deliveries: Sequence[DemoDelivery], dataset: str, now: datetime) -> list[Generation]:
    made: list[Generation] = []
    for told in deliveries:
        if told.dataset == dataset and told.expected == "published":
            made.append(generation(made, dataset, told.at, partitions_of(told)))
    if dataset == ROLLED_BACK:
        back_at = StoryTimes.before(now).rolled_back_at
        made.append(generation(made, dataset, back_at, made[0].partitions, restores=1))
    return made


def generation(
    before: Sequence[Generation],
    dataset: str,
    at: datetime,
    brought: Mapping[str, Any],
    restores: int | None = None,
) -> Generation:
    number = len(before) + 1
    release = release_id(restores or number, at.date())
    held = before[-1].partitions if before else {}
    return Generation(
        dataset=name(dataset),
        number=number,
        kind=GenerationKind.ROLLBACK if restores else GenerationKind.RELEASE,
        partitions=brought if restores else {**held, **dict.fromkeys(brought, release)},
        release_id=release,
        published_at=at,
        contract_version="1.0.0",
        contract_fingerprint="",
        actor="test",
        restores=restores,
    )


def partitions_of(told: DemoDelivery) -> dict[str, None]:
    if promising(told.dataset).partitions is None:
        return {WHOLE: None}
    return {file.parent.name.partition("=")[2] or file.stem: None for file in told.path.rglob("*.parquet")}


def verdicts(results: Sequence[DueResult]) -> dict[str, Counter[Verdict]]:
    found: dict[str, Counter[Verdict]] = {}
    for result in results:
        found.setdefault(result.slo, Counter())[result.verdict] += 1
    return found
