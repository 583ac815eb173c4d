"""Pages say in English and Japanese what documents hold."""

from typing import Any, cast, get_args, get_type_hints
from zoneinfo import ZoneInfo

import pytest

from datahub_dagster.adapters.site import values
from datahub_dagster.adapters.site.documents import schema
from datahub_dagster.adapters.site.documents.incidents import incident_document
from datahub_dagster.adapters.site.documents.schema import (
    ContractChangeDocument,
    DatasetDocument,
    IncidentDocument,
    Slo,
    SloHistory,
    SloResult,
    Standing,
)
from datahub_dagster.adapters.site.speech import Speech, speech_of
from datahub_dagster.domain.alert import AlertKind
from datahub_dagster.domain.audit import CheckStatus
from datahub_dagster.domain.contract import (
    Classification,
    ConsumerKind,
    Granularity,
    Language,
    Lifecycle,
    Mode,
    Severity,
)
from datahub_dagster.domain.inbox import InboxState
from datahub_dagster.domain.release import GenerationKind, OutcomeKind
from datahub_dagster.domain.slo import SloState
from datahub_dagster.domain.verdict import Verdict
from tests.adapters.alert_example import item

TOKYO = ZoneInfo("Asia/Tokyo")
EN, JA = (speech_of(language, TOKYO) for language in (Language.ENGLISH, Language.JAPANESE))


def slo(**differs: Any) -> Slo:
    plain = {
        "name": "freshness",
        "due": "18:30",
        "max_age_seconds": None,
        "timezone": "Asia/Tokyo",
        "calendar": "XTKS",
        "covers": 0,
        "grace_seconds": 0.0,
        "objective": 0.99,
        "window_days": 90.0,
        "consumer": None,
        "granularity": None,
        "overrides": [],
    }
    return cast(Slo, plain | differs)


def result(verdict: str, **differs: Any) -> SloResult:
    plain = {
        "verdict": verdict,
        "at": "2026-11-20T09:30:00Z",
        "business_date": "2026-11-20",
        "due_at": "2026-11-20T09:30:00Z",
        "deadline_at": "2026-11-20T09:30:00Z",
        "answered_at": None,
        "late_seconds": None,
        "release": None,
        "delivery": None,
        "reason": None,
    }
    return cast(SloResult, plain | differs)


def history(**differs: Any) -> SloHistory:
    plain = {"objective": 0.95, "budget_allowed": 2.5, "budget_left": 0.6, "late": 1, "missed": 0}
    return cast(SloHistory, plain | differs)


# ── Times and numbers ────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_instant_is_told_on_the_clocks_of_the_hub_and_in_utc_for_programs() -> None:
    assert (
        EN.time("2026-11-20T09:30:12Z")
        == '<time datetime="2026-11-20T09:30:12Z" title="Asia/Tokyo">2026-11-20 18:30</time>'
    )
    assert JA.time("2026-11-20T18:05:00Z") == (
        '<time datetime="2026-11-20T18:05:00Z" title="Asia/Tokyo">2026年11月21日 03:05</time>'
    )


def test_a_business_date_has_its_weekday_and_a_month_has_none() -> None:
    assert (EN.day("2026-11-20"), JA.day("2026-11-20")) == ("Fri 2026-11-20", "2026年11月20日(金)")
    assert (EN.day("2026-11"), JA.day("2026-11")) == ("2026-11", "2026年11月")


@pytest.mark.parametrize("speech", [EN, JA])
def test_what_is_not_known_is_a_dash(speech: Speech) -> None:
    told = [
        speech.time(None),
        speech.time("never"),
        speech.day(None),
        speech.count(None),
        speech.size(None),
        speech.share(None),
        speech.attained(None),
        speech.duration(None),
        speech.budget(history(budget_left=None)),
    ]

    assert set(told) == {"–"}


@pytest.mark.parametrize("speech", [EN, JA])
def test_numbers_are_read_at_a_glance_and_what_was_missed_never_looks_kept(speech: Speech) -> None:
    assert speech.count(1_204_113) == "1,204,113"
    assert speech.size(1_234_567) == "1.2 MB"
    assert (speech.share(0.9995), speech.attained(0.98999)) == ("99.95%", "98.99%")


