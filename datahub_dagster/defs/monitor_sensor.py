"""The monitor: each minute it looks at every dataset that must be looked at, launches no run, and tells people what is wrong."""

import json
from collections.abc import Callable
from typing import TypeVar

import dagster as dg

from datahub_dagster import pipeline
from datahub_dagster.defs.names import plain
from datahub_dagster.defs.resources import HubResource
from datahub_dagster.defs.shown import Shown
from datahub_dagster.defs.slo_answers import answers_of_evaluations
from datahub_dagster.domain import words
from datahub_dagster.domain.contract import ContractBook, digest
from datahub_dagster.domain.monitor import MonitorTick
from datahub_dagster.settings import Settings

T = TypeVar("T")

ALL = "all"
_LONGEST = 60  # characters of a scope's name, which is that of a folder


def scope_of(settings: Settings) -> str:
    """The name under which the monitor of a code location leaves its signs of life: its teams.

    >>> scope_of(Settings()), scope_of(Settings(teams=("weather", "markets")))
    ('all', 'teams-markets-weather')
    """
    if not settings.teams:
        return ALL
    teams = sorted(settings.teams)
    name = "-".join(["teams", *map(plain, teams)])
    is_plain = len(name) <= _LONGEST and all(plain(team) == team for team in teams)
    return name if is_plain else f"{name[:_LONGEST]}-{digest(*teams)[:8]}"


def monitor_sensor(shown: Shown) -> dg.SensorDefinition:
    """One for all datasets of a code location, as their contracts are now."""
    settings = shown.settings
    scope = scope_of(settings)

    @dg.sensor(
        name="slo_monitor",
        minimum_interval_seconds=settings.monitor_interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Evaluates every SLO, shows what became of each due time at its check, and sends alerts. Launches no run.",
    )
    def slo_monitor(context: dg.SensorEvaluationContext, hub: HubResource) -> dg.SensorResult:
        opened = hub.open()
        confirmed = json.loads(context.cursor) if context.cursor else 0

        def evaluate() -> tuple[ContractBook, MonitorTick]:
            book = opened.book()
            contracts = [contract for contract in book.datasets.values() if settings.shows(contract.team)]
            return book, pipeline.monitor(opened, contracts, scope=scope, confirmed=confirmed)

        evaluated = _attempt(context, evaluate)
        messages = _attempt(context, lambda: pipeline.tell(opened))
        if isinstance(evaluated, Exception):
            raise evaluated
        book, tick = evaluated
        for problem in tick.heartbeat.problems:
            context.log.error("%s: %s", problem.dataset, problem.reason)
        answers = answers_of_evaluations(tick.evaluations, book, settings.docs_url)
        said = [
            words.plural(tick.heartbeat.looked, "dataset"),
            words.plural(len(tick.evaluations), "evaluation"),
        ]
        if messages and not isinstance(messages, Exception):
            said.append(words.plural(len(messages), "message"))
        return dg.SensorResult(
            asset_events=[answer.as_evaluation(contract) for contract, answer in answers],
            skip_reason=", ".join(said),
            cursor=json.dumps(tick.number),
        )

    return slo_monitor


def _attempt(context: dg.SensorEvaluationContext, act: Callable[[], T]) -> T | Exception:
    """What `act` gives back, or what went wrong: to evaluate and to tell must not keep each other from their work."""
    try:
        return act()
    except Exception as error:
        context.log.exception("something went wrong in the monitor's tick")
        return error
