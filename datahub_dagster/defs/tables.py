"""Small tables as Dagster's UI shows them."""

from collections.abc import Mapping, Sequence

import dagster as dg

from datahub_dagster.domain.audit import Sample

NULL = "null"


def sample_table(sample: Sample) -> dg.TableMetadataValue:
    """Rows of data as text."""
    return text_table([dict(zip(sample.columns, row, strict=False)) for row in sample.rows], sample.columns)


def text_table(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> dg.TableMetadataValue:
    """Rows of anything; nothing is said by an empty cell, and a null by the word."""
    return dg.MetadataValue.table(
        records=[dg.TableRecord({name: _cell(row.get(name)) for name in columns}) for row in rows],
        schema=dg.TableSchema(columns=[dg.TableColumn(name, "text") for name in columns]),
    )


def _cell(value: object) -> str:
    return NULL if value is None else str(value)
