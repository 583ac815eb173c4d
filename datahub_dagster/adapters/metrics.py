"""The monitor's figures in the text form of Prometheus, for a scraper or for the node exporter's folder of text files.

Names follow https://prometheus.io/docs/practices/naming/: base units, shares from 0 to 1. A figure that nobody knows is left out.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from datahub_dagster.domain.monitor import Heartbeat, MonitorMemory, SloMemory

Scope = tuple[Heartbeat, MonitorMemory]

_OF_SLO = ("scope", "team", "dataset", "slo")

_SLO_FIGURES: tuple[tuple[str, str, Callable[[SloMemory, datetime], float | None]], ...] = (
    (
        "datahub_slo_attainment_ratio",
        "Share of due times, or deliveries, that kept the SLO over its window.",
        lambda slo, _: slo.attainment,
    ),
    (
        "datahub_slo_budget_left_ratio",
        "Share of the error budget that is left; negative = overspent.",
        lambda slo, _: slo.left,
    ),
    (
        "datahub_slo_late_seconds",
        "How long ago the newest deadline passed without its data; 0 = nothing is missing.",
        lambda slo, at: max((at - slo.missing_since).total_seconds(), 0.0) if slo.missing_since else 0.0,
    ),
)

_SCOPE_FIGURES: tuple[tuple[str, str, Callable[[Heartbeat], float | None]], ...] = (
    (
        "datahub_monitor_last_tick_timestamp_seconds",
        "When the monitor began to look last.",
        lambda each: each.at.timestamp(),
    ),
    ("datahub_monitor_tick_seconds", "How long its last look took.", lambda each: each.seconds),
    ("datahub_monitor_slos", "SLOs that it evaluates.", lambda each: each.slo_count),
    ("datahub_monitor_unknown_slos", "SLOs of which nobody can say anything now.", lambda each: each.unknown),
    (
        "datahub_monitor_problems",
        "Datasets that could not be evaluated in the last look.",
        lambda each: len(each.problems),
    ),
    (
        "datahub_monitor_waiting_evaluations",
        "Evaluations that are not handed out yet, or not confirmed.",
        lambda each: each.waiting,
    ),
    ("datahub_messages_pending", "Messages that are to be sent.", lambda each: each.pending_messages),
    (
        "datahub_messages_failed",
        "Pending messages that were tried in vain at least once.",
        lambda each: each.failed_messages,
    ),
)


def metrics_of(scopes: Sequence[Scope]) -> bytes:
    """The figures of some scopes; each sample says of which."""
    # A registry of its own: the process's default one tells of Python, and of whatever else a library put there.
    registry = CollectorRegistry()
    registry.register(_Figures(scopes))
    return generate_latest(registry)


class _Figures(Collector):
    def __init__(self, scopes: Sequence[Scope]) -> None:
        self._scopes = scopes

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for name, text, figure_of in _SCOPE_FIGURES:
            gauge = GaugeMetricFamily(name, text, labels=("scope",))
            for heartbeat, _ in self._scopes:
                if (value := figure_of(heartbeat)) is not None:
                    gauge.add_metric((heartbeat.scope,), value)
            yield gauge
        for name, text, value_of in _SLO_FIGURES:
            gauge = GaugeMetricFamily(name, text, labels=_OF_SLO)
            for heartbeat, memory in self._scopes:
                for dataset, known in memory.datasets.items():
                    for slo, remembered in known.slos.items():
                        if (value := value_of(remembered, heartbeat.at)) is not None:
                            gauge.add_metric((heartbeat.scope, known.team, dataset, slo), value)
            yield gauge
