"""What only S3 has: parts, lost answers, conflicts, throttling, keys, encryption, and a price for each request."""

import base64
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config

from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.adapters.storage.s3 import S3Storage
from datahub_dagster.domain.names import Location
from datahub_dagster.errors import AlreadyExistsError, StorageError
from datahub_dagster.ports import ChangedContentError
from tests.adapters.s3_faults import FaultyS3, answers, breaks_off, loses_the_answer, tells
from tests.aws import AwsAccount, SentRequests

pytestmark = pytest.mark.aws

PLACE = Location("log/payments/orders/00000001.json")
SOURCE, TARGET = Location("inbox/x.parquet"), Location("releases/x.parquet")
PART = 5 * 1024 * 1024  # the least that S3 takes
LARGE = os.urandom(2 * PART + 1000)
ONCE = Config(retries={"mode": "standard", "total_max_attempts": 1})


@pytest.fixture
def aws(aws_account: AwsAccount) -> Iterator[AwsClients]:
    clients = AwsClients()
    yield clients
    clients.close()


@pytest.fixture
def storage(aws: AwsClients, aws_account: AwsAccount) -> S3Storage:
    return S3Storage(aws, aws_account.bucket, "hub")


@pytest.fixture
def faulty(aws_account: AwsAccount) -> Iterator[FaultyS3]:
    made = FaultyS3()
    yield made
    made.aws.close()


def in_parts(aws: AwsClients, account: AwsAccount) -> S3Storage:
    return S3Storage(
        aws, account.bucket, "hub", largest_put=PART, upload_part=PART, largest_copy=PART, copy_part=PART
    )


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def head(account: AwsAccount, location: Location) -> dict[str, Any]:
    return account.client("s3").head_object(
        Bucket=account.bucket, Key=f"hub/{location}", ChecksumMode="ENABLED"
    )


def put(account: AwsAccount, key: str, content: bytes = b"", **more: Any) -> None:
    account.client("s3").put_object(Bucket=account.bucket, Key=f"hub/{key}", Body=content, **more)


def unfinished_uploads(account: AwsAccount) -> list[Any]:
    return account.client("s3").list_multipart_uploads(Bucket=account.bucket).get("Uploads", [])


# --- Parts -----------------------------------------------------------------------------------------------------------


def test_a_large_file_is_brought_in_in_parts(
    storage: S3Storage, aws: AwsClients, aws_account: AwsAccount, tmp_path: Path
) -> None:
    (tmp_path / "x").write_bytes(LARGE)
    parted = in_parts(aws, aws_account)
    parted.upload(tmp_path / "x", SOURCE)
    assert storage.read(SOURCE) == LARGE
    assert head(aws_account, SOURCE)["ETag"].endswith('-3"')
    assert storage.checksum(SOURCE) == sha256(LARGE), "S3 knows no checksum of the whole: it is read"
    with pytest.raises(AlreadyExistsError):
        parted.upload(tmp_path / "x", SOURCE)
    assert unfinished_uploads(aws_account) == []


def test_a_large_file_is_copied_in_parts(
    storage: S3Storage, aws: AwsClients, aws_account: AwsAccount
) -> None:
    put(aws_account, SOURCE.path, LARGE)
    parted = in_parts(aws, aws_account)
    for _ in range(2):
        parted.copy(SOURCE, TARGET, sha256=sha256(LARGE))
    assert storage.read(TARGET) == LARGE
    assert head(aws_account, TARGET)["ETag"].endswith('-3"')
    assert unfinished_uploads(aws_account) == []
    parted.replace(TARGET, b"other")
    with pytest.raises(AlreadyExistsError):
        parted.copy(SOURCE, TARGET, sha256=sha256(LARGE))


