"""Pages of every kind: from a disk and under a prefix, silent, in both languages, without scripts, on a telephone, on paper."""

from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.adapters.site_example import HOSTILE as HOSTILE_TEXT
from tests.browser.conftest import Open
from tests.browser.kinds import DATASET, HOSTILE, KINDS, TONGUES

pytestmark = pytest.mark.browser

ALL_KINDS = pytest.mark.parametrize("path", list(KINDS.values()), ids=list(KINDS))
HEADINGS = (
    "Array.from(document.querySelectorAll('h1,h2,h3,h4,h5,h6'), (heading) => Number(heading.tagName[1]))"
)
# What sticks out of the screen, unless something around it scrolls.
TOO_WIDE = """() => {
  const width = document.documentElement.clientWidth;
  const scrolls = (box) => box && (/auto|scroll/.test(getComputedStyle(box).overflowX) || scrolls(box.parentElement));
  return Array.from(document.body.querySelectorAll("*"))
    .filter((box) => box.checkVisibility() && box.getBoundingClientRect().right > width + 1 && !scrolls(box.parentElement))
    .map((box) => box.outerHTML.slice(0, 100));
}"""


def unfold(page: Page) -> None:
    page.evaluate("for (const box of document.querySelectorAll('details')) box.open = true")


def test_pages_of_every_kind_open_silently_from_a_disk_and_under_a_prefix(
    open_page: Open, docs: Path, served: str
) -> None:
    page = open_page()
    for root, tongue in [(docs.as_uri(), "en"), (docs.as_uri(), "ja"), (served, "ja")]:
        for path in KINDS.values():
            page.goto(f"{root}/{TONGUES[tongue]}{path}")
            assert page.locator("html").get_attribute("lang") == tongue
            levels = page.evaluate(HEADINGS)
            assert levels[0] == 1 == levels.count(1)
            assert all(after - before <= 1 for before, after in pairwise(levels))


def test_a_reader_walks_from_page_to_page_under_any_prefix(open_page: Open, served: str) -> None:
    page = open_page(f"{served}/index.html")
    page.locator("#listed").get_by_role("link", name="equities.daily_prices").click()
    expect(page).to_have_url(f"{served}/datasets/equities.daily_prices.html")
    page.get_by_role("link", name="markets").first.click()
    expect(page).to_have_url(f"{served}/teams/markets.html")
    page.get_by_role("table", name="Datasets").get_by_role(
        "link", name="リスク管理部の日次レポート"
    ).first.click()
    expect(page).to_have_url(f"{served}/consumers/risk_report.html")
    for name, path in [
        ("Status", "status"),
        ("Changes", "changes"),
        ("Consumers", "consumers"),
        ("Datasets", "index"),
    ]:
        page.get_by_role("navigation", name="Site").get_by_role("link", name=name).click()
        expect(page).to_have_url(f"{served}/{path}.html")


@ALL_KINDS
def test_without_scripts_everything_can_be_read(path: str, open_page: Open, docs: Path) -> None:
    plain = open_page((docs / path).as_uri(), java_script_enabled=False)
    assert plain.get_by_role("heading", level=1).is_visible()
    assert plain.locator("form:visible, button:visible").count() == 0
    assert len(plain.locator("main").inner_text()) > 300
    if path == DATASET:
        assert plain.locator(".snippet:visible").count() >= 4
        delivery = plain.locator("details.delivery").nth(1)
        delivery.locator("summary").click()
        assert delivery.locator(".inside").is_visible()


def test_the_other_language_is_the_same_page_at_the_same_place_and_back(open_page: Open, docs: Path) -> None:
    english = (docs / DATASET).as_uri() + "#column-weight"
    page = open_page(english)

    page.get_by_role("link", name="日本語").click()
    expect(page).to_have_url((docs / "ja" / DATASET).as_uri() + "#column-weight")
    expect(page.locator("#column-weight")).to_be_in_viewport()
    page.get_by_role("link", name="English").click()
    expect(page).to_have_url(english)


