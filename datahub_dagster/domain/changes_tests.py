"""What became of a contract's data tests: which were removed, added, weakened or made stricter."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from datahub_dagster.domain.changes_arguments import Demand, demand_change, fails_with_more_rows, said
from datahub_dagster.domain.changes_columns import ColumnPairs
from datahub_dagster.domain.contract import Column, Contract, DataTest, Severity
from datahub_dagster.domain.contract_change import ContractChange, additive, breaking, editorial

_TOLERATED: Final = re.compile(r"\s*(!=|>=?)\s*(\d+)\s*")
_FLAGS: Final[Mapping[str, Callable[[Column], bool]]] = {
    "not_null": lambda column: column.nullable,
    "unique": lambda column: column.unique,
}


def changes_of_tests(old: Contract, new: Contract, pairs: ColumnPairs) -> Iterator[ContractChange]:
    """Everything that happened to tests, but what columns tell already: that one went or came, may be null, or may repeat."""
    names = {**pairs.same, **pairs.renamed}
    back = {now: was for was, now in names.items()}
    older = [test for test in old.tests if not _is_told(test, old, new, names)]
    newer = [test for test in new.tests if not _is_told(test, new, old, back)]
    for was, now in _matched(older, newer, names):
        yield from _changes_of(was, now)
    for test in older:
        yield breaking(_subject(test), "test removed", said(test))
    for test in newer:
        yield additive(_subject(test), "test added", None, said(test))
    yield from _constraint_changes("", (old, None), (new, None))
    for column in old.columns:
        if name := names.get(column.name.lower()):
            pair = new.column(name)
            subject = f"column {pair.name if pair else name}"
            yield from _constraint_changes(subject, (old, column), (new, pair))


def _is_told(test: DataTest, own: Contract, other: Contract, names: Mapping[str, str]) -> bool:
    """Whether the change of a column tells what became of a test on it."""
    column = own.column(test.column) if test.column else None
    if column is None:
        return False
    pair = other.column(names.get(column.name.lower(), ""))
    flag = _FLAGS.get(test.kind)
    return pair is None or (flag is not None and flag(column) != flag(pair))


def _matched(
    older: list[DataTest], newer: list[DataTest], names: Mapping[str, str]
) -> Iterator[tuple[DataTest, DataTest]]:
    """Take the tests out that are in both, the nearest alike first."""

    def place(test: DataTest, *, is_old: bool) -> tuple[str, str]:
        column = (test.column or "").lower()
        kind = test.name if test.kind == "singular" else test.kind
        return kind, names.get(column, column) if is_old else column

    keys: Sequence[Callable[[DataTest, bool], object]] = (
        lambda test, _: test.unique_id,
        lambda test, is_old: (place(test, is_old=is_old), test.arguments, test.where),
        lambda test, is_old: (place(test, is_old=is_old), test.arguments),
        lambda test, is_old: (place(test, is_old=is_old), test.where),
        lambda test, is_old: place(test, is_old=is_old),
    )
    for key in keys:
        waiting: dict[object, list[DataTest]] = {}
        for test in newer:
            waiting.setdefault(key(test, False), []).append(test)
        for test in tuple(older):
            if candidates := waiting.get(key(test, True)):
                found = candidates.pop(0)
                older.remove(test)
                newer.remove(found)
                yield test, found


def _changes_of(was: DataTest, now: DataTest) -> Iterator[ContractChange]:
    subject = _subject(now)
    if was.severity is not now.severity:
        if now.severity is Severity.WARN:
            yield breaking(subject, "only warns", was.severity, now.severity)
        else:
            yield additive(subject, "blocks a release", was.severity, now.severity)
    if was.where != now.where:
        if now.where is None and fails_with_more_rows(now) and _is_simple(now):
            yield additive(subject, "holds for all rows", was.where, None)
        else:
            yield breaking(
                subject,
                "holds for fewer rows" if was.where is None else "holds for other rows",
                was.where,
                now.where,
            )
    yield from _threshold_changes(subject, was, now)
    if was.fail_calc != now.fail_calc and not (was.counts_rows and now.counts_rows):
        yield breaking(subject, "test changed", f"fail_calc {was.fail_calc}", f"fail_calc {now.fail_calc}")
    match demand_change(was, now):
        case Demand.STRICTER:
            yield additive(subject, "test made stricter", said(was), said(now))
        case Demand.WEAKER:
            yield breaking(subject, "test weakened", said(was), said(now))
        case Demand.OTHER:
            yield breaking(subject, "test changed", said(was), said(now))
        case Demand.SAME:
            if was.sql != now.sql:  # whether it asks less, nobody can say
                yield breaking(subject, "SQL of the test changed")
    if was.description != now.description:
        yield editorial(subject, "description changed", was.description, now.description)


def _threshold_changes(subject: str, was: DataTest, now: DataTest) -> Iterator[ContractChange]:
    """From how many failures on a test blocks, or warns; a warning alone has no other threshold."""
    pairs = [(was.warn_if, now.warn_if)]
    if was.severity is now.severity is Severity.ERROR:
        pairs.append((was.error_if, now.error_if))
    for older, newer in dict.fromkeys(pairs):
        if (older, was.limit) == (newer, now.limit):
            continue
        before, after = _tolerated(older, was), _tolerated(newer, now)
        told = _threshold(older, was), _threshold(newer, now)
        if before is None or after is None:
            yield breaking(subject, "threshold changed", *told)
        elif after > before:
            yield breaking(subject, "tolerates more failures", *told)
        elif after < before:
            yield additive(subject, "tolerates fewer failures", *told)


def _tolerated(condition: str, test: DataTest) -> float | None:
    """How many failures a condition lets pass; None if it is no simple one.

    A test that looks at no more failures than that lets all of them pass. What counts no rows may have fractions, or be below zero.
    """
    found = _TOLERATED.fullmatch(condition)
    if not found or (found[1] == "!=" and int(found[2]) != 0):
        return None
    if not test.counts_rows and (found[1] != ">" or test.limit is not None):
        return None
    tolerated = int(found[2]) - (found[1] == ">=")
    return math.inf if test.limit is not None and test.limit <= tolerated else tolerated


def _is_simple(test: DataTest) -> bool:
    """Whether more rows that break a test can't make it pass."""
    return test.counts_rows and all(
        _tolerated(each, test) is not None for each in (test.warn_if, test.error_if)
    )


def _threshold(condition: str, test: DataTest) -> str:
    return condition if test.limit is None else f"{condition}, limit {test.limit}"


def _constraint_changes(
    subject: str, was: tuple[Contract, Column | None], now: tuple[Contract, Column | None]
) -> Iterator[ContractChange]:
    """What is promised in words that no test accounts for. The others are told with their tests."""
    older, newer = ((column or contract).constraints for contract, column in (was, now))
    if len(older) <= _count_in_words(*was) and len(newer) <= _count_in_words(*now):
        return
    for text in older:
        if text not in newer:
            yield breaking(subject, "promise removed", text)
    for text in newer:
        if text not in older:
            yield additive(subject, "promise added", None, text)


def _count_in_words(contract: Contract, column: Column | None) -> int:
    """How many tests of a column, or of the dataset, are told in words: all but those that make it not null, or unique."""
    name = column.name.lower() if column else ""
    return sum(
        (test.column or "").lower() == name and not (test.kind in _FLAGS and test.blocks_on_each_row)
        for test in contract.tests
    )


def _subject(test: DataTest) -> str:
    return f"test {test.label}"
