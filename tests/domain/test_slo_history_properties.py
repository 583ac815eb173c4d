"""The history of due times against a model that walks generation by generation, or minute by minute."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import assume, given
from hypothesis import strategies as st

from datahub_dagster.domain.budget import budget
from datahub_dagster.domain.contract import FreshnessSlo, Granularity, Override, PartitionSpec
from datahub_dagster.domain.due import due_times, earliest_at, key_of
from datahub_dagster.domain.names import ReleaseId
from datahub_dagster.domain.promise import Promise
from datahub_dagster.domain.release import WHOLE, Generation, GenerationKind
from datahub_dagster.domain.slo_history import due_results, history
from datahub_dagster.domain.timeline import CLOCK_SKEW, Timeline
from datahub_dagster.domain.verdict import DueResult, Verdict
from tests.builders import contract, generation

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
STEP = 10 * MINUTE  # everything happens at a multiple of it
START = datetime(2026, 10, 26, tzinfo=UTC)  # Monday; the clocks of New York change on Sunday
LENGTH = 12 * DAY
NOW = START + LENGTH
ORDERS = contract()
BY_DAY, BY_MONTH = PartitionSpec(column="day"), PartitionSpec(column="month", granularity=Granularity.MONTH)


@st.composite
def logs(draw: st.DrawFn, cut: PartitionSpec | None, most: int = 14) -> list[Generation]:
    """Releases and rollbacks within the twelve days, at least ten minutes apart."""
    slots = draw(st.lists(st.integers(0, LENGTH // (STEP) - 1), max_size=most, unique=True).map(sorted))
    made: list[Generation] = []
    for number, slot in enumerate(slots, 1):
        at = START + slot * STEP
        if made and draw(st.booleans()) and draw(st.booleans()):
            target = draw(st.sampled_from(made))
            made.append(
                replace(
                    target,
                    number=number,
                    kind=GenerationKind.ROLLBACK,
                    published_at=at,
                    restores=target.number,
                )
            )
            continue
        release_id = ReleaseId(at.date(), number)
        days = draw(st.lists(st.integers(-3, 12), min_size=1, max_size=3))
        keys = [key_of(START.date() + day * DAY, cut) for day in days] if cut else [WHOLE]
        before = made[-1].partitions if made and cut else {}
        held = {**before, **dict.fromkeys(keys, release_id)}
        made.append(generation(ORDERS, number, partitions=held, release_id=release_id, published_at=at))
    return made


CUTS = st.sampled_from([None, BY_DAY, BY_MONTH])
ZONES = st.sampled_from(["UTC", "Asia/Tokyo", "America/New_York"])
OVERRIDES = st.lists(
    st.builds(
        lambda day, kind, by: Override(
            on=START.date() + day * DAY,
            kind=kind,
            reason="so",
            due_on=START.date() + (day + by) * DAY if kind == "moved" else None,
        ),
        st.integers(0, 12),
        st.sampled_from(["added", "removed", "moved"]),
        st.integers(0, 3),
    ),
    max_size=2,
).map(tuple)
DUE = st.builds(
    FreshnessSlo,
    due=st.sampled_from([time(0), time(1, 30), time(8), time(18, 30), time(23, 59)]),
    timezone=ZONES,
    calendar=st.sampled_from(["daily", "weekdays", "XNYS"]),
    covers=st.integers(0, 2),
    grace=st.sampled_from([timedelta(0), 20 * MINUTE, 30 * HOUR]),
    overrides=OVERRIDES,
)
AGE = st.builds(
    FreshnessSlo,
    max_age=st.sampled_from([5 * HOUR, 26 * HOUR, 50 * HOUR]),
    timezone=ZONES,
    calendar=st.sampled_from(["daily", "weekdays"]),
    grace=st.sampled_from([timedelta(0), 90 * MINUTE]),
)
SLOS = st.one_of(DUE, AGE)
INSTANTS = st.integers(0, LENGTH // MINUTE).map(lambda minutes: START + minutes * MINUTE)


def judged(
    slo: FreshnessSlo,
    cut: PartitionSpec | None,
    log: Sequence[Generation],
    since: datetime = START,
    until: datetime = NOW,
    now: datetime = NOW,
) -> tuple[DueResult, ...]:
    return due_results(slo, cut, Timeline.of(log, now), since, until, now, promised_since=START)


# --- the model -----------------------------------------------------------------------------------------------


def model(slo: FreshnessSlo, cut: PartitionSpec | None, log: Sequence[Generation]) -> list[tuple[Any, ...]]:
    """Date, due time, verdict and lateness, from every generation in turn."""
    found: list[tuple[Any, ...]] = []
    for day, due in due_times(slo, START.date() - 40 * DAY, NOW.date() + 5 * DAY, cut):
        deadline = due + slo.grace
        if not START <= deadline < NOW:
            continue
        then: Generation | None = None
        came: datetime | None = None
        for each in log:
            if each.published_at <= deadline:
                then = each
            elif came is None and model_holds(slo, cut, log, each, day):
                came = each.published_at
        if then is not None and model_holds(slo, cut, log, then, day):
            found.append((deadline, day.isoformat(), due, Verdict.MET, timedelta(0)))
        elif came is not None:
            found.append((deadline, day.isoformat(), due, Verdict.LATE, came - deadline))
        else:
            found.append((deadline, day.isoformat(), due, Verdict.MISSED, NOW - deadline))
    return sorted(found)


def model_holds(
    slo: FreshnessSlo, cut: PartitionSpec | None, log: Sequence[Generation], state: Generation, day: date
) -> bool:
    if cut is BY_DAY:
        return day.isoformat() in state.partitions
    key = key_of(day, cut) if cut else WHOLE
    if key not in state.partitions:
        return False
    of_release = next(each for each in log if each.release_id == state.partitions[key])
    return of_release.published_at >= earliest_at(slo, day, cut)


@given(st.data(), DUE, CUTS)
def test_every_due_time_is_judged_as_a_walk_through_the_generations_does(
    data: st.DataObject, slo: FreshnessSlo, cut: PartitionSpec | None
) -> None:
    log = data.draw(logs(cut))

    found = [r for r in judged(slo, cut, log) if r.verdict is not Verdict.EXCUSED]

    assert [(r.deadline_at, r.business_date, r.due_at, r.verdict, r.late) for r in found] == model(
        slo, cut, log
    )


@given(logs(None, most=6), AGE)
def test_every_day_of_a_maximum_age_is_judged_as_a_walk_through_each_ten_minutes_does(
    log: list[Generation], slo: FreshnessSlo
) -> None:
    limit, zone = (slo.max_age or DAY) + slo.grace, ZoneInfo(slo.timezone)
    first = {each.release_id: each.published_at for each in reversed(log)}
    too_old: dict[
        str, list[tuple[datetime, timedelta]]
    ] = {}  # from when on, and by how much at the end of the step
    steps: dict[str, list[datetime]] = {}
    for number in range(LENGTH // STEP):
        at = START + number * STEP
        day = at.astimezone(zone).date().isoformat()
        steps.setdefault(day, []).append(at)
        shown = next((each for each in reversed(log) if each.published_at <= at), None)
        age = at + STEP - (first[shown.release_id] if shown else START)
        if age > limit:
            too_old.setdefault(day, []).append((at, age - limit))

    found = {result.business_date: result for result in judged(slo, None, log)}

    for day, instants in steps.items():
        if slo.calendar == "weekdays" and date.fromisoformat(day).weekday() >= 5:
            assert day not in found
        elif day in too_old:
            was = too_old[day]
            assert found[day].deadline_at == was[0][0]
            assert found[day].late == max(late for _, late in was)
            is_old = was[-1][0] == instants[-1]
            assert found[day].verdict is (Verdict.MISSED if is_old else Verdict.LATE)
        elif day in found:
            assert (found[day].verdict, found[day].late) == (Verdict.MET, timedelta(0))
        else:
            assert day == max(steps), "only a day that is not over has no verdict"


@given(DUE, CUTS)
def test_later_business_dates_are_due_later_unless_an_override_moves_them(
    slo: FreshnessSlo, cut: PartitionSpec | None
) -> None:
    found = judged(replace(slo, overrides=()), cut, [])

    assert sorted(r.business_date for r in found) == [r.business_date for r in found]
    assert all(before.due_at < after.due_at for before, after in pairwise(found))


# --- what must never happen ------------------------------------------------------------------------------------


@given(st.data(), SLOS, CUTS, INSTANTS)
def test_a_span_that_is_looked_at_in_two_parts_has_the_same_results(
    data: st.DataObject, slo: FreshnessSlo, cut: PartitionSpec | None, middle: datetime
) -> None:
    log = data.draw(logs(cut))

    parts = (*judged(slo, cut, log, until=middle), *judged(slo, cut, log, since=middle))

    assert parts == judged(slo, cut, log)


@given(st.data(), SLOS, CUTS)
def test_whatever_is_published_after_a_deadline_what_was_kept_stays_kept_and_nothing_else_becomes_so(
    data: st.DataObject, slo: FreshnessSlo, cut: PartitionSpec | None
) -> None:
    log = data.draw(logs(cut))
    then = data.draw(INSTANTS)
    known = [each for each in log if each.published_at <= then]

    before = {r.business_date: r for r in judged(slo, cut, known, until=then, now=then)}
    after = {r.business_date: r for r in judged(slo, cut, log, until=then)}

    assert before.keys() == after.keys()
    for business_date, result in before.items():
        later = after[business_date]
        assert (result.due_at, result.deadline_at) == (later.due_at, later.deadline_at)
        assert later.verdict.is_kept is result.verdict.is_kept
        if slo.max_age is None:  # of a day that is not over, what was fresh again may become too old again
            assert later == result or (result.verdict is Verdict.MISSED and later.late > timedelta(0))


@given(st.data(), SLOS, CUTS)
def test_a_gap_in_the_log_never_makes_a_verdict_wrong(
    data: st.DataObject, slo: FreshnessSlo, cut: PartitionSpec | None
) -> None:
    log = data.draw(logs(cut))
    assume(len(log) > 1)
    lost = data.draw(st.sets(st.sampled_from(log[:-1]).map(lambda each: each.number), min_size=1, max_size=3))

    _tells_no_wrong(judged(slo, cut, log), judged(slo, cut, [g for g in log if g.number not in lost]))


@given(st.data(), SLOS, CUTS, st.integers(-20_000, 20_000))
def test_a_clock_whose_fault_can_be_seen_never_makes_a_verdict_wrong(
    data: st.DataObject, slo: FreshnessSlo, cut: PartitionSpec | None, minutes: int
) -> None:
    log = data.draw(logs(cut))
    assume(log)
    index = data.draw(st.integers(0, len(log) - 1))
    at = log[index].published_at + minutes * MINUTE
    is_seen = (
        at > NOW + CLOCK_SKEW
        or any(each.published_at > at + CLOCK_SKEW for each in log[:index])
        or any(each.published_at < at - CLOCK_SKEW for each in log[index + 1 :])
    )
    assume(is_seen)

    wrong = [*log[:index], replace(log[index], published_at=at), *log[index + 1 :]]

    _tells_no_wrong(judged(slo, cut, log), judged(slo, cut, wrong))


def _tells_no_wrong(truth: Sequence[DueResult], seen: Sequence[DueResult]) -> None:
    """Whatever is told is true, kept or broken; or nothing is told."""
    kept = {result.business_date: result.verdict.is_kept for result in truth if result.verdict.counts}
    told = {result.business_date: result.verdict.is_kept for result in seen if result.verdict.counts}
    assert told.items() <= kept.items()


@given(
    st.data(),
    st.lists(st.tuples(INSTANTS, st.one_of(SLOS, st.none()), CUTS), min_size=1, max_size=4),
    INSTANTS,
)
def test_however_often_the_promise_changes_a_business_date_counts_at_most_once(
    data: st.DataObject,
    changes: list[tuple[datetime, FreshnessSlo | None, PartitionSpec | None]],
    middle: datetime,
) -> None:
    log = data.draw(logs(data.draw(CUTS)))
    given_ = [
        Promise(dataset=ORDERS.name, valid_from=at, freshness=(slo,) if slo else (), partitions=cut)
        for at, slo, cut in sorted(changes, key=lambda change: change[0])
    ]
    timeline = Timeline.of(log, NOW)

    found = history(given_, "freshness", timeline, START, NOW, NOW)

    dates = [result.business_date for result in found]
    assert len(set(dates)) == len(dates)
    assert all(before.deadline_at <= after.deadline_at for before, after in pairwise(found))
    parts = (
        *history(given_, "freshness", timeline, START, middle, NOW),
        *history(given_, "freshness", timeline, middle, NOW, NOW),
    )
    assert parts == found


@given(st.data(), SLOS, CUTS, st.sampled_from([0.0, 0.5, 0.9, 0.99, 1.0]))
def test_a_budget_adds_up(
    data: st.DataObject, slo: FreshnessSlo, cut: PartitionSpec | None, objective: float
) -> None:
    found = judged(slo, cut, data.draw(logs(cut)))

    spent = budget(found, objective=objective, window=LENGTH, since=START, until=NOW)

    assert spent.met + spent.late + spent.missed + spent.excused + spent.unknown == len(found)
    if spent.attainment is None:
        assert (spent.left, spent.is_kept, spent.allowed) == (None, None, 0)
        return
    assert 0 <= spent.attainment <= 1
    assert spent.left is not None
    assert spent.left <= 1
    assert spent.is_kept == (spent.spent <= spent.allowed) == (spent.left >= 0)
    assert spent.burn_rate is None or spent.burn_rate >= 0
