"""What the Glue Data Catalog has and ministack lacks: table versions, two partition calls, limits, pages.

Limits and answers are those of the Glue API reference ("Partition API", "Table API").
"""

# pyright: reportMissingImports=false
import copy
import json
import threading
from collections.abc import Callable
from typing import Any

from ministack.core.responses import AccountRegionScopedDict, error_response_json, json_response
from ministack.services import glue

Request = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]  # status, headers, body

PARTITIONS_A_CALL = {
    "BatchCreatePartition": ("PartitionInputList", 100),
    "BatchUpdatePartition": ("Entries", 100),
    "BatchDeletePartition": ("PartitionsToDelete", 25),
    "BatchGetPartition": ("PartitionsToGet", 1000),
}
PARTITION_CALLS = {
    *PARTITIONS_A_CALL,
    "CreatePartition",
    "UpdatePartition",
    "DeletePartition",
    "GetPartitions",
}
MOST_PARTITIONS_A_PAGE = 1000

_versions = AccountRegionScopedDict()  # "database/table" -> [its Table at each version, oldest first]
_one_at_a_time = threading.RLock()
_dispatch = glue._handle_request_sync
_create_table, _update_table, _delete_table = glue._create_table, glue._update_table, glue._delete_table


def install() -> None:
    """Put the functions below in the place of ministack's."""
    glue._handle_request_sync = handle_request
    glue._create_table, glue._update_table, glue._delete_table = create_table, update_table, delete_table
    glue._delete_partition = delete_partition
    glue._get_partitions = get_partitions


def handle_request(method: str, path: str, headers: dict[str, str], body: bytes, query: Request) -> Answer:
    """One call of the API: what AWS refuses, what ministack lacks, and for all others ministack itself.

    A call is whole before the next one begins; ministack runs them in threads.
    """
    action = headers.get("x-amz-target", "").rpartition(".")[2]
    request = json.loads(body or b"{}")
    with _one_at_a_time:
        refused = _refusal(action, request)
        if refused:
            return refused
        if action in ADDED:
            return ADDED[action](request)
        return _dispatch(method, path, headers, body, query)


def _refusal(action: str, request: Request) -> Answer | None:
    if action in PARTITIONS_A_CALL:
        field, most = PARTITIONS_A_CALL[action]
        if len(request.get(field, [])) > most:
            return error_response_json(
                "ValidationException",
                f"1 validation error detected: Value at '{field[0].lower() + field[1:]}' failed to satisfy "
                f"constraint: Member must have length less than or equal to {most}",
                400,
            )
    # ministack keeps partitions of tables that don't exist.
    if action in PARTITION_CALLS and _key(request) not in glue._tables:
        return error_response_json("EntityNotFoundException", f"Table {request['TableName']} not found.", 400)
    return None


def _key(request: Request) -> str:
    return f"{request['DatabaseName']}/{request['TableName']}"


# ── Versions of a table ─────────────────────────────────────────────────────────────────────────────────────────────


def create_table(request: Request) -> Answer:
    """CreateTable; the first version is "0" (ministack: "1")."""
    answer = _create_table(request)
    if answer[0] == 200:
        key = f"{request['DatabaseName']}/{request['TableInput']['Name']}"
        glue._tables[key]["VersionId"] = "0"
        _versions[key] = [copy.deepcopy(glue._tables[key])]
    return answer


def update_table(request: Request) -> Answer:
    """UpdateTable; replaces the whole table, and keeps the former version unless SkipArchive says not to.

    What TableInput leaves out is gone on AWS. ministack keeps it.
    """
    key = f"{request['DatabaseName']}/{request['TableInput']['Name']}"
    left_out = {"Description": "", "Parameters": {}, "PartitionKeys": [], "StorageDescriptor": {}}
    answer = _update_table({**request, "TableInput": {**left_out, **request["TableInput"]}})
    if answer[0] == 200:
        archive = [] if request.get("SkipArchive") else _versions.get(key, [])
        older = archive or _versions.get(key, [])[:-1]
        _versions[key] = [*older, copy.deepcopy(glue._tables[key])]
    return answer


