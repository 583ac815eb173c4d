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


def test_nothing_needs_to_be_published_and_two_runs_make_the_same_page(
    project: Audited, tmp_path: Path
) -> None:
    manifest, catalog = render(project, tmp_path)
    render(project, tmp_path / "again")
    page = (tmp_path / "static_index.html").read_bytes()
    assert (tmp_path / "again/static_index.html").read_bytes() == page

    assert manifest["sources"]
    assert not catalog["sources"]


def test_the_page_tells_nobody_that_it_is_read(project: Audited, tmp_path: Path) -> None:
    manifest, _ = render(project, tmp_path)

    assert manifest["metadata"]["send_anonymous_usage_stats"] is False


HOSTILE = r"""
sources:
  - name: shop
    description: &hostile >
      </script><script>alert('script')</script><img src=x onerror=alert('image') class=hostile> [x](javascript:alert('link'))
      ![picture](https://elsewhere.example/x.png) <style>body { display: none }</style> \"CATALOG.JSON INLINE DATA
    tables:
      - name: orders
        description: *hostile
        config: {tags: [*hostile]}
        columns:
          - name: id
            description: *hostile
            data_type: bigint
            data_tests:
              - not_null: {name: "evil_</script><script>alert('name')</script>", description: *hostile}
              - accepted_values: {arguments: {values: ["</script><script>alert('value')</script>"]}}
          - {name: "<img src=x onerror=alert('column') class=hostile>", data_type: varchar}
exposures:
  - name: reader
    label: *hostile
    description: *hostile
    type: application
    url: "javascript:alert('url')"
    owner: {name: *hostile, email: a@example.com}
    depends_on: ["source('shop', 'orders')"]
"""


@pytest.fixture
def hostile(tmp_path: Path) -> Audited:
    """A project in which every text of a team would run as script."""
    folder = tmp_path / "project"
    (folder / "models").mkdir(parents=True)
    (folder / "dbt_project.yml").write_text("name: hub\nversion: 1.0.0\nprofile: hub\n")
    (folder / "models" / "shop.yml").write_text(HOSTILE)
    return Audited(folder, tmp_path / "scratch")


@pytest.mark.browser
def test_nothing_that_a_team_writes_runs_or_asks_another_host(
    chromium: Path, hostile: Audited, tmp_path: Path
) -> None:
    from playwright.sync_api import expect, sync_playwright

    render(hostile, tmp_path)
    address = (tmp_path / "static_index.html").as_uri()
    asked: list[str] = []
    ran: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium), args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(10_000)
        page.on("request", lambda request: asked.append(request.url))
        page.on("dialog", lambda dialog: ran.append(dialog.message) or dialog.dismiss())

        page.goto(f"{address}#!/source/source.hub.shop.orders", wait_until="networkidle")
        expect(page.locator(".model-markdown").first).to_contain_text("onerror=alert('image')")
        for row in page.locator(".column-row").all():
            row.click()
        expect(page.get_by_text("Accepted Values:")).to_be_visible()
        page.locator(".launcher-btn").click()
        expect(page.locator(".launcher-content canvas").first).to_be_visible()

        page.goto("about:blank")
        page.goto(f"{address}#!/exposure/exposure.hub.reader", wait_until="networkidle")
        page.get_by_text("View this exposure").click()
        page.get_by_placeholder("Search for models").fill("alert")
        expect(page.locator(".search-result-match").first).to_be_visible()

        assert page.locator(".hostile, img[src=x], .result-body script, .result-body style").count() == 0
        # Should some text become markup all the same: the policy.
        page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=alert(1)>')")
        page.evaluate("new Promise((resolve) => setTimeout(resolve, 100))")
        browser.close()

    assert ran == []
    assert not [url for url in asked if not url.startswith(("file:", "data:", "about:"))]


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
