"""Stage: copy the files to the release's own folder, write-once, and make the release exist."""

from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.delivery import Receipt
from datahub_dagster.domain.layout import path_in_release
from datahub_dagster.domain.names import Location
from datahub_dagster.domain.placement import PlacedFile
from datahub_dagster.domain.profile import Fault
from datahub_dagster.domain.release import WHOLE
from datahub_dagster.domain.validation import Validated
from datahub_dagster.domain.view import FileList, ReleasedFile
from datahub_dagster.ports import ChangedContentError, Hub, OnStep, StepEvent
from datahub_dagster.side_by_side import side_by_side
from datahub_dagster.steps.views import partition_type, promised_columns


def stage(
    hub: Hub, contract: Contract, receipt: Receipt, validated: Validated, on_step: OnStep
) -> FileList | Fault:
    """Copy what was delivered. Staging again completes what an interrupted call began.

    Returns:
        The list of files, which was written last; or the fault, if a file is no longer what was received.
    """
    if staged := hub.log.file_list(contract.name, receipt.release_id):
        return staged
    folder = hub.log.release_folder(contract.name, receipt.release_id)
    checksums = {file.path: file.sha256 for file in receipt.delivery.files}
    taken = set[str]()
    copies = [(placed, folder / _path_in_release(contract, placed, taken)) for placed in validated.files]

    def copied(copy: tuple[PlacedFile, Location]) -> bool:
        placed, target = copy
        path = placed.profile.path
        try:
            hub.storage.copy(receipt.delivery.location / path, target, sha256=checksums[path])
        except (ChangedContentError, FileNotFoundError):
            return False
        return True

    released: list[ReleasedFile] = []
    are_copied = side_by_side(copied, copies, hub.storage.parallel)
    for number, (placed, target) in enumerate(copies, start=1):
        path = placed.profile.path
        on_step(_progress(contract, receipt, f"file {number} of {len(copies)}"))
        if not next(are_copied):
            are_copied.close()
            return Fault(
                code="changed-file",
                message="the file changed after the delivery was received",
                file=path,
                promised=f"SHA-256 {checksums[path][:16]}..., as received",
            )
        released.append(_released(placed, target, checksums[path]))
    files = FileList(
        dataset=contract.name,
        release_id=receipt.release_id,
        files=tuple(released),
        columns=validated.columns,
        promised=promised_columns(contract),
        partition_column=contract.partitions.column if contract.partitions else None,
        partition_type=partition_type(contract),
    )
    hub.log.add_file_list(files)
    return files


def _path_in_release(contract: Contract, placed: PlacedFile, taken: set[str]) -> str:
    """A folder for each partition at the release's root, as Athena wants it.

    `x.parquet` and `day=2026-11-20/x.parquet` may both hold that day, so that the second gets a number.
    """
    path = placed.profile.path
    if contract.partitions is not None and placed.partition != WHOLE:
        path = path_in_release(path, contract.partitions.column, placed.partition)
    free, number = path, 1
    while free in taken:
        above, slash, name = path.rpartition("/")
        number += 1
        free = f"{above}{slash}{number}-{name}"
    taken.add(free)
    return free


def _released(placed: PlacedFile, target: Location, sha256: str) -> ReleasedFile:
    return ReleasedFile(
        path=target.path,
        size=placed.profile.size,
        sha256=sha256,
        rows=placed.profile.rows,
        partition=placed.partition,
        holds_partition_column=placed.holds_partition_column,
        holds_only_key=placed.holds_only_key,
    )


def _progress(contract: Contract, receipt: Receipt, message: str) -> StepEvent:
    return StepEvent(
        dataset=contract.name, step="stage", message=message, release_id=receipt.release_id, is_progress=True
    )
