"""What a data test still says after a change: its rows, its failures, how it counts them, and the words that columns show."""

import json
from dataclasses import replace
from typing import Any

import pytest

from datahub_dagster.domain.contract import Classification, Contract, DataTest, License, Lifecycle, Severity
from datahub_dagster.domain.contract_changes import ChangeKind, contract_changes
from tests.builders import TODAY, by_day, column, contract, data_test

B, A, E = ChangeKind.BREAKING, ChangeKind.ADDITIVE, ChangeKind.EDITORIAL
T = "test t"
WARN = Severity.WARN
SUM = "sum(n_records)"

Told = list[tuple[ChangeKind, str, str]]


def told(old: Contract, new: Contract) -> Told:
    return [(change.kind, change.subject, change.text) for change in contract_changes(old, new)]


def a_test(kind: str = "hub_between", given: dict[str, Any] | None = None, **more: Any) -> DataTest:
    arguments = tuple((name, json.dumps(value)) for name, value in sorted((given or {}).items()))
    return data_test(kind, name="t", arguments=arguments, **more)


ROWS = [
    ("not_null", {}, (A, T, "holds for all rows")),
    ("accepted_values", {"values": ["a"]}, (A, T, "holds for all rows")),
    ("relationships", {"to": "x", "field": "id"}, (A, T, "holds for all rows")),
    ("hub_unique_combination", {"columns": ["id"]}, (A, T, "holds for all rows")),
    ("dbt_utils.accepted_range", {"min_value": 0}, (A, T, "holds for all rows")),
    ("hub_row_count", {"max": 10}, (A, T, "holds for all rows")),
    ("hub_row_count", {"min": 10}, (B, T, "holds for other rows")),
    ("hub_row_count", {"min": 10, "max": 20}, (B, T, "holds for other rows")),
    ("hub_recency", {"days": 1}, (B, T, "holds for other rows")),
    ("hub_relationship_rate", {"min_rate": 0.9}, (B, T, "holds for other rows")),
    ("hub_no_gaps", {}, (B, T, "holds for other rows")),
    ("dbt_utils.at_least_one", {}, (B, T, "holds for other rows")),
    ("one_of_our_own", {}, (B, T, "holds for other rows")),
]


@pytest.mark.parametrize(("kind", "given", "expected"), ROWS, ids=[f"{row[0]} {row[1]}" for row in ROWS])
def test_more_rows_are_a_stricter_test_only_if_none_of_them_can_help_it_to_pass(
    kind: str, given: dict[str, Any], expected: tuple[ChangeKind, str, str]
) -> None:
    limited, whole = a_test(kind, given, where="x = 1"), a_test(kind, given)
    assert told(contract(tests=(limited,)), contract(tests=(whole,))) == [expected]
    back = told(contract(tests=(whole,)), contract(tests=(limited,)))
    assert back == [(B, T, "holds for fewer rows")]


def test_more_rows_may_help_a_test_that_does_not_count_them_from_one_number_on() -> None:
    for whole in (a_test(fail_calc=SUM), a_test(error_if="between 1 and 3")):
        limited = replace(whole, where="x = 1")
        assert told(contract(tests=(limited,)), contract(tests=(whole,))) == [(B, T, "holds for other rows")]


