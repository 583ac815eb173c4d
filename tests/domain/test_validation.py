"""Footers against the contract, where a table of deliveries (tests/pipeline/test_bad_input.py) does not reach."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datahub_dagster.domain.calendars import CalendarRangeError
from datahub_dagster.domain.contract import Contract, Granularity
from datahub_dagster.domain.placement import partition_date
from datahub_dagster.domain.profile import Bounds, FileProfile, FoundColumn
from datahub_dagster.domain.validation import Validated, validate
from tests.builders import by_day, by_month, column, contract

ORDERS = contract()
DAILY = contract(delivery=by_day(), columns=())
MONTHLY = contract(delivery=by_month(), columns=())
GOOD = {"id": "bigint", "amount": "double"}


def file(path: str = "x.parquet", columns: dict[str, str] | None = None, **more: Any) -> FileProfile:
    found = tuple(FoundColumn(name=name, type=word) for name, word in (columns or GOOD).items())
    values: dict[str, Any] = {"size": 100, "rows": 3} | more
    return FileProfile(path=path, columns=found, **values)


def day_file(
    lowest: str | None, highest: str | None = None, nulls: int | None = 0, path: str = "x.parquet"
) -> FileProfile:
    bounds = Bounds(minimum=lowest, maximum=highest or lowest, null_count=nulls)
    return file(path, GOOD | {"day": "date", "month": "varchar"}, bounds=bounds)


def judged(of: Contract, *files: FileProfile, **more: Any) -> Validated:
    values: dict[str, Any] = {"is_session": lambda day: True} | more
    return validate(of, files, **values)


def codes(found: Validated) -> list[str]:
    return [fault.code for fault in found.faults]


def test_a_good_delivery_has_no_fault() -> None:
    found = judged(ORDERS, file("a.parquet"), file("b.parquet"))
    assert (found.faults, found.warnings, found.rows, found.partitions) == ((), (), 6, ("",))
    assert found.columns == (("id", "bigint"), ("amount", "double"))


def test_all_faults_of_all_files_are_told_at_once() -> None:
    found = judged(
        ORDERS, file("a.parquet", {"id": "varchar"}), file("b.parquet", {"amount": "double", "x": "date"})
    )
    assert sorted(codes(found)) == ["extra-column", "missing-column", "missing-column", "retyped-column"]


def test_the_same_fault_of_many_files_is_one_that_names_the_first() -> None:
    found = judged(ORDERS, *(file(f"{number:03}.parquet", {"id": "bigint"}) for number in range(500)))
    (fault,) = found.faults
    assert (fault.file, fault.files) == ("000.parquet", 500)


def test_a_fault_says_where_the_promise_stands() -> None:
    (fault,) = judged(ORDERS, file(columns={"id": "bigint"})).faults
    assert fault.promised is not None
    assert fault.promised.startswith("models/payments/orders.yml:12  amount double")


def test_a_column_without_a_promised_type_keeps_the_type_that_is_published() -> None:
    loose = contract(delivery=by_day(), columns=(column("id", None),))
    published = {"id": "bigint"}
    assert codes(judged(loose, file("day=2026-11-20/x", {"id": "varchar"}), published_columns=published)) == [
        "retyped-column"
    ]
    assert (
        codes(judged(loose, file("day=2026-11-20/x", {"id": "integer"}), published_columns=published)) == []
    )


def test_a_type_in_unknown_words_is_a_warning() -> None:
    odd = contract(columns=(column("id", "bigint"), column("amount", "money")))
    found = judged(odd, file())
    assert found.faults == ()
    assert found.warnings == ("column amount: the type 'money' is not known, so that it was not checked",)


def test_rows_in_one_of_many_files_are_enough() -> None:
    assert codes(judged(ORDERS, file("a", rows=0), file("b", rows=1))) == []
    assert codes(judged(ORDERS, file("a", rows=0), file("b", rows=0))) == ["no-rows"]


@pytest.mark.parametrize(
    ("of", "bound", "partition"),
    [
        (DAILY, "2026-11-20", "2026-11-20"),
        (DAILY, "2026-11-20T23:59:59", "2026-11-20"),
        (DAILY, "2026-11-20 23:59:59+09:00", "2026-11-20"),
        (MONTHLY, "2026-11", "2026-11"),
        (MONTHLY, "2026-11-20", "2026-11"),
        (MONTHLY, "2026-11-20T00:00:00", "2026-11"),
    ],
)
def test_the_partition_of_a_file_is_where_its_values_lie(of: Contract, bound: str, partition: str) -> None:
    assert judged(of, day_file(bound)).partitions == (partition,)


@pytest.mark.parametrize(
    "bound", ["2026-11-20x", "2026-11-20-1", "2026-11-200", "20261120", "x", "2026-W47-5", "\x1b[31m"]
)
def test_a_value_that_only_begins_like_a_day_is_none(bound: str) -> None:
    found = judged(DAILY, day_file(bound))
    assert codes(found) == ["bad-partition"]
    assert all(fault.message.isprintable() for fault in found.faults)


def test_a_day_in_the_path_may_stand_for_the_column() -> None:
    promised = contract(delivery=by_day(), columns=(*ORDERS.columns, column("day", "date")))
    (placed,) = judged(promised, file("DAY=2026-11-20/x.parquet")).files
    assert (placed.partition, placed.holds_partition_column) == ("2026-11-20", False)


def test_a_calendar_that_ends_is_a_warning_and_no_fault() -> None:
    def beyond(_day: date) -> bool:
        raise CalendarRangeError("the calendar says nothing of 2026-11-20", subject="XTKS")

    dated = contract(delivery=by_day(calendar="XTKS"), columns=())
    found = judged(dated, day_file("2026-11-20"), is_session=beyond)
    assert found.faults == ()
    assert found.warnings == ("XTKS: the calendar says nothing of 2026-11-20",)


def test_a_month_begins_before_a_start_in_its_middle() -> None:
    middle = contract(delivery=by_month(start=date(2026, 11, 15)), columns=())
    assert codes(judged(middle, day_file("2026-11"))) == []
    assert codes(judged(middle, day_file("2026-10"))) == ["before-start"]


@given(st.dates(min_value=date(1000, 1, 1)))
def test_every_day_and_every_month_is_a_partition(day: date) -> None:
    assert partition_date(day.isoformat(), Granularity.DAY) == day
    assert partition_date(day.isoformat()[:7], Granularity.MONTH) == day.replace(day=1)
    assert partition_date(day.isoformat(), Granularity.MONTH) is None
    assert partition_date(day.isoformat()[:7], Granularity.DAY) is None


@given(st.text(max_size=12), st.sampled_from(Granularity))
def test_a_key_that_is_a_partition_reads_back(key: str, granularity: Granularity) -> None:
    day = partition_date(key, granularity)
    if day is not None:
        assert day.isoformat().startswith(key)


NAMES = st.text(max_size=8) | st.sampled_from(["id", "ID", "amount", "day"])
WORDS = st.sampled_from(["bigint", "varchar", "double", "null", "array<x>", "\x1b"])
BOUNDS = st.none() | st.builds(
    Bounds, minimum=st.none() | st.text(max_size=12), maximum=st.none() | st.text(max_size=12), null_count=st.none() | st.integers(0, 3)
)  # fmt: skip
FILES = st.builds(
    FileProfile,
    path=st.sampled_from(["x", "day=2026-11-20/x", "day=/x", "month=2026-11/x", "day=a/day=b/x"]),
    size=st.just(1),
    rows=st.integers(0, 2),
    columns=st.lists(st.builds(FoundColumn, name=NAMES, type=WORDS), max_size=4).map(tuple),
    bounds=BOUNDS,
    broken=st.none() | st.just("no"),
)


@given(st.lists(FILES, max_size=4), st.sampled_from([ORDERS, DAILY, MONTHLY]))
def test_whatever_the_footers_say_there_is_an_answer(files: list[FileProfile], of: Contract) -> None:
    found = judged(of, *files)
    placed = {each.profile.path for each in found.files}
    assert found.faults or placed == {each.path for each in files}, "what has no fault has a place"
    if not found.faults and of.partitions:
        assert all(partition_date(key, of.partitions.granularity) for key in found.partitions)
    assert found.faults or found.rows
