"""Due times, verdicts and standings, in tables; nothing patches time."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datahub_dagster.cli.texts import standing_text
from datahub_dagster.domain.calendars import CalendarRangeError
from datahub_dagster.domain.contract import FreshnessSlo, Granularity, Mode, Override, PartitionSpec
from datahub_dagster.domain.due import (
    business_date_of,
    calendar_of,
    due_at,
    due_times,
    earliest_at,
    held_date,
    latest_due,
    next_due,
    zone_named,
)
from datahub_dagster.domain.names import DatasetName, ReleaseId
from datahub_dagster.domain.release import Generation, GenerationKind
from datahub_dagster.domain.slo import (
    SloState,
    lateness,
    publications_of,
    standing,
    verdicts_for_release,
)

BY_DAY = PartitionSpec(column="trade_date", start=date(2024, 1, 4), calendar="XTKS")
BY_MONTH = PartitionSpec(column="month", granularity=Granularity.MONTH)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def slo(due: str = "18:30", **more: Any) -> FreshnessSlo:
    values = {"timezone": "Asia/Tokyo", "calendar": "XTKS", "due": time.fromisoformat(due)}
    return FreshnessSlo(**(values | more))


def max_age(hours: int, **more: Any) -> FreshnessSlo:
    return FreshnessSlo(max_age=timedelta(hours=hours), **more)


def tokyo(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Tokyo")).astimezone(UTC)


def due(promise: FreshnessSlo, day: str) -> datetime:
    return due_at(promise, date.fromisoformat(day), calendar_of(promise))


# --- due times ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("covers", "business_date", "expected"),
    [
        (0, "2026-04-30", "2026-04-30T18:30"),
        (1, "2026-04-30", "2026-05-01T18:30"),
        (1, "2026-05-01", "2026-05-07T18:30"),  # Golden Week: 2 to 6 May
        (2, "2026-05-01", "2026-05-08T18:30"),
        (1, "2026-12-30", "2027-01-04T18:30"),  # year end
        (1, "2026-09-18", "2026-09-24T18:30"),  # Silver Week
    ],
)
def test_a_release_is_due_so_many_tokyo_sessions_later(
    covers: int, business_date: str, expected: str
) -> None:
    assert due(slo(covers=covers), business_date) == tokyo(expected)


def test_due_times_follow_the_clocks_of_new_york() -> None:
    promise = slo("08:00", timezone="America/New_York", calendar="XNYS")

    assert due(promise, "2026-03-06").isoformat() == "2026-03-06T13:00:00+00:00"
    assert due(promise, "2026-03-09").isoformat() == "2026-03-09T12:00:00+00:00"


def test_a_local_time_that_is_skipped_is_read_with_the_offset_before() -> None:
    promise = slo("02:30", timezone="America/New_York", calendar="daily")

    assert due(promise, "2026-03-08").isoformat() == "2026-03-08T07:30:00+00:00"  # 03:30 summer time


def test_of_a_local_time_that_comes_twice_the_first_counts() -> None:
    promise = slo("01:30", timezone="America/New_York", calendar="daily")

    assert due(promise, "2026-11-01").isoformat() == "2026-11-01T05:30:00+00:00"


def test_an_override_removes_adds_or_moves_a_due_time() -> None:
    promise = slo(
        overrides=(
            Override(on=date(2026, 11, 24), kind="removed", reason="system migration"),
            Override(on=date(2026, 11, 21), kind="added", reason="test session on a Saturday"),
            Override(on=date(2026, 11, 20), kind="moved", reason="slow vendor", due_on=date(2026, 11, 25)),
        )
    )

    assert due_times(promise, date(2026, 11, 19), date(2026, 11, 26)) == (
        (date(2026, 11, 19), tokyo("2026-11-19T18:30")),
        (date(2026, 11, 21), tokyo("2026-11-21T18:30")),
        (date(2026, 11, 20), tokyo("2026-11-25T18:30")),
        (date(2026, 11, 25), tokyo("2026-11-25T18:30")),
        (date(2026, 11, 26), tokyo("2026-11-26T18:30")),
    )
    assert next_due(promise, tokyo("2026-11-22T00:00")) == (date(2026, 11, 20), tokyo("2026-11-25T18:30"))
    assert latest_due(promise, tokyo("2026-11-22T00:00")) == (date(2026, 11, 21), tokyo("2026-11-21T18:30"))


def test_a_moved_due_time_is_the_latest_when_it_has_passed() -> None:
    moved = Override(on=date(2026, 11, 2), kind="moved", reason="slow vendor", due_on=date(2026, 11, 21))
    promise = slo(overrides=(moved,))

    assert latest_due(promise, tokyo("2026-11-22T00:00")) == (date(2026, 11, 2), tokyo("2026-11-21T18:30"))


def test_over_golden_week_the_latest_and_the_next_due_time_lie_six_days_apart() -> None:
    now = tokyo("2026-05-04T12:00")

    assert latest_due(slo(), now) == (date(2026, 5, 1), tokyo("2026-05-01T18:30"))
    assert next_due(slo(), now) == (date(2026, 5, 7), tokyo("2026-05-07T18:30"))


def test_a_due_time_has_passed_only_after_its_instant() -> None:
    instant = tokyo("2026-11-20T18:30")

    assert next_due(slo(), instant) == (date(2026, 11, 20), instant)
    assert latest_due(slo(), instant) == (date(2026, 11, 19), tokyo("2026-11-19T18:30"))
    assert latest_due(slo(), instant + timedelta(microseconds=1)) == (date(2026, 11, 20), instant)


def test_of_a_month_the_last_session_is_owed() -> None:
    promise = slo("08:00", covers=1)

    assert due_times(promise, date(2026, 10, 1), date(2026, 12, 31), BY_MONTH) == (
        (date(2026, 10, 30), tokyo("2026-11-02T08:00")),
        (date(2026, 11, 30), tokyo("2026-12-01T08:00")),
        (date(2026, 12, 30), tokyo("2027-01-04T08:00")),
    )
    assert business_date_of("2026-12", promise) == date(2026, 12, 30)


def test_only_dates_that_have_a_partition_are_owed() -> None:
    every_day = slo("06:00", calendar="daily", covers=1)

    owed = due_times(every_day, date(2026, 11, 20), date(2026, 11, 24), BY_DAY)

    assert [day.day for day, _ in owed] == [20, 24]  # a weekend, and Labour Thanksgiving Day


def test_nothing_is_owed_before_the_partitions_start() -> None:
    assert latest_due(slo(), tokyo("2024-01-04T12:00"), BY_DAY) is None
    assert next_due(slo(), tokyo("2023-06-01T12:00"), BY_DAY) == (date(2024, 1, 4), tokyo("2024-01-04T18:30"))


@pytest.mark.parametrize("key", ["", "2026", "2026-13", "20261120", "2026-W47-5", "x" * 10, "2026-11-31"])
def test_a_key_that_is_no_date_has_no_business_date(key: str) -> None:
    assert business_date_of(key, slo()) is None


def test_a_calendar_that_ends_is_never_read_as_nothing_due() -> None:
    buenos_aires = slo(calendar="XBUE")  # known from 2026 on

    with pytest.raises(CalendarRangeError):
        latest_due(buenos_aires, tokyo("2026-01-01T12:00"))
    assert latest_due(buenos_aires, tokyo("2026-01-06T12:00")) is not None


@pytest.mark.parametrize(("wrong", "nearest"), [("Asia/Tokio", "Asia/Tokyo"), ("UCT+9", "UCT"), ("Asia", "")])
def test_an_unknown_time_zone_names_the_nearest(wrong: str, nearest: str) -> None:
    with pytest.raises(ValueError, match=f"there is no time zone.*{nearest}"):
        zone_named(wrong)


promises = st.builds(
    FreshnessSlo,
    due=st.times().map(lambda moment: moment.replace(second=0, microsecond=0)),
    timezone=st.sampled_from(
        ["Asia/Tokyo", "America/New_York", "Europe/London", "Australia/Lord_Howe", "UTC"]
    ),
    calendar=st.sampled_from(["daily", "weekdays", "XTKS", "XNYS", "JP"]),
    covers=st.integers(0, 5),
    overrides=st.lists(
        st.builds(
            Override,
            on=st.dates(date(2026, 4, 1), date(2026, 6, 30)),
            kind=st.sampled_from(["added", "removed", "moved"]),
            reason=st.just("because"),
            due_on=st.dates(date(2026, 4, 1), date(2026, 7, 31)),
        ),
        max_size=3,
        unique_by=lambda override: override.on,
    ).map(tuple),
)
cuts = st.sampled_from([None, BY_DAY, BY_MONTH, PartitionSpec(column="d", start=date(2026, 5, 13))])
instants = st.integers(0, 60 * 24 * 60).map(
    lambda minute: datetime(2026, 5, 1, tzinfo=UTC) + timedelta(minutes=minute)
)


@given(promises, cuts, instants)
def test_latest_and_next_due_are_the_neighbours_of_now_in_the_list(
    promise: FreshnessSlo, cut: PartitionSpec | None, now: datetime
) -> None:
    listed = due_times(promise, date(2025, 12, 1), date(2026, 12, 1), cut)

    past = [instant for _, instant in listed if instant < now]
    coming = [instant for _, instant in listed if instant >= now]
    latest, following = latest_due(promise, now, cut), next_due(promise, now, cut)

    assert (latest[1] if latest else None) == (past[-1] if past else None)
    assert following is not None
    assert following[1] == coming[0]


@given(promises, instants)
def test_a_release_is_taken_to_hold_a_date_exactly_from_its_earliest_instant_on(
    promise: FreshnessSlo, published_at: datetime
) -> None:
    held = held_date(promise, published_at)

    assert earliest_at(promise, held, None) <= published_at
    assert published_at < earliest_at(promise, calendar_of(promise).next_session(held), None)


# --- verdicts of a release ---------------------------------------------------------------------------------


def verdicts(
    promise: FreshnessSlo, keys: Sequence[str], published_at: datetime, **more: Any
) -> list[tuple[str, timedelta]]:
    given_ = {"spec": BY_DAY, "first_published_at": tokyo("2026-01-05T12:00")} | more
    mode = Mode.PARTITION if given_["spec"] else Mode.REPLACE
    found = verdicts_for_release([promise], keys, mode, published_at, **given_)
    return [(verdict.business_date, timedelta(seconds=verdict.late_seconds)) for verdict in found]


def test_grace_is_counted_before_a_release_is_late() -> None:
    friday = date(2026, 11, 20)

    assert lateness(slo(grace=30 * MINUTE), friday, tokyo("2026-11-20T19:00")) == timedelta(0)
    assert lateness(slo(grace=30 * MINUTE), friday, tokyo("2026-11-20T19:05")) == 5 * MINUTE
    assert verdicts(slo(grace=30 * MINUTE), ["2026-11-20"], tokyo("2026-11-20T18:45")) == [
        ("2026-11-20", -15 * MINUTE)
    ]


def test_a_release_is_judged_for_every_business_date_that_it_brings_first() -> None:
    found = verdicts(slo(), ["2026-11-19", "2026-11-20"], tokyo("2026-11-20T17:30"))

    assert found == [("2026-11-19", 23 * HOUR), ("2026-11-20", -HOUR)]


def test_days_off_the_calendar_and_keys_that_are_no_dates_are_not_judged() -> None:
    keys = ["2026-11-21", "2026-11-23", "9999-12-31", "1900-01-05", "", "x"]

    assert verdicts(slo(), keys, tokyo("2026-11-23T20:00")) == []


def test_history_that_is_filled_in_later_is_not_judged() -> None:
    found = verdicts(slo(), ["2025-12-30", "2026-11-20"], tokyo("2026-11-20T18:00"))

    assert found == [("2026-11-20", -30 * MINUTE)]


def test_the_first_release_of_all_is_judged_by_its_newest_business_date() -> None:
    keys = ["2026-11-18", "2026-11-20", "2026-11-19"]

    assert verdicts(slo(), keys, tokyo("2026-11-20T19:30"), first_published_at=None) == [("2026-11-20", HOUR)]


def test_a_month_is_judged_once() -> None:
    found = verdicts(slo("08:00", covers=1), ["2026-10"], tokyo("2026-11-02T09:00"), spec=BY_MONTH)

    assert found == [("2026-10-30", HOUR)]


def test_a_month_that_grew_is_judged_by_the_release_that_can_hold_its_last_session() -> None:
    promise = slo("08:00", covers=1)
    new_month = {"spec": BY_MONTH, "brought": ["2026-10"]}
    halfway = {"2026-10": [tokyo("2026-10-15T09:00")]}
    whole = {"2026-10": [tokyo("2026-10-15T09:00"), tokyo("2026-11-02T07:00")]}

    assert verdicts(promise, ["2026-10"], tokyo("2026-10-15T09:00"), **new_month) == []
    assert verdicts(promise, [], tokyo("2026-11-02T09:00"), **new_month, before=halfway) == [
        ("2026-10-30", HOUR)
    ]
    assert verdicts(promise, [], tokyo("2026-11-02T09:00"), **new_month, before=whole) == []


@pytest.mark.parametrize(
    ("covers", "published_at", "expected"),
    [
        (0, "2026-11-20T18:00", ("2026-11-20", -30 * MINUTE)),
        (0, "2026-11-21T00:30", ("2026-11-20", 6 * HOUR)),  # Saturday: Friday's, late
        (1, "2026-11-20T19:30", ("2026-11-19", HOUR)),
        (1, "2026-11-21T02:00", ("2026-11-20", timedelta(hours=-(3 * 24 + 16.5)))),  # due on Tuesday
    ],
)
def test_without_partitions_covers_says_which_date_a_release_holds(
    covers: int, published_at: str, expected: tuple[str, timedelta]
) -> None:
    found = verdicts(
        slo(covers=covers), [], tokyo(published_at), spec=None, last_published_at=tokyo("2026-11-18T12:00")
    )

    assert found == [expected]


def test_a_correction_on_the_same_day_answers_no_due_time_again() -> None:
    before = tokyo("2026-11-20T18:00")

    assert verdicts(slo(), [], tokyo("2026-11-20T19:00"), spec=None, last_published_at=before) == []


def test_a_maximum_age_is_judged_by_the_release_before() -> None:
    before = tokyo("2026-11-20T09:00")

    found = verdicts(
        max_age(6, grace=HOUR), [], tokyo("2026-11-20T18:00"), spec=None, last_published_at=before
    )

    assert found == [("2026-11-20", 2 * HOUR)]


# --- standing ----------------------------------------------------------------------------------------------

FRIDAY_NOON = {"2026-11-19": tokyo("2026-11-19T18:00"), "2026-11-18": tokyo("2026-11-18T20:30")}


def stand(promise: FreshnessSlo, now: str, published: dict[str, datetime] | None = None, **more: Any):
    published = FRIDAY_NOON if published is None else published
    last = more.pop("last", max(published.values(), default=None))
    return standing(promise, more.pop("cut", BY_DAY), published, last, tokyo(now), **more)


def test_before_todays_due_time_yesterdays_release_counts() -> None:
    found = stand(slo(), "2026-11-20T12:00")

    assert (found.state, found.business_date) == (SloState.MET, "2026-11-19")
    assert (found.due_at, found.next_due_at) == (tokyo("2026-11-19T18:30"), tokyo("2026-11-20T18:30"))


def test_after_the_due_time_it_is_late_and_says_how_late() -> None:
    found = stand(slo(), "2026-11-20T20:45")

    assert (found.state, found.reason) == (
        SloState.LATE,
        "2026-11-20 is not there, 2 h 15 min after its deadline",
    )
    assert found.next_due_at == tokyo("2026-11-24T18:30")  # the 23rd is a holiday


def test_how_late_counts_from_the_deadline_and_the_grace_is_said() -> None:
    found = stand(slo(grace=HOUR), "2026-11-20T20:45")

    assert found.deadline_at == tokyo("2026-11-20T19:30")
    assert found.reason == (
        "2026-11-20 is not there, 1 h 15 min after its deadline (due 2026-11-20 09:30 UTC, 1 h of grace)"
    )
    now = tokyo("2026-11-20T20:45")
    assert standing_text(found, now) == (
        "late by 1 h 15 min (due 2026-11-20 09:30 UTC, 1 h of grace, for 2026-11-20)"
    )


def test_within_its_grace_it_is_not_late_yet() -> None:
    found = stand(slo(grace=HOUR), "2026-11-20T19:15")

    assert (found.state, found.next_due_at) == (SloState.MET, tokyo("2026-11-20T18:30"))


def test_what_came_late_is_met_from_then_on_and_remembered() -> None:
    published = FRIDAY_NOON | {"2026-11-20": tokyo("2026-11-20T19:05")}

    found = stand(slo(), "2026-11-21T12:00", published)

    assert (found.state, found.reason) == (SloState.MET, "2026-11-20 came 35 min late")


def test_a_hole_behind_the_newest_date_is_told() -> None:
    published = {"2026-11-16": tokyo("2026-11-16T18:00"), "2026-11-20": tokyo("2026-11-20T18:00")}

    found = stand(slo(), "2026-11-20T19:00", published)

    assert (found.state, found.reason) == (SloState.MET, "never came: 2026-11-17, 2026-11-18, 2026-11-19")


def growing(*published_at: str) -> dict[str, Any]:
    """A month's partition that was published again and again: the arguments of `stand`."""
    instants = [tokyo(text) for text in published_at]
    return {
        "published": {"2026-11": instants[0], "2026-10": tokyo("2026-11-01T08:00")},
        "last": instants[-1],
        "cut": BY_MONTH,
        "publications": {"2026-11": instants, "2026-10": [tokyo("2026-11-01T08:00")]},
    }


