"""A data hub from dbt sources: released, audited, documented datasets as Dagster assets.

`open()` gives a reader of the published data. Importing this package imports neither Dagster nor dbt.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datahub_dagster.reader import HubReader

__version__ = "0.1.0"


def open(root: str | Path | None = None) -> "HubReader":
    """A reader of the hub in a folder, or below `s3://bucket/prefix`; by default of the one that DATAHUB_ROOT names.

    `open()["equities.daily_prices"].polars()` gives what is published; see `datahub_dagster.reader`.

    Raises:
        SettingsError: There is no hub.
    """
    from datahub_dagster.reader import open_reader

    return open_reader(root)
