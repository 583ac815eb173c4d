"""What the values of a column are promised to be, as far as the data tests on it say so for each row."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from datahub_dagster.domain.contract import Column, Contract, DataTest
from datahub_dagster.domain.schema import canonical

WHOLE_NUMBERS = {"tinyint": 8, "smallint": 16, "integer": 32, "bigint": 64}  # bits
FRACTIONS = ("real", "double", "decimal")

_RANGES = ("hub_between", "accepted_range", "expect_column_values_to_be_between")
_OF_RANGES = {
    "min_value",
    "max_value",
    "strictly",
    "inclusive",
}  # with any other argument it is no promise of each row


@dataclass(frozen=True, slots=True, kw_only=True)
class PromisedValues:
    """Of the values that are not null. A bound is None where there is none, `accepted` where anything is.

    Args:
        strictly: Whether the bounds themselves are excluded.
    """

    accepted: tuple[Any, ...] | None = None
    low: int | float | None = None
    high: int | float | None = None
    strictly: bool = False


def tests_by_column(contract: Contract) -> Mapping[str, Sequence[DataTest]]:
    """The tests that stand on each column, by its name in lower case; those of the dataset by none."""
    found: dict[str, list[DataTest]] = {}
    for test in contract.tests:
        found.setdefault((test.column or "").lower(), []).append(test)
    return found


def promised_values(column: Column, tests: Sequence[DataTest]) -> PromisedValues:
    """What unconditional tests of severity error on a column say of it: its accepted values, and the range of a number."""
    word = type_word(column)
    accepted: tuple[Any, ...] | None = None
    bounds = PromisedValues()
    for test in (each for each in tests if each.blocks_on_each_row):
        given = {name: json.loads(value) for name, value in test.arguments}
        kind = test.kind.rpartition(".")[2]
        if kind == "accepted_values" and isinstance(given.get("values"), list):
            accepted = _typed(given["values"], word)
        elif kind in _RANGES and given.keys() <= _OF_RANGES and is_number(word):
            bounds = _bounds(given)
    return PromisedValues(accepted=accepted, low=bounds.low, high=bounds.high, strictly=bounds.strictly)


def type_word(column: Column) -> str | None:
    """The promised type in the words of `domain.schema`, a decimal without its digits; None if there is none, or it is in no known words.

    >>> type_word(Column(name="price", data_type="numeric(10, 2)"))
    'decimal'
    """
    word = canonical(column.data_type) if column.data_type else None
    return word.partition("(")[0] if word else None


def is_number(word: str | None) -> bool:
    """Whether values of the type are numbers."""
    return word in WHOLE_NUMBERS or word in FRACTIONS


def as_typed(text: str, word: str | None) -> Any:
    """A value that is written as text, as JSON has values of the type. Raises `ValueError`.

    >>> as_typed("7", "integer"), as_typed("7", "varchar"), as_typed("true", "boolean")
    (7, '7', True)
    """
    if word is None:
        raise ValueError("no type")
    return _READ.get(word, str)(text)


def _truth(text: str) -> bool:
    known = {"true": True, "false": False}
    if text.lower() not in known:
        raise ValueError(text)
    return known[text.lower()]


_READ: Mapping[str, Callable[[str], Any]] = (
    {"boolean": _truth} | dict.fromkeys(WHOLE_NUMBERS, int) | dict.fromkeys(FRACTIONS, float)
)


def _typed(values: list[Any], word: str | None) -> tuple[Any, ...] | None:
    try:
        return tuple(dict.fromkeys(as_typed(_text(value), word) for value in values if value is not None))
    except ValueError:
        return None  # written in SQL, or for another type


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _bounds(given: Mapping[str, Any]) -> PromisedValues:
    ends = [given.get("min_value"), given.get("max_value")]
    if any(isinstance(end, bool) or not isinstance(end, int | float | None) for end in ends):
        return PromisedValues()  # an expression of SQL
    strictly = bool(given.get("strictly")) or given.get("inclusive") is False
    return PromisedValues(low=ends[0], high=ends[1], strictly=strictly)
