"""Types: every spelling of a promise, and what keeps it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datahub_dagster.domain.schema import canonical, keeps

WORDS = (
    *("varchar", "bigint", "integer", "smallint", "tinyint", "double", "real"),
    *("boolean", "date", "timestamp", "timestamptz", "time", "varbinary"),
)


@pytest.mark.parametrize(
    ("promised", "word"),
    [
        ("VARCHAR", "varchar"),
        ("varchar(20)", "varchar"),
        ("character varying(20)", "varchar"),
        ("String", "varchar"),
        ("  INT64 ", "bigint"),
        ("long", "bigint"),
        ("int", "integer"),
        ("float64", "double"),
        ("double  precision", "double"),
        ("float", "real"),
        ("numeric(10, 2)", "decimal(10,2)"),
        ("DECIMAL(10)", "decimal(10,0)"),
        ("decimal", "decimal"),
        ("datetime", "timestamp"),
        ("timestamp(3)", "timestamp"),
        ("timestamp with time zone", "timestamptz"),
        ("timestamp(6) with time zone", "timestamptz"),
        ("timestamp(6) without time zone", "timestamp"),
        ("bytes", "varbinary"),
        ("array<string>", "array"),
        ("varchar[]", "array"),
        ("struct<a: int, b: decimal(10,2)>", "struct"),
        ("row(a int)", "struct"),
        ("map<string, array<int>>", "map"),
        ("geography", None),
        ("", None),
        ("money", None),
    ],
)
def test_a_promise_is_read_in_every_usual_spelling(promised: str, word: str | None) -> None:
    assert canonical(promised) == word


@given(st.sampled_from(WORDS))
def test_every_type_keeps_its_own_promise(word: str) -> None:
    assert canonical(word) == word
    assert keeps(word, word)


@given(st.text(max_size=40))
def test_any_text_at_all_is_read_without_failing(text: str) -> None:
    word = canonical(text)
    assert word is None or keeps(word, word)


@given(st.sampled_from(WORDS), st.sampled_from(WORDS), st.sampled_from(WORDS))
def test_what_widens_widens_on(widest: str, middle: str, narrow: str) -> None:
    if keeps(widest, middle) and keeps(middle, narrow):
        assert keeps(widest, narrow)


@given(st.sampled_from(WORDS), st.sampled_from(WORDS))
def test_two_types_that_keep_each_other_are_the_same(one: str, other: str) -> None:
    if keeps(one, other) and keeps(other, one):
        assert one == other


DECIMALS = st.tuples(st.integers(1, 38), st.integers(0, 38)).filter(lambda pair: pair[1] <= pair[0])


@given(DECIMALS, DECIMALS)
def test_a_decimal_keeps_a_promise_that_can_hold_its_largest_value(
    promised: tuple[int, int], found: tuple[int, int]
) -> None:
    fits = found[0] - found[1] <= promised[0] - promised[1] and found[1] <= promised[1]
    wanted, held = (f"decimal({digits},{scale})" for digits, scale in (promised, found))
    assert keeps(wanted, held) == fits


@pytest.mark.parametrize(
    ("promised", "found", "is_kept"),
    [
        ("bigint", "integer", True),
        ("bigint", "uinteger", True),
        ("bigint", "ubigint", False),
        ("integer", "bigint", False),
        ("double", "real", True),
        ("real", "double", False),
        ("double", "bigint", False),
        ("bigint", "double", False),
        ("varchar", "bigint", False),
        ("timestamp", "timestamptz", True),
        ("timestamptz", "timestamp", False),
        ("date", "timestamp", False),
        ("boolean", "tinyint", False),
        ("array", "array<bigint>", True),
        ("array", "bigint", False),
        ("struct", "struct<a:bigint>", True),
        ("map", "struct<a:bigint>", False),
        ("decimal", "decimal(38,10)", True),
        ("decimal(10,2)", "double", False),
        ("varchar", "null", False),
    ],
)
def test_what_keeps_a_promise_and_what_does_not(promised: str, found: str, is_kept: bool) -> None:
    assert keeps(promised, found) is is_kept
