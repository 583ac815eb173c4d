"""Dates, lengths and lists as the templates of messages say them, in English and Japanese.

Whatever a fact is, it has words: what is missing or of another kind than expected becomes nothing, or what it is.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import cast
from zoneinfo import ZoneInfo

from datahub_dagster.domain import slo_words, words
from datahub_dagster.domain.due import zone_named

_LONGEST = 400
_ZONE = re.compile(r"\b[A-Z]\w+(?:/[\w+-]+)+")


def one_line(value: object, longest: int = _LONGEST) -> str:
    r"""A value as part of a line: nothing in it can end the line, hide, or turn its direction. Cut where it is too long.

    >>> one_line("late\r\nSubject: won"), one_line(None), one_line("a" * 500, longest=5)
    ('late Subject: won', '', 'aaaa…')
    """
    if value is None:
        return ""
    text = str(value)[: 10 * longest]
    shown = "".join(char if char.isprintable() else " " for char in text)
    line = " ".join(shown.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def zone_of(facts: Mapping[str, object]) -> ZoneInfo:
    """The zone of the SLO, told by itself or in the words of the promise; else UTC."""
    named = [facts.get("timezone"), *_ZONE.findall(str(facts.get("promised") or ""))]
    for name in named:
        try:
            return zone_named(str(name))
        except (ValueError, OSError):
            continue
    return zone_named("UTC")


def instant_of(value: object) -> datetime | None:
    """An ISO 8601 text with its offset as an instant; None where it is none."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
        return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)
    except ValueError:
        return None


def number_of(value: object) -> float | None:
    """A finite number; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e12 else None  # also of NaN and infinity


class Piece(str):
    """A part of a line that is clean already: its spaces stay as they are."""

    __slots__ = ()


class Wording(ABC):
    """How one language says what the facts of an alert are.

    Args:
        zone: On whose clocks instants are told.
    """

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone

    def put(self, pattern: str, value: object) -> "Piece":
        """The pattern with the value for its `{}`; nothing where there is no value."""
        text = one_line(value) if value not in (0, None) else ""
        return Piece(pattern.replace("{}", text) if text else "")

    def name(self, value: object) -> str:
        """The name of an SLO, where it says something."""
        return "" if value == "freshness" else _as_is(value)

    def at(self, value: object) -> str:
        """A day and a time."""
        found = self._local(value)
        return f"{self._day(found.date())} {found:%H:%M %Z}" if found else _as_is(value)

    def time(self, value: object) -> str:
        """A time of day."""
        found = self._local(value)
        return f"{found:%H:%M %Z}" if found else _as_is(value)

    def day(self, value: object) -> str:
        """A business date, or a month."""
        try:
            text = str(value) if isinstance(value, str | date) else ""
            return (
                self._month(text)
                if re.fullmatch(r"\d{4}-\d\d", text)
                else self._day(date.fromisoformat(text))
            )
        except ValueError:
            return _as_is(value)

    @abstractmethod
    def data(self, business_date: object) -> str:
        """The data of a business date, or of none in particular."""

    def length(self, value: object) -> str:
        """A length in seconds."""
        seconds = number_of(value)
        return _as_is(value) if seconds is None else self._length(seconds) if seconds else ""

    def late(self, seconds: object, grace: object) -> str:
        """How late data are, or were. With grace that counts from its end, which is said, as the due time stands beside it."""
        length = self.length(seconds)
        return self._late(length, self.length(grace)) if length else ""

    def between(self, since: object, until: object) -> str:
        """How long it is from one instant to a later one; nothing where it is not later."""
        begin, end = instant_of(since), instant_of(until)
        if begin is None or end is None or end <= begin:
            return ""
        return self._length((end - begin).total_seconds())

    def share(self, value: object) -> str:
        """A share, such as an objective."""
        found = number_of(value)
        return _as_is(value) if found is None else words.share(round(found, 4))

    def attained(self, value: object) -> str:
        """A share that was reached, rounded down: a promise that was missed never looks kept."""
        found = number_of(value)
        return _as_is(value) if found is None else slo_words.attained(found)

    def is_age(self, promised: object) -> bool:
        """Whether a promise, as `words.freshness` says it, is one of a greatest age."""
        return isinstance(promised, str) and promised.startswith("never older than")

    def factor(self, value: object) -> str:
        """How many times."""
        found = number_of(value)
        return _as_is(value) if found is None else f"{found:.1f}".removesuffix(".0")

    def budget(self, value: object) -> str:
        """The share of an error budget that is left, which may be less than nothing."""
        found = number_of(value)
        return _as_is(value) if found is None else self._budget(found)

    def checks(self, value: object) -> str:
        """Checks, each with how many rows fail."""
        return self._listed(
            [self._check(each.get("check"), number_of(each.get("failures"))) for each in _maps(value)]
        )

    def texts(self, value: object) -> str:
        """Several texts."""
        return self._listed(
            [one_line(each, 160) for each in value] if isinstance(value, list | tuple) else []
        )

    def people(self, value: object, already: bool) -> str:
        """Those consumers that are affected already, or that will be, each with the time."""
        return self._listed(
            [
                self._person(one_line(each.get("label"), 80) or "?", self.at(each.get("at")), already)
                for each in _maps(value)
                if bool(each.get("already")) is already
            ]
        )

    def _local(self, value: object) -> datetime | None:
        found = instant_of(value)
        try:
            return found.astimezone(self._zone) if found else None
        except OverflowError:
            return None

    @abstractmethod
    def _day(self, day: date) -> str: ...

    @abstractmethod
    def _month(self, text: str) -> str: ...

    @abstractmethod
    def _length(self, seconds: float) -> str: ...

    @abstractmethod
    def _late(self, length: str, grace: str) -> str: ...

    @abstractmethod
    def _budget(self, left: float) -> str: ...

    @abstractmethod
    def _check(self, name: object, failures: float | None) -> str: ...

    @abstractmethod
    def _person(self, label: str, at: str, already: bool) -> str: ...

    @abstractmethod
    def _listed(self, several: list[str]) -> str: ...


def _list(value: object) -> Sequence[object]:
    return cast(Sequence[object], value) if isinstance(value, list | tuple) else ()


def _maps(value: object) -> list[Mapping[str, object]]:
    return [cast(Mapping[str, object], each) for each in _list(value) if isinstance(each, Mapping)]


def _as_is(value: object) -> str:
    return one_line(value) if isinstance(value, str | int | float) else ""
