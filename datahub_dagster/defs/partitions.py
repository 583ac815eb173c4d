"""Dagster partitions for datasets whose deliveries replace days or months.

The keys are those of the hub (`2026-11-20`, `2026-11`). Days without a session are left out, so that the UI shows no gap where none is.
A release brings whatever partitions it brings: materializations name them, runs don't choose them (see `assets`).
"""

from datetime import date, datetime, time, timedelta
from functools import lru_cache

import dagster as dg

from datahub_dagster.domain.calendar_files import partition_days
from datahub_dagster.domain.calendars import BusinessCalendar
from datahub_dagster.domain.contract import Contract, Granularity, PartitionSpec
from datahub_dagster.errors import HubError

# A team that promises no start still wants to see its partitions; the UI needs to begin somewhere.
FIRST_DAY = date(2020, 1, 1)

_DAY, _MONTH = "%Y-%m-%d", "%Y-%m"
_EACH_DAY, _EACH_WEEKDAY, _EACH_MONTH = "0 0 * * *", "0 0 * * 1-5", "0 0 1 * *"
_SATURDAY = 5


def partitions_of(contract: Contract, today: date) -> dg.TimeWindowPartitionsDefinition | None:
    """The partitions of a dataset; None if a delivery is always the whole of it.

    Args:
        contract: The dataset.
        today: Holidays are left out until the end of next year, from here.
    """
    spec = contract.partitions
    if spec is None:
        return None
    zone = next((slo.timezone for slo in contract.freshness_slos if slo.due), "UTC")
    try:
        days = None if spec.calendar == "daily" else partition_days(contract)
    except (
        ValueError
    ):  # a calendar that nobody knows is told by the contract's own checks; here all days are shown
        days = None
    return _definition(spec, days, zone, today.year + 1)


@lru_cache(maxsize=256)  # a thousand datasets share a handful of calendars
def _definition(
    spec: PartitionSpec, calendar: BusinessCalendar | None, zone: str, last_year: int
) -> dg.TimeWindowPartitionsDefinition:
    start = spec.start or FIRST_DAY
    if spec.granularity is Granularity.MONTH:
        return dg.TimeWindowPartitionsDefinition(
            start=start.strftime(_MONTH), cron_schedule=_EACH_MONTH, fmt=_MONTH, timezone=zone, end_offset=1
        )
    cron, closed = _sessions(calendar, start, date(last_year, 12, 31))
    return dg.TimeWindowPartitionsDefinition(
        start=start.strftime(_DAY),
        cron_schedule=cron,
        fmt=_DAY,
        timezone=zone,
        end_offset=1,  # a session's data are published on the day itself
        exclusions=[datetime.combine(day, time()) for day in closed] or None,
    )


def _sessions(known: BusinessCalendar | None, start: date, last: date) -> tuple[str, list[date]]:
    """A cron of the days that a calendar usually has, and the days among them on which it has no session."""
    if known is None:
        return _EACH_DAY, []
    try:
        first, last = max(start, known.first), min(last, known.last)
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        closed = [day for day in days if not known.is_session(day)]
    except HubError:  # neither is a calendar that ends too early a reason to show nothing
        return _EACH_DAY, []
    weekend = [day for day in days if day.weekday() >= _SATURDAY]
    if set(weekend) <= set(closed):
        return _EACH_WEEKDAY, [day for day in closed if day.weekday() < _SATURDAY]
    return _EACH_DAY, closed
