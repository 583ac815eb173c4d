"""Storage on S3: write-once by conditional writes, and copies that S3 makes itself."""

import base64
import hashlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from botocore.exceptions import ClientError

from datahub_dagster.adapters.aws.clients import PARALLEL, AwsClients
from datahub_dagster.adapters.aws.failures import code_of, outside
from datahub_dagster.adapters.storage.s3_content import Content, Contents, address, sha256_in
from datahub_dagster.adapters.storage.s3_listing import files_below, names_in, remove_below
from datahub_dagster.adapters.storage.s3_reading import GONE, S3File, get
from datahub_dagster.adapters.storage.s3_writing import (
    WritePart,
    content_type,
    is_taken,
    part_size_of,
    without_conflict,
    write_in_parts,
    write_once,
)
from datahub_dagster.domain.names import Location
from datahub_dagster.errors import AlreadyExistsError, StorageError
from datahub_dagster.ports import ChangedContentError, Storage, StoredFile

_MIB = 1 << 20
_READ_AHEAD = _MIB


class S3Storage(Storage):
    """A bucket, or what lies below a prefix in it.

    Content is known by its SHA-256. S3 keeps it of objects that came with one, and computes it for copies; other objects are read
    once. What was found is remembered with S3's own name for the content (the ETag), which a copy then names as its condition.

    Args:
        aws: Clients.
        bucket: Its name.
        prefix: Stands before every key; empty = the whole bucket.
        kms_key: The key that encrypts what is written; empty = what the bucket does by itself.
        largest_put: Bytes up to which a file is uploaded in one piece, so that S3 keeps its SHA-256.
        upload_part: Bytes of a part of a larger upload.
        largest_copy: Bytes up to which a file is copied in one piece; S3 does it up to 5 GB.
        copy_part: Bytes of a part of a larger copy.
    """

    parallel = PARALLEL

    def __init__(
        self,
        aws: AwsClients,
        bucket: str,
        prefix: str = "",
        *,
        kms_key: str = "",
        largest_put: int = 256 * _MIB,
        upload_part: int = 16 * _MIB,
        largest_copy: int = 5_000_000_000,
        copy_part: int = 512 * _MIB,
    ) -> None:
        self.bucket = bucket
        self.prefix = prefix.strip("/")
        self._aws = aws
        self._largest_put, self._upload_part = largest_put, upload_part
        self._largest_copy, self._copy_part = largest_copy, copy_part
        self._encryption: dict[str, Any] = (
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key, "BucketKeyEnabled": True}
            if kms_key
            else {}
        )
        self._contents = Contents(aws, bucket)

    def list_files(self, folder: Location) -> Sequence[StoredFile]:
        key = self._key(folder)
        with self._outside("s3:ListBucket", f"{key}/"):
            return files_below(self._aws.s3, self.bucket, key)

    def list_names(self, folder: Location) -> Sequence[str]:
        key = self._key(folder)
        with self._outside("s3:ListBucket", f"{key}/"):
            return names_in(self._aws.s3, self.bucket, key)

    def exists(self, location: Location) -> bool:
        return self._contents.head(self._key(location)) is not None

    def read(self, location: Location) -> bytes:
        key = self._key(location)
        with self._outside("s3:GetObject", key):
            return get(self._aws.s3, self.bucket, key)[1]

    def create(self, location: Location, content: bytes) -> None:
        key = self._key(location)
        sha256 = hashlib.sha256(content).digest()
        self._write_once(
            key, lambda writer: self._put(key, content, sha256, IfNoneMatch="*", Metadata=writer)
        )

    def replace(self, location: Location, content: bytes) -> None:
        key = self._key(location)
        with self._outside("s3:PutObject", key):
            self._put(key, content, hashlib.sha256(content).digest())

    def checksum(self, location: Location) -> str:
        return self._contents.now(self._key(location)).sha256

    def copy(self, source: Location, target: Location, *, sha256: str) -> None:
        origin, destination = self._key(source), self._key(target)
        try:
            is_copied = any(
                content.sha256 == sha256 and self._copied(origin, destination, content)
                for content in self._contents.lately(origin)
            )
        except FileNotFoundError:
            if not self._holds(destination, sha256):
                raise
            return
        if not is_copied and not self._holds(destination, sha256):
            raise ChangedContentError(str(source))

    def upload(self, source: Path, target: Location) -> None:
        key = self._key(target)
        with _reading(source):
            size = source.stat().st_size
            if size > self._largest_put:
                part_size = part_size_of(size, self._upload_part)
                whole, parts = _digests(source, part_size)
                write = partial(self._upload_in_parts, source, key, size, part_size, parts)
            else:
                with open(source, "rb") as file:
                    whole = hashlib.file_digest(file, "sha256").digest()
                write = partial(self._upload_whole, source, key, whole)
            etag = self._write_once(key, write)
        self._contents.remember(key, Content(etag, size, whole.hex()))

    def delete(self, location: Location) -> None:
        key = self._key(location)
        with self._outside("s3:DeleteObject", key):
            self._aws.s3.delete_object(Bucket=self.bucket, Key=key)

    def delete_folder(self, folder: Location) -> None:
        key = self._key(folder)
        with self._outside("s3:DeleteObject", f"{key}/"):
            left = remove_below(self._aws.s3, self.bucket, key)
        if left:
            shown = "; ".join(f"{self._uri(each)}: {why}" for each, why in left[:5])
            raise StorageError(
                f"{len(left)} objects could not be removed (s3:DeleteObject)",
                subject=self._uri(f"{key}/"),
                found=shown if len(left) <= 5 else f"{shown}; and {len(left) - 5} more",
                consumers="still read what was published before",
                next_step="give the role that this runs with s3:DeleteObject on them, then do it again",
            )

    def open(self, location: Location) -> BinaryIO:
        key = self._key(location)

        def get_part(**arguments: str) -> tuple[dict[str, Any], bytes]:
            with self._outside("s3:GetObject", key):
                return get(self._aws.s3, self.bucket, key, **arguments)

        return io.BufferedReader(S3File(get_part), _READ_AHEAD)

    def engine_path(self, location: Location) -> str:
        return f"s3://{self.bucket}/{self._key(location)}"

    def uri(self, location: Location) -> str:
        return self._uri(self._key(location))

    def _key(self, location: Location) -> str:
        return f"{self.prefix}/{location.path}" if self.prefix else location.path

    def _uri(self, key: str) -> str:
        return address(self.bucket, key)

    def _outside(self, action: str, key: str) -> AbstractContextManager[None]:
        return outside(action, self._uri(key))

    def _put(self, key: str, content: bytes | BinaryIO, sha256: bytes, **more: Any) -> str:
        """Write an object in one piece with its SHA-256, which S3 compares and keeps. Returns its ETag."""
        answer = self._aws.s3.put_object(
            Bucket=self.bucket,
            Key=key,
            Body=content,
            ChecksumSHA256=base64.b64encode(sha256).decode(),
            **{"ContentType": content_type(key), **self._encryption, **more},
        )
        return answer["ETag"]

    def _write_once(self, key: str, write: Callable[[Mapping[str, str]], str]) -> str:
        with self._outside("s3:PutObject", key):
            etag = write_once(self._aws.s3, self.bucket, key, write)
        if etag is None:
            raise AlreadyExistsError("is there already", subject=self._uri(key))
        return etag

    def _upload_whole(self, source: Path, key: str, sha256: bytes, writer: Mapping[str, str]) -> str:
        with open(source, "rb") as file:
            return self._put(key, file, sha256, IfNoneMatch="*", Metadata=writer)

    def _upload_in_parts(
        self,
        source: Path,
        key: str,
        size: int,
        part_size: int,
        digests: list[bytes],
        writer: Mapping[str, str],
    ) -> str:
        def part(place: dict[str, Any], start: int, stop: int) -> Mapping[str, str]:
            with open(source, "rb") as file:
                file.seek(start)
                body = file.read(stop - start)
            sha256 = base64.b64encode(digests[start // part_size]).decode()
            return self._aws.s3.upload_part(**place, Body=body, ChecksumSHA256=sha256)

        about = {"ChecksumAlgorithm": "SHA256", "Metadata": writer}
        return self._write_in_parts(key, size, part_size, part, **about)

    def _write_in_parts(self, key: str, size: int, part_size: int, part: WritePart, **about: Any) -> str:
        about = {"ContentType": content_type(key), **self._encryption, **about}
        return write_in_parts(self._aws.s3, self.bucket, key, size, part_size, part, **about)

    def _copied(self, origin: str, destination: str, content: Content) -> bool:
        """Copy an object with that content to a place where nothing is; False if it has other content by now."""
        sha256 = content.sha256
        with self._outside("s3:GetObject and s3:PutObject", destination):
            try:
                written = without_conflict(lambda: self._copy_on_condition(origin, destination, content))
            except ClientError as error:
                if code_of(error) in GONE:
                    raise FileNotFoundError(self._uri(origin)) from None
                if not is_taken(error):
                    raise
                return self._holds(destination, sha256)
        if written not in (None, sha256):
            raise ChangedContentError(origin)
        return True

    def _copy_on_condition(self, origin: str, destination: str, content: Content) -> str | None:
        """Returns the SHA-256 of what was written, hexadecimal, where S3 tells it."""
        source = {"CopySource": {"Bucket": self.bucket, "Key": origin}, "CopySourceIfMatch": content.etag}
        metadata = {"sha256": content.sha256}
        if content.size > self._largest_copy:

            def part(place: dict[str, Any], start: int, stop: int) -> Mapping[str, str]:
                span = f"bytes={start}-{stop - 1}"
                answer = self._aws.s3.upload_part_copy(**place, **source, CopySourceRange=span)
                return answer["CopyPartResult"]

            part_size = part_size_of(content.size, self._copy_part)
            self._write_in_parts(destination, content.size, part_size, part, Metadata=metadata)
            return None
        answer = self._aws.s3.copy_object(
            Bucket=self.bucket,
            Key=destination,
            **source,
            IfNoneMatch="*",
            ChecksumAlgorithm="SHA256",
            MetadataDirective="REPLACE",
            TaggingDirective="REPLACE",  # with none: to copy a deliverer's tags takes permissions that nobody needs otherwise
            Metadata=metadata,
            ContentType=content_type(destination),
            **self._encryption,
        )
        return sha256_in(answer["CopyObjectResult"])

    def _holds(self, key: str, sha256: str) -> bool:
        """Whether a copy is there. Raises `AlreadyExistsError` if it has other content.

        Believes what stands beside the object: the hub alone writes where it copies to.
        """
        head = self._contents.head(key)
        if head is None:
            return False
        found = sha256_in(head) or head["Metadata"].get("sha256") or self._contents.now(key).sha256
        if found != sha256:
            raise AlreadyExistsError("is there already, with other content", subject=self._uri(key))
        return True


def _digests(path: Path, part_size: int) -> tuple[bytes, list[bytes]]:
    """SHA-256 of a file, and of each part of it."""
    whole, parts = hashlib.sha256(), list[bytes]()
    with open(path, "rb") as file:
        while part := file.read(part_size):
            whole.update(part)
            parts.append(hashlib.sha256(part).digest())
    return whole.digest(), parts


@contextmanager
def _reading(source: Path) -> Iterator[None]:
    """Within this block a file of this machine that can't be read is an error of the hub."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StorageError(
            f"could not read: {error.strerror or error}",
            subject=str(source),
            consumers="still read what was published before",
            next_step="datahub doctor",
        ) from error
