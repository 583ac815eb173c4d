"""Publish: one conditional write decides, then the catalog follows."""

from collections.abc import Sequence
from datetime import datetime

from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.delivery import Receipt
from datahub_dagster.domain.names import ReleaseId
from datahub_dagster.domain.plan import ReleasePlan, build_plan, is_replaced_whole
from datahub_dagster.domain.release import WHOLE, Generation, GenerationKind, ReleaseState
from datahub_dagster.errors import AlreadyExistsError, RetentionError, UnknownReleaseError
from datahub_dagster.ports import Applied, Hub, Purpose
from datahub_dagster.steps.views import view_of


def plan(
    hub: Hub, contract: Contract, receipt: Receipt, brought: Sequence[str], current: Generation | None
) -> ReleasePlan:
    """What publishing a staged release would change now."""
    number = receipt.number
    full = {r.release_id for r in hub.log.receipts(contract.name) if r.delivery.full and r.number > number}
    records = (hub.log.record(contract.name, release_id) for release_id in full)
    overtaken = {r.release_id for r in records if r and r.state is ReleaseState.SUPERSEDED}
    generations = hub.log.generations(contract.name) if full else ()
    return build_plan(
        contract.name,
        receipt.release_id,
        brought,
        current,
        # What was staged in one piece replaces all, even if the contract was cut into partitions meanwhile.
        replaces_all=contract.partitions is None or receipt.delivery.full or WHOLE in brought,
        is_dropped=is_replaced_whole(receipt.release_id, full, generations, overtaken),
    )


def publish(hub: Hub, contract: Contract, plan: ReleasePlan, actor: str) -> Generation:
    """Make the plan's generation the published one.

    Raises:
        AlreadyExistsError: Somebody published that generation first; nothing changed: plan again.
    """
    published_at, clock_at = _instants(hub, hub.log.current(contract.name))
    generation = Generation(
        dataset=contract.name,
        number=plan.next_generation,
        kind=GenerationKind.RELEASE,
        partitions=plan.next_partitions,
        release_id=plan.release_id,
        published_at=published_at,
        clock_at=clock_at,
        contract_version=contract.version,
        contract_fingerprint=contract.fingerprint,
        actor=actor,
    )
    hub.log.add_generation(generation)
    return generation


def _instants(hub: Hub, before: Generation | None) -> tuple[datetime, datetime | None]:
    """`published_at` and `clock_at`: a clock that went backwards makes no release older than the one that it replaces."""
    now = hub.clock.now()
    if before is None or before.published_at <= now:
        return now, None
    return before.published_at, now


def published_as(hub: Hub, contract: Contract, release_id: ReleaseId) -> Generation | None:
    """The generation that this release made, if it got so far before."""
    made = (g for g in reversed(hub.log.generations(contract.name)) if g.kind is GenerationKind.RELEASE)
    return next((generation for generation in made if generation.release_id == release_id), None)


def update_catalog(hub: Hub, contract: Contract) -> Applied:
    """Make the catalog show what is published, until it does: others may publish, and write to the catalog, meanwhile.

    The log is the truth: where the catalog claims a generation that nobody published, it is put right.
    """
    changed, foreign, unpublished = False, list[str](), None
    current = hub.log.current(contract.name)
    while current is not None:
        try:
            view = view_of(hub.log, contract.name, current.partitions, contract)
        except RetentionError:
            newer = hub.log.current(contract.name)
            if newer is None or newer.number == current.number:
                raise
            current = newer
            continue  # it was superseded, and removed, since it was looked up
        applied = hub.catalog.apply(current, view, unpublished=unpublished)
        changed |= applied.changed
        foreign += applied.foreign
        if applied.made and _was_shown(hub, current):
            foreign.append(f"{applied.made}: it was missing; it was made anew")
        # Asked after the catalog: what it claims may have been published since.
        newer = hub.log.current(contract.name)
        unpublished = applied.ahead if newer and (applied.ahead or 0) > newer.number else None
        if newer is None or (newer.number == current.number and not unpublished):
            break
        current = newer  # a slower process may have written what is older by now over parts of what is newer
    return Applied(changed=changed, foreign=tuple(foreign))


def _was_shown(hub: Hub, generation: Generation) -> bool:
    """Whether the catalog followed this generation or the one before: a release has its record only then."""
    before = hub.log.generation(generation.dataset, generation.number - 1) if generation.number > 1 else None
    return any(hub.log.record(each.dataset, each.release_id) for each in (generation, before) if each)


def take_up_again(hub: Hub, contract: Contract, to_generation: int, *, reason: str, actor: str) -> Generation:
    """Publish an older generation's content as a new generation (see `pipeline.rollback`).

    An interrupted call that got so far is only completed: the generation that it made is given back.
    """
    target = hub.log.generation(contract.name, to_generation)
    wanted = target.releases if target else frozenset[ReleaseId]()
    with hub.log.claim(contract.name, wanted, Purpose.USE, hub.clock.now()) as going:
        if going:
            raise RetentionError(
                f"retention is removing the files of release {max(going)} at this moment",
                subject=str(contract.name),
                next_step=f"datahub releases {contract.name}",
            )
        return _take_up(hub, contract, target, to_generation, reason, actor)


def _take_up(
    hub: Hub, contract: Contract, target: Generation | None, to_generation: int, reason: str, actor: str
) -> Generation:
    while True:
        current = hub.log.current(contract.name)
        if current is None or target is None:
            last = current.number if current else 0
            raise UnknownReleaseError(
                f"there is no generation {to_generation}",
                subject=str(contract.name),
                found=f"generations 1 to {last}" if last else "nothing was ever published",
                next_step=f"datahub releases {contract.name}",
            )
        if (current.restores, current.reason) == (to_generation, reason):
            return current
        if dict(target.partitions) == dict(current.partitions):
            raise UnknownReleaseError(
                f"generation {to_generation} is what is published: there is nothing to roll back to",
                subject=str(contract.name),
                found=f"generation {current.number}, release {current.release_id}",
                next_step=f"datahub releases {contract.name}",
            )
        # Raises if some of its files are no longer kept.
        view_of(hub.log, contract.name, target.partitions, contract)
        published_at, clock_at = _instants(hub, current)
        generation = Generation(
            dataset=contract.name,
            number=current.number + 1,
            kind=GenerationKind.ROLLBACK,
            partitions=target.partitions,
            release_id=target.release_id,
            published_at=published_at,
            clock_at=clock_at,
            contract_version=target.contract_version,
            contract_fingerprint=target.contract_fingerprint,
            actor=actor,
            reason=reason,
            restores=to_generation,
        )
        try:
            hub.log.add_generation(generation)
        except AlreadyExistsError:
            continue  # a release came in between; the older content goes on top of it all the same
        return generation
