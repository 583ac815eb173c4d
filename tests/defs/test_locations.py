"""Several code locations over one hub: what each has of its own, and what is done once for all teams."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._utils.tags import TagConcurrencyLimitsCounter

from datahub_dagster.definitions import build
from datahub_dagster.defs.docs import KEY as DOCS
from datahub_dagster.defs.names import TEAM_TAG, asset_key, op_name
from datahub_dagster.domain.contract import DeliverySpec, Schedule
from tests.builders import book, consumer, contract
from tests.conftest import REPO
from tests.defs.dagster_hub import DagsterHub, failure_of, requests, shown
from tests.hubs import orders, put_delivery

PRICES = contract("equities.daily_prices", team="markets")
ORDERS = contract("payments.orders")
BOARD = consumer("board", reads=("equities.daily_prices", "payments.orders"))
SHARED = {
    "assets": {"hub_docs"},
    "jobs": {"docs", "gc", "reconcile"},
    "schedules": {"reconcile_catalog"},
    "sensors": {"hub_docs_automation"},
}


def location(*teams: str, shared_work: bool | None = None) -> dg.Definitions:
    """The definitions of one that shows these teams, or all."""
    return build(shown(PRICES, ORDERS, consumers=(BOARD,), teams=teams, shared_work=shared_work))


def names(of: dg.Definitions) -> dict[str, set[str]]:
    """What Dagster can run there."""
    repository = of.get_repository_def()
    return {
        "assets": {key.to_user_string() for key in of.resolve_asset_graph().executable_asset_keys},
        "jobs": {job.name for job in of.resolve_all_job_defs() if not job.name.startswith("__")},
        "schedules": {each.name for each in repository.schedule_defs},
        "sensors": {each.name for each in repository.sensor_defs},
    }


# ── Who does what ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_location_of_some_teams_has_its_own_work_alone() -> None:
    assert names(location("markets")) == {
        "assets": {"equities/daily_prices"},
        "jobs": {"release_markets", "checks", "rollback"},
        "schedules": {"nightly_checks"},
        "sensors": {"inbox", "contracts_changed", "released_elsewhere", "slo_monitor", "hub_alerts"},
    }


def test_the_one_that_is_told_to_does_the_shared_work_as_well() -> None:
    without, having = names(location("markets")), names(location("markets", shared_work=True))

    assert having == {kind: found | SHARED[kind] for kind, found in without.items()}


def test_a_location_of_all_teams_does_it_unless_told_otherwise() -> None:
    having, without = names(location()), names(location(shared_work=False))

    assert having == {kind: found | SHARED[kind] for kind, found in without.items()}


def test_the_docs_are_rendered_after_releases_of_other_locations_too() -> None:
    graph = location("markets", shared_work=True).resolve_asset_graph()

    assert graph.get(DOCS).parent_keys == {asset_key(PRICES.name), asset_key(ORDERS.name)}
    assert asset_key(ORDERS.name) not in graph.executable_asset_keys


def test_a_consumer_of_two_locations_says_the_same_in_both_and_is_made_by_none() -> None:
    key = dg.AssetKey(["exposure", "board"])
    first, second = (
        next(spec for spec in location(team).resolve_all_asset_specs() if spec.key == key)
        for team in ("markets", "payments")
    )

    assert first == second
    assert {dep.asset_key for dep in first.deps} == {asset_key(PRICES.name), asset_key(ORDERS.name)}
    assert key not in location("markets").resolve_asset_graph().executable_asset_keys


@pytest.mark.slow
def test_a_rollback_of_another_locations_dataset_is_refused(tmp_path: Path) -> None:
    there = DagsterHub(root=tmp_path, book=book(PRICES, ORDERS), teams=("markets",))
    for name, ids in (("a", [1]), ("b", [1, 2])):
        put_delivery(there.hub, PRICES, name, {"part-0.parquet": orders(ids)})
        there.materialize(PRICES)

    other = there.run("rollback", "roll_back", dataset="payments.orders", generation=1, reason="?")
    own = there.run("rollback", "roll_back", dataset="equities.daily_prices", generation=1, reason="?")

    assert "payments.orders: another code location shows this dataset" in failure_of(other)
    assert "launch the job rollback of the location that shows payments" in failure_of(other)
    assert own.success


# ── The queue ────────────────────────────────────────────────────────────────────────────────────────────────────────

FETCHED = contract(
    "open.airports",
    team="public-data",
    delivery=DeliverySpec(source="data/airports", schedule=Schedule(cron="0 5 * * *", timezone="UTC")),
)


def runs_of_a_team(there: DagsterHub) -> dict[str, dg.DagsterRun]:
    """Runs of the team whose name Dagster's own names can't have, by who asked for them."""
    job = "release_public_data"
    by_hand = there.materialize(FETCHED, job=job)
    schedule = there.defs.resolve_schedule_def(f"fetch_{op_name(FETCHED.name)}")
    with dg.build_schedule_context(there.instance) as context:
        (fetch,) = list(schedule.evaluate_tick(context).run_requests or ())
    put_delivery(there.hub, FETCHED, "a", {"part-0.parquet": orders([1])})
    (release,) = requests(there.sensor("inbox"))
    released = there.launch(release)
    assert released.success
    seen = there.sensor("contracts_changed")
    there.change(replace(FETCHED, fingerprint="changed"), ORDERS)
    (check,) = requests(there.sensor("contracts_changed", seen.cursor))
    asked = {
        "schedule": there.launch(fetch.with_replaced_attrs(job_name=job)),
        "contract": there.launch(check),
    }
    return {name: each.dagster_run for name, each in {"hand": by_hand, "inbox": released, **asked}.items()}


@pytest.mark.slow
def test_runs_of_a_team_wait_for_each_other_whoever_asked_for_them(tmp_path: Path) -> None:
    there = DagsterHub(root=tmp_path, book=book(FETCHED, ORDERS))
    runs = runs_of_a_team(there)
    put_delivery(there.hub, ORDERS, "a", {"part-0.parquet": orders([1])})
    (release,) = requests(there.sensor("inbox"))
    other = there.launch(release).dagster_run

    assert {name: run.tags[TEAM_TAG] for name, run in runs.items()} == dict.fromkeys(runs, "public-data")
    for run in runs.values():
        queue = TagConcurrencyLimitsCounter(limits(), [run])
        assert all(queue.is_blocked(each) for each in runs.values())
        assert not queue.is_blocked(other)


def limits() -> list[dict[str, Any]]:
    """What `deploy/dagster.yaml` tells the queue."""
    settings = yaml.safe_load((REPO / "deploy/dagster.yaml").read_text(encoding="utf-8"))
    return settings["concurrency"]["runs"]["tag_concurrency_limits"]
