"""What people read: every kind of alert in both languages, whatever the facts are."""

import logging
from collections import UserDict
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from datahub_dagster.adapters.notify.languages import English, Japanese
from datahub_dagster.adapters.notify.texts import TemplateTexts
from datahub_dagster.adapters.notify.wording import one_line, zone_of
from datahub_dagster.domain.alert import AlertKind, Told
from datahub_dagster.domain.contract import Language
from datahub_dagster.domain.due import zone_named
from tests.adapters.alert_example import FACTS, WITHOUT_END, item, render

AGED = {"promised": "never older than 2 h", "promise": {"max_age_seconds": 7200}, "timezone": "Asia/Tokyo"}


@pytest.fixture
def failures() -> Iterator[list[logging.LogRecord]]:
    """Times at which the templates failed and the facts were listed instead."""
    found: list[logging.LogRecord] = []

    class Log(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record)

    log = Log()
    logger = logging.getLogger("datahub_dagster.adapters.notify.texts")
    logger.addHandler(log)
    yield found
    logger.removeHandler(log)


@pytest.mark.parametrize("language", Language)
def test_every_alert_and_its_end_read_well(snapshot: SnapshotAssertion, language: Language) -> None:
    """Look at what changed in the snapshot as a tired person at 18:31 would."""
    ends = [kind for kind in AlertKind if kind not in WITHOUT_END]
    came = {"answered_at": "2026-11-24T10:05:00+00:00", "late_seconds": 2100.0}
    items = [
        *map(item, AlertKind),
        *(item(kind, Told.OVER, facts=FACTS[kind] | came) for kind in ends),
        item(AlertKind.SLO_MISSED, facts=FACTS[AlertKind.SLO_MISSED] | AGED),
        item(AlertKind.SLO_MISSED, Told.OVER, facts=FACTS[AlertKind.SLO_MISSED] | AGED | came),
    ]

    said = ["\n\n".join(render(each, language=language)) for each in items]

    assert "\n────\n".join(said) == snapshot


@pytest.mark.parametrize("language", Language)
def test_several_alerts_of_a_team_are_one_message_the_worst_first(
    snapshot: SnapshotAssertion, language: Language
) -> None:
    late = {"acknowledged_by": "hanako", "acknowledged_reason": "the vendor is late"}

    subject, text = render(
        item(AlertKind.SLO_MISSED, Told.OVER, dataset="equities.indices"),
        item(AlertKind.WARNED, dataset="equities.listed"),
        item(AlertKind.REJECTED, Told.WORSE),
        item(AlertKind.SLO_MISSED, Told.REMINDER, **late),
        language=language,
    )

    assert f"{subject}\n\n{text}" == snapshot


def test_a_miss_says_what_was_promised_what_is_there_whom_it_hurts_and_what_to_do() -> None:
    subject, text = render(item(AlertKind.SLO_MISSED))

    assert subject == "equities.daily_prices is late: the data for Tue 2026-11-24 were due at 18:30 JST"
    for fact in (
        "Promised: by 18:30 Asia/Tokyo, each XTKS session",
        "Now: still not published, 1 min late",
        "Affected already: Morning signal (since Tue 2026-11-24 18:30 JST)",
        "Affected next: Weekly report (from Wed 2026-11-25 08:00 JST)",
        "Error budget: 67% left",
        "datahub show equities.daily_prices",
        "datahub ack 1a2b3c4",
        "https://hub.example.com/docs/datasets/equities.daily_prices.html",
    ):
        assert fact in text


def test_what_is_no_longer_waited_for_has_not_come() -> None:
    given_up = FACTS[AlertKind.SLO_MISSED] | {"answered_at": None, "late_seconds": 0.0, "budget_left": None}

    subject, text = render(item(AlertKind.SLO_MISSED, Told.OVER, facts=given_up))

    assert subject == "equities.daily_prices: the data for Tue 2026-11-24 are no longer waited for"
    assert "Published" not in text