NEXT_MORNING = slo("09:00", calendar="daily", covers=1)


@pytest.mark.parametrize("knows_all", [True, False])
def test_a_month_that_exists_but_stopped_growing_is_late(knows_all: bool) -> None:
    facts = growing("2026-11-02T08:00", "2026-11-22T08:00")
    facts["publications"] = facts["publications"] if knows_all else None

    assert stand(NEXT_MORNING, "2026-11-22T12:00", **facts).state is SloState.MET
    found = stand(NEXT_MORNING, "2026-12-12T12:00", **facts)

    assert (found.state, found.business_date) == (SloState.LATE, "2026-11-30")
    assert found.reason == "2026-11-30 is not there, 11 days 3 h after its deadline"


def test_a_month_is_met_by_the_first_release_that_can_hold_its_last_session() -> None:
    facts = growing("2026-11-02T08:00", "2026-12-01T08:00", "2026-12-20T08:00")

    found = stand(NEXT_MORNING, "2026-12-21T12:00", **facts)

    assert (found.state, found.reason) == (SloState.MET, "")  # the correction of the 20th makes it no later


def test_a_release_of_the_next_month_does_not_answer_for_the_last() -> None:
    facts = growing("2026-11-02T08:00")
    facts["publications"]["2026-12"] = [tokyo("2026-12-02T08:00")]
    facts["published"]["2026-12"] = facts["last"] = tokyo("2026-12-02T08:00")

    assert stand(NEXT_MORNING, "2026-12-12T12:00", **facts).state is SloState.LATE
    assert stand(NEXT_MORNING, "2027-01-02T12:00", **facts).reason.endswith("never came: 2026-11")


