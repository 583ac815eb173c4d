"""What the monitor tells people: an alert for each thing that it can notice. Pure.

Keys name one incident each, and instants are those of the promise where there is one: whoever notices the same again, after a
crash or beside another monitor, raises the very same alert.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from datahub_dagster.domain import slo_words, words
from datahub_dagster.domain.alert import Alert, AlertKind, Stage
from datahub_dagster.domain.calendars import CalendarRangeError
from datahub_dagster.domain.contract import Consumer, Contract, FreshnessSlo, Lifecycle
from datahub_dagster.domain.impact import Affected, affected
from datahub_dagster.domain.slo_report import Budget, SloReport
from datahub_dagster.domain.verdict import DueResult

# A quick check of two windows, after https://sre.google/workbook/alerting-on-slos/: the last tenth of the window burns twice as
# fast as the budget allows, and half of the budget is gone. At that pace the rest is gone before the next quarter of the window
# is over; either alone is noise, a single late morning after months of quiet, or an old loss that is long mended.
_BURNS_FROM: Final = 2.0
_BURNS_BELOW: Final = 0.5
_BURNS_LEAST: Final = 2  # lately; of one that broke it people are told anyway: as missed, or as rejected

_SUNSET_STEPS: Final = (timedelta(days=30), timedelta(days=7))


@dataclass(frozen=True, slots=True)
class About:
    """Whom and what alerts of one SLO are about; `slo` is None for quality."""

    contract: Contract
    consumers: Sequence[Consumer]
    name: str
    slo: FreshnessSlo | None = None

    @property
    def _timezone(self) -> str:
        return self.slo.timezone if self.slo else slo_words.quality_zone(self.contract)

    def key(self, kind: AlertKind, business_date: str = "") -> str:
        """What makes alerts one incident."""
        return "/".join(
            part for part in (kind.value, str(self.contract.name), self.name, business_date) if part
        )

    def affected(self, business_date: str, deadline_at: datetime, now: datetime) -> tuple[Affected, ...]:
        """Whom it hurts that a business date is not there at its deadline; nobody where the calendar can't say."""
        if self.slo is None:
            return ()
        try:
            return affected(
                self.contract, self.consumers, self.slo, business_date, now, deadline_at=deadline_at
            )
        except (CalendarRangeError, ValueError):
            return ()

    def alert(
        self,
        kind: AlertKind,
        stage: Stage,
        at: datetime,
        *,
        business_date: str = "",
        facts: Mapping[str, Any] | None = None,
        level: float = 0.0,
        to: Sequence[str | None] = (),
    ) -> Alert:
        """An alert about this SLO. Whom it was promised to alone is told of all."""
        alone = [each.owner_email for each in self.consumers if self.slo and each.name == self.slo.consumer]
        return Alert(
            kind=kind,
            key=self.key(kind, business_date),
            stage=stage,
            team=self.contract.team,
            at=at,
            dataset=str(self.contract.name),
            level=level,
            facts={"slo": self.name, "timezone": self._timezone, **(facts or {})},
            to=tuple(dict.fromkeys(email for email in (*alone, *to) if email)),
        )


def missed(about: About, result: DueResult, now: datetime, left: float | None, level: float = 0.0) -> Alert:
    """A deadline passed, and the business date is not there. Those whom it hurts already are told, too."""
    hurt = about.affected(
        result.business_date, result.deadline_at, max(now, result.deadline_at + timedelta(microseconds=1))
    )
    return about.alert(
        AlertKind.SLO_MISSED,
        Stage.OPEN,
        result.deadline_at + timedelta(seconds=level),
        business_date=result.business_date,
        facts=_facts_of(about, result.business_date, result.due_at)
        | {"late_seconds": max((now - result.deadline_at).total_seconds(), 0.0), "budget_left": left}
        | {"consumers": [each.as_fact() for each in hurt]},
        level=level,
        to=[each.consumer.owner_email for each in hurt if each.already],
    )


def came(about: About, result: DueResult, now: datetime, left: float | None) -> Alert:
    """What was missed is there, or nobody waits for it any longer (excused since, or out of the window)."""
    at = result.answered_at or now
    hurt = about.affected(result.business_date, result.deadline_at, at)
    facts = _facts_of(about, result.business_date, result.due_at) | {
        "late_seconds": result.late.total_seconds(),
        "budget_left": left,
        "answered_at": result.answered_at.isoformat() if result.answered_at else None,
        "consumers": [each.as_fact() for each in hurt],
    }
    told = [each.consumer.owner_email for each in hurt if each.already]
    return about.alert(
        AlertKind.SLO_MISSED, Stage.OVER, at, business_date=result.business_date, facts=facts, to=told
    )


