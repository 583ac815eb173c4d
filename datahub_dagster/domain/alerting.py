"""Decides what people are told: of which incidents, in which messages, and when. Pure.

People are told when an incident opens, gets worse, is still there after a while, and is over: in one message a team and channel.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from datahub_dagster.domain.alert import (
    Alert,
    Alerting,
    AlertKind,
    Baseline,
    Digest,
    DigestItem,
    Incident,
    Message,
    Stage,
    Told,
)
from datahub_dagster.domain.alert_routes import EMAIL, quiet_hours_at, routes_of
from datahub_dagster.domain.contract import Contract, Language, Support, digest
from datahub_dagster.domain.incidents import News, by_the_clock, heard, incident_after, news_of, noticed_by


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """A message before somebody puts it into words.

    Args:
        id: The same whenever it is decided anew from the same alerts.
        not_before: When it may be sent (UTC): now, or when the quiet hours are over.
        is_held: Whether it is held back in quiet hours, and takes the place of the one that was held before.
    """

    id: str
    route: Support
    digest: Digest
    not_before: datetime
    is_held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to be kept, and what is to be told.

    Args:
        incidents: Those that changed.
        summaries: What is told of each team's incidents, in the platform's language, with the e-mail addresses among the routes.
    """

    incidents: tuple[Incident, ...] = ()
    tellings: tuple[Telling, ...] = ()
    summaries: tuple[tuple[Digest, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that is known when it is decided what to tell.

    Args:
        newest: The newest incident of each key that an alert has, and all that are open, by key.
        held: Messages that are held back in quiet hours.
        told_of: The incidents that those tell of, by id.
        contracts: All, by `source.table`.
        is_whole: Whether every team's contracts are known; if not, one that is missing may be there all the same.
    """

    newest: Mapping[str, Incident]
    contracts: Mapping[str, Contract]
    baselines: Sequence[Baseline] = ()
    held: Sequence[Message] = ()
    told_of: Mapping[str, Incident] = field(default_factory=dict[str, Incident])
    is_whole: bool = True


def decide(alerts: Sequence[Alert], situation: Situation, alerting: Alerting, now: datetime) -> Decision:
    """What becomes of incidents by alerts and by time, and what people are told of it.

    Args:
        alerts: Those that nobody has dealt with, in any order.
        situation: What is known beside them.
        alerting: How the platform wants people to be told.
        now: UTC.
    """
    kept = {incident.id: incident for incident in situation.newest.values()}
    newest = {key: by_the_clock(incident, now) for key, incident in situation.newest.items()}
    situation = replace(situation, newest=newest)
    changed = {each.id: each for each in newest.values() if each != kept[each.id]}
    changed |= _after([noticed_by(alert, now) for alert in alerts], situation)
    before = {incident.id: incident for incident in situation.newest.values()}
    still_open = (incident for incident in before.values() if incident.is_open)
    all_of_them = {each.id: each for each in (*still_open, *changed.values())}
    lasting = _newest_that_last(all_of_them.values())
    news: list[News] = []
    for incident in all_of_them.values():
        if incident.id in before and incident.is_open and _has_gone(incident, situation):
            changed[incident.id] = replace(incident, closed_at=now)
            continue
        known = before.get(incident.id)
        told = news_of(known, incident, situation.baselines, alerting, now)
        if told is None or _is_said_by_another(told, changed, situation):
            continue
        if told.told is Told.REMINDER and incident.id not in lasting:
            continue
        news.append(told)
        level = max(incident.told_level, told.incident.alert.level)
        changed[incident.id] = replace(incident, told_at=now, told_level=level)
    tellings, summaries = _messages(news, changed, situation, alerting, now)
    to_keep = tuple(each for each in changed.values() if each != kept.get(each.id))
    return Decision(incidents=to_keep, tellings=tellings, summaries=summaries)


def _after(alerts: Sequence[Alert], situation: Situation) -> dict[str, Incident]:
    """The incidents that alerts change, by id. A key may have several: over, and open again."""
    newest = dict(situation.newest)
    changed: dict[str, Incident] = {}
    for alert in sorted(alerts, key=lambda each: each.at):
        incident = incident_after(newest.get(alert.key), alert)
        if incident is not None:
            newest[alert.key] = changed[incident.id] = incident
    return changed


def _has_gone(incident: Incident, situation: Situation) -> bool:
    """Whether an incident is about a dataset that is in the hub no longer: nobody can mend it, and nobody waits for it."""
    dataset = incident.alert.dataset
    return situation.is_whole and bool(dataset) and dataset not in situation.contracts


def _newest_that_last(incidents: Iterable[Incident]) -> frozenset[str]:
    """Ids of the open incidents of which people may be reminded: of several due times of one SLO, the newest alone."""
    newest: dict[str, Incident] = {}
    for incident in sorted(incidents, key=lambda each: each.opened_at):
        if incident.is_open:
            is_of_a_day = incident.alert.kind is AlertKind.SLO_MISSED
            newest[incident.key.rpartition("/")[0] if is_of_a_day else incident.key] = incident
    return frozenset(incident.id for incident in newest.values())


def _is_said_by_another(news: News, changed: Mapping[str, Incident], situation: Situation) -> bool:
    """Whether a risk is over because what was feared has happened, of which people are told as such."""
    alert = news.incident.alert
    if alert.kind is not AlertKind.SLO_AT_RISK or news.told is not Told.OVER:
        return False
    missed = alert.key.replace(AlertKind.SLO_AT_RISK, AlertKind.SLO_MISSED, 1)
    return missed in situation.newest or any(incident.key == missed for incident in changed.values())


def _messages(
    news: Sequence[News],
    changed: Mapping[str, Incident],
    situation: Situation,
    alerting: Alerting,
    now: datetime,
) -> tuple[tuple[Telling, ...], tuple[tuple[Digest, tuple[str, ...]], ...]]:
    by_route: dict[tuple[str, Support], list[News]] = {}
    by_team: dict[str, list[News]] = {}
    addresses: dict[str, dict[str, None]] = {}
    for each in news:
        team = each.incident.alert.team
        by_team.setdefault(team, []).append(each)
        for route in routes_of(each.incident.alert, situation.contracts, alerting):
            if each.to is not None and (route.tool != EMAIL or route.channel not in each.to):
                continue
            by_route.setdefault((team, route), []).append(each)
            if route.tool == EMAIL:
                addresses.setdefault(team, {})[route.channel] = None
    tellings = (
        _telling(team, route, told, changed, situation, now) for (team, route), told in by_route.items()
    )
    summaries = (
        (_digest(team, alerting.language, map(_item, told)), tuple(addresses.get(team, ())))
        for team, told in by_team.items()
    )
    return tuple(tellings), tuple(summaries)


def _telling(
    team: str,
    route: Support,
    news: Sequence[News],
    changed: Mapping[str, Incident],
    situation: Situation,
    now: datetime,
) -> Telling:
    about = [f"{n.incident.id} {n.told} {n.incident.alert.at} {n.told_before}" for n in news]
    telling = Telling(
        id=digest(team, route.tool, route.channel, *about),
        route=route,
        digest=_digest(team, route.language, map(_item, news)),
        not_before=now,
    )
    quiet = quiet_hours_at(route.quiet, now)
    if quiet is None:
        return telling
    key = digest(team, route.tool, route.channel, quiet[1].isoformat())
    held = next((message for message in situation.held if message.id == key), None)
    items = _held_items(held, changed, situation, now) if held else {}
    if items is None:
        return replace(telling, not_before=quiet[1])
    for item in map(_item, news):
        earlier = items.get(item.incident.id)
        stays_new = earlier is not None and earlier.told is Told.NEW and item.told is not Told.OVER
        items[item.incident.id] = replace(item, told=Told.NEW) if stays_new else item
    told = _digest(team, route.language, items.values())
    return replace(telling, id=key, digest=told, not_before=quiet[1], is_held=True)


def _held_items(
    message: Message, changed: Mapping[str, Incident], situation: Situation, now: datetime
) -> dict[str, DigestItem] | None:
    """What a message of these quiet hours said so far, as it stands by now; None = nobody knows all of it any more."""
    found: dict[str, DigestItem] = {}
    for incident_id, told in zip(message.incidents, message.told, strict=True):
        incident = changed.get(incident_id) or situation.told_of.get(incident_id)
        if incident is None:
            return None
        alert = heard(incident.alert, situation.baselines, now) or incident.alert
        is_over = not incident.is_open and alert.stage is not Stage.HAPPENED
        found[incident_id] = DigestItem(
            incident=replace(incident, alert=alert), told=Told.OVER if is_over else told
        )
    return found


def _item(news: News) -> DigestItem:
    return DigestItem(incident=news.incident, told=news.told)


def _digest(team: str, language: Language | None, items: Iterable[DigestItem]) -> Digest:
    """What is wrong first, what is over last."""
    ordered = sorted(items, key=lambda item: (item.told is Told.OVER, item.incident.alert.dataset))
    return Digest(team=team, language=language or Language.ENGLISH, items=tuple(ordered))
