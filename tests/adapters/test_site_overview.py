"""Pages of teams, consumers, the status and changes say what their documents say, in both languages."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from datahub_dagster.adapters.site import paths
from datahub_dagster.adapters.site.frame import Frame, Surroundings, asset_paths
from datahub_dagster.domain.contract import Language
from tests.adapters import site_overview_example as example
from tests.adapters.site_overview_example import HOSTILE, PAGES

VOID = {"meta", "link", "input", "img", "br", "hr"}


class Page(HTMLParser):
    """Collects headings, ids and links of a page, and checks that what is opened is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        assert not self.open, f"never closed: {self.open}"
        self.text = " ".join(re.sub(r"<[^>]+>", " ", html.partition("<main")[2]).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def values(self, attribute: str) -> list[str]:
        return [found[attribute] or "" for _, found in self.elements if attribute in found]

    @property
    def headings(self) -> list[int]:
        return [int(tag[1]) for tag, _ in self.elements if re.fullmatch(r"h[1-6]", tag)]


@pytest.fixture(scope="module")
def frames() -> dict[Language, Frame]:
    around = Surroundings(zone=ZoneInfo("Asia/Tokyo"), assets=asset_paths())
    return {language: Frame(language, around) for language in Language}


@pytest.fixture
def shown(frames: dict[Language, Frame]) -> Callable[..., Page]:
    def render(name: str, language: Language = Language.ENGLISH, **values: Any) -> Page:
        template, path, make = PAGES[name]
        return Page(frames[language].render(template, path, make(**values)).decode())

    return render


@pytest.mark.parametrize("language", list(Language), ids=lambda language: language.value)
@pytest.mark.parametrize("name", list(PAGES))
def test_each_page_has_its_headings_in_order_and_each_id_once(
    shown: Callable[..., Page], name: str, language: Language
) -> None:
    page = shown(name, language)

    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(page.headings))
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert set(page.values("aria-labelledby")) <= set(ids)
    assert not page.values("style")


@pytest.mark.parametrize("name", list(PAGES))
def test_what_is_empty_is_said_to_be_empty(shown: Callable[..., Page], name: str) -> None:
    nothing: dict[str, Any] = {
        "team": {"datasets": [], "owners": [], "support": [], "faults": [], "incidents": [], "events": []},
        "consumer": {
            "reads": [],
            "owner": None,
            "email": None,
            "url": None,
            "notice_days": None,
            "label": "",
        },
        "changes": {"events": [], "sunsets": [], "incidents": []},
    }.get(name, {"datasets": [], "consumers": [], "incidents": [], "contract_faults": [], "teams": []})

    page = shown(name, **nothing)

    assert not [tag for tag, _ in page.elements if tag == "table"]
    said = {
        "team": "This team has no dataset.",
        "consumer": "It reads no dataset.",
        "consumers": "Nobody is entered yet.",
        "status": "Every SLO is on its way.",
        "changes": "No contract changed yet.",
    }
    assert said[name] in page.text


@pytest.mark.parametrize("name", list(PAGES))
def test_hostile_texts_stay_text(frames: dict[Language, Frame], name: str) -> None:
    template, path, make = PAGES[name]
    for language, frame in frames.items():
        html = frame.render(template, path, _poisoned(make())).decode()
        page = Page(html)
        assert HOSTILE not in html
        scripts = [found for tag, found in page.elements if tag == "script"]
        assert all((found["src"] or "").endswith(".js") for found in scripts), language
        addresses = [*page.values("href"), *page.values("src")]
        assert not [
            address for address in addresses if address.lower().startswith(("javascript:", "data:text"))
        ]


def test_the_status_page_lists_what_is_worst_first_and_folds_what_is_well(shown: Callable[..., Page]) -> None:
    page = shown("status")

    attention, _, healthy = page.text.partition("On their way, by team")
    attention = attention.partition("SLOs that are late, unknown or broken")[2]
    order = [
        attention.index(name)
        for name in (
            "equities.daily_prices",
            "payments.card_settlements",
            "Error budgets that burn too fast",
            "volatility.index_sessions",
        )
    ]
    assert order == sorted(order)
    assert "Fri 2026-11-20 was due 2026-11-20 18:30" in attention
    assert "91% of 95%" in attention
    assert "Burns 4.2 times as fast as allowed" in attention
    assert "weather.daily_observations" in healthy
    assert "weather.daily_observations" not in attention
    assert "SLOs kept 5 of 6 measured; 1 not yet" in page.text
    assert "Need attention 2 datasets" in page.text
    assert "A dataset needs attention while an SLO is late, unknown or broken" in page.text
    assert "1 without an SLO" in page.text
    assert "Acknowledged by mika: known" in page.text


