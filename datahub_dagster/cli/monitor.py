"""`datahub monitor`: one look at every SLO, and what outside watchers ask: is the monitor alive, and its figures."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import click

from datahub_dagster import pipeline
from datahub_dagster.cli.context import Session, hub_command, pass_session
from datahub_dagster.cli.output import Line, Styled
from datahub_dagster.domain import words
from datahub_dagster.domain.monitor import MAX_AGE, Evaluation, Health, MonitorTick
from datahub_dagster.domain.verdict import DueResult, Verdict
from datahub_dagster.errors import ExitCode, UsageError

SCOPE = "command"
_STYLES = {Verdict.MISSED: "red", Verdict.LATE: "yellow", Verdict.UNKNOWN: "yellow"}
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class _Duration(click.ParamType):
    """A duration as contracts write them: `90s`, `5m`, `2h`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The duration; a usage error for what is none."""
        if isinstance(value, timedelta):
            return value
        match = re.fullmatch(r"(\d{1,6})([smhd])", str(value))
        if match is None:
            self.fail(f"{value!r} is no duration: they look like 90s, 5m or 2h", param, ctx)
        return timedelta(**{_UNITS[match[2]]: int(match[1])})


@hub_command("monitor")
@click.option(
    "--check", is_flag=True, help="Only say whether some monitor looks at every SLO; exit code 1 if not."
)
@click.option(
    "--max-age",
    type=_Duration(),
    default=MAX_AGE,
    metavar="DURATION",
    help="How old a sign of life may be for --check and --serve, such as 90s, 5m (default) or 2h.",
)
@click.option(
    "--metrics", is_flag=True, help="Only print the figures of all monitors, in the text form of Prometheus."
)
@click.option(
    "--serve", type=click.IntRange(0, 65535), metavar="PORT", help="Serve /health and /metrics on 127.0.0.1."
)
@pass_session
def command(session: Session, check: bool, max_age: timedelta, metrics: bool, serve: int | None) -> int:
    """Look at every SLO now: what was missed, late or kept since the last look, and send the alerts.

    For hubs without Dagster, each minute by cron or any scheduler; where Dagster runs, its sensor does the same.
    With --check, --metrics or --serve nothing is looked at: they tell whoever watches the monitor.
    """
    if check + metrics + (serve is not None) > 1:
        raise UsageError(
            "--check, --metrics and --serve exclude each other", next_step="datahub monitor --help"
        )
    if serve is not None:
        from datahub_dagster.cli.monitor_server import serve_monitor

        return serve_monitor(session, serve, max_age)
    if metrics:
        figures = session.hub.monitor_log.metrics()
        session.out.result({"metrics": figures}, figures.splitlines())
        return ExitCode.FINE
    if check:
        health = pipeline.monitor_health(session.hub, max_age)
        session.out.result(health_value(health), _health_lines(health, max_age))
        return ExitCode.FINE if health.is_fine else ExitCode.REFUSED
    tick = pipeline.monitor(session.hub, session.contracts(None), scope=SCOPE, confirmed=None)
    messages = pipeline.tell(session.hub)
    session.out.result(
        {
            "heartbeat": tick.heartbeat,
            "evaluations": [_evaluation_value(each) for each in tick.evaluations],
            "alerts": tick.alerts,
            "messages": messages,
        },
        _tick_lines(tick, len(messages)),
    )
    return ExitCode.FINE


def health_value(health: Health) -> dict[str, object]:
    """What a program hears of the monitors' health."""
    monitors = [
        {"scope": each.scope, "at": each.at, "slos": each.slo_count, "unknown": each.unknown}
        | {"problems": each.problems}
        for each in health.heartbeats
    ]
    return {
        "healthy": health.is_fine,
        "slos": health.slos,
        "silent": health.silent,
        "unread": health.unread,
        "monitors": monitors,
    }


def _health_lines(health: Health, max_age: timedelta) -> Iterator[Line]:
    for each in health.heartbeats:
        yield f"{each.scope}: looked at {words.plural(each.slo_count, 'SLO')} at {words.instant(each.at)}"
    if health.is_fine:
        yield Styled(f"every SLO is looked at: {words.count(health.slos)}", "green")
        return
    for fault in health.unread:
        yield Styled(f"what a team promises can't be read: {fault}", "red")
    if not health.silent:
        return
    count = sum(map(len, health.silent.values()))
    yield Styled(
        f"nobody has looked at {words.plural(count, 'SLO')} in the last {words.duration(max_age)}:", "red"
    )
    yield from (f"  {dataset}: {', '.join(names)}" for dataset, names in health.silent.items())
    yield "next       start the monitor again (Dagster's daemon, or cron), or: datahub monitor"


def _evaluation_value(each: Evaluation) -> dict[str, object]:
    return {
        "dataset": each.contract.name,
        "slo": each.report.name,
        "result": each.result,
        "budget": each.report.budget,
        "affected": [one.as_fact() for one in each.affected],
    }


def _tick_lines(tick: MonitorTick, messages: int) -> Iterator[Line]:
    for each in tick.evaluations:
        yield Styled(_told(each), _STYLES.get(each.result.verdict, "") if each.result else "red")
    for problem in tick.heartbeat.problems:
        yield Styled(f"{problem.dataset}: {problem.reason}", "red")
    alive = tick.heartbeat
    more = f", {words.plural(alive.unknown, 'SLO')} unknown" if alive.unknown else ""
    looked = f"{words.plural(alive.slo_count, 'SLO')} of {words.plural(len(alive.slos), 'dataset')}"
    yield f"{looked} are watched, {words.plural(len(tick.evaluations), 'evaluation')}{more}"
    if tick.alerts or messages:
        yield f"{words.plural(len(tick.alerts), 'alert')} raised, {words.plural(messages, 'message')} told"


def _told(each: Evaluation) -> str:
    name = f"{each.contract.name} {each.report.name}"
    if each.result is None:
        return f"{name}: unknown, {each.report.problem}"
    result = each.result
    what = f"{words.business_date(result.business_date)} " if isinstance(result, DueResult) else ""
    late = f" by {words.duration(result.late)}" if isinstance(result, DueResult) and result.late else ""
    why = f" ({result.reason})" if result.reason else ""
    hurt = f"; affected: {words.names(one.label for one in each.affected)}" if each.affected else ""
    return f"{name}: {what}{result.verdict.value}{late}{why}{hurt}"
