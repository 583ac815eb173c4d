"""Lets a DuckDB connection read `s3://` files, without its extensions, which come from the network."""

import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock, local
from typing import TYPE_CHECKING, Any

from fsspec import AbstractFileSystem

from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.adapters.aws.failures import outside
from datahub_dagster.adapters.storage.s3_reading import END, get, size_of

if TYPE_CHECKING:
    import duckdb

_ESCAPED = re.compile(r"\[([\[*?])\]")  # see `duckdb_views.exact`
_MOST_ENDS = 256  # 16 MiB


def register_s3(connection: "duckdb.DuckDBPyConnection", aws: AwsClients) -> None:
    """From now on the connection reads files that are named `s3://bucket/key`, exactly those.

    Credentials, endpoint and retries are those of the clients, and stay fresh as long as the connection is used.
    """
    connection.register_filesystem(S3ForDuckDb(aws))


@dataclass(frozen=True, slots=True)
class _Seen:
    """An object as it was when it was first opened; other content under its name is an error from then on."""

    etag: str
    size: int
    modified_at: datetime


class S3ForDuckDb(AbstractFileSystem):
    """As much of fsspec's file system as DuckDB asks for.

    DuckDB opens a file three times and asks each time how large it is: S3 is asked once, and gives the end, where the footer is.
    """

    protocol = "s3"
    cachable = False

    def __init__(self, aws: AwsClients) -> None:
        super().__init__()
        self._aws = aws
        self._seen: dict[str, _Seen] = {}
        self._ends: OrderedDict[str, bytes] = OrderedDict()
        self._lock = Lock()

    def glob(self, path: str, **_: Any) -> Sequence[str]:
        """The one file that `duckdb_views.exact` means."""
        if re.search(r"[*?\[]", _ESCAPED.sub("", path)):
            raise NotImplementedError(f"{path} is a pattern: name each file")
        return [_ESCAPED.sub(r"\1", path)]

    def open(self, path: str, mode: str = "rb", **_: Any) -> "_File":
        """A file for reading. Raises `FileNotFoundError`."""
        if mode != "rb":
            raise PermissionError(f"{path}: the hub's files are read here, and never written")
        self._look_at(path)
        return _File(self, path)

    def size(self, path: str) -> int:
        """Bytes."""
        return self._look_at(path).size

    def modified(self, path: str) -> datetime:
        """When it was written, UTC."""
        return self._look_at(path).modified_at

    def exists(self, path: str, **_: Any) -> bool:
        """Whether it is there."""
        try:
            self._look_at(path)
        except FileNotFoundError:
            return False
        return True

    def content(self, path: str, start: int, stop: int) -> bytes:
        """Bytes of a file, from the first and without the last."""
        seen = self._look_at(path)
        stop = min(stop, seen.size)
        if start >= stop:
            return b""
        end = self._ends.get(path, b"")
        from_end = start - (seen.size - len(end))
        if from_end >= 0:
            return end[from_end : from_end + stop - start]
        return self._get(path, IfMatch=seen.etag, Range=f"bytes={start}-{stop - 1}")[1]

    def _look_at(self, path: str) -> _Seen:
        if seen := self._seen.get(path):
            return seen
        answer, end = self._get(path, Range=f"bytes=-{END}")
        seen = _Seen(answer["ETag"], size_of(answer), answer["LastModified"])
        with self._lock:
            self._seen[path] = seen
            self._ends[path] = end
            if len(self._ends) > _MOST_ENDS:
                self._ends.popitem(last=False)
        return seen

    def _get(self, path: str, **arguments: str) -> tuple[dict[str, Any], bytes]:
        bucket, _, key = path.removeprefix("s3://").partition("/")
        with outside("s3:GetObject", path):
            return get(self._aws.s3, bucket, key, **arguments)


class _File:
    """A file that DuckDB's threads share: each says where it reads, and then reads, so that each has a place of its own.

    With one place for all, as files of Python and Arrow have it, a thread gets what another one asked for.
    """

    def __init__(self, s3: S3ForDuckDb, path: str) -> None:
        self._s3, self._path = s3, path
        self._thread = local()

    def seek(self, position: int, whence: int = 0) -> int:
        if whence:
            raise NotImplementedError("DuckDB counts from the start")
        self._thread.position = position
        return position

    def tell(self) -> int:
        return getattr(self._thread, "position", 0)

    def read(self, count: int) -> bytes:
        content = self._s3.content(self._path, self.tell(), self.tell() + count)
        self._thread.position = self.tell() + len(content)
        return content

    def close(self) -> None:
        """Nothing is open."""
