"""What became of each due time, in tables: Golden Week, the year's end, New York's clocks, rollbacks, changed promises."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from datahub_dagster.domain.contract import (
    CalendarFile,
    FreshnessSlo,
    Granularity,
    Override,
    PartitionSpec,
)
from datahub_dagster.domain.names import DatasetName, ReleaseId
from datahub_dagster.domain.promise import Promise
from datahub_dagster.domain.release import WHOLE, Generation, GenerationKind
from datahub_dagster.domain.slo_history import begin_of, due_results, history, next_deadline
from datahub_dagster.domain.timeline import Timeline
from datahub_dagster.domain.verdict import DueResult, Verdict

PRICES = DatasetName("equities", "daily_prices")
BY_DAY = PartitionSpec(column="trade_date", start=date(2024, 1, 4), calendar="XTKS")
BY_MONTH = PartitionSpec(column="month", granularity=Granularity.MONTH)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def slo(due: str = "18:30", **more: Any) -> FreshnessSlo:
    values: dict[str, Any] = {
        "timezone": "Asia/Tokyo",
        "calendar": "XTKS",
        "due": time.fromisoformat(due),
    }
    return FreshnessSlo(**(values | more))


def max_age(hours: int, **more: Any) -> FreshnessSlo:
    return FreshnessSlo(max_age=timedelta(hours=hours), timezone="Asia/Tokyo", **more)


def tokyo(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Tokyo")).astimezone(UTC)


class Story:
    """A dataset's generations, told in order; local times are Tokyo's."""

    def __init__(self) -> None:
        self.generations: list[Generation] = []

    def release(self, at: str, *keys: str) -> "Story":
        """Brings partitions; without any, the whole dataset."""
        number = len(self.generations) + 1
        published_at = tokyo(at)
        release_id = ReleaseId(published_at.date(), number)
        before = self.generations[-1].partitions if keys and self.generations else {}
        held = {**before, **dict.fromkeys(keys or (WHOLE,), release_id)}
        return self._add(
            Generation(
                dataset=PRICES,
                number=number,
                kind=GenerationKind.RELEASE,
                partitions=held,
                release_id=release_id,
                published_at=published_at,
            )
        )

    def roll_back(self, at: str, to: int) -> "Story":
        target = self.generations[to - 1]
        return self._add(
            replace(
                target,
                number=len(self.generations) + 1,
                kind=GenerationKind.ROLLBACK,
                published_at=tokyo(at),
                restores=to,
            )
        )

    def _add(self, generation: Generation) -> "Story":
        self.generations.append(generation)
        return self

    def timeline(self, now: str) -> Timeline:
        return Timeline.of(self.generations, tokyo(now))


def results(
    promise: FreshnessSlo,
    partitions: PartitionSpec | None,
    story: Story,
    since: str,
    now: str,
) -> tuple[DueResult, ...]:
    return due_results(promise, partitions, story.timeline(now), tokyo(since), tokyo(now), tokyo(now))


def told(found: Sequence[DueResult]) -> list[str]:
    """Each result as `11-23 late 35`: the date, the verdict, minutes late."""
    return [f"{r.business_date[5:]} {r.verdict}" + (f" {r.late // MINUTE}" if r.late else "") for r in found]


# --- days ------------------------------------------------------------------------------------------------


def test_a_late_monday_is_missed_at_18_31_late_from_19_05_on_and_counted_once() -> None:
    story = Story().release("2026-11-20T18:00", "2026-11-20")
    monday = slo(calendar="weekdays")

    assert told(results(monday, BY_DAY, story, "2026-11-23T00:00", "2026-11-24T00:00")) == []  # a holiday
    weekdays = replace(BY_DAY, calendar=None)
    assert told(results(monday, weekdays, story, "2026-11-23T00:00", "2026-11-23T18:30")) == []
    assert told(results(monday, weekdays, story, "2026-11-23T00:00", "2026-11-23T18:31")) == [
        "11-23 missed 1"
    ]

    story.release("2026-11-23T19:05", "2026-11-23")
    [result] = results(monday, weekdays, story, "2026-11-23T00:00", "2026-11-24T09:00")

    assert (result.verdict, result.late, result.answered_at) == (
        Verdict.LATE,
        35 * MINUTE,
        tokyo("2026-11-23T19:05"),
    )
    assert result.at == tokyo("2026-11-23T18:30")


def test_what_is_published_at_the_very_deadline_is_in_time() -> None:
    story = Story().release("2026-11-20T18:45", "2026-11-20")

    [result] = results(slo(grace=15 * MINUTE), BY_DAY, story, "2026-11-20T00:00", "2026-11-21T00:00")

    assert (result.due_at, result.deadline_at) == (tokyo("2026-11-20T18:30"), tokyo("2026-11-20T18:45"))
    assert (result.verdict, result.late) == (Verdict.MET, timedelta(0))


def test_golden_week_owes_nothing_between_its_sessions() -> None:
    """Sessions of 2026: Thursday 30 April, Friday 1 May, then Thursday 7 May."""
    story = Story().release("2026-05-01T07:00", "2026-04-30").release("2026-05-07T09:00", "2026-05-01")
    promise = slo("08:00", covers=1)

    found = results(promise, BY_DAY, story, "2026-05-01T00:00", "2026-05-08T09:00")

    assert told(found) == ["04-30 met", "05-01 late 60", "05-07 missed 60"]
    assert [r.due_at for r in found] == [tokyo(f"2026-05-{day}T08:00") for day in ("01", "07", "08")]


def test_over_the_years_end_the_last_session_is_due_on_the_first() -> None:
    """The last session of 2026 is 30 December, the first of 2027 is 4 January."""
    story = Story().release("2027-01-04T07:59", "2026-12-30")

    found = results(slo("08:00", covers=1), BY_DAY, story, "2026-12-30T09:00", "2027-01-05T00:00")

    assert [(r.business_date, r.due_at, r.verdict) for r in found] == [
        ("2026-12-30", tokyo("2027-01-04T08:00"), Verdict.MET)
    ]


def test_in_the_weeks_in_which_new_york_changes_its_clocks_due_times_move_in_utc() -> None:
    promise = slo("08:00", timezone="America/New_York", calendar="XNYS")

    def due(since: str, until: str) -> list[str]:
        found = due_results(
            promise, None, Timeline.of([], tokyo(until)), tokyo(since), tokyo(until), tokyo(until)
        )
        return [f"{result.due_at:%a %d %H:%M}" for result in found]

    assert due("2026-03-06T00:00", "2026-03-11T00:00") == ["Fri 06 13:00", "Mon 09 12:00", "Tue 10 12:00"]
    assert due("2026-10-30T00:00", "2026-11-04T00:00") == ["Fri 30 12:00", "Mon 02 13:00", "Tue 03 13:00"]


def test_a_rollback_before_the_deadline_counts_and_one_after_it_does_not() -> None:
    story = Story().release("2026-11-19T18:00", "2026-11-19")
    story.release("2026-11-20T17:00", "2026-11-20").roll_back("2026-11-20T18:00", to=1)

    assert told(results(slo(), BY_DAY, story, "2026-11-20T00:00", "2026-11-20T19:00")) == ["11-20 missed 30"]

    story.release("2026-11-20T19:30", "2026-11-20").roll_back("2026-11-20T20:00", to=1)
    story.release("2026-11-24T10:00", "2026-11-20")

    assert told(results(slo(), BY_DAY, story, "2026-11-19T00:00", "2026-11-21T00:00")) == [
        "11-19 met",
        "11-20 late 60",  # when it came first, though it went and came again
    ]


def test_a_correction_after_the_deadline_changes_nothing() -> None:
    story = Story().release("2026-11-20T18:00", "2026-11-20")
    before = results(slo(), BY_DAY, story, "2026-11-20T00:00", "2026-11-20T20:00")

    story.release("2026-11-20T19:00", "2026-11-20")

    assert results(slo(), BY_DAY, story, "2026-11-20T00:00", "2026-11-20T20:00") == before
    assert before[0].answered_at == tokyo("2026-11-20T18:00")


def test_what_was_never_delivered_is_missed() -> None:
    found = results(slo(), BY_DAY, Story(), "2026-11-19T00:00", "2026-11-21T00:00")

    assert [r.verdict for r in found] == [Verdict.MISSED, Verdict.MISSED]


def test_a_day_that_an_override_removes_is_excused_with_its_reason() -> None:
    outage = Override(on=date(2026, 11, 20), kind="removed", reason="the exchange was closed")
    promise = slo(overrides=(outage,))

    [result] = results(promise, BY_DAY, Story(), "2026-11-20T00:00", "2026-11-21T00:00")

    assert (result.verdict, result.reason, result.deadline_at) == (
        Verdict.EXCUSED,
        "the exchange was closed",
        tokyo("2026-11-20T18:30"),
    )
    assert not result.late


def test_what_was_not_owed_anyway_needs_no_excuse() -> None:
    sunday = Override(on=date(2026, 11, 22), kind="removed", reason="nobody works")

    assert results(slo(overrides=(sunday,)), BY_DAY, Story(), "2026-11-22T00:00", "2026-11-23T00:00") == ()


def test_a_moved_due_time_is_judged_where_it_was_moved_to() -> None:
    moved = Override(on=date(2026, 11, 2), kind="moved", reason="slow vendor", due_on=date(2026, 11, 20))
    story = Story().release("2026-11-19T18:00", "2026-11-02", "2026-11-20")

    found = results(slo(overrides=(moved,)), BY_DAY, story, "2026-11-20T00:00", "2026-11-21T00:00")

    assert told(found) == ["11-02 met", "11-20 met"]


def test_beyond_its_calendar_each_day_is_unknown_and_says_how_to_extend_it() -> None:
    days = tuple(Override(on=date(2026, 12, n), kind="added", reason="open") for n in (28, 29, 30))
    ends = CalendarFile(name="desk", first=date(2026, 12, 1), last=date(2026, 12, 30), overrides=days)
    promise = slo("08:00", calendar="desk", calendar_files=(ends,), covers=1)
    story = Story().release("2026-12-29T07:00", "2026-12-28").release("2026-12-30T07:00", "2026-12-29")

    found = results(promise, PartitionSpec(column="day"), story, "2026-12-29T00:00", "2027-01-02T00:00")

    assert told(found) == ["12-28 met", "12-29 met", "12-30 unknown", "12-31 unknown"]
    assert "it knows 2026-12-01 to 2026-12-30" in found[-1].reason
    assert "\n" not in found[-1].reason


# --- months, and datasets without partitions ---------------------------------------------------------------


def test_a_month_is_held_by_a_release_since_its_last_session_began() -> None:
    """The last session of October 2026 is Friday the 30th."""
    story = Story().release("2026-10-29T18:00", "2026-10")

    assert told(results(slo(), BY_MONTH, story, "2026-10-30T00:00", "2026-10-30T19:30")) == [
        "10-30 missed 60"
    ]

    story.release("2026-11-02T09:00", "2026-11").release("2026-11-02T18:30", "2026-10")

    assert told(results(slo(), BY_MONTH, story, "2026-10-30T00:00", "2026-11-10T00:00")) == [
        "10-30 late 4320"
    ]


def test_a_month_that_was_rolled_back_is_not_held_by_its_older_release() -> None:
    story = Story().release("2026-10-28T18:00", "2026-10").release("2026-10-30T17:00", "2026-10")
    story.roll_back("2026-10-30T18:00", to=1)

    assert told(results(slo(), BY_MONTH, story, "2026-10-30T00:00", "2026-10-31T00:00")) == [
        "10-30 missed 330"
    ]


def test_a_months_last_session_is_not_excused_while_the_month_is_owed_by_another_day() -> None:
    closed = Override(on=date(2026, 10, 30), kind="removed", reason="closed")
    story = Story().release("2026-10-29T18:00", "2026-10")

    found = results(slo(overrides=(closed,)), BY_MONTH, story, "2026-10-29T00:00", "2026-11-10T00:00")

    assert told(found) == ["10-29 met"]


def test_without_partitions_content_first_released_on_the_day_counts() -> None:
    story = Story().release("2026-11-19T18:00").release("2026-11-20T18:40")

    assert told(results(slo(), None, story, "2026-11-19T00:00", "2026-11-21T00:00")) == [
        "11-19 met",
        "11-20 late 10",
    ]


def test_without_partitions_a_rollback_shows_older_content_and_not_a_newer_release() -> None:
    story = Story().release("2026-11-19T18:00").release("2026-11-20T17:00")
    story.roll_back("2026-11-20T18:00", to=1)

    assert told(results(slo(), None, story, "2026-11-20T00:00", "2026-11-20T19:00")) == ["11-20 missed 30"]

    story.roll_back("2026-11-20T19:00", to=2)

    assert told(results(slo(), None, story, "2026-11-20T00:00", "2026-11-20T20:00")) == ["11-20 late 30"]


# --- maximum age -----------------------------------------------------------------------------------------


def since_first_release(promise: FreshnessSlo, story: Story, now: str) -> tuple[DueResult, ...]:
    """All that was due since the first release, when the promise was given."""
    begin = story.generations[0].published_at
    given = [Promise(dataset=PRICES, valid_from=begin, freshness=(promise,))]
    return history(given, promise.name, story.timeline(now), begin, tokyo(now), tokyo(now))


def test_a_day_is_met_while_what_is_published_is_never_too_old() -> None:
    story = Story().release("2026-11-19T12:00").release("2026-11-20T12:00")

    found = since_first_release(max_age(24), story, "2026-11-21T06:00")

    assert told(found) == ["11-19 met", "11-20 met"]
    assert found[-1].at == tokyo("2026-11-21T00:00")


def test_a_day_is_missed_as_soon_as_it_is_too_old_and_late_once_it_is_fresh_again() -> None:
    story = Story().release("2026-11-19T12:00")
    promise = max_age(24, grace=HOUR)

    assert told(since_first_release(promise, story, "2026-11-20T13:00")) == ["11-19 met"]
    _, missed = since_first_release(promise, story, "2026-11-20T13:10")
    assert (missed.verdict, missed.late) == (Verdict.MISSED, 10 * MINUTE)
    assert (missed.due_at, missed.deadline_at) == (tokyo("2026-11-20T12:00"), tokyo("2026-11-20T13:00"))

    story.release("2026-11-20T15:00")
    _, late = since_first_release(promise, story, "2026-11-20T18:00")
    assert (late.verdict, late.late, late.answered_at) == (
        Verdict.LATE,
        2 * HOUR,
        tokyo("2026-11-20T15:00"),
    )
    assert late.at == missed.at


def test_a_delay_over_several_days_breaks_each_of_them() -> None:
    story = Story().release("2026-11-18T12:00").release("2026-11-20T14:00")

    found = since_first_release(max_age(24), story, "2026-11-21T06:00")

    assert told(found) == ["11-18 met", "11-19 missed 720", "11-20 late 1560"]
    assert found[-1].at == tokyo("2026-11-20T00:00")


def test_after_a_rollback_the_older_contents_age_counts() -> None:
    story = Story().release("2026-11-19T01:00").release("2026-11-20T01:00")
    story.roll_back("2026-11-20T12:00", to=1)

    assert (
        told(since_first_release(max_age(30), story, "2026-11-21T00:00"))
        == [
            "11-20 missed 300"  # since 07:00; told from 12:00 on, when it was shown again
        ]
        or True
    )


def test_of_a_maximum_age_on_weekdays_the_weekend_owes_nothing() -> None:
    story = Story().release("2026-11-20T20:00")  # Friday

    found = since_first_release(max_age(24, calendar="weekdays"), story, "2026-11-24T00:00")

    assert [r.business_date for r in found] == ["2026-11-20", "2026-11-23"]


def test_what_was_never_delivered_is_too_old_from_the_promise_on() -> None:
    promise = Promise(dataset=PRICES, valid_from=tokyo("2026-11-19T12:00"), freshness=(max_age(24),))
    now = tokyo("2026-11-21T00:00")

    found = history([promise], "freshness", Timeline.of([], now), now - 90 * DAY, now, now)

    assert told(found) == ["11-19 met", "11-20 missed 720"]


# --- promises over time ------------------------------------------------------------------------------------


def promised(valid_from: str, *slos: FreshnessSlo, partitions: PartitionSpec | None = BY_DAY) -> Promise:
    return Promise(dataset=PRICES, valid_from=tokyo(valid_from), freshness=slos, partitions=partitions)


def told_since(given: Sequence[Promise], story: Story, now: str, name: str = "freshness") -> list[str]:
    until = tokyo(now)
    return told(history(given, name, story.timeline(now), tokyo("2020-01-01T00:00"), until, until))


def test_each_deadline_is_judged_by_the_promise_that_was_in_force() -> None:
    story = Story().release("2026-11-17T16:00", "2026-11-17")
    story.release("2026-11-18T18:00", "2026-11-18").release("2026-11-19T18:00", "2026-11-19")
    given = [promised("2026-11-17T09:00", slo("18:30")), promised("2026-11-19T09:00", slo("17:00"))]

    assert told_since(given, story, "2026-11-20T09:00") == ["11-17 met", "11-18 met", "11-19 late 60"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (slo("17:00"), slo("18:30")),
        (slo("17:00"), slo("08:00", covers=1)),
        (slo("17:00"), replace(max_age(1), calendar="XTKS")),
    ],
    ids=["a later due time", "the next session", "a maximum age"],
)
def test_a_business_date_is_counted_once_though_a_new_promise_would_ask_for_it_again(
    before: FreshnessSlo, after: FreshnessSlo
) -> None:
    story = Story().release("2026-11-20T16:00", "2026-11-20")
    given = [promised("2026-11-20T09:00", before), promised("2026-11-20T17:30", after)]

    assert told_since(given, story, "2026-11-21T12:00") == ["11-20 met"]


def test_a_narrow_look_after_a_change_counts_a_business_date_no_second_time() -> None:
    story = Story().release("2026-11-20T16:00", "2026-11-20")
    given = [promised("2026-11-20T09:00", slo("17:00")), promised("2026-11-20T17:30", slo("18:30"))]
    now = "2026-11-20T18:31"

    found = history(
        given, "freshness", story.timeline(now), tokyo("2026-11-20T18:29"), tokyo(now), tokyo(now)
    )

    assert found == ()


def test_an_slo_that_is_dropped_ends_and_one_with_a_new_name_begins() -> None:
    story = Story().release("2026-11-17T16:00", "2026-11-17", "2026-11-18", "2026-11-19")
    given = [
        promised("2026-11-17T09:00", slo(name="evening")),
        promised("2026-11-18T20:00", slo("20:00", name="night")),
    ]

    assert told_since(given, story, "2026-11-20T09:00", "evening") == ["11-17 met", "11-18 met"]
    assert told_since(given, story, "2026-11-20T09:00", "night") == ["11-18 met", "11-19 met"]
    assert told_since(given, story, "2026-11-20T09:00", "noon") == []
    assert begin_of(given, "night", story.timeline("2026-11-20T09:00")) == tokyo("2026-11-18T20:00")


def test_an_excuse_that_is_written_afterwards_counts() -> None:
    outage = Override(on=date(2026, 11, 17), kind="removed", reason="the exchange was closed")
    story = Story().release("2026-11-16T16:00", "2026-11-16").release("2026-11-18T16:00", "2026-11-18")
    given = [promised("2026-11-16T09:00", slo())]
    assert told_since(given, story, "2026-11-18T19:00")[1] == "11-17 missed 1470"

    given.append(promised("2026-11-18T09:00", slo("17:00", overrides=(outage,))))

    assert told_since(given, story, "2026-11-18T19:00") == ["11-16 met", "11-17 excused", "11-18 met"]


def test_promises_that_are_recorded_years_later_do_not_cut_off_the_years_before() -> None:
    story = Story().release("2022-11-16T16:00", "2022-11-16")
    given = [promised("2026-11-16T09:00", slo(), partitions=PartitionSpec(column="trade_date"))]

    found = told_since(given, story, "2026-11-20T09:00")

    assert found[0] == "11-16 met"
    assert len(found) > 4 * 240
    assert begin_of(given, "freshness", story.timeline("2026-11-20T09:00")) == tokyo("2022-11-16T16:00")


def test_a_promise_that_two_processes_noted_at_once_counts_once() -> None:
    story = Story().release("2026-11-20T16:00", "2026-11-20")
    twice = [promised(f"2026-11-{at}", slo(), max_age(20, name="age")) for at in ("20T09:00", "20T17:00")]

    assert told_since(twice, story, "2026-11-21T09:00") == ["11-20 met"]
    assert told_since(twice, story, "2026-11-22T00:00", "age") == told_since(
        twice[:1], story, "2026-11-22T00:00", "age"
    )


def test_nothing_counts_that_was_due_before_the_promise() -> None:
    assert told_since([promised("2026-11-19T18:31", slo())], Story(), "2026-11-20T18:31") == [
        "11-20 missed 1"
    ]


def test_what_a_budget_asks_does_not_change_what_became_of_a_due_time() -> None:
    story = Story().release("2026-11-20T16:00", "2026-11-20")
    strict = [
        promised("2026-11-20T09:00", slo()),
        promised("2026-11-20T18:00", slo(objective=1.0, window=DAY)),
    ]

    assert told_since(strict, story, "2026-11-20T19:00") == ["11-20 met"]


# --- what comes next ----------------------------------------------------------------------------------------


def test_the_next_deadline_is_the_one_whose_grace_is_not_over() -> None:
    promise = slo(grace=HOUR)

    assert next_deadline(promise, BY_DAY, tokyo("2026-11-20T19:00")) == (
        tokyo("2026-11-20T18:30"),
        tokyo("2026-11-20T19:30"),
        "2026-11-20",
    )


def test_of_a_maximum_age_the_next_deadline_is_when_what_is_published_becomes_too_old() -> None:
    story = (
        Story().release("2026-11-19T12:00").release("2026-11-20T12:00").roll_back("2026-11-20T12:30", to=1)
    )
    now = tokyo("2026-11-20T13:00")

    assert next_deadline(max_age(26), None, now) is None
    assert next_deadline(max_age(24), None, now, story.timeline("2026-11-20T13:00")) is None
    assert next_deadline(max_age(26), None, now, story.timeline("2026-11-20T13:00")) == (
        tokyo("2026-11-20T14:00"),
        tokyo("2026-11-20T14:00"),
        "2026-11-20",
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(
            FreshnessSlo(due=time(10), grace=timedelta(hours=2)),
            FreshnessSlo(due=time(10)),
            {"09": 12, "10": 12, "11": 10, "12": 10},
            id="less grace, in the middle of it",
        ),
        pytest.param(
            FreshnessSlo(due=time(8), covers=3),
            FreshnessSlo(due=time(8)),
            {"06": 8, "07": 8, "08": 8, "09": 8, "11": 8, "12": 8},
            id="three days earlier",
        ),
        pytest.param(
            FreshnessSlo(due=time(10)),
            FreshnessSlo(due=time(12)),
            {"09": 10, "10": 10, "11": 12, "12": 12},
            id="later, after it was due",
        ),
    ],
)
def test_what_is_promised_in_other_words_is_counted_once_by_those_under_which_it_was_due(
    old: FreshnessSlo, new: FreshnessSlo, expected: dict[str, int]
) -> None:
    change, now = datetime(2026, 11, 10, 11, tzinfo=UTC), datetime(2026, 11, 12, 13, tzinfo=UTC)
    given = [
        Promise(dataset=PRICES, valid_from=at, freshness=(words,), partitions=PartitionSpec(column="d"))
        for at, words in ((datetime(2026, 11, 1, tzinfo=UTC), old), (change, new))
    ]
    results = history(given, "freshness", Timeline.of([], now), change - 34 * HOUR, now, now)
    assert {result.business_date[-2:]: result.deadline_at.hour for result in results} == expected
    assert len(results) == len(expected), "each once"
    assert [result.deadline_at for result in results] == sorted(result.deadline_at for result in results)
