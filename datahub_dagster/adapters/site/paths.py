"""Where each page is, and what lies beside it, below the site's root. These addresses are for ever.

Each page in another language is at the same path below that language's folder.
"""

from datahub_dagster.domain.pages import (
    CHANGES,
    CONSUMERS,
    DBT_DOCS,
    HOME,
    STATUS,
    consumer_page,
    dataset_page,
    in_language,
    slug,
    team_page,
)

__all__ = [
    "ATOM",
    "CHANGES",
    "CHANGES_DOCUMENT",
    "CONSUMERS",
    "DBT_DOCS",
    "HOME",
    "JSON_FEED",
    "SITEMAP",
    "SITE_DOCUMENT",
    "STATUS",
    "consumer_page",
    "dataset_document",
    "dataset_feed",
    "dataset_json_schema",
    "dataset_odcs",
    "dataset_page",
    "document_of",
    "in_language",
    "slug",
    "team_page",
]

SITE_DOCUMENT = "status.json"
CHANGES_DOCUMENT = "changes.json"
ATOM = "changes.atom.xml"
JSON_FEED = "changes.feed.json"
SITEMAP = "sitemap.xml"


def dataset_document(name: str) -> str:
    """The dataset's facts as JSON."""
    return f"datasets/{slug(name)}.json"


def dataset_odcs(name: str) -> str:
    """The contract in the words of the Open Data Contract Standard."""
    return f"datasets/{slug(name)}.odcs.yaml"


def dataset_json_schema(name: str) -> str:
    """A row of the dataset as a JSON Schema."""
    return f"datasets/{slug(name)}.schema.json"


def dataset_feed(name: str) -> str:
    """The dataset's releases and changes as an Atom feed."""
    return f"datasets/{slug(name)}.atom.xml"


def document_of(page: str) -> str:
    """The JSON beside a page.

    >>> document_of("teams/markets.html")
    'teams/markets.json'
    """
    return page.removesuffix(".html") + ".json"
