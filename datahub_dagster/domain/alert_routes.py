"""Where an alert goes, and when people may be told there. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from datahub_dagster.domain.alert import Alert, Alerting
from datahub_dagster.domain.contract import Contract, QuietHours, Support
from datahub_dagster.domain.due import zone_named

EMAIL = "email"


def routes_of(alert: Alert, contracts: Mapping[str, Contract], alerting: Alerting) -> tuple[Support, ...]:
    """Every channel that an alert goes to, each once and in the language that it is written in.

    First the channels of the dataset's contract, with its owners by e-mail where none of them is an e-mail; of an alert that is
    about a team as a whole, those of all its datasets. Where that is nobody, the platform's. Last the consumers, by e-mail.

    Args:
        alert: What is told.
        contracts: All, by `source.table`.
        alerting: Says who the platform is, and its language.
    """
    found: dict[tuple[str, str], Support] = {}
    for route in (
        *(tuple(_own_routes(alert, contracts)) or alerting.platform),
        *(Support(tool=EMAIL, channel=address) for address in alert.to),
    ):
        language = route.language or alerting.language
        found.setdefault((route.tool, route.channel), replace(route, url=None, language=language))
    return tuple(found.values())


def _own_routes(alert: Alert, contracts: Mapping[str, Contract]) -> Iterator[Support]:
    about = contracts.get(alert.dataset)
    of_team = (each for each in contracts.values() if alert.team and each.team == alert.team)
    for contract in of_team if about is None else (about,):
        yield from contract.support
        if not any(route.tool == EMAIL for route in contract.support):
            yield from (Support(tool=EMAIL, channel=owner) for owner in contract.owners)


def quiet_hours_at(quiet: QuietHours | None, now: datetime) -> tuple[datetime, datetime] | None:
    """The quiet hours that an instant lies in, from when to when (UTC); None = people may be told.

    They are local times: a night in which the clock is changed is shorter or longer than others.

    >>> from datetime import time
    >>> night = QuietHours(since=time(22), until=time(7), timezone="Asia/Tokyo")
    >>> quiet_hours_at(night, datetime(2026, 11, 20, 15, tzinfo=UTC))[1].isoformat()
    '2026-11-20T22:00:00+00:00'
    >>> quiet_hours_at(night, datetime(2026, 11, 20, 22, tzinfo=UTC)) is None
    True
    """
    if quiet is None:
        return None
    today = now.astimezone(zone_named(quiet.timezone)).date()
    for day in (today - timedelta(days=1), today):
        since, until = _quiet_hours_from(quiet, day)
        if since <= now < until:
            return since, until
    return None


def _quiet_hours_from(quiet: QuietHours, day: date) -> tuple[datetime, datetime]:
    zone = zone_named(quiet.timezone)
    last_day = day if quiet.until > quiet.since else day + timedelta(days=1)
    since = datetime.combine(day, quiet.since, zone)
    return since.astimezone(UTC), datetime.combine(last_day, quiet.until, zone).astimezone(UTC)