def test_a_miss_in_japanese_tells_the_time_of_tokyo() -> None:
    subject, text = render(item(AlertKind.SLO_MISSED), language=Language.JAPANESE)

    assert "2026年11月24日(火)分のデータ" in subject
    assert "期限：2026年11月24日(火) 18:30 JST\n" in text


def test_with_grace_it_is_said_from_when_on_a_miss_counts_as_late() -> None:
    graceful = FACTS[AlertKind.SLO_MISSED] | {"grace_seconds": 3600.0}

    _, english = render(item(AlertKind.SLO_MISSED, facts=graceful))
    _, japanese = render(item(AlertKind.SLO_MISSED, facts=graceful), language=Language.JAPANESE)
    came = graceful | {"answered_at": "2026-11-24T11:05:00+00:00", "late_seconds": 2100.0}
    ended, _ = render(item(AlertKind.SLO_MISSED, Told.OVER, facts=came))

    assert "Now: still not published, 1 min after the deadline (1 h of grace)" in english
    assert "現在：未公開（猶予1時間を1分超過）" in japanese
    assert ended.endswith("came at 20:05 JST, 35 min after the deadline (1 h of grace)")


@pytest.mark.parametrize(
    ("promise", "said"),
    [
        ({"due": "18:30", "calendar": "XTKS"}, "XTKS の各営業日の18:30（Asia/Tokyo）までに当日分を公開"),
        (
            {"due": "08:00", "calendar": "XTKS", "covers": 1, "grace_seconds": 3600},
            "XTKS の各営業日の08:00（Asia/Tokyo）までに1営業日前の分を公開（猶予は1時間）",
        ),
        (
            {"due": "08:00", "calendar": "daily", "covers": 2},
            "毎日の08:00（Asia/Tokyo）までに2日前の分を公開",
        ),
        ({"due": "08:00", "calendar": "weekdays"}, "平日の08:00（Asia/Tokyo）までに当日分を公開"),
        (
            {"due": "10:00", "calendar": "JP", "covers": 5, "granularity": "month"},
            "JP の翌月5番目の営業日の10:00（Asia/Tokyo）までにその月の分を公開",
        ),
        ({"max_age_seconds": 7200, "grace_seconds": 600}, "最終更新から2時間以内（猶予は10分）"),
    ],
)
def test_a_promise_is_said_in_japanese_too(promise: dict[str, Any], said: str) -> None:
    facts = FACTS[AlertKind.SLO_MISSED] | {"promise": {"timezone": "Asia/Tokyo"} | promise}

    _, text = render(item(AlertKind.SLO_MISSED, facts=facts), language=Language.JAPANESE)

    assert f"約束：{said}\n" in text


@pytest.mark.parametrize("language", Language)
def test_slos_that_no_monitor_ever_evaluated_are_told_with_their_teams(language: Language) -> None:
    facts = FACTS[AlertKind.MONITOR_SILENT] | {"teams": ["markets", "fx"], "datasets": ["markets.rates"]}
    subject, text = render(item(AlertKind.MONITOR_SILENT, facts=facts), language=language)

    assert "17" in subject
    for told in ("markets", "fx", "markets.rates", "DATAHUB_TEAMS"):
        assert told in text
    assert "DATAHUB_TEAMS" not in render(item(AlertKind.MONITOR_SILENT), language=language)[1]


def test_who_has_acknowledged_is_told_and_nobody_is_asked_again() -> None:
    _, text = render(item(AlertKind.SLO_MISSED, Told.REMINDER, acknowledged_by="hanako"))

    assert "Taken care of by: hanako" in text
    assert "datahub ack" not in text


