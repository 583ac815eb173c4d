"""A row of a dataset as a JSON Schema, draft 2020-12.

What says how a value is written in JSON: dates as `2026-11-20`, instants in UTC as `2026-11-20T09:30:00Z`, decimals as numbers, binary
values in base64, nested ones as arrays and objects. A nullable column may be null or left out.
"""

import json
from collections.abc import Sequence
from typing import Any

from datahub_dagster.adapters.site.exports.promised_values import (
    FRACTIONS,
    WHOLE_NUMBERS,
    as_typed,
    promised_values,
    tests_by_column,
    type_word,
)
from datahub_dagster.domain.contract import Column, Contract, DataTest
from datahub_dagster.domain.redact_rules import rules_without_values

_HOW = (
    "dates as 2026-11-20, instants in UTC as 2026-11-20T09:30:00Z, decimals as numbers, binary values in base64, "
    "nested values as arrays and objects"
)
_TYPES: dict[str, dict[str, Any]] = {
    "varchar": {"type": "string"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "timestamp": {"type": "string", "format": "date-time"},
    "timestamptz": {"type": "string", "format": "date-time"},
    "time": {"type": "string"},
    "varbinary": {"type": "string", "contentEncoding": "base64"},
    "array": {"type": "array"},
    "struct": {"type": "object"},
    "map": {"type": "object"},
}
_TYPES |= {word: {"type": "integer"} for word in WHOLE_NUMBERS} | {
    word: {"type": "number"} for word in FRACTIONS
}


def json_schema(contract: Contract) -> bytes:
    """The schema, as JSON. A column of a type that is not known may hold anything; what values a confidential one has is not said."""
    contract = rules_without_values(contract)
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": f"A row of version {contract.version} of the contract: {_HOW}.",
        "title": str(contract.name),
    }
    if contract.description:
        schema["description"] = contract.description
    tests = tests_by_column(contract)
    schema |= {
        "type": "object",
        "properties": {
            column.name: _property(contract, column, tests.get(column.name.lower(), ()))
            for column in contract.columns
        },
        "required": [column.name for column in contract.columns if not column.nullable],
        "additionalProperties": not contract.is_closed,
    }
    return (json.dumps(schema, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def _property(contract: Contract, column: Column, tests: Sequence[DataTest]) -> dict[str, Any]:
    word = type_word(column)
    found: dict[str, Any] = {}
    if column.data_type:
        found["$comment"] = column.data_type
    if column.description:
        found["description"] = column.description
    found |= _TYPES.get(word or "", {})
    promised = promised_values(column, tests)
    if promised.accepted is not None:
        found["enum"] = [*promised.accepted, *([None] if column.nullable else [])]
    low, high = ("exclusiveMinimum", "exclusiveMaximum") if promised.strictly else ("minimum", "maximum")
    found |= {key: end for key, end in ((low, promised.low), (high, promised.high)) if end is not None}
    if column.deprecated:
        found["deprecated"] = True
    if examples := _examples(contract, column, word):
        found["examples"] = examples
    if column.nullable and "type" in found:
        found["type"] = [found["type"], "null"]
    elif not column.nullable and "type" not in found:
        found["not"] = {"type": "null"}
    return found


def _examples(contract: Contract, column: Column, word: str | None) -> list[Any]:
    if column.name.lower() in contract.confidential_columns:
        return []
    try:
        return [as_typed(text, word) for text in column.examples]
    except ValueError:
        return []
