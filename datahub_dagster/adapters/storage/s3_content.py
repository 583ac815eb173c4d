"""What objects of S3 hold, by SHA-256, without reading them where S3 knows it."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from botocore.exceptions import ClientError

from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.adapters.aws.failures import code_of, outside
from datahub_dagster.adapters.storage.s3_reading import GONE, stream

_MOST_REMEMBERED = 100_000


@dataclass(frozen=True, slots=True)
class Content:
    """What an object holds: `etag` is S3's name for it, `sha256` hexadecimal."""

    etag: str
    size: int
    sha256: str


class Contents:
    """The contents of a bucket's objects. Each is remembered by its ETag, and read once at most."""

    def __init__(self, aws: AwsClients, bucket: str) -> None:
        self._aws = aws
        self._bucket = bucket
        self._known: dict[str, Content] = {}

    def now(self, key: str) -> Content:
        """What an object holds now. Raises `FileNotFoundError`."""
        head = self.head(key)
        if head is None:
            raise FileNotFoundError(address(self._bucket, key))
        etag = head["ETag"]
        known = self._known.get(key)
        if known is not None and known.etag == etag:
            return known
        content = Content(etag, head["ContentLength"], sha256_in(head) or self._read(key, etag))
        self.remember(key, content)
        return content

    def lately(self, key: str) -> Iterator[Content]:
        """What an object held when it was last looked at, and then what it holds now. Raises `FileNotFoundError`."""
        if known := self._known.get(key):
            yield known
        yield self.now(key)

    def remember(self, key: str, content: Content) -> None:
        """Keep what is known of an object."""
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[key] = content

    def head(self, key: str) -> dict[str, Any] | None:
        """What S3 says of an object; None if it is not there."""
        with outside("s3:GetObject", address(self._bucket, key)):
            try:
                return self._aws.s3.head_object(Bucket=self._bucket, Key=key, ChecksumMode="ENABLED")
            except ClientError as error:
                if code_of(error) in GONE:
                    return None
                raise

    def _read(self, key: str, etag: str) -> str:
        digest = hashlib.sha256()
        with outside("s3:GetObject", address(self._bucket, key)):
            for chunk in stream(self._aws.s3, self._bucket, key, etag):
                digest.update(chunk)
        return digest.hexdigest()


def sha256_in(answer: Mapping[str, Any]) -> str | None:
    """The SHA-256 of the whole object, hexadecimal, if S3 has it: of what came in parts it has the checksum of their checksums."""
    found = answer.get("ChecksumSHA256")
    if not found or answer.get("ChecksumType", "FULL_OBJECT") != "FULL_OBJECT":
        return None
    return base64.b64decode(found).hex()


def address(bucket: str, key: str) -> str:
    """An object for people."""
    return f"s3://{bucket}/{quote(key)}"