def test_a_month_that_came_late_says_so() -> None:
    facts = growing("2026-11-02T08:00", "2026-12-01T11:00")

    assert stand(NEXT_MORNING, "2026-12-12T12:00", **facts).reason == "2026-11-30 came 2 h late"
    del facts["publications"]
    found = stand(NEXT_MORNING, "2026-12-12T12:00", **facts)
    assert found.reason == "the newest release came 2 h after the deadline"


def test_without_partitions_a_late_newest_release_is_told_and_a_correction_only_where_it_is_one() -> None:
    late, in_time = tokyo("2026-11-22T10:00"), tokyo("2026-11-20T18:00")

    def reason(publications: dict[str, list[datetime]] | None) -> str:
        found = stand(slo(), "2026-11-22T12:00", {}, cut=None, last=late, publications=publications)
        assert found.state is SloState.MET
        return found.reason

    assert reason(None) == "the newest release came 1 day 15 h after the deadline"
    assert reason({"": [late]}) == "2026-11-20 came 1 day 15 h late"
    assert reason({"": [in_time, late]}) == ""


def test_publications_are_what_releases_brought_and_rollbacks_do_not() -> None:
    first, second = ReleaseId(date(2026, 11, 1), 1), ReleaseId(date(2026, 11, 2), 2)

    def generation(number: int, kind: GenerationKind, made_by: ReleaseId, **held: ReleaseId) -> Generation:
        return Generation(
            dataset=DatasetName("a", "b"),
            number=number,
            kind=kind,
            partitions=held,
            release_id=made_by,
            published_at=tokyo(f"2026-11-0{number}T08:00"),
        )

    found = publications_of(
        [
            generation(1, GenerationKind.RELEASE, first, x=first, y=first),
            generation(2, GenerationKind.RELEASE, second, x=first, y=second),
            generation(3, GenerationKind.ROLLBACK, first, x=first, y=first),
        ]
    )

    one, two = tokyo("2026-11-01T08:00"), tokyo("2026-11-02T08:00")
    assert found == {"x": [one], "y": [one, two]}


