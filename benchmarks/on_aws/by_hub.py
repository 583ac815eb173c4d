"""The hub: `pipeline.release` as the environment's settings open it, tests by dbt in Athena included."""

from benchmarks.on_aws.job import Job, run
from datahub_dagster import pipeline
from datahub_dagster.domain.names import DatasetName
from datahub_dagster.domain.release import ReleaseState
from datahub_dagster.wiring import open_hub

_hub = open_hub()
_contracts = _hub.book().datasets  # parsed before anything is measured


def _release(job: Job) -> dict[str, float]:
    delivery = job.source.rstrip("/").rpartition("/")[2]
    contract = _contracts[DatasetName.parse(job.table)]
    outcome = pipeline.release(_hub, contract, delivery, actor="benchmark")
    record = outcome.record
    if record is None or record.state is not ReleaseState.PUBLISHED:
        raise RuntimeError(f"{job.table} was not published: {record and record.why}")
    return dict(record.step_seconds)


if __name__ == "__main__":
    run(_release)
