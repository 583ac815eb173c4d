"""What the hub needs from outside, as abstract classes; `wiring.py` chooses who provides it.

The steps of a delivery act through these alone, so that a new place to keep bytes or a new engine is one adapter.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from datahub_dagster.domain.alert import Alert, Alerting, Baseline, Digest, Incident, Message
from datahub_dagster.domain.audit import AuditReport
from datahub_dagster.domain.contract import Contract, ContractBook, Support
from datahub_dagster.domain.contract_version import ContractVersion
from datahub_dagster.domain.delivery import Receipt
from datahub_dagster.domain.monitor import Heartbeat, MonitorMemory
from datahub_dagster.domain.names import DatasetName, Location, ReleaseId
from datahub_dagster.domain.profile import FileProfile
from datahub_dagster.domain.promise import Promise
from datahub_dagster.domain.release import Generation, ReleaseRecord
from datahub_dagster.domain.view import DatasetView, FileList


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file in storage. `path` is relative to the folder that was listed; `is_regular` is False for links, pipes and the like.

    `path` may be hostile (a delivery is what strangers put there); `modified_at` is UTC. `version` is what the storage calls this
    content (an ETag): another content has another one. Empty where the storage has no such thing, as on a disk.
    """

    path: str
    size: int
    modified_at: datetime
    is_regular: bool = True
    version: str = ""


class Storage(ABC):
    """Where the hub's bytes are. Everything but `replace` and the deletions is write-once.

    All methods raise `StorageError` when the disk or the object store refuses, and may be called by several threads at once.
    """

    parallel: int = 1
    """How many calls at once pay off: 1 on a disk, more where each call waits for a network."""

    @abstractmethod
    def list_files(self, folder: Location) -> Sequence[StoredFile]:
        """All files below a folder, sorted by path, hidden ones and links included; empty if the folder does not exist.

        A link or a file in the folder's place is one irregular file with the path `.`: it is not followed.
        """

    @abstractmethod
    def list_names(self, folder: Location) -> Sequence[str]:
        """Names of the folders and files directly in a folder, sorted; without unfinished writes."""

    @abstractmethod
    def exists(self, location: Location) -> bool:
        """Whether a file is there."""

    @abstractmethod
    def read(self, location: Location) -> bytes:
        """A small file's content. Raises `FileNotFoundError` if there is none."""

    @abstractmethod
    def create(self, location: Location, content: bytes) -> None:
        """Write a small file, once: of several writers exactly one wins, and it is there whole or not at all.

        Raises:
            AlreadyExistsError: Somebody wrote it before.
        """

    @abstractmethod
    def replace(self, location: Location, content: bytes) -> None:
        """Write a small derived file, in one step, over what was there. Not for state, records or data."""

    @abstractmethod
    def checksum(self, location: Location) -> str:
        """SHA-256 of a file's content, hexadecimal. Raises `FileNotFoundError`."""

    @abstractmethod
    def copy(self, source: Location, target: Location, *, sha256: str) -> None:
        """Copy a file inside the storage, once, and only if its content has that checksum. Copying again does nothing.

        Raises:
            FileNotFoundError: The source has gone.
            ChangedContentError: The source has other content by now; nothing was written.
            AlreadyExistsError: The target is there with other content.
        """

    @abstractmethod
    def upload(self, source: Path, target: Location) -> None:
        """Bring a file of this machine in, once. Raises `AlreadyExistsError`."""

    @abstractmethod
    def delete(self, location: Location) -> None:
        """Remove a file; fine if it has gone."""

    @abstractmethod
    def delete_folder(self, folder: Location) -> None:
        """Remove all files below a folder; fine if it has gone. Follows no links."""

    @abstractmethod
    def open(self, location: Location) -> BinaryIO:
        """A file for random reading. Raises `FileNotFoundError`."""

    def is_unfinished(self, path: str) -> bool:
        """Whether a file that was listed is a write that was never finished: debris, once it is old."""
        del path
        return False

    @abstractmethod
    def engine_path(self, location: Location) -> str:
        """How the query engine addresses the file: an absolute path, or an `s3://` URI."""

    @abstractmethod
    def uri(self, location: Location) -> str:
        """How people and other systems address it."""


class ChangedContentError(Exception):
    """A file has other content than its checksum says. The steps turn it into a fault of the delivery."""


class Purpose(StrEnum):
    """What somebody is about to do with releases that are not published now: `use` is a rollback to them, or a pin."""

    USE = "use"
    REMOVE = "remove"


