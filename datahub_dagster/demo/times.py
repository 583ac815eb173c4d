"""When the demo's story plays: the last evenings and mornings before `now` at which something was due.

The due times are those of the contracts in `dbt_project/`. Each of the days here is the newest whose due time has passed, so
that the story is the same at whatever hour it is told, on Mondays, after holidays and when clocks change.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from datahub_dagster.demo import open_data

PACIFIC = ZoneInfo("America/Los_Angeles")
NEW_YORK = ZoneInfo("America/New_York")

_EVENING = time(21)  # weather.hourly_temperatures: 20:00, and an hour of grace
_SESSION_OPENS = time(8)  # volatility.index_sessions
_MORNING = time(10)  # employment.us_monthly
_EVENINGS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryTimes:
    """The days of the story, each in the time zone of its team, and the instant (UTC) at which it is told.

    Args:
        evenings: On which hourly temperatures were due, the oldest first (Los Angeles).
        sessions: The newest three whose data were due, and the one before whose opening the last of them was (New York).
        morning: On which employment was due last (New York).
    """

    now: datetime
    evenings: tuple[date, ...]
    sessions: tuple[date, ...]
    morning: date

    @property
    def start(self) -> datetime:
        """When the first delivery comes (UTC)."""
        return pacific(self.evenings[0], 6, 30)

    @property
    def rolled_back_at(self) -> datetime:
        """When employment is rolled back (UTC), which was due before."""
        return min(new_york(self.morning, 10, 20), self.now)

    @property
    def looks(self) -> tuple[datetime, ...]:
        """When the monitor looks without anything having happened (UTC): when a due time comes near, and when it has passed."""
        near = [pacific(day, 19, 46) for day in self.evenings]
        passed = [pacific(day, 21, 1) for day in self.evenings]
        passed += [*(new_york(day, 8, 1) for day in self.sessions[1:]), new_york(self.morning, 10, 1)]
        return tuple(sorted({min(at, self.now) for at in (*near, *passed)}))

    @classmethod
    def before(cls, now: datetime) -> "StoryTimes":
        """The times of a story that ends at `now`."""
        newest = _newest(now, _EVENING, PACIFIC, lambda _: True)
        opened = _newest(now, _SESSION_OPENS, NEW_YORK, lambda day: day in _sessions_to(day, 1))
        return cls(
            now=now,
            evenings=tuple(newest - timedelta(days=back) for back in reversed(range(_EVENINGS))),
            sessions=_sessions_to(opened, 4),
            morning=_newest(now, _MORNING, NEW_YORK, lambda day: day.weekday() < 5),
        )


def pacific(day: date, hour: int, minute: int = 0) -> datetime:
    """A local time in Los Angeles, in UTC."""
    return datetime.combine(day, time(hour, minute), PACIFIC).astimezone(UTC)


def new_york(day: date, hour: int, minute: int = 0) -> datetime:
    """A local time in New York, in UTC."""
    return datetime.combine(day, time(hour, minute), NEW_YORK).astimezone(UTC)


def _newest(now: datetime, due: time, zone: ZoneInfo, is_due_on: Callable[[date], bool]) -> date:
    """The newest day whose due time has passed at `now`."""
    day = now.astimezone(zone).date()
    while not is_due_on(day) or datetime.combine(day, due, zone) >= now:
        day -= timedelta(days=1)
    return day


def _sessions_to(day: date, count: int) -> tuple[date, ...]:
    return tuple(open_data.sessions_before(day + timedelta(days=1), count))
