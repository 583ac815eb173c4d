"""How SLOs stand, as what Dagster is told of their checks: one line, a verdict, and figures that it plots over time."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import dagster as dg

from datahub_dagster import pipeline
from datahub_dagster.defs.answers import Answer
from datahub_dagster.defs.metadata import docs_page
from datahub_dagster.defs.names import slo_check_names
from datahub_dagster.defs.tables import text_table
from datahub_dagster.domain import slo_words, words
from datahub_dagster.domain.budget import budget
from datahub_dagster.domain.calendars import CalendarRangeError
from datahub_dagster.domain.contract import Consumer, Contract, ContractBook
from datahub_dagster.domain.due import zone_named
from datahub_dagster.domain.impact import Affected, affected
from datahub_dagster.domain.monitor import Evaluation
from datahub_dagster.domain.slo_report import Budget, SloReport
from datahub_dagster.domain.verdict import DeliveryResult, DueResult, Verdict
from datahub_dagster.ports import Hub

RECENT = 10  # due times, or deliveries, in the table beside a check
_FAILED = {Verdict.MISSED, Verdict.UNKNOWN}


def answers_of_reports(
    reports: Sequence[SloReport], book: ContractBook, now: datetime, docs_url: str = ""
) -> Iterator[tuple[Contract, Answer]]:
    """What the checks of SLOs say of the newest due time, or delivery, of each.

    Args:
        reports: How the SLOs stand.
        book: Who reads.
        now: When the reports were made (UTC).
        docs_url: Address of the docs; empty = no link.
    """
    for report in reports:
        consumers = book.consumers_of(report.contract.name)
        newest = _newest(report)
        hurt = _affected(report, newest, consumers, now)
        evaluation = Evaluation(contract=report.contract, report=report, result=newest, affected=hurt)
        yield report.contract, _answer(evaluation, consumers, newest, docs_url)


def answers_after(hub: Hub, contract: Contract, docs_url: str = "") -> list[Answer]:
    """What the checks of a dataset's SLOs say after something was published, told beside it; none where nothing was due yet.

    Dagster shows a check as never asked once its asset was materialized anew. The monitor has nothing to say before the next due time.
    """
    reports = [report for report in pipeline.slo(hub, [contract]) if report.results]
    found = answers_of_reports(reports, hub.book(), hub.clock.now(), docs_url)
    return [answer for _, answer in found]


def answers_of_evaluations(
    evaluations: Sequence[Evaluation], book: ContractBook, docs_url: str = ""
) -> Iterator[tuple[Contract, Answer]]:
    """What the checks of SLOs say of what the monitor found, in the order in which it happened.

    An older business date may come when a newer one is missing. Dagster shows the last answer, so that one always says how the
    newest stands.
    """
    ordered = sorted(evaluations, key=_at)
    last = {(each.contract.name, each.report.name): each for each in ordered}
    for each in ordered:
        is_last = last[each.contract.name, each.report.name] is each
        decides = _newest(each.report) if is_last else each.result
        told = each if is_last else replace(each, report=_as_of(each))
        yield each.contract, _answer(told, book.consumers_of(each.contract.name), decides, docs_url)


def _as_of(evaluation: Evaluation) -> SloReport:
    """The report as it stood when something older was due: what is caught up with is plotted as it would have been."""
    report, result = evaluation.report, evaluation.result
    if result is None:
        return report
    until = result.at + timedelta(microseconds=1)
    then = budget(
        report.results,
        objective=report.budget.objective,
        window=report.budget.window,
        since=min(report.budget.since, result.at),
        until=until,
    )
    return replace(report, budget=then, results=tuple(each for each in report.results if each.at < until))


def _at(evaluation: Evaluation) -> datetime:
    return evaluation.result.at if evaluation.result else evaluation.report.budget.until


def _newest(report: SloReport) -> DueResult | DeliveryResult | None:
    return report.results[-1] if report.results else None


def _answer(
    evaluation: Evaluation,
    consumers: Sequence[Consumer],
    decides: DueResult | DeliveryResult | None,
    docs_url: str,
) -> Answer:
    """What the check of one SLO says: of freshness how a due time stands, of quality whether the objective is reached.

    It passes with a release that came late, since it is there now; how late it was is told, and counts. Where nobody can say how
    an SLO stands, it fails as a warning.

    Args:
        evaluation: What is told, and whom it concerns.
        consumers: Those of the dataset.
        decides: The due time by which the check passes or fails: another than the one that is told, if a newer one is missing.
        docs_url: Address of the docs; empty = no link.
    """
    report, result = evaluation.report, evaluation.result
    verdict = _verdict(report, decides)
    parts = [_told(report, result)]
    if isinstance(decides, DueResult) and decides is not result and verdict in _FAILED:
        parts.append(f"but {words.business_date(decides.business_date)}: {_due(report, decides)}")
    return Answer(
        check_name=slo_check_names(report.contract, consumers).get(report.name, report.check_name),
        passed=verdict not in _FAILED,
        blocking=False,
        severity=dg.AssetCheckSeverity.WARN if verdict is Verdict.UNKNOWN else dg.AssetCheckSeverity.ERROR,
        about=_about(report, result),
        text="; ".join(part for part in (*parts, _kept(report.budget)) if part),
        metadata=_metadata(evaluation, docs_url),
    )


def _verdict(report: SloReport, result: DueResult | DeliveryResult | None) -> Verdict:
    if report.problem:
        return Verdict.UNKNOWN
    if isinstance(result, DueResult):
        return result.verdict
    return Verdict.MISSED if report.budget.is_kept is False else Verdict.MET


def _about(report: SloReport, result: DueResult | DeliveryResult | None) -> str:
    if isinstance(result, DueResult) and not report.problem:
        return words.business_date(result.business_date)
    return "quality" if report.slo is None else "freshness"


def _told(report: SloReport, result: DueResult | DeliveryResult | None) -> str:
    if report.problem:
        return f"nobody can say: {report.problem}"
    if isinstance(result, DueResult):
        return _due(report, result)
    if result is None:
        return "nothing was delivered yet" if report.slo is None else "nothing was due yet"
    at_once = "passed its audit at once" if result.verdict.is_kept else f"was rejected: {result.reason}"
    return f"delivery {result.delivery} {at_once}"


def _due(report: SloReport, result: DueResult) -> str:
    zone = _zone(report)

    def at(instant: datetime | None) -> str:
        return words.instant(instant, zone) if instant else "an unknown time"

    if result.verdict in (Verdict.EXCUSED, Verdict.UNKNOWN):
        said = "nothing was owed" if result.verdict is Verdict.EXCUSED else "nobody can say"
        return f"{said}: {result.reason}"
    if report.slo and report.slo.max_age is not None:
        return {
            Verdict.MET: "never too old",
            Verdict.LATE: f"too old from {at(result.deadline_at)} to {at(result.answered_at)}",
            Verdict.MISSED: f"too old since {at(result.deadline_at)}",
        }[result.verdict]
    said = {
        Verdict.MET: f"in time, there since {at(result.answered_at)}",
        Verdict.LATE: f"{words.duration(result.late)} late, there since {at(result.answered_at)}",
        Verdict.MISSED: "missing",
    }[result.verdict]
    grace = result.deadline_at - result.due_at
    of_grace = f", {words.duration(grace)} of grace" if grace else ""
    return f"{said}, due {at(result.due_at)}{of_grace}"


def _kept(budget: Budget) -> str:
    if budget.attainment is None:
        return ""
    return f"{slo_words.attained(budget.attainment)} kept; budget {slo_words.left(budget)}"


def _metadata(evaluation: Evaluation, docs_url: str) -> dict[str, Any]:
    """The most asked for first. What is a float, Dagster plots."""
    report, result = evaluation.report, evaluation.result
    budget, contract = report.budget, report.contract
    metadata: dict[str, Any] = {"verdict": (_verdict(report, result)).value}
    if report.slo:
        metadata["promised"] = words.freshness(report.slo, contract.partitions)
    if isinstance(result, DueResult) and not report.problem:
        metadata |= {
            "business date": result.business_date,
            "due": dg.MetadataValue.timestamp(result.due_at),
            "late (minutes)": _late_minutes(report, result),
        }
        if result.answered_at:
            metadata["came"] = dg.MetadataValue.timestamp(result.answered_at)
    if reason := report.problem or (result.reason if result else ""):
        metadata["reason"] = reason
    if budget.attainment is not None:
        metadata["attainment (%)"] = round(budget.attainment * 100, 3)
    if budget.left is not None:
        metadata["budget left (%)"] = round(budget.left * 100, 1)
    if budget.burn_rate is not None:
        metadata["burn rate"] = round(budget.burn_rate, 2)
    metadata["objective"] = slo_words.objective(budget)
    if report.next_due_at:
        metadata["next due"] = dg.MetadataValue.timestamp(report.next_due_at)
    zone = _zone(report)
    if evaluation.affected:
        rows = [
            {
                "consumer": each.label,
                "since": words.instant(each.at, zone),
                "already": "yes" if each.already else "not yet",
            }
            for each in evaluation.affected
        ]
        metadata["affected"] = text_table(rows, ("consumer", "since", "already"))
    if report.results:
        recent = [_row(each, zone) for each in reversed(report.results[-RECENT:])]
        columns = [name for name in recent[0] if any(row[name] for row in recent)]
        metadata["recent deliveries" if report.slo is None else "recent due times"] = text_table(
            recent, columns
        )
    if docs_url:
        metadata["docs"] = dg.MetadataValue.url(docs_page(docs_url, contract))
    return metadata


def _late_minutes(report: SloReport, result: DueResult) -> float:
    """How late it came, or is by now; negative = so long before its deadline. An age is kept, or it is not."""
    late = result.late
    is_age = report.slo is not None and report.slo.max_age is not None
    if result.verdict is Verdict.MET and result.answered_at and not is_age:
        late = result.answered_at - result.deadline_at
    return round(late.total_seconds() / 60, 2)


def _affected(
    report: SloReport, newest: DueResult | DeliveryResult | None, consumers: Sequence[Consumer], now: datetime
) -> tuple[Affected, ...]:
    """Who waits for what is missing, who first comes first."""
    slo = report.slo
    if slo is None or not isinstance(newest, DueResult) or newest.verdict is not Verdict.MISSED:
        return ()
    published_at = newest.due_at - slo.max_age if slo.max_age else None
    try:
        return affected(
            report.contract, consumers, slo, newest.business_date, now, last_published_at=published_at
        )
    except (CalendarRangeError, ValueError):
        return ()


def _row(result: DueResult | DeliveryResult, zone: tzinfo) -> dict[str, str]:
    if isinstance(result, DueResult):
        return {
            "business date": words.business_date(result.business_date),
            "due": words.instant(result.due_at, zone),
            "verdict": result.verdict.value,
            "came": words.instant(result.answered_at, zone) if result.answered_at else "",
            "late": words.duration(result.late) if result.late else "",
            "reason": result.reason,
        }
    return {
        "delivery": result.delivery,
        "release": result.release,
        "received": words.instant(result.at, zone),
        "verdict": result.verdict.value,
        "reason": result.reason,
    }


def _zone(report: SloReport) -> tzinfo:
    """The clocks that the dataset's people go by. One that nobody can read is told as the report's problem."""
    try:
        return zone_named(slo_words.zone_of(report))
    except ValueError:
        return UTC