@pytest.mark.parametrize("cut", [None, BY_DAY])
def test_what_was_never_delivered_is_late(cut: PartitionSpec | None) -> None:
    found = stand(slo(), "2026-11-20T12:00", {}, cut=cut)

    assert (found.state, found.reason) == (SloState.LATE, "never delivered")


def test_before_the_partitions_start_nothing_is_due() -> None:
    found = stand(slo(), "2026-11-20T12:00", {}, cut=PartitionSpec(column="d", start=date(2027, 1, 4)))

    assert (found.state, found.reason) == (SloState.PENDING, "never delivered; nothing was due yet")
    assert found.next_due_at == tokyo("2027-01-04T18:30")


@pytest.mark.parametrize(
    ("last", "state"),
    [
        ("2026-11-20T00:00", SloState.MET),
        ("2026-11-19T23:59", SloState.LATE),
        ("2026-11-20T19:00", SloState.MET),
    ],
)
def test_without_partitions_a_release_of_the_day_counts(last: str, state: SloState) -> None:
    assert stand(slo(), "2026-11-20T20:00", {}, cut=None, last=tokyo(last)).state is state


def test_a_dataset_that_is_an_hour_late_every_day_is_never_called_early_for_the_next() -> None:
    last = tokyo("2026-11-19T09:00")

    found = stand(slo("08:00", calendar="daily", covers=1), "2026-11-20T08:30", {}, cut=None, last=last)

    assert found.state is SloState.LATE


