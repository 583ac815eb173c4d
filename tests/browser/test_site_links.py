"""No link of the example hub's pages leads nowhere, in any language. Read from the files, without a browser."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.adapters.site_example import realistic


class Read(HTMLParser):
    """What a page links to, what can be linked to in it, and what a strict policy would refuse."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.policy = ""
        self.refused: list[str] = []
        self._in_script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.links += [values[name] for name in ("href", "src") if name in values]
        self.ids += [values["id"]] if "id" in values else []
        if values.get("http-equiv", "").lower() == "content-security-policy":
            self.policy = values["content"]
        elif not self.policy and tag in ("link", "script", "style", "img"):
            self.refused.append(f"{tag} before the policy")
        self.refused += [name for name in values if name == "style" or name.startswith("on")]
        self.refused += [tag] if tag in ("style", "base", "iframe", "object", "embed") else []
        self._in_script = tag == "script"

    def handle_data(self, data: str) -> None:
        if self._in_script and data.strip():
            self.refused.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False


@pytest.fixture(scope="module")
def docs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With dbt's page, to which the others then link."""
    example = realistic(tmp_path_factory.mktemp("hub"))
    return example.render(timezone="Asia/Tokyo", with_dbt_docs=True, render_dbt_docs=write_dbt_docs)


def write_dbt_docs(folder: Path) -> None:
    (folder / "static_index.html").write_text("<!doctype html><title>dbt</title>", encoding="utf-8")


@pytest.fixture(scope="module")
def pages(docs: Path) -> dict[Path, Read]:
    return {path: Read(path.read_text(encoding="utf-8")) for path in sorted(docs.rglob("*.html"))}


def internal(page: Path, read: Read) -> Iterator[tuple[Path, str]]:
    """The files that a page links to, each with the anchor."""
    for link in read.links:
        parts = urlsplit(link)
        if not parts.scheme and not parts.netloc:
            yield (
                (page.parent / unquote(parts.path)).resolve() if parts.path else page,
                unquote(parts.fragment),
            )


def test_every_link_leads_to_a_file_of_the_site(docs: Path, pages: dict[Path, Read]) -> None:
    broken = [
        f"{page.relative_to(docs)} → {target}"
        for page, read in pages.items()
        for target, _ in internal(page, read)
        if not target.is_relative_to(docs.resolve()) or not target.is_file()
    ]

    assert len(pages) > 30
    assert broken == []


def test_every_anchor_is_on_the_page_that_it_names(docs: Path, pages: dict[Path, Read]) -> None:
    ids = {page.resolve(): set(read.ids) for page, read in pages.items()}

    lost = {
        f"{page.relative_to(docs)} → {target.relative_to(docs.resolve())}#{anchor}"
        for page, read in pages.items()
        for target, anchor in internal(page.resolve(), read)
        if anchor and not anchor.startswith(("!", "state=")) and anchor not in ids.get(target, ())
    }

    assert lost == set()


def test_no_page_has_the_same_id_twice(pages: dict[Path, Read]) -> None:
    for page, read in pages.items():
        assert sorted(set(read.ids)) == sorted(read.ids), page


def test_every_event_of_a_feed_leads_to_its_place(docs: Path, pages: dict[Path, Read]) -> None:
    ids = {page.resolve(): set(read.ids) for page, read in pages.items()}
    for feed in (docs / "changes.feed.json", docs / "ja" / "changes.feed.json"):
        items = json.loads(feed.read_text(encoding="utf-8"))["items"]
        assert items
        for item in items:
            page, _, anchor = item["_datahub"]["page"].partition("#")
            assert not anchor or anchor in ids[(docs / page).resolve()], item["title"]


def test_every_page_has_its_twin_in_the_other_language(docs: Path, pages: dict[Path, Read]) -> None:
    ours = {path.relative_to(docs).as_posix() for path in pages} - {"dbt/index.html"}

    english = {path for path in ours if not path.startswith("ja/")}
    assert ours - english == {f"ja/{path}" for path in english}


def test_nothing_on_a_page_needs_a_lenient_policy(docs: Path, pages: dict[Path, Read]) -> None:
    for page, read in pages.items():
        if page == docs / "dbt/index.html":
            continue
        assert read.policy.startswith("default-src 'none'; style-src 'self'; script-src 'self';"), page
        assert not re.search("unsafe|https?:|[*]", read.policy), page
        assert read.refused == [], page


def test_what_can_be_downloaded_is_linked_and_there(docs: Path, pages: dict[Path, Read]) -> None:
    for page in sorted((docs / "datasets").glob("*.html")):
        linked = {target.name for target, _ in internal(page, pages[page])}
        for ending in (".json", ".odcs.yaml", ".schema.json", ".atom.xml"):
            assert page.name.removesuffix(".html") + ending in linked, page
    everywhere = {target.name for target, _ in internal(docs / "index.html", pages[docs / "index.html"])}
    assert everywhere >= {"status.json", "changes.atom.xml", "changes.feed.json"}
