"""What only the terminal says: ages as of now, and places as an editor opens them from here. `now` is passed."""

import re
from datetime import datetime, timedelta
from pathlib import Path

from datahub_dagster.domain import words
from datahub_dagster.domain.contract import Origin
from datahub_dagster.domain.slo import SloStanding, SloState


def ago(at: datetime, now: datetime) -> str:
    """How long ago something was.

    >>> from datetime import UTC
    >>> ago(datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 20, 3, tzinfo=UTC))
    '3 h ago'
    """
    return f"{words.duration(now - at)} ago" if now - at >= timedelta(seconds=1) else "just now"


def standing_text(standing: SloStanding, now: datetime) -> str:
    """How an SLO stands, with the due time that was missed."""
    if standing.state is SloState.LATE and standing.due_at:
        business_date = f", for {standing.business_date}" if standing.business_date else ""
        deadline_at = standing.deadline_at or standing.due_at
        grace = deadline_at - standing.due_at
        of_grace = f", {words.duration(grace)} of grace" if grace else ""
        late = words.duration(now - deadline_at)
        return f"late by {late} (due {words.instant(standing.due_at)}{of_grace}{business_date})"
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
