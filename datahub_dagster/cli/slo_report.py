"""Reports of SLOs in each form that `datahub slo` prints: text, JSON, CSV, Markdown."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from datahub_dagster.cli.output import Cell, Line, Rows, Styled, plain, text_of
from datahub_dagster.cli.tables import csv_text, markdown_cell, markdown_text
from datahub_dagster.domain import slo_words, words
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.due import zone_named
from datahub_dagster.domain.slo_report import SloReport
from datahub_dagster.domain.verdict import DeliveryResult, DueResult, Verdict

_STYLES = {Verdict.LATE: "yellow", Verdict.MISSED: "red", Verdict.EXCUSED: "dim", Verdict.UNKNOWN: "magenta"}
_COLUMNS = ("dataset", "promised", "kept", "verdicts", "budget", "worst", "next due")
_OF_HISTORY = ("for", "due", "verdict", "came")
_FIGURES = (
    *("dataset", "team", "slo", "consumer", "promised", "objective", "since", "until", "attainment", "kept"),
    *("met", "late", "missed", "excused", "unknown"),
    *(
        "budget_allowed",
        "budget_spent",
        "budget_left",
        "burn_rate",
        "next_due_at",
        "promised_until",
        "problem",
    ),
)
_RESULTS = (
    *(
        "dataset",
        "team",
        "slo",
        "business_date",
        "release",
        "delivery",
        "due_at",
        "deadline_at",
        "received_at",
    ),
    *("verdict", "answered_at", "late_seconds", "reason"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What is printed.

    Args:
        contracts: Those that were asked for; one without an SLO has no report.
        labels: What people call each consumer, by name.
        month: `YYYY-MM`, or None where each SLO's window is shown.
        history: Whether each result is wanted.
    """

    reports: Sequence[SloReport]
    contracts: Sequence[Contract]
    labels: Mapping[str, str]
    now: datetime
    month: str | None = None
    history: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Of the table; what is due next is no fact of a month."""
        return _COLUMNS[:-1] if self.month else _COLUMNS

    def name_of(self, report: SloReport) -> str:
        """The SLO as people call it; a consumer's by the consumer."""
        consumer = report.slo.consumer if report.slo else None
        return f"for {self.labels.get(consumer, consumer)}" if consumer else report.name

    def is_too_early(self, report: SloReport) -> bool:
        """Whether nothing was promised yet in the month that was asked for."""
        return self.month is not None and report.budget.since >= report.budget.until


def report_value(shown: Shown) -> dict[str, object]:
    """For programs: shares are numbers from 0 to 1, instants UTC, lengths seconds."""
    return {
        "at": shown.now,
        "month": shown.month,
        "slos": [
            _figures(shown, report)
            | {"worst": [_result(each) for each in slo_words.worst(report)]}
            | ({"results": [_result(each) for each in report.results]} if shown.history else {})
            for report in shown.reports
        ],
        "without_slo": [contract.name for contract in _without_slo(shown)],
    }


def csv_report(shown: Shown) -> str:
    """A line for each SLO, or with `history` for each result. Values as in JSON; nothing where nothing is known."""
    if not shown.history:
        figures = (_figures(shown, report) for report in shown.reports)
        return csv_text(_FIGURES, ([plain(each[column]) for column in _FIGURES] for each in figures))
    results = (
        {"dataset": report.contract.name, "team": report.contract.team, "slo": report.name} | _result(each)
        for report in shown.reports
        for each in report.results
    )
    return csv_text(_RESULTS, ([plain(each.get(column)) for column in _RESULTS] for each in results))


def markdown_report(shown: Shown) -> str:
    """The tables that people see, for a chat or a wiki."""
    parts = [markdown_text(shown.columns, _texts(_row(shown, report) for report in shown.reports))]
    if shown.history:
        parts += [
            f"### {markdown_cell(_history_title(shown, report))}\n\n"
            + markdown_text(_OF_HISTORY, _texts(_history_rows(report)))
            for report in shown.reports
            if report.results
        ]
    return f"## {_title(shown)}\n\n" + "\n".join(parts)


def report_lines(shown: Shown) -> Iterator[Line]:
    """For people."""
    if shown.reports:
        yield Styled(_title(shown), "bold")
        yield Rows(
            columns=shown.columns,
            needs_width=130,
            rows=tuple(_row(shown, report) for report in shown.reports),
        )
    if shown.history:
        for report in shown.reports:
            if report.results:
                yield Rows(
                    title=_history_title(shown, report),
                    columns=_OF_HISTORY,
                    narrow=("for", "due", "came"),
                    rows=tuple(_history_rows(report)),
                )
    if without := _without_slo(shown):
        yield f"No SLO: {words.names(map(str, (each.name for each in without)), limit=20)}"
        yield f"  {'next':<10} promise one under meta.hub.slo (docs/reference/team-api.md)"
    if not shown.contracts:
        yield "no dataset: no source is declared"


