"""Deliveries for the demo: what five teams handed in over the last days, in the order in which they did it.

Most are fine, one came late, one repeats what is published already, and five are broken the way real deliveries break. The
same `now` gives the same bytes. Nothing here knows the hub: a delivery is a folder with Parquet files and a `_SUCCESS` marker.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datahub_dagster.demo import open_data
from datahub_dagster.demo.times import StoryTimes, new_york, pacific

EARLIEST = datetime(2026, 3, 1, tzinfo=UTC)
"""The contracts' partitions start in 2026 (days) and 2023 (months); no delivery may precede them."""

LATE_EVENING = 4
"""Which of the story's evenings comes 35 minutes after its deadline; the last never comes."""

Expected = Literal["published", "repeat", "rejected"]


@dataclass(frozen=True)
class DemoDelivery:
    """One delivery of the demo and what should become of it."""

    dataset: str
    name: str
    path: Path
    at: datetime
    """When it is handed in (UTC)."""
    story: str
    """One sentence for people: what the team hands in, and why it is fine or not."""
    expected: Expected
    is_routine: bool = False
    """Whether it is one of many like it, of which nobody needs to hear."""


def write_deliveries(folder: Path, now: datetime) -> list[DemoDelivery]:
    """The demo's deliveries, written below `folder`, in the order of their times, all of which are before `now` (UTC).

    Writes again over what is there; removes nothing.

    Raises:
        ValueError: `now` is before `EARLIEST`.
    """
    if now < EARLIEST:
        raise ValueError(
            f"the demo's contracts begin in 2026: it must be {EARLIEST:%Y-%m-%d} or later, not {now:%Y-%m-%d}"
        )
    times = StoryTimes.before(now)
    outbox = _Outbox(folder)
    _references(outbox, times)
    _monthly_figures(outbox, times)
    _sessions(outbox, times)
    _daily_weather(outbox, times)
    _evenings(outbox, times)
    return sorted(outbox.deliveries, key=lambda delivery: delivery.at)


def _references(outbox: "_Outbox", times: StoryTimes) -> None:
    """Tables that change little."""
    outbox.deliver(
        times.start - timedelta(hours=1),
        "transport.airports",
        "first",
        {"airports.parquet": open_data.airports()},
        "The whole list of airports; twelve without a state trip a warning, which doesn't stop the release.",
    )
    outbox.deliver(
        times.start - timedelta(minutes=50),
        "energy.iowa_generation",
        "first",
        {"iowa_generation.parquet": open_data.iowa_generation(times.evenings[0].year - 1)},
        "Electricity of Iowa by year: a small table of which the whole is replaced each time.",
    )
    outbox.deliver(
        pacific(times.evenings[-2], 13),
        "transport.airports",
        "cut-off",
        {"airports.parquet": open_data.airports().slice(0, 1200)},
        "The download broke off after 1,200 airports: the row count stops it before anyone misses one.",
        expected="rejected",
    )


def _monthly_figures(outbox: "_Outbox", times: StoryTimes) -> None:
    """Employment, which prices are compared with, and prices: both up to the last month that is over."""
    last_month = open_data.add_months(times.morning.replace(day=1), -1)
    month_before = open_data.add_months(last_month, -1)
    prices = open_data.monthly_prices(last_month, month_count=30)
    *older_months, newest_month = prices
    corrected_month = older_months[-6]

    outbox.deliver(
        new_york(times.morning, 8, 30),
        "employment.us_monthly",
        "first",
        {"us_monthly.parquet": open_data.us_employment(month_before)},
        f"Ten years of US employment, up to {month_before:%B %Y}.",
    )
    outbox.deliver(
        new_york(times.morning, 8, 40),
        "markets.monthly_prices",
        "first",
        _flat(
            {
                **_without(prices, newest_month),
                corrected_month: _ten_times_too_small(prices[corrected_month], "IBM"),
            }
        ),
        f"Share prices of {len(older_months)} months; IBM's of {corrected_month} is ten times too small, "
        "and no test notices.",
    )
    outbox.deliver(
        new_york(times.morning, 9, 15),
        "employment.us_monthly",
        "one-month-more",
        {"us_monthly.parquet": open_data.us_employment(last_month)},
        f"The whole table again, with {last_month:%B %Y} added.",
    )
    outbox.deliver(
        new_york(times.morning, 9, 20),
        "markets.monthly_prices",
        f"{newest_month}-added",
        _flat({newest_month: prices[newest_month]}),
        f"One month more, {newest_month}: the others stay as they are.",
    )
    outbox.deliver(
        new_york(times.morning, 9, 22),
        "markets.monthly_prices",
        f"{newest_month}-sent-twice",
        _flat({newest_month: prices[newest_month]}),
        "The scheduler ran twice: the same bytes under another name, so there is nothing to do.",
        expected="repeat",
    )
    outbox.deliver(
        new_york(times.morning, 9, 40),
        "markets.monthly_prices",
        f"{corrected_month}-corrected",
        _flat({corrected_month: prices[corrected_month]}),
        f"A consumer noticed: IBM's price of {corrected_month} is put right, six months after the fact.",
    )


