"""What must be true of the story beside how each delivery ended: what Dagster says of its runs, what told it of them, and what it cost."""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median
from urllib.request import ProxyHandler, build_opener

import dagster as dg
from dagster._core.scheduler.instigation import SensorInstigatorData

from datahub_dagster.defs.inbox_watch import read_cursor
from datahub_dagster.demo.story import Chapter
from datahub_dagster.domain.cost import cost_of

PATIENCE = timedelta(seconds=180)  # for a run, on a machine that does something else besides


def wrong_runs(instance: dg.DagsterInstance, chapters: Sequence[Chapter]) -> list[str]:
    """What Dagster tells otherwise than the hub: a run fails if, and only if, a delivery of it was rejected."""
    rejected = {f"{each.told.dataset}/{each.told.name}" for each in chapters if each.kind == "rejected"}
    wrong: list[str] = []
    for run in ended_runs(instance):
        delivered = set(filter(None, run.tags.get("hub/deliveries", "").split(", ")))
        should_be = dg.DagsterRunStatus.FAILURE if delivered & rejected else dg.DagsterRunStatus.SUCCESS
        if run.status is not should_be:
            wrong.append(
                f"run {run.run_id} of {run.job_name} ({', '.join(sorted(delivered))}): {run.status.value}"
            )
    return wrong


def ended_runs(instance: dg.DagsterInstance) -> Sequence[dg.DagsterRun]:
    """All runs, once they have ended; those that don't end in time are among them all the same."""
    give_up_at = time.monotonic() + PATIENCE.total_seconds()
    while True:
        runs = instance.get_runs()
        if all(run.is_finished for run in runs) or time.monotonic() > give_up_at:
            return runs
        time.sleep(0.3)


def pace_of_runs(instance: dg.DagsterInstance) -> str:
    """How long runs waited for their process, and how long that worked."""
    times = [
        (each.start_time - each.create_timestamp.timestamp(), each.end_time - each.start_time)
        for each in instance.get_run_records()
        if each.start_time and each.end_time
    ]
    waited, worked = (median(each) for each in zip(*times, strict=True))
    return f"{len(times)} runs: {waited:.0f} s until they began, {worked:.0f} s at work (medians)"


def first_listing(instance: dg.DagsterInstance) -> datetime | None:
    """Wait until the sensor `inbox` has listed all inboxes, as it does once when it starts; when that was (UTC)."""
    give_up_at = time.monotonic() + PATIENCE.total_seconds()
    while (listed_at := _listed_at(instance)) is None and time.monotonic() < give_up_at:
        time.sleep(0.3)
    return listed_at


def listed_again(instance: dg.DagsterInstance, listed_at: datetime | None) -> list[str]:
    """Whether the sensor has listed inboxes since. If it has not, the events of S3 told it of every delivery."""
    now = _listed_at(instance)
    if now is not None and now == listed_at:
        return []
    return [f"the inboxes were listed at {now} after {listed_at}, so that the events did not tell everything"]


def _listed_at(instance: dg.DagsterInstance) -> datetime | None:
    for state in instance.all_instigator_state():
        if state.instigator_name == "inbox" and isinstance(state.instigator_data, SensorInstigatorData):
            return read_cursor(state.instigator_data.cursor).listed_at
    return None


def without_cost(chapters: Sequence[Chapter]) -> list[str]:
    """Audits of which nobody knows how many bytes Athena scanned."""
    records = [each.outcome.record for each in chapters if each.outcome and each.outcome.record]
    audits = [record for record in records if record.audit and record.audit.results]
    costs = [(record, cost_of([record.audit])) for record in audits]
    return [
        f"{record.dataset} release {record.release_id}: the audit names no bytes scanned"
        for record, cost in costs
        if cost is None or not cost.bytes_scanned
    ]


def unanswered_docs(url: str) -> list[str]:
    """Whether a reader without credentials gets the start page at the address to which Dagster's links lead."""
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=10) as page:
            return [] if "text/html" in page.headers["Content-Type"] else [f"{url} is no page"]
    except OSError as error:
        return [f"{url} can't be read: {error}"]
