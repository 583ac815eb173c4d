"""The plan of a release: a value before it is an act. `datahub release --dry-run` prints the object that the runner walks."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from datahub_dagster.domain.names import DatasetName, ReleaseId
from datahub_dagster.domain.release import WHOLE, Generation, GenerationKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePlan:
    """What publishing a release would change, seen from one generation.

    Args:
        base_generation: Number of the generation that it starts from; 0 = nothing is published yet.
        next_partitions: Partition → release, as it would be afterwards.
        added: Keys that are new. `replaced`: keys whose content changes. `kept`: how many stay as they are.
        removed: Keys that nobody could read afterwards (a full delivery without them).
        overtaken: Keys that a later delivery has published already; this release leaves them alone.
    """

    dataset: DatasetName
    release_id: ReleaseId
    base_generation: int
    next_partitions: Mapping[str, ReleaseId]
    added: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    overtaken: tuple[str, ...] = ()
    kept: int = 0

    @property
    def changes_nothing(self) -> bool:
        """Whether later deliveries have taken every partition that it brings."""
        return not self.added and not self.replaced and not self.removed

    @property
    def next_generation(self) -> int:
        """The generation that it would make."""
        return self.base_generation + 1


def build_plan(
    dataset: DatasetName,
    release_id: ReleaseId,
    brought: Sequence[str],
    current: Generation | None,
    *,
    replaces_all: bool,
    is_dropped: bool = False,
) -> ReleasePlan:
    """What publishing `release_id` with the partitions `brought` would do to the dataset as it is now.

    A partition that a later received delivery holds already is left alone: two deliveries released at once end as if they
    had come one after the other. A rolled-back partition is held by an older release, so that new deliveries go on top.

    Args:
        dataset: The dataset that is released.
        release_id: The release that would be published.
        brought: Keys of the partitions in the release; `(WHOLE,)` where there are none.
        current: What is published now.
        replaces_all: Whether the release is the whole dataset (mode `replace`, or a full delivery).
        is_dropped: Whether `is_replaced_whole`: then what this release would add is what the later one dropped.
    """
    held = dict(current.partitions) if current else {}
    later = {key for key, holder in held.items() if holder.number > release_id.number}
    overtaken = tuple(sorted(key for key in brought if key in later))
    if is_dropped or (replaces_all and later and (WHOLE in later or WHOLE in brought)):
        overtaken = tuple(sorted(brought))
    taken = [key for key in sorted(brought) if key not in overtaken]
    drops = replaces_all and not is_dropped and (taken or WHOLE not in brought)
    removed = tuple(sorted(key for key in held if key not in brought and key not in later)) if drops else ()
    after = {key: held[key] for key in held if key not in removed} | dict.fromkeys(taken, release_id)
    return ReleasePlan(
        dataset=dataset,
        release_id=release_id,
        base_generation=current.number if current else 0,
        next_partitions=dict(sorted(after.items())),
        added=tuple(key for key in taken if key not in held),
        replaced=tuple(key for key in taken if key in held),
        removed=removed,
        overtaken=overtaken,
        kept=len(after) - len(taken),
    )


def is_replaced_whole(
    release_id: ReleaseId,
    whole: Collection[ReleaseId],
    generations: Sequence[Generation],
    overtaken: Collection[ReleaseId] = (),
) -> bool:
    """Whether what is published rests on a whole delivery that was received after this one.

    Args:
        release_id: A release that is still to be published.
        whole: The releases that are, or were, the whole dataset.
        overtaken: Those of them that still later deliveries had replaced before they could be published.
        generations: All generations, by number. A rollback rests on what the generation rested on that it took up again.
    """
    if any(each.number > release_id.number for each in overtaken):
        return True
    later = {each for each in whole if each.number > release_id.number}
    by_number = {generation.number: generation for generation in generations}
    generation = generations[-1] if generations and later else None
    while generation is not None:
        if generation.kind is GenerationKind.RELEASE and generation.release_id in later:
            return True
        before = generation.restores if generation.restores is not None else generation.number - 1
        generation = by_number.get(before)
    return False