class ReleaseLog(ABC):
    """The truth: receipts, states, audits and records, each written once.

    All methods raise `CorruptError` where something that is there can't be read, and `StorageError`.
    """

    @abstractmethod
    def receipts(self, dataset: DatasetName) -> Sequence[Receipt]:
        """All receipts, by number."""

    @abstractmethod
    def add_receipt(self, receipt: Receipt) -> None:
        """Claim the next number.

        Raises:
            AlreadyExistsError: Somebody claimed that number first.
        """

    @abstractmethod
    def note_listing(self, dataset: DatasetName, delivery: str, listing: str) -> None:
        """Remember how a received delivery's folder looks since it was touched: its content is that of the receipt."""

    @abstractmethod
    def noted_listing(self, dataset: DatasetName, delivery: str) -> str | None:
        """What was remembered last, if anything. A note that can't be read is none: it is made anew."""

    @abstractmethod
    def current(self, dataset: DatasetName) -> Generation | None:
        """What is published; None before the first release."""

    @abstractmethod
    def generation(self, dataset: DatasetName, number: int) -> Generation | None:
        """One state of the past, or None."""

    @abstractmethod
    def generations(self, dataset: DatasetName) -> Sequence[Generation]:
        """All states, by number."""

    @abstractmethod
    def add_generation(self, generation: Generation) -> None:
        """The one conditional write that publishes.

        Raises:
            AlreadyExistsError: Somebody published that generation first: plan again.
        """

    @abstractmethod
    def file_list(self, dataset: DatasetName, release_id: ReleaseId) -> FileList | None:
        """The files of a staged release; None if it was never staged whole, or removed by retention."""

    @abstractmethod
    def file_lists(
        self, dataset: DatasetName, release_ids: Collection[ReleaseId]
    ) -> Mapping[ReleaseId, FileList]:
        """The files of several releases, by release in their order; without those for which `file_list` gives None."""

    @abstractmethod
    def staged(self, dataset: DatasetName, release_ids: Collection[ReleaseId]) -> frozenset[ReleaseId]:
        """Those of the releases that have a list of files. Reads none: they may be long."""

    @abstractmethod
    def add_file_list(self, files: FileList) -> None:
        """Make a staged release exist. Adding the same again does nothing."""

    @abstractmethod
    def remove_file_list(self, dataset: DatasetName, release_id: ReleaseId) -> None:
        """Let a staged release exist no longer, before its data go; fine if it has gone."""

    @abstractmethod
    def audit(
        self, dataset: DatasetName, release_id: ReleaseId, base_generation: int, contract_fingerprint: str
    ) -> AuditReport | None:
        """The audit of a release against one generation, by one state of the contract, if it was done."""

    @abstractmethod
    def add_audit(self, release_id: ReleaseId, report: AuditReport) -> None:
        """Keep an audit. Adding one for the same release and generation again does nothing."""

    @abstractmethod
    def record(self, dataset: DatasetName, release_id: ReleaseId) -> ReleaseRecord | None:
        """How a delivery's way ended; None while it is under way."""

    @abstractmethod
    def has_ended(self, dataset: DatasetName, release_id: ReleaseId) -> bool:
        """Whether there is a record. Reads none: there may be thousands."""

    @abstractmethod
    def record_location(self, dataset: DatasetName, release_id: ReleaseId) -> Location:
        """Where the record is, or will be."""

    @abstractmethod
    def records(self, dataset: DatasetName) -> Sequence[ReleaseRecord]:
        """All records, by release."""

    @abstractmethod
    def add_record(self, record: ReleaseRecord) -> ReleaseRecord:
        """Keep the outcome, and give back the one that counts: of two writers for the same release the first wins."""

    @abstractmethod
    def add_check(self, report: AuditReport, checked_at: datetime) -> None:
        """Keep the answers of tests that ran on published data."""

    @abstractmethod
    def last_check(self, dataset: DatasetName) -> tuple[datetime, AuditReport] | None:
        """The newest answers on published data (UTC), if there were any."""

    @abstractmethod
    def checks(self, dataset: DatasetName, since: datetime) -> Sequence[tuple[datetime, AuditReport]]:
        """All answers on published data since an instant (UTC), the oldest first."""

    @abstractmethod
    def promises(self, dataset: DatasetName) -> Sequence[Promise]:
        """What was promised when, the oldest first."""

    @abstractmethod
    def add_promise(self, promise: Promise) -> None:
        """Keep what is promised from an instant on. Adding one for the same instant again does nothing."""

    @abstractmethod
    def contract_versions(self, dataset: DatasetName) -> Sequence[ContractVersion]:
        """What the contract said when, the oldest first."""

    @abstractmethod
    def contract_instants(self, dataset: DatasetName) -> Sequence[datetime]:
        """Since when each of them was valid (UTC), in order. Reads none."""

    @abstractmethod
    def contract_version(self, dataset: DatasetName, valid_from: datetime) -> ContractVersion | None:
        """The one that is valid from an instant on (UTC), if there is one."""

    @abstractmethod
    def add_contract_version(self, version: ContractVersion) -> None:
        """Keep what a contract says from an instant on. Adding one for the same instant again does nothing."""

    @abstractmethod
    def pins(self, dataset: DatasetName) -> Mapping[ReleaseId, str]:
        """Releases that must be kept, each with the reason."""

    @abstractmethod
    def pin(self, dataset: DatasetName, release_id: ReleaseId, reason: str) -> None:
        """Keep a release whatever retention says. Pinning again changes the reason."""

    @abstractmethod
    def unpin(self, dataset: DatasetName, release_id: ReleaseId) -> None:
        """Leave a release to retention again; fine if it was not pinned."""

    @abstractmethod
    def claim(
        self, dataset: DatasetName, releases: Collection[ReleaseId], purpose: Purpose, now: datetime
    ) -> AbstractContextManager[frozenset[ReleaseId]]:
        """Announce that releases are about to be used anew or removed, before looking whether they may be.

        Of two who do so for opposite purposes at least one sees the other. The announcement ends with the block; one that a
        crash left behind counts for a day.

        Returns:
            Those of the releases that somebody else has announced the opposite purpose for.
        """

    @abstractmethod
    def release_folder(self, dataset: DatasetName, release_id: ReleaseId) -> Location:
        """Where a release's data files are; the log's own files beside them start with `_`."""

    @abstractmethod
    def releases_folder(self, dataset: DatasetName) -> Location:
        """What holds all release folders of a dataset."""

    @abstractmethod
    def folders(self, dataset: DatasetName) -> Sequence[Location]:
        """Everywhere that something of a dataset is written: its releases, and the log's own."""

    @abstractmethod
    def releases_on_disk(self, dataset: DatasetName) -> Sequence[ReleaseId]:
        """Every release that has a folder, whole or not, by number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What a catalog had to do.

    Args:
        changed: Whether something had to be changed.
        foreign: What somebody else had changed since the hub wrote it last, a sentence each. It was put right.
        made: What was not there and was made, in words ("glue table payments.orders"); None = it was there.
        ahead: The newer generation that the catalog claims to show, and goes on showing; None = there is no such claim.
    """

    changed: bool
    foreign: tuple[str, ...] = ()
    made: str | None = None
    ahead: int | None = None


