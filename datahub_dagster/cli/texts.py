"""Values as people read them: ages, sizes, promises. Pure; `now` is passed."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from datahub_dagster.domain.contract import Contract, DeliverySpec, FreshnessSlo, Mode, Origin
from datahub_dagster.domain.release import WHOLE
from datahub_dagster.domain.slo import SloStanding, SloState


def instant_text(at: datetime) -> str:
    """An instant to the minute, in UTC.

    >>> instant_text(datetime(2026, 11, 20, 9, 5, 7, tzinfo=UTC))
    '2026-11-20 09:05 UTC'
    """
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def duration_text(duration: timedelta) -> str:
    """A duration in its largest sensible unit, sign left out.

    >>> (
    ...     duration_text(timedelta(minutes=-95)),
    ...     duration_text(timedelta(days=35)),
    ...     duration_text(timedelta(seconds=0.4)),
    ... )
    ('1 h 35 min', '35 d', '0 s')
    """
    seconds = int(abs(duration.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 60:
        return f"{minutes} min"
    if hours < 48:
        return f"{hours} h {minutes % 60} min" if minutes % 60 and hours < 10 else f"{hours} h"
    return f"{days} d"


def ago_text(at: datetime, now: datetime) -> str:
    """How long ago something was.

    >>> ago_text(datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 20, 3, tzinfo=UTC))
    '3 h ago'
    """
    return f"{duration_text(now - at)} ago" if now - at >= timedelta(seconds=1) else "just now"


def bytes_text(count: int) -> str:
    """A size in decimal units, as on the pages.

    >>> bytes_text(812), bytes_text(10_000), bytes_text(5 * 10**9)
    ('812 B', '10.0 kB', '5.0 GB')
    """
    size = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            break
        size /= 1000
    return f"{count} B" if unit == "B" else f"{size:.1f} {unit}"


def count_text(count: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun.

    >>> count_text(1, "row"), count_text(12045, "row"), count_text(2, "delivery", "deliveries")
    ('1 row', '12,045 rows', '2 deliveries')
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def keys_text(keys: Sequence[str], limit: int = 4) -> str:
    """Partition keys: a few are listed, many become a range.

    >>> keys_text(["2026-01", "2026-02"]), keys_text([""]), keys_text([f"2026-{m:02}" for m in range(1, 10)])
    ('2026-01, 2026-02', 'the whole dataset', '2026-01 ... 2026-09 (9 partitions)')
    """
    if list(keys) == [WHOLE]:
        return "the whole dataset"
    if len(keys) <= limit:
        return ", ".join(keys)
    return f"{min(keys)} ... {max(keys)} ({len(keys):,} partitions)"


def list_text(names: Iterable[str], limit: int = 3, separator: str = ", ") -> str:
    """Some names and how many more there are.

    >>> list_text(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    found = list(names)
    more = f" and {len(found) - limit} more" if len(found) > limit else ""
    return separator.join(found[:limit]) + more


def freshness_text(slo: FreshnessSlo) -> str:
    """What an SLO of freshness promises.

    >>> freshness_text(FreshnessSlo(max_age=timedelta(days=35)))
    'never older than 35 d'
    >>> from datetime import time
    >>> freshness_text(FreshnessSlo(due=time(8), timezone="Asia/Tokyo", calendar="XTKS", covers=1))
    'by 08:00 Asia/Tokyo, each XTKS session, with the session before'
    """
    if slo.max_age is not None:
        return f"never older than {duration_text(slo.max_age)}"
    if slo.due is None:
        return "no due time"
    day = "day" if slo.calendar == "daily" else "session"
    each = {"daily": "every day", "weekdays": "Monday to Friday"}.get(slo.calendar)
    each = each or (
        f"each {slo.calendar} session" if len(slo.calendar) == 4 else f"each day of {slo.calendar}"
    )
    held = {0: "", 1: f", with the {day} before"}.get(
        slo.covers, f", with the data of {slo.covers} {day}s before"
    )
    grace = f" (+{duration_text(slo.grace)})" if slo.grace else ""
    return f"by {slo.due:%H:%M}{grace} {slo.timezone}, {each}{held}"


def promises(contract: Contract) -> list[str]:
    """Every promise of timeliness, a text each; empty where nothing is promised."""
    found = [freshness_text(slo) for slo in contract.freshness_slos]
    if not found and contract.dbt_freshness:
        age = contract.dbt_freshness.error_after or contract.dbt_freshness.warn_after
        if age:
            found.append(f"never older than {duration_text(age)} (dbt freshness)")
    return found


def delivery_text(spec: DeliverySpec) -> str:
    """How data come in."""
    if spec.mode is Mode.REPLACE or spec.partitions is None:
        return "replace: each delivery is the whole dataset"
    cut = spec.partitions
    start = f", from {cut.start}" if cut.start else ""
    calendar = f", on the days of {cut.calendar}" if cut.calendar else ""
    each = f"{cut.granularity} of {cut.column}{start}{calendar}"
    return f"partition: a delivery replaces the partitions it brings ({each})"


def standing_text(standing: SloStanding, now: datetime) -> str:
    """How an SLO stands, with the due time that was missed."""
    if standing.state is SloState.LATE and standing.due_at:
        business_date = f", for {standing.business_date}" if standing.business_date else ""
        late = duration_text(now - standing.due_at)
        return f"late by {late} (due {instant_text(standing.due_at)}{business_date})"
    return f"unknown: {standing.reason}" if standing.state is SloState.UNKNOWN else standing.state.value


def origin_text(project_dir: Path, origin: Origin | None) -> str:
    """File and line as an editor opens them from here: relative to the current folder where it is inside."""
    if origin is None:
        return ""
    path = project_dir / origin.path
    here = Path.cwd()
    shown = path.relative_to(here) if path.is_relative_to(here) else path
    return f"{shown.as_posix()}:{origin.line}"


def place_in(project_dir: Path, text: str) -> str:
    """A text that begins with a place in the dbt project, with that place as an editor opens it from here.

    >>> (
    ...     place_in(Path("/srv/dbt"), "models/a.yml:7  id bigint"),
    ...     place_in(Path("/srv/dbt"), "one file at least"),
    ... )
    ('/srv/dbt/models/a.yml:7  id bigint', 'one file at least')
    """
    match = re.match(r"(\S+\.ya?ml):(\d+)", text)
    if match is None:
        return text
    return origin_text(project_dir, Origin(match[1], int(match[2]))) + text[match.end() :]
