"""Killed at any point, then called again: ends where an undisturbed call would, and nobody ever saw anything half done."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from datahub_dagster import pipeline
from datahub_dagster.domain.inbox import InboxState
from datahub_dagster.domain.names import Location
from datahub_dagster.ports import Hub
from tests.hubs import orders, put_delivery
from tests.pipeline.acts import ACTS, ORDERS, Act
from tests.pipeline.processes import ids_read, survives
from tests.pipeline.where import HubOnDisk, Where, somewhere

_MOST_POINTS = 400


@pytest.fixture(params=["on disk", pytest.param("on aws", marks=pytest.mark.aws)])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Where]:
    with somewhere(request, tmp_path) as found:
        yield found


@pytest.mark.parametrize("name", ACTS)
def test_killed_before_any_change_and_called_again_it_ends_as_if_undisturbed(name: str, where: Where) -> None:
    act = ACTS[name]
    act.prepare(where)
    undisturbed = where.copied("undisturbed", act.of)
    act.do(undisturbed.hub(act.of, years=11), undisturbed)
    wanted = undisturbed.state()
    assert ids_read(undisturbed.hub(act.of), act.of) == act.after

    for point in range(1, _MOST_POINTS):
        copy = where.copied(f"killed-{point}", act.of)
        survived = survives(point, lambda killer, copy=copy: act.do(copy.hub(act.of, killer, years=11), copy))
        nothing_half_done(act, copy)
        mender = copy.hub(act.of, years=11)
        if point % 2:
            pipeline.reconcile(mender, act.of)  # as the schedule would, in between; it must not be in the way
            nothing_half_done(act, copy)
        act.do(mender, copy)
        assert copy.state() == wanted, f"killed before change {point}"
        assert ids_read(copy.hub(act.of), act.of) == act.after
        copy.remove()
        if survived:
            assert point > 1  # it was killed at least once
            return
    pytest.fail(f"still killed at change {_MOST_POINTS}")


@pytest.mark.parametrize("name", ["a release that replaces", "a release of partitions"])
def test_killed_twice_at_different_points_it_still_ends_as_if_undisturbed(name: str, where: Where) -> None:
    act = ACTS[name]
    act.prepare(where)
    undisturbed = where.copied("undisturbed", act.of)
    act.do(undisturbed.hub(act.of, years=11), undisturbed)
    wanted = undisturbed.state()
    on_disk = [(6, 3), (14, 9), (14, 22), (22, 5), (30, 3), (30, 12), (40, 2)]
    on_aws = [(3, 2), (7, 4), (9, 1)]  # a release makes fewer requests that change something
    for first, second in on_disk if isinstance(where, HubOnDisk) else on_aws:
        copy = where.copied(f"killed-{first}-{second}", act.of)
        for point in (first, second):
            survives(point, lambda killer, copy=copy: act.do(copy.hub(act.of, killer, years=11), copy))
            nothing_half_done(act, copy)
        act.do(copy.hub(act.of, years=11), copy)
        assert copy.state() == wanted, f"killed before changes {first} and {second}"


def test_a_release_that_was_published_but_not_recorded_gets_the_same_record_from_reconcile(
    where: Where,
) -> None:
    act = ACTS["a release of partitions"]
    act.prepare(where)
    undisturbed = where.copied("undisturbed", act.of)
    act.do(undisturbed.hub(act.of, years=11), undisturbed)
    mended = set[bool]()
    for point in range(1, _MOST_POINTS):
        copy = where.copied(f"killed-{point}", act.of)
        survived = survives(point, lambda killer, copy=copy: act.do(copy.hub(act.of, killer, years=11), copy))
        hub = copy.hub(act.of, years=12)
        is_published = len(hub.log.generations(act.of.name)) == 2
        pipeline.reconcile(hub, act.of)
        if is_published:
            mended.add(survived)
            assert copy.state() == undisturbed.state()
        assert pipeline.reconcile(hub, act.of) == []
        if survived:
            break
    assert mended == {False, True}


def test_a_delivery_that_is_removed_is_never_taken_for_half_a_delivery(where: Where) -> None:
    hub = where.hub(ORDERS)
    put_delivery(hub, ORDERS, "big", {f"part-{n}.parquet": orders([n]) for n in range(5)})
    pipeline.release(hub, ORDERS, "big", actor="test")
    for point in range(1, _MOST_POINTS):
        copy = where.copied(f"killed-{point}", ORDERS)
        later = copy.hub(ORDERS, years=11)
        survived = survives(
            point, lambda killer, copy=copy: collect_orders(copy.hub(ORDERS, killer, years=11))
        )
        assert all(entry.state is not InboxState.READY for entry in pipeline.inbox(later, ORDERS))
        collect_orders(later)
        assert pipeline.inbox(later, ORDERS) == []
        assert ids_read(later, ORDERS) == [0, 1, 2, 3, 4]
        if survived:
            return
    pytest.fail("never came to an end")


def test_what_a_crash_left_behind_is_removed_by_gc_once_it_is_old(tmp_path: Path) -> None:
    act = ACTS["a release that replaces"]
    (tmp_path / "prepared").mkdir()
    where = HubOnDisk(tmp_path / "prepared")
    act.prepare(where)
    left = 0
    for point in range(1, 60, 3):
        copy = where.copied(f"killed-{point}", act.of)
        survives(point, lambda killer, copy=copy: act.do(copy.hub(act.of, killer, years=11), copy))
        left += len(list(copy.root.rglob(".unfinished-*")))
        hub = copy.hub(act.of, years=12)
        pipeline.collect(hub, act.of, dry_run=False)
        assert not list(copy.root.rglob(".unfinished-*"))
        if pipeline.inbox(hub, act.of):  # else it was released, and its delivery was old enough to go
            act.do(hub, copy)
        assert ids_read(hub, act.of) == act.after
    assert left >= 5


def collect_orders(hub: Hub) -> None:
    pipeline.collect(hub, ORDERS, dry_run=False)


def nothing_half_done(act: Act, where: Where) -> None:
    """What readers and programs see at the moment of the crash."""
    hub = where.hub(act.of)
    assert ids_read(hub, act.of) in (act.before, act.after)
    if isinstance(where, HubOnDisk):
        for folder in {path.rpartition("/")[0] for path in where.place.files()}:
            assert not any("unfinished" in name for name in hub.storage.list_names(Location(folder)))
    for release_id in hub.log.releases_on_disk(act.of.name):
        staged = hub.log.file_list(act.of.name, release_id)
        for file in staged.files if staged else ():
            assert hub.storage.checksum(Location(file.path)) == file.sha256
    for entry in pipeline.inbox(hub, act.of):
        if entry.delivery == "handed" and entry.state is not InboxState.INCOMPLETE:
            assert entry.files == 2
    assert not pipeline.status(hub)[0].problem
