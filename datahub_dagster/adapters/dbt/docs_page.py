"""dbt's page with the project in it: what teams write in YAML is text on it, and no script runs but dbt's own.

dbt itself puts the project into the page's script as it is, where `</script>` in a description ends the script; and its search shows
names, descriptions and tags as HTML.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from datahub_dagster.errors import EngineError

_PLACES = re.compile(r'"(MANIFEST|CATALOG)\.JSON INLINE DATA"')
_CHARSET = '<meta charset="utf-8">'
_SCRIPT = re.compile(r"<script\b[^>]*>(.*?)</script", re.DOTALL | re.IGNORECASE)

# Text of a team that would begin a tag, or a picture in Markdown. Types (`array<string>`) and macros are only ever shown as text.
_STRING = r'"(?:[^"\\]|\\.)*"'
_MARKUP = re.compile(
    rf'(?P<shown_as_text>"(?:(?:data_)?type|macro_sql)": {_STRING})|(?P<code>"raw_code": {_STRING})'
    r'|<(?P<address>https?://[^\s<>"\\]+)>|<(?=[A-Za-z/!?])|!(?=\[)'
)
_TAG_IN_CODE = re.compile(r"<(?=[A-Za-z/!?])")
_OF_A_RUN = ("generated_at", "invocation_id", "invocation_started_at", "run_started_at")
_WORD_JOINER = r"\u2060"  # as JSON writes it; nobody sees it, and `<` before it begins no tag


def docs_page(template: str, manifest: Mapping[str, Any], catalog: Mapping[str, Any]) -> str:
    """The page as one file: dbt's `index.html`, and a policy by which it runs nothing else and asks no other host.

    Raises:
        EngineError: dbt's page is made in another way than here is known.
    """
    data = {"MANIFEST": script_literal(of_any_run(manifest)), "CATALOG": script_literal(of_any_run(catalog))}
    # In one go: a description may read `CATALOG.JSON INLINE DATA` too.
    page, places = _PLACES.subn(lambda match: data[match[1]], template)
    head, charset, rest = page.partition(_CHARSET)
    if places != len(data) or not charset:
        raise EngineError(
            "dbt's page is made in another way than the hub knows",
            subject="docs",
            found=f"{places} places for data where {len(data)} are expected" if charset else f"no {_CHARSET}",
            consumers="still read the page as it was",
            next_step="install the dbt-core that constraints.txt names, then: datahub docs build",
        )
    return head + charset + _policy(rest) + rest


def script_literal(data: object) -> str:
    r"""Data as JSON that may stand in a script, and in which no text becomes markup, wherever dbt's page shows it.

    >>> script_literal({"name": "</script>", "data_type": "array<int>"})
    '{"name": "\\u003c\\u2060/script\\u003e", "data_type": "array\\u003cint\\u003e"}'
    """
    text = _MARKUP.sub(_inert, json.dumps(data))
    return text.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")


def of_any_run(content: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest or a catalog without what each run of dbt makes anew: instants, ids, and the order in which it read the files.

    >>> of_any_run(
    ...     {
    ...         "metadata": {"invocation_id": "b5", "dbt_version": "1"},
    ...         "nodes": {"b": {"created_at": 5.1}, "a": {}},
    ...     }
    ... )
    {'metadata': {'invocation_id': None, 'dbt_version': '1'}, 'nodes': {'a': {}, 'b': {'created_at': 0}}}
    """
    metadata = {key: None if key in _OF_A_RUN else value for key, value in content["metadata"].items()}
    parts = {key: _in_order(part) if isinstance(part, Mapping) else part for key, part in content.items()}
    return {**parts, "metadata": metadata}


def _inert(match: re.Match[str]) -> str:
    if match["shown_as_text"]:
        return match[0]
    if match["code"]:
        return _TAG_IN_CODE.sub("< ", match[0])  # whoever copies SQL must be able to run it
    return match["address"] or match[0] + _WORD_JOINER  # Markdown makes a link of a bare address too


def _in_order(part: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {**node, "created_at": 0} if isinstance(node, Mapping) and "created_at" in node else node
        for name, node in sorted(part.items())
    }


def _policy(page: str) -> str:
    """A tag for the page's head. AngularJS reads in it, too, that it may not make code out of text."""
    scripts = " ".join(f"'sha256-{_digest(match[1])}'" for match in _SCRIPT.finditer(page))
    return (
        '<meta http-equiv="Content-Security-Policy" ng-csp="no-unsafe-eval" content="'
        f"default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data:; font-src data:; "
        "base-uri 'none'; form-action 'none'\">"
    )


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
