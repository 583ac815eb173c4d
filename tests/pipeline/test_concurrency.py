"""Several processes release, roll back and clean up one dataset at once: as if they had come one after the other.

Two ways to look for what goes wrong: real processes that begin at the same moment, and, since luck finds the rarest of
meetings last, each single point of one call at which the whole of another one could come in between.
"""

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from datahub_dagster import pipeline
from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.domain.contract import Contract, Retention
from datahub_dagster.domain.names import Location, ReleaseId
from datahub_dagster.domain.release import GenerationKind, ReleaseState
from datahub_dagster.errors import RetentionError, UnknownReleaseError
from datahub_dagster.ports import Hub
from datahub_dagster.steps.views import view_of
from tests.builders import by_day, contract
from tests.hubs import SteppingClock, hub_at, orders, put_delivery
from tests.pipeline.processes import PassingAuditor, all_at_once, ids_in, ids_read
from tests.pipeline.where import HubOnDisk, Interruption, Where, somewhere

ORDERS = contract(retention=Retention(releases=1, days=1))
FLEETING = contract(retention=Retention(releases=1, days=0))
DAILY = contract(delivery=by_day(), columns=(), retention=Retention(releases=1, days=1))

Content = Mapping[str, Sequence[int]]  # partition → ids; "" where there are no partitions


@pytest.fixture(params=["on disk", pytest.param("on aws", marks=pytest.mark.aws)])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Where]:
    with somewhere(request, tmp_path) as found:
        yield found


@dataclass
class Deliveries:
    """What each delivery brings; two files for each partition, so that a mixture would show."""

    of: Contract
    contents: dict[str, Content] = field(default_factory=dict[str, Content])
    full: set[str] = field(default_factory=set[str])

    def put(self, where: Where, name: str, content: Content, *, full: bool = False) -> None:
        files: dict[str, Any] = {}
        for key, ids in content.items():
            folder = f"day={key}/" if key else ""
            files[f"{folder}a.parquet"] = orders([ids[0]])
            files[f"{folder}b.parquet"] = orders(list(ids[1:]))
        put_delivery(where.hub(self.of), self.of, name, files, full=full)
        self.contents[name] = content
        if full or not self.of.partitions:
            self.full.add(name)

    def after(self, names: Sequence[str]) -> dict[str, list[int]]:
        """The dataset, had these come one after the other."""
        held: dict[str, list[int]] = {}
        for name in names:
            if name in self.full:
                held = {}
            held |= {key: sorted(ids) for key, ids in self.contents[name].items()}
        return held


def content_read(hub: Hub, of: Contract) -> dict[str, list[int]]:
    current = hub.log.current(of.name)
    files = view_of(hub.log, of.name, current.partitions, of).files if current else ()
    keys = {file.partition for file in files}
    return {
        key: ids_in(hub.storage, [file for file in files if file.partition == key]) for key in sorted(keys)
    }


def release(where: Where, of: Contract, name: str) -> None:
    pipeline.release(where.hub(of), of, name, actor="test")


def must_be_serial(where: Where, given: Deliveries, *, begun_with: Sequence[str] = ()) -> None:
    """The outcome is that of the order of the receipts; records and generations tell the same story."""
    hub, of = where.hub(given.of), given.of
    receipts = hub.log.receipts(of.name)
    assert [receipt.number for receipt in receipts] == list(range(1, len(receipts) + 1))
    names = [receipt.delivery.name for receipt in receipts]
    assert sorted(names) == sorted(given.contents), "each delivery has one receipt"
    assert names[: len(begun_with)] == list(begun_with)
    assert content_read(hub, of) == given.after(names)

    generations = hub.log.generations(of.name)
    assert [generation.number for generation in generations] == list(range(1, len(generations) + 1))
    made = {g.release_id: g.number for g in generations if g.kind is GenerationKind.RELEASE}
    assert len(made) == len(generations), "a release makes one generation"
    records = {record.release_id: record for record in hub.log.records(of.name)}
    assert set(records) == {receipt.release_id for receipt in receipts if not receipt.repeats}
    for release_id, record in records.items():
        assert record.state in (ReleaseState.PUBLISHED, ReleaseState.SUPERSEDED), record.why
        assert record.generation == made.get(release_id)
        assert record.generation is None or record.base_generation == record.generation - 1
        assert record.audit is None or record.audit.base_generation == record.base_generation
    assert hub.catalog.applied(of.name) == len(generations)
    assert pipeline.reconcile(hub, of) == []
    assert not any("/.unfinished-" in path for path in where.place.files())


