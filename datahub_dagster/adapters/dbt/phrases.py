"""What a data test promises, in a few words for a column's header."""

from collections.abc import Mapping, Sequence
from typing import Any

_SHOWN = 10


def phrase(kind: str, arguments: Mapping[str, Any]) -> str | None:
    """A short phrase for the generic tests that say something of the values; None for the others.

    >>> phrase("accepted_values", {"values": ["sun", "rain"]})
    'one of sun, rain'
    >>> phrase("hub_between", {"min_value": 0, "strictly": True})
    '> 0'
    """
    name = kind.rpartition(".")[2]
    match name:
        case "not_null":
            return "not null"
        case "unique":
            return "unique"
        case "accepted_values":
            return f"one of {_list(arguments.get('values'))}"
        case "relationships":
            return f"in {_target(arguments)}"
        case "hub_relationship_rate":
            return f"at least {float(arguments.get('min_rate') or 1):.6g} of them in {_target(arguments)}"
        case "hub_between" | "accepted_range" | "expect_column_values_to_be_between":
            strictly = arguments.get("strictly") or arguments.get("inclusive") is False
            return _range(arguments.get("min_value"), arguments.get("max_value"), strictly=bool(strictly))
        case "hub_date_between":
            return _range(arguments.get("min_date"), arguments.get("max_date"))
        case "hub_matches":
            return f"matches {arguments.get('pattern')}"
        case "hub_not_empty_string" | "not_empty_string":
            return "not empty"
        case "hub_no_gaps":
            return f"no {arguments.get('unit') or 'day'} is missing"
        case "hub_recency":
            return f"not older than {arguments.get('days')} days"
        case "hub_unique_combination":
            return f"unique: {_list(arguments.get('columns'))}"
        case "unique_combination_of_columns":
            return f"unique: {_list(arguments.get('combination_of_columns'))}"
        case "hub_row_count":
            text = _range(arguments.get("min"), arguments.get("max"))
            return f"{text} rows" if text else None
        case "hub_expression" | "expression_is_true":
            return str(arguments.get("expression") or "") or None
        case _:
            return None


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
