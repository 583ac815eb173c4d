"""The main promise: the same delivery leaves the same release record, whoever releases it."""

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from datahub_dagster import pipeline
from datahub_dagster.cli import run
from datahub_dagster.definitions import build
from datahub_dagster.defs.names import asset_key, op_name
from datahub_dagster.defs.resources import HubResource
from datahub_dagster.defs.shown import Shown
from datahub_dagster.demo.data import DemoDelivery, write_deliveries
from datahub_dagster.errors import ExitCode
from datahub_dagster.settings import Settings
from tests.builders import NOW

pytestmark = pytest.mark.slow

# A first delivery, an increment, a correction, a repeat; a failed audit, a broken schema; with and without partitions.
DATASETS = (
    "transport.airports",
    "employment.us_monthly",
    "markets.monthly_prices",
    "weather.daily_observations",
)

# What may differ: when, by whom, in which run, and how long it took.
DIFFERS = {
    "received_at",
    "finished_at",
    "published_at",
    "actor",
    "run_id",
    "step_seconds",
    "seconds",
    "late_seconds",
}
DIFFERS |= {"due_at"}  # of a promise by age, which begins when the release is published


@pytest.fixture
def deliveries(tmp_path: Path) -> list[DemoDelivery]:
    return [each for each in write_deliveries(tmp_path / "outbox", NOW) if each.dataset in DATASETS]


def test_the_command_line_and_dagster_leave_the_same_records(
    deliveries: list[DemoDelivery], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAHUB_CACHE_DIR", str(tmp_path / "cache"))
    by_cli = _release_by_command_line(deliveries, tmp_path / "cli", monkeypatch)
    by_dagster = _release_by_dagster(deliveries, tmp_path / "dagster", tmp_path / "cache")

    assert by_cli == by_dagster == [each.expected == "rejected" for each in deliveries]
    left, right = records(tmp_path / "cli"), records(tmp_path / "dagster")
    assert list(left) == list(right)
    assert len(left) == len([each for each in deliveries if each.expected != "repeat"])
    for path, record in left.items():
        assert record == right[path], path


def _release_by_command_line(
    deliveries: list[DemoDelivery], root: Path, monkeypatch: pytest.MonkeyPatch
) -> list[bool]:
    monkeypatch.setenv("DATAHUB_ROOT", str(root))
    codes = [
        run(["deliver", each.dataset, str(each.path), "--name", each.name, "--release"])
        for each in deliveries
    ]
    assert set(codes) <= {ExitCode.FINE, ExitCode.REFUSED}
    return [code == ExitCode.REFUSED for code in codes]


def _release_by_dagster(deliveries: list[DemoDelivery], root: Path, cache: Path) -> list[bool]:
    settings = Settings(root=root, cache_dir=cache)
    hub = HubResource.of(settings).open()
    job = build(Shown.of(hub, settings)).resolve_implicit_global_asset_job_def()
    book = hub.book()
    refused: list[bool] = []
    with dg.DagsterInstance.ephemeral(tempdir=str(cache)) as instance:
        for each in deliveries:
            contract = book.find(each.dataset)
            pipeline.deliver(hub, contract, each.path, each.name)
            result = job.execute_in_process(
                instance=instance,
                raise_on_error=False,
                asset_selection=[asset_key(contract.name)],
                run_config={"ops": {op_name(contract.name): {"config": {"deliveries": [each.name]}}}},
            )
            refused.append(not result.success)
    return refused


def records(root: Path) -> dict[str, Any]:
    """Every release record below a hub's root, without what may differ."""
    found = sorted(root.glob("releases/*/*/*/_record.json"))
    return {str(path.relative_to(root)): without(json.loads(path.read_text())) for path in found}


def without(value: Any) -> Any:
    """The same value without the keys of `DIFFERS`, at any depth."""
    match value:
        case dict():
            return {key: without(each) for key, each in value.items() if key not in DIFFERS}
        case list():
            return [without(each) for each in value]
        case _:
            return value
