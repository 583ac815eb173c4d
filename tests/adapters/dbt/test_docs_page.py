"""dbt's page as one file: a team's text stays text in it."""

import base64
import hashlib
import json
from typing import Any

import pytest

from datahub_dagster.adapters.dbt.docs_page import docs_page, script_literal
from datahub_dagster.errors import EngineError

TEMPLATE = (
    '<!doctype html><html><head><meta charset="utf-8"><link rel="shortcut icon" href="x.ico"><script defer="defer">'
    'var n={manifest:"MANIFEST.JSON INLINE DATA",catalog:"CATALOG.JSON INLINE DATA"}</script></head><body></body></html>'
)


def manifest(**parts: Any) -> dict[str, Any]:
    return {"metadata": {}, **parts}


@pytest.mark.parametrize(
    "text",
    [
        "</script><script>alert(1)</script>",
        "<!--<script",
        "<img src=x onerror=alert(1)>",
        "a\u2028b\u2029c & d",
    ],
)
def test_no_text_ends_the_script_or_begins_a_tag(text: str) -> None:
    written = script_literal({text: [text]})

    assert not set("<>&\u2028\u2029") & set(written)
    assert json.loads(written) == {(read := text.replace("<", "<\u2060")): [read]}


def test_a_picture_in_markdown_is_a_link() -> None:
    assert json.loads(script_literal("![x](https://elsewhere.example/x.png)")).startswith("!\u2060[x](")


def test_an_address_in_angle_brackets_stays_an_address() -> None:
    assert json.loads(script_literal("see <https://example.com/a>.")) == "see https://example.com/a."


@pytest.mark.parametrize("text", ["a < b", "a <= b and c <> d", "1<2", "wow!"])
def test_what_begins_no_tag_is_as_it_was(text: str) -> None:
    assert json.loads(script_literal(text)) == text


def test_types_and_sql_can_be_copied() -> None:
    node = {"data_type": "array<int>", "type": "map<int,int>", "macro_sql": "a<b", "raw_code": 'select "a"<b'}

    assert json.loads(script_literal(node)) == {**node, "raw_code": 'select "a"< b'}


def test_a_text_cannot_pass_for_a_type() -> None:
    assert "<script" not in json.loads(script_literal({"description": '"type": "<script>"'}))["description"]


def test_the_page_holds_the_project_and_what_is_published() -> None:
    # That text stands where dbt puts the catalog.
    page = docs_page(TEMPLATE, manifest(docs={"text": '"CATALOG.JSON INLINE DATA'}), {"metadata": {}})

    assert r'"docs": {"text": "\"CATALOG.JSON INLINE DATA"}' in page
    assert 'catalog:{"metadata": {}}}' in page


def test_only_the_pages_own_script_may_run() -> None:
    page = docs_page(TEMPLATE, manifest(docs={"text": "日本語"}), {"metadata": {}})

    script = page.partition('<script defer="defer">')[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in page
    assert "default-src 'none'" in page
    assert page.index("Content-Security-Policy") < page.index("<link")


@pytest.mark.parametrize("missing", ['"CATALOG.JSON INLINE DATA"', '<meta charset="utf-8">'])
def test_a_page_that_dbt_makes_otherwise_is_refused(missing: str) -> None:
    with pytest.raises(EngineError, match="another way"):
        docs_page(TEMPLATE.replace(missing, ""), manifest(), {"metadata": {}})
