"""The truth of the hub as small JSON files, each created once: receipts, generations, audits, records.

The layout::

    log/<source>/<table>/receipts/00000007.json      a delivery was received, and got the release number 7
    log/<source>/<table>/generations/00000003.json   what is published since then: partition → release
    log/<source>/<table>/checks/<instant>.json       answers of tests on published data
    log/<source>/<table>/promises/<instant>.json     the SLOs as they are since then
    log/<source>/<table>/contracts/<instant>.json    the whole contract as it is since then
    log/<source>/<table>/pins/<release>.json         releases that somebody asked to keep
    log/<source>/<table>/listings/<delivery>.json    how a delivery looked when its content was last compared; derived
    log/<source>/<table>/claims/                     releases that are about to be used anew, or removed; see `ports`
    releases/<source>/<table>/<release>/             data files, and beside them:
        _files.json                                  written last of all files: the release exists
        _audit.<base generation>.<contract>.json     what the tests said of it
        _record.json                                 how its way ended
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

from pydantic import ValidationError

from datahub_dagster.adapters.json_values import json_of
from datahub_dagster.adapters.log_values import INSTANT, parsed
from datahub_dagster.domain.audit import AuditReport
from datahub_dagster.domain.contract_version import ContractVersion
from datahub_dagster.domain.delivery import Receipt
from datahub_dagster.domain.names import DatasetName, Location, ReleaseId
from datahub_dagster.domain.promise import Promise
from datahub_dagster.domain.release import Generation, ReleaseRecord
from datahub_dagster.domain.view import FileList
from datahub_dagster.errors import AlreadyExistsError
from datahub_dagster.ports import Purpose, ReleaseLog, Storage
from datahub_dagster.side_by_side import side_by_side

S = TypeVar("S")
T = TypeVar("T")

_LOG = Location("log")
_RELEASES = Location("releases")
_NUMBERED = re.compile(r"[0-9]{8,}\.json")
_MOST_SEEN = 20_000  # objects that are kept in memory; then the first that was read goes
_LONGEST_CLAIM = timedelta(days=1)  # then whoever made it was killed


class JsonReleaseLog(ReleaseLog):
    """Works over any storage that has a conditional create. Objects never change, so what was read once is kept in memory."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._seen: dict[str, Any] = {}
        self._ended = set[str]()  # records stay for ever

    def receipts(self, dataset: DatasetName) -> Sequence[Receipt]:
        return self._numbered(self._log(dataset) / "receipts", Receipt)

    def add_receipt(self, receipt: Receipt) -> None:
        self._create(self._log(receipt.dataset) / "receipts" / _numbered_name(receipt.number), receipt)

    def note_listing(self, dataset: DatasetName, delivery: str, listing: str) -> None:
        self._storage.replace(
            self._log(dataset) / "listings" / f"{delivery}.json", json_of(str).dump_json(listing)
        )

    def noted_listing(self, dataset: DatasetName, delivery: str) -> str | None:
        try:
            return json_of(str).validate_json(
                self._storage.read(self._log(dataset) / "listings" / f"{delivery}.json")
            )
        except (FileNotFoundError, ValidationError):
            return None

    def current(self, dataset: DatasetName) -> Generation | None:
        folder = self._log(dataset) / "generations"
        names = self._numbered_names(folder)
        return self._read(folder / names[-1], Generation) if names else None

    def generation(self, dataset: DatasetName, number: int) -> Generation | None:
        return self._read_if_there(self._log(dataset) / "generations" / _numbered_name(number), Generation)

    def generations(self, dataset: DatasetName) -> Sequence[Generation]:
        return self._numbered(self._log(dataset) / "generations", Generation)

    def add_generation(self, generation: Generation) -> None:
        self._create(
            self._log(generation.dataset) / "generations" / _numbered_name(generation.number), generation
        )

    def file_list(self, dataset: DatasetName, release_id: ReleaseId) -> FileList | None:
        # Retention removes it, so that it is looked for each time.
        location = self._file_list_location(dataset, release_id)
        if location.path in self._seen and not self._storage.exists(location):
            return None
        return self._read_if_there(location, FileList)

    def file_lists(
        self, dataset: DatasetName, release_ids: Collection[ReleaseId]
    ) -> Mapping[ReleaseId, FileList]:
        wanted = sorted(set(release_ids))
        found = self._side_by_side(lambda release_id: self.file_list(dataset, release_id), wanted)
        return {
            release_id: files for release_id, files in zip(wanted, found, strict=True) if files is not None
        }

    def staged(self, dataset: DatasetName, release_ids: Collection[ReleaseId]) -> frozenset[ReleaseId]:
        wanted = sorted(set(release_ids))
        are_there = self._side_by_side(
            lambda release_id: self._storage.exists(self._file_list_location(dataset, release_id)), wanted
        )
        return frozenset(
            release_id for release_id, is_there in zip(wanted, are_there, strict=True) if is_there
        )

    def add_file_list(self, files: FileList) -> None:
        self._create_same(self._file_list_location(files.dataset, files.release_id), files)

    def remove_file_list(self, dataset: DatasetName, release_id: ReleaseId) -> None:
        self._storage.delete(self._file_list_location(dataset, release_id))

    def audit(
        self, dataset: DatasetName, release_id: ReleaseId, base_generation: int, contract_fingerprint: str
    ) -> AuditReport | None:
        name = _audit_name(base_generation, contract_fingerprint)
        return self._read_if_there(self.release_folder(dataset, release_id) / name, AuditReport)

    def add_audit(self, release_id: ReleaseId, report: AuditReport) -> None:
        name = _audit_name(report.base_generation, report.contract_fingerprint)
        self._create_same(self.release_folder(report.dataset, release_id) / name, report)

    def record(self, dataset: DatasetName, release_id: ReleaseId) -> ReleaseRecord | None:
        return self._read_if_there(self.record_location(dataset, release_id), ReleaseRecord)

    def has_ended(self, dataset: DatasetName, release_id: ReleaseId) -> bool:
        location = self.record_location(dataset, release_id)
        if location.path in self._ended:
            return True
        has_ended = self._storage.exists(location)
        if has_ended:
            self._ended.add(location.path)
        return has_ended

    def record_location(self, dataset: DatasetName, release_id: ReleaseId) -> Location:
        return self.release_folder(dataset, release_id) / "_record.json"

    def records(self, dataset: DatasetName) -> Sequence[ReleaseRecord]:
        found = self._side_by_side(
            lambda release_id: self.record(dataset, release_id), self.releases_on_disk(dataset)
        )
        return [record for record in found if record is not None]

    def add_record(self, record: ReleaseRecord) -> ReleaseRecord:
        try:
            self._create(self.record_location(record.dataset, record.release_id), record)
        except AlreadyExistsError:
            written = self.record(record.dataset, record.release_id)
            assert written is not None
            return written
        return record

    def add_check(self, report: AuditReport, checked_at: datetime) -> None:
        name = f"{checked_at.astimezone(UTC).strftime(INSTANT)}.json"
        self._create_same(self._log(report.dataset) / "checks" / name, report)

    def last_check(self, dataset: DatasetName) -> tuple[datetime, AuditReport] | None:
        names = self._check_names(dataset)
        return self._check(dataset, names[-1]) if names else None

    def checks(self, dataset: DatasetName, since: datetime) -> Sequence[tuple[datetime, AuditReport]]:
        first = since.astimezone(UTC).strftime(INSTANT)
        return [self._check(dataset, name) for name in self._check_names(dataset) if name >= first]

    def promises(self, dataset: DatasetName) -> Sequence[Promise]:
        folder = self._log(dataset) / "promises"
        names = [name for name in self._storage.list_names(folder) if name.endswith(".json")]
        return list(self._side_by_side(lambda name: self._read(folder / name, Promise), names))

    def add_promise(self, promise: Promise) -> None:
        name = f"{promise.valid_from.astimezone(UTC).strftime(INSTANT)}.json"
        self._create_same(self._log(promise.dataset) / "promises" / name, promise)

    def contract_versions(self, dataset: DatasetName) -> Sequence[ContractVersion]:
        found = self._side_by_side(
            lambda valid_from: self.contract_version(dataset, valid_from), self.contract_instants(dataset)
        )
        return [version for version in found if version is not None]

    def contract_instants(self, dataset: DatasetName) -> Sequence[datetime]:
        names = self._storage.list_names(self._log(dataset) / "contracts")
        return [instant for name in names if (instant := _instant_of(name)) is not None]

    def contract_version(self, dataset: DatasetName, valid_from: datetime) -> ContractVersion | None:
        location = self._contract_location(dataset, valid_from)
        try:  # not kept in memory: they are large, and hardly read
            return parsed(self._storage, location, ContractVersion)
        except FileNotFoundError:
            return None

    def add_contract_version(self, version: ContractVersion) -> None:
        with suppress(AlreadyExistsError):
            self._create(self._contract_location(version.dataset, version.valid_from), version)

    def pins(self, dataset: DatasetName) -> Mapping[ReleaseId, str]:
        folder = self._log(dataset) / "pins"
        found: dict[ReleaseId, str] = {}
        for name in self._storage.list_names(folder):
            release_id = _release_of(name.removesuffix(".json"))
            if release_id is None:
                continue
            with suppress(FileNotFoundError):  # unpinned since the folder was read
                found[release_id] = parsed(self._storage, folder / name, str)
        return found

    def pin(self, dataset: DatasetName, release_id: ReleaseId, reason: str) -> None:
        self._storage.replace(
            self._log(dataset) / "pins" / f"{release_id}.json", json_of(str).dump_json(reason)
        )

    def unpin(self, dataset: DatasetName, release_id: ReleaseId) -> None:
        self._storage.delete(self._log(dataset) / "pins" / f"{release_id}.json")

    @contextmanager
    def claim(
        self, dataset: DatasetName, releases: Collection[ReleaseId], purpose: Purpose, now: datetime
    ) -> Iterator[frozenset[ReleaseId]]:
        if not releases:
            yield frozenset()
            return
        folder = self._log(dataset) / "claims"
        mine = folder / f"{purpose}.{now.astimezone(UTC).strftime(INSTANT)}.{uuid4().hex}.json"
        self._storage.create(mine, json_of(tuple[str, ...]).dump_json(tuple(map(str, releases))))
        try:
            yield frozenset(releases) & self._claimed(folder, purpose, now)
        finally:
            self._storage.delete(mine)

    def _claimed(self, folder: Location, purpose: Purpose, now: datetime) -> frozenset[ReleaseId]:
        """What others claim for the other purpose. Claims that a crash left behind are removed on the way."""
        found = set[ReleaseId]()
        for name in self._storage.list_names(folder):
            other, _, claimed_at = name.removesuffix(".json").rpartition(".")[0].partition(".")
            try:
                age = now - datetime.strptime(claimed_at, INSTANT).replace(tzinfo=UTC)
            except ValueError:
                continue
            if abs(age) > _LONGEST_CLAIM:
                self._storage.delete(folder / name)
            elif other != purpose:
                with suppress(FileNotFoundError):  # it ended since the folder was read
                    texts = parsed(self._storage, folder / name, tuple[str, ...])
                    found |= {each for text in texts if (each := _release_of(text)) is not None}
        return frozenset(found)

    def release_folder(self, dataset: DatasetName, release_id: ReleaseId) -> Location:
        return self.releases_folder(dataset) / str(release_id)

    def releases_folder(self, dataset: DatasetName) -> Location:
        return _RELEASES / dataset.source / dataset.table

    def folders(self, dataset: DatasetName) -> Sequence[Location]:
        return (self.releases_folder(dataset), self._log(dataset))

    def releases_on_disk(self, dataset: DatasetName) -> Sequence[ReleaseId]:
        names = self._storage.list_names(self.releases_folder(dataset))
        return sorted(release_id for name in names if (release_id := _release_of(name)) is not None)

    def _contract_location(self, dataset: DatasetName, valid_from: datetime) -> Location:
        return self._log(dataset) / "contracts" / f"{valid_from.astimezone(UTC).strftime(INSTANT)}.json"

    def _check_names(self, dataset: DatasetName) -> Sequence[str]:
        names = self._storage.list_names(self._log(dataset) / "checks")
        return [name for name in names if name.endswith(".json")]

    def _check(self, dataset: DatasetName, name: str) -> tuple[datetime, AuditReport]:
        checked_at = datetime.strptime(name.removesuffix(".json"), INSTANT).replace(tzinfo=UTC)
        return checked_at, self._read(self._log(dataset) / "checks" / name, AuditReport)

    def _file_list_location(self, dataset: DatasetName, release_id: ReleaseId) -> Location:
        return self.release_folder(dataset, release_id) / "_files.json"

    def _log(self, dataset: DatasetName) -> Location:
        return _LOG / dataset.source / dataset.table

    def _numbered(self, folder: Location, kind: type[T]) -> Sequence[T]:
        names = self._numbered_names(folder)
        return list(self._side_by_side(lambda name: self._read(folder / name, kind), names))

    def _side_by_side(self, read: Callable[[S], T], items: Sequence[S]) -> Iterator[T]:
        return side_by_side(read, items, self._storage.parallel)

    def _numbered_names(self, folder: Location) -> Sequence[str]:
        return [name for name in self._storage.list_names(folder) if _NUMBERED.fullmatch(name)]

    def _create(self, location: Location, value: object) -> None:
        self._storage.create(location, json_of(type(value)).dump_json(value, indent=1))

    def _create_same(self, location: Location, value: object) -> None:
        try:
            self._create(location, value)
        except AlreadyExistsError:
            self._read(location, type(value))  # one that can't be read must not pass for the same

    def _read_if_there(self, location: Location, kind: type[T]) -> T | None:
        try:
            return self._read(location, kind)
        except FileNotFoundError:
            return None

    def _read(self, location: Location, kind: type[T]) -> T:
        if (seen := self._seen.get(location.path)) is not None:
            return seen
        value = parsed(self._storage, location, kind)
        if len(self._seen) >= _MOST_SEEN:
            self._seen.pop(next(iter(self._seen)), None)
        self._seen[location.path] = value
        return value


def _numbered_name(number: int) -> str:
    return f"{number:08d}.json"


def _audit_name(base_generation: int, contract_fingerprint: str) -> str:
    return f"_audit.{base_generation}.{contract_fingerprint}.json"


def _instant_of(name: str) -> datetime | None:
    try:
        return datetime.strptime(name, f"{INSTANT}.json").replace(tzinfo=UTC)
    except ValueError:
        return None


def _release_of(name: str) -> ReleaseId | None:
    try:
        return ReleaseId.parse(name)
    except ValueError:
        return None
