"""`datahub ack`: somebody takes care of an incident."""

import click

from datahub_dagster import pipeline
from datahub_dagster.cli.context import Session, hub_command, pass_session
from datahub_dagster.cli.output import Styled
from datahub_dagster.errors import ExitCode


@hub_command("ack")
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.option("--reason", required=True, help="What is done about it; everybody who looks sees it.")
@pass_session
def command(session: Session, ids: tuple[str, ...], reason: str) -> int:
    """Say that you take care of the open incidents ID.

    Nobody is reminded of them any more. People still hear when one gets worse, and when it is over. The ids are
    in each message and in datahub alerts; the first characters are enough.
    """
    if not reason.strip():
        raise click.BadParameter("say what is done about it", param_hint="--reason")
    incidents = pipeline.acknowledge(session.hub, ids, reason=reason.strip(), actor=session.actor)
    session.out.result(
        {"acknowledged": incidents},
        [
            Styled(f"{incident.id} is acknowledged by {session.actor}: {incident.key}", "green")
            for incident in incidents
        ],
    )
    return ExitCode.FINE
