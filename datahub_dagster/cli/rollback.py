"""`datahub rollback`: an older content becomes the newest generation, with a reason."""

from collections.abc import Sequence

import click

from datahub_dagster import pipeline
from datahub_dagster.cli.context import Session, dataset_argument, hub_command, pass_session
from datahub_dagster.cli.output import Styled
from datahub_dagster.domain import words
from datahub_dagster.domain.names import DatasetName, ReleaseId
from datahub_dagster.domain.release import Generation
from datahub_dagster.errors import ExitCode, UnknownReleaseError


@hub_command("rollback")
@dataset_argument
@click.option(
    "--to",
    "target",
    required=True,
    metavar="GENERATION|RELEASE",
    help="A number, or a release like 2026-11-20.7.",
)
@click.option("--reason", required=True, help="Why; it is kept, and shown to everybody.")
@pass_session
def command(session: Session, dataset: str, target: str, reason: str) -> int:
    """Publish what DATASET held at an older generation, as a new one.

    Nothing is removed: the newer releases stay, and new deliveries go on top.
    """
    contract = session.book.find(dataset)
    if not reason.strip():
        raise click.BadParameter("say why: everybody who reads the data will see it", param_hint="--reason")
    number = generation_number(contract.name, target, session.hub.log.generations(contract.name))
    with session.out.progress() as progress:
        made = pipeline.rollback(
            session.hub,
            contract,
            number,
            reason=reason.strip(),
            actor=session.actor,
            on_step=progress.on_step,
        )
    back = f"datahub rollback {contract.name} --to {made.number - 1} --reason ..."
    session.out.result(
        {"dataset": contract.name, "kind": "rolled-back", "generation": made},
        [
            Styled(
                f"{contract.name}: generation {made.number} is published, with the content of {number}",
                "green",
            ),
            f"  {'reason':<10} {made.reason}",
            f"  {'consumers':<10} read release {made.release_id} again",
            f"  {'next':<10} deliver repaired data; to take it back: {back}",
        ],
    )
    pipeline.tell(session.hub)
    return ExitCode.FINE


def generation_number(dataset: DatasetName, target: str, generations: Sequence[Generation]) -> int:
    """The generation that `target` means: its number, or the release that made it.

    Raises:
        UnknownReleaseError: There is none; it lists those that are.
    """
    if target.isdecimal():
        found = [generation.number for generation in generations if generation.number == int(target)]
    else:
        try:
            wanted = ReleaseId.parse(target)
        except ValueError:
            wanted = None
        found = [generation.number for generation in generations if generation.release_id == wanted]
    if found:
        return found[-1]
    newest_first = (
        f"{generation.number} (release {generation.release_id}, {words.instant(generation.published_at)})"
        for generation in reversed(generations)
    )
    raise UnknownReleaseError(
        f"no generation is called {target}, and no published release",
        subject=str(dataset),
        found=f"{'generation' if len(generations) == 1 else 'generations'} {words.names(newest_first)}"
        if generations
        else "nothing was ever published",
        next_step=f"datahub releases {dataset}",
    )
