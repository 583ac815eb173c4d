"""The list of all pages for search engines, each with its other languages (sitemaps.org)."""

from collections.abc import Iterable
from itertools import islice
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from datahub_dagster.adapters.site import paths
from datahub_dagster.domain.contract import Language

_MOST = 50_000  # addresses that one sitemap may hold


def sitemap(pages: Iterable[str], docs_url: str) -> bytes | None:
    """The sitemap, pages in their order; None where the site has no address of its own, as a sitemap holds whole ones only.

    Args:
        pages: The English pages, below the site's root.
        docs_url: Address of the site's root.
    """
    if not docs_url:
        return None
    urls = Element(
        "urlset",
        {
            "xmlns": "http://www.sitemaps.org/schemas/sitemap/0.9",
            "xmlns:xhtml": "http://www.w3.org/1999/xhtml",
        },
    )
    for page in islice(pages, _MOST // len(Language)):
        of = {language: _address(page, language, docs_url) for language in Language}
        for address in of.values():
            url = SubElement(urls, "url")
            SubElement(url, "loc").text = address
            for language, other in of.items():
                SubElement(url, "xhtml:link", rel="alternate", hreflang=language.value, href=other)
            SubElement(url, "xhtml:link", rel="alternate", hreflang="x-default", href=of[Language.ENGLISH])
    indent(urls, "")
    return tostring(urls, encoding="utf-8", xml_declaration=True) + b"\n"


def _address(page: str, language: Language, docs_url: str) -> str:
    return f"{docs_url.rstrip('/')}/{quote(paths.in_language(page, language))}"
