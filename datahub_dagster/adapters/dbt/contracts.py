"""Reads the contracts out of the dbt project; where a delivery's way begins."""

from pathlib import Path
from typing import Any

from datahub_dagster.adapters.dbt.cache import ParseCache, ParsedProject, Stored
from datahub_dagster.adapters.dbt.engine import Engine
from datahub_dagster.adapters.dbt.profiles import PARSE_TARGET, write_profiles
from datahub_dagster.adapters.dbt.project import ProjectState, scan
from datahub_dagster.domain.contract import Consumer, ContractBook, digest
from datahub_dagster.errors import ContractError, SettingsError, StorageError
from datahub_dagster.ports import Contracts

_TRIES = 3


class DbtContracts(Contracts):
    """The contracts of a dbt project.

    Nothing is written into the project. A load without a change looks at the files' times and reads one JSON file; dbt is not imported.
    Any number of processes may load at once: one parses, the others wait for it.

    Args:
        project_dir: Folder of `dbt_project.yml`.
        cache_dir: For parsed contracts, dbt's own files, and the last good files of each team.
        engine: Whose dialect dbt parses the project for. The contracts are the same for all.
    """

    def __init__(self, project_dir: Path, cache_dir: Path, engine: Engine) -> None:
        self._project_dir = project_dir.absolute()
        self._cache_dir = cache_dir.absolute()
        self._output = engine.parse_output()
        self._adapter = str(self._output["type"])
        # Several projects may share a cache, such as the hub's own and one under test.
        self._folder = self._cache_dir / "dbt" / digest(str(self._project_dir))
        self._cache = ParseCache(self._folder)
        self._last: Stored | None = None

    def load(self) -> ContractBook:
        """All contracts as the files are now. A team whose files are broken has its last good state, and a fault.

        Raises:
            ContractError: What all teams share is broken, and there is no last good state of it.
            SettingsError: There is no dbt project.
            StorageError: The project can't be read, or the cache can't be written.
        """
        return self._current().book

    def parsed(self) -> ParsedProject:
        """The parsed project behind the contracts as they are now. Raises as `load` does."""
        return self._current().parsed

    def _current(self) -> Stored:
        if not (self._project_dir / "dbt_project.yml").is_file():
            raise SettingsError(
                "there is no dbt project",
                subject=str(self._project_dir),
                promised="a folder with dbt_project.yml",
                next_step="set DATAHUB_DBT_PROJECT_DIR to the folder of a dbt project",
            )
        try:
            return self._find() or self._make()
        except OSError as error:
            raise StorageError(
                f"the contracts can't be read or kept: {error.strerror or error}",
                subject=str(error.filename or self._folder),
                next_step="make it readable, or set DATAHUB_CACHE_DIR to a folder that can be written",
            ) from error

    def _find(self) -> Stored | None:
        fingerprint = self._scan().fingerprint
        last = self._last
        if last is None or last.parsed.fingerprint != fingerprint or not last.parsed.manifest_path.is_file():
            self._last = last = self._cache.find(fingerprint)
        return last

    def _make(self) -> Stored:
        with self._cache.lock():
            for _ in range(_TRIES):
                if found := self._find():  # somebody else was faster
                    return found
                state = self._scan()
                kept = self._parse(state)
                # Files that change under a parse may have been read half: only a parse at rest counts.
                if self._scan().fingerprint == state.fingerprint:
                    self._last = kept
                    return kept
        raise ContractError(
            "the files change faster than they can be read",
            subject=str(self._project_dir),
            next_step="try again",
        )

    def _parse(self, state: ProjectState) -> Stored:
        # These import dbt's neighbourhood, pydantic and yaml; a load from the cache needs none of it.
        from datahub_dagster.adapters.dbt.isolation import Isolation
        from datahub_dagster.adapters.dbt.last_good import LastGood
        from datahub_dagster.adapters.dbt.parse import Failure, run_parse

        profiles_dir = write_profiles(self._project_dir, self._cache_dir, PARSE_TARGET, self._output)
        shadow = self._folder / "shadow" / "project"
        # dbt's saved parse of one engine is of no use to another one.
        own = self._folder / self._adapter
        targets = {state.project_dir: own / "target", shadow: own / "shadow"}

        def parse(project_dir: Path, is_trial: bool) -> dict[str, Any] | Failure:
            target = own / "trial" if is_trial else targets[project_dir]
            return run_parse(project_dir, profiles_dir, target, state, partial=not is_trial)

        read = Isolation(state, LastGood(self._folder / "last_good"), shadow, parse).read()
        # dbt's own order is that in which it last read the files.
        consumers = sorted(read.reading.consumers, key=_place)
        book = ContractBook(datasets=read.reading.datasets, consumers=tuple(consumers), faults=read.faults)
        return self._cache.keep(
            state.fingerprint, book, read.manifest, read.project_dir,
            is_shadow=read.is_shadow, target_dir=targets[read.project_dir],
        )  # fmt: skip

    def _scan(self) -> ProjectState:
        good = self._folder / "last_good" / "shared" / "files"
        return scan(self._project_dir, self._folder / "index.json", adapter=self._adapter, good_dir=good)


def _place(consumer: Consumer) -> tuple[str, int, str]:
    origin = consumer.origin
    return (origin.path, origin.line, consumer.unique_id) if origin else ("", 0, consumer.unique_id)
