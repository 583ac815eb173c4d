"""Does what is published still keep the contract? A contract may promise more today than when the data were released."""

from collections.abc import Mapping, Sequence

from datahub_dagster.domain.contract import Column, Contract
from datahub_dagster.domain.names import ReleaseId
from datahub_dagster.domain.profile import Fault
from datahub_dagster.domain.schema import canonical, keeps
from datahub_dagster.domain.view import FileList


def promises_not_kept(contract: Contract, published: Sequence[FileList]) -> tuple[Fault, ...]:
    """The columns that the contract promises and the published files don't hold, or hold in another type.

    A column that is published and no longer promised is no fault: readers are not shown it.

    Args:
        contract: What is promised now.
        published: The files of every release that is read.
    """
    faults: list[Fault] = []
    for column in contract.columns:
        found = {files.release_id: _type_of(column, files) for files in published}
        missing = [release_id for release_id, held in found.items() if held is None]
        if missing:
            message = f"what is published has no column {column.name}"
            faults.append(_fault("missing-column", message, contract, column, missing, found))
        wanted = canonical(column.data_type) if column.data_type else None
        retyped = {release_id: held for release_id, held in found.items() if held and wanted}
        retyped = {each: held for each, held in retyped.items() if not keeps(wanted or "", held)}
        if retyped:
            message = f"column {column.name} is published as {max(retyped.values())}, not {wanted}"
            faults.append(_fault("retyped-column", message, contract, column, list(retyped), found))
    return tuple(faults)


def _type_of(column: Column, files: FileList) -> str | None:
    """The type in which a release holds a column; empty if it is in the files' path only; None if it isn't there."""
    name = column.name.lower()
    held = next((word for found, word in files.columns if found.lower() == name), None)
    return "" if held is None and name == (files.partition_column or "").lower() else held


def _fault(
    code: str,
    message: str,
    contract: Contract,
    column: Column,
    releases: Sequence[ReleaseId],
    found: Mapping[ReleaseId, str | None],
) -> Fault:
    newest = max(releases)
    where = f"release {newest}"
    if len(found) > 1:
        where = f"{len(releases):,} of {len(found):,} published releases, {newest} the newest of them"
    return Fault(
        code=code,
        message=message,
        column=column.name,
        promised=f"{column.origin or contract.origin}  {column.name} {column.data_type or ''}".rstrip(),
        found=where,
    )
