"""What the hub may do in each of its folders in the bucket, and whether the bucket writes once."""

import secrets
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256

from datahub_dagster.adapters.aws.asking import missing_permission
from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.adapters.aws.examine_bucket import arn, key
from datahub_dagster.domain.finding import Finding, Findings, fault, fine
from datahub_dagster.domain.names import Location
from datahub_dagster.errors import AlreadyExistsError, HubError
from datahub_dagster.ports import Storage
from datahub_dagster.settings import S3Root

LIST, READ, WRITE, DELETE = "s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"
BREAK_OFF = "s3:AbortMultipartUpload"
PROBE = "s3 probe"

# What a release needs. `datahub gc` deletes below inbox/ and releases/: with a role of its own.
PLACES = {
    "inbox": (LIST, READ, WRITE),
    "releases": (LIST, READ, WRITE, BREAK_OFF),
    "log": (LIST, READ, WRITE),
    "log/*/*/claims": (WRITE, DELETE),
    "log/*/*/pins": (WRITE, DELETE),
    "log/*/*/listings": (WRITE,),
    "catalog": (LIST, READ, WRITE),
    "outbox": (WRITE,),
    "alerts": (LIST, READ, WRITE, DELETE),
    "monitor": (LIST, READ, WRITE, DELETE),
    "probe": (LIST, READ, WRITE, DELETE),
}


def places(aws: AwsClients, root: S3Root, kms_key: str) -> Findings:
    """Whether the hub may do in each folder what a release does there. Writes nothing."""
    for folder, actions in PLACES.items():
        yield from place(aws, root, folder, actions, kms_key)


def place(
    aws: AwsClients, root: S3Root, folder: str, actions: tuple[str, ...], kms_key: str = ""
) -> Findings:
    """Whether the hub may do something in a folder."""
    subject = f"s3 {folder}/"
    asked = _Asked(aws, root, folder, kms_key)
    missing: dict[str, Finding] = {}
    for action in actions:
        if action == READ and LIST in missing:
            continue  # S3 says "denied" of what is not there to whoever may not list
        resource = asked.resource(action)
        found = missing_permission(subject, action, resource, lambda action=action: asked.about(action))
        if found:
            missing[action] = found
    yield from missing.values()
    if not missing:
        yield fine(subject, f"may {', '.join(action.removeprefix('s3:') for action in actions)}")


class _Asked:
    """Calls that need a permission and change nothing: about an object that is not there."""

    def __init__(self, aws: AwsClients, root: S3Root, folder: str, kms_key: str) -> None:
        self._s3 = aws.s3
        self._root, self._folder, self._kms_key = root, folder, kms_key
        self._object = {
            "Bucket": root.bucket,
            "Key": key(root, f"{folder.replace('*', 'datahub-doctor')}/.datahub-doctor"),
        }

    def resource(self, action: str) -> str:
        return arn(self._root) if action == LIST else arn(self._root, f"{self._folder}/*")

    def about(self, action: str) -> None:
        questions: dict[str, Callable[[], object]] = {
            LIST: self._list,
            READ: lambda: self._s3.head_object(**self._object),
            WRITE: self._write,
            BREAK_OFF: lambda: self._s3.abort_multipart_upload(**self._object, UploadId="of-nothing"),
            # Without the condition a bucket with versions would keep a marker that something was deleted.
            DELETE: lambda: self._s3.delete_object(**self._object, IfMatch='"of-nothing"'),
        }
        questions[action]()

    def _list(self) -> None:
        self._s3.list_objects_v2(
            Bucket=self._root.bucket, Prefix=key(self._root, f"{self._folder}/"), MaxKeys=1
        )

    def _write(self) -> None:
        """Begin an upload in parts and break it off: it asks for the key, too."""
        encryption = (
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self._kms_key} if self._kms_key else {}
        )
        upload = self._s3.create_multipart_upload(**self._object, **encryption)
        with suppress(Exception):  # the bucket's lifecycle removes what stays
            self._s3.abort_multipart_upload(**self._object, UploadId=upload["UploadId"])


def writes_once(storage: Storage) -> Findings:
    """Whether the bucket keeps the promise on which every release rests: of two writers one wins. Writes below `probe/`."""
    folder = Location("probe") / secrets.token_hex(8)
    try:
        broken = list(_broken_promises(storage, folder))
    except HubError as error:
        broken = [
            fault(
                PROBE,
                f"{error.headline}: {error.found}" if error.found else error.headline,
                error.next_step or "",
            )
        ]
    finally:
        with suppress(HubError):
            storage.delete_folder(folder)
    yield from broken
    if not broken:
        yield fine(PROBE, "the bucket writes once, copies once, reads, lists and deletes")


def _broken_promises(storage: Storage, folder: Location) -> Findings:
    first, second, copied = folder / "first", folder / "second", folder / "copied"
    storage.create(first, b"first")
    storage.create(second, b"second")
    if not _refuses(lambda: storage.create(first, b"again")):
        yield _unkept("a second write with If-None-Match was taken")
        return
    storage.copy(first, copied, sha256=sha256(b"first").hexdigest())
    if not _refuses(lambda: storage.copy(second, copied, sha256=sha256(b"second").hexdigest())):
        yield _unkept("a copy replaced what was there")
    for location, content in ((first, b"first"), (second, b"second"), (copied, b"first")):
        if storage.read(location) != content:
            yield _unkept(f"{location.name} does not hold what was written to it first")
    if storage.list_names(folder) != ["copied", "first", "second"]:
        yield _unkept("what was written is not listed")
    storage.delete_folder(folder)
    if storage.list_files(folder):
        yield _unkept("what was deleted is still listed")


def _refuses(write: Callable[[], None]) -> bool:
    try:
        write()
    except AlreadyExistsError:
        return True
    return False


def _unkept(found: str) -> Finding:
    next_step = (
        "a hub needs S3's conditional writes: take a bucket of AWS, or a store that honours If-None-Match"
    )
    return fault(PROBE, found, next_step)