# --- Real processes --------------------------------------------------------------------------------------------------


def pair(number: int) -> list[int]:
    return [number * 10, number * 10 + 1]


def day(number: int) -> str:
    return date(2026, 11, 2 + number).isoformat()


def same_dataset(number: int) -> Content:
    return {"": pair(number)}


def same_days(number: int) -> Content:
    return {day(1): pair(number), day(2): pair(number + 100)}


def days_of_their_own(number: int) -> Content:
    return {day(number): pair(number)}


def days_that_overlap(number: int) -> Content:
    return {day(number): pair(number), day(number + 1): pair(number + 100)}


MEETINGS: Mapping[str, tuple[Contract, Callable[[int], Content], int]] = {
    "the whole dataset": (ORDERS, same_dataset, 0),
    "the same partitions": (DAILY, same_days, 0),
    "partitions of their own": (DAILY, days_of_their_own, 0),
    "partitions that overlap": (DAILY, days_that_overlap, 0),
    "partitions, and the whole of it every third time": (DAILY, days_that_overlap, 3),
}


@pytest.mark.parametrize("count", [2, 8])
@pytest.mark.parametrize("meeting", MEETINGS)
def test_processes_that_release_at_once_end_as_if_one_after_the_other(
    meeting: str, count: int, where: Where
) -> None:
    of, content, full_each = MEETINGS[meeting]
    if not isinstance(where, HubOnDisk):
        count = min(count, 4)  # the emulator is one process beside them on two cores
    given = Deliveries(of)
    given.put(where, "before", content(0))
    release(where, of, "before")
    for number in range(1, count + 1):
        given.put(where, f"d{number}", content(number), full=bool(full_each) and number % full_each == 0)

    with_readers(
        where,
        of,
        [lambda number=number: release(where, of, f"d{number}") for number in range(1, count + 1)],
    )
    must_be_serial(where, given, begun_with=["before"])


def test_eight_processes_with_the_same_delivery_make_one_release(where: Where) -> None:
    given = Deliveries(ORDERS)
    given.put(where, "before", same_dataset(0))
    release(where, ORDERS, "before")
    given.put(where, "same", same_dataset(1))
    where.given.mkdir(exist_ok=True)

    def release_and_tell(number: int) -> None:
        outcome = pipeline.release(where.hub(ORDERS), ORDERS, "same", actor="test")
        (where.given / f"told-{number}").write_text(f"{outcome.release_id} {outcome.kind}")

    with_readers(where, ORDERS, [lambda number=number: release_and_tell(number) for number in range(8)])
    must_be_serial(where, given, begun_with=["before"])
    assert {path.read_text() for path in where.given.glob("told-*")} == {"2036-11-17.2 published"}
    assert len(where.hub(ORDERS).log.generations(ORDERS.name)) == 2


def now(root: Path) -> Hub:
    """A hub whose clock agrees with the disk's: what is being written is young."""
    storage = LocalStorage(root)
    clock = SteppingClock(datetime.now(UTC))
    return hub_at(root, FLEETING, storage=storage, auditor=PassingAuditor(storage), clock=clock)


def test_releases_rollbacks_and_gc_at_once_leave_what_is_published_whole(tmp_path: Path) -> None:
    for number in range(1, 5):
        put_delivery(now(tmp_path), FLEETING, f"d{number}", {"a.parquet": orders(pair(number))})
        pipeline.release(now(tmp_path), FLEETING, f"d{number}", actor="test")
    for number in range(5, 8):
        put_delivery(now(tmp_path), FLEETING, f"d{number}", {"a.parquet": orders(pair(number))})

    def roll_back(number: int) -> None:
        for _ in range(5):
            with suppress(RetentionError, UnknownReleaseError):
                hub = now(tmp_path)
                pipeline.rollback(hub, FLEETING, number, reason=f"to {number}", actor="ann")

    def clean_up() -> None:
        for _ in range(10):
            pipeline.collect(now(tmp_path), FLEETING, dry_run=False)

    def release_now(number: int) -> None:
        pipeline.release(now(tmp_path), FLEETING, f"d{number}", actor="test")

    all_at_once(
        *(lambda number=number: release_now(number) for number in range(5, 8)),
        *(lambda number=number: roll_back(number) for number in (1, 2, 3)),
        clean_up,
        clean_up,
    )
    hub = now(tmp_path)
    assert ids_read(hub, FLEETING) in [pair(number) for number in range(1, 8)]
    made = [g.release_id for g in hub.log.generations(FLEETING.name) if g.kind is GenerationKind.RELEASE]
    assert len(made) == len(set(made))


