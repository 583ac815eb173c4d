"""What Parquet footers tell of a delivery: columns, rows, bounds. Never the data themselves."""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundColumn:
    """A column as a footer has it; `type` in the words of `schema` (`bigint`, `varchar`, `timestamp`, ...)."""

    name: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a footer's statistics say of one column: bounds as text (dates ISO 8601), None where there are none."""

    minimum: str | None
    maximum: str | None
    null_count: int | None


class Footer(NamedTuple):
    """What a footer's statistics say of one column. A tuple, as there are as many as files and columns together.

    `nulls` is None where it does not tell. Bounds are as Python has such values, NaN left out; None where there are none.
    """

    rows: int
    nulls: int | None
    low: object
    high: object


@dataclass(frozen=True, slots=True, kw_only=True)
class FileProfile:
    """One file.

    `bounds` is of the partition column, where the file holds it, `statistics` of each of `columns`; `broken` says why it can't
    be read.
    """

    path: str
    size: int
    rows: int = 0
    columns: tuple[FoundColumn, ...] = ()
    bounds: Bounds | None = None
    statistics: tuple[Footer, ...] = ()
    broken: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong with a delivery.

    Args:
        code: A stable word for programs, listed in the reference (`missing-column`, `retyped-column`, ...).
        message: One sentence for people.
        file: The first file that shows it; `files` how many do.
        promised: Where and what the contract says.
    """

    code: str
    message: str
    file: str | None = None
    files: int = 1
    column: str | None = None
    promised: str | None = None
    found: str | None = None
