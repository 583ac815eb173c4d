"""Reading a dataset as a reader with Athena does: through Glue, and not through the log."""

from collections.abc import Sequence

from botocore.exceptions import ClientError

from datahub_dagster.adapters.aws.athena_query import AthenaQuery, Row
from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.adapters.aws.failures import code_of, outside
from datahub_dagster.adapters.catalog.glue_names import database_name
from datahub_dagster.adapters.duckdb_views import quoted
from datahub_dagster.domain.names import DatasetName
from datahub_dagster.errors import CatalogError

_GONE = "EntityNotFoundException"


class GlueQuery:
    """Asks Athena over Glue's tables.

    Args:
        aws: The clients.
        athena: Runs the queries.
        prefix: Stands before the name of each Glue database.
    """

    engine = "Athena"

    def __init__(self, aws: AwsClients, athena: AthenaQuery, prefix: str) -> None:
        self._aws = aws
        self._athena = athena
        self._prefix = prefix
        self._made_by_this_run = False

    def rows(self, dataset: DatasetName, columns: Sequence[str]) -> list[Row]:
        """The rows that a reader sees, all values as text, sorted by the columns in their order. Raises `EngineError`."""
        shown = ", ".join(f"cast({quoted(column)} as varchar) as {quoted(column)}" for column in columns)
        order = ", ".join(str(place) for place in range(1, len(columns) + 1))
        place = f"{quoted(self._database(dataset.source))}.{quoted(dataset.table)}"
        return self._athena.rows(f"select {shown} from {place} order by {order}")

    def tables(self, source: str) -> Sequence[str]:
        """What Glue has of a source; remembers whether there was a database. Raises `CatalogError`."""
        database = self._database(source)
        with outside("glue:GetDatabase", f"glue database {database}", CatalogError):
            try:
                self._aws.glue.get_database(Name=database)
            except ClientError as error:
                if code_of(error) != _GONE:
                    raise
                self._made_by_this_run = True
                return []
        with outside("glue:GetTables", f"glue database {database}", CatalogError):
            pages = self._aws.glue.get_paginator("get_tables").paginate(DatabaseName=database)
            return [table["Name"] for page in pages for table in page["TableList"]]

    def forget(self, dataset: DatasetName) -> None:
        """Remove a table from Glue; fine if it is not there. Raises `CatalogError`."""
        database = self._database(dataset.source)
        with outside("glue:DeleteTable", f"glue table {database}.{dataset.table}", CatalogError):
            try:
                self._aws.glue.delete_table(DatabaseName=database, Name=dataset.table)
            except ClientError as error:
                if code_of(error) != _GONE:
                    raise

    def tidy(self, source: str) -> None:
        """Remove a database that was not there when `tables` was asked first, if nothing is in it. Raises `CatalogError`."""
        if not self._made_by_this_run or self.tables(source):
            return
        database = self._database(source)
        with outside("glue:DeleteDatabase", f"glue database {database}", CatalogError):
            try:
                self._aws.glue.delete_database(Name=database)
            except ClientError as error:
                if code_of(error) != _GONE:
                    raise

    def _database(self, source: str) -> str:
        return database_name(self._prefix, source)
