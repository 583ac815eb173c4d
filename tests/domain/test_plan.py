"""Plans: what a release would change, against a simple model of deliveries that come one after the other."""

from collections.abc import Mapping
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datahub_dagster.domain.names import ReleaseId
from datahub_dagster.domain.plan import ReleasePlan, build_plan, is_replaced_whole
from datahub_dagster.domain.release import WHOLE, Generation, GenerationKind
from tests.builders import contract, generation, release_id

ORDERS = contract()
KEYS = ("a", "b", "c")


def plan(number: int, brought: tuple[str, ...], current: Generation | None, **more: bool) -> ReleasePlan:
    return build_plan(ORDERS.name, release_id(number), brought, current, **({"replaces_all": False} | more))


def holding(number: int = 1, **partitions: int) -> Generation:
    return generation(ORDERS, number, partitions={key: release_id(held) for key, held in partitions.items()})


def test_a_first_release_adds_all() -> None:
    made = plan(1, ("b", "a"), None)
    assert (made.base_generation, made.next_generation) == (0, 1)
    assert (made.added, made.replaced, made.removed, made.kept) == (("a", "b"), (), (), 0)


def test_partitions_that_are_not_brought_are_kept() -> None:
    made = plan(3, ("b", "c"), holding(2, a=1, b=2))
    assert (made.added, made.replaced, made.kept) == (("c",), ("b",), 1)
    assert dict(made.next_partitions) == {"a": release_id(1), "b": release_id(3), "c": release_id(3)}


def test_a_full_release_drops_what_it_does_not_bring() -> None:
    made = plan(3, ("c",), holding(2, a=1, b=2), replaces_all=True)
    assert (made.added, made.removed) == (("c",), ("a", "b"))


def test_a_later_delivery_is_not_overwritten_by_an_earlier_one() -> None:
    made = plan(3, ("a", "b"), holding(2, a=1, b=4))
    assert (made.replaced, made.overtaken) == (("a",), ("b",))
    assert plan(3, ("b",), holding(2, a=1, b=4)).changes_nothing


def test_the_whole_of_a_dataset_is_overtaken_whole() -> None:
    assert plan(
        3, (WHOLE,), generation(ORDERS, 2, partitions={WHOLE: release_id(4)}), replaces_all=True
    ).changes_nothing


def test_a_full_release_goes_below_a_later_partition() -> None:
    made = plan(3, ("b", "c"), holding(2, a=1, b=4), replaces_all=True)
    assert dict(made.next_partitions) == {"b": release_id(4), "c": release_id(3)}
    assert (made.removed, made.overtaken) == (("a",), ("b",))


def test_what_a_later_full_release_dropped_does_not_come_back() -> None:
    assert plan(3, ("a",), holding(2, b=4), is_dropped=True).changes_nothing


def test_a_partition_that_was_rolled_back_is_replaced_by_the_next_delivery() -> None:
    assert plan(5, ("a",), holding(4, a=1)).replaced == ("a",)


def lineage(*steps: tuple[str, int]) -> list[Generation]:
    """Generations: `("release", release)` or `("rollback", generation)`."""
    return [
        generation(
            ORDERS,
            number,
            kind=GenerationKind(kind),
            release_id=release_id(what if kind == "release" else 99),
            restores=what if kind == "rollback" else None,
        )
        for number, (kind, what) in enumerate(steps, start=1)
    ]


@pytest.mark.parametrize(
    ("steps", "is_replaced"),
    [
        ([], False),
        ([("release", 1)], False),
        ([("release", 1), ("release", 5)], True),
        ([("release", 1), ("release", 5), ("release", 6)], True),
        ([("release", 1), ("release", 5), ("rollback", 1)], False),
        ([("release", 1), ("release", 5), ("rollback", 1), ("release", 6)], False),
        ([("release", 1), ("release", 5), ("release", 6), ("rollback", 2)], True),
        ([("release", 2)], False),
    ],
)
def test_a_whole_delivery_counts_as_long_as_what_is_published_rests_on_it(
    steps: list[tuple[str, int]], is_replaced: bool
) -> None:
    whole = [release_id(2), release_id(5)]
    assert is_replaced_whole(release_id(3), whole, lineage(*steps)) is is_replaced


DELIVERIES = st.lists(
    st.tuples(st.sets(st.sampled_from(KEYS), min_size=1), st.booleans()), min_size=1, max_size=4
)


def one_after_the_other(deliveries: list[tuple[set[str], bool]]) -> dict[str, ReleaseId]:
    held: dict[str, ReleaseId] = {}
    for number, (brought, is_full) in enumerate(deliveries, start=1):
        held = {} if is_full else held
        held |= dict.fromkeys(brought, release_id(number))
    return held


@given(DELIVERIES)
def test_in_whatever_order_deliveries_are_published_the_end_is_that_of_the_order_of_their_receipts(
    deliveries: list[tuple[set[str], bool]],
) -> None:
    wanted = one_after_the_other(deliveries)
    whole = [release_id(number) for number, (_, is_full) in enumerate(deliveries, start=1) if is_full]
    for order in permutations(range(1, len(deliveries) + 1)):
        generations: list[Generation] = []
        overtaken: set[ReleaseId] = set()
        for number in order:
            brought, is_full = deliveries[number - 1]
            current = generations[-1] if generations else None
            made = plan(
                number,
                tuple(brought),
                current,
                replaces_all=is_full,
                is_dropped=is_replaced_whole(release_id(number), whole, generations, overtaken),
            )
            must_add_up(made, current.partitions if current else {}, brought)
            if made.changes_nothing:
                overtaken |= {release_id(number)} & set(whole)
            else:
                partitions = dict(made.next_partitions)
                generations.append(
                    generation(
                        ORDERS, made.next_generation, partitions=partitions, release_id=release_id(number)
                    )
                )
        assert dict(generations[-1].partitions) == wanted, f"published in the order {order}"


def must_add_up(made: ReleasePlan, held: Mapping[str, ReleaseId], brought: set[str]) -> None:
    after = made.next_partitions
    assert set(made.added) | set(made.replaced) | set(made.overtaken) == brought
    assert set(after) == (set(held) | set(made.added)) - set(made.removed)
    assert len(after) == made.kept + len(made.added) + len(made.replaced)
    assert made.changes_nothing == (dict(after) == dict(held))
    assert list(after) == sorted(after)
