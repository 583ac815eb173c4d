"""A dataset's page says what its document says: what is promised, what was delivered, what was refused and why, who is affected."""

import re
from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from datahub_dagster.adapters.site import frame, paths
from datahub_dagster.adapters.site.documents.schema import DatasetDocument
from datahub_dagster.adapters.site.frame import Frame, Surroundings
from datahub_dagster.adapters.site.speech import speech_of
from datahub_dagster.adapters.site.templating import PageEnvironment
from datahub_dagster.domain.contract import Language
from tests.adapters.site_documents_example import (
    a_column,
    a_dataset,
    a_delivery,
    a_diff,
    a_fault,
    a_generation,
    a_history,
    a_publication,
    a_reader,
    a_result,
    a_test,
    an_answer,
    an_incident,
    an_slo,
    failed,
    prices,
    rows,
    statistics,
)
from tests.adapters.typed_dicts import differences

HOSTILE = """<script>alert(1)</script><img src=x onerror=alert(2)> {{ 7*7 }} %(n)s "quoted' [a](javascript:alert(3))"""
SECTIONS = [
    "now",
    "promise",
    "slos",
    "read",
    "sample",
    "columns",
    "tests",
    "deliveries",
    "generations",
    "consumers",
]
VOID = {"meta", "link", "input", "br"}


@pytest.fixture(scope="module", params=list(Language))
def in_each_language(request: pytest.FixtureRequest) -> Frame:
    return framed(request.param)


def framed(language: Language = Language.ENGLISH, **around: Any) -> Frame:
    zone = ZoneInfo("Asia/Tokyo")
    return Frame(language, Surroundings(zone=zone, assets=frame.asset_paths(), **around))


ENGLISH = framed()


def page(document: dict[str, Any], shown: Frame = ENGLISH) -> str:
    return shown.render("dataset.html.j2", document["page"], document).decode()


