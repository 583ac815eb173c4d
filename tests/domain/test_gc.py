"""What retention lets go, against a simple model: walk through every instant and see what was read."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from datahub_dagster.domain.contract import Retention
from datahub_dagster.domain.gc import removable_releases
from datahub_dagster.domain.names import ReleaseId
from datahub_dagster.domain.release import Generation
from tests.builders import NOW, contract, generation, release_id

ORDERS = contract()
COUNT = 6


@st.composite
def histories(draw: st.DrawFn) -> tuple[dict[ReleaseId, datetime], list[Generation]]:
    """Releases that were received on some day, and generations, each of some of them, in the order of time."""
    received = {release_id(n): NOW + timedelta(days=draw(st.integers(0, 30))) for n in range(1, COUNT + 1)}
    days = sorted(draw(st.lists(st.integers(0, 60), max_size=8)))
    some = st.dictionaries(st.sampled_from("abc"), st.sampled_from(sorted(received)), min_size=1)
    generations = [
        generation(ORDERS, number, partitions=draw(some), published_at=NOW + timedelta(days=day))
        for number, day in enumerate(days, start=1)
    ]
    return {each: received[each] for each in draw(st.sets(st.sampled_from(sorted(received))))}, generations


RETENTIONS = st.builds(Retention, releases=st.integers(0, 5), days=st.integers(0, 40))
PINS = st.frozensets(st.integers(1, COUNT).map(release_id), max_size=2)


def was_read(release: ReleaseId, generations: list[Generation], since: datetime, now: datetime) -> bool:
    """Whether anybody who looked between `since` and `now` could have read the release."""
    for index, each in enumerate(generations):
        until = generations[index + 1].published_at if index + 1 < len(generations) else now
        if release in each.releases and until >= since:
            return True
    return False


@given(histories(), RETENTIONS, PINS, st.integers(60, 120))
def test_a_release_goes_if_and_only_if_nothing_keeps_it(
    history: tuple[dict[ReleaseId, datetime], list[Generation]],
    retention: Retention,
    pinned: frozenset[ReleaseId],
    days: int,
) -> None:
    staged, generations = history
    now = NOW + timedelta(days=days)
    since = now - timedelta(days=retention.days)
    last = {held for each in generations[-max(retention.releases, 1) :] for held in each.releases}
    wanted = {
        release
        for release, received_at in staged.items()
        if release not in pinned
        and release not in last
        and received_at < since
        and not was_read(release, generations, since, now)
    }
    gone = removable_releases(staged, generations, pinned, retention, now)
    assert set(gone) == wanted
    assert list(gone) == sorted(gone)
    if generations:
        assert not generations[-1].releases & set(gone), "what is published stays"


@given(histories(), RETENTIONS, st.integers(60, 90), st.integers(0, 90))
def test_what_may_go_may_still_go_later(
    history: tuple[dict[ReleaseId, datetime], list[Generation]], retention: Retention, days: int, more: int
) -> None:
    staged, generations = history
    now = NOW + timedelta(days=days)
    gone = removable_releases(staged, generations, frozenset(), retention, now)
    later = removable_releases(staged, generations, frozenset(), retention, now + timedelta(days=more))
    assert set(gone) <= set(later)
