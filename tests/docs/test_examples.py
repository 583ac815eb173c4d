"""Examples that are more than text: the README's dataset is released, and run configs fit the jobs they are for."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

import datahub_dagster
from tests.conftest import REPO
from tests.docs.pages import PAGES, blocks

pytestmark = pytest.mark.slow

README = REPO / "README.md"


def test_the_dataset_of_the_readme_is_released_beside_the_demos(tmp_path: Path) -> None:
    project = tmp_path / "dbt_project"
    shutil.copytree(REPO / "dbt_project", project, ignore=shutil.ignore_patterns("target", "logs"))
    (project / "models/payments").mkdir()
    (example,) = blocks(README, "yaml")
    (project / "models/payments/orders.yml").write_text(example.text, encoding="utf-8")
    pq.write_table(pa.table({"id": [1, 2], "amount": [20.0, 35.0]}), tmp_path / "orders.parquet")

    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "datahub_dagster.cli",
            "deliver",
            "payments.orders",
            "orders.parquet",
            "--release",
        ],
        cwd=tmp_path,
        env={**os.environ, "DATAHUB_ROOT": str(tmp_path / "hub"), "DATAHUB_DBT_PROJECT_DIR": str(project)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr
    assert "3 of 3 tests passed" in run.stdout
    assert datahub_dagster.open(tmp_path / "hub")["payments.orders"].rows == 2


def test_every_run_config_fits_a_job() -> None:
    import dagster as dg

    from datahub_dagster.defs.jobs import gc_job, reconcile_job, rollback_job

    jobs = {job.graph.node_defs[0].name: job for job in (gc_job, reconcile_job, rollback_job)}
    configs = [
        yaml.safe_load(block.text)
        for page in PAGES
        for block in blocks(page, "yaml")
        if block.text.startswith("ops:")
    ]

    assert configs
    for config in configs:
        (op,) = config["ops"]
        assert dg.validate_run_config(jobs[op], config)


def test_the_instances_settings_are_dagsters(tmp_path: Path) -> None:
    import dagster as dg

    (settings, _) = blocks(REPO / "docs/how-to/run-with-dagster.md", "yaml")
    (tmp_path / "dagster.yaml").write_text(settings.text, encoding="utf-8")

    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert instance.get_concurrency_config().pool_config.default_pool_limit == 1


def test_every_job_sensor_and_schedule_is_explained(tmp_path: Path) -> None:
    from datahub_dagster.definitions import build
    from datahub_dagster.defs.resources import HubResource
    from datahub_dagster.defs.shown import Shown
    from datahub_dagster.settings import Settings

    settings = Settings(root=tmp_path / "hub", dbt_project_dir=REPO / "dbt_project")
    definitions = build(Shown.of(HubResource.of(settings).open(), settings))
    there = {
        each.name
        for kind in (definitions.jobs, definitions.sensors, definitions.schedules)
        for each in kind or ()
    }
    page = (REPO / "docs/how-to/run-with-dagster.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `([\w<>]+)` \|", page, flags=re.MULTILINE))

    assert {re.sub(r"^(release|fetch)_.+", r"\1", name) for name in there} == {
        re.sub(r"_<.+", "", name) for name in named
    }
