"""What only a page has: ids for links, times for programs."""

import re
from datetime import UTC, datetime

from datahub_dagster.domain.contract import digest


def machine_time(at: datetime) -> str:
    """An instant for programs: ISO 8601, UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def anchor(prefix: str, name: str) -> str:
    """An id for a deep link: stable, and usable in a URL whatever the name is.

    >>> anchor("column", "trade_date")
    'column-trade_date'
    """
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", name)
    return f"{prefix}-{plain}" if plain == name else f"{prefix}-{plain}-{digest(name)[:6]}"
