"""`datahub demo`: real open data on its way through the hub, and then the hub to look at."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from datahub_dagster import pipeline
from datahub_dagster.cli.context import Session, hub_command, pass_session
from datahub_dagster.cli.demo_slos import message_rows, slo_rows
from datahub_dagster.cli.outcomes import STYLES, why
from datahub_dagster.cli.output import Cell, Line, Progress, Rows, Styled
from datahub_dagster.cli.status import status_lines
from datahub_dagster.demo.story import Audience, Chapter, Story, demo_hub, tell
from datahub_dagster.domain import pages, words
from datahub_dagster.domain.contract import Language
from datahub_dagster.domain.names import DatasetName
from datahub_dagster.domain.verdict import Verdict
from datahub_dagster.errors import ExitCode
from datahub_dagster.ports import StepEvent

if TYPE_CHECKING:  # its module needs pyarrow and vega-datasets
    from datahub_dagster.demo.data import DemoDelivery

DOCS_PORT = 8090


@hub_command("demo")
@click.option("--no-serve", is_flag=True, help="Tell the story, and end.")
@click.option(
    "--fresh",
    is_flag=True,
    help="Forget the caches too (parsed contracts, dbt's files), as on a new machine.",
)
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Of the Dagster UI; default: 3000, or any that is free."
)
@pass_session
def command(session: Session, no_serve: bool, fresh: bool, port: int | None) -> int:
    """Deliver real open data of several teams into a hub of its own, and serve the result.

    What it tells has happened over the last nine days: its hub's clock is moved to each instant, as the dates of the data are.
    The hub is ./hub, or DATAHUB_ROOT: a folder of this machine, no hub on AWS. A demo's hub is made anew each
    time; a folder that is not a demo's is never touched.
    Exit code 1 if a delivery ended otherwise than the story says.
    """
    from datahub_dagster.cli.serve import ends_on_signals

    root = session.settings.folder
    with ends_on_signals(), demo_hub(root, fresh=fresh):
        story = _tell(session)
        lines = story_lines(session, story)
        session.out.result(story_value(story), lines)
        if no_serve or not story.went_as_told:
            return ExitCode.FINE if story.went_as_told else ExitCode.REFUSED
        try:
            _serve(session, story, port)
        except KeyboardInterrupt:
            session.out.note("stopped")
    return ExitCode.FINE


def _tell(session: Session) -> Story:
    with session.out.progress(steps=False) as progress:
        return tell(session.hub, session.settings.folder, actor=session.actor, audience=Listener(progress))


class Listener(Audience):
    """Shows the story while it is told: a line for each delivery that has ended."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def phase(self, text: str) -> None:
        """Show what begins."""
        self._progress.title = ""
        self._progress.show(text)

    def begin(self, number: int, count: int, told: "DemoDelivery") -> None:
        """Show that a delivery begins."""
        self._progress.title = f"{number}/{count}"
        self._progress.show(f"{told.dataset}: deliver")

    def step(self, event: StepEvent) -> None:
        """Show one step."""
        self._progress.on_step(event)

    def end(self, number: int, count: int, chapter: Chapter) -> None:
        """Leave a line behind that says how it ended."""
        style = STYLES[chapter.outcome.kind] if chapter.outcome and chapter.as_told else "bold red"
        unexpected = "" if chapter.as_told else f" (the story says {chapter.told.expected})"
        told = chapter.told
        line = f"{number:>2}/{count} {told.at:%m-%d %H:%M} {chapter.kind:<10}{unexpected} {told.dataset} {told.name}"
        self._progress.say(Styled(f"{line}: {because(chapter)}", style))


def because(chapter: Chapter) -> str:
    """Why a delivery ended as it did."""
    if chapter.outcome is None or chapter.contract is None:
        return chapter.error
    return why(chapter.outcome)


def story_value(story: Story) -> dict[str, object]:
    """The story, for programs."""
    return {
        "went_as_told": story.went_as_told,
        "seconds": story.seconds,
        "deliveries": [
            {
                "dataset": chapter.told.dataset,
                "delivery": chapter.told.name,
                "at": chapter.told.at,
                "story": chapter.told.story,
                "expected": chapter.told.expected,
                "kind": chapter.outcome.kind if chapter.outcome else "error",
                "release": chapter.outcome.release_id if chapter.outcome else None,
                "why": because(chapter),
            }
            for chapter in story.chapters
        ],
        "rolled_back": story.rolled_back,
        "slos": [
            {
                "dataset": report.contract.name,
                "slo": report.name,
                **{verdict.value: getattr(report.budget, verdict.value) for verdict in Verdict},
                "budget_left": report.budget.left,
            }
            for report in story.slos
        ],
        "messages": [
            {
                "at": message.created_at,
                "to": f"{message.route.tool} {message.route.channel}",
                "subject": message.subject,
                "text": message.text,
            }
            for message in story.messages
        ],
        "docs": story.docs,
    }


