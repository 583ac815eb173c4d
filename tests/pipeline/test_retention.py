"""What gc removes, and what it never does."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from datahub_dagster import pipeline
from datahub_dagster.domain.contract import Contract, Retention
from datahub_dagster.domain.gc import Removal, RemovalKind
from datahub_dagster.domain.inbox import InboxState
from datahub_dagster.domain.names import Location, ReleaseId
from datahub_dagster.domain.release import ReleaseState
from datahub_dagster.errors import RetentionError, UnknownReleaseError
from datahub_dagster.ports import Hub, Purpose
from tests.builders import NOW, by_day, contract
from tests.hubs import SteppingClock, orders, put_delivery
from tests.pipeline.processes import PassingAuditor, ids_read
from tests.places import OnDisk, Place

ORDERS = contract(retention=Retention(releases=1, days=1))
DAILY = contract(delivery=by_day(), columns=(), retention=Retention(releases=1, days=1))
FIRST_DAY = NOW + timedelta(days=3650)


def hub_of(place: Place, of: Contract = ORDERS, *, days: float = 0) -> Hub:
    """The hub, so many days after the first."""
    clock = SteppingClock(FIRST_DAY + timedelta(days=days))
    return place.hub(of, auditor=PassingAuditor(place.storage()), clock=clock)


def release(
    place: Place, name: str, *ids: int, of: Contract = ORDERS, days: float = 0, path: str = "x.parquet"
) -> ReleaseId:
    hub = hub_of(place, of, days=days)
    put_delivery(hub, of, name, {path: orders(list(ids))})
    return pipeline.release(hub, of, name, actor="test").release_id


def collect(place: Place, of: Contract = ORDERS, *, days: float) -> list[Removal]:
    return list(pipeline.collect(hub_of(place, of, days=days), of, dry_run=False))


def removed_releases(removals: list[Removal]) -> list[int]:
    return [r.release_id.number for r in removals if r.kind is RemovalKind.RELEASE and r.release_id]


def test_a_release_goes_when_it_is_old_and_not_among_the_last(place: Place) -> None:
    first = release(place, "first", 1)
    release(place, "second", 2)
    assert removed_releases(collect(place, days=3)) == [1]
    hub = hub_of(place)
    assert hub.log.file_list(ORDERS.name, first) is None
    assert hub.log.record(ORDERS.name, first) is not None, "its record stays"
    assert ids_read(hub, ORDERS) == [2]
    with pytest.raises(RetentionError):
        pipeline.rollback(hub, ORDERS, 1, reason="x", actor="ann")


def test_what_is_published_stays_however_old_it_is(place: Place) -> None:
    release(place, "first", 1)
    assert removed_releases(collect(place, days=9_000)) == []
    assert ids_read(hub_of(place), ORDERS) == [1]


def test_a_release_of_which_one_partition_is_still_read_stays(place: Place) -> None:
    hub = hub_of(place, DAILY)
    put_delivery(hub, DAILY, "two", {f"day=2026-11-{day}/x.parquet": orders([day]) for day in (17, 18)})
    pipeline.release(hub, DAILY, "two", actor="test")
    release(place, "one", 99, of=DAILY, path="day=2026-11-18/y.parquet")
    assert removed_releases(collect(place, DAILY, days=9_000)) == []
    assert ids_read(hub_of(place, DAILY), DAILY) == [17, 99]


def test_a_superseded_release_stays_for_the_promised_days_after_it_was_last_read(place: Place) -> None:
    release(place, "first", 1)
    release(place, "second", 2, days=100)
    assert removed_releases(collect(place, days=100.9)) == []
    assert removed_releases(collect(place, days=101.1)) == [1]


def test_the_last_releases_stay_whatever_their_age(place: Place) -> None:
    three = contract(retention=Retention(releases=3, days=0))
    for number in range(1, 6):
        release(place, f"d{number}", number, of=three)
    assert removed_releases(collect(place, three, days=99)) == [1, 2]


def test_a_retention_of_nothing_still_keeps_what_is_published(place: Place) -> None:
    none = contract(retention=Retention(releases=0, days=0))
    release(place, "first", 1, of=none)
    release(place, "second", 2, of=none)
    assert removed_releases(collect(place, none, days=1)) == [1]
    assert ids_read(hub_of(place, none), none) == [2]


def test_a_pinned_release_stays_until_it_is_let_go(place: Place) -> None:
    first = release(place, "first", 1)
    release(place, "second", 2)
    pipeline.pin(hub_of(place), ORDERS, first, "the auditors look at it")
    assert removed_releases(collect(place, days=9)) == []
    pipeline.pin(hub_of(place), ORDERS, first, None)
    assert removed_releases(collect(place, days=9)) == [1]
    with pytest.raises(UnknownReleaseError, match="no data"):
        pipeline.pin(hub_of(place), ORDERS, first, "too late")


def test_what_the_catalog_still_shows_stays(tmp_path: Path) -> None:
    none = contract(retention=Retention(releases=1, days=0))
    release(OnDisk(tmp_path), "first", 1, of=none)
    catalog = next((tmp_path / "catalog").rglob("*.json"))
    shown = catalog.read_bytes()
    release(OnDisk(tmp_path), "second", 2, of=none)
    for path in (tmp_path / "catalog").rglob("*.json"):
        path.unlink()
    catalog.write_bytes(shown)  # as if it had crashed before the catalog followed
    assert removed_releases(collect(OnDisk(tmp_path), none, days=9)) == []
    pipeline.reconcile(hub_of(OnDisk(tmp_path), none), none)
    assert removed_releases(collect(OnDisk(tmp_path), none, days=9)) == [1]


def test_a_dry_run_tells_what_would_go_and_removes_nothing(tmp_path: Path) -> None:
    release(OnDisk(tmp_path), "first", 1)
    release(OnDisk(tmp_path), "second", 2)
    before = sorted(tmp_path.rglob("*"))
    told = pipeline.collect(hub_of(OnDisk(tmp_path), days=30), ORDERS, dry_run=True)
    assert sorted(tmp_path.rglob("*")) == before
    assert pipeline.collect(hub_of(OnDisk(tmp_path), days=30), ORDERS, dry_run=False) == told
    assert sum(removal.bytes for removal in told) > 0
    assert pipeline.collect(hub_of(OnDisk(tmp_path), days=30), ORDERS, dry_run=False) == ()


def test_a_released_delivery_leaves_the_inbox_days_after_its_release(tmp_path: Path) -> None:
    release(OnDisk(tmp_path), "first", 1)
    assert collect(OnDisk(tmp_path), days=6) == []
    assert [(r.kind, r.location.name) for r in collect(OnDisk(tmp_path), days=8)] == [
        (RemovalKind.DELIVERY, "first")
    ]
    assert pipeline.inbox(hub_of(OnDisk(tmp_path)), ORDERS) == []


def test_a_delivery_that_lay_long_before_it_was_released_is_not_gone_at_once(place: Place) -> None:
    put_delivery(hub_of(place), ORDERS, "late", {"x.parquet": orders([1])})
    pipeline.release(hub_of(place, days=30), ORDERS, "late", actor="test")
    assert collect(place, days=31) == []


def test_what_waits_or_was_rejected_stays_in_the_inbox(place: Place) -> None:
    hub = hub_of(place)
    put_delivery(hub, ORDERS, "waits", {"x.parquet": orders([1])})
    put_delivery(hub, ORDERS, "partial", {"x.parquet": orders([1])}, complete=False)
    release(place, "rejected", -1)
    assert [r for r in collect(place, days=99) if r.kind is RemovalKind.DELIVERY] == []
    states = {entry.delivery: entry.state for entry in pipeline.inbox(hub, ORDERS)}
    assert states == {
        "waits": InboxState.READY,
        "partial": InboxState.INCOMPLETE,
        "rejected": InboxState.HANDLED,
    }


def test_a_delivery_that_is_being_written_anew_under_an_old_name_stays(tmp_path: Path) -> None:
    release(OnDisk(tmp_path), "daily", 1)
    folder = tmp_path / "inbox/payments/orders/daily"
    (folder / "_SUCCESS").unlink()
    later = (FIRST_DAY + timedelta(hours=1)).timestamp()
    os.utime(folder / "x.parquet", (later, later))
    assert collect(OnDisk(tmp_path), days=99) == []


def test_a_staged_release_that_is_under_way_stays(place: Place) -> None:
    none = contract(retention=Retention(releases=1, days=0))
    release(place, "first", 1, of=none)
    put_delivery(hub_of(place, none), none, "second", {"x.parquet": orders([2])})
    hub = hub_of(place, none)
    seen: list[Removal] = []
    pipeline.release(
        hub,
        none,
        "second",
        actor="test",
        on_step=lambda event: seen.extend(collect(place, none, days=5) if event.step == "audit" else []),
    )
    assert removed_releases(seen) == []
    assert ids_read(hub, none) == [2]


def test_a_rejected_release_keeps_its_data_for_the_promised_days(place: Place) -> None:
    release(place, "first", 1)
    rejected = release(place, "bad", -1)
    assert hub_of(place).log.record(ORDERS.name, rejected).state is ReleaseState.REJECTED  # pyright: ignore
    assert removed_releases(collect(place, days=0.5)) == []
    assert removed_releases(collect(place, days=2)) == [2]


def test_files_that_never_became_a_release_go_once_nobody_can_take_them_up(tmp_path: Path) -> None:
    first = release(OnDisk(tmp_path), "first", 1)
    folder = tmp_path / "releases/payments/orders"
    (folder / "2036-11-17.7").mkdir()
    (folder / "2036-11-17.7/x.parquet").write_bytes(b"left")
    (folder / str(first) / ".unfinished-0").write_bytes(b"left")
    assert collect(OnDisk(tmp_path), days=-9_000) == [], "too young"
    debris = [r for r in collect(OnDisk(tmp_path), days=3) if r.kind is RemovalKind.DEBRIS]
    assert sorted(removal.location.name for removal in debris) == [".unfinished-0", "2036-11-17.7"]
    assert not list(folder.rglob("*left*"))
    assert not (folder / "2036-11-17.7/x.parquet").exists()
    assert ids_read(hub_of(OnDisk(tmp_path)), ORDERS) == [1]


def test_a_claim_that_a_crash_left_behind_ends_after_a_day(place: Place) -> None:
    first = release(place, "first", 1)
    release(place, "second", 2)
    hub = hub_of(place)
    with hub.log.claim(ORDERS.name, {first}, Purpose.USE, FIRST_DAY + timedelta(days=30)):
        assert removed_releases(collect(place, days=30)) == []
        assert removed_releases(collect(place, days=30.9)) == []
        assert removed_releases(collect(place, days=31.1)) == [1]
    assert hub.storage.list_names(Location("log/payments/orders/claims")) == []


def test_gc_does_not_follow_links(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious.txt").write_text("x")
    release(OnDisk(tmp_path / "hub"), "first", 1)
    (tmp_path / "hub/inbox/payments/orders/first/link").symlink_to(outside)
    (tmp_path / "hub/releases/payments/orders/2036-11-17.9").symlink_to(outside)
    collect(OnDisk(tmp_path / "hub"), days=99)
    assert (outside / "precious.txt").exists()
