"""The hub's generic tests, run by real dbt over tables with violations and without.

Each case is a table, a test, and how many failures dbt must report. One project with all of them runs once.
"""
# ruff: noqa: E501 - a case is one line of a table

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot
import yaml

from tests.projects.running import HUB_PROJECT, QUIET, DbtProject

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Case:
    """A test over a table made by `rows` (SQL), and the failures it should count."""

    name: str
    rows: str
    test: str
    failures: int
    column: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)


def numbers(*values: str) -> str:
    return "select * from (values " + ", ".join(f"({value})" for value in values) + ") as t(x)"


def texts(*values: str | None) -> str:
    return numbers(
        *("null::varchar" if value is None else "'" + value.replace("'", "''") + "'" for value in values)
    )


def dates(*values: str) -> str:
    return numbers(*(f"date '{value}'" for value in values))


EMPTY = "select 1 as x, 'a' as y where false"
PAIRS = "select * from (values (1, 'a'), (1, 'b'), (2, 'a'), (1, 'a'), (1, 'a'), (null, 'n'), (null, 'n')) as t(x, y)"

CASES = [
    Case("bounds_belong_to_the_range", numbers("0", "5", "10"), "hub_between", 0, "x", {"min_value": 0, "max_value": 10}),
    Case("bounds_may_be_excluded", numbers("0", "5", "10"), "hub_between", 2, "x", {"min_value": 0, "max_value": 10, "strictly": True}),
    Case("only_a_minimum", numbers("-1", "99"), "hub_between", 1, "x", {"min_value": 0}),
    Case("only_a_maximum", numbers("-1", "99"), "hub_between", 1, "x", {"max_value": 0}),
    Case("null_lies_between_anything", numbers("null::int", "1"), "hub_between", 0, "x", {"min_value": 0}),
    Case("nan_lies_between_nothing", numbers("'nan'::double", "1.0"), "hub_between", 1, "x", {"min_value": 0}),
    Case("nan_is_counted_once", numbers("'nan'::double", "1.0"), "hub_between", 1, "x", {"min_value": 0, "max_value": 2}),
    Case("infinity_is_above_a_maximum", numbers("'inf'::double", "1.0"), "hub_between", 1, "x", {"max_value": 10}),
    Case("bounds_may_be_dates", dates("2025-12-31", "2026-01-01"), "hub_between", 1, "x", {"min_value": "2026-01-01"}),
    Case("bounds_may_be_columns", "select 1 as x, 2 as y union all select 3, 2", "hub_between", 1, "x", {"max_value": "y"}),
    Case("bounds_may_be_decimals", numbers("0.1::decimal(9,2)", "0.3"), "hub_between", 1, "x", {"max_value": 0.2}),
    Case("an_empty_table_lies_between_anything", EMPTY, "hub_between", 0, "x", {"min_value": 0}),
    Case("only_rows_of_where_are_looked_at", PAIRS, "hub_between", 1, "x", {"min_value": 2}, {"where": "y = 'b'"}),
    Case("a_reserved_word_may_be_a_column", 'select 1 as "order"', "hub_between", 1, "order", {"min_value": 2}),
    Case("both_dates_belong_to_the_span", dates("2026-01-01", "2026-01-31"), "hub_date_between", 0, "x", {"min_date": "2026-01-01", "max_date": "2026-01-31"}),
    Case("a_date_outside_the_span_fails", dates("2025-12-31", "2026-02-01", "2026-01-05"), "hub_date_between", 2, "x", {"min_date": "2026-01-01", "max_date": "2026-01-31"}),
    Case("a_timestamp_counts_as_its_day", numbers("timestamp '2026-01-31 23:59:59'"), "hub_date_between", 0, "x", {"max_date": "2026-01-31"}),
    Case("tomorrow_is_after_today", numbers("current_date", "current_date + 1"), "hub_date_between", 1, "x", {"max_date": "today"}),
    Case("days_may_be_counted_from_today", numbers("current_date - 7", "current_date - 8", "current_date + 30", "current_date + 31"), "hub_date_between", 2, "x", {"min_date": "today-7", "max_date": "today+30"}),
    Case("a_repeated_key_is_one_failure", PAIRS, "hub_unique_combination", 2, None, {"columns": ["x", "y"]}),
    Case("one_column_may_be_the_key", numbers("1", "2"), "hub_unique_combination", 0, None, {"columns": ["x"]}),
    Case("a_reserved_word_may_be_in_a_key", 'select 1 as "group", 2 as "end"', "hub_unique_combination", 0, None, {"columns": ["group", "end"]}),
    Case("enough_rows", numbers("1", "2"), "hub_row_count", 0, None, {"min": 2, "max": 2}),
    Case("too_few_rows", numbers("1", "2"), "hub_row_count", 1, None, {"min": 3}),
    Case("too_many_rows", numbers("1", "2"), "hub_row_count", 1, None, {"max": 1}),
    Case("no_rows_are_too_few", EMPTY, "hub_row_count", 1, None, {"min": 1}),
    Case("rows_of_where_are_counted", PAIRS, "hub_row_count", 0, None, {"min": 2, "max": 2}, {"where": "x is null"}),
    Case("a_pattern_is_found_anywhere", texts("a1", "b", None), "hub_matches", 1, "x", {"pattern": "[0-9]"}),
    Case("an_anchored_pattern_is_the_whole", texts("SEA", "SEAT", "sea", ""), "hub_matches", 3, "x", {"pattern": "^[A-Z]{3}$"}),
    Case("a_pattern_may_hold_quotes_and_backslashes", texts("it's 5", "its 5"), "hub_matches", 1, "x", {"pattern": r"'s\s\d"}),
    Case("an_empty_text_fails", texts("", "   ", " a ", None), "hub_not_empty_string", 2, "x"),
    Case("recent_enough", numbers("current_date - 3", "date '2001-01-01'"), "hub_recency", 0, "x", {"days": 3}),
    Case("too_old", numbers("current_date - 4", "date '2001-01-01'"), "hub_recency", 1, "x", {"days": 3}),
    Case("a_timestamp_may_be_recent", numbers("now()::timestamp"), "hub_recency", 0, "x", {"days": 1}),
    Case("no_value_is_not_recent", numbers("null::date"), "hub_recency", 1, "x", {"days": 3}),
    Case("an_empty_table_is_not_recent", "select current_date as x where false", "hub_recency", 1, "x", {"days": 3}),
    Case("all_have_a_parent", numbers("1", "2", "2", "null"), "hub_relationship_rate", 0, "x", {"to": "parents"}),
    Case("too_few_have_a_parent", numbers("1", "2", "7", "8"), "hub_relationship_rate", 1, "x", {"to": "parents", "min_rate": 0.51}),
    Case("just_enough_have_a_parent", numbers("1", "2", "7", "8"), "hub_relationship_rate", 0, "x", {"to": "parents", "min_rate": 0.5}),
    Case("a_rate_is_not_rounded", numbers(*["1"] * 7, *["9"] * 93), "hub_relationship_rate", 0, "x", {"to": "parents", "min_rate": 0.07}),
    Case("no_rows_need_no_parent", "select 1 as x where false", "hub_relationship_rate", 0, "x", {"to": "parents"}),
    Case("every_day_is_there", dates("2026-02-28", "2026-03-01", "2026-03-01", "2026-03-02"), "hub_no_gaps", 0, "x"),
    Case("a_gap_of_days_is_one_failure", dates("2026-01-01", "2026-01-04", "2026-01-05", "2026-01-07"), "hub_no_gaps", 2, "x", {"unit": "day"}),
    Case("every_month_is_there", dates("2025-12-31", "2026-01-01", "2026-02-28"), "hub_no_gaps", 0, "x", {"unit": "month"}),
    Case("a_month_is_missing", dates("2025-12-31", "2026-02-01"), "hub_no_gaps", 1, "x", {"unit": "month"}),
    Case("a_year_is_missing", dates("2023-12-31", "2025-01-01"), "hub_no_gaps", 1, "x", {"unit": "year"}),
    Case("groups_are_looked_at_one_by_one", "select date '2026-01-01' + i::int as x, 'g' || (i % 2) as y from range(6) as r(i)", "hub_no_gaps", 4, "x", {"group_by": "y"}),
    Case("together_the_groups_have_no_gap", "select date '2026-01-01' + i::int as x, 'g' || (i % 2) as y from range(6) as r(i)", "hub_no_gaps", 0, "x"),
    Case("one_day_has_no_gap", dates("2026-01-01"), "hub_no_gaps", 0, "x"),
    Case("a_condition_holds", "select 1 as x, 2 as y", "hub_expression", 0, None, {"expression": "x <= y"}),
    Case("a_condition_fails_for_two_rows", "select * from (values (3, 2), (4, 2), (null, 2), (1, 2)) as t(x, y)", "hub_expression", 2, None, {"expression": "x <= y"}),
    Case("an_or_in_a_condition_stays_inside", numbers("1", "2", "3"), "hub_expression", 1, "x", {"expression": "x = 1 or x = 2"}),
]  # fmt: skip

