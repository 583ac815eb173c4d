"""A dataset's whole life in a real hub, to see that everything works there: `datahub doctor --smoke`.

It makes a dataset of its own, `hub_smoke.run_<when>_<random>`, releases, reads, rolls back, and removes it, whatever happens in
between. Only a process that is killed leaves something, which the next run removes. The docs are not touched, nobody is told, and
the hub's own datasets are neither read nor written.
"""

import re
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from datahub_dagster import pipeline
from datahub_dagster.adapters.alert_log import JsonAlertLog
from datahub_dagster.demo import smoke_data
from datahub_dagster.demo.smoke_data import SOURCE, Row, as_text
from datahub_dagster.domain import words
from datahub_dagster.domain.alert import Alert
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.finding import Level
from datahub_dagster.domain.names import DatasetName, Location
from datahub_dagster.domain.release import OutcomeKind
from datahub_dagster.errors import HubError, UsageError
from datahub_dagster.reader import open_reader
from datahub_dagster.settings import Settings
from datahub_dagster.steps.inbox import inbox_folder
from datahub_dagster.wiring import open_hub, open_query

ACTOR = "datahub doctor --smoke"
_TABLE = re.compile(r"run_(\d{8}t\d{6})_[0-9a-f]{4}")
_INSTANT = "%Y%m%dt%H%M%S"
_LONGEST = timedelta(minutes=15)  # a run that began longer ago was killed
_TESTS = 4
_AREAS = ("inbox", "releases", "log")  # where the hub has a folder for each source


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeStep:
    """A step that was taken. After a fault only the last step, the removal, follows."""

    level: Level
    subject: str
    found: str
    seconds: float
    next_step: str = ""


class _OtherwiseError(Exception):
    """A step ended otherwise than it must."""


def smoke(settings: Settings, *, on_begin: Callable[[str], None] = lambda _step: None) -> Iterator[SmokeStep]:
    """Take each step, and tell how it ended. The dataset is removed though the caller stops asking.

    Args:
        settings: The hub's.
        on_begin: Hears the name of each step before it is taken.
    """
    with tempfile.TemporaryDirectory(prefix="datahub-smoke-") as folder:
        run = _Run(settings, Path(folder))
        try:
            for name, act in run.acts().items():
                on_begin(name)
                step = _taken(name, act)
                yield step
                if step.level is Level.FAULT:
                    break
            on_begin("remove")
        finally:
            removed = _taken("remove", run.remove)
        yield removed


def _taken(name: str, act: Callable[[], tuple[Level, str]]) -> SmokeStep:
    begun = time.perf_counter()
    next_step = ""
    try:
        level, found = act()
    except HubError as error:
        level = Level.FAULT
        found = f"{error.headline}: {error.found}" if error.found else error.headline
        next_step = error.next_step or ""
    except _OtherwiseError as error:
        level, found = Level.FAULT, str(error)
    except Exception as error:  # noqa: BLE001 - whatever breaks a step is what this looks for
        level, found = Level.FAULT, f"{type(error).__name__}: {error}"
    seconds = round(time.perf_counter() - begun, 3)
    return SmokeStep(level=level, subject=name, found=found, seconds=seconds, next_step=next_step)


