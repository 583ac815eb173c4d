"""The same call for many items at once."""

import threading
import time
from collections.abc import Iterator

import pytest

from datahub_dagster.side_by_side import side_by_side


def test_results_come_in_the_order_of_the_items() -> None:
    def slow_first(number: int) -> int:
        time.sleep(0.05 if number == 0 else 0)
        return number

    assert list(side_by_side(slow_first, range(50), 8)) == list(range(50))
    assert list(side_by_side(slow_first, [], 8)) == []


def test_so_many_calls_run_at_once() -> None:
    together = threading.Barrier(4, timeout=10)  # broken unless four come together

    def wait(_: int) -> None:
        together.wait()

    assert list(side_by_side(wait, range(8), 4)) == [None] * 8


def test_one_at_a_time_runs_when_it_is_asked_for_and_in_the_same_thread() -> None:
    called: list[tuple[int, int]] = []
    results = side_by_side(lambda number: called.append((number, threading.get_ident())), range(3), 1)
    assert called == []
    next(results)
    assert called == [(0, threading.get_ident())]
    results.close()
    assert len(called) == 1


@pytest.mark.parametrize("ends", ["with an error", "because nobody asks any more"])
def test_what_has_not_begun_at_the_end_never_begins(ends: str) -> None:
    called: list[int] = []

    def call(number: int) -> int:
        called.append(number)
        time.sleep(0.01)
        if number == 3 and ends == "with an error":
            raise KeyError(number)
        return number

    def ask() -> Iterator[int]:
        results = side_by_side(call, range(1000), 4)
        for result in results:
            yield result
            if result == 3:
                results.close()

    if ends == "with an error":
        with pytest.raises(KeyError):
            list(ask())
    else:
        assert list(ask()) == [0, 1, 2, 3]
    assert len(called) < 100
