"""Reads published data without dbt, Dagster or the dbt project: for notebooks and scripts.

    hub = datahub_dagster.open("/data/hub")
    hub["equities.daily_prices"].polars()
    hub["equities.daily_prices"].at(release="2026-11-20.7").arrow()

A reader goes through the hub's log, which is the truth, and not through a catalog: what it reads is one generation, whole, even while
the next one is published.
"""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from datahub_dagster.adapters.duckdb_views import DATABASE, quoted, view_sql
from datahub_dagster.adapters.release_log import JsonReleaseLog
from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.domain.names import DatasetName, Location, ReleaseId
from datahub_dagster.domain.release import Generation, GenerationKind
from datahub_dagster.domain.view import DatasetView
from datahub_dagster.errors import SettingsError, UnknownDatasetError, UnknownReleaseError, UsageError
from datahub_dagster.settings import Settings
from datahub_dagster.steps.views import view_of

if TYPE_CHECKING:
    import duckdb
    import pandas
    import polars
    import pyarrow

_LOG = Location("log")


def open_reader(root: str | Path | None = None) -> "HubReader":
    """A reader of the hub in a folder of this machine; by default of the one that DATAHUB_ROOT names.

    Raises:
        SettingsError: There is no hub.
    """
    folder = Path(root).expanduser().absolute() if root is not None else Settings.from_environment().root
    if not folder.is_dir():
        raise SettingsError(
            "there is no hub in this folder",
            subject=str(folder),
            next_step='datahub_dagster.open("<the hub\'s folder>"), or set DATAHUB_ROOT',
        )
    return HubReader(LocalStorage(folder))


class HubReader:
    """The published datasets, by name: `hub["source.table"]`."""

    def __init__(self, storage: LocalStorage) -> None:
        self._storage = storage
        self._log = JsonReleaseLog(storage)

    def datasets(self) -> Sequence[str]:
        """Names of the datasets that have a published release, sorted."""
        return sorted(str(dataset) for dataset in self._published())

    def __getitem__(self, name: str) -> "DatasetReader":
        """A dataset as it is published now. Raises `UnknownDatasetError`."""
        by_text = {str(dataset): dataset for dataset in self._published()}
        current = self._log.current(by_text[name]) if name in by_text else None
        if current is None:
            nearest = get_close_matches(name, by_text, n=3, cutoff=0.5)
            raise UnknownDatasetError(
                "no such dataset is published",
                subject=name,
                found=f"{len(by_text)} datasets"
                + (f"; the nearest: {', '.join(nearest)}" if nearest else ""),
                next_step="hub.datasets() lists them all",
            )
        return DatasetReader(self._storage, self._log, current)

    def __contains__(self, name: object) -> bool:
        return name in self.datasets()

    def __iter__(self) -> Iterator[str]:
        return iter(self.datasets())

    def connect(self, *names: str) -> "duckdb.DuckDBPyConnection":
        """A DuckDB connection that has these datasets (none named: all) as views `"source"."table"`, as they are published now."""
        return _connect(self._storage, [self[name].view for name in names or self.datasets()])

    def __repr__(self) -> str:
        return f"<hub {self._storage.root}: {len(self.datasets())} datasets>"

    def _published(self) -> Iterator[DatasetName]:
        for source in self._storage.list_names(_LOG):
            for table in self._storage.list_names(_LOG / source):
                if self._storage.list_names(_LOG / source / table / "generations"):
                    yield DatasetName(source, table)


