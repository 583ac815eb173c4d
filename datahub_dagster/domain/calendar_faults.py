"""What can't be so in a calendar file, as the calendar that it is based on has it. Such a fault is told, and the file counts as written."""

from collections.abc import Iterator

from datahub_dagster.domain.calendar_files import Files
from datahub_dagster.domain.calendars import base_of, calendar_named
from datahub_dagster.domain.contract import CalendarFile
from datahub_dagster.domain.promise_faults import PromiseFault


def file_faults(file: CalendarFile, files: Files) -> Iterator[PromiseFault]:
    """Days that the base has already, or has not, and a reach that is longer than the base's.

    Args:
        file: The calendar file.
        files: All of the hub, by name.
    """
    base = base_of(file, files)
    calendar = calendar_named(file.name, (), tuple(files.values()))
    for key, day in (("first", file.first), ("last", file.last)):
        if base and day and not base.first <= day <= base.last:
            yield PromiseFault(
                (key,),
                f"{key} is {day}, and {file.base} knows {base.reach}: beyond it nothing is known",
                f"correct {key}, or base the calendar on one that reaches so far",
            )
    places = {"added": 0, "removed": 0}
    for override in file.overrides:
        path = (override.kind, places[override.kind], "on")
        places[override.kind] += 1
        day = f"{override.on} ({override.on:%A})"
        if not calendar.first <= override.on <= calendar.last:
            reach = f"the calendar knows {calendar.reach}"
            yield PromiseFault(
                path, f"{override.on} lies outside: {reach}", "correct the date, or first and last"
            )
        elif base and base.is_session(override.on) == (override.kind == "added"):
            is_one = "already is a session" if override.kind == "added" else "is no session"
            yield PromiseFault(path, f"{day} {is_one} of {file.base}", "remove the day, or correct its date")
