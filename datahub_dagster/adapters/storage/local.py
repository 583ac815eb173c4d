"""Storage on a disk: write-once by hard link, so that a file is there whole or not at all."""

import hashlib
import os
import shutil
import stat
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from datahub_dagster.domain.names import Location
from datahub_dagster.errors import AlreadyExistsError, StorageError
from datahub_dagster.ports import ChangedContentError, Storage, StoredFile

_UNFINISHED = ".unfinished-"  # prefix of files that are being written; nobody but gc looks at them
_CHUNK = 1 << 20
_LAST_INSTANT = datetime(9999, 12, 31, tzinfo=UTC).timestamp()


class LocalStorage(Storage):
    """A folder of this machine.

    Every write goes to an unfinished file first, is flushed to the disk, and is then linked to its name: `link` fails if the
    name is taken, which makes it the conditional write of this storage. A crash leaves at most an unfinished file.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    def list_files(self, folder: Location) -> Sequence[StoredFile]:
        top = self._path(folder)
        with _outside("list", top):
            if top.is_symlink() or top.is_file():
                return [_stored(".", top.lstat(), is_regular=False)]
            return sorted(_walk(top, ""), key=lambda file: file.path)

    def list_names(self, folder: Location) -> Sequence[str]:
        top = self._path(folder)
        with _outside("list", top):
            try:
                return sorted(name for name in os.listdir(top) if not name.startswith(_UNFINISHED))
            except (FileNotFoundError, NotADirectoryError):
                return []

    def exists(self, location: Location) -> bool:
        path = self._path(location)
        with _outside("read", path):
            return path.is_file()

    def read(self, location: Location) -> bytes:
        path = self._path(location)
        with _outside("read", path):
            return path.read_bytes()

    def create(self, location: Location, content: bytes) -> None:
        target = self._path(location)
        with _outside("write", target), self._unfinished(target) as unfinished:
            with open(unfinished, "xb") as file:
                file.write(content)
                _flush(file)
            self._link(unfinished, target)

    def replace(self, location: Location, content: bytes) -> None:
        target = self._path(location)
        with _outside("write", target), self._unfinished(target) as unfinished:
            with open(unfinished, "xb") as file:
                file.write(content)
                _flush(file)
            try:
                os.replace(unfinished, target)
            except FileNotFoundError:
                raise _removed_under_way(target) from None
            _flush_folder(target.parent)

    def checksum(self, location: Location) -> str:
        path = self._path(location)
        with _outside("read", path), open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def copy(self, source: Location, target: Location, *, sha256: str) -> None:
        origin, destination = self._path(source), self._path(target)
        with _outside("copy", destination):
            if destination.exists():
                self._must_hold(destination, sha256)
                return
            with self._unfinished(destination) as unfinished:
                if self._copy_bytes(origin, unfinished) != sha256:
                    raise ChangedContentError(str(source))
                try:
                    self._link(unfinished, destination)
                except AlreadyExistsError:
                    self._must_hold(destination, sha256)

    def upload(self, source: Path, target: Location) -> None:
        destination = self._path(target)
        with _outside("copy", destination), self._unfinished(destination) as unfinished:
            self._copy_bytes(source, unfinished)
            self._link(unfinished, destination)

    def delete(self, location: Location) -> None:
        path = self._path(location)
        with _outside("remove", path):
            path.unlink(missing_ok=True)

    def delete_folder(self, folder: Location) -> None:
        path = self._path(folder)
        with _outside("remove", path):
            if path.is_symlink():
                path.unlink()
            elif path.exists():
                shutil.rmtree(path)

    def open(self, location: Location) -> BinaryIO:
        path = self._path(location)
        with _outside("read", path):
            return open(path, "rb")

    def is_unfinished(self, path: str) -> bool:
        return path.rpartition("/")[2].startswith(_UNFINISHED)

    def engine_path(self, location: Location) -> str:
        return str(self._path(location))

    def uri(self, location: Location) -> str:
        return self._path(location).as_uri()

    def _path(self, location: Location) -> Path:
        return self.root / location.path

    def _copy_bytes(self, source: Path, target: Path) -> str:
        """Copy and digest in one pass; the digest is of what was written, whatever happens to the source meanwhile."""
        digest = hashlib.sha256()
        with open(source, "rb") as reader, open(target, "xb") as writer:
            while chunk := reader.read(_CHUNK):
                digest.update(chunk)
                writer.write(chunk)
            _flush(writer)
        return digest.hexdigest()

    def _link(self, unfinished: Path, target: Path) -> None:
        try:
            os.link(unfinished, target)
        except FileExistsError:
            raise AlreadyExistsError("is there already", subject=str(target)) from None
        except FileNotFoundError:
            raise _removed_under_way(target) from None
        _flush_folder(target.parent)

    def _must_hold(self, path: Path, sha256: str) -> None:
        with open(path, "rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                raise AlreadyExistsError("is there already, with other content", subject=str(path))

    @contextmanager
    def _unfinished(self, target: Path) -> Iterator[Path]:
        _make_folder(target.parent)
        unfinished = target.parent / f"{_UNFINISHED}{uuid.uuid4().hex}"
        try:
            yield unfinished
        finally:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)


def _walk(folder: Path, prefix: str) -> Iterator[StoredFile]:
    try:
        entries = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        path = f"{prefix}{entry.name}"
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:  # removed since the folder was read: an unfinished write of somebody else
            continue
        if stat.S_ISDIR(status.st_mode):
            yield from _walk(Path(entry.path), f"{path}/")
            continue
        yield _stored(path, status, is_regular=stat.S_ISREG(status.st_mode))


def _stored(path: str, status: os.stat_result, *, is_regular: bool) -> StoredFile:
    # A copy that keeps times can set the one back, never the other. A time beyond all calendars is somebody's joke.
    modified_at = min(max(status.st_mtime, status.st_ctime), _LAST_INSTANT)
    return StoredFile(
        path=path,
        size=status.st_size,
        modified_at=datetime.fromtimestamp(modified_at, UTC),
        is_regular=is_regular,
    )


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, durably: a file that survives a power cut must still be found by its path."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        each.mkdir(parents=True, exist_ok=True)  # somebody may be removing empty folders
        _flush_folder(each.parent)


def _flush_folder(folder: Path) -> None:
    """Make a new name durable, where the file system lets a folder be flushed."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _removed_under_way(target: Path) -> StorageError:
    return StorageError(
        "somebody removed the file while it was written",
        subject=str(target),
        consumers="still read what was published before",
        next_step="look whether the clocks of the machines that run gc are right, then do it again",
    )


@contextmanager
def _outside(verb: str, path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StorageError(
            f"could not {verb}: {error.strerror or error}",
            subject=str(path),
            consumers="still read what was published before",
            next_step="datahub doctor",
        ) from error
