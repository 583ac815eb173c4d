"""Whom a missing business date hurts, and from when on."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from datahub_dagster.domain.contract import ConsumerKind, Contract, FreshnessSlo, License, Override
from datahub_dagster.domain.impact import Affected, affected, impact_of
from datahub_dagster.domain.release import Generation, GenerationKind
from tests.builders import book, by_day, by_month, consumer, contract, data_test, generation, release_id

PRICES = "equities.daily_prices"
EVENING = FreshnessSlo(due=time(18, 30), timezone="Asia/Tokyo", calendar="XTKS")
FRIDAY = "2026-11-20"


def tokyo(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+09:00").astimezone(UTC)


def prices(*slos: FreshnessSlo, **more: Any) -> Contract:
    return contract(
        PRICES, **({"freshness_slos": slos or (EVENING,), "delivery": by_day(calendar="XTKS")} | more)
    )


def desk(name: str = "desk", slo: FreshnessSlo | None = None, **more: Any) -> Any:
    return consumer(name, reads=(PRICES,), label=name, slos={PRICES: slo} if slo else {}, **more)


def when(found: tuple[Affected, ...]) -> list[tuple[str, str, str, bool]]:
    """Who, at what time in Tokyo, for which business date, and whether that has come."""
    return [(each.label, clock(each.at), each.business_date, each.already) for each in found]


def clock(at: datetime) -> str:
    return f"{at.astimezone(ZoneInfo('Asia/Tokyo')):%m-%d %H:%M}"


def test_who_has_no_promise_of_its_own_is_affected_from_the_deadline_on() -> None:
    slo = FreshnessSlo(due=time(18, 30), timezone="Asia/Tokyo", calendar="XTKS", grace=timedelta(minutes=10))

    at_the_deadline = affected(prices(slo), [desk()], slo, FRIDAY, tokyo("2026-11-20T18:40"))
    after_it = affected(prices(slo), [desk()], slo, FRIDAY, tokyo("2026-11-20T18:41"))

    assert when(at_the_deadline) == [("desk", "11-20 18:40", FRIDAY, False)]
    assert when(after_it) == [("desk", "11-20 18:40", FRIDAY, True)]


def test_who_needs_it_later_is_affected_later_and_comes_last() -> None:
    next_morning = FreshnessSlo(due=time(8), timezone="Asia/Tokyo", calendar="XTKS", covers=1)

    found = affected(
        prices(), [desk("morning", next_morning), desk("evening")], EVENING, FRIDAY, tokyo("2026-11-20T19:00")
    )

    # 23 November is Labour Thanksgiving Day.
    assert when(found) == [
        ("evening", "11-20 18:30", FRIDAY, True),
        ("morning", "11-24 08:00", FRIDAY, False),
    ]


def test_who_was_promised_it_earlier_is_affected_before_the_dataset_is_late() -> None:
    early = FreshnessSlo(due=time(16), timezone="Asia/Tokyo", calendar="XTKS")

    found = affected(prices(), [desk("early", early)], EVENING, FRIDAY, tokyo("2026-11-20T16:30"))

    assert when(found) == [("early", "11-20 16:00", FRIDAY, True)]


def test_a_consumer_whose_market_is_closed_that_day_is_affected_on_its_own_next_day() -> None:
    in_new_york = FreshnessSlo(due=time(7), timezone="America/New_York", calendar="XNYS")

    # 26 November is Thanksgiving in New York, and a session in Tokyo.
    found = affected(
        prices(), [desk("New York", in_new_york)], EVENING, "2026-11-26", tokyo("2026-11-26T19:00")
    )

    assert when(found) == [("New York", "11-27 21:00", "2026-11-27", False)]


def test_a_month_is_the_same_month_for_a_consumer_whose_own_month_ends_earlier() -> None:
    at_year_end = contract(PRICES, freshness_slos=(EVENING,), delivery=by_month())
    in_tokyo = FreshnessSlo(due=time(8), timezone="Asia/Tokyo", calendar="XTKS", covers=1)
    daily = FreshnessSlo(due=time(18, 30), timezone="Asia/Tokyo", calendar="daily")

    found = affected(at_year_end, [desk("Tokyo", in_tokyo)], daily, "2026-12-31", tokyo("2027-01-01T00:00"))
    by_key = affected(at_year_end, [desk("Tokyo", in_tokyo)], daily, "2026-12", tokyo("2027-01-01T00:00"))

    # Tokyo's December ends on the 30th, and its next session is 4 January.
    assert when(found) == [("Tokyo", "01-04 08:00", "2026-12-30", False)]
    assert by_key == found


def test_a_day_that_is_excused_for_a_consumer_hurts_it_from_its_next_day_on() -> None:
    holiday = Override(on=date(2026, 11, 20), kind="removed", reason="the desk moves house")
    own = FreshnessSlo(due=time(20), timezone="Asia/Tokyo", calendar="XTKS", overrides=(holiday,))

    found = affected(prices(), [desk("desk", own)], EVENING, FRIDAY, tokyo("2026-11-20T19:00"))

    assert when(found) == [("desk", "11-24 20:00", "2026-11-24", False)]


def test_an_age_hurts_from_the_instant_at_which_the_release_is_too_old() -> None:
    fresh = FreshnessSlo(max_age=timedelta(days=2), timezone="Asia/Tokyo", grace=timedelta(hours=1))
    weekly = FreshnessSlo(max_age=timedelta(days=7), timezone="Asia/Tokyo")
    readers = [desk("weekly", weekly), desk("everybody")]

    found = affected(
        prices(fresh, delivery=by_day()),
        readers,
        fresh,
        FRIDAY,
        tokyo("2026-11-20T12:00"),
        last_published_at=tokyo("2026-11-18T09:00"),
    )

    assert when(found) == [
        ("everybody", "11-20 10:00", FRIDAY, True),
        ("weekly", "11-25 09:00", FRIDAY, False),
    ]


def test_an_age_without_a_release_is_reckoned_with_when_its_result_says_or_from_the_days_start() -> None:
    fresh = FreshnessSlo(max_age=timedelta(days=2), timezone="Asia/Tokyo")
    weekly = FreshnessSlo(max_age=timedelta(days=7), timezone="Asia/Tokyo")
    now, broken_at = tokyo("2026-11-20T12:00"), tokyo("2026-11-20T10:00")

    as_told = affected(
        prices(fresh), [desk("a"), desk("b", weekly)], fresh, FRIDAY, now, deadline_at=broken_at
    )
    reckoned = affected(prices(fresh), [desk("a")], fresh, FRIDAY, now)

    assert when(as_told) == [("a", "11-20 10:00", FRIDAY, True), ("b", "11-20 10:00", FRIDAY, True)]
    assert when(reckoned) == [("a", "11-20 00:00", FRIDAY, True)]


def test_a_promise_to_one_consumer_concerns_nobody_else() -> None:
    own = FreshnessSlo(
        name="for_desk", due=time(8), timezone="Asia/Tokyo", calendar="XTKS", covers=1, consumer="desk"
    )

    found = affected(prices(), [desk("desk", own), desk("others")], own, FRIDAY, tokyo("2026-11-24T09:00"))

    assert when(found) == [("desk", "11-24 08:00", FRIDAY, True)]


def test_a_consumer_whose_calendar_ends_is_reckoned_with_at_the_datasets_deadline() -> None:
    own = FreshnessSlo(due=time(8), timezone="Asia/Tokyo", calendar="XTKS", covers=1)
    slo = FreshnessSlo(due=time(18, 30), timezone="Asia/Tokyo")

    found = affected(prices(slo), [desk("desk", own)], slo, "2199-11-20", tokyo("2199-11-21T00:00"))

    assert when(found) == [("desk", "11-20 18:30", "2199-11-20", True)]


def test_a_business_date_is_a_day_or_a_month() -> None:
    with pytest.raises(ValueError, match="'soon' is neither"):
        affected(prices(), [desk()], EVENING, "soon", tokyo("2026-11-20T12:00"))


# If nothing came from now on


def published(of: Contract, *days: str) -> list[Generation]:
    """A release each day at 17:00 in Tokyo, each with its own partition."""
    made: list[Generation] = []
    for number, day in enumerate(days, start=1):
        partitions = {key: release_id(n) for n, key in enumerate(days[:number], start=1)}
        made.append(
            generation(
                of,
                number,
                partitions=partitions,
                release_id=release_id(number),
                published_at=tokyo(f"{day}T17:00"),
            )
        )
    return made


def affected_at(of: Contract, generations: list[Generation], now: str, *consumers: Any) -> list[str | None]:
    """For each reader when it is affected if nothing comes from now on, on Tokyo's clocks."""
    found = impact_of(of, book(of, consumers=consumers or (desk(),)), generations, tokyo(now))
    return [each.affected and clock(each.affected.at) for each in found.readers]


