"""`datahub alerts`: what is wrong, who is told, and what people have said to it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import click

from datahub_dagster.cli.context import Session, hub_command, pass_session
from datahub_dagster.cli.output import Line, Rows, Styled
from datahub_dagster.cli.waiting import Duration
from datahub_dagster.domain import words
from datahub_dagster.domain.alert import (
    Alert,
    Alerting,
    Baseline,
    Digest,
    DigestItem,
    Incident,
    Message,
    Stage,
    Told,
)
from datahub_dagster.domain.alert_routes import routes_of
from datahub_dagster.domain.contract import Contract, Language
from datahub_dagster.domain.promise import QUALITY
from datahub_dagster.domain.slo_report import slo_check_name
from datahub_dagster.errors import ExitCode
from datahub_dagster.ports import AlertTexts


@hub_command("alerts")
@click.option("--all", "with_all", is_flag=True, help="What is over and what was sent, too.")
@click.option(
    "--since",
    type=Duration(),
    default="7d",
    show_default=True,
    help="With --all: how far to look back, such as 12h or 30d.",
)
@pass_session
def command(session: Session, with_all: bool, since: timedelta) -> int:
    """Show what is wrong now, and what people are told of it.

    The open incidents, with the id that datahub ack takes; messages that wait, and why; the failures that were
    accepted as known (datahub accept). Looking sends nothing. Exit code 0 whatever it shows.
    """
    hub = session.hub
    log, now = hub.alerts, hub.clock.now()
    board = Board(
        now=now,
        incidents=log.incidents(now - since) if with_all else log.open_incidents(),
        messages=log.messages(now - since) if with_all else log.pending(),
        accepted=[each for each in log.baselines() if with_all or now < each.until],
        raised=log.raised(),
        unreadable=log.unreadable(),
        contracts={str(name): contract for name, contract in session.book.datasets.items()},
        alerting=hub.alerting,
        texts=hub.texts,
    )
    session.out.result(board.as_value(), board.lines())
    return ExitCode.FINE


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """All that is shown; `raised` are alerts that nobody has dealt with yet."""

    now: datetime
    incidents: Sequence[Incident]
    messages: Sequence[Message]
    accepted: Sequence[Baseline]
    raised: Sequence[Alert]
    unreadable: Sequence[str]
    contracts: Mapping[str, Contract]
    alerting: Alerting
    texts: AlertTexts

    def as_value(self) -> dict[str, object]:
        """For programs."""
        return {
            "incidents": [
                {
                    "id": incident.id,
                    "key": incident.key,
                    "kind": incident.alert.kind,
                    "what": self.what(incident),
                    "team": incident.alert.team,
                    "dataset": incident.alert.dataset or None,
                    "opened_at": incident.opened_at,
                    "closed_at": incident.closed_at,
                    "told_at": incident.told_at,
                    "told_to": self.told_to(incident),
                    "acknowledged_by": incident.acknowledged_by or None,
                    "acknowledged_at": incident.acknowledged_at,
                    "acknowledged_reason": incident.acknowledged_reason or None,
                    "facts": incident.alert.facts,
                }
                for incident in self.incidents
            ],
            "messages": self.messages,
            "accepted": self.accepted,
            "raised": len(self.raised),
            "unreadable": self.unreadable,
        }

    def what(self, incident: Incident) -> str:
        """What is wrong, in a line."""
        over = not incident.is_open and incident.alert.stage is not Stage.HAPPENED
        item = DigestItem(incident=incident, told=Told.OVER if over else Told.NEW)
        subject, _ = self.texts.render(
            Digest(team=incident.alert.team, language=Language.ENGLISH, items=(item,))
        )
        return subject

    def told_to(self, incident: Incident) -> list[str]:
        """Every channel that it goes to."""
        routes = routes_of(incident.alert, self.contracts, self.alerting)
        return [f"{route.tool} {route.channel}" for route in routes]

    def lines(self) -> Iterator[Line]:
        """For people."""
        if not self.incidents:
            yield Styled("nothing is wrong that the hub knows of", "green")
        else:
            yield Rows(
                columns=("id", "since", "what", "told", "to", "acknowledged"),
                narrow=("id", "since"),
                needs_width=120,
                headline=2,
                rows=tuple(self._row(incident) for incident in self.incidents),
            )
        if self.messages:
            yield Rows(
                title="messages",
                columns=("made", "to", "subject", "state"),
                narrow=("made",),
                needs_width=100,
                headline=2,
                rows=tuple(_message_row(message, self.now) for message in self.messages),
            )
        if self.accepted:
            yield Rows(
                title="accepted as known",
                columns=("dataset", "check", "up to", "until", "by", "why"),
                needs_width=100,
                headline=2,
                rows=tuple(_accepted_row(baseline, self.now) for baseline in self.accepted),
            )
        if self.raised:
            noticed = words.plural(len(self.raised), "more alert")
            yield f"{noticed}, noticed just now: the monitor deals with them within a minute"
        for place in self.unreadable:
            yield Styled(f"can't be read, and is left out: {place}", "red")
        if any(incident.is_open and not incident.acknowledged_by for incident in self.incidents):
            yield f"  {'next':<10} who takes care says so: datahub ack ID --reason ..."

    def _row(self, incident: Incident) -> tuple[str | Styled, ...]:
        what = self.what(incident)
        if incident.closed_at and incident.alert.stage is not Stage.HAPPENED:
            what += f"\nover since {words.instant(incident.closed_at)}"
        told = words.instant(incident.told_at) if incident.told_at else "nobody: accepted as known"
        answer = incident.acknowledged_by
        if answer and incident.acknowledged_reason:
            answer += f": {incident.acknowledged_reason}"
        return (
            Styled(incident.id, "bold red" if incident.is_open else "dim"),
            words.instant(incident.opened_at),
            what,
            told,
            "\n".join(self.told_to(incident)) if incident.told_at else "",
            answer,
        )


def _message_row(message: Message, now: datetime) -> tuple[str | Styled, ...]:
    tries = words.plural(message.attempts, "try", "tries")
    if message.sent_at and message.error:
        state = Styled(f"given up after {tries}: {message.error}", "red")
    elif message.sent_at and message.kept:
        state = Styled("kept in the outbox: the settings name no target for the channel", "yellow")
    elif message.sent_at:
        state = Styled(f"sent {words.instant(message.sent_at)}", "green")
    elif message.error:
        again = words.instant(message.not_before)
        state = Styled(f"refused, {tries}: {message.error}\nagain {again}", "red")
    elif message.not_before > now:
        state = Styled(f"waits until quiet hours are over, {words.instant(message.not_before)}", "yellow")
    else:
        state = Styled("is to be sent", "yellow")
    to = f"{message.route.tool} {message.route.channel}"
    return words.instant(message.created_at), to, message.subject, state


def _accepted_row(baseline: Baseline, now: datetime) -> tuple[str | Styled, ...]:
    level = accepted_level(baseline)
    until = words.instant(baseline.until)
    has_expired = baseline.until <= now
    return (
        baseline.dataset,
        baseline.check,
        level,
        Styled(f"{until}, expired", "yellow") if has_expired else until,
        baseline.actor,
        baseline.reason,
    )


def accepted_level(baseline: Baseline) -> str:
    """Up to what a failure is accepted, in words."""
    if baseline.check == slo_check_name(QUALITY):
        return f"a budget that is spent {baseline.level:.1f} times as fast as it may"
    if baseline.check.startswith("slo_"):
        return f"{words.duration(timedelta(seconds=baseline.level))} late"
    return words.plural(round(baseline.level), "failure")