def _title(shown: Shown) -> str:
    if shown.month is None:
        return f"SLOs over their windows, until {words.instant(shown.now)}"
    is_over = all(report.budget.until < shown.now for report in shown.reports)
    return f"SLOs in {shown.month}{'' if is_over else ' so far'}"


def _without_slo(shown: Shown) -> list[Contract]:
    reported = {report.contract.name for report in shown.reports}
    return [contract for contract in shown.contracts if contract.name not in reported]


def _figures(shown: Shown, report: SloReport) -> dict[str, object]:
    budget = report.budget
    return {
        "dataset": report.contract.name,
        "team": report.contract.team,
        "slo": report.name,
        "consumer": report.slo.consumer if report.slo else None,
        "promised": slo_words.promise(report),
        "objective": budget.objective,
        "since": budget.since,
        "until": budget.until,
        "attainment": budget.attainment,
        "kept": budget.is_kept,
        **{verdict.value: getattr(budget, verdict.value) for verdict in Verdict},
        "budget_allowed": budget.allowed,
        "budget_spent": budget.spent,
        "budget_left": budget.left,
        "burn_rate": budget.burn_rate,
        "next_due_at": report.next_due_at,
        "promised_until": report.promised_until,
        "problem": report.problem or ("not promised yet" if shown.is_too_early(report) else None),
    }


def _result(result: DueResult | DeliveryResult) -> dict[str, object]:
    if isinstance(result, DeliveryResult):
        return {
            "release": result.release,
            "delivery": result.delivery,
            "received_at": result.at,
            "verdict": result.verdict,
            "reason": result.reason or None,
        }
    return {
        "business_date": result.business_date,
        "due_at": result.due_at,
        "deadline_at": result.deadline_at,
        "verdict": result.verdict,
        "answered_at": result.answered_at,
        "late_seconds": result.late,
        "reason": result.reason or None,
    }


def _row(shown: Shown, report: SloReport) -> tuple[Cell, ...]:
    budget = report.budget
    zone = zone_named(slo_words.zone_of(report))
    next_due = _clock(report.next_due_at, zone)
    kept, verdicts, left, worst = (
        _kept(report),
        slo_words.counts(budget).replace(", ", "\n"),
        _left(shown, report),
        "",
    )
    if report.problem:
        kept, verdicts, left = Styled(f"unknown: {report.problem}", "magenta"), "", ""
    elif shown.is_too_early(report):
        verdicts = "not promised yet"
    else:
        worst = "\n".join(
            f"{slo_words.subject(each)}: {slo_words.became(each, report.slo)}"
            for each in slo_words.worst(report)
        )
    cells = (
        f"{report.contract.name}\n{shown.name_of(report)}",
        f"{slo_words.promise(report)}\n{_objective(shown, report)}{_ended(report, zone)}",
        kept,
        verdicts,
        left,
        worst,
        next_due,
    )
    return cells[: len(shown.columns)]


def _left(shown: Shown, report: SloReport) -> Cell:
    burns = "" if shown.month else slo_words.burns(report.budget)
    text = "\n".join(part for part in (slo_words.left(report.budget), burns) if part)
    return Styled(text, "yellow") if burns or (report.budget.left or 0) < 0 else text


def _objective(shown: Shown, report: SloReport) -> str:
    return words.share(report.budget.objective) if shown.month else slo_words.objective(report.budget)


def _ended(report: SloReport, zone: tzinfo) -> str:
    return (
        f"\nno longer promised since {_clock(report.promised_until, zone)}" if report.promised_until else ""
    )


def _kept(report: SloReport) -> Cell:
    budget = report.budget
    if budget.is_kept is None:
        return Styled("–", "dim")
    share = slo_words.attained(budget.attainment)
    return Styled(share, "green") if budget.is_kept else Styled(f"{share}\nnot kept", "red")


def _history_title(shown: Shown, report: SloReport) -> str:
    """Which SLO; delays count from its deadline, so that the grace is told."""
    grace = f", {words.duration(report.slo.grace)} of grace" if report.slo and report.slo.grace else ""
    return f"{report.contract.name}: {shown.name_of(report)}{grace}"


def _history_rows(report: SloReport) -> Iterator[tuple[Cell, ...]]:
    zone = zone_named(slo_words.zone_of(report))
    for result in report.results:
        became = Styled(slo_words.became(result, report.slo), _STYLES.get(result.verdict, ""))
        if isinstance(result, DueResult):
            due, answered = words.instant(result.due_at, zone), _clock(result.answered_at, zone)
            yield slo_words.subject(result), due, became, answered
        else:
            yield f"{result.release} ({result.delivery})", "", became, words.instant(result.at, zone)


def _clock(at: datetime | None, zone: tzinfo) -> str:
    return words.instant(at, zone) if at else ""


def _texts(rows: Iterable[Sequence[Cell]]) -> list[list[str]]:
    return [[text_of(cell) for cell in row] for row in rows]
