"""What S3 does to a copy and ministack does not: conditions on the destination, and one checksum an object."""

# pyright: reportMissingImports=false
from ministack.services import s3

Answer = tuple[int, dict[str, str], bytes]  # status, headers, body

_copy = s3._copy_object


def install() -> None:
    """Put the function below in the place of ministack's."""
    s3._copy_object = copy_object


def copy_object(bucket: str, key: str, headers: dict[str, str]) -> Answer:
    """CopyObject, as S3 does it since 2025.

    - `If-None-Match: *` and `If-Match` are conditions on the destination, as they are for PutObject: 412 (and 404
      for `If-Match` where there is no object). ministack ignores them and overwrites.
    - `x-amz-checksum-algorithm` makes S3 compute that checksum over the whole object, and keep it in place of the
      source's. ministack looks for this under the header of uploads only, and would keep both.
    """
    target = s3._ensure_bucket(bucket)
    if target is not None:
        refused = s3._check_put_preconditions(headers, target["objects"].get(key))
        if refused is not None:
            return refused
    algorithm = headers.get("x-amz-checksum-algorithm", "").upper()
    if algorithm:
        headers = {**headers, "x-amz-sdk-checksum-algorithm": algorithm}
    answer = _copy(bucket, key, headers)
    if algorithm and answer[0] == 200:
        copied = s3._buckets[bucket]["objects"][key]
        copied["checksums"] = {algorithm: copied["checksums"][algorithm]}
        copied.pop("checksum_type", None)  # COMPOSITE if the source came in parts; the copy is one whole
    return answer
