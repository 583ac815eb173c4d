"""DuckDB as the engine of audits and docs: an in-memory database with views over exactly the files that may be seen."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from datahub_dagster.adapters.catalog.duckdb import published_views
from datahub_dagster.adapters.dbt.engine import Engine, World
from datahub_dagster.adapters.dbt.invocation import reason_in
from datahub_dagster.adapters.dbt.privacy import Privacy
from datahub_dagster.adapters.dbt.slim import Relation
from datahub_dagster.adapters.duckdb_views import DATABASE, view_sql
from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.domain.audit import QueryCost, Sample
from datahub_dagster.domain.names import DatasetName
from datahub_dagster.domain.view import DatasetView

_OUTPUT = {"type": "duckdb", "path": ":memory:", "schema": "main", "threads": 1}
_PLUGIN = "datahub_dagster.adapters.dbt.duckdb_plugin"
_LONGEST_MESSAGE = 500


class DuckDbEngine(Engine):
    """Runs in this process. Nothing is imported until dbt runs.

    Args:
        storage: Where the hub's files are.
    """

    target = "local"
    threads = 1

    def __init__(self, storage: LocalStorage) -> None:
        self._storage = storage

    def output(self) -> Mapping[str, Any]:
        return {**_OUTPUT, "plugins": [{"module": _PLUGIN}]}

    def parse_output(self) -> Mapping[str, Any]:
        return _OUTPUT

    def words(self) -> str:
        from importlib.metadata import version

        return f"duckdb {version('duckdb')}, dbt {version('dbt-core')}"

    @contextmanager
    def showing(self, views: Sequence[DatasetView]) -> Iterator[World]:
        world = _World({view.dataset: view for view in views}, self._storage)
        try:
            yield world
        finally:
            world.close()

    @contextmanager
    def showing_published(self) -> Iterator[Callable[[str], bool]]:
        with _handing_over(published_views(self._storage.root)):
            yield lambda _schema: True

    def published_relation(self, schema: str, table: str) -> Relation:
        return Relation(DATABASE, schema, table)


class _World(World):
    """Views in memory: a database of dbt's own while it runs, and another one for samples."""

    def __init__(self, views: Mapping[DatasetName, DatasetView], storage: LocalStorage) -> None:
        self._views = views
        self._statements = {str(name): view_sql(view, storage.engine_path) for name, view in views.items()}
        self._left_out: Mapping[str, str] = {}
        self._connection: Any = None

    @contextmanager
    def connecting(self) -> Iterator[None]:
        with _handing_over(self._statements) as seen:
            yield
            self._left_out = seen.left_out

    def relation(self, dataset: DatasetName, schema: str, table: str) -> Relation:
        view = self._views.get(dataset)
        return Relation(DATABASE, view.schema, view.table) if view else Relation(DATABASE, schema, table)

    def left_out(self) -> Mapping[DatasetName, str]:
        return {
            DatasetName.parse(name): f"IO Error: {name} can't be read: {_short(reason_in(reason))}"
            for name, reason in self._left_out.items()
        }

    def explain(self, test_id: str, message: str) -> str:
        del test_id
        return _short(reason_in(message))

    def sample(self, test_id: str, sql: str, limit: int, privacy: Privacy) -> Sample | None:
        del test_id
        import duckdb

        from datahub_dagster.adapters.dbt.duckdb_plugin import make_views
        from datahub_dagster.adapters.dbt.duckdb_samples import take_sample

        if self._connection is None:
            self._connection = duckdb.connect(":memory:")
            make_views(self._connection, self._statements)
        return take_sample(self._connection, sql, limit, privacy)

    def cost(self, test_id: str) -> QueryCost | None:
        del test_id
        return None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


@contextmanager
def _handing_over(statements: Mapping[str, Sequence[str]]) -> Iterator[Any]:
    # These bring dbt with them, which takes more than a second to import.
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    from datahub_dagster.adapters.dbt.duckdb_plugin import handing_over
    from datahub_dagster.adapters.dbt.parse import DBT_LOCK

    with DBT_LOCK, handing_over(statements) as seen:
        # A second audit in the same process would reuse the first one's connection, and pass a bad candidate by the views of a good one.
        DuckDBConnectionManager.close_all_connections()
        try:
            yield seen
        finally:
            DuckDBConnectionManager.close_all_connections()


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}…"
