"""Tables by which Athena sees what an audit may see: entries in Glue over files of releases, in a database that only audits read."""

import logging
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from datahub_dagster.adapters.aws.clients import PARALLEL, AwsClients
from datahub_dagster.adapters.aws.failures import failure, outside
from datahub_dagster.adapters.catalog.glue_found import table_input
from datahub_dagster.adapters.catalog.glue_table import Wanted, wanted
from datahub_dagster.domain.names import DatasetName, Location, ReleaseId
from datahub_dagster.domain.release import Generation, GenerationKind
from datahub_dagster.domain.view import DatasetView, ReleasedFile
from datahub_dagster.domain.words import plural
from datahub_dagster.errors import CatalogError, EngineError
from datahub_dagster.ports import Storage

MADE_AT = "hub.made_at"
"""The parameter of a candidate's table that says when it was made: an instant, as ISO 8601."""

_KEPT = timedelta(days=1)
_BATCH = 100  # what Glue takes in one call
_LONGEST_STEM = 230  # of the 255 characters of a table's name

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shown:
    """What stands in Glue for an audit: a table's name for each dataset, and why there is none."""

    tables: Mapping[DatasetName, str]
    left_out: Mapping[DatasetName, str]


class Candidates:
    """A Glue database of tables that live as long as an audit.

    Args:
        aws: Clients.
        storage: Where the hub's files are.
        database: Its name; made if it is not there.
    """

    def __init__(self, aws: AwsClients, storage: Storage, database: str) -> None:
        self._aws = aws
        self._storage = storage
        self.database = database

    @contextmanager
    def showing(self, views: Sequence[DatasetView]) -> Iterator[Shown]:
        """Within this block there is a table for each dataset, over exactly the files of its view. Leftovers of others are removed.

        Raises:
            EngineError: Glue refuses.
        """
        self._remove([name for name, made_at in self._found() if made_at < datetime.now(UTC) - _KEPT])
        tables: dict[DatasetName, Wanted] = {}
        left_out: dict[DatasetName, str] = {}
        for view in views:
            try:
                if lost := self._not_as_released(view):
                    left_out[view.dataset] = f"{view.dataset} can't be read: {lost}"
                else:
                    tables[view.dataset] = self._wanted(view)
            except (
                CatalogError
            ) as error:  # one dataset that Athena can't read is no reason against the others
                left_out[view.dataset] = f"{view.dataset} can't be read by Athena: {error.reason}"
        try:
            with ThreadPoolExecutor(PARALLEL) as pool:
                for _ in pool.map(self._make, tables.values()):
                    pass
            yield Shown({dataset: table.name for dataset, table in tables.items()}, left_out)
        finally:
            self._remove([table.name for table in tables.values()])

    def _not_as_released(self, view: DatasetView) -> str | None:
        """What is in the folders of a view besides its files, or is not: Athena reads whatever lies there, and misses nothing."""
        wanted_files = {file.path: file.size for file in view.files}
        read = {_folder_of(file) for file in view.files}
        releases = sorted({"/".join(file.path.split("/")[:4]) for file in view.files})
        with ThreadPoolExecutor(self._storage.parallel) as pool:
            listings = list(pool.map(lambda release: self._storage.list_files(Location(release)), releases))
        there = {
            f"{release}/{file.path}": file.size
            for release, files in zip(releases, listings, strict=True)
            for file in files
        }
        for path, size in wanted_files.items():
            if path not in there:
                return f"{path} has gone"
            if there[path] != size:
                return f"{path} has {there[path]:,} bytes, and was released with {size:,}"
        for path in there.keys() - wanted_files.keys():
            is_hidden = any(part.startswith(("_", ".")) for part in path.split("/")[4:])
            if not is_hidden and any(path.startswith(f"{folder}/") for folder in read):
                return f"{path} is no part of the release"
        return None

    def _wanted(self, view: DatasetView) -> Wanted:
        partitions = {file.partition: _release_of(file.path) for file in view.files}
        now = datetime.now(UTC)
        generation = Generation(
            dataset=view.dataset,
            number=0,
            kind=GenerationKind.RELEASE,
            partitions=partitions,
            release_id=max(partitions.values(), default=ReleaseId(now.date(), 1)),
            published_at=now,
        )
        table = wanted(generation, view, self._storage.engine_path, "")
        stem = f"{table.database}__{table.name}"[:_LONGEST_STEM]
        return replace(
            table,
            database=self.database,
            name=f"{stem}__{secrets.token_hex(6)}",
            parameters={**table.parameters, MADE_AT: now.isoformat()},
        )

    def _make(self, table: Wanted) -> None:
        glue = self._aws.glue
        place = {"DatabaseName": self.database, "TableName": table.name}
        with outside("glue:CreateTable", table.subject, EngineError):
            try:
                glue.create_table(DatabaseName=self.database, TableInput=table_input(table))
            except glue.exceptions.EntityNotFoundException:
                self._make_database()
                glue.create_table(DatabaseName=self.database, TableInput=table_input(table))
        for batch in _batches(table.partitions.values()):
            with outside("glue:BatchCreatePartition", table.subject, EngineError):
                errors = glue.batch_create_partition(**place, PartitionInputList=batch).get("Errors")
            if errors:
                raise EngineError(
                    "Glue took not all partitions of a candidate (glue:BatchCreatePartition)",
                    subject=table.subject,
                    found=str(errors[0].get("ErrorDetail", errors[0]))[:300],
                    consumers="still read what was published before",
                    next_step="do it again: nothing is lost; if it stays so: datahub doctor",
                )

    def _make_database(self) -> None:
        told = "Tables of audits that run right now. Nobody else's."
        glue = self._aws.glue
        with outside("glue:CreateDatabase", f"glue database {self.database}", EngineError):
            try:
                glue.create_database(DatabaseInput={"Name": self.database, "Description": told})
            except glue.exceptions.AlreadyExistsException:
                return  # another audit was faster

    def _found(self) -> Iterator[tuple[str, datetime]]:
        """Every table of the database that the hub made, and when."""
        glue = self._aws.glue
        with outside("glue:GetTables", f"glue database {self.database}", EngineError):
            try:
                for page in glue.get_paginator("get_tables").paginate(DatabaseName=self.database):
                    for table in page["TableList"]:
                        if made_at := _instant((table.get("Parameters") or {}).get(MADE_AT)):
                            yield table["Name"], made_at
            except glue.exceptions.EntityNotFoundException:
                return  # the first audit makes it

    def _remove(self, names: Sequence[str]) -> None:
        for batch in _batches(names):
            try:
                self._aws.glue.batch_delete_table(DatabaseName=self.database, TablesToDelete=batch)
            except (ClientError, BotoCoreError) as error:
                told = failure(error, "glue:BatchDeleteTable", f"glue database {self.database}", EngineError)
                _log.warning(
                    "%s: %s of an audit could not be removed: %s: %s. No audit reads what is left; one of tomorrow tries again. Next: %s",
                    told.subject,
                    plural(len(batch), "table"),
                    told.reason,
                    told.found,
                    told.next_step,
                )


def _batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    waiting = list(items)
    return (waiting[begin : begin + _BATCH] for begin in range(0, len(waiting), _BATCH))


def _folder_of(file: ReleasedFile) -> str:
    """The folder that Athena reads for it: the release's, or in it the partition's."""
    return "/".join(file.path.split("/")[: 5 if file.partition else 4])


def _release_of(path: str) -> ReleaseId:
    """The release in whose folder a file lies.

    >>> str(_release_of("releases/a/b/2026-11-20.1/part-0.parquet"))
    '2026-11-20.1'
    """
    return ReleaseId.parse(path.split("/")[3])


def _instant(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else None