def story_lines(session: Session, story: Story) -> Iterator[Line]:
    """The status table, what happened to each delivery and why, how the promises were kept, and who was told what."""
    statuses = pipeline.status(session.hub)
    yield from status_lines(
        statuses, session.hub.book().faults, session.hub.clock.now(), session.settings.dbt_project_dir
    )
    yield chapter_rows(story)
    yield slo_rows(story, {each.name: each.label or each.name for each in session.book.consumers})
    yield message_rows(story)
    kinds = [chapter.kind for chapter in story.chapters]
    said = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
    back = ", 1 rollback" if story.rolled_back else ""
    took = words.duration(story.duration)
    deliveries = words.plural(len(story.chapters), "delivery", "deliveries")
    count = f"{deliveries} of {words.plural(len(story.datasets), 'dataset')}"
    yield f"{count} in {took}: {said}{back}"
    yield "(The hub's clock was moved to each of these times, as the dates of the data were: nobody waited for nine days.)"
    for chapter in story.chapters:
        if not chapter.as_told:
            told = chapter.told
            yield Styled(
                f"{told.dataset} {told.name}: {chapter.kind}, not {told.expected} as told: {because(chapter)}",
                "red",
            )


def chapter_rows(story: Story) -> Rows:
    """What happened to each delivery and why, without routine that went as told; the rollback is the last line."""
    rows: list[tuple[datetime, tuple[Cell, ...]]] = []
    for number, chapter in enumerate(story.chapters, start=1):
        told = chapter.told
        if told.is_routine and chapter.as_told:
            continue
        kind = chapter.outcome.kind if chapter.outcome else None
        became = Styled(chapter.kind, STYLES[kind] if kind else "bold red")
        row = (f"{told.dataset}\n{told.name}", told.story, became, because(chapter))
        rows.append((told.at, (str(number), _when(told.at), *row)))
    if back := story.rolled_back:
        said = f"generation {back.number} has the content of generation {back.restores} again"
        row = (str(back.dataset), back.reason, Styled("rolled back", "magenta"), said)
        rows.append((back.published_at, ("", _when(back.published_at), *row)))
    routine = len(story.chapters) + bool(story.rolled_back) - len(rows)
    left_out = f" ({routine} of routine left out)" if routine else ""
    return Rows(
        title=f"What happened to each delivery and why{left_out}",
        columns=("", "at", "delivery", "story", "became", "because"),
        narrow=("", "at", "delivery", "became"),
        needs_width=120,
        headline=3,
        rows=tuple(row for _, row in sorted(rows, key=lambda each: each[0])),
    )


def _when(at: datetime) -> str:
    return f"{at:%a %m-%d}\n{at:%H:%M} UTC"


def _serve(session: Session, story: Story, port: int | None) -> None:
    from datahub_dagster.cli.serve import HOST, chosen_port, dagster_dev, serve_folder, wait_for_signal

    root = session.settings.folder
    with ExitStack() as stack:
        docs = stack.enter_context(serve_folder(root / "docs", preferred=DOCS_PORT))
        chosen = chosen_port(port, 3000)
        environment = session.environment | {
            "DATAHUB_ROOT": str(root),
            "DATAHUB_DBT_PROJECT_DIR": str(session.settings.dbt_project_dir),
            "DATAHUB_DOCS_URL": docs,
            "DATAHUB_DAGSTER_URL": f"http://{HOST}:{chosen}/",
        }
        with session.out.progress() as progress:
            progress.show("starting Dagster (some ten seconds)")
            ui = stack.enter_context(dagster_dev(root / ".dagster", environment, chosen))
        if session.out.as_json:
            session.out.note(f"Dagster {ui}, docs {docs}")
        session.out.lines(look_at(ui, docs, root, refused_dataset(story)))
        wait_for_signal()
        session.out.note("stopping")


def refused_dataset(story: Story) -> DatasetName | None:
    """A dataset whose newest delivery was stopped by its audit."""
    newest = {chapter.told.dataset: chapter.outcome for chapter in story.chapters}
    refused = [
        outcome.receipt.dataset
        for outcome in newest.values()
        if outcome and outcome.record and outcome.record.blocks
    ]
    return refused[-1] if refused else None


def look_at(ui: str, docs: str, root: Path, refused: DatasetName | None) -> Sequence[Line]:
    """Both addresses, and what to look at first."""
    checks = f"{ui}assets/{refused.source}/{refused.table}?view=checks" if refused else f"{ui}assets"
    return [
        "",
        Styled(f"Docs     {docs}", "bold green"),
        Styled(f"Dagster  {ui}", "bold green"),
        "",
        "Look first at",
        f"  {docs}    what each team promises, what is published, and whether the promise is kept",
        f"  {docs}{pages.in_language(pages.HOME, Language.JAPANESE)}    the same in Japanese",
        f"  {ui}asset-groups    the lineage of all datasets, their consumers, and the docs",
        f"  {checks}    an audit that said no, with its rows",
        "  (what was released before Dagster ran shows once its sensor has looked: half a minute)",
        "",
        f"Try, in another terminal:  datahub --root {root} status",
        "Ctrl-C stops everything; the data stay.",
    ]
