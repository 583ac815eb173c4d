"""`datahub check`: the data tests on what consumers read now, without a release."""

from collections.abc import Iterator, Sequence

import click

from datahub_dagster import pipeline
from datahub_dagster.cli.context import Session, hub_command, optional_dataset, pass_session
from datahub_dagster.cli.outcomes import audit_text, check_rows, sample_rows
from datahub_dagster.cli.output import Line, Styled
from datahub_dagster.domain.audit import AuditReport, CheckStatus, blocks
from datahub_dagster.domain.contract import Contract
from datahub_dagster.errors import ExitCode, UsageError


@hub_command("check")
@optional_dataset
@click.option("--all", "all_datasets", is_flag=True, help="Every dataset.")
@click.option("--team", help="The datasets of a team.")
@pass_session
def command(session: Session, dataset: str | None, all_datasets: bool, team: str | None) -> int:
    """Run the data tests of DATASET, of a team or of all on what is published.

    Exit code 1 if a test of severity `error` fails, or one could not run. Nothing is taken back: that is
    datahub rollback.
    """
    if (dataset is not None) + (team is not None) + all_datasets != 1:
        raise UsageError("say what to check: a dataset, --team or --all", next_step="datahub check --help")
    contracts = session.contracts(dataset, team=team)
    with session.out.progress() as progress:
        reports = pipeline.check(session.hub, contracts, on_step=progress.on_step)
    by_name = {contract.name: contract for contract in contracts}
    failing = [report for report in reports if blocks(by_name[report.dataset], report.results)]
    unpublished = [c.name for c in contracts if c.name not in {report.dataset for report in reports}]
    session.out.result(
        {"reports": reports, "failing": [report.dataset for report in failing], "not_published": unpublished},
        _lines(contracts, reports),
    )
    pipeline.tell(session.hub)
    return ExitCode.REFUSED if failing else ExitCode.FINE


def _lines(contracts: Sequence[Contract], reports: Sequence[AuditReport]) -> Iterator[Line]:
    by_name = {report.dataset: report for report in reports}
    for contract in contracts:
        report = by_name.get(contract.name)
        if report is None:
            yield f"{contract.name}: nothing is published yet, so there is nothing to check"
        else:
            yield from report_lines(contract, report)


def report_lines(contract: Contract, report: AuditReport) -> Iterator[Line]:
    """Every test of one dataset with its answer, and the rows that failed."""
    stopped = blocks(contract, report.results)
    summary = f"{contract.name}: generation {report.base_generation}, {audit_text(report.results)}"
    yield Styled(summary, "red" if stopped else "green")
    if report.results:
        yield check_rows(contract, report.results)
    for result in report.results:
        if result.status is not CheckStatus.PASS and (sample := sample_rows(result, 10)):
            more = f", {len(sample.rows)} of {result.failures:,}" if result.failures else ""
            yield f"  {result.check_name}: rows that fail{more}"
            yield sample
    if stopped:
        yield f"  {'next':<10} deliver repaired data, or: datahub releases {contract.name}   (to roll back)"
