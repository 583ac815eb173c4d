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
from tests.hubs import SteppingClock, hub_at, orders, put_delivery
from tests.pipeline.processes import PassingAuditor, ids_read

ORDERS = contract(retention=Retention(releases=1, days=1))
DAILY = contract(delivery=by_day(), columns=(), retention=Retention(releases=1, days=1))
FIRST_DAY = NOW + timedelta(days=3650)


def hub_of(root: Path, of: Contract = ORDERS, *, days: float = 0) -> Hub:
    """The hub, so many days after the first."""
    from datahub_dagster.adapters.storage.local import LocalStorage

    storage = LocalStorage(root)
    clock = SteppingClock(FIRST_DAY + timedelta(days=days))
    return hub_at(root, of, storage=storage, auditor=PassingAuditor(storage), clock=clock)


def release(
    root: Path, name: str, *ids: int, of: Contract = ORDERS, days: float = 0, path: str = "x.parquet"
) -> ReleaseId:
    hub = hub_of(root, of, days=days)
    put_delivery(hub, of, name, {path: orders(list(ids))})
    return pipeline.release(hub, of, name, actor="test").release_id


def collect(root: Path, of: Contract = ORDERS, *, days: float) -> list[Removal]:
    return list(pipeline.collect(hub_of(root, of, days=days), of, dry_run=False))


def removed_releases(removals: list[Removal]) -> list[int]:
    return [r.release_id.number for r in removals if r.kind is RemovalKind.RELEASE and r.release_id]


def test_a_release_goes_when_it_is_old_and_not_among_the_last(tmp_path: Path) -> None:
    first = release(tmp_path, "first", 1)
    release(tmp_path, "second", 2)
    assert removed_releases(collect(tmp_path, days=3)) == [1]
    hub = hub_of(tmp_path)
    assert hub.log.file_list(ORDERS.name, first) is None
    assert hub.log.record(ORDERS.name, first) is not None, "its record stays"
    assert ids_read(hub, ORDERS) == [2]
    with pytest.raises(RetentionError):
        pipeline.rollback(hub, ORDERS, 1, reason="x", actor="ann")


def test_what_is_published_stays_however_old_it_is(tmp_path: Path) -> None:
    release(tmp_path, "first", 1)
    assert removed_releases(collect(tmp_path, days=9_000)) == []
    assert ids_read(hub_of(tmp_path), ORDERS) == [1]


def test_a_release_of_which_one_partition_is_still_read_stays(tmp_path: Path) -> None:
    hub = hub_of(tmp_path, DAILY)
    put_delivery(hub, DAILY, "two", {f"day=2026-11-{day}/x.parquet": orders([day]) for day in (17, 18)})
    pipeline.release(hub, DAILY, "two", actor="test")
    release(tmp_path, "one", 99, of=DAILY, path="day=2026-11-18/y.parquet")
    assert removed_releases(collect(tmp_path, DAILY, days=9_000)) == []
    assert ids_read(hub_of(tmp_path, DAILY), DAILY) == [17, 99]


def test_a_superseded_release_stays_for_the_promised_days_after_it_was_last_read(tmp_path: Path) -> None:
    release(tmp_path, "first", 1)
    release(tmp_path, "second", 2, days=100)
    assert removed_releases(collect(tmp_path, days=100.9)) == []
    assert removed_releases(collect(tmp_path, days=101.1)) == [1]


def test_the_last_releases_stay_whatever_their_age(tmp_path: Path) -> None:
    three = contract(retention=Retention(releases=3, days=0))
    for number in range(1, 6):
        release(tmp_path, f"d{number}", number, of=three)
    assert removed_releases(collect(tmp_path, three, days=99)) == [1, 2]


def test_a_retention_of_nothing_still_keeps_what_is_published(tmp_path: Path) -> None:
    none = contract(retention=Retention(releases=0, days=0))
    release(tmp_path, "first", 1, of=none)
    release(tmp_path, "second", 2, of=none)
    assert removed_releases(collect(tmp_path, none, days=1)) == [1]
    assert ids_read(hub_of(tmp_path, none), none) == [2]


def test_a_pinned_release_stays_until_it_is_let_go(tmp_path: Path) -> None:
    first = release(tmp_path, "first", 1)
    release(tmp_path, "second", 2)
    pipeline.pin(hub_of(tmp_path), ORDERS, first, "the auditors look at it")
    assert removed_releases(collect(tmp_path, days=9)) == []
    pipeline.pin(hub_of(tmp_path), ORDERS, first, None)
    assert removed_releases(collect(tmp_path, days=9)) == [1]
    with pytest.raises(UnknownReleaseError, match="no data"):
        pipeline.pin(hub_of(tmp_path), ORDERS, first, "too late")


def test_what_the_catalog_still_shows_stays(tmp_path: Path) -> None:
    none = contract(retention=Retention(releases=1, days=0))
    release(tmp_path, "first", 1, of=none)
    catalog = next((tmp_path / "catalog").rglob("*.json"))
    shown = catalog.read_bytes()
    release(tmp_path, "second", 2, of=none)
    for path in (tmp_path / "catalog").rglob("*.json"):
        path.unlink()
    catalog.write_bytes(shown)  # as if it had crashed before the catalog followed
    assert removed_releases(collect(tmp_path, none, days=9)) == []
    pipeline.reconcile(hub_of(tmp_path, none), none)
    assert removed_releases(collect(tmp_path, none, days=9)) == [1]