def test_if_nothing_comes_readers_notice_at_the_first_deadline_whose_data_are_not_there_yet() -> None:
    held = published(prices(), "2026-11-19", "2026-11-20")

    assert affected_at(prices(), held, "2026-11-20T17:30") == ["11-24 18:30"]
    assert affected_at(prices(), held[:1], "2026-11-20T17:30") == ["11-20 18:30"]
    assert affected_at(prices(), held[:1], "2026-11-23T12:00") == ["11-20 18:30"]
    assert affected_at(prices(), [], "2026-11-20T17:30") == ["11-19 18:30"]


def test_readers_of_a_feed_that_has_died_are_affected_since_the_first_day_that_did_not_come() -> None:
    held = published(prices(), "2026-11-16", "2026-11-17")

    assert affected_at(prices(), held, "2026-11-26T12:00") == ["11-18 18:30"]


def test_a_rollback_that_takes_a_business_date_away_is_noticed_at_once() -> None:
    held = published(prices(), "2026-11-19", "2026-11-20")
    back = generation(
        prices(),
        3,
        kind=GenerationKind.ROLLBACK,
        partitions=held[0].partitions,
        published_at=tokyo("2026-11-20T20:00"),
        restores=1,
    )

    assert affected_at(prices(), [*held, back], "2026-11-20T21:00") == ["11-20 18:30"]


