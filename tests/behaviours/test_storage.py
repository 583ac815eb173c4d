"""What every storage does: a new one is one more parameter."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.domain.names import Location
from datahub_dagster.errors import AlreadyExistsError, StorageError
from datahub_dagster.ports import ChangedContentError, Storage

PLACE = Location("log/payments/orders/00000001.json")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_what_was_created_can_be_read(storage: Storage) -> None:
    assert not storage.exists(PLACE)
    storage.create(PLACE, b"one")
    assert storage.exists(PLACE)
    assert storage.read(PLACE) == b"one"
    assert storage.checksum(PLACE) == sha256(b"one")
    with storage.open(PLACE) as file:
        file.seek(1)
        assert file.read() == b"ne"


def test_what_was_created_is_never_written_over(storage: Storage) -> None:
    storage.create(PLACE, b"one")
    with pytest.raises(AlreadyExistsError):
        storage.create(PLACE, b"two")
    with pytest.raises(AlreadyExistsError):
        storage.create(PLACE, b"one")
    assert storage.read(PLACE) == b"one"


def test_of_many_who_create_one_wins(storage: Storage) -> None:
    def create(number: int) -> int | None:
        try:
            storage.create(PLACE, str(number).encode() * 1000)
        except AlreadyExistsError:
            return None
        return number

    with ThreadPoolExecutor(16) as threads:
        winners = [number for number in threads.map(create, range(10, 74)) if number is not None]
    assert len(winners) == 1
    assert storage.read(PLACE) == str(winners[0]).encode() * 1000
    assert storage.list_names(Location("log/payments/orders")) == [PLACE.name]


def test_what_is_replaced_is_replaced_whole(storage: Storage) -> None:
    for content in (b"a" * 10_000, b"b", b""):
        storage.replace(PLACE, content)
        assert storage.read(PLACE) == content


def test_a_reader_of_what_is_replaced_never_finds_nothing_or_a_half(storage: Storage) -> None:
    storage.replace(PLACE, b"0" * 100_000)
    with ThreadPoolExecutor(3) as threads:
        writing = [threads.submit(storage.replace, PLACE, str(n).encode() * 100_000) for n in range(9)]
        while not all(write.done() for write in writing):
            content = storage.read(PLACE)
            assert len(content) == 100_000
            assert len(set(content)) == 1


@pytest.mark.parametrize("ask", ["read", "checksum", "open"])
def test_what_is_not_there_is_not_found(storage: Storage, ask: str) -> None:
    with pytest.raises(FileNotFoundError):
        getattr(storage, ask)(PLACE)


def test_a_folder_that_does_not_exist_is_empty(storage: Storage) -> None:
    assert list(storage.list_files(Location("nowhere"))) == []
    assert list(storage.list_names(Location("nowhere"))) == []


def test_files_are_listed_by_path_with_their_sizes_and_times(storage: Storage) -> None:
    for path in ("b/x", "a", "b/c/d", ".hidden", "_SUCCESS"):
        storage.create(Location(f"inbox/{path}"), b"123")
    files = storage.list_files(Location("inbox"))
    assert [file.path for file in files] == [".hidden", "_SUCCESS", "a", "b/c/d", "b/x"]
    assert {(file.size, file.is_regular) for file in files} == {(3, True)}
    assert all(file.modified_at.utcoffset() is not None for file in files)
    assert list(storage.list_names(Location("inbox"))) == [".hidden", "_SUCCESS", "a", "b"]


def test_copying_is_done_once_and_again_does_nothing(storage: Storage) -> None:
    source, target = Location("inbox/x"), Location("releases/x")
    storage.create(source, b"data")
    for _ in range(2):
        storage.copy(source, target, sha256=sha256(b"data"))
    assert storage.read(target) == b"data"
    storage.delete(source)
    storage.copy(source, target, sha256=sha256(b"data"))  # there already: the source isn't asked for


def test_a_source_that_changed_is_not_copied(storage: Storage) -> None:
    source, target = Location("inbox/x"), Location("releases/x")
    storage.create(source, b"changed")
    with pytest.raises(ChangedContentError):
        storage.copy(source, target, sha256=sha256(b"data"))
    assert not storage.exists(target)
    assert list(storage.list_names(Location("releases"))) == []


def test_a_source_that_went_away_is_not_found(storage: Storage) -> None:
    with pytest.raises(FileNotFoundError):
        storage.copy(Location("inbox/x"), Location("releases/x"), sha256=sha256(b"data"))


def test_a_target_with_other_content_is_never_copied_over(storage: Storage) -> None:
    source, target = Location("inbox/x"), Location("releases/x")
    storage.create(source, b"data")
    storage.create(target, b"other")
    with pytest.raises(AlreadyExistsError):
        storage.copy(source, target, sha256=sha256(b"data"))
    assert storage.read(target) == b"other"


def test_many_who_copy_the_same_agree(storage: Storage) -> None:
    source, target = Location("inbox/x"), Location("releases/x")
    content = os.urandom(300_000)
    storage.create(source, content)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: storage.copy(source, target, sha256=sha256(content)), range(16)))
    assert storage.checksum(target) == sha256(content)
    assert list(storage.list_names(Location("releases"))) == ["x"]


def test_a_file_of_this_machine_is_brought_in_once(storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"data" * 1_000_000)
    storage.upload(tmp_path / "mine", Location("inbox/x"))
    assert storage.checksum(Location("inbox/x")) == sha256(b"data" * 1_000_000)
    with pytest.raises(AlreadyExistsError):
        storage.upload(tmp_path / "mine", Location("inbox/x"))


def test_removing_is_fine_if_it_has_gone(storage: Storage) -> None:
    storage.create(PLACE, b"one")
    for _ in range(2):
        storage.delete(PLACE)
    assert not storage.exists(PLACE)


def test_a_folder_is_removed_with_all_below_it_and_nothing_beside_it(storage: Storage) -> None:
    for path in ("a/x", "a/b/y", "a/b/.unfinished-1", "ab/z"):
        storage.create(Location(path), b"1")
    for _ in range(2):
        storage.delete_folder(Location("a"))
    assert list(storage.list_files(Location("a"))) == []
    assert storage.exists(Location("ab/z"))


def test_places_are_addressed_for_engines_and_for_people(storage: Storage) -> None:
    place = Location("releases/a b/x#1.parquet")
    storage.create(place, b"1")
    assert storage.engine_path(place).endswith("releases/a b/x#1.parquet")
    assert storage.uri(place).endswith("releases/a%20b/x%231.parquet")


# --- On a disk -------------------------------------------------------------------------------------------------------


def test_a_link_on_a_disk_is_listed_and_not_followed(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "hub")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x").write_bytes(b"secret")
    storage.create(Location("inbox/d/a"), b"1")
    (tmp_path / "hub/inbox/d/file").symlink_to(outside / "x")
    (tmp_path / "hub/inbox/d/folder").symlink_to(outside)
    (tmp_path / "hub/inbox/d/nowhere").symlink_to(tmp_path / "nowhere")
    (tmp_path / "hub/inbox/linked").symlink_to(outside)
    os.mkfifo(tmp_path / "hub/inbox/d/pipe")
    irregular = [file.path for file in storage.list_files(Location("inbox/d")) if not file.is_regular]
    assert irregular == ["file", "folder", "nowhere", "pipe"]
    assert [(f.path, f.is_regular) for f in storage.list_files(Location("inbox/linked"))] == [(".", False)]
    assert [(f.path, f.is_regular) for f in storage.list_files(Location("inbox/d/a"))] == [(".", False)]
    storage.delete_folder(Location("inbox"))
    assert (outside / "x").read_bytes() == b"secret"


def test_an_unfinished_write_on_a_disk_has_no_name_yet(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    (tmp_path / "log").mkdir()
    (tmp_path / "log/.unfinished-1").write_bytes(b"hal")
    assert list(storage.list_names(Location("log"))) == []
    (file,) = storage.list_files(Location("log"))
    assert storage.is_unfinished(file.path)
    assert storage.is_unfinished("a/b/.unfinished-1")
    assert not storage.is_unfinished("a/.unfinished-1/b")


def test_a_write_that_somebody_removes_under_way_is_an_error_that_says_so(tmp_path: Path) -> None:
    class Cleaned(LocalStorage):
        def _link(self, unfinished: Path, target: Path) -> None:
            unfinished.unlink()
            super()._link(unfinished, target)

    with pytest.raises(StorageError, match="removed the file while it was written"):
        Cleaned(tmp_path).create(PLACE, b"1")


def test_what_the_disk_refuses_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"a file where a folder should be")
    storage = LocalStorage(tmp_path)
    for call in (
        lambda: storage.create(PLACE, b"1"),
        lambda: storage.replace(PLACE, b"1"),
        lambda: storage.copy(Location("log"), PLACE, sha256="0"),
        lambda: storage.upload(tmp_path / "log", PLACE),
    ):
        with pytest.raises(StorageError, match="could not") as caught:
            call()
        assert caught.value.next_step
    assert not storage.exists(PLACE)
