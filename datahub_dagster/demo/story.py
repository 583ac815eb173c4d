"""The demonstration as a story: a hub of its own, every delivery in its turn, a rollback, what the monitor saw, the docs.

It tells what happened as values; how that looks is the command line's business.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from datahub_dagster import pipeline
from datahub_dagster.demo.moved_clock import note_times, set_back
from datahub_dagster.domain.alert import Message
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.names import Location
from datahub_dagster.domain.outcome import Outcome
from datahub_dagster.domain.release import Generation
from datahub_dagster.domain.slo_report import SloReport
from datahub_dagster.errors import ConflictError, HubError, UsageError
from datahub_dagster.ports import Hub, StepEvent

if TYPE_CHECKING:  # writing the deliveries needs pyarrow and vega-datasets
    from datahub_dagster.demo.data import DemoDelivery

MARKER = ".demo"
DELIVERIES = ".deliveries"  # as the teams hand them in
CACHES = (".cache", ".dagster")  # derived: a folder that holds nothing else may become a demo's hub
ROLLED_BACK = "employment.us_monthly"
SCOPE = "all"  # of the monitor, as Dagster's is called that goes on from here
REASON = "The publisher withdrew the newest month: the survey is being revised"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """What became of one delivery. `error` says what stopped it, where there is no outcome."""

    told: "DemoDelivery"
    outcome: Outcome | None
    contract: Contract | None = None
    error: str = ""

    @property
    def kind(self) -> str:
        """How it ended, in a word."""
        return self.outcome.kind.value if self.outcome else "error"

    @property
    def as_told(self) -> bool:
        """Whether it ended as the story says."""
        return self.kind == self.told.expected


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """All that happened, up to an instant (UTC).

    Args:
        slos: How each SLO stands at the end, as far as something was due.
        messages: What people were told, the oldest first.
    """

    at: datetime
    chapters: tuple[Chapter, ...]
    rolled_back: Generation | None
    slos: tuple[SloReport, ...]
    messages: tuple[Message, ...]
    docs: Location
    seconds: float

    @property
    def went_as_told(self) -> bool:
        """Whether every delivery ended as the story says."""
        return all(chapter.as_told for chapter in self.chapters)

    @property
    def datasets(self) -> frozenset[str]:
        """Names of the datasets that were delivered."""
        return frozenset(chapter.told.dataset for chapter in self.chapters)

    @property
    def duration(self) -> timedelta:
        """How long it took."""
        return timedelta(seconds=self.seconds)


class Audience:
    """Hears the story while it is told. This one doesn't care."""

    def phase(self, text: str) -> None:
        """Something beside the deliveries begins."""

    def begin(self, number: int, count: int, told: "DemoDelivery") -> None:
        """A delivery begins; numbered from 1."""

    def step(self, event: StepEvent) -> None:
        """A step of a delivery."""

    def end(self, number: int, count: int, chapter: Chapter) -> None:
        """A delivery ended."""


def tell(hub: Hub, root: Path, *, actor: str, audience: Audience) -> Story:
    """Deliver and release everything in order, roll one dataset back, and render the docs with dbt's.

    All of it happens at the story's times, which end now: see `moved_clock`. The monitor looks as often as something happens.

    Args:
        hub: The hub to tell it with; see `demo_hub`.
        root: Its folder.
        actor: Who does it, for the records.
        audience: Who hears of it meanwhile.
    """
    from datahub_dagster.demo.data import EARLIEST, write_deliveries
    from datahub_dagster.demo.times import StoryTimes

    begin = time.monotonic()
    audience.phase("reading the contracts")
    hub.book()
    now = max(hub.clock.now(), EARLIEST)
    audience.phase("writing the deliveries")
    deliveries = write_deliveries(root / DELIVERIES, now)
    moved, clock = set_back(hub, deliveries[0].at)
    teller = _Teller(hub=hub, moved=moved, actor=actor, audience=audience, count=len(deliveries))
    times = StoryTimes.before(now)
    events: list[tuple[datetime, Callable[[], None]]] = [
        *((told.at, partial(teller.deliver, told)) for told in deliveries),
        (times.rolled_back_at, teller.roll_back),
        *((at, teller.look) for at in times.looks),
    ]
    for at, happens in sorted(events, key=lambda event: event[0]):
        clock.set(at)
        happens()
    clock.set(now)
    audience.phase("rendering the docs, dbt's among them")
    docs = pipeline.document(moved, with_dbt_docs=True).start
    return Story(
        at=now,
        chapters=tuple(teller.chapters),
        rolled_back=teller.rolled_back,
        slos=tuple(pipeline.slo(moved, teller.joined)),
        messages=tuple(moved.alerts.messages(deliveries[0].at)),
        docs=docs,
        seconds=time.monotonic() - begin,
    )


