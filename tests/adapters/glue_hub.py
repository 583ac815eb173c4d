"""A hub on AWS for tests of its catalog: deliveries, what Athena shows, and what DuckDB shows of the same state."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from datahub_dagster import pipeline
from datahub_dagster.adapters.catalog.glue import GlueCatalog
from datahub_dagster.adapters.duckdb_views import view_sql
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.outcome import Outcome
from datahub_dagster.domain.view import DatasetView
from datahub_dagster.ports import Applied, Catalog, Hub
from datahub_dagster.steps.publish import update_catalog
from datahub_dagster.steps.views import view_of
from tests.aws import AwsAccount
from tests.hubs import put_delivery
from tests.places import OnAws, OnRequest

Rows = list[tuple[str | None, ...]]

PREFIX = "hub_"


class Athena:
    """Queries in an account, as analysts make them."""

    def __init__(self, account: AwsAccount) -> None:
        self._account = account
        self._client = account.client("athena")

    def query(self, sql: str) -> Rows:
        """The rows, as text; None for null."""
        started = self._client.start_query_execution(
            QueryString=sql, ResultConfiguration={"OutputLocation": f"s3://{self._account.bucket}/results/"}
        )["QueryExecutionId"]
        while True:
            status = self._client.get_query_execution(QueryExecutionId=started)["QueryExecution"]["Status"]
            if status["State"] not in ("QUEUED", "RUNNING"):
                break
            time.sleep(0.01)
        assert status["State"] == "SUCCEEDED", status.get("StateChangeReason")
        rows: Rows = []
        for page in self._client.get_paginator("get_query_results").paginate(QueryExecutionId=started):
            for row in page["ResultSet"]["Rows"]:
                rows.append(tuple(value.get("VarCharValue") for value in row["Data"]))
        return rows[1:]


class GlueHub:
    """One dataset of a hub on the emulator."""

    def __init__(self, account: AwsAccount, of: Contract) -> None:
        self.place = OnAws(account)
        self.of = of
        self.athena = Athena(account)
        self.glue = account.client("glue")
        self._delivered = 0

    def hub(self, on_request: OnRequest | None = None) -> Hub:
        """A hub of its own, as a process would open it."""
        clients = self.place.clients(on_request)
        storage = self.place.storage(clients)
        catalog = GlueCatalog(clients, storage, prefix=PREFIX)
        return self.place.hub(self.of, clients=clients, storage=storage, catalog=catalog)

    def catalog(self, on_request: OnRequest | None = None) -> GlueCatalog:
        clients = self.place.clients(on_request)
        return GlueCatalog(clients, self.place.storage(clients), prefix=PREFIX)

    def release(
        self,
        files: dict[str, pa.Table],
        *,
        full: bool = False,
        published: bool = True,
        catalog: Catalog | None = None,
    ) -> Outcome:
        """Deliver and release; by default it must be published. Another catalog takes the place of Glue's."""
        self._delivered += 1
        name, hub = f"delivery-{self._delivered:03d}", self.hub()
        hub = replace(hub, catalog=catalog or hub.catalog)
        put_delivery(hub, self.of, name, {**files}, full=full)
        outcome = pipeline.release(hub, self.of, name, actor="test")
        if published:
            assert outcome.record is not None, "nothing new was delivered"
            assert outcome.record.generation is not None, outcome.record.why
        return outcome

    def follow(self, on_request: OnRequest | None = None) -> Applied:
        """Make the catalog show what is published."""
        return update_catalog(self.hub(on_request), self.of)

    def view(self) -> DatasetView:
        hub = self.hub()
        current = hub.log.current(self.of.name)
        assert current is not None
        return view_of(hub.log, self.of.name, current.partitions, self.of)

    def table(self) -> dict[str, Any]:
        return self.glue.get_table(DatabaseName=self.names[0], Name=self.names[1])["Table"]

    def alter(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Change the table as somebody else would."""
        table = self.table()
        wanted = (
            "Name",
            "Description",
            "TableType",
            "Parameters",
            "StorageDescriptor",
            "PartitionKeys",
            "Owner",
        )
        told = {key: table[key] for key in wanted if table.get(key)}
        change(told)
        self.glue.update_table(DatabaseName=table["DatabaseName"], TableInput=told)

    @property
    def names(self) -> tuple[str, str]:
        return f"{PREFIX}{self.of.schema}", self.of.identifier

    def partitions(self) -> dict[str, dict[str, Any]]:
        found = self.glue.get_paginator("get_partitions").paginate(
            DatabaseName=self.names[0], TableName=self.names[1]
        )
        return {"/".join(each["Values"]): each for page in found for each in page["Partitions"]}

    def columns(self) -> dict[str, str]:
        """Columns and partition keys with their types, as Glue has them."""
        table = self.table()
        held = [*table["StorageDescriptor"]["Columns"], *table.get("PartitionKeys", [])]
        return {each["Name"]: each["Type"] for each in held}

    def in_athena(self, columns: Sequence[str] | None = None) -> Rows:
        """All rows as text, sorted; by default in all columns."""
        shown = ", ".join(f'cast("{name}" as varchar)' for name in columns or self.columns())
        return sorted(self.athena.query(f'select {shown} from "{self.names[0]}"."{self.names[1]}"'), key=str)

    def in_duckdb(self) -> tuple[list[str], Rows]:
        """Columns (lower case), and all rows as text, sorted, of what is published."""
        view = self.view()
        with self.place.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            for statement in view_sql(view, self.hub().storage.engine_path):
                connection.execute(statement)
            relation = connection.sql(f'select * from "{view.schema}"."{view.table}"')
            names = list(relation.columns)
            shown = ", ".join(f'cast("{name}" as varchar)' for name in names)
            rows = connection.sql(f'select {shown} from "{view.schema}"."{view.table}"').fetchall()
        return [name.lower() for name in names], sorted(rows, key=str)

    def close(self) -> None:
        self.place.close()
