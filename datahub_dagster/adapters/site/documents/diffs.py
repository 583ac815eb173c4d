"""What a release brought, beside the one before with the same partitions: rows, bytes, columns, statistics, partitions."""

from collections.abc import Collection, Mapping

from datahub_dagster.adapters.site.documents.schema import (
    ColumnChange,
    ColumnStatistics,
    ReleaseDiff,
    StatisticsChange,
)
from datahub_dagster.domain.release import WHOLE, ReleaseRecord
from datahub_dagster.domain.statistics import ColumnStatistics as Found

MOST_KEYS = 60
"""So many partition keys are listed."""


def release_diff(
    before: ReleaseRecord,
    same: ReleaseRecord | None,
    after: ReleaseRecord,
    open_columns: Collection[str],
    *,
    with_statistics: bool,
) -> ReleaseDiff:
    """How a release differs from those before.

    Args:
        before: The one that was published before it.
        same: The last one with the same partitions; None = what it brought can't be compared.
        after: The release.
        open_columns: Names (lower case) of the columns whose bounds may be told.
        with_statistics: Whether statistics are compared, of which there may be many.
    """
    keys = [key for key in after.partitions if key != WHOLE]
    replaced = [key for key in after.replaced if key != WHOLE]
    added = sorted(set(keys) - set(replaced))
    are_known = before.dataset_rows is not None and after.dataset_rows is not None
    return ReleaseDiff(
        against=str((same or before).release_id),
        rows=after.rows - same.rows if same else None,
        bytes=after.bytes - same.bytes if same else None,
        dataset_rows=(after.dataset_rows or 0) - (before.dataset_rows or 0) if are_known else None,
        columns=_columns(dict((same or before).columns), dict(after.columns)),
        statistics=_statistics(same, after, open_columns) if same and with_statistics else [],
        partitions_added=added[-MOST_KEYS:],
        partitions_added_count=len(added),
        partitions_replaced=sorted(replaced)[-MOST_KEYS:],
        partitions_replaced_count=len(replaced),
    )


def statistics(record: ReleaseRecord, open_columns: Collection[str]) -> Mapping[str, ColumnStatistics]:
    """What a release's footers say of each column, by its name in lower case."""
    return {each.name.lower(): _told(each, open_columns) for each in record.statistics}


def null_share(found: ColumnStatistics, rows: int) -> float | None:
    """The share of a column's values that are null; None where nobody knows."""
    return found["nulls"] / rows if found["nulls"] is not None and rows else None


def _told(found: Found, open_columns: Collection[str]) -> ColumnStatistics:
    is_open = found.name.lower() in open_columns
    return ColumnStatistics(
        name=found.name,
        nulls=found.nulls,
        low=found.low if is_open else None,
        high=found.high if is_open else None,
    )


def _columns(before: Mapping[str, str], after: Mapping[str, str]) -> list[ColumnChange]:
    if not before or not after:
        return []  # one of the two was refused before its footers were read
    found: list[ColumnChange] = []
    for name, kind in after.items():
        if name not in before:
            found.append({"name": name, "kind": "added", "was": None, "now": kind})
        elif before[name] != kind:
            found.append({"name": name, "kind": "changed", "was": before[name], "now": kind})
    for name, kind in before.items():
        if name not in after:
            found.append({"name": name, "kind": "removed", "was": kind, "now": None})
    return found


def _statistics(
    before: ReleaseRecord, after: ReleaseRecord, open_columns: Collection[str]
) -> list[StatisticsChange]:
    earlier, later = statistics(before, open_columns), statistics(after, open_columns)
    return [
        StatisticsChange(
            name=now["name"],
            was=was,
            now=now,
            null_share_was=null_share(was, before.rows),
            null_share_now=null_share(now, after.rows),
        )
        for key, now in later.items()
        if (was := earlier.get(key)) is not None and was != now
    ]
