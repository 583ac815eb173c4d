"""`datahub consumers`: who reads what, and what they were promised."""

from collections.abc import Iterator, Sequence

import click

from datahub_dagster.cli.context import Session, hub_command, optional_dataset, pass_session
from datahub_dagster.cli.output import Cell, Line, Rows
from datahub_dagster.domain import words
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.impact import Reader, reader_of
from datahub_dagster.errors import ExitCode, UsageError

READER_COLUMNS = ("consumer", "owner", "reads", "promised")


@hub_command("consumers")
@optional_dataset
@click.option("--team", help="The datasets of a team.")
@pass_session
def command(session: Session, dataset: str | None, team: str | None) -> int:
    """Show who reads DATASET, or each dataset, and what they were promised.

    Consumers are the exposures of the dbt project. Shown are the columns that they read, by when they need them, how long before a
    breaking change they are to be told, and the licence that binds an external customer. Faults in the teams' YAML are told on
    stderr: a consumer that stands in a broken file is missing here.
    """
    if dataset is not None and team is not None:
        raise UsageError("name a dataset or a team, not both", next_step="datahub consumers --help")
    found = [
        (contract, [reader_of(contract, consumer) for consumer in session.book.consumers_of(contract.name)])
        for contract in session.contracts(dataset, team=team)
    ]
    session.out.result(
        {
            "faults": session.book.faults,
            "datasets": [
                contract_value(contract) | {"consumers": [reader_value(contract, each) for each in readers]}
                for contract, readers in found
            ],
        },
        _lines(found),
    )
    return ExitCode.FINE


def contract_value(contract: Contract) -> dict[str, object]:
    """What of a contract concerns its consumers, for programs."""
    return {
        "dataset": contract.name,
        "team": contract.team,
        "version": contract.version,
        "lifecycle": contract.lifecycle,
        "sunset_date": contract.sunset_date,
        "classification": contract.classification,
        "license": contract.license,
    }


def reader_value(contract: Contract, reader: Reader) -> dict[str, object]:
    """One consumer, for programs. `columns` is null for one that reads all, `license` for one that none binds."""
    consumer = reader.consumer
    return {
        "name": consumer.name,
        "label": reader.label,
        "kind": consumer.kind,
        "exposure_type": consumer.exposure_type,
        "owner_name": consumer.owner_name,
        "owner_email": consumer.owner_email,
        "columns": reader.columns or None,
        "own_slo": consumer.slos.get(str(contract.name)),
        "promised": [words.freshness(slo, contract.partitions) for slo in reader.slos],
        "notice": consumer.notice,
        "license": reader.license,
    }


def reader_cells(contract: Contract, reader: Reader) -> tuple[Cell, ...]:
    """One consumer, for people: who, kind, owner, what it reads, what it was promised."""
    consumer = reader.consumer
    return (
        f"{reader.label}\n{consumer.kind.value if consumer.kind else consumer.exposure_type}",
        "\n".join(part for part in (consumer.owner_name, consumer.owner_email) if part),
        ", ".join(reader.columns) or "all columns",
        "\n".join(_promised(contract, reader)),
    )


def _promised(contract: Contract, reader: Reader) -> Iterator[str]:
    own = " (its own)" if str(contract.name) in reader.consumer.slos else ""
    for slo in reader.slos:
        yield words.freshness(slo, contract.partitions) + own
    if reader.consumer.notice:
        yield f"told {words.duration(reader.consumer.notice)} before a breaking change"
    if reader.license:
        yield f"licence: {words.license(reader.license)}"


def _lines(found: Sequence[tuple[Contract, Sequence[Reader]]]) -> Iterator[Line]:
    read = [(contract, readers) for contract, readers in found if readers]
    if read:
        yield Rows(
            columns=("dataset", *READER_COLUMNS),
            narrow=("dataset",),
            needs_width=120,
            headline=2,
            rows=tuple(
                (
                    f"{contract.name}\n{contract.team}, {contract.classification.value}",
                    *reader_cells(contract, each),
                )
                for contract, readers in read
                for each in readers
            ),
        )
    unread = [str(contract.name) for contract, readers in found if not readers]
    if unread:
        yield f"Nobody declared to read {words.names(unread, limit=20)}: nobody would be told of a change."
        yield f"  {'next':<10} consumers register as an exposure (docs/how-to/register-a-consumer.md)"
    if not found:
        yield "no dataset: no source is declared"