class _Run:
    """One run: a dataset that no other run has."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        now = datetime.now(UTC)
        self._folder = folder
        self._dataset = DatasetName(SOURCE, f"run_{now.strftime(_INSTANT)}_{secrets.token_hex(2)}")
        self._settings = replace(
            settings, dbt_project_dir=folder / "project", cache_dir=folder / "cache", teams=()
        )
        hub = open_hub(self._settings)
        self._hub = replace(hub, alerts=_Unheard(hub.storage), sources_root=folder)
        self._query = open_query(self._settings)
        self._may_write = False

    def acts(self) -> dict[str, Callable[[], tuple[Level, str]]]:
        """The steps in their order, but the last."""
        return {
            "look for former runs": self._look,
            "read the contract": self._read_contract,
            "release a first delivery": lambda: self._release("first", smoke_data.FIRST, generation=1),
            **self._readings("the first delivery", smoke_data.FIRST),
            "refuse a faulty delivery": lambda: self._release("faulty", smoke_data.FAULTY, generation=None),
            **self._readings("still the first", smoke_data.FIRST),
            "release a second delivery": lambda: self._release("second", smoke_data.SECOND, generation=2),
            **self._readings("both deliveries", smoke_data.AFTER_SECOND),
            "roll back": self._roll_back,
            **self._readings("the first again", smoke_data.FIRST),
        }

    def remove(self) -> tuple[Level, str]:
        """Remove what this run wrote, as far as the hub may."""
        if not self._may_write:
            return Level.FINE, "nothing was written"
        left = self._removed(self._dataset)
        left += self._tried([lambda: self._query.tidy(SOURCE), *map(self._tidying, _AREAS)])
        if left:
            return Level.NOTE, f"this role may not remove all; {'; '.join(left)}"
        return Level.FINE, "all of it: inbox, releases, log, catalog"

    def _tidying(self, area: str) -> Callable[[], None]:
        """On a disk, folders stay when their files have gone."""
        folder, storage = Location(area) / SOURCE, self._hub.storage
        return lambda: None if storage.list_names(folder) else storage.delete_folder(folder)

    def _look(self) -> tuple[Level, str]:
        """Refuse a source that is somebody's; remove what killed runs left."""
        storage = self._hub.storage
        tables = set(self._query.tables(SOURCE))
        for area in _AREAS:
            tables |= set(storage.list_names(Location(area) / SOURCE))
        foreign = sorted(table for table in tables if not _TABLE.fullmatch(table))
        if foreign:
            raise UsageError(
                f"the hub has datasets of a source {SOURCE} that no smoke run made; nothing was touched",
                subject=f"{SOURCE}.{foreign[0]}",
                found=words.names(foreign),
                next_step=f"give that source another name: {SOURCE} is the hub's own",
            )
        self._may_write = True
        recent = {table for table in tables if self._may_be_running(table)}
        left = [
            text for table in sorted(tables - recent) for text in self._removed(DatasetName(SOURCE, table))
        ]
        if left:
            return Level.NOTE, f"former runs can't be removed; {'; '.join(left)}"
        found = f"{words.plural(len(tables - recent), 'former run')} removed" if tables - recent else "none"
        if recent:
            return Level.NOTE, f"{found}; {words.names(sorted(recent))} may be running still: left alone"
        return Level.FINE, found

    def _may_be_running(self, table: str) -> bool:
        match = _TABLE.fullmatch(table)
        assert match is not None
        began_at = datetime.strptime(match[1], _INSTANT).replace(tzinfo=UTC)
        return datetime.now(UTC) - began_at < _LONGEST

    def _removed(self, dataset: DatasetName) -> list[str]:
        """Remove what there is of a dataset, the catalog first; what can't be removed, a sentence each."""
        storage = self._hub.storage
        folders = (inbox_folder(dataset), *self._hub.log.folders(dataset))
        acts: list[Callable[[], None]] = [lambda: self._query.forget(dataset)]
        acts += [lambda folder=folder: storage.delete_folder(folder) for folder in folders]
        return self._tried(acts)

    def _tried(self, acts: Sequence[Callable[[], None]]) -> list[str]:
        """Do all of it; what can't be done, a sentence each."""
        left: list[str] = []
        for act in acts:
            try:
                act()
            except HubError as error:
                left.append(f"{error.headline}, {error.found}" if error.found else error.headline)
        return left

    @cached_property
    def _contract(self) -> Contract:
        return self._hub.book().find(str(self._dataset))

    def _read_contract(self) -> tuple[Level, str]:
        smoke_data.write_project(self._settings.dbt_project_dir, self._dataset.table)
        if faults := self._hub.book().faults:
            raise _OtherwiseError(f"dbt can't read the project of the smoke run: {faults[0]}")
        found = len(self._contract.tests)
        if found != _TESTS:
            raise _OtherwiseError(f"the contract has {words.plural(found, 'test')}, not {_TESTS}")
        return Level.FINE, f"{self._dataset}, {words.plural(found, 'test')}"

    def _release(self, name: str, rows: Sequence[Row], *, generation: int | None) -> tuple[Level, str]:
        """Deliver and release; `generation` is what must come of it, None = it must be rejected by its audit."""
        path = smoke_data.write_delivery(self._folder / name, rows)
        pipeline.deliver(self._hub, self._contract, path, name)
        outcome = pipeline.release(self._hub, self._contract, name, actor=ACTOR)
        record = outcome.record
        wanted = OutcomeKind.PUBLISHED if generation else OutcomeKind.REJECTED
        if outcome.kind is not wanted or record is None:
            why = record.why if record else "no record"
            raise _OtherwiseError(f"the delivery {name} became {outcome.kind}, not {wanted}: {why}")
        if generation is None:
            if not record.blocks:
                raise _OtherwiseError(f"it was rejected, but not by its tests: {record.why}")
            return Level.FINE, f"rejected: {record.why}"
        if record.generation != generation or (name == "first" and not record.warnings):
            found = f"generation {record.generation}, {words.plural(len(record.warnings), 'warning')}"
            raise _OtherwiseError(f"it was published otherwise than it must: {found}")
        warned = f", {words.plural(len(record.warnings), 'warning')} as told" if record.warnings else ""
        return Level.FINE, f"release {record.release_id} is generation {generation}{warned}"

    def _readings(self, what: str, expected: Sequence[Row]) -> dict[str, Callable[[], tuple[Level, str]]]:
        return {
            f"read directly: {what}": lambda: _compared(self._read_directly(), expected),
            f"read by {self._query.engine}: {what}": lambda: _compared(
                self._query.rows(self._dataset, smoke_data.COLUMNS), expected
            ),
        }

    def _read_directly(self) -> list[tuple[object, ...]]:
        table = open_reader(str(self._settings.root))[str(self._dataset)].arrow()
        return [tuple(row[column] for column in smoke_data.COLUMNS) for row in table.to_pylist()]

    def _roll_back(self) -> tuple[Level, str]:
        generation = pipeline.rollback(self._hub, self._contract, 1, reason="smoke run", actor=ACTOR)
        return (
            Level.FINE,
            f"generation {generation.number} has the content of generation {generation.restores}",
        )


def _compared(found: Sequence[Sequence[object]], expected: Sequence[Row]) -> tuple[Level, str]:
    shown, wanted = as_text(found), as_text(expected)
    if shown != wanted:
        raise _OtherwiseError(
            f"a reader sees {words.plural(len(shown), 'row')}, not the {len(wanted)} that are published: {shown[:5]}"
        )
    return Level.FINE, f"the {words.plural(len(shown), 'row')} that are published"


class _Unheard(JsonAlertLog):
    """Keeps no alert: there are no people behind this dataset."""

    def raise_alert(self, alert: Alert) -> None:
        """Do nothing."""