def delete_table(request: Request) -> Answer:
    """DeleteTable; the versions go with the table."""
    _versions.pop(f"{request['DatabaseName']}/{request['Name']}", None)
    return _delete_table(request)


def get_table_versions(request: Request) -> Answer:
    """GetTableVersions, newest first."""
    if _key(request) not in glue._tables:
        return error_response_json("EntityNotFoundException", f"Table {request['TableName']} not found.", 400)
    kept = [_version(table) for table in reversed(_versions.get(_key(request), []))]
    return _page(request, "TableVersions", kept, most=100)


def get_table_version(request: Request) -> Answer:
    """GetTableVersion; the newest one if the request names none."""
    kept = _versions.get(_key(request), [])
    wanted = request.get("VersionId") or (kept[-1]["VersionId"] if kept else None)
    for table in kept:
        if table["VersionId"] == wanted:
            return json_response({"TableVersion": _version(table)})
    return error_response_json("EntityNotFoundException", f"Version {wanted} not found.", 400)


def _version(table: Request) -> Request:
    return {"Table": table, "VersionId": table["VersionId"]}


# ── Partitions ──────────────────────────────────────────────────────────────────────────────────────────────────────


def update_partition(request: Request) -> Answer:
    """UpdatePartition; its values may change too, if no other partition has them."""
    entry = {"PartitionValueList": request["PartitionValueList"], "PartitionInput": request["PartitionInput"]}
    new = request["PartitionInput"].get("Values", request["PartitionValueList"])
    if new != request["PartitionValueList"] and new in _values(_key(request)):
        return error_response_json("AlreadyExistsException", "Partition already exists.", 400)
    _, _, body = glue._batch_update_partition({**request, "Entries": [entry]})
    if json.loads(body)["Errors"]:
        return error_response_json("EntityNotFoundException", "Partition not found.", 400)
    return json_response({})


def delete_partition(request: Request) -> Answer:
    """DeletePartition; one that doesn't exist is an error (ministack: fine)."""
    key, values = _key(request), request["PartitionValues"]
    if values not in _values(key):
        return error_response_json("EntityNotFoundException", "Partition not found.", 400)
    glue._partitions[key] = [kept for kept in glue._partitions[key] if kept["Values"] != values]
    return json_response({})


def batch_delete_partition(request: Request) -> Answer:
    """BatchDeletePartition; those that don't exist are listed, the others are deleted."""
    key = _key(request)
    values = [partition["Values"] for partition in request["PartitionsToDelete"]]
    missing = [value for value in values if value not in _values(key)]
    glue._partitions[key] = [kept for kept in glue._partitions.get(key, []) if kept["Values"] not in values]
    problem = {"ErrorCode": "EntityNotFoundException", "ErrorMessage": "Partition not found."}
    return json_response(
        {"Errors": [{"PartitionValues": value, "ErrorDetail": problem} for value in missing]}
    )


def get_partitions(request: Request) -> Answer:
    """GetPartitions, in pages, without columns if the request says so.

    `Expression` is refused: ministack ignores it, and all partitions would be the wrong answer.
    """
    if request.get("Expression"):
        return error_response_json("NotImplementedException", "The emulator knows no Expression", 400)
    partitions = copy.deepcopy(glue._partitions.get(_key(request), []))
    if request.get("ExcludeColumnSchema"):
        for partition in partitions:
            partition.get("StorageDescriptor", {}).pop("Columns", None)
    return _page(request, "Partitions", partitions, most=MOST_PARTITIONS_A_PAGE)


def _values(key: str) -> list[list[str]]:
    return [partition["Values"] for partition in glue._partitions.get(key, [])]


def _page(request: Request, field: str, items: list[Request], most: int) -> Answer:
    begin = int(request.get("NextToken") or 0)
    end = begin + min(int(request.get("MaxResults") or most), most)
    more = {"NextToken": str(end)} if end < len(items) else {}
    return json_response({field: items[begin:end], **more})


ADDED: dict[str, Callable[[Request], Answer]] = {
    "GetTableVersions": get_table_versions,
    "GetTableVersion": get_table_version,
    "UpdatePartition": update_partition,
    "BatchDeletePartition": batch_delete_partition,
}
