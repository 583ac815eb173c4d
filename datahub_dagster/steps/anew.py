"""Whether a rejected delivery is judged anew: the contract has changed, and nobody delivered the same data since."""

from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.delivery import Receipt
from datahub_dagster.domain.release import WHOLE, ReleaseRecord, ReleaseState
from datahub_dagster.ports import Hub


def may_be_judged_anew(hub: Hub, contract: Contract, record: ReleaseRecord) -> bool:
    """Whether a delivery that has ended is to be taken again by itself.

    It would be published on top of everything. So it stays rejected if a later delivery brought any of its partitions, and waits
    while a later one is under way: what was received later is the newer truth. `release --again` asks all the same.
    """
    if record.state is not ReleaseState.REJECTED or record.contract_fingerprint == contract.fingerprint:
        return False
    later = [r for r in hub.log.receipts(contract.name) if r.number > record.release_id.number]
    return not any(_stands_against(hub, record, receipt) for receipt in later)


def _stands_against(hub: Hub, record: ReleaseRecord, later: Receipt) -> bool:
    if later.repeats:
        return True  # somebody said since then that what is published is right
    outcome = hub.log.record(later.dataset, later.release_id)
    if outcome is None:
        return is_under_way(hub, later)
    if outcome.state is ReleaseState.REJECTED:
        return False
    brought, held = set(record.partitions), set(outcome.partitions)
    is_whole = later.delivery.full or WHOLE in brought | held
    return is_whole or not brought or not brought.isdisjoint(held)


def is_under_way(hub: Hub, receipt: Receipt) -> bool:
    """Whether a delivery that was received has not ended, and still can."""
    if receipt.repeats or hub.log.has_ended(receipt.dataset, receipt.release_id):
        return False
    staged = hub.log.file_list(receipt.dataset, receipt.release_id)
    return staged is not None or bool(hub.storage.list_files(receipt.delivery.location))
