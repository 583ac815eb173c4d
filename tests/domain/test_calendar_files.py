"""Which calendar files a contract carries, and which days its partitions may have."""

from datetime import date, time

from datahub_dagster.domain.calendar_files import (
    consumer_with_files,
    contract_with_files,
    files_in,
    files_used,
    partition_days,
)
from datahub_dagster.domain.contract import CalendarFile, FreshnessSlo, Override
from tests.builders import by_day, consumer, contract

FILES = {
    file.name: file
    for file in (
        CalendarFile(name="one", base="two and XTKS"),
        CalendarFile(name="two", base="JP"),
        CalendarFile(name="other", base="XNYS"),
    )
}
PROMISE = FreshnessSlo(due=time(18), calendar="5th of one")


def names(files: tuple[CalendarFile, ...]) -> list[str]:
    return [file.name for file in files]


def test_a_promise_carries_the_files_that_it_names_and_those_that_they_are_based_on() -> None:
    assert names(files_used("XTKS or (last of one)", FILES)) == ["one", "two"]
    assert names(files_used("JP", FILES)) == []


def test_each_promise_of_a_contract_carries_its_own_files_and_gives_them_back() -> None:
    made = contract(freshness_slos=(PROMISE,), delivery=by_day(calendar="other"))
    reader = consumer(slos={"payments.orders": PROMISE})

    carrying, reading = contract_with_files(made, FILES), consumer_with_files(reader, FILES)

    assert carrying.partitions
    assert names(carrying.partitions.calendar_files) == ["other"]
    assert names(carrying.freshness_slos[0].calendar_files) == ["one", "two"]
    assert names(reading.slos["payments.orders"].calendar_files) == ["one", "two"]
    assert files_in([carrying], [reading]) == FILES
    assert contract_with_files(carrying, {}) == made


def test_a_day_that_a_promise_adds_may_have_a_partition_and_one_that_it_removes_still_may() -> None:
    overrides = (
        Override(on=date(2026, 11, 21), kind="added", reason="test session on a Saturday"),
        Override(on=date(2026, 11, 20), kind="removed", reason="nobody is there to deliver in time"),
    )
    promise = FreshnessSlo(due=time(18), calendar="XTKS", overrides=overrides)

    days = partition_days(contract(freshness_slos=(promise,), delivery=by_day(calendar="XTKS")))

    assert days
    assert days.sessions(date(2026, 11, 19), date(2026, 11, 24)) == (
        date(2026, 11, 19),
        date(2026, 11, 20),
        date(2026, 11, 21),
        date(2026, 11, 24),
    )
    assert partition_days(contract(delivery=by_day())) is None
    assert partition_days(contract()) is None
