"""Columns: what is promised of each, and what the published files say of it."""

from datahub_dagster.adapters.site.documents.diffs import statistics
from datahub_dagster.adapters.site.documents.schema import ColumnDocument, ColumnStatistics
from datahub_dagster.adapters.site.facts import DatasetFacts
from datahub_dagster.domain.contract import Column

_SHOWN_OTHERWISE = ("not_null", "unique")


def columns(facts: DatasetFacts) -> list[ColumnDocument]:
    """The promised columns, in the contract's order."""
    record = facts.published_record
    found = statistics(record, facts.open_columns) if record else {}
    return [_column(facts, column, found.get(column.name.lower())) for column in facts.contract.columns]


def found_columns(facts: DatasetFacts) -> list[list[str]]:
    """Name and type of what the published release holds; nothing where columns are promised."""
    record = facts.published_record
    if facts.contract.columns or record is None:
        return []
    return [[name, kind] for name, kind in record.columns]


def _column(facts: DatasetFacts, column: Column, found: ColumnStatistics | None) -> ColumnDocument:
    name = column.name.lower()
    is_secret = name in facts.contract.confidential_columns
    kinds = (
        test.kind
        for test in facts.contract.tests
        if (test.column or "").lower() == name and test.kind not in _SHOWN_OTHERWISE
    )
    return ColumnDocument(
        name=column.name,
        type=column.data_type,
        description=column.description,
        nullable=column.nullable,
        unique=column.unique,
        classification=column.classification.value if column.classification else None,
        is_secret=is_secret,
        deprecated=column.deprecated,
        examples=[] if is_secret else list(column.examples),
        tags=list(column.tags),
        constraints=list(column.constraints),
        tests=list(dict.fromkeys(kinds)),
        statistics=found,
        readers=[
            reader.consumer.name
            for reader in facts.readers
            if name in {each.lower() for each in reader.columns}
        ],
    )
