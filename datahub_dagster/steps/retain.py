"""What retention lets go, and how it is removed: the list of files first, so that no reader finds half a release."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.gc import Removal, RemovalKind, removable_releases
from datahub_dagster.domain.inbox import InboxState
from datahub_dagster.domain.names import ReleaseId
from datahub_dagster.domain.release import ReleaseState
from datahub_dagster.ports import Hub
from datahub_dagster.steps.receive import INBOX, look_into_inbox

_DEBRIS_AGE = timedelta(days=1)  # no release takes that long; younger ones may be under way


def plan_removals(hub: Hub, contract: Contract) -> Sequence[Removal]:
    """Everything of a dataset that may go now, with the reason."""
    now = hub.clock.now()
    return (*_releases(hub, contract, now), *_debris(hub, contract, now), *_deliveries(hub, contract, now))


def remove(hub: Hub, contract: Contract, removal: Removal) -> None:
    """Carry out one removal. Doing it again, after a crash too, does the rest."""
    if removal.kind is RemovalKind.DELIVERY:
        hub.storage.delete_folder(removal.location)
        return
    hub.storage.delete(removal.location / "_files.json")
    for file in hub.storage.list_files(removal.location):
        if not file.path.startswith("_"):
            hub.storage.delete(removal.location / file.path)


def _releases(hub: Hub, contract: Contract, now: datetime) -> list[Removal]:
    received_at = {receipt.release_id: receipt.received_at for receipt in hub.log.receipts(contract.name)}
    staged = {
        release_id: received_at.get(release_id, now)
        for release_id in hub.log.releases_on_disk(contract.name)
        if hub.log.file_list(contract.name, release_id) is not None
    }
    pinned = frozenset(hub.log.pins(contract.name))
    gone = removable_releases(staged, hub.log.generations(contract.name), pinned, contract.retention, now)
    rule = f"older than {contract.retention.days} days and not among the last {contract.retention.releases} generations"
    return [_removal(hub, contract, RemovalKind.RELEASE, release_id, rule) for release_id in gone]


def _debris(hub: Hub, contract: Contract, now: datetime) -> list[Removal]:
    """Data files of releases that never came to exist: their delivery was rejected while it was staged, or went away."""
    removals: list[Removal] = []
    for release_id in hub.log.releases_on_disk(contract.name):
        if hub.log.file_list(contract.name, release_id) is not None:
            continue
        folder = hub.log.release_folder(contract.name, release_id)
        files = [file for file in hub.storage.list_files(folder) if not file.path.startswith("_")]
        if files and all(now - file.modified_at > _DEBRIS_AGE for file in files):
            removals.append(_removal(hub, contract, RemovalKind.DEBRIS, release_id, "was never staged whole"))
    return removals


def _deliveries(hub: Hub, contract: Contract, now: datetime) -> list[Removal]:
    """Deliveries in the inbox whose release is published, or was. What was rejected or waits is never touched."""
    removals: list[Removal] = []
    for entry in look_into_inbox(hub, contract):
        if entry.state is not InboxState.HANDLED or entry.waits_since(now) < timedelta(days=hub.inbox_days):
            continue
        receipts = [r for r in hub.log.receipts(contract.name) if r.delivery.name == entry.delivery]
        record = None if receipts[-1].repeats else hub.log.record(contract.name, receipts[-1].release_id)
        if record is not None and record.state is ReleaseState.REJECTED:
            continue
        removals.append(
            Removal(
                kind=RemovalKind.DELIVERY,
                dataset=contract.name,
                location=INBOX / contract.name.source / contract.name.table / entry.delivery,
                bytes=entry.bytes,
                reason=f"released more than {hub.inbox_days} days ago",
                release_id=receipts[-1].repeats or receipts[-1].release_id,
            )
        )
    return removals


def _removal(hub: Hub, contract: Contract, kind: RemovalKind, release_id: ReleaseId, reason: str) -> Removal:
    folder = hub.log.release_folder(contract.name, release_id)
    size = sum(file.size for file in hub.storage.list_files(folder) if not file.path.startswith("_"))
    return Removal(
        kind=kind, dataset=contract.name, location=folder, bytes=size, reason=reason, release_id=release_id
    )
