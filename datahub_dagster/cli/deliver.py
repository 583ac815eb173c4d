"""`datahub deliver`: the first step of a delivery's way, from a team's own machine or scheduler."""

import re
from datetime import timedelta
from pathlib import Path

import click

from datahub_dagster import pipeline
from datahub_dagster.cli.context import Session, dataset_argument, hub_command, pass_session
from datahub_dagster.cli.outcomes import Ended
from datahub_dagster.cli.release import release_one
from datahub_dagster.cli.waiting import Duration, overruled, wait_for
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.names import DatasetName, delivery_name_fault
from datahub_dagster.errors import AlreadyExistsError, DeliveryError, ExitCode, UsageError
from datahub_dagster.ports import Hub


@hub_command("deliver")
@dataset_argument
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--name", help="How the delivery is called; default: the folder's name, for a file today's date (UTC)."
)
@click.option("--full", is_flag=True, help="The files are the whole dataset, in mode `partition` too.")
@click.option("--wait", is_flag=True, help="Wait until somebody (Dagster) has published or rejected it.")
@click.option(
    "--timeout", type=Duration(), default="30m", show_default=True, help="How long to wait: 90s, 30m, 2h."
)
@click.option("--release", "release_it", is_flag=True, help="Release it here and now, without Dagster.")
@pass_session
def command(
    session: Session,
    dataset: str,
    path: Path,
    name: str | None,
    full: bool,
    wait: bool,
    timeout: timedelta,
    release_it: bool,
) -> int:
    """Put a file or a folder into the inbox of DATASET.

    With --wait or --release the exit code tells how it ended: 0 published, or the same content as before;
    1 rejected; 3 nobody released it in time. So Airflow, cron or a shell script can call it.
    """
    if wait and release_it:
        raise UsageError(
            "--wait waits for somebody else, --release does it here: take one of them",
            next_step="datahub deliver --help",
        )
    hub, contract = session.hub, session.book.find(dataset)
    delivery = name or default_name(path, f"{hub.clock.now():%Y-%m-%d}")
    before = overruled(hub, contract, delivery) if wait else None
    location = hand_in(hub, contract, path, delivery, full=full, chosen=name is not None)
    if release_it:
        with session.out.progress() as progress:
            end = release_one(session, contract, delivery, progress.on_step)
    elif wait:
        with session.out.progress() as progress:
            progress.show(f"{contract.name}: delivery {delivery} waits to be released")
            outcome = wait_for(hub, contract, delivery, timeout, ignore=before)
        end = Ended.of(session, contract, outcome, was_awaited=True)
    else:
        waits = f"{contract.name}: delivery {delivery} lies in {location}"
        following = (
            f"  {'next':<10} Dagster releases it, or: datahub release {contract.name} --delivery {delivery}"
        )
        session.out.result(
            {"dataset": contract.name, "delivery": delivery, "kind": "delivered", "location": location},
            [waits, following],
        )
        return ExitCode.FINE
    session.out.result(end.as_value() | {"location": location}, end.lines())
    if release_it:
        pipeline.tell(session.hub)
    return ExitCode.REFUSED if end.outcome.refused else ExitCode.FINE


def default_name(path: Path, today: str) -> str:
    """The folder's name, where a delivery can be called so; else the date.

    >>> default_name(Path("/does/not/exist/prices.parquet"), "2026-11-20")
    '2026-11-20'
    """
    folder = path.resolve().name
    return folder if path.is_dir() and delivery_name_fault(folder) is None else today


def hand_in(hub: Hub, contract: Contract, path: Path, delivery: str, *, full: bool, chosen: bool) -> str:
    """Bring the files in; where they are.

    Raises:
        DeliveryError: The name is taken by another delivery, or can't be one.
    """
    if fault := delivery_name_fault(delivery):
        raise DeliveryError(
            "that can't be the name of a delivery",
            subject=delivery,
            promised=fault,
            next_step="give another with --name",
        )
    try:
        return str(pipeline.deliver(hub, contract, path, delivery, full=full))
    except AlreadyExistsError as error:
        raise name_taken(contract.name, delivery, path, chosen=chosen) from error


def name_taken(dataset: DatasetName, delivery: str, path: Path, *, chosen: bool) -> DeliveryError:
    """What to say when a delivery of that name is there with other content."""
    whence = "" if chosen else "; it is the default name, since no --name was given"
    return DeliveryError(
        f"there is a delivery called {delivery} already, with other content{whence}",
        subject=str(dataset),
        promised="a delivery never changes once it is handed in",
        next_step=f"datahub deliver {dataset} {path} --name {next_name(delivery)}",
    )


def next_name(delivery: str) -> str:
    """A name that says it comes after.

    >>> next_name("2026-11-20"), next_name("2026-11-20_2"), next_name("2026-11-20_9")
    ('2026-11-20_2', '2026-11-20_3', '2026-11-20_10')
    """
    match = re.fullmatch(r"(.+)_(\d{1,6})", delivery)
    return f"{match[1]}_{int(match[2]) + 1}" if match else f"{delivery}_2"
