"""How a finished site takes the place of the former one: in one step on a disk, elsewhere in an order that breaks no page.

Whoever builds puts what changed into a folder of its own first, so that a build that fails has touched nothing.
"""

import ctypes
import errno
import fcntl
import logging
import os
import shutil
import sys
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from datahub_dagster.adapters.site import paths
from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.domain.contract import Language
from datahub_dagster.domain.names import Location
from datahub_dagster.errors import StorageError
from datahub_dagster.ports import Storage, StoredFile
from datahub_dagster.side_by_side import side_by_side

logger = logging.getLogger(__name__)

DOCS = Location("docs")
ASSETS = "assets"
STATE = "_build.json.gz"  # what the next build knows of this one; see `state`

_BATCH = 100  # files, after which a build looks whether another one has begun
_HOMES = [paths.in_language(paths.HOME, language) for language in Language]
_FROM_HERE = -100  # AT_FDCWD
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS
_CANT_MOVE = (errno.EXDEV, errno.EBUSY, errno.EPERM, errno.EACCES)


class OvertakenError(Exception):
    """Somebody else has published since this build began, or does so: it is to be made again, and every file looked at."""


class Publisher(ABC):
    """Where the pages are, and how new ones get there.

    Args:
        storage: Holds them below `docs/`.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @abstractmethod
    def building(self) -> AbstractContextManager[Path]:
        """A block with an empty folder for the files that changed; what is left in it goes with the block."""

    @abstractmethod
    def publish(
        self,
        stage: Path,
        changed: Collection[str],
        vanished: Collection[str],
        *,
        known: bytes | None,
        state: bytes,
    ) -> None:
        """Take over the files that changed, and remove those that vanished. Killed anywhere, the next build completes it.

        Args:
            stage: The folder of `building`.
            changed: Their paths in it, which are those below `docs/`.
            vanished: Paths below `docs/`.
            known: The state that this build began with; None = there was none.
            state: The new one.

        Raises:
            OvertakenError: Some files may be written, but no state that says so.
            StorageError: The storage refused.
        """

    def files(self) -> Mapping[str, StoredFile]:
        """What is there, by its path below `docs/`."""
        return {file.path: file for file in self._storage.list_files(DOCS)}

    def state(self) -> bytes | None:
        """What the last build left behind for this one."""
        with suppress(FileNotFoundError):
            return self._storage.read(DOCS / STATE)
        return None

    def differing(self, stage: Path, there: Mapping[str, StoredFile]) -> Sequence[str]:
        """The staged files that are not there with the same content; the others are taken out of the stage."""
        staged = sorted(
            (Path(place) / name).relative_to(stage).as_posix()
            for place, _, names in os.walk(stage)
            for name in names
        )

        def differs(path: str) -> bool:
            size = (stage / path).stat().st_size
            if path in there and there[path].size == size:
                with suppress(FileNotFoundError):
                    if self._storage.read(DOCS / path) == (stage / path).read_bytes():
                        (stage / path).unlink()
                        return False
            return True

        answers = side_by_side(differs, staged, self._storage.parallel)
        return [path for path, is_new in zip(staged, answers, strict=True) if is_new]


def publisher_of(storage: Storage) -> Publisher:
    """The publisher for a storage: a disk can change a whole folder at once."""
    return FolderPublisher(storage) if isinstance(storage, LocalStorage) else OrderedPublisher(storage)


class OrderedPublisher(Publisher):
    """File by file: what pages need, then the pages, then the start pages, which name them; what vanished goes last.

    Each file is replaced in one step, and no page needs another one of the same build. While it is under way the state is a mark that
    says nothing, so that after a kill the next build looks at every file. Of two builds at once, whichever finds its mark replaced
    stops and makes the state say nothing again: it may have written over the other's pages.
    """

    @contextmanager
    def building(self) -> Iterator[Path]:
        with TemporaryDirectory(prefix="datahub-docs-") as name:
            yield Path(name)

    def publish(
        self,
        stage: Path,
        changed: Collection[str],
        vanished: Collection[str],
        *,
        known: bytes | None,
        state: bytes,
    ) -> None:
        if self.state() != known:
            raise OvertakenError
        under_way = self._mark()

        def write(path: str) -> None:
            self._storage.replace(DOCS / path, (stage / path).read_bytes())

        def remove(path: str) -> None:
            self._storage.delete(DOCS / path)

        groups = [(write, group) for group in _in_order(changed)] + [(remove, sorted(vanished))]
        for change, group in groups:
            for start in range(0, len(group), _BATCH):
                some = group[start : start + _BATCH]
                deque(side_by_side(change, some, self._storage.parallel), maxlen=0)
                if self.state() != under_way:
                    self._mark()
                    raise OvertakenError
        self._storage.replace(DOCS / STATE, state)

    def _mark(self) -> bytes:
        mark = uuid4().bytes
        self._storage.replace(DOCS / STATE, mark)
        return mark


class FolderPublisher(Publisher):
    """A whole new folder beside the old one, with hard links of the files that did not change; then the two change places.

    Who opens a page by its path finds one whole site at any time. Nothing is flushed to the disk: a page that a power cut emptied has
    another size than the state says, and is made anew.

    Args:
        storage: A disk.
    """

    def __init__(self, storage: LocalStorage) -> None:
        super().__init__(storage)
        self._folder = (storage.root / DOCS.path).resolve()
        self._next = self._folder.with_name(f".{self._folder.name}-next")
        self._former = self._folder.with_name(f".{self._folder.name}-former")

    @contextmanager
    def building(self) -> Iterator[Path]:
        """As above; another process that builds the same pages waits for the end of the block."""
        with _outside(self._folder):
            self._folder.parent.mkdir(parents=True, exist_ok=True)
            lock = self._folder.with_name(f".{self._folder.name}-lock").open("w")
        with lock:
            with _outside(self._folder):
                fcntl.flock(lock, fcntl.LOCK_EX)
                if self._former.exists() and not self._folder.exists():
                    self._former.rename(self._folder)  # killed between the two renames of `_change_places`
                self._clean()
                self._next.mkdir()
            try:
                yield self._next
            finally:
                self._clean()

    def publish(
        self,
        stage: Path,
        changed: Collection[str],
        vanished: Collection[str],
        *,
        known: bytes | None,
        state: bytes,
    ) -> None:
        with _outside(self._folder):
            _link_others(self._folder, stage, {*changed, *vanished, STATE})
            (stage / STATE).write_bytes(state)
            try:
                self._change_places(stage)
                return
            except OSError as error:
                if error.errno not in _CANT_MOVE or not self._folder.exists():
                    raise
                # A mount point, or a folder in a lower layer of a container.
                logger.warning(
                    "docs: %s can't be replaced as a whole (%s): file by file", self._folder, error
                )
        OrderedPublisher(self._storage).publish(stage, changed, vanished, known=known, state=state)

    def _change_places(self, stage: Path) -> None:
        if not self._folder.exists():
            stage.rename(self._folder)
        elif not _exchanged(stage, self._folder):
            self._folder.rename(self._former)
            try:
                stage.rename(self._folder)
            except BaseException:
                self._former.rename(self._folder)
                raise

    def _clean(self) -> None:
        shutil.rmtree(self._next, ignore_errors=True)
        if self._folder.exists():  # else the former site is the only one: the next build takes it up again
            shutil.rmtree(self._former, ignore_errors=True)


def _in_order(changed: Collection[str]) -> Sequence[Sequence[str]]:
    """What pages need, the pages, the start pages of other languages, the start page."""
    assets = [path for path in changed if path.startswith(f"{ASSETS}/")]
    others = [path for path in changed if path not in _HOMES and not path.startswith(f"{ASSETS}/")]
    homes = [[path] for path in reversed(_HOMES) if path in changed]
    return [assets, others, *homes]


def _link_others(folder: Path, into: Path, without: Collection[str]) -> None:
    """Give every file of a folder a second name in another one, foreign files too, but for some paths."""
    for place, folders, names in os.walk(folder):
        here = Path(place).relative_to(folder)
        links = [name for name in folders if Path(place, name).is_symlink()]
        kept = [name for name in (*links, *names) if (here / name).as_posix() not in without]
        if kept or not (folders or names):
            (into / here).mkdir(parents=True, exist_ok=True)
        for name in kept:
            _link(f"{place}/{name}", f"{into / here}/{name}")
    if folder.exists():
        shutil.copymode(folder, into)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # a disk without hard links
        shutil.copy2(source, target, follow_symlinks=False)


def _exchanged(one: Path, other: Path) -> bool:
    """Let two folders change places in one step; False where this system can't."""
    library = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(one), os.fsencode(other)
    try:
        if sys.platform == "darwin":
            return library.renamex_np(*names, _EXCHANGE) == 0
        return library.renameat2(_FROM_HERE, names[0], _FROM_HERE, names[1], _EXCHANGE) == 0
    except AttributeError:  # an older C library
        return False


@contextmanager
def _outside(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"could not write the pages: {error.strerror or error}",
            subject=str(folder),
            consumers="still read the former pages",
            next_step="datahub doctor",
        ) from error
