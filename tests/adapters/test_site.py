"""The pages say what contracts and records say, and nothing that their readers may not see."""

import gzip
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, cast

import pytest

from datahub_dagster.adapters.site import web
from datahub_dagster.adapters.site.publish import STATE
from datahub_dagster.domain import words
from datahub_dagster.domain.audit import AuditReport, CheckStatus, Sample, blocks
from datahub_dagster.domain.contract import Classification, Column, ContractFault
from datahub_dagster.domain.redact import WITHHELD
from datahub_dagster.domain.release import ReleaseState
from datahub_dagster.domain.status import DatasetStatus
from datahub_dagster.domain.verdict import DueResult, Verdict
from datahub_dagster.errors import EngineError, SettingsError
from tests.adapters.site_example import (
    FIRST_DAY,
    SECRET,
    Example,
    a_test,
    contract,
    failed_audit,
    generation,
    outcome,
    realistic,
    result,
)

VOID = {"meta", "link", "input", "img", "br", "hr"}


@pytest.fixture
def example(tmp_path: Path) -> Example:
    return realistic(tmp_path)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Example:
    """The same, rendered for readers in Tokyo: for tests that only look."""
    example = realistic(tmp_path_factory.mktemp("shown"))
    example.render(timezone="Asia/Tokyo")
    return example


