"""The catalog of a hub on AWS: a Glue table for each dataset, which Athena reads.

A dataset in one piece changes by one conditional write of its table. One in partitions can't: first the table's columns, then the
partitions in batches, and the number of the generation last, so that a process that was killed on the way left a lower number, and
the next one does the rest. How that looks to readers: docs/explanation/athena.md.

Beside the hub's files there is only this, and only where a dataset is not called in Glue as in the hub:

    catalog/<source>/<table>/glue.json      the database and the table that show it
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.adapters.aws.failures import code_of, outside
from datahub_dagster.adapters.catalog.glue_found import (
    FoundTable,
    is_current,
    partition_change,
    table_changes,
    table_input,
)
from datahub_dagster.adapters.catalog.glue_names import database_name, table_name
from datahub_dagster.adapters.catalog.glue_partitions import GluePartitions
from datahub_dagster.adapters.catalog.glue_table import Wanted, wanted
from datahub_dagster.adapters.catalog.glue_types import objection
from datahub_dagster.domain.names import DatasetName, Location
from datahub_dagster.domain.release import Generation
from datahub_dagster.domain.view import DatasetView
from datahub_dagster.errors import CatalogError
from datahub_dagster.ports import Applied, Catalog, Storage

_ATTEMPTS = 50  # so many others in the way within one call are something else than luck
_NOTE = "glue.json"
_GONE, _TAKEN, _INVALID = "EntityNotFoundException", "AlreadyExistsException", "InvalidInputException"
_OVERTAKEN = {"ConcurrentModificationException", _GONE, _TAKEN}


class _LookAgainError(Exception):
    """The table is another one by now: this process or somebody else changed it."""


class _NoDatabaseError(Exception):
    """The table's database does not exist yet."""


class GlueCatalog(Catalog):
    """Tables in Glue, each marked with its dataset and the generation that it shows.

    Args:
        aws: Clients.
        storage: Where the files are; it knows their `s3://` addresses.
        prefix: Stands before the name of every database.
    """

    def __init__(self, aws: AwsClients, storage: Storage, *, prefix: str = "") -> None:
        self._aws = aws
        self._storage = storage
        self._prefix = prefix

    def applied(self, dataset: DatasetName) -> int:
        found = self._find(*self._names(dataset))
        return found.generation if found and found.dataset == str(dataset) else 0

    def folder(self, dataset: DatasetName) -> Location | None:
        return _note(dataset)

    def apply(self, generation: Generation, view: DatasetView) -> Applied:
        target = wanted(generation, view, self._storage.engine_path, self._prefix)
        following = _Following(self._aws.glue, target, lambda: self._find(target.database, target.name))
        for _ in range(_ATTEMPTS):
            try:
                following.follow()
            except _LookAgainError:
                continue
            if not following.is_overtaken:
                following.changed |= self._moved(generation.dataset, target)
            foreign = tuple(f"{target.subject}: {each}; it was put right" for each in following.foreign)
            return Applied(changed=following.changed, foreign=foreign)
        raise CatalogError(
            f"others changed the table {_ATTEMPTS} times while it was to be changed",
            subject=target.subject,
            consumers="read what the others made of it",
            next_step=f"datahub reconcile {generation.dataset}",
        )

    def objections(
        self, dataset: DatasetName, columns: Sequence[tuple[str, str]]
    ) -> Sequence[tuple[str, str]]:
        del dataset
        return [(name, why) for name, word in columns if (why := objection(name, word))]

    def _find(self, database: str, name: str) -> FoundTable | None:
        with outside("glue:GetTable", f"glue table {database}.{name}", CatalogError):
            try:
                return FoundTable(self._aws.glue.get_table(DatabaseName=database, Name=name)["Table"])
            except ClientError as error:
                if code_of(error) == _GONE:
                    return None
                raise

    def _names(self, dataset: DatasetName) -> tuple[str, str]:
        """The database and the table that showed the dataset last."""
        try:
            known: Any = json.loads(self._storage.read(_note(dataset) / _NOTE))
            return str(known["database"]), str(known["table"])
        except (FileNotFoundError, ValueError, TypeError, KeyError):  # it is derived: `apply` writes it anew
            return database_name(self._prefix, dataset.source), table_name(dataset.table)

    def _moved(self, dataset: DatasetName, target: Wanted) -> bool:
        """Remember where the dataset is, if it is called otherwise than before, and remove the table that nobody follows now."""
        names, before = (target.database, target.name), self._names(dataset)
        if names == before:
            return False
        old = self._find(*before)
        is_left = old is not None and old.dataset == str(dataset)
        if is_left:
            with outside("glue:DeleteTable", f"glue table {before[0]}.{before[1]}", CatalogError):
                try:
                    self._aws.glue.delete_table(DatabaseName=before[0], Name=before[1])
                except ClientError as error:
                    if code_of(error) != _GONE:
                        raise
        note = {"database": target.database, "table": target.name}
        self._storage.replace(_note(dataset) / _NOTE, json.dumps(note, indent=1).encode())
        return is_left


