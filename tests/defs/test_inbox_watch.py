"""Which deliveries a run is asked for."""

from datetime import timedelta

from datahub_dagster.defs.inbox_watch import (
    Asked,
    Batch,
    Memory,
    is_listing_due,
    plan_runs,
    read_cursor,
    remember,
    to_look_into,
    write_cursor,
)
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


def test_an_inbox_stays_in_mind_until_everything_in_it_has_ended() -> None:
    waits = [(ORDERS, [entry(ORDERS, "a", InboxState.INCOMPLETE)]), (REFUNDS, [entry(REFUNDS, "b")])]
    first = remember(Memory(), [*waits, (PRICES, None)], {}, NOW)
    assert first.open == {ORDERS.name, REFUNDS.name, PRICES.name}

    ended = [(ORDERS, [entry(ORDERS, "a", InboxState.HANDLED)]), (REFUNDS, []), (PRICES, [])]
    assert remember(first, ended, {}, NOW).open == frozenset()


def test_between_two_listings_only_what_is_told_or_in_mind_is_looked_into() -> None:
    memory = Memory(open=frozenset({ORDERS.name}), listed_at=NOW)
    assert to_look_into(memory, ()) == {ORDERS.name}
    assert to_look_into(memory, [PRICES.name, PRICES.name]) == {ORDERS.name, PRICES.name}


def test_what_was_not_looked_into_stays_in_mind() -> None:
    memory = Memory(open=frozenset({ORDERS.name, PRICES.name}), listed_at=NOW)
    assert remember(memory, [(PRICES, [])], {}, NOW).open == {ORDERS.name}


def test_a_dataset_that_is_no_more_is_forgotten_at_the_next_listing() -> None:
    memory = Memory(open=frozenset({ORDERS.name}), listed_at=NOW)
    assert remember(memory, [(PRICES, [])], {}, NOW + MINUTE).open == frozenset()


def test_all_inboxes_are_listed_at_first_and_then_every_so_many_minutes() -> None:
    every = 10 * MINUTE
    assert is_listing_due(Memory(), NOW, every)
    listed = Memory(listed_at=NOW)
    assert [is_listing_due(listed, NOW + minutes * MINUTE, every) for minutes in (0, 9, 10, 11)] == [
        False,
        False,
        True,
        True,
    ]
    assert is_listing_due(listed, NOW - MINUTE, every), "the clock was set back"


def test_the_cursor_remembers() -> None:
    _, asked = plan_runs([(ORDERS, [entry(ORDERS, "a"), entry(ORDERS, "b")])], {}, (), NOW)
    memory = Memory(asked=asked, open=frozenset({ORDERS.name, PRICES.name}), listed_at=NOW)
    assert read_cursor(write_cursor(memory)) == memory
    assert read_cursor(None) == Memory()


def test_a_cursor_of_the_version_before_is_read() -> None:
    before = f'{{"payments.orders/a": ["content", "run", "{NOW.isoformat()}", 2]}}'
    asked = Asked(content_key="content", run_key="run", at=NOW, attempt=2)
    assert read_cursor(before) == Memory(asked={"payments.orders/a": asked})
