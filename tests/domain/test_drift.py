"""What is published, seen with the contract of today."""

from dataclasses import replace

from datahub_dagster.domain.contract import Origin
from datahub_dagster.domain.drift import promises_not_kept
from datahub_dagster.domain.view import FileList
from tests.builders import by_day, column, contract, name, release_id

ORDERS = contract()


def released(number: int = 1, partition_column: str | None = None, **columns: str) -> FileList:
    return FileList(
        dataset=name(),
        release_id=release_id(number),
        files=(),
        columns=tuple(columns.items()),
        partition_column=partition_column,
    )


def test_what_holds_every_promised_column_keeps_the_promise() -> None:
    assert not promises_not_kept(ORDERS, [released(ID="bigint", amount="real", more="varchar")])


def test_a_column_that_is_promised_since_is_named_with_its_line() -> None:
    fee = column("fee", "double", origin=Origin("models/payments/orders.yml", 31))
    promised = replace(ORDERS, columns=(*ORDERS.columns, fee))
    (fault,) = promises_not_kept(promised, [released(id="bigint", amount="double")])
    assert (fault.code, fault.message) == ("missing-column", "what is published has no column fee")
    assert fault.promised == "models/payments/orders.yml:31  fee double"
    assert fault.found == f"release {release_id()}"


def test_another_type_is_told_as_it_is_published() -> None:
    (fault,) = promises_not_kept(ORDERS, [released(id="varchar", amount="double")])
    assert (fault.code, fault.message) == ("retyped-column", "column id is published as varchar, not bigint")


def test_of_several_releases_those_are_counted_that_do_not_keep_it() -> None:
    (fault,) = promises_not_kept(
        ORDERS,
        [released(1, id="bigint"), released(2, id="bigint"), released(3, id="bigint", amount="double")],
    )
    assert fault.found == f"2 of 3 published releases, {release_id(2)} the newest of them"


def test_a_partition_column_may_be_in_the_path_only() -> None:
    daily = replace(ORDERS, delivery=by_day(), columns=(*ORDERS.columns, column("day", "date")))
    assert not promises_not_kept(daily, [released(partition_column="day", id="bigint", amount="double")])


def test_a_column_without_a_promised_type_may_have_any() -> None:
    loose = replace(ORDERS, columns=(column("id", None),))
    assert not promises_not_kept(loose, [released(id="struct<a: bigint>")])
    assert not promises_not_kept(loose, [])
