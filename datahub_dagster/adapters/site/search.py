"""What the search of the start page looks through: a script, since a page that is opened from a disk may not fetch anything.

`assets/search.js` reads it. It holds what overviews show of a dataset and nothing more: no value of data.
"""

import json
from collections.abc import Iterable
from hashlib import sha256

from datahub_dagster.adapters.site import markdown
from datahub_dagster.adapters.site.documents.schema import DatasetShort

# A row's values in this order. What many datasets share, such as names of columns, is a number: its place in `words`.
_FIELDS = (
    "name page team lifecycle classification slo states release description owners tags columns consumers"
)
_MOST_CHARACTERS = 1_000  # of a description
_UNSAFE = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def search_index(datasets: Iterable[DatasetShort]) -> bytes:
    """All datasets, those that need attention first, as a script that sets `self.HUB_SEARCH`.

    The same datasets give the same bytes, in whatever order they come.
    """
    words: dict[str, int] = {}
    rows = [
        _row(dataset, words)
        for dataset in sorted(datasets, key=lambda each: (not each["needs_attention"], each["dataset"]))
    ]
    index = {"fields": _FIELDS.split(), "words": list(words), "rows": rows}
    text = json.dumps(index, ensure_ascii=False, separators=(",", ":")).translate(_UNSAFE)
    return f"self.HUB_SEARCH={text};\n".encode("utf-8", "replace")


def search_path(index: bytes) -> str:
    """Where the script is, below the site's root: with its digest, so that no page meets the index of another state."""
    return f"assets/search-index.{sha256(index).hexdigest()[:10]}.js"


def _row(dataset: DatasetShort, words: dict[str, int]) -> list[str | list[str] | list[int]]:
    name, published = dataset["dataset"], dataset["published"]
    states = {
        "attention": dataset["needs_attention"],
        "rejected": dataset["last_outcome"] == "rejected",
        "unpublished": published is None,
    }
    owners, tags, columns, consumers = (
        [words.setdefault(word, len(words)) for word in several]
        for several in (dataset["owners"], dataset["tags"], dataset["columns"], _consumers(dataset))
    )
    return [
        name,
        "" if dataset["page"] == f"datasets/{name}.html" else dataset["page"],
        dataset["team"],
        dataset["lifecycle"],
        dataset["classification"],
        dataset["slo_state"] or "none",
        [state for state, holds in states.items() if holds],
        published["release"] if published else "",
        markdown.inline(dataset["description"])[:_MOST_CHARACTERS],
        owners,
        tags,
        columns,
        consumers,
    ]


def _consumers(dataset: DatasetShort) -> list[str]:
    """Labels and names of those who read it; a label that is its name once."""
    return list(dict.fromkeys([*dataset["consumer_labels"], *dataset["consumers"]]))