def test_a_length_is_told_in_its_two_largest_units() -> None:
    assert [EN.duration(s) for s in (0, 59, 5700, 129_600)] == ["0 s", "59 s", "1 h 35 min", "1 day 12 h"]
    assert [JA.duration(s) for s in (0, 59, 5700, 129_600)] == ["0秒", "59秒", "1時間35分", "1日12時間"]


# ── Promises ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("promised", "english", "japanese"),
    [
        (
            slo(),
            "By 18:30 Asia/Tokyo, each XTKS session",
            "XTKS の各営業日の18:30（Asia/Tokyo）までに当日分を公開",
        ),
        (
            slo(covers=1, grace_seconds=1800.0),
            "By 18:30 Asia/Tokyo (30 min of grace), each XTKS session, with the session before",
            "XTKS の各営業日の18:30（Asia/Tokyo）までに1営業日前の分を公開（猶予は30分）",
        ),
        (
            slo(calendar="daily", covers=2, timezone="UTC"),
            "By 18:30 UTC, every day, with the data of 2 days before",
            "毎日の18:30（UTC）までに2日前の分を公開",
        ),
        (
            slo(granularity="month", covers=1),
            "By 18:30 Asia/Tokyo, on the first XTKS session after each month, with the whole month",
            "XTKS の翌月最初の営業日の18:30（Asia/Tokyo）までにその月の分を公開",
        ),
        (
            slo(granularity="month", covers=1, calendar="5th of JP"),
            "By 18:30 Asia/Tokyo, on the first session of 5th of JP after each month, with the whole month",
            "JP の毎月5番目の営業日（翌月）の18:30（Asia/Tokyo）までにその月の分を公開",
        ),
        (
            slo(calendar="5th of JP"),
            "By 18:30 Asia/Tokyo, the 5th session of JP each month",
            "JP の毎月5番目の営業日の18:30（Asia/Tokyo）までに当日分を公開",
        ),
        (
            slo(calendar="last of weekdays", covers=1),
            "By 18:30 Asia/Tokyo, the last session of weekdays each month, with the session before",
            "毎月最終平日の18:30（Asia/Tokyo）までに前回の分を公開",
        ),
        (
            slo(calendar="2nd last of (XTKS and (JP or weekdays))"),
            "By 18:30 Asia/Tokyo, the 2nd last session of (XTKS and (JP or weekdays)) each month",
            "XTKS・「JP または 平日」 共通 の毎月最後から2番目の営業日の18:30（Asia/Tokyo）までに当日分を公開",
        ),
        (
            slo(calendar="first of (last of JP)"),
            "By 18:30 Asia/Tokyo, the first session of (last of JP) each month",
            "JP の毎月最終営業日 の毎月最初の営業日の18:30（Asia/Tokyo）までに当日分を公開",
        ),
        (
            slo(calendar="and and"),
            "By 18:30 Asia/Tokyo, each session of and and",
            "and and の各営業日の18:30（Asia/Tokyo）までに当日分を公開",
        ),
        (
            slo(due=None, max_age_seconds=259_200.0, grace_seconds=7200.0),
            "Never older than 3 days (2 h of grace)",
            "最終更新から3日以内（猶予は2時間）",
        ),
        (slo(due=None), "No due time", "期限なし"),
    ],
)
def test_a_promise_is_a_sentence_in_both_languages(promised: Slo, english: str, japanese: str) -> None:
    assert EN.freshness(promised) == english
    assert JA.freshness(promised) == japanese


def test_an_objective_says_over_which_time() -> None:
    assert (EN.objective(0.99, 90.0), JA.objective(0.99, 90.0)) == ("99% over 90 days", "90日間で99%以上")