@pytest.mark.parametrize(
    ("now", "state"),
    [
        ("2026-11-20T13:00", SloState.MET),
        ("2026-11-20T13:01", SloState.LATE),
        ("2026-11-20T09:00", SloState.MET),
    ],
)
def test_a_maximum_age_counts_from_the_newest_release(now: str, state: SloState) -> None:
    promise = max_age(3, grace=HOUR)

    assert stand(promise, now, {}, cut=None, last=tokyo("2026-11-20T09:00")).state is state
    assert stand(promise, now, {}, cut=None).reason == "never delivered"


@pytest.mark.parametrize(
    ("promise", "why"),
    [
        (slo(calendar="XTKY"), "there is no calendar 'XTKY'"),
        (slo(timezone="Asia/Tokio"), "there is no time zone 'Asia/Tokio'"),
    ],
)
def test_what_can_not_be_told_is_unknown_and_never_raises(promise: FreshnessSlo, why: str) -> None:
    found = stand(promise, "2026-11-20T12:00")

    assert found.state is SloState.UNKNOWN
    assert why in found.reason


def test_outside_of_its_calendar_an_slo_is_unknown() -> None:
    found = standing(slo(), None, {}, None, datetime(2101, 1, 5, tzinfo=UTC))

    assert found.state is SloState.UNKNOWN
    assert "it knows 1949-01-01 to 2099-12-31" in found.reason


def test_a_release_from_the_future_is_a_wrong_clock() -> None:
    found = stand(slo(), "2026-11-20T12:00", {}, cut=None, last=tokyo("2026-11-20T12:10"))

    assert found.state is SloState.UNKNOWN
    assert "a clock is wrong" in found.reason
