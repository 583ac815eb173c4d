"""`datahub accept`: a failure is known, and tells nobody anything new until a day."""

from datetime import UTC, datetime

import click

from datahub_dagster import pipeline
from datahub_dagster.cli.alerts import accepted_level
from datahub_dagster.cli.context import Session, dataset_argument, hub_command, pass_session
from datahub_dagster.cli.output import Styled
from datahub_dagster.domain import words
from datahub_dagster.domain.due import zone_named
from datahub_dagster.errors import ExitCode, UsageError


@hub_command("accept")
@dataset_argument
@click.argument("check", metavar="CHECK")
@click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="The day from which on it counts again, such as 2026-12-01.",
)
@click.option("--reason", help="Why; everybody who looks sees it.")
@click.option("--remove", is_flag=True, help="Accept it no longer.")
@pass_session
def command(
    session: Session, dataset: str, check: str, until: datetime | None, reason: str | None, remove: bool
) -> int:
    """Accept that CHECK of DATASET fails as it does now, until a day.

    Until then nobody is told of it, unless more fails than today, or than was accepted of an SLO: that it is late
    for as long as it is accepted. CHECK is the name of an asset check, a data test's or slo_NAME. The gate is as
    strict as ever: a release that a test of severity `error` stands against is rejected all the same.
    The day begins at midnight in DATAHUB_TIMEZONE.
    """
    contract = session.book.find(dataset)
    if remove:
        pipeline.accept_no_longer(session.hub, contract, check)
        value = {"dataset": contract.name, "check": check, "accepted": None}
        session.out.result(value, [f"{contract.name} {check} is accepted no longer"])
        return ExitCode.FINE
    if until is None or not (reason or "").strip():
        raise UsageError(
            "say until when it is accepted, and why",
            next_step=f"datahub accept {dataset} {check} --until DATE --reason ...",
        )
    baseline = pipeline.accept(
        session.hub,
        contract,
        check,
        until=until.replace(tzinfo=zone_named(session.settings.timezone)).astimezone(UTC),
        reason=(reason or "").strip(),
        actor=session.actor,
    )
    said = f"{contract.name} {check} is accepted up to {accepted_level(baseline)}"
    session.out.result(
        {"dataset": contract.name, "check": check, "accepted": baseline},
        [Styled(f"{said}, until {words.instant(baseline.until)}", "green")],
    )
    return ExitCode.FINE
