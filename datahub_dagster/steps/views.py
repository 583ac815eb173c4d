"""From a state of the log to the exact list of files that a reader or an audit sees."""

from collections.abc import Mapping, Sequence

from datahub_dagster.domain.contract import Contract, Granularity
from datahub_dagster.domain.names import DatasetName, ReleaseId
from datahub_dagster.domain.schema import canonical
from datahub_dagster.domain.view import DatasetView, FileList, ReleasedFile, ViewColumn, files_read
from datahub_dagster.errors import RetentionError
from datahub_dagster.ports import ReleaseLog


def view_of(
    log: ReleaseLog,
    dataset: DatasetName,
    partitions: Mapping[str, ReleaseId],
    contract: Contract | None = None,
) -> DatasetView:
    """The dataset with these partitions, each read from its release.

    Args:
        log: Where the lists of files are.
        dataset: The dataset.
        partitions: Partition → release, as a generation or a plan has it.
        contract: Decides names and columns. Without one (a direct reader), those of the newest release hold.

    Raises:
        RetentionError: A release's files are no longer kept.
    """
    lists = [_file_list(log, dataset, release_id) for release_id in sorted(set(partitions.values()))]
    files = files_read(lists, partitions)
    newest = lists[-1] if lists else None
    partition_column, partition_type = _partition_column(contract, newest)
    return DatasetView(
        dataset=dataset,
        schema=contract.schema if contract else dataset.source,
        table=contract.identifier if contract else dataset.table,
        files=tuple(sorted(files, key=lambda file: (file.partition, file.path))),
        columns=_columns(contract, lists, files, partition_column),
        partition_column=partition_column,
        partition_type=partition_type,
        description=contract.description if contract else "",
    )


def promised_columns(contract: Contract) -> tuple[tuple[str, str], ...]:
    """Name and type of the promised columns, if they are promised whole; else empty."""
    if not contract.is_closed:
        return ()
    return tuple((column.name, canonical(column.data_type or "") or "varchar") for column in contract.columns)


def partition_type(contract: Contract) -> str:
    """The type of the partition column where it is in the path only: a date by day, text by month, unless promised otherwise."""
    spec = contract.partitions
    if spec is None or spec.granularity is Granularity.MONTH:
        return "varchar"
    promised = contract.column(spec.column)
    word = canonical(promised.data_type) if promised and promised.data_type else None
    return word or "date"


def _file_list(log: ReleaseLog, dataset: DatasetName, release_id: ReleaseId) -> FileList:
    files = log.file_list(dataset, release_id)
    if files is None:
        raise RetentionError(
            f"the files of release {release_id} are no longer kept",
            subject=str(dataset),
            found="its record, without data",
            next_step=f"datahub releases {dataset}",
        )
    return files


def _partition_column(contract: Contract | None, newest: FileList | None) -> tuple[str | None, str]:
    if contract is not None:
        return (
            (contract.partitions.column, partition_type(contract))
            if contract.partitions
            else (None, "varchar")
        )
    return (newest.partition_column, newest.partition_type) if newest else (None, "varchar")


def _columns(
    contract: Contract | None,
    lists: Sequence[FileList],
    files: Sequence[ReleasedFile],
    partition_column: str | None,
) -> tuple[ViewColumn, ...]:
    promised = promised_columns(contract) if contract else (lists[-1].promised if lists else ())
    held = {name.lower() for files_of in lists for name, _ in files_of.columns}
    if partition_column and any(not file.holds_partition_column for file in files):
        held.add(partition_column.lower())
    return tuple(ViewColumn(name=name, type=word, found=name.lower() in held) for name, word in promised)