def with_readers(where: Where, of: Contract, acts: Sequence[Callable[[], object]]) -> None:
    """Run them all at once, beside two readers that never may see a mixture."""
    end = where.given / "end"
    left = where.given / "left"
    left.mkdir(parents=True)

    def act_and_leave(number: int, act: Callable[[], object]) -> None:
        try:
            act()
        finally:
            (left / str(number)).touch()
            if len(list(left.iterdir())) == len(acts):
                end.touch()

    def read() -> None:
        looked = 0
        while not end.exists() or looked == 0:
            looked += 1
            must_not_be_mixed(where.hub(of), of, where)

    all_at_once(
        *(lambda number=number, act=act: act_and_leave(number, act) for number, act in enumerate(acts)),
        read,
        read,
    )


def must_not_be_mixed(hub: Hub, of: Contract, where: Where) -> None:
    for ids in content_read(hub, of).values():
        assert len(ids) == 2, ids
        assert ids[1] == ids[0] + 1, ids
    if of.partitions is None and isinstance(where, HubOnDisk):
        for path in (where.root / "catalog").rglob("0*.json"):
            with suppress(FileNotFoundError):  # a newer one took its place
                statements = str(json.loads(path.read_text())["statements"])
                assert len(set(re.findall(r"/releases/payments/orders/[^/]+", statements))) == 1


# --- Every single meeting of two calls -------------------------------------------------------------------------------


@dataclass
class Meeting:
    """A call, another that comes in between, and what was there before: deliveries released, and to be released."""

    one: Callable[[Hub], object]
    other: Callable[[Hub], object]
    of: Contract = ORDERS
    before: Mapping[str, Content] = field(default_factory=dict[str, Content])
    waiting: Mapping[str, Content] = field(default_factory=dict[str, Content])
    full: frozenset[str] = frozenset()
    is_serial: bool = True


def releases(name: str) -> Callable[[Hub], object]:
    return lambda hub: pipeline.release(hub, next(iter(hub.book().datasets.values())), name, actor="test")


def rolls_back_to(number: int) -> Callable[[Hub], object]:
    return lambda hub: pipeline.rollback(hub, ORDERS, number, reason="wrong", actor="ann")


def cleans_up(hub: Hub) -> None:
    pipeline.collect(hub, next(iter(hub.book().datasets.values())), dry_run=False)


def reconciles(hub: Hub) -> None:
    pipeline.reconcile(hub, next(iter(hub.book().datasets.values())))


def pins_the_first(hub: Hub) -> None:
    pipeline.pin(hub, ORDERS, ReleaseId(date(2036, 11, 17), 1), "asked for by the auditors")


THREE = {f"d{number}": same_dataset(number) for number in (1, 2, 3)}
TWO_WAIT = {"x": same_dataset(7), "y": same_dataset(8)}
DAYS_WAIT = {"x": days_that_overlap(7), "y": days_that_overlap(8)}