class Catalog(ABC):
    """How the query engine finds the published data. Derived from the log; may lag behind it, never lead.

    All methods raise `CatalogError` when the catalog refuses, or holds something of that name that is not the hub's.
    """

    @abstractmethod
    def applied(self, dataset: DatasetName) -> int:
        """Number of the generation that the catalog shows; 0 = none."""

    def folder(self, dataset: DatasetName) -> Location | None:
        """Where in the hub the catalog writes for a dataset; None if it is kept elsewhere."""
        del dataset
        return None

    @abstractmethod
    def apply(self, generation: Generation, view: DatasetView, *, unpublished: int | None = None) -> Applied:
        """Make the catalog show a generation, in whatever state it was left. Idempotent; never goes back to an older one.

        Args:
            generation: What should be shown.
            view: What it looks like.
            unpublished: A newer generation that the catalog claims (`Applied.ahead`), and that is not in the log: that claim alone
                holds nothing up. It is told as foreign.
        """

    def objections(
        self, dataset: DatasetName, columns: Sequence[tuple[str, str]]
    ) -> Sequence[tuple[str, str]]:
        """Columns (name, type in the words of `domain.schema`) that this catalog's engine can't hold: the name, and why."""
        del dataset, columns
        return ()

    def reads(self, held: str, shown: str) -> bool:
        """Whether its engine can show a column as one type where a file holds another (words of `domain.schema`)."""
        del held, shown
        return True


