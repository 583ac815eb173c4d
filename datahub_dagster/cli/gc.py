"""`datahub gc`: what retention lets go."""

from collections.abc import Iterator, Sequence

import click

from datahub_dagster import pipeline
from datahub_dagster.cli.context import Session, hub_command, optional_dataset, pass_session
from datahub_dagster.cli.failure import error_details
from datahub_dagster.cli.output import Line, Rows, Styled
from datahub_dagster.domain import words
from datahub_dagster.domain.gc import Removal
from datahub_dagster.errors import ExitCode, HubError


@hub_command("gc")
@optional_dataset
@click.option("--dry-run", is_flag=True, help="Print what would be removed, and remove nothing.")
@pass_session
def command(session: Session, dataset: str | None, dry_run: bool) -> int:
    """Remove old releases, debris and handled deliveries, of DATASET or of all.

    Never what is published, pinned (datahub releases --pin), or within the contract's retention. Records stay
    for ever.
    """
    removals: list[Removal] = []
    errors: list[HubError] = []
    with session.out.progress() as progress:
        for contract in session.contracts(dataset):
            progress.show(f"{contract.name}: gc")
            try:
                removals += pipeline.collect(session.hub, contract, dry_run=dry_run)
            except HubError as error:
                errors.append(error)
    session.out.result(
        {"dry_run": dry_run, "removals": removals, "errors": [error_details(error) for error in errors]},
        [*removal_lines(removals, dry_run=dry_run), *(Styled(str(error), "red") for error in errors)],
    )
    return errors[0].exit_code if errors else ExitCode.FINE


def removal_lines(removals: Sequence[Removal], *, dry_run: bool) -> Iterator[Line]:
    """What goes, and why."""
    verb = "would be removed" if dry_run else "removed"
    if not removals:
        yield f"nothing {'would be ' if dry_run else 'was '}removed: retention keeps all that is there"
        return
    yield Rows(
        columns=("what", "where", "size", "why"),
        numbers=("size",),
        rows=tuple((r.kind.value, str(r.location), words.size(r.bytes), r.reason) for r in removals),
    )
    total = words.size(sum(removal.bytes for removal in removals))
    yield f"{words.plural(len(removals), 'folder')} {verb}, {total}"
    if dry_run:
        yield f"  {'next':<10} datahub gc"
