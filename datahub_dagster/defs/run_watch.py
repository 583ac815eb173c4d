"""Runs that failed, as alerts: each once, and that a job works again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import dagster as dg

from datahub_dagster.defs.assets import ALREADY_TOLD
from datahub_dagster.defs.names import TEAM_TAG
from datahub_dagster.domain import words
from datahub_dagster.domain.alert import Alert, AlertKind, Stage

AT_FIRST = timedelta(hours=1)  # so far the first look goes back
# The database is written by many processes: a run may show up a little after another one that ended later.
OVERLAP = timedelta(minutes=2)
_MOST = 200  # runs in one look; the others are found by the next
_LONGEST = 500  # characters of an error; the run's page has all of it
# The alert CHECKS_FAILED tells of it, with the tests and their failures.
_CHECKS_FAILED = "DagsterAssetCheckFailedError"
_WILL_RETRY = "dagster/will_retry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """A job whose last run failed. `job` is its name, `key` and `team` are those of the alert."""

    job: str
    key: str
    team: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunMemory:
    """What was seen of runs: up to when they ended, those of the last minutes by id, and the jobs that fail."""

    until: datetime | None = None
    seen: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    failing: Mapping[str, Failing] = field(default_factory=dict[str, Failing])


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWatch:
    """Looks at the runs of one code location.

    Args:
        location: Its name; None = Dagster doesn't say, and all runs are looked at.
        suffix: What tells its jobs from those of the same name in another location.
        teams: Of each dataset.
        dagster_url: Address of Dagster's UI, for a link to the run; empty = no link.
    """

    instance: dg.DagsterInstance
    location: str | None
    suffix: str
    teams: Mapping[dg.AssetKey, str]
    dagster_url: str

    def look(self, memory: RunMemory, now: datetime) -> tuple[Sequence[Alert], RunMemory]:
        """What failed since the last look, and what works again."""
        until = memory.until or now - AT_FIRST
        filters = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=until - OVERLAP)
        records = self.instance.get_run_records(
            filters, limit=_MOST + len(memory.seen), order_by="update_timestamp", ascending=True
        )
        ended = {each.dagster_run.run_id: each.update_timestamp.astimezone(UTC) for each in records}
        until = max([until, *ended.values()])
        alerts: list[Alert] = []
        failing = dict(memory.failing)
        for record in records:
            run = record.dagster_run
            if run.run_id in memory.seen or not self._is_here(run) or not (why := self._untold(run)):
                continue
            alert = self._alert(record, why)
            alerts.append(alert)
            if alert.stage is Stage.OPEN:
                failing[_label(run)] = Failing(
                    job=run.job_name, key=alert.key, team=alert.team, since=alert.at
                )
        for label, known in list(failing.items()):
            if (worked := self._works_again(label, known)) is not None:
                alerts.append(worked)
                del failing[label]
        seen = {**memory.seen, **ended}
        recent = {run_id: at for run_id, at in seen.items() if at >= until - OVERLAP}
        return alerts, RunMemory(until=until, seen=recent, failing=failing)

    def _is_here(self, run: dg.DagsterRun) -> bool:
        origin = run.remote_job_origin
        return self.location is None or origin is None or origin.location_name == self.location

    def _untold(self, run: dg.DagsterRun) -> str:
        """Why a run failed, in a line; empty if Dagster tries it again, or another alert tells of it."""
        if run.tags.get(_WILL_RETRY) == "true":
            return ""
        whys = list(_errors(self.instance, run))
        return (
            next((why for why in whys if why), "") if whys else "no step says why; its process may have died"
        )

    def _alert(self, record: dg.RunRecord, why: str) -> Alert:
        run = record.dagster_run
        facts = {"job": f"{_label(run)}{self.suffix}", "run_id": run.run_id, "error": why}
        if self.dagster_url:
            facts["url"] = f"{self.dagster_url.rstrip('/')}/runs/{run.run_id}"
        # Nobody launches the same selection by hand again only to close an incident.
        return Alert(
            kind=AlertKind.RUN_FAILED,
            key=f"run-failed/{facts['job']}",
            stage=Stage.HAPPENED if _is_ad_hoc(run) else Stage.OPEN,
            team=self._team(run),
            at=_ended_at(record),
            level=1.0,
            facts=facts,
        )

    def _team(self, run: dg.DagsterRun) -> str:
        """Whose run it is: that of its tag, or of everything that it selects; else nobody's, and so the platform's."""
        if tagged := run.tags.get(TEAM_TAG):
            return tagged
        teams = {self.teams.get(key, "") for key in _selected(run)}
        return teams.pop() if len(teams) == 1 else ""

    def _works_again(self, label: str, failing: Failing) -> Alert | None:
        filters = dg.RunsFilter(
            job_name=failing.job,
            statuses=[dg.DagsterRunStatus.SUCCESS],
            updated_after=failing.since,
        )
        records = self.instance.get_run_records(filters, limit=20)
        worked = [
            each for each in records if self._is_here(each.dagster_run) and _label(each.dagster_run) == label
        ]
        if not worked:
            return None
        newest = worked[0]
        return Alert(
            kind=AlertKind.RUN_FAILED,
            key=failing.key,
            stage=Stage.OVER,
            team=failing.team,
            at=max(_ended_at(newest), failing.since),
            facts={"job": f"{label}{self.suffix}", "run_id": newest.dagster_run.run_id},
        )


def _errors(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Iterator[str]:
    """Why each step failed, or else the run; an empty text where another alert tells it."""
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    events = [
        entry.dagster_event for entry in instance.all_logs(run.run_id, of_type=kinds) if entry.dagster_event
    ]
    failures = [event.step_failure_data for event in events if event.is_step_failure]
    for failure in failures:
        given = failure.user_failure_data
        is_told = given is not None and ALREADY_TOLD in given.metadata
        if is_told or (failure.error and failure.error.cls_name == _CHECKS_FAILED):
            yield ""
        else:
            yield headline(
                (given.description if given else None) or (failure.error.message if failure.error else "")
            )
    for event in () if failures else events:
        yield headline(event.message or "")


def headline(text: str) -> str:
    r"""The first line that says something.

    >>> headline("\n  payments.orders: the disk is full\n  next  datahub status")
    'payments.orders: the disk is full'
    """
    first = next((line.strip() for line in text.splitlines() if line.strip()), "no reason is given")
    return first if len(first) <= _LONGEST else f"{first[: _LONGEST - 1]}…"


def _label(run: dg.DagsterRun) -> str:
    """What people call the run: its job, or what was selected where there is no job."""
    if not _is_ad_hoc(run):
        return run.job_name
    several = sorted({".".join(key.path) for key in _selected(run)})
    return f"a run of {words.names(several)}" if several else "a run of assets"


def _is_ad_hoc(run: dg.DagsterRun) -> bool:
    return run.job_name.startswith("__")


def _selected(run: dg.DagsterRun) -> set[dg.AssetKey]:
    checked = {key.asset_key for key in run.asset_check_selection or ()}
    return {*(run.asset_selection or ()), *checked}


def _ended_at(record: dg.RunRecord) -> datetime:
    return (
        datetime.fromtimestamp(record.end_time, UTC)
        if record.end_time
        else record.update_timestamp.astimezone(UTC)
    )
