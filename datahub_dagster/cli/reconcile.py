"""`datahub reconcile`: the catalog and the records follow the log again, after any crash."""

from datahub_dagster import pipeline
from datahub_dagster.cli.context import Session, hub_command, optional_dataset, pass_session
from datahub_dagster.cli.failure import error_details
from datahub_dagster.cli.output import Styled
from datahub_dagster.domain import words
from datahub_dagster.errors import ExitCode, HubError


@hub_command("reconcile")
@optional_dataset
@pass_session
def command(session: Session, dataset: str | None) -> int:
    """Mend what a crash left behind, for DATASET or for all.

    Safe at any time, and often: where all agrees, nothing is done.
    """
    mended: dict[str, list[str]] = {}
    errors: list[HubError] = []
    contracts = session.contracts(dataset)
    with session.out.progress() as progress:
        for contract in contracts:
            progress.show(f"{contract.name}: reconcile")
            try:
                if sentences := list(pipeline.reconcile(session.hub, contract)):
                    mended[str(contract.name)] = sentences
            except HubError as error:
                errors.append(error)
    agreed = len(contracts) - len(mended) - len(errors)
    lines = [f"{name}: {sentence}" for name, sentences in mended.items() for sentence in sentences]
    session.out.result(
        {"mended": mended, "errors": [error_details(error) for error in errors]},
        [
            *lines,
            f"as it should be: {agreed} of {words.plural(len(contracts), 'dataset')}",
            *(Styled(str(e), "red") for e in errors),
        ],
    )
    pipeline.tell(session.hub)
    return errors[0].exit_code if errors else ExitCode.FINE
