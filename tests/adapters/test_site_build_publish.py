"""How a new site takes the place of the old one: in one step, whole, and whatever is killed when."""

import errno
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from datahub_dagster.adapters.site import publish
from datahub_dagster.adapters.site.publish import (
    STATE,
    FolderPublisher,
    OrderedPublisher,
    OvertakenError,
    Publisher,
)
from datahub_dagster.adapters.site.state import BuildState, Made, left_over
from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.domain.names import Location
from datahub_dagster.errors import StorageError
from datahub_dagster.ports import StoredFile

PUBLISHERS: list[type[Any]] = [FolderPublisher, OrderedPublisher]


def put(publisher: Publisher, pages: dict[str, str], vanished: Iterable[str] = (), state: str = "") -> None:
    """Publish pages in one build; what is there with the same content is left as it is."""
    with publisher.building() as stage:
        for path, content in pages.items():
            (stage / path).parent.mkdir(parents=True, exist_ok=True)
            (stage / path).write_text(content)
        changed = publisher.differing(stage, publisher.files())
        publisher.publish(stage, changed, [*vanished], known=publisher.state(), state=state.encode())


def pages_in(root: Path) -> dict[str, str]:
    docs = root / "docs"
    return {
        path.relative_to(docs).as_posix(): path.read_text()
        for path in sorted(docs.rglob("*"))
        if path.is_file() and path.name != STATE
    }


@pytest.mark.parametrize("kind", PUBLISHERS)
def test_pages_come_stay_change_and_go(tmp_path: Path, kind: type[Any]) -> None:
    publisher = kind(LocalStorage(tmp_path))
    put(publisher, {"index.html": "1", "a/x.html": "1", "a/y.html": "1"})
    put(publisher, {"index.html": "2", "a/z.html": "2"}, vanished=["a/x.html"], state="known")

    assert pages_in(tmp_path) == {"index.html": "2", "a/y.html": "1", "a/z.html": "2"}
    assert publisher.state() == b"known"


@pytest.mark.parametrize("kind", PUBLISHERS)
def test_a_file_with_the_same_content_is_not_written_again(tmp_path: Path, kind: type[Any]) -> None:
    publisher = kind(LocalStorage(tmp_path))
    put(publisher, {"index.html": "1", "same.html": "1"})
    before = (tmp_path / "docs/same.html").stat()

    put(publisher, {"index.html": "2", "same.html": "1"})

    after = (tmp_path / "docs/same.html").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_files_of_others_stay_in_the_folder(tmp_path: Path) -> None:
    publisher = FolderPublisher(LocalStorage(tmp_path))
    put(publisher, {"index.html": "1"})
    (tmp_path / "docs/.well-known").mkdir()
    (tmp_path / "docs/.well-known/security.txt").write_text("ours")
    (tmp_path / "docs/latest").symlink_to("index.html")
    (tmp_path / "docs/empty").mkdir()
    (tmp_path / "docs/well-known").symlink_to(".well-known")
    (tmp_path / "docs").chmod(0o750)

    put(publisher, {"index.html": "2"})

    assert pages_in(tmp_path) == {".well-known/security.txt": "ours", "index.html": "2", "latest": "2"}
    assert (tmp_path / "docs/latest").is_symlink()
    assert (tmp_path / "docs/well-known").readlink() == Path(".well-known")
    assert (tmp_path / "docs/empty").is_dir()
    assert (tmp_path / "docs").stat().st_mode & 0o777 == 0o750


def test_a_build_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    publisher = FolderPublisher(LocalStorage(tmp_path))
    put(publisher, {"index.html": "1"})

    def build() -> None:
        with publisher.building() as stage:
            (stage / "index.html").write_text("2")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        build()

    assert pages_in(tmp_path) == {"index.html": "1"}
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["docs"]


def test_without_an_exchange_a_kill_between_the_two_renames_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "_exchanged", lambda _one, _other: False)
    publisher = FolderPublisher(LocalStorage(tmp_path))
    put(publisher, {"index.html": "1", "same.html": "1"})
    put(publisher, {"index.html": "2"})
    assert pages_in(tmp_path) == {"index.html": "2", "same.html": "1"}

    (tmp_path / "docs").rename(tmp_path / ".docs-former")
    put(publisher, {"index.html": "3"})

    assert pages_in(tmp_path) == {"index.html": "3", "same.html": "1"}


