"""Tell people what was noticed: decide, put into words, keep, send.

What is to be sent is kept and sent before the incidents that it tells of are kept, as that takes long where they are thousands.
Alerts are forgotten last: whoever is stopped in between tells some of it twice at worst, never not at all.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from datahub_dagster.domain.alert import Alert, Digest, Incident, Message
from datahub_dagster.domain.alerting import Decision, Situation, Telling, decide
from datahub_dagster.errors import ChannelError, HubError
from datahub_dagster.ports import Hub, Notification
from datahub_dagster.side_by_side import side_by_side

logger = logging.getLogger(__name__)

_MOST_MESSAGES = 50
LONGEST_CALL = 20.0
"""After so many seconds a call sends no further message: others wait for it, and the rest goes with the next one."""

_FIRST_WAIT = timedelta(minutes=1)
_LONGEST_WAIT = timedelta(hours=1)
_MOST_ATTEMPTS = 80  # more than three days

_AT_ONCE = 500  # so many incidents are kept before the claim is renewed
_SENT_LATELY = timedelta(hours=1)  # whoever was stopped left its claim, and the next one comes minutes later
_LOOK_BACK = timedelta(days=2)  # an incident may be older than the message that tells of it


def tell(hub: Hub) -> Sequence[Message]:
    """Deal with all alerts, and send what is to be sent by now; the messages that were made or tried.

    Somebody else at it, or nothing to do: none. What goes wrong is logged and waits for the next call: people who release data are
    not held up by it.
    """
    try:
        now = hub.clock.now()
        if not hub.alerts.raised() and _look(hub, (), now).is_idle(now):
            return ()
        with hub.alerts.telling(now) as is_mine:
            return _tell(hub, now) if is_mine else ()
    except HubError as error:
        logger.warning("alerts could not be dealt with, and wait for the next time: %s", error)
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What is there to be dealt with, and what would be decided."""

    alerts: Sequence[Alert]
    pending: Sequence[Message]
    decision: Decision

    def is_idle(self, now: datetime) -> bool:
        is_due = any(message.not_before <= now for message in self.pending)
        return not (is_due or self.decision.incidents or self.decision.tellings)


def _look(hub: Hub, alerts: Sequence[Alert], now: datetime) -> _Look:
    newest = {incident.key: incident for incident in hub.alerts.open_incidents()}
    unknown = sorted({alert.key for alert in alerts} - set(newest))
    for incident in side_by_side(hub.alerts.incident, unknown, hub.storage.parallel):
        if incident is not None:
            newest[incident.key] = incident
    pending = hub.alerts.pending()
    if not newest and not alerts:
        return _Look(alerts=(), pending=pending, decision=Decision())
    held = [message for message in pending if message.not_before > now and not message.attempts]
    since = min((message.created_at for message in held), default=now) - _LOOK_BACK
    book = hub.book()
    situation = Situation(
        newest=newest,
        contracts={str(name): contract for name, contract in book.datasets.items()},
        is_whole=all(fault.has_last_good for fault in book.faults),
        baselines=hub.alerts.baselines(),
        held=held,
        told_of={incident.id: incident for incident in hub.alerts.incidents(since)} if held else {},
    )
    return _Look(alerts=alerts, pending=pending, decision=decide(alerts, situation, hub.alerting, now))


def _tell(hub: Hub, now: datetime) -> Sequence[Message]:
    look = _look(hub, hub.alerts.raised(), now)
    made = {message.id: message for message in _made(hub, look, now)}
    tried = {message.id: message for message in _send(hub, now)}
    for digest, addresses in look.decision.summaries:
        hub.notifier.notify(_notification(hub, digest, addresses, now))
    _keep(hub, look.decision.incidents)
    for first in range(0, len(look.alerts), _AT_ONCE):
        hub.alerts.settle(look.alerts[first : first + _AT_ONCE])
        hub.alerts.still_telling(hub.clock.now())
    return list((made | tried).values())


def _made(hub: Hub, look: _Look, now: datetime) -> Iterator[Message]:
    """The messages that are to be sent, kept; not those that somebody who was stopped has sent already."""
    held_since = {message.id: message.created_at for message in look.pending}
    tellings = look.decision.tellings
    is_any_sent = any(not telling.is_held for telling in tellings)
    sent = {message.id for message in hub.alerts.messages(now - _SENT_LATELY)} if is_any_sent else set[str]()
    for telling in tellings:
        message = _message(hub, telling, held_since.get(telling.id, now))
        if telling.is_held:
            hub.alerts.save_message(message)
        elif telling.id not in sent:
            hub.alerts.add_message(message)
        else:
            continue
        yield message