def test_each_reader_has_the_promise_that_comes_first_its_own_or_the_datasets() -> None:
    noon = FreshnessSlo(name="noon", due=time(12), timezone="Asia/Tokyo", calendar="XTKS", covers=1)
    own = FreshnessSlo(due=time(8), timezone="Asia/Tokyo", calendar="XTKS", covers=1)
    held = published(prices(), "2026-11-19", "2026-11-20")

    found = affected_at(
        prices(EVENING, noon), held, "2026-11-20T19:00", desk("a own", own), desk("b everybody's")
    )

    assert found == ["11-25 08:00", "11-24 18:30"]


def test_what_is_too_old_or_was_never_delivered_affects_its_readers_already() -> None:
    fresh = contract(PRICES, freshness_slos=(FreshnessSlo(max_age=timedelta(days=2), timezone="Asia/Tokyo"),))
    old = [generation(fresh, published_at=tokyo("2026-11-18T09:00"))]
    again = generation(
        fresh,
        2,
        kind=GenerationKind.ROLLBACK,
        partitions={"": release_id(1)},
        release_id=release_id(1),
        restores=1,
    )

    assert affected_at(fresh, old, "2026-11-19T12:00") == ["11-20 09:00"]
    assert affected_at(fresh, [*old, again], "2026-11-20T22:00") == ["11-20 09:00"]
    assert affected_at(fresh, [], "2026-11-20T12:00") == ["11-20 00:00"]


def test_where_no_time_was_promised_nobody_can_say_when() -> None:
    assert affected_at(prices(delivery=by_day(), freshness_slos=()), [], "2026-11-20T12:00") == [None]


def test_a_calendar_that_ends_is_told_instead_of_a_time() -> None:
    whole = contract(PRICES, freshness_slos=(EVENING,))

    found = impact_of(whole, book(whole, consumers=(desk(),)), [], tokyo("2199-01-01T00:00"))

    assert found.readers[0].affected is None
    assert "the calendar says nothing of 2199" in found.readers[0].problem


def test_the_whole_of_a_dataset_is_there_from_its_release_on() -> None:
    t_plus_1 = FreshnessSlo(due=time(8), timezone="Asia/Tokyo", calendar="weekdays", covers=1)
    whole = contract(PRICES, freshness_slos=(t_plus_1,))
    monday = [generation(whole, published_at=tokyo("2026-11-23T07:00"))]

    assert affected_at(whole, monday, "2026-11-23T07:30") == ["11-24 08:00"]
    assert affected_at(whole, monday, "2026-11-24T09:00") == ["11-24 08:00"]


def test_a_column_concerns_who_reads_it_and_who_reads_all() -> None:
    license = License(terms="no redistribution")
    of = prices(license=license)
    narrow = desk("narrow", columns={PRICES: ("ticker",)}, kind=ConsumerKind.CUSTOMER)

    found = impact_of(of, book(of, consumers=(desk("wide"), narrow)), [], tokyo("2026-11-20T12:00"))

    assert [(each.consumer.name, each.reads("CLOSE"), each.reads("Ticker")) for each in found.readers] == [
        ("narrow", False, True),
        ("wide", True, True),
    ]
    assert [each.license for each in found.readers] == [license, None]


def test_tests_of_other_datasets_that_read_it_are_named() -> None:
    of, other = prices(), contract("payments.orders")
    across = data_test("relationships", "ticker", "payments.orders", depends_on=(other.name, of.name))
    other = contract("payments.orders", tests=(data_test(), across))

    found = impact_of(of, book(of, other), [], tokyo("2026-11-20T12:00"))

    assert [(str(where.name), test.kind) for where, test in found.tests] == [
        ("payments.orders", "relationships")
    ]
