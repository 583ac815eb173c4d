"""The kinds of values that stand under `meta.hub`: durations, local times, dates, versions, addresses, zones, schedules.

Each takes what YAML gives and says in plain words what it wants instead. YAML itself turns some texts into numbers (`18:30` is 1,110
to it, `1.2` a fraction): those are refused with the advice to quote them, never guessed at.
"""

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, StringConstraints, ValidationInfo, WithJsonSchema

from datahub_dagster.domain.calendar_text import names_in
from datahub_dagster.domain.calendar_text import parse_calendar as parse_calendar_text
from datahub_dagster.domain.calendars import calendar_named
from datahub_dagster.domain.contract import CalendarFile
from datahub_dagster.domain.cron import parse_cron
from datahub_dagster.domain.due import zone_named

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_SEMVER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
_LONGEST = timedelta(days=3660)
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")


@dataclass(frozen=True, slots=True)
class KnownCalendars:
    """What a calendar may be called beside the names that always exist.

    Args:
        files: The hub's calendar files, by name.
        unreadable: Names of files that are there, and can't be used.
    """

    files: Mapping[str, CalendarFile] = field(default_factory=dict[str, CalendarFile])
    unreadable: Set[str] = frozenset()


def parse_duration(value: Any) -> timedelta:
    """A duration: a whole or decimal number and one of s, m, h, d, w.

    >>> parse_duration("90m")
    datetime.timedelta(seconds=5400)
    """
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(
            f"{value!r} is not a duration: write a number and s, m, h, d or w, such as 90m or 30d"
        )
    try:
        length = timedelta(**{_UNITS[match[2]]: float(match[1])})
    except OverflowError:
        length = timedelta.max
    if length > _LONGEST:
        raise ValueError(f"{value!r} is longer than a promise can be: write ten years (3660d) at most")
    return length


def parse_time(value: Any) -> time:
    """A local time of day, `HH:MM`, as text."""
    if isinstance(value, time):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        hours, minutes = divmod(value, 60)
        meant = f'"{hours:02}:{minutes:02}"' if 0 <= hours < 24 else 'a time up to 23:59, such as "18:30"'
        raise ValueError(
            f"{value} is what YAML makes of a time without quotes: write {meant}, with the quotes"
        )
    match = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(
            f'{value!r} is not a time of day (00:00 to 23:59): write HH:MM in quotes, such as "18:30"'
        )
    return time(int(match[1]), int(match[2]))


def parse_date(value: Any) -> date:
    """A date, as YAML reads it or as text; never with a time."""
    if type(value) is date:
        return value
    try:
        return date.fromisoformat(value.strip())
    except (AttributeError, ValueError) as error:
        raise ValueError(f"{value!r} is not a date: write it as 2026-11-20") from error


def parse_number(value: Any) -> Any:
    """Anything but yes and no, which would pass as 1 and 0."""
    if isinstance(value, bool):
        raise ValueError(f"{str(value).lower()} is not a number: write a number, without quotes")
    return value


def parse_version(value: Any) -> str:
    """A version by SemVer, three numbers."""
    if isinstance(value, str) and _SEMVER.fullmatch(value):
        return value
    raise ValueError(f"{value!r} is not a SemVer version: write three numbers, such as 1.2.0")


def parse_email(value: Any) -> str:
    """An e-mail address."""
    if isinstance(value, str) and _EMAIL.fullmatch(value):
        return value
    raise ValueError(f"{value!r} is not an e-mail address")


def parse_timezone(value: Any) -> str:
    """A time zone of the IANA database."""
    try:
        zone_named(value)
    except TypeError as error:
        raise ValueError(
            f"{value!r} is not a time zone: write its IANA name, such as Asia/Tokyo or UTC"
        ) from error
    except ValueError as error:
        raise ValueError(f"{error}; write an IANA name, such as Asia/Tokyo or UTC") from error
    return value


def parse_calendar(value: Any, info: ValidationInfo) -> str:
    """The text of a calendar, by the grammar of `domain.calendar_text`; the context may say which files there are."""
    if not isinstance(value, str):
        raise ValueError(
            f"{value!r} is not a calendar: write daily, weekdays, a country code or an exchange's MIC"
        )
    known = info.context if isinstance(info.context, KnownCalendars) else KnownCalendars()
    for name in names_in(parse_calendar_text(value)):
        if name in known.unreadable:
            raise ValueError(f"the calendar {name!r} can't be used: something is wrong with its file")
    calendar_named(value, files=tuple(known.files.values()))  # says which names are near
    return value


def parse_calendar_grammar(value: Any) -> str:
    """The text of a calendar, whose names are not looked at."""
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a calendar: write a name, or names with and, or")
    parse_calendar_text(value)
    return value


def not_nothing(value: timedelta) -> timedelta:
    """A duration that is longer than nothing."""
    if value <= timedelta(0):
        raise ValueError("a time of nothing can't be kept: write a longer one")
    return value


def _text(pattern: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": list(examples)})


Duration = Annotated[
    timedelta, BeforeValidator(parse_duration), _text(r"^\d+(\.\d+)?\s*[smhdw]$", "90m", "30d")
]
Number = Annotated[float, BeforeValidator(parse_number)]
Count = Annotated[int, BeforeValidator(parse_number)]
Span = Annotated[Duration, AfterValidator(not_nothing)]
TimeOfDay = Annotated[time, BeforeValidator(parse_time), _text(r"^([01]?\d|2[0-3]):[0-5]\d$", "18:30")]
Day = Annotated[date, BeforeValidator(parse_date), WithJsonSchema({"type": "string", "format": "date"})]
Version = Annotated[str, BeforeValidator(parse_version), _text(f"^{_SEMVER.pattern}$", "1.2.0")]
Email = Annotated[str, BeforeValidator(parse_email), WithJsonSchema({"type": "string", "format": "email"})]
Timezone = Annotated[str, BeforeValidator(parse_timezone), _text(r"^[A-Za-z0-9_+/-]+$", "Asia/Tokyo", "UTC")]
Calendar = Annotated[
    str,
    BeforeValidator(parse_calendar),
    _text(r"^[A-Za-z0-9_() ]+$", "daily", "weekdays", "JP", "XTKS", "XTKS and JP", "5th of JP"),
]
CalendarText = Annotated[
    str, BeforeValidator(parse_calendar_grammar), _text(r"^[A-Za-z0-9_() ]+$", "XTKS", "XTKS and JP")
]
Cron = Annotated[str, BeforeValidator(parse_cron), _text(r"^\S+ \S+ \S+ \S+ \S+$", "0 6 * * *")]
Name = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
