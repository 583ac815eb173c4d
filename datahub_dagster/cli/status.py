"""`datahub status`: what was promised, what is published, what was refused and why."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import click

from datahub_dagster import pipeline
from datahub_dagster.cli.context import Session, hub_command, pass_session
from datahub_dagster.cli.costs import DatasetCosts, costs_lines, costs_value
from datahub_dagster.cli.outcomes import STYLES, why
from datahub_dagster.cli.output import Cell, Line, Rows, Styled
from datahub_dagster.cli.texts import ago, standing_text
from datahub_dagster.domain import slo_words, words
from datahub_dagster.domain.contract import ContractFault
from datahub_dagster.domain.inbox import InboxState
from datahub_dagster.domain.names import DatasetName, Location
from datahub_dagster.domain.release import GenerationKind, OutcomeKind
from datahub_dagster.domain.slo import SloState
from datahub_dagster.domain.slo_report import SloReport
from datahub_dagster.domain.status import DatasetStatus
from datahub_dagster.errors import ExitCode, UsageError

LOG = Location("log")

Kept = Mapping[DatasetName, Sequence[SloReport]]
"""How the SLOs of each dataset were kept over their windows."""


@hub_command("status")
@click.option("--team", help="The datasets of a team.")
@click.option(
    "--cost", is_flag=True, help="What audits and checks cost: bytes scanned, and time in the engine."
)
@click.option(
    "--price-per-tb",
    type=click.FloatRange(min=0),
    metavar="USD",
    help="With --cost: what your region's Athena charges for a terabyte, to see money, too.",
)
@pass_session
def command(session: Session, team: str | None, cost: bool, price_per_tb: float | None) -> int:
    """Show how every dataset stands: promised, published, refused, and why.

    Faults in the teams' YAML come first. Exit code 0 whatever it shows: it is a look, not a judgement. Exit code 3 if the hub as a
    whole can't be read.
    """
    if price_per_tb is not None and not cost:
        raise UsageError("--price-per-tb says nothing without --cost", next_step="datahub status --cost ...")
    book = session.hub.book()
    if team is not None:
        session.contracts(None, team=team)
    standings = [s for s in pipeline.status(session.hub) if team is None or s.contract.team == team]
    if standings and all(status.problem for status in standings):
        session.hub.storage.list_names(LOG)  # raises, if it is the hub as a whole that can't be read
    faults = [fault for fault in book.faults if team is None or fault.team == team]
    now = session.hub.clock.now()
    if cost:
        costs = [DatasetCosts.of(session.hub.log, status, now) for status in standings]
        on_aws = session.settings.is_on_aws
        session.out.result(
            costs_value(costs, now, price_per_tb, is_charged=on_aws),
            costs_lines(costs, now, price_per_tb, is_charged=on_aws),
        )
        return ExitCode.FINE
    kept: dict[DatasetName, list[SloReport]] = {}
    for report in pipeline.slo(session.hub, [each.contract for each in standings if not each.problem]):
        kept.setdefault(report.contract.name, []).append(report)
    session.out.result(
        {"at": now, "faults": faults, "datasets": [status_value(status, kept) for status in standings]},
        status_lines(standings, faults, now, session.settings.dbt_project_dir, kept),
    )
    return ExitCode.FINE


def status_value(status: DatasetStatus, kept: Kept) -> dict[str, object]:
    """One dataset, for programs."""
    contract, current, last = status.contract, status.current, status.last
    return {
        "dataset": contract.name,
        "team": contract.team,
        "version": contract.version,
        "lifecycle": contract.lifecycle,
        "promised": words.promises(contract),
        "standings": status.standings,
        "slos": [
            {
                "slo": report.name,
                "objective": report.budget.objective,
                "attainment": report.budget.attainment,
                "budget_left": report.budget.left,
            }
            for report in kept.get(contract.name, ())
        ],
        "published": current
        and {
            "generation": current.number,
            "release": current.release_id,
            "kind": current.kind,
            "reason": current.reason,
            "published_at": current.published_at,
            "partitions": len(current.partitions),
            "rows": status.rows,
            "bytes": status.bytes,
        },
        "last": last
        and {
            "delivery": last.receipt.delivery.name,
            "kind": last.kind,
            "release": last.release_id,
            "received_at": last.receipt.received_at,
            "why": last.why,
        },
        "rejected_count": sum(outcome.refused for outcome in status.outcomes),
        "waiting": status.waiting,
        "checked_at": status.checked_at,
        "failing_checks": status.failing_checks,
        "problem": status.problem or None,
    }


def status_lines(
    standings: Sequence[DatasetStatus],
    faults: Sequence[ContractFault],
    now: datetime,
    project_dir: Path,
    kept: Kept | None = None,
) -> Iterator[Line]:
    """The contract faults, the table, and what needs a hand."""
    for fault in faults:
        yield from fault_lines(fault)
    if not standings:
        yield f"no dataset: no source is declared in {project_dir}"
        yield f"  {'next':<10} write one (docs/tutorial), or set DATAHUB_DBT_PROJECT_DIR"
        return
    yield Rows(
        columns=("dataset", "promised", "published", "newest delivery", "why"),
        narrow=("dataset",),
        needs_width=120,
        rows=tuple(_row(status, kept or {}, now) for status in standings),
    )
    for status in standings:
        yield from _attention(status)


def fault_lines(fault: ContractFault) -> Iterator[Line]:
    """A fault in a team's YAML, and what the hub does meanwhile."""
    yield Styled(f"contract fault in {fault.team}: {fault}", "red")
    if not fault.is_broken:
        kept = "everything else is used as it is written"
    elif fault.has_last_good:
        kept = "the team's last good state is used; other teams don't notice"
    else:
        kept = "the team's datasets are missing until it is mended; other teams don't notice"
    yield f"  {'meanwhile':<10} {kept}"
    if fault.next_step:
        yield f"  {'next':<10} {fault.next_step}"


