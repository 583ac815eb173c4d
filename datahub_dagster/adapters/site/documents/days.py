"""An SLO's last days, a letter each, so that overviews draw many of them from few bytes."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from datahub_dagster.domain.due import zone_named
from datahub_dagster.domain.verdict import DeliveryResult, DueResult, Verdict

DAYS = 90
NOTHING_DUE = "."

_LETTERS = {  # the worst first: of several results of a day the worst is told
    Verdict.MISSED: "x",
    Verdict.LATE: "l",
    Verdict.UNKNOWN: "u",
    Verdict.MET: "m",
    Verdict.EXCUSED: "e",
}


def letters(results: Iterable[DueResult | DeliveryResult], zone: ZoneInfo, last: date) -> str:
    """A letter for each of the last `DAYS` days, the oldest first; a result is told on the local day on which it is counted.

    Args:
        results: Those of the SLO's window, or more.
        zone: Where days begin and end.
        last: The last of the days.
    """
    found: dict[date, Verdict] = {}
    order = list(_LETTERS)
    for result in results:
        day = result.at.astimezone(zone).date()
        found[day] = min(found.get(day, result.verdict), result.verdict, key=order.index)
    days = (last - timedelta(days=back) for back in reversed(range(DAYS)))
    return "".join(_LETTERS[found[day]] if day in found else NOTHING_DUE for day in days)


def zone_or_utc(name: str) -> ZoneInfo:
    """The zone of a contract; UTC where it names none that there is, which its status tells."""
    try:
        return zone_named(name)
    except ValueError:
        return ZoneInfo("UTC")


def midnight_before(at: datetime, zone: ZoneInfo) -> datetime:
    """Where the local day of an instant begins (UTC)."""
    return _midnight(at.astimezone(zone).date(), zone)


def midnight_after(at: datetime, zone: ZoneInfo) -> datetime:
    """Where the local day after that of an instant begins (UTC)."""
    return _midnight(at.astimezone(zone).date() + timedelta(days=1), zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(0), tzinfo=zone).astimezone(UTC)
