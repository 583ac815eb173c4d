"""Feeds of events, and the list of pages for search engines."""

import json
from typing import Any, cast
from urllib.parse import urljoin
from xml.etree import ElementTree

import pytest

from datahub_dagster.adapters.site import feeds, paths
from datahub_dagster.adapters.site.documents.schema import Event
from datahub_dagster.adapters.site.sitemap import sitemap
from datahub_dagster.domain.contract import Language

ATOM = "{http://www.w3.org/2005/Atom}"
MAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
LINK = "{http://www.w3.org/1999/xhtml}link"
DOCS = "https://docs.example.com/hub/"
HOSTILE = '<script>alert(1)</script> & "x" ]]> \x00\x0b\ud800 ﷐'


def event(number: int = 1, **differs: Any) -> Event:
    plain = {
        "id": f"published/equities.daily_prices/{number}",
        "at": f"2026-11-{number:02}T09:12:00Z",
        "kind": "published",
        "dataset": "equities.daily_prices",
        "team": "markets",
        "title": f"equities.daily_prices: release 2026-11-{number:02}.1 is published",
        "text": "3,912 rows.",
        "page": f"datasets/equities.daily_prices.html#release-2026-11-{number:02}.1",
        "release": f"2026-11-{number:02}.1",
        "change": None,
        "facts": {"generation": number, "rows": 3912},
    }
    return cast(Event, plain | differs)


CONTRACT = event(
    2,
    id="contract/2.0.0",
    kind="contract",
    change="breaking",
    release=None,
    title="a breaking change",
    text="close: removed",
    facts={"version": "2.0.0"},
)


def atom(
    *events: Event, page: str = paths.CHANGES, docs_url: str = DOCS, **differs: Any
) -> ElementTree.Element:
    told = {"title": "Changes", "language": Language.ENGLISH} | differs
    return ElementTree.fromstring(feeds.atom(events, page=page, docs_url=docs_url, **told))


def json_feed(*events: Event, docs_url: str = DOCS, **differs: Any) -> dict[str, Any]:
    told = {"title": "Changes", "page": paths.CHANGES, "language": Language.ENGLISH} | differs
    return json.loads(feeds.json_feed(events, docs_url=docs_url, **told))


def links(of: ElementTree.Element) -> dict[str | None, str]:
    return {link.get("rel"): link.attrib["href"] for link in of.findall(f"{ATOM}link")}


def text(of: ElementTree.Element, name: str) -> str:
    return of.findtext(f"{ATOM}{name}") or ""


def test_an_atom_feed_has_what_the_standard_wants() -> None:
    feed = atom(CONTRACT, event())

    assert feed.tag == f"{ATOM}feed"
    assert (text(feed, "title"), text(feed, "updated")) == ("Changes", "2026-11-02T09:12:00Z")
    assert feed.find(f"{ATOM}author/{ATOM}name") is not None
    assert links(feed) == {"self": f"{DOCS}changes.atom.xml", "alternate": f"{DOCS}changes.html"}
    first, second = feed.findall(f"{ATOM}entry")
    assert [text(first, name) for name in ("title", "updated", "content")] == [
        "a breaking change",
        "2026-11-02T09:12:00Z",
        "close: removed",
    ]
    assert links(second) == {"alternate": f"{DOCS}datasets/equities.daily_prices.html#release-2026-11-01.1"}
    terms = {category.get("term") for category in first.findall(f"{ATOM}category")}
    assert terms == {"contract", "breaking", "equities.daily_prices", "markets"}
    ids = [text(each, "id") for each in (feed, first, second)]
    assert len(set(ids)) == 3
    assert all(each.startswith("urn:uuid:") for each in ids)


def test_the_hubs_feeds_lie_where_pages_link_to_them() -> None:
    assert feeds.atom_of(paths.CHANGES) == paths.ATOM
    assert feeds.json_feed_of(paths.CHANGES) == paths.JSON_FEED
    name = "equities.daily_prices"
    assert feeds.atom_of(paths.dataset_page(name)) == paths.dataset_feed(name)