def test_a_part_that_fails_leaves_nothing(
    faulty: FaultyS3, aws_account: AwsAccount, storage: S3Storage, tmp_path: Path
) -> None:
    put(aws_account, SOURCE.path, LARGE)
    (tmp_path / "x").write_bytes(LARGE)
    parted = in_parts(faulty.aws, aws_account)
    faulty.on("UploadPart", None, answers(403, "AccessDenied"))
    faulty.on("UploadPartCopy", None, answers(403, "AccessDenied"))
    for call in (
        lambda: parted.upload(tmp_path / "x", TARGET),
        lambda: parted.copy(SOURCE, TARGET, sha256=sha256(LARGE)),
    ):
        with pytest.raises(StorageError, match=r"the permission .*s3:PutObject is missing"):
            call()
        assert not storage.exists(TARGET)
        assert unfinished_uploads(aws_account) == []


def test_a_large_source_that_is_replaced_while_it_is_copied_is_not_mixed(
    faulty: FaultyS3, aws_account: AwsAccount, storage: S3Storage
) -> None:
    put(aws_account, SOURCE.path, LARGE)
    faulty.on("UploadPartCopy", None, lambda _: put(aws_account, SOURCE.path, LARGE[::-1]))
    with pytest.raises(ChangedContentError):
        in_parts(faulty.aws, aws_account).copy(SOURCE, TARGET, sha256=sha256(LARGE))
    assert not storage.exists(TARGET)
    assert unfinished_uploads(aws_account) == []


# --- Conditions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["PutObject", "CompleteMultipartUpload"])
def test_who_won_is_told_so_even_if_the_first_answer_was_lost(
    faulty: FaultyS3, aws_account: AwsAccount, tmp_path: Path, operation: str
) -> None:
    (tmp_path / "x").write_bytes(LARGE)
    storage = in_parts(faulty.aws, aws_account)
    faulty.on(operation, loses_the_answer)
    write = {
        "PutObject": lambda: storage.create(PLACE, b"mine"),
        "CompleteMultipartUpload": lambda: storage.upload(tmp_path / "x", PLACE),
    }[operation]
    write()
    with pytest.raises(AlreadyExistsError):
        write()


def test_who_lost_is_told_so_even_if_the_first_answer_was_lost(
    faulty: FaultyS3, aws_account: AwsAccount, storage: S3Storage
) -> None:
    storage.create(PLACE, b"theirs")
    faulty.on("PutObject", loses_the_answer)
    with pytest.raises(AlreadyExistsError):
        S3Storage(faulty.aws, aws_account.bucket, "hub").create(PLACE, b"mine")
    assert storage.read(PLACE) == b"theirs"


def test_who_cannot_be_told_whether_it_won_is_not_told_that_it_lost(
    faulty: FaultyS3, aws_account: AwsAccount
) -> None:
    faulty.on("PutObject", loses_the_answer)
    faulty.on("HeadObject", answers(403, "AccessDenied"))
    with pytest.raises(StorageError, match="the permission s3:PutObject is missing"):
        S3Storage(faulty.aws, aws_account.bucket, "hub").create(PLACE, b"mine")


def test_a_copy_whose_answer_was_lost_is_done(
    faulty: FaultyS3, aws_account: AwsAccount, storage: S3Storage
) -> None:
    storage.create(SOURCE, b"data")
    faulty.on("CopyObject", loses_the_answer)
    S3Storage(faulty.aws, aws_account.bucket, "hub").copy(SOURCE, TARGET, sha256=sha256(b"data"))
    assert storage.read(TARGET) == b"data"


def test_a_conflict_is_waited_out(faulty: FaultyS3, aws_account: AwsAccount) -> None:
    storage = S3Storage(faulty.aws, aws_account.bucket, "hub")
    conflict = answers(409, "ConditionalRequestConflict")
    faulty.on("PutObject", conflict, conflict)
    faulty.on("CopyObject", conflict)
    storage.create(SOURCE, b"data")
    storage.copy(SOURCE, TARGET, sha256=sha256(b"data"))
    assert storage.read(TARGET) == b"data"


def test_a_source_that_was_replaced_since_its_checksum_was_taken_is_not_copied(
    storage: S3Storage, aws_account: AwsAccount
) -> None:
    put(aws_account, SOURCE.path, b"data")
    digest = storage.checksum(SOURCE)
    put(aws_account, SOURCE.path, b"other")
    with pytest.raises(ChangedContentError):
        storage.copy(SOURCE, TARGET, sha256=digest)
    assert not storage.exists(TARGET)