class _Following:
    """Makes one table show one generation.

    Args:
        glue: boto3's client.
        target: What the table should show.
        find: Looks the table up.

    Attributes:
        changed: Whether anything was written.
        foreign: What somebody else had changed.
        is_overtaken: Whether the table shows a newer generation, or is about to.
    """

    def __init__(self, glue: Any, target: Wanted, find: Callable[[], FoundTable | None]) -> None:
        self._glue = glue
        self._target = target
        self._find = find
        self._partitions = GluePartitions(glue, target.database, target.name)
        self.changed = False
        self.foreign: list[str] = []
        self.is_overtaken = False
        self._has_emptied = False
        self._has_columns = False

    def follow(self) -> None:
        """One look at the table, and what has to be done.

        Raises:
            CatalogError: The table is somebody else's, or Glue refuses.
            _LookAgainError: Others changed it meanwhile.
        """
        target, found = self._target, self._find()
        if found is None:
            self._create()
            return
        found.own(target.dataset, target.subject)
        if max(found.generation, found.applying) > target.generation:
            self.is_overtaken = True
            return
        self._tell(*table_changes(found))
        if found.table.keys != target.table.keys:
            # Old partitions must not be read by new keys. Readers see an empty table, until the new ones are there.
            self._write_partitions(found, delete_all=True)
        if not target.table.keys:
            self._update(found, is_done=True)
            return
        if found.table != target.table and not self._has_columns:
            # Columns first: of a new location with the old columns a reader would not see the new ones.
            self._update(found, is_done=False)
            self._has_columns = True  # once is enough, should Glue spell something otherwise than we do
            raise _LookAgainError  # for its new version
        self._write_partitions(found)
        self._update(found, is_done=True)

    def _create(self) -> None:
        target = self._target
        shown = 0 if target.table.keys else None
        told = {"DatabaseName": target.database, "TableInput": table_input(target, None, shown)}
        try:
            self._call("create_table", "glue:CreateTable", **told)
        except _NoDatabaseError:
            self._create_database()
            self._call("create_table", "glue:CreateTable", **told)
        if target.table.keys:
            raise _LookAgainError  # for its version; the partitions follow

    def _create_database(self) -> None:
        description = "Made by the data hub for a dbt source"
        told = {"Name": self._target.database, "Description": description}
        with outside("glue:CreateDatabase", f"glue database {self._target.database}", CatalogError):
            try:
                self._glue.create_database(DatabaseInput=told)
            except ClientError as error:
                if code_of(error) != _TAKEN:
                    raise

    def _update(self, found: FoundTable, *, is_done: bool) -> None:
        """One conditional write of the table; nothing, if it is as it should be."""
        told = found.input(self._target, is_done=is_done)
        if found.table == self._target.table and found.parameters == told["Parameters"]:
            return
        self._call(
            "update_table",
            "glue:UpdateTable",
            DatabaseName=self._target.database,
            TableInput=told,
            VersionId=found.version,
            SkipArchive=True,  # the log is the history; Glue keeps a limited number of versions, and never removes one
        )

    def _write_partitions(self, found: FoundTable, *, delete_all: bool = False) -> None:
        """Make the registered partitions those that are wanted, or none, whatever is there."""
        target = self._target
        missing = {(key,): entry for key, entry in target.partitions.items()} if not delete_all else {}
        update: dict[tuple[str, ...], Any] = {}
        delete: list[tuple[str, ...]] = []
        with self._looking_again(found):
            for partition in self._partitions.listed():
                values = tuple(partition["Values"])
                change = partition_change(target, partition)
                if change and not delete_all:
                    self._tell(change)
                entry = missing.pop(values, None)
                if entry is None:
                    delete.append(values)
                elif not is_current(target, partition):
                    update[values] = entry
            if missing and found.generation == target.generation and not self._has_emptied:
                self._tell(*(f"partition {'/'.join(values)} was missing" for values in missing))
            self.changed |= bool(update or missing or delete)
            self._partitions.write(update=update, create=missing, delete=delete)
            self._has_emptied |= delete_all

    @contextmanager
    def _looking_again(self, found: FoundTable) -> Iterator[None]:
        """Partitions that Glue takes no more, since others gave the table other keys or removed it, are no fault."""
        try:
            yield
        except CatalogError as error:
            cause = error.__cause__
            if cause is None or code_of(cause) not in (_GONE, _INVALID):
                raise
            now = self._find()
            if now is not None and now.version == found.version:
                raise
            raise _LookAgainError from error

    def _call(self, operation: str, action: str, **told: Any) -> None:
        self.changed = True
        with outside(action, self._target.subject, CatalogError):
            try:
                getattr(self._glue, operation)(**told)
            except ClientError as error:
                code = code_of(error)
                if code == _GONE and operation == "create_table":
                    raise _NoDatabaseError from error
                if code in _OVERTAKEN:
                    raise _LookAgainError from error
                raise

    def _tell(self, *sentences: str) -> None:
        self.foreign += [each for each in sentences if each not in self.foreign]


def _note(dataset: DatasetName) -> Location:
    return Location("catalog") / dataset.source / dataset.table
