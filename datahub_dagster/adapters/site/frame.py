"""What every page has: its language, its links, its style sheet; templates see it as functions and filters.

In a template: `_()` and `{% trans %}` translate; `link(page)` and `file(path)` lead to another page of the same language, or to a
file, from wherever this page is; filters put values of documents into words. All that a document holds is escaped.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from datahub_dagster.adapters.site import charts, paths, web
from datahub_dagster.adapters.site.speech import speech_of
from datahub_dagster.adapters.site.templating import PageEnvironment
from datahub_dagster.domain import words
from datahub_dagster.domain.contract import Language

_HERE = Path(__file__).parent
# Filters of plain values, whose answers are remembered.
_OFTEN_THE_SAME = ("time", "day", "count", "size", "share", "duration")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the whole site is told once; a change of any of it renders every page anew.

    Args:
        zone: The zone in which times are told.
        docs_url: Address of the site's root, for canonical links and feeds; empty = none.
        dagster_url: Address of Dagster's UI, for links; empty = none.
        has_dbt_docs: Whether dbt's own page is there to link to.
        is_public: Whether anybody may read the pages.
        assets: The path of each asset below the site's root, by its name: with its digest, so that no page meets the style sheet of
            another version.
    """

    zone: ZoneInfo
    docs_url: str = ""
    dagster_url: str = ""
    has_dbt_docs: bool = False
    is_public: bool = False
    assets: Mapping[str, str] = field(default_factory=dict[str, str])


def assets() -> Mapping[str, bytes]:
    """Every file that pages need, by its path below the site's root."""
    return {_with_digest(path): path.read_bytes() for path in _asset_files()}


def asset_paths() -> Mapping[str, str]:
    """The same paths, by the names by which templates ask for them (`hub.css`)."""
    return {path.name: _with_digest(path) for path in _asset_files()}


def _asset_files() -> list[Path]:
    return sorted(
        path for path in (_HERE / "assets").rglob("*") if path.suffix in (".css", ".js", ".svg", ".txt")
    )


def _with_digest(path: Path) -> str:
    return f"assets/{path.stem}.{sha256(path.read_bytes()).hexdigest()[:10]}{path.suffix}"


class Frame:
    """Renders pages in one language.

    Args:
        language: Of the interface, dates and numbers; what teams wrote is shown as they wrote it.
        around: What all pages share.
    """

    def __init__(self, language: Language, around: Surroundings) -> None:
        self.language = language
        self.around = around
        self._environment = _environment(language, around.zone)

    def render(self, template: str, page: str, document: Mapping[str, Any], **more: object) -> bytes:
        """A page.

        Args:
            template: Its file below `templates/`.
            page: Where the English page is, below the site's root (`paths`).
            document: What it shows (`documents.schema`); the template has it as `doc`.
            more: What else the template asks for.
        """
        path = paths.in_language(page, self.language)
        html = self._environment.get_template(template).render(
            doc=document,
            here=page,
            up="../" * path.count("/"),
            around=self.around,
            language=self.language.value,
            alternates={each.value: paths.in_language(page, each) for each in Language},
            canonical=f"{self.around.docs_url.rstrip('/')}/{path}" if self.around.docs_url else None,
            **more,
        )
        return html.encode("utf-8", "replace")


@cache
def _environment(language: Language, zone: ZoneInfo) -> PageEnvironment:
    speech = speech_of(language, zone)
    environment = PageEnvironment(
        speech,
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,  # everything that a team writes is text, never markup
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_callables(  # pyright: ignore[reportAttributeAccessIssue]  # the extension adds it
        speech.gettext, speech.ngettext, newstyle=True
    )
    environment.filters.update(speech.filters())
    for name in _OFTEN_THE_SAME:
        environment.filters[name] = lru_cache(10_000, typed=True)(environment.filters[name])
    environment.filters["safe_url"] = words.safe_url
    environment.globals.update(
        anchor=web.anchor,
        paths=paths,
        link=_link,
        file=_file,
        asset=_asset,
        speech=speech,
        charts=charts.of(speech),
    )
    return environment


@pass_context
def _link(context: Context, page: str) -> str:
    """The address of a page in the same language, from here."""
    return context["up"] + paths.in_language(page, Language(context["language"]))


@pass_context
def _file(context: Context, path: str) -> str:
    """The address of a file that has no language, from here."""
    return context["up"] + path


@pass_context
def _asset(context: Context, name: str) -> Markup:
    """The address of an asset, from here."""
    return Markup(context["up"] + context["around"].assets[name])  # a digest and a name of ours
