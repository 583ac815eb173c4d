"""Files of the log as values, and what is told of one that can't be read."""

import json
from datetime import UTC
from typing import TypeVar

from pydantic import ValidationError

from datahub_dagster.adapters.json_values import json_of
from datahub_dagster.domain.audit import AuditReport
from datahub_dagster.domain.contract_version import SCHEMA_VERSION, ContractVersion
from datahub_dagster.domain.delivery import Receipt
from datahub_dagster.domain.names import Location
from datahub_dagster.domain.promise import Promise
from datahub_dagster.domain.release import Generation, ReleaseRecord
from datahub_dagster.domain.view import FileList
from datahub_dagster.errors import CorruptError, NewerSchemaError
from datahub_dagster.ports import Storage

T = TypeVar("T")

INSTANT = "%Y-%m-%dT%H-%M-%S.%fZ"
"""How instants stand in names of files; in UTC."""


def parsed(storage: Storage, location: Location, kind: type[T]) -> T:
    """What a file of the log says.

    Raises:
        FileNotFoundError: It is not there.
        NewerSchemaError: A later version of the hub wrote it.
        CorruptError: It can't be read, or says what belongs to another place.
    """
    content = storage.read(location)
    if kind is ContractVersion and (newer := _newer_than(SCHEMA_VERSION, content)):
        raise NewerSchemaError(
            "was written by a later version of the hub",
            subject=storage.uri(location),
            found=f"schema version {newer}; this version of the hub knows {SCHEMA_VERSION}",
            consumers="still read what the catalog shows; nothing was written",
            next_step="install the later version here, too: nothing is to be restored",
        )
    try:
        value: T = json_of(kind).validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _corrupt(storage, location, kind, f"{len(content)} bytes; {first['msg']}") from error
    if (told := _identity(value)) is not None and told not in location.path.removesuffix(".json").split("/"):
        raise _corrupt(storage, location, kind, f"what belongs to {told}")
    return value


def _identity(value: object) -> str | None:
    """Which part of a value's place tells what it is: a backup may be put back in the wrong one."""
    if isinstance(value, ContractVersion):
        return value.valid_from.astimezone(UTC).strftime(INSTANT)
    if isinstance(value, Receipt | Generation):
        return f"{value.number:08d}"
    return str(value.release_id) if isinstance(value, FileList | ReleaseRecord) else None


def _corrupt(storage: Storage, location: Location, kind: type, found: str) -> CorruptError:
    return CorruptError(
        f"can't be read as a {_WORDS.get(kind, 'note of the log')}",
        subject=storage.uri(location),
        found=found,
        consumers="still read what the catalog shows; nothing was written",
        next_step="restore the file from a backup or its former version, then: datahub doctor",
    )


_WORDS: dict[type, str] = {
    Receipt: "receipt",
    Generation: "generation",
    AuditReport: "audit",
    ReleaseRecord: "release record",
    FileList: "list of files",
    Promise: "promise",
    ContractVersion: "contract of the past",
    str: "pin",
}


def _newer_than(known: int, content: bytes) -> int | None:
    """A file's own schema version, if it is newer: then other faults in it mean nothing."""
    try:
        version = json.loads(content)["schema_version"]
    except (ValueError, LookupError, TypeError):
        return None
    return version if isinstance(version, int) and version > known else None
