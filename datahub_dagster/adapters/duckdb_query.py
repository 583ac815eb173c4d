"""Reading a dataset of the embedded hub as a reader with DuckDB does: through the catalog, and not through the log."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from datahub_dagster.adapters.catalog.duckdb import DuckDbCatalog, published_views
from datahub_dagster.adapters.duckdb_views import DATABASE, quoted
from datahub_dagster.domain.names import DatasetName, Location
from datahub_dagster.ports import Storage


class DuckDbQuery:
    """Asks DuckDB over the catalog's views.

    Args:
        storage: The hub's storage, whose folder is `root`.
        root: The hub's folder.
    """

    engine = "DuckDB"

    def __init__(self, storage: Storage, root: Path) -> None:
        self._storage = storage
        self._root = root
        self._catalog = DuckDbCatalog(storage)

    def rows(self, dataset: DatasetName, columns: Sequence[str]) -> list[tuple[str | None, ...]]:
        """The rows that a reader sees, all values as text, sorted by the columns in their order."""
        with duckdb.connect() as connection:
            for statement in published_views(self._root, [str(dataset)]).get(str(dataset), []):
                connection.execute(statement)
            shown = ", ".join(f"cast({quoted(column)} as varchar)" for column in columns)
            order = ", ".join(map(quoted, columns))
            place = f"{quoted(DATABASE)}.{quoted(dataset.source)}.{quoted(dataset.table)}"
            return connection.execute(f"select {shown} from {place} order by {order}").fetchall()

    def tables(self, source: str) -> Sequence[str]:
        """What the catalog has of a source."""
        return self._storage.list_names(Location("catalog") / source)

    def forget(self, dataset: DatasetName) -> None:
        """Take a dataset out of the catalog; fine if it is not there."""
        folder = self._catalog.folder(dataset)
        assert folder is not None
        self._storage.delete_folder(folder)

    def tidy(self, source: str) -> None:
        """Remove the folder of a source of which nothing is left."""
        if not self.tables(source):
            self._storage.delete_folder(Location("catalog") / source)
