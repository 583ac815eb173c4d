"""What lies in a bucket: as folders and files, for a storage that knows keys alone."""

from collections.abc import Iterator, Sequence
from typing import Any

from datahub_dagster.ports import StoredFile

_BATCH = 1000  # keys that one request removes


def files_below(s3: Any, bucket: str, folder: str) -> Sequence[StoredFile]:
    """All files below a folder (a key without `/` at its end), sorted by path.

    An empty key that ends in `/` is what consoles make of a folder, and no file. An object in the folder's own place is one
    irregular file with the path `.`, as `Storage` has it for a disk; it is looked for where there is nothing else.
    """
    found = [
        _stored(each, each["Key"][len(folder) + 1 :])
        for each in _objects(s3, bucket, f"{folder}/")
        if each["Size"] or not each["Key"].endswith("/")
    ]
    if not found:
        first = s3.list_objects_v2(Bucket=bucket, Prefix=folder, MaxKeys=1).get("Contents", ())
        return [_stored(each, ".", is_regular=False) for each in first if each["Key"] == folder]
    return sorted(found, key=lambda file: file.path)


def names_in(s3: Any, bucket: str, folder: str) -> Sequence[str]:
    """Names of what is directly in a folder, sorted."""
    start = len(folder) + 1
    found = set[str]()
    for page in _pages(s3, bucket, f"{folder}/", Delimiter="/"):
        found |= {each["Prefix"][start:-1] for each in page.get("CommonPrefixes", ())}
        found |= {each["Key"][start:] for each in page.get("Contents", ()) if len(each["Key"]) > start}
    return sorted(found)


def remove_below(s3: Any, bucket: str, folder: str) -> Sequence[tuple[str, str]]:
    """Remove everything below a folder. Returns the keys that are left, each with S3's reason."""
    left: list[tuple[str, str]] = []
    batch: list[dict[str, str]] = []
    for each in _objects(s3, bucket, f"{folder}/"):
        if each["Key"].isprintable():
            batch.append({"Key": each["Key"]})
        else:  # a list of keys is XML, which holds no control characters
            s3.delete_object(Bucket=bucket, Key=each["Key"])
        if len(batch) == _BATCH:
            left += _remove(s3, bucket, batch)
            batch = []
    return left + _remove(s3, bucket, batch)


def _remove(s3: Any, bucket: str, batch: Sequence[dict[str, str]]) -> list[tuple[str, str]]:
    if not batch:
        return []
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
    return [(each["Key"], f"{each['Code']}: {each.get('Message', '')}") for each in answer.get("Errors", ())]


def _objects(s3: Any, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
    for page in _pages(s3, bucket, prefix):
        yield from page.get("Contents", ())


def _pages(s3: Any, bucket: str, prefix: str, **more: str) -> Iterator[dict[str, Any]]:
    return s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, **more)


def _stored(found: dict[str, Any], path: str, *, is_regular: bool = True) -> StoredFile:
    return StoredFile(
        path=path,
        size=found["Size"],
        modified_at=found["LastModified"],
        is_regular=is_regular,
        version=found["ETag"].strip('"'),
    )
