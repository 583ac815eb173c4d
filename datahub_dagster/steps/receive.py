"""Receive: what lies in the inbox, and the numbered receipt of a delivery before anything is copied."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from datahub_dagster.domain.contract import Contract, digest
from datahub_dagster.domain.delivery import LONGEST_PATH, SUCCESS_MARKER, DeliveredFile, Delivery, Receipt
from datahub_dagster.domain.inbox import InboxEntry, InboxState
from datahub_dagster.domain.names import Location, ReleaseId, delivery_name_fault, unsafe_path_reason
from datahub_dagster.domain.release import ReleaseState
from datahub_dagster.errors import AlreadyExistsError, DeliveryError
from datahub_dagster.ports import Hub, StoredFile

INBOX = Location("inbox")
FULL_MARKER = "_FULL"  # beside _SUCCESS: the delivery is the whole dataset, in mode `partition` too


def inbox_folder(contract: Contract, delivery: str) -> Location:
    """Where a delivery lies. Raises `DeliveryError` for a name that can't be one."""
    if fault := delivery_name_fault(delivery):
        raise DeliveryError(f"{delivery!r} can't name a delivery: {fault}", subject=str(contract.name))
    return INBOX / contract.name.source / contract.name.table / delivery


def look_into_inbox(hub: Hub, contract: Contract) -> Sequence[InboxEntry]:
    """What lies in the dataset's inbox; cheap: reads no data. In the order in which it was completed."""
    folder = INBOX / contract.name.source / contract.name.table
    names = [name for name in hub.storage.list_names(folder) if not name.startswith(".")]
    if not names:
        return []
    receipts = hub.log.receipts(contract.name)
    entries = [_look_at(hub, contract, name, receipts) for name in names]
    return sorted(entries, key=lambda entry: (entry.newest_at is None, entry.newest_at, entry.delivery))


def read_delivery(hub: Hub, contract: Contract, name: str) -> Delivery:
    """Fingerprint a complete delivery: every byte is read once.

    Raises:
        DeliveryError: It is not there, or not complete.
    """
    folder = inbox_folder(contract, name)
    sorted_out = _sort_out(hub.storage.list_files(folder))
    if sorted_out.is_no_folder:
        raise DeliveryError(
            f"the delivery {name} is a link or a file, not a folder",
            subject=str(contract.name),
            found=hub.storage.uri(folder),
            consumers="nothing was staged",
            next_step=f"datahub deliver {contract.name} PATH --name {name}-2",
        )
    if not sorted_out.all:
        raise DeliveryError(
            f"there is no delivery {name} in the inbox",
            subject=str(contract.name),
            found=f"nothing at {hub.storage.uri(folder)}",
            next_step=f"datahub deliver {contract.name} PATH --name {name}",
        )
    if not sorted_out.is_complete:
        raise DeliveryError(
            f"the delivery {name} is not complete: it has no {SUCCESS_MARKER}",
            subject=str(contract.name),
            found=f"{len(sorted_out.data)} data files at {hub.storage.uri(folder)}",
            consumers="nothing was staged; the delivery waits",
            next_step=f"write {SUCCESS_MARKER} once all files are there",
        )
    oddities = list(sorted_out.oddities)
    files: list[DeliveredFile] = []
    for file in sorted_out.data:
        try:
            sha256 = hub.storage.checksum(folder / file.path)
        except FileNotFoundError:
            oddities.append(f"{file.path!r}: it went away while it was read")
            continue
        files.append(DeliveredFile(path=file.path, size=file.size, sha256=sha256))
    return Delivery(
        dataset=contract.name,
        name=name,
        location=folder,
        files=tuple(files),
        full=sorted_out.is_full,
        oddities=tuple(oddities),
    )


def find_receipt(hub: Hub, contract: Contract, delivery: Delivery, *, again: bool = False) -> Receipt | None:
    """The receipt that this delivery has already, under way or done.

    A delivery that was rejected is taken anew once the contract has changed: what was wrong may be right now; or if it is asked
    for `again`. So is a content that came back under its name after another one.
    """
    for receipt in reversed(hub.log.receipts(contract.name)):
        if receipt.delivery.name != delivery.name:
            continue
        if not receipt.is_for(delivery):
            return None
        record = None if receipt.repeats else hub.log.record(contract.name, receipt.release_id)
        was_rejected = record is not None and record.state is ReleaseState.REJECTED
        judged_by = record.contract_fingerprint if record else receipt.contract_fingerprint
        return None if was_rejected and (again or judged_by != contract.fingerprint) else receipt
    return None


def claim(hub: Hub, contract: Contract, delivery: Delivery, actor: str, *, again: bool = False) -> Receipt:
    """Give the delivery the next number. Of several callers with the same delivery, all get the same receipt."""
    while True:
        # Counted before the question, so that a receipt which somebody adds in between takes this number and is found.
        number = next_number(hub, contract)
        receipt = find_receipt(hub, contract, delivery, again=again)
        if receipt is not None:
            return receipt
        receipt = draft_receipt(hub, contract, delivery, number, actor)
        try:
            hub.log.add_receipt(receipt)
        except AlreadyExistsError:
            continue  # somebody claimed that number; look again, it may have been for this very delivery
        return receipt


def next_number(hub: Hub, contract: Contract) -> int:
    """The number that the next receipt gets."""
    receipts = hub.log.receipts(contract.name)
    return receipts[-1].number + 1 if receipts else 1


