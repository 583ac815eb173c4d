"""What was published when, from the generations alone, and how sure that is.

A generation says when it was published by the clock of whoever published it. Where that can't be true (it contradicts most others,
or it is still to come) its instant is only known to lie between those of its neighbours; a generation that is missing may
have held anything. Whoever asks for a state in such a span gets no answer, but the reason.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from datahub_dagster.domain import words
from datahub_dagster.domain.names import ReleaseId
from datahub_dagster.domain.release import Generation, GenerationKind

CLOCK_SKEW = timedelta(minutes=5)
"""What the clocks of two machines may differ by."""

_BEGINNING = datetime.min.replace(tzinfo=UTC)

Holds = Callable[[Generation], bool | None]
"""Whether a generation holds what is asked for; None = nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Whether something was published at an instant.

    Args:
        held: None = nobody knows, and `reason` says why.
        at: Since when it was held (UTC); if it was not, when it came afterwards; None = it did not.
    """

    held: bool | None
    at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A span in which the same content is published: `earliest` and `latest` bound its first publication. All UTC.

    Both are None before anything was published. `fault` says why the content, or its age, is not known.
    """

    since: datetime
    until: datetime
    earliest: datetime | None = None
    latest: datetime | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The generations of a dataset in order, each with the bounds between which it was published.

    Ask `Timeline.of` for one. What is missing from the numbers stands as None among `generations`.

    Args:
        earliest: The first instant (UTC) at which each can have been published; `latest` the last. They are the same, unless
            `faults` says why nobody knows.
        released: Between which instants each release was first published.
    """

    generations: tuple[Generation | None, ...]
    earliest: tuple[datetime, ...]
    latest: tuple[datetime, ...]
    faults: tuple[str, ...]
    released: Mapping[ReleaseId, tuple[datetime, datetime]]

    @classmethod
    def of(cls, generations: Sequence[Generation], now: datetime) -> "Timeline":
        """What was published when, as it is known at `now`. The generations may come in any order."""
        ordered = sorted(map(_as_the_clock_said, generations), key=lambda generation: generation.number)
        faults = _clock_faults(ordered, now)
        found: list[Generation | None] = []
        earliest: list[datetime] = []
        reasons: list[str] = []
        last, number = _BEGINNING, 0
        for generation, fault in zip(ordered, faults, strict=True):
            if generation.number > number + 1:
                found.append(None)
                earliest.append(last)
                reasons.append(_missing(number + 1, generation.number - 1))
            if not fault:
                last = max(last, generation.published_at)
            found.append(generation)
            earliest.append(last)
            reasons.append(fault)
            number = generation.number
        latest: list[datetime] = []
        bound = max(now, last)
        for first_possible, reason in zip(reversed(earliest), reversed(reasons), strict=True):
            bound = bound if reason else first_possible
            latest.append(bound)
        latest.reverse()
        released: dict[ReleaseId, tuple[datetime, datetime]] = {}
        for generation, low, high in zip(found, earliest, latest, strict=True):
            if generation is not None and generation.kind is GenerationKind.RELEASE:
                released.setdefault(generation.release_id, (low, high))
        return cls(
            generations=tuple(found),
            earliest=tuple(earliest),
            latest=tuple(latest),
            faults=tuple(reasons),
            released=released,
        )

    @property
    def first_at(self) -> datetime | None:
        """When the first release that is known of was published (UTC); None = never. Of two possible instants the later."""
        known = (
            at for generation, at in zip(self.generations, self.latest, strict=True) if generation is not None
        )
        return next(known, None)

    def ask(self, at: datetime, holds: Holds) -> Answer:
        """Whether the generation that was published at an instant holds something, and else when it came."""
        sure = bisect_right(self.latest, at) - 1  # published for certain; -1 = nothing was
        last = bisect_right(self.earliest, at) - 1  # what may have been published since
        held = self._holds(sure, holds)
        if any(self._holds(index, holds) is not held for index in range(sure + 1, last + 1)) or held is None:
            return Answer(held=None, reason=self._why_unknown(sure, last))
        if held:
            while sure > 0 and self._holds(sure - 1, holds):
                sure -= 1
            return Answer(held=True, at=self.latest[sure])
        later = (index for index in range(last + 1, len(self.generations)) if self._holds(index, holds))
        came = next(later, None)
        return Answer(held=False, at=None if came is None else self.latest[came])

    def was_released_since(self, release_id: ReleaseId, since: datetime) -> bool | None:
        """Whether a release was first published at or after an instant; None = nobody knows."""
        if (bounds := self.released.get(release_id)) is None:
            return None
        earliest, latest = bounds
        if (earliest >= since) is not (latest >= since):
            return None
        return earliest >= since

    def pieces(self, since: datetime, until: datetime) -> Iterator[Piece]:
        """What was published from one instant to another, piece by piece, without holes."""
        at, count = since, len(self.generations)
        while at < until:
            sure, last = bisect_right(self.latest, at) - 1, bisect_right(self.earliest, at) - 1
            end = until
            if sure + 1 < count:
                end = min(end, self.latest[sure + 1])
            if last + 1 < count:
                end = min(end, self.earliest[last + 1])
            yield self._piece(at, end, sure, last)
            at = end

    @property
    def content_at(self) -> datetime | None:
        """When what is published now was first released (UTC); None = nothing is, or nobody knows."""
        newest = self.generations[-1] if self.generations else None
        bounds = self.released.get(newest.release_id) if newest else None
        return bounds[0] if bounds and bounds[0] == bounds[1] else None

    def _piece(self, since: datetime, until: datetime, sure: int, last: int) -> Piece:
        if sure != last:
            return Piece(since=since, until=until, fault=self._why_unknown(sure, last))
        generation = self.generations[sure] if sure >= 0 else None
        if generation is None:
            return Piece(since=since, until=until)
        if (bounds := self.released.get(generation.release_id)) is None:
            return Piece(since=since, until=until, fault=_own_generation_missing(generation))
        return Piece(since=since, until=until, earliest=bounds[0], latest=bounds[1])

    def _holds(self, index: int, holds: Holds) -> bool | None:
        if index < 0:
            return False
        generation = self.generations[index]
        return None if generation is None else holds(generation)

    def _why_unknown(self, sure: int, last: int) -> str:
        for index in range(max(sure, 0), last + 1):
            if self.faults[index]:
                return self.faults[index]
        generation = self.generations[last]
        assert generation is not None
        return _own_generation_missing(generation)


def _as_the_clock_said(generation: Generation) -> Generation:
    return replace(generation, published_at=generation.clock_at) if generation.clock_at else generation


def _clock_faults(ordered: Sequence[Generation], now: datetime) -> list[str]:
    """For each generation why its instant can't be relied on; empty if it can."""
    faults = [""] * len(ordered)
    for index, generation in enumerate(ordered):
        if generation.published_at > now + CLOCK_SKEW:
            said = words.instant(generation.published_at)
            faults[index] = (
                f"generation {generation.number} says that it was published at {said}, which is still to come: a clock is wrong"
            )
    past = [index for index, fault in enumerate(faults) if not fault]
    newest: Generation | None = None
    for index in past:
        generation = ordered[index]
        if newest is not None and newest.published_at > generation.published_at + CLOCK_SKEW:
            faults[index] = _backwards(newest, generation)
        if newest is None or generation.published_at > newest.published_at:
            newest = generation
    oldest: Generation | None = None
    for index in reversed(past):
        generation = ordered[index]
        if oldest is not None and oldest.published_at < generation.published_at - CLOCK_SKEW:
            faults[index] = faults[index] or _backwards(generation, oldest)
        if oldest is None or generation.published_at < oldest.published_at:
            oldest = generation
    if any(faults[index] for index in past):
        agree = _in_every_longest_run([ordered[index].published_at for index in past])
        for index, is_in_all in zip(past, agree, strict=True):
            faults[index] = "" if is_in_all else faults[index]
    return faults