WRONG_USES = [
    Case("no_bound", numbers("1"), "hub_between", 0, "x"),
    Case("no_dates", numbers("1"), "hub_date_between", 0, "x"),
    Case("not_a_date", numbers("1"), "hub_date_between", 0, "x", {"max_date": "soon"}),
    Case("columns_as_text", numbers("1"), "hub_unique_combination", 0, None, {"columns": "x"}),
    Case("no_count", numbers("1"), "hub_row_count", 0),
    Case("unknown_unit", numbers("1"), "hub_no_gaps", 0, "x", {"unit": "session"}),
]


def make_project(folder: Path, cases: list[Case]) -> DbtProject:
    """A project with the hub's macros, one table a case, and nothing else."""
    project = DbtProject(folder / "project", folder / "scratch")
    shutil.copytree(HUB_PROJECT / "macros", project.folder / "macros")
    (project.folder / "models").mkdir()
    (project.folder / "dbt_project.yml").write_text("name: generic\nprofile: hub\n", "utf-8")
    sources = {
        "version": 2,
        "sources": [{"name": "t", "tables": [{"name": "parents"}, *map(as_table, cases)]}],
    }
    (project.folder / "models" / "sources.yml").write_text(yaml.safe_dump(sources), "utf-8")
    project.sql(
        "create schema t",
        "create table t.parents as select * from (values (1), (1), (2), (3), (null)) as p(id)",
        *(f"create table t.{case.name} as {case.rows}" for case in cases),
    )
    return project


