"""An SLO as one of Dagster's two freshness policies, as plain values: the daemon's verdict must never contradict ours.

What Dagster asks (1.13), of the time of the newest materialization alone:

- cron: passed if that is not older than the last completed tick minus a lower bound, which is one minute to the cron's smallest
  interval. It knows no holidays.
- time window: failed if that is older than the window.

So a cron says what an SLO says where every tick is a due time and where a release that answers it comes less than a day before.
Everything else gets a window: the loosest one that is never failed while the SLO is met, so that Dagster may notice a delay later
than the hub does, and never sees one where there is none.

Both reckon with releases from `due.earliest_at` on, and see no partition: of a dataset with partitions a day that is missing looks
as if it were there once another day's release came, a late one of the day before as well. Of partitions that come before their own
day nobody here can know: then a policy may say failed while the SLO is met.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from datahub_dagster.domain.calendars import CalendarRangeError, calendar_named
from datahub_dagster.domain.contract import Contract, DbtFreshness, FreshnessSlo, Granularity, PartitionSpec
from datahub_dagster.domain.due import calendar_of, due_times, earliest_at, zone_named

_DAY = timedelta(days=1)
_MINUTE = timedelta(
    minutes=1
)  # the least that Dagster takes, and the most by which an event follows its release
_PAST = timedelta(
    days=100
)  # what was published before today counts too: a month, its `covers` and a long holiday
_FUTURE = timedelta(days=731)
_NEVER = timedelta(days=3650)  # Dagster knows no window that only warns


@dataclass(frozen=True, slots=True, kw_only=True)
class CronPolicy:
    """Failed if the newest materialization is older than the last tick minus `lower_bound`."""

    deadline_cron: str
    lower_bound: timedelta
    timezone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowPolicy:
    """Failed if the newest materialization is as old as `fail_window`, warned from `warn_window` on."""

    fail_window: timedelta
    warn_window: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Owed:
    """A business date: its first possible release, and the end of its grace. Instants are UTC."""

    day: date
    earliest_at: datetime
    deadline_at: datetime


def freshness_policy(contract: Contract, today: date) -> CronPolicy | WindowPolicy | None:
    """The policy that Dagster is to show for a dataset; None if it promises no freshness.

    With several SLOs, the window that is failed only when each of them is missed. Without any, dbt's own
    `freshness`. Looks two years ahead from `today`, in which a code location is loaded more than once.

    None also where a calendar ends or does not exist, since no dataset may keep the others from loading:
    `standing` tells the reason.
    """
    if not contract.freshness_slos:
        return _of_dbt(contract.dbt_freshness) if contract.dbt_freshness else None
    try:
        policies = {_of_slo(slo, contract.partitions, today) for slo in contract.freshness_slos}
        if len(policies) == 1:
            return policies.pop()
        windows = [_window(slo, contract.partitions, today) for slo in contract.freshness_slos]
    except (CalendarRangeError, ValueError, OverflowError):
        return None
    return None if None in windows else max((w for w in windows if w), key=lambda window: window.fail_window)


def _of_dbt(freshness: DbtFreshness) -> WindowPolicy | None:
    warn, error = freshness.warn_after, freshness.error_after
    if error is None:
        return WindowPolicy(fail_window=_NEVER, warn_window=max(warn, _MINUTE)) if warn else None
    fail_window = max(error, _MINUTE)
    keeps_warning = warn is not None and _MINUTE <= warn < fail_window
    return WindowPolicy(fail_window=fail_window, warn_window=warn if keeps_warning else None)


@lru_cache(maxsize=4096)
def _of_slo(
    slo: FreshnessSlo, partitions: PartitionSpec | None, today: date
) -> CronPolicy | WindowPolicy | None:
    return _cron(slo, partitions, today) or _window(slo, partitions, today)


@lru_cache(maxsize=4096)
def _window(slo: FreshnessSlo, partitions: PartitionSpec | None, today: date) -> WindowPolicy | None:
    """The longest time for which the newest release of a dataset that is always in time may be old.

    Just before a deadline that is as long as it is since the first possible release of the dates due before.
    """
    if slo.max_age is not None:
        return WindowPolicy(fail_window=max(slo.max_age + slo.grace, _MINUTE))
    owed = _owed(slo, partitions, today)
    if len(owed) < 2:
        return None
    newest_start = owed[0].earliest_at
    longest = timedelta(0)
    for before, after in pairwise(owed):
        newest_start = max(newest_start, before.earliest_at)
        longest = max(longest, after.deadline_at - newest_start)
    return WindowPolicy(fail_window=longest + _MINUTE)


def _cron(slo: FreshnessSlo, partitions: PartitionSpec | None, today: date) -> CronPolicy | None:
    """The cron whose ticks are the SLO's deadlines; None where there is none that Dagster takes."""
    if slo.due is None or not _is_plain(slo, partitions, today):
        return None
    deadline = datetime.combine(today, slo.due) + slo.grace
    if deadline.second or deadline.microsecond:
        deadline = deadline.replace(second=0, microsecond=0) + _MINUTE
    if deadline.date() != today:
        return None
    zone = zone_named(slo.timezone)
    owed = _owed(slo, partitions, today)
    calendar = calendar_of(slo)
    longest = timedelta(0)
    for date_owed in owed:
        local = datetime.combine(calendar.add(date_owed.day, slo.covers), deadline.time())
        tick = local.replace(tzinfo=zone)
        if _changes_clocks(local, zone) or not timedelta(0) <= tick - date_owed.deadline_at < _MINUTE:
            return None
        longest = max(longest, tick.astimezone(date_owed.earliest_at.tzinfo) - date_owed.earliest_at)
    if not owed or not _MINUTE <= longest <= _DAY:
        return None
    days = "*" if slo.calendar == "daily" else "1-5"
    cron = f"{deadline.minute} {deadline.hour} * * {days}"
    return CronPolicy(deadline_cron=cron, lower_bound=longest, timezone=slo.timezone)


