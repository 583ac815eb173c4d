"""The catalog of a hub on AWS: a Glue table for each dataset, which Athena reads.

A dataset in one piece changes by one conditional write of its table. One in partitions can't: first the table's columns, then the
partitions in batches, and the number of the generation last, so that a process that was killed on the way left a lower number, and
the next one does the rest. How that looks to readers: docs/explanation/athena.md.

Beside the hub's files there is only this, and only where a dataset is not called in Glue as in the hub:

    catalog/<source>/<table>/glue.json      the database and the table that show it
"""

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.adapters.aws.failures import code_of, outside
from datahub_dagster.adapters.catalog.glue_following import Following, LookAgainError
from datahub_dagster.adapters.catalog.glue_found import FoundTable
from datahub_dagster.adapters.catalog.glue_names import database_name, table_name
from datahub_dagster.adapters.catalog.glue_table import Wanted, wanted
from datahub_dagster.adapters.catalog.glue_types import objection, reads
from datahub_dagster.domain.layout import RELEASES
from datahub_dagster.domain.names import DatasetName, Location
from datahub_dagster.domain.release import Generation
from datahub_dagster.domain.view import DatasetView
from datahub_dagster.errors import CatalogError
from datahub_dagster.ports import Applied, Catalog, Storage

_ATTEMPTS = 50  # so many others in the way within one call are something else than luck
_NOTE = "glue.json"
_GONE = "EntityNotFoundException"


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
        self._root = storage.engine_path(RELEASES)

    def applied(self, dataset: DatasetName) -> int:
        found = self._find(*self._names(dataset))
        return found.generation if found and found.is_of(dataset, self._root) else 0

    def folder(self, dataset: DatasetName) -> Location | None:
        return _note(dataset)

    def apply(self, generation: Generation, view: DatasetView, *, unpublished: int | None = None) -> Applied:
        target = wanted(generation, view, self._storage.engine_path, self._prefix)
        find = partial(self._find, *target.names)
        following = Following(self._aws.glue, target, find, unpublished)
        for _ in range(_ATTEMPTS):
            try:
                following.follow()
            except LookAgainError:
                continue
            before = self._names(generation.dataset) if following.ahead is None else target.names
            if before != target.names:
                following.changed |= self._move(generation.dataset, before, target)
            return Applied(
                changed=following.changed,
                foreign=tuple(f"{target.subject}: {each}; it was put right" for each in following.foreign),
                made=target.subject if following.has_made and before == target.names else None,
                ahead=following.ahead,
            )
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

    def reads(self, held: str, shown: str) -> bool:
        return reads(held, shown)

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

    def _move(self, dataset: DatasetName, before: tuple[str, str], target: Wanted) -> bool:
        """Remember where the dataset is from now on; whether there was a table that nobody follows now: it is removed."""
        old = self._find(*before)
        is_left = old is not None and old.is_of(dataset, self._root)
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


def _note(dataset: DatasetName) -> Location:
    return Location("catalog") / dataset.source / dataset.table
