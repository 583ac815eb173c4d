"""A hub whose clock stands in the past: what happens there is recorded as if it happened then.

For the demo alone, whose deliveries are spread over the last days. Nothing else of the hub is changed: it decides, records and
tells by its port `Clock`, as ever.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.names import Location
from datahub_dagster.ports import Clock, Hub, StoredFile
from datahub_dagster.steps.inbox import delivery_folder, listing_of


class StoryClock(Clock):
    """A clock that is set, and goes on from there."""

    def __init__(self, at: datetime) -> None:
        self.set(at)

    def set(self, at: datetime) -> None:
        """Let it be another instant (UTC) from now on."""
        self._at, self._since = at, time.monotonic()

    def now(self) -> datetime:
        """The instant that it was set to, and what has passed since."""
        return self._at + timedelta(seconds=time.monotonic() - self._since)


class _StoryStorage(LocalStorage):
    """Files that are as old as the story: the machine wrote them just now, a team did when they were first seen."""

    def __init__(self, storage: LocalStorage, clock: Clock) -> None:
        super().__init__(storage.root)
        self._clock = clock
        self._seen_at: dict[Location, datetime] = {}

    def list_files(self, folder: Location) -> Sequence[StoredFile]:
        now = self._clock.now()
        return [
            replace(file, modified_at=self._seen_at.setdefault(folder / file.path, now))
            for file in super().list_files(folder)
        ]


def set_back(hub: Hub, at: datetime) -> tuple[Hub, StoryClock]:
    """A hub on this machine with a clock of its own, which is set to an instant (UTC)."""
    assert isinstance(hub.storage, LocalStorage)
    clock = StoryClock(at)
    return replace(hub, clock=clock, storage=_StoryStorage(hub.storage, clock)), clock


def note_times(hub: Hub, contract: Contract, delivery: str) -> None:
    """Let nobody take a delivery for one that was changed since, because its files are younger than its receipt.

    Args:
        hub: With this machine's clock.
        contract: The dataset's.
        delivery: Its name.
    """
    listed = hub.storage.list_files(delivery_folder(contract, delivery))
    hub.log.note_listing(contract.name, delivery, listing_of(listed))