def given_up(about: About, business_date: str, deadline_at: datetime, now: datetime) -> Alert:
    """A business date that was missed is no longer asked for: the promise or its window has gone on."""
    facts = _facts_of(about, business_date, deadline_at) | {"answered_at": None}
    return about.alert(AlertKind.SLO_MISSED, Stage.OVER, now, business_date=business_date, facts=facts)


def at_risk(about: About, business_date: str, due_at: datetime, at: datetime, stage: Stage) -> Alert:
    """A due time is near, and nothing was delivered; or that is over."""
    facts = _facts_of(about, business_date, due_at)
    if stage is Stage.OPEN:
        deadline_at = due_at + about.slo.grace if about.slo else due_at
        facts["consumers"] = [each.as_fact() for each in about.affected(business_date, deadline_at, at)]
    return about.alert(AlertKind.SLO_AT_RISK, stage, at, business_date=business_date, facts=facts)


def unknown(about: About, reason: str, at: datetime, stage: Stage) -> Alert:
    """Nobody can say how an SLO stands, or will soon; or that is over."""
    return about.alert(AlertKind.SLO_UNKNOWN, stage, at, facts={"reason": reason})


def burns(about: About, budget: Budget, at: datetime, stage: Stage) -> Alert:
    """The error budget is being spent too fast; or no longer."""
    facts = {
        "burn_rate": budget.burn_rate,
        "budget_left": budget.left,
        "attainment": budget.attainment,
        "objective": budget.objective,
        "window_seconds": budget.window.total_seconds(),
    }
    return about.alert(AlertKind.BUDGET_BURNS, stage, at, facts=facts, level=budget.burn_rate or 0.0)


def is_burning(budget: Budget) -> bool:
    """Whether the error budget is spent so fast that people should look."""
    if budget.burn_rate is None or budget.left is None or budget.spent_lately < _BURNS_LEAST:
        return False
    return budget.burn_rate >= _BURNS_FROM and budget.left < _BURNS_BELOW


def with_budget(alert: Alert, reports: Sequence[SloReport]) -> Alert:
    """An alert with what is left of the budget as the reports have it: it was made before them."""
    left = {report.name: report.budget.left for report in reports}
    name = alert.facts.get("slo")
    if "budget_left" not in alert.facts or name not in left:
        return alert
    return replace(alert, facts={**alert.facts, "budget_left": left[name]})


def deprecation_level(contract: Contract, today: date) -> int:
    """How urgently consumers should leave: 0 not at all, 1 it is deprecated, 2 within 30 days of its sunset, 3 within 7."""
    if contract.lifecycle is not Lifecycle.DEPRECATED:
        return 0
    if contract.sunset_date is None:
        return 1
    return 1 + sum(contract.sunset_date - today <= step for step in _SUNSET_STEPS)


def deprecated(contract: Contract, consumers: Sequence[Consumer], level: int, at: datetime) -> Alert:
    """A dataset is going away; level 0 says that it is not, after all."""
    return Alert(
        kind=AlertKind.CONTRACT_DEPRECATED,
        key=f"{AlertKind.CONTRACT_DEPRECATED.value}/{contract.name}",
        stage=Stage.OPEN if level else Stage.OVER,
        team=contract.team,
        at=at,
        dataset=str(contract.name),
        level=float(level),
        facts={
            "sunset_date": contract.sunset_date.isoformat() if contract.sunset_date else None,
            "successor": contract.successor,
        },
        to=tuple(dict.fromkeys(each.owner_email for each in consumers if each.owner_email)),
    )


def _facts_of(about: About, business_date: str, due_at: datetime) -> dict[str, Any]:
    facts: dict[str, Any] = {"business_date": business_date, "due_at": due_at.isoformat()}
    if (slo := about.slo) is None:
        return facts
    partitions = about.contract.partitions
    return facts | {
        "grace_seconds": slo.grace.total_seconds(),
        "promised": words.freshness(slo, partitions),
        "promise": {
            "due": f"{slo.due:%H:%M}" if slo.due else None,
            "max_age_seconds": slo.max_age.total_seconds() if slo.max_age else None,
            "timezone": slo.timezone,
            "calendar": slo.calendar,
            "covers": slo.covers,
            "grace_seconds": slo.grace.total_seconds(),
            "granularity": partitions.granularity.value if partitions else None,
        },
    }
