"""`datahub releases`: the history of a dataset, refusals and rollbacks included."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import click

from datahub_dagster import pipeline
from datahub_dagster.cli.context import Session, dataset_argument, hub_command, pass_session
from datahub_dagster.cli.outcomes import why
from datahub_dagster.cli.output import Line, Rows, Styled
from datahub_dagster.domain import words
from datahub_dagster.domain.cost import Cost, cost_of
from datahub_dagster.domain.delivery import Receipt
from datahub_dagster.domain.names import DatasetName, ReleaseId
from datahub_dagster.domain.outcome import Outcome
from datahub_dagster.domain.release import (
    Generation,
    GenerationKind,
    OutcomeKind,
    ReleaseRecord,
    ReleaseState,
    state_now,
)
from datahub_dagster.errors import ExitCode, UnknownReleaseError, UsageError
from datahub_dagster.ports import ReleaseLog

STYLES = {
    "published": "green",
    "rejected": "red",
    "repeat": "dim",
    "superseded": "dim",
    "overtaken": "yellow",
    "removed": "dim",
    "rollback": "magenta",
}


@hub_command("releases")
@dataset_argument
@click.option("--pin", metavar="RELEASE", help="Keep this release, whatever retention says.")
@click.option("--unpin", metavar="RELEASE", help="Leave this release to retention again.")
@click.option("--reason", help="Why it is pinned.")
@pass_session
def command(session: Session, dataset: str, pin: str | None, unpin: str | None, reason: str | None) -> int:
    """Show the history of DATASET, or pin one of its releases.

    A pinned release is never removed by datahub gc.
    """
    contract = session.book.find(dataset)
    log = session.hub.log
    if pin is not None and unpin is not None:
        raise UsageError("--pin and --unpin at once", next_step="datahub releases --help")
    if pin is not None and not (reason or "").strip():
        raise UsageError(
            "a pin needs a reason: somebody will ask in a year",
            next_step=f"datahub releases {dataset} --pin {pin} --reason ...",
        )
    if chosen := pin or unpin:
        release_id = known_release(contract.name, chosen, log)
        pipeline.pin(session.hub, contract, release_id, reason if pin else None)
        said = f"is pinned: {reason}" if pin else "is left to retention again"
        value = {
            "dataset": contract.name,
            "release": release_id,
            "pinned": pin is not None,
            "reason": reason if pin else None,
        }
        session.out.result(value, [f"{contract.name}: release {release_id} {said}"])
        return ExitCode.FINE
    chapters = history(log, contract.name)
    session.out.result(
        {"dataset": contract.name, "history": chapters}, history_lines(contract.name, chapters)
    )
    return ExitCode.FINE


def known_release(dataset: DatasetName, text: str, log: ReleaseLog) -> ReleaseId:
    """A release that was received.

    Raises:
        UnknownReleaseError: There is none of that name.
    """
    known = [receipt.release_id for receipt in log.receipts(dataset)]
    found = [release_id for release_id in known if str(release_id) == text]
    if found:
        return found[0]
    raise UnknownReleaseError(
        f"there is no release {text}",
        subject=str(dataset),
        found=f"{words.plural(len(known), 'release')}, the newest {known[-1]}"
        if known
        else "no release at all",
        next_step=f"datahub releases {dataset}",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One thing that happened. `state` is that of today, or `repeat`, `rollback`, or `under way`.

    `is_kept`: whether the data of the release are still there, so that one may roll back to it. `cost` is what its audit cost;
    None where the engine charges nothing.
    """

    at: datetime
    state: str
    release: ReleaseId
    delivery: str = ""
    generation: int | None = None
    is_current: bool = False
    partitions: tuple[str, ...] = ()
    rows: int | None = None
    bytes: int | None = None
    why: str = ""
    actor: str = ""
    pinned: str | None = None
    is_kept: bool = False
    cost: Cost | None = None

    @property
    def label(self) -> str:
        """The state for people: those of whom `superseded` says too little get a word of their own."""
        if self.state != ReleaseState.SUPERSEDED.value:
            return self.state
        if self.generation is None:
            return words.outcome(OutcomeKind.SUPERSEDED)
        return self.state if self.is_kept else "removed"


