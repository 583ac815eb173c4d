"""What retention lets go, and how it is removed: the list of files first, so that no reader finds half a release."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from datahub_dagster.domain import words
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.delivery import SUCCESS_MARKER, newest_receipt
from datahub_dagster.domain.gc import Removal, RemovalKind, removable_releases
from datahub_dagster.domain.inbox import InboxState
from datahub_dagster.domain.names import ReleaseId
from datahub_dagster.domain.release import ReleaseState
from datahub_dagster.ports import Hub, Purpose
from datahub_dagster.steps.inbox import inbox_folder, look_into_inbox

_DEBRIS_AGE = timedelta(days=1)  # no release takes that long; younger ones may be under way


def plan_removals(hub: Hub, contract: Contract) -> Sequence[Removal]:
    """Everything of a dataset that may go now, with the reason."""
    now = hub.clock.now()
    return (*_releases(hub, contract, now), *_debris(hub, contract, now), *_deliveries(hub, contract, now))


def carry_out(hub: Hub, contract: Contract, removals: Sequence[Removal]) -> Sequence[Removal]:
    """Remove what is still to be removed: time has passed since it was planned. Gives back what was.

    Doing it again, after a crash too, does the rest.
    """
    planned = {r.release_id for r in removals if r.kind is not RemovalKind.DELIVERY and r.release_id}
    with hub.log.claim(contract.name, planned, Purpose.REMOVE, hub.clock.now()) as in_use:
        still = {(each.kind, each.location) for each in plan_removals(hub, contract)}
        due = tuple(r for r in removals if (r.kind, r.location) in still and r.release_id not in in_use)
        for removal in due:
            _remove(hub, removal)
    return due


def _remove(hub: Hub, removal: Removal) -> None:
    if removal.kind is RemovalKind.DELIVERY:
        # Without its marker first, half a delivery would pass for a new one.
        hub.storage.delete(removal.location / SUCCESS_MARKER)
        hub.storage.delete_folder(removal.location)
        return
    if hub.storage.is_unfinished(removal.location.path):
        hub.storage.delete(removal.location)
        return
    assert removal.release_id is not None
    hub.log.remove_file_list(removal.dataset, removal.release_id)
    for file in hub.storage.list_files(removal.location):
        if not file.path.startswith("_"):
            hub.storage.delete(removal.location / file.path)


def _releases(hub: Hub, contract: Contract, now: datetime) -> list[Removal]:
    generations = hub.log.generations(contract.name)
    ever_published = {release_id for generation in generations for release_id in generation.releases}
    received_at = {receipt.release_id: receipt.received_at for receipt in hub.log.receipts(contract.name)}
    staged = {
        release_id: received_at.get(release_id, now)
        for release_id in sorted(hub.log.staged(contract.name, hub.log.releases_on_disk(contract.name)))
        if release_id in ever_published or _cannot_go_on(hub, contract, release_id, now)
    }
    # A catalog that lags behind may show parts of any later generation: a process may have been killed in the middle of it.
    shown = hub.catalog.applied(contract.name)
    may_be_read = {release_id for each in generations if each.number >= shown for release_id in each.releases}
    kept = frozenset(hub.log.pins(contract.name)) | may_be_read
    gone = removable_releases(staged, generations, kept, contract.retention, now)
    rule = (
        f"older than {words.plural(contract.retention.days, 'day')} and not among the last "
        f"{words.plural(contract.retention.releases, 'generation')}"
    )
    return [_removal(hub, contract, RemovalKind.RELEASE, release_id, rule) for release_id in gone]


def _debris(hub: Hub, contract: Contract, now: datetime) -> list[Removal]:
    """What no release will ever hold: writes that a crash left unfinished, and files of releases that never came to exist."""
    removals: list[Removal] = []
    folders = (
        *hub.log.folders(contract.name),
        hub.catalog.folder(contract.name),
        inbox_folder(contract.name),
    )
    for folder in filter(None, folders):
        removals += [
            Removal(
                kind=RemovalKind.DEBRIS,
                dataset=contract.name,
                location=folder / file.path,
                bytes=file.size,
                reason="was never written whole",
            )
            for file in hub.storage.list_files(folder)
            if hub.storage.is_unfinished(file.path) and now - file.modified_at > _DEBRIS_AGE
        ]
    on_disk = hub.log.releases_on_disk(contract.name)
    for release_id in sorted(set(on_disk) - hub.log.staged(contract.name, on_disk)):
        folder = hub.log.release_folder(contract.name, release_id)
        files = [file for file in hub.storage.list_files(folder) if not file.path.startswith("_")]
        files = [file for file in files if not hub.storage.is_unfinished(file.path) and file.path != "."]
        if not files or not all(now - file.modified_at > _DEBRIS_AGE for file in files):
            continue
        if _cannot_go_on(hub, contract, release_id, now):
            removals.append(_removal(hub, contract, RemovalKind.DEBRIS, release_id, "was never staged whole"))
    return removals


def _cannot_go_on(hub: Hub, contract: Contract, release_id: ReleaseId, now: datetime) -> bool:
    """Whether nobody will take this release up again: its way has ended, or its delivery has gone from the inbox."""
    if hub.log.record(contract.name, release_id) is not None:
        return True
    receipt = next((r for r in hub.log.receipts(contract.name) if r.release_id == release_id), None)
    if receipt is None:
        return True
    is_gone = not hub.storage.list_files(receipt.delivery.location)
    return is_gone and now - receipt.received_at > _DEBRIS_AGE


def _deliveries(hub: Hub, contract: Contract, now: datetime) -> list[Removal]:
    """Deliveries in the inbox whose release is published, or was. What was rejected or waits is never touched."""
    removals: list[Removal] = []
    entries = look_into_inbox(hub, contract)
    receipts = hub.log.receipts(contract.name)
    for entry in entries:
        receipt = newest_receipt(receipts, entry.delivery)
        if entry.state not in (InboxState.HANDLED, InboxState.INCOMPLETE) or receipt is None:
            continue
        record = None if receipt.repeats else hub.log.record(contract.name, receipt.release_id)
        if not receipt.repeats and (record is None or record.state is ReleaseState.REJECTED):
            continue
        is_newer = entry.newest_at is not None and entry.newest_at > receipt.received_at
        if is_newer and entry.state is InboxState.INCOMPLETE:
            continue  # written to since then: the next delivery of that name is on its way
        ended_at = max(
            record.finished_at if record else receipt.received_at, entry.newest_at or receipt.received_at
        )
        if now - ended_at < timedelta(days=hub.inbox_days):
            continue
        removals.append(
            Removal(
                kind=RemovalKind.DELIVERY,
                dataset=contract.name,
                location=inbox_folder(contract.name) / entry.delivery,
                bytes=entry.bytes,
                reason=f"released more than {words.plural(hub.inbox_days, 'day')} ago",
                release_id=receipt.repeats or receipt.release_id,
            )
        )
    return removals


def _removal(hub: Hub, contract: Contract, kind: RemovalKind, release_id: ReleaseId, reason: str) -> Removal:
    folder = hub.log.release_folder(contract.name, release_id)
    size = sum(file.size for file in hub.storage.list_files(folder) if not file.path.startswith("_"))
    return Removal(
        kind=kind, dataset=contract.name, location=folder, bytes=size, reason=reason, release_id=release_id
    )
