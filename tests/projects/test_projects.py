"""The projects that other tests build on are what they say."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.projects import broken
from tests.projects.builder import dataset_sql, make_project
from tests.projects.legacy_data import LEGACY_TABLES
from tests.projects.running import HUB_PROJECT, LEGACY_PROJECT, DbtProject

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def legacy(tmp_path_factory: pytest.TempPathFactory) -> DbtProject:
    project = DbtProject(LEGACY_PROJECT, tmp_path_factory.mktemp("legacy"), profile="legacy_shop")
    project.sql(*LEGACY_TABLES)
    return project


def manifest_of(project: DbtProject) -> dict[str, Any]:
    project.dbt("parse")
    return json.loads((project.scratch / "manifest.json").read_text("utf-8"))


def test_the_legacy_project_holds_what_it_promises(legacy: DbtProject) -> None:
    manifest = manifest_of(legacy)
    sources = {node["name"]: node for node in manifest["sources"].values()}
    assert sources.keys() == {
        "daily-sales",
        "stores",
        "tills",
        "loyalty_cards",
        "customers",
        "customers_history",
    }
    assert "hub" not in json.dumps([node["meta"] for node in sources.values()])
    assert sources["daily-sales"]["identifier"] == "DAILY_SALES_V2"
    assert sources["daily-sales"]["loaded_at_field"] == "cast(_loaded_at as timestamp)"
    assert sources["daily-sales"]["description"].startswith("One row for each sale.")
    assert sources["stores"]["freshness"] is None
    assert not sources["tills"]["columns"]
    assert sources["loyalty_cards"]["source_name"] == sources["stores"]["source_name"] == "legacy-pos"
    assert "source.legacy_shop.legacy-pos.returns" in manifest["disabled"]


def test_the_legacy_projects_tests_run(legacy: DbtProject) -> None:
    legacy.dbt("run")
    answers = legacy.run_tests()
    assert len(answers) == 17
    assert {name: answer for name, answer in answers.items() if answer[0] != "pass"} == {
        "source_not_null_crm_customers_email": ("fail", 1),  # an empty text: only the overridden test notices
        "amount_is_not_zero": ("warn", 1),
        "sales_match_stores_and_cards": ("warn", 1),
        "sales_have_a_store": ("fail", 1),
        "relationships_stg_sales_store_id__store_id__source_legacy_pos_stores_": ("fail", 1),
    }


@pytest.mark.parametrize(
    ("break_it", "message"),
    [(broken.syntax_error, r"iowa_generation\.yml"), (broken.invalid_jinja, r"unexpected '}'")],
    ids=["syntax_error", "invalid_jinja"],
)
def test_dbt_refuses_the_whole_project_for_one_broken_file(
    break_it: Callable[[Path], Any], message: str, tmp_path: Path
) -> None:
    project = DbtProject(broken.copy_project(tmp_path / "project"), tmp_path / "scratch")
    break_it(project.folder)
    with pytest.raises(Exception, match=message):
        project.dbt("parse")


def test_dbt_reads_what_is_broken_only_for_the_hub(tmp_path: Path) -> None:
    project = DbtProject(broken.copy_project(tmp_path / "project"), tmp_path / "scratch")
    path, line = broken.unknown_key(project.folder)
    assert "retension" in path.read_text("utf-8").splitlines()[line - 1]
    broken.wrong_value(project.folder)
    broken.unknown_macro(project.folder)
    broken.sql_error(project.folder)
    for add in (broken.source_without_tests, broken.vacuous_test, broken.disabled_test):
        add(project.folder)
    assert len(manifest_of(project)["sources"]) == 10
    project.sql(
        "create schema energy",
        "create table energy.iowa_generation as"
        " select date '2025-01-01' as year, 'Renewables' as source, 1 as net_generation",
        "create schema energy_extra",
        "create table energy_extra.vacuous as select null::bigint as id",
    )
    answers = project.run_tests("source:energy.iowa_generation")
    assert [name for name, answer in answers.items() if answer == ("error", None)] == [
        "generation_is_sane",
        "source_hub_uniqe_combination_energy_iowa_generation_year__source",
    ]
    assert list(project.run_tests("source:energy_extra.vacuous").values()) == [("pass", 0)]
    for selection in ("source:energy_extra.silenced", "source:energy_extra.untested"):
        assert project.run_tests(selection) == {}  # and dbt calls it a success


def test_a_generated_project_has_the_size_that_was_asked_for_and_passes(tmp_path: Path) -> None:
    project = DbtProject(
        make_project(tmp_path, n_teams=2, n_sources=5, tests_per_source=12), tmp_path / "scratch"
    )
    project.sql(*dataset_sql(5))
    answers = project.run_tests()
    assert len(answers) == 60
    assert set(answers.values()) == {("pass", 0)}


def test_the_hubs_own_project_parses_without_a_deprecated_spelling(tmp_path: Path) -> None:
    project = DbtProject(HUB_PROJECT, tmp_path)
    project.dbt("--warn-error-options", '{"error": ["Deprecations"]}', "parse")
