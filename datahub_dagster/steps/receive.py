"""Receive: a delivery by its content, and its numbered receipt, before anything is copied."""

from collections import Counter
from collections.abc import Sequence

from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.delivery import (
    SUCCESS_MARKER,
    DeliveredFile,
    Delivery,
    Receipt,
    newest_receipt,
    next_number,
)
from datahub_dagster.domain.names import Location, ReleaseId
from datahub_dagster.domain.placement import value_in_path
from datahub_dagster.domain.release import ReleaseState
from datahub_dagster.domain.view import files_read
from datahub_dagster.errors import AlreadyExistsError, DeliveryError
from datahub_dagster.ports import Hub, StoredFile
from datahub_dagster.side_by_side import side_by_side
from datahub_dagster.steps.anew import is_under_way, may_be_judged_anew
from datahub_dagster.steps.inbox import delivery_folder, is_touched, listing_of, sort_out


def read_delivery(hub: Hub, contract: Contract, name: str, listed: Sequence[StoredFile]) -> Delivery:
    """Fingerprint a complete delivery: every byte is read once, unless the storage knows the checksum.

    Args:
        hub: The hub.
        contract: The dataset's.
        name: The delivery's.
        listed: Its folder.

    Raises:
        DeliveryError: It is not there, or not complete.
    """
    folder = delivery_folder(contract, name)
    sorted_out = sort_out(listed)
    if sorted_out.is_no_folder:
        raise DeliveryError(
            f"the delivery {name} is a link or a file, not a folder",
            subject=str(contract.name),
            found=hub.storage.uri(folder),
            consumers="nothing was staged",
            next_step=f"datahub deliver {contract.name} PATH --name {name}_2",
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
    checksums = side_by_side(
        lambda file: _checksum(hub, folder / file.path), sorted_out.data, hub.storage.parallel
    )
    for file, sha256 in zip(sorted_out.data, checksums, strict=True):
        if sha256 is None:
            oddities.append(f"{file.path!r}: it went away while it was read")
            continue
        files.append(DeliveredFile(path=file.path, size=file.size, sha256=sha256, version=file.version))
    return Delivery(
        dataset=contract.name,
        name=name,
        location=folder,
        files=tuple(files),
        full=sorted_out.is_full,
        oddities=tuple(oddities),
    )


def _checksum(hub: Hub, location: Location) -> str | None:
    try:
        return hub.storage.checksum(location)
    except FileNotFoundError:
        return None


def find_receipt(hub: Hub, contract: Contract, delivery: Delivery, *, again: bool = False) -> Receipt | None:
    """The receipt that this delivery has already, under way or done.

    A delivery that was rejected is taken anew once the contract has changed (see `anew`), or if it is asked for `again`. So is a
    content that came back under its name after another one.
    """
    receipt = newest_receipt(hub.log.receipts(contract.name), delivery.name)
    if receipt is None or not receipt.is_for(delivery):
        return None
    record = None if receipt.repeats else hub.log.record(contract.name, receipt.release_id)
    if record is None:
        return receipt
    is_asked_for = again and record.state is ReleaseState.REJECTED
    return None if is_asked_for or may_be_judged_anew(hub, contract, record) else receipt


def receive(hub: Hub, contract: Contract, name: str, actor: str, *, again: bool) -> Receipt:
    """Fingerprint a delivery and give it its receipt: a new one, or the one that it has.

    Raises:
        DeliveryError: It is not there, or not complete.
    """
    listed = hub.storage.list_files(delivery_folder(contract, name))
    delivery = read_delivery(hub, contract, name, listed)
    receipt = claim(hub, contract, delivery, actor, listed, again=again)
    if is_touched(receipt, listed):
        # Touched, or restored from a backup, with the content that was received: nobody needs to look again.
        hub.log.note_listing(contract.name, name, listing_of(listed))
    return receipt


def claim(
    hub: Hub,
    contract: Contract,
    delivery: Delivery,
    actor: str,
    listed: Sequence[StoredFile],
    *,
    again: bool = False,
) -> Receipt:
    """Give the delivery the next number. Of several callers with the same delivery, all get the same receipt."""
    while True:
        # Counted before the question, so that a receipt which somebody adds in between takes this number and is found.
        number = next_number(hub.log.receipts(contract.name))
        receipt = find_receipt(hub, contract, delivery, again=again)
        if receipt is not None:
            return receipt
        receipt = draft_receipt(hub, contract, delivery, number, listed, actor)
        try:
            hub.log.add_receipt(receipt)
        except AlreadyExistsError:
            continue  # somebody claimed that number; look again, it may have been for this very delivery
        return receipt


def draft_receipt(
    hub: Hub,
    contract: Contract,
    delivery: Delivery,
    number: int,
    listed: Sequence[StoredFile],
    actor: str = "",
) -> Receipt:
    """The receipt that the delivery would get now; nothing is written. `listed` is its folder."""
    newest_file_at = max((file.modified_at for file in listed), default=None)
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
    receipts = hub.log.receipts(contract.name)
    under_way = any(side_by_side(lambda receipt: is_under_way(hub, receipt), receipts, hub.storage.parallel))
    current = hub.log.current(contract.name)
    if current is None or under_way or not delivery.files or delivery.oddities:
        return None
    column = contract.partitions.column.lower() if contract.partitions else None
    published: dict[str, Counter[str]] = {key: Counter() for key in current.partitions}
    lists = hub.log.file_lists(contract.name, current.releases)
    for file in files_read(lists.values(), current.partitions):
        published[file.partition][file.sha256] += 1
    brought: dict[str, Counter[str]] = {}
    for file in delivery.files:
        in_path = value_in_path(file.path, column) if column else None
        keys = (key for key, held in published.items() if file.sha256 in held and in_path in (None, key))
        if (key := next(keys, None)) is None:
            return None
        brought.setdefault(key, Counter())[file.sha256] += 1
    whole = delivery.full or contract.partitions is None
    if brought != (published if whole else {key: published[key] for key in brought}):
        return None
    return max(current.partitions[key] for key in brought)
