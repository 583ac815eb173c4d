"""All SQL of the hub's dbt project, as dbt-athena compiles it, is SQL of Athena's: names of functions and syntax."""

from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp
from sqlglot.dialects.trino import Trino
from sqlglot.errors import ParseError

from tests.projects.running import HUB_PROJECT, DbtProject
from tests.test_generic_tests import CASES, compile_for_athena, make_project

pytestmark = pytest.mark.slow

# Functions of Athena engine 3 (Trino) that team SQL may call, besides those that sqlglot knows as Trino's own syntax.
# https://trino.io/docs/current/functions.html. One that is missing here is either DuckDB's alone or worth adding.
FUNCTIONS = {
    "abs", "all_match", "any_match", "any_value", "approx_distinct", "approx_percentile", "arbitrary", "array_agg",
    "array_distinct", "array_join", "array_max", "array_min", "avg", "bool_and", "bool_or", "cardinality", "ceil",
    "ceiling", "checksum", "chr", "coalesce", "concat", "contains", "corr", "count", "count_if", "current_date",
    "current_timestamp", "date", "date_add", "date_diff", "date_format", "date_parse", "date_trunc", "day",
    "day_of_week", "day_of_year", "dense_rank", "element_at", "every", "exp", "filter", "first_value", "floor",
    "format_datetime", "from_iso8601_date", "from_iso8601_timestamp", "from_unixtime", "greatest", "histogram", "hour",
    "if", "is_finite", "is_infinite", "is_nan", "json_extract", "json_extract_scalar", "lag", "last_value", "lead",
    "least", "length", "ln", "localtimestamp", "log10", "lower", "lpad", "ltrim", "max", "max_by", "md5", "min",
    "min_by", "minute", "mod", "month", "nan", "now", "nth_value", "ntile", "nullif", "position", "power", "quarter",
    "rank", "regexp_count", "regexp_extract", "regexp_like", "regexp_replace", "replace", "reverse", "round",
    "row_number", "rpad", "rtrim", "second", "sequence", "sha256", "sign", "split", "split_part", "sqrt", "stddev",
    "strpos", "substr", "substring", "sum", "to_hex", "to_unixtime", "to_utf8", "trim", "try", "try_cast", "unnest",
    "upper", "variance", "week", "year",
}  # fmt: skip


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The SQL of every test of the project, by the test's name."""
    return compile_for_athena(DbtProject(HUB_PROJECT, tmp_path_factory.mktemp("hub")))


@pytest.fixture(scope="module")
def of_generic_tests(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The SQL of every generic test, in every use that is known."""
    return compile_for_athena(make_project(tmp_path_factory.mktemp("generic"), CASES))


def objections(sql: str) -> list[str]:
    """Why Athena would not take it."""
    try:
        (tree,) = sqlglot.parse(sql, read="athena")
    except ParseError as error:
        return [str(error).splitlines()[0]]
    assert tree is not None
    found = sorted({name for name in map(called, tree.find_all(exp.Func)) if name not in FUNCTIONS})
    return [f"{name} is no function of Athena's that is known here" for name in found] + list(
        only_duckdb(sql)
    )


def called(function: exp.Func) -> str:
    """The name by which Athena would be asked for a function; operators and casts have none."""
    if isinstance(function, exp.Anonymous):
        return function.name.lower()
    written = function.sql(dialect=Trino).lower()
    name, bracket, _ = written.partition("(")
    is_call = bracket and name.replace("_", "").isalnum()
    return name if is_call and name not in {"cast", "case", "exists", "not", "and", "or"} else "coalesce"


def only_duckdb(sql: str) -> list[str]:
    """Syntax that sqlglot reads in any dialect, and Athena does not."""
    marks = {
        "::": "a cast by ::",
        "exclude (": "select * exclude",
        "qualify": "qualify",
        "group by all": "group by all",
        "order by all": "order by all",
        "union all by name": "union by name",
    }
    return [f"{told} is DuckDB's" for mark, told in marks.items() if mark in sql.lower()]


def test_every_test_of_the_project_is_sql_of_athenas(compiled: dict[str, str]) -> None:
    found = {name: why for name, sql in compiled.items() if (why := objections(sql))}

    assert not found
    assert len(compiled) > 50


def test_every_generic_test_is_sql_of_athenas(of_generic_tests: dict[str, str]) -> None:
    found = {name: why for name, sql in of_generic_tests.items() if (why := objections(sql))}

    assert not found


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        (
            "select regexp_matches(a, 'x') from t",
            "regexp_matches is no function of Athena's that is known here",
        ),
        ("select strftime(a, '%Y') from t", "strftime"),
        ("select list_contains(a, 1) from t", "list_contains"),
        ("select epoch_ms(a) from t", "epoch_ms"),
        ("select a::int from t", "a cast by :: is DuckDB's"),
        ("select * exclude (a) from t", "select * exclude is DuckDB's"),
        ("select from where", "Expected table name"),
    ],
)
def test_what_only_duckdb_runs_is_found(sql: str, why: str) -> None:
    assert any(said.startswith(why) for said in objections(sql)), objections(sql)


def test_singular_tests_are_looked_at_too(compiled: dict[str, str]) -> None:
    written = {path.stem for path in Path(HUB_PROJECT, "tests").rglob("*.sql")}

    assert written
    assert written <= compiled.keys()
