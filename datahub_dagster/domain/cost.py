"""What queries cost where the engine is paid by the byte."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from datahub_dagster.domain import words
from datahub_dagster.domain.audit import AuditReport, CheckResult, CheckStatus

_MEGABYTE = 1 << 20
_TERABYTE = 1 << 40
_LEAST = 10 * _MEGABYTE


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of any number of queries: bytes they scanned, bytes that are charged for, and seconds they ran in the engine."""

    queries: int = 0
    bytes_scanned: int = 0
    bytes_charged: int = 0
    engine_seconds: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            queries=self.queries + other.queries,
            bytes_scanned=self.bytes_scanned + other.bytes_scanned,
            bytes_charged=self.bytes_charged + other.bytes_charged,
            engine_seconds=self.engine_seconds + other.engine_seconds,
        )

    def __str__(self) -> str:
        queries = words.plural(self.queries, "query", "queries")
        return f"{words.size(self.bytes_scanned)} scanned by {queries}, {self.engine_seconds:,.1f} s in the engine"

    def price(self, per_terabyte: float) -> float:
        """What it costs at a price per terabyte, in the same currency.

        >>> round(Cost(bytes_charged=_TERABYTE // 2).price(5.0), 2)
        2.5
        """
        return self.bytes_charged / _TERABYTE * per_terabyte


def cost_of(reports: Iterable[AuditReport | None]) -> Cost | None:
    """What the tests of some reports cost; None if the engine charged nothing for any, as DuckDB."""
    results = [result for report in reports if report for result in report.results if result.cost]
    return sum(map(_cost, results), Cost()) if results else None


def month_begins_at(now: datetime) -> datetime:
    """When the month of an instant began, in UTC as AWS bills it.

    >>> month_begins_at(datetime(2026, 11, 20, 9, tzinfo=UTC)).isoformat()
    '2026-11-01T00:00:00+00:00'
    """
    return now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _cost(result: CheckResult) -> Cost:
    assert result.cost is not None
    scanned = result.cost.bytes_scanned
    each = result.cost.bytes_by_query or (scanned,)
    return Cost(
        queries=len(each),
        bytes_scanned=scanned,
        bytes_charged=0 if result.status is CheckStatus.ERROR and not scanned else sum(map(charged, each)),
        engine_seconds=result.cost.engine_seconds,
    )


def charged(scanned: int) -> int:
    """The bytes that Athena charges for one query: whole megabytes, and ten at least.

    A query that failed is not charged for, one that was cancelled is charged for what it scanned until then. Source:
    https://aws.amazon.com/athena/pricing/. AWS doesn't say there whether a megabyte is 1,000 or 1,024 kilobytes; this takes 1,024.

    >>> [charged(scanned) // _MEGABYTE for scanned in (0, 10 * _MEGABYTE, 10 * _MEGABYTE + 1)]
    [10, 10, 11]
    """
    return max(_LEAST, -(-scanned // _MEGABYTE) * _MEGABYTE)
