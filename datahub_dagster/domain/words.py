"""How numbers, times and promises are said: one wording for the terminal, the pages and Dagster. Pure."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from urllib.parse import urlsplit

from datahub_dagster.domain.calendar_text import ordinal
from datahub_dagster.domain.contract import (
    Contract,
    DbtFreshness,
    DeliverySpec,
    FreshnessSlo,
    Granularity,
    License,
    Mode,
    PartitionSpec,
    Retention,
)
from datahub_dagster.domain.release import WHOLE, OutcomeKind

_TEST_OF_COLUMN = re.compile(r"\w+ of \S+:")
_EACH_DAY = {"daily": "every day", "weekdays": "Monday to Friday"}


def count(number: int | None) -> str:
    """A number with thousands separators; a dash where it is not known.

    >>> count(1204113)
    '1,204,113'
    """
    return "–" if number is None else f"{number:,}"


def plural(number: int, noun: str, nouns: str | None = None) -> str:
    """A number with its noun.

    >>> plural(1, "delivery", "deliveries"), plural(12045, "row")
    ('1 delivery', '12,045 rows')
    """
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def size(number: int | None) -> str:
    """A size in decimal units, as storage is billed; a dash where it is not known.

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
    """A duration in its two largest units, rounded down, sign left out.

    >>> duration(timedelta(days=1, hours=12)), duration(timedelta(days=35)), duration(timedelta(minutes=-95))
    ('1 day 12 h', '35 days', '1 h 35 min')
    """
    seconds = int(abs(length.total_seconds()))
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, left = divmod(rest, 60)
    parts = [plural(days, "day")] if days else []
    parts += [f"{n} {unit}" for n, unit in ((hours, "h"), (minutes, "min"), (left, "s")) if n]
    return " ".join(parts[:2]) or "0 s"


def after_deadline(late: timedelta, due_at: datetime, grace: timedelta, zone: tzinfo = UTC) -> str:
    """How late something is. That counts from its deadline, the due time plus `grace`.

    >>> due = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    >>> after_deadline(timedelta(minutes=35), due, timedelta(0))
    '35 min after its deadline'
    >>> after_deadline(timedelta(minutes=35), due, timedelta(hours=1))
    '35 min after its deadline (due 2026-11-20 09:30 UTC, 1 h of grace)'
    """
    of_grace = f" (due {instant(due_at, zone)}, {duration(grace)} of grace)" if grace else ""
    return f"{duration(late)} after its deadline{of_grace}"


def share(value: float) -> str:
    """A share in percent, without digits that say nothing.

    >>> share(0.99), share(0.9995)
    ('99%', '99.95%')
    """
    return f"{value * 100:.4f}".rstrip("0").rstrip(".") + "%"


def instant(at: datetime, zone: tzinfo = UTC) -> str:
    """An instant on the clocks of a zone, to the minute.

    >>> from zoneinfo import ZoneInfo
    >>> at = datetime(2026, 11, 20, 9, 12, 7, tzinfo=UTC)
    >>> instant(at), instant(at, ZoneInfo("Asia/Tokyo"))
    ('2026-11-20 09:12 UTC', '2026-11-20 18:12 JST')
    """
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}"


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


