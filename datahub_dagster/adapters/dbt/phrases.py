"""What a data test promises, in a few words for a column's header."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

_SHOWN = 10


def phrase(kind: str, arguments: Mapping[str, Any]) -> str | None:
    """A short phrase for the generic tests that say something of the values; None for the others.

    >>> phrase("accepted_values", {"values": ["sun", "rain"]})
    'one of sun, rain'
    >>> phrase("hub_between", {"min_value": 0, "strictly": True})
    '> 0'
    """
    say = _PHRASES.get(kind.rpartition(".")[2])
    return (say(arguments) or None) if say else None


def qualified(text: str, *, warns: bool, where: str | None) -> str:
    """The phrase with what limits it."""
    text = f"{text} where {where}" if where else text
    return f"{text} (warning only)" if warns else text


def _list(values: Any) -> str:
    if not isinstance(values, Sequence) or isinstance(values, str):
        return str(values)
    more = f", ... ({len(values)} in all)" if len(values) > _SHOWN else ""
    return ", ".join(str(value) for value in values[:_SHOWN]) + more


def _target(arguments: Mapping[str, Any]) -> str:
    to = str(arguments.get("to") or "")
    names = [part.strip(" '\"") for part in to.partition("(")[2].rpartition(")")[0].split(",")]
    return ".".join([*(names if any(names) else [to]), str(arguments.get("field"))])


def _range(low: Any, high: Any, *, strictly: bool = False) -> str | None:
    more, less = (">", "<") if strictly else ("≥", "≤")
    ends = [f"{sign} {end}" for sign, end in ((more, low), (less, high)) if end is not None]
    return " and ".join(ends) or None


def _between(arguments: Mapping[str, Any]) -> str | None:
    strictly = arguments.get("strictly") or arguments.get("inclusive") is False
    return _range(arguments.get("min_value"), arguments.get("max_value"), strictly=bool(strictly))


def _row_count(arguments: Mapping[str, Any]) -> str | None:
    text = _range(arguments.get("min"), arguments.get("max"))
    return f"{text} rows" if text else None


def _rate(arguments: Mapping[str, Any]) -> str:
    return f"at least {arguments.get('min_rate') or 1} of them in {_target(arguments)}"


# The hub's own, dbt's, and the same as the packages dbt_utils and dbt_expectations call them.
_PHRASES: Mapping[str, Callable[[Mapping[str, Any]], str | None]] = {
    "not_null": lambda _: "not null",
    "unique": lambda _: "unique",
    "accepted_values": lambda given: f"one of {_list(given.get('values'))}",
    "relationships": lambda given: f"in {_target(given)}",
    "hub_relationship_rate": _rate,
    "hub_between": _between,
    "accepted_range": _between,
    "expect_column_values_to_be_between": _between,
    "hub_date_between": lambda given: _range(given.get("min_date"), given.get("max_date")),
    "hub_matches": lambda given: f"matches {given.get('pattern')}",
    "hub_not_empty_string": lambda _: "not empty",
    "hub_no_gaps": lambda given: f"no {given.get('unit') or 'day'} is missing",
    "hub_recency": lambda given: f"not older than {given.get('days')} days",
    "hub_row_count": _row_count,
    "hub_unique_combination": lambda given: f"unique: {_list(given.get('columns'))}",
    "unique_combination_of_columns": lambda given: f"unique: {_list(given.get('combination_of_columns'))}",
    "hub_expression": lambda given: str(given.get("expression") or ""),
    "expression_is_true": lambda given: str(given.get("expression") or ""),
}
