"""`datahub status --cost`: what the queries of audits and checks cost, dataset by dataset."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from datahub_dagster.cli.output import Cell, Line, Rows, Styled
from datahub_dagster.domain import words
from datahub_dagster.domain.cost import Cost, cost_of, month_begins_at
from datahub_dagster.domain.names import ReleaseId
from datahub_dagster.domain.status import DatasetStatus
from datahub_dagster.ports import ReleaseLog


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetCosts:
    """What the queries of one dataset cost. `month` is what was released and checked since the first of this month, UTC.

    `last_release` and `last_check` are None where there was none, or nothing was charged for it; `problem` says why nothing is known.
    """

    status: DatasetStatus
    release: ReleaseId | None = None
    last_release: Cost | None = None
    checked_at: datetime | None = None
    last_check: Cost | None = None
    month: Cost = field(default_factory=Cost)
    problem: str = ""

    @classmethod
    def of(cls, log: ReleaseLog, status: DatasetStatus, now: datetime) -> "DatasetCosts":
        """Add up what records and checks say."""
        if status.problem:
            return cls(status=status, problem=status.problem)
        since = month_begins_at(now)
        name = status.contract.name
        audited = [each.record for each in status.outcomes if each.record and each.record.audit]
        of_month = [record.audit for record in audited if record.finished_at >= since]
        checks = log.checks(name, since)
        checked = log.last_check(name)
        return cls(
            status=status,
            release=audited[-1].release_id if audited else None,
            last_release=cost_of([audited[-1].audit]) if audited else None,
            checked_at=checked[0] if checked else None,
            last_check=cost_of([checked[1]]) if checked else None,
            month=cost_of([*of_month, *(report for _, report in checks)]) or Cost(),
        )


def costs_value(
    costs: Sequence[DatasetCosts], now: datetime, price_per_tb: float | None, *, is_charged: bool
) -> dict[str, object]:
    """All of them, for programs. Prices are null where nobody said what a terabyte costs."""

    def value(cost: Cost | None) -> dict[str, object] | None:
        return cost and {
            "queries": cost.queries,
            "bytes_scanned": cost.bytes_scanned,
            "bytes_charged": cost.bytes_charged,
            "engine_seconds": round(cost.engine_seconds, 3),
            "usd": None if price_per_tb is None else cost.price(price_per_tb),
        }

    return {
        "at": now,
        "month_begins_at": month_begins_at(now),
        "is_charged": is_charged,
        "usd_per_tb": price_per_tb,
        "datasets": [
            {
                "dataset": each.status.contract.name,
                "team": each.status.contract.team,
                "release": each.release,
                "last_release": value(each.last_release),
                "checked_at": each.checked_at,
                "last_check": value(each.last_check),
                "month": value(each.month),
                "problem": each.problem or None,
            }
            for each in costs
        ],
        "month": value(_total(costs)),
    }


def costs_lines(
    costs: Sequence[DatasetCosts], now: datetime, price_per_tb: float | None, *, is_charged: bool
) -> Iterator[Line]:
    """All of them, for people."""
    if not is_charged:
        yield "DuckDB runs on this machine and charges nothing: there is no cost to show."
        return

    def cell(cost: Cost | None, what: str = "") -> Cell:
        if not cost or not cost.queries:
            return Styled("none", "dim")
        price = "" if price_per_tb is None else f"\n{_usd(cost.price(price_per_tb))}"
        return f"{f'{what}: ' if what else ''}{cost}{price}"

    yield Rows(
        columns=("dataset", "last release", "last check", f"since {month_begins_at(now):%d %B}"),
        narrow=("dataset",),
        needs_width=110,
        rows=tuple(
            (
                f"{each.status.contract.name}\n{each.status.contract.team}",
                Styled(each.problem, "red") if each.problem else cell(each.last_release, str(each.release)),
                cell(each.last_check, words.instant(each.checked_at) if each.checked_at else ""),
                cell(each.month),
            )
            for each in costs
        ),
    )
    total = _total(costs)
    price = "" if price_per_tb is None else f", {_usd(total.price(price_per_tb))}"
    yield f"Audits and checks since {words.instant(month_begins_at(now))}: {total}{price}."
    if price_per_tb is None:
        yield "With --price-per-tb USD it says what that costs."


def _total(costs: Sequence[DatasetCosts]) -> Cost:
    return sum((each.month for each in costs), Cost())


def _usd(amount: float) -> str:
    return f"USD {amount:,.2f}" if amount >= 1 else f"USD {amount:.6f}"
