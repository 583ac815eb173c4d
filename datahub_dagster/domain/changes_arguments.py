"""Whether the arguments of a generic test ask more or less of the data than others."""

import json
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final, cast

from datahub_dagster.domain.contract import DataTest


class Demand(StrEnum):
    """How a test's arguments stand to those of before. `other`: nobody can say which of the two asks more."""

    SAME = "same"
    STRICTER = "stricter"
    WEAKER = "weaker"
    OTHER = "other"


def demand_change(was: DataTest, now: DataTest) -> Demand:
    """What the arguments of a test ask, beside what those of another test of the same kind asked before."""
    older, newer = _values(was), _values(now)
    rules = _RULES.get(was.kind.rpartition(".")[2], {})
    found = {
        rules.get(name, _unknown)(older.get(name), newer.get(name))
        for name in older.keys() | newer.keys()
        if older.get(name) != newer.get(name)
    } - {Demand.SAME}
    if not found:
        return Demand.SAME
    return found.pop() if len(found) == 1 else Demand.OTHER


def fails_with_more_rows(test: DataTest) -> bool:
    """Whether a test that fails on some rows also fails on more of them. Of kinds that nobody knows it is not so."""
    kind = test.kind.rpartition(".")[2]
    return kind in _ROW_BY_ROW or (kind == "hub_row_count" and "min" not in _values(test))


def said(test: DataTest) -> str:
    """A test's arguments as people read them: `min_value 0, strictly true`."""
    return ", ".join(f"{name} {_text(value)}" for name, value in _values(test).items())


_ROW_BY_ROW: Final = frozenset({
    "not_null", "unique", "accepted_values", "relationships",
    "hub_between", "hub_date_between", "hub_expression", "hub_matches", "hub_not_empty_string", "hub_unique_combination",
    "accepted_range", "expression_is_true", "unique_combination_of_columns", "expect_column_values_to_be_between",
})  # fmt: skip
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")

Rule = Callable[[Any, Any], Demand]


def _values(test: DataTest) -> Mapping[str, Any]:
    return {name: json.loads(value) for name, value in test.arguments}


def _text(value: object) -> str:
    if (several := _texts(value)) is not None:
        return ", ".join(several)
    return value if isinstance(value, str) else json.dumps(value)


def _texts(value: object) -> list[str] | None:
    """The texts of a list; None if it is none."""
    return [_text(each) for each in cast(list[object], value)] if isinstance(value, list) else None


def _unknown(_was: Any, _now: Any) -> Demand:
    return Demand.OTHER


def _stricter_if(*, is_stricter: bool) -> Demand:
    return Demand.STRICTER if is_stricter else Demand.WEAKER


def _lower_bound(was: Any, now: Any) -> Demand:
    """A bound from below: none is the weakest, a higher one is stricter."""
    if was is None or now is None:
        return _stricter_if(is_stricter=was is None)
    is_text = isinstance(was, str), isinstance(now, str)
    if any(is_text) and not (all(is_text) and _DAY.match(was) and _DAY.match(now)):
        return Demand.OTHER  # days can be compared, `today` or a column's name can't
    try:
        return _stricter_if(is_stricter=now > was)
    except TypeError:
        return Demand.OTHER


def _upper_bound(was: Any, now: Any) -> Demand:
    if was is None or now is None:
        return _stricter_if(is_stricter=was is None)
    return _lower_bound(now, was)


def _rate(was: Any, now: Any) -> Demand:
    """A share that is asked for; absent = all."""
    older, newer = (1.0 if each is None else each for each in (was, now))
    return Demand.SAME if older == newer else _lower_bound(older, newer)


def _flag(was: Any, now: Any) -> Demand:
    """What asks more if it is true."""
    if bool(was) == bool(now):
        return Demand.SAME
    return _stricter_if(is_stricter=bool(now))


def _opposite_flag(was: Any, now: Any) -> Demand:
    """What asks more if it is false; absent = true."""
    return _flag(was is False, now is False)


def _members(was: Any, now: Any) -> Demand:
    """A list of what is allowed: more of them ask less."""
    before, after = _texts(was), _texts(now)
    if before is None or after is None:
        return Demand.OTHER
    older, newer = set(before), set(after)
    if older == newer:
        return Demand.SAME
    if newer < older:
        return Demand.STRICTER
    return Demand.WEAKER if older < newer else Demand.OTHER


def _columns(was: Any, now: Any) -> Demand:
    """The columns that are unique together; case is ignored, as in both engines."""
    lowered = ([text.lower() for text in _texts(each) or []] or None for each in (was, now))
    return _members(*lowered)


def _written(_was: Any, _now: Any) -> Demand:
    """How the arguments themselves are written."""
    return Demand.SAME


_BETWEEN: Final[Mapping[str, Rule]] = {
    "min_value": _lower_bound, "max_value": _upper_bound, "strictly": _flag, "inclusive": _opposite_flag,
}  # fmt: skip
_RULES: Final[Mapping[str, Mapping[str, Rule]]] = {
    "accepted_values": {"values": _members, "quote": _written},
    "hub_between": _BETWEEN,
    "accepted_range": _BETWEEN,
    "expect_column_values_to_be_between": _BETWEEN,
    "hub_date_between": {"min_date": _lower_bound, "max_date": _upper_bound},
    "hub_row_count": {"min": _lower_bound, "max": _upper_bound},
    "hub_recency": {"days": _upper_bound},
    "hub_relationship_rate": {"min_rate": _rate},
    "hub_unique_combination": {"columns": _columns},
    "unique_combination_of_columns": {"combination_of_columns": _columns},
}
