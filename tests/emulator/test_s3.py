"""What the emulator adds to S3."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.aws import AwsAccount, error_code

pytestmark = pytest.mark.aws

SHA256_OF_HUB = "CNM1A+4n1MEwVdDO/sXnML5O8uQc1s/OQ0k27B58nUs="  # of b"hub"


def test_of_eight_that_create_an_object_at_once_one_wins(aws_account: AwsAccount) -> None:
    s3 = aws_account.client("s3")

    def create(who: int) -> str:
        try:
            s3.put_object(
                Bucket=aws_account.bucket, Key="log/1.json", Body=str(who).encode(), IfNoneMatch="*"
            )
        except ClientError as problem:
            return error_code(problem)
        return f"won {who}"

    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(create, range(8)))

    assert outcomes.count("PreconditionFailed") == 7
    content = s3.get_object(Bucket=aws_account.bucket, Key="log/1.json")["Body"].read().decode()
    assert f"won {content}" in outcomes


def test_a_copy_overwrites_nothing_if_it_is_told_not_to(aws_account: AwsAccount) -> None:
    s3 = aws_account.client("s3")
    for key, content in (("old", b"old"), ("new", b"new")):
        s3.put_object(Bucket=aws_account.bucket, Key=key, Body=content)
    source: Any = {"Bucket": aws_account.bucket, "Key": "new"}

    with pytest.raises(ClientError) as refused:
        s3.copy_object(Bucket=aws_account.bucket, Key="old", CopySource=source, IfNoneMatch="*")

    assert error_code(refused.value) == "PreconditionFailed"
    assert s3.get_object(Bucket=aws_account.bucket, Key="old")["Body"].read() == b"old"
    s3.copy_object(Bucket=aws_account.bucket, Key="elsewhere", CopySource=source, IfNoneMatch="*")
    assert s3.get_object(Bucket=aws_account.bucket, Key="elsewhere")["Body"].read() == b"new"


def test_a_copy_overwrites_only_what_it_expects(aws_account: AwsAccount) -> None:
    s3 = aws_account.client("s3")
    old = s3.put_object(Bucket=aws_account.bucket, Key="old", Body=b"old")["ETag"]
    s3.put_object(Bucket=aws_account.bucket, Key="new", Body=b"new")
    source: Any = {"Bucket": aws_account.bucket, "Key": "new"}

    with pytest.raises(ClientError) as refused:
        s3.copy_object(Bucket=aws_account.bucket, Key="old", CopySource=source, IfMatch='"another"')
    assert error_code(refused.value) == "PreconditionFailed"

    s3.copy_object(Bucket=aws_account.bucket, Key="old", CopySource=source, IfMatch=old)
    assert s3.get_object(Bucket=aws_account.bucket, Key="old")["Body"].read() == b"new"


def test_a_copy_gets_the_checksum_that_it_asks_for(aws_account: AwsAccount) -> None:
    s3 = aws_account.client("s3")
    s3.put_object(Bucket=aws_account.bucket, Key="a", Body=b"hub", ChecksumAlgorithm="CRC32")
    source: Any = {"Bucket": aws_account.bucket, "Key": "a"}

    s3.copy_object(Bucket=aws_account.bucket, Key="b", CopySource=source, ChecksumAlgorithm="SHA256")

    head = s3.head_object(Bucket=aws_account.bucket, Key="b", ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"] == SHA256_OF_HUB
    assert head["ChecksumType"] == "FULL_OBJECT"
    assert "ChecksumCRC32" not in head
    assert "ChecksumSHA256" not in s3.head_object(Bucket=aws_account.bucket, Key="b")


def test_a_copy_of_an_upload_in_parts_gets_a_checksum_of_the_whole(aws_account: AwsAccount) -> None:
    s3 = aws_account.client("s3")
    bucket = aws_account.bucket
    upload = s3.create_multipart_upload(Bucket=bucket, Key="a", ChecksumAlgorithm="SHA256")["UploadId"]
    part = s3.upload_part(
        Bucket=bucket, Key="a", UploadId=upload, PartNumber=1, Body=b"hub", ChecksumAlgorithm="SHA256"
    )
    parts: Any = [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumSHA256": part["ChecksumSHA256"]}]
    s3.complete_multipart_upload(Bucket=bucket, Key="a", UploadId=upload, MultipartUpload={"Parts": parts})
    assert s3.head_object(Bucket=bucket, Key="a", ChecksumMode="ENABLED")["ChecksumType"] == "COMPOSITE"

    source: Any = {"Bucket": bucket, "Key": "a"}
    s3.copy_object(Bucket=bucket, Key="b", CopySource=source, ChecksumAlgorithm="SHA256")

    head = s3.head_object(Bucket=bucket, Key="b", ChecksumMode="ENABLED")
    assert (head["ChecksumSHA256"], head["ChecksumType"]) == (
        SHA256_OF_HUB,
        "FULL_OBJECT",
    )