def test_a_dry_run_tells_what_would_go_and_removes_nothing(tmp_path: Path) -> None:
    release(tmp_path, "first", 1)
    release(tmp_path, "second", 2)
    before = sorted(tmp_path.rglob("*"))
    told = pipeline.collect(hub_of(tmp_path, days=30), ORDERS, dry_run=True)
    assert sorted(tmp_path.rglob("*")) == before
    assert pipeline.collect(hub_of(tmp_path, days=30), ORDERS, dry_run=False) == told
    assert sum(removal.bytes for removal in told) > 0
    assert pipeline.collect(hub_of(tmp_path, days=30), ORDERS, dry_run=False) == ()


def test_a_released_delivery_leaves_the_inbox_days_after_its_release(tmp_path: Path) -> None:
    release(tmp_path, "first", 1)
    assert collect(tmp_path, days=6) == []
    assert [(r.kind, r.location.name) for r in collect(tmp_path, days=8)] == [(RemovalKind.DELIVERY, "first")]
    assert pipeline.inbox(hub_of(tmp_path), ORDERS) == []


def test_a_delivery_that_lay_long_before_it_was_released_is_not_gone_at_once(tmp_path: Path) -> None:
    put_delivery(hub_of(tmp_path), ORDERS, "late", {"x.parquet": orders([1])})
    pipeline.release(hub_of(tmp_path, days=30), ORDERS, "late", actor="test")
    assert collect(tmp_path, days=31) == []


def test_what_waits_or_was_rejected_stays_in_the_inbox(tmp_path: Path) -> None:
    hub = hub_of(tmp_path)
    put_delivery(hub, ORDERS, "waits", {"x.parquet": orders([1])})
    put_delivery(hub, ORDERS, "partial", {"x.parquet": orders([1])}, complete=False)
    release(tmp_path, "rejected", -1)
    assert [r for r in collect(tmp_path, days=99) if r.kind is RemovalKind.DELIVERY] == []
    states = {entry.delivery: entry.state for entry in pipeline.inbox(hub, ORDERS)}
    assert states == {
        "waits": InboxState.READY,
        "partial": InboxState.INCOMPLETE,
        "rejected": InboxState.HANDLED,
    }


def test_a_delivery_that_is_being_written_anew_under_an_old_name_stays(tmp_path: Path) -> None:
    release(tmp_path, "daily", 1)
    folder = tmp_path / "inbox/payments/orders/daily"
    (folder / "_SUCCESS").unlink()
    later = (FIRST_DAY + timedelta(hours=1)).timestamp()
    os.utime(folder / "x.parquet", (later, later))
    assert collect(tmp_path, days=99) == []


def test_a_staged_release_that_is_under_way_stays(tmp_path: Path) -> None:
    none = contract(retention=Retention(releases=1, days=0))
    release(tmp_path, "first", 1, of=none)
    put_delivery(hub_of(tmp_path, none), none, "second", {"x.parquet": orders([2])})
    hub = hub_of(tmp_path, none)
    seen: list[Removal] = []
    pipeline.release(
        hub,
        none,
        "second",
        actor="test",
        on_step=lambda event: seen.extend(collect(tmp_path, none, days=5) if event.step == "audit" else []),
    )
    assert removed_releases(seen) == []
    assert ids_read(hub, none) == [2]


def test_a_rejected_release_keeps_its_data_for_the_promised_days(tmp_path: Path) -> None:
    release(tmp_path, "first", 1)
    rejected = release(tmp_path, "bad", -1)
    assert hub_of(tmp_path).log.record(ORDERS.name, rejected).state is ReleaseState.REJECTED  # pyright: ignore
    assert removed_releases(collect(tmp_path, days=0.5)) == []
    assert removed_releases(collect(tmp_path, days=2)) == [2]


def test_files_that_never_became_a_release_go_once_nobody_can_take_them_up(tmp_path: Path) -> None:
    first = release(tmp_path, "first", 1)
    folder = tmp_path / "releases/payments/orders"
    (folder / "2036-11-17.7").mkdir()
    (folder / "2036-11-17.7/x.parquet").write_bytes(b"left")
    (folder / str(first) / ".unfinished-0").write_bytes(b"left")
    assert collect(tmp_path, days=-9_000) == [], "too young"
    debris = [r for r in collect(tmp_path, days=3) if r.kind is RemovalKind.DEBRIS]
    assert sorted(removal.location.name for removal in debris) == [".unfinished-0", "2036-11-17.7"]
    assert not list(folder.rglob("*left*"))
    assert not (folder / "2036-11-17.7/x.parquet").exists()
    assert ids_read(hub_of(tmp_path), ORDERS) == [1]


def test_a_claim_that_a_crash_left_behind_ends_after_a_day(tmp_path: Path) -> None:
    first = release(tmp_path, "first", 1)
    release(tmp_path, "second", 2)
    hub = hub_of(tmp_path)
    with hub.log.claim(ORDERS.name, {first}, Purpose.USE, FIRST_DAY + timedelta(days=30)):
        assert removed_releases(collect(tmp_path, days=30)) == []
        assert removed_releases(collect(tmp_path, days=30.9)) == []
        assert removed_releases(collect(tmp_path, days=31.1)) == [1]
    assert hub.storage.list_names(Location("log/payments/orders/claims")) == []


def test_gc_does_not_follow_links(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious.txt").write_text("x")
    release(tmp_path / "hub", "first", 1)
    (tmp_path / "hub/inbox/payments/orders/first/link").symlink_to(outside)
    (tmp_path / "hub/releases/payments/orders/2036-11-17.9").symlink_to(outside)
    collect(tmp_path / "hub", days=99)
    assert (outside / "precious.txt").exists()
