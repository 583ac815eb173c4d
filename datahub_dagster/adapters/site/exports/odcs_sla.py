"""The promises of a contract as `slaProperties` of the Open Data Contract Standard, 3.2.

Its own words are used where it has some; what makes a promise of ours exact (time zone, calendar, objective) stands beside them as
custom properties, which it allows there since 3.2.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from datahub_dagster.domain import words
from datahub_dagster.domain.contract import (
    Consumer,
    Contract,
    DbtFreshness,
    FreshnessSlo,
    Override,
    QualitySlo,
)

VENDOR = "datahub_dagster"


def sla_properties(contract: Contract, consumers: Sequence[Consumer]) -> list[dict[str, Any]]:
    """Every promise: of timeliness (those of consumers last), quality, retention, and until when."""
    return list(_promises(contract, consumers))


def custom(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Custom properties of ours; what is None or empty is left out."""
    kept = {key: value for key, value in values.items() if value not in (None, "", [], {})}
    return [{"property": key, "value": value, "vendor": VENDOR} for key, value in kept.items()]


def _promises(contract: Contract, consumers: Sequence[Consumer]) -> Iterator[dict[str, Any]]:
    for slo in contract.freshness_slos:
        yield _freshness(contract, slo, slo.consumer)
    if contract.dbt_freshness and contract.dbt_freshness.error_after:
        yield _dbt_freshness(contract.dbt_freshness, contract.dbt_freshness.error_after)
    if contract.quality_slo:
        yield _quality(contract.quality_slo)
    kept = contract.retention
    yield {
        "property": "retention",
        "value": kept.days,
        "unit": "d",
        "description": words.sentence(words.retention(kept)),
        "customProperties": custom({"releases": kept.releases}),
    }
    if schedule := contract.delivery.schedule:
        yield {
            "property": "frequency",
            "value": schedule.cron,
            "scheduler": "cron",
            "schedule": schedule.cron,
            "customProperties": custom({"timezone": schedule.timezone}),
        }
    if contract.sunset_date:
        yield {"property": "endOfLife", "value": contract.sunset_date.isoformat()}
    for consumer in consumers:
        if slo := consumer.slos.get(str(contract.name)):
            yield _freshness(contract, slo, consumer.name)


def _freshness(contract: Contract, slo: FreshnessSlo, consumer: str | None) -> dict[str, Any]:
    if slo.due is not None:
        promised: dict[str, Any] = {"property": "timeOfAvailability", "value": f"{slo.due:%H:%M}"}
    else:
        promised = {"property": "freshness", **_amount(slo.max_age or timedelta(0))}
    return promised | {
        "description": words.sentence(words.freshness(slo, contract.partitions)),
        "customProperties": custom(
            {
                "name": slo.name,
                "timezone": slo.timezone,
                "calendar": slo.calendar,
                "covers": slo.covers,
                "graceSeconds": int(slo.grace.total_seconds()),
                "overrides": [_override(each) for each in slo.overrides],
                "objective": slo.objective,
                "windowDays": slo.window / timedelta(days=1),
                "warnBeforeSeconds": int(slo.warn_before.total_seconds()),
                "consumer": consumer,
            }
        ),
    }


def _override(override: Override) -> dict[str, Any]:
    moved = {"dueOn": override.due_on.isoformat()} if override.due_on else {}
    return {"on": override.on.isoformat(), "kind": override.kind, "reason": override.reason, **moved}


def _dbt_freshness(promise: DbtFreshness, error_after: timedelta) -> dict[str, Any]:
    warn_after = promise.warn_after.total_seconds() if promise.warn_after else None
    return {
        "property": "latency",
        **_amount(error_after),
        "description": words.sentence(words.dbt_freshness(promise)),
        "customProperties": custom(
            {"name": "dbt", "warnAfterSeconds": warn_after, "loadedAtField": promise.loaded_at_field}
        ),
    }


def _quality(slo: QualitySlo) -> dict[str, Any]:
    return {
        "property": "quality",
        "value": slo.objective,
        "description": "The share of deliveries that pass their audit at the first try.",
        "customProperties": custom({"windowDays": slo.window / timedelta(days=1)}),
    }


def _amount(length: timedelta) -> dict[str, Any]:
    """A value and its unit, the largest that needs no fraction."""
    for unit, one in (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("m", timedelta(minutes=1))):
        if not length % one:
            return {"value": length // one, "unit": unit}
    return {"value": length.total_seconds(), "unit": "s"}
