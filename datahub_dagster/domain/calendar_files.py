"""Which of the hub's calendar files a contract uses: each promise carries those that it needs, and stands on its own."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from datahub_dagster.domain.calendar_text import (
    Both,
    Either,
    Expression,
    Named,
    OfMonth,
    names_in,
    parse_calendar,
)
from datahub_dagster.domain.calendars import BusinessCalendar, calendar_named
from datahub_dagster.domain.contract import CalendarFile, Consumer, Contract, FreshnessSlo, PartitionSpec

Files = Mapping[str, CalendarFile]
"""The hub's calendar files, by name."""


def files_used(text: str, files: Files) -> tuple[CalendarFile, ...]:
    """The files that a calendar's text mentions, and those that they are based on, by name. Names that are no file are left out."""
    found: dict[str, CalendarFile] = {}
    waiting = list(names_in(parse_calendar(text)))
    while waiting:
        name = waiting.pop()
        if name in files and name not in found:
            found[name] = files[name]
            waiting += names_in(parse_calendar(found[name].base)) if found[name].base else ()
    return tuple(found[name] for name in sorted(found))


def has_month_rule(text: str, files: Files) -> bool:
    """Whether a calendar has one session a month, or its text says so of a part of it.

    >>> has_month_rule("5th of JP", {}), has_month_rule("XTKS and JP", {})
    (True, False)
    """
    bases = (file.base for file in files_used(text, files))
    return any(_has_rule(parse_calendar(each)) for each in (text, *bases) if each)


def contract_with_files(contract: Contract, files: Files) -> Contract:
    """The contract with each promise carrying the files that it needs; with no `files`, none of them."""
    delivery, cut = contract.delivery, contract.delivery.partitions
    if cut is not None and cut.calendar is not None:
        delivery = replace(delivery, partitions=replace(cut, calendar_files=files_used(cut.calendar, files)))
    slos = tuple(slo_with_files(slo, files) for slo in contract.freshness_slos)
    return replace(contract, delivery=delivery, freshness_slos=slos)


def consumer_with_files(consumer: Consumer, files: Files) -> Consumer:
    """The same for what a consumer was promised."""
    return replace(consumer, slos={name: slo_with_files(slo, files) for name, slo in consumer.slos.items()})


def slo_with_files(slo: FreshnessSlo, files: Files) -> FreshnessSlo:
    """The same for one promise."""
    return replace(slo, calendar_files=files_used(slo.calendar, files))


def files_in(contracts: Iterable[Contract], consumers: Iterable[Consumer]) -> Files:
    """All files that promises carry."""
    slos = [slo for contract in contracts for slo in contract.freshness_slos]
    slos += [slo for consumer in consumers for slo in consumer.slos.values()]
    cuts = [cut for contract in contracts if (cut := contract.delivery.partitions)]
    return {file.name: file for promise in (*slos, *cuts) for file in promise.calendar_files}


def partition_days(contract: Contract) -> BusinessCalendar | None:
    """The days that may have a partition; None = every day. Days that a promise adds are among them: they are owed."""
    cut: PartitionSpec | None = contract.partitions
    if cut is None or cut.calendar is None:
        return None
    days = (day for slo in contract.freshness_slos for day in slo.overrides if day.kind == "added")
    return calendar_named(cut.calendar, tuple(days), cut.calendar_files)


def _has_rule(expression: Expression) -> bool:
    match expression:
        case OfMonth():
            return True
        case Named():
            return False
        case Both(parts) | Either(parts):
            return any(_has_rule(part) for part in parts)
