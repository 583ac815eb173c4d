"""What is wrong, or lately was. The words hold no value of the data, and nothing that grows while an incident is open."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from datahub_dagster.adapters.site import paths
from datahub_dagster.adapters.site.documents.parts import instant, maybe
from datahub_dagster.adapters.site.documents.schema import Fact, IncidentDocument
from datahub_dagster.domain import words
from datahub_dagster.domain.alert import AlertKind, Incident

# What of an alert's facts stays the same while its incident is open, and quotes no row.
_STEADY: Mapping[AlertKind, tuple[str, ...]] = {
    AlertKind.SLO_MISSED: ("slo", "business_date", "due_at"),
    AlertKind.SLO_AT_RISK: ("slo", "business_date", "due_at"),
    AlertKind.BUDGET_BURNS: ("slo", "objective"),
    AlertKind.SLO_UNKNOWN: ("slo",),
    AlertKind.REJECTED: ("release", "delivery"),
    AlertKind.WARNED: ("release", "delivery"),
    AlertKind.CHECKS_FAILED: (),
    AlertKind.ROLLED_BACK: ("generation", "restores", "release", "reason"),
    AlertKind.FRESHNESS_CHANGED: ("before", "now"),
    AlertKind.RUN_FAILED: ("job",),
    AlertKind.SENSOR_FAILED: ("sensor",),
    AlertKind.CONTRACT_DEPRECATED: ("sunset_date", "successor"),
    AlertKind.MONITOR_SILENT: (),
}
_TEXTS: Mapping[AlertKind, str] = {
    AlertKind.SLO_MISSED: "{slo}: {business_date} was not there in time",
    AlertKind.SLO_AT_RISK: "{slo}: nothing was delivered yet for {business_date}, which is due soon",
    AlertKind.BUDGET_BURNS: "{slo}: the error budget is spent faster than allowed",
    AlertKind.SLO_UNKNOWN: "{slo}: nobody can say how it stands",
    AlertKind.REJECTED: "{delivery} was rejected",
    AlertKind.WARNED: "{delivery} was published with warnings",
    AlertKind.CHECKS_FAILED: "tests fail on published data: {checks}",
    AlertKind.ROLLED_BACK: "rolled back to the content of generation {restores}: {reason}",
    AlertKind.FRESHNESS_CHANGED: "Dagster's freshness went from {before} to {now}",
    AlertKind.RUN_FAILED: "a run of {job} failed",
    AlertKind.SENSOR_FAILED: "the sensor {sensor} failed",
    AlertKind.CONTRACT_DEPRECATED: "the dataset is deprecated{until}",
    AlertKind.MONITOR_SILENT: "no monitor looks at the SLOs",
}


def incident_documents(incidents: Iterable[Incident]) -> list[IncidentDocument]:
    """Incidents as documents, the newest first."""
    return [incident_document(each) for each in sorted(incidents, key=_newest_first)]


def incident_document(incident: Incident) -> IncidentDocument:
    """One incident."""
    alert = incident.alert
    return IncidentDocument(
        id=incident.id,
        kind=alert.kind.value,
        dataset=alert.dataset or None,
        team=alert.team,
        page=_page(alert.dataset, alert.team),
        opened_at=instant(incident.opened_at),
        closed_at=maybe(incident.closed_at),
        text=text_of(incident),
        acknowledged_by=incident.acknowledged_by or None,
        acknowledged_reason=incident.acknowledged_reason or None,
        facts=facts_of(incident),
    )


def facts_of(incident: Incident) -> dict[str, Fact]:
    """What is said of an incident, as values; `checks` is their names in one text."""
    alert = incident.alert
    found: dict[str, Fact] = {key: _plain(key, alert.facts.get(key)) for key in _STEADY[alert.kind]}
    checks = _checks(alert.facts)
    return found | ({"checks": checks} if checks else {})


def text_of(incident: Incident) -> str:
    """The same as an English sentence without its full stop."""
    found = {key: "" if value is None else value for key, value in facts_of(incident).items()}
    # That it is over, an alert tells without the delivery that was refused.
    delivery = f"delivery {found['delivery']}" if found.get("delivery") else "a delivery"
    until = f" and ends on {found['sunset_date']}" if found.get("sunset_date") else ""
    told = {"checks": ""} | found | {"delivery": delivery, "until": until}
    return _TEXTS[incident.alert.kind].format_map(told).rstrip(": ")


def _plain(key: str, value: Any) -> Fact:
    return instant(datetime.fromisoformat(value)) if key == "due_at" and value else value


def _checks(facts: Mapping[str, Any]) -> str:
    return words.names(sorted(str(each.get("check")) for each in facts.get("checks", ())), limit=5)


def _page(dataset: str, team: str) -> str | None:
    if dataset:
        return paths.dataset_page(dataset)
    return paths.team_page(team) if team else None


def _newest_first(incident: Incident) -> tuple[float, str]:
    return -incident.opened_at.timestamp(), incident.id
