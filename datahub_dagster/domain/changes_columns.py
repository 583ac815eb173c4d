"""What became of a contract's columns."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from datahub_dagster.domain.changes_types import TypeChange, type_change
from datahub_dagster.domain.contract import Classification, Column, Contract, DataTest
from datahub_dagster.domain.contract_change import ContractChange, additive, breaking, editorial

_SECRECY: Final = (Classification.PUBLIC, Classification.INTERNAL, Classification.CONFIDENTIAL)


@dataclass(frozen=True, slots=True)
class ColumnPairs:
    """Which column is which: names in lower case, of the older contract → of the newer one."""

    same: Mapping[str, str]
    renamed: Mapping[str, str]
    gone: frozenset[str]
    new: frozenset[str]


def pair_columns(old: Contract, new: Contract) -> ColumnPairs:
    """Find the columns of one contract in the other.

    A column is renamed if exactly one went and one came between the same neighbours, and both have the same type, nulls and tests.
    """
    older = {column.name.lower(): column for column in old.columns}
    newer = {column.name.lower(): column for column in new.columns}
    gone, come = _between(older, newer), _between(newer, older)
    renamed: dict[str, str] = {}
    for place in gone.keys() & come.keys():
        if len(gone[place]) == len(come[place]) == 1:
            [was], [now] = gone[place], come[place]
            if _is_alike(older[was], old) == _is_alike(newer[now], new):
                renamed[was] = now
    return ColumnPairs(
        same={name: name for name in older if name in newer},
        renamed=renamed,
        gone=frozenset(older) - frozenset(newer) - frozenset(renamed),
        new=frozenset(newer) - frozenset(older) - frozenset(renamed.values()),
    )


def column_changes(old: Contract, new: Contract, pairs: ColumnPairs) -> Iterator[ContractChange]:
    """Everything that happened to columns, in the order of the older contract, then what is new."""
    for column in old.columns:
        name = column.name.lower()
        if name in pairs.gone:
            yield breaking(_subject(column), "column removed", column.data_type)
        elif found := new.column(pairs.renamed.get(name, name)):
            if name in pairs.renamed:
                yield breaking(_subject(column), "column renamed", column.name, found.name)
            yield from _changes_of(column, found, old, new)
    for column in new.columns:
        if column.name.lower() in pairs.new:
            yield additive(_subject(column), "column added", None, column.data_type)
    kept = [pairs.same[name] for name in map(_key, old.columns) if name in pairs.same]
    if kept != [name for name in map(_key, new.columns) if name in pairs.same]:
        yield editorial("columns", "order of columns changed")


def _changes_of(was: Column, now: Column, old: Contract, new: Contract) -> Iterator[ContractChange]:
    subject = _subject(now)
    if was.name != now.name and was.name.lower() == now.name.lower():
        yield editorial(subject, "name written otherwise", was.name, now.name)
    yield from _type_changes(subject, was.data_type, now.data_type)
    if was.nullable != now.nullable:
        if now.nullable:
            yield breaking(subject, "may be null", "not null", None)
        else:
            yield additive(subject, "is never null", None, "not null")
    if was.unique != now.unique:
        if was.unique:
            yield breaking(subject, "may repeat", "unique", None)
        else:
            yield additive(subject, "never repeats", None, "unique")
    if was.classification or now.classification:
        yield from classification_changes(
            subject, was.classification or old.classification, now.classification or new.classification
        )
    if was.deprecated != now.deprecated:
        yield additive(subject, "deprecated" if now.deprecated else "no longer deprecated")
    if was.description != now.description:
        yield editorial(subject, "description changed", was.description, now.description)
    if was.examples != now.examples:
        yield editorial(subject, "examples changed", ", ".join(was.examples), ", ".join(now.examples))
    if frozenset(was.tags) != frozenset(now.tags):
        yield editorial(subject, "tags changed", ", ".join(was.tags), ", ".join(now.tags))


def classification_changes(
    subject: str, was: Classification, now: Classification
) -> Iterator[ContractChange]:
    """Who may see it: fewer people is breaking, more is not."""
    if _SECRECY.index(now) > _SECRECY.index(was):
        yield breaking(subject, "classification raised", was, now)
    elif was is not now:
        yield additive(subject, "classification lowered", was, now)


def _type_changes(subject: str, was: str | None, now: str | None) -> Iterator[ContractChange]:
    if was is None or now is None:
        if now is not None:
            yield additive(subject, "type promised", None, now)
        elif was is not None:
            yield breaking(subject, "type no longer promised", was, None)
        return
    match type_change(was, now):
        case TypeChange.WIDENED:
            yield additive(subject, "type widened", was, now)
        case TypeChange.NARROWED:
            yield breaking(subject, "type narrowed", was, now)
        case TypeChange.CHANGED:
            yield breaking(subject, "type changed", was, now)
        case TypeChange.SAME:
            if was != now:
                yield editorial(subject, "type written otherwise", was, now)


def _between(columns: Mapping[str, Column], other: Mapping[str, Column]) -> dict[tuple[str, str], list[str]]:
    """The columns that the other contract lacks, by the neighbours that both have."""
    names = list(columns)
    found: dict[tuple[str, str], list[str]] = {}
    for at, name in enumerate(names):
        if name not in other:
            before = next((each for each in reversed(names[:at]) if each in other), "")
            after = next((each for each in names[at:] if each in other), "")
            found.setdefault((before, after), []).append(name)
    return found


def _is_alike(column: Column, contract: Contract) -> tuple[object, ...]:
    """What two columns must have in common for one to be the other under a new name."""
    tests = sorted(_content(test) for test in contract.tests if (test.column or "").lower() == _key(column))
    return column.data_type, column.nullable, column.unique, column.constraints, tests


def _content(test: DataTest) -> tuple[str, ...]:
    counted = test.error_if, test.warn_if, str(test.limit), test.fail_calc
    return test.kind, test.severity, test.where or "", *counted, repr(test.arguments)


def _key(column: Column) -> str:
    return column.name.lower()


def _subject(column: Column) -> str:
    return f"column {column.name}"
