"""The policies against a model of Dagster's daemon, walked over years; the model against Dagster itself."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datahub_dagster.domain.contract import (
    Contract,
    DbtFreshness,
    DeliverySpec,
    FreshnessSlo,
    Granularity,
    Mode,
    Override,
    PartitionSpec,
)
from datahub_dagster.domain.due import due_times, earliest_at, next_due
from datahub_dagster.domain.freshness_policy import CronPolicy, WindowPolicy, freshness_policy
from datahub_dagster.domain.slo import SloState, standing
from datahub_dagster.domain.slo_history import due_results
from datahub_dagster.domain.timeline import Timeline
from datahub_dagster.domain.verdict import DueResult, Verdict
from tests.builders import contract, generation, release_id

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SECOND = timedelta(seconds=1)
TODAY = date(2025, 1, 6)
THREE_YEARS = (date(2025, 1, 6), date(2027, 12, 31))

DAYS = PartitionSpec(column="d")
SESSIONS = PartitionSpec(column="d", calendar="XTKS", start=date(2024, 1, 4))
MONTHS = PartitionSpec(column="d", granularity=Granularity.MONTH)


def slo(due: str = "18:30", calendar: str = "daily", covers: int = 0, **more: Any) -> FreshnessSlo:
    values: dict[str, Any] = {"timezone": "Asia/Tokyo"} | more
    return FreshnessSlo(due=time.fromisoformat(due), calendar=calendar, covers=covers, **values)


def promising(*slos: FreshnessSlo, cut: PartitionSpec | None = None, **more: Any) -> Contract:
    delivery = DeliverySpec(mode=Mode.PARTITION if cut else Mode.REPLACE, partitions=cut)
    return contract(freshness_slos=slos, delivery=delivery, **more)


# --- what Dagster does (dagster/_core/definitions/freshness_evaluator.py, 1.13) ----------------------------


@lru_cache
def ticks(cron: str, timezone: str) -> list[datetime]:
    """The cron's ticks over the years of these tests, UTC. Only `M H * * *` and `M H * * 1-5`."""
    minute, hour, _, _, weekdays = cron.split()
    days = (date(2024, 12, 1) + timedelta(days=number) for number in range(4 * 366))
    at = time(int(hour), int(minute))
    zone = ZoneInfo(timezone)
    return [
        datetime.combine(day, at, tzinfo=zone).astimezone(UTC)
        for day in days
        if weekdays == "*" or day.weekday() < 5
    ]


def dagster_says_failed(
    policy: CronPolicy | WindowPolicy, last_materialized_at: datetime | None, now: datetime
) -> bool:
    if last_materialized_at is None:
        return False  # UNKNOWN, for ever
    if isinstance(policy, WindowPolicy):
        return now - last_materialized_at >= policy.fail_window
    known = ticks(policy.deadline_cron, policy.timezone)
    return last_materialized_at < known[bisect_right(known, now) - 1] - policy.lower_bound


# --- examples ----------------------------------------------------------------------------------------------


def cron(text: str, hours: float, timezone: str = "Asia/Tokyo") -> CronPolicy:
    return CronPolicy(deadline_cron=text, lower_bound=timedelta(hours=hours), timezone=timezone)


@pytest.mark.parametrize(
    ("promise", "cut", "expected"),
    [
        pytest.param(slo(), None, cron("30 18 * * *", 18.5), id="daily"),
        pytest.param(slo(), DAYS, cron("30 18 * * *", 18.5), id="daily, partitions"),
        pytest.param(slo(calendar="weekdays"), None, cron("30 18 * * 1-5", 18.5), id="weekdays"),
        pytest.param(slo("08:00", covers=1), None, cron("0 8 * * *", 8), id="T+1 without partitions"),
        pytest.param(slo(grace=45 * MINUTE), None, cron("15 19 * * *", 19.25), id="grace within the day"),
        pytest.param(slo(grace=30 * SECOND), None, cron("31 18 * * *", 18 + 31 / 60), id="grace of seconds"),
        pytest.param(
            slo(timezone="America/New_York"),
            None,
            cron("30 18 * * *", 19.5, "America/New_York"),  # the day on which summer time ends is the longest
            id="a zone that changes its clocks",
        ),
    ],
)
def test_what_a_cron_can_say_is_a_cron(
    promise: FreshnessSlo, cut: PartitionSpec | None, expected: CronPolicy
) -> None:
    assert freshness_policy(promising(promise, cut=cut), TODAY) == expected


