"""Where the pages are that people are sent to, below the site's root: by a page, a message, or Dagster.

These addresses are for ever: consumers keep them, mails carry them. Pure.
"""

import re
from typing import Final

from datahub_dagster.domain.contract import Language, digest

HOME: Final = "index.html"
CONSUMERS: Final = "consumers.html"
STATUS: Final = "status.html"
CHANGES: Final = "changes.html"
DBT_DOCS: Final = "dbt/index.html"

_LONGEST: Final = 180  # characters; a file's name may have 255, endings included
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_TAKEN: Final = (".atom", ".odcs", ".schema")  # with these ends what lies beside the page of a shorter name


def slug(name: str) -> str:
    """A name as part of an address: stable, and usable whatever the name is.

    >>> slug("card_settlements"), slug("team a/b")
    ('card_settlements', 'team-a-b-0ead84')

    A table called `b.schema` of source `a` is told from what lies beside the page of `a.b`.

    >>> slug("a.schema"), slug("a.b.schema").startswith("a.b.schema-")
    ('a.schema', True)
    """
    plain = _UNSAFE.sub("-", name)[:_LONGEST]
    is_taken = name.endswith(_TAKEN) and name.count(".") > 1
    is_fine = plain == name and name and not name.startswith(".") and not is_taken
    return plain if is_fine else f"{plain.lstrip('.')}-{digest(name)[:6]}"


def dataset_page(name: str) -> str:
    """Of `source.table`."""
    return f"datasets/{slug(name)}.html"


def team_page(team: str) -> str:
    """Of a team."""
    return f"teams/{slug(team)}.html"


def consumer_page(name: str) -> str:
    """Of a consumer."""
    return f"consumers/{slug(name)}.html"


def in_language(page: str, language: Language) -> str:
    """The page in a language: English at the root, every other one in a folder of its own.

    >>> in_language("index.html", Language.JAPANESE)
    'ja/index.html'
    """
    return page if language is Language.ENGLISH else f"{language.value}/{page}"


def address(docs_url: str, page: str) -> str:
    """A page's whole address; empty if nobody said where the pages are served.

    >>> address("https://docs.example/hub/", dataset_page("payments.orders")), address("", HOME)
    ('https://docs.example/hub/datasets/payments.orders.html', '')
    """
    return f"{docs_url.rstrip('/')}/{page}" if docs_url else ""