COUNTS: list[tuple[str, dict[str, Any], dict[str, Any], Told]] = [
    (
        "so few failures are looked at that it never blocks",
        {"error_if": "> 5"}, {"error_if": "> 5", "limit": 1},
        [(B, T, "tolerates more failures")],
    ),
    ("the same, to the row", {"error_if": "> 5"}, {"error_if": "> 5", "limit": 5}, [(B, T, "tolerates more failures")]),
    ("one row more is enough", {"error_if": "> 5"}, {"error_if": "> 5", "limit": 6}, []),
    ("the first failure still blocks", {}, {"limit": 1}, []),
    ("no failure is looked at", {}, {"limit": 0}, [(B, T, "tolerates more failures")]),
    (
        "all are looked at again",
        {"error_if": "> 5", "limit": 1}, {"error_if": "> 5"},
        [(A, T, "tolerates fewer failures")],
    ),
    ("a test that can't fail stays one", {"error_if": "> 5", "limit": 1}, {"error_if": "> 9", "limit": 1}, []),
    (
        "of a warning, from where on it warns",
        {"severity": WARN, "warn_if": "> 5"}, {"severity": WARN, "warn_if": "> 5", "limit": 2},
        [(B, T, "tolerates more failures")],
    ),
    (
        "a limit to a threshold that nobody can compare",
        {"error_if": "between 1 and 3"}, {"error_if": "between 1 and 3", "limit": 2},
        [(B, T, "threshold changed")],
    ),
    ("counted so that it never fails", {}, {"fail_calc": "0"}, [(B, T, "test changed")]),
    ("counted otherwise", {"fail_calc": SUM}, {}, [(B, T, "test changed")]),
    ("counted in other letters", {}, {"fail_calc": " COUNT( * ) "}, []),
    (
        "a lower threshold of a sum",
        {"fail_calc": SUM, "error_if": "> 9"}, {"fail_calc": SUM, "error_if": "> 5"},
        [(A, T, "tolerates fewer failures")],
    ),
    (
        "a sum may be below zero",
        {"fail_calc": SUM}, {"fail_calc": SUM, "error_if": "> 0"},
        [(B, T, "threshold changed")],
    ),
    ("a sum over fewer rows", {"fail_calc": SUM}, {"fail_calc": SUM, "limit": 9}, [(B, T, "threshold changed")]),
    ("only warns", {}, {"severity": WARN}, [(B, T, "only warns")]),
    ("tolerates some", {}, {"error_if": ">5"}, [(B, T, "tolerates more failures")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("was", "now", "expected"), [row[1:] for row in COUNTS], ids=[row[0] for row in COUNTS]
)
def test_what_a_test_lets_pass_is_what_it_can_count_to(
    was: dict[str, Any], now: dict[str, Any], expected: Told
) -> None:
    assert told(contract(tests=(a_test(**was),)), contract(tests=(a_test(**now),))) == expected


def test_a_threshold_says_its_limit() -> None:
    [change] = contract_changes(
        contract(tests=(a_test(error_if="> 5"),)), contract(tests=(a_test(error_if="> 5", limit=1),))
    )
    assert (change.was, change.now) == ("> 5", "> 5, limit 1")


FIRM: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"error_if": ">0"}, True),
    ({"error_if": " >= 1 ", "limit": 1}, True),
    ({"fail_calc": "Count( * )"}, True),
    ({"limit": 0}, False),
    ({"fail_calc": "0"}, False),
    ({"where": "x = 1"}, False),
    ({"severity": WARN}, False),
    ({"error_if": "> 1"}, False),
]


@pytest.mark.parametrize(("written", "expected"), FIRM)
def test_a_test_is_a_promise_of_each_row_only_if_one_row_is_enough_to_block(
    written: dict[str, Any], expected: bool
) -> None:
    assert a_test("not_null", **written).blocks_on_each_row is expected


def test_a_column_under_another_name_is_another_one_if_its_test_counts_otherwise() -> None:
    old = contract(columns=(column("a", "int"),), tests=(a_test(column="a"),))
    new = contract(columns=(column("b", "int"),), tests=(a_test(column="b", limit=0),))
    assert (B, "column a", "column renamed") not in told(old, new)


ARGUMENTS: list[tuple[str, dict[str, Any], dict[str, Any], Told]] = [
    ("accepted_values", {"values": ["a"]}, {"values": ["a", "b"]}, [(B, T, "test weakened")]),
    ("accepted_values", {"values": [1]}, {"values": ["1"]}, []),
    ("hub_unique_combination", {"columns": ["a"]}, {"columns": ["a", "b"]}, [(B, T, "test weakened")]),
    ("hub_unique_combination", {"columns": ["A"]}, {"columns": ["a"]}, []),
    ("hub_between", {"min_value": 0}, {"min_value": 0.0}, []),
    ("hub_between", {"min_value": 0}, {"min_value": 0, "strictly": False}, []),
]


@pytest.mark.parametrize(("kind", "was", "now", "expected"), ARGUMENTS)
def test_arguments_that_ask_the_same_are_no_change(
    kind: str, was: dict[str, Any], now: dict[str, Any], expected: Told
) -> None:
    assert told(contract(tests=(a_test(kind, was),)), contract(tests=(a_test(kind, now),))) == expected