def test_where_folders_cant_change_places_and_the_new_one_cant_be_moved_the_old_site_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = FolderPublisher(LocalStorage(tmp_path))
    put(publisher, {"index.html": "1"})
    rename = Path.rename

    def fails(path: Path, target: Path) -> Path:
        if path.name == ".docs-next":
            raise OSError(errno.ENOSPC, "No space left on device")
        return rename(path, target)

    monkeypatch.setattr(publish, "_exchanged", lambda _one, _other: False)
    monkeypatch.setattr(Path, "rename", fails)

    with pytest.raises(StorageError, match="No space left"):
        put(publisher, {"index.html": "2"})

    assert pages_in(tmp_path) == {"index.html": "1"}


def test_a_folder_that_cant_be_moved_is_written_file_by_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_one: Path, _other: Path) -> bool:
        raise OSError(errno.EBUSY, "Device or resource busy")

    publisher = FolderPublisher(LocalStorage(tmp_path))
    put(publisher, {"index.html": "1", "same.html": "1"})
    monkeypatch.setattr(publish, "_exchanged", refuse)

    put(publisher, {"index.html": "2"}, state="known")

    assert pages_in(tmp_path) == {"index.html": "2", "same.html": "1"}
    assert publisher.state() == b"known"
    assert "file by file" in caplog.text


PUBLISHING = """
import sys
from pathlib import Path
from datahub_dagster.adapters.site.publish import FolderPublisher
from datahub_dagster.adapters.storage.local import LocalStorage

publisher = FolderPublisher(LocalStorage(Path(sys.argv[1])))
number = int(publisher.state() or 0)
while True:
    number += 1
    with publisher.building() as stage:
        pages = ["index.html", *(f"{n % 3}/{n}.html" for n in range(60))]
        for page in pages:
            (stage / page).parent.mkdir(exist_ok=True)
            (stage / page).write_text(str(number))
        state = str(number).encode()
        publisher.publish(stage, pages, [], known=publisher.state(), state=state)
    print("once more", flush=True)
"""


