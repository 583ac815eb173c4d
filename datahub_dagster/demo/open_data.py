"""The open data behind the demo, read from the package `vega-datasets`, with its dates moved close to today.

Nothing is downloaded and pandas isn't imported: the files that the package ships are CSV and JSON. Each
function says by how much it moves the dates; the contracts in `dbt_project/` tell readers the same.
"""

import csv
import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import holidays
import pyarrow as pa

AIRPORTS = pa.schema(
    [
        ("iata", pa.string()),
        ("name", pa.string()),
        ("city", pa.string()),
        ("state", pa.string()),
        ("country", pa.string()),
        ("latitude", pa.float64()),
        ("longitude", pa.float64()),
    ]
)
DAILY_OBSERVATIONS = pa.schema(
    [
        ("date", pa.date32()),
        ("station", pa.string()),
        ("precipitation", pa.float64()),
        ("temp_max", pa.float64()),
        ("temp_min", pa.float64()),
        ("wind", pa.float64()),
        ("weather", pa.string()),
    ]
)
HOURLY_TEMPERATURES = pa.schema(
    [("station", pa.string()), ("observed_at", pa.timestamp("us")), ("temperature_f", pa.float64())]
)
MONTHLY_PRICES = pa.schema([("symbol", pa.string()), ("date", pa.date32()), ("price", pa.float64())])
INDEX_SESSIONS = pa.schema(
    [
        ("trade_date", pa.date32()),
        ("open", pa.float64()),
        ("high", pa.float64()),
        ("low", pa.float64()),
        ("close", pa.float64()),
        ("signal", pa.string()),
        ("signal_return", pa.float64()),
        ("loaded_at", pa.timestamp("us")),
    ]
)
IOWA_GENERATION = pa.schema([("year", pa.date32()), ("source", pa.string()), ("net_generation", pa.int64())])

_FRACTIONAL_EMPLOYMENT = {"wholesale_trade", "retail_trade", "transportation_and_warehousing", "utilities"}
_HOURLY_FILES = {"SEA": "seattle-temps.csv", "SFO": "sf-temps.csv"}


def airports() -> pa.Table:
    """The airports of the United States, as they are: they have no dates."""
    rows = [
        {**row, "latitude": float(row["latitude"]), "longitude": float(row["longitude"])}
        for row in _csv("airports.csv")
    ]
    return pa.Table.from_pylist(rows, schema=AIRPORTS)


def iowa_generation(last_year: int) -> pa.Table:
    """Electricity of Iowa by year and source, moved by whole years so that the newest year is `last_year`."""
    rows = _csv("iowa-electricity.csv")
    moved_by = last_year - max(_iso(row["year"]).year for row in rows)
    moved = [
        {
            "year": date(_iso(row["year"]).year + moved_by, 1, 1),
            "source": row["source"],
            "net_generation": int(row["net_generation"]),
        }
        for row in rows
    ]
    return pa.Table.from_pylist(moved, schema=IOWA_GENERATION)


def us_employment(last_month: date) -> pa.Table:
    """Employees by sector, in thousands, moved by whole months so that the newest month is `last_month`."""
    rows = _csv("us-employment.csv")
    moved_by = months_between(_iso(rows[-1]["month"]), last_month)
    corrected = {"trade_transportation_utilties": "trade_transportation_utilities"}
    moved = [
        {
            "month": add_months(_iso(row["month"]), moved_by),
            **{
                corrected.get(name, name): float(value) if name in _FRACTIONAL_EMPLOYMENT else int(value)
                for name, value in row.items()
                if name != "month"
            },
        }
        for row in rows
    ]
    sectors = [
        (name, pa.float64() if name in _FRACTIONAL_EMPLOYMENT else pa.int64()) for name in list(moved[0])[1:]
    ]
    return pa.Table.from_pylist(moved, schema=pa.schema([("month", pa.date32()), *sectors]))


def monthly_prices(last_month: date, month_count: int) -> dict[str, pa.Table]:
    """Share prices by month (`YYYY-MM`), moved by whole months so that the newest month is `last_month`."""
    rows = [{**row, "date": _day(row["date"], "%b %d %Y")} for row in _csv("stocks.csv")]
    moved_by = months_between(max(row["date"] for row in rows), last_month)
    partitions: dict[str, list[dict[str, object]]] = {}
    for row in rows:
        month = add_months(row["date"], moved_by)
        if months_between(month, last_month) < month_count:
            partitions.setdefault(f"{month:%Y-%m}", []).append(
                {"symbol": row["symbol"], "date": month, "price": float(row["price"])}
            )
    return {
        month: pa.Table.from_pylist(partitions[month], schema=MONTHLY_PRICES) for month in sorted(partitions)
    }


