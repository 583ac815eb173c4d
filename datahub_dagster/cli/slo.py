"""`datahub slo`: how well SLOs were kept."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import click

from datahub_dagster import pipeline
from datahub_dagster.cli.context import CSV, MARKDOWN, OUTPUTS, Session, hub_command, pass_session
from datahub_dagster.cli.slo_report import Shown, csv_report, markdown_report, report_lines, report_value
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.due import zone_named
from datahub_dagster.domain.names import DatasetName
from datahub_dagster.domain.promise import QUALITY
from datahub_dagster.domain.slo_report import SloReport
from datahub_dagster.domain.slo_words import quality_zone, zone_of
from datahub_dagster.errors import ExitCode, UsageError
from datahub_dagster.steps.slo import slos_ever_promised


@hub_command("slo", outputs=OUTPUTS)
@click.argument("datasets", metavar="[DATASET]...", nargs=-1)
@click.option("--team", help="The datasets of a team.")
@click.option(
    "--month", metavar="YYYY-MM", help="Over this calendar month, instead of each SLO's rolling window."
)
@click.option("--history", is_flag=True, help="Every due time and delivery with its verdict.")
@pass_session
def command(
    session: Session, datasets: tuple[str, ...], team: str | None, month: str | None, history: bool
) -> int:
    """Show how well the SLOs of each DATASET were kept, or those of all.

    For each SLO, those of consumers too: the promise, the share that kept it, how much of its error budget is left and how fast that
    is spent, the worst delays, and what is due next. All of it is computed from the release log, also of months that are long past.

    A month begins and ends at midnight in the SLO's time zone; what was due by then counts, whatever its business date. That of
    quality is the zone of the dataset's first SLO of freshness. What was promised in that month and is promised no longer is told, too.

    Beside text and JSON there are --output csv, a line for each SLO (or, with --history, for each due time and delivery), and --output
    markdown, a table for a chat or a wiki. Exit code 0 whatever it shows.
    """
    if datasets and team is not None:
        raise UsageError("name datasets or a team, not both", next_step="datahub slo --help")
    contracts = (
        [session.book.find(each) for each in dict.fromkeys(datasets)]
        if datasets
        else session.contracts(None, team=team)
    )
    reports = (
        pipeline.slo(session.hub, contracts)
        if month is None
        else _of_month(session, contracts, *_parsed(month, session.hub.clock.now()))
    )
    shown = Shown(
        reports=reports,
        contracts=contracts,
        labels={each.name: each.label or each.name for each in session.book.consumers},
        now=session.hub.clock.now(),
        month=month,
        history=history,
    )
    if session.output == CSV:
        session.out.document(csv_report(shown))
    elif session.output == MARKDOWN:
        session.out.document(markdown_report(shown))
    else:
        session.out.result(report_value(shown), report_lines(shown))
    return ExitCode.FINE


def _parsed(month: str, now: datetime) -> tuple[int, int]:
    """Year and month; it has begun somewhere on Earth."""
    found = re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", month)
    if found is None or month < "1970-01":
        raise UsageError(
            "that is no month", subject=month, promised="such as 2026-10", next_step="datahub slo --help"
        )
    if month > f"{now.astimezone(ZoneInfo('Etc/GMT-14')):%Y-%m}":
        raise UsageError(
            "that month has not begun", subject=month, found=f"it is {now:%Y-%m}", next_step="datahub slo"
        )
    return int(found[1]), int(found[2])


def _of_month(session: Session, contracts: Sequence[Contract], year: int, month: int) -> Sequence[SloReport]:
    """The reports of a month, which begins and ends at another instant in each time zone; also those of what is promised no longer."""
    zones: dict[str, dict[DatasetName, Contract]] = {}
    places: dict[tuple[DatasetName, str], int] = {}
    for contract in contracts:
        consumers = session.book.consumers_of(contract.name)
        promised = slos_ever_promised(session.hub, contract, consumers)
        named = [(slo.name, slo.timezone) for slo in promised.values()] + [(QUALITY, quality_zone(contract))]
        for name, zone in named:
            zones.setdefault(zone, {})[contract.name] = contract
            places[contract.name, name] = len(places)
    found: list[SloReport] = []
    for zone, concerned in zones.items():
        since = datetime(year, month, 1, tzinfo=zone_named(zone)).astimezone(UTC)
        until = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=zone_named(zone)).astimezone(UTC)
        reports = pipeline.slo(session.hub, list(concerned.values()), since=since, until=until)
        found += [report for report in reports if zone_of(report) == zone]
    return sorted(found, key=lambda report: places[report.contract.name, report.name])