def test_without_docs_there_is_no_link() -> None:
    assert "http" not in "".join(render(item(AlertKind.SLO_MISSED), texts=TemplateTexts()))


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("told", Told)
@pytest.mark.parametrize("kind", AlertKind)
def test_facts_that_are_not_known_are_left_out(
    kind: AlertKind, told: Told, language: Language, failures: list[logging.LogRecord]
) -> None:
    subject, text = render(item(kind, told, facts={}), language=language)

    assert not failures
    assert subject
    for word in ("None", "Undefined", "{{", "  ", "()", "（）", " ,", ":\n", "：\n"):
        assert word not in subject + "\n" + text, f"{word!r} in {subject}\n{text}"


def test_a_text_of_a_teams_forges_no_line_and_is_cut() -> None:
    forged = "x\r\nBcc: everybody@example.com\u2028\u2029\x85\x00\u202eFORGED " + "long " * 5000
    facts = {
        "release": forged,
        "delivery": forged,
        "why": forged,
        "checks": [{"check": forged, "failures": 1}],
    }

    subject, text = render(item(AlertKind.REJECTED, facts=facts))

    assert len(subject) <= 160
    assert len(text) < 2500
    assert all(char.isprintable() for char in subject + text.replace("\n", ""))
    assert not [line for line in text.splitlines() if line.startswith(("Bcc", "FORGED"))]


def test_a_hundred_alerts_are_told_in_a_message_that_can_be_read() -> None:
    subject, text = render(
        *(item(AlertKind.SLO_MISSED, dataset=f"equities.t{number}") for number in range(100))
    )

    assert subject.startswith("markets: 100 open alerts about 100 datasets")
    assert "and 80 more" in text
    assert len(text) < 20_000


_WILD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.just("2026-13-45T99:99"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_the_facts_are_a_message_comes_out(
    data: st.DataObject, failures: list[logging.LogRecord]
) -> None:
    kind = data.draw(st.sampled_from(AlertKind))
    names = sorted({*FACTS[kind], "answered_at", "timezone", "consumers"})
    facts = data.draw(st.dictionaries(st.sampled_from(names) | st.text(max_size=8), _WILD, max_size=8))
    told = data.draw(st.sampled_from(Told))
    text_of = st.text(max_size=30)

    subject, text = render(
        item(kind, told, facts=facts, dataset=data.draw(text_of), id=data.draw(text_of)),
        item(kind, facts=facts),
        language=data.draw(st.sampled_from(Language)),
    )

    assert subject
    assert "\n" not in subject
    assert text.encode("utf-8").strip()
    assert not failures, "the templates themselves cope with it"


def test_where_a_template_fails_the_facts_are_listed(failures: list[logging.LogRecord]) -> None:
    class Broken(UserDict[str, Any]):
        def keys(self) -> Any:
            raise RuntimeError("no keys")

    subject, text = render(item(AlertKind.REJECTED, facts=Broken(why="2 checks fail")))

    assert subject == "new: rejected/equities.daily_prices (1a2b3c4)"
    assert "why: 2 checks fail" in text
    assert len(failures) == 1


def test_instants_are_told_in_the_zone_of_the_promise() -> None:
    assert zone_of({"promised": "by 17:00 America/New_York, each XNYS session"}).key == "America/New_York"
    assert zone_of({"timezone": "Europe/Berlin", "promised": "by 17:00 Asia/Tokyo"}).key == "Europe/Berlin"
    assert zone_of({"timezone": "Nowhere/At_All"}).key == "UTC"


@pytest.mark.parametrize(
    ("seconds", "english", "japanese"),
    [
        (64, "1 min", "1分"),
        (5, "5 s", "5秒"),
        (2100, "35 min", "35分"),
        (90_061, "1 day 1 h", "1日1時間"),
        (timedelta(days=90).total_seconds(), "90 days", "90日"),
    ],
)
def test_lengths_are_said_in_two_units_at_most(seconds: float, english: str, japanese: str) -> None:
    assert English(zone_named("UTC")).length(seconds) == english
    assert Japanese(zone_named("UTC")).length(seconds) == japanese


def test_one_line_keeps_the_wide_space_out_and_the_words_in() -> None:
    assert one_line("納品\u3000データ\tの 確認") == "納品 データ の 確認"
