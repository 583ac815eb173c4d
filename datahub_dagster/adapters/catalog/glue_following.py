"""How one table in Glue comes to show one generation, whatever state it is in, and whoever else writes to it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from datahub_dagster.adapters.aws.failures import code_of, outside
from datahub_dagster.adapters.catalog.glue_found import (
    FoundTable,
    is_current,
    partition_change,
    table_changes,
    table_input,
)
from datahub_dagster.adapters.catalog.glue_partitions import GluePartitions
from datahub_dagster.adapters.catalog.glue_table import Wanted
from datahub_dagster.errors import CatalogError

_GONE, _TAKEN, _INVALID = "EntityNotFoundException", "AlreadyExistsException", "InvalidInputException"
_OVERTAKEN = {"ConcurrentModificationException", _GONE, _TAKEN}


class LookAgainError(Exception):
    """The table is another one by now: this process or somebody else changed it."""


class _NoDatabaseError(Exception):
    """The table's database does not exist yet."""


class Following:
    """Makes one table show one generation.

    Args:
        glue: boto3's client.
        target: What the table should show.
        find: Looks the table up.
        unpublished: A newer generation that the table claims, and that nobody published.

    Attributes:
        changed: Whether anything was written.
        foreign: What somebody else had changed.
        has_made: Whether there was no table.
        ahead: The newer generation that the table shows, or is about to; then it is left as it is.
    """

    def __init__(
        self,
        glue: Any,
        target: Wanted,
        find: Callable[[], FoundTable | None],
        unpublished: int | None,
    ) -> None:
        self._glue = glue
        self._target = target
        self._find = find
        self._partitions = GluePartitions(glue, target.database, target.name)
        self.changed = False
        self.foreign: list[str] = []
        self.has_made = False
        self.ahead: int | None = None
        self._unpublished = unpublished
        self._has_emptied = False
        self._has_columns = False

    def follow(self) -> None:
        """One look at the table, and what has to be done.

        Raises:
            CatalogError: The table is somebody else's, or Glue refuses.
            LookAgainError: Others changed it meanwhile.
        """
        target, found = self._target, self._find()
        if found is None:
            self._create()
            return
        found.own(target.dataset, target.root, target.subject)
        if found.claimed > target.generation:
            if found.claimed != self._unpublished:
                self.ahead = found.claimed
                return
            self._tell(f"it claimed generation {found.claimed}, and the newest is {target.generation}")
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
            raise LookAgainError  # for its new version
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
        self.has_made = True
        if target.table.keys:
            raise LookAgainError  # for its version; the partitions follow

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
            raise LookAgainError from error

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
                    raise LookAgainError from error
                raise

    def _tell(self, *sentences: str) -> None:
        self.foreign += [each for each in sentences if each not in self.foreign]
