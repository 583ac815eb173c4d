"""What can't be known is unknown, never met: clocks that are wrong, generations that are missing. And nothing else is."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from datahub_dagster.domain.contract import FreshnessSlo, PartitionSpec
from datahub_dagster.domain.names import ReleaseId
from datahub_dagster.domain.release import Generation, GenerationKind
from datahub_dagster.domain.slo_history import due_results
from datahub_dagster.domain.timeline import Timeline
from datahub_dagster.domain.verdict import DueResult, Verdict
from tests.builders import contract, generation

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FIRST_DAY = date(2026, 11, 1)
NOW = datetime(2026, 11, 8, 12, tzinfo=UTC)
AT_NOON = FreshnessSlo(due=time(12))
BY_DAY = PartitionSpec(column="day", start=FIRST_DAY)
ORDERS = contract()


def day(number: int) -> date:
    return FIRST_DAY + timedelta(days=number - 1)


def at(number: int, hour: int = 11) -> datetime:
    return datetime.combine(day(number), time(hour), tzinfo=UTC)


def daily(count: int = 7) -> list[Generation]:
    """One release a day at eleven, of that day: every due time is met."""
    held: dict[str, ReleaseId] = {}
    made: list[Generation] = []
    for number in range(1, count + 1):
        release_id = ReleaseId(day(number), number)
        held = {**held, day(number).isoformat(): release_id}
        made.append(
            generation(ORDERS, number, partitions=held, release_id=release_id, published_at=at(number))
        )
    return made


def judged(
    generations: list[Generation], cut: PartitionSpec | None = BY_DAY, slo: FreshnessSlo = AT_NOON
) -> tuple[DueResult, ...]:
    timeline = Timeline.of(generations, NOW)
    return due_results(slo, cut, timeline, at(1, 0), NOW, NOW, promised_since=at(1))


def verdicts(generations: list[Generation], cut: PartitionSpec | None = BY_DAY) -> str:
    """One letter for each day: met, late, missed (x), unknown."""
    letters = {Verdict.MET: "m", Verdict.LATE: "l", Verdict.MISSED: "x", Verdict.UNKNOWN: "u"}
    return "".join(letters[result.verdict] for result in judged(generations, cut))


@pytest.mark.parametrize("cut", [BY_DAY, None], ids=["by day", "whole"])
def test_a_missing_generation_makes_unknown_what_it_could_touch_and_nothing_else(
    cut: PartitionSpec | None,
) -> None:
    log = daily()
    assert verdicts(log, cut) == "mmmmmmm"

    assert (
        verdicts(log[:2] + log[3:], cut) == "muummmm"
    )  # it may have taken back the second day's before noon
    assert verdicts(log[:2] + log[5:], cut) == "muuuumm"
    assert verdicts(log[3:], cut) == "uuummmm"


def test_the_reason_names_what_is_missing() -> None:
    log = daily()

    reasons = [r.reason for r in judged(log[:2] + log[3:4] + log[6:])]

    one, two = "generation 3 is missing from the log", "generations 5 to 6 are missing from the log"
    assert reasons == ["", one, one, two, two, two, ""]


def test_a_clock_that_ran_backwards_makes_doubtful_what_contradicts_most_others() -> None:
    log = daily()
    log[3] = replace(log[3], published_at=at(2, 10))

    assert verdicts(log) == "mmmummm"
    assert judged(log)[3].reason == (
        "a clock ran backwards: generation 3 says 2026-11-03 11:00 UTC, generation 4 after it 2026-11-02 10:00 UTC"
    )


def test_what_the_clock_said_counts_and_not_the_instant_that_keeps_releases_in_order() -> None:
    log = daily()
    log[3] = replace(log[3], published_at=at(3), clock_at=at(2, 10))

    assert verdicts(log) == "mmmummm"


def test_of_two_clocks_that_contradict_each_other_nobody_knows_which_is_right() -> None:
    log = daily(2)
    log[1] = replace(log[1], published_at=at(1, 9))

    assert verdicts(log).startswith("uu")


def test_one_release_by_a_clock_of_1970_makes_nobody_doubt_the_others() -> None:
    log = daily()
    log.append(
        replace(log[-1], number=8, release_id=ReleaseId(date(1970, 1, 1), 8), clock_at=at(1) - 9999 * DAY)
    )

    assert verdicts(log) == "mmmmmmm"


def test_two_clocks_that_differ_by_minutes_are_no_fault() -> None:
    log = daily()
    log.append(replace(log[-1], number=8, release_id=ReleaseId(day(7), 8), published_at=at(7) - 4 * MINUTE))

    assert verdicts(log) == "mmmmmmm"


def test_a_release_of_the_future_makes_unknown_what_came_since_the_one_before() -> None:
    log = daily()
    log[-1] = replace(log[-1], published_at=NOW + HOUR)

    assert verdicts(log) == "mmmmmmu"
    assert judged(log)[-1].reason == (
        "generation 7 says that it was published at 2026-11-08 13:00 UTC, which is still to come: a clock is wrong"
    )


def test_once_it_is_past_a_wrong_clock_that_nothing_contradicts_is_believed() -> None:
    log = daily()
    log[-1] = replace(log[-1], published_at=NOW - HOUR)

    assert verdicts(log) == "mmmmmml"


def test_what_is_held_whichever_state_was_published_is_known_nevertheless() -> None:
    """Nobody knows when the newest was published; before and after it the second day is held."""
    log = [*daily(6), replace(daily()[-1], published_at=NOW + DAY)]

    found = due_results(
        FreshnessSlo(due=time(12), covers=5), BY_DAY, Timeline.of(log, NOW), at(7, 0), NOW, NOW
    )

    assert [(r.business_date, r.verdict) for r in found] == [("2026-11-02", Verdict.MET)]


def test_content_that_is_shown_again_and_whose_own_generation_is_missing_has_no_known_age() -> None:
    log = daily(5)
    back = replace(log[2], number=6, kind=GenerationKind.ROLLBACK, published_at=at(6, 11), restores=3)
    log = [*log[:2], *log[3:], back]

    whole = judged(log, None)

    assert [r.verdict for r in whole[3:5]] == [Verdict.MET, Verdict.MET]
    assert whole[5].verdict is Verdict.UNKNOWN
    assert whole[5].reason == (
        "generation 6 shows release 2026-11-03.3 again, and nobody knows when that was published first"
    )


def test_a_maximum_age_is_unknown_only_on_the_days_that_a_fault_touches() -> None:
    log = daily()
    promise = FreshnessSlo(max_age=timedelta(hours=25))

    found = judged(log[:2] + log[3:], None, promise)

    assert "".join(r.verdict[0] for r in found) == "muuummm"


def test_a_day_that_was_too_old_before_a_fault_is_broken_all_the_same() -> None:
    log = daily()
    promise = FreshnessSlo(max_age=timedelta(hours=20))

    found = judged(log[:2] + log[3:], None, promise)

    assert found[1].late == 4 * HOUR  # from seven to eleven
    assert "".join(r.verdict[0] for r in found) == "mmuulllm"  # the second m: missed
    assert found[1].verdict is Verdict.MISSED