@pytest.mark.parametrize(
    ("became", "promised", "english", "japanese"),
    [
        (result("met"), None, "met", "達成"),
        (result("late", late_seconds=2040.0), None, "34 min late", "34分の遅れ"),
        (result("late"), None, "late", "遅延"),
        (result("missed"), slo(), "missed", "未達"),
        (result("excused", reason="typhoon"), None, "excused: typhoon", "免除：typhoon"),
        (result("unknown", reason="no log"), None, "unknown: no log", "不明：no log"),
        (
            result("late", late_seconds=7200.0),
            slo(max_age_seconds=5.0),
            "too old by 2 h",
            "約束より2時間古い状態",
        ),
        (result("missed"), slo(max_age_seconds=5.0), "too old", "約束より古い状態"),
        (result("missed", business_date=None, release="2026-11-20.1"), None, "missed", "未達"),
    ],
)
def test_what_became_of_a_due_time_is_told_in_words_that_stay_true(
    became: SloResult, promised: Slo | None, english: str, japanese: str
) -> None:
    assert (EN.became(became, promised), JA.became(became, promised)) == (english, japanese)


@pytest.mark.parametrize(
    ("of", "english", "japanese"),
    [
        (history(), "60% left, 1 of 2.5 spent", "残り60%（許容2.5件のうち1件を消費）"),
        (
            history(budget_left=-0.2, missed=2),
            "overspent, 3 of 2.5 allowed",
            "超過（許容2.5件に対し3件）",
        ),
        (
            history(budget_left=-1.0, budget_allowed=0.0),
            "overspent, 1 of none allowed",
            "超過（許容0件に対し1件）",
        ),
        ({"budget_left": 0.6}, "60% left", "残り60%"),
        ({"budget_left": -0.6}, "overspent", "超過"),
    ],
)
def test_a_budget_says_what_is_left_of_it(of: Any, english: str, japanese: str) -> None:
    assert (EN.budget(of), JA.budget(of)) == (english, japanese)


def test_how_data_come_in_is_a_sentence() -> None:
    whole = cast(
        DatasetDocument,
        {
            "delivery": "Each delivery is the whole dataset.",
            "mode": "replace",
            "partition_column": None,
            "partition_granularity": None,
        },
    )
    cut = cast(
        DatasetDocument,
        {**whole, "mode": "partition", "partition_column": "trade_date", "partition_granularity": "day"},
    )

    assert EN.delivery(whole) == "Each delivery is the whole dataset."
    assert JA.delivery(whole) == "配信のたびにデータセット全体を置き換えます。"
    assert JA.delivery(cut) == "配信に含まれるパーティション（trade_date、1日ごと）だけを置き換えます。"


def test_many_partitions_are_a_range() -> None:
    months = [f"2026-{month:02}" for month in range(1, 10)]

    assert (EN.partitions([""]), JA.partitions([""])) == ("the whole dataset", "データセット全体")
    assert (EN.partitions(months[:2]), JA.partitions(months[:2])) == ("2026-01, 2026-02", "2026-01、2026-02")
    assert EN.partitions(months) == "2026-01 to 2026-09 (9 partitions)"
    assert JA.partitions(months) == "2026-01〜2026-09（9パーティション）"


# ── What happened ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("subject", "text", "english", "japanese"),
    [
        ("column close", "column removed", "column close: column removed", "列 close：列を削除"),
        ("SLO freshness", "due later", "SLO freshness: due later", "SLO freshness：期限を後ろ倒し"),
        (
            "test unique of ticker",
            "only warns",
            "test unique of ticker: only warns",
            "テスト unique of ticker：警告のみに変更",
        ),
        ("retention days", "kept for less", "retention days: kept for less", "保持日数：保持を短縮"),
        ("", "dataset renamed", "dataset renamed", "データセット名を変更"),
        ("calendar x", "in new words", "calendar x: in new words", "calendar x：in new words"),
    ],
)
def test_a_change_of_a_contract_says_what_became_of_what(
    subject: str, text: str, english: str, japanese: str
) -> None:
    change = cast(ContractChangeDocument, {"subject": subject, "text": text})

    assert (EN.change_text(change), JA.change_text(change)) == (english, japanese)


@pytest.mark.parametrize("kind", AlertKind)
def test_every_kind_of_incident_is_told_in_japanese(kind: AlertKind) -> None:
    alert = item(kind).incident
    told = JA.incident_text(incident_document(alert))

    assert told
    assert not told.isascii()
    assert "{" not in told
    assert EN.incident_text(incident_document(alert)).lower() == incident_document(alert)["text"].lower()