def _keep(hub: Hub, incidents: Sequence[Incident]) -> None:
    """Keep how incidents stand; of those of one key, the later over the earlier."""
    by_key: dict[str, list[Incident]] = {}
    for incident in incidents:
        by_key.setdefault(incident.key, []).append(incident)

    def keep(of_a_key: Sequence[Incident]) -> None:
        for incident in of_a_key:
            hub.alerts.save_incident(incident)

    groups = list(by_key.values())
    for first in range(0, len(groups), _AT_ONCE):
        for _ in side_by_side(keep, groups[first : first + _AT_ONCE], hub.storage.parallel):
            pass
        hub.alerts.still_telling(hub.clock.now())


def _message(hub: Hub, telling: Telling, created_at: datetime) -> Message:
    subject, text = _in_words(hub, telling.digest)
    return Message(
        id=telling.id,
        route=telling.route,
        language=telling.digest.language,
        subject=subject,
        text=text,
        team=telling.digest.team,
        incidents=tuple(item.incident.id for item in telling.digest.items),
        told=tuple(item.told for item in telling.digest.items),
        created_at=created_at,
        not_before=telling.not_before,
    )


def _notification(hub: Hub, digest: Digest, addresses: tuple[str, ...], now: datetime) -> Notification:
    subject, text = _in_words(hub, digest)
    alerts = [item.incident.alert for item in digest.items]
    kinds = {alert.kind.value for alert in alerts}
    releases = {str(alert.facts["release"]) for alert in alerts if "release" in alert.facts}
    return Notification(
        kind=kinds.pop() if len(kinds) == 1 else "alerts",
        team=digest.team,
        datasets=tuple(sorted({alert.dataset for alert in alerts if alert.dataset})),
        release=releases.pop() if len(releases) == 1 else None,
        to=addresses,
        subject=subject,
        text=text,
        at=now,
    )


def _in_words(hub: Hub, digest: Digest) -> tuple[str, str]:
    try:
        return hub.texts.render(digest)
    except Exception:
        said = [f"{item.told}: {item.incident.key} ({item.incident.id})" for item in digest.items]
        logger.warning("alerts could not be put into words: %s", "; ".join(said), exc_info=True)
        return said[0], "\n".join(said)


def _send(hub: Hub, now: datetime) -> list[Message]:
    """Send what is due, the oldest first. A channel that refuses is left alone until the next call."""
    begun = time.monotonic()
    tried: list[Message] = []
    refused = set[tuple[str, str]]()
    for message in hub.alerts.pending():
        channel = (message.route.tool, message.route.channel)
        if message.not_before > now or channel in refused:
            continue
        if len(tried) == _MOST_MESSAGES or time.monotonic() - begun >= LONGEST_CALL:
            break
        fared = _sent(hub, message, now)
        if fared.error:
            refused.add(channel)
        hub.alerts.save_message(fared)
        tried.append(fared)
    return tried


def _sent(hub: Hub, message: Message, now: datetime) -> Message:
    """How a message fared."""
    try:
        has_target = hub.channels.has_target(message.route)
        if has_target:
            hub.channels.send(message)
    except ChannelError as error:
        return _refused(message, error.headline, now)
    except Exception as error:  # noqa: BLE001 - one channel's fault holds up no other; its text may hold a secret
        logger.warning("a message to %s: %s", _channel(message), type(error).__name__)
        return _refused(message, f"the channel failed ({type(error).__name__})", now)
    return replace(message, sent_at=now, kept=not has_target, error="")


def _refused(message: Message, why: str, now: datetime) -> Message:
    attempts = message.attempts + 1
    logger.warning("%r was not taken by %s: %s", message.subject, _channel(message), why)
    if attempts >= _MOST_ATTEMPTS:
        logger.error("%r to %s is given up", message.subject, _channel(message))
        return replace(message, attempts=attempts, error=why, sent_at=now, kept=True)
    wait = min(_FIRST_WAIT * 2 ** min(attempts - 1, 10), _LONGEST_WAIT)
    return replace(message, attempts=attempts, error=why, not_before=now + wait)


def _channel(message: Message) -> str:
    return f"{message.route.tool} {message.route.channel}"
