"""A dataset's page: tabs and copy buttons, code that runs as it was copied, links into the page, what the pictures say."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from datahub_dagster import pipeline
from datahub_dagster.adapters.site.build import StaticSite
from datahub_dagster.adapters.storage.local import LocalStorage
from tests.adapters.test_site_snippets import IN_PATH, ids, publish
from tests.browser.conftest import Open, Serve
from tests.browser.kinds import DATASET, PRICES
from tests.hubs import hub_at

pytestmark = pytest.mark.browser

RUN_IN_DUCKDB = (
    "import duckdb, json, sys; print(json.dumps([row[0] for row in duckdb.execute(sys.argv[1]).fetchall()]))"
)


# ── Reading the data ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def hub_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub in a folder with one published dataset, and its pages."""
    root = tmp_path_factory.mktemp("published")
    site = StaticSite(LocalStorage(root), pipeline.status, collect_slos=pipeline.slo)
    hub = hub_at(root, IN_PATH.of, site=site)
    publish(hub, IN_PATH)
    pipeline.document(hub, with_dbt_docs=False)
    return root


def copied(page: Page, language: str) -> str:
    """What is on the clipboard once a reader chose a language and pressed its button."""
    page.get_by_role("tab", name=language, exact=True).click()
    button = page.get_by_role("tabpanel", name=language).get_by_role("button", name="Copy")
    button.click()
    expect(page.get_by_role("tabpanel", name=language).get_by_role("status")).to_have_text("Copied")
    return page.evaluate("navigator.clipboard.readText()")


def run(root: Path, *arguments: str) -> str:
    """What Python says to it in the hub's folder."""
    command = [sys.executable, *arguments]
    ended = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.parametrize("is_served", [True, False], ids=["served", "from-disk"])
def test_what_the_copy_button_copies_shows_the_published_rows(
    is_served: bool, hub_root: Path, open_page: Open, serve: Serve
) -> None:
    home = serve(hub_root / "docs") if is_served else (hub_root / "docs").as_uri()
    page = open_page(
        f"{home}/datasets/{IN_PATH.of.name}.html", permissions=["clipboard-read", "clipboard-write"]
    )

    if is_served:
        assert ids(run(hub_root, "-c", copied(page, "Python"))) == IN_PATH.newest
    rows = json.loads(run(hub_root, "-c", RUN_IN_DUCKDB, copied(page, "DuckDB")))
    assert sorted(rows) == IN_PATH.newest


def test_the_tabs_of_the_examples_obey_the_arrow_keys(open_page: Open, docs: Path) -> None:
    page = open_page((docs / DATASET).as_uri())
    tabs = page.get_by_role("tab")
    names = tabs.all_inner_texts()
    assert len(names) >= 4
    tabs.first.focus()

    for key, expected in [("ArrowRight", 1), ("End", -1), ("ArrowRight", 0), ("ArrowLeft", -1), ("Home", 0)]:
        page.keyboard.press(key)
        chosen = page.get_by_role("tab", selected=True)
        expect(chosen).to_have_count(1)
        expect(chosen).to_be_focused()
        assert chosen.inner_text() == names[expected]
        expect(page.get_by_role("tabpanel")).to_have_count(1)
        expect(page.get_by_role("tabpanel", name=names[expected], exact=True)).to_be_visible()


def test_the_language_that_a_reader_chose_is_chosen_on_the_next_page(open_page: Open, served: str) -> None:
    page = open_page(f"{served}/{DATASET}")
    page.get_by_role("tab", name="DuckDB").click()

    page.goto(f"{served}/{PRICES}")

    expect(page.get_by_role("tab", name="DuckDB", selected=True)).to_be_visible()