def _row(status: DatasetStatus, kept: Kept, now: datetime) -> tuple[Cell, ...]:
    contract, last = status.contract, status.last
    name = f"{contract.name}\n{contract.team}, {contract.lifecycle.value}"
    promised, style = _promised(status, kept, now)
    newest: Cell = "none"
    if last:
        newest = Styled(f"{words.outcome(last.kind)}: {last.receipt.delivery.name}", STYLES[last.kind])
    return name, Styled(promised, style), _published(status, now), newest, _why(status)


def _promised(status: DatasetStatus, kept: Kept, now: datetime) -> tuple[str, str]:
    """Each promise with how it stands, and how often it was kept."""
    standings = {standing.slo: standing for standing in status.standings}
    slos = status.contract.freshness_slos
    lines = [
        words.freshness(slo, status.contract.partitions)
        + (f": {standing_text(standings[slo.name], now)}" if slo.name in standings else "")
        + "".join(_share_kept(each) for each in kept.get(status.contract.name, ()) if each.name == slo.name)
        for slo in slos
    ] or words.promises(status.contract)
    states = {standing.state for standing in status.standings}
    style = "red" if SloState.LATE in states else "yellow" if SloState.UNKNOWN in states else ""
    return "\n".join(lines or ["no time promised"]), style


def _share_kept(report: SloReport) -> str:
    if report.budget.attainment is None:
        return ""
    promised = words.share(report.budget.objective)
    return f"; {slo_words.attained(report.budget.attainment)} kept, {promised} promised"


def _published(status: DatasetStatus, now: datetime) -> Cell:
    current = status.current
    if status.problem:
        return Styled("can't be read", "red")
    if current is None:
        return Styled("nothing yet", "dim")
    rows = f", {words.plural(status.rows, 'row')}" if status.rows is not None else ""
    rolled_back = " (rolled back)" if current.kind is GenerationKind.ROLLBACK else ""
    when = ago(current.published_at, now)
    return f"{current.release_id}, generation {current.number}{rolled_back}\n{when}{rows}"


def _why(status: DatasetStatus) -> Cell:
    if status.problem:
        return Styled(status.problem, "red")
    parts = [why(status.last)] if status.last else []
    if status.current and status.current.kind is GenerationKind.ROLLBACK:
        parts.append(f"rolled back to generation {status.current.restores}: {status.current.reason}")
    earlier = [outcome for outcome in status.outcomes[:-1] if outcome.refused]
    if earlier:
        name = earlier[-1].receipt.delivery.name
        count = f"{words.count(len(earlier))} deliveries were rejected, the last {name}"
        before = f"{name} was rejected" if len(earlier) == 1 else count
        parts.append(f"before that {before}: {why(earlier[-1])}")
    return "\n".join(parts)


def _attention(status: DatasetStatus) -> Iterator[Line]:
    name = status.contract.name
    if status.problem:
        yield Styled(f"{name}: can't be read; datahub doctor", "yellow")
    if status.failing_checks:
        failing = words.names(status.failing_checks)
        yield Styled(f"{name}: the published data fail {failing}; datahub check {name}", "yellow")
    ready = [entry.delivery for entry in status.waiting if entry.state is InboxState.READY]
    if ready:
        yield f"{name}: waiting in the inbox: {words.names(ready)}; datahub release {name}"
    for entry in status.waiting:
        if entry.state in (InboxState.BAD, InboxState.INCOMPLETE):
            why = entry.problem or "no _SUCCESS yet"
            yield Styled(f"{name}: {entry.delivery} stays in the inbox: {why}", "yellow")
    if status.last and status.last.kind is OutcomeKind.REJECTED:
        yield f"{name}: why it was rejected, in full: datahub show {name} --release {status.last.release_id}"
