"""Which partitions Dagster shows of a dataset by its calendar."""

from datetime import date, time

from datahub_dagster.defs.partitions import partitions_of
from datahub_dagster.domain.contract import CalendarFile, FreshnessSlo, Override
from tests.builders import by_day, contract

TODAY = date(2026, 11, 20)


def shown(
    calendar: str, first: str, last: str, *overrides: Override, calendar_files: tuple[CalendarFile, ...] = ()
) -> list[str]:
    promise = FreshnessSlo(due=time(18, 30), timezone="Asia/Tokyo", calendar="XTKS", overrides=overrides)
    dataset = contract(
        delivery=by_day(calendar=calendar, start=date(2026, 4, 1), calendar_files=calendar_files),
        freshness_slos=(promise,),
    )
    partitions = partitions_of(dataset, TODAY)
    assert partitions
    return [key for key in partitions.get_partition_keys() if first <= key <= last]


def test_days_without_a_session_are_left_out() -> None:
    assert shown("XTKS", "2026-04-30", "2026-05-08") == [
        "2026-04-30",
        "2026-05-01",
        "2026-05-07",
        "2026-05-08",
    ]
    assert shown("5th of JP", "2026-04-01", "2026-06-30") == ["2026-04-07", "2026-05-12", "2026-06-05"]


def test_a_day_that_is_added_is_there_though_it_is_a_saturday() -> None:
    added = Override(on=date(2026, 5, 2), kind="added", reason="test session")

    assert shown("XTKS", "2026-04-30", "2026-05-07", added) == [
        "2026-04-30",
        "2026-05-01",
        "2026-05-02",
        "2026-05-07",
    ]


def test_the_days_of_a_file_are_left_out_as_far_as_it_knows() -> None:
    off = Override(on=date(2026, 5, 7), kind="removed", reason="migration")
    own = CalendarFile(name="own", base="XTKS", last=date(2026, 5, 31), overrides=(off,))

    assert shown("own", "2026-05-01", "2026-05-08", calendar_files=(own,)) == ["2026-05-01", "2026-05-08"]
