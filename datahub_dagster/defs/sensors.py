"""What the hub notices by itself: deliveries, changed contracts, and what happened without Dagster.

What is decided stands in `inbox_watch` and `elsewhere`; here are the sensors that ask, and carry it out.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import dagster as dg

from datahub_dagster import pipeline
from datahub_dagster.defs import contract_watch, elsewhere, inbox_watch
from datahub_dagster.defs.alert_sensors import alert_sensor
from datahub_dagster.defs.answers import answer_of_contract, answers_of_release
from datahub_dagster.defs.assets import ReleaseConfig
from datahub_dagster.defs.docs import NOT_ENDED, docs_sensors
from datahub_dagster.defs.events import RELEASE_TAG, Reported, events_of_record, events_of_rollback
from datahub_dagster.defs.jobs import ROLLBACK_ACTOR, release_job_name, release_jobs
from datahub_dagster.defs.metadata import faults_of
from datahub_dagster.defs.monitor_sensor import monitor_sensor
from datahub_dagster.defs.names import TEAM_TAG, asset_key, check_key, check_names, op_name, test_keys
from datahub_dagster.defs.published import lists_of
from datahub_dagster.defs.resources import HubResource
from datahub_dagster.defs.schedules import FETCH_TAG
from datahub_dagster.defs.shown import Shown
from datahub_dagster.defs.slo_answers import answers_after
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.names import DatasetName
from datahub_dagster.domain.release import Generation, ReleaseRecord
from datahub_dagster.errors import HubError
from datahub_dagster.ports import Hub
from datahub_dagster.side_by_side import side_by_side

RUN_KEY_TAG = "dagster/run_key"
MOST_EVENTS_A_TICK = 150  # storing them takes the daemon seconds, in which no other sensor looks
# A run tells of a release a moment after it was recorded. One that has not for so long never will.
TELLS_WITHIN = timedelta(minutes=10)

Event = Reported | dg.AssetCheckEvaluation


def sensors(shown: Shown) -> list[dg.SensorDefinition]:
    """All sensors; they run without being switched on."""
    interval = shown.settings.sensor_interval_seconds
    return [
        inbox_sensor(shown, interval),
        contracts_sensor(shown, interval),
        elsewhere_sensor(shown, interval),
        monitor_sensor(shown),
        alert_sensor(shown),
        *docs_sensors(shown),
    ]


# ── Deliveries ───────────────────────────────────────────────────────────────────────────────────────────────────────


def inbox_sensor(shown: Shown, interval: int) -> dg.SensorDefinition:
    """One sensor for all inboxes. With a queue it looks into those that S3 tells of, and now and then into all."""
    listing_every = timedelta(minutes=shown.settings.inbox_listing_minutes)
    tests = {each.name: test_keys(each) for each in shown.contracts}

    @dg.sensor(
        name="inbox",
        jobs=release_jobs(shown),
        minimum_interval_seconds=interval,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Releases deliveries that are complete in the inbox: one run a team.",
    )
    def inbox(context: dg.SensorEvaluationContext, hub: HubResource) -> dg.SensorResult:
        opened = hub.open()
        memory = inbox_watch.read_cursor(context.cursor)
        under_way = _under_way(context.instance, {each.run_key for each in memory.asked.values()})
        fetched = _being_fetched(context.instance, opened.clock.now())
        book = opened.book()
        still = [book.datasets[each.name] for each in shown.contracts if each.name in book.datasets]
        chosen, listed_at = _chosen(context, opened, memory, listing_every)
        looked_for = [each for each in still if chosen is None or each.name in chosen]
        looked = _look_into(context, opened, [each for each in looked_for if str(each.name) not in fetched])
        inboxes = [(each, looked.get(each.name)) for each in looked_for]
        batches, asked = inbox_watch.plan_runs(inboxes, memory.asked, under_way, opened.clock.now())
        return dg.SensorResult(
            run_requests=[_release_run(batch, tests) for batch in batches],
            skip_reason=None if batches else "nothing new in the inboxes",
            cursor=inbox_watch.write_cursor(inbox_watch.remember(memory, inboxes, asked, listed_at)),
        )

    return inbox


def _chosen(
    context: dg.SensorEvaluationContext, hub: Hub, memory: inbox_watch.Memory, listing_every: timedelta
) -> tuple[Collection[DatasetName] | None, datetime | None]:
    """The datasets whose inboxes are looked into (None = all), and when all were for the last time.

    Called as late as may be: what the events told is not told again, even if this tick fails.
    """
    now = hub.clock.now()
    if hub.events is None:
        return None, now
    try:
        told = hub.events.take()
    except HubError as error:
        context.log.error("all inboxes are listed, as their events can't be had:\n%s", error)
        return None, now
    if inbox_watch.is_listing_due(memory, now, listing_every):
        return None, now
    return inbox_watch.to_look_into(memory, told), memory.listed_at


def _look_into(
    context: dg.SensorEvaluationContext, hub: Hub, contracts: Sequence[Contract]
) -> dict[DatasetName, Sequence[inbox_watch.InboxEntry]]:
    """What lies in each dataset's inbox. One that can't be read is missing, and stops no other."""

    def look(contract: Contract) -> Sequence[inbox_watch.InboxEntry] | Exception:
        try:
            return pipeline.inbox(hub, contract)
        except (HubError, OSError) as error:
            return error

    looks = side_by_side(look, contracts, hub.storage.parallel)
    found = dict(zip((each.name for each in contracts), looks, strict=True))
    for problem in found.values():
        if isinstance(problem, Exception):
            context.log.error(str(problem))
    return {name: entries for name, entries in found.items() if not isinstance(entries, Exception)}


def _under_way(instance: dg.DagsterInstance, run_keys: Collection[str]) -> set[str]:
    """Those of the run keys whose run has not ended."""
    if not run_keys:
        return set()
    runs = instance.get_runs(dg.RunsFilter(tags={RUN_KEY_TAG: sorted(run_keys)}))
    return {run.tags[RUN_KEY_TAG] for run in runs if not run.is_finished}


def _being_fetched(instance: dg.DagsterInstance, now: datetime) -> set[str]:
    """Datasets for which a scheduled run fetches, and then releases whatever is ready. It is not waited for for ever."""
    filters = dg.RunsFilter(statuses=NOT_ENDED, created_after=now - inbox_watch.GIVEN_UP_AFTER)
    runs = instance.get_runs(filters)
    return {run.tags[FETCH_TAG] for run in runs if FETCH_TAG in run.tags}


def _release_run(
    batch: inbox_watch.Batch, tests: Mapping[DatasetName, Sequence[dg.AssetCheckKey]]
) -> dg.RunRequest:
    names = [f"{dataset}/{name}" for dataset, deliveries in batch.deliveries.items() for name in deliveries]
    return dg.RunRequest(
        run_key=batch.run_key,
        job_name=release_job_name(batch.team),
        asset_selection=[asset_key(dataset) for dataset in batch.deliveries],
        asset_check_keys=[key for dataset in batch.deliveries for key in tests[dataset]],
        run_config=dg.RunConfig(
            ops={
                op_name(name): ReleaseConfig(deliveries=list(each)) for name, each in batch.deliveries.items()
            }
        ),
        tags={TEAM_TAG: batch.team, "hub/deliveries": ", ".join(names)[:250]},
    )


# ── Contracts ────────────────────────────────────────────────────────────────────────────────────────────────────────


def contracts_sensor(shown: Shown, interval: int) -> dg.SensorDefinition:
    """Notices that a team changed its YAML or its tests, broke its files or mended them."""
    selection = dg.AssetSelection.checks(*(key for each in shown.contracts for key in test_keys(each)))

    @dg.sensor(
        name="contracts_changed",
        asset_selection=selection,
        minimum_interval_seconds=interval,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Runs a dataset's tests on what is published when its contract changed, and tells which teams' files "
        "can't be read. Releases nothing.",
    )
    def contracts_changed(context: dg.SensorEvaluationContext, hub: HubResource) -> dg.SensorResult:
        opened = hub.open()
        book = opened.book()
        seen = contract_watch.read_cursor(context.cursor)
        checks: dict[str, list[dg.AssetCheckKey]] = {}
        events: list[Event] = []
        for loaded in shown.contracts:
            now = book.datasets.get(loaded.name)
            if now is None or len(events) >= MOST_EVENTS_A_TICK:
                continue
            try:
                known = seen.get(str(now.name))
                faults = faults_of(book, now)
                digest = contract_watch.faults_digest(faults)
                owed = contract_watch.owed_checks(now, known)
                is_news = digest != (known.faults if known else "")
                current = opened.log.current(now.name) if owed or is_news else None
                if is_news:
                    answer = answer_of_contract(now, current, lists_of(opened, current), faults)
                    events.append(answer.as_evaluation(now))
            except HubError as error:
                context.log.error(str(error))
                continue
            owed = owed if current else ()  # the first release will ask all
            runnable = [name for name in check_names(loaded) if name in owed]
            if runnable:
                checks.setdefault(now.team, []).extend(check_key(loaded, name) for name in runnable)
            still_owed = tuple(name for name in owed if name not in runnable)
            seen[str(now.name)] = contract_watch.Known(
                fingerprint=now.fingerprint, owed=still_owed, faults=digest
            )
        requests = [
            # Without a run key, as a contract may come back to what it was: the cursor sees to it that none is asked twice.
            dg.RunRequest(
                asset_selection=[],
                asset_check_keys=keys,
                tags={TEAM_TAG: team, "hub/why": "contract changed"},
            )
            for team, keys in sorted(checks.items())
        ]
        return dg.SensorResult(
            run_requests=requests,
            asset_events=events,
            skip_reason=None if requests or events else "no contract changed",
            cursor=contract_watch.write_cursor(seen),
        )

    return contracts_changed


# ── What happened without Dagster ────────────────────────────────────────────────────────────────────────────────────


def elsewhere_sensor(shown: Shown, interval: int) -> dg.SensorDefinition:
    """Tells Dagster of releases, rejections and rollbacks that none of its runs told."""
    docs_url = shown.settings.docs_url

    @dg.sensor(
        name="released_elsewhere",
        minimum_interval_seconds=interval,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Shows what the command line, or a run that was killed, released, rejected or rolled back.",
    )
    def released_elsewhere(context: dg.SensorEvaluationContext, hub: HubResource) -> dg.SensorResult:
        opened = hub.open()
        seen = elsewhere.read_cursor(context.cursor)
        events: list[Event] = []

        def can_be_told(news: elsewhere.News) -> bool | None:
            return needs_telling(context.instance, opened, news)

        for contract in shown.contracts:
            if len(events) >= MOST_EVENTS_A_TICK:
                break
            try:
                news, now_seen = elsewhere.news_of(
                    opened.log, contract.name, seen.get(contract.name), can_be_told
                )
                events += list(_events(opened, contract, news, docs_url))
                seen[contract.name] = now_seen
            except (HubError, OSError) as error:
                context.log.error(str(error))
        return dg.SensorResult(
            asset_events=events,
            skip_reason=None if events else "nothing happened elsewhere",
            cursor=elsewhere.write_cursor(seen),
        )

    return released_elsewhere


def needs_telling(instance: dg.DagsterInstance, hub: Hub, news: elsewhere.News) -> bool | None:
    """Whether nobody told Dagster of a release or rollback; None while its own run may be about to."""
    is_record = isinstance(news, ReleaseRecord)
    run_id = news.run_id if is_record else news.actor.removeprefix(ROLLBACK_ACTOR)
    run = instance.get_run_by_id(run_id) if run_id else None
    if run is None:
        return True
    kinds = {dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.ASSET_OBSERVATION}
    for entry in instance.all_logs(run.run_id, of_type=kinds):
        event = entry.dagster_event
        key = event.asset_key if event else None
        if event and key == asset_key(news.dataset) and _is_of(event, news):
            return False
    happened_at = news.finished_at if is_record else news.published_at
    return True if run.is_finished or hub.clock.now() > happened_at + TELLS_WITHIN else None


def _is_of(event: dg.DagsterEvent, news: elsewhere.News) -> bool:
    told = (
        event.asset_observation_data.asset_observation
        if event.event_type is dg.DagsterEventType.ASSET_OBSERVATION
        else event.step_materialization_data.materialization
    )
    return (told.tags or {}).get(RELEASE_TAG) == str(news.release_id)


def _events(hub: Hub, contract: Contract, news: Sequence[elsewhere.News], docs_url: str) -> Iterable[Event]:
    """What Dagster is told, oldest first."""
    current = hub.log.current(contract.name)
    for each in news:
        if elsewhere.is_overtaken(each, current, news):
            said = f"release {each.release_id} was published as generation {elsewhere.number_of(each)}, and has been replaced since"
            yield dg.AssetObservation(asset_key(contract.name), description=said)
        elif isinstance(each, Generation):
            yield from events_of_rollback(hub, contract, each, docs_url)
        else:
            yield from events_of_record(hub, contract, each, docs_url)
            for answer in answers_of_release(contract, each):
                yield answer.as_evaluation(contract)
    for answer in answers_after(hub, contract, docs_url) if news else ():
        yield answer.as_evaluation(contract)
