"""Killed at any point, then called again: ends where an undisturbed call would, and nobody ever saw anything half done."""

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from datahub_dagster import pipeline
from datahub_dagster.domain.contract import Contract, Retention
from datahub_dagster.domain.inbox import InboxState
from datahub_dagster.domain.names import Location
from datahub_dagster.ports import Hub
from tests.builders import NOW, by_day, column, contract
from tests.hubs import SteppingClock, hub_at, orders, put_delivery
from tests.pipeline.processes import HalfCopies, Killer, PassingAuditor, ids_read, survives

ORDERS = contract()
KEPT_SHORTLY = contract(retention=Retention(releases=1, days=1))
DAILY = contract(
    delivery=by_day(), columns=(column("id", "bigint"), column("amount", "double"), column("day", "date"))
)
_MOST_POINTS = 400


def hub_of(root: Path, of: Contract, killer: Killer | None = None, *, years: int = 10) -> Hub:
    storage = HalfCopies(root)
    storage.killer = killer
    clock = SteppingClock(NOW + timedelta(days=365 * years))
    return hub_at(root, of, storage=storage, auditor=PassingAuditor(storage), clock=clock)


def released(root: Path, of: Contract, *deliveries: tuple[str, list[int]], years: int = 10) -> None:
    hub = hub_of(root, of, years=years)
    for name, ids in deliveries:
        put_delivery(hub, of, name, {"part-0.parquet": orders(ids)})
        pipeline.release(hub, of, name, actor="test")


# --- What is done, and to what ---------------------------------------------------------------------------------------


@dataclass
class Act:
    """A command, what it is given, and what a reader may see before and after it."""

    of: Contract
    prepare: Callable[[Path], object]
    do: Callable[[Hub, Path], object]
    before: list[int]
    after: list[int]


def first_release(root: Path) -> None:
    put_delivery(hub_of(root, ORDERS), ORDERS, "next", {"a.parquet": orders([2]), "b.parquet": orders([3])})


def replacing_release(root: Path) -> None:
    released(root, ORDERS, ("first", [1]))
    put_delivery(hub_of(root, ORDERS), ORDERS, "next", {"a.parquet": orders([2]), "b.parquet": orders([3])})


def partitioned_release(root: Path) -> None:
    hub = hub_of(root, DAILY)
    put_delivery(hub, DAILY, "first", {f"day=2026-11-{day}/x.parquet": orders([day]) for day in (17, 18)})
    pipeline.release(hub, DAILY, "first", actor="test")
    put_delivery(hub, DAILY, "next", {f"day=2026-11-{day}/x.parquet": orders([day * 10]) for day in (18, 19)})


def full_release(root: Path) -> None:
    hub = hub_of(root, DAILY)
    put_delivery(hub, DAILY, "first", {f"day=2026-11-{day}/x.parquet": orders([day]) for day in (17, 18)})
    pipeline.release(hub, DAILY, "first", actor="test")
    put_delivery(hub, DAILY, "next", {"day=2026-11-19/x.parquet": orders([19])}, full=True)


def blocked_release(root: Path) -> None:
    released(root, ORDERS, ("first", [1]))
    put_delivery(hub_of(root, ORDERS), ORDERS, "next", {"part-0.parquet": orders([-2])})


def broken_release(root: Path) -> None:
    released(root, ORDERS, ("first", [1]))
    put_delivery(hub_of(root, ORDERS), ORDERS, "next", {"part-0.parquet": b"no Parquet"})


def repeated_release(root: Path) -> None:
    released(root, ORDERS, ("first", [1]))
    put_delivery(hub_of(root, ORDERS), ORDERS, "next", {"renamed.parquet": orders([1])})


def to_roll_back(root: Path) -> None:
    released(root, ORDERS, ("first", [1]), ("second", [2]))


def to_collect(root: Path) -> None:
    released(root, KEPT_SHORTLY, ("first", [1]), ("second", [2]), ("third", [3]))


def to_hand_in(root: Path) -> None:
    files = root.with_name(f"{root.name}-files")
    files.mkdir()
    for name, content in {"a.parquet": b"a" * 1000, "b.parquet": b"b" * 1000}.items():
        (files / name).write_bytes(content)


def release_next(hub: Hub, _root: Path) -> None:
    (of,) = hub.book().datasets.values()
    pipeline.release(hub, of, "next", actor="test")


def roll_back(hub: Hub, _root: Path) -> None:
    pipeline.rollback(hub, ORDERS, 1, reason="wrong prices", actor="ann")


