"""What a file holds as Glue has it, and what Athena can't show."""

import pytest

from datahub_dagster.adapters.catalog.glue_types import NoTypeError, glue_type, objection
from datahub_dagster.domain.schema import canonical

WORDS = "varchar bigint integer smallint tinyint double real decimal boolean date timestamp timestamptz varbinary array struct map"


@pytest.mark.parametrize("word", WORDS.split())
def test_every_type_that_a_team_may_promise_has_one_in_glue_but_the_time_of_day(word: str) -> None:
    assert canonical(word) == word
    assert glue_type(word)
    assert objection("x", word) is None


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("varchar", "string"),
        ("varbinary", "binary"),
        ("integer", "int"),
        ("real", "float"),
        ("timestamptz", "timestamp"),
        ("utinyint", "smallint"),
        ("usmallint", "int"),
        ("decimal(12,3)", "decimal(12,3)"),
        ("array<array<varchar>>", "array<array<string>>"),
        ("map<varchar,decimal(10,2)>", "map<string,decimal(10,2)>"),
        (
            "struct<A:bigint,b:struct<c:date,d:map<varchar,array<real>>>,e:timestamptz>",
            "struct<a:bigint,b:struct<c:date,d:map<string,array<float>>>,e:timestamp>",
        ),
    ],
)
def test_types_in_glue(word: str, expected: str) -> None:
    assert glue_type(word) == expected


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("time", "time of day"),
        ("ubigint", "signed"),
        ("uinteger", "signed"),
        ("null", "no type"),
        ("decimal(76,2)", "38 digits"),
        ("decimal(5,-2)", "38 digits"),
        ("duration[ns]", "no type duration"),
        ("array<time>", "time of day"),
        ("struct<a:struct<b:map<varchar,ubigint>>>", "signed"),
        ("struct<unit price:double>", "letters, digits and '_'"),
    ],
)
def test_what_athena_does_not_have_says_why(word: str, why: str) -> None:
    with pytest.raises(NoTypeError, match=why):
        glue_type(word)
    assert why in (objection("x", word) or "")


@pytest.mark.parametrize("name", ["", " x", "x ", "a,b", "a\nb", "n" * 256])
def test_names_that_athena_does_not_take(name: str) -> None:
    assert objection(name, "bigint")


@pytest.mark.parametrize("name", ["x", "Unit price", "größe", "select", "a.b", "_x"])
def test_names_that_it_takes(name: str) -> None:
    assert objection(name, "bigint") is None
