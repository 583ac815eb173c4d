"""How things are called: datasets, deliveries, releases, and places inside the hub."""

import re
from dataclasses import dataclass
from datetime import date
from functools import total_ordering
from pathlib import PurePosixPath
from typing import Self

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_DELIVERY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.=+@-]{0,199}")
_RELEASE_ID = re.compile(r"(\d{4}-\d{2}-\d{2})\.(\d{1,9})")


@dataclass(frozen=True, order=True, slots=True)
class DatasetName:
    """A dataset is a table of a dbt source: `source.table`.

    >>> str(DatasetName("equities", "daily_prices"))
    'equities.daily_prices'
    """

    source: str
    table: str

    def __post_init__(self) -> None:
        for part in (self.source, self.table):
            if not _NAME.fullmatch(part):
                raise ValueError(
                    f"{part!r} can't name a source or a table: letters, digits, '_', '-' and '.' only"
                )

    def __str__(self) -> str:
        return f"{self.source}.{self.table}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Split at the first dot; a source whose own name holds a dot is found by `ContractBook.find`.

        Raises:
            ValueError: The text has no dot, or a part with other characters.

        >>> DatasetName.parse("equities.daily_prices").table
        'daily_prices'
        """
        source, dot, table = text.partition(".")
        if not dot:
            raise ValueError(f"{text!r} is not a dataset name: write source.table")
        return cls(source, table)


@total_ordering
@dataclass(frozen=True, slots=True)
class ReleaseId:
    """The day (UTC) on which a delivery was received, and its number among all the dataset's deliveries.

    The number alone is unique and gives the order; a clock that goes backwards can't change it.

    >>> ReleaseId.parse("2026-11-20.7") < ReleaseId.parse("2026-11-19.12")
    True
    """

    received_date: date
    number: int

    def __str__(self) -> str:
        return f"{self.received_date.isoformat()}.{self.number}"

    def __lt__(self, other: "ReleaseId") -> bool:
        return self.number < other.number

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` wrote.

        Raises:
            ValueError: It does not look like `2026-11-20.7`.
        """
        match = _RELEASE_ID.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a release: they look like 2026-11-20.7")
        return cls(date.fromisoformat(match[1]), int(match[2]))


@dataclass(frozen=True, order=True, slots=True)
class Location:
    """A place inside the hub: a relative path with `/`, never one that leads out of it.

    >>> Location("inbox") / "equities" / "daily_prices"
    Location(path='inbox/equities/daily_prices')
    """

    path: str

    def __post_init__(self) -> None:
        if fault := unsafe_path_reason(self.path):
            raise ValueError(f"{self.path!r} is no place inside the hub: {fault}")

    def __truediv__(self, child: str) -> "Location":
        return Location(f"{self.path}/{child}")

    def __str__(self) -> str:
        return self.path

    @property
    def name(self) -> str:
        """The last part."""
        return PurePosixPath(self.path).name


def unsafe_path_reason(path: str, longest: int = 1024) -> str | None:
    """Why a relative path can't be taken, or None. `longest` is in bytes; the default is what S3 takes for a key.

    >>> unsafe_path_reason("trade_date=2026-11-20/part-0.parquet")
    >>> unsafe_path_reason("../secrets.parquet")
    "it leads out of its folder ('..')"
    """
    if not path:
        return "it is empty"
    if any(ord(char) < 32 or ord(char) == 127 or char == "\N{REPLACEMENT CHARACTER}" for char in path):
        return "it holds a control character"
    if any("\ud800" <= char <= "\udfff" for char in path):
        return "it is not UTF-8"
    if path.startswith("/") or "\\" in path:
        return "it is not a relative path with '/'"
    parts = path.split("/")
    if ".." in parts or "." in parts:
        return "it leads out of its folder ('..')"
    if "" in parts:
        return "it has an empty part ('//')"
    if any(len(part.encode()) > 255 for part in parts) or len(path.encode()) > longest:
        return f"it is too long (255 bytes a part, {longest:,} in all)"
    return None


def delivery_name_fault(name: str) -> str | None:
    """Why a delivery can't be called so, or None.

    >>> delivery_name_fault("2026-11-20")
    >>> delivery_name_fault("../x") is None
    False
    """
    if _DELIVERY_NAME.fullmatch(name) and name != "..":
        return None
    return "a delivery's name is 1 to 200 letters, digits, '_', '.', '=', '+', '@' or '-', and starts with a letter or digit"


def harmless(name: str) -> str:
    """A name that a stranger gave, for people: nothing that a terminal would obey."""
    shown = name if name.isprintable() else repr(name)[1:-1]
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