def test_a_sunset_that_is_near_is_told_with_its_day() -> None:
    told = incident_document(item(AlertKind.CONTRACT_DEPRECATED).incident)

    assert EN.incident_text(told) == f"the dataset is deprecated and ends on {told['facts']['sunset_date']}"


def test_an_incident_names_the_slo_unless_there_is_but_one() -> None:
    def told(slo: str) -> str:
        facts = {"slo": slo, "objective": 0.99}
        return JA.incident_text(cast(IncidentDocument, {"kind": "budget-burns", "facts": facts}))

    assert told("freshness") == "エラーバジェットが許容より速く減っています"
    assert told("quality") == "SLO「quality」：エラーバジェットが許容より速く減っています"


@pytest.mark.parametrize(
    ("english", "japanese"),
    [
        ("", ""),
        ("never delivered; nothing was due yet", "まだ一度も配信されていません、まだ期限が来ていません"),
        ("2026-11-20 is not there", "2026年11月20日(金)分のデータがありません"),
        ("2026-11-20 is not there: it was taken back", "2026年11月20日(金)分のデータは取り下げられました"),
        ("2026-11-20 came 1 day 12 h late", "2026年11月20日(金)分のデータは1日12時間遅れました"),
        (
            "2026-11 is not there; never came: 2026-08, 2026-09",
            "2026年11月分のデータがありません、未着：2026-08、2026-09",
        ),
        ("never came: 2026-08, 2026-09, 2026-10 and 4 more", "未着：2026-08、2026-09、2026-10、ほか4件"),
        ("the calendar XTKS ends in 2027", "the calendar XTKS ends in 2027"),
        ("never delivered; the calendar XTKS ends", "never delivered; the calendar XTKS ends"),
    ],
)
def test_why_an_slo_stands_so_is_told_in_japanese_where_that_is_known(english: str, japanese: str) -> None:
    standing = cast(Standing, {"reason": english})

    assert (EN.standing_reason(standing), JA.standing_reason(standing)) == (english, japanese)


# ── Words of values ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "held"),
    [
        ("state", SloState),
        ("verdict", Verdict),
        ("lifecycle", Lifecycle),
        ("classification", Classification),
        ("kind", ConsumerKind),
        ("outcome", [*OutcomeKind, "overtaken", *get_args(get_type_hints(schema.DeliveryDocument)["state"])]),
        ("inbox", InboxState),
        ("generation", GenerationKind),
        ("severity", Severity),
        ("check", CheckStatus),
        ("event", get_args(get_type_hints(schema.Event)["kind"])),
        ("incident", AlertKind),
        ("change", get_args(get_type_hints(schema.ContractVersionDocument)["kind"])),
        ("column_change", get_args(get_type_hints(schema.ColumnChange)["kind"])),
        ("mode", Mode),
        ("granularity", Granularity),
        ("snippet", get_args(get_type_hints(schema.Snippet)["language"])),
        ("override", ["added", "removed", "moved"]),
        ("kept", [True, False]),
    ],
)
def test_every_value_of_a_document_has_its_word(kind: str, held: Any) -> None:
    found = {str(value).lower() for value in held}

    assert found <= values.VALUES[kind].keys()
    assert EN.filters()[kind](next(iter(held))) == values.word(kind, next(iter(held))).text


def test_every_kind_of_value_is_spoken_of_in_japanese() -> None:
    for kind, several in values.VALUES.items():
        for value in several if kind != "snippet" else []:
            assert not JA.word(kind, value).isascii(), (kind, value)


def test_a_value_that_nobody_knows_is_said_as_it_is() -> None:
    assert (EN.word("kind", "data-app"), EN.tone("kind", "data-app")) == ("Data app", "plain")
    assert EN.word("mode", None) == "–"


def test_a_late_dataset_looks_bad_and_one_without_a_promise_quiet() -> None:
    assert (EN.tone("state", "late"), EN.tone("state", None), EN.word("state", None)) == (
        "bad",
        "quiet",
        "No SLO",
    )


def test_texts_with_a_number_have_a_plural_in_english_only() -> None:
    assert [EN.ngettext("%(num)s row", "%(num)s rows", n) for n in (1, 2)] == ["%(num)s row", "%(num)s rows"]
    assert JA.gettext("a text that nobody translated") == "a text that nobody translated"