def test_a_copy_of_which_s3_has_another_checksum_is_a_change(
    faulty: FaultyS3, aws_account: AwsAccount
) -> None:
    put(aws_account, SOURCE.path, b"data")
    other = base64.b64encode(hashlib.sha256(b"other, of the same MD5").digest()).decode()
    faulty.on(
        "CopyObject", tells(f"<CopyObjectResult><ChecksumSHA256>{other}</ChecksumSHA256></CopyObjectResult>")
    )
    with pytest.raises(ChangedContentError):
        S3Storage(faulty.aws, aws_account.bucket, "hub").copy(SOURCE, TARGET, sha256=sha256(b"data"))


def test_what_a_team_says_of_its_files_is_not_believed(storage: S3Storage, aws_account: AwsAccount) -> None:
    put(aws_account, SOURCE.path, b"data", Metadata={"sha256": sha256(b"other"), "writer": "me"})
    assert storage.checksum(SOURCE) == sha256(b"data")
    with pytest.raises(ChangedContentError):
        storage.copy(SOURCE, TARGET, sha256=sha256(b"other"))


# --- Failures --------------------------------------------------------------------------------------------------------

CALLS: dict[str, tuple[str, Callable[[S3Storage, Path], object]]] = {
    "create": ("s3:PutObject", lambda s3, _: s3.create(PLACE, b"1")),
    "replace": ("s3:PutObject", lambda s3, _: s3.replace(PLACE, b"1")),
    "read": ("s3:GetObject", lambda s3, _: s3.read(SOURCE)),
    "exists": ("s3:GetObject", lambda s3, _: s3.exists(SOURCE)),
    "checksum": ("s3:GetObject", lambda s3, _: s3.checksum(SOURCE)),
    "open": ("s3:GetObject", lambda s3, _: s3.open(SOURCE)),
    "copy": ("s3:GetObject", lambda s3, _: s3.copy(SOURCE, TARGET, sha256=sha256(b"data"))),
    "upload": ("s3:PutObject", lambda s3, folder: s3.upload(folder / "mine", PLACE)),
    "list_files": ("s3:ListBucket", lambda s3, _: s3.list_files(Location("inbox"))),
    "list_names": ("s3:ListBucket", lambda s3, _: s3.list_names(Location("inbox"))),
    "delete": ("s3:DeleteObject", lambda s3, _: s3.delete(PLACE)),
    "delete_folder": ("s3:DeleteObject", lambda s3, _: s3.delete_folder(Location("inbox"))),
}


REFUSALS = [
    (403, "AccessDenied", "the permission {action} is missing"),
    (503, "SlowDown", r"AWS asks to slow down, after several attempts \({action}\)"),
    (500, "InternalError", r"AWS failed \({action}\)"),
    (404, "NoSuchBucket", r"there is no such bucket \({action}\)"),
    (400, "ExpiredToken", r"(credentials have expired|credentials that have expired) \({action}\)"),
]
BY_HEAD = {
    "exists",
    "checksum",
    "copy",
}  # S3 has no word for its refusal there: a bucket that is missing is a file that is


@pytest.mark.parametrize(("status", "code", "message"), REFUSALS)
def test_what_s3_refuses_is_an_error_that_says_so(
    aws_account: AwsAccount, tmp_path: Path, subtests: pytest.Subtests, status: int, code: str, message: str
) -> None:
    put(aws_account, SOURCE.path, b"data")
    (tmp_path / "mine").write_bytes(b"mine")
    faulty = FaultyS3(ONCE)
    storage = S3Storage(faulty.aws, aws_account.bucket, "hub")
    for operation in ("PutObject", "GetObject", "HeadObject", "CopyObject", "DeleteObject", "DeleteObjects"):
        faulty.on(operation, *[answers(status, code)] * len(CALLS))
    faulty.on("ListObjectsV2", *[answers(status, code)] * 2)  # removing a folder lists it, too: it may
    for call, (action, ask) in CALLS.items():
        if status == 404 and call in BY_HEAD:
            continue
        with subtests.test(call):
            with pytest.raises(StorageError, match=message.format(action=action)) as caught:
                ask(storage, tmp_path)
            assert str(caught.value.subject).startswith(f"s3://{aws_account.bucket}/hub/")
            assert caught.value.next_step
    faulty.aws.close()