class Profiler(ABC):
    """Reads Parquet footers."""

    @abstractmethod
    def profile(
        self, folder: Location, files: Sequence[tuple[str, int]], bounds_of: str | None
    ) -> Sequence[FileProfile]:
        """The footers of files (path relative to the folder, size in bytes), with the bounds of one column.

        A file that can't be read gives a profile that says why; nothing is raised for it.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRequest:
    """One dataset to audit: its tests, the data as they would be, and those of the other datasets that the tests read.

    A neighbour that was never published is missing from `neighbours`; a test that reads it answers `error`.
    """

    contract: Contract
    view: DatasetView
    base_generation: int
    neighbours: Mapping[DatasetName, DatasetView]


class Auditor(ABC):
    """Runs data tests on data that nobody sees yet."""

    @abstractmethod
    def audit(self, requests: Sequence[AuditRequest]) -> Sequence[AuditReport]:
        """A report for each request, in the same order. Judges nothing: the gate is `domain.audit.blocks`.

        Raises:
            EngineError: dbt as a whole could not run. A single broken test is a result with status `error`.
        """


class DeliveryEvents(ABC):
    """Tells in which inboxes something was written, so that not all of them need to be listed.

    A hint and no more: an event may come late, twice, out of order or never, so that inboxes are listed now and then all the same.
    """

    @abstractmethod
    def take(self) -> Collection[DatasetName]:
        """Datasets whose inbox was written to. What the call before gave counts as dealt with from now on, and not before.

        Raises:
            StorageError: The events can't be had.
        """


class Contracts(ABC):
    """Reads what the teams wrote."""

    @abstractmethod
    def load(self) -> ContractBook:
        """All contracts as the files are now. A team whose files are broken has its last good state, and a fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What a build of the pages did.

    Args:
        start: Where the start page is.
        datasets: How many datasets have a page.
        renewed: How many of these had changed since the last build.
        files: How many files all pages are.
        changed: How many of these were written, since they are others than before.
        removed: How many files were removed.
        bytes: The size of all files.
    """

    start: Location
    datasets: int = 0
    renewed: int = 0
    files: int = 0
    changed: int = 0
    removed: int = 0
    bytes: int = 0


class Site(ABC):
    """The documentation that consumers read."""

    @abstractmethod
    def render(self, hub: "Hub", *, with_dbt_docs: bool) -> Rendered:
        """Write the pages, switch to them in one step, and say what was done."""

    @abstractmethod
    def is_stale(self, hub: "Hub") -> bool:
        """Whether the pages tell otherwise than a rendering would now; a cheap question, without reading any record."""

    @abstractmethod
    def copy(self, target: Storage) -> int:
        """Bring the pages below `docs/` of another storage to the state of these; how many files were written there.

        Raises:
            UsageError: There are no pages yet.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What people are told of one team's incidents, for other programs.

    Args:
        kind: What all of it is about, in the words of `AlertKind`; `alerts` = of several kinds.
        team: Empty = the platform's own.
        datasets: `source.table` of each.
        release: The release that it is about, if it is one.
        to: E-mail addresses of those who are told.
    """

    kind: str
    team: str
    datasets: tuple[str, ...]
    release: str | None
    to: tuple[str, ...]
    subject: str
    text: str
    at: datetime

    @property
    def subjects(self) -> str:
        """What it is about, for logs."""
        return ", ".join(self.datasets) or self.team or "the platform"


class Notifier(ABC):
    """Tells owners and consumers."""

    @abstractmethod
    def notify(self, notification: Notification) -> None:
        """Send or keep a message. Never stops a release: what goes wrong is logged."""


class AlertLog(ABC):
    """What was noticed, what is wrong, what is accepted as known, and what people are to be told.

    All methods raise `StorageError`. What can't be read is logged and left out, so that it holds up nothing else; see `unreadable`.
    """

    @abstractmethod
    def raise_alert(self, alert: Alert) -> None:
        """Keep an alert until somebody deals with it. Raising the same again does nothing."""

    @abstractmethod
    def raised(self) -> Sequence[Alert]:
        """Alerts that nobody has dealt with, the oldest first."""

    @abstractmethod
    def settle(self, alerts: Collection[Alert]) -> None:
        """Forget alerts that were dealt with: their incidents and messages are kept by now."""

    @abstractmethod
    def open_keys(self, keys: Collection[str]) -> frozenset[str]:
        """Those of the keys whose incident is open, or that were raised and not dealt with. Reads nothing: it is a cheap look."""

    @abstractmethod
    def incident(self, key: str) -> Incident | None:
        """The newest incident of a key, open or not."""

    @abstractmethod
    def open_incidents(self) -> Sequence[Incident]:
        """All incidents that are not over, the oldest first."""

    @abstractmethod
    def incidents(self, since: datetime) -> Sequence[Incident]:
        """Incidents that were open at some time since an instant (UTC), the oldest first."""

    @abstractmethod
    def save_incident(self, incident: Incident) -> None:
        """Keep how an incident stands, over how it stood before."""

    @abstractmethod
    def add_message(self, message: Message) -> None:
        """Keep a message that is to be sent. Where one with the same id is there already, nothing is done."""

    @abstractmethod
    def pending(self) -> Sequence[Message]:
        """Messages that were not sent, the oldest first."""

    @abstractmethod
    def save_message(self, message: Message) -> None:
        """Keep how a message fared: tried in vain, or sent, and then no longer pending."""

    @abstractmethod
    def messages(self, since: datetime) -> Sequence[Message]:
        """Messages that were created since an instant (UTC), sent or not, the oldest first."""

    @abstractmethod
    def baselines(self) -> Sequence[Baseline]:
        """What is accepted, expired ones too, by dataset and check."""

    @abstractmethod
    def save_baseline(self, baseline: Baseline) -> None:
        """Accept a failure, over what was accepted of the same check before."""

    @abstractmethod
    def remove_baseline(self, dataset: str, check: str) -> None:
        """Accept it no longer; fine if nobody had."""

    @abstractmethod
    def unreadable(self) -> Sequence[str]:
        """Where something lies that can't be read: alerts, open incidents, messages that wait, baselines."""

    @abstractmethod
    def telling(self, now: datetime) -> AbstractContextManager[bool]:
        """Claim the right to deal with alerts and to send messages; False = somebody else is at it.

        The claim ends with the block; one that a crash left behind, or that nobody renews, counts for a few minutes.
        """

    @abstractmethod
    def still_telling(self, now: datetime) -> None:
        """Renew the claim of whoever deals with alerts for longer. Cheap: it may be said as often as one likes.

        Raises:
            ConflictError: It was not renewed for so long that somebody else has taken over.
        """


