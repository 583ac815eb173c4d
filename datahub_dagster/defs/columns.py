"""The promised columns, as Dagster shows them."""

import dagster as dg

from datahub_dagster.defs.names import tag
from datahub_dagster.domain.contract import Classification, Column, Contract


def table_schema(contract: Contract) -> dg.TableSchema:
    """Names, types, descriptions, constraints and tags of the promised columns."""
    return dg.TableSchema(
        columns=[_column(contract, column) for column in contract.columns],
        constraints=dg.TableConstraints(other=list(contract.constraints)) if contract.constraints else None,
    )


def _column(contract: Contract, column: Column) -> dg.TableColumn:
    return dg.TableColumn(
        name=column.name,
        type=column.data_type or "?",
        description=_description(contract, column),
        constraints=dg.TableColumnConstraints(
            nullable=column.nullable, unique=column.unique, other=_others(contract, column)
        ),
        tags={tag(text): "" for text in column.tags},
    )


def _description(contract: Contract, column: Column) -> str | None:
    is_secret = column.name.lower() in contract.confidential_columns
    examples = f"e.g. {', '.join(column.examples)}" if column.examples and not is_secret else ""
    return " · ".join(part for part in (column.description.strip(), examples) if part) or None


def _others(contract: Contract, column: Column) -> list[str]:
    others = list(column.constraints)
    if contract.partitions and contract.partitions.column.lower() == column.name.lower():
        others.append(f"partition ({contract.partitions.granularity.value})")
    if column.classification and column.classification is not Classification.PUBLIC:
        others.append(column.classification.value)
    if column.deprecated:
        others.append("deprecated")
    return others
