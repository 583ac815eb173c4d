"""The hub's pages in a real browser: from a disk and under a prefix, by keyboard, in the dark and on a telephone."""

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, Dialog, Page, sync_playwright

from tests.adapters.site_example import realistic

pytestmark = pytest.mark.browser

ARGUMENTS = (
    "--no-sandbox",  # tests run as root in containers
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PAGES = (
    "index.html",
    "consumers.html",
    "datasets/equities.daily_prices.html",
    "datasets/volatility.index_sessions.html",
    "datasets/payments.card_settlements.html",
    "datasets/transport.airports.html",
    "datasets/zz_hostile.table.html",
)

# Every visible text with a contrast below 4.5:1 (WCAG 2.2 AA), against the nearest ground that is painted.
LOW_CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return Array.from(canvas.getImageData(0, 0, 1, 1).data);
  };
  const over = (top, under) => top.slice(0, 3).map((c, i) => c * top[3] / 255 + under[i] * (1 - top[3] / 255));
  const ground = (element) => {
    if (!element) return [255, 255, 255];
    const own = rgba(getComputedStyle(element).backgroundColor);
    return own[3] === 255 ? own.slice(0, 3) : over(own, ground(element.parentElement));
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const low = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility() || element.closest("script")) continue;
    const under = ground(element);
    const [a, b] = [light(over(rgba(getComputedStyle(element).color), under)), light(under)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) low.push(node.data.trim().slice(0, 40) + " " + ratio.toFixed(2));
  }
  return low;
}"""


@pytest.fixture(scope="module")
def docs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return realistic(tmp_path_factory.mktemp("hub")).render(timezone="Asia/Tokyo")


@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(chromium), args=list(ARGUMENTS))
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that must stay silent: no message, no error, no dialogue, nothing asked of the network."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    noise: list[str] = []

    def refuse(dialog: Dialog) -> None:
        noise.append(dialog.message)
        dialog.dismiss()

    opened.on("console", lambda message: noise.append(message.text))
    opened.on("pageerror", lambda error: noise.append(str(error)))
    opened.on("dialog", refuse)
    opened.on("request", lambda request: noise.append(request.url) if is_foreign(request.url) else None)
    yield opened
    context.close()
    assert not noise


def is_foreign(url: str) -> bool:
    return not url.startswith(("file:", "data:", "http://127.0.0.1:"))


def visible(page: Page) -> list[str]:
    return page.locator(".item:visible .name").all_inner_texts()


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_enough_contrast(page: Page, docs: Path, name: str, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto((docs / name).as_uri())

    assert page.evaluate(LOW_CONTRAST) == []


@pytest.mark.parametrize("name", PAGES)
def test_a_telephone_scrolls_down_only(page: Page, docs: Path, name: str) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto((docs / name).as_uri())

    assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize("name", PAGES)
def test_headings_go_down_one_level_at_a_time_from_one_h1(page: Page, docs: Path, name: str) -> None:
    page.goto((docs / name).as_uri())

    levels = page.evaluate(
        "Array.from(document.querySelectorAll('h1,h2,h3,h4'), (h) => Number(h.tagName[1]))"
    )
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_the_filter_finds_columns_owners_and_japanese(page: Page, docs: Path) -> None:
    page.goto((docs / "index.html").as_uri())

    for text, found in {
        "TICKER": ["equities.daily_prices"],
        "payments@example": ["payments.card_settlements"],
        "降水量": ["weather.daily_observations"],
        "ｄａｉｌｙ climate": ["weather.daily_observations"],
        "no such thing": [],
    }.items():
        page.get_by_label("Find").fill(text)
        assert visible(page) == found
    assert page.get_by_text("No dataset matches.").is_visible()
    assert page.locator("#filter-count").inner_text() == "0 of 6"


def test_the_filter_by_team_and_state_can_be_sent_as_a_link(page: Page, docs: Path) -> None:
    page.goto((docs / "index.html").as_uri())
    page.get_by_label("Team").select_option("markets")
    page.get_by_label("State").select_option("late")
    assert visible(page) == ["equities.daily_prices"]
    address = page.url

    page.goto("about:blank")
    page.goto(address)

    assert visible(page) == ["equities.daily_prices"]


def test_the_keyboard_reaches_the_content_and_the_filter(page: Page, docs: Path) -> None:
    page.goto((docs / "index.html").as_uri())

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("/")
    page.keyboard.type("airports")
    assert visible(page) == ["transport.airports"]


def test_without_scripts_all_is_there(browser: Browser, docs: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((docs / "index.html").as_uri())

    assert len(visible(page)) == 6
    assert not page.get_by_label("Find").is_visible()
    context.close()


def test_a_link_to_a_rejected_release_opens_it(page: Page, docs: Path) -> None:
    page.goto((docs / "datasets/volatility.index_sessions.html").as_uri())
    details = page.locator("details.refusal")
    assert details.get_attribute("open") is None

    page.get_by_role("link", name="What was wrong").first.click()

    assert details.get_attribute("open") is not None
    assert details.get_by_text("•••").is_visible()


def test_tables_stay_tables_for_screen_readers_on_a_telephone(page: Page, docs: Path) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto((docs / "index.html").as_uri())

    assert page.get_by_role("columnheader", name="Timeliness").count() == 1
    assert page.get_by_role("rowheader").count() == 6


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def served(docs: Path) -> Iterator[str]:
    """The site below a prefix, as in a bucket or behind CloudFront."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(docs.parent)))
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/{docs.name}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_site_works_under_any_prefix(page: Page, served: str) -> None:
    page.goto(f"{served}/index.html")
    page.get_by_label("Find").fill("airports")
    page.get_by_role("link", name="transport.airports").click()

    assert page.get_by_role("heading", level=1).inner_text() == "transport.airports"
    page.get_by_role("navigation", name="Site").get_by_role("link", name="Consumers").click()
    assert page.url == f"{served}/consumers.html"