def test_what_no_test_accounts_for_is_promised_all_the_same() -> None:
    plain, checked = column("n", "int"), column("n", "int", constraints=("check (n > 0)",))
    usual = contract(
        columns=(column("id", constraints=("check (id > 0)",)),)
    )  # with tests of not null and unique
    assert told(usual, contract(columns=(column("id"),))) == [(B, "column id", "promise removed")]
    old, new = contract(columns=(checked,), tests=()), contract(columns=(plain,), tests=())
    assert told(old, new) == [(B, "column n", "promise removed")]
    assert told(new, old) == [(A, "column n", "promise added")]
    firm = replace(checked, nullable=False)
    not_null = data_test("not_null", "n")  # the column says it, no constraint does
    old, new = (
        contract(columns=(each,), tests=(not_null,)) for each in (firm, replace(firm, constraints=()))
    )
    assert told(old, new) == [(B, "column n", "promise removed")]


def test_the_same_goes_for_the_dataset() -> None:
    old = contract(constraints=("one row per id", "≥ 10 rows"))
    new = contract(constraints=("one row per id",))
    assert told(old, new) == [(B, "", "promise removed")]


def test_the_words_of_a_test_are_told_once_with_the_test() -> None:
    strict, loose = a_test(given={"min_value": 0}, column="n"), a_test(given={"min_value": -5}, column="n")
    old = contract(columns=(column("n", "int", constraints=("≥ 0",)),), tests=(strict,))
    new = contract(columns=(column("n", "int", constraints=("≥ -5",)),), tests=(loose,))
    assert told(old, new) == [(B, T, "test weakened")]
    gone = contract(columns=(column("n", "int"),), tests=())
    assert told(old, gone) == [(B, T, "test removed")]


def test_a_test_that_is_put_in_other_words_is_no_change() -> None:
    it = a_test(given={"min_value": 0}, column="n")
    old, new = (
        contract(columns=(column("n", "int", constraints=(text,)),), tests=(it,))
        for text in ("≥ 0", "at least 0")
    )
    assert told(old, new) == []


TYPES = [
    ("bigint", "double", B), ("int", "double", B), ("int", "float", B), ("date", "timestamp", B),
    ("decimal(10,2)", "decimal(12,2)", A), ("decimal(10,2)", "decimal(12,4)", A), ("decimal(10,2)", "decimal(10,4)", B),
    ("decimal(10,2)", "double", B), ("double", "decimal(38,10)", B), ("varchar", "varchar(10)", B),
    ("char(5)", "varchar", A), ("varchar", "char(5)", B), ("boolean", "int", B), ("timestamp", "timestamptz", B),
    ("timestamp(3)", "timestamp(6)", A), ("smallint", "int", A), ("integer", "INT", E), ("bigint", "varchar", B),
    ("array<int>", "array<bigint>", B), ("struct<a:int>", "struct<a:int,b:int>", B), ("float", "double", A),
    ("double", "float", B), ("real", "float", E), ("decimal", "decimal(38,0)", B), ("binary", "varchar", B),
    ("varchar(10)", "text", A), ("tinyint", "boolean", B),
]  # fmt: skip


@pytest.mark.parametrize(("was", "now", "kind"), TYPES)
def test_a_type_that_may_lose_something_breaks(was: str, now: str, kind: ChangeKind) -> None:
    old, new = (contract(columns=(column("id", each),), tests=()) for each in (was, now))
    assert [each for each, *_ in told(old, new)] == [kind]


OTHERS: list[tuple[Contract, Contract, Told]] = [
    (contract(), contract(delivery=by_day()), [(B, "delivery", "mode changed")]),
    (contract(), contract(license=License(terms="internal only")), [(A, "licence", "licence given")]),
    (
        contract(),
        contract(lifecycle=Lifecycle.DEPRECATED, sunset_date=TODAY),
        [(A, "lifecycle", "deprecated"), (A, "sunset", "end announced")],
    ),
    (
        contract(columns=(column("a", "int"),), tests=()),
        contract(columns=(column("A", "int"),), tests=()),
        [(E, "column A", "name written otherwise")],
    ),
    (
        contract(columns=(column("a", "int"), column("b", "int")), tests=()),
        contract(columns=(column("a", "int"), column("c", "int")), tests=()),
        [(B, "column b", "column renamed")],
    ),
    (
        contract(columns=(column("a"),), tests=()),
        contract(columns=(column("a", classification=Classification.CONFIDENTIAL),), tests=()),
        [(B, "column a", "classification raised")],
    ),
    (
        contract(tests=(data_test("not_null", "id", name="t"),)),
        contract(tests=(data_test("not_null", "ID", name="t2"),)),
        [],
    ),
]


@pytest.mark.parametrize(("old", "new", "expected"), OTHERS)
def test_what_looks_like_more_or_less_is_told_as_what_it_is(
    old: Contract, new: Contract, expected: Told
) -> None:
    assert told(old, new) == expected
