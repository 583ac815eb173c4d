"""Deliveries for the demo: what five teams hand in, in the order in which they do it.

Most are fine, one repeats what is published already, and four are broken the way real deliveries break.
The same `today` gives the same bytes. Nothing here knows the hub: a delivery is a folder with Parquet files
and a `_SUCCESS` marker.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from datahub_dagster.demo import open_data

EARLIEST_TODAY = date(2026, 3, 1)
"""The contracts' partitions start in 2026 (days) and 2023 (months); no delivery may precede them."""

Expected = Literal["published", "repeat", "rejected"]


@dataclass(frozen=True)
class DemoDelivery:
    """One delivery of the demo and what should become of it."""

    dataset: str
    name: str
    path: Path
    story: str
    """One sentence for people: what the team hands in, and why it is fine or not."""
    expected: Expected


def write_deliveries(folder: Path, today: date) -> list[DemoDelivery]:
    """The demo's deliveries, written below `folder`, in the order in which they should be delivered.

    The newest business date is the day, session or month that ended last before `today`. Writes again over
    what is there; removes nothing.

    Raises:
        ValueError: `today` is before `EARLIEST_TODAY`.
    """
    if today < EARLIEST_TODAY:
        raise ValueError(
            f"the demo's contracts begin in 2026: today must be {EARLIEST_TODAY} or later, not {today}"
        )
    yesterday = today - timedelta(days=1)
    last_month = open_data.add_months(today.replace(day=1), -1)
    month_before = open_data.add_months(last_month, -1)

    prices = open_data.monthly_prices(last_month, month_count=30)
    *older_months, newest_month = prices
    corrected_month = older_months[-6]
    sessions = open_data.index_sessions(today, session_count=30)
    *older_sessions, newest_session = sessions
    hours = open_data.hourly_temperatures(today - timedelta(days=14), yesterday)
    newest_days = list(hours)[-2:]
    two_years = open_data.add_months(yesterday.replace(day=1), -23)
    weather = open_data.seattle_weather(two_years, yesterday)
    weather_so_far = open_data.seattle_weather(two_years, yesterday - timedelta(days=1))
    weather_month = f"{yesterday:%Y-%m}"

    outbox = _Outbox(folder)

    # The first delivery of each dataset.
    outbox.deliver(
        "transport.airports",
        "first",
        {"airports.parquet": open_data.airports()},
        "The whole list of airports; twelve without a state trip a warning, which doesn't stop the release.",
    )
    outbox.deliver(
        "energy.iowa_generation",
        "first",
        {"iowa_generation.parquet": open_data.iowa_generation(today.year - 1)},
        "Electricity of Iowa by year: a small table of which the whole is replaced each time.",
    )
    outbox.deliver(
        "employment.us_monthly",
        "first",
        {"us_monthly.parquet": open_data.us_employment(month_before)},
        f"Ten years of US employment, up to {month_before:%B %Y}.",
    )
    outbox.deliver(
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
        "volatility.index_sessions",
        "first",
        _flat(_without(sessions, newest_session)),
        f"The volatility index of {len(older_sessions)} trading sessions, with confidential columns.",
    )
    outbox.deliver(
        "weather.daily_observations",
        "first",
        _flat(weather_so_far),
        "Two years of Seattle's weather, one file a month; its station must be one of transport's airports.",
    )
    outbox.deliver(
        "weather.hourly_temperatures",
        "first",
        _hive("observed_on", _without(hours, *newest_days)),
        "Hourly temperatures of twelve days; the day stands only in the folders' names.",
    )

    # Increments, a repeat and a correction.
    outbox.deliver(
        "employment.us_monthly",
        "one-month-more",
        {"us_monthly.parquet": open_data.us_employment(last_month)},
        f"The whole table again, with {last_month:%B %Y} added.",
    )
    outbox.deliver(
        "markets.monthly_prices",
        f"{newest_month}-added",
        _flat({newest_month: prices[newest_month]}),
        f"One month more, {newest_month}: the others stay as they are.",
    )
    outbox.deliver(
        "markets.monthly_prices",
        f"{newest_month}-sent-twice",
        _flat({newest_month: prices[newest_month]}),
        "The scheduler ran twice: the same bytes under another name, so there is nothing to do.",
        expected="repeat",
    )
    outbox.deliver(
        "markets.monthly_prices",
        f"{corrected_month}-corrected",
        _flat({corrected_month: prices[corrected_month]}),
        f"A consumer noticed: IBM's price of {corrected_month} is put right, six months after the fact.",
    )
    outbox.deliver(
        "weather.daily_observations",
        f"{yesterday}-added",
        _flat({weather_month: weather[weather_month]}),
        f"The month {weather_month} once more, with yesterday in it.",
    )
    outbox.deliver(
        "weather.hourly_temperatures",
        "two-days-more",
        _hive("observed_on", {day: hours[day] for day in newest_days}),
        f"Two days more, up to {newest_days[-1]}.",
    )

    # Deliveries that break, as real ones do.
    outbox.deliver(
        "volatility.index_sessions",
        f"{newest_session}-loaded-twice",
        _flat({newest_session: _loaded_twice(sessions[newest_session])}),
        f"Session {newest_session} loaded twice, with prices below zero, an unknown signal, and a return "
        "beyond belief (only a warning): the audit stops it, and the sample hides confidential values.",
        expected="rejected",
    )
    outbox.deliver(
        "weather.daily_observations",
        f"{weather_month}-new-export",
        _flat({weather_month: _new_export(weather[weather_month])}),
        "A new export tool turned temp_max into text and left out wind: stopped before a byte is copied.",
        expected="rejected",
    )
    outbox.deliver(
        "weather.hourly_temperatures",
        f"{newest_days[-1]}-unknown-station",
        _hive("observed_on", {newest_days[-1]: _renamed_station(hours[newest_days[-1]])}),
        "Seattle's station is called KSEA, which isn't one of transport's airports: stopped by a test "
        "over two teams' data.",
        expected="rejected",
    )
    outbox.deliver(
        "transport.airports",
        "cut-off",
        {"airports.parquet": open_data.airports().slice(0, 1200)},
        "The download broke off after 1,200 airports: the row count stops it before anyone misses one.",
        expected="rejected",
    )
    outbox.deliver(
        "volatility.index_sessions",
        f"{newest_session}-repaired",
        _flat({newest_session: sessions[newest_session]}),
        f"Session {newest_session} again, repaired: this one is published.",
    )
    return outbox.deliveries


@dataclass
class _Outbox:
    """Writes deliveries and keeps them in order."""

    folder: Path
    deliveries: list[DemoDelivery] = field(default_factory=list)

    def deliver(
        self,
        dataset: str,
        name: str,
        files: Mapping[str, pa.Table],
        story: str,
        *,
        expected: Expected = "published",
    ) -> None:
        path = self.folder.joinpath(*dataset.split("."), name)
        for file, table in files.items():
            (path / file).parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(table, path / file)
        (path / "_SUCCESS").touch()  # last: the delivery is complete once this is there
        self.deliveries.append(DemoDelivery(dataset, name, path, story, expected))


def _flat(partitions: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """One file a partition, with the partition column inside."""
    return {f"{value}.parquet": table for value, table in partitions.items()}


def _hive(column: str, partitions: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """One folder a partition, whose name alone says the value."""
    return {f"{column}={value}/part-0.parquet": table for value, table in partitions.items()}


def _without(partitions: Mapping[str, pa.Table], *left_out: str) -> dict[str, pa.Table]:
    return {value: table for value, table in partitions.items() if value not in left_out}


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
