"""What became of everything else in a contract: how it is delivered, licence, lifecycle, retention, and what is only told."""

from collections.abc import Iterator

from datahub_dagster.domain import words
from datahub_dagster.domain.changes_calendars import calendar_changes
from datahub_dagster.domain.changes_columns import classification_changes
from datahub_dagster.domain.contract import Contract, License, Lifecycle, PartitionSpec
from datahub_dagster.domain.contract_change import ContractChange, additive, breaking, editorial, moved


def term_changes(old: Contract, new: Contract) -> Iterator[ContractChange]:
    """Everything that happened to a contract beside its columns, tests and SLOs."""
    yield from _name_changes(old, new)
    yield from _delivery_changes(old, new)
    yield from _license_changes(old.license, new.license)
    yield from classification_changes("classification", old.classification, new.classification)
    yield from _lifecycle_changes(old, new)
    for subject, was, now in (
        ("retention releases", old.retention.releases, new.retention.releases),
        ("retention days", old.retention.days, new.retention.days),
    ):
        yield from moved(subject, was, now, worse=("kept for less", now < was), better="kept for longer")
    yield from _told_changes(old, new)


def _name_changes(old: Contract, new: Contract) -> Iterator[ContractChange]:
    if old.name != new.name:
        yield breaking("", "dataset renamed", old.name, new.name)
    was, now = f"{old.schema}.{old.identifier}", f"{new.schema}.{new.identifier}"
    if was != now and old.name == new.name:
        yield breaking("", "table renamed in the engine", was, now)


def _delivery_changes(old: Contract, new: Contract) -> Iterator[ContractChange]:
    was, now = old.delivery, new.delivery
    if was.mode is not now.mode:
        yield breaking("delivery", "mode changed", was.mode, now.mode)
    elif old.partitions is not None and new.partitions is not None:
        yield from _partition_changes(old.partitions, new.partitions)
    if (was.source, was.schedule) != (now.source, now.schedule):
        yield editorial("delivery", "fetched in another way", words.delivery(was), words.delivery(now))


def _partition_changes(was: PartitionSpec, now: PartitionSpec) -> Iterator[ContractChange]:
    if was.column.lower() != now.column.lower():
        yield breaking("partitions", "cut by another column", was.column, now.column)
    if was.granularity is not now.granularity:
        yield breaking("partitions", "cut otherwise", was.granularity, now.granularity)
    if was.start != now.start:
        if now.start is not None and (was.start is None or now.start < was.start):
            yield additive(
                "partitions", "begin earlier" if was.start else "begin promised", was.start, now.start
            )
        else:
            yield breaking(
                "partitions", "begin later" if now.start else "begin no longer promised", was.start, now.start
            )
    yield from calendar_changes(
        "partitions",
        (was.calendar or "daily", was.calendar_files),
        (now.calendar or "daily", now.calendar_files),
    )


def _license_changes(was: License | None, now: License | None) -> Iterator[ContractChange]:
    """Whether more may be done with the data. Terms are free text: whether others are narrower, nobody can say."""
    if was is None or now is None:
        if now is not None:
            yield additive("licence", "licence given", None, words.license(now))
        elif was is not None:
            yield breaking("licence", "licence removed", words.license(was))
        return
    if was.redistribution != now.redistribution:
        if now.redistribution:
            yield additive("licence", "licence widened", words.license(was), words.license(now))
        else:
            yield breaking("licence", "licence narrowed", words.license(was), words.license(now))
    elif was.terms != now.terms:
        yield breaking("licence", "terms changed", was.terms, now.terms)
    if was.url != now.url:
        yield editorial("licence", "address changed", was.url, now.url)


def _lifecycle_changes(old: Contract, new: Contract) -> Iterator[ContractChange]:
    """A deprecation is notice of an end, and takes nothing away yet; an end that comes sooner than was told does."""
    was, now = old.lifecycle, new.lifecycle
    if was is not now:
        if now is Lifecycle.DEPRECATED:
            yield additive("lifecycle", "deprecated", was, now)
        elif was is Lifecycle.DEPRECATED:
            yield additive("lifecycle", "no longer deprecated", was, now)
        elif now is Lifecycle.STABLE:
            yield additive("lifecycle", "lifecycle raised", was, now)
        else:
            yield breaking("lifecycle", "lifecycle lowered", was, now)
    if old.sunset_date != new.sunset_date:
        is_sooner = (
            old.sunset_date is not None and new.sunset_date is not None and new.sunset_date < old.sunset_date
        )
        if is_sooner:
            yield breaking("sunset", "ends sooner", old.sunset_date, new.sunset_date)
        else:
            text = (
                "end announced"
                if old.sunset_date is None
                else "ends later"
                if new.sunset_date
                else "end withdrawn"
            )
            yield additive("sunset", text, old.sunset_date, new.sunset_date)
    if old.successor != new.successor:
        yield editorial("successor", "changed", old.successor, new.successor)


def _told_changes(old: Contract, new: Contract) -> Iterator[ContractChange]:
    """What people are told, and promises nothing."""
    if old.description != new.description:
        yield editorial("description", "changed", old.description, new.description)
    if old.team != new.team:
        yield editorial("team", "changed", old.team, new.team)
    for subject, was, now in (
        ("owners", old.owners, new.owners),
        ("support", _support(old), _support(new)),
        ("tags", old.tags, new.tags),
    ):
        if frozenset(was) != frozenset(now):
            yield editorial(subject, "changed", ", ".join(was), ", ".join(now))
    if frozenset(old.support) != frozenset(new.support) and frozenset(_support(old)) == frozenset(
        _support(new)
    ):
        yield editorial("support", "reached in another way")


def _support(contract: Contract) -> tuple[str, ...]:
    return tuple(f"{each.tool} {each.channel}" for each in contract.support)
