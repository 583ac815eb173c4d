"""`make aws-demo`: the demo's story on S3, Glue and Athena, through Dagster with PostgreSQL, as `deploy/` has it.

Everything is this machine's: the AWS emulator, PostgreSQL, a code server, the daemon and the webserver, each on a free port
of 127.0.0.1. All of it is gone when this ends.
"""

import argparse
import os
import sys
import tempfile
import time
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
from tests.demo_on_aws.infrastructure import make_infrastructure
from tests.demo_on_aws.play import Say, play, render_docs, wrong_runs
from tests.deploy.services import Services, run_services
from tests.emulator.launch import start_emulator
from tests.postgres import start_postgres

# So that the story isn't interrupted by what the clock would start; the sensors look more often than anybody needs.
IN_A_HURRY = {
    "NO_PROXY": "127.0.0.1,localhost",
    "DATAHUB_SENSOR_INTERVAL_SECONDS": "2",
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
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {text}", flush=True)

    say("starting the AWS emulator and PostgreSQL")
    with start_emulator() as emulator, start_postgres() as postgres:
        account = new_account(emulator.endpoint)
        deliveries = write_deliveries(folder / "outbox", datetime.now(UTC).date())
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
        say("starting Dagster: code server, daemon, webserver")
        with run_services(folder / "dagster", os.environ) as services:
            went_as_told = _story(deliveries, services, say)
            if serve and went_as_told:
                print(
                    f"\nDagster  {services.address}\nDocs     {variables.get('DATAHUB_DOCS_URL', '')}index.html"
                )
                print("Ctrl-C stops everything, and nothing is kept.")
                wait_for_signal()
            say("stopping")
        account.close()
    say("as told" if went_as_told else "NOT as told")
    return 0 if went_as_told else 1


def _is_of_aws_hub(name: str) -> bool:
    return name.startswith(
        ("DATAHUB_ATHENA_", "DATAHUB_GLUE_", "DATAHUB_INBOX_", "DATAHUB_DOCS_ROOT")
    ) or name in {
        "DATAHUB_DOCS_PUBLIC",
        "DATAHUB_DOCS_URL",
    }


def _story(deliveries: Sequence[DemoDelivery], services: Services, say: Say) -> bool:
    hub = open_hub(Settings.from_environment())
    with dg.DagsterInstance.from_config(str(services.home)) as instance:
        chapters = play(hub, instance, deliveries, say)
        if any(chapter.outcome is None for chapter in chapters):
            return False
        wrong = wrong_runs(instance, chapters)
        rolled_back = _roll_back(chapters)
        say("rendering the docs")
        port = urlsplit(services.address).port
        assert port is not None
        rendered = render_docs(port, instance)
    datahub(["status"])
    kinds = [chapter.kind for chapter in chapters]
    say(", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds)))
    for trouble in [*wrong, *([] if rendered else ["the docs were not rendered"])]:
        say(trouble)
    return all(chapter.as_told for chapter in chapters) and not wrong and rolled_back and rendered


def _roll_back(chapters: Sequence[Chapter]) -> bool:
    """Take a dataset back, by the command line; Dagster hears of it by a sensor."""
    records = [each.outcome.record for each in chapters if each.told.dataset == ROLLED_BACK and each.outcome]
    published = [record.generation for record in records if record and record.generation]
    if len(published) < 2:
        return False
    return datahub(["rollback", ROLLED_BACK, "--to", str(published[-2]), "--reason", REASON]) == 0


if __name__ == "__main__":
    sys.exit(main())
