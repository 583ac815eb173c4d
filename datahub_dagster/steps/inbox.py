"""The inbox: where teams hand in, what lies there, and what of it was handled."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from datahub_dagster.domain.contract import Contract, digest
from datahub_dagster.domain.delivery import LONGEST_PATH, SUCCESS_MARKER, Receipt, newest_receipt
from datahub_dagster.domain.inbox import InboxEntry, InboxState
from datahub_dagster.domain.names import DatasetName, Location, delivery_name_fault, unsafe_path_reason
from datahub_dagster.errors import DeliveryError
from datahub_dagster.ports import Hub, StoredFile
from datahub_dagster.side_by_side import side_by_side
from datahub_dagster.steps.anew import may_be_judged_anew

_INBOX = Location("inbox")
FULL_MARKER = "_FULL"  # beside _SUCCESS: the delivery is the whole dataset, in mode `partition` too


def inbox_folder(dataset: DatasetName) -> Location:
    """Where a dataset's deliveries are handed in."""
    return _INBOX / dataset.source / dataset.table


def delivery_folder(contract: Contract, delivery: str) -> Location:
    """Where a delivery lies. Raises `DeliveryError` for a name that can't be one."""
    if fault := delivery_name_fault(delivery):
        raise DeliveryError(f"{delivery!r} can't name a delivery: {fault}", subject=str(contract.name))
    return inbox_folder(contract.name) / delivery


def look_into_inbox(hub: Hub, contract: Contract) -> Sequence[InboxEntry]:
    """What lies in the dataset's inbox; cheap: reads no data. In the order in which it was completed."""
    folder = inbox_folder(contract.name)
    names = [name for name in hub.storage.list_names(folder) if not name.startswith(".")]
    if not names:
        return []
    receipts = hub.log.receipts(contract.name)
    entries = side_by_side(lambda name: _look_at(hub, contract, name, receipts), names, hub.storage.parallel)
    return sorted(entries, key=lambda entry: (entry.newest_at is None, entry.newest_at, entry.delivery))


@dataclass(frozen=True, slots=True)
class SortedOut:
    """The files of a delivery: what is data, what can't be taken (a sentence each), and which markers are there."""

    all: tuple[StoredFile, ...]
    data: tuple[StoredFile, ...]
    oddities: tuple[str, ...]
    is_complete: bool
    is_full: bool

    @property
    def is_no_folder(self) -> bool:
        """Whether a link or a file lies in the folder's place."""
        return any(file.path == "." for file in self.all)


def sort_out(files: Iterable[StoredFile]) -> SortedOut:
    """Data files, markers, and what can't be taken."""
    everything = tuple(files)
    markers = {
        file.path for file in everything if file.is_regular and file.path in (SUCCESS_MARKER, FULL_MARKER)
    }
    data: list[StoredFile] = []
    oddities: list[str] = []
    for file in everything:
        if is_note(file.path):
            continue
        if reason := unsafe_path_reason(file.path, LONGEST_PATH):
            oddities.append(f"{file.path.encode('utf-8', 'backslashreplace').decode()!r}: {reason}")
        elif not file.is_regular:
            oddities.append(f"{file.path!r}: it is a link or no regular file")
        else:
            data.append(file)
    return SortedOut(
        all=everything,
        data=tuple(data),
        oddities=tuple(oddities),
        is_complete=SUCCESS_MARKER in markers,
        is_full=FULL_MARKER in markers,
    )


def is_note(path: str) -> bool:
    """Whether a file is a note of the writer's and not data: its name, or a folder's, starts with `_` or `.`."""
    return any(part.startswith(("_", ".")) and part not in (".", "..") for part in path.split("/"))


def listing_of(files: Iterable[StoredFile]) -> str:
    """A digest of names, sizes, times and versions: how a delivery's folder looks, without a look at the data."""
    return digest(*map(_look_of, files))


def is_touched(receipt: Receipt, files: Iterable[StoredFile]) -> bool:
    """Whether something was written since the delivery was received, as far as its folder's look tells.

    Times alone don't: on S3 they are whole seconds, and a file may be replaced within one.
    """
    versions = {file.path: file.version for file in receipt.delivery.files}
    return any(
        file.modified_at > receipt.received_at or versions.get(file.path, file.version) != file.version
        for file in files
    )


def _look_of(file: StoredFile) -> str:
    look = f"{file.path}\x00{file.size}\x00{file.modified_at.isoformat()}"
    return f"{look}\x00{file.version}" if file.version else look


def _look_at(hub: Hub, contract: Contract, name: str, receipts: Sequence[Receipt]) -> InboxEntry:
    fault = delivery_name_fault(name)
    if fault:
        shown = name.encode("utf-8", "backslashreplace").decode()
        return InboxEntry(
            dataset=contract.name, delivery=shown, state=InboxState.BAD, newest_at=None, problem=fault
        )
    sorted_out = sort_out(hub.storage.list_files(inbox_folder(contract.name) / name))
    if sorted_out.is_no_folder:
        problem = "it is a link or a file, not a folder"
        return InboxEntry(
            dataset=contract.name, delivery=name, state=InboxState.BAD, newest_at=None, problem=problem
        )
    newest_at = max((file.modified_at for file in sorted_out.all), default=None)
    state = InboxState.READY if sorted_out.is_complete else InboxState.INCOMPLETE
    if sorted_out.is_complete and _is_handled(hub, contract, name, sorted_out, receipts):
        state = InboxState.HANDLED
    return InboxEntry(
        dataset=contract.name,
        delivery=name,
        state=state,
        newest_at=newest_at,
        files=len(sorted_out.data),
        bytes=sum(file.size for file in sorted_out.data),
        content_key=digest(name, contract.fingerprint, listing_of(sorted_out.all)),
    )


def _is_handled(
    hub: Hub, contract: Contract, name: str, sorted_out: SortedOut, receipts: Sequence[Receipt]
) -> bool:
    receipt = newest_receipt(receipts, name)
    if receipt is None or (sorted_out.is_full and not receipt.delivery.full):
        return False
    if is_touched(receipt, sorted_out.all) and not _is_noted(hub, receipt, sorted_out):
        return False
    if {(f.path, f.size) for f in receipt.delivery.files} != {(f.path, f.size) for f in sorted_out.data}:
        return bool(receipt.delivery.oddities) and _ended(hub, contract, receipt)
    return _ended(hub, contract, receipt)


def _ended(hub: Hub, contract: Contract, receipt: Receipt) -> bool:
    if receipt.repeats:
        return True
    record = hub.log.record(contract.name, receipt.release_id)
    return record is not None and not may_be_judged_anew(hub, contract, record)


def _is_noted(hub: Hub, receipt: Receipt, sorted_out: SortedOut) -> bool:
    """Whether somebody looked already, and found the content that was received."""
    return hub.log.noted_listing(receipt.dataset, receipt.delivery.name) == listing_of(sorted_out.all)
