"""From a state of the log to the exact list of files that a reader or an audit sees."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from datahub_dagster.domain.contract import Contract, Granularity
from datahub_dagster.domain.names import DatasetName, ReleaseId
from datahub_dagster.domain.release import WHOLE
from datahub_dagster.domain.schema import canonical, keeps, says_all
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
    lists = _file_lists(log, dataset, frozenset(partitions.values()))
    newest = lists[-1] if lists else None
    partition_column, partition_type = _partition_column(contract, newest, partitions)
    files = files_read((as_of(partition_column, each) for each in lists), partitions)
    held = _held(contract, lists)
    return DatasetView(
        dataset=dataset,
        schema=contract.schema if contract else dataset.source,
        table=contract.identifier if contract else dataset.table,
        files=tuple(sorted(files, key=lambda file: (file.partition, file.path))),
        columns=_columns(contract, newest, held, files, partition_column),
        held=held,
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


def _file_lists(log: ReleaseLog, dataset: DatasetName, releases: frozenset[ReleaseId]) -> Sequence[FileList]:
    found = log.file_lists(dataset, releases)
    if gone := sorted(releases - found.keys()):
        raise RetentionError(
            f"the files of release {gone[0]} are no longer kept",
            subject=str(dataset),
            found="its record, without data",
            next_step=f"datahub releases {dataset}",
        )
    return tuple(found.values())


def _partition_column(
    contract: Contract | None, newest: FileList | None, partitions: Mapping[str, ReleaseId]
) -> tuple[str | None, str]:
    if contract is not None and contract.partitions:
        return contract.partitions.column, partition_type(contract)
    if newest is None or (contract is not None and WHOLE in partitions):
        return None, "varchar"
    # A contract that is not partitioned any more: what is published still is, until the next delivery.
    return newest.partition_column, newest.partition_type


def as_of(partition_column: str | None, files: FileList) -> FileList:
    """The same files; what was said of another partition column than this one holds no more."""
    if (files.partition_column or "").lower() == (partition_column or "").lower():
        return files
    return replace(files, files=tuple(replace(file, holds_only_key=False) for file in files.files))


def _held(contract: Contract | None, lists: Sequence[FileList]) -> tuple[ViewColumn, ...]:
    held: dict[str, tuple[str, str]] = {}
    for files in reversed(lists):
        for name, word in files.columns:
            spelled, newer = held.get(name.lower(), (name, word))
            held[name.lower()] = spelled, word if keeps(word, newer) else newer
    return tuple(_held_column(contract, name, word) for name, word in held.values())


def _held_column(contract: Contract | None, name: str, word: str) -> ViewColumn:
    column = contract.column(name) if contract else None
    promised = canonical(column.data_type or "") if column else None
    return ViewColumn(
        name=name,
        type=promised if promised and says_all(promised) and keeps(promised, word) else word,
        description=column.description if column else "",
    )


def _columns(
    contract: Contract | None,
    newest: FileList | None,
    held: Sequence[ViewColumn],
    files: Sequence[ReleasedFile],
    partition_column: str | None,
) -> tuple[ViewColumn, ...]:
    promised = promised_columns(contract) if contract else (newest.promised if newest else ())
    types = {column.name.lower(): column.type for column in held}
    in_path = any(not file.holds_partition_column for file in files)
    found = set(types) | ({partition_column.lower()} if partition_column and in_path else set[str]())
    told = {column.name: column.description for column in contract.columns} if contract else {}
    return tuple(
        ViewColumn(
            name=name,
            type=types.get(name.lower(), word),
            found=name.lower() in found,
            description=told.get(name, ""),
        )
        for name, word in promised
    )
