"""The start page stays small however large the hub is, and the search looks through what overviews show and nothing else."""

import json
import re
from html.parser import HTMLParser
from typing import Any, cast, get_args, get_type_hints
from zoneinfo import ZoneInfo

import pytest

from datahub_dagster.adapters.site import frame, paths
from datahub_dagster.adapters.site.documents.schema import DatasetShort, SiteDocument, SloStateText, TeamShort
from datahub_dagster.adapters.site.search import search_index, search_path
from datahub_dagster.domain.contract import Language
from tests.adapters.site_example import HOSTILE, SECRET

INDEX_PATH = "assets/search-index.0123456789.js"


def a_short(name: str, **changes: Any) -> DatasetShort:
    """A dataset that was published and keeps its promises."""
    short = {
        "dataset": name,
        "team": "markets",
        "description": "Prices of every share.",
        "owners": ["markets@example.com"],
        "tags": ["reference"],
        "columns": ["ticker", "trade_date"],
        "version": "1.0.0",
        "lifecycle": "stable",
        "sunset_date": None,
        "successor": None,
        "classification": "internal",
        "page": paths.dataset_page(name),
        "document": paths.dataset_document(name),
        "published": {
            "release": "2026-11-18.1",
            "generation": 1,
            "business_date": "2026-11-18",
            "rows": 11736,
            "bytes": 1000,
            "published_at": "2026-11-18T09:12:00Z",
            "rolled_back": False,
            "restores": None,
            "reason": "",
            "actor": "",
        },
        "slo_state": None,
        "standings": [],
        "promises": [],
        "slos": [],
        "last_outcome": "published",
        "last_delivery": "2026-11-18",
        "last_release": "2026-11-18.1",
        "last_at": "2026-11-18T09:12:00Z",
        "last_why": None,
        "waiting": 0,
        "failing_checks": [],
        "needs_attention": False,
        "consumers": [],
        "consumer_labels": [],
        "contract_fault": None,
        "problem": None,
    }
    return cast("DatasetShort", short | changes)


def a_site(*datasets: DatasetShort) -> SiteDocument:
    def team(name: str) -> TeamShort:
        own = [each for each in datasets if each["team"] == name]
        return {
            "team": name,
            "page": paths.team_page(name),
            "datasets": len(own),
            "needs_attention": sum(each["needs_attention"] for each in own),
        }

    return {
        "schema_version": 2,
        "datasets": list(datasets),
        "teams": [team(name) for name in sorted({each["team"] for each in datasets})],
        "consumers": [],
        "contract_faults": [],
        "incidents": [],
    }


def rendered(site: SiteDocument, language: Language = Language.ENGLISH, **around: Any) -> str:
    surroundings = frame.Surroundings(zone=ZoneInfo("Asia/Tokyo"), assets=frame.asset_paths(), **around)
    page = frame.Frame(language, surroundings).render(
        "index.html.j2", paths.HOME, site, search_index=INDEX_PATH
    )
    return page.decode()