PAIRS = {
    "two releases of the whole dataset": Meeting(
        releases("x"), releases("y"), before=THREE, waiting=TWO_WAIT
    ),
    "two first releases": Meeting(releases("x"), releases("y"), waiting=TWO_WAIT),
    "two releases of partitions": Meeting(
        releases("x"), releases("y"), of=DAILY, before={"d": days_that_overlap(8)}, waiting=DAYS_WAIT
    ),
    "a release of partitions, and a full one": Meeting(
        releases("x"), releases("y"), DAILY, {"d": days_that_overlap(1)}, DAYS_WAIT, frozenset({"y"})
    ),
    "a full release, and one of partitions": Meeting(
        releases("x"), releases("y"), DAILY, {"d": days_that_overlap(1)}, DAYS_WAIT, frozenset({"x"})
    ),
    "two full releases of partitions": Meeting(
        releases("x"), releases("y"), DAILY, {"d": days_that_overlap(1)}, DAYS_WAIT, frozenset({"x", "y"})
    ),
    "the same release twice": Meeting(
        releases("x"), releases("x"), before=THREE, waiting={"x": same_dataset(7)}
    ),
    "a release, and a repeat of what was published before it": Meeting(
        releases("x"), releases("y"), before=THREE, waiting={"x": same_dataset(7), "y": same_dataset(3)}
    ),
    "a repeat of what is published, and a release": Meeting(
        releases("x"), releases("y"), before=THREE, waiting={"x": same_dataset(3), "y": same_dataset(7)}
    ),
    "a release, and gc": Meeting(releases("x"), cleans_up, before=THREE, waiting={"x": same_dataset(7)}),
    "gc, and a release": Meeting(cleans_up, releases("x"), before=THREE, waiting={"x": same_dataset(7)}),
    "a release, and reconcile": Meeting(
        releases("x"), reconciles, before=THREE, waiting={"x": same_dataset(7)}
    ),
    "gc, and a rollback": Meeting(cleans_up, rolls_back_to(1), before=THREE, is_serial=False),
    "a rollback, and gc": Meeting(rolls_back_to(1), cleans_up, before=THREE, is_serial=False),
    "gc, and a pin": Meeting(cleans_up, pins_the_first, before=THREE, is_serial=False),
    "a pin, and gc": Meeting(pins_the_first, cleans_up, before=THREE, is_serial=False),
    "gc, twice": Meeting(cleans_up, cleans_up, before=THREE, is_serial=False),
    "two rollbacks": Meeting(rolls_back_to(1), rolls_back_to(2), before=THREE, is_serial=False),
    "a release, and a rollback": Meeting(
        releases("x"), rolls_back_to(1), before=THREE, waiting={"x": same_dataset(7)}, is_serial=False
    ),
}


# On AWS a call makes some hundred requests, so that only some of them are met here (EACH_NTH_REQUEST=1 meets all).
_STEP_ON_AWS = int(os.environ.get("EACH_NTH_REQUEST", "29"))


@pytest.mark.parametrize("name", PAIRS)
def test_a_call_may_come_in_between_at_any_point_of_another(name: str, where: Where) -> None:
    meeting = PAIRS[name]
    given = Deliveries(meeting.of)
    for each, content in meeting.before.items():
        given.put(where, each, content)
        release(where, meeting.of, each)
    for each, content in meeting.waiting.items():
        given.put(where, each, content, full=each in meeting.full)
    step = 1 if isinstance(where, HubOnDisk) else _STEP_ON_AWS

    for point in range(1 + len(name) % step, 2000, step):
        copy = where.copied(str(point), meeting.of)

        def come_in_between(copy: Where = copy) -> None:
            with suppress(RetentionError, UnknownReleaseError):
                meeting.other(copy.hub(meeting.of, years=11))

        interruption = Interruption(point, come_in_between)
        with suppress(RetentionError, UnknownReleaseError):
            meeting.one(copy.interrupted_hub(meeting.of, interruption, years=11))
        if not interruption.came:
            come_in_between()
        what_is_promised_is_there(copy, meeting, point)
        if meeting.is_serial:
            must_be_serial(copy, given)
        if not interruption.came:
            assert point > 5
            return
        copy.remove()
    pytest.fail("never came to an end")


def what_is_promised_is_there(where: Where, meeting: Meeting, point: int) -> None:
    """What is published is whole, and what is pinned is kept."""
    hub = where.hub(meeting.of)
    current = hub.log.current(meeting.of.name)
    assert current is not None
    for file in view_of(hub.log, meeting.of.name, current.partitions, meeting.of).files:
        assert hub.storage.checksum(Location(file.path)) == file.sha256, f"at {point}"
    must_not_be_mixed(hub, meeting.of, where)
    for pinned in hub.log.pins(meeting.of.name):
        files = hub.log.file_list(meeting.of.name, pinned)
        assert files is not None, f"at {point}"
        assert all(hub.storage.exists(Location(file.path)) for file in files.files), f"at {point}"
