"""Does a delivery keep the contract, as far as its footers tell? All faults at once."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from datahub_dagster.domain.calendars import CalendarRangeError
from datahub_dagster.domain.contract import Column, Contract, Granularity, PartitionSpec
from datahub_dagster.domain.profile import Fault, FileProfile
from datahub_dagster.domain.release import WHOLE
from datahub_dagster.domain.schema import canonical, keeps

IsSession = Callable[[str, date], bool]
"""Whether a day is a session of the calendar with that name. May raise `CalendarRangeError`."""

_SHOWN = 5  # names in one message
_REST_OF_INSTANT = re.compile(r"-[0-9]{2}([T ][0-9]{2}:|$)|[T ][0-9]{2}:")
_ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedFile:
    """A file and the partition that it belongs to."""

    profile: FileProfile
    partition: str
    holds_partition_column: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated:
    """What validation found. With faults, `files` may lack those that have no place."""

    files: tuple[PlacedFile, ...] = ()
    faults: tuple[Fault, ...] = ()
    warnings: tuple[str, ...] = ()
    columns: tuple[tuple[str, str], ...] = ()

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
    faults += _column_faults(contract, readable, published_columns or {})
    placed: list[PlacedFile] = []
    spec = contract.partitions
    for profile in readable:
        if spec is None:
            placed.append(PlacedFile(profile=profile, partition=WHOLE, holds_partition_column=True))
            continue
        file, fault = _place(spec, contract, profile)
        faults += [fault] if fault else []
        placed += [file] if file else []
    if spec is not None:
        more_faults, more_warnings = _partition_faults(spec, contract, placed, is_session)
        faults += more_faults
        warnings += more_warnings
    if readable and not broken and not any(profile.rows for profile in readable):
        faults.append(
            Fault(
                code="no-rows",
                message=f"the delivery has no rows (in {len(readable)} files)",
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
    )


def _column_faults(
    contract: Contract, profiles: Sequence[FileProfile], published: Mapping[str, str]
) -> list[Fault]:
    faults: list[Fault] = []
    for profile in profiles:
        faults += _doubled(profile)
        for column in contract.columns:
            fault = _broken_promise(contract, column, profile, published)
            faults += [fault] if fault else []
        faults += _extra(contract, profile)
    return faults + _mixed_types(contract, profiles)


def _doubled(profile: FileProfile) -> list[Fault]:
    counts = Counter(column.name.lower() for column in profile.columns)
    doubled = [name for name, count in counts.items() if count > 1]
    if not doubled:
        return []
    message = f"two columns are called {_names(doubled)} (upper and lower case are the same)"
    return [Fault(code="duplicate-column", message=message, file=profile.path, column=doubled[0])]


def _broken_promise(
    contract: Contract, column: Column, profile: FileProfile, published: Mapping[str, str]
) -> Fault | None:
    """Why a file does not keep what was promised of a column: it is not there, or of another type."""
    name = column.name
    place = column.origin or contract.origin
    promised = f"{place}  {name} {column.data_type or ''}{'' if column.nullable else ', not null'}".rstrip()
    held = next((found for found in profile.columns if found.name.lower() == name.lower()), None)
    if held is None:
        if _is_partition_column(contract, name) and _path_value(profile.path, name) is not None:
            return None
        return Fault(
            code="missing-column",
            message=f"the delivery has no column {name}",
            file=profile.path,
            column=name,
            promised=promised,
            found=f"{profile.rows:,} rows, {len(profile.columns):,} columns",
        )
    wanted = canonical(column.data_type) if column.data_type else published.get(name.lower())
    if not wanted or keeps(wanted, held.type):
        return None
    return Fault(
        code="retyped-column",
        message=f"column {name} is {held.type}, not {wanted}",
        file=profile.path,
        column=name,
        promised=promised if column.data_type else f"what is published: {name} {wanted}",
        found=held.type,
    )


def _extra(contract: Contract, profile: FileProfile) -> list[Fault]:
    if not contract.is_closed:
        return []
    promised = {column.name.lower() for column in contract.columns}
    unknown = [column.name for column in profile.columns if column.name.lower() not in promised]
    extra = [name for name in unknown if not _is_partition_column(contract, name)]
    if not extra:
        return []
    return [
        Fault(
            code="extra-column",
            message=f"nobody promised {_names(extra)}",
            file=profile.path,
            column=extra[0],
            promised=f"{contract.origin}  {len(contract.columns)} columns, all with a type: the list is complete",
            found=f"{len(profile.columns):,} columns",
        )
    ]


def _mixed_types(contract: Contract, profiles: Sequence[FileProfile]) -> list[Fault]:
    """Columns without a promised type that are of one type in one file and of another in the next."""
    typed = {column.name.lower() for column in contract.columns if column.data_type}
    first: dict[str, tuple[str, str]] = {}
    faults: list[Fault] = []
    for profile in profiles:
        for column in profile.columns:
            if column.name.lower() in typed:
                continue
            type_before, file_before = first.setdefault(column.name.lower(), (column.type, profile.path))
            if type_before != column.type:
                faults.append(
                    Fault(
                        code="mixed-types",
                        message=f"column {_harmless(column.name)} is {type_before} in one file "
                        f"and {column.type} in another",
                        file=profile.path,
                        column=column.name,
                        found=f"{type_before} in {file_before}",
                    )
                )
    return faults


def _is_partition_column(contract: Contract, name: str) -> bool:
    return contract.partitions is not None and contract.partitions.column.lower() == name.lower()


def _place(
    spec: PartitionSpec, contract: Contract, profile: FileProfile
) -> tuple[PlacedFile | None, Fault | None]:
    """The partition of a file: from its path, from the bounds of the partition column, or both, if they agree."""
    in_path = _path_value(profile.path, spec.column)
    holds = any(column.name.lower() == spec.column.lower() for column in profile.columns)
    promised = f"{contract.origin}  one {spec.granularity} of {spec.column} a file"
    if not holds:
        if in_path is None:
            message = f"no {spec.column}: neither a column of that name nor {spec.column}=... in the path"
            return None, Fault(
                code="no-partition", message=message, file=profile.path, column=spec.column, promised=promised
            )
        return PlacedFile(profile=profile, partition=in_path, holds_partition_column=False), None
    bounds = profile.bounds
    if profile.rows == 0 and in_path is not None:
        return PlacedFile(profile=profile, partition=in_path, holds_partition_column=True), None
    if bounds is not None and bounds.null_count:
        return None, Fault(
            code="null-partition",
            message=f"{bounds.null_count:,} rows have no {spec.column}",
            file=profile.path,
            column=spec.column,
            promised=promised,
        )
    if bounds is None or bounds.minimum is None or bounds.maximum is None:
        return None, Fault(
            code="no-bounds",
            message=f"the file's footer has no smallest and largest {spec.column}, so that its partition is unknown",
            file=profile.path,
            column=spec.column,
            promised=promised,
            found="no statistics of that column" if profile.rows else "no rows",
        )
    length = 7 if spec.granularity is Granularity.MONTH else 10
    lowest, highest = _key(bounds.minimum, length), _key(bounds.maximum, length)
    if lowest != highest:
        return None, Fault(
            code="many-partitions",
            message=f"the file holds {spec.column} from {lowest} to {highest}: write one file for each {spec.granularity}",
            file=profile.path,
            column=spec.column,
            promised=promised,
            found=f"{lowest} to {highest}",
        )
    if in_path is not None and in_path[:length] != lowest:
        return None, Fault(
            code="path-disagrees",
            message=f"the path says {spec.column}={in_path}, the file holds {lowest}",
            file=profile.path,
            column=spec.column,
            promised=promised,
        )
    return PlacedFile(profile=profile, partition=lowest, holds_partition_column=True), None


def _partition_faults(
    spec: PartitionSpec, contract: Contract, placed: Sequence[PlacedFile], is_session: IsSession
) -> tuple[list[Fault], list[str]]:
    faults: list[Fault] = []
    warnings: list[str] = []
    first_file = {file.partition: file.profile.path for file in reversed(placed)}
    for key in sorted(first_file):
        day = partition_date(key, spec.granularity)
        place = f"{contract.origin}  partitions of one {spec.granularity}"
        if day is None:
            form = "YYYY-MM" if spec.granularity is Granularity.MONTH else "YYYY-MM-DD"
            faults.append(
                Fault(
                    code="bad-partition",
                    message=f"{key!r} is not a {spec.granularity} ({form})",
                    file=first_file[key],
                    column=spec.column,
                    promised=place,
                )
            )
            continue
        if spec.start and day < (
            spec.start.replace(day=1) if spec.granularity is Granularity.MONTH else spec.start
        ):
            faults.append(
                Fault(
                    code="before-start",
                    message=f"partition {key} lies before the start, {spec.start}",
                    file=first_file[key],
                    column=spec.column,
                    promised=f"{place}, start {spec.start}",
                )
            )
        if spec.calendar and spec.granularity is Granularity.DAY:
            try:
                if not is_session(spec.calendar, day):
                    faults.append(
                        Fault(
                            code="off-calendar",
                            message=f"{key} ({day:%A}) is not a session of {spec.calendar}",
                            file=first_file[key],
                            column=spec.column,
                            promised=f"{place}, calendar {spec.calendar}",
                        )
                    )
            except CalendarRangeError as error:
                warnings.append(error.headline)
    return faults, warnings


def partition_date(key: str, granularity: Granularity) -> date | None:
    """The first day of a partition; None if the key is not one.

    >>> partition_date("2026-02", Granularity.MONTH)
    datetime.date(2026, 2, 1)
    >>> partition_date("2026-2-1", Granularity.DAY) is None
    True
    """
    text = f"{key}-01" if granularity is Granularity.MONTH else key
    if not _ISO_DAY.fullmatch(text):  # `fromisoformat` takes weeks, too: 2026-W47-5
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _path_value(path: str, column: str) -> str | None:
    prefix = f"{column.lower()}="
    values = [part[len(prefix) :] for part in path.split("/")[:-1] if part.lower().startswith(prefix)]
    return values[-1] if values else None


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


def _key(bound: str, length: int) -> str:
    """The partition that a smallest or largest value lies in; text that only begins like a day stays what it is."""
    rest = bound[length:]
    return bound[:length] if not rest or _REST_OF_INSTANT.match(rest) else _harmless(bound)


def _harmless(name: str) -> str:
    """A name that a stranger gave, for people: nothing that a terminal would obey."""
    shown = name if name.isprintable() else repr(name)[1:-1]
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(map(_harmless, names[:_SHOWN]))
    return f"{shown} and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else shown
