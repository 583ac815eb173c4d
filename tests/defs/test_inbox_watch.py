"""Which deliveries a run is asked for."""

from datetime import timedelta

from datahub_dagster.defs.inbox_watch import Batch, plan_runs, read_cursor, write_cursor
from datahub_dagster.domain.inbox import InboxState
from tests.builders import NOW, contract, entry

ORDERS, REFUNDS = contract(), contract("payments.refunds")
PRICES = contract("equities.prices")
MINUTE = timedelta(minutes=1)


def names(batches: list[Batch]) -> dict[str, dict[str, tuple[str, ...]]]:
    return {
        each.team: {str(name): deliveries for name, deliveries in each.deliveries.items()} for each in batches
    }


def test_ready_deliveries_of_a_team_are_one_run_in_their_order() -> None:
    inboxes = [
        (ORDERS, [entry(ORDERS, "a"), entry(ORDERS, "b")]),
        (PRICES, [entry(PRICES, "c")]),
        (REFUNDS, [entry(REFUNDS, "d")]),
    ]
    batches, _ = plan_runs(inboxes, {}, (), NOW)
    assert names(batches) == {
        "equities": {"equities.prices": ("c",)},
        "payments": {"payments.orders": ("a", "b"), "payments.refunds": ("d",)},
    }
    assert len({each.run_key for each in batches}) == 2


def test_what_is_not_ready_is_left_alone() -> None:
    states = [InboxState.INCOMPLETE, InboxState.HANDLED, InboxState.BAD]
    batches, asked = plan_runs(
        [(ORDERS, [entry(ORDERS, state.value, state) for state in states])], {}, (), NOW
    )
    assert (batches, asked) == ([], {})


def test_a_delivery_is_asked_for_once() -> None:
    inboxes = [(ORDERS, [entry(ORDERS)])]
    (batch,), asked = plan_runs(inboxes, {}, (), NOW)
    assert plan_runs(inboxes, asked, {batch.run_key}, NOW + MINUTE) == ([], asked)


def test_changed_content_or_a_changed_contract_is_asked_for_anew() -> None:
    (first,), asked = plan_runs([(ORDERS, [entry(ORDERS, content_key="old")])], {}, (), NOW)
    (second,), _ = plan_runs([(ORDERS, [entry(ORDERS, content_key="new")])], asked, (), NOW)
    assert first.run_key != second.run_key


def test_a_delivery_behind_one_that_is_under_way_waits_for_its_turn() -> None:
    (batch,), asked = plan_runs([(ORDERS, [entry(ORDERS, "a")])], {}, (), NOW)
    both = [(ORDERS, [entry(ORDERS, "a"), entry(ORDERS, "b")])]
    assert plan_runs(both, asked, {batch.run_key}, NOW + MINUTE)[0] == []
    after = [(ORDERS, [entry(ORDERS, "a", InboxState.HANDLED), entry(ORDERS, "b")])]
    assert names(plan_runs(after, asked, (), NOW + MINUTE)[0]) == {"payments": {"payments.orders": ("b",)}}


def test_another_dataset_does_not_wait() -> None:
    (batch,), asked = plan_runs([(ORDERS, [entry(ORDERS, "a")])], {}, (), NOW)
    inboxes = [(ORDERS, [entry(ORDERS, "a")]), (REFUNDS, [entry(REFUNDS, "b")])]
    batches, _ = plan_runs(inboxes, asked, {batch.run_key}, NOW + MINUTE)
    assert names(batches) == {"payments": {"payments.refunds": ("b",)}}


def test_a_run_that_ended_without_an_outcome_is_repeated_after_ever_longer_pauses() -> None:
    inboxes = [(ORDERS, [entry(ORDERS)])]
    now, asked, pauses, keys = NOW, {}, [], set()
    for _ in range(6):
        (batch,), asked = plan_runs(inboxes, asked, (), now)
        keys.add(batch.run_key)
        before = now
        while not plan_runs(inboxes, asked, (), now)[0]:
            now += MINUTE
        pauses.append((now - before) / MINUTE)
    assert pauses == [1, 5, 25, 125, 360, 360]
    assert len(keys) == 6


def test_a_run_that_never_says_how_it_ended_is_given_up() -> None:
    inboxes = [(ORDERS, [entry(ORDERS)])]
    (batch,), asked = plan_runs(inboxes, {}, (), NOW)
    assert not plan_runs(inboxes, asked, {batch.run_key}, NOW + timedelta(minutes=119))[0]
    assert plan_runs(inboxes, asked, {batch.run_key}, NOW + timedelta(minutes=121))[0]


def test_an_inbox_that_cannot_be_read_forgets_nothing() -> None:
    (batch,), asked = plan_runs([(ORDERS, [entry(ORDERS)])], {}, (), NOW)
    _, still = plan_runs([(ORDERS, None)], asked, {batch.run_key}, NOW)
    assert still == asked


def test_what_has_left_the_inbox_is_forgotten() -> None:
    _, asked = plan_runs([(ORDERS, [entry(ORDERS)])], {}, (), NOW)
    assert plan_runs([(ORDERS, [])], asked, (), NOW) == ([], {})


def test_the_cursor_remembers() -> None:
    _, asked = plan_runs([(ORDERS, [entry(ORDERS, "a"), entry(ORDERS, "b")])], {}, (), NOW)
    assert read_cursor(write_cursor(asked)) == asked
    assert read_cursor(None) == {}
