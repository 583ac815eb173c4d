"""The demo's story, told by deliveries alone: the teams put files into the inbox, and Dagster does the rest."""

import time
from collections.abc import Sequence
from datetime import timedelta

import dagster as dg
from dagster_graphql import DagsterGraphQLClient

from datahub_dagster import pipeline
from datahub_dagster.cli.demo import because
from datahub_dagster.cli.waiting import NotReleasedInTimeError, wait_for
from datahub_dagster.demo.data import DemoDelivery
from datahub_dagster.demo.story import Chapter
from datahub_dagster.ports import Hub
from datahub_dagster.side_by_side import side_by_side
from tests.demo_on_aws.checks import PATIENCE, ended_runs
from tests.demo_on_aws.phases import Phases

OTHERS_LOOK_AT = {"transport.airports", "employment.us_monthly"}
LOOKS_AT_THE_REST = {"weather.hourly_temperatures"}  # at the newest days of weather.daily_observations
LOOK_AT_RUNS = timedelta(seconds=10)
LOCATION, REPOSITORY = "datahub", "__repository__"


def parts(deliveries: Sequence[DemoDelivery]) -> list[list[DemoDelivery]]:
    """The story in parts: what is delivered together is released together, mostly in one run a team.

    The sensor may look in the midst of a part, and order holds for the deliveries of a dataset only. So what a test of
    another dataset looks at is a part of its own, before it. The broken deliveries come last, and what followed them.
    """
    whole: list[DemoDelivery] = []
    last: list[DemoDelivery] = []
    for told in deliveries:
        begun = {each.dataset for each in last}
        is_last = told.expected == "rejected" or told.dataset in {*begun, *LOOKS_AT_THE_REST}
        (last if is_last else whole).append(told)
    first = [told for told in whole if told.dataset in OTHERS_LOOK_AT]
    return [first, [told for told in whole if told not in first], last]


def play(
    hub: Hub, instance: dg.DagsterInstance, deliveries: Sequence[DemoDelivery], phases: Phases
) -> list[Chapter]:
    """Deliver every part, and wait until Dagster has released or rejected each of its deliveries; stops at an error."""
    chapters: list[Chapter] = []
    for number, part in enumerate(parts(deliveries), start=1):
        phases.begin(f"part {number}", f"{len(part)} deliveries into the inbox")
        _deliver(hub, part)
        for told in part:
            chapter = _wait_for(hub, instance, told)
            chapters.append(chapter)
            unexpected = "" if chapter.as_told else f" (the story says {told.expected})"
            phases.say(f"  {chapter.kind:<10}{unexpected} {told.dataset} {told.name}: {because(chapter)}")
            if chapter.outcome is None:
                return chapters  # what comes after would only wait in vain
    return chapters


def _deliver(hub: Hub, part: Sequence[DemoDelivery]) -> None:
    """Each dataset's deliveries in order, all datasets at once, as teams do."""
    book = hub.book()

    def deliver(dataset: str) -> None:
        for told in part:
            if told.dataset == dataset:
                pipeline.deliver(hub, book.find(dataset), told.path, told.name)

    datasets = sorted({told.dataset for told in part})
    for _ in side_by_side(deliver, datasets, len(datasets)):
        pass


def _wait_for(hub: Hub, instance: dg.DagsterInstance, told: DemoDelivery) -> Chapter:
    contract = hub.book().find(told.dataset)
    give_up_at = time.monotonic() + PATIENCE.total_seconds()
    while True:
        try:
            outcome = wait_for(hub, contract, told.name, LOOK_AT_RUNS)
        except NotReleasedInTimeError as error:
            said = _failure(instance, told)
            if said or time.monotonic() > give_up_at:
                return Chapter(told=told, outcome=None, error=said or str(error))
        else:
            return Chapter(told=told, outcome=outcome, contract=contract)


def _failure(instance: dg.DagsterInstance, told: DemoDelivery) -> str:
    """What a run said that was to release the delivery, and failed."""
    for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE])):
        if f"{told.dataset}/{told.name}" in run.tags.get("hub/deliveries", ""):
            failed = [
                event
                for entry in instance.all_logs(run.run_id)
                if (event := entry.dagster_event) and (event.is_step_failure or event.is_job_failure)
            ]
            steps = [
                event.step_failure_data.error_display_string for event in failed if event.is_step_failure
            ]
            return "\n".join(steps) or "\n".join(event.message or "" for event in failed)
    return ""


def render_docs(port: int, instance: dg.DagsterInstance) -> bool:
    """Ask Dagster for the documentation, as another scheduler would: by HTTP. Whether it was rendered."""
    client = DagsterGraphQLClient("127.0.0.1", port_number=port)
    run_id = client.submit_job_execution(
        "docs", repository_location_name=LOCATION, repository_name=REPOSITORY
    )
    ended_runs(instance)
    run = instance.get_run_by_id(run_id)
    return run is not None and run.is_success
