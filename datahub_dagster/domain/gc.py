"""What retention removes, as a plan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from datahub_dagster.domain.contract import Retention
from datahub_dagster.domain.names import DatasetName, Location, ReleaseId
from datahub_dagster.domain.release import Generation


class RemovalKind(StrEnum):
    """What is removed."""

    RELEASE = "release"
    DEBRIS = "debris"
    DELIVERY = "delivery"


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """One folder to empty. A release loses its data; its record stays."""

    kind: RemovalKind
    dataset: DatasetName
    location: Location
    bytes: int
    reason: str
    release_id: ReleaseId | None = None


def removable_releases(
    staged: Mapping[ReleaseId, datetime],
    generations: Sequence[Generation],
    pinned: frozenset[ReleaseId],
    retention: Retention,
    now: datetime,
) -> tuple[ReleaseId, ...]:
    """Releases whose data retention lets go, by number.

    A release stays while it is read in the published generation, is pinned, belongs to one of the newest
    `retention.releases` generations, or was read (or staged, if never published) within the last `retention.days` days.

    Args:
        staged: Releases whose data are kept, with the time (UTC) at which they were received.
        generations: All generations of the dataset, by number.
        pinned: Releases that somebody asked to keep.
        retention: The contract's minimums; both must allow a removal.
        now: This instant, UTC.
    """
    newest = set[ReleaseId]()
    for generation in generations[-max(retention.releases, 1) :]:
        newest |= generation.releases
    horizon = now - timedelta(days=retention.days)
    last_read_at: dict[ReleaseId, datetime] = dict(staged)
    for index, generation in enumerate(generations):
        until = generations[index + 1].published_at if index + 1 < len(generations) else now
        for release_id in generation.releases:
            last_read_at[release_id] = max(last_read_at.get(release_id, until), until)
    return tuple(
        sorted(
            release_id
            for release_id in staged
            if release_id not in newest and release_id not in pinned and last_read_at[release_id] < horizon
        )
    )
