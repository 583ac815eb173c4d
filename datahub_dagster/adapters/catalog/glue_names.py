"""How datasets are called in Glue: in lower case, and with `_` where Athena would ask for quotes."""

import re

from datahub_dagster.domain.names import DatasetName
from datahub_dagster.errors import CatalogError

_NAME = re.compile(r"[a-z0-9_]{1,255}")


def database_name(prefix: str, schema: str) -> str:
    """The Glue database of a schema.

    >>> database_name("Dev-", "My.Schema")
    'dev_my_schema'
    """
    return _plain(f"{prefix}{schema}")


def table_name(identifier: str) -> str:
    """The Glue table of a dataset.

    >>> table_name("Daily-Prices")
    'daily_prices'
    """
    return _plain(identifier)


def checked(dataset: DatasetName, name: str, what: str) -> str:
    """The name, if Glue and Athena take it.

    Raises:
        CatalogError: They don't.
    """
    if _NAME.fullmatch(name):
        return name
    raise CatalogError(
        f"Glue can't have a {what} of that name",
        subject=str(dataset),
        promised="1 to 255 letters (a to z), digits and '_'; '-' and '.' become '_'",
        found=f"{name[:60]!r}, {len(name)} characters",
        consumers="don't find the dataset in Athena",
        next_step=f"give it another one: `{'schema' if what == 'database' else 'identifier'}` of the dbt source",
    )


def _plain(name: str) -> str:
    return name.lower().replace("-", "_").replace(".", "_")
