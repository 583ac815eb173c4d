"""`datahub show`: a promise in full, or the record of a release."""

from collections.abc import Iterator
from pathlib import Path

import click

from datahub_dagster.cli.context import Session, dataset_argument, hub_command, pass_session
from datahub_dagster.cli.outcomes import Ended, check_rows, sample_rows
from datahub_dagster.cli.output import Line, Rows, Styled
from datahub_dagster.cli.releases import known_release
from datahub_dagster.cli.texts import origin_text
from datahub_dagster.domain import words
from datahub_dagster.domain.audit import CheckStatus
from datahub_dagster.domain.contract import Classification, Consumer, Contract
from datahub_dagster.domain.cost import cost_of
from datahub_dagster.domain.delivery import Receipt
from datahub_dagster.domain.outcome import Outcome
from datahub_dagster.domain.release import Generation, ReleaseRecord
from datahub_dagster.errors import ExitCode


@hub_command("show")
@dataset_argument
@click.option("--release", "release", metavar="RELEASE", help="The record of this release, in full.")
@pass_session
def command(session: Session, dataset: str, release: str | None) -> int:
    """Show what DATASET promises: columns, tests, times, consumers.

    With --release one release in full, with the rows that failed.
    """
    contract = session.book.find(dataset)
    log = session.hub.log
    if release is None:
        consumers = session.book.consumers_of(contract.name)
        current = log.current(contract.name)
        session.out.result(
            {"contract": contract, "consumers": consumers, "published": current},
            contract_lines(contract, consumers, current, session.settings.dbt_project_dir),
        )
        return ExitCode.FINE
    release_id = known_release(contract.name, release, log)
    receipt = next(receipt for receipt in log.receipts(contract.name) if receipt.release_id == release_id)
    record = log.record(contract.name, release_id)
    session.out.result(
        {"receipt": receipt, "record": record}, _release_lines(session, contract, receipt, record)
    )
    return ExitCode.FINE


def contract_lines(
    contract: Contract, consumers: tuple[Consumer, ...], current: Generation | None, project_dir: Path
) -> Iterator[Line]:
    """The promise, for people."""
    yield Styled(
        f"{contract.name}  {contract.version}, {contract.lifecycle.value}, {contract.classification.value}",
        "bold",
    )
    if contract.description:
        yield f"  {' '.join(contract.description.split())}"
    facts = {
        "declared": origin_text(project_dir, contract.origin)
        + ("" if contract.declared else "  (plain dbt: no hub block)"),
        "team": ", ".join([contract.team, *contract.owners]),
        "support": ", ".join(f"{support.tool} {support.channel}" for support in contract.support),
        "delivery": words.delivery(contract.delivery),
        "promised": "; ".join(words.promises(contract)) or "no time",
        "retention": words.retention(contract.retention),
        "licence": contract.license.terms if contract.license else "",
        "published": _published(current),
        "sunset": f"{contract.sunset_date}, successor {contract.successor or 'none'}"
        if contract.sunset_date
        else "",
    }
    for label, text in facts.items():
        if text:
            yield f"  {label:<10} {text}"
    if contract.columns:
        yield Rows(
            title=f"Columns{'' if contract.is_closed else ' (others may be there: not all have a type)'}",
            columns=("column", "type", "promised", "description"),
            narrow=("column",),
            rows=tuple(
                (
                    column.name,
                    column.data_type or "any",
                    _column_promise(contract, column.name),
                    column.description,
                )
                for column in contract.columns
            ),
        )
    if contract.tests:
        yield Rows(
            title="Data tests",
            columns=("test", "kind", "column", "severity", "written"),
            rows=tuple(
                (
                    test.check_name,
                    test.kind,
                    test.column or "",
                    test.severity.value,
                    origin_text(project_dir, test.origin),
                )
                for test in contract.tests
            ),
        )
    else:
        yield Styled("No data test: whatever is delivered in the promised form is published.", "yellow")
    yield from _consumer_lines(contract, consumers)


def _published(current: Generation | None) -> str:
    if current is None:
        return "nothing yet"
    count = len(current.partitions)
    partitions = f", {words.plural(count, 'partition')}" if list(current.partitions) != [""] else ""
    when = words.instant(current.published_at)
    return f"generation {current.number}, release {current.release_id}, {when}{partitions}"


def _column_promise(contract: Contract, name: str) -> str:
    column = contract.column(name)
    if column is None:
        return ""
    said = [
        "" if column.nullable else "not null",
        "unique" if column.unique else "",
        "deprecated" if column.deprecated else "",
        column.classification.value if column.classification not in (None, Classification.INTERNAL) else "",
        *column.constraints,
    ]
    return ", ".join(text for text in said if text)


def _consumer_lines(contract: Contract, consumers: tuple[Consumer, ...]) -> Iterator[Line]:
    if not consumers:
        yield "No declared consumer: nobody would be told of a change."
        return
    yield Rows(
        title="Consumers",
        columns=("consumer", "kind", "owner", "reads", "notice"),
        rows=tuple(
            (
                consumer.label or consumer.name,
                consumer.kind.value if consumer.kind else consumer.exposure_type,
                " ".join(part for part in (consumer.owner_name, consumer.owner_email) if part),
                ", ".join(consumer.columns.get(str(contract.name), ())) or "all columns",
                words.duration(consumer.notice) if consumer.notice else "",
            )
            for consumer in consumers
        ),
    )


def _release_lines(
    session: Session, contract: Contract, receipt: Receipt, record: ReleaseRecord | None
) -> Iterator[Line]:
    if record is None and receipt.repeats is None:
        what = f"release {receipt.release_id} (delivery {receipt.delivery.name})"
        yield f"{contract.name}: {what} is under way, or was interrupted"
        yield f"  {'next':<10} datahub release {contract.name} --delivery {receipt.delivery.name}"
        return
    yield from Ended.of(session, contract, Outcome(receipt=receipt, record=record)).lines(in_full=True)
    if record is not None:
        yield from record_lines(contract, record)


def record_lines(contract: Contract, record: ReleaseRecord) -> Iterator[Line]:
    """A record in full, for people."""
    facts = {
        "received": f"{words.instant(record.received_at)} by {record.actor or 'somebody'}",
        "finished": words.instant(record.finished_at),
        "contract": f"version {record.contract_version}, fingerprint {record.contract_fingerprint}",
        "delivery": f"{record.delivery}, fingerprint {record.fingerprint}",
        "partitions": words.keys(record.partitions),
        "size": ", ".join(
            (words.plural(record.rows, "row"), words.size(record.bytes), words.plural(record.files, "file"))
        ),
        "dataset": f"{words.plural(record.dataset_rows, 'row')} once published"
        if record.dataset_rows is not None
        else "",
        "columns": ", ".join(f"{name} {kind}" for name, kind in record.columns),
        "run": record.run_id or "",
        "took": ", ".join(f"{step} {seconds:.2f} s" for step, seconds in record.step_seconds.items()),
        "cost": str(cost_of([record.audit]) or ""),
    }
    for label, text in facts.items():
        if text:
            yield f"  {label:<10} {text}"
    if record.audit is None:
        return
    yield check_rows(contract, record.audit.results)
    for result in record.audit.results:
        if result.status is CheckStatus.PASS:
            continue
        if sample := sample_rows(result, len(result.sample.rows) if result.sample else 0):
            yield f"  {result.check_name}: rows that fail"
            yield sample
        if result.compiled_sql:
            yield f"  {result.check_name}: its SQL"
            yield from (f"    {line}" for line in result.compiled_sql.strip().splitlines())