def _sessions(outbox: "_Outbox", times: StoryTimes) -> None:
    """The volatility index: each session is owed before the next one opens. All came in time, the last at the second try."""
    sessions = open_data.index_sessions(times.sessions[-1], session_count=30)
    last_but_two, last_but_one, newest, opens = times.sessions
    older = _without(sessions, *map(str, times.sessions))

    outbox.deliver(
        new_york(last_but_two, 12),
        "volatility.index_sessions",
        "first",
        _flat(older),
        f"The volatility index of {len(older)} trading sessions, with confidential columns.",
    )
    for session, due_on in ((last_but_two, last_but_one), (last_but_one, newest)):
        outbox.deliver(
            new_york(due_on, 6, 10),
            "volatility.index_sessions",
            f"{session}-added",
            _flat({f"{session}": sessions[f"{session}"]}),
            f"Session {session}, before the next one opens.",
            is_routine=True,
        )
    outbox.deliver(
        new_york(opens, 6, 10),
        "volatility.index_sessions",
        f"{newest}-loaded-twice",
        _flat({f"{newest}": _loaded_twice(sessions[f"{newest}"])}),
        f"Session {newest} loaded twice, with prices below zero, an unknown signal, and a return "
        "beyond belief (only a warning): the audit stops it, and the sample hides confidential values.",
        expected="rejected",
    )
    outbox.deliver(
        new_york(opens, 7, 25),
        "volatility.index_sessions",
        f"{newest}-repaired",
        _flat({f"{newest}": sessions[f"{newest}"]}),
        f"Session {newest} again, repaired and in time: this one is published.",
    )


def _daily_weather(outbox: "_Outbox", times: StoryTimes) -> None:
    """Each second morning the month so far."""
    newest = times.evenings[-1]
    begin = open_data.add_months(newest.replace(day=1), -23)
    weather = open_data.seattle_weather(begin, newest)
    for number, day in enumerate(times.evenings[::2]):
        until = day - timedelta(days=1)
        month, so_far = f"{until:%Y-%m}", open_data.seattle_weather(begin, until)
        outbox.deliver(
            pacific(day, 6, 30),
            "weather.daily_observations",
            f"{until}-added" if number else "first",
            _flat(_months_from(so_far, times.evenings[::2][number - 1]) if number else so_far),
            f"The month {month} once more, with the days up to {until} in it."
            if number
            else "Two years of Seattle's weather, one file a month; its station must be one of transport's airports.",
            is_routine=0 < number < len(times.evenings[::2]) - 1,
        )
    month = f"{newest:%Y-%m}"
    outbox.deliver(
        pacific(newest, 15),
        "weather.daily_observations",
        f"{month}-new-export",
        _flat({month: _new_export(weather[month])}),
        "A new export tool turned temp_max into text and left out wind: stopped before a byte is copied.",
        expected="rejected",
    )