def test_a_kill_at_any_time_leaves_one_whole_site(tmp_path: Path) -> None:
    chance = random.Random(5)
    publisher = FolderPublisher(LocalStorage(tmp_path))
    put(publisher, {"index.html": "0"}, state="0")
    for _ in range(3):
        child = subprocess.Popen(
            [sys.executable, "-c", PUBLISHING, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout
        child.stdout.readline()
        until = time.monotonic() + chance.uniform(0.02, 0.2)
        while time.monotonic() < until:
            assert (tmp_path / "docs/index.html").read_text()  # never gone, never half
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()

        assert len(set(pages_in(tmp_path).values()) | {(publisher.state() or b"").decode()}) == 1
    assert int(publisher.state() or 0) >= 3
    put(publisher, {"index.html": "end"}, state="end")
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["docs"]


class CutStorage(LocalStorage):
    """A disk that refuses every change after so many."""

    def __init__(self, root: Path, changes: int) -> None:
        super().__init__(root)
        self.left = changes

    def replace(self, location: Location, content: bytes) -> None:
        self._count()
        super().replace(location, content)

    def delete(self, location: Location) -> None:
        self._count()
        super().delete(location)

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise StorageError("cut", subject="the network")


def test_an_upload_that_is_cut_anywhere_is_completed_by_the_next_build(tmp_path: Path) -> None:
    old = {"assets/a.1.css": "1", "index.html": "a.1", "ja/index.html": "a.1", "datasets/x.html": "1"}
    new = {"assets/a.2.css": "2", "index.html": "a.2", "ja/index.html": "a.2", "datasets/y.html": "2"}
    homes: list[str] = []
    for cut in range(8):
        root = tmp_path / str(cut)
        put(OrderedPublisher(LocalStorage(root)), old, state="old")
        with pytest.raises(StorageError):
            put(OrderedPublisher(CutStorage(root, cut)), new, ["datasets/x.html", "assets/a.1.css"], "new")

        there = pages_in(root)
        homes.append(there["index.html"])
        assert f"assets/{there['index.html']}.css" in there, "its style sheet is there"
        assert there["index.html"] == "a.1" or (there["ja/index.html"], "datasets/y.html" in there) == (
            "a.2",
            True,
        )
        left = OrderedPublisher(LocalStorage(root)).state()
        assert left == b"old" if cut == 0 else left not in (b"old", b"new"), "nobody may rely on it"
        put(OrderedPublisher(LocalStorage(root)), new, ["datasets/x.html", "assets/a.1.css"], "new")
        assert pages_in(root) == new
    assert homes == ["a.1"] * 5 + ["a.2"] * 3


def test_a_build_on_top_of_pages_that_others_replaced_is_made_again(tmp_path: Path) -> None:
    publisher = OrderedPublisher(LocalStorage(tmp_path))
    put(publisher, {"index.html": "1"}, state="1")
    with publisher.building() as stage:
        (stage / "index.html").write_text("mine")
        put(OrderedPublisher(LocalStorage(tmp_path)), {"index.html": "2"}, state="2")
        with pytest.raises(OvertakenError):
            publisher.publish(stage, ["index.html"], [], known=b"1", state=b"mine")

    assert pages_in(tmp_path) == {"index.html": "2"}


class SlowStorage(LocalStorage):
    """A disk on which something else happens just before the change with a number: this one was on its way for long."""

    def __init__(self, root: Path, number: int, meanwhile: Callable[[], None]) -> None:
        super().__init__(root)
        self.left, self._meanwhile = number, meanwhile

    def replace(self, location: Location, content: bytes) -> None:
        self._count()
        super().replace(location, content)

    def delete(self, location: Location) -> None:
        self._count()
        super().delete(location)

    def _count(self) -> None:
        self.left -= 1
        if self.left == 0:
            self._meanwhile()


@pytest.mark.parametrize("number", range(2, 6))
def test_of_two_builds_at_once_none_leaves_a_state_that_denies_what_it_wrote(
    tmp_path: Path, number: int
) -> None:
    there = LocalStorage(tmp_path)
    put(OrderedPublisher(there), {"a.html": "1", "x.html": "1", "y.html": "1", "index.html": "1"}, state="1")
    new = {"a.html": "3", "x.html": "3", "y.html": "3", "index.html": "3"}
    slow = SlowStorage(tmp_path, number, lambda: put(OrderedPublisher(there), new, state="3"))

    with pytest.raises(OvertakenError):
        put(OrderedPublisher(slow), {"a.html": "2", "x.html": "2", "index.html": "2"}, ["y.html"], "2")

    assert slow.left <= 0, "the other build got in between"
    assert pages_in(tmp_path) != new
    assert OrderedPublisher(there).state() not in (b"1", b"2", b"3"), "nobody may rely on it"
    put(OrderedPublisher(there), new, state="3")
    assert pages_in(tmp_path) == new


def test_a_style_sheet_that_is_needed_no_more_stays_for_a_day() -> None:
    now = datetime(2026, 11, 20, tzinfo=UTC)
    there = {
        path: StoredFile(path=path, size=1, modified_at=now)
        for path in (
            "assets/new.css",
            "assets/old.css",
            "datasets/gone.html",
            "datasets/.unfinished-1",
            "CNAME",
        )
    }
    made: dict[str, Made] = {"shared": {"key": "", "files": {"assets/new.css": "0-1"}}}
    former, state = BuildState(made_with=""), BuildState(made_with="", pages=made)

    assert left_over(state, former, there, now) == {"datasets/gone.html"}
    later = BuildState(made_with="", pages=made)
    assert left_over(later, state, there, now + timedelta(hours=23)) == {"datasets/gone.html"}
    assert left_over(BuildState(made_with="", pages=made), later, there, now + timedelta(hours=25)) == {
        "datasets/gone.html",
        "assets/old.css",
    }


KEPT = BuildState(made_with="mine", retired={"assets/a.css": "2026-11-20T00:00:00+00:00"}).encode()


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"no gzip",
        KEPT[:-3],
        KEPT[:20] + b"\xff\xff\xff" + KEPT[23:],
        BuildState(made_with="other").encode(),
    ],
)
def test_a_state_that_is_lost_or_of_another_version_is_none(content: bytes | None) -> None:
    assert BuildState.decode(content, "mine") == BuildState(made_with="mine")
