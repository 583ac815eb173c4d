"""The last good files of each unit, and the shadow project that is made of them while a team's own files are broken."""

import json
import shutil
from collections.abc import Collection, Mapping
from enum import StrEnum
from pathlib import Path

import yaml

from datahub_dagster.adapters.dbt.manifest import STUB
from datahub_dagster.adapters.dbt.project import CALENDARS, SHARED, ProjectState, write_atomically

Missing = tuple[str, str]
"""What a file refers to and nobody declares: ("source", "payments.orders") or ("node", "stg_orders")."""


class Choice(StrEnum):
    """Which files of a unit are used."""

    CURRENT = "current"
    LAST_GOOD = "last good"
    OUT = "left out"


class LastGood:
    """Copies of units, each as it was when it last loaded without a fault. Written by one process at a time: take the lock first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def files_dir(self, unit: str) -> Path:
        """Where a unit's copies are, by their paths relative to the project."""
        return self._unit_dir(unit) / "files"

    def fingerprint(self, unit: str) -> str | None:
        """The digest of a unit's last good files; None if it never loaded."""
        try:
            stored = json.loads((self._unit_dir(unit) / "unit.json").read_bytes())
            return str(stored["fingerprint"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, state: ProjectState, units: Collection[str]) -> None:
        """Remember units as they are now, and forget those that are no longer in the project."""
        for unit in units:
            fingerprint = state.unit_fingerprint(unit)
            if self.fingerprint(unit) == fingerprint:
                continue
            place = self._unit_dir(unit)
            unfinished = place.with_name(f".new-{place.name}")
            shutil.rmtree(unfinished, ignore_errors=True)
            _copy(state.project_dir, state.units[unit], unfinished / "files")
            write_atomically(unfinished / "unit.json", json.dumps({"fingerprint": fingerprint}).encode())
            former = place.with_name(f".old-{place.name}")
            shutil.rmtree(former, ignore_errors=True)
            if place.exists():
                place.rename(former)
            unfinished.rename(place)
            shutil.rmtree(former, ignore_errors=True)
        units_dir = self._folder / "units"
        for folder in units_dir.iterdir() if units_dir.is_dir() else ():
            if folder.name not in state.units and not folder.name.startswith("."):
                shutil.rmtree(folder, ignore_errors=True)

    def calendars(self) -> Mapping[str, bytes]:
        """What each calendar file last said when it was good, by name."""
        return {file.stem: file.read_bytes() for file in self._calendars_dir().glob("*.yml")}

    def keep_calendars(self, contents: Mapping[str, bytes]) -> None:
        """Remember these calendar files, and forget all others."""
        folder = self._calendars_dir()
        for name, content in contents.items():
            write_atomically(folder / f"{name}.yml", content)
        for file in folder.glob("*.yml"):
            if file.stem not in contents:
                file.unlink(missing_ok=True)

    def build(
        self,
        shadow: Path,
        state: ProjectState,
        choices: Mapping[str, Choice],
        stubs: Collection[Missing],
        without: Collection[str] = (),
    ) -> None:
        """Make a project of each unit's chosen files, with stand-ins for what is missing, and without some files."""
        shutil.rmtree(shadow, ignore_errors=True)
        for unit, paths in state.units.items():
            choice = choices.get(unit, Choice.CURRENT)
            if choice is Choice.CURRENT:
                _copy(state.project_dir, [path for path in paths if path not in without], shadow)
            elif choice is Choice.LAST_GOOD:
                shutil.copytree(self.files_dir(unit), shadow, dirs_exist_ok=True)
        models = shadow / state.paths.models[0]
        models.mkdir(parents=True, exist_ok=True)
        _write_stubs(models, stubs)

    def _calendars_dir(self) -> Path:
        return self._folder / CALENDARS

    def _unit_dir(self, unit: str) -> Path:
        return self._folder / "shared" if unit == SHARED else self._folder / "units" / unit


def _copy(source: Path, paths: Collection[str], target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for path in paths:
        copy = target / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / path, copy)


def _write_stubs(models: Path, stubs: Collection[Missing]) -> None:
    tables: dict[str, list[dict[str, object]]] = {}
    for kind, name in sorted(stubs):
        if kind == "source":
            source, _, table = name.partition(".")
            tables.setdefault(source, []).append({"name": table, "config": {"meta": {STUB: True}}})
        else:
            folder = models / "datahub_stubs"
            folder.mkdir(exist_ok=True)
            (folder / f"{name.rpartition('.')[2]}.sql").write_text("select 1 as missing", encoding="utf-8")
    if tables:
        sources = [{"name": source, "tables": entries} for source, entries in tables.items()]
        (models / "datahub_stubs.yml").write_text(yaml.safe_dump({"sources": sources}), encoding="utf-8")