def _is_plain(slo: FreshnessSlo, partitions: PartitionSpec | None, today: date) -> bool:
    """Whether every day of a plain week is due, so that a cron can say it."""
    if slo.calendar not in {"daily", "weekdays"}:
        return False
    if any(max(override.on, override.due_on or override.on) >= today - _PAST for override in slo.overrides):
        return False
    if partitions is None:
        return True
    return (
        partitions.granularity is Granularity.DAY
        and partitions.calendar in {None, "daily", slo.calendar}
        and (partitions.start is None or partitions.start <= today)
    )


def _changes_clocks(local: datetime, zone: ZoneInfo) -> bool:
    """Whether a local time is skipped or happens twice: there Dagster's tick may be another instant than ours."""
    first, second = local.replace(tzinfo=zone), local.replace(tzinfo=zone, fold=1)
    return first.utcoffset() != second.utcoffset()


@lru_cache(maxsize=4096)
def _owed(slo: FreshnessSlo, partitions: PartitionSpec | None, today: date) -> tuple[_Owed, ...]:
    """What is owed around today, by deadline; less of it where the calendar ends."""
    calendars = [calendar_of(slo)]
    if partitions and partitions.calendar:
        calendars.append(calendar_named(partitions.calendar, slo.overrides, partitions.calendar_files))
    reach = timedelta(
        days=45 + 2 * slo.covers
    )  # the last due times need sessions after the last business date
    first = max([today - _PAST - timedelta(days=2 * slo.covers), *(calendar.first for calendar in calendars)])
    last = min([today + _FUTURE, *(calendar.last - reach for calendar in calendars)])
    return tuple(
        _Owed(day=day, earliest_at=earliest_at(slo, day, partitions), deadline_at=due + slo.grace)
        for day, due in due_times(slo, first, last, partitions)
    )
