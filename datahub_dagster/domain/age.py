"""What became of a day for which a maximum age is promised. Pure; `now` is passed.

The age is that of what is published: after a rollback, that of the older content. Before the first release it counts from the
promise on.
"""

from datetime import date, datetime, timedelta

from datahub_dagster.domain.contract import FreshnessSlo
from datahub_dagster.domain.timeline import Timeline
from datahub_dagster.domain.verdict import DueResult, Verdict

_DOUBT = "nobody knows when what was published again was published first"


def aged(
    slo: FreshnessSlo,
    day: date,
    timeline: Timeline,
    since: datetime,
    end: datetime,
    now: datetime,
    promised_since: datetime,
) -> DueResult:
    """What became of one day, or of what is over of it. It is counted when it was too old first, or at its end.

    Args:
        slo: A promise with `max_age`.
        day: The local day.
        timeline: What was published when.
        since: Where the day begins (UTC), or the promise, if that is later.
        end: Where it ends (UTC).
        now: The instant asked about.
        promised_since: Since when it is promised.
    """
    limit = (slo.max_age or timedelta(0)) + slo.grace
    broken_at: datetime | None = None  # when it was too old first ...
    fresh_at: datetime | None = None  # ... and fresh again last
    content_at: datetime | None = None
    worst, doubt = timedelta(0), ""
    for piece in timeline.pieces(since, min(end, now)):
        content_at = piece.latest
        too_old_at = (piece.latest or promised_since) + limit
        if piece.fault:
            doubt = doubt or piece.fault
        elif too_old_at < piece.until:
            broken_at = broken_at or max(piece.since, too_old_at)
            worst, fresh_at = max(worst, piece.until - too_old_at), None
        elif piece.earliest is not None and piece.earliest + limit < piece.until:
            doubt = doubt or _DOUBT
        elif broken_at:
            fresh_at = fresh_at or piece.since
    if broken_at:
        return DueResult(
            slo=slo.name,
            business_date=day.isoformat(),
            due_at=max(since, broken_at - slo.grace),
            deadline_at=broken_at,
            verdict=Verdict.LATE if fresh_at else Verdict.MISSED,
            answered_at=fresh_at,
            late=worst,
        )
    return DueResult(
        slo=slo.name,
        business_date=day.isoformat(),
        due_at=end,
        deadline_at=end,
        verdict=Verdict.UNKNOWN if doubt else Verdict.MET,
        answered_at=None if doubt else content_at,
        reason=doubt,
    )