def collect(hub: Hub, _root: Path) -> None:
    pipeline.collect(hub, KEPT_SHORTLY, dry_run=False)


def hand_in(hub: Hub, root: Path) -> None:
    pipeline.deliver(hub, ORDERS, root.with_name(f"{root.name}-files"), "handed", full=True)


ACTS = {
    "a first release": Act(ORDERS, first_release, release_next, [], [2, 3]),
    "a release that replaces": Act(ORDERS, replacing_release, release_next, [1], [2, 3]),
    "a release of partitions": Act(DAILY, partitioned_release, release_next, [17, 18], [17, 180, 190]),
    "a full release of partitions": Act(DAILY, full_release, release_next, [17, 18], [19]),
    "a release that its audit refuses": Act(ORDERS, blocked_release, release_next, [1], [1]),
    "a release of a broken file": Act(ORDERS, broken_release, release_next, [1], [1]),
    "a release of what is published already": Act(ORDERS, repeated_release, release_next, [1], [1]),
    "a rollback": Act(ORDERS, to_roll_back, roll_back, [2], [1]),
    "gc": Act(KEPT_SHORTLY, to_collect, collect, [3], [3]),
    "a hand-in": Act(ORDERS, to_hand_in, hand_in, [], []),
}


@pytest.mark.parametrize("name", ACTS)
def test_killed_before_any_change_to_the_disk_and_called_again_it_ends_as_if_undisturbed(
    name: str, tmp_path: Path
) -> None:
    act = ACTS[name]
    prepared = prepare(act, tmp_path / "prepared")
    undisturbed = copied(prepared, tmp_path / "undisturbed")
    act.do(hub_of(undisturbed, act.of, years=11), undisturbed)
    wanted = end_state(undisturbed)
    assert ids_read(hub_of(undisturbed, act.of), act.of) == act.after

    for point in range(1, _MOST_POINTS):
        root = copied(prepared, tmp_path / f"killed-{point}")
        survived = survives(
            point, lambda killer, root=root: act.do(hub_of(root, act.of, killer, years=11), root)
        )
        nothing_half_done(act, root)
        mender = hub_of(root, act.of, years=11)
        if point % 2:
            pipeline.reconcile(mender, act.of)  # as the schedule would, in between; it must not be in the way
            nothing_half_done(act, root)
        act.do(mender, root)
        assert end_state(root) == wanted, f"killed before change {point}"
        assert ids_read(hub_of(root, act.of), act.of) == act.after
        shutil.rmtree(root)
        shutil.rmtree(root.with_name(f"{root.name}-files"), ignore_errors=True)
        if survived:
            assert point > 3  # killed before the write, the link and the clearing away at least
            return
    pytest.fail(f"still killed at change {_MOST_POINTS}")


@pytest.mark.parametrize("name", ["a release that replaces", "a release of partitions"])
def test_killed_twice_at_different_points_it_still_ends_as_if_undisturbed(name: str, tmp_path: Path) -> None:
    act = ACTS[name]
    prepared = prepare(act, tmp_path / "prepared")
    undisturbed = copied(prepared, tmp_path / "undisturbed")
    act.do(hub_of(undisturbed, act.of, years=11), undisturbed)
    wanted = end_state(undisturbed)
    for first, second in [(6, 3), (14, 9), (14, 22), (22, 5), (30, 3), (30, 12), (40, 2)]:
        root = copied(prepared, tmp_path / f"killed-{first}-{second}")
        for point in (first, second):
            survives(point, lambda killer, root=root: act.do(hub_of(root, act.of, killer, years=11), root))
            nothing_half_done(act, root)
        act.do(hub_of(root, act.of, years=11), root)
        assert end_state(root) == wanted, f"killed before changes {first} and {second}"


def test_a_release_that_was_published_but_not_recorded_gets_the_same_record_from_reconcile(
    tmp_path: Path,
) -> None:
    act = ACTS["a release of partitions"]
    prepared = prepare(act, tmp_path / "prepared")
    undisturbed = copied(prepared, tmp_path / "undisturbed")
    act.do(hub_of(undisturbed, act.of, years=11), undisturbed)
    mended = set[bool]()
    for point in range(1, _MOST_POINTS):
        root = copied(prepared, tmp_path / f"killed-{point}")
        survived = survives(
            point, lambda killer, root=root: act.do(hub_of(root, act.of, killer, years=11), root)
        )
        hub = hub_of(root, act.of, years=12)
        is_published = len(hub.log.generations(act.of.name)) == 2
        pipeline.reconcile(hub, act.of)
        if is_published:
            mended.add(survived)
            assert end_state(root) == end_state(undisturbed)
        assert pipeline.reconcile(hub, act.of) == []
        if survived:
            break
    assert mended == {False, True}