def names(several: Iterable[str], limit: int = 3, separator: str = ", ") -> str:
    """Some names and how many more there are.

    >>> names(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    found = list(several)
    more = f" and {len(found) - limit:,} more" if len(found) > limit else ""
    return separator.join(found[:limit]) + more


def keys(several: Sequence[str], limit: int = 4) -> str:
    """Partition keys: a few are listed, many become a range.

    >>> keys(["2026-01", "2026-02"]), keys([""]), keys([f"2026-{month:02}" for month in range(1, 10)])
    ('2026-01, 2026-02', 'the whole dataset', '2026-01 to 2026-09 (9 partitions)')
    """
    if list(several) == [WHOLE]:
        return "the whole dataset"
    if len(several) <= limit:
        return ", ".join(several)
    return f"{min(several)} to {max(several)} ({plural(len(several), 'partition')})"


def calendar(name: str) -> str:
    """On which days a calendar has sessions.

    >>> calendar("daily"), calendar("XTKS"), calendar("JP")
    ('every day', 'each XTKS session', 'each day of JP')
    >>> calendar("XTKS and JP"), calendar("5th of JP")
    ('each session of XTKS and JP', 'the 5th session of JP each month')
    """
    which, of, base = name.partition(" of ")
    if of and " " not in which.removesuffix(" last"):
        return f"the {which} session of {base} each month"
    if name in _EACH_DAY:
        return _EACH_DAY[name]
    if not name.isupper() or " " in name:
        return f"each session of {name}"
    return f"each {name} session" if len(name) == 4 else f"each day of {name}"


def outcome(kind: OutcomeKind) -> str:
    """How a delivery ended, in a word. One that was never published is called overtaken: a later one came first.

    >>> outcome(OutcomeKind.REJECTED), outcome(OutcomeKind.SUPERSEDED)
    ('rejected', 'overtaken')
    """
    return "overtaken" if kind is OutcomeKind.SUPERSEDED else kind.value


def freshness(slo: FreshnessSlo, partitions: PartitionSpec | None = None) -> str:
    """What a freshness SLO promises, as half a sentence; of a dataset with partitions say which.

    >>> from datetime import time
    >>> promised = FreshnessSlo(due=time(8), timezone="Asia/Tokyo", calendar="XTKS", covers=1)
    >>> freshness(promised)
    'by 08:00 Asia/Tokyo, each XTKS session, with the session before'
    >>> freshness(FreshnessSlo(max_age=timedelta(days=35), grace=timedelta(hours=2)))
    'never older than 35 days (2 h of grace)'
    >>> freshness(promised, PartitionSpec(column="month", granularity=Granularity.MONTH))
    'by 08:00 Asia/Tokyo, on the first XTKS session after each month, with the whole month'
    """
    grace = f" ({duration(slo.grace)} of grace)" if slo.grace else ""
    if slo.max_age is not None:
        return f"never older than {duration(slo.max_age)}{grace}"
    if slo.due is None:
        return "no due time"
    by = f"by {slo.due:%H:%M} {slo.timezone}{grace}"
    if partitions is not None and partitions.granularity is Granularity.MONTH:
        return f"{by}, on {_after_each_month(slo)}, with the whole month"
    days = "day" if slo.calendar == "daily" else "session"
    held = {0: "", 1: f", with the {days} before"}.get(
        slo.covers, f", with the data of {plural(slo.covers, days)} before"
    )
    return f"{by}, {calendar(slo.calendar)}{held}"


def _after_each_month(slo: FreshnessSlo) -> str:
    """The due day of a month: of its sessions the last one alone is owed."""
    name = slo.calendar
    is_code = name.isupper() and " " not in name
    other = f"working day of {name}" if is_code and len(name) == 2 else f"session of {name}"
    plain = {"daily": "day", "weekdays": "weekday"}.get(name, other)
    session = f"{name} session" if is_code and len(name) == 4 else plain
    if slo.covers == 0:
        return f"each month's last {session}"
    return f"the {'first' if slo.covers == 1 else ordinal(slo.covers)} {session} after each month"


def dbt_freshness(promise: DbtFreshness) -> str:
    """What dbt's own freshness block says.

    >>> dbt_freshness(DbtFreshness(warn_after=timedelta(days=4), error_after=timedelta(days=6)))
    'warns after 4 days, fails after 6 days'
    """
    parts = [
        f"{word} after {duration(age)}"
        for word, age in (("warns", promise.warn_after), ("fails", promise.error_after))
        if age is not None
    ]
    return ", ".join(parts) or "no limits"


def promises(contract: Contract) -> list[str]:
    """Every promise of timeliness, a text each; empty where nothing is promised."""
    found = [freshness(slo, contract.partitions) for slo in contract.freshness_slos]
    if contract.dbt_freshness:
        found.append(f"dbt freshness {dbt_freshness(contract.dbt_freshness)}")
    return found


def delivery(spec: DeliverySpec) -> str:
    """How data come in, as a sentence.

    >>> delivery(DeliverySpec())
    'Each delivery is the whole dataset.'
    """
    if spec.mode is Mode.REPLACE or spec.partitions is None:
        return "Each delivery is the whole dataset."
    cut = spec.partitions
    start = f", from {cut.start.isoformat()}" if cut.start else ""
    days = f", {calendar(cut.calendar)}" if cut.calendar else ""
    each = f"one a {cut.granularity.value} of {cut.column}{start}{days}"
    return f"Each delivery replaces the partitions that it brings: {each}."


def retention(kept: Retention) -> str:
    """What is kept.

    >>> retention(Retention(releases=1, days=30))
    'at least 1 release and 30 days'
    """
    return f"at least {plural(kept.releases, 'release')} and {plural(kept.days, 'day')}"


def license(terms: License) -> str:
    """What a consumer may do with the data.

    >>> license(License(terms="internal use")), license(License(terms="CC BY 4.0", redistribution=True))
    ('internal use, not to be passed on', 'CC BY 4.0, may be passed on')
    """
    return f"{terms.terms}, {'may' if terms.redistribution else 'not to'} be passed on"


def sentence(text: str) -> str:
    """The text with a capital at its start, unless it starts with a name, such as a test's.

    >>> (
    ...     sentence("by 08:00 Asia/Tokyo"),
    ...     sentence("not_null_id: 3 failures"),
    ...     sentence("unique of day: 1 failure"),
    ... )
    ('By 08:00 Asia/Tokyo', 'not_null_id: 3 failures', 'unique of day: 1 failure')
    """
    first = text.split(maxsplit=1)[0] if text.strip() else ""
    is_name = not first.rstrip(".,;").isalpha() or _TEST_OF_COLUMN.match(text)
    return text if is_name else text[:1].upper() + text[1:]


def safe_url(url: str | None) -> str | None:
    """The address if a browser may be sent there, else None: `javascript:` and the like run on a click."""
    if not url or any(ord(char) <= 32 for char in url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.netloc else None
