"""Documents → files: each page in every language, its JSON beside it, its feeds and downloads.

A draft is what a page is made from. It travels to other processes, and its key tells whether the page is the same as last time.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from datahub_dagster.adapters.site import feeds, frame, paths, search
from datahub_dagster.adapters.site.catalog import translations
from datahub_dagster.adapters.site.documents.encoding import encode
from datahub_dagster.adapters.site.documents.overview import (
    Gist,
    changes_document,
    consumer_documents,
    site_document,
    team_documents,
)
from datahub_dagster.adapters.site.documents.schema import DatasetDocument, Event
from datahub_dagster.adapters.site.exports.json_schema import json_schema
from datahub_dagster.adapters.site.exports.odcs import odcs
from datahub_dagster.adapters.site.frame import Frame, Surroundings
from datahub_dagster.adapters.site.sitemap import sitemap
from datahub_dagster.domain.alert import Incident
from datahub_dagster.domain.contract import Consumer, Contract, ContractBook, Language, digest

# Drafts that are no pages of ours.
SHARED = "shared"
DBT = "dbt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One page.

    Args:
        page: Its English path.
        template: Empty = there is no page, but the files.
        content: Its document as JSON.
        has_document: Whether the document lies beside it; else it is another page's.
        feed: What its feeds are called; empty = it has none.
        contract: Whose downloads are beside the page.
        consumers: Those of the contract.
        more: What else the template asks for.
        files: Whole files by path.
    """

    page: str
    template: str = ""
    content: bytes = b"{}"
    has_document: bool = True
    feed: str = ""
    contract: Contract | None = None
    consumers: tuple[Consumer, ...] = ()
    more: Mapping[str, str] = field(default_factory=dict[str, str])
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes])

    @property
    def key(self) -> str:
        """A digest of everything that its files depend on, but for the surroundings of all pages."""
        parts = repr((self.template, self.has_document, self.feed, self.contract, self.consumers, self.more))
        return digest(self.content.decode(), parts, *map(repr, self.files.items()))


def dataset_draft(document: DatasetDocument, contract: Contract, consumers: tuple[Consumer, ...]) -> Draft:
    """A dataset's page, with its feed and its contract in other words."""
    return Draft(
        page=document["page"],
        template="dataset.html.j2",
        content=encode(document),
        feed=document["dataset"],
        contract=contract,
        consumers=consumers,
    )


def overview_drafts(
    book: ContractBook, gists: Mapping[str, Gist], incidents: Sequence[Incident]
) -> Iterator[Draft]:
    """All pages but those of datasets, and the search index."""
    for team in team_documents(book, gists, incidents):
        yield Draft(page=team["page"], template="team.html.j2", content=encode(team), feed=team["team"])
    consumers = consumer_documents(book, gists)
    for consumer in consumers:
        yield Draft(page=consumer["page"], template="consumer.html.j2", content=encode(consumer))
    changes = changes_document(book, gists, incidents)
    yield Draft(page=paths.CHANGES, template="changes.html.j2", content=encode(changes), feed="Data hub")
    site = site_document(book, gists, consumers, incidents)
    all_of_it = encode(site)
    yield Draft(page=paths.STATUS, template="status.html.j2", content=all_of_it)
    yield Draft(page=paths.CONSUMERS, template="consumers.html.j2", content=all_of_it, has_document=False)
    index = search.search_index(site["datasets"])
    index_path = search.search_path(index)
    yield Draft(
        page=paths.HOME,
        template="index.html.j2",
        content=all_of_it,
        has_document=False,
        more={"search_index": index_path},
        files={index_path: index},
    )


def dbt_draft(page: bytes) -> Draft:
    """The page that dbt made, as it is."""
    return Draft(page=DBT, files={paths.DBT_DOCS: page})


def shared_draft(pages: Iterable[str], docs_url: str) -> Draft:
    """What belongs to no page: style sheets, scripts, and the sitemap of all pages."""
    found = sitemap(sorted(pages), docs_url)
    return Draft(page=SHARED, files={**frame.assets(), **({paths.SITEMAP: found} if found else {})})


class Renderer:
    """Makes the files of drafts.

    Args:
        around: What all pages share.
    """

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._frames = {language: Frame(language, around) for language in Language}

    def files(self, draft: Draft) -> Iterator[tuple[str, bytes]]:
        """Every file of a draft, with its path below the site's root."""
        yield from draft.files.items()
        if not draft.template:
            return
        if draft.has_document:
            yield paths.document_of(draft.page), draft.content
        document = json.loads(draft.content)
        for language, each in self._frames.items():
            yield (
                paths.in_language(draft.page, language),
                each.render(draft.template, draft.page, document, **draft.more),
            )
        if draft.feed:
            yield from self._feeds(draft, document["events"])
        if draft.contract:
            name = str(draft.contract.name)
            yield paths.dataset_odcs(name), odcs(draft.contract, draft.consumers)
            yield paths.dataset_json_schema(name), json_schema(draft.contract)

    def _feeds(self, draft: Draft, events: Sequence[Event]) -> Iterator[tuple[str, bytes]]:
        languages = list(Language) if draft.page == paths.CHANGES else [Language.ENGLISH]
        for language in languages:
            title = translations(language).get(draft.feed, draft.feed)
            about = {"title": title, "page": draft.page, "docs_url": self._around.docs_url}
            atom = feeds.atom(events, **about, language=language)
            yield paths.in_language(feeds.atom_of(draft.page), language), atom
            if draft.page == paths.CHANGES:
                as_json = feeds.json_feed(events, **about, language=language)
                yield paths.in_language(feeds.json_feed_of(draft.page), language), as_json
