"""Reads published data without dbt, Dagster or the dbt project: for notebooks and scripts.

    hub = datahub_dagster.open("/data/hub")      # or "s3://bucket/prefix"
    hub["equities.daily_prices"].polars()
    hub["equities.daily_prices"].at(release="2026-11-20.7").arrow()

A reader goes through the hub's log, which is the truth, and not through a catalog: what it reads is one generation, whole, even while
the next one is published.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from difflib import get_close_matches
from functools import cached_property
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from datahub_dagster.adapters.duckdb_views import DATABASE, quoted, view_sql
from datahub_dagster.adapters.release_log import JsonReleaseLog
from datahub_dagster.adapters.storage.opened import OpenedHub, opened, place_named
from datahub_dagster.domain.names import DatasetName, Location, ReleaseId
from datahub_dagster.domain.release import Generation, GenerationKind
from datahub_dagster.domain.view import DatasetView
from datahub_dagster.errors import UnknownDatasetError, UnknownReleaseError, UsageError
from datahub_dagster.settings import Settings
from datahub_dagster.side_by_side import side_by_side
from datahub_dagster.steps.views import view_of

if TYPE_CHECKING:
    import duckdb
    import pandas
    import polars
    import pyarrow

_LOG = Location("log")


def open_reader(root: str | Path | None = None) -> "HubReader":
    """A reader of the hub in a folder of this machine, or below `s3://bucket/prefix`; by default of the one that DATAHUB_ROOT names.

    Raises:
        SettingsError: There is no hub.
        StorageError: S3 doesn't let us look.
    """
    return HubReader(opened(place_named(root) if root is not None else Settings.from_environment().root))


class HubReader:
    """The published datasets, by name: `hub["source.table"]`."""

    def __init__(self, hub: OpenedHub) -> None:
        self._hub = hub
        self._storage = hub.storage
        self._log = JsonReleaseLog(hub.storage)

    def datasets(self) -> Sequence[str]:
        """Names of the datasets that have a published release, sorted."""
        return sorted(map(str, self._published()))

    def __getitem__(self, name: str) -> "DatasetReader":
        """A dataset as it is published now. Raises `UnknownDatasetError`."""
        current = self._current(name)
        if current is None:
            known = self.datasets()
            nearest = get_close_matches(name, known, n=3, cutoff=0.5)
            raise UnknownDatasetError(
                "no such dataset is published",
                subject=name,
                found=f"{len(known)} datasets" + (f"; the nearest: {', '.join(nearest)}" if nearest else ""),
                next_step="hub.datasets() lists them all",
            )
        return DatasetReader(self._hub, self._log, current)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._current(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self.datasets())

    def connect(self, *names: str) -> "duckdb.DuckDBPyConnection":
        """A DuckDB connection that has these datasets (none named: all) as views `"source"."table"`, as they are published now."""
        wanted = list(names or self.datasets())
        views = side_by_side(lambda name: self[name].view, wanted, self._storage.parallel)
        return _connect(self._hub, list(views))

    def __repr__(self) -> str:
        return f"<hub {self._hub.name}: {len(self.datasets())} datasets>"

    def _current(self, name: str) -> Generation | None:
        """What is published under a name. Sources and tables may have dots in theirs: each dot may be the one between them."""
        dots = [place for place, char in enumerate(name) if char == "."]
        for dot in dots:
            with suppress(ValueError):  # parts that can't be names
                current = self._log.current(DatasetName(name[:dot], name[dot + 1 :]))
                if current is not None:
                    return current
        return None

    def _published(self) -> Sequence[DatasetName]:
        def tables(source: str) -> list[DatasetName]:
            return [DatasetName(source, table) for table in self._storage.list_names(_LOG / source)]

        at_once = self._storage.parallel
        sources = self._storage.list_names(_LOG)
        datasets = list(chain.from_iterable(side_by_side(tables, sources, at_once)))
        are_published = side_by_side(
            lambda each: bool(self._storage.list_names(_LOG / each.source / each.table / "generations")),
            datasets,
            at_once,
        )
        return [
            dataset for dataset, is_published in zip(datasets, are_published, strict=True) if is_published
        ]


class DatasetReader:
    """One generation of a dataset: the same rows however often it is read."""

    def __init__(self, hub: OpenedHub, log: JsonReleaseLog, generation: Generation) -> None:
        self._hub = hub
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
    def files(self) -> tuple[Path | str, ...]:
        """The Parquet files: paths, or on S3 `s3://` addresses. A partition column may be in their paths only."""
        return tuple(self._hub.file(Location(file.path)) for file in self.view.files)

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
        reader = DatasetReader(self._hub, self._log, found)
        _ = reader.view  # what is no longer kept is said here, and not by the engine later
        return reader

    def duckdb(self) -> "duckdb.DuckDBPyRelation":
        """A DuckDB relation, which reads what is asked of it and when it is asked: for data larger than the memory."""
        relation = f"{quoted(DATABASE)}.{quoted(self.view.schema)}.{quoted(self.view.table)}"
        return _connect(self._hub, [self.view]).sql(f"select * from {relation}")

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


def _connect(hub: OpenedHub, views: Sequence[DatasetView]) -> "duckdb.DuckDBPyConnection":
    connection = hub.connect()
    connection.execute("set global TimeZone = 'UTC'")
    for view in views:
        for statement in view_sql(view, hub.storage.engine_path):
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
