"""What the contracts said when: noted at each publication and by the monitor, so that a changelog can be told from the log."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.contract_changes import contract_changes
from datahub_dagster.domain.contract_version import ContractVersion
from datahub_dagster.domain.names import DatasetName
from datahub_dagster.domain.timeline import CLOCK_SKEW
from datahub_dagster.errors import CorruptError, NewerSchemaError
from datahub_dagster.ports import Hub
from datahub_dagster.side_by_side import side_by_side
from datahub_dagster.steps.slo import is_clock_behind, note_promise

_SOONEST = timedelta(microseconds=1)  # by which two versions differ at least


def contract_history(hub: Hub, dataset: DatasetName) -> Sequence[ContractVersion]:
    """What a dataset's contract said when, the oldest first, as far as it was noted. What can't be read is left out.

    The newest need not be what the contract says now: then nobody has noted that yet.

    Args:
        hub: The hub.
        dataset: The contract's.
    """

    def read(at: datetime) -> ContractVersion | None:
        with suppress(NewerSchemaError):
            return _read(hub, dataset, at)
        return None

    found = side_by_side(read, _instants(hub, dataset), hub.storage.parallel)
    return [version for version in found if version is not None]


def note_contract(hub: Hub, contract: Contract) -> bool:
    """Keep what a contract says from now on, if the log does not say so yet. Two at once, or a crash, do no harm.

    Reads the newest note alone. One that can't be read counts for none: nothing is stopped by it. Where a later version of the hub
    keeps notes, it is left to do so: two that write after each other would go on for ever.

    Args:
        hub: The hub.
        contract: As it is now.

    Returns:
        Whether the log says so now, or others see to it. By a clock that is far behind nothing is noted.
    """
    instants = _instants(hub, contract.name)
    try:
        newest = _read(hub, contract.name, instants[-1]) if instants else None
    except NewerSchemaError:
        return True
    if newest and not is_news(newest.contract, contract):
        return True
    if is_clock_behind(hub, contract):
        return False
    now = hub.clock.now()
    # By a clock that is behind, the newest version must not come before an older one.
    valid_from = max(now, instants[-1] + _SOONEST) if instants else now
    hub.log.add_contract_version(
        ContractVersion(dataset=contract.name, valid_from=valid_from, contract=contract)
    )
    return True


def note_at_publication(hub: Hub, contract: Contract) -> None:
    """Keep what is promised, and what the contract says, by its newest state.

    A note that can't be read stops no release: reports tell of it.
    """
    book = hub.book()
    newest = book.datasets.get(contract.name, contract)
    with suppress(CorruptError):
        note_promise(hub, newest, book.consumers_of(contract.name))
    with suppress(CorruptError):
        note_contract(hub, newest)


def is_news(noted: Contract, contract: Contract) -> bool:
    """Whether a contract says something else than what was noted; where it stands in its file is nothing."""
    if (noted.version, noted.fingerprint) != (contract.version, contract.fingerprint):
        return True
    return bool(contract_changes(noted, contract))


def _instants(hub: Hub, dataset: DatasetName) -> Sequence[datetime]:
    """Since when there are notes, without what a wrong clock put into the future."""
    now = hub.clock.now()
    return [at for at in hub.log.contract_instants(dataset) if at <= now + CLOCK_SKEW]


def _read(hub: Hub, dataset: DatasetName, valid_from: datetime) -> ContractVersion | None:
    try:
        return hub.log.contract_version(dataset, valid_from)
    except NewerSchemaError:
        raise
    except CorruptError:
        return None