@pytest.mark.parametrize(
    ("promise", "cut", "hours"),
    [
        pytest.param(slo(calendar="XTKS"), SESSIONS, 7 * 24 + 18.5, id="from 30 December 2024 to 6 January"),
        pytest.param(slo("08:00", covers=1), DAYS, 2 * 24 + 8, id="T+1 may come on the business date"),
        pytest.param(slo("08:00", "weekdays", covers=1), None, 3 * 24 + 8, id="T+1 over a weekend"),
        pytest.param(slo("23:30", grace=HOUR), None, 48.5, id="grace that crosses midnight"),
        pytest.param(slo("00:00"), None, 24, id="due as the day begins"),
        pytest.param(slo("02:30", timezone="America/New_York"), None, 27.5, id="due while clocks change"),
        pytest.param(slo("08:00", covers=1), MONTHS, (31 + 1) * 24 + 8, id="a month"),
        pytest.param(FreshnessSlo(max_age=3 * HOUR, grace=HOUR), None, 4 - 1 / 60, id="maximum age"),
    ],
)
def test_all_else_is_the_loosest_window_that_is_never_wrong(
    promise: FreshnessSlo, cut: PartitionSpec | None, hours: float
) -> None:
    policy = freshness_policy(promising(promise, cut=cut), TODAY)

    assert isinstance(policy, WindowPolicy)
    assert policy.fail_window == timedelta(hours=hours) + MINUTE


def test_an_override_of_these_weeks_needs_a_window_and_an_old_one_does_not() -> None:
    def with_a_day_off(on: date) -> FreshnessSlo:
        return slo(overrides=(Override(on=on, kind="removed", reason="migration"),))

    assert isinstance(freshness_policy(promising(with_a_day_off(date(2025, 2, 3))), TODAY), WindowPolicy)
    assert isinstance(freshness_policy(promising(with_a_day_off(date(2024, 2, 3))), TODAY), CronPolicy)


def test_several_slos_fail_only_when_each_of_them_is_missed() -> None:
    early, late = slo("06:00", name="desk"), slo("18:30", name="all")

    assert freshness_policy(promising(early, late), TODAY) == WindowPolicy(fail_window=42.5 * HOUR + MINUTE)
    assert freshness_policy(promising(early, slo("06:00", name="again")), TODAY) == cron("0 6 * * *", 6)
    assert freshness_policy(promising(early, FreshnessSlo(max_age=90 * DAY)), TODAY) == WindowPolicy(
        fail_window=90 * DAY
    )


@pytest.mark.parametrize(
    ("warn", "error", "expected"),
    [
        (None, 3 * DAY, WindowPolicy(fail_window=3 * DAY)),
        (DAY, 3 * DAY, WindowPolicy(fail_window=3 * DAY, warn_window=DAY)),
        (3 * DAY, 3 * DAY, WindowPolicy(fail_window=3 * DAY)),
        (DAY, None, WindowPolicy(fail_window=3650 * DAY, warn_window=DAY)),
        (None, None, None),
    ],
)
def test_plain_dbt_freshness_is_a_window(
    warn: timedelta | None, error: timedelta | None, expected: WindowPolicy | None
) -> None:
    dbt = DbtFreshness(warn_after=warn, error_after=error)

    assert freshness_policy(promising(dbt_freshness=dbt), TODAY) == expected


def test_an_slo_comes_before_dbts_freshness_and_nothing_gives_no_policy() -> None:
    dbt = DbtFreshness(error_after=DAY)

    assert isinstance(freshness_policy(promising(slo(), dbt_freshness=dbt), TODAY), CronPolicy)
    assert freshness_policy(promising(), TODAY) is None


def test_a_promise_that_no_calendar_knows_stops_nobody() -> None:
    assert freshness_policy(promising(slo(calendar="XTKY")), TODAY) is None
    assert freshness_policy(promising(slo(timezone="Asia/Tokio")), TODAY) is None
    assert freshness_policy(promising(slo(calendar="XTKS")), date(2101, 1, 1)) is None


# --- never failed while the SLO is met ---------------------------------------------------------------------

