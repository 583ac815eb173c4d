"""`datahub release`: what Dagster's inbox sensor does, by hand or from any scheduler."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import click

from datahub_dagster import pipeline
from datahub_dagster.cli.context import Session, hub_command, optional_dataset, pass_session
from datahub_dagster.cli.failure import error_details
from datahub_dagster.cli.outcomes import Ended
from datahub_dagster.cli.output import Line, Styled
from datahub_dagster.domain import words
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.inbox import InboxEntry, InboxState
from datahub_dagster.domain.release import OutcomeKind
from datahub_dagster.errors import ExitCode, HubError, UsageError
from datahub_dagster.ports import OnStep
from datahub_dagster.steps.preview import Preview


@hub_command("release")
@optional_dataset
@click.option("--delivery", help="This delivery alone, also if it was handled before.")
@click.option(
    "--again",
    is_flag=True,
    help="With --delivery: judge it anew, though it was rejected and nothing changed.",
)
@click.option("--team", help="What waits for the datasets of a team.")
@click.option("--all", "all_datasets", is_flag=True, help="What waits for any dataset.")
@click.option("--dry-run", is_flag=True, help="Print what would be done, and do nothing.")
@click.option("--no-docs", is_flag=True, help="Don't render the documentation afterwards.")
@pass_session
def command(
    session: Session,
    dataset: str | None,
    delivery: str | None,
    again: bool,
    team: str | None,
    all_datasets: bool,
    dry_run: bool,
    no_docs: bool,
) -> int:
    """Release what is ready in the inbox of DATASET, of a team, or of all.

    Bad data are rejected with a record that says why, and consumers keep what they had. Doing it again after a
    crash, or twice at once, ends as doing it once.
    """
    if (dataset is not None) + (team is not None) + all_datasets != 1:
        raise UsageError(
            "say what to release: a dataset, --team or --all", next_step="datahub release --help"
        )
    if delivery is not None and dataset is None:
        raise UsageError(
            "--delivery needs the dataset that it is for", next_step="datahub release DATASET --delivery NAME"
        )
    if again and delivery is None:
        raise UsageError(
            "--again needs the delivery that is to be judged anew",
            next_step="datahub release DATASET --delivery NAME --again",
        )
    contracts = session.contracts(dataset, team=team)
    work = Work()
    for contract in contracts:
        work.extend(session, contract, delivery)
    if dry_run:
        return _preview(session, work)
    return _release(session, work, render=not no_docs, again=again)


@dataclass
class Work:
    """What is to be released, what can't be, and what went wrong on the way."""

    todo: list[tuple[Contract, list[str]]] = field(default_factory=list[tuple[Contract, list[str]]])
    waiting: list[InboxEntry] = field(default_factory=list[InboxEntry])
    errors: list[HubError] = field(default_factory=list[HubError])

    def extend(self, session: Session, contract: Contract, delivery: str | None) -> None:
        """Look into the inbox of one dataset. One that can't be looked at stops no other."""
        if delivery is not None:
            self.todo.append((contract, [delivery]))
            return
        try:
            entries = pipeline.inbox(session.hub, contract)
        except HubError as error:
            self.errors.append(error)
            return
        if ready := [entry.delivery for entry in entries if entry.state is InboxState.READY]:
            self.todo.append((contract, ready))
        self.waiting += [entry for entry in entries if entry.state in (InboxState.INCOMPLETE, InboxState.BAD)]

    @property
    def exit_code(self) -> int:
        """The code of the first error; 0 where there was none."""
        return int(self.errors[0].exit_code) if self.errors else int(ExitCode.FINE)

    def remarks(self) -> Iterator[Line]:
        """What lies in the inbox and can't be released, and what failed."""
        for entry in self.waiting:
            why = entry.problem or "it has no _SUCCESS yet, so that it may not be complete"
            yield Styled(f"{entry.dataset}: delivery {entry.delivery} stays in the inbox: {why}", "yellow")
        for error in self.errors:
            yield Styled(str(error), "red")

    def as_value(self) -> dict[str, object]:
        """The remarks, for programs."""
        return {"waiting": self.waiting, "errors": [error_details(error) for error in self.errors]}


def release_one(
    session: Session, contract: Contract, delivery: str, on_step: OnStep, *, again: bool = False
) -> Ended:
    """Release one delivery, with all that is needed to tell how it ended."""
    outcome = pipeline.release(
        session.hub, contract, delivery, actor=session.actor, again=again, on_step=on_step
    )
    return Ended.of(session, contract, outcome)


