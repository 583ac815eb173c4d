"""Events as feeds that readers of news and chat tools follow: Atom 1.0 (RFC 4287) and JSON Feed 1.1.

A feed stands beside the page that it belongs to: of `changes.html` the whole hub's, of a dataset's or team's page theirs.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from datahub_dagster.adapters.site import events_ja, paths, values
from datahub_dagster.adapters.site.catalog import translations
from datahub_dagster.adapters.site.documents.schema import Event
from datahub_dagster.domain.contract import Language

_MOST = 100  # events, the newest
_BEFORE_ANYTHING = "1970-01-01T00:00:00Z"
_AUTHOR = "Data hub"
_IDS = uuid5(NAMESPACE_URL, "urn:datahub")  # never to be changed: readers would see all events again
# What XML 1.0 can't hold, even escaped.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def atom_of(page: str) -> str:
    """Where the Atom feed of a page is.

    >>> atom_of("datasets/equities.daily_prices.html")
    'datasets/equities.daily_prices.atom.xml'
    """
    return page.removesuffix(".html") + ".atom.xml"


def json_feed_of(page: str) -> str:
    """Where the JSON feed of a page is.

    >>> json_feed_of("changes.html")
    'changes.feed.json'
    """
    return page.removesuffix(".html") + ".feed.json"


def atom(events: Sequence[Event], *, title: str, page: str, docs_url: str, language: Language) -> bytes:
    """An Atom feed. It changes only when its events do.

    Args:
        events: The newest first; those beyond a hundred are left out.
        title: What the feed is called.
        page: The English page that it belongs to, below the site's root.
        docs_url: Address of the site's root; empty = links are relative to the feed.
        language: Of the feed, and of the pages that are linked.
    """
    place = _Place(page, docs_url, language)
    feed = Element("feed", {"xmlns": "http://www.w3.org/2005/Atom", "xml:lang": language.value})
    _add(feed, "id", place.id(""))
    _add(feed, "title", title)
    _add(feed, "updated", events[0]["at"] if events else _BEFORE_ANYTHING)
    _add(SubElement(feed, "author"), "name", _AUTHOR)
    SubElement(feed, "link", rel="self", type="application/atom+xml", href=place.link(atom_of(page)))
    SubElement(feed, "link", rel="alternate", type="text/html", href=place.link(page))
    for event in events[:_MOST]:
        entry = SubElement(feed, "entry")
        _add(entry, "id", place.id(event["id"]))
        title_of, text = _told(event, language)
        _add(entry, "title", title_of)
        _add(entry, "updated", event["at"])
        _add(entry, "published", event["at"])
        _add(SubElement(entry, "author"), "name", event["team"] or _AUTHOR)
        SubElement(entry, "link", rel="alternate", type="text/html", href=_clean(place.link(event["page"])))
        for term, label in _categories(event, language).items():
            SubElement(entry, "category", term=_clean(term), label=_clean(label))
        _add(entry, "content", text, {"type": "text"})
    indent(feed, "")
    return tostring(feed, encoding="utf-8", xml_declaration=True) + b"\n"


def json_feed(events: Sequence[Event], *, title: str, page: str, docs_url: str, language: Language) -> bytes:
    """The same as a JSON Feed; arguments as `atom`. Without `docs_url` items have no `url`, which would have to be a whole one.

    What is known of an event beside its text is under `_datahub`.
    """
    place = _Place(page, docs_url, language)
    addresses = {"home_page_url": place.link(page), "feed_url": place.link(json_feed_of(page))}
    feed: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": title,
        **(addresses if docs_url else {}),
        "language": language.value,
        "authors": [{"name": _AUTHOR}],
        "items": [_item(event, place, language) for event in events[:_MOST]],
    }
    return (json.dumps(feed, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace")


def _item(event: Event, place: "_Place", language: Language) -> Mapping[str, Any]:
    known = ("kind", "dataset", "team", "release", "change", "page")
    title, text = _told(event, language)
    return {
        "id": place.id(event["id"]),
        **({"url": place.link(event["page"])} if place.docs_url else {}),
        "title": title,
        "content_text": text,
        "date_published": event["at"],
        "authors": [{"name": event["team"] or _AUTHOR}],
        "tags": list(_categories(event, language)),
        "_datahub": {key: event[key] for key in known},
    }


class _Place:
    """Where a feed is, what it links to and how its ids are made.

    Ids stay the same for ever: they are made of an event's own id alone, whatever address the pages get later.
    """

    def __init__(self, page: str, docs_url: str, language: Language) -> None:
        self._page, self._language = page, language
        self.docs_url = docs_url.rstrip("/")

    def id(self, name: str) -> str:
        """The id of an event; without a name that of the feed."""
        own = name or f"feed of {paths.in_language(self._page, self._language)}"
        return f"urn:uuid:{uuid5(_IDS, own.encode('utf-8', 'replace').decode())}"

    def link(self, page: str) -> str:
        """The address of another page or file of the same language."""
        root = f"{self.docs_url}/" if self.docs_url else "../" * self._up
        return root + paths.in_language(page, self._language)

    @property
    def _up(self) -> int:
        return paths.in_language(self._page, self._language).count("/")


def _told(event: Event, language: Language) -> tuple[str, str]:
    """What happened, and what more is said of it."""
    if language is Language.JAPANESE:
        title, text = events_ja.title(event), events_ja.text(event)
    else:
        title, text = event["title"], event["text"]
    return title, text or title


def _categories(event: Event, language: Language) -> Mapping[str, str]:
    """Terms to filter by, with their words."""
    found = {event["kind"]: _word("event", event["kind"], language)}
    if event["change"]:
        found[event["change"]] = _word("change", event["change"], language)
    return found | {name: name for name in (event["dataset"], event["team"]) if name}


def _word(kind: str, value: str, language: Language) -> str:
    text = values.word(kind, value).text
    return translations(language).get(text, text)


def _add(parent: Element, tag: str, text: str, attributes: Mapping[str, str] | None = None) -> None:
    SubElement(parent, tag, dict(attributes or {})).text = _clean(text)


def _clean(text: str) -> str:
    return _NO_XML.sub("�", text)
