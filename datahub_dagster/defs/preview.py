"""The first rows of a release, for the materialization's metadata."""

from collections.abc import Iterable
from typing import Any

from datahub_dagster.domain.audit import Sample
from datahub_dagster.domain.contract import Classification, Contract
from datahub_dagster.domain.names import Location
from datahub_dagster.domain.view import ReleasedFile
from datahub_dagster.errors import HubError
from datahub_dagster.ports import Hub

MASK = "•••"
MOST_ROWS, MOST_COLUMNS, LONGEST_VALUE = 8, 25, 60


def first_rows(hub: Hub, contract: Contract, files: Iterable[ReleasedFile]) -> Sample | None:
    """Some rows of the newest partition among files, as text; None where there is nothing to show.

    Confidential columns are masked; of a dataset that is confidential as a whole nothing is shown.
    """
    if contract.classification is Classification.CONFIDENTIAL:
        return None
    newest = max((file for file in files if file.rows), key=lambda file: file.partition, default=None)
    try:
        return _read(hub, contract, newest) if newest else None
    except (HubError, OSError, ValueError, NotImplementedError):  # no reason to call a good release a failure
        return None


def _read(hub: Hub, contract: Contract, file: ReleasedFile) -> Sample:
    import pyarrow.parquet as pq  # lazily: the code location loads without it

    with hub.storage.open(Location(file.path)) as stream:
        parquet = pq.ParquetFile(stream)
        names = list(parquet.schema_arrow.names)
        shown = names[:MOST_COLUMNS]
        batches = parquet.iter_batches(batch_size=MOST_ROWS, columns=shown)
        records: list[dict[str, Any]] = next(batches).to_pylist()
    if contract.partitions and not file.holds_partition_column:
        shown = [contract.partitions.column, *shown]
        records = [{contract.partitions.column: file.partition, **record} for record in records]
    hidden = contract.confidential_columns
    rows = tuple(
        tuple(MASK if name.lower() in hidden else _text(record[name]) for name in shown) for record in records
    )
    return Sample(
        columns=tuple(shown), rows=rows, truncated=file.rows > len(rows) or len(names) > MOST_COLUMNS
    )


def _text(value: object) -> str | None:
    if value is None:
        return None
    text = str(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
