"""A team's Markdown reads well on a page and can do nothing there."""

import re
from html.parser import HTMLParser
from time import process_time
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datahub_dagster.adapters.site.markdown import inline, render

MAY_HAVE = {
    "a": {"href", "rel"},
    "ol": {"start"},
    "pre": {"tabindex"},
    "div": {"class", "tabindex"},
} | {
    tag: set[str]()
    for tag in (
        *("p", "br", "hr", "ul", "ol", "li", "blockquote", "code", "strong", "em", "s"),
        *("h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
    )
    if tag != "ol"
}
VOID = {"br", "hr"}
SAFE_LINK = re.compile(r"https?://[^/\s]|mailto:|#[\w.%-]+$")


class Page(HTMLParser):
    """What a browser would make of the HTML; refuses all that isn't listed above."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(str(html))  # Markup would escape what is cut from it
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert given.keys() <= MAY_HAVE[tag], (tag, given)
        if tag == "div":
            assert given == {"class": "scroll", "tabindex": "0"}
        if tag == "a":
            assert "a" not in self.open, "a link within a link"
            if "href" in given:
                self.links.append(given["href"] or "")
                assert SAFE_LINK.match(self.links[-1]), self.links
            assert given["rel"] == "noreferrer nofollow"
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(f"a declaration: {decl}")

    def handle_pi(self, data: str) -> None:
        raise AssertionError(f"an instruction: {data}")


# ── What teams write ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_markdown_is_headings_lists_tables_code_and_links() -> None:
    page = Page(
        render(
            "# Prices\n\nOf *all* shares, **adjusted**, ~~raw~~ `close`.\n\n3. one\n4. two\n\n> said\n\n---\n\n"
            "| column | what |\n|:--|--:|\n| `a|b` | x |\n\n```sql\nselect '<b>'\n```\n\n"
            "[JPX](https://www.jpx.co.jp/a?b=1&c=2) <https://example.com> <data@example.com> [below](#column-close)"
        )
    )

    assert {"h3", "em", "strong", "s", "code", "ol", "blockquote", "hr", "table", "pre"} <= set(page.tags)
    assert page.links == [
        "https://www.jpx.co.jp/a?b=1&c=2",
        "https://example.com",
        "mailto:data@example.com",
        "#column-close",
    ]
    assert "select '<b>'" in page.text


def test_headings_stand_below_those_of_the_page() -> None:
    assert Page(render("# a\n\n## b\n\n###### c")).tags == ["h3", "h4", "h6"]
    assert Page(render("# a\n\nb\n-", 3)).tags == ["h4", "h5"]


def test_a_picture_becomes_a_link_so_that_nothing_is_fetched() -> None:
    page = Page(
        render("![a *map*](https://example.com/map.png) [![badge](https://ci.io/b.svg)](https://ci.io)")
    )

    assert page.links == ["https://example.com/map.png", "https://ci.io"]
    assert page.text.strip() == "a *map* badge"
    assert Page(render("![](https://example.com/map.png)")).text.strip() == "https://example.com/map.png"


def test_what_dbt_left_of_its_own_marks_is_not_shown() -> None:
    text = "{% docs prices %}Prices.{% enddocs %} {{ doc('hub', 'close') }} Uses {{ 7*7 }}."

    assert inline(text) == "Prices.  Uses {{ 7*7 }}.".replace("  ", " ")
    assert "docs" not in render(text)


def test_nothing_is_nothing() -> None:
    assert (render(None), render(" \n"), inline(None), inline("")) == ("", "", "", "")


def test_inline_is_the_text_without_its_marks_in_one_line() -> None:
    text = "# Prices\n\nOf *all*\nshares `close`,  \nsee [JPX](https://jpx.co.jp) ![map](https://m.io)\n\n- a\n- b\n\n```\ncode\n```"

    assert inline(text) == "Prices Of all shares close, see JPX map a b"
    assert inline("a <b>tag</b> & an &amp; entity") == "a <b>tag</b> & an & entity"
    assert inline("終値。調整済み。") == "終値。調整済み。"


def test_a_plain_sentence_takes_the_short_way_to_the_same_html() -> None:
    plain, marked = render('Said "yes" (2026-11-20).'), render('Said "yes" (2026-11-20). `x`')

    assert Page(plain).text == Page(marked).text.replace(" x", "") == 'Said "yes" (2026-11-20).\n'
    assert Page(plain).tags == ["p"]


# ── What enemies write ───────────────────────────────────────────────────────────────────────────────────────────────

HOSTILE = [
    # elements
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<img src=x onerror=alert(1)//",
    '<img """><script>alert(1)</script>">',
    "<svg onload=alert(1)>",
    "<svg><script>alert&#40;1&#41;</script></svg>",
    "<svg><a xlink:href=javascript:alert(1)><text>x</text></a></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>",
    "<iframe src=javascript:alert(1)></iframe>",
    '<iframe srcdoc="<script>alert(1)</script>">',
    "<object data=javascript:alert(1)></object>",
    "<embed src=//evil.example/x.swf>",
    "<video><source onerror=alert(1)></video>",
    "<audio src=x onerror=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<marquee onstart=alert(1)>",
    "<body onload=alert(1)>",
    "<form action=javascript:alert(1)><button>x</button></form>",
    "<input autofocus onfocus=alert(1)>",
    "<isindex type=image src=1 onerror=alert(1)>",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>@import '//evil.example/x.css';</style>",
    "<style>*{background:url(javascript:alert(1))}</style>",
    "<p style=background:url(//evil.example/x)>x</p>",
    "<a href=javascript:alert(1) onclick=alert(1)>x</a>",
    "<div id=main class=note tabindex=9>x</div>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<textarea><img title='</textarea><img src=x onerror=alert(1)>'>",
    "<!--><script>alert(1)</script>-->",
    "<!-- --!><img src=x onerror=alert(1)> -->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml version=1?><script>alert(1)</script>",
    "<!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]>&y;",
    "</p></div></main><script>alert(1)</script>",
    # links
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](java&#10;script:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](&#x6A&#x61&#x76&#x61script:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](javascript%3Aalert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](< javascript:alert(1)>)",
    "[x](<java\\script:alert(1)>)",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](data:image/svg+xml,<svg onload=alert(1)>)",
    "[x](file:///etc/passwd)",
    "[x](blob:https://evil.example/1)",
    "[x](//evil.example)",
    "[x](\\\\evil.example)",
    "[x](/../../secret)",
    "[x](?q=1)",
    "[x](http:evil.example)",
    "[x](https://)",
    "[x](https://[::1)",
    "[x](https://a.example/\"onmouseover='alert(1)')",
    '[x](https://a.example "title" onmouseover=alert(1))',
    "[x](https://a.example '\"><img src=x onerror=alert(1)>')",
    '[x](https://a.example "&quot; onclick=&quot;alert(1)")',
    "[<img src=x onerror=alert(1)>](https://a.example)",
    "[x][y]\n\n[y]: javascript:alert(1) 'title'",
    "[x][y]\n\n[y]: https://a.example '\"><script>alert(1)</script>'",
    "[a [b](javascript:alert(1)) c](https://a.example)",
    "[![x](javascript:alert(1))](javascript:alert(1))",
    "[x](#\"onclick='alert(1)')",
    "[x](mailto:a@example.com\"onclick='alert(1)')",
    # autolinks
    "<javascript:alert(1)>",
    "<JAVASCRIPT:alert(1)>",
    "<data:text/html,<script>alert(1)</script>>",
    "<x:alert(1)>",
    "<https://a.example/?\"onmouseover='alert(1)'>",
    '<a@b.example"onclick=alert(1)>',
    # pictures
    "![x](javascript:alert(1))",
    "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    '![x" onerror="alert(1)](https://a.example/x.png)',
    '![x](https://a.example/x.png" onerror="alert(1))',
    "![<script>alert(1)</script>](https://a.example/x.png '\"><script>alert(1)</script>')",
    "![![x](https://a.example)](https://b.example)",
    # entities and marks inside marks
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "\\<script>alert(1)\\</script>",
    "`<script>alert(1)</script>`",
    '```"><script>alert(1)</script>\n</code></pre><script>alert(1)</script>\n```',
    "``` <img/src=x/onerror=alert(1)>\nx\n```",
    '~~~ x" onclick="alert(1)\nx\n~~~',
    "    </code></pre><script>alert(1)</script>",
    "| <script>alert(1)</script> | [x](javascript:alert(1)) |\n|:-:|-:|\n| <td onclick=alert(1)> | ![x](data:x) |",
    "**<b onclick=alert(1)>*[x](javascript:alert(1))*</b>**",
    "# <h1 onclick=alert(1)> {#id onclick=alert(1)}",
    "> - 1. <script>\n> alert(1)\n> </script>",
    "<table>\n<script>alert(1)</script>\n</table>",
    "a </table><table onclick=alert(1)> b\n\n|x|\n|-|\n|</table>|",
    # letters that are none
    "\x00<script>\x00alert(1)</script>",
    "＜script＞alert(1)＜/script＞",
    "\ufeff<script>alert(1)</script>",
    "\ud800<script>alert(1)</script>",
    "{{ 7*7 }} {% raw %} ${7*7} <%= 7*7 %>",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_hostile_becomes_markup(text: str) -> None:
    for demote in (0, 2):
        html = render(f"{text}", demote)
        if demote:
            Page(html)
        assert not re.search(
            r"<(script|img|svg|iframe|style|object|base|meta|link|form|input)", html, re.IGNORECASE
        )
    Page(render(f"before {text} after\n\n- {text}\n\n> {text}"))


