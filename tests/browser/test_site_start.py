"""The start page: what the search finds, how filters narrow it, and how far the keyboard alone gets."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open

pytestmark = pytest.mark.browser

ALL = 7
# What is looked for, and the dataset that comes first.
QUERIES = {
    "daily_prices": "equities.daily_prices",
    "VOLUME": "equities.daily_prices",  # a column
    "closing auction": "equities.daily_prices",  # the description
    "指数": "equities.index_weights",  # a tag
    "payments@example": "payments.card_settlements",  # an owner
    "降水量": "weather.daily_observations",  # a column and a description
    "銘柄入れ替え": "equities.index_weights",
    "ｓｅｓｓｉｏｎｓ": "volatility.index_sessions",  # wide letters
    "airprots": "transport.airports",  # a typo
    "setlements": "payments.card_settlements",
}


@pytest.fixture
def start(open_page: Open, docs: Path) -> Page:
    return open_page((docs / "index.html").as_uri())


def search(page: Page, text: str) -> None:
    page.get_by_role("searchbox", name="Search").fill(text)


def found(page: Page) -> list[str]:
    """The names of the results, the best first."""
    expect(page.locator("#filter-count")).not_to_have_text("Searching …")
    return page.locator(".result .name").all_inner_texts()


def test_the_search_finds_names_columns_descriptions_tags_owners_japanese_and_what_is_misspelt(
    start: Page,
) -> None:
    for text, expected in QUERIES.items():
        search(start, text)
        assert [text, *found(start)[:1]] == [text, expected]
    search(start, "")
    expect(start.locator("#filter-count")).to_have_text(f"{ALL} datasets")
    assert start.locator(".item:visible").count() == ALL


def test_only_a_long_word_that_is_nowhere_as_it_is_written_is_taken_for_a_misspelt_one(start: Page) -> None:
    search(start, "sessoin")
    assert found(start)
    search(start, "tickr")  # near to ticker, and to much else
    assert not found(start)
    search(start, "session")
    expect(start.locator(".result mark").first).to_have_text(re.compile("^session", re.IGNORECASE))


def test_what_is_not_there_is_said_to_be_not_there(start: Page) -> None:
    search(start, "xylophone")

    expect(start.get_by_text("No dataset matches.")).to_be_visible()
    expect(start.locator("#filter-count")).to_have_text("0 datasets")


def test_a_result_marks_what_was_found_and_leads_to_the_column(start: Page) -> None:
    search(start, "tick")
    result = start.locator(".result").first
    expect(result.locator(".found-columns mark")).to_have_text(["tick"])

    result.get_by_role("link", name="ticker").click()

    expect(start).to_have_url(re.compile("#column-ticker$"))
    expect(start.locator("#column-ticker")).to_be_in_viewport()


def test_filters_narrow_the_datasets_each_by_its_own_question(start: Page) -> None:
    for label, value, expected in [
        ("Team", "climate", {"transport.airports", "weather.daily_observations", "zz_hostile.table"}),
        ("Lifecycle", "deprecated", {"volatility.index_sessions"}),
        ("Classification", "confidential", {"payments.card_settlements"}),
        ("Timeliness", "late", {"equities.daily_prices"}),
        ("Deliveries", "unpublished", {"transport.airports", "zz_hostile.table"}),
    ]:
        start.get_by_role("combobox", name=label).select_option(value)
        start.wait_for_selector(".result")
        assert set(found(start)) == expected
        start.get_by_role("button", name="Clear").click()
        assert start.locator(".item:visible").count() == ALL


def test_the_address_of_a_search_can_be_sent_to_a_colleague(start: Page, open_page: Open) -> None:
    start.get_by_role("combobox", name="Team").select_option("markets")
    search(start, "指数 weights")
    assert found(start) == ["equities.index_weights"]

    colleague = open_page(start.url)

    expect(colleague.locator(".result")).to_have_count(1)
    assert found(colleague) == ["equities.index_weights"]
    assert colleague.get_by_role("searchbox", name="Search").input_value() == "指数 weights"
    assert colleague.get_by_role("combobox", name="Team").input_value() == "markets"


def test_those_that_need_attention_are_one_click_away(start: Page) -> None:
    tile = start.locator(".tiles .alert a").first
    number = int(tile.inner_text())

    tile.click()

    expect(start.locator(".result")).to_have_count(number)


def test_the_keyboard_alone_searches_walks_the_results_and_opens_one(start: Page) -> None:
    def focused() -> str:
        return start.evaluate("document.activeElement.id || document.activeElement.textContent.trim()")

    start.keyboard.press("/")
    assert focused() == "filter-text"
    start.keyboard.type("daily")
    expect(start.locator(".result")).to_have_count(2)
    names = found(start)

    start.keyboard.press("ArrowDown")
    assert focused() == names[0]
    start.keyboard.press("ArrowDown")
    assert focused() == names[1]
    start.keyboard.press("ArrowUp")
    start.keyboard.press("ArrowUp")
    assert focused() == "filter-text"
    start.keyboard.press("Escape")
    expect(start.locator("#found")).to_be_hidden()
    start.keyboard.type("airports")
    expect(start.locator(".result")).to_have_count(1)
    start.keyboard.press("Enter")

    start.wait_for_url("**/datasets/transport.airports.html")


def test_a_slash_that_is_typed_into_the_search_is_a_slash(start: Page) -> None:
    start.keyboard.press("/")
    start.keyboard.type("a/b")

    assert start.get_by_role("searchbox", name="Search").input_value() == "a/b"


def test_the_index_is_loaded_when_somebody_turns_to_the_search_and_not_before(
    open_page: Open, served: str
) -> None:
    page = open_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{served}/index.html")
    assert not [url for url in asked if "minisearch" in url or "search-index" in url]

    page.keyboard.press("/")
    search(page, "airports")

    expect(page.locator(".result")).to_have_count(1)
    assert len([url for url in asked if "minisearch" in url or "search-index" in url]) == 2


def test_the_search_speaks_japanese_on_the_japanese_page(open_page: Open, docs: Path) -> None:
    page = open_page((docs / "ja" / "index.html").as_uri())

    page.get_by_role("searchbox").fill("降水")

    expect(page.locator(".result")).to_have_count(1)
    expect(page.locator("#filter-count")).to_contain_text("1")
    assert not page.locator("#filter-count").inner_text().isascii()
    page.locator(".result .name").click()
    expect(page).to_have_url(re.compile(r"/ja/datasets/weather\.daily_observations\.html$"))
