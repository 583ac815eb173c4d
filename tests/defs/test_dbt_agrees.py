"""The assets are those that dagster-dbt would make of the same sources, so that other dbt projects line up with them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings

from datahub_dagster.adapters.dbt.contracts import DbtContracts
from datahub_dagster.adapters.dbt.duckdb_engine import DuckDbEngine
from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.definitions import build
from datahub_dagster.defs.names import asset_key
from datahub_dagster.defs.shown import Shown
from datahub_dagster.settings import Settings
from tests.builders import TODAY
from tests.conftest import REPO

pytestmark = pytest.mark.slow

PROJECTS = [REPO / "dbt_project", REPO / "tests/projects/legacy"]


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.name)
def test_keys_columns_and_check_names_are_those_of_dagster_dbt(project: Path, tmp_path: Path) -> None:
    contracts = DbtContracts(project, tmp_path, DuckDbEngine(LocalStorage(tmp_path)))
    book = contracts.load()
    settings = Settings(root=tmp_path, dbt_project_dir=project)
    definitions = build(Shown(book=book, settings=settings, today=TODAY, releases_at=str))
    dg.Definitions.validate_loadable(definitions)
    ours = {spec.key: spec for spec in definitions.resolve_all_asset_specs()}
    graph = definitions.resolve_asset_graph()

    manifest = json.loads(contracts.parsed().manifest_path.read_text())
    # Without code references: they would need a project object, and point to the same line.
    translator = DagsterDbtTranslator(DagsterDbtTranslatorSettings(enable_code_references=False))
    compared = 0
    for contract in book.datasets.values():
        theirs = translator.get_asset_spec(manifest, contract.unique_id, None)
        spec = ours[theirs.key]
        assert theirs.key == asset_key(contract.name)
        assert spec.metadata["dagster_dbt/unique_id"] == theirs.metadata["dagster_dbt/unique_id"]
        assert set(spec.tags) >= {tag for tag in theirs.tags if not tag.startswith("dagster/kind")}
        assert columns(spec) == columns(theirs)
        for test in contract.tests:
            check = graph.get_check_spec(dg.AssetCheckKey(spec.key, test.check_name))
            their_check = translator.get_asset_check_spec(theirs, manifest, test.unique_id, None)
            if their_check is None:
                continue  # dbt attaches no relationship and no singular test to a source, so that dagster-dbt drops it
            assert check.metadata["dagster_dbt/unique_id"] == test.unique_id
            assert check.blocking == their_check.blocking
            assert check.name == re.sub(r"[^A-Za-z0-9_]", "_", their_check.name)
            compared += 1
    assert compared > 10


def columns(spec: dg.AssetSpec) -> list[str]:
    schema = spec.metadata.get("dagster/column_schema")
    return [column.name for column in schema.columns] if isinstance(schema, dg.TableSchema) else []


def test_dagster_definitions_validate_passes(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "dagster", "definitions", "validate"],
        cwd=REPO,
        env={**os.environ, "DATAHUB_ROOT": str(tmp_path / "hub"), "DAGSTER_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert "All code locations passed validation" in run.stdout + run.stderr
