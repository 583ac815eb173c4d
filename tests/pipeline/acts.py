"""What the tests of crashes do: commands that change a hub, with what a reader may see before and after."""

from collections.abc import Callable
from dataclasses import dataclass

from datahub_dagster import pipeline
from datahub_dagster.domain.contract import Contract, Retention
from datahub_dagster.ports import Hub
from tests.builders import by_day, column, contract
from tests.hubs import orders, put_delivery
from tests.pipeline.where import Where

ORDERS = contract()
KEPT_SHORTLY = contract(retention=Retention(releases=1, days=1))
DAILY = contract(
    delivery=by_day(), columns=(column("id", "bigint"), column("amount", "double"), column("day", "date"))
)


def released(where: Where, of: Contract, *deliveries: tuple[str, list[int]], years: int = 10) -> None:
    hub = where.hub(of, years=years)
    for name, ids in deliveries:
        put_delivery(hub, of, name, {"part-0.parquet": orders(ids)})
        pipeline.release(hub, of, name, actor="test")


# --- What is done ----------------------------------------------------------------------------------------------------


@dataclass
class Act:
    """A command, what it is given, and what a reader may see before and after it."""

    of: Contract
    prepare: Callable[[Where], object]
    do: Callable[[Hub, Where], object]
    before: list[int]
    after: list[int]


def first_release(where: Where) -> None:
    put_delivery(where.hub(ORDERS), ORDERS, "next", {"a.parquet": orders([2]), "b.parquet": orders([3])})


def replacing_release(where: Where) -> None:
    released(where, ORDERS, ("first", [1]))
    put_delivery(where.hub(ORDERS), ORDERS, "next", {"a.parquet": orders([2]), "b.parquet": orders([3])})


def partitioned_release(where: Where) -> None:
    hub = where.hub(DAILY)
    put_delivery(hub, DAILY, "first", {f"day=2026-11-{day}/x.parquet": orders([day]) for day in (17, 18)})
    pipeline.release(hub, DAILY, "first", actor="test")
    put_delivery(hub, DAILY, "next", {f"day=2026-11-{day}/x.parquet": orders([day * 10]) for day in (18, 19)})


def full_release(where: Where) -> None:
    hub = where.hub(DAILY)
    put_delivery(hub, DAILY, "first", {f"day=2026-11-{day}/x.parquet": orders([day]) for day in (17, 18)})
    pipeline.release(hub, DAILY, "first", actor="test")
    put_delivery(hub, DAILY, "next", {"day=2026-11-19/x.parquet": orders([19])}, full=True)


def blocked_release(where: Where) -> None:
    released(where, ORDERS, ("first", [1]))
    put_delivery(where.hub(ORDERS), ORDERS, "next", {"part-0.parquet": orders([-2])})


def broken_release(where: Where) -> None:
    released(where, ORDERS, ("first", [1]))
    put_delivery(where.hub(ORDERS), ORDERS, "next", {"part-0.parquet": b"no Parquet"})


def repeated_release(where: Where) -> None:
    released(where, ORDERS, ("first", [1]))
    put_delivery(where.hub(ORDERS), ORDERS, "next", {"renamed.parquet": orders([1])})


def to_roll_back(where: Where) -> None:
    released(where, ORDERS, ("first", [1]), ("second", [2]))


def to_collect(where: Where) -> None:
    released(where, KEPT_SHORTLY, ("first", [1]), ("second", [2]), ("third", [3]))


def to_hand_in(where: Where) -> None:
    where.given.mkdir(exist_ok=True)
    for name, content in {"a.parquet": b"a" * 1000, "b.parquet": b"b" * 1000}.items():
        (where.given / name).write_bytes(content)


def release_next(hub: Hub, _where: Where) -> None:
    (of,) = hub.book().datasets.values()
    pipeline.release(hub, of, "next", actor="test")


def roll_back(hub: Hub, _where: Where) -> None:
    pipeline.rollback(hub, ORDERS, 1, reason="wrong prices", actor="ann")


def collect(hub: Hub, _where: Where) -> None:
    pipeline.collect(hub, KEPT_SHORTLY, dry_run=False)


def hand_in(hub: Hub, where: Where) -> None:
    pipeline.deliver(hub, ORDERS, where.given, "handed", full=True)


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