def test_a_delivery_that_is_removed_is_never_taken_for_half_a_delivery(tmp_path: Path) -> None:
    prepared = tmp_path / "prepared"
    hub = hub_of(prepared, ORDERS)
    put_delivery(hub, ORDERS, "big", {f"part-{n}.parquet": orders([n]) for n in range(5)})
    pipeline.release(hub, ORDERS, "big", actor="test")
    for point in range(1, _MOST_POINTS):
        root = copied(prepared, tmp_path / f"killed-{point}")
        later = hub_of(root, ORDERS, years=11)
        survived = survives(
            point, lambda killer, root=root: collect_orders(hub_of(root, ORDERS, killer, years=11))
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
    prepared = prepare(act, tmp_path / "prepared")
    left = 0
    for point in range(1, 60, 3):
        root = copied(prepared, tmp_path / f"killed-{point}")
        survives(point, lambda killer, root=root: act.do(hub_of(root, act.of, killer, years=11), root))
        left += len(list(root.rglob(".unfinished-*")))
        hub = hub_of(root, act.of, years=12)
        pipeline.collect(hub, act.of, dry_run=False)
        assert not list(root.rglob(".unfinished-*"))
        if pipeline.inbox(hub, act.of):  # else it was released, and its delivery was old enough to go
            act.do(hub, root)
        assert ids_read(hub, act.of) == act.after
    assert left >= 5


def collect_orders(hub: Hub) -> None:
    pipeline.collect(hub, ORDERS, dry_run=False)


# --- What is compared ------------------------------------------------------------------------------------------------


def prepare(act: Act, root: Path) -> Path:
    root.mkdir()
    act.prepare(root)
    return root


def copied(prepared: Path, root: Path) -> Path:
    """A hub of its own, with what it is given from outside."""
    shutil.copytree(prepared, root)
    if (files := prepared.with_name(f"{prepared.name}-files")).exists():
        shutil.copytree(files, root.with_name(f"{root.name}-files"))
    return root


def nothing_half_done(act: Act, root: Path) -> None:
    """What readers and programs see at the moment of the crash."""
    hub = hub_of(root, act.of)
    assert ids_read(hub, act.of) in (act.before, act.after)
    for folder in [path for path in root.rglob("*") if path.is_dir()]:
        names = hub.storage.list_names(Location(folder.relative_to(root).as_posix()))
        assert not any("unfinished" in each for each in names)
    for release_id in hub.log.releases_on_disk(act.of.name):
        staged = hub.log.file_list(act.of.name, release_id)
        for file in staged.files if staged else ():
            assert hub.storage.checksum(Location(file.path)) == file.sha256
    for entry in pipeline.inbox(hub, act.of):
        if entry.delivery == "handed" and entry.state is not InboxState.INCOMPLETE:
            assert entry.files == 2
    assert not pipeline.status(hub)[0].problem


def end_state(root: Path) -> dict[str, Any]:
    """Everything that the hub holds, but for the times; messages once, since a crash may make the hub say a thing twice."""
    state: dict[str, Any] = {}
    for path in sorted(root.rglob("*")):
        place = path.relative_to(root).as_posix()
        if not path.is_file() or "/.unfinished-" in place or "/claims/" in place:
            continue
        if place.startswith("outbox/"):
            lines = path.read_text().splitlines()
            state["outbox"] = state.get("outbox", set()) | {json.loads(line)["subject"] for line in lines}
        elif path.suffix == ".json":
            state[place] = without_times(
                json.loads(re.sub(rf"{root.parent}/[a-z0-9-]+", "ROOT", path.read_text()))
            )
        else:
            state[place] = hashlib.sha256(path.read_bytes()).hexdigest()
    return state


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: without_times(each) for key, each in value.items() if key not in ("step_seconds", "seconds")
        }
    if isinstance(value, list):
        return [without_times(each) for each in value]
    if isinstance(value, str):
        return re.sub(
            r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)",
            "AN INSTANT",
            re.sub(r"20[34]\d-\d\d-\d\d(?=\.\d)", "A DAY", value),
        )
    return value