class Elements(HTMLParser):
    """The elements of a page, each with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def of(self, tag: str, attribute: str) -> list[str | None]:
        return [
            attributes[attribute]
            for name, attributes in self.found
            if name == tag and attribute in attributes
        ]


def options(html: str, select: str) -> list[str]:
    """The values that a filter offers, without the one for all."""
    found = re.search(rf'<select id="{select}">(.*?)</select>', html, re.DOTALL)
    assert found
    return re.findall(r'value="([^"]+)"', found[1])


def looked_through(index: bytes) -> dict[str, Any]:
    """What a browser finds in the index."""
    script = index.decode()
    assert script.startswith("self.HUB_SEARCH={")
    return json.loads(script.removeprefix("self.HUB_SEARCH=").rstrip(";\n"))


def a_large_hub() -> SiteDocument:
    return a_site(
        *(
            a_short(f"source_{i % 50:02}.table_{i:04}", team=f"team_{i % 40:02}", needs_attention=i == 1999)
            for i in range(2000)
        )
    )


def test_the_start_page_of_a_large_hub_stays_small() -> None:
    html = rendered(a_large_hub())

    assert len(html.encode()) < 250_000
    assert html.count('class="item"') == 100
    assert "100 of 2,000 datasets" in html


def test_what_needs_attention_is_listed_first() -> None:
    listed = re.findall(r'data-dataset="([^"]+)"', rendered(a_large_hub()))

    assert listed[0] == "source_49.table_1999"
    assert listed[1:] == sorted(listed[1:])


def test_every_team_of_a_large_hub_has_a_link_to_its_page() -> None:
    links = Elements(rendered(a_large_hub())).of("a", "href")

    assert {f"teams/team_{i:02}.html" for i in range(40)} <= set(links)


def test_filters_offer_every_value_that_a_dataset_may_have() -> None:
    html = rendered(a_site(a_short("a.b")))
    values = get_type_hints(DatasetShort)

    assert options(html, "filter-lifecycle") == list(get_args(values["lifecycle"]))
    assert options(html, "filter-classification") == list(get_args(values["classification"]))
    assert options(html, "filter-slo") == [*get_args(SloStateText), "none"]


def test_the_states_that_the_filter_offers_are_those_of_the_index() -> None:
    worst = a_short("a.b", needs_attention=True, last_outcome="rejected", published=None)
    index = looked_through(search_index([worst]))

    states = index["rows"][0][index["fields"].index("states")]
    assert states == options(rendered(a_site(worst)), "filter-state")


def test_what_teams_write_is_text_on_the_start_page() -> None:
    hostile = a_short(
        "a.b", team=HOSTILE, description=HOSTILE, tags=[HOSTILE], last_why=HOSTILE, problem=HOSTILE
    )
    page = Elements(rendered(a_site(hostile)))

    tags = {tag for tag, _ in page.found}
    assert "img" not in tags
    assert all(source and source.startswith("assets/") for source in page.of("script", "src"))
    assert len([tag for tag, _ in page.found if tag == "script"]) == len(page.of("script", "src"))
    assert not [
        name
        for _, attributes in page.found
        for name in attributes
        if name == "style" or name.startswith("on")
    ]


def test_the_index_can_not_end_its_script() -> None:
    separators = "\u2028\u2029"
    index = search_index(
        [a_short("a.b", description=f"{HOSTILE}</script>{separators}", columns=["</script>", "\ud800"])]
    )

    assert not set("<>&\u2028\u2029") & set(index.decode())
    assert looked_through(index)["words"][2] == "</script>"


def test_the_index_says_of_each_dataset_what_is_searched_and_shown() -> None:
    index = looked_through(search_index([a_short("a.b"), a_short("c.d", slo_state="late")]))
    first, second = (dict(zip(index["fields"], row, strict=True)) for row in index["rows"])

    assert [index["words"][place] for place in first["columns"]] == ["ticker", "trade_date"]
    assert first["description"] == "Prices of every share."
    assert (first["release"], first["slo"], second["slo"]) == ("2026-11-18.1", "none", "late")
    assert second["columns"] == first["columns"]  # what datasets share is there once


def test_a_dataset_is_found_by_the_labels_and_names_of_those_who_read_it() -> None:
    both = {"consumers": ["hedging_desk", "risk"], "consumer_labels": ["Hedging desk", "risk"]}
    index = looked_through(search_index([a_short("a.b", **both), a_short("c.d")]))
    readers = [
        [index["words"][place] for place in row[index["fields"].index("consumers")]] for row in index["rows"]
    ]

    assert readers == [["Hedging desk", "risk", "hedging_desk"], []]


def test_why_a_delivery_was_rejected_is_in_the_language_of_the_start_page() -> None:
    why = "column temp_max is varchar, not double (and 1 more)"

    def told(why: str, language: Language) -> str:
        return rendered(a_site(a_short("a.b", last_outcome="rejected", last_why=why)), language)

    assert "Column temp_max is varchar, not double (and 1 more)" in told(why, Language.ENGLISH)
    assert "列temp_maxの型がdoubleではなくvarcharです（ほか1件）" in told(why, Language.JAPANESE)
    assert '<span lang="en" dir="auto">Nobody knows' in told("nobody knows", Language.JAPANESE)


def test_one_row_is_one_row() -> None:
    short = a_short("a.b")
    short["published"] = cast(Any, short["published"]) | {"rows": 1}

    assert ">1 row<" in rendered(a_site(short))


def test_a_page_that_is_not_where_its_name_says_is_in_the_index() -> None:
    index = looked_through(search_index([a_short("a.b"), a_short("a b.c")]))

    pages = [row[index["fields"].index("page")] for row in index["rows"]]
    assert pages == [paths.dataset_page("a b.c"), ""]


def test_values_of_data_are_not_in_the_index() -> None:
    confidential = a_short("a.b", classification="confidential", last_why=SECRET, problem=SECRET)

    assert SECRET not in search_index([confidential]).decode()


def test_the_same_datasets_give_the_same_index_in_whatever_order_they_come() -> None:
    first, second = a_short("a.b"), a_short("c.d", tags=["other"])

    assert search_index([first, second]) == search_index([second, first])
    assert search_path(search_index([first])) != search_path(search_index([second]))


def test_long_descriptions_are_cut_in_the_index() -> None:
    assert len(search_index([a_short("a.b", description="word " * 10_000)])) < 2_000


def test_a_hub_without_datasets_says_so_and_has_no_search() -> None:
    html = rendered(a_site())

    assert "No dataset is declared yet" in html
    assert 'id="filters"' not in html


def test_both_languages_lead_to_each_other_and_to_the_same_files() -> None:
    site = a_site(a_short("a.b"))
    english, japanese = Elements(rendered(site)), Elements(rendered(site, Language.JAPANESE))

    assert english.of("html", "lang") == ["en"]
    assert japanese.of("html", "lang") == ["ja"]
    assert "ja/index.html" in english.of("a", "href")
    assert {"../index.html", "../ja/datasets/a.b.html", "../status.json"} <= set(japanese.of("a", "href"))
    assert japanese.of("form", "data-index") == [f"../{INDEX_PATH}"]


@pytest.mark.parametrize(("is_public", "robots"), [(False, 1), (True, 0)])
def test_search_engines_are_asked_to_stay_away_unless_the_pages_are_public(
    is_public: bool, robots: int
) -> None:
    page = rendered(a_site(), is_public=is_public)

    assert page.count('<meta name="robots" content="noindex') == robots