@pytest.mark.parametrize("name", ["team", "status"])
def test_that_something_is_deprecated_is_no_alarm(shown: Callable[..., Page], name: str) -> None:
    deprecated = example.incident(kind="contract-deprecated", facts={})
    calm = {"datasets": [], "contract_faults": [], "faults": [], "events": [], "teams": []}

    def alarms(*incidents: dict[str, Any]) -> int:
        page = shown(name, **calm, incidents=list(incidents))
        assert f"Open incidents {len(incidents)}" in page.text
        return page.values("class").count("alert")

    assert alarms(deprecated) == 0
    assert alarms(deprecated, example.incident()) == 1


def test_two_thousand_datasets_make_a_status_page_that_stays_bounded(frames: dict[Language, Frame]) -> None:
    many = [
        dataset | {"dataset": f"{dataset['dataset']}_{index}", "team": f"team-{index % 20}"}
        for index in range(400)
        for dataset in example.datasets()[:5]
    ]

    html = frames[Language.ENGLISH].render("status.html.j2", "status.html", example.site(datasets=many))

    assert len(html) < 800_000
    page = Page(html.decode())
    assert "The worst 200 are shown" in page.text
    assert "more, on the page of the team" in page.text
    assert len([tag for tag, _ in page.elements if tag == "details"]) == 20


def test_a_team_shows_how_its_datasets_stand_and_where_to_ask(shown: Callable[..., Page]) -> None:
    page = shown("team")

    assert "markets-data@example.com · slack #markets-data" in page.text
    assert "The last delivery, 2026-11-20, was rejected 1 test fails on published data" in page.text
    assert page.text.index("equities.daily_prices") < page.text.index("equities.closing_auction")
    assert "98.39% For morning_signal · of 95%" in page.text
    assert "models/logistics/parcels.yml:41" in page.text
    assert "Freshness: 2026-11-20 was not there in time" in page.text
    assert "1 closed incident" in page.text
    assert "../datasets/equities.daily_prices.html" in page.values("href")
    assert "../consumers/morning_signal.html" in page.values("href")
    assert "Morning signal" in page.text
    assert "morning_signal" in page.values("title")


def test_a_consumer_sees_what_it_reads_what_it_was_promised_and_since_when_it_is_affected(
    shown: Callable[..., Page],
) -> None:
    page = shown("consumer")

    assert "Affected now equities.daily_prices since 2026-11-21 08:00" in page.text
    assert "30 days before a breaking change" in page.text
    assert "By 08:00 Asia/Tokyo, each XTKS session" in page.text
    assert "from 2026-11-24 08:00 , if nothing comes" in page.text
    assert "The hub has no page of it" in page.text
    assert "internal use" in page.text
    assert "../datasets/logistics.parcels.html" not in page.values("href")


def test_each_consumer_keeps_its_address_in_the_list(shown: Callable[..., Page]) -> None:
    page = shown("consumers")

    assert {"consumer-morning_signal", "consumer-rainfall_feed"} <= set(page.values("id"))
    assert paths.consumer_page("rainfall_feed") in page.values("href")
    assert "Affected now" in page.text
    assert "None promised" in page.text


def test_changes_are_told_from_those_that_break_something_to_those_that_do_not(
    shown: Callable[..., Page],
) -> None:
    page = shown("changes")

    places = [page.text.index(word) for word in ("Breaking", "Additive", "Editorial", "First version")]
    assert places == sorted(places)
    assert "Wed 2027-03-31 equities.daily_prices Morning signal of the Tokyo desk" in page.text
    assert "No date yet None named Nobody declared" in page.text
    assert "Rolled back equities.daily_prices Rolled back to the content of generation 1" in page.text
    assert {"changes.atom.xml", "changes.feed.json"} <= set(page.values("href"))
    assert "datasets/equities.daily_prices.html#release-2026-11-20.1" in page.values("href")


def test_japanese_pages_tell_events_in_japanese_and_lead_to_japanese_pages(
    shown: Callable[..., Page],
) -> None:
    page = shown("changes", Language.JAPANESE)

    assert "リリース2026-11-20.1を公開" in page.text
    assert "鮮度：2026年11月19日(木)分が期限に間に合いませんでした" in shown("team", Language.JAPANESE).text
    assert "../ja/datasets/equities.daily_prices.html#release-2026-11-20.1" in page.values("href")


def _poisoned(value: Any, key: str = "") -> Any:
    """A document in which every text that teams write is hostile, addresses too."""
    if isinstance(value, dict):
        return {name: _poisoned(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [_poisoned(each, key) for each in value]
    if key == "url":
        return "javascript:alert(1)"
    free = {"team", "description", "owners", "tags", "reason", "text", "title", "message", "label", "path"}
    free |= {"owner", "email", "channel", "tool", "next_step", "license_terms", "problem", "last_delivery"}
    free |= {"acknowledged_by", "acknowledged_reason", "delivery", "columns", "dataset", "name", "successor"}
    return HOSTILE if key in free and isinstance(value, str) else value