WALKED = [
    pytest.param(slo(calendar="XTKS"), SESSIONS, id="XTKS"),
    pytest.param(slo(calendar="XTKS"), None, id="XTKS, replace"),
    pytest.param(slo("08:00", "XTKS", covers=1), SESSIONS, id="XTKS T+1"),
    pytest.param(slo("08:00", "XTKS", covers=2, grace=18 * HOUR), None, id="XTKS T+2, grace past midnight"),
    pytest.param(slo("08:00", "XNYS", timezone="America/New_York", covers=1), DAYS, id="XNYS T+1"),
    pytest.param(slo(calendar="weekdays"), DAYS, id="weekdays"),
    pytest.param(slo("08:00", "weekdays", covers=1), None, id="weekdays T+1"),
    pytest.param(slo(), DAYS, id="daily"),
    pytest.param(slo(timezone="America/New_York"), DAYS, id="daily, New York"),
    pytest.param(
        slo("01:30", timezone="America/New_York", grace=2 * HOUR), DAYS, id="daily, clocks change in grace"
    ),
    pytest.param(slo("02:15", timezone="Australia/Lord_Howe"), None, id="daily, half an hour of summer time"),
    pytest.param(slo("06:00", covers=1), DAYS, id="daily T+1"),
    pytest.param(slo("06:00", covers=1), None, id="daily T+1, replace"),
    pytest.param(slo("10:00", "JP", covers=3), MONTHS, id="months"),
    pytest.param(slo("12:00", "XTKS and XNYS"), DAYS, id="sessions of both"),
    pytest.param(slo("12:00", "XTKS or XNYS", covers=1), None, id="sessions of either, T+1"),
    pytest.param(slo("10:00", "5th of JP"), None, id="fifth working day"),
    pytest.param(
        slo("10:00", "2nd last of (XTKS and JP)", covers=1), DAYS, id="second last session, T+1 month"
    ),
]


def first_then_last_moment(number: int) -> float:
    return number % 2


def last_then_first_moment(number: int) -> float:
    return 1 - number % 2


def always_just_in_time(_: int) -> float:
    return 1


@pytest.mark.parametrize("habit", [first_then_last_moment, last_then_first_moment, always_just_in_time])
@pytest.mark.parametrize(("promise", "cut"), WALKED)
def test_a_dataset_that_is_always_in_time_is_never_failed_in_three_years(
    promise: FreshnessSlo, cut: PartitionSpec | None, habit: Callable[[int], float]
) -> None:
    policy = freshness_policy(promising(promise, cut=cut), TODAY)
    assert policy is not None
    owed = due_times(promise, *THREE_YEARS, cut)
    deadlines = [due + promise.grace for _, due in owed]
    releases = []
    for number, ((day, _), deadline) in enumerate(zip(owed, deadlines, strict=True)):
        earliest = min(earliest_at(promise, day, cut), deadline)
        releases.append(earliest + (deadline - earliest) * habit(number))
    releases.sort()

    # Dagster's verdict can turn to failed at a tick, or as time goes by: asked each hour and around each deadline.
    hours = int((deadlines[-1] - releases[0]) / HOUR)
    moments = [releases[0] + number * HOUR for number in range(hours)]
    moments += [deadline + offset for deadline in deadlines for offset in (-SECOND, SECOND)]

    failed = [now for now in moments if dagster_says_failed(policy, newest(releases, now), now)]
    assert failed == []


@pytest.mark.parametrize(("promise", "cut"), WALKED)
def test_a_dataset_that_stops_is_failed_in_the_end(promise: FreshnessSlo, cut: PartitionSpec | None) -> None:
    policy = freshness_policy(promising(promise, cut=cut), TODAY)
    assert policy is not None
    last = datetime(2026, 4, 24, 10, tzinfo=UTC)

    assert dagster_says_failed(policy, last, last + timedelta(days=110))


def newest(releases: Sequence[datetime], now: datetime) -> datetime | None:
    count = bisect_right(releases, now)
    return releases[count - 1] if count else None