def draft_receipt(hub: Hub, contract: Contract, delivery: Delivery, number: int, actor: str = "") -> Receipt:
    """The receipt that the delivery would get now; nothing is written."""
    newest_file_at = max(
        (file.modified_at for file in hub.storage.list_files(delivery.location)), default=None
    )
    now = hub.clock.now()
    received_at = max(now, newest_file_at) if newest_file_at else now
    return Receipt(
        number=number,
        release_id=ReleaseId(received_at.date(), number),
        delivery=delivery,
        received_at=received_at,
        contract_fingerprint=contract.fingerprint,
        actor=actor,
        repeats=repeated_release(hub, contract, delivery),
    )


def repeated_release(hub: Hub, contract: Contract, delivery: Delivery) -> ReleaseId | None:
    """The newest published release whose content the delivery brings again; None if it would change anything.

    Compares checksums file by file with what is published in the partitions that it touches. Names don't matter, save for
    the partition in a path: two days may well hold the same bytes. While an earlier delivery is under way nothing is a
    repeat: it may be about to publish something else.
    """
    under_way = any(_is_under_way(hub, receipt) for receipt in hub.log.receipts(contract.name))
    current = hub.log.current(contract.name)
    if current is None or under_way or not delivery.files or delivery.oddities:
        return None
    column = contract.partitions.column.lower() if contract.partitions else None
    published: dict[str, Counter[str]] = {key: Counter() for key in current.partitions}
    for release_id in current.releases:
        files = hub.log.file_list(contract.name, release_id)
        for file in files.files if files else ():
            if current.partitions.get(file.partition) == release_id:
                published[file.partition][file.sha256] += 1
    brought: dict[str, Counter[str]] = {}
    for file in delivery.files:
        in_path = _value_in_path(file.path, column) if column else None
        keys = (key for key, held in published.items() if file.sha256 in held and in_path in (None, key))
        if (key := next(keys, None)) is None:
            return None
        brought.setdefault(key, Counter())[file.sha256] += 1
    whole = delivery.full or contract.partitions is None
    if brought != (published if whole else {key: published[key] for key in brought}):
        return None
    return max(current.partitions[key] for key in brought)


def _is_under_way(hub: Hub, receipt: Receipt) -> bool:
    """Whether a delivery that was received has not ended, and still can."""
    folder = hub.log.release_folder(receipt.dataset, receipt.release_id)
    if receipt.repeats or hub.storage.exists(folder / "_record.json"):  # not read: there may be thousands
        return False
    staged = hub.log.file_list(receipt.dataset, receipt.release_id)
    return staged is not None or bool(hub.storage.list_files(receipt.delivery.location))


@dataclass(frozen=True, slots=True)
class _SortedOut:
    all: tuple[StoredFile, ...]
    data: tuple[StoredFile, ...]
    oddities: tuple[str, ...]
    is_complete: bool
    is_full: bool

    @property
    def is_no_folder(self) -> bool:
        return any(file.path == "." for file in self.all)


def is_note(path: str) -> bool:
    """Whether a file is a note of the writer's and not data: its name, or a folder's, starts with `_` or `.`."""
    return any(part.startswith(("_", ".")) and part not in (".", "..") for part in path.split("/"))


def _sort_out(files: Iterable[StoredFile]) -> _SortedOut:
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
    return _SortedOut(
        all=everything,
        data=tuple(data),
        oddities=tuple(oddities),
        is_complete=SUCCESS_MARKER in markers,
        is_full=FULL_MARKER in markers,
    )


def _look_at(hub: Hub, contract: Contract, name: str, receipts: Sequence[Receipt]) -> InboxEntry:
    fault = delivery_name_fault(name)
    if fault:
        shown = name.encode("utf-8", "backslashreplace").decode()
        return InboxEntry(
            dataset=contract.name, delivery=shown, state=InboxState.BAD, newest_at=None, problem=fault
        )
    sorted_out = _sort_out(hub.storage.list_files(INBOX / contract.name.source / contract.name.table / name))
    if sorted_out.is_no_folder:
        problem = "it is a link or a file, not a folder"
        return InboxEntry(
            dataset=contract.name, delivery=name, state=InboxState.BAD, newest_at=None, problem=problem
        )
    newest_at = max((file.modified_at for file in sorted_out.all), default=None)
    state = InboxState.READY if sorted_out.is_complete else InboxState.INCOMPLETE
    if sorted_out.is_complete and _is_handled(hub, contract, name, sorted_out, receipts):
        state = InboxState.HANDLED
    listing = [f"{file.path}\x00{file.size}\x00{file.modified_at.isoformat()}" for file in sorted_out.all]
    return InboxEntry(
        dataset=contract.name,
        delivery=name,
        state=state,
        newest_at=newest_at,
        files=len(sorted_out.data),
        bytes=sum(file.size for file in sorted_out.data),
        content_key=digest(name, contract.fingerprint, *listing),
    )


def _is_handled(
    hub: Hub, contract: Contract, name: str, sorted_out: _SortedOut, receipts: Sequence[Receipt]
) -> bool:
    receipt = next((receipt for receipt in reversed(receipts) if receipt.delivery.name == name), None)
    if receipt is None or any(file.modified_at > receipt.received_at for file in sorted_out.all):
        return False
    if {(f.path, f.size) for f in receipt.delivery.files} != {(f.path, f.size) for f in sorted_out.data}:
        return bool(receipt.delivery.oddities) and _ended(hub, contract, receipt)
    return _ended(hub, contract, receipt)


def _ended(hub: Hub, contract: Contract, receipt: Receipt) -> bool:
    if receipt.repeats:
        return True
    record = hub.log.record(contract.name, receipt.release_id)
    if record is None:
        return False
    return record.state is not ReleaseState.REJECTED or record.contract_fingerprint == contract.fingerprint


def _value_in_path(path: str, column: str) -> str | None:
    prefix = f"{column}="
    folders = reversed(path.split("/")[:-1])
    return next((part[len(prefix) :] for part in folders if part.lower().startswith(prefix)), None)
