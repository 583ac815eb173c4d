"""What a release's footers say of each column: how many nulls, and between which values the others lie. Never the data themselves."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Any, Final

from datahub_dagster.domain.contract import Classification, Contract
from datahub_dagster.domain.profile import FileProfile, Footer

_LONGEST: Final = 56  # bytes; some writers keep the first 64 bytes of a text alone, and of the largest one with the last letter raised


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnStatistics:
    """What the footers of one release say of a column.

    Bounds are text: days and instants ISO 8601, those with a time zone in UTC, numbers in digits. They are null where a file does not
    tell, where its values have no order that footers keep (nested and binary columns), where there is nothing but null, and in
    confidential columns.

    Args:
        name: The column, as the files spell it.
        nulls: How many of the release's rows are null there; null where a file does not tell, as of nested columns.
        low: The smallest value, NaN left out. A long text is cut, and ends with `…`: footers need not hold it whole.
        high: The largest value, likewise.
    """

    name: str
    nulls: int | None
    low: str | None = None
    high: str | None = None


def statistics_of(profiles: Sequence[FileProfile], contract: Contract) -> tuple[ColumnStatistics, ...]:
    """The statistics of all columns that the files hold, in the order in which they come up.

    A file that lacks a column, or can't be read, says nothing of it: then nothing is known of the whole.

    Args:
        profiles: Those of a release's files.
        contract: Says whose values are shown to nobody.
    """
    names: dict[str, tuple[str, str]] = {}
    footers: dict[str, list[Footer]] = {}
    for profile in profiles:
        seen = set[str]()
        for column, footer in zip(profile.columns, profile.statistics, strict=False):
            key = column.name.lower()
            if key not in seen:
                seen.add(key)
                names.setdefault(key, (column.name, column.type))
                footers.setdefault(key, []).append(footer)
    rows = sum(profile.rows for profile in profiles)
    found: list[ColumnStatistics] = []
    for key, (name, word) in names.items():
        whole = together(footers[key])
        if whole.rows != rows:
            found.append(ColumnStatistics(name=name, nulls=None))
        elif _is_secret(key, contract):
            found.append(ColumnStatistics(name=name, nulls=whole.nulls))
        else:
            low, high = as_text(whole.low, word), as_text(whole.high, word)
            found.append(ColumnStatistics(name=name, nulls=whole.nulls, low=low, high=high))
    return tuple(found)


def together(several: Sequence[Footer]) -> Footer:
    """What several footers, or row groups, say as one. Nothing is known of the whole where one of them does not tell."""
    if len(several) == 1:
        return several[0]
    held = [each for each in several if each.rows]
    rows = sum(each.rows for each in held)
    counts = [each.nulls for each in held if each.nulls is not None]
    nulls = sum(counts) if len(counts) == len(held) else None
    with_values = [each for each in held if each.nulls != each.rows]
    lows: list[Any] = [each.low for each in with_values if each.low is not None]
    highs: list[Any] = [each.high for each in with_values if each.high is not None]
    # Files may hold one column in several types, of which the values need have no order in common.
    kinds: set[type] = {type(each) for each in (*lows, *highs)}
    if len(kinds) == 1 and len(lows) == len(highs) == len(with_values):
        try:
            return Footer(rows, nulls, min(lows), max(highs))
        except TypeError:  # instants with and without a time zone
            pass
    return Footer(rows, nulls, None, None)


def as_text(bound: object, word: str) -> str | None:
    """A bound as text; None for NaN, bytes, and what else has no text that people read.

    Args:
        bound: As a footer has it.
        word: The column's type, in the words of `schema`.

    >>> as_text(0.10000000149011612, "real"), as_text(-0.0, "double"), as_text(float("nan"), "double")
    ('0.1', '0.0', None)
    >>> as_text(True, "boolean"), as_text(Decimal("1E+3"), "decimal(10,0)"), as_text(b"x", "varbinary")
    ('true', '1000', None)
    """
    match bound:
        case bool():
            return str(bound).lower()
        case float():
            return None if bound != bound else _digits(bound + 0.0, word)
        case str():
            return _cut(bound)
        case int():
            return str(bound)
        case Decimal():
            return format(bound, "f") if bound.is_finite() else None
        case date() | time():
            return bound.isoformat()
        case _:
            return None


def _digits(value: float, word: str) -> str:
    """The shortest digits that give the number back; those of a `real` are fewer than those of the `double` that Python makes of it."""
    if word == "real":
        for digits in range(1, 10):
            text = f"{value:.{digits}g}"
            if _as_real(float(text)) == value:
                return repr(float(text))
    return repr(value)


def _as_real(value: float) -> float | None:
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return None


def _cut(text: str) -> str:
    raw = text.encode("utf-8", "replace")
    return text if len(raw) <= _LONGEST else raw[:_LONGEST].decode("utf-8", "ignore") + "…"


def _is_secret(column: str, contract: Contract) -> bool:
    """Whether a column's values are shown to nobody; one that is not promised is as secret as the dataset."""
    if contract.column(column) is None:
        return contract.classification is Classification.CONFIDENTIAL
    return column in contract.confidential_columns
