"""The registered partitions of a Glue table: listed in pages, written in batches, with an answer for each entry."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from datahub_dagster.adapters.aws.failures import outside
from datahub_dagster.errors import CatalogError

# https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-catalog-partitions.html
_WRITTEN_AT_ONCE = 100
_DELETED_AT_ONCE = 25

_ROUNDS = 8
_THERE, _GONE = "AlreadyExistsException", "EntityNotFoundException"
_LATER = {  # entries that Glue had no time for; the codes are those of the whole calls
    "ConcurrentModificationException",
    "InternalServiceException",
    "OperationTimeoutException",
    "ResourceNumberLimitExceededException",
    "ThrottlingException",
    "ThrottledException",
    "UnprocessedException",
}

Values = tuple[str, ...]
Entries = dict[Values, Mapping[str, Any]]
Refusals = Iterator[tuple[Values, str, str]]


class GluePartitions:
    """The partitions of one table, by their values.

    Args:
        glue: boto3's client.
        database: The table's database; `table` its name.
    """

    def __init__(self, glue: Any, database: str, table: str) -> None:
        self._glue = glue
        self._table = {"DatabaseName": database, "TableName": table}
        self._subject = f"glue table {database}.{table}"

    def listed(self) -> list[Mapping[str, Any]]:
        """All partitions, without the columns that Glue keeps for each."""
        with outside("glue:GetPartitions", self._subject, CatalogError):
            pages = self._glue.get_paginator("get_partitions").paginate(
                **self._table, ExcludeColumnSchema=True
            )
            return [partition for page in pages for partition in page["Partitions"]]

    def write(self, *, update: Entries, create: Entries, delete: Iterable[Values]) -> None:
        """Change, register and remove partitions. What others did meanwhile is no fault: there is what there should be.

        Raises:
            CatalogError: Glue refuses an entry, or has no time for it, again and again.
        """
        gone: set[Values] = set(delete)
        for attempt in range(_ROUNDS):
            later: list[tuple[Values, str, str]] = []
            update, create, gone = self._round(update, create, gone, later)
            if not update and not create and not gone:
                return
            if later:
                time.sleep(min(0.1 * 2**attempt, 5.0))
        values, left = next(iter([*update, *create, *gone])), len(update) + len(create) + len(gone)
        raise CatalogError(
            f"Glue had no time for {left} partitions, after {_ROUNDS} attempts",
            subject=self._subject,
            found=f"partition {'/'.join(values)} and others",
            consumers="read some partitions of the former state until it is done again",
            next_step="datahub reconcile",
        )

    def _round(
        self, update: Entries, create: Entries, gone: set[Values], later: list[tuple[Values, str, str]]
    ) -> tuple[Entries, Entries, set[Values]]:
        """Everything once; gives back what is still to be done."""
        to_update: Entries = {}
        to_create: Entries = {}
        to_delete: set[Values] = set()
        for refusal in self._update(update):
            values, code, _ = refusal
            if code == _GONE:
                to_create[values] = update[values]
            else:
                to_update[values] = update[values]
                later.append(self._patient(refusal, "glue:BatchUpdatePartition"))
        for refusal in self._create(create):
            values, code, _ = refusal
            if code == _THERE:
                to_update[values] = create[values]
            else:
                to_create[values] = create[values]
                later.append(self._patient(refusal, "glue:BatchCreatePartition"))
        for refusal in self._delete(gone):
            if refusal[1] != _GONE:
                to_delete.add(refusal[0])
                later.append(self._patient(refusal, "glue:BatchDeletePartition"))
        return to_update, to_create, to_delete

    def _update(self, entries: Entries) -> Refusals:
        for batch in _batches(list(entries), _WRITTEN_AT_ONCE):
            told = [{"PartitionValueList": list(each), "PartitionInput": entries[each]} for each in batch]
            call = self._glue.batch_update_partition
            yield from self._called(call, "glue:BatchUpdatePartition", "PartitionValueList", Entries=told)

    def _create(self, entries: Entries) -> Refusals:
        for batch in _batches(list(entries), _WRITTEN_AT_ONCE):
            told = [entries[each] for each in batch]
            call = self._glue.batch_create_partition
            yield from self._called(
                call, "glue:BatchCreatePartition", "PartitionValues", PartitionInputList=told
            )

    def _delete(self, gone: Iterable[Values]) -> Refusals:
        for batch in _batches(sorted(gone), _DELETED_AT_ONCE):
            told = [{"Values": list(each)} for each in batch]
            call = self._glue.batch_delete_partition
            yield from self._called(
                call, "glue:BatchDeletePartition", "PartitionValues", PartitionsToDelete=told
            )

    def _called(self, call: Callable[..., Any], action: str, values_field: str, **told: Any) -> Refusals:
        with outside(action, self._subject, CatalogError):
            answer = call(**self._table, **told)
        for error in answer.get("Errors") or ():
            detail = error.get("ErrorDetail") or {}
            yield (
                tuple(error[values_field]),
                detail.get("ErrorCode", "UnprocessedException"),
                detail.get("ErrorMessage", ""),
            )

    def _patient(self, refusal: tuple[Values, str, str], action: str) -> tuple[Values, str, str]:
        """The refusal, if waiting may help.

        Raises:
            CatalogError: It won't.
        """
        values, code, message = refusal
        if code in _LATER:
            return refusal
        raise CatalogError(
            f"AWS refused partition {'/'.join(values)} ({action})",
            subject=self._subject,
            found=f"{code}: {message}",
            consumers="read some partitions of the former state until it is done again",
            next_step="datahub doctor, then: datahub reconcile",
        )


def _batches(items: Sequence[Values], size: int) -> Iterator[Sequence[Values]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