def as_table(case: Case) -> dict[str, Any]:
    arguments = dict(case.arguments)
    if case.test == "hub_relationship_rate":
        arguments |= {"to": "source('t', 'parents')", "field": "id"}
    test = {case.test: {"name": f"test_{case.name}", "arguments": arguments, "config": case.config}}
    if case.column is None:
        return {"name": case.name, "data_tests": [test]}
    return {"name": case.name, "columns": [{"name": case.column, "data_tests": [test]}]}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, int | None]]:
    return make_project(tmp_path_factory.mktemp("generic"), [*CASES, *WRONG_USES]).run_tests()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.test}-{case.name}")
def test_failures_are_counted(case: Case, answers: dict[str, tuple[str, int | None]]) -> None:
    assert answers[f"test_{case.name}"] == ("fail" if case.failures else "pass", case.failures)


@pytest.mark.parametrize("case", WRONG_USES, ids=lambda case: f"{case.test}-{case.name}")
def test_a_test_that_is_used_wrongly_is_an_error_and_no_pass(
    case: Case, answers: dict[str, tuple[str, int | None]]
) -> None:
    assert answers[f"test_{case.name}"] == ("error", None)


def test_every_generic_test_is_documented_and_has_cases() -> None:
    docs = yaml.safe_load((HUB_PROJECT / "macros" / "hub_tests" / "_docs.yml").read_text("utf-8"))
    documented = {
        macro["name"].removeprefix("test_") for macro in docs["macros"] if macro["name"].startswith("test_")
    }
    written = {path.stem for path in (HUB_PROJECT / "macros" / "hub_tests").glob("*.sql")}
    assert documented == written == {case.test for case in CASES}


@pytest.mark.filterwarnings("ignore:.*invalid escape sequence")  # in a macro of dbt-athena
@pytest.mark.filterwarnings("ignore:dbt-athena-community will be deprecated:DeprecationWarning")
def test_the_sql_for_athena_counts_the_same_failures(tmp_path: Path) -> None:
    project = make_project(tmp_path, CASES)
    compiled = compile_for_athena(project)
    assert compiled.keys() == {f"test_{case.name}" for case in CASES}
    counted: dict[str, int] = {}
    with duckdb.connect(str(project.database)) as connection:
        for case in CASES:
            trino = compiled[f"test_{case.name}"].replace('"awsdatacatalog".', "")
            assert not any(only_duckdb in trino for only_duckdb in ("regexp_matches", "isnan", "::"))
            sql = sqlglot.transpile(trino, read="athena", write="duckdb")[0]
            counted[case.name] = len(connection.execute(sql).fetchall())
    # With a minimum alone, NaN shows by IEEE comparison on Trino; DuckDB needs `isnan`, which this SQL rightly lacks.
    assert counted.pop("nan_lies_between_nothing") == 0
    assert counted == {case.name: case.failures for case in CASES if case.name in counted}


def compile_for_athena(project: DbtProject) -> dict[str, str]:
    """The SQL of each test as dbt-athena would send it. Nothing is sent: a test's SQL needs no answer to be written."""
    athena = {
        "type": "athena",
        "region_name": "eu-west-1",
        "database": "awsdatacatalog",
        "schema": "hub",
        "s3_staging_dir": "s3://nowhere/",
        "threads": 1,
    }
    profiles = project.scratch / "athena"
    profiles.mkdir()
    (profiles / "profiles.yml").write_text(
        yaml.safe_dump({"hub": {"target": "aws", "outputs": {"aws": athena}}}), "utf-8"
    )
    from dbt.cli.main import dbtRunner

    done: Any = dbtRunner().invoke(
        ["compile", *QUIET, "--no-populate-cache", "--no-introspect", "--select", "resource_type:test",
         "--project-dir", str(project.folder), "--profiles-dir", str(profiles),
         "--target-path", str(profiles / "target")]
    )  # fmt: skip
    if done.exception:
        raise done.exception
    return {result.node.name: result.node.compiled_code for result in done.result.results}
