"""Reading objects of S3: whole, as a stream, or here and there. An answer that breaks off is asked for again."""

import io
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import (
    ClientError,
    ConnectionError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
)

from datahub_dagster.adapters.aws.failures import code_of, status_of

GONE = {"NoSuchKey", "404", "NotFound"}  # a HEAD has no body, and so no word for it
_BROKEN_OFF = (HTTPClientError, ConnectionError, IncompleteReadError, FlexibleChecksumError)
# Seconds. botocore asks again by itself, but not for what breaks off after the headers.
_PAUSES = (0.2, 1.0, 3.0)
_CHUNK = 1 << 20
END = 64 * 1024  # bytes that are read when a file is opened: as many as Arrow asks for first

_EMPTY = {  # in place of the refusal to give the end of an empty object
    "Body": io.BytesIO(),
    "ETag": "",
    "ContentRange": "bytes */0",
    "LastModified": datetime(1970, 1, 1, tzinfo=UTC),
}

Get = Callable[..., tuple[dict[str, Any], bytes]]


def stream(s3: Any, bucket: str, key: str, etag: str) -> Iterator[bytes]:
    """An object's content in pieces, as long as it is the one that S3 calls `etag`. Raises `FileNotFoundError`.

    Where an answer breaks off, the next one goes on.
    """
    position, size = 0, None
    pauses = iter(_PAUSES)
    while size is None or position < size:
        rest = {"Range": f"bytes={position}-"} if position else {}
        answer = _ask(s3, bucket, key, IfMatch=etag, **rest)
        size = position + int(answer["ContentLength"])
        try:
            for chunk in answer["Body"].iter_chunks(_CHUNK):
                position += len(chunk)
                yield chunk
        except _BROKEN_OFF:
            if (pause := next(pauses, None)) is None:
                raise
            time.sleep(pause)


def get(s3: Any, bucket: str, key: str, **arguments: str) -> tuple[dict[str, Any], bytes]:
    """S3's answer, and the content. Raises `FileNotFoundError`."""
    for pause in _PAUSES:
        answer = _ask(s3, bucket, key, **arguments)
        try:
            return answer, answer["Body"].read()
        except _BROKEN_OFF:
            time.sleep(pause)
    answer = _ask(s3, bucket, key, **arguments)
    return answer, answer["Body"].read()


def size_of(answer: dict[str, Any]) -> int:
    """How many bytes the object has of which this is a part."""
    return int(answer["ContentRange"].rpartition("/")[2])


def _ask(s3: Any, bucket: str, key: str, **arguments: str) -> dict[str, Any]:
    try:
        return s3.get_object(Bucket=bucket, Key=key, **arguments)
    except ClientError as error:
        if code_of(error) in GONE:
            raise FileNotFoundError(f"s3://{bucket}/{key}") from None
        if status_of(error) == 416 and arguments.get("Range", "").startswith("bytes=-"):
            return _EMPTY
        raise


class S3File(io.RawIOBase):
    """An object for reading here and there, each time by a request for that part alone.

    The end is read when it is opened: there a Parquet file says what it holds. What is read later is of the same content, or an error.

    Args:
        get: Asks S3 for the object; takes the range, and the ETag as a condition.

    Raises:
        FileNotFoundError: There is no such object.
    """

    def __init__(self, get: Get) -> None:
        super().__init__()
        self._get = get
        self._position = 0
        self._etag, self._size, self._end = self._open()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError(f"there is no position {start + offset}")
        self._position = start + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        wanted = memoryview(buffer).cast("B")
        found = self._read(self._position, min(self._position + len(wanted), self._size))
        wanted[: len(found)] = found
        self._position += len(found)
        return len(found)

    def _read(self, start: int, stop: int) -> bytes:
        if start >= stop:
            return b""
        kept_from = self._size - len(self._end)
        if start >= kept_from:
            return self._end[start - kept_from : stop - kept_from]
        part = f"bytes={start}-{stop - 1}"
        return self._get(IfMatch=self._etag, Range=part)[1]

    def _open(self) -> tuple[str, int, bytes]:
        answer, content = self._get(Range=f"bytes=-{END}")
        return answer["ETag"], size_of(answer), content