def _evenings(outbox: "_Outbox", times: StoryTimes) -> None:
    """Hourly temperatures: each evening the day so far, and the last hours of the day before."""
    *in_time, missing = times.evenings
    late = in_time[LATE_EVENING]
    hours = open_data.hourly_temperatures(times.evenings[0] - timedelta(days=4), missing)
    older = _without(hours, *map(str, times.evenings))

    outbox.deliver(
        times.start + timedelta(minutes=30),
        "weather.hourly_temperatures",
        "first",
        _hive("observed_on", older),
        f"Hourly temperatures of {len(older)} days; the day stands only in the folders' names.",
    )
    for day in in_time:
        outbox.deliver(
            pacific(day, 21, 35) if day == late else pacific(day, 19, 20),
            "weather.hourly_temperatures",
            f"{day}",
            _hive("observed_on", _evening(hours, day)),
            f"Day {day}, 35 minutes after its deadline: published all the same, and counted as late."
            if day == late
            else f"Day {day} so far, and the last hours of the day before.",
            is_routine=day not in (in_time[0], late),
        )
    outbox.deliver(
        pacific(missing, 19, 20),
        "weather.hourly_temperatures",
        f"{missing}-unknown-station",
        _hive("observed_on", {key: _renamed_station(rows) for key, rows in _evening(hours, missing).items()}),
        "Seattle's station is called KSEA, which isn't one of transport's airports: stopped by a test "
        "over two teams' data. No other came, so that the day is missed.",
        expected="rejected",
    )


@dataclass
class _Outbox:
    """Writes deliveries, and knows them."""

    folder: Path
    deliveries: list[DemoDelivery] = field(default_factory=list)

    def deliver(
        self,
        at: datetime,
        dataset: str,
        name: str,
        files: Mapping[str, pa.Table],
        story: str,
        *,
        expected: Expected = "published",
        is_routine: bool = False,
    ) -> None:
        path = self.folder.joinpath(*dataset.split("."), name)
        for file, table in files.items():
            (path / file).parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(table, path / file)
        (path / "_SUCCESS").touch()  # last: the delivery is complete once this is there
        self.deliveries.append(DemoDelivery(dataset, name, path, at, story, expected, is_routine))


def _flat(partitions: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """One file a partition, with the partition column inside."""
    return {f"{value}.parquet": table for value, table in partitions.items()}


def _hive(column: str, partitions: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """One folder a partition, whose name alone says the value."""
    return {f"{column}={value}/part-0.parquet": table for value, table in partitions.items()}


def _without(partitions: Mapping[str, pa.Table], *left_out: str) -> dict[str, pa.Table]:
    return {value: table for value, table in partitions.items() if value not in left_out}


def _months_from(partitions: Mapping[str, pa.Table], day: date) -> dict[str, pa.Table]:
    return {month: table for month, table in partitions.items() if month >= f"{day:%Y-%m}"}


def _evening(hours: Mapping[str, pa.Table], day: date) -> dict[str, pa.Table]:
    """A day up to 18:00, and the whole of the day before."""
    before, today = f"{day - timedelta(days=1)}", f"{day}"
    until = pa.scalar(datetime.combine(day, time(18)), hours[today].schema.field("observed_at").type)
    return {before: hours[before], today: hours[today].filter(pc.field("observed_at") <= until)}


def _ten_times_too_small(prices: pa.Table, symbol: str) -> pa.Table:
    rows = [
        {**row, "price": row["price"] / 10} if row["symbol"] == symbol else row for row in prices.to_pylist()
    ]
    return pa.Table.from_pylist(rows, schema=prices.schema)


def _loaded_twice(session: pa.Table) -> pa.Table:
    (row,) = session.to_pylist()
    broken = {
        **row,
        "open": -row["open"],
        "low": -row["high"],
        "signal": "strong buy",
        "signal_return": 412.5,
        "loaded_at": row["loaded_at"] + timedelta(minutes=7),
    }
    return pa.Table.from_pylist([row, broken], schema=session.schema)


def _new_export(weather: pa.Table) -> pa.Table:
    place = weather.schema.get_field_index("temp_max")
    as_text = weather["temp_max"].cast(pa.string())
    return weather.set_column(place, "temp_max", as_text).drop_columns(["wind"])


def _renamed_station(hours: pa.Table) -> pa.Table:
    rows = [
        {**row, "station": "KSEA" if row["station"] == "SEA" else row["station"]} for row in hours.to_pylist()
    ]
    return pa.Table.from_pylist(rows, schema=hours.schema)
