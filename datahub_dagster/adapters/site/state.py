"""What a build leaves behind for the next one, so that a release makes its own pages anew and not the whole site.

All of it is derived: a state that is lost, or can't be read, makes the next build one from nothing.
"""

import gzip
import json
import zlib
from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from datahub_dagster.adapters.site.frame import Surroundings
from datahub_dagster.domain.contract import Language, digest
from datahub_dagster.domain.names import unsafe_path_reason
from datahub_dagster.ports import StoredFile

if TYPE_CHECKING:
    from datahub_dagster.adapters.site.documents.overview import Gist

_LIBRARIES = ("jinja2", "babel", "markdown-it-py", "nh3", "holidays")
_ASSETS = "assets/"
_OWN_FOLDERS = (
    _ASSETS,
    "datasets/",
    "teams/",
    "consumers/",
    *(f"{language.value}/" for language in Language if language is not Language.ENGLISH),
)
_RETIRED_FOR = timedelta(days=1)
_MOST_RETIRED = 20
ALWAYS_ANEW = ""  # the stamp of what is looked at again, however it looks


class Remembered(TypedDict):
    """A dataset as it was looked at last.

    `valid_until` is the last instant at which its pages are right while nothing happens; None = the clock never changes them.
    """

    stamp: str
    valid_until: str | None
    gist: "Gist"


class Made(TypedDict):
    """The files of one page, each with a digest of its content; `key` is a digest of what they were made from."""

    key: str
    files: dict[str, str]


@dataclass(kw_only=True)
class BuildState:
    """What the last build knew.

    Args:
        made_with: The code and the surroundings of all pages.
        datasets: By name.
        pages: What was written, by the page's English path.
        retired: Assets that no page needs any more, each with the instant since when.
        overviews: A digest of what the pages about many datasets were made from, beside what is known of those.
        overviews_until: The last instant at which they are right while nothing happens; None = the clock never changes them.
        dbt_page: A digest of what dbt's own page was made from; empty = it is made anew.
    """

    made_with: str
    datasets: dict[str, Remembered] = field(default_factory=dict[str, Remembered])
    pages: dict[str, Made] = field(default_factory=dict[str, Made])
    retired: dict[str, str] = field(default_factory=dict[str, str])
    overviews: str = ""
    overviews_until: str | None = None
    dbt_page: str = ""

    @property
    def files(self) -> Mapping[str, str]:
        """The digest of each file that was written, by path."""
        return {path: content for made in self.pages.values() for path, content in made["files"].items()}

    def encode(self) -> bytes:
        """As bytes, the same ones for the same state."""
        text = json.dumps(
            {
                "made_with": self.made_with,
                "datasets": dict(sorted(self.datasets.items())),
                "pages": dict(sorted(self.pages.items())),
                "retired": self.retired,
                "overviews": self.overviews,
                "overviews_until": self.overviews_until,
                "dbt_page": self.dbt_page,
            },
            separators=(",", ":"),
        )
        return gzip.compress(text.encode(), compresslevel=1, mtime=0)

    @classmethod
    def decode(cls, content: bytes | None, made_with: str) -> "BuildState":
        """What was left behind; nothing if it is lost, unreadable, or of pages that were made with something else."""
        nothing = cls(made_with=made_with)
        if content is None:
            return nothing
        try:
            state = cls(**_values(content))
        except TypeError:
            return nothing
        retired = state.retired if isinstance(state.retired, dict) else {}
        return state if state.made_with == made_with else cls(made_with=made_with, retired=retired)

    def whole_files(self, page: str, there: Mapping[str, StoredFile]) -> Mapping[str, str]:
        """Those files of a page that are still there as they were written, as far as their sizes tell."""
        files = self.pages[page]["files"] if page in self.pages else {}
        return {
            path: content
            for path, content in files.items()
            if path in there and there[path].size == size_in(content)
        }

    def is_whole(self, page: str, there: Mapping[str, StoredFile]) -> bool:
        """Whether all files of a page are there."""
        return page in self.pages and len(self.whole_files(page, there)) == len(self.pages[page]["files"])


def still_holds(remembered: Remembered, stamp: str, now: datetime) -> bool:
    """Whether a dataset's document is the same as when it was looked at last."""
    if stamp == ALWAYS_ANEW or remembered["stamp"] != stamp:
        return False
    return not is_past(remembered["valid_until"], now)


def is_past(until: str | None, now: datetime) -> bool:
    """Whether the clock alone has changed by now what was right until an instant; None = it never does."""
    return until is not None and now > datetime.fromisoformat(until)


def digest_of(content: bytes) -> str:
    """A digest of a file's content, which tells its size, too.

    >>> size_in(digest_of(b"abc"))
    3
    """
    return f"{sha256(content).hexdigest()[:24]}-{len(content)}"


def size_in(content_digest: str) -> int:
    """The size in bytes that a digest tells."""
    return int(content_digest.rpartition("-")[2])


def digests_in(state: bytes | None) -> Mapping[str, str]:
    """The digest of each file that a build wrote, whatever it was made with; nothing where its state is lost."""
    try:
        made: Iterable[Made] = _values(state).get("pages", {}).values()
        return {path: content for each in made for path, content in each["files"].items()}
    except (TypeError, KeyError, AttributeError):
        return {}


def retired_in(state: bytes) -> Set[str]:
    """Assets that a build left for pages that are still open in a browser."""
    return frozenset(_values(state).get("retired", ()))


def _values(state: bytes | None) -> dict[str, Any]:
    """What stands in a state; nothing where it is lost or can't be read."""
    try:
        values = json.loads(gzip.decompress(state)) if state else {}
    except (OSError, EOFError, ValueError, zlib.error):
        return {}
    return values if isinstance(values, dict) else {}


def is_ours(path: str) -> bool:
    """Whether what lies at a path below the site's root is the site's own, by its place."""
    return path.startswith(_OWN_FOLDERS) and _is_page(path)


def left_over(
    state: BuildState, former: BuildState, there: Mapping[str, StoredFile], now: datetime
) -> Collection[str]:
    """Files that belong to no page any more and are to be removed; those of others stay.

    Assets stay for a day, since a page that is open in a browser may still ask for them: the new state takes note of them.
    """
    made = state.files
    ours = {path for path in there if is_ours(path)}
    gone = ((former.files.keys() & there.keys()) | ours) - made.keys()
    unused = sorted(
        ((former.retired.get(path, now.isoformat()), path) for path in gone if path.startswith(_ASSETS)),
        reverse=True,
    )
    state.retired = {
        path: since
        for since, path in unused[:_MOST_RETIRED]
        if now - datetime.fromisoformat(since) <= _RETIRED_FOR
    }
    return gone - state.retired.keys()


def _is_page(path: str) -> bool:
    # A hidden file is another process's unfinished write.
    return not unsafe_path_reason(path) and not any(part.startswith(".") for part in path.split("/"))


def made_with(around: Surroundings, *settings: object) -> str:
    """A digest of everything that all pages depend on: this package, what it renders with, and settings."""
    return digest(_code(), repr(around), repr(settings))


@cache
def _code() -> str:
    package = Path(__file__).parents[2]
    files = sorted(path for path in package.rglob("*.*") if path.suffix != ".pyc" and path.is_file())
    contents = sha256()
    for path in files:
        contents.update(f"{path.relative_to(package)}\x00".encode())
        contents.update(sha256(path.read_bytes()).digest())
    return digest(contents.hexdigest(), *(f"{name} {version(name)}" for name in _LIBRARIES))