class DatasetReader:
    """One generation of a dataset: the same rows however often it is read."""

    def __init__(self, storage: LocalStorage, log: JsonReleaseLog, generation: Generation) -> None:
        self._storage = storage
        self._log = log
        self._generation = generation

    @property
    def name(self) -> str:
        """The dataset's name, `source.table`."""
        return str(self._generation.dataset)

    @property
    def generation(self) -> int:
        """Number of the generation that is read."""
        return self._generation.number

    @property
    def release(self) -> str:
        """The release that made the generation, such as `2026-11-20.7`."""
        return str(self._generation.release_id)

    @property
    def columns(self) -> dict[str, str]:
        """Name and type (in DuckDB's words) of each column, in order."""
        relation = self.duckdb()
        return {name: str(kind) for name, kind in zip(relation.columns, relation.types, strict=True)}

    @property
    def files(self) -> tuple[Path, ...]:
        """The Parquet files. A partition column may be in their paths only."""
        return tuple(self._storage.root / file.path for file in self.view.files)

    @property
    def rows(self) -> int:
        """How many rows there are, from the files' footers."""
        return self.view.rows

    @cached_property
    def view(self) -> DatasetView:
        """The exact list of files, and how to read them.

        Raises:
            RetentionError: Some of them are no longer kept.
        """
        return view_of(self._log, self._generation.dataset, self._generation.partitions)

    def at(self, *, generation: int | None = None, release: str | None = None) -> "DatasetReader":
        """The dataset as it was: in a generation, or when a release was published.

        Raises:
            UnknownReleaseError: There is no such generation, or the release was never published.
            RetentionError: Some of its files are no longer kept.
        """
        if (generation is None) == (release is None):
            raise UsageError(
                "say either generation= or release=",
                subject=self.name,
                next_step=f"datahub releases {self.name}",
            )
        found = self._made_by(release) if release is not None else self._numbered(generation or 0)
        reader = DatasetReader(self._storage, self._log, found)
        _ = reader.view  # what is no longer kept is said here, and not by the engine later
        return reader

    def duckdb(self) -> "duckdb.DuckDBPyRelation":
        """A DuckDB relation, which reads what is asked of it and when it is asked: for data larger than the memory."""
        relation = f"{quoted(DATABASE)}.{quoted(self.view.schema)}.{quoted(self.view.table)}"
        return _connect(self._storage, [self.view]).sql(f"select * from {relation}")

    def arrow(self) -> "pyarrow.Table":
        """All rows as an Arrow table."""
        return self.duckdb().to_arrow_table()

    def polars(self) -> "polars.DataFrame":
        """All rows as a Polars frame."""
        _require("polars")
        return self.duckdb().pl()

    def pandas(self) -> "pandas.DataFrame":
        """All rows as a pandas frame."""
        _require("pandas")
        return self.duckdb().df()

    def __repr__(self) -> str:
        return f"<{self.name}: release {self.release}, generation {self.generation}>"

    def _numbered(self, number: int) -> Generation:
        found = self._log.generation(self._generation.dataset, number) if number > 0 else None
        if found is None:
            newest = self._log.current(self._generation.dataset)
            raise UnknownReleaseError(
                f"there is no generation {number}",
                subject=self.name,
                found=f"generations 1 to {newest.number if newest else 0}",
                next_step=f"datahub releases {self.name}",
            )
        return found

    def _made_by(self, release: str) -> Generation:
        dataset = self._generation.dataset
        try:
            wanted = ReleaseId.parse(release)
        except ValueError as error:
            raise UnknownReleaseError(
                str(error), subject=self.name, next_step=f"datahub releases {self.name}"
            ) from None
        made = [each for each in self._log.generations(dataset) if each.kind is GenerationKind.RELEASE]
        found = next((each for each in made if each.release_id == wanted), None)
        if found is None:
            record = self._log.record(dataset, wanted)
            raise UnknownReleaseError(
                f"release {release} was never published",
                subject=self.name,
                found=f"it was {record.state}: {record.why}"
                if record
                else f"{len(made)} published releases, none of that name",
                next_step=f"datahub releases {self.name}",
            )
        return found


def _connect(storage: LocalStorage, views: Sequence[DatasetView]) -> "duckdb.DuckDBPyConnection":
    import duckdb  # takes a moment, and not everybody who opens a hub reads data

    connection = duckdb.connect(":memory:")
    connection.execute("set global TimeZone = 'UTC'")
    for view in views:
        for statement in view_sql(view, storage.engine_path):
            connection.execute(statement)
    return connection


def _require(module: str) -> None:
    try:
        import_module(module)
    except ImportError as error:
        raise UsageError(
            f"{module} is not installed",
            promised="it comes with the extra `notebook`",
            next_step='pip install "datahub_dagster[notebook]"',
        ) from error
