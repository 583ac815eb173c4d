"""What dbt-duckdb loads: it makes the hub's datasets views of dbt's in-memory database, so that tests, freshness and docs see them.

Inside the hub the views are handed over, exactly those that an audit may see. For people who type `dbt test` they are what is
published below DATAHUB_ROOT. Of this package only what starts in no time is imported.
"""

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin

from datahub_dagster.adapters.catalog.duckdb import published_views

_log = logging.getLogger(__name__)

Views = Mapping[str, Sequence[str]]
"""The statements that make each dataset's view, by the dataset's name."""


@dataclass(slots=True)
class HandedOver:
    """What dbt is to see, and why it can't see some of it: the reason for each dataset whose view could not be made."""

    views: Views
    left_out: dict[str, str] = field(default_factory=dict[str, str])


# dbt connects in threads of its own, which see no context variable. One dbt invocation runs at a time in a process.
_handed_over: HandedOver | None = None


@contextmanager
def handing_over(views: Views) -> Iterator[HandedOver]:
    """Within this block dbt sees these views and no others. Not for several threads at once."""
    global _handed_over  # noqa: PLW0603  dbt makes the plugin itself, so that there is no object to pass them by
    _handed_over = HandedOver(views)
    try:
        yield _handed_over
    finally:
        _handed_over = None


class Plugin(BasePlugin):
    """Makes the views when dbt connects.

    In a profile: `plugins: [{module: datahub_dagster.adapters.dbt.duckdb_plugin, config: {root: ..., datasets: [...]}}]`. Both are
    optional: `root` is the hub's folder (default: DATAHUB_ROOT, or `hub`), `datasets` names those that are needed (default: all).
    """

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        self._root = Path(plugin_config.get("root") or os.environ.get("DATAHUB_ROOT") or "hub")
        self._wanted: Iterable[str] | None = plugin_config.get("datasets")

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Make the views, once for each database that dbt opens."""
        if _handed_over is not None:
            _handed_over.left_out = make_views(conn, _handed_over.views)
            return
        for dataset, reason in make_views(conn, published_views(self._root, self._wanted)).items():
            _log.warning("%s can't be read, so that dbt won't find it: %s", dataset, reason)


def make_views(conn: duckdb.DuckDBPyConnection, views: Views) -> dict[str, str]:
    """Make each dataset's view. One that can't be made (a file has gone) is left out: the others need not suffer.

    Returns:
        Why, for each dataset that was left out.
    """
    # Tests mean the same day here as on Athena. Files never change, so that their footers are worth keeping.
    conn.execute("set global TimeZone = 'UTC'")
    conn.execute("set global parquet_metadata_cache = true")
    left_out: dict[str, str] = {}
    for dataset, statements in views.items():
        try:
            for statement in statements:
                conn.execute(statement)
        except duckdb.Error as error:
            left_out[dataset] = str(error)
    return left_out
