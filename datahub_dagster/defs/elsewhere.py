"""What happened to datasets without Dagster's doing: what the sensor `released_elsewhere` decides.

The hub's log is the truth; Dagster's events follow it. Whatever the command line, another scheduler or a run that was
killed left in the log is reported here, once.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from datahub_dagster.domain.names import DatasetName
from datahub_dagster.domain.release import Generation, GenerationKind, ReleaseRecord
from datahub_dagster.ports import ReleaseLog

AT_FIRST_SIGHT = 5  # of a hub that is older than Dagster's database, the newest few are told
LONGEST_AGO = 50  # a delivery so far behind the newest that still has no outcome is not waited for

News = ReleaseRecord | Generation


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Up to where a dataset's log was read: the highest release, those below it that were under way, and the generation."""

    release: int = 0
    open: tuple[int, ...] = ()
    generation: int = 0


def news_of(
    log: ReleaseLog, dataset: DatasetName, seen: Seen | None, can_be_told: Callable[[News], bool | None]
) -> tuple[list[News], Seen]:
    """What is to be reported of a dataset now, oldest first, and what has been seen then.

    Args:
        log: The truth.
        dataset: Whose log is read.
        seen: What was seen before; None = nothing yet.
        can_be_told: True = report it; False = Dagster knows; None = a run may be just about to report it: ask again.
    """
    current = log.current(dataset)
    generation = current.number if current else 0
    on_disk = list(log.releases_on_disk(dataset))
    if seen is None:
        before = on_disk[-AT_FIRST_SIGHT - 1].number if len(on_disk) > AT_FIRST_SIGHT else 0
        seen = Seen(release=before, generation=max(0, generation - AT_FIRST_SIGHT))

    news: list[tuple[datetime, News]] = []
    still_open: list[int] = []
    highest = max((release_id.number for release_id in on_disk), default=0)
    for release_id in on_disk:
        if release_id.number <= seen.release and release_id.number not in seen.open:
            continue
        record = log.record(dataset, release_id)
        told = None if record is None else can_be_told(record)
        if record is not None and told:
            news.append((record.finished_at, record))
        elif told is None and release_id.number > highest - LONGEST_AGO:
            still_open.append(release_id.number)

    seen_generation = generation
    for number in range(seen.generation + 1, generation + 1):
        made = log.generation(dataset, number)
        if made is None or made.kind is not GenerationKind.ROLLBACK:
            continue
        told = can_be_told(made)
        if told:
            news.append((made.published_at, made))
        elif told is None:
            seen_generation = number - 1
            break
    in_order = [each for _, each in sorted(news, key=lambda pair: pair[0])]
    return in_order, Seen(
        release=max(highest, seen.release), open=tuple(still_open), generation=seen_generation
    )


def number_of(news: News) -> int | None:
    """The generation that a release or a rollback made; None for what was not published."""
    return news.number if isinstance(news, Generation) else news.generation


def is_overtaken(news: News, current: Generation | None, all_news: Sequence[News]) -> bool:
    """Whether Dagster has been told of something newer already, so that this must not look like what is published."""
    made = number_of(news)
    if made is None or current is None or made >= current.number:
        return False
    return not any((number_of(other) or 0) == current.number for other in all_news)


def write_cursor(seen: Mapping[DatasetName, Seen]) -> str:
    """What was seen, as the sensor keeps it until its next tick."""
    rows = [[n.source, n.table, s.release, list(s.open), s.generation] for n, s in sorted(seen.items())]
    return json.dumps(rows, separators=(",", ":"))


def read_cursor(text: str | None) -> dict[DatasetName, Seen]:
    """The other way round; empty before the first tick."""
    return {
        DatasetName(source, table): Seen(release=release, open=tuple(still_open), generation=generation)
        for source, table, release, still_open, generation in json.loads(text or "[]")
    }
