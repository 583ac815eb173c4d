"""A hub that a test can copy, kill at work, interrupt and compare: on a disk, or on AWS."""

import hashlib
import json
import re
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Lock
from typing import Any

import pytest

from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.names import Location
from datahub_dagster.ports import Hub
from datahub_dagster.side_by_side import side_by_side
from datahub_dagster.steps import publish
from tests.builders import NOW
from tests.hubs import SteppingClock
from tests.pipeline.processes import HalfCopies, Killer, PassingAuditor
from tests.places import OnAws, OnDisk, OnRequest, Place


@contextmanager
def somewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator["Where"]:
    """For a fixture with the parameters `on disk` and `on aws`: an empty hub there."""
    if request.param == "on disk":
        (tmp_path / "prepared").mkdir()
        yield HubOnDisk(tmp_path / "prepared")
        return
    place = OnAws(request.getfixturevalue("aws_account"), "prepared")
    yield HubOnAws(place, tmp_path / "given")
    place.close()


@dataclass
class Interruption:
    """At the n-th point of something, somebody else does something from beginning to end."""

    after: int
    somebody: Callable[[], object]

    def __post_init__(self) -> None:
        self._lock = Lock()

    @property
    def came(self) -> bool:
        return self.after <= 0

    def point(self) -> None:
        with self._lock:
            self.after -= 1
            is_due = self.after == 0
        if is_due:
            self.somebody()


class _InterruptedDisk(LocalStorage):
    def __init__(self, root: Path, interruption: Interruption) -> None:
        super().__init__(root)
        self._interruption = interruption

    def _path(self, location: Location) -> Path:
        self._interruption.point()
        return super()._path(location)


class Where(ABC):
    """A hub that can be copied, killed at work, and compared. `given` is a folder for what comes from outside."""

    place: Place
    given: Path

    @abstractmethod
    def hub(self, of: Contract, killer: Killer | None = None, *, years: int = 10) -> Hub:
        """The hub, whose clock is so many years ahead; the killer counts the changes that it makes."""

    @abstractmethod
    def interrupted_hub(self, of: Contract, interruption: "Interruption", *, years: int = 10) -> Hub:
        """The hub, that is interrupted at one of the points at which it looks at or changes what it holds."""

    @abstractmethod
    def copied(self, name: str, of: Contract) -> "Where":
        """A hub of its own with the same content."""

    @abstractmethod
    def remove(self) -> None:
        """It is needed no more."""

    @abstractmethod
    def anonymous(self, text: str) -> str:
        """A file's text without what differs between copies."""

    def files(self) -> dict[str, bytes]:
        """Everything that the hub holds, without writes that a crash left unfinished."""
        found = self.place.files()
        return {path: content for path, content in found.items() if "/.unfinished-" not in path}

    def state(self) -> dict[str, Any]:
        """Everything that the hub holds, but for the times; messages once, since a crash may make the hub say a thing twice."""
        state: dict[str, Any] = {}
        for path, content in self.files().items():
            if "/claims/" in path:
                continue
            if path.startswith("outbox/"):
                lines = [json.loads(line) for line in content.decode().splitlines()]
                state["outbox"] = state.get("outbox", set()) | {line["subject"] for line in lines}
            elif path.startswith("alerts/raised/"):
                alert = json.loads(content)
                state["alerts"] = state.get("alerts", set()) | {(alert["key"], alert["stage"])}
            elif "/promises/" in path or "/contracts/" in path:  # called by the instant
                told = without_times(json.loads(content))
                state[path.rpartition("/")[0]] = [*state.get(path.rpartition("/")[0], []), told]
            elif path.endswith(".json"):
                state[path] = without_times(json.loads(self.anonymous(content.decode())))
            else:
                state[path] = hashlib.sha256(content).hexdigest()
        state["tables"] = without_times(json.loads(self.anonymous(json.dumps(self.place.tables()))))
        return state


class HubOnDisk(Where):
    """A folder; a change is one to the disk, and copies can be killed half way."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.place = OnDisk(root)
        self.given = root.with_name(f"{root.name}-files")

    def hub(self, of: Contract, killer: Killer | None = None, *, years: int = 10) -> Hub:
        storage = HalfCopies(self.root)
        storage.killer = killer
        clock = SteppingClock(NOW + timedelta(days=365 * years))
        return self.place.hub(of, storage=storage, auditor=PassingAuditor(storage), clock=clock)

    def interrupted_hub(self, of: Contract, interruption: "Interruption", *, years: int = 10) -> Hub:
        storage = _InterruptedDisk(self.root, interruption)
        clock = SteppingClock(NOW + timedelta(days=365 * years))
        return self.place.hub(of, storage=storage, auditor=PassingAuditor(storage), clock=clock)

    def copied(self, name: str, of: Contract) -> "HubOnDisk":
        del of
        copy = HubOnDisk(self.root.with_name(name))
        shutil.copytree(self.root, copy.root)
        if self.given.exists():
            shutil.copytree(self.given, copy.given)
        return copy

    def remove(self) -> None:
        shutil.rmtree(self.root)
        shutil.rmtree(self.given, ignore_errors=True)

    def anonymous(self, text: str) -> str:
        return re.sub(rf"{self.root.parent}/[a-z0-9-]+", "ROOT", text)


class HubOnAws(Where):
    """A prefix of a bucket; a change is a request that is about to be sent and would change something."""

    def __init__(self, place: OnAws, given: Path) -> None:
        self.place: OnAws = place
        self.given = given

    def hub(self, of: Contract, killer: Killer | None = None, *, years: int = 10) -> Hub:
        return self._hub(of, killer.request if killer else None, years)

    def interrupted_hub(self, of: Contract, interruption: "Interruption", *, years: int = 10) -> Hub:
        return self._hub(of, lambda _request: interruption.point(), years)

    def faulty_hub(self, of: Contract, on_request: OnRequest, *, years: int = 10) -> Hub:
        """The hub, whose clients ask `on_request` before each request, and take what it answers for AWS's answer."""
        return self._hub(of, on_request, years)

    def _hub(self, of: Contract, on_request: OnRequest | None, years: int) -> Hub:
        clients = self.place.clients(on_request)
        storage = self.place.storage(clients)
        clock = SteppingClock(NOW + timedelta(days=365 * years))
        return self.place.hub(
            of, clients=clients, storage=storage, auditor=PassingAuditor(storage), clock=clock
        )

    def copied(self, name: str, of: Contract) -> "HubOnAws":
        copy = HubOnAws(self.place.beside(name), self.given)
        storage = copy.place.storage()
        files = list(self.place.files().items())
        for _ in side_by_side(
            lambda file: storage.replace(Location(file[0]), file[1]), files, storage.parallel
        ):
            pass
        publish.update_catalog(copy.hub(of), of)
        return copy

    def remove(self) -> None:
        storage = self.place.storage()
        for folder in ("inbox", "releases", "log", "outbox", "alerts"):
            storage.delete_folder(Location(folder))

    def anonymous(self, text: str) -> str:
        return text.replace(self.place.prefix, "ROOT")


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: without_times(each) for key, each in value.items() if key not in ("step_seconds", "seconds")
        }
    if isinstance(value, list):
        return [without_times(each) for each in value]
    if isinstance(value, str):
        return re.sub(
            r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)",
            "AN INSTANT",
            re.sub(r"20[34]\d-\d\d-\d\d(?=\.\d)", "A DAY", value),
        )
    return value
