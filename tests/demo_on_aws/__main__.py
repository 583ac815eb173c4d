"""`make aws-demo`: the demo's story on S3, Glue and Athena, through Dagster with PostgreSQL, as `deploy/` has it.

Everything is this machine's: the AWS emulator, PostgreSQL, a code server, the daemon and the webserver, each on a free port
of 127.0.0.1. All of it is gone when this ends.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import dagster as dg

from datahub_dagster.cli import run as datahub
from datahub_dagster.cli.serve import ends_on_signals, wait_for_signal
from datahub_dagster.demo.data import DemoDelivery, write_deliveries
from datahub_dagster.demo.story import REASON, ROLLED_BACK, Chapter
from datahub_dagster.settings import Settings
from datahub_dagster.wiring import open_hub
from tests.aws import new_account
from tests.demo_on_aws.checks import (
    first_listing,
    listed_again,
    pace_of_runs,
    unanswered_docs,
    without_cost,
    wrong_runs,
)
from tests.demo_on_aws.infrastructure import make_infrastructure
from tests.demo_on_aws.phases import Phases
from tests.demo_on_aws.play import play, render_docs
from tests.deploy.services import Services, run_services
from tests.emulator.launch import start_emulator
from tests.postgres import start_postgres

# So that the story isn't interrupted by what the clock would start; the sensors look more often than anybody needs. Inboxes
# are listed once, when the sensor starts: of everything after that it hears through the queue, or not at all.
IN_A_HURRY = {
    "NO_PROXY": "127.0.0.1,localhost",
    "DATAHUB_SENSOR_INTERVAL_SECONDS": "2",
    "DATAHUB_INBOX_LISTING_MINUTES": "1440",
    "DATAHUB_DOCS_INTERVAL_MINUTES": "720",
    "DATAHUB_RECONCILE_CRON": "0 0 1 1 *",
    "DATAHUB_NIGHTLY_CHECKS_CRON": "0 0 1 1 *",
}


def main() -> int:
    """Tell the story; 0 if it went as told."""
    parser = argparse.ArgumentParser(prog="python -m tests.demo_on_aws", description=__doc__)
    parser.add_argument("--no-serve", action="store_true", help="Tell the story, and end.")
    parser.add_argument(
        "--embedded",
        action="store_true",
        help="The same with the hub in a folder, to tell AWS's faults apart.",
    )
    chosen = parser.parse_args()
    with ends_on_signals():
        try:
            with tempfile.TemporaryDirectory(prefix="datahub-aws-demo-") as folder:
                return tell(Path(folder), serve=not chosen.no_serve, embedded=chosen.embedded)
        except KeyboardInterrupt:
            print("stopped")
            return 130


def tell(folder: Path, *, serve: bool, embedded: bool) -> int:
    """Start everything, deliver, wait, roll back, render, show. Stops everything at the end."""
    phases = Phases()
    phases.begin("start", "the AWS emulator and PostgreSQL")
    with start_emulator() as emulator, start_postgres() as postgres:
        account = new_account(emulator.endpoint)
        deliveries = write_deliveries(folder / "outbox", datetime.now(UTC))
        sources = sorted({told.dataset.partition(".")[0] for told in deliveries})
        variables = {
            **make_infrastructure(account, sources),
            **postgres.environment(),
            **IN_A_HURRY,
            "DATAHUB_CACHE_DIR": str(folder / "cache"),
        }
        if embedded:
            variables = {name: value for name, value in variables.items() if not _is_of_aws_hub(name)}
            variables["DATAHUB_ROOT"] = str(folder / "hub")
        for name in [each for each in os.environ if each.startswith(("DATAHUB_", "DAGSTER_", "AWS_"))]:
            del os.environ[name]  # the developer's own
        os.environ.update(variables)
        phases.say("Dagster: code server, daemon, webserver")
        with run_services(folder / "dagster", os.environ) as services:
            went_as_told = _story(deliveries, services, phases)
            if serve and went_as_told:
                phases.begin("serve", "Ctrl-C stops everything, and nothing is kept")
                print(
                    f"\nDagster  {services.address}\nDocs     {variables.get('DATAHUB_DOCS_URL', '')}index.html"
                )
                wait_for_signal()
            phases.begin("stop", "everything that was started")
        account.close()
    phases.say(phases.summary())
    phases.say("as told" if went_as_told else "NOT as told")
    return 0 if went_as_told else 1


def _is_of_aws_hub(name: str) -> bool:
    return name.startswith(
        ("DATAHUB_ATHENA_", "DATAHUB_GLUE_", "DATAHUB_INBOX_", "DATAHUB_DOCS_ROOT")
    ) or name in {
        "DATAHUB_DOCS_PUBLIC",
        "DATAHUB_DOCS_URL",
    }


def _story(deliveries: Sequence[DemoDelivery], services: Services, phases: Phases) -> bool:
    settings = Settings.from_environment()
    hub, docs_url = open_hub(settings), settings.docs_url
    with dg.DagsterInstance.from_config(str(services.home)) as instance:
        listed_at = first_listing(instance)
        chapters = play(hub, instance, deliveries, phases)
        if any(chapter.outcome is None for chapter in chapters):
            return False
        troubles = wrong_runs(instance, chapters)
        if hub.events is not None:
            troubles += [*listed_again(instance, listed_at), *without_cost(chapters)]
        phases.begin("rollback", ROLLED_BACK)
        if not _roll_back(chapters):
            troubles.append(f"{ROLLED_BACK} was not rolled back")
        phases.begin("docs", "a run that renders them")
        if not render_docs(urlsplit(services.address).port or 0, instance):
            troubles.append("the docs were not rendered")
        elif docs_url:
            troubles += unanswered_docs(f"{docs_url}index.html")
        phases.say(pace_of_runs(instance))
    datahub(["status"])
    datahub(["status", "--cost"])
    kinds = [chapter.kind for chapter in chapters]
    phases.say(", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds)))
    if hub.events is not None and not troubles:
        phases.say(
            f"S3 told of every delivery through SQS: the inboxes were listed once, at {listed_at:%H:%M:%S} UTC"
        )
    for trouble in troubles:
        phases.say(trouble)
    return all(chapter.as_told for chapter in chapters) and not troubles


def _roll_back(chapters: Sequence[Chapter]) -> bool:
    """Take a dataset back, by the command line; Dagster hears of it by a sensor."""
    records = [each.outcome.record for each in chapters if each.told.dataset == ROLLED_BACK and each.outcome]
    published = [record.generation for record in records if record and record.generation]
    if len(published) < 2:
        return False
    return datahub(["rollback", ROLLED_BACK, "--to", str(published[-2]), "--reason", REASON]) == 0


if __name__ == "__main__":
    sys.exit(main())