class Outline(HTMLParser):
    """Elements of a page, which is well formed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))  # of SVG

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, tag

    def values(self, attribute: str) -> list[str]:
        return [attributes[attribute] or "" for _, attributes in self.elements if attribute in attributes]


def text(html: str) -> str:
    """What a reader sees, without the head and the pictures."""
    body = re.sub(r"<svg.*?</svg>", " ", html.partition("<main")[2].partition(">")[2], flags=re.DOTALL)
    told = " ".join(re.sub(r"<[^>]+>", " ", body).split())
    return re.sub(r" ([,.:;)])", r"\1", told)


def part(html: str, section: str) -> str:
    """One section of a page."""
    found = re.search(rf'<section aria-labelledby="{section}">.*?</section>', html, flags=re.DOTALL)
    assert found, section
    return text("<main>" + found.group())


def hostile() -> dict[str, Any]:
    """Everything that a team, a file or a program may write is hostile."""
    document = prices(
        description=f"# {HOSTILE}\n\n{HOSTILE}",
        owners=[HOSTILE],
        tags=[HOSTILE],
        support=[{"tool": HOSTILE, "channel": HOSTILE, "url": "javascript:alert(4)"}],
        license_terms=HOSTILE,
        license_url="data:text/html,<script>alert(5)</script>",
        origin=HOSTILE,
        problem=HOSTILE,
        dbt_freshness=HOSTILE,
        lifecycle="deprecated",
        successor=HOSTILE,
        published=a_publication("2026-11-19", 6, rolled_back=True, restores=4, reason=HOSTILE, actor=HOSTILE),
        column_documents=[
            a_column(
                HOSTILE,
                type=HOSTILE,
                description=HOSTILE,
                examples=[HOSTILE],
                constraints=[HOSTILE],
                tags=[HOSTILE],
            )
        ],
        tests=[
            a_test(
                HOSTILE,
                column=HOSTILE,
                description=HOSTILE,
                where=HOSTILE,
                last=an_answer("fail", message=HOSTILE, sample=rows([HOSTILE], [HOSTILE])),
            )
        ],
        deliveries=[
            a_delivery(
                "2026-11-20",
                7,
                delivery=HOSTILE,
                actor=HOSTILE,
                **failed(HOSTILE, rows([HOSTILE], [HOSTILE])),
            ),
            a_delivery(
                "2026-11-19",
                6,
                state="rejected",
                faults=[a_fault(HOSTILE, HOSTILE, file=HOSTILE)],
                warnings=[HOSTILE],
            ),
        ],
        generations=[
            a_generation(6, "2026-11-19", kind="rollback", restores=4, reason=HOSTILE, actor=HOSTILE)
        ],
        pins=[["2026-11-17.4", HOSTILE]],
        slo_history=[
            a_history(a_result("2026-11-19", "excused", reason=HOSTILE), name=HOSTILE, problem=HOSTILE),
        ],
        samples=rows([HOSTILE], [HOSTILE]),
        snippets=[
            {
                "language": "athena",
                "title": "Athena SQL",
                "code": HOSTILE,
                "note": HOSTILE,
                "for_all": HOSTILE,
            }
        ],
        incidents=[an_incident(HOSTILE, acknowledged_by=HOSTILE, acknowledged_reason=HOSTILE)],
        lineage={
            "reads": [],
            "read_by_tests": [],
            "consumers": [a_reader("one", label=HOSTILE, columns=[HOSTILE])],
        },
    )
    document["inbox"][0] |= {"delivery": HOSTILE, "problem": HOSTILE, "state": "bad"}
    document["changelog"][0]["changes"][0] |= {"text": HOSTILE, "was": HOSTILE, "now": HOSTILE}
    return document


def test_the_first_section_says_what_is_promised_published_refused_and_who_is_affected() -> None:
    now = part(page(prices()), "now")

    assert "Promised By 18:30 Asia/Tokyo, each XTKS session." in now
    assert "Published Thu 2026-11-19 · 11,736 rows · 3.6 MB Release 2026-11-19.6" in now
    assert "Refused 2 of the newest 7. Last: 2026-11-20" in now
    assert "Affected Morning signal of the Tokyo desk since 2026-11-21 08:00" in now


def test_a_rejected_delivery_is_the_first_thing_told_with_its_reason_and_what_readers_keep() -> None:
    shown = text(page(prices()))
    before_sections = shown[
        : shown.index("On this page") if "On this page" in shown else shown.index("Promised")
    ]

    assert "The newest delivery, 2026-11-20, was rejected" in before_sections
    assert "Test hub_unique_combination_daily_prices: 3 failures" in before_sections
    assert (
        "they keep release 2026-11-19.6. What it should have brought is missing for: Morning signal"
        in before_sections
    )


def test_as_many_incidents_are_open_as_every_other_page_counts_and_none_is_told_twice() -> None:
    incidents = [
        an_incident("The delivery was rejected", kind="rejected"),
        an_incident("Nobody looks", kind="monitor-silent"),
        an_incident("Over", kind="monitor-silent", closed_at="2026-11-20T10:00:00Z"),
    ]

    shown = text(page(prices(incidents=incidents))).partition("Promised")[0]

    assert "2 open incidents" in shown
    assert "Nobody looks 1 of them is told above. All incidents" in shown
    assert "The delivery was rejected" not in shown
    assert "open incident" not in text(page(prices(incidents=incidents[:1]))).partition("Promised")[0]
    deprecated = page(prices(lifecycle="stable", incidents=[an_incident("Ends", kind="contract-deprecated")]))
    assert re.search(r'<div class="note warn" role="note">\s*<h2>1 open incident<', deprecated)


def test_what_no_budget_counts_as_late_is_not_told_as_such() -> None:
    due = {
        "slo": "freshness",
        "business_date": "2026-11-18",
        "due_at": "2026-11-18T09:30:00Z",
        "late_seconds": 720.0,
    }

    def of(*, is_counted: bool) -> str:
        return page(prices(deliveries=[a_delivery("2026-11-18", 5, due=[due | {"is_counted": is_counted}])]))

    assert '<span class="why">12 min late</span>' in of(is_counted=True)
    assert "No SLO counts it now." not in of(is_counted=True)
    assert '<span class="why">12 min late</span>' not in of(is_counted=False)
    assert "12 min late. No SLO counts it now." in part(of(is_counted=False), "deliveries")


def test_a_release_of_new_partitions_is_compared_with_none() -> None:
    new = a_diff("2026-11-18.5", rows=None, bytes=None, partitions_added=["2026-11-19"])

    deliveries = part(page(prices(deliveries=[a_delivery("2026-11-19", 6, diff=new)])), "deliveries")

    assert "It brought other partitions: rows and values are not compared" in deliveries
    assert "1 partition is new." in deliveries


def test_a_broken_slo_is_told_beside_the_name_and_a_time_has_its_zone() -> None:
    shown = page(prices(slos=[{"is_kept": False}]))

    assert "SLO broken" in text(shown)
    assert "SLO broken" not in text(page(prices(slos=[{"is_kept": None}])))
    assert "Was due (Asia/Tokyo) Next due (Asia/Tokyo)" in part(shown, "now")
    assert 'title="Asia/Tokyo">2026-11-20 18:30</time>' in shown


def test_a_delivery_shows_faults_failing_rows_and_what_changed() -> None:
    deliveries = part(page(prices()), "deliveries")

    assert "Missing column the delivery has no column close part-0.parquet and 3 more" in deliveries
    assert "null 2026-11-20 14" in deliveries
    assert "Only some of the rows." in deliveries
    assert "Compared with release 2026-11-17.4 −40 rows" in deliveries
    assert "volume is new ( bigint)" in deliveries
    assert "close · nulls 3 (0.08%) → 41 (1.05%) · smallest 12.5 → 0.0" in deliveries
    assert "Wed 2026-11-18 was due 2026-11-18 18:30: 12 min late." in deliveries


def test_only_the_newest_delivery_is_unfolded_and_only_if_it_was_rejected() -> None:
    opened = re.findall(r'<details class="delivery" id="([^"]+)" open>', page(prices()))
    assert opened == ["release-2026-11-20.7"]

    published = prices(deliveries=prices()["deliveries"][1:])
    assert not re.findall(r'<details class="delivery"[^>]* open>', page(published))


def test_an_slo_shows_its_pictures_and_the_same_as_text() -> None:
    html = page(prices())
    slos = part(html, "slos")

    assert html.count("<svg") >= 6
    assert "66.66% of 99% promised" in slos
    assert "Wed 2026-11-18 Late 2026-11-18 18:30 12 min late 2026-11-18 18:42" in slos
    assert "Thu 2026-11-19 Excused 2026-11-19 18:30 The exchange's systems failed." in slos.replace(
        "&#39;", "'"
    )
    assert "For Morning signal Kept" in slos


def test_a_roll_back_and_a_sunset_are_told_with_their_reasons() -> None:
    back = a_publication(
        "2026-11-17", 7, rolled_back=True, restores=4, reason="Prices of another index.", actor="mika"
    )
    document = prices(
        published=back,
        lifecycle="deprecated",
        sunset_date="2027-03-31",
        successor="equities.prices",
        successor_page="datasets/equities.prices.html",
    )

    html = page(document)

    assert "Rolled back to the content of generation 4 Prices of another index." in text(html)
    assert "It ends on Wed 2027-03-31. Successor: equities.prices" in text(html)
    assert 'href="../datasets/equities.prices.html"' in html


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"license_terms": "CC BY 4.0", "license_redistribution": True}, "Licence: CC BY 4.0. It may be passed on."),
        ({}, "No licence is stated: ask the team before you pass it on."),
        ({"classification": "confidential"}, "Confidential: only who was given access"),
        ({"quality_objective": 0.95, "quality_window_days": 90.0}, "95% of deliveries pass their audit at the first try, over 90 days."),
        ({"promises": [an_slo(max_age_seconds=172_800.0, due=None)]}, "Never older than 2 days."),
        ({}, "No due time is promised."),
        ({}, "At least the newest 30 releases, and each for at least 365 days."),
    ],
)  # fmt: skip
def test_the_promise_stands_in_plain_sentences(values: dict[str, Any], told: str) -> None:
    assert told in part(page(a_dataset(**values)), "promise")


def test_a_dataset_that_was_never_published_says_so_and_links_to_no_release() -> None:
    html = page(a_dataset("transport.airports"))

    assert "Published Nothing is published yet." in part(html, "now")
    assert "Nothing was delivered yet." in part(html, "deliveries")
    assert "nothing could hold back a wrong release" in part(html, "tests")
    assert "#release-" not in html


def test_found_columns_are_shown_where_none_is_promised() -> None:
    shown = part(page(a_dataset(found_columns=[["id", "bigint"]])), "columns")

    assert "The team promises no columns. These were found in the newest release: id bigint" in shown


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("confidential", "no rows are shown"),
        ("off", "switched off"),
        ("unpublished", "Nothing is published yet."),
    ],
)
def test_without_a_sample_the_page_says_why(reason: str, told: str) -> None:
    assert told in part(page(a_dataset(samples_reason=reason)), "sample")


def test_many_columns_have_a_filter_and_few_have_none() -> None:
    few, many = ([a_column(f"c{n}") for n in range(count)] for count in (15, 16))

    assert "column-filter" not in page(a_dataset(column_documents=few))
    assert 'id="column-filter" role="search" aria-label="Filter columns" hidden' in page(
        a_dataset(column_documents=many)
    )


def test_old_deliveries_and_generations_are_folded_and_the_hundredth_is_the_last() -> None:
    deliveries = [a_delivery("2026-11-20", number) for number in range(120, 0, -1)]
    generations = [a_generation(number, "2026-11-20") for number in range(120, 0, -1)]

    html = page(a_dataset(deliveries=deliveries, generations=generations))

    assert "90 older deliveries" in html
    assert "90 older generations" in html
    assert 'id="release-2026-11-20.21"' in html
    assert 'id="release-2026-11-20.20"' not in html
    assert html.count("The newest 100. ") == 2
    assert "Deliveries 120" in text(html)


def test_a_generation_of_a_release_that_is_not_shown_has_no_dead_link() -> None:
    html = page(a_dataset(generations=[a_generation(1, "2026-01-05")]))

    assert "2026-01-05.1" in part(html, "generations")
    assert "#release-2026-01-05.1" not in html


def test_anchors_are_those_that_people_keep() -> None:
    ids = Outline(page(prices())).values("id")

    assert [each for each in ids if each in SECTIONS] == SECTIONS
    for kept in (
        "column-trade_date",
        "test-hub_between_daily_prices_close",
        "release-2026-11-20.7",
        "slo-freshness",
        "read-athena",
    ):
        assert kept in ids


@pytest.mark.parametrize("made", [prices, hostile, a_dataset])
def test_a_page_is_well_formed_with_unique_ids_headings_in_order_and_links_that_lead_somewhere(
    in_each_language: Frame, made: Any
) -> None:
    html = page(made(), in_each_language)
    outline = Outline(html)
    ids = outline.values("id")

    assert len(ids) == len(set(ids))
    levels = [int(tag[1]) for tag, _ in outline.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(now <= before + 1 for before, now in zip([0, *levels], levels, strict=False)), levels
    for link in outline.values("href"):
        assert re.match(r"(https?://|mailto:|data:,$|#|(\.\./)+[\w./-]+(#|$))", link), link
        assert not link.startswith("#") or link[1:] in [*ids, "main"], link
    for reference in outline.values("aria-labelledby"):
        assert reference in ids


def test_values_of_confidential_data_are_not_shown_even_if_a_document_holds_them() -> None:
    secret = "Taro Yamada"
    bounds = {"was": statistics("c", low="A"), "now": statistics("c", low=secret, high=secret)}
    change = {"name": "c", "null_share_was": None, "null_share_now": None, **bounds}
    column = a_column("c", examples=[secret], statistics=statistics("c", low=secret, high=secret))
    refused = a_delivery("2026-11-20", 1, **failed("unique", rows(["c"], [secret])))
    document = a_dataset(
        samples=rows(["c"], [secret]),
        samples_reason=None,
        column_documents=[column],
        tests=[a_test("unique", last=an_answer("fail", sample=rows(["c"], [secret])))],
        deliveries=[refused | {"diff": a_diff("2026-11-19.1", statistics=[change])}],
    )

    assert page(document).count(secret) == 8
    assert secret not in page(document | {"classification": "confidential"})
    assert "no rows are shown" in part(page(document | {"classification": "confidential"}), "sample")
    document["column_documents"] = [column | {"is_secret": True}]
    assert secret not in part(page(document), "columns")


@pytest.mark.parametrize("made", [prices, hostile, a_dataset])
def test_documents_of_these_tests_are_what_the_schema_says(made: Any) -> None:
    assert not list(differences(made(), DatasetDocument))


def test_nothing_that_anybody_writes_becomes_markup(in_each_language: Frame) -> None:
    html = page(hostile(), in_each_language)
    outline = Outline(html)

    assert not [tag for tag, _ in outline.elements if tag in ("img", "iframe", "style", "object")]
    scripts = [attributes.get("src") for tag, attributes in outline.elements if tag == "script"]
    assert [re.sub(r"\.\w{10}\.", ".", src or "").rpartition("/")[2] for src in scripts] == [
        "hub.js",
        "dataset.js",
    ]
    names = {name for _, attributes in outline.elements for name in attributes}
    assert not [name for name in names if name.startswith("on") or name == "style"]
    assert "{{ 7*7 }}" in html.replace("&#34;", '"')
    assert not [link for link in outline.values("href") if link.startswith(("javascript:", "data:text"))]


def test_numbers_and_people_are_told_in_plain_english() -> None:
    email = {"tool": "email", "channel": "markets@example.com", "url": None}
    reader = a_reader("one", label="The desk", columns=["close"])
    html = page(
        a_dataset(
            promises=[an_slo(), an_slo(name="morning")],
            published=a_publication(
                "2026-11-20", 1, rows=1, rolled_back=True, restores=1, reason="It was wrong.", actor="root"
            ),
            deliveries=[
                a_delivery("2026-11-20", 1, rows=1, diff=a_diff("2026-11-19.1", rows=1, dataset_rows=-1))
            ],
            column_documents=[a_column("close", statistics=None, readers=["one"])],
            lineage={"reads": [], "read_by_tests": [], "consumers": [reader]},
            support=[email],
        )
    )

    told = text(html)
    for each in (
        "And 1 more promise.",
        "1 row ·",
        "None of the newest 1.",
        "+1 row,",
        "the whole dataset: −1 row",
        "Read by The desk",
    ):
        assert each in told
    assert "1 rows" not in told
    assert "root" not in told
    assert '<a href="mailto:markets%40example.com">markets@example.com</a>' in html


def test_what_the_hub_says_of_promises_is_japanese_on_the_japanese_page() -> None:
    column = a_column("close", nullable=False, unique=True, constraints=["no day is missing", "close > 0"])
    html = page(
        a_dataset(column_documents=[column], dbt_freshness="warns after 4 days, fails after 6 days"),
        framed(Language.JAPANESE),
    )

    told = part(html, "columns")
    assert all(each in told for each in ("null不可", "重複不可", "日の欠落なし", "close &gt; 0"))
    assert "dbtの鮮度： 4日で警告、6日で不合格" in part(html, "promise")
    told = re.sub(r"<[^>]+>", "", html.partition("<main")[2])
    assert not re.search(r"[、。] \S", told)


def test_no_section_of_the_japanese_page_is_in_english() -> None:
    html = page(prices(), framed(Language.JAPANESE))
    titles = re.findall(
        r"<h2[^>]*>(.*?)</h2>|<th role=\"columnheader\"[^>]*>(.*?)</th>|<dt>(.*?)</dt>", html, re.DOTALL
    )
    words = {re.sub(r"<[^>]+>", "", "".join(each)).strip() for each in titles}

    assert {word for word in words if word and word.isascii() and not word.isdigit()} <= {"SLO", "null"}


def test_the_same_document_gives_the_same_bytes() -> None:
    assert page(prices(), framed()) == page(prices())


def test_links_lead_to_dagster_and_dbt_only_where_they_are() -> None:
    html = page(prices(), framed(dagster_url="https://dagster.example.com/", has_dbt_docs=True))

    assert 'href="https://dagster.example.com/assets/equities/daily_prices"' in html
    assert 'href="../dbt/index.html#!/source/source.hub.equities.daily_prices"' in html
    assert "/assets/equities" not in page(prices(), framed(dagster_url="javascript:alert(1)"))
    assert "dbt/index.html" not in page(prices())


def test_downloads_are_linked_where_they_are() -> None:
    html = page(prices())

    for path in (paths.dataset_odcs, paths.dataset_json_schema, paths.dataset_feed, paths.dataset_document):
        assert f'href="../{path("equities.daily_prices")}"' in html
    assert ".odcs.yaml" not in page(a_dataset())


@pytest.mark.parametrize("language", list(Language))
def test_texts_are_translated_when_a_template_is_compiled_and_say_the_same(language: Language) -> None:
    speech = speech_of(language, ZoneInfo("UTC"))
    environment = PageEnvironment(speech, autoescape=True, extensions=["jinja2.ext.i18n"])
    never: list[str] = []
    environment.install_gettext_callables(never.append, None, newstyle=True)  # pyright: ignore[reportAttributeAccessIssue]

    shown = environment.from_string("{{ _('Consumers') }} {{ value.items }}").render(value={"items": "<3"})

    assert shown == f"{speech.gettext('Consumers')} &lt;3"
    assert never == []
