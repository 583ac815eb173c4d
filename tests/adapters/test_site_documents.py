"""Documents say what contracts and records say, within bounds, and nothing that their readers may not see."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest

from datahub_dagster.adapters.alert_log import JsonAlertLog
from datahub_dagster.adapters.parquet_sample import ParquetSampler
from datahub_dagster.adapters.site import paths
from datahub_dagster.adapters.site.documents import encode, schema
from datahub_dagster.adapters.site.documents.dataset import dataset_document
from datahub_dagster.adapters.site.documents.overview import (
    Gist,
    changes_document,
    consumer_documents,
    gist_of,
    site_document,
    team_documents,
)
from datahub_dagster.adapters.site.facts import INCIDENTS_SHOWN
from datahub_dagster.adapters.site.gather import gather_dataset
from datahub_dagster.adapters.site.links import Links
from datahub_dagster.domain.audit import AuditReport, CheckStatus, Sample, blocks
from datahub_dagster.domain.contract import Classification, Column, ContractBook, FreshnessSlo, Lifecycle
from datahub_dagster.domain.contract_version import ContractVersion
from datahub_dagster.domain.names import DatasetName
from datahub_dagster.domain.redact import MASK, WITHHELD
from datahub_dagster.domain.release import DueVerdict, ReleaseState
from datahub_dagster.domain.statistics import ColumnStatistics
from datahub_dagster.domain.status import DatasetStatus
from datahub_dagster.domain.verdict import DueResult, Verdict
from tests.adapters.site_example import (
    FIRST_DAY,
    NOW,
    SECRET,
    Example,
    a_test,
    contract,
    failed_audit,
    generation,
    outcome,
    realistic,
    release,
    report,
    result,
)
from tests.adapters.typed_dicts import differences
from tests.conftest import REPO
from tests.docs.pages import blocks as blocks_in

WEIGHTS, PRICES = "datasets/equities.index_weights.json", "datasets/equities.daily_prices.json"
SESSIONS, PAYMENTS = "datasets/volatility.index_sessions.json", "datasets/payments.card_settlements.json"
SECRETS = (SECRET, "short-secret", "overweight-secret")

Documents = Mapping[str, Any]


def documents_of(example: Example, *, is_public: bool = False, sample_rows: int = 5) -> Documents:
    """Every document of the example, by its path, as whoever reads the JSON gets it."""
    hub = example.hub()
    book, alerts = hub.book(), JsonAlertLog(example.storage)
    incidents, links = alerts.incidents(NOW - INCIDENTS_SHOWN), Links.of(book)
    found: dict[str, Any] = {}
    gists: dict[str, Gist] = {}
    for status in example.statuses:
        name = str(status.contract.name)
        facts = gather_dataset(
            hub,
            status,
            book=book,
            links=links,
            reports=[each for each in example.slos if str(each.contract.name) == name],
            incidents=[each for each in incidents if each.alert.dataset == name],
            now=NOW,
            is_public=is_public,
            sampler=ParquetSampler(example.storage),
            sample_rows=sample_rows,
        )
        document = dataset_document(facts)
        found[document["document"]] = document
        gists[name] = json.loads(encode(gist_of(document)))  # as it comes from the state of the last build
    consumers = consumer_documents(book, gists)
    found |= {paths.document_of(each["page"]): each for each in consumers}
    found |= {paths.document_of(each["page"]): each for each in team_documents(book, gists, incidents)}
    found[paths.SITE_DOCUMENT] = site_document(book, gists, consumers, incidents)
    found[paths.CHANGES_DOCUMENT] = changes_document(book, gists, incidents)
    return {path: json.loads(encode(document)) for path, document in found.items()}


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Documents:
    return documents_of(realistic(tmp_path_factory.mktemp("hub")))


def kind_of(path: str) -> Any:
    kinds = {
        "datasets": schema.DatasetDocument,
        "teams": schema.TeamDocument,
        "consumers": schema.ConsumerDocument,
        "status.json": schema.SiteDocument,
        "changes.json": schema.ChangesDocument,
    }
    return kinds[path.split("/")[0]]


def one(of: DatasetStatus, root: Path, **more: Any) -> Any:
    """The document of the only dataset of a hub."""
    (found,) = (d for p, d in documents_of(Example(root, [of]), **more).items() if p.startswith("datasets/"))
    return found


# ── What they are ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_document_is_what_the_schema_says(documents: Documents) -> None:
    assert len(documents) > 14
    for path, document in documents.items():
        assert list(differences(document, kind_of(path))) == [], path


def test_the_checker_of_the_schema_finds_what_is_wrong() -> None:
    event = {"id": 1, "at": "", "kind": "else", "dataset": "", "facts": {}, "more": 1}

    found = list(differences(event, schema.Event))

    assert {each.partition(":")[0].partition(" ")[0] for each in found} == {
        *(
            f"document.{key}"
            for key in ("id", "kind", "more", "team", "title", "text", "page", "release", "change")
        )
    }


def test_two_hubs_in_the_same_state_have_the_same_bytes(tmp_path: Path, documents: Documents) -> None:
    again = documents_of(realistic(tmp_path))

    assert {path: encode(each) for path, each in again.items()} == {
        path: encode(each) for path, each in documents.items()
    }


def test_each_page_that_a_document_names_has_a_document(documents: Documents) -> None:
    site = documents["status.json"]
    named = [*site["datasets"], *site["teams"], *site["consumers"], *documents["changes.json"]["sunsets"]]
    named += documents["changes.json"]["events"] + documents["changes.json"]["incidents"]
    named += documents[WEIGHTS]["lineage"]["reads"] + documents[WEIGHTS]["lineage"]["consumers"]

    for each in named:
        page = each["page"]
        assert page is None or paths.document_of(page.partition("#")[0]) in documents, each


# ── What they hide ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_that_is_confidential_is_in_any_document(documents: Documents) -> None:
    for path, document in documents.items():
        text = encode(document).decode()
        assert not [secret for secret in SECRETS if secret in text], path
    assert MASK in encode(documents[SESSIONS]).decode()
    assert documents[PAYMENTS]["samples_reason"] == "confidential"
    assert [c["statistics"] for c in documents[WEIGHTS]["column_documents"] if c["is_secret"]] == [
        {"name": "desk_view", "nulls": 1, "low": None, "high": None}
    ]


def test_a_column_that_became_confidential_hides_what_was_written_before(tmp_path: Path) -> None:
    secret = Column(name="holder", classification=Classification.CONFIDENTIAL, examples=("another",))
    people = contract("a.people", columns=(Column(name="id"), secret))
    was = replace(people, columns=(Column(name="id"), Column(name="holder", examples=(SECRET,))))
    example = Example(tmp_path)
    for days, each in enumerate((was, people)):
        version = ContractVersion(
            dataset=people.name, valid_from=FIRST_DAY + timedelta(days=days), contract=each
        )
        example.log.add_contract_version(version)
    told = (ColumnStatistics(name="HOLDER", nulls=0, low=SECRET, high=SECRET),)
    outcomes = [
        outcome(people, number, statistics=told, columns=(("HOLDER", "varchar"),)) for number in (1, 2)
    ]
    example.statuses = [DatasetStatus(contract=people, current=generation(people, 2), outcomes=outcomes)]
    example.keep(generation(people, 1), generation(people, 2))

    document = documents_of(example)["datasets/a.people.json"]

    assert SECRET not in encode(document).decode()
    assert [change["text"] for change in document["changelog"][0]["changes"]]


def test_an_engines_error_on_confidential_data_is_not_quoted(tmp_path: Path) -> None:
    people = contract("a.people", classification=Classification.CONFIDENTIAL, tests=(a_test("singular"),))
    errored = (result(people.tests[0], CheckStatus.ERROR, None, message=f"Could not convert '{SECRET}'"),)
    audit = AuditReport(dataset=people.name, base_generation=0, results=errored)
    rejected = outcome(people, 1, ReleaseState.REJECTED, audit=audit, blocks=blocks(people, errored))
    example = Example(tmp_path, [DatasetStatus(contract=people, outcomes=(rejected,))])
    example.log.add_check(audit, FIRST_DAY)

    text = "".join(encode(each).decode() for each in documents_of(example).values())

    assert SECRET not in text
    assert WITHHELD in text


def test_a_public_site_shows_rows_of_public_data_alone(tmp_path: Path) -> None:
    public = documents_of(realistic(tmp_path), is_public=True)

    weights = public[WEIGHTS]
    assert (weights["samples"], weights["samples_reason"]) == (None, "not-public")
    assert public[PAYMENTS]["samples_reason"] == "confidential"
    assert not [c for c in weights["column_documents"] if c["statistics"] and c["statistics"]["low"]]
    failing = [
        check for path in (PRICES, WEIGHTS) for d in public[path]["deliveries"] for check in d["failing"]
    ]
    answers = [a for path in (PRICES, WEIGHTS) for test in public[path]["tests"] for a in test["history"]]
    assert failing
    assert not [each for each in [*failing, *answers] if each["sample"]]


def test_a_public_dataset_shows_its_public_columns_on_a_public_site(tmp_path: Path) -> None:
    columns = (Column(name="day"), Column(name="remark", classification=Classification.INTERNAL))
    weather = contract(
        "a.weather", columns=columns, classification=Classification.PUBLIC, tests=(a_test("singular"),)
    )
    sample = Sample(columns=("day", "remark"), rows=(("2026-11-16", "for us alone"),))
    rejected = outcome(weather, 1, ReleaseState.REJECTED, **failed_audit(weather, sample))

    document = one(DatasetStatus(contract=weather, outcomes=(rejected,)), tmp_path, is_public=True)

    assert document["deliveries"][0]["failing"][0]["sample"]["rows"] == [["2026-11-16", MASK]]


# ── What they say ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_rows_are_shown_where_they_may_be_and_else_it_is_said_why_not(
    tmp_path: Path, documents: Documents
) -> None:
    samples = documents[WEIGHTS]["samples"]
    assert samples["columns"] == ["ticker", "weight", "sector"]
    assert (len(samples["rows"]), samples["truncated"]) == (5, True)
    reasons = {
        path: each["samples_reason"] for path, each in documents.items() if path.startswith("datasets/")
    }
    assert reasons[PRICES] == "unreadable"
    assert reasons["datasets/transport.airports.json"] == "no-columns"
    assert reasons["datasets/weather.daily_observations.json"] == "unpublished"
    assert documents_of(realistic(tmp_path), sample_rows=0)[WEIGHTS]["samples_reason"] == "off"


def test_a_release_is_told_beside_the_one_that_was_published_before_it(documents: Documents) -> None:
    fourth, rejected, second, first = documents[WEIGHTS]["deliveries"]

    assert (first["diff"], rejected["diff"]) == (None, None)
    assert second["diff"]["columns"] == [{"name": "sector", "kind": "added", "was": None, "now": "varchar"}]
    diff = fourth["diff"]
    assert (diff["against"], diff["rows"], diff["dataset_rows"]) == (str(release(2)), 2, 2)
    assert diff["columns"] == [{"name": "weight", "kind": "changed", "was": "float", "now": "double"}]
    assert [(each["name"], each["was"]["high"], each["now"]["high"]) for each in diff["statistics"]] == [
        ("weight", "0.12", "0.14"),
        ("sector", "Utilities", "Utilities"),
    ]


def test_a_release_of_partitions_is_compared_with_the_last_of_the_very_same(tmp_path: Path) -> None:
    of = contract("equities.daily_prices")
    held = ("2026-11-16", "2026-11-17", "2026-11-17", "2026-11-18")
    outcomes = tuple(
        outcome(
            of,
            number,
            partitions=(key,),
            rows=number * 10,
            dataset_rows=number * 100,
            columns=(("id", "bigint"),),
        )
        for number, key in enumerate(held, start=1)
    )

    document = one(DatasetStatus(contract=of, current=generation(of, 4), outcomes=outcomes), tmp_path)

    told = [
        each["diff"] and (each["diff"]["against"], each["diff"]["rows"]) for each in document["deliveries"]
    ]
    assert told == [(str(release(3)), None), (str(release(2)), 10), (str(release(1)), None), None]
    assert [each["dataset_rows"] for each in document["deliveries"]] == [400, 300, 200, 100]


def test_an_slo_that_is_broken_needs_attention_and_what_it_does_not_count_is_not_late(tmp_path: Path) -> None:
    slo = FreshnessSlo(due=time(18, 30), timezone="Asia/Tokyo", calendar="XTKS")
    of = contract("equities.daily_prices", freshness_slos=(slo,))
    at = FIRST_DAY + timedelta(minutes=30)
    due = tuple(
        DueVerdict(slo=slo.name, business_date=day, due_at=at, late_seconds=60.0)
        for day in ("2026-11-13", "2026-11-16")
    )
    outcomes = (outcome(of, 1, due=due),)

    def told(verdict: Verdict, root: Path) -> Any:
        example = Example(root, [DatasetStatus(contract=of, current=generation(of, 1), outcomes=outcomes)])
        result = DueResult(
            slo=slo.name, business_date="2026-11-16", due_at=at, deadline_at=at, verdict=verdict
        )
        example.slos = [report(of, slo, result)]
        return documents_of(example)["datasets/equities.daily_prices.json"]

    late, met = told(Verdict.LATE, tmp_path / "late"), told(Verdict.MET, tmp_path / "met")
    assert (late["needs_attention"], met["needs_attention"]) == (True, False)
    assert [each["is_counted"] for each in late["deliveries"][0]["due"]] == [False, True]
    assert [each["is_counted"] for each in met["deliveries"][0]["due"]] == [False, False]


def test_a_delivery_that_never_was_published_is_overtaken_and_one_that_was_is_superseded(
    tmp_path: Path,
) -> None:
    of = contract("equities.daily_prices")
    outcomes = (outcome(of, 1), outcome(of, 2, ReleaseState.SUPERSEDED), outcome(of, 3), outcome(of, 4, None))
    document = one(DatasetStatus(contract=of, current=generation(of, 3), outcomes=outcomes), tmp_path)

    assert [(each["state"], each["outcome"]) for each in document["deliveries"]] == [
        ("repeat", "repeat"),
        ("published", "published"),
        ("overtaken", "superseded"),
        ("superseded", "published"),
    ]


def test_a_test_tells_its_newest_answer_on_published_data_and_all_answers_before(
    documents: Documents,
) -> None:
    tests = {test["check"]: test for test in documents[PRICES]["tests"]}

    unique = tests["hub_unique_combination_daily_prices"]
    assert (unique["last"]["status"], unique["last"]["at"]) == ("pass", "2026-11-18T09:12:00Z")
    assert [(answer["status"], answer["release"]) for answer in unique["history"]] == [
        ("fail", str(release(4))),
        ("pass", str(release(3))),
        ("pass", str(release(2))),
        ("pass", str(release(1))),
    ]
    between = tests["hub_between_daily_prices_close"]["last"]
    assert (between["status"], between["at"], between["release"]) == ("warn", "2026-11-20T03:00:00Z", None)


def test_neighbours_are_told_in_both_directions(documents: Documents) -> None:
    reads = documents[WEIGHTS]["lineage"]["reads"]
    read_by = documents[PRICES]["lineage"]["read_by_tests"]

    assert [(each["dataset"], each["page"]) for each in reads] == [
        ("equities.daily_prices", "datasets/equities.daily_prices.html")
    ]
    assert [(each["dataset"], each["tests"]) for each in read_by] == [
        ("equities.index_weights", ["relationships_index_weights_ticker"])
    ]


def test_the_changelog_tells_what_each_version_brought(documents: Documents) -> None:
    newest, breaking, additive, first = documents[WEIGHTS]["changelog"]

    assert [each["kind"] for each in (newest, breaking, additive, first)] == [
        "editorial",
        "breaking",
        "additive",
        "first",
    ]
    later = next(each for each in breaking["changes"] if each["subject"] == "SLO freshness")
    assert (later["kind"], later["was"], later["now"]) == ("breaking", "18:00 Asia/Tokyo", "19:00 Asia/Tokyo")


def test_an_slo_has_a_letter_for_each_of_its_last_ninety_days(documents: Documents) -> None:
    freshness = next(each for each in documents[WEIGHTS]["slos"] if each["name"] == "freshness")

    assert len(freshness["days"]) == 90
    assert set(freshness["days"]) == set("mlxeu.")
    assert freshness["days_end"] == "2026-11-20"
    history = next(each for each in documents[WEIGHTS]["slo_history"] if each["name"] == "freshness")
    missed = next(each for each in history["results"] if each["verdict"] == "missed")
    assert missed["late_seconds"] is None
    assert history["since"].endswith("15:00:00Z")  # midnight in Tokyo


def test_consumers_are_told_what_they_read_and_how_that_stands(documents: Documents) -> None:
    weights, prices, parcels = documents["consumers/risk_report.json"]["reads"]

    assert (weights["dataset"], weights["slo"]["due"]) == ("equities.index_weights", "21:00")
    assert weights["history"]["name"] == "for_risk_report"
    assert weights["affected_at"] == "2026-11-20T12:00:00Z"
    assert (prices["slo_state"], prices["is_affected"]) == ("late", True)
    assert (parcels["page"], parcels["slo_state"]) == (None, None)


def test_a_team_whose_files_are_broken_has_a_document_too(documents: Documents) -> None:
    logistics = documents["teams/logistics.json"]

    assert logistics["datasets"] == []
    assert [fault["line"] for fault in logistics["faults"]] == [41]
    markets = documents["teams/markets.json"]
    assert [each["dataset"] for each in markets["datasets"]] == [
        "equities.daily_prices",
        "equities.index_weights",
        "volatility.index_sessions",
    ]
    assert [each["kind"] for each in markets["incidents"]] == ["checks-failed", "slo-missed"]


def test_what_is_open_is_told_first_hand_and_what_will_end(documents: Documents) -> None:
    open_ones = documents["status.json"]["incidents"]
    assert [(each["kind"], each["dataset"]) for each in open_ones] == [
        ("monitor-silent", None),
        ("checks-failed", "equities.index_weights"),
    ]
    (sunset,) = documents["changes.json"]["sunsets"]
    assert (sunset["sunset_date"], sunset["successor_page"]) == (
        "2027-03-31",
        "datasets/equities.daily_prices.html",
    )


def test_a_dataset_whose_log_is_corrupt_stops_no_other(tmp_path: Path) -> None:
    example = realistic(tmp_path)
    (tmp_path / "log/equities/daily_prices/generations/00000002.json").write_bytes(b"{")
    fresh = Example(tmp_path, example.statuses, consumers=example.consumers)

    documents = documents_of(fresh)

    assert "can't be read" in documents[PRICES]["problem"]
    assert documents[PRICES]["needs_attention"]
    assert documents[SESSIONS]["published"]["rolled_back"]


# ── Events ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_event_stays_as_it_was_told_whatever_comes_after(tmp_path: Path) -> None:
    example = realistic(tmp_path)
    before = {each["id"]: each for each in documents_of(example)["changes.json"]["events"]}
    alerts = JsonAlertLog(example.storage)
    for incident in alerts.open_incidents():
        over = replace(incident.alert, facts={})
        alerts.save_incident(replace(incident, alert=over, closed_at=NOW, acknowledged_by="mika"))
    weights = example.statuses[-1]
    newer = outcome(weights.contract, 5, rows=1)
    example.statuses[-1] = replace(weights, outcomes=[*weights.outcomes, newer])

    after = {each["id"]: each for each in documents_of(example)["changes.json"]["events"]}

    assert after.keys() - before.keys() == {f"published/equities.index_weights/{release(5)}"}
    assert {key: after[key] for key in before} == before


def test_what_consumers_want_to_hear_of_is_an_event(documents: Documents) -> None:
    events = documents["changes.json"]["events"]

    assert {each["kind"] for each in events} == {
        "published",
        "rejected",
        "rolled-back",
        "contract",
        "incident",
    }
    assert [each["at"] for each in events] == sorted((each["at"] for each in events), reverse=True)


def test_that_a_dataset_will_go_is_told_when_it_was_said_and_again_for_another_day(tmp_path: Path) -> None:
    stable = contract("a.b", lifecycle=Lifecycle.STABLE)
    march = replace(stable, lifecycle=Lifecycle.DEPRECATED, sunset_date=FIRST_DAY.date())
    reworded = replace(march, description="Prices.")
    later = replace(reworded, sunset_date=FIRST_DAY.date() + timedelta(days=30))
    example = Example(tmp_path, [DatasetStatus(contract=later)])
    for days, each in enumerate((stable, march, reworded, later)):
        version = ContractVersion(
            dataset=stable.name, valid_from=FIRST_DAY + timedelta(days=days), contract=each
        )
        example.log.add_contract_version(version)

    events = documents_of(example)["datasets/a.b.json"]["events"]

    assert [
        (each["at"][:10], each["facts"]["sunset_date"]) for each in events if each["kind"] == "sunset"
    ] == [
        ("2026-11-19", "2026-12-16"),
        ("2026-11-17", "2026-11-16"),
    ]


# ── Bounds ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_ten_years_of_deliveries_make_a_document_of_bounded_size(tmp_path: Path) -> None:
    test = a_test("unique_b", kind="unique")
    of = contract(
        "a.b", tests=(test,), columns=tuple(Column(name=f"c{n}", data_type="bigint") for n in range(100))
    )
    sample = Sample(columns=("c1",), rows=(("1",),) * 20)
    keys = tuple(f"{2016 + n // 360}-{n // 30 % 12 + 1:02}-{n % 30 + 1:02}" for n in range(3_650))

    def delivered(number: int) -> Any:
        told = tuple(
            ColumnStatistics(name=c.name, nulls=number % 7, low="0", high=str(number)) for c in of.columns
        )
        columns = tuple((column.name, "bigint") for column in of.columns)
        more: dict[str, Any] = {"statistics": told, "columns": columns, "partitions": keys}
        state = ReleaseState.REJECTED if number % 5 == 0 else ReleaseState.PUBLISHED
        audit = failed_audit(of, sample) if number % 5 == 0 else {}
        return outcome(of, number, state, **more, **audit)

    status = DatasetStatus(contract=of, outcomes=[delivered(number) for number in range(1, 1_001)])

    document = one(status, tmp_path)

    assert (len(document["deliveries"]), document["deliveries_count"]) == (400, 1_000)
    assert (len(document["deliveries"][0]["partitions"]), document["deliveries"][0]["partitions_count"]) == (
        60,
        3_650,
    )
    assert (len(document["tests"][0]["history"]), len(document["events"])) == (60, 60)
    assert len(encode(document)) < 4_000_000


def test_the_code_of_the_guide_reads_the_documents(
    tmp_path: Path, documents: Documents, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    guide = REPO / "docs/how-to/read-the-pages-from-a-program.md"
    (example,) = (block.text for block in blocks_in(guide, "python"))
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/status.json").write_bytes(encode(documents["status.json"]))
    monkeypatch.chdir(tmp_path)

    exec(example, {})

    assert "weather.daily_observations met [None]" in capsys.readouterr().out


def test_links_look_at_each_test_once_however_many_datasets_there_are() -> None:
    names = [DatasetName("a", f"t{number:04}") for number in range(2_000)]
    book = ContractBook(
        datasets={
            name: contract(str(name), tests=(a_test("x", depends_on=(name, names[index - 1])),))
            for index, name in enumerate(names)
        }
    )

    links = Links.of(book)

    assert list(links.of_dataset(names[7]).reads) == [names[6]]
    assert list(links.of_dataset(names[7]).read_by) == [names[8]]
    assert links.key_of(names[7]) != links.key_of(names[8])
