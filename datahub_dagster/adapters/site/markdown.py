"""What teams write in Markdown, as HTML that a browser may be given, or as one plain line.

Two walls: markdown-it gives no markup but its own, and nh3 lets nothing through but what is listed here. No text makes a browser
fetch anything: a picture becomes a link to it.
"""

import re
from functools import cache, lru_cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markupsafe import Markup

from datahub_dagster.domain import words

_LONGEST = 20_000  # characters; what is beyond is cut, so that no text takes long
_DBT = re.compile(r"\{%-?\s*(?:docs\s+\w+|enddocs)\s*-?%\}|\{\{-?\s*doc\([^{}]*\)\s*-?\}\}")
# What turns the direction of the text around it, and what no text needs.
_UNSEEN = re.compile("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_PLAIN = re.compile(r"[^\W\d_][^\\`*_\[\]<>&#|~!\r\n]*")
_FRAGMENT = re.compile(r"#[\w.%-]+")

_TAGS = {
    *("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "code"),
    *("strong", "em", "s", "a", "table", "thead", "tbody", "tr", "th", "td"),
}


@lru_cache(maxsize=8192)
def render(text: str | None, demote: int = 2) -> Markup:
    r"""A text as safe HTML.

    Links lead to http, https, mail and places of the same page only; others stay text. There is no `style`, `class` or `id`.

    Args:
        text: Markdown: CommonMark with tables and strikethrough. HTML in it is shown as it is written.
        demote: How many levels headings go down, so that they stand below those of the page: `#` becomes `<h3>`.

    >>> str(render("# All *prices*"))
    '<h3>All <em>prices</em></h3>\n'
    """
    source = _readable(text)
    if _PLAIN.fullmatch(source):
        return Markup("<p>{}</p>\n").format(source)
    html = nh3.clean(
        _parser().render(source, {"demote": demote}),
        tags=_TAGS,
        attributes={"*": set(), "a": {"href"}, "ol": {"start"}},
        set_tag_attribute_values={"pre": {"tabindex": "0"}},  # what may scroll can be reached by keyboard
        url_schemes={"http", "https", "mailto"},
        link_rel="noreferrer nofollow",
    )
    # These tags have no attributes, and in texts they are escaped.
    html = html.replace("<table>", '<div class="scroll" tabindex="0"><table>').replace(
        "</table>", "</table></div>"
    )
    return Markup(_UNSEEN.sub("", html))  # again, as entities and addresses may have hidden some


@lru_cache(maxsize=8192)
def inline(text: str | None) -> str:
    r"""A text without its marks and blocks of code, in one line.

    >>> inline("# Prices\n\nOf **all** shares, see [JPX](https://www.jpx.co.jp).")
    'Prices Of all shares, see JPX.'
    """
    source = _readable(text)
    if _PLAIN.fullmatch(source):
        return " ".join(source.split())
    parts = (_text(token.children or []) for token in _parser().parse(source, {}) if token.type == "inline")
    return " ".join(_UNSEEN.sub("", " ".join(parts)).split())


def _readable(text: str | None) -> str:
    """The text, cut, without what isn't for readers."""
    whole = (text or "").encode("utf-8", "replace").decode()
    cut = whole if len(whole) <= _LONGEST else f"{whole[:_LONGEST]}…"
    return _UNSEEN.sub("", _DBT.sub("", cut)).strip()


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.validateLink = _may_be_linked
    parser.core.ruler.push("hub", _for_pages)
    return parser


def _may_be_linked(url: str) -> bool:
    if _FRAGMENT.fullmatch(url):
        return True
    return url.startswith("mailto:") or words.safe_url(url) is not None


def _for_pages(state: StateCore) -> None:
    """Lowers headings, takes away styles, and makes links of pictures."""
    demote = state.env.get("demote", 0)
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + demote)}"
        if token.children:
            token.children = _without_pictures(token.children)


def _without_pictures(tokens: list[Token]) -> list[Token]:
    found: list[Token] = []
    is_link = False
    for token in tokens:
        is_link = token.type == "link_open" or (is_link and token.type != "link_close")
        if token.type != "image":
            found.append(token)
            continue
        shown = Token("text", "", 0, content=token.content or str(token.attrGet("src")))
        if is_link:  # no link within a link
            found.append(shown)
        else:
            to = Token("link_open", "a", 1, attrs={"href": token.attrGet("src") or ""})
            found += [to, shown, Token("link_close", "a", -1)]
    return found


def _text(tokens: list[Token]) -> str:
    return "".join(" " if token.type in ("softbreak", "hardbreak") else token.content for token in tokens)
