"""Athena as the engine of audits and docs: tables of Glue over exactly the files that may be seen, queried where the data are."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.adapters.aws.failures import outside
from datahub_dagster.adapters.catalog.glue_names import database_name, table_name
from datahub_dagster.adapters.dbt.athena_candidates import Candidates, Shown
from datahub_dagster.adapters.dbt.athena_queries import Answer, ask
from datahub_dagster.adapters.dbt.athena_samples import take_sample
from datahub_dagster.adapters.dbt.athena_words import explain, refusal
from datahub_dagster.adapters.dbt.engine import Engine, World
from datahub_dagster.adapters.dbt.privacy import Privacy
from datahub_dagster.adapters.dbt.slim import Relation
from datahub_dagster.domain.audit import QueryCost, Sample
from datahub_dagster.domain.names import DatasetName
from datahub_dagster.domain.view import DatasetView
from datahub_dagster.errors import EngineError
from datahub_dagster.ports import Storage

if TYPE_CHECKING:
    from datahub_dagster.adapters.dbt.athena_connection import Notes

DATABASE = "awsdatacatalog"


class AthenaEngine(Engine):
    """Runs dbt in this process and its queries in Athena. Nothing is imported or asked until dbt runs.

    Nothing is written but query results in the staging folder: candidates are entries in Glue, removed after each audit.

    Args:
        aws: Clients.
        storage: Where the hub's files are.
        workgroup: Its cutoff bounds what a query may cost.
        staging_dir: Where Athena puts results, an `s3://` address; a workgroup may insist on another one.
        candidates: The Glue database of tables that only audits see; made if it is not there.
        glue_prefix: Stands before the name of every Glue database.
    """

    target = "aws"
    threads = 8  # a query waits for seconds, and takes no time of this machine

    def __init__(
        self,
        aws: AwsClients,
        storage: Storage,
        *,
        workgroup: str,
        staging_dir: str,
        candidates: str,
        glue_prefix: str,
    ) -> None:
        self._aws = aws
        self._workgroup = workgroup
        self._staging_dir = f"{staging_dir.rstrip('/')}/"
        self._candidates = Candidates(aws, storage, candidates)
        self._glue_prefix = glue_prefix

    def output(self) -> Mapping[str, Any]:
        return {
            **self.parse_output(),
            "region_name": self._aws.region,
            "work_group": self._workgroup,
            "s3_staging_dir": self._staging_dir,
            # The database of a query that names none; one that is surely there.
            "schema": self._candidates.database,
            "skip_workgroup_check": True,
            "threads": self.threads,
            "num_retries": 0,  # the hub's client tries again by itself
        }

    def parse_output(self) -> Mapping[str, Any]:
        return {
            "type": "athena",
            "region_name": "us-east-1",
            "database": DATABASE,
            "schema": "hub",
            "s3_staging_dir": "s3://nowhere/",
            "threads": 1,
        }

    def words(self) -> str:
        from importlib.metadata import version

        return f"athena, dbt {version('dbt-core')}, dbt-athena {version('dbt-athena')}"

    @contextmanager
    def showing(self, views: Sequence[DatasetView]) -> Iterator[World]:
        from datahub_dagster.adapters.dbt.athena_connection import Notes

        with self._candidates.showing(views) as shown:
            yield _World(
                self._aws, self._workgroup, self._staging_dir, self._candidates.database, shown, Notes()
            )

    @contextmanager
    def showing_published(self) -> Iterator[Callable[[str], bool]]:
        from datahub_dagster.adapters.dbt.athena_connection import Notes

        with _connecting(self._aws, Notes()):
            yield self._has_schema

    def _has_schema(self, schema: str) -> bool:
        database = self.published_relation(schema, "").schema
        glue = self._aws.glue
        with outside("glue:GetDatabase", f"glue database {database}", EngineError):
            try:
                glue.get_database(Name=database)
            except glue.exceptions.EntityNotFoundException:
                return False
        return True

    def published_relation(self, schema: str, table: str) -> Relation:
        return Relation(DATABASE, database_name(self._glue_prefix, schema), table_name(table))


class _World(World):
    """Tables in the database of candidates."""

    def __init__(
        self,
        aws: AwsClients,
        workgroup: str,
        staging_dir: str,
        candidates: str,
        shown: Shown,
        notes: "Notes",
    ) -> None:
        self._aws = aws
        self._workgroup = workgroup
        self._staging_dir = staging_dir
        self._candidates = candidates
        self._shown = shown
        self._notes = notes

    @contextmanager
    def connecting(self) -> Iterator[None]:
        with _connecting(self._aws, self._notes):
            yield
        error = refusal(self._notes.refusals, self._notes.all(), self._workgroup)
        if error is not None:
            raise error

    def relation(self, dataset: DatasetName, schema: str, table: str) -> Relation:
        # Whoever may not be seen is not looked for under the name of a published table either.
        unseen = f"{database_name('', schema)}__{table_name(table)}__unseen"
        return Relation(DATABASE, self._candidates, self._shown.tables.get(dataset, unseen))

    def left_out(self) -> Mapping[DatasetName, str]:
        return self._shown.left_out  # a file that can't be read is an error of the query that reads it

    def explain(self, test_id: str, message: str) -> str:
        names = {f"{self._candidates}.{table}": str(name) for name, table in self._shown.tables.items()}
        executions = self._notes.of(test_id)
        return explain(executions[-1] if executions else None, message, names)

    def sample(self, test_id: str, sql: str, limit: int, privacy: Privacy) -> Sample | None:
        def run(query: str) -> Answer | None:
            answer = ask(self._aws.athena, query, self._workgroup, self._staging_dir)
            if answer is not None:
                self._notes.add(test_id, answer.execution)
            return answer

        return take_sample(run, sql, limit, privacy)

    def cost(self, test_id: str) -> QueryCost | None:
        executions = self._notes.of(test_id)
        if not executions:
            return None
        statistics = [execution.get("Statistics", {}) for execution in executions]
        scanned = tuple(each.get("DataScannedInBytes", 0) for each in statistics)
        return QueryCost(
            bytes_scanned=sum(scanned),
            bytes_by_query=scanned if len(scanned) > 1 else (),
            engine_seconds=sum(each.get("EngineExecutionTimeInMillis", 0) for each in statistics) / 1000,
            query_id=executions[0]["QueryExecutionId"],
        )


@contextmanager
def _connecting(aws: AwsClients, notes: "Notes") -> Iterator[None]:
    # These bring dbt with them, which takes more than a second to import.
    from datahub_dagster.adapters.dbt.athena_connection import connecting_by
    from datahub_dagster.adapters.dbt.parse import DBT_LOCK

    with DBT_LOCK, connecting_by(aws, notes):
        yield
