"""Alerts, incidents, messages and baselines as small JSON files in the hub's storage.

The layout::

    alerts/raised/<instant>.<key>.<alert>.json      somebody noticed it, and nobody has dealt with it
    alerts/open/<key>.json                          what is wrong: one incident a key
    alerts/last/<key>.json                          the last incident of a key that is over
    alerts/closed/<YYYY-MM>/<instant>.<id>.json     all incidents that are over, by the instant at which they were
    alerts/pending/<message>.json                   messages that are to be sent
    alerts/sent/<YYYY-MM>/<instant>.<message>.json  messages that were, by the instant at which they were made
    alerts/baselines/<dataset and check>.json       what is accepted as known
    alerts/telling/<number>.json                    the claim of whoever deals with alerts now

Instants and months are UTC. `<key>` is a digest of an incident's key, which may be long and hold any character.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from pydantic import ValidationError

from datahub_dagster.adapters.json_values import json_of
from datahub_dagster.domain.alert import Alert, Baseline, Incident, Message
from datahub_dagster.domain.contract import digest
from datahub_dagster.domain.names import Location
from datahub_dagster.errors import AlreadyExistsError, ConflictError
from datahub_dagster.ports import AlertLog, Storage
from datahub_dagster.side_by_side import side_by_side

logger = logging.getLogger(__name__)

T = TypeVar("T")

_ALERTS = Location("alerts")
_RAISED = _ALERTS / "raised"
_OPEN = _ALERTS / "open"
_LAST = _ALERTS / "last"
_CLOSED = _ALERTS / "closed"
_PENDING = _ALERTS / "pending"
_SENT = _ALERTS / "sent"
_BASELINES = _ALERTS / "baselines"
_TELLING = _ALERTS / "telling"

_KINDS: dict[Location, type[Any]] = {_RAISED: Alert, _OPEN: Incident, _PENDING: Message, _BASELINES: Baseline}
_LONGEST_CLAIM = timedelta(minutes=5)  # then whoever made it was killed
_RENEWED_AFTER = timedelta(minutes=1)


class JsonAlertLog(AlertLog):
    """Works over any storage. What an object store tells of a file's version saves reading again what is known."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._seen: dict[str, tuple[str, Any]] = {}  # path → version, value
        self._claim: tuple[Location, datetime] | None = None  # where it lies, and when it was made or renewed

    def raise_alert(self, alert: Alert) -> None:
        self._create(_raised_at(alert), alert)

    def raised(self) -> Sequence[Alert]:
        return sorted(self._all(_RAISED, Alert), key=lambda alert: alert.at)

    def settle(self, alerts: Collection[Alert]) -> None:
        places = [_raised_at(alert) for alert in alerts]
        for _ in side_by_side(self._storage.delete, places, self._storage.parallel):
            pass

    def open_keys(self, keys: Collection[str]) -> frozenset[str]:
        open_now = {name.removesuffix(".json") for name in self._storage.list_names(_OPEN)}
        raised = {name.split(".")[2] for name in self._storage.list_names(_RAISED) if name.count(".") > 3}
        return frozenset(key for key in keys if digest(key) in open_now | raised)

    def incident(self, key: str) -> Incident | None:
        for folder in (_OPEN, _LAST):
            found = self._read(folder / f"{digest(key)}.json", Incident)
            if found is not None:
                return found
        return None

    def open_incidents(self) -> Sequence[Incident]:
        return sorted(self._all(_OPEN, Incident), key=lambda incident: incident.opened_at)

    def incidents(self, since: datetime) -> Sequence[Incident]:
        over = self._of_months(_CLOSED, since, Incident)
        found = {incident.id: incident for incident in (*over, *self.open_incidents())}
        return sorted(found.values(), key=lambda incident: incident.opened_at)

    def save_incident(self, incident: Incident) -> None:
        name = f"{digest(incident.key)}.json"
        if incident.closed_at is None:
            self._replace(_OPEN / name, incident)
            return
        # What is open is removed last: somebody who is stopped before that closes it again.
        self._replace(_by_month(_CLOSED, incident.closed_at, incident.id), incident)
        self._replace(_LAST / name, incident)
        self._storage.delete(_OPEN / name)

    def add_message(self, message: Message) -> None:
        if not self._storage.exists(_by_month(_SENT, message.created_at, message.id)):
            self._create(_PENDING / f"{message.id}.json", message)

    def pending(self) -> Sequence[Message]:
        return sorted(self._all(_PENDING, Message), key=lambda message: message.created_at)

    def save_message(self, message: Message) -> None:
        if message.sent_at is None:
            self._replace(_PENDING / f"{message.id}.json", message)
            return
        self._replace(_by_month(_SENT, message.created_at, message.id), message)
        self._storage.delete(_PENDING / f"{message.id}.json")

    def messages(self, since: datetime) -> Sequence[Message]:
        waiting = [message for message in self.pending() if message.created_at >= since]
        sent = self._of_months(_SENT, since, Message)
        found = {message.id: message for message in (*waiting, *sent)}
        return sorted(found.values(), key=lambda message: message.created_at)

    def baselines(self) -> Sequence[Baseline]:
        return sorted(
            self._all(_BASELINES, Baseline), key=lambda baseline: (baseline.dataset, baseline.check)
        )

    def save_baseline(self, baseline: Baseline) -> None:
        self._replace(_baseline_of(baseline.dataset, baseline.check), baseline)

    def remove_baseline(self, dataset: str, check: str) -> None:
        self._storage.delete(_baseline_of(dataset, check))

    def unreadable(self) -> Sequence[str]:
        return [
            self._storage.uri(place)
            for folder, kind in _KINDS.items()
            for name in self._names(folder)
            if self._read(place := folder / name, kind) is None and self._storage.exists(place)
        ]

    @contextmanager
    def telling(self, now: datetime) -> Iterator[bool]:
        # A claim has the number after the last one, so that of several who find an old claim one alone takes over.
        names = [name for name in self._names(_TELLING) if name.removesuffix(".json").isdigit()]
        last = max((int(name.removesuffix(".json")) for name in names), default=0)
        if last and self._is_held(_TELLING / f"{last}.json", now):
            yield False
            return
        mine = _TELLING / f"{last + 1}.json"
        try:
            self._storage.create(mine, json_of(datetime).dump_json(now.astimezone(UTC)))
        except AlreadyExistsError:
            yield False
            return
        self._claim = (mine, now)
        for name in names:
            self._storage.delete(_TELLING / name)
        try:
            yield True
        finally:
            self._claim = None
            self._storage.delete(mine)

    def still_telling(self, now: datetime) -> None:
        if self._claim is None or abs(now - self._claim[1]) < _RENEWED_AFTER:
            return
        mine = self._claim[0]
        if not self._storage.exists(mine):
            raise ConflictError(
                "somebody else has taken over dealing with alerts", next_step="nothing: all is told"
            )
        self._storage.replace(mine, json_of(datetime).dump_json(now.astimezone(UTC)))
        self._claim = (mine, now)

    def _is_held(self, claim: Location, now: datetime) -> bool:
        claimed_at = self._read(claim, datetime)
        return claimed_at is not None and abs(now - claimed_at) < _LONGEST_CLAIM

    def _names(self, folder: Location) -> Sequence[str]:
        return [name for name in self._storage.list_names(folder) if name.endswith(".json")]

    def _all(self, folder: Location, kind: type[T]) -> list[T]:
        """Everything in a folder that can be read."""
        files = {f"{folder}/{file.path}": file.version for file in self._storage.list_files(folder)}
        for gone in [path for path in self._seen if path.startswith(f"{folder}/") and path not in files]:
            del self._seen[gone]

        def read(path: str) -> T | None:
            version = files[path]
            if version and (seen := self._seen.get(path)) is not None and seen[0] == version:
                return seen[1]
            value = self._read(Location(path), kind)
            if version and value is not None:
                self._seen[path] = (version, value)
            return value

        return self._side_by_side(read, [path for path in files if path.endswith(".json")])

    def _of_months(self, folder: Location, since: datetime, kind: type[T]) -> list[T]:
        first = since.astimezone(UTC)
        places = [
            folder / month / name
            for month in self._storage.list_names(folder)
            if month >= f"{first:%Y-%m}"
            for name in self._names(folder / month)
            if name >= _instant(first)
        ]
        return self._side_by_side(lambda place: self._read(place, kind), places)

    def _side_by_side(self, read: Callable[[Any], T | None], items: Sequence[Any]) -> list[T]:
        return [value for value in side_by_side(read, items, self._storage.parallel) if value is not None]

    def _create(self, place: Location, value: object) -> None:
        try:
            self._storage.create(place, json_of(type(value)).dump_json(value, indent=1))
        except AlreadyExistsError:
            return

    def _replace(self, place: Location, value: object) -> None:
        self._storage.replace(place, json_of(type(value)).dump_json(value, indent=1))

    def _read(self, place: Location, kind: type[T]) -> T | None:
        """None if it has gone, or can't be read, which is logged."""
        try:
            return json_of(kind).validate_json(self._storage.read(place))
        except FileNotFoundError:
            return None
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            logger.warning("%s can't be read and was skipped: %s", self._storage.uri(place), first["msg"])
            return None


def _raised_at(alert: Alert) -> Location:
    return _RAISED / f"{_instant(alert.at)}.{digest(alert.key)}.{alert.id}.json"


def _baseline_of(dataset: str, check: str) -> Location:
    return _BASELINES / f"{digest(dataset, check)}.json"


def _by_month(folder: Location, at: datetime, name: str) -> Location:
    return folder / f"{at.astimezone(UTC):%Y-%m}" / f"{_instant(at)}.{name}.json"


def _instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H-%M-%S.%fZ}"
