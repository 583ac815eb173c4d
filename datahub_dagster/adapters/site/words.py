"""Numbers, times and promises as the pages say them."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from datahub_dagster.domain.contract import Contract, DbtFreshness, FreshnessSlo, Mode, digest
from datahub_dagster.domain.view import ReleasedFile

_MOST_FILES_LISTED = 40


def count(number: int | None) -> str:
    """A number with thousands separators; a dash where it is not known.

    >>> count(1204113)
    '1,204,113'
    """
    return "–" if number is None else f"{number:,}"


def plural(number: int, noun: str, nouns: str | None = None) -> str:
    """A number with its noun.

    >>> plural(1, "delivery", "deliveries"), plural(2, "row")
    ('1 delivery', '2 rows')
    """
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def size(number: int | None) -> str:
    """A size in decimal units, as storage is billed.

    >>> size(999), size(1_234_567)
    ('999 B', '1.2 MB')
    """
    if number is None:
        return "–"
    amount, units = float(number), ["B", "kB", "MB", "GB", "TB", "PB"]
    while amount >= 999.95 and len(units) > 1:
        amount /= 1000
        units.pop(0)
    return f"{amount:.0f} B" if units[0] == "B" else f"{amount:.1f} {units[0]}"


def duration(length: timedelta) -> str:
    """A duration in its two largest units, rounded down.

    >>> duration(timedelta(days=1, hours=12)), duration(timedelta(days=90))
    ('1 day 12 h', '90 days')
    """
    seconds = int(abs(length.total_seconds()))
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, left = divmod(rest, 60)
    parts = [plural(days, "day")] if days else []
    parts += [f"{n} {unit}" for n, unit in ((hours, "h"), (minutes, "min"), (left, "s")) if n]
    return " ".join(parts[:2]) or "0 s"


def sentence(text: str) -> str:
    """The text with a capital at its start, unless it starts with a name, such as a test's.

    >>> sentence("by 08:00 Asia/Tokyo"), sentence("not_null_id: 3 failures")
    ('By 08:00 Asia/Tokyo', 'not_null_id: 3 failures')
    """
    first = text.split(maxsplit=1)[0] if text.strip() else ""
    return text[:1].upper() + text[1:] if first.rstrip(".,;").isalpha() else text


def share(value: float) -> str:
    """A share in percent, without digits that say nothing.

    >>> share(0.99), share(0.9995)
    ('99%', '99.95%')
    """
    return f"{value * 100:.4f}".rstrip("0").rstrip(".") + "%"


def instant(at: datetime, zone: ZoneInfo) -> str:
    """An instant on the clocks of a zone, to the minute.

    >>> instant(datetime(2026, 11, 20, 9, 12, tzinfo=UTC), ZoneInfo("Asia/Tokyo"))
    '2026-11-20 18:12 JST'
    """
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def machine_time(at: datetime) -> str:
    """An instant for programs: ISO 8601, UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def business_date(text: str | None) -> str:
    """A business date or month with its weekday, where it is a day.

    >>> business_date("2026-11-20"), business_date("2026-11")
    ('Fri 2026-11-20', '2026-11')
    """
    if text is None:
        return "–"
    try:
        return f"{date.fromisoformat(text):%a} {text}" if len(text) == 10 else text
    except ValueError:
        return text


_EACH_DAY = {"daily": "every day", "weekdays": "Monday to Friday"}


def calendar(name: str) -> str:
    """On which days a calendar has sessions, for people."""
    return _EACH_DAY.get(name, f"each {name} session" if len(name) == 4 else f"each day of {name}")


def freshness(slo: FreshnessSlo) -> str:
    """What a freshness SLO promises, as half a sentence.

    >>> from datetime import time
    >>> freshness(FreshnessSlo(due=time(8), timezone="Asia/Tokyo", calendar="XTKS", covers=1))
    'by 08:00 Asia/Tokyo, each XTKS session, with the session before'
    """
    if slo.max_age is not None:
        return f"never older than {duration(slo.max_age)}"
    if slo.due is None:
        return "no due time"
    days = "day" if slo.calendar == "daily" else "session"
    held = {0: "", 1: f", with the {days} before"}.get(
        slo.covers, f", with the data of {plural(slo.covers, days)} before"
    )
    return f"by {slo.due:%H:%M} {slo.timezone}, {calendar(slo.calendar)}{held}"


def dbt_freshness(promise: DbtFreshness) -> str:
    """What dbt's own freshness block says."""
    parts = [
        f"{word} after {duration(age)}"
        for word, age in (("warns", promise.warn_after), ("fails", promise.error_after))
        if age is not None
    ]
    return ", ".join(parts) or "no limits"


def delivery(contract: Contract) -> str:
    """How data come in, as a sentence."""
    spec = contract.delivery
    if spec.mode is Mode.REPLACE or spec.partitions is None:
        return "Each delivery is the whole dataset."
    cut = spec.partitions
    start = f", from {cut.start.isoformat()}" if cut.start else ""
    return f"Each delivery replaces the partitions that it brings: one a {cut.granularity.value} of {cut.column}{start}."


def anchor(prefix: str, name: str) -> str:
    """An id for a deep link: stable, and usable in a URL whatever the name is.

    >>> anchor("column", "trade_date")
    'column-trade_date'
    """
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", name)
    return f"{prefix}-{plain}" if plain == name else f"{prefix}-{plain}-{digest(name)[:6]}"


def safe_url(url: str | None) -> str | None:
    """The address if a browser may be sent there, else None: `javascript:` and the like run on a click."""
    if not url or any(ord(char) <= 32 for char in url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.netloc else None


def duckdb_sql(files: Sequence[ReleasedFile]) -> str | None:
    """SQL that reads exactly the published files, from the hub's root folder; None where that would be no example any more."""
    in_file = {file.holds_partition_column for file in files}
    if not files or len(files) > _MOST_FILES_LISTED or len(in_file) > 1:
        return None
    paths = ",\n".join("    '" + file.path.replace("'", "''") + "'" for file in files)
    hive = "" if in_file == {True} else ", hive_partitioning = true"
    return f"SELECT *\nFROM read_parquet([\n{paths}\n], union_by_name = true{hive})\nLIMIT 100;"
