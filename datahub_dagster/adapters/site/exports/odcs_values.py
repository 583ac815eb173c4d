"""A contract in the words of the Open Data Contract Standard 3.2: values, which a writer puts on paper.

https://bitol-io.github.io/open-data-contract-standard/v3.2.0/. What the standard has no word for is a custom property.
Rules are said of every column; the values that they quote, and examples, only of those that aren't confidential.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from datahub_dagster.adapters.site.exports.odcs_sla import custom, sla_properties
from datahub_dagster.adapters.site.exports.promised_values import (
    WHOLE_NUMBERS,
    PromisedValues,
    is_number,
    promised_values,
    tests_by_column,
    type_word,
)
from datahub_dagster.domain.contract import Column, Consumer, Contract, DataTest, Lifecycle, Support
from datahub_dagster.domain.redact_rules import rules_without_values

API_VERSION = "v3.2.0"

_STATUS = {
    Lifecycle.PREVIEW: "draft",
    Lifecycle.STABLE: "active",
    Lifecycle.DEPRECATED: "deprecated",
}
_LOGICAL_TYPES = {
    "varchar": "string",
    "real": "number",
    "double": "number",
    "decimal": "number",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
    "timestamptz": "timestamp",
    "time": "time",
    "varbinary": "string",
    "array": "array",
    "struct": "object",
    "map": "object",  # `map` would have to name the types of keys and values
} | dict.fromkeys(WHOLE_NUMBERS, "integer")


def odcs_values(contract: Contract, consumers: Sequence[Consumer] = ()) -> dict[str, Any]:
    """The document, in the order in which people read it; what is not promised is not in it."""
    contract = rules_without_values(contract)
    return _without_empty(
        {
            "apiVersion": API_VERSION,
            "kind": "DataContract",
            "id": str(contract.name),
            "name": str(contract.name),
            "version": contract.version,
            "status": _STATUS[contract.lifecycle],
            "description": _without_empty({"purpose": contract.description}),
            "tags": list(contract.tags),
            "team": {
                "name": contract.team,
                "members": [{"username": owner, "role": "owner"} for owner in contract.owners],
            },
            "support": [_support(each) for each in contract.support],
            "schema": [_table(contract)],
            "slaProperties": sla_properties(contract, consumers),
            "customProperties": custom(
                {
                    "dbtUniqueId": contract.unique_id,
                    "classification": contract.classification.value,
                    "delivery": _delivery(contract),
                    "license": _license(contract),
                    "successor": contract.successor,
                    "consumers": [_consumer(contract, each) for each in consumers],
                }
            ),
        }
    )


def _support(support: Support) -> dict[str, Any]:
    language = support.language.value if support.language else None
    return _without_empty(
        {
            "channel": support.channel,
            "tool": support.tool,
            "url": support.url,
            "customProperties": custom({"language": language, "quietHours": _quiet(support)}),
        }
    )


def _quiet(support: Support) -> dict[str, str]:
    hours = support.quiet
    if hours is None:
        return {}
    return {"since": f"{hours.since:%H:%M}", "until": f"{hours.until:%H:%M}", "timezone": hours.timezone}


def _table(contract: Contract) -> dict[str, Any]:
    tests = tests_by_column(contract)
    return _without_empty(
        {
            "name": contract.name.table,
            "physicalName": f"{contract.schema}.{contract.identifier}",
            "logicalType": "object",
            "physicalType": "table",
            "properties": [
                _property(contract, column, tests.get(column.name.lower(), ())) for column in contract.columns
            ],
            "quality": [_quality(test) for test in tests.get("", ())],
        }
    )


def _property(contract: Contract, column: Column, tests: Sequence[DataTest]) -> dict[str, Any]:
    logical_type = _LOGICAL_TYPES.get(type_word(column) or "")
    is_secret = column.name.lower() in contract.confidential_columns
    promised = promised_values(column, tests)
    spec = contract.partitions
    is_key = spec is not None and spec.column.lower() == column.name.lower()
    return _without_empty(
        {
            "name": column.name,
            # The standard's schema takes a column without a logical type for a map that lacks the types of keys and values.
            "logicalType": logical_type or "string",
            "logicalTypeOptions": _type_options(column, promised),
            "physicalType": column.data_type,
            "description": column.description,
            "required": not column.nullable,
            "unique": column.unique,
            "partitioned": is_key,
            "partitionKeyPosition": 1 if is_key else None,
            "classification": column.classification.value if column.classification else None,
            "deprecated": column.deprecated,
            "enum": [{"value": value} for value in promised.accepted or ()],
            "examples": [] if is_secret else list(column.examples),
            "tags": list(column.tags),
            "quality": [_quality(test) for test in tests if not _is_said_by_the_column(test, column)],
            "customProperties": [] if logical_type else custom({"logicalType": "unknown"}),
        }
    )


def _type_options(column: Column, promised: PromisedValues) -> dict[str, Any]:
    word = type_word(column)
    if word in WHOLE_NUMBERS:
        options: dict[str, Any] = {"format": f"i{WHOLE_NUMBERS[word]}"}
    else:
        known: dict[str, dict[str, Any]] = {
            "real": {"format": "f32"},
            "double": {"format": "f64"},
            "timestamptz": {"timezone": True},
        }
        options = dict(known.get(word or "", {}))
    if is_number(word):
        low, high = ("exclusiveMinimum", "exclusiveMaximum") if promised.strictly else ("minimum", "maximum")
        options |= {low: promised.low, high: promised.high}
    return {key: value for key, value in options.items() if value is not None}


def _is_said_by_the_column(test: DataTest, column: Column) -> bool:
    is_plain = not test.where and not test.arguments and test.limit is None and test.counts_rows
    return is_plain and (
        (test.kind == "not_null" and not column.nullable) or (test.kind == "unique" and column.unique)
    )


def _quality(test: DataTest) -> dict[str, Any]:
    """A data test as dbt has it."""
    implementation = {
        "test": test.kind if test.kind != "singular" else test.name,
        "arguments": {name: json.loads(value) for name, value in test.arguments},
        "where": test.where,
        "warn_if": test.warn_if if test.warn_if != "!= 0" else None,
        "error_if": test.error_if if test.error_if != "!= 0" else None,
        "limit": test.limit,
        "fail_calc": None if test.counts_rows else test.fail_calc,
    }
    return _without_empty(
        {
            "id": test.check_name,
            "name": test.label,
            "description": test.description,
            "type": "custom",
            "engine": "dbt",
            "severity": test.severity.value,
            "implementation": _without_empty(implementation),
        }
    )


def _delivery(contract: Contract) -> dict[str, Any]:
    spec = contract.delivery.partitions
    partitions = {
        "column": spec.column,
        "granularity": spec.granularity.value,
        "start": spec.start.isoformat() if spec.start else None,
        "calendar": spec.calendar,
    } if spec else {}  # fmt: skip
    return _without_empty({"mode": contract.delivery.mode.value, "partitions": _without_empty(partitions)})


def _license(contract: Contract) -> dict[str, Any]:
    licence = contract.license
    if licence is None:
        return {}
    said = {"terms": licence.terms, "redistribution": licence.redistribution}
    return said | ({"url": licence.url} if licence.url else {})


def _consumer(contract: Contract, consumer: Consumer) -> dict[str, Any]:
    return _without_empty(
        {
            "name": consumer.name,
            "label": consumer.label,
            "kind": consumer.kind.value if consumer.kind else None,
            "columns": list(consumer.columns.get(str(contract.name), ())),
            "noticeDays": consumer.notice.days if consumer.notice else None,
        }
    )


def _without_empty(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what nobody promised: None, False, and what is empty."""
    return {
        key: value
        for key, value in values.items()
        if value is not None and value is not False and value not in ("", [], {})
    }