@pytest.mark.parametrize("page", [paths.CHANGES, paths.dataset_page("a.b"), paths.team_page("markets")])
@pytest.mark.parametrize("language", Language)
def test_without_an_address_links_lead_from_the_feed_to_its_pages(page: str, language: Language) -> None:
    feed = atom(event(), page=page, docs_url="", language=language)

    root = "https://anywhere.example/prefix/"
    here = root + paths.in_language(feeds.atom_of(page), language)
    assert urljoin(here, links(feed)["self"]) == here
    assert urljoin(here, links(feed)["alternate"]) == root + paths.in_language(page, language)
    [entry] = feed.findall(f"{ATOM}entry")
    assert urljoin(here, links(entry)["alternate"]) == root + paths.in_language(event()["page"], language)


def test_ids_stay_the_same_whatever_else_changes_and_when_the_pages_get_an_address() -> None:
    def ids(feed: ElementTree.Element) -> list[str]:
        return [text(entry, "id") for entry in feed.findall(f"{ATOM}entry")]

    alone = ids(atom(event(), page=paths.dataset_page("equities.daily_prices")))
    later = ids(atom(CONTRACT, event(title="in other words"), docs_url=DOCS.rstrip("/")))
    assert later[1:] == alone
    assert ids(atom(event(), docs_url="")) == alone
    assert (
        json_feed(event())["items"][0]["id"] == json_feed(event(), docs_url="")["items"][0]["id"] == alone[0]
    )
    own = [
        text(atom(page=page, docs_url=url), "id") for page in (paths.CHANGES, "x.html") for url in ("", DOCS)
    ]
    assert own[0] == own[1] != own[2] == own[3]


@pytest.mark.parametrize("build", [feeds.atom, feeds.json_feed])
def test_the_same_events_give_the_same_bytes_and_none_give_a_feed_too(build: Any) -> None:
    told = {"title": "x", "page": paths.CHANGES, "docs_url": "", "language": Language.ENGLISH}

    assert build([event()], **told) == build([event()], **told)
    assert text(atom(docs_url=""), "updated") == "1970-01-01T00:00:00Z"
    assert json_feed()["items"] == []


def test_a_feed_holds_the_newest_hundred_events() -> None:
    many = [event(1, id=str(number)) for number in range(250)]

    assert len(atom(*many).findall(f"{ATOM}entry")) == 100
    assert [item["id"] for item in json_feed(*many)["items"]] == [
        item["id"] for item in json_feed(*many[:100])["items"]
    ]


def test_what_teams_write_is_text_in_feeds() -> None:
    hostile = event(title=HOSTILE, text=HOSTILE, dataset=HOSTILE, team=HOSTILE, page="datasets/x.html#<>\x00")

    [entry] = atom(hostile, title=HOSTILE).findall(f"{ATOM}entry")
    assert text(entry, "title") == HOSTILE.replace("\x00\x0b\ud800", "���")
    assert [child.tag for child in entry if len(child)] == [f"{ATOM}author"]
    [item] = json_feed(hostile)["items"]
    assert item["content_text"].startswith("<script>alert(1)</script> & ")


def test_a_json_feed_has_what_its_version_wants() -> None:
    feed = json_feed(CONTRACT, title="変更")

    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["title"] == "変更"
    assert feed["home_page_url"] == f"{DOCS}changes.html"
    assert feed["feed_url"] == f"{DOCS}changes.feed.json"
    [item] = feed["items"]
    assert item["url"] == f"{DOCS}datasets/equities.daily_prices.html#release-2026-11-02.1"
    assert item["content_text"] == "close: removed"
    assert item["tags"] == ["contract", "breaking", "equities.daily_prices", "markets"]
    assert item["_datahub"]["change"] == "breaking"