# ── Links into the page ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_link_to_a_release_unfolds_it(open_page: Open, docs: Path) -> None:
    page = open_page((docs / DATASET).as_uri() + "#release-2026-11-18.3")

    delivery = page.locator("[id='release-2026-11-18.3']")
    expect(delivery).to_have_attribute("open", "")
    expect(delivery).to_be_in_viewport()
    expect(delivery.locator(".inside").get_by_text("the delivery has no column weight")).to_be_visible()


def test_a_link_within_the_page_unfolds_what_it_leads_to(open_page: Open, docs: Path) -> None:
    page = open_page((docs / DATASET).as_uri())
    delivery = page.locator("[id='release-2026-11-18.3']")
    assert delivery.get_attribute("open") is None

    page.get_by_role("link", name="Why").click()

    expect(delivery).to_have_attribute("open", "")


def test_a_link_to_a_column_leads_to_the_column_on_any_screen(open_page: Open, docs: Path) -> None:
    for width in (1200, 360):
        page = open_page(
            (docs / DATASET).as_uri() + "#column-sector", viewport={"width": width, "height": 700}
        )
        expect(page.locator("#column-sector")).to_be_in_viewport()


def test_the_contents_lead_to_every_part_of_the_page(open_page: Open, docs: Path) -> None:
    page = open_page((docs / DATASET).as_uri())
    parts = page.get_by_role("navigation", name="On this page").get_by_role("link")

    assert parts.count() >= 10
    for link in parts.all():
        link.click()
        expect(page.get_by_role("heading", name=link.inner_text()).first).to_be_in_viewport()


# ── What the pictures say ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_heat_map_tells_each_day_by_a_colour_a_sign_and_a_name(open_page: Open, docs: Path) -> None:
    page = open_page((docs / DATASET).as_uri())
    picture = page.get_by_role("img", name="freshness, day by day")

    name = picture.get_attribute("aria-label") or ""
    for counted in ("43 met", "1 late", "1 missed", "1 unknown"):
        assert counted in name
    told = {
        kind: picture.locator(f"path.{kind} title").all_text_contents()
        for kind in ("late", "missed", "excused", "unknown")
    }
    assert told["late"] == ["Fri 2026-11-13: 44 min late"]
    assert told["missed"] == ["Tue 2026-10-27: missed"]
    assert len(told["excused"]) == len(told["unknown"]) == 1
    fills = {
        kind: picture.locator(f"path.{kind}").first.evaluate("shape => getComputedStyle(shape).fill")
        for kind in ("met", "late", "missed", "excused", "unknown", "none")
    }
    assert len(set(fills.values())) == 6
    assert picture.locator("path.mark").count() >= 1


def test_all_that_was_not_kept_stands_in_a_table_as_well(open_page: Open, docs: Path) -> None:
    page = open_page((docs / DATASET).as_uri())
    slo = page.locator("#slo-freshness")
    slo.get_by_text("Late, missed, excused or unknown: 4").click()

    rows = slo.get_by_role("row")

    expect(rows).to_have_count(5)
    expect(rows.nth(1)).to_contain_text("Fri 2026-11-13")
    expect(rows.nth(1)).to_contain_text("44 min late")


def test_the_picture_of_the_lineage_is_walked_by_keyboard(open_page: Open, docs: Path) -> None:
    page = open_page((docs / DATASET).as_uri())
    links = page.locator("section[aria-labelledby=lineage] svg a")
    assert links.count() >= 2

    links.first.focus()
    expect(links.first).to_be_focused()
    page.keyboard.press("Enter")

    page.wait_for_url(lambda url: not url.endswith(DATASET))


def test_a_confidential_dataset_shows_no_row(open_page: Open, docs: Path) -> None:
    page = open_page((docs / "datasets/payments.card_settlements.html").as_uri())

    for details in page.locator("details").all():
        details.evaluate("box => { box.open = true; }")

    assert "Taro Yamada" not in page.content()
    assert page.locator("table.sample").count() == 0
    expect(page.get_by_text("The dataset is confidential: no rows are shown.").first).to_be_visible()
