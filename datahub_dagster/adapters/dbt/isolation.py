"""One team's broken files stop no other team.

When the project as a whole can't be parsed, the units that are to blame are found, and a shadow project is parsed in which their last
good files stand in for them. A unit without any is left out, and what others refer to in it is stood in for by a stub.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from datahub_dagster.adapters.dbt.calendar_files import read_calendars
from datahub_dagster.adapters.dbt.last_good import Choice, LastGood, Missing
from datahub_dagster.adapters.dbt.manifest import Reading, read_manifest
from datahub_dagster.adapters.dbt.parse import Failure, guess_line, jinja_line, yaml_failures
from datahub_dagster.adapters.dbt.problems import Problem
from datahub_dagster.adapters.dbt.project import SHARED, ProjectState, read_paths
from datahub_dagster.adapters.dbt.yaml_lines import YamlLines
from datahub_dagster.domain.calendar_files import files_in
from datahub_dagster.domain.contract import ContractFault
from datahub_dagster.errors import ContractError

Parse = Callable[[Path, bool], dict[str, Any] | Failure]
"""Parses a project folder; True = only to find out whether it can be parsed."""


@dataclass(frozen=True, slots=True)
class Isolated:
    """What could be read, and of whom. `project_dir` is the project itself, or the shadow that stands in for it."""

    manifest: Mapping[str, Any]
    reading: Reading
    faults: tuple[ContractFault, ...]
    project_dir: Path
    is_shadow: bool


class Isolation:
    """Reads a project as far as it can be read.

    Args:
        state: The files as they are.
        last_good: The files as they last were good. Units that load are remembered there.
        shadow: A folder for the shadow project; emptied whenever one is built.
        parse: Runs dbt.
    """

    def __init__(self, state: ProjectState, last_good: LastGood, shadow: Path, parse: Parse) -> None:
        self._state = state
        self._last_good = last_good
        self._shadow = shadow
        self._parse = parse
        self._calendars = read_calendars(state, last_good.calendars())
        self._choices: dict[str, Choice] = dict.fromkeys(state.units, Choice.CURRENT)
        self._stubs: set[Missing] = set()
        self._faults: dict[str, list[ContractFault]] = {}
        self._told: dict[str, ContractFault] = {}  # what consumers read and nobody declares
        self._tolerated: set[str] = set()

    def read(self) -> Isolated:
        """The project with every broken unit replaced.

        Raises:
            ContractError: What all teams share is broken, and there is no last good state of it.
        """
        for _ in range(3 * len(self._choices) + 20):
            project_dir = self._project_dir()
            manifest = self._parse(project_dir, False)
            if isinstance(manifest, Failure):
                # dbt stops at the first file that it can't read; here they are all found.
                if not self._replace_unreadable():
                    self._blame(manifest)
                continue
            paths = read_paths(project_dir, self._state.project_dir)
            reading = read_manifest(manifest, paths, YamlLines(project_dir), self._calendars.known)
            broken = self._broken_units(reading.problems)
            if not broken:
                return self._finish(manifest, reading, project_dir)
            for unit, problems in broken.items():
                self._replace(unit, [self._fault_of(problem) for problem in problems])
        raise ContractError(
            "dbt can't read the project, and no team's files alone explain it", next_step="dbt parse"
        )

    def _project_dir(self) -> Path:
        if not self._stubs and all(choice is Choice.CURRENT for choice in self._choices.values()):
            return self._state.project_dir
        self._last_good.build(self._shadow, self._state, self._choices, self._stubs)
        return self._shadow

    def _finish(self, manifest: Mapping[str, Any], reading: Reading, project_dir: Path) -> Isolated:
        whole = [
            unit
            for unit, choice in self._choices.items()
            if choice is Choice.CURRENT and unit not in self._tolerated
        ]
        self._last_good.keep(self._state, whole)
        users = files_in(reading.datasets.values(), reading.consumers)
        calendars, missed = self._calendars.still_used(users)
        self._last_good.keep_calendars(calendars)
        faults = [
            replace(fault, has_last_good=self._choices[unit] is Choice.LAST_GOOD)
            for unit, found in self._faults.items()
            for fault in found
        ]
        faults += self._told.values()
        faults += [self._fault_of(problem) for problem in reading.problems if problem.reads not in self._told]
        shared_by_all = (*self._calendars.problems, *missed)
        faults += [
            replace(self._fault_of(problem), team=self._state.paths.name, has_last_good=True)
            for problem in shared_by_all
        ]
        ordered = sorted(
            dict.fromkeys(faults), key=lambda fault: (fault.team, fault.path, fault.line or 0, fault.message)
        )
        return Isolated(manifest, reading, tuple(ordered), project_dir, project_dir == self._shadow)

    def _replace_unreadable(self) -> bool:
        found = False
        for unit, paths in self._state.units.items():
            if self._choices[unit] is not Choice.CURRENT:
                continue
            failures = yaml_failures(self._state, [path for path in paths if not path.endswith(".csv")])
            if unit == SHARED:
                failures = {path: failure for path, failure in failures.items() if "/" not in path}
            if failures:
                self._replace(unit, [self._fault(unit, failure) for failure in failures.values()])
                found = True
        return found

    def _broken_units(self, problems: Sequence[Problem]) -> Mapping[str, Sequence[Problem]]:
        found: dict[str, list[Problem]] = {}
        for problem in problems:
            unit = self._state.paths.unit_of(problem.origin.path)
            if problem.is_broken and unit not in self._tolerated:
                found.setdefault(unit, []).append(problem)
        for unit in list(found):
            if unit not in self._choices or (unit == SHARED and not self._has_other(unit)):
                self._tolerated.add(unit)  # what has the problem is left out, the rest can be used
                del found[unit]
        return found

    def _blame(self, failure: Failure) -> None:
        units = [self._state.paths.unit_of(path) for path in failure.paths]
        if failure.missing and failure.missing not in self._stubs:
            is_absent = self._replaced_unit_that_names(failure.missing[1]) is not None
            if not is_absent and failure.is_consumers and units:
                # The team that took the dataset away must not take its consumers' datasets with it.
                self._told[failure.missing[1]] = replace(self._fault(units[-1], failure), is_broken=False)
            if is_absent or failure.missing[1] in self._told:
                self._stubs.add(failure.missing)
                return
        usable = [unit for unit in units if self._choices.get(unit, Choice.OUT) is not Choice.OUT]
        changed = [unit for unit in usable if self._is_changed(unit)]
        if usable:
            # Two teams that declare the same: the one that did so last, or whom dbt names last.
            unit = (changed or usable)[-1]
            self._replace(unit, [self._fault(unit, failure)])
        else:
            self._search(failure)

    def _replaced_unit_that_names(self, text: str) -> str | None:
        """The broken unit that seems to declare a dataset or a model, `a.b` or `b`: its files can't be parsed, but searched.

        In doubt it is one of which nothing is known.
        """
        for unit, choice in self._choices.items():
            if choice is not Choice.CURRENT and unit != SHARED:
                content = "\n".join([*self._state.units[unit], *map(self._text, self._state.units[unit])])
                if all(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", content) for name in text.split(".")):
                    return unit
        # What stood in a file before it was emptied can't be known.
        return next((unit for unit, choice in self._choices.items() if choice is Choice.OUT), None)

    def _search(self, failure: Failure) -> None:
        """Find by trial the units behind a failure that names no file."""
        current = [
            unit
            for unit, choice in self._choices.items()
            if choice is Choice.CURRENT and self._can_be_replaced(unit)
        ]
        suspects = [unit for unit in current if self._is_changed(unit)] or current
        if not suspects or self._fails({unit: self._other(unit) for unit in suspects}):
            self._replace(SHARED, [self._fault(SHARED, failure)])
            return
        culprits = self._culprits(
            suspects, [], lambda units: {u: self._other(u) for u in suspects if u not in units}
        )
        for unit, reason in culprits.items() or {suspects[-1]: failure}.items():
            self._replace(unit, [self._fault(unit, reason if reason.paths else self._at_file(unit, reason))])

    def _culprits(
        self, group: Sequence[str], good: list[str], choices: Callable[[Sequence[str]], Mapping[str, Choice]]
    ) -> dict[str, Failure]:
        """The units of a group that can't be read together with the good ones; the others become good."""
        failure = self._fails(choices([*good, *group]))
        if failure is None:
            good += group
            return {}
        if len(group) == 1:
            return {group[0]: failure}
        middle = len(group) // 2
        return {
            **self._culprits(group[:middle], good, choices),
            **self._culprits(group[middle:], good, choices),
        }

    def _at_file(self, unit: str, failure: Failure) -> Failure:
        """The failure with the file of the unit that causes it: without that file it is gone."""
        paths = [path for path in self._state.units[unit] if not path.endswith(".csv")]
        others = {
            other: self._other(other)
            for other in self._choices
            if other not in (unit, SHARED) and self._is_changed(other)
        }
        low, high = (
            0,
            len(paths),
        )  # invariant: with the files below `high` it fails, with those below `low` it does not
        while high - low > 1:
            middle = (low + high) // 2
            fails = self._fails(others, without=paths[middle:])
            low, high = (low, middle) if fails else (middle, high)
        path = paths[high - 1]
        return Failure(failure.message, (path,), guess_line(failure.message, self._text(path)))

    def _fails(self, choices: Mapping[str, Choice], without: Sequence[str] = ()) -> Failure | None:
        self._last_good.build(self._shadow, self._state, {**self._choices, **choices}, self._stubs, without)
        result = self._parse(self._shadow, True)
        # What is missing because a unit is left out for the trial says nothing about the others.
        return result if isinstance(result, Failure) and not result.missing else None

    def _replace(self, unit: str, faults: Sequence[ContractFault]) -> None:
        if self._choices[unit] is Choice.CURRENT:
            self._faults.setdefault(unit, []).extend(faults)
        choice = self._other(unit)
        if unit == SHARED and choice is Choice.OUT:
            fault = faults[0]
            raise ContractError(
                fault.message,
                subject=str(fault).removesuffix(f": {fault.message}"),
                found="this file is shared by all teams, and there is no last good state of it",
                next_step=fault.next_step,
            )
        self._choices[unit] = choice

    def _other(self, unit: str) -> Choice:
        """What stands in for a unit."""
        if self._choices[unit] is Choice.CURRENT and self._has_other(unit):
            return Choice.LAST_GOOD
        return Choice.OUT

    def _has_other(self, unit: str) -> bool:
        return (
            self._choices[unit] is Choice.CURRENT
            and self._last_good.fingerprint(unit) is not None
            and self._is_changed(unit)
        )

    def _can_be_replaced(self, unit: str) -> bool:
        return unit != SHARED or self._has_other(unit)

    def _is_changed(self, unit: str) -> bool:
        return self._last_good.fingerprint(unit) != self._state.unit_fingerprint(unit)

    def _fault(self, unit: str, failure: Failure) -> ContractFault:
        path, line = self._place(unit, failure)
        place = f"{path}:{line}" if line else path
        next_step = f"correct {place}; the hub reads it again by itself"
        if "dbt deps" in failure.message:
            next_step = f"dbt deps --project-dir {self._state.project_dir}"
        team = self._state.paths.team_of(self._state.units[unit][0])
        return ContractFault(team=team, path=path, line=line, message=failure.message, next_step=next_step)

    def _place(self, unit: str, failure: Failure) -> tuple[str, int | None]:
        own = [path for path in failure.paths if self._state.paths.unit_of(path) == unit]
        if own:
            path = own[-1]
            return path, failure.line if failure.paths[-1] == path else guess_line(
                failure.message, self._text(path)
            )
        packages = f"{self._state.paths.packages}/"
        files = [path for path in self._state.units[unit] if not path.startswith(packages)]
        for guess in (jinja_line, guess_line):
            for path in files:
                if line := guess(failure.message, self._text(path)):
                    return path, line
        return files[0] if len(files) == 1 else self._folder_of(unit), None

    def _fault_of(self, problem: Problem) -> ContractFault:
        origin = problem.origin
        message, next_step = problem.message, problem.next_step
        if problem.reads and (unit := self._replaced_unit_that_names(problem.reads)) is not None:
            message = message.replace("which nobody declares", f"and the files of {unit} are broken")
            next_step = f"mend {self._faults[unit][0].path}"
        return ContractFault(
            team=self._state.paths.team_of(origin.path),
            path=origin.path,
            line=origin.line,
            message=message,
            next_step=next_step,
            has_last_good=not problem.is_broken,
            is_broken=problem.is_broken,
        )

    def _folder_of(self, unit: str) -> str:
        if unit == SHARED:
            return "dbt_project.yml"
        path = self._state.units[unit][0]
        return path[: path.index(f"/{unit}") + len(unit) + 1]

    def _text(self, path: str) -> str:
        try:
            return (self._state.project_dir / path).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