def test_a_json_feed_without_an_address_has_no_links_that_lead_nowhere() -> None:
    feed = json_feed(event(), docs_url="")

    assert not {"home_page_url", "feed_url"} & feed.keys()
    assert "url" not in feed["items"][0]
    assert feed["items"][0]["_datahub"]["page"] == event()["page"]


def test_a_feed_is_told_in_japanese_too() -> None:
    feed = atom(CONTRACT, event(), language=Language.JAPANESE)

    assert feed.get("{http://www.w3.org/XML/1998/namespace}lang") == "ja"
    told = [(text(entry, "title"), text(entry, "content")) for entry in feed.findall(f"{ATOM}entry")]
    assert told == [
        ("equities.daily_prices：契約2.0.0（破壊的変更）", "close: removed"),
        ("equities.daily_prices：リリース2026-11-01.1を公開", "3,912行、世代1"),
    ]


@pytest.mark.parametrize(
    ("kind", "facts", "title", "content"),
    [
        (
            "rejected",
            {"delivery": "friday", "why": "no rows"},
            "配信「friday」を却下",
            "理由：no rows。利用者には以前のデータが見えています。",
        ),
        ("rolled-back", {"restores": 6}, "世代6の内容にロールバック", "as a person wrote it"),
        (
            "sunset",
            {"sunset_date": "2027-03-31", "successor": "a.c"},
            "2027年3月31日(水)で提供終了",
            "後継はa.cです。",
        ),
        ("sunset", {"sunset_date": None, "successor": None}, "廃止予定", "a.b：廃止予定"),
        (
            "incident",
            {"incident": "slo-missed", "slo": "freshness", "business_date": "2026-11-20"},
            "2026年11月20日(金)分のデータが期限までに公開されませんでした",
            "a.b：2026年11月20日(金)分のデータが期限までに公開されませんでした",
        ),
    ],
)
def test_each_kind_of_event_has_its_japanese(
    kind: str, facts: dict[str, Any], title: str, content: str
) -> None:
    happened = event(kind=kind, dataset="a.b", text="as a person wrote it", facts=facts)

    [item] = json_feed(happened, language=Language.JAPANESE)["items"]
    assert (item["title"], item["content_text"]) == (f"a.b：{title}", content)


def test_changes_of_a_contract_and_why_a_delivery_was_rejected_are_told_in_japanese() -> None:
    contract = event(kind="contract", text="column close: type widened; SLO freshness: due later", change="additive",
                     facts={"version": "1.1.0"})  # fmt: skip
    rejected = event(kind="rejected", facts={"delivery": "friday", "why": "the delivery has no column close"})
    told = [
        each["content_text"] for each in json_feed(contract, rejected, language=Language.JAPANESE)["items"]
    ]

    assert told == [
        "列 close：型を拡大、SLO freshness：期限を後ろ倒し",
        "理由：配信に列closeがありません。利用者には以前のデータが見えています。",
    ]


def test_a_sitemap_names_every_page_in_every_language() -> None:
    found = sitemap([paths.HOME, paths.dataset_page("a.b")], DOCS)
    assert found is not None

    urls = ElementTree.fromstring(found).findall(f"{MAP}url")
    assert [url.findtext(f"{MAP}loc") for url in urls] == [
        f"{DOCS}index.html",
        f"{DOCS}ja/index.html",
        f"{DOCS}datasets/a.b.html",
        f"{DOCS}ja/datasets/a.b.html",
    ]
    assert {link.get("hreflang"): link.get("href") for link in urls[1].findall(LINK)} == {
        "en": f"{DOCS}index.html",
        "ja": f"{DOCS}ja/index.html",
        "x-default": f"{DOCS}index.html",
    }


def test_there_is_no_sitemap_without_an_address_and_none_that_is_too_long() -> None:
    assert sitemap([paths.HOME], "") is None
    found = sitemap((f"datasets/{number}.html" for number in range(30_000)), DOCS)
    assert found is not None
    assert found.count(b"<loc>") == 50_000