promises = st.builds(
    slo,
    due=st.times().map(lambda moment: f"{moment:%H:%M}"),
    calendar=st.sampled_from(["daily", "weekdays", "XTKS", "XNYS"]),
    covers=st.integers(0, 3),
    timezone=st.sampled_from(["Asia/Tokyo", "America/New_York", "Europe/London", "UTC"]),
    grace=st.integers(0, 600).map(lambda minutes: timedelta(minutes=minutes)),
    overrides=st.lists(
        st.builds(
            Override,
            on=st.dates(date(2026, 2, 20), date(2026, 5, 20)),
            kind=st.sampled_from(["added", "removed", "moved"]),
            reason=st.just("because"),
            due_on=st.dates(date(2026, 3, 1), date(2026, 5, 31)),
        ),
        max_size=2,
    ).map(tuple),
)
cuts = st.sampled_from([None, None, DAYS, MONTHS])
minutes = st.integers(0, 100 * 24 * 60).map(
    lambda minute: datetime(2026, 2, 20, tzinfo=UTC) + timedelta(minutes=minute, seconds=7)
)


@given(promises, st.lists(minutes, min_size=1, max_size=12), st.lists(minutes, min_size=1, max_size=30))
def test_whatever_is_released_whenever_dagster_never_says_failed_while_the_slo_is_met(
    promise: FreshnessSlo, releases: list[datetime], moments: list[datetime]
) -> None:
    policy = freshness_policy(promising(promise), date(2026, 3, 1))
    assert policy is not None
    releases.sort()

    for now in moments:
        last = newest(releases, now)
        if standing(promise, None, {}, last, now).state is SloState.MET:
            assert not dagster_says_failed(policy, last, now)


@given(promises, cuts, st.data())
def test_whichever_partitions_come_dagster_never_says_failed_while_the_slo_is_met(
    promise: FreshnessSlo, cut: PartitionSpec | None, data: st.DataObject
) -> None:
    policy = freshness_policy(promising(promise, cut=cut), date(2026, 3, 1))
    assert policy is not None
    published: dict[str, datetime] = {}
    for day, due in due_times(promise, date(2026, 1, 20), date(2026, 5, 20), cut):
        span = due + promise.grace - earliest_at(promise, day, cut)
        part = data.draw(st.sampled_from([0.0, 0.5, 1.0, 1.3, None]))
        if part is not None:
            key = day.isoformat()[: 7 if cut is MONTHS else 10]
            published[key] = earliest_at(promise, day, cut) + max(span * part, timedelta(0))

    for now in data.draw(st.lists(minutes, min_size=1, max_size=30)):
        seen = {key: at for key, at in published.items() if at <= now}
        last = max(seen.values(), default=None)
        if standing(promise, cut, seen, last, now).state is SloState.MET:
            assert not dagster_says_failed(policy, last, now)


@given(
    st.sampled_from(["daily", "weekdays"]),
    st.times().filter(lambda due: due.hour > 0),
    st.lists(minutes, min_size=1, max_size=12),
    st.lists(minutes, min_size=1, max_size=30),
)
def test_where_a_cron_says_it_exactly_dagster_and_the_slo_agree_both_ways(
    calendar: str, due: time, releases: list[datetime], moments: list[datetime]
) -> None:
    promise = slo(f"{due:%H:%M}", calendar)
    policy = freshness_policy(promising(promise), date(2026, 3, 1))
    assert isinstance(policy, CronPolicy)
    releases.sort()

    for now in moments:
        last = newest(releases, now)
        if last is not None:
            late = standing(promise, None, {}, last, now).state is SloState.LATE
            assert dagster_says_failed(policy, last, now) == late


def test_a_late_monday_is_failed_from_the_due_time_until_it_comes() -> None:
    promise = slo(calendar="weekdays")
    policy = freshness_policy(promising(promise), date(2026, 11, 16))
    assert policy is not None
    friday, monday = datetime(2026, 11, 20, 9, tzinfo=UTC), datetime(2026, 11, 23, 10, 5, tzinfo=UTC)
    due = next_due(promise, datetime(2026, 11, 23, tzinfo=UTC))
    assert due is not None

    assert not dagster_says_failed(policy, friday, due[1] - MINUTE)
    assert dagster_says_failed(policy, friday, due[1] + MINUTE)
    assert not dagster_says_failed(policy, monday, monday)


