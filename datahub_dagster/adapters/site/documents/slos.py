"""How an SLO stands, and how it was kept. Nothing here grows with the clock: what it changes, it changes at `validity`'s instants."""

from datetime import datetime, timedelta

from datahub_dagster.adapters.site.documents.days import letters, midnight_before, zone_or_utc
from datahub_dagster.adapters.site.documents.parts import instant, maybe, slo_document
from datahub_dagster.adapters.site.documents.schema import SloHistory, SloResult, SloShort, Standing
from datahub_dagster.adapters.site.facts import DatasetFacts
from datahub_dagster.domain import slo_words
from datahub_dagster.domain.slo import SloStanding, SloState
from datahub_dagster.domain.slo_report import SloReport
from datahub_dagster.domain.verdict import DeliveryResult, DueResult, Verdict

_MOST_RESULTS = 400
_NEVER = "never delivered"
_NOT_DUE = "nothing was due since it is promised"


def standings(facts: DatasetFacts) -> list[Standing]:
    """How each freshness SLO of the contract stands."""
    return [
        Standing(
            slo=each.slo,
            state=each.state.value,
            business_date=each.business_date,
            due_at=maybe(each.due_at),
            deadline_at=maybe(each.deadline_at),
            next_due_at=maybe(_next_due(facts, each)),
            reason=steady_reason(each),
        )
        for each in facts.status.standings
    ]


def steady_reason(standing: SloStanding) -> str:
    """Why it stands so, without how long ago anything was."""
    reason = standing.reason
    if standing.state is SloState.PENDING and reason.startswith(_NOT_DUE):
        return _NOT_DUE
    if standing.state is not SloState.LATE or reason.startswith(_NEVER):
        return reason
    if standing.business_date is None:
        return "the newest release is older than is promised"
    taken_back = ": it was taken back" if reason.endswith(": it was taken back") else ""
    _, never_came, keys = reason.partition("; never came: ")
    return f"{standing.business_date} is not there{taken_back}{never_came}{keys}"


def _next_due(facts: DatasetFacts, standing: SloStanding) -> datetime | None:
    """None where it is reckoned from a promise that nobody noted yet, and so from now on."""
    slo = next((each for each in facts.contract.freshness_slos if each.name == standing.slo), None)
    is_from_now = slo and slo.max_age and standing.next_due_at == facts.now + slo.max_age
    return None if is_from_now else standing.next_due_at


def histories(facts: DatasetFacts) -> list[SloHistory]:
    """How each SLO was kept over its window, those of consumers too."""
    return [_history(facts, report) for report in facts.slos]


def shorts(facts: DatasetFacts) -> list[SloShort]:
    """The same in figures, and in a letter a day."""
    return [_short(facts, report) for report in facts.slos]


def _history(facts: DatasetFacts, report: SloReport) -> SloHistory:
    budget, slo = report.budget, report.slo
    consumer = slo.consumer if slo else None
    return SloHistory(
        name=report.name,
        consumer=consumer,
        consumer_label=_label(facts, consumer),
        slo=slo_document(slo, facts.contract.partitions) if slo else None,
        objective=budget.objective,
        window_days=_days(budget.window),
        since=_since(report),
        attainment=budget.attainment,
        is_kept=budget.is_kept,
        met=budget.met,
        late=budget.late,
        missed=budget.missed,
        excused=budget.excused,
        unknown=budget.unknown,
        budget_allowed=budget.allowed,
        budget_left=budget.left,
        burn_rate=budget.burn_rate,
        next_due_at=maybe(report.next_due_at),
        problem=report.problem or None,
        timezone=slo_words.zone_of(report),
        results=[_result(facts, report, each) for each in report.results[-_MOST_RESULTS:]],
        results_count=len(report.results),
    )


def _short(facts: DatasetFacts, report: SloReport) -> SloShort:
    budget = report.budget
    zone = zone_or_utc(slo_words.zone_of(report))
    last = facts.now.astimezone(zone).date()
    consumer = report.slo.consumer if report.slo else None
    return SloShort(
        name=report.name,
        consumer=consumer,
        consumer_label=_label(facts, consumer),
        objective=budget.objective,
        attainment=budget.attainment,
        is_kept=budget.is_kept,
        budget_left=budget.left,
        burn_rate=budget.burn_rate,
        missed=budget.missed,
        late=budget.late,
        timezone=zone.key,
        days=letters(report.results, zone, last),
        days_end=last.isoformat(),
    )


def _label(facts: DatasetFacts, consumer: str | None) -> str | None:
    """What people call a consumer."""
    return next((c.label or c.name for c in facts.consumers if c.name == consumer), consumer)


def _result(facts: DatasetFacts, report: SloReport, result: DueResult | DeliveryResult) -> SloResult:
    if isinstance(result, DeliveryResult):
        return SloResult(
            verdict=result.verdict.value,
            at=instant(_received_at(report, result)),
            business_date=None,
            due_at=None,
            deadline_at=None,
            answered_at=None,
            late_seconds=None,
            release=result.release or None,
            delivery=result.delivery or None,
            reason=_why(facts, result),
        )
    # What a clock that is wrong put to "now at the latest" has no instant of its own.
    answered_at = result.answered_at if result.answered_at and result.answered_at < facts.now else None
    is_late = result.verdict is Verdict.LATE and answered_at is not None
    return SloResult(
        verdict=result.verdict.value,
        at=instant(result.at),
        business_date=result.business_date,
        due_at=maybe(result.due_at),
        deadline_at=maybe(result.deadline_at),
        answered_at=maybe(answered_at),
        late_seconds=result.late.total_seconds() if is_late else None,
        release=None,
        delivery=None,
        reason=result.reason or None,
    )


def _received_at(report: SloReport, result: DeliveryResult) -> datetime:
    """What was received by a clock that is ahead counts just before now: told is the day."""
    until = report.budget.until
    is_ahead = result.verdict is Verdict.UNKNOWN and result.at >= until - timedelta(milliseconds=1)
    return midnight_before(until, zone_or_utc(slo_words.zone_of(report))) if is_ahead else result.at


def _why(facts: DatasetFacts, result: DeliveryResult) -> str | None:
    """Why a delivery did not pass, in the words of a record without secrets; of an unknown one, what the log lacks."""
    if result.verdict is Verdict.UNKNOWN:
        return result.reason or None
    if result.verdict is Verdict.MET:
        return None
    whys = (o.why for o in facts.status.outcomes if o.refused and str(o.release_id) == result.release)
    return next(whys, None)


def _since(report: SloReport) -> str:
    """The begin of the local day on which the window begins."""
    return instant(midnight_before(report.budget.since, zone_or_utc(slo_words.zone_of(report))))


def _days(window: timedelta) -> float:
    return window.total_seconds() / 86_400