def history(log: ReleaseLog, dataset: DatasetName) -> list[Chapter]:
    """Everything that happened, newest first: receipts with their outcomes, and rollbacks."""
    records = {record.release_id: record for record in log.records(dataset)}
    generations = log.generations(dataset)
    current = generations[-1] if generations else None
    pins = log.pins(dataset)
    chapters = [
        _of_receipt(receipt, records.get(receipt.release_id), current, pins, log)
        for receipt in log.receipts(dataset)
    ]
    chapters += [_of_rollback(g, current) for g in generations if g.kind is GenerationKind.ROLLBACK]
    return sorted(chapters, key=lambda chapter: (chapter.at, chapter.generation or 0), reverse=True)


def _of_receipt(
    receipt: Receipt,
    record: ReleaseRecord | None,
    current: Generation | None,
    pins: Mapping[ReleaseId, str],
    log: ReleaseLog,
) -> Chapter:
    name = receipt.delivery.name
    if receipt.repeats is not None:
        said = f"the same content as release {receipt.repeats}: nothing to do"
        return Chapter(
            at=receipt.received_at,
            state="repeat",
            release=receipt.release_id,
            delivery=name,
            why=said,
            actor=receipt.actor,
        )
    pinned = pins.get(receipt.release_id)
    if record is None:
        return Chapter(
            at=receipt.received_at,
            state="under way",
            release=receipt.release_id,
            delivery=name,
            why=f"received, not finished; if it stays so: datahub release {receipt.dataset} --delivery {name}",
            actor=receipt.actor,
            pinned=pinned,
        )
    state = state_now(record, current)
    said = why(Outcome(receipt=receipt, record=record))
    if state is ReleaseState.SUPERSEDED and record.state is ReleaseState.PUBLISHED:
        said += "; no partition is read from it any more"
    # The folder alone says nothing: the record stays in it when retention has removed the data.
    is_kept = not record.refused and log.file_list(receipt.dataset, record.release_id) is not None
    if record.state is ReleaseState.PUBLISHED and not is_kept:
        said += ", and retention has removed its data"
    return Chapter(
        at=record.finished_at,
        state=state.value,
        release=record.release_id,
        delivery=name,
        generation=record.generation,
        is_current=current is not None and record.generation == current.number,
        partitions=record.partitions,
        rows=record.rows,
        bytes=record.bytes,
        why=said,
        actor=record.actor,
        pinned=pinned,
        is_kept=is_kept,
        cost=cost_of([record.audit]),
    )


def _of_rollback(generation: Generation, current: Generation | None) -> Chapter:
    return Chapter(
        at=generation.published_at,
        state="rollback",
        release=generation.release_id,
        generation=generation.number,
        is_current=current is not None and generation.number == current.number,
        why=f"to the content of generation {generation.restores}: {generation.reason}",
        actor=generation.actor,
    )


def history_lines(dataset: DatasetName, chapters: Sequence[Chapter]) -> Iterator[Line]:
    """The history as a table, newest first."""
    if not chapters:
        yield f"{dataset}: nothing was ever delivered"
        yield f"  {'next':<10} datahub deliver {dataset} PATH"
        return
    yield Rows(
        columns=(
            "release",
            "state",
            "generation",
            "delivery",
            "partitions",
            "rows",
            "size",
            "when",
            "by",
            "why",
        ),
        numbers=("generation", "rows", "size"),
        narrow=("release", "when", "state"),
        needs_width=130,
        headline=2,
        rows=tuple(
            (
                str(chapter.release),
                Styled(chapter.label, STYLES.get(chapter.label, "yellow")),
                ""
                if chapter.generation is None
                else f"{chapter.generation}{' *' if chapter.is_current else ''}",
                chapter.delivery,
                words.keys(chapter.partitions, limit=2),
                "" if chapter.rows is None else f"{chapter.rows:,}",
                "" if chapter.bytes is None else words.size(chapter.bytes),
                words.instant(chapter.at).removesuffix(" UTC"),
                chapter.actor,
                chapter.why
                + (f" [pinned: {chapter.pinned}]" if chapter.pinned else "")
                + (f" [audit: {chapter.cost}]" if chapter.cost else ""),
            )
            for chapter in chapters
        ),
    )
    yield f"* published now. Times are UTC. One in full: datahub show {dataset} --release RELEASE"