def test_a_storm_that_passes_is_sat_out(faulty: FaultyS3, aws_account: AwsAccount) -> None:
    slow_down = answers(503, "SlowDown")
    faulty.on("PutObject", slow_down, slow_down, answers(500, "InternalError"))
    storage = S3Storage(faulty.aws, aws_account.bucket, "hub")
    storage.create(PLACE, b"1")
    assert storage.read(PLACE) == b"1"


def test_the_permission_of_a_key_is_named(faulty: FaultyS3, aws_account: AwsAccount) -> None:
    said = "User: arn:aws:sts::1:assumed-role/hub is not authorized to perform: kms:GenerateDataKey on this resource"
    faulty.on("PutObject", answers(403, "AccessDenied", said))
    with pytest.raises(StorageError, match="the permission kms:GenerateDataKey is missing"):
        S3Storage(faulty.aws, aws_account.bucket, kms_key="alias/hub").create(PLACE, b"1")


def test_no_answer_at_all_is_an_error_that_names_the_network(
    aws_account: AwsAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # nobody listens there
    faulty = FaultyS3(ONCE)
    with pytest.raises(StorageError, match="AWS gives no answer") as caught:
        S3Storage(faulty.aws, aws_account.bucket).read(PLACE)
    faulty.aws.close()
    assert "AWS_ENDPOINT_URL" in str(caught.value.next_step)


@pytest.mark.parametrize("ask", ["read", "checksum", "open"])
def test_an_answer_that_breaks_off_is_asked_for_again(
    faulty: FaultyS3, aws_account: AwsAccount, ask: str
) -> None:
    content = os.urandom(3_000_000)
    put(aws_account, SOURCE.path, content)
    faulty.on("GetObject", breaks_off(after=1_500_000), None, breaks_off(after=0))
    storage = S3Storage(faulty.aws, aws_account.bucket, "hub")
    found = {
        "read": lambda: sha256(storage.read(SOURCE)),
        "checksum": lambda: storage.checksum(SOURCE),
        "open": lambda: sha256(storage.open(SOURCE).read()),
    }[ask]()
    assert found == sha256(content)


def test_what_could_not_be_removed_is_told_by_key(faulty: FaultyS3, aws_account: AwsAccount) -> None:
    for number in range(7):
        put(aws_account, f"inbox/{number}")
    denied = [f"<Error><Key>hub/inbox/{n}</Key><Code>AccessDenied</Code></Error>" for n in range(7)]
    faulty.on("DeleteObjects", tells(f"<DeleteResult>{''.join(denied)}</DeleteResult>"))
    with pytest.raises(StorageError, match="7 objects could not be removed") as caught:
        S3Storage(faulty.aws, aws_account.bucket, "hub").delete_folder(Location("inbox"))
    assert f"s3://{aws_account.bucket}/hub/inbox/0: AccessDenied" in str(caught.value.found)
    assert "and 2 more" in str(caught.value.found)


# --- Keys ------------------------------------------------------------------------------------------------------------

HOSTILE = ["a//b", "a/../b", "./a", "tab\there", "new\nline", "\x01", "é/ü", " a", "a+b&<c>%41", "data/"]


def test_every_key_is_listed_and_none_leads_elsewhere(storage: S3Storage, aws_account: AwsAccount) -> None:
    for key in HOSTILE:
        put(aws_account, f"inbox/d/{key}", b"1")
    put(aws_account, "inbox/d//lead", b"1")
    files = storage.list_files(Location("inbox/d"))
    assert [file.path for file in files] == sorted([*HOSTILE, "/lead"])
    assert {"", ".", "a", "data"} <= set(storage.list_names(Location("inbox/d")))
    put(aws_account, "inbox/dd", b"1")
    storage.delete_folder(Location("inbox/d"))
    assert list(storage.list_files(Location("inbox/d"))) == []
    assert storage.exists(Location("inbox/dd"))


def test_a_folder_that_a_console_made_is_no_file(storage: S3Storage, aws_account: AwsAccount) -> None:
    put(aws_account, "inbox/d/")
    assert list(storage.list_names(Location("inbox"))) == ["d"]
    assert list(storage.list_files(Location("inbox/d"))) == []
    put(aws_account, "inbox/d/sub/")
    put(aws_account, "inbox/d/x", b"1")
    assert [file.path for file in storage.list_files(Location("inbox/d"))] == ["x"]
    assert list(storage.list_names(Location("inbox/d"))) == ["sub", "x"]
    storage.delete_folder(Location("inbox/d"))
    assert list(storage.list_names(Location("inbox"))) == []


def test_a_file_in_a_folders_place_is_irregular(storage: S3Storage, aws_account: AwsAccount) -> None:
    put(aws_account, "inbox/d", b"123")
    put(aws_account, "inbox/dd/x", b"1")
    (file,) = storage.list_files(Location("inbox/d"))
    assert (file.path, file.size, file.is_regular) == (".", 3, False)


def test_more_than_a_page_is_listed_and_removed(storage: S3Storage, requests_counted: SentRequests) -> None:
    names = [f"{number:04d}" for number in range(1001)]
    for name in names:
        storage.replace(Location(f"inbox/{name}"), b"")
    requests_counted.clear()
    assert list(storage.list_names(Location("inbox"))) == names
    assert [file.path for file in storage.list_files(Location("inbox"))] == names
    assert requests_counted.counts() == {"s3.ListObjectsV2": 4}
    storage.delete_folder(Location("inbox"))
    assert len(requests_counted.of("DeleteObjects")) == 2
    assert list(storage.list_names(Location("inbox"))) == []


def test_another_content_has_another_version(storage: S3Storage) -> None:
    storage.replace(SOURCE, b"one")
    (one,) = storage.list_files(Location("inbox"))
    storage.replace(SOURCE, b"two")
    (two,) = storage.list_files(Location("inbox"))
    assert one.version
    assert one.version != two.version


def test_a_hub_below_a_prefix_sees_nothing_beside_it(
    storage: S3Storage, aws: AwsClients, aws_account: AwsAccount
) -> None:
    other = S3Storage(aws, aws_account.bucket)
    storage.create(SOURCE, b"1")
    assert [file.path for file in other.list_files(Location("hub"))] == [SOURCE.path]
    assert not other.exists(SOURCE)
    assert storage.engine_path(SOURCE) == f"s3://{aws_account.bucket}/hub/{SOURCE}"
    assert other.uri(SOURCE) == f"s3://{aws_account.bucket}/{SOURCE}"


# --- What is written -------------------------------------------------------------------------------------------------


def test_what_is_written_says_what_it_is(storage: S3Storage, aws_account: AwsAccount) -> None:
    storage.create(PLACE, b"{}")
    storage.create(SOURCE, b"PAR1")
    storage.copy(SOURCE, TARGET, sha256=sha256(b"PAR1"))
    assert head(aws_account, PLACE)["ContentType"] == "application/json"
    assert head(aws_account, TARGET)["ContentType"] == "application/vnd.apache.parquet"
    assert head(aws_account, TARGET)["Metadata"] == {"sha256": sha256(b"PAR1")}


def test_everything_is_written_with_the_hubs_key(
    faulty: FaultyS3, aws_account: AwsAccount, tmp_path: Path
) -> None:
    sent: dict[str, Any] = {}
    for operation in ("PutObject", "CopyObject", "CreateMultipartUpload"):
        faulty.on(operation, lambda request, of=operation: sent.update({of: request.headers}))
    storage = S3Storage(faulty.aws, aws_account.bucket, kms_key="alias/hub", largest_put=10, upload_part=PART)
    (tmp_path / "x").write_bytes(b"more than ten bytes")
    storage.create(SOURCE, b"data")
    storage.copy(SOURCE, TARGET, sha256=sha256(b"data"))
    storage.upload(tmp_path / "x", PLACE)
    for headers in sent.values():
        told = {name.lower(): value for name, value in headers.items()}
        assert told["x-amz-server-side-encryption"] == b"aws:kms"
        assert told["x-amz-server-side-encryption-aws-kms-key-id"] == b"alias/hub"
        assert told["x-amz-server-side-encryption-bucket-key-enabled"] == b"true"
    assert set(sent) == {"PutObject", "CopyObject", "CreateMultipartUpload"}


# --- Reading here and there ------------------------------------------------------------------------------------------


def test_a_file_is_read_here_and_there(storage: S3Storage, requests_counted: SentRequests) -> None:
    content = os.urandom(3_000_000)
    storage.create(SOURCE, content)
    requests_counted.clear()
    with storage.open(SOURCE) as file:
        assert file.seek(0, os.SEEK_END) == len(content)
        file.seek(-8, os.SEEK_END)
        assert file.read() == content[-8:]
        file.seek(-60_000, os.SEEK_END)
        assert file.read(50_000) == content[-60_000:-10_000]
        assert len(requests_counted) == 1, "the end came with the opening"
        file.seek(1000)
        assert file.read(10) == content[1000:1010]
        assert file.tell() == 1010
        file.seek(0)
        assert file.read() == content
        file.seek(len(content) + 5)
        assert file.read(1) == b""
        with pytest.raises(ValueError, match=r"no position|negative"):
            file.seek(-1)


def test_an_empty_file_is_read(storage: S3Storage) -> None:
    storage.create(SOURCE, b"")
    with storage.open(SOURCE) as file:
        assert file.read() == b""
    assert storage.checksum(SOURCE) == sha256(b"")


def test_a_file_that_is_replaced_while_it_is_read_is_an_error(storage: S3Storage) -> None:
    storage.replace(SOURCE, b"1" * 3_000_000)
    with storage.open(SOURCE) as file:
        storage.replace(SOURCE, b"2" * 3_000_000)
        with pytest.raises(StorageError, match="at the same moment"):
            file.read(1)


def test_a_file_that_is_removed_while_it_is_read_is_not_found(storage: S3Storage) -> None:
    storage.replace(SOURCE, b"1" * 3_000_000)
    with storage.open(SOURCE) as file:
        storage.delete(SOURCE)
        with pytest.raises(FileNotFoundError):
            file.read(1)


# --- Requests --------------------------------------------------------------------------------------------------------


def test_each_call_costs_so_many_requests(
    storage: S3Storage, aws_account: AwsAccount, requests_counted: SentRequests, tmp_path: Path
) -> None:
    (tmp_path / "x").write_bytes(b"mine")
    put(aws_account, "inbox/theirs", b"1")
    theirs = Location("inbox/theirs")

    def cost(call: Callable[[], object]) -> dict[str, int]:
        requests_counted.clear()
        call()
        return {name.removeprefix("s3."): count for name, count in requests_counted.counts().items()}

    assert cost(lambda: storage.create(PLACE, b"1")) == {"PutObject": 1}
    assert cost(lambda: storage.replace(PLACE, b"1")) == {"PutObject": 1}
    assert cost(lambda: storage.read(PLACE)) == {"GetObject": 1}
    assert cost(lambda: storage.exists(PLACE)) == {"HeadObject": 1}
    assert cost(lambda: storage.upload(tmp_path / "x", SOURCE)) == {"PutObject": 1}
    assert cost(lambda: storage.checksum(SOURCE)) == {"HeadObject": 1}
    assert cost(lambda: storage.checksum(theirs)) == {"HeadObject": 1, "GetObject": 1}
    assert cost(lambda: storage.checksum(theirs)) == {"HeadObject": 1}, "remembered by its ETag"
    copy = lambda: storage.copy(theirs, TARGET, sha256=sha256(b"1"))  # noqa: E731
    assert cost(copy) == {"CopyObject": 1}
    assert cost(copy) == {"CopyObject": 1, "HeadObject": 1}
    assert cost(lambda: storage.list_files(Location("inbox"))) == {"ListObjectsV2": 1}
    assert cost(lambda: storage.list_files(Location("nothing"))) == {"ListObjectsV2": 2}
    assert cost(lambda: storage.delete_folder(Location("inbox"))) == {"ListObjectsV2": 1, "DeleteObjects": 1}