@dataclass
class _Teller:
    """Lets things happen, and keeps what became of them.

    Args:
        hub: With this machine's clock.
        moved: The same, with the story's.
        count: How many deliveries there are.
    """

    hub: Hub
    moved: Hub
    actor: str
    audience: Audience
    count: int
    chapters: list[Chapter] = field(default_factory=list[Chapter])
    rolled_back: Generation | None = None

    @property
    def joined(self) -> list[Contract]:
        """The datasets that were delivered so far: before its first delivery nobody waits for one."""
        known = {chapter.contract.name: chapter.contract for chapter in self.chapters if chapter.contract}
        return list(known.values())

    def deliver(self, told: "DemoDelivery") -> None:
        """Hand a delivery in, and release it."""
        number = len(self.chapters) + 1
        self.audience.begin(number, self.count, told)
        try:
            contract = self.moved.book().find(told.dataset)
            pipeline.deliver(self.moved, contract, told.path, told.name)
            outcome = pipeline.release(
                self.moved, contract, told.name, actor=self.actor, on_step=self.audience.step
            )
            note_times(self.hub, contract, told.name)
            chapter = Chapter(told=told, outcome=outcome, contract=contract)
        except HubError as error:
            chapter = Chapter(told=told, outcome=None, error=str(error))
        self.chapters.append(chapter)
        self.look()
        self.audience.end(number, self.count, chapter)

    def look(self) -> None:
        """The monitor looks at every dataset, and people are told."""
        pipeline.monitor(self.moved, self.joined, scope=SCOPE, confirmed=0)
        pipeline.tell(self.moved)

    def roll_back(self) -> None:
        """Take one dataset back to what it was before its newest delivery."""
        self.audience.phase(f"rolling {ROLLED_BACK} back")
        generations = [
            chapter.outcome.record.generation
            for chapter in self.chapters
            if chapter.told.dataset == ROLLED_BACK and chapter.outcome and chapter.outcome.record
        ]
        published = [number for number in generations if number is not None]
        if len(published) < 2:
            return  # it went otherwise than told, which the chapters say
        self.rolled_back = pipeline.rollback(
            self.moved,
            self.moved.book().find(ROLLED_BACK),
            published[-2],
            reason=REASON,
            actor=self.actor,
            on_step=self.audience.step,
        )
        self.look()


@contextmanager
def demo_hub(root: Path, *, fresh: bool) -> Iterator[None]:
    """An empty hub at `root` that is marked as a demo's, and is nobody else's while this lasts.

    What a former demo left there is removed; of its caches only if `fresh`.

    Raises:
        UsageError: The folder holds something that is not a demo's; nothing was removed.
        ConflictError: Another demo is running there.
    """
    root.mkdir(parents=True, exist_ok=True)
    marker = root / MARKER
    if not marker.is_file():
        _refuse_foreign(root)
    with marker.open("a", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConflictError(
                "another demo is running there",
                subject=str(root),
                next_step="stop it (Ctrl-C in its terminal), or: DATAHUB_ROOT=./hub-2 datahub demo",
            ) from None
        _empty(root, keep={MARKER} if fresh else {MARKER, ".cache"})
        lock.truncate(0)
        lock.write("This folder is a demo's hub: `datahub demo` empties it whenever it starts.\n")
        lock.flush()
        yield


def _refuse_foreign(root: Path) -> None:
    foreign = sorted(entry.name for entry in root.iterdir() if entry.name not in CACHES)
    if foreign:
        raise UsageError(
            "this folder is not a demo's hub; nothing was removed",
            subject=str(root),
            promised=f"a folder that is empty, or has the marker {MARKER} of a former demo",
            found=", ".join(foreign[:5]) + (f" and {len(foreign) - 5} more" if len(foreign) > 5 else ""),
            next_step="DATAHUB_ROOT=./demo-hub datahub demo",
        )


def _empty(root: Path, *, keep: set[str]) -> None:
    """Remove what is in a folder, without following links out of it."""
    with os.scandir(root) as entries:
        for entry in list(entries):
            if entry.name in keep:
                continue
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                Path(entry.path).unlink()
