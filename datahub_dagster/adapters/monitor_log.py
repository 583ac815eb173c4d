"""What the monitor remembers and tells of itself, in the hub's storage.

The layout::

    monitor/<scope>/state.json      what it knows of each dataset, and when to look at it again; derived
    monitor/<scope>/heartbeat.json  when it looked last, and which SLOs it evaluates: for outside watchers
    monitor/<scope>/metrics.prom    its figures, in the text form of Prometheus
"""

import logging
from collections.abc import Sequence
from typing import TypeVar

from pydantic import ValidationError

from datahub_dagster.adapters.json_values import json_of
from datahub_dagster.adapters.metrics import metrics_of
from datahub_dagster.domain.monitor import Heartbeat, MonitorMemory
from datahub_dagster.domain.names import Location
from datahub_dagster.ports import MonitorLog, Storage

logger = logging.getLogger(__name__)

T = TypeVar("T")

_MONITOR = Location("monitor")


class JsonMonitorLog(MonitorLog):
    """Works over any storage."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def memory(self, scope: str) -> MonitorMemory:
        return self._read(_MONITOR / scope / "state.json", MonitorMemory) or MonitorMemory()

    def save_memory(self, scope: str, memory: MonitorMemory) -> None:
        place = _MONITOR / scope / "state.json"
        self._storage.replace(place, json_of(MonitorMemory).dump_json(memory, exclude_defaults=True))

    def heartbeats(self) -> Sequence[Heartbeat]:
        scopes = self._storage.list_names(_MONITOR)
        found = (self._read(_MONITOR / scope / "heartbeat.json", Heartbeat) for scope in scopes)
        return [heartbeat for heartbeat in found if heartbeat is not None]

    def save_heartbeat(self, heartbeat: Heartbeat, memory: MonitorMemory) -> None:
        folder = _MONITOR / heartbeat.scope
        self._storage.replace(folder / "metrics.prom", metrics_of([(heartbeat, memory)]))
        self._storage.replace(folder / "heartbeat.json", json_of(Heartbeat).dump_json(heartbeat))

    def metrics(self) -> str:
        return metrics_of([(each, self.memory(each.scope)) for each in self.heartbeats()]).decode()

    def _read(self, place: Location, kind: type[T]) -> T | None:
        try:
            return json_of(kind).validate_json(self._storage.read(place))
        except FileNotFoundError:
            return None
        except ValidationError as error:
            logger.warning(
                "%s can't be read, and is made anew: %s", self._storage.uri(place), error.errors()[0]["msg"]
            )
            return None