class Outline(HTMLParser):
    """Collects elements, ids and links of a page, and checks that it is well formed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def values(self, attribute: str) -> list[str]:
        return [attributes[attribute] or "" for _, attributes in self.elements if attribute in attributes]


def all_pages(docs: Path) -> dict[str, Outline]:
    return {
        str(p.relative_to(docs)): Outline(p.read_text(encoding="utf-8")) for p in sorted(docs.rglob("*.html"))
    }


def files(docs: Path) -> dict[str, bytes]:
    """Everything that is published, by path; of what the next build is to know its text."""
    return {
        path.relative_to(docs).as_posix(): gzip.decompress(path.read_bytes())
        if path.name == STATE
        else path.read_bytes()
        for path in sorted(docs.rglob("*"))
        if path.is_file()
    }


def pages(docs: Path) -> dict[str, bytes]:
    """The same without what the next build is to know."""
    return {path: content for path, content in files(docs).items() if path != STATE}


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_the_start_page_says_how_each_dataset_stands(shown: Example) -> None:
    page = text(shown.page("index.html"))
    assert "By 18:30 Asia/Tokyo, each XTKS session" in page
    assert "2026-11-18.3 Wed 2026-11-18 11,736 rows 2026-11-18 18:12" in page
    assert "Thu 2026-11-19 was due 2026-11-19 18:30" in page
    assert "hub_unique_combination_daily_prices: 3 failures" in page
    assert "Morning signal of the Tokyo desk" in page
    assert "Rolled back" in page
    assert "Never published" in page


def test_a_team_whose_files_are_broken_is_told_with_file_and_line(shown: Example) -> None:
    page = text(shown.page("index.html"))
    assert "models/logistics/parcels.yml:41" in page
    assert "did you mean &#39;retention&#39;?" in page
    assert "so its datasets are missing here. Next: mend the key" in page


def test_a_dataset_of_a_broken_team_says_that_it_is_the_last_good_state(tmp_path: Path) -> None:
    fault = ContractFault(team="markets", path="models/markets/x.yml", line=3, message="not YAML")
    Example(tmp_path, [DatasetStatus(contract=contract("a.b"))], faults=(fault,)).render()

    page = (tmp_path / "docs/datasets/a.b.html").read_text()
    assert "last good state" in page


def test_a_rejected_delivery_shows_its_faults_checks_and_rows(shown: Example) -> None:
    prices = text(shown.page("datasets/equities.daily_prices.html"))
    assert "Nothing changed for readers: they keep release 2026-11-18.3." in prices
    assert "7203 2026-11-19 2" in prices
    assert "hub_unique_combination_daily_prices : 3 failures" in prices
    assert "Only some of the rows" in prices
    payments = text(shown.page("datasets/payments.card_settlements.html"))
    assert "Missing column the delivery has no column settled_at part-0.parquet and 3 more" in payments


def test_a_delivery_that_never_was_published_is_called_overtaken(tmp_path: Path) -> None:
    one = contract("equities.daily_prices")
    outcomes = (outcome(one, 1), outcome(one, 2, ReleaseState.SUPERSEDED), outcome(one, 3))
    status = DatasetStatus(contract=one, current=generation(one, 3), outcomes=outcomes)

    example = Example(tmp_path, [status])
    example.render()

    page = example.page("datasets/equities.daily_prices.html")
    assert (page.count(">Overtaken<"), page.count(">Superseded<")) == (1, 1)
    told = json.loads(example.page("datasets/equities.daily_prices.json"))["deliveries"]
    assert [(each["state"], each["outcome"]) for each in told] == [
        ("published", "published"),
        ("overtaken", "superseded"),
        ("superseded", "published"),
    ]


def test_a_roll_back_shows_its_reason(shown: Example) -> None:
    page = text(shown.page("datasets/volatility.index_sessions.html"))
    assert "Rolled back to the content of generation 1" in page
    assert "The second release held the prices of another index." in page


def test_tests_show_their_newest_answer_on_published_data(shown: Example) -> None:
    document = json.loads(shown.page("datasets/equities.daily_prices.json"))
    answers = {test["check"]: (test["last"]["status"], test["last"]["at"]) for test in document["tests"]}
    assert answers["hub_unique_combination_daily_prices"] == ("pass", "2026-11-18T09:12:00Z")
    assert answers["hub_between_daily_prices_close"] == ("warn", "2026-11-20T03:00:00Z")


def test_nothing_that_a_team_writes_becomes_markup(shown: Example) -> None:
    docs = shown.root / "docs"

    for name, outline in all_pages(docs).items():
        scripts = [attributes["src"] or "" for tag, attributes in outline.elements if tag == "script"]
        assert all(re.fullmatch(r"(\.\./)*assets/[\w-]+\.\w{10}\.js", script) for script in scripts), name
        assert not [tag for tag, _ in outline.elements if tag == "img"], name
        assert not [
            a for _, attributes in outline.elements for a in attributes if a.startswith("on") or a == "style"
        ]
    for page in ("index.html", "ja/index.html", "datasets/zz_hostile.table.html", "teams/climate.html"):
        assert "{{ 7*7 }}" in shown.page(page)


def test_links_lead_to_pages_web_sites_or_mail_only(shown: Example) -> None:
    docs = shown.root / "docs"

    for outline in all_pages(docs).values():
        for link in outline.values("href"):
            assert re.match(r"(https?://|mailto:|data:,$|#|(\.\./)?[\w./-]+(#|$))", link), link


def test_every_link_inside_the_site_leads_somewhere(shown: Example) -> None:
    docs = shown.root / "docs"
    pages = all_pages(docs)

    for name, outline in pages.items():
        for link in outline.values("href") + outline.values("src"):
            if re.match(r"[a-z]+:", link):
                continue
            path, _, fragment = link.partition("#")
            target = ((docs / name).parent / path).resolve() if path else docs / name
            assert target.is_file(), f"{name}: {link}"
            if fragment and "=" not in fragment:  # else it is what the script of the start page filters by
                ids = pages[str(target.relative_to(docs.resolve()))].values("id")
                assert fragment in ids, f"{name}: {link}"


def test_ids_are_unique_on_each_page(shown: Example) -> None:
    docs = shown.root / "docs"

    for name, outline in all_pages(docs).items():
        ids = outline.values("id")
        assert len(ids) == len(set(ids)), name


def test_no_page_asks_for_anything_from_elsewhere(shown: Example) -> None:
    docs = shown.root / "docs"

    for outline in all_pages(docs).values():
        loaded = [
            a.get("src") or a.get("href") or ""
            for tag, a in outline.elements
            if tag in ("script", "link", "img")
        ]
        assert not [address for address in loaded if "//" in address]
        policy = next(a["content"] for tag, a in outline.elements if tag == "meta" and "http-equiv" in a)
        assert policy
        assert "unsafe" not in policy
        assert policy.startswith("default-src 'none'")


def test_a_confidential_dataset_shows_no_values_anywhere(shown: Example) -> None:
    docs = shown.root / "docs"

    assert not [path for path in files(docs) if SECRET.encode() in files(docs)[path] and "payments" in path]
    assert "no rows are shown" in shown.page("datasets/payments.card_settlements.html")


def test_confidential_columns_are_masked_where_the_log_does_not(shown: Example) -> None:
    docs = shown.root / "docs"

    assert not [
        path
        for path, content in files(docs).items()
        if SECRET.encode() in content or b"short-secret" in content
    ]
    for page in ("datasets/volatility.index_sessions.html", "datasets/volatility.index_sessions.json"):
        assert "•••" in shown.page(page)


def test_a_renamed_confidential_column_is_masked_too(tmp_path: Path) -> None:
    people = contract(
        "a.people",
        columns=(Column(name="id"), Column(name="holder", classification=Classification.CONFIDENTIAL)),
        tests=(a_test("singular"),),
    )
    sample = Sample(columns=("ID", "lower_holder"), rows=(("17", SECRET),))
    rejected = outcome(people, 1, ReleaseState.REJECTED, **failed_audit(people, sample))
    Example(tmp_path, [DatasetStatus(contract=people, outcomes=(rejected,))]).render()

    document = json.loads((tmp_path / "docs/datasets/a.people.json").read_text())
    assert document["deliveries"][0]["failing"][0]["sample"]["rows"] == [["17", "•••"]]


def test_an_engine_error_on_confidential_data_is_not_quoted(tmp_path: Path) -> None:
    people = contract("a.people", classification=Classification.CONFIDENTIAL, tests=(a_test("singular"),))
    quoting = f"Could not convert string '{SECRET}' to INT32"
    errored = (result(people.tests[0], CheckStatus.ERROR, None, message=quoting),)
    audit = AuditReport(dataset=people.name, base_generation=0, results=errored)
    rejected = outcome(people, 1, ReleaseState.REJECTED, audit=audit, blocks=blocks(people, errored))
    example = Example(tmp_path, [DatasetStatus(contract=people, outcomes=(rejected,))])
    example.log.add_check(audit, FIRST_DAY)
    docs = example.render()

    assert not [path for path, content in files(docs).items() if SECRET.encode() in content]
    assert WITHHELD in example.page("datasets/a.people.html")


def test_the_same_state_gives_the_same_bytes_and_writes_nothing(example: Example) -> None:
    docs = example.render()
    before = {path: (content, (docs / path).stat().st_mtime_ns) for path, content in pages(docs).items()}

    example.render()

    after = {path: (content, (docs / path).stat().st_mtime_ns) for path, content in pages(docs).items()}
    assert after == before


def test_two_hubs_in_the_same_state_have_the_same_pages(tmp_path: Path) -> None:
    sites = [realistic(tmp_path / name).render() for name in ("one", "two")]

    assert pages(sites[0]) == pages(sites[1])


def test_the_page_of_a_vanished_dataset_goes(example: Example) -> None:
    docs = example.render()
    (docs / "datasets" / ".unfinished-1").write_text("another process is writing")
    (docs / "CNAME").write_text("not the hub's own")
    example.statuses = [s for s in example.statuses if str(s.contract.name) != "transport.airports"]

    example.render()

    assert not list((docs / "datasets").glob("transport.*"))
    assert (docs / "datasets" / ".unfinished-1").exists()
    assert (docs / "CNAME").exists()


def test_a_build_that_fails_leaves_the_old_site(example: Example) -> None:
    docs = example.render()
    before = pages(docs)
    good = example.statuses[0]
    example.statuses = [replace(good, rows=1), replace(example.statuses[1], standings=cast(Any, None))]

    with pytest.raises(TypeError):
        example.render()

    assert pages(docs) == before


def test_a_dataset_whose_log_is_corrupt_stops_no_other(example: Example) -> None:
    (example.root / "log/equities/daily_prices/generations/00000002.json").write_bytes(b"{")
    fresh = Example(example.root, example.statuses, consumers=example.consumers)

    fresh.render()

    page = text(fresh.page("datasets/equities.daily_prices.html"))
    assert "This dataset can’t be looked at in full" in page
    assert "generations/00000002.json" in page
    assert "Rolled back" in fresh.page("datasets/volatility.index_sessions.html")


def test_a_hub_without_datasets_has_a_start_page(tmp_path: Path) -> None:
    Example(tmp_path).render()

    assert "No dataset is declared yet" in (tmp_path / "docs/index.html").read_text()


def test_a_plain_dbt_source_has_a_page(tmp_path: Path) -> None:
    plain = contract("raw.events", declared=False)
    found = outcome(plain, 1, columns=(("id", "bigint"),))
    status = DatasetStatus(contract=plain, current=generation(plain, 1), outcomes=(found,))
    Example(tmp_path, [status]).render()

    page = text((tmp_path / "docs/datasets/raw.events.html").read_text())
    assert "The team promises no columns. These were found in the newest release: id bigint" in page
    assert "nothing could hold back a wrong release" in page


def dbt_docs(folder: Path) -> None:
    (folder / "static_index.html").write_text("<html><body>dbt</body></html>")


def test_dbt_docs_are_linked_both_ways(example: Example) -> None:
    docs = example.render(with_dbt_docs=True, render_dbt_docs=dbt_docs)

    assert 'href="../index.html"' in (docs / "dbt/index.html").read_text()
    assert 'href="dbt/index.html"' in example.page("index.html")
    deep = "../dbt/index.html#!/source/source.hub.equities.daily_prices"
    assert deep in example.page("datasets/equities.daily_prices.html")


def test_dbt_docs_stay_when_only_the_pages_are_rendered(example: Example) -> None:
    docs = example.render(with_dbt_docs=True, render_dbt_docs=dbt_docs)

    example.render()

    assert (docs / "dbt/index.html").exists()
    assert 'href="dbt/index.html"' in example.page("index.html")


def test_without_dbt_docs_nothing_links_to_them(shown: Example) -> None:
    docs = shown.root / "docs"

    assert "dbt/index.html" not in "".join(path.read_text() for path in docs.rglob("*.html"))


def fail(_folder: Path) -> None:
    raise EngineError("dbt could not parse the project")


def write_nothing(_folder: Path) -> None:
    pass


@pytest.mark.parametrize("broken", [fail, write_nothing])
def test_when_dbt_fails_the_pages_are_written_and_the_error_is_told(example: Example, broken: Any) -> None:
    with pytest.raises(EngineError):
        example.render(with_dbt_docs=True, render_dbt_docs=broken)

    assert "equities.daily_prices" in example.page("index.html")


def test_the_address_of_the_docs_becomes_the_canonical_link(example: Example) -> None:
    example.render(docs_url="https://hub.example.com/docs/")

    page = example.page("datasets/weather.daily_observations.html")
    assert (
        '<link rel="canonical" href="https://hub.example.com/docs/datasets/weather.daily_observations.html">'
        in page
    )


def test_an_unknown_time_zone_is_a_wrong_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="DATAHUB_TIMEZONE"):
        Example(tmp_path).site(timezone="Asia/Tokio")


def test_status_json_tells_programs_the_same(shown: Example) -> None:
    docs = shown.root / "docs"

    document = json.loads((docs / "status.json").read_text(encoding="utf-8"))
    prices = next(d for d in document["datasets"] if d["dataset"] == "equities.daily_prices")
    assert prices["slo_state"] == "late"
    assert prices["published"]["business_date"] == "2026-11-18"
    assert prices["last_outcome"] == "rejected"
    assert (docs / prices["page"]).is_file()
    assert (docs / prices["document"]).is_file()


def test_a_page_says_how_each_slo_was_kept(shown: Example) -> None:
    page = text(shown.page("datasets/equities.daily_prices.html"))
    assert "Attained 33.33% of 99% promised" in page
    assert "Overspent, 2 of 0.03 allowed" in page
    assert "Met 1 · Late 1 · Missed 1 · Excused 1" in page
    assert "Tue 2026-11-17 Late" in page
    assert "Wed 2026-11-18 Excused 2026-11-16 18:00 The exchange&#39;s systems failed." in page
    assert "Thu 2026-11-19 Missed" in page
    assert "For Morning signal of the Tokyo desk Kept By 08:00 Asia/Tokyo" in page
    assert "Freshness: 33.33% of 99%" in text(shown.page("index.html"))
    assert "Error budget" not in text(shown.page("datasets/transport.airports.html"))


def test_programs_get_the_figures_of_each_slo(shown: Example) -> None:
    docs = shown.root / "docs"

    document = json.loads((docs / "datasets/equities.daily_prices.json").read_text(encoding="utf-8"))
    freshness, for_signal = document["slo_history"]
    assert (freshness["met"], freshness["late"], freshness["missed"], freshness["excused"]) == (1, 1, 1, 1)
    assert (freshness["attainment"], freshness["is_kept"]) == (pytest.approx(1 / 3), False)
    assert for_signal["consumer"] == "morning_signal"
    newest = freshness["results"][-1]
    assert (newest["business_date"], newest["verdict"], newest["late_seconds"]) == (
        "2026-11-19",
        "missed",
        None,
    )
    status = json.loads((docs / "status.json").read_text(encoding="utf-8"))
    short = next(d for d in status["datasets"] if d["dataset"] == "equities.daily_prices")
    assert [(slo["attainment"], slo["consumer"]) for slo in short["slos"]] == [
        (pytest.approx(1 / 3), None),
        (1.0, "morning_signal"),
    ]


def test_pages_of_slos_stay_the_same_while_time_goes_by_and_nothing_happens(example: Example) -> None:
    docs = example.render()
    before = pages(docs)
    later = timedelta(hours=1)
    example.slos = [
        replace(
            each,
            budget=replace(each.budget, since=each.budget.since + later, until=each.budget.until + later),
            results=tuple(
                replace(r, late=r.late + later)
                if isinstance(r, DueResult) and r.verdict is Verdict.MISSED
                else r
                for r in each.results
            ),
        )
        for each in example.slos
    ]

    example.render()

    assert pages(docs) == before


NO_WEB_SITES = [
    "javascript:alert(1)",
    "JAVASCRIPT:alert(1)",
    " https://x",
    "java\tscript:x",
    "data:text/html,x",
]


@pytest.mark.parametrize("url", [*NO_WEB_SITES, "//x", "https:", "http://[x", None])
def test_an_address_that_is_no_web_site_is_no_link(url: str | None) -> None:
    assert words.safe_url(url) is None


def test_times_are_told_in_the_hubs_zone_and_in_utc_for_programs(example: Example) -> None:
    example.render(timezone="America/New_York")

    at = datetime(2026, 11, 18, 9, 12, tzinfo=UTC)
    assert "Times are those of America/New_York" in example.page("index.html")
    told = f'<time datetime="{web.machine_time(at)}" title="America/New_York">2026-11-18 04:12</time>'
    assert told in example.page("index.html")