def _in_every_longest_run(instants: Sequence[datetime]) -> list[bool]:
    """For each instant whether no longest choice of instants that never run backwards does without it.

    One clock that is wrong makes nobody doubt a hundred that agree. Of two that contradict each other, both are doubtful.
    """
    lifted: list[int] = []
    for instant in instants:
        at = (instant - _BEGINNING) // timedelta(microseconds=1)
        is_skew = lifted and lifted[-1] - CLOCK_SKEW // timedelta(microseconds=1) <= at < lifted[-1]
        lifted.append(lifted[-1] if is_skew else at)
    until, since = _run_lengths(lifted), _run_lengths([-at for at in reversed(lifted)])[::-1]
    longest = max(until, default=0)
    places = [
        place if place + rest - 1 == longest else 0 for place, rest in zip(until, since, strict=True)
    ]  # in a longest run; 0 = in none
    alone = Counter(places)
    return [place > 0 and alone[place] == 1 for place in places]


def _run_lengths(numbers: Sequence[int]) -> list[int]:
    """For each number how long a choice of numbers up to it can be that never goes down."""
    last: list[int] = []
    lengths: list[int] = []
    for number in numbers:
        place = bisect_right(last, number)
        last[place : place + 1] = [number]
        lengths.append(place + 1)
    return lengths


def _backwards(before: Generation, after: Generation) -> str:
    return (
        f"a clock ran backwards: generation {before.number} says {words.instant(before.published_at)}, "
        f"generation {after.number} after it {words.instant(after.published_at)}"
    )


def _missing(first: int, last: int) -> str:
    if first == last:
        return f"generation {first} is missing from the log"
    return f"generations {first} to {last} are missing from the log"


def _own_generation_missing(generation: Generation) -> str:
    return (
        f"generation {generation.number} shows release {generation.release_id} again, and nobody knows when "
        f"that was published first"
    )