def seattle_weather(first_day: date, last_day: date) -> dict[str, pa.Table]:
    """Daily weather by month (`YYYY-MM`): the record of 2012 to 2015, moved by whole cycles of four years.

    Month, day and leap days stay. A span that crosses the end of a cycle goes on in the next.
    """
    observed = _seattle_by_day()
    partitions: dict[str, list[dict[str, object]]] = {}
    for day in days(first_day, last_day):
        row = observed[day.replace(year=2012 + (day.year - 2012) % 4)]
        partitions.setdefault(f"{day:%Y-%m}", []).append(
            {
                "date": day,
                "station": "SEA",
                **{name: float(row[name]) for name in ("precipitation", "temp_max", "temp_min", "wind")},
                "weather": row["weather"],
            }
        )
    return {
        month: pa.Table.from_pylist(rows, schema=DAILY_OBSERVATIONS) for month, rows in partitions.items()
    }


def hourly_temperatures(first_day: date, last_day: date) -> dict[str, pa.Table]:
    """Hourly temperature by day (`YYYY-MM-DD`): the values of the same month and day of 2010.

    29 February takes the values of the 28th. The day itself is not a column: it is the name of the folder.
    """
    observed = {station: _by_day(file) for station, file in _HOURLY_FILES.items()}
    partitions: dict[str, pa.Table] = {}
    for day in days(first_day, last_day):
        like = date(2010, day.month, 28 if (day.month, day.day) == (2, 29) else day.day)
        rows = [
            {"station": station, "observed_at": datetime.combine(day, at.time()), "temperature_f": degrees}
            for station, by_day in observed.items()
            for at, degrees in by_day[like]
        ]
        partitions[day.isoformat()] = pa.Table.from_pylist(rows, schema=HOURLY_TEMPERATURES)
    return partitions


def index_sessions(before: date, session_count: int) -> dict[str, pa.Table]:
    """The volatility index by session (`YYYY-MM-DD`), re-dated to the last sessions of XNYS before `before`.

    The sessions are those of 2009 and keep their order. `loaded_at` is 21:30 UTC on the session's day.
    """
    rows = json.loads((_data_folder() / "ohlc.json").read_text("utf-8"))[-session_count:]
    partitions: dict[str, pa.Table] = {}
    for row, session in zip(rows, sessions_before(before, len(rows)), strict=True):
        moved = {
            "trade_date": session,
            **{name: float(row[name]) for name in ("open", "high", "low", "close")},
            "signal": row["signal"],
            "signal_return": float(row["ret"]),
            "loaded_at": datetime(session.year, session.month, session.day, 21, 30),  # noqa: DTZ001
        }
        partitions[session.isoformat()] = pa.Table.from_pylist([moved], schema=INDEX_SESSIONS)
    return partitions


def sessions_before(day: date, count: int) -> list[date]:
    """The last `count` sessions of the New York Stock Exchange before `day`, oldest first.

    >>> [f"{session}" for session in sessions_before(date(2026, 11, 30), 3)]  # the 26th is Thanksgiving
    ['2026-11-24', '2026-11-25', '2026-11-27']
    """
    closed = holidays.financial_holidays("XNYS")
    sessions: list[date] = []
    while len(sessions) < count:
        day -= timedelta(days=1)
        if day.weekday() < 5 and day not in closed:
            sessions.append(day)
    return sessions[::-1]


def add_months(first_of_month: date, count: int) -> date:
    """The first day of the month that lies `count` months later.

    >>> add_months(date(2026, 11, 1), 3)
    datetime.date(2027, 2, 1)
    """
    months = first_of_month.year * 12 + first_of_month.month - 1 + count
    return date(months // 12, months % 12 + 1, 1)


def months_between(earlier: date, later: date) -> int:
    """How many months `later` comes after `earlier`; the days of the months don't matter."""
    return (later.year - earlier.year) * 12 + later.month - earlier.month


def days(first_day: date, last_day: date) -> Iterator[date]:
    """Each day from the first to the last, both included."""
    for offset in range((last_day - first_day).days + 1):
        yield first_day + timedelta(days=offset)


@lru_cache
def _seattle_by_day() -> dict[date, dict[str, str]]:
    return {_day(row["date"], "%Y/%m/%d"): row for row in _csv("seattle-weather.csv")}


@lru_cache
def _by_day(file: str) -> dict[date, list[tuple[datetime, float]]]:
    by_day: dict[date, list[tuple[datetime, float]]] = {}
    for row in _csv(file):
        at = datetime.strptime(row["date"][:16], "%Y/%m/%d %H:%M")  # noqa: DTZ007 - local time of the station
        by_day.setdefault(at.date(), []).append((at, float(row["temp"])))
    return by_day


def _iso(text: str) -> date:
    return date.fromisoformat(text)


def _day(text: str, pattern: str) -> date:
    return datetime.strptime(text, pattern).date()  # noqa: DTZ007 - a day, not an instant


@lru_cache
def _csv(name: str) -> list[dict[str, str]]:
    with (_data_folder() / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _data_folder() -> Path:
    spec = find_spec(
        "vega_datasets"
    )  # finds the package without importing it: importing it would import pandas
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            "the demo's data come from the package vega-datasets: pip install vega-datasets"
        )
    return Path(spec.submodule_search_locations[0]) / "_data"
