"""Does a delivery keep the contract, as far as its footers tell? All faults at once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from datahub_dagster.domain import words
from datahub_dagster.domain.column_faults import column_faults
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.placement import IsSession, PlacedFile, partition_faults, place
from datahub_dagster.domain.profile import Fault, FileProfile
from datahub_dagster.domain.release import WHOLE
from datahub_dagster.domain.schema import canonical
from datahub_dagster.domain.statistics import ColumnStatistics, statistics_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated:
    """What validation found. With faults, `files` may lack those that have no place; `statistics` are of `files`."""

    files: tuple[PlacedFile, ...] = ()
    faults: tuple[Fault, ...] = ()
    warnings: tuple[str, ...] = ()
    columns: tuple[tuple[str, str], ...] = ()
    statistics: tuple[ColumnStatistics, ...] = ()

    @property
    def partitions(self) -> tuple[str, ...]:
        """Keys of the partitions that the delivery brings, sorted."""
        return tuple(sorted({file.partition for file in self.files}))

    @property
    def rows(self) -> int:
        """Rows of all files."""
        return sum(file.profile.rows for file in self.files)


def validate(
    contract: Contract,
    profiles: Sequence[FileProfile],
    *,
    is_session: IsSession,
    published_columns: Mapping[str, str] | None = None,
) -> Validated:
    """Compare footers with the contract: columns, types, partitions, row counts.

    Args:
        contract: What was promised.
        profiles: A profile for each data file.
        is_session: The business calendars.
        published_columns: Name (lower case) → type of what stays published beside this delivery. A column without a promised
            type must keep the type that it has there. None if nothing stays.
    """
    if not profiles:
        return Validated(faults=(Fault(code="no-files", message="the delivery holds no data file"),))
    broken = [profile for profile in profiles if profile.broken]
    readable = [profile for profile in profiles if not profile.broken]
    faults = [
        Fault(code="unreadable-file", message=str(p.broken), file=p.path, found=f"{p.size} bytes")
        for p in broken
    ]
    warnings: list[str] = []
    faults += column_faults(contract, readable, published_columns or {})
    placed: list[PlacedFile] = []
    spec = contract.partitions
    for profile in readable:
        if spec is None:
            placed.append(PlacedFile(profile=profile, partition=WHOLE, holds_partition_column=True))
            continue
        file, fault = place(spec, contract, profile)
        faults += [fault] if fault else []
        placed += [file] if file else []
    if spec is not None:
        more_faults, more_warnings = partition_faults(spec, contract, placed, is_session)
        faults += more_faults
        warnings += more_warnings
    if readable and not broken and not any(profile.rows for profile in readable):
        faults.append(
            Fault(
                code="no-rows",
                message=f"the delivery has no rows (in {words.plural(len(readable), 'file')})",
                file=readable[0].path,
            )
        )
    for column in contract.columns:
        if column.data_type and canonical(column.data_type) is None:
            warnings.append(
                f"column {column.name}: the type {column.data_type!r} is not known, so that it was not checked"
            )
    return Validated(
        files=tuple(placed),
        faults=tuple(_merged(faults)),
        warnings=tuple(warnings),
        columns=_columns_of(readable),
        statistics=statistics_of([file.profile for file in placed], contract),
    )


def _columns_of(profiles: Sequence[FileProfile]) -> tuple[tuple[str, str], ...]:
    merged: dict[str, tuple[str, str]] = {}
    for profile in profiles:
        for column in profile.columns:
            merged.setdefault(column.name.lower(), (column.name, column.type))
    return tuple(merged.values())


def _merged(faults: Iterable[Fault]) -> list[Fault]:
    """The same fault in many files is one fault that names the first."""
    merged: dict[tuple[str, str | None, str], Fault] = {}
    for fault in faults:
        key = (fault.code, fault.column, fault.message)
        earlier = merged.get(key)
        merged[key] = replace(earlier, files=earlier.files + 1) if earlier else fault
    return list(merged.values())
