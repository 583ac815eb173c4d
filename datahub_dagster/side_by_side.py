"""The same call for many items at once, where each waits for a network."""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def side_by_side(call: Callable[[T], R], items: Sequence[T], at_once: int) -> Generator[R]:
    """What each call gives, in the order of the items, as it comes.

    With `at_once=1` a call is made when its result is asked for, and not before. The first error, or an end of the asking, ends it:
    calls that have begun are waited for, and no other begins.

    >>> list(side_by_side(abs, [-1, 2, -3], 2))
    [1, 2, 3]
    """
    if at_once == 1 or len(items) < 2:
        yield from map(call, items)
        return
    with ThreadPoolExecutor(min(at_once, len(items))) as threads:
        yield from threads.map(call, items)
