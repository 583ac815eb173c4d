"""Which partition does a file belong to, and may that partition be there?"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from datahub_dagster.domain import words
from datahub_dagster.domain.calendars import CalendarRangeError
from datahub_dagster.domain.contract import Contract, Granularity, PartitionSpec
from datahub_dagster.domain.names import harmless
from datahub_dagster.domain.profile import Fault, FileProfile

IsSession = Callable[[date], bool]
"""Whether a day may have a partition, by the partitions' calendar. May raise `CalendarRangeError`."""

_REST_OF_INSTANT = re.compile(r"-[0-9]{2}([T ][0-9]{2}:|$)|[T ][0-9]{2}:")
_ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedFile:
    """A file and the partition that it belongs to; see `ReleasedFile` for what it holds of the partition column."""

    profile: FileProfile
    partition: str
    holds_partition_column: bool
    holds_only_key: bool = False


def place(
    spec: PartitionSpec, contract: Contract, profile: FileProfile
) -> tuple[PlacedFile | None, Fault | None]:
    """The partition of a file: from its path, from the bounds of the partition column, or both, if they agree."""
    in_path = value_in_path(profile.path, spec.column)
    held = next((each for each in profile.columns if each.name.lower() == spec.column.lower()), None)
    promised = f"{contract.origin}  one {spec.granularity} of {spec.column} a file"
    if held is None:
        if in_path is None:
            message = f"no {spec.column}: neither a column of that name nor {spec.column}=... in the path"
            return None, Fault(
                code="no-partition", message=message, file=profile.path, column=spec.column, promised=promised
            )
        return PlacedFile(profile=profile, partition=in_path, holds_partition_column=False), None
    bounds = profile.bounds
    if profile.rows == 0 and in_path is not None:
        file = PlacedFile(
            profile=profile, partition=in_path, holds_partition_column=True, holds_only_key=True
        )
        return file, None
    if bounds is not None and bounds.null_count:
        return None, Fault(
            code="null-partition",
            message=f"{spec.column} is null in {words.plural(bounds.null_count, 'row')}",
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
    is_key = held.type in ("date", "varchar") and bounds.minimum == bounds.maximum == lowest
    return PlacedFile(
        profile=profile,
        partition=lowest,
        holds_partition_column=True,
        holds_only_key=is_key and bounds.null_count == 0,
    ), None


def partition_faults(
    spec: PartitionSpec, contract: Contract, placed: Sequence[PlacedFile], is_session: IsSession
) -> tuple[list[Fault], list[str]]:
    """Partitions that may not be there, and warnings where the calendar can't say."""
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
                if not is_session(day):
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


def value_in_path(path: str, column: str) -> str | None:
    """What a path says of a column, hive-style; case is ignored in the column's name.

    >>> value_in_path("trade_date=2026-11-20/part-0.parquet", "Trade_Date")
    '2026-11-20'
    """
    prefix = f"{column.lower()}="
    values = [part[len(prefix) :] for part in path.split("/")[:-1] if part.lower().startswith(prefix)]
    return values[-1] if values else None


def _key(bound: str, length: int) -> str:
    """The partition that a smallest or largest value lies in; text that only begins like a day stays what it is."""
    rest = bound[length:]
    return bound[:length] if not rest or _REST_OF_INSTANT.match(rest) else harmless(bound)
