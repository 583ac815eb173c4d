"""Validate: footers against the contract, before anything is copied."""

from dataclasses import replace

from datahub_dagster.domain.calendars import calendar_named
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.delivery import Delivery
from datahub_dagster.domain.profile import Fault
from datahub_dagster.domain.release import WHOLE, Generation
from datahub_dagster.domain.validation import Validated
from datahub_dagster.domain.validation import validate as compare
from datahub_dagster.ports import Hub


def validate(hub: Hub, contract: Contract, delivery: Delivery, current: Generation | None) -> Validated:
    """What the footers of a delivery say of it. Faults are values; only a failing storage raises."""
    oddities = tuple(Fault(code="bad-file", message=oddity) for oddity in delivery.oddities)
    if oddities and not delivery.files:
        return Validated(faults=oddities)
    bounds_of = contract.partitions.column if contract.partitions else None
    profiles = hub.profiler.profile(
        delivery.location, [(file.path, file.size) for file in delivery.files], bounds_of
    )
    stays = contract.partitions is not None and not delivery.full
    found = compare(
        contract,
        profiles,
        is_session=lambda name, day: calendar_named(name).is_session(day),
        published_columns=_published_columns(hub, current) if stays else None,
    )
    faults = (*oddities, *_mode_faults(contract, delivery, current), *found.faults)
    return replace(found, faults=faults)


def _published_columns(hub: Hub, current: Generation | None) -> dict[str, str]:
    newest = hub.log.file_list(current.dataset, current.release_id) if current else None
    return {name.lower(): word for name, word in newest.columns} if newest else {}


def _mode_faults(contract: Contract, delivery: Delivery, current: Generation | None) -> tuple[Fault, ...]:
    """A dataset that was published in one piece can't take single partitions: nobody knows which rows they replace."""
    if contract.partitions is None or delivery.full or current is None or WHOLE not in current.partitions:
        return ()
    return (
        Fault(
            code="mode-changed",
            message="what is published is not partitioned: deliver the whole dataset once, with --full",
            promised=f"{contract.origin}  mode partition",
            found=f"generation {current.number} in one piece",
        ),
    )
