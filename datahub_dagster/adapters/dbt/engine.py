"""What an engine must do for dbt's tests and docs; `duckdb_engine` and `athena_engine` do it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Protocol

from datahub_dagster.adapters.dbt.privacy import Privacy
from datahub_dagster.adapters.dbt.slim import Relation
from datahub_dagster.domain.audit import QueryCost, Sample
from datahub_dagster.domain.names import DatasetName
from datahub_dagster.domain.view import DatasetView


class World(Protocol):
    """Datasets as one audit sees them, while it runs."""

    def connecting(self) -> AbstractContextManager[None]:
        """Within this block the dbt of this process connects to this world, and to nothing that was there before.

        One block at a time in a process: threads wait for each other.

        Raises:
            EngineError: The engine as a whole refused, so that no answer of dbt's means anything.
        """
        ...

    def relation(self, dataset: DatasetName, schema: str, table: str) -> Relation:
        """Where dbt finds a dataset, which readers find as `schema.table`; where nothing is, if the audit may not see it."""
        ...

    def left_out(self) -> Mapping[DatasetName, str]:
        """Why, for each dataset that can't be shown; known once dbt has connected."""
        ...

    def explain(self, test_id: str, message: str) -> str:
        """What dbt says of a test that could not run, without places, ids and the lines of the SQL."""
        ...

    def sample(self, test_id: str, sql: str, limit: int, privacy: Privacy) -> Sample | None:
        """At most `limit` of the rows that a test's query finds, the same ones each time; None if they can't be had.

        Confidential values never leave the engine.
        """
        ...

    def cost(self, test_id: str) -> QueryCost | None:
        """What a test's queries cost, that of its sample included; None where the engine charges nothing."""
        ...


class Engine(Protocol):
    """Where dbt runs: its profile, and how it gets to see exactly what an audit may see."""

    target: ClassVar[str]
    """What dbt calls the profile's output by which tests and docs run: `local`, `aws`."""

    threads: ClassVar[int]
    """How many tests run at once."""

    def output(self) -> Mapping[str, Any]:
        """The output of dbt's profile by which tests and docs run. No secrets."""
        ...

    def parse_output(self) -> Mapping[str, Any]:
        """The output of dbt's profile by which the project is parsed: connects to nothing, and is always the same."""
        ...

    def words(self) -> str:
        """Which engine answers, with versions, for records: `duckdb 2.0.0, dbt 1.11.16`."""
        ...

    def showing(self, views: Sequence[DatasetView]) -> AbstractContextManager[World]:
        """Within this block there is a world of these datasets and no others.

        Raises:
            EngineError: It can't be made.
        """
        ...

    def showing_published(self) -> AbstractContextManager[Callable[[str], bool]]:
        """Within this block the dbt of this process sees what is published, under the names that readers use: for docs.

        Gives whether readers find a schema of that name at all: dbt-athena stumbles over one that nobody has made yet.
        """
        ...

    def published_relation(self, schema: str, table: str) -> Relation:
        """Where readers find a dataset of that schema and table."""
        ...
