"""`datahub impact`: whom it hurts if a dataset is late, wrong or changed."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import click

from datahub_dagster.cli.consumers import READER_COLUMNS, contract_value, reader_cells, reader_value
from datahub_dagster.cli.context import Session, dataset_argument, hub_command, pass_session
from datahub_dagster.cli.output import Cell, Line, Rows, Styled
from datahub_dagster.cli.texts import origin_text, standing_text
from datahub_dagster.domain import words
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.due import zone_named
from datahub_dagster.domain.impact import Impact, Reader, impact_of
from datahub_dagster.domain.slo import SloStanding
from datahub_dagster.domain.status import DatasetStatus
from datahub_dagster.errors import ExitCode, UsageError
from datahub_dagster.steps.slo import promises_on_record
from datahub_dagster.steps.stand import dataset_status


@hub_command("impact")
@dataset_argument
@click.option("--column", metavar="NAME", help="Only who reads this column.")
@pass_session
def command(session: Session, dataset: str, column: str | None) -> int:
    """Show whom it hurts if DATASET is late, wrong or changed, and when.

    For each consumer: what it reads, what it was promised, and when it is affected if nothing comes from now on. Then the data tests
    of other datasets that read this one: they may fail, and hold back their own dataset's releases.
    """
    contract = session.book.find(dataset)
    if column is not None and contract.is_closed and contract.column(column) is None:
        raise UsageError(
            "there is no such column",
            subject=f"{contract.name}.{column}",
            found=f"the columns {words.names((each.name for each in contract.columns), limit=12)}",
            next_step=f"datahub show {contract.name}",
        )
    hub = session.hub
    now = hub.clock.now()
    status = dataset_status(hub, contract)
    promised = (
        () if status.problem else promises_on_record(hub, contract, session.book.consumers_of(contract.name))
    )
    impact = impact_of(contract, session.book, hub.log.generations(contract.name), now, promised)
    readers = [each for each in impact.readers if column is None or each.reads(column)]
    session.out.result(
        contract_value(contract)
        | {
            "at": now,
            "column": column,
            "published_at": status.current and status.current.published_at,
            "standings": status.standings,
            "consumers": [
                reader_value(contract, each)
                | {
                    "affected_at": each.affected and each.affected.at,
                    "business_date": each.affected and each.affected.business_date,
                    "already": bool(each.affected and each.affected.already),
                    "problem": each.problem or None,
                }
                for each in readers
            ],
            "tests": [
                {
                    "dataset": other.name,
                    "team": other.team,
                    "check": test.check_name,
                    "severity": test.severity,
                }
                for other, test in impact.tests
            ],
        },
        _lines(impact, status, readers, column, now, session.settings.dbt_project_dir),
    )
    return ExitCode.FINE


def _lines(
    impact: Impact,
    status: DatasetStatus,
    readers: Sequence[Reader],
    column: str | None,
    now: datetime,
    project_dir: Path,
) -> Iterator[Line]:
    contract = impact.contract
    yield Styled(
        f"{contract.name}  {contract.version}, {contract.lifecycle.value}, {contract.classification.value}",
        "bold",
    )
    facts = {
        "team": ", ".join([contract.team, *contract.owners]),
        "published": words.instant(status.current.published_at) if status.current else "nothing yet",
        "promised": "\n             ".join(_promised(contract, status.standings, now)) or "no time",
        "licence": words.license(contract.license) if contract.license else "",
        "sunset": f"{contract.sunset_date}, successor {contract.successor or 'none'}"
        if contract.sunset_date
        else "",
    }
    for label, text in facts.items():
        if text:
            yield f"  {label:<10} {text}"
    what = f"{contract.name}.{column}" if column else str(contract.name)
    if readers:
        yield Rows(
            title=f"Who reads {what}",
            columns=(*READER_COLUMNS, "if nothing comes"),
            needs_width=120,
            rows=tuple((*reader_cells(contract, each), _affected(each)) for each in readers),
        )
    else:
        yield f"Nobody declared to read {what}: nobody would be told."
    if impact.tests:
        yield Rows(
            title=f"Tests of other datasets that read {contract.name}",
            columns=("dataset", "team", "test", "severity", "written"),
            needs_width=100,
            headline=3,
            rows=tuple(
                (
                    str(other.name),
                    other.team,
                    test.check_name,
                    test.severity.value,
                    origin_text(project_dir, test.origin),
                )
                for other, test in impact.tests
            ),
        )


def _promised(contract: Contract, standings: Sequence[SloStanding], now: datetime) -> list[str]:
    stands = {standing.slo: standing_text(standing, now) for standing in standings}
    return [
        f"{words.freshness(slo, contract.partitions)}: {stands.get(slo.name, 'unknown')}"
        for slo in contract.freshness_slos
    ]


def _affected(reader: Reader) -> Cell:
    """Since when, or from when on, a consumer is affected, on the clocks of its promise."""
    if reader.problem:
        return Styled(f"unknown: {reader.problem}", "yellow")
    hurt = reader.affected
    if hurt is None:
        return Styled("no time promised", "dim")
    at = words.instant(hurt.at, zone_named(reader.slos[0].timezone))
    needed = f"\nfor {words.business_date(hurt.business_date)}"
    return Styled(f"affected since {at}{needed}", "red") if hurt.already else f"affected from {at} on{needed}"
