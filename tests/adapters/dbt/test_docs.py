"""dbt's own page: what is published, on one page, without asking another host."""

import json
from pathlib import Path
from typing import Any

import pytest

from datahub_dagster.adapters.catalog.duckdb import DuckDbCatalog
from datahub_dagster.adapters.catalog.glue import GlueCatalog
from datahub_dagster.adapters.dbt.docs import DbtDocs
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.names import ReleaseId
from datahub_dagster.domain.release import Generation
from datahub_dagster.domain.view import DatasetView
from tests import builders
from tests.adapters.dbt.audited import Audited
from tests.aws import AwsAccount
from tests.projects.running import HUB_PROJECT, LEGACY_PROJECT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=[HUB_PROJECT, LEGACY_PROJECT], ids=["hub", "legacy"])
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Audited:
    return Audited(request.param, tmp_path_factory.mktemp("scratch"))


def render(project: Audited, out: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The manifest and the catalog inside the page."""
    assert project.manifest
    DbtDocs(lambda: project, project.engine, project.scratch / "cache").render(out)
    text = (out / "static_index.html").read_text("utf-8")
    decoder = json.JSONDecoder()
    manifest, end = decoder.raw_decode(text, text.index('{"metadata"'))
    catalog, _ = decoder.raw_decode(text, text.index('{"metadata"', end))
    return manifest, catalog


def test_the_page_shows_the_columns_of_what_is_published(tmp_path: Path) -> None:
    project = Audited(HUB_PROJECT, tmp_path / "scratch")
    assert project.manifest
    airports = project.contract("transport.airports")

    view = project.view(airports, "select 'HND' as iata, 35.5 as latitude")
    DuckDbCatalog(project.disk).apply(builders.generation(airports), view)

    manifest, catalog = render(project, tmp_path / "out")

    columns = catalog["sources"][airports.unique_id]["columns"]
    assert [column["name"] for column in columns.values()] == ["iata", "latitude"]
    assert columns["iata"]["type"] == "VARCHAR"
    assert len(catalog["sources"]) == 1
    assert len(manifest["sources"]) == 7
    assert any(node["resource_type"] == "test" for node in manifest["nodes"].values())


def test_nothing_needs_to_be_published(project: Audited, tmp_path: Path) -> None:
    manifest, catalog = render(project, tmp_path)

    assert manifest["sources"]
    assert not catalog["sources"]


def test_the_page_tells_nobody_that_it_is_read(project: Audited, tmp_path: Path) -> None:
    manifest, _ = render(project, tmp_path)

    assert manifest["metadata"]["send_anonymous_usage_stats"] is False


@pytest.mark.browser
def test_the_page_asks_no_other_host(chromium: Path, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    project = Audited(HUB_PROJECT, tmp_path / "scratch")
    render(project, tmp_path)
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium), args=["--no-sandbox"])
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.goto((tmp_path / "static_index.html").as_uri(), wait_until="networkidle")
        page.wait_for_selector("text=Sources", state="attached")
        browser.close()

    assert not [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]


def test_rendering_leaves_nothing_in_the_project(project: Audited, tmp_path: Path) -> None:
    def everything() -> set[tuple[Path, int]]:
        return {(path, path.stat().st_mtime_ns) for path in project.project_dir.rglob("*") if path.is_file()}

    before = everything()

    render(project, tmp_path)

    assert everything() == before
    assert [path.name for path in tmp_path.iterdir()] == ["static_index.html"]


@pytest.mark.aws
def test_on_aws_the_page_shows_the_columns_in_glue(aws_account: AwsAccount, tmp_path: Path) -> None:
    project = Audited(HUB_PROJECT, tmp_path / "scratch", aws=aws_account)
    assert project.manifest
    airports = project.contract("transport.airports")
    view = project.view(airports, "select 'HND' as iata, 35.5::double as latitude")
    GlueCatalog(project.clients, project.storage, prefix="").apply(generation_of(airports, view), view)

    manifest, catalog = render(project, tmp_path / "out")

    columns = catalog["sources"][airports.unique_id]["columns"]
    assert {column["name"]: column["type"] for column in columns.values()} == {
        "iata": "string",
        "latitude": "double",
    }
    # The other six have no database in Glue yet.
    assert len(catalog["sources"]) == 1
    assert len(manifest["sources"]) == 7
    project.clients.close()


def generation_of(contract: Contract, view: DatasetView) -> Generation:
    release = ReleaseId.parse(view.files[0].path.split("/")[3])
    return builders.generation(contract, partitions={"": release}, release_id=release)
