"""`datahub doctor`: what is missing or broken, each with the next command."""

from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING

import click

from datahub_dagster.cli.context import Session, hub_command, pass_session
from datahub_dagster.cli.findings import fault_of, guarded
from datahub_dagster.cli.hub_findings import alerts, datasets
from datahub_dagster.cli.machine_findings import dagster_home, packages, project, python, root, variables
from datahub_dagster.cli.output import Line, Styled
from datahub_dagster.domain import words
from datahub_dagster.domain.finding import Finding, Findings, Level
from datahub_dagster.errors import ExitCode, HubError
from datahub_dagster.settings import S3Root

if TYPE_CHECKING:  # its module needs pyarrow
    from datahub_dagster.demo.smoke import SmokeStep

STYLES = {Level.FINE: "green", Level.NOTE: "yellow", Level.FAULT: "bold red"}


@hub_command("doctor")
@click.option(
    "--smoke",
    is_flag=True,
    help="Also make, release, read, roll back and remove a dataset of its own, hub_smoke.",
)
@pass_session
def command(session: Session, smoke: bool) -> int:
    """Look at Python, packages, settings, the hub's folder, contracts, every dataset's log, and Dagster's home.

    Of a hub on AWS: also identity, bucket, permissions, queue, Glue and Athena. Exit code 1 if something has to be
    mended; each finding names the next command. Changes nothing, but on AWS writes and removes a probe below `probe/`
    and one in the database of candidates, and asks Athena for `select 1`.
    """
    findings = list(examine(session))
    session.out.lines(finding_lines(findings))
    steps = list(_smoke(session)) if smoke else []
    faults = sum(each.level is Level.FAULT for each in (*findings, *steps))
    value = {"healthy": not faults, "findings": findings} | ({"smoke": steps} if smoke else {})
    session.out.result(value, [f"{words.plural(faults, 'thing')} to mend" if faults else "nothing to mend"])
    return ExitCode.REFUSED if faults else ExitCode.FINE


def finding_lines(findings: Sequence[Finding]) -> Iterator[Line]:
    """A line for each finding, and one for what to do."""
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        yield Styled(
            f"{finding.level.value:<6} {finding.subject:<{width}} {finding.found}", STYLES[finding.level]
        )
        if finding.next_step:
            yield f"{'':<6} {'next':<{width}} {finding.next_step}"


def examine(session: Session) -> Findings:
    """Everything, from the ground up; what can't be reached because of an earlier fault is left out."""
    yield from python()
    yield from packages()
    try:
        settings = session.settings
    except HubError as error:
        yield fault_of("settings", error)
        return
    yield from variables(session.environment)
    if not isinstance(settings.root, S3Root):
        yield from root(settings.root)
    yield from dagster_home(session.environment)
    yield from project(settings)
    if isinstance(settings.root, S3Root) and not (yield from _on_aws(session, settings.root)):
        return
    yield from guarded("hub", lambda: datasets(session.hub, session))
    yield from guarded("alert targets", lambda: alerts(session))


def _on_aws(session: Session, s3_root: S3Root) -> Generator[Finding, None, bool]:
    """What there is on AWS, and whether the hub's bucket can be looked into."""
    from datahub_dagster.wiring import examine as examine_aws

    try:
        contracts = session.hub.book().datasets.values()
    except HubError:  # told with the datasets
        contracts = []
    try:
        return (yield from examine_aws(session.settings, s3_root, contracts))
    except HubError as error:  # no region, or no usable AWS settings
        yield fault_of("aws", error)
        return False


def _smoke(session: Session) -> "Iterator[SmokeStep]":
    """Take the steps, and print each with its time as soon as it is taken."""
    from datahub_dagster.cli.serve import ends_on_signals
    from datahub_dagster.demo.smoke import smoke

    with ends_on_signals(), session.out.progress(steps=False) as progress:
        for step in smoke(session.settings, on_begin=progress.show):
            line = f"{step.level.value:<6} {step.subject:<35} {step.seconds:6.1f} s  {step.found}"
            session.out.lines([Styled(line, STYLES[step.level])])
            if step.next_step:
                session.out.lines([f"{'':<6} {'next':<46} {step.next_step}"])
            yield step
