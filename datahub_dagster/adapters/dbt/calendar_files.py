"""The hub's own calendars: `calendars/<name>.yml` of the dbt project, shared by all teams. dbt does not read them.

A broken file stops nobody: its last good copy stands in, also for one that is gone and still in use. Who names a calendar that never was
good has a fault in the contract itself, as with any other name that is none.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import Field, model_validator

from datahub_dagster.adapters.dbt.block import Block
from datahub_dagster.adapters.dbt.hub_faults import check
from datahub_dagster.adapters.dbt.hub_types import CalendarText, Day, KnownCalendars, Name
from datahub_dagster.adapters.dbt.parse import yaml_failures
from datahub_dagster.adapters.dbt.problems import Problem
from datahub_dagster.adapters.dbt.project import CALENDARS, ProjectState
from datahub_dagster.adapters.dbt.yaml_lines import YamlLines
from datahub_dagster.domain.calendar_faults import file_faults
from datahub_dagster.domain.calendar_files import files_used
from datahub_dagster.domain.calendar_library import known_calendars
from datahub_dagster.domain.calendar_text import KEYWORDS, names_in, parse_calendar
from datahub_dagster.domain.calendars import calendar_named
from datahub_dagster.domain.contract import CalendarFile, Origin, Override

_NAME = re.compile(r"[a-z][a-z0-9_]*")


class CalendarDayBlock(Block):
    """A day on which a calendar differs from its base."""

    on: Day = Field(description="The day.")
    reason: Name = Field(description="Why; consumers read it.")


class CalendarFileBlock(Block):
    """A calendar of the hub's own."""

    description: Name = Field(description="Whose days these are, and who keeps the file current.")
    base: CalendarText | None = Field(
        None,
        description="The calendar that it starts from, any that a contract may name; absent = no day at all.",
    )
    first: Day | None = Field(
        None, description="The first day of which it says something; absent = as its base."
    )
    last: Day | None = Field(
        None,
        description="The last such day; absent = as its base. One that is later than what an exchange or a country knows says that "
        "somebody has looked: name the days that differ. Beyond it an SLO is unknown, and never guessed.",
    )
    added: tuple[CalendarDayBlock, ...] = Field((), description="Sessions that its base does not have.")
    removed: tuple[CalendarDayBlock, ...] = Field(
        (), description="Days of its base that are no sessions here."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.base is None and not (self.first and self.last):
            raise ValueError("without a base it needs first and last: which days does it know?")
        if self.base is None and self.removed:
            raise ValueError(
                "without a base there is no day that could be removed: list the sessions under added"
            )
        if self.first and self.last and self.first > self.last:
            raise ValueError(f"first, {self.first}, lies after last, {self.last}")
        days = sorted(day.on for day in (*self.added, *self.removed))
        for one, other in pairwise(days):
            if one == other:
                raise ValueError(f"{one} stands there twice")
        return self

    def to_domain(self, name: str, path: str) -> CalendarFile:
        """As a value of the domain."""
        days = [("added", day) for day in self.added] + [("removed", day) for day in self.removed]
        return CalendarFile(
            name=name,
            base=self.base,
            first=self.first,
            last=self.last,
            overrides=tuple(Override(on=day.on, kind=kind, reason=day.reason) for kind, day in days),
            description=self.description,
            origin=Origin(path, 1),
        )


@dataclass(frozen=True, slots=True)
class HubCalendars:
    """The calendar files that can be used, and what is wrong with the others.

    Args:
        known: What contracts may name.
        problems: All that is wrong; broken = a last good copy stands in.
        contents: Of each usable file what it says, to be kept as its last good copy.
        gone: Names that only have a last good copy.
    """

    known: KnownCalendars
    problems: tuple[Problem, ...]
    contents: Mapping[str, bytes]
    gone: frozenset[str]

    def still_used(
        self, users: Mapping[str, CalendarFile]
    ) -> tuple[Mapping[str, bytes], tuple[Problem, ...]]:
        """What to keep, and a problem for each file that is gone and that a contract or another calendar still uses."""
        there = (file for name, file in self.known.files.items() if name not in self.gone)
        bases = {used.name for file in there if file.base for used in files_used(file.base, self.known.files)}
        missed = sorted(self.gone & (users.keys() | bases))
        kept = {
            name: content
            for name, content in self.contents.items()
            if name not in self.gone or name in missed
        }
        problems = (
            Problem(
                Origin(f"{CALENDARS}/{name}.yml", 1),
                f"the calendar {name} is gone, and something still uses it",
                "bring the file back, or let contracts and calendars name another one",
            )
            for name in missed
        )
        return kept, tuple(problems)


def read_calendars(state: ProjectState, last_good: Mapping[str, bytes]) -> HubCalendars:
    """All calendar files of a project.

    Args:
        state: The project's files.
        last_good: For each name what its file last said when it was good.
    """
    if not state.calendars and not last_good:
        return HubCalendars(KnownCalendars(), (), {}, frozenset())
    return _Reader(state, last_good).read()


class _Reader:
    def __init__(self, state: ProjectState, last_good: Mapping[str, bytes]) -> None:
        self._state = state
        self._lines = YamlLines(state.project_dir)
        self._problems: list[Problem] = []
        self._paths: dict[str, str] = {}
        self._contents: dict[str, bytes] = {}
        self._kept_contents = last_good
        self._kept = {name: file for name, text in last_good.items() if (file := _read_kept(name, text))}

    def read(self) -> HubCalendars:
        current = {file.name: file for path in self._state.calendars if (file := self._current(path))}
        chosen = {**self._kept, **current}
        while misled := self._misled(chosen):
            for name, message in misled.items():
                if chosen[name] is current.get(name):
                    self._tell(name, ("base",), message, "correct base")
                kept = self._kept.get(name)
                if kept is None or chosen[name] is kept:
                    del chosen[name]
                else:
                    chosen[name] = kept
        is_current = {name: file is current.get(name) for name, file in chosen.items()}
        for name, file in chosen.items():
            for fault in file_faults(file, chosen) if is_current[name] else ():
                self._tell(name, fault.path, fault.message, fault.next_step, is_usable=True)
        return HubCalendars(
            KnownCalendars(chosen, frozenset(self._paths.keys() - chosen.keys())),
            tuple(self._problems),
            {name: (self._contents if is_current[name] else self._kept_contents)[name] for name in chosen},
            frozenset(chosen.keys() - self._paths.keys()),
        )

    def _current(self, path: str) -> CalendarFile | None:
        """The calendar of a file, or None if something is wrong with the file itself."""
        name = Path(path).stem
        if reason := _name_fault(name) or (name in self._paths and f"there is {self._paths[name]} too"):
            self._problems.append(Problem(Origin(path, 1), reason, "rename the file", is_broken=False))
            return None
        self._paths[name] = path
        for failure in yaml_failures(self._state, [path]).values():
            origin = Origin(path, failure.line or 1)
            self._problems.append(Problem(origin, failure.message, f"correct {path}", name in self._kept))
            return None
        self._contents[name] = (self._state.project_dir / path).read_bytes()
        block, faults = check(CalendarFileBlock, _as_texts(self._contents[name]), root="calendar")
        for fault in faults:
            self._tell(name, fault.path, fault.message, fault.next_step)
        return block and block.to_domain(name, path)

    def _misled(self, chosen: Mapping[str, CalendarFile]) -> Mapping[str, str]:
        """The calendars whose base is none, or, if all have one, those that are based on themselves."""
        missing = {
            name: self._no_base(base, chosen)
            for name, file in chosen.items()
            for base in (names_in(parse_calendar(file.base)) if file.base else ())
            if base not in chosen and base not in known_calendars()
        }
        circles = {
            name: f"base leads back to {name} itself: {file.base}"
            for name, file in chosen.items()
            if file.base and name in {used.name for used in files_used(file.base, chosen)}
        }
        # Of a circle whoever changed last is to blame.
        changed = {name: text for name, text in circles.items() if chosen[name] != self._kept.get(name)}
        return missing or changed or circles

    def _no_base(self, base: str, chosen: Mapping[str, CalendarFile]) -> str:
        if base in self._paths:
            return f"its base {base} can't be used: something is wrong with {self._paths[base]}"
        try:
            calendar_named(base, files=tuple(chosen.values()))
        except ValueError as error:
            return str(error)
        raise AssertionError(f"{base} is a calendar after all")

    def _tell(
        self, name: str, keys: tuple[str | int, ...], message: str, next_step: str, *, is_usable: bool = False
    ) -> None:
        origin = Origin(self._paths[name], self._lines.key_line(self._paths[name], keys))
        is_replaced = not is_usable and name in self._kept
        self._problems.append(Problem(origin, message, next_step, is_replaced))


def _read_kept(name: str, content: bytes) -> CalendarFile | None:
    try:
        block, _ = check(CalendarFileBlock, _as_texts(content))
    except (ValueError, yaml.YAMLError):
        return None
    return block and block.to_domain(name, f"{CALENDARS}/{name}.yml")


def _as_texts(content: bytes) -> Any:
    """What a file says, every value as it is written: to YAML `on` would be true, and 2026-13-01 an error without a line."""
    return yaml.load(content, Loader=yaml.BaseLoader)


def _name_fault(name: str) -> str | None:
    if not _NAME.fullmatch(name):
        return f"{name!r} is no name for a calendar: small letters, digits and _, a letter first"
    if name in KEYWORDS or name in known_calendars() or name.upper() in known_calendars():
        return f"the name {name!r} is taken: it means something else in a contract"
    return None