def test_text_that_is_no_markup_is_shown_as_it_was_written() -> None:
    assert Page(render("if a < b and c > d: <script>alert(1)</script>")).text.strip() == (
        "if a < b and c > d: <script>alert(1)</script>"
    )
    assert Page(render("[x](javascript:alert(1))")).text.strip() == "[x](javascript:alert(1))"


@pytest.mark.parametrize("mark", "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
def test_no_text_turns_the_direction_of_what_stands_beside_it(mark: str) -> None:
    hidden = f"&#{ord(mark)}; <https://a.example/{quote(mark)}>"
    text = f"gpj{mark}.exe [li{mark}nk](https://a.example/{mark}x) {hidden}"

    assert mark not in render(text)
    assert mark not in inline(text)


def test_languages_that_are_written_from_the_right_are_left_alone() -> None:
    assert inline("أسعار **يومية**") == "أسعار يومية"


@given(st.text(alphabet="<>[]()!*_`~|#&;:\"'\\/ \n\t-+=1ajscripthref:onerror.\u202e\x00é日", max_size=80))
@settings(max_examples=150, deadline=None)
def test_whatever_the_text_is_the_html_is_whole_and_harmless(text: str) -> None:
    Page(render(text))
    assert "\n" not in inline(text)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000,
        "![" * 100_000,
        "*a **b " * 40_000,
        "*_" * 100_000,
        ">" * 200_000,
        "> - " * 50_000,
        "".join(f"{'  ' * level}- x\n" for level in range(600)),
        "`a" * 100_000,
        "".join("`" * ticks + " " for ticks in range(600)),
        "[a](" * 50_000,
        "[![" * 30_000 + "x" + "](a)](b)" * 30_000,
        "<a " * 70_000,
        "&#x" * 70_000,
        "|a" * 9_000 + "\n" + "|-" * 9_000,
        "|a|b|\n|-|-|\n" + "|x|y|\n" * 30_000,
        "\\" * 200_000,
    ],
    ids=lambda text: text[:8],
)
def test_long_and_deep_texts_are_done_soon(text: str) -> None:
    begin = process_time()
    Page(render.__wrapped__(text))
    inline.__wrapped__(text)

    assert process_time() - begin < 5  # some tenths of a second; this is for slow machines