class AlertTexts(ABC):
    """Puts alerts into words."""

    @abstractmethod
    def render(self, digest: Digest) -> tuple[str, str]:
        """The subject, one line, and the text of a message, in the digest's language."""


class Channels(ABC):
    """Takes messages to people: chat, e-mail, pager."""

    @abstractmethod
    def has_target(self, route: Support) -> bool:
        """Whether the settings say where a route leads."""

    @abstractmethod
    def send(self, message: Message) -> None:
        """Hand a message over.

        Raises:
            ChannelError: It was not taken; the reason holds no secret. The same call can be made again.
        """


class MonitorLog(ABC):
    """What the monitor leaves behind, by scope: its memory, signs of life, and figures. All of it is derived, and may be lost.

    All methods raise `StorageError`.
    """

    @abstractmethod
    def memory(self, scope: str) -> MonitorMemory:
        """What a scope remembers; nothing if that is lost or can't be read."""

    @abstractmethod
    def save_memory(self, scope: str, memory: MonitorMemory) -> None:
        """Remember, over what was remembered before."""

    @abstractmethod
    def heartbeats(self) -> Sequence[Heartbeat]:
        """The last sign of life of every scope, by scope; without those that can't be read."""

    @abstractmethod
    def save_heartbeat(self, heartbeat: Heartbeat, memory: MonitorMemory) -> None:
        """Leave a sign of life, and the figures of the memory beside it for programs that watch."""

    @abstractmethod
    def metrics(self) -> str:
        """The figures of all scopes, in the text form of Prometheus."""


class Clock(ABC):
    """The only source of time."""

    @abstractmethod
    def now(self) -> datetime:
        """This instant, UTC and aware."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEvent:
    """Something that happened on a delivery's way, for progress bars and logs.

    `is_progress` marks how far a step is, once for each file: nothing is lost where it is left out.
    """

    dataset: DatasetName
    step: str
    message: str
    release_id: ReleaseId | None = None
    is_progress: bool = False


OnStep = Callable[[StepEvent], None]


def silent(_event: StepEvent) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """The set of ports that a delivery's way goes through.

    Args:
        events: What tells of writes to the inboxes; None = they are listed each time.
        alerting: How people are told of what is noticed.
        sources_root: Folder against which a relative `delivery.source` is resolved (the dbt project).
        inbox_days: How long a released delivery stays in the inbox before gc removes it.
    """

    storage: Storage
    log: ReleaseLog
    catalog: Catalog
    profiler: Profiler
    auditor: Auditor
    contracts: Contracts
    site: Site
    notifier: Notifier
    alerts: AlertLog
    texts: AlertTexts
    channels: Channels
    monitor_log: MonitorLog
    clock: Clock
    events: DeliveryEvents | None = None
    alerting: Alerting = field(default_factory=Alerting)
    sources_root: Path = Path()
    inbox_days: int = 7

    def book(self) -> ContractBook:
        """The contracts as they are now."""
        return self.contracts.load()

    def contracts_by_name(self) -> Iterator[Contract]:
        """Every contract, by name."""
        book = self.book()
        return iter(sorted(book.datasets.values(), key=lambda contract: contract.name))