@pytest.mark.slow
@pytest.mark.parametrize(("promise", "cut"), WALKED)
def test_dagster_takes_every_policy_and_ticks_as_the_model_does(
    promise: FreshnessSlo, cut: PartitionSpec | None
) -> None:
    import dagster as dg
    from dagster._utils.schedules import get_latest_completed_cron_tick

    policy = freshness_policy(promising(promise, cut=cut), TODAY)
    assert policy is not None
    if isinstance(policy, WindowPolicy):
        dg.FreshnessPolicy.time_window(policy.fail_window, policy.warn_window)
        return

    dg.FreshnessPolicy.cron(policy.deadline_cron, policy.lower_bound, policy.timezone)
    known = ticks(policy.deadline_cron, policy.timezone)
    for number in range(0, 366 * 24, 7):
        now = datetime(2026, 1, 1, 0, 11, tzinfo=UTC) + number * HOUR
        local = now.astimezone(ZoneInfo(policy.timezone))
        tick = get_latest_completed_cron_tick(policy.deadline_cron, local, policy.timezone)
        assert tick is not None
        assert tick.astimezone(UTC) == known[bisect_right(known, now) - 1]


# --- against what becomes of each due time -----------------------------------------------------------------

Release = tuple[datetime, date]
"""When something was published, and for which business date."""


def sometimes_late_or_never(promise: FreshnessSlo, cut: PartitionSpec | None) -> list[Release]:
    """Three years of releases: of 7 two come a minute, of 11 one some hours after the deadline, and of 13 one never does.

    Golden Week and the year's end bring their share of each, as the numbers share no divisor with a week.
    """
    found: list[Release] = []
    for number, (day, due) in enumerate(due_times(promise, *THREE_YEARS, cut)):
        deadline = due + promise.grace
        earliest = min(earliest_at(promise, day, cut), deadline)
        if number % 13 == 5:
            continue
        if number % 7 in (2, 5):
            at = deadline + MINUTE
        elif number % 11 == 3:
            at = deadline + 9 * HOUR
        else:
            at = earliest + (deadline - earliest) * ((number % 5) / 4)
        found.append((at, day))
    return sorted(found)


def timeline_of(releases: Sequence[Release], cut: PartitionSpec | None, now: datetime) -> Timeline:
    held: dict[str, Any] = {}
    generations = []
    for number, (at, day) in enumerate(releases, start=1):
        key = "" if cut is None else day.isoformat()[: 7 if cut.granularity is Granularity.MONTH else 10]
        held = held | {key: release_id(number, at.date())}
        generations.append(
            generation(
                contract(), number, partitions=held, release_id=release_id(number, at.date()), published_at=at
            )
        )
    return Timeline.of(generations, now)


def standing_of(result: DueResult, now: datetime) -> Verdict:
    """What was said of a due time at an instant: what came since was missing then."""
    came = result.answered_at
    return Verdict.MISSED if result.verdict is Verdict.LATE and came and came > now else result.verdict


@pytest.mark.parametrize(("promise", "cut"), WALKED)
def test_in_three_years_dagster_never_says_failed_while_the_slo_is_met_and_a_cron_never_passed_while_it_is_missed(
    promise: FreshnessSlo, cut: PartitionSpec | None
) -> None:
    policy = freshness_policy(promising(promise, cut=cut), TODAY)
    assert policy is not None
    releases = sometimes_late_or_never(promise, cut)
    published = [at for at, _ in releases]
    until = published[-1]
    results = due_results(promise, cut, timeline_of(releases, cut, until), published[0], until, until)
    assert {Verdict.MET, Verdict.LATE} <= {result.verdict for result in results}

    deadlines = [result.deadline_at for result in results]
    moments = [at + offset for at in (*deadlines, *published) for offset in (-SECOND, SECOND, HOUR)]
    contradictions: list[tuple[datetime, str]] = []
    for now in moments:
        index = bisect_right(deadlines, now) - 1
        if index < 0 or now >= until:
            continue
        last = newest(published, now)
        said = standing_of(results[index], now)
        failed = dagster_says_failed(policy, last, now)
        if failed and said is not Verdict.MISSED:
            contradictions.append((now, f"failed, though {results[index].business_date} is {said.value}"))
        # Dagster sees when the newest release came, and not for which date: another day's partition hides that this one is missing.
        day = date.fromisoformat(results[index].business_date)
        hidden = cut is not None and last is not None and last >= earliest_at(promise, day, cut)
        if said is Verdict.MISSED and not failed and not hidden and isinstance(policy, CronPolicy):
            contradictions.append((now, f"passed, though {results[index].business_date} is missing"))
    assert contradictions == []
