"""`datahub doctor`: what is missing or broken, each with the next command."""

from collections.abc import Iterator

from datahub_dagster.cli.context import Session, hub_command, pass_session
from datahub_dagster.cli.findings import Finding, Findings, Level, fault_of, guarded
from datahub_dagster.cli.hub_findings import datasets
from datahub_dagster.cli.machine_findings import dagster_home, packages, project, python, root, variables
from datahub_dagster.cli.output import Line, Styled
from datahub_dagster.domain import words
from datahub_dagster.errors import ExitCode, HubError

STYLES = {Level.FINE: "green", Level.NOTE: "yellow", Level.FAULT: "bold red"}


@hub_command("doctor")
@pass_session
def command(session: Session) -> int:
    """Look at Python, packages, settings, the hub's folder, contracts, every dataset's log, and Dagster's home.

    Exit code 1 if something has to be mended; each finding names the next command. Changes nothing.
    """
    findings = list(examine(session))
    faults = [finding for finding in findings if finding.level is Level.FAULT]
    session.out.result({"healthy": not faults, "findings": findings}, _lines(findings))
    return ExitCode.REFUSED if faults else ExitCode.FINE


def _lines(findings: list[Finding]) -> Iterator[Line]:
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        yield Styled(
            f"{finding.level.value:<6} {finding.subject:<{width}} {finding.found}", STYLES[finding.level]
        )
        if finding.next_step:
            yield f"{'':<6} {'next':<{width}} {finding.next_step}"
    faults = sum(finding.level is Level.FAULT for finding in findings)
    yield f"{words.plural(faults, 'thing')} to mend" if faults else "nothing to mend"


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
    yield from root(settings.root)
    yield from dagster_home(session.environment)
    yield from project(settings)
    yield from guarded("hub", lambda: datasets(session.hub, session))