def _release(session: Session, work: Work, *, render: bool, again: bool) -> int:
    ends: list[Ended] = []
    count = sum(len(deliveries) for _, deliveries in work.todo)
    with session.out.progress() as progress:
        for contract, deliveries in work.todo:
            for delivery in deliveries:
                progress.title = f"{len(ends) + 1}/{count}" if count > 1 else ""
                try:
                    ends.append(release_one(session, contract, delivery, progress.on_step, again=again))
                except HubError as error:
                    work.errors.append(error)
                    break  # the dataset's later deliveries build on this one; other datasets don't
        news = [end.outcome for end in ends if end.outcome.is_news]
        if render and any(outcome.kind is not OutcomeKind.REPEAT for outcome in news):
            progress.title = ""
            progress.show("document: rendering the pages")
            _document(session)
    if not work.todo and not work.errors and len(work.waiting) == 0:
        session.out.result(_value(ends, work), ["nothing waits in the inbox"])
        return ExitCode.FINE
    session.out.result(_value(ends, work), _lines(ends, work))
    pipeline.tell(session.hub)
    refused = any(end.outcome.refused for end in ends)
    return work.exit_code or (ExitCode.REFUSED if refused else ExitCode.FINE)


def _document(session: Session) -> None:
    """Render the pages. Where that fails the release stands: it is no reason to release again."""
    try:
        pipeline.document(session.hub, with_dbt_docs=False)
    except HubError as error:
        session.out.note(
            f"the documentation could not be rendered: {error}\nafterwards: datahub docs build", "yellow"
        )


def _value(ends: Sequence[Ended], work: Work) -> dict[str, object]:
    return {"outcomes": [end.as_value() for end in ends]} | work.as_value()


def _lines(ends: Sequence[Ended], work: Work) -> Iterator[Line]:
    for end in ends:
        yield from end.lines()
    yield from work.remarks()


def _preview(session: Session, work: Work) -> int:
    previews: list[tuple[Contract, Preview]] = []
    for contract, deliveries in work.todo:
        for delivery in deliveries:
            try:
                previews.append((contract, pipeline.preview(session.hub, contract, delivery)))
            except HubError as error:
                work.errors.append(error)
    value = {"previews": [{"dataset": contract.name, "preview": preview} for contract, preview in previews]}
    session.out.result(value | work.as_value(), _preview_lines(previews, work))
    refused = any(preview.faults for _, preview in previews)
    return work.exit_code or (ExitCode.REFUSED if refused else ExitCode.FINE)


def _preview_lines(previews: Sequence[tuple[Contract, Preview]], work: Work) -> Iterator[Line]:
    if not previews and not work.waiting and not work.errors:
        yield "nothing waits in the inbox"
    for contract, preview in previews:
        yield from preview_lines(contract, preview)
    yield from work.remarks()


def preview_lines(contract: Contract, preview: Preview) -> Iterator[Line]:
    """The plan of one delivery, or why there is none."""
    delivery, plan = preview.delivery, preview.plan
    size = f"{words.plural(len(delivery.files), 'file')}, {words.size(delivery.bytes)}"
    if preview.repeats:
        same = f"has the content of release {preview.repeats}: nothing to do"
        yield f"{contract.name}: delivery {delivery.name} {same}"
        return
    if plan is None:
        faults = words.plural(len(preview.faults), "fault")
        yield Styled(f"{contract.name}: delivery {delivery.name} ({size}) would be rejected: {faults}", "red")
        for fault in preview.faults:
            place = f" ({fault.file})" if fault.file else ""
            yield f"  {'fault':<10} {fault.message}{place}"
            if fault.promised:
                yield f"  {'promised':<10} {fault.promised}"
        return
    rows = words.plural(preview.rows, "row")
    becomes = f"would become generation {plan.next_generation}"
    yield f"{contract.name}: delivery {delivery.name} ({size}, {rows}) {becomes}"
    for label, keys in (
        ("add", plan.added),
        ("replace", plan.replaced),
        ("remove", plan.removed),
        ("leave", plan.overtaken),
    ):
        if keys:
            later = ", which later deliveries have taken" if label == "leave" else ""
            yield f"  {label:<10} {words.keys(keys)}{later}"
    if plan.kept:
        yield f"  {'keep':<10} {words.plural(plan.kept, 'partition')} as they are"
    yield f"  {'audit':<10} {words.plural(len(contract.tests), 'test')}, on the dataset as it would be"
