"""Which deliveries a run is asked for, and which wait: what the sensor `inbox` decides."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from datahub_dagster.domain.contract import Contract, digest
from datahub_dagster.domain.inbox import InboxEntry, InboxState
from datahub_dagster.domain.names import DatasetName

# A run that never says how it ended (its machine died) is not waited for any longer. A second attempt is harmless.
GIVEN_UP_AFTER = timedelta(hours=2)
LONGEST_PAUSE = timedelta(hours=6)

_OPEN = (InboxState.READY, InboxState.INCOMPLETE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A run was asked for, to release a delivery with this content under this contract. `at` is UTC, `attempt` counts from 1."""

    content_key: str
    run_key: str
    at: datetime
    attempt: int = 1

    @property
    def may_be_repeated_at(self) -> datetime:
        """When the delivery is asked for again, should it still lie there: after 1, 5, 25, ... minutes."""
        return self.at + min(timedelta(minutes=5 ** (self.attempt - 1)), LONGEST_PAUSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One run: the deliveries of one team, by dataset, in the order in which they are to be released."""

    team: str
    deliveries: Mapping[DatasetName, tuple[str, ...]]
    run_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What the sensor knows of its former ticks.

    Args:
        asked: What it has asked for, by `entry_id`.
        open: Datasets whose inbox holds something that has not ended, or could not be looked into.
        listed_at: When all inboxes were looked into (UTC); None = never.
    """

    asked: Mapping[str, Asked] = field(default_factory=dict)
    open: frozenset[DatasetName] = frozenset()
    listed_at: datetime | None = None


def is_listing_due(memory: Memory, now: datetime, every: timedelta) -> bool:
    """Whether all inboxes are to be looked into, whatever the events say: some may have been lost."""
    return memory.listed_at is None or not timedelta(0) <= now - memory.listed_at < every


def to_look_into(memory: Memory, told: Collection[DatasetName]) -> frozenset[DatasetName]:
    """The inboxes to look into between two listings: those that events tell of, and those that are still in mind."""
    return memory.open.union(told)


def remember(
    memory: Memory,
    looked: Iterable[tuple[Contract, Sequence[InboxEntry] | None]],
    asked: Mapping[str, Asked],
    listed_at: datetime | None,
) -> Memory:
    """What the next tick is to know. `looked` is what `plan_runs` was given, `asked` what it gave back."""
    # A listing looks into all there are: what it did not look into is no dataset any more.
    still_open = set(memory.open) if listed_at == memory.listed_at else set[DatasetName]()
    for contract, entries in looked:
        still_open.discard(contract.name)
        if entries is None or any(entry.state in _OPEN for entry in entries):
            still_open.add(contract.name)
    return Memory(asked=asked, open=frozenset(still_open), listed_at=listed_at)


def plan_runs(
    inboxes: Iterable[tuple[Contract, Sequence[InboxEntry] | None]],
    asked: Mapping[str, Asked],
    under_way: Collection[str],
    now: datetime,
) -> tuple[list[Batch], dict[str, Asked]]:
    """The runs to ask for now, and what has been asked for then.

    A delivery is asked for once; again only if its content or its contract changed (a rejected one is no longer ready, and
    doesn't come back by itself), or if its run ended without an outcome. A dataset's deliveries keep their order: while one
    is under way, those behind it wait.

    Args:
        inboxes: Every dataset with what lies in its inbox, in the order of release; None where that could not be read.
        asked: What was asked for before, by `entry_id`.
        under_way: Keys of runs that have not ended. Look them up before the inboxes, or an end in between is a repetition.
        now: This instant, UTC.
    """
    due: dict[str, dict[DatasetName, list[InboxEntry]]] = {}
    remembered: dict[str, Asked] = {}
    for contract, entries in inboxes:
        if entries is None:
            remembered |= {key: each for key, each in asked.items() if key.startswith(f"{contract.name}/")}
            continue
        ready = [entry for entry in entries if entry.state is InboxState.READY]
        before = {entry_id(entry): asked[entry_id(entry)] for entry in ready if entry_id(entry) in asked}
        remembered |= before
        if _is_due(ready, before, under_way, now):
            due.setdefault(contract.team, {})[contract.name] = ready
    batches: list[Batch] = []
    for team, datasets in sorted(due.items()):
        entries = [entry for each in datasets.values() for entry in each]
        attempts = {entry_id(entry): _attempt(entry, remembered.get(entry_id(entry))) for entry in entries}
        run_key = digest(team, *(f"{entry.content_key}/{attempts[entry_id(entry)]}" for entry in entries))
        remembered |= {
            entry_id(entry): Asked(
                content_key=entry.content_key, run_key=run_key, at=now, attempt=attempts[entry_id(entry)]
            )
            for entry in entries
        }
        names = {name: tuple(entry.delivery for entry in each) for name, each in datasets.items()}
        batches.append(Batch(team=team, deliveries=names, run_key=run_key))
    return batches, remembered


def _is_due(
    ready: Sequence[InboxEntry], before: Mapping[str, Asked], under_way: Collection[str], now: datetime
) -> bool:
    """Whether a dataset's deliveries are to be released now: all that are ready, so that they keep their order."""
    if any(each.run_key in under_way and now < each.at + GIVEN_UP_AFTER for each in before.values()):
        return False
    known = [before.get(entry_id(entry)) for entry in ready]
    return any(
        each is None or each.content_key != entry.content_key or now >= each.may_be_repeated_at
        for entry, each in zip(ready, known, strict=True)
    )


def _attempt(entry: InboxEntry, before: Asked | None) -> int:
    return before.attempt + 1 if before and before.content_key == entry.content_key else 1


def entry_id(entry: InboxEntry) -> str:
    """A delivery's name in the cursor."""
    return f"{entry.dataset}/{entry.delivery}"


def write_cursor(memory: Memory) -> str:
    """What the sensor keeps until its next tick."""
    return json.dumps(
        {
            "asked": {
                k: [a.content_key, a.run_key, a.at.isoformat(), a.attempt]
                for k, a in sorted(memory.asked.items())
            },
            "open": [[name.source, name.table] for name in sorted(memory.open)],
            "listed_at": memory.listed_at.isoformat() if memory.listed_at else None,
        }
    )


def read_cursor(text: str | None) -> Memory:
    """The other way round; empty before the first tick."""
    kept = json.loads(text or "{}")
    if "asked" not in kept:  # of a version that listed all inboxes each time
        kept = {"asked": kept}
    return Memory(
        asked={
            key: Asked(content_key=content, run_key=run, at=datetime.fromisoformat(at), attempt=attempt)
            for key, (content, run, at, attempt) in kept["asked"].items()
        },
        open=frozenset(DatasetName(source, table) for source, table in kept.get("open", ())),
        listed_at=datetime.fromisoformat(kept["listed_at"]) if kept.get("listed_at") else None,
    )
