"""Validate: footers against the contract, before anything is copied."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from datahub_dagster.domain.calendar_files import partition_days
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.delivery import Delivery
from datahub_dagster.domain.layout import is_mixed
from datahub_dagster.domain.names import ReleaseId, harmless
from datahub_dagster.domain.profile import Fault
from datahub_dagster.domain.release import WHOLE, Generation
from datahub_dagster.domain.validation import Validated
from datahub_dagster.domain.validation import validate as compare
from datahub_dagster.domain.view import FileList, files_read
from datahub_dagster.ports import Hub
from datahub_dagster.steps.views import as_of, promised_columns


def validate(hub: Hub, contract: Contract, delivery: Delivery, current: Generation | None) -> Validated:
    """What the footers of a delivery say of it. Faults are values; only a failing storage raises."""
    oddities = tuple(Fault(code="bad-file", message=oddity) for oddity in delivery.oddities)
    if oddities and not delivery.files:
        return Validated(faults=oddities)
    bounds_of = contract.partitions.column if contract.partitions else None
    profiles = hub.profiler.profile(
        delivery.location, [(file.path, file.size) for file in delivery.files], bounds_of
    )
    days = partition_days(contract)
    stays = contract.partitions is not None and not delivery.full
    found = compare(
        contract,
        profiles,
        is_session=lambda day: days is None or days.is_session(day),
        published_columns=_published_columns(hub, current) if stays else None,
    )
    kept = _kept_beside(hub, contract, found, current) if stays and not found.faults else ()
    faults = (
        *oddities,
        *_mode_faults(contract, delivery, current),
        *found.faults,
        *_catalog_faults(hub, contract, found),
        *_mixed_faults(contract, found, kept),
        *_type_faults(hub, contract, found, kept),
    )
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


def _catalog_faults(hub: Hub, contract: Contract, found: Validated) -> list[Fault]:
    types = dict(found.columns)
    return [
        Fault(
            code="type-not-in-catalog",
            message=f"column {harmless(name)} can't be shown in the catalog: {why}",
            column=name,
            found=types.get(name),
        )
        for name, why in hub.catalog.objections(contract.name, found.columns)
    ]


def _mixed_faults(contract: Contract, found: Validated, kept: Sequence[FileList]) -> list[Fault]:
    spec = contract.partitions
    beside = [file for each in kept for file in as_of(spec.column if spec else None, each).files]
    if spec is None or not is_mixed([*found.files, *beside]):
        return []
    in_path = next((file.profile.path for file in found.files if not file.holds_partition_column), None)
    there = "other files" if is_mixed(found.files) else "what is published"
    return [
        Fault(
            code="mixed-partition-column",
            message=f"{spec.column} is in the path of some files only, and more than the {spec.granularity} inside others",
            file=in_path,
            column=spec.column,
            promised=f"{contract.origin}  one {spec.granularity} of {spec.column} a file",
            found=f"{'the path only' if in_path else 'a column'} here, {'a column' if in_path else 'the path only'} in {there}",
        )
    ]


def _kept_beside(
    hub: Hub, contract: Contract, found: Validated, current: Generation | None
) -> Sequence[FileList]:
    """Releases of which partitions stay published beside what a delivery brings, each with the files of those partitions.

    Without one that retention has removed since: then others have published, and the audit looks again.
    """
    brought = (*found.partitions, WHOLE)
    published: Mapping[str, ReleaseId] = current.partitions if current else {}
    stay = {key: release_id for key, release_id in published.items() if key not in brought}
    lists = hub.log.file_lists(contract.name, frozenset(stay.values())).values()
    return [replace(each, files=tuple(files_read([each], stay))) for each in lists]


def _type_faults(hub: Hub, contract: Contract, found: Validated, kept: Sequence[FileList]) -> Iterator[Fault]:
    """Columns whose type has changed, where the catalog's engine can't show what stays published in the new type."""
    shown = {name.lower(): word for name, word in found.columns}
    shown |= {name.lower(): word for name, word in promised_columns(contract)}
    told = set[str]()
    for files in kept:
        for name, held in files.columns:
            word = shown.get(name.lower())
            if word is None or name.lower() in told or hub.catalog.reads(held, word):
                continue
            told.add(name.lower())
            yield Fault(
                code="type-not-in-catalog",
                message=f"column {harmless(name)} is {held} in release {files.release_id}, which stays published beside this delivery, "
                f"and can't be read as {word}: deliver the whole dataset, with --full",
                column=name,
                promised=f"{contract.origin}  {word}",
                found=f"{held} in release {files.release_id}",
            )
