"""What a change of columns and tests means for those who read. SLOs and terms: test_contract_changes_promises.py."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datahub_dagster.domain.changes_types import TypeChange, type_change
from datahub_dagster.domain.contract import Classification, Column, Contract, DataTest, Severity
from datahub_dagster.domain.contract_changes import ChangeKind, contract_changes, required_step, worst
from tests.builders import column, contract, data_test

B, A, E = ChangeKind.BREAKING, ChangeKind.ADDITIVE, ChangeKind.EDITORIAL
WARN = Severity.WARN

Told = list[tuple[ChangeKind, str, str]]


def told(old: Contract, new: Contract) -> Told:
    return [(change.kind, change.subject, change.text) for change in contract_changes(old, new)]


def of(*columns: Column, tests: tuple[DataTest, ...] = (), **more: Any) -> Contract:
    return contract(columns=columns, tests=tests, **more)


def between(low: str = "0", high: str = "null", **more: Any) -> DataTest:
    """A `hub_between` as dbt names it: by its arguments."""
    arguments = tuple(
        (name, value) for name, value in (("max_value", high), ("min_value", low)) if value != "null"
    )
    dbt_name = f"source_hub_between_payments_orders_amount__{high}__{low}"
    return data_test(
        "hub_between", more.pop("column", "amount"), **({"name": dbt_name, "arguments": arguments} | more)
    )


def with_arguments(kind: str, on: str | None = "amount", **arguments: str) -> DataTest:
    dbt_name = f"source_{kind}_payments_orders_{on}_{'_'.join(arguments.values())}"
    return data_test(kind, on, name=dbt_name, arguments=tuple(sorted(arguments.items())))


ID, AMOUNT, DAY = column("id", "bigint"), column("amount", "double"), column("day", "date")
NOT_NULL = data_test("not_null", "amount")
SQL = data_test("singular", None, name="no_negative_sums", sql="a")
CONFIDENTIAL, PUBLIC = Classification.CONFIDENTIAL, Classification.PUBLIC

COLUMNS: list[tuple[str, Contract, Contract, Told]] = [
    ("removed", of(ID, AMOUNT), of(ID), [(B, "column amount", "column removed")]),
    ("added", of(ID), of(ID, AMOUNT), [(A, "column amount", "column added")]),
    ("renamed", of(ID, AMOUNT, DAY), of(ID, column("sum", "double"), DAY), [(B, "column amount", "column renamed")]),
    ("renamed at the end", of(ID, AMOUNT), of(ID, column("sum", "double")), [(B, "column amount", "column renamed")]),
    (
        "another type is another column",
        of(ID, AMOUNT), of(ID, column("sum", "date")),
        [(B, "column amount", "column removed"), (A, "column sum", "column added")],
    ),
    (
        "another place is another column",
        of(AMOUNT, ID), of(ID, column("sum", "double")),
        [(B, "column amount", "column removed"), (A, "column sum", "column added")],
    ),
    (
        "of two that went and two that came nobody can say which is which",
        of(AMOUNT, column("tax", "double")), of(column("a", "double"), column("b", "double")),
        [(B, "column amount", "column removed"), (B, "column tax", "column removed"),
         (A, "column a", "column added"), (A, "column b", "column added")],
    ),
    (
        "renamed with its test",
        of(AMOUNT, tests=(between(),)),
        of(column("sum", "double"), tests=(between(column="sum", unique_id="x"),)),
        [(B, "column amount", "column renamed")],
    ),
    (
        "with another test it is another column",
        of(AMOUNT, tests=(between(),)), of(column("sum", "double")),
        [(B, "column amount", "column removed"), (A, "column sum", "column added")],
    ),
    ("spelled otherwise", of(AMOUNT), of(column("Amount", "double")), [(E, "column Amount", "name written otherwise")]),
    ("order", of(ID, AMOUNT), of(AMOUNT, ID), [(E, "columns", "order of columns changed")]),
    ("type widened", of(column("id", "int")), of(column("id", "bigint")), [(A, "column id", "type widened")]),
    ("type narrowed", of(column("id", "bigint")), of(column("id", "int")), [(B, "column id", "type narrowed")]),
    ("type changed", of(column("id", "bigint")), of(column("id", "varchar")), [(B, "column id", "type changed")]),
    ("type in other words", of(column("id", "int64")), of(column("id", "bigint")), [(E, "column id", "type written otherwise")]),
    ("type promised", of(column("id", None)), of(column("id", "int")), [(A, "column id", "type promised")]),
    ("type unsaid", of(column("id", "int")), of(column("id", None)), [(B, "column id", "type no longer promised")]),
    ("may be null", of(replace(AMOUNT, nullable=False)), of(AMOUNT), [(B, "column amount", "may be null")]),
    ("is never null", of(AMOUNT), of(replace(AMOUNT, nullable=False)), [(A, "column amount", "is never null")]),
    (
        "the test that made it not null is told once",
        of(replace(AMOUNT, nullable=False), tests=(NOT_NULL,)), of(AMOUNT),
        [(B, "column amount", "may be null")],
    ),
    (
        "a not_null that only warns promises nothing of the column",
        of(replace(AMOUNT, nullable=False), tests=(NOT_NULL,)), of(AMOUNT, tests=(replace(NOT_NULL, severity=WARN),)),
        [(B, "column amount", "may be null")],
    ),
    ("may repeat", of(replace(ID, unique=True)), of(ID), [(B, "column id", "may repeat")]),
    ("never repeats", of(ID), of(replace(ID, unique=True)), [(A, "column id", "never repeats")]),
    (
        "more secret", of(ID), of(replace(ID, classification=CONFIDENTIAL)),
        [(B, "column id", "classification raised")],
    ),
    ("less secret", of(ID), of(replace(ID, classification=PUBLIC)), [(A, "column id", "classification lowered")]),
    ("as secret as the dataset, said twice", of(ID), of(replace(ID, classification=Classification.INTERNAL)), []),
    ("deprecated", of(ID), of(replace(ID, deprecated=True)), [(A, "column id", "deprecated")]),
    ("described", of(ID), of(replace(ID, description="Key.")), [(E, "column id", "description changed")]),
    ("examples", of(ID), of(replace(ID, examples=("1",))), [(E, "column id", "examples changed")]),
    ("tags", of(ID), of(replace(ID, tags=("key",))), [(E, "column id", "tags changed")]),
]  # fmt: skip


def rewritten(
    was: DataTest, now: DataTest, *expected: tuple[ChangeKind, str, str]
) -> tuple[Contract, Contract, Told]:
    return of(ID, AMOUNT, tests=(was,)), of(ID, AMOUNT, tests=(now,)), list(expected)


AMOUNT_TEST = "test hub_between of amount"
VALUES, COUNT = "test accepted_values of amount", "test hub_row_count"
TESTS: list[tuple[str, tuple[Contract, Contract, Told]]] = [
    ("removed", (of(AMOUNT, tests=(between(),)), of(AMOUNT), [(B, AMOUNT_TEST, "test removed")])),
    ("added", (of(AMOUNT), of(AMOUNT, tests=(between(),)), [(A, AMOUNT_TEST, "test added")])),
    ("gone with its column", (of(ID, AMOUNT, tests=(between(),)), of(ID), [(B, "column amount", "column removed")])),
    ("come with its column", (of(ID), of(ID, AMOUNT, tests=(between(),)), [(A, "column amount", "column added")])),
    ("only warns", rewritten(between(), between(severity=WARN), (B, AMOUNT_TEST, "only warns"))),
    ("blocks", rewritten(between(severity=WARN), between(), (A, AMOUNT_TEST, "blocks a release"))),
    ("fewer rows", rewritten(between(), between(where="id > 0"), (B, AMOUNT_TEST, "holds for fewer rows"))),
    ("all rows", rewritten(between(where="id > 0"), between(), (A, AMOUNT_TEST, "holds for all rows"))),
    ("other rows", rewritten(between(where="id > 0"), between(where="id > 1"), (B, AMOUNT_TEST, "holds for other rows"))),
    ("tolerates more", rewritten(between(), between(error_if="> 10"), (B, AMOUNT_TEST, "tolerates more failures"))),
    ("tolerates fewer", rewritten(between(error_if="> 10"), between(error_if=">= 5"), (A, AMOUNT_TEST, "tolerates fewer failures"))),
    ("tolerates as many", rewritten(between(error_if="> 9"), between(error_if=">=10"))),
    ("another threshold", rewritten(between(), between(error_if="between 1 and 3"), (B, AMOUNT_TEST, "threshold changed"))),
    ("lower minimum", rewritten(between("0"), between("-5"), (B, AMOUNT_TEST, "test weakened"))),
    ("higher minimum", rewritten(between("0"), between("1"), (A, AMOUNT_TEST, "test made stricter"))),
    ("a maximum more", rewritten(between("0"), between("0", "10"), (A, AMOUNT_TEST, "test made stricter"))),
    ("a maximum less", rewritten(between("0", "10"), between("0"), (B, AMOUNT_TEST, "test weakened"))),
    ("moved range", rewritten(between("0", "10"), between("5", "20"), (B, AMOUNT_TEST, "test changed"))),
    ("a bound in another kind of value", rewritten(between("0"), between('"a"'), (B, AMOUNT_TEST, "test changed"))),
    (
        "no longer strictly",
        rewritten(
            with_arguments("hub_between", min_value="0", strictly="true"), with_arguments("hub_between", min_value="0"),
            (B, AMOUNT_TEST, "test weakened"),
        ),
    ),
    (
        "one more value",
        rewritten(
            with_arguments("accepted_values", values='["a"]'), with_arguments("accepted_values", values='["a", "b"]'),
            (B, VALUES, "test weakened"),
        ),
    ),
    (
        "one value less",
        rewritten(
            with_arguments("accepted_values", values='["a", "b"]'), with_arguments("accepted_values", values='["b"]'),
            (A, VALUES, "test made stricter"),
        ),
    ),
    (
        "the same values in another order",
        rewritten(
            with_arguments("accepted_values", values='["a", "b"]'), with_arguments("accepted_values", values='["b", "a"]')
        ),
    ),
    (
        "fewer rows are enough",
        rewritten(
            with_arguments("hub_row_count", None, min="100"), with_arguments("hub_row_count", None, min="10"),
            (B, "test hub_row_count", "test weakened"),
        ),
    ),
    (
        "all of them unless it says a rate",
        rewritten(
            with_arguments("hub_relationship_rate", to='"x"'), with_arguments("hub_relationship_rate", to='"x"', min_rate="0.9"),
            (B, "test hub_relationship_rate of amount", "test weakened"),
        ),
    ),
    (
        "unique by fewer columns",
        rewritten(
            with_arguments("hub_unique_combination", None, columns='["id", "day"]'),
            with_arguments("hub_unique_combination", None, columns='["id"]'),
            (A, "test hub_unique_combination", "test made stricter"),
        ),
    ),
    (
        "days from a later one on",
        rewritten(
            with_arguments("hub_date_between", min_date='"2020-01-01"'), with_arguments("hub_date_between", min_date='"2021-01-01"'),
            (A, "test hub_date_between of amount", "test made stricter"),
        ),
    ),
    (
        "today and a day can't be compared",
        rewritten(
            with_arguments("hub_date_between", max_date='"today"'), with_arguments("hub_date_between", max_date='"2030-01-01"'),
            (B, "test hub_date_between of amount", "test changed"),
        ),
    ),
    (
        "another pattern",
        rewritten(
            with_arguments("hub_matches", pattern='"^a"'), with_arguments("hub_matches", pattern='"^b"'),
            (B, "test hub_matches of amount", "test changed"),
        ),
    ),
    ("other SQL", rewritten(SQL, replace(SQL, sql="b"), (B, "test no_negative_sums", "SQL of the test changed"))),
    ("described", rewritten(between(), between(description="Sums."), (E, AMOUNT_TEST, "description changed"))),
    (
        "of two tests of a kind each is found again",
        (
            of(AMOUNT, tests=(between("0"), between("0", "10", where="id > 5"))),
            of(AMOUNT, tests=(between("0", "20", where="id > 5"), between("0"))),
            [(B, AMOUNT_TEST, "test weakened")],
        ),
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "expected"), [case[1:] for case in COLUMNS], ids=[case[0] for case in COLUMNS]
)
def test_each_change_of_a_column_is_told_as_what_it_is(old: Contract, new: Contract, expected: Told) -> None:
    assert told(old, new) == expected


@pytest.mark.parametrize("case", [case[1] for case in TESTS], ids=[case[0] for case in TESTS])
def test_each_change_of_a_test_is_told_as_what_it_is(case: tuple[Contract, Contract, Told]) -> None:
    old, new, expected = case
    assert told(old, new) == expected


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        ("varchar(10)", "varchar(20)", TypeChange.WIDENED),
        ("varchar(10)", "varchar", TypeChange.WIDENED),
        ("varchar", "char(5)", TypeChange.NARROWED),
        ("real", "double", TypeChange.WIDENED),
        ("decimal(10,2)", "decimal(12,2)", TypeChange.WIDENED),
        ("decimal(10,2)", "decimal(12,4)", TypeChange.WIDENED),
        ("decimal(10,2)", "decimal(10,4)", TypeChange.CHANGED),
        ("decimal(12,2)", "decimal(10,2)", TypeChange.NARROWED),
        ("numeric(10, 2)", "DECIMAL(10,2)", TypeChange.SAME),
        ("timestamp", "timestamp with time zone", TypeChange.CHANGED),
        ("timestamptz", "timestamp", TypeChange.CHANGED),
        ("array<string>", "array<varchar>", TypeChange.SAME),
        ("array<int>", "array<bigint>", TypeChange.CHANGED),
        ("struct<a: int, b: text>", "struct<a:integer,b:string>", TypeChange.SAME),
        ("geography", "geometry", TypeChange.CHANGED),
        ("bigint", "double", TypeChange.CHANGED),
    ],
)
def test_a_type_is_wider_only_if_every_value_fits_and_means_the_same(
    was: str, now: str, expected: TypeChange
) -> None:
    assert type_change(was, now) is expected


def test_what_breaks_comes_first_and_asks_for_a_major_version() -> None:
    old = of(ID, AMOUNT, description="Orders.")
    new = of(ID, DAY, column("x"), description="All orders.", tests=(data_test("unique", "id"),))
    changes = contract_changes(old, new)
    assert [change.kind for change in changes] == [B, A, A, A, E]
    assert (worst(changes), required_step(changes)) == (B, "major")
    assert required_step(changes[1:]) == "minor"
    assert required_step(changes[-1:]) == "patch"
    assert required_step(()) is None


def test_a_change_says_what_was_and_what_is() -> None:
    [change] = contract_changes(
        of(AMOUNT, tests=(between("0", "10"),)), of(AMOUNT, tests=(between("-1.5", "10"),))
    )
    assert (change.was, change.now) == ("max_value 10, min_value 0", "max_value 10, min_value -1.5")


def test_where_it_stands_and_which_version_it_has_is_no_change() -> None:
    old = of(ID)
    assert (
        told(old, replace(old, version="9.0.0", fingerprint="x", origin=replace(old.origin, line=99))) == []
    )


some_columns = st.lists(
    st.builds(
        Column,
        name=st.sampled_from(["id", "amount", "day", "Sum", "tax"]),
        data_type=st.sampled_from([None, "int", "bigint", "double", "array<int>"]),
        nullable=st.booleans(),
        unique=st.booleans(),
        deprecated=st.booleans(),
        classification=st.sampled_from([None, *Classification]),
    ),
    max_size=4,
    unique_by=lambda each: each.name.lower(),
)
some_tests = st.lists(
    st.builds(
        data_test,
        kind=st.sampled_from(["not_null", "unique", "hub_between"]),
        column=st.sampled_from(["id", "amount", None]),
        severity=st.sampled_from(Severity),
        where=st.sampled_from([None, "id > 0"]),
        error_if=st.sampled_from(["!= 0", "> 3"]),
        arguments=st.sampled_from([(), (("min_value", "0"),), (("min_value", "1"),)]),
    ),
    max_size=4,
)
contracts = st.builds(
    lambda columns, tests: of(*columns, tests=tuple(tests)), columns=some_columns, tests=some_tests
)


@given(contracts)
def test_a_contract_does_not_differ_from_itself(any_contract: Contract) -> None:
    assert contract_changes(any_contract, any_contract) == ()


@given(contracts, contracts)
def test_the_other_way_round_what_was_removed_is_added(one: Contract, other: Contract) -> None:
    there, back = contract_changes(one, other), contract_changes(other, one)
    for removed, added in (("column removed", "column added"), ("test removed", "test added")):
        assert sorted(each.subject for each in there if each.text == removed) == sorted(
            each.subject for each in back if each.text == added
        )
    renamed = [(each.was, each.now) for each in there if each.text == "column renamed"]
    assert sorted(renamed, key=str) == sorted(
        ((each.now, each.was) for each in back if each.text == "column renamed"), key=str
    )
    assert bool(there) == bool(back)