def test_a_search_is_kept_in_the_other_language(open_page: Open, docs: Path) -> None:
    page = open_page((docs / "index.html").as_uri())
    page.get_by_role("searchbox").fill("airports")
    expect(page.locator(".result")).to_have_count(1)

    page.get_by_role("link", name="日本語").click()

    assert page.get_by_role("searchbox").input_value() == "airports"
    expect(page.locator(".result .name")).to_have_text(["transport.airports"])


@ALL_KINDS
def test_a_telephone_scrolls_down_only(path: str, open_page: Open, docs: Path) -> None:
    page = open_page(viewport={"width": 360, "height": 740})
    for folder in TONGUES.values():
        page.goto((docs / folder / path).as_uri())
        unfold(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert page.evaluate(TOO_WIDE) == []


def test_tables_stay_tables_for_screen_readers_on_a_telephone(open_page: Open, docs: Path) -> None:
    page = open_page((docs / "index.html").as_uri(), viewport={"width": 360, "height": 740})

    assert page.get_by_role("columnheader", name="Timeliness").count() == 1
    assert page.get_by_role("rowheader").count() == 7


@pytest.mark.parametrize("path", [KINDS["start"], DATASET, KINDS["status"]])
def test_the_keyboard_skips_to_the_content_and_always_shows_where_it_is(
    path: str, open_page: Open, docs: Path
) -> None:
    page = open_page((docs / path).as_uri())
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()

    for _ in range(6):
        page.keyboard.press("Tab")
        assert page.evaluate("""() => {
          const style = getComputedStyle(document.activeElement);
          return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
        }"""), page.evaluate("document.activeElement.outerHTML.slice(0, 200)")


def test_dark_is_dark_and_paper_is_white(open_page: Open, docs: Path) -> None:
    page = open_page((docs / DATASET).as_uri(), color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"

    dark = page.evaluate(ground)
    page.emulate_media(color_scheme="light")
    light = page.evaluate(ground)
    page.emulate_media(color_scheme="dark", media="print")
    paper = page.evaluate(ground)

    assert brightness(dark) < 50 < 200 < brightness(light)
    assert brightness(paper) >= 250 or paper == "rgba(0, 0, 0, 0)"
    assert page.locator("header.bar").is_hidden()
    assert page.locator("#columns").is_visible()


def brightness(colour: str) -> float:
    """Of `rgb(r, g, b)`, from 0 to 255."""
    red, green, blue = (float(part) for part in colour.strip("rgba()").split(",")[:3])
    return (red + green + blue) / 3


def test_what_a_hostile_team_writes_is_text_and_nothing_else(
    open_page: Open, docs: Path, served: str
) -> None:
    page = open_page()  # that fails if any of it opens a dialogue, says something or asks another host
    for address in (docs.as_uri(), served):
        for folder in TONGUES.values():
            page.goto(f"{address}/{folder}{HOSTILE}")
            unfold(page)
            told = page.locator("main").inner_text()
            assert told.count(HOSTILE_TEXT) >= 10
            assert page.locator("main img, main script, main iframe, main [onerror]").count() == 0
            assert page.locator("a[href^='javascript:' i], a[href^='data:' i]").count() == 0


def test_what_a_hostile_team_writes_is_text_in_the_search_too(open_page: Open, docs: Path) -> None:
    page = open_page((docs / "index.html").as_uri())

    page.get_by_role("searchbox").fill("onerror")

    expect(page.locator(".result")).to_have_count(1)
    expect(page.locator(".result")).to_contain_text("<img src=x onerror=alert(2)>")
    assert page.locator(".result img, .result script").count() == 0


def test_the_policy_refuses_what_slipped_in_all_the_same(browser: Browser, served: str) -> None:
    page = browser.new_page()
    refused: dict[str, str | None] = {}
    page.on("requestfailed", lambda request: refused.update({request.url: request.failure}))

    def slip_in(route: Route) -> None:
        evil = "<script>window.ran = 1</script><img src=x onerror='ran = 2'><img src='http://127.0.0.2/seen'>"
        route.fulfill(body=route.fetch().text().replace("<h1", evil + "<h1"), content_type="text/html")

    page.route(f"{served}/{DATASET}", slip_in)
    page.goto(f"{served}/{DATASET}")

    assert page.locator("img").count() == 2
    assert page.evaluate("window.ran") is None
    assert refused["http://127.0.0.2/seen"] == "csp"
    page.close()
