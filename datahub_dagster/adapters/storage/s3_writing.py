"""Writing objects of S3 once: alone, in parts, and when S3's answer gets lost."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from mimetypes import MimeTypes
from typing import Any, TypeVar
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from datahub_dagster.adapters.aws.failures import code_of
from datahub_dagster.side_by_side import side_by_side

T = TypeVar("T")
WritePart = Callable[[dict[str, Any], int, int], Mapping[str, str]]

_CONFLICTS = {
    "ConditionalRequestConflict",
    "OperationAborted",
}  # somebody writes the same object at this moment
_TAKEN = {"PreconditionFailed", "412"}
_PAUSES = (0.05, 0.2, 0.5, 1.0, 2.0, 4.0)  # seconds
_MOST_PARTS = 10_000
_PARTS_AT_ONCE = 8
_TYPES = MimeTypes()  # Python's own, whatever this machine knows beside them
_TYPES.add_type("application/vnd.apache.parquet", ".parquet")


def content_type(path: str) -> str:
    """What browsers and other readers are told a file is, by its ending.

    >>> content_type("docs/index.html"), content_type("part-0.parquet"), content_type("_SUCCESS")
    ('text/html; charset=utf-8', 'application/vnd.apache.parquet', 'application/octet-stream')
    """
    found, _ = _TYPES.guess_type(path)
    if found is None:
        return "application/octet-stream"
    return f"{found}; charset=utf-8" if found.startswith("text/") else found


def is_taken(error: BaseException) -> bool:
    """Whether S3 says that a condition of the request does not hold."""
    return code_of(error) in _TAKEN


def without_conflict(write: Callable[[], T]) -> T:
    """What a conditional write gives once nobody else writes the same object at the same moment."""
    for pause in _PAUSES:
        try:
            return write()
        except ClientError as error:
            if code_of(error) not in _CONFLICTS:
                raise
            time.sleep(pause * random.uniform(0.5, 1.5))
    return write()


def write_once(s3: Any, bucket: str, key: str, write: Callable[[Mapping[str, str]], str]) -> str | None:
    """The ETag of what was written; None if somebody else's object is there.

    A request whose answer was lost is sent again, and S3 then says that the object is there. Its metadata tell whose it is.

    Args:
        s3: Client.
        bucket: Where.
        key: Where.
        write: Writes on the condition that nothing is there, with the metadata that it is given; gives the ETag.
    """
    writer = uuid4().hex
    try:
        return without_conflict(lambda: write({"writer": writer}))
    except ClientError as error:
        if not is_taken(error) and code_of(error) != "NoSuchUpload":  # it was completed
            raise
        if is_taken(error) and not error.response.get("ResponseMetadata", {}).get("RetryAttempts"):
            return None  # no answer was lost
        there = s3.head_object(Bucket=bucket, Key=key)
        if there["Metadata"].get("writer") == writer:
            return there["ETag"]
        if is_taken(error):
            return None
        raise


def part_size_of(size: int, wanted: int) -> int:
    """Bytes of a part, so that there are not more parts than S3 takes.

    >>> part_size_of(100, 10), part_size_of(1_000_000, 10)
    (10, 100)
    """
    return max(wanted, -(-size // _MOST_PARTS))


def write_in_parts(
    s3: Any,
    bucket: str,
    key: str,
    size: int,
    part_size: int,
    write_part: WritePart,
    **about: Any,
) -> str:
    """The ETag of an object that was written in parts, on the condition that nothing is there. Nothing is left of a failed attempt.

    Args:
        s3: Client.
        bucket: Where.
        key: Where.
        size: Bytes in all.
        part_size: Bytes of a part, see `part_size_of`.
        write_part: Writes a part, given the request's first arguments and the part's first byte and the one after its last; gives
            its ETag and checksum.
        about: What the object is to have, as `create_multipart_upload` takes it.
    """
    place = {"Bucket": bucket, "Key": key}
    place["UploadId"] = s3.create_multipart_upload(**place, **about)["UploadId"]

    def written(number: int) -> dict[str, Any]:
        start = (number - 1) * part_size
        answer = write_part({**place, "PartNumber": number}, start, min(start + part_size, size))
        told = {name: answer[name] for name in ("ETag", "ChecksumSHA256") if name in answer}
        return {"PartNumber": number, **told}

    try:
        numbers = range(1, -(-size // part_size) + 1)
        parts: Sequence[Mapping[str, Any]] = list(side_by_side(written, numbers, _PARTS_AT_ONCE))
        whole = {"Parts": parts}
        return s3.complete_multipart_upload(**place, IfNoneMatch="*", MultipartUpload=whole)["ETag"]
    except BaseException:
        with suppress(ClientError, BotoCoreError):
            s3.abort_multipart_upload(**place)
        raise
