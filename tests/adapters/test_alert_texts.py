"""What people read: every kind of alert in both languages, whatever the facts are."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from datahub_dagster.adapters.notify.texts import TemplateTexts
from datahub_dagster.adapters.notify.wording import English, Japanese, one_line, zone_of
from datahub_dagster.domain.alert import Alert, AlertKind, Digest, DigestItem, Incident, Stage, Told
from datahub_dagster.domain.contract import Language
from datahub_dagster.domain.due import zone_named
from tests.receivers import mail_server, web_receiver

AT = datetime(2026, 11, 24, 9, 31, tzinfo=UTC)
TEXTS = TemplateTexts("https://hub.example.com/docs/")

_CONSUMERS = [
    {"label": "Morning signal", "at": "2026-11-24T09:30:00+00:00", "already": True},
    {"label": "Weekly report", "at": "2026-11-24T23:00:00+00:00", "already": False},
]
_PROMISE = {
    "slo": "freshness",
    "promised": "by 18:30 Asia/Tokyo, each XTKS session",
    "business_date": "2026-11-24",
    "due_at": "2026-11-24T09:30:00+00:00",
    "consumers": _CONSUMERS,
}
_CHECKS = [
    {"check": "not_null_daily_prices_ticker", "failures": 3},
    {"check": "hub_row_count", "failures": 1204},
]
FACTS: dict[AlertKind, dict[str, Any]] = {
    AlertKind.SLO_MISSED: _PROMISE | {"late_seconds": 64, "budget_left": 0.67},
    AlertKind.SLO_AT_RISK: _PROMISE | {"consumers": _CONSUMERS[1:]},
    AlertKind.BUDGET_BURNS: {
        "slo": "for_morning_signal",
        "burn_rate": 6.2,
        "budget_left": -0.2,
        "attainment": 0.96123,
        "objective": 0.99,
        "window_seconds": 90 * 86_400,
    },
    AlertKind.SLO_UNKNOWN: {"slo": "freshness", "reason": "generation 7 is missing"},
    AlertKind.REJECTED: {
        "release": "2026-11-24.1",
        "delivery": "evening",
        "why": "2 checks fail",
        "checks": _CHECKS,
        "consumers": _CONSUMERS,
    },
    AlertKind.WARNED: {
        "release": "2026-11-24.1",
        "delivery": "evening",
        "warnings": ["hub_between_close: 2 failures"],
        "checks": _CHECKS[:1],
    },
    AlertKind.CHECKS_FAILED: {"checks": _CHECKS, "consumers": _CONSUMERS[:1]},
    AlertKind.ROLLED_BACK: {
        "generation": 9,
        "restores": 7,
        "release": "2026-11-20.1",
        "reason": "prices of another day",
        "actor": "hanako",
    },
    AlertKind.FRESHNESS_CHANGED: {"before": "PASS", "now": "FAIL"},
    AlertKind.RUN_FAILED: {
        "job": "nightly_checks",
        "run_id": "ab12",
        "error": "MemoryError",
        "url": "https://dagster.example.com/runs/ab12",
    },
    AlertKind.SENSOR_FAILED: {"sensor": "inbox_sensor", "error": "no answer"},
    AlertKind.CONTRACT_DEPRECATED: {"sunset_date": "2027-03-31", "successor": "equities.prices_v2"},
    AlertKind.MONITOR_SILENT: {"since": "2026-11-24T08:00:00+00:00", "slos": 17},
}
_OF_THE_PLATFORM = (AlertKind.RUN_FAILED, AlertKind.SENSOR_FAILED, AlertKind.MONITOR_SILENT)
_WITHOUT_END = (AlertKind.ROLLED_BACK, AlertKind.FRESHNESS_CHANGED, AlertKind.CONTRACT_DEPRECATED)


def item(kind: AlertKind, told: Told = Told.NEW, **values: Any) -> DigestItem:
    of_incident = {key: values.pop(key) for key in list(values) if key.startswith(("acknowledged", "id"))}
    is_platforms = kind in _OF_THE_PLATFORM
    defaults: dict[str, Any] = {
        "kind": kind,
        "key": f"{kind}/equities.daily_prices",
        "stage": Stage.OVER if told is Told.OVER else Stage.OPEN,
        "team": "" if is_platforms else "markets",
        "dataset": "" if is_platforms else "equities.daily_prices",
        "at": AT,
        "facts": FACTS[kind],
    }
    alert = Alert(**(defaults | values))
    incident = Incident(
        **({"id": "1a2b3c4", "key": alert.key, "opened_at": AT, "alert": alert} | of_incident)
    )
    return DigestItem(incident=incident, told=told)


def render(
    *items: DigestItem, language: Language = Language.ENGLISH, texts: TemplateTexts = TEXTS
) -> tuple[str, str]:
    return texts.render(Digest(team=items[0].incident.alert.team, language=language, items=items))


@pytest.fixture
def failures() -> Iterator[list[logging.LogRecord]]:
    """Times at which the templates failed and the facts were listed instead."""
    found: list[logging.LogRecord] = []
    log = logging.Handler()
    log.emit = found.append
    logger = logging.getLogger("datahub_dagster.adapters.notify.texts")
    logger.addHandler(log)
    yield found
    logger.removeHandler(log)


@pytest.mark.parametrize("language", Language)
def test_every_alert_and_its_end_read_well(snapshot: SnapshotAssertion, language: Language) -> None:
    """Look at what changed in the snapshot as a tired person at 18:31 would."""
    ends = [kind for kind in AlertKind if kind not in _WITHOUT_END]
    items = [*map(item, AlertKind), *(item(kind, Told.OVER) for kind in ends)]

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


def test_a_miss_in_japanese_tells_the_time_of_tokyo() -> None:
    subject, text = render(item(AlertKind.SLO_MISSED), language=Language.JAPANESE)

    assert "2026年11月24日(火)分のデータ" in subject
    assert "期限：2026年11月24日(火) 18:30 JST\n" in text


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
@given(st.data())
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
    class Broken(dict[str, Any]):
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


@pytest.mark.parametrize("language", Language)
def test_an_alert_of_each_kind_arrives_as_mail_and_as_json(language: Language, tmp_path: Any) -> None:
    from datahub_dagster.domain.contract import Support
    from tests.adapters.test_apprise_channels import channels, message

    with mail_server() as mails, web_receiver() as web:
        there = channels(tmp_path, {"email": mails.target, "webhook": web.target})
        said = [render(item(kind), language=language) for kind in AlertKind]
        for subject, text in said:
            for route in (
                Support(tool="email", channel="desk@example.com"),
                Support(tool="webhook", channel="ops"),
            ):
                there.send(message("", route=route, subject=subject, text=text))

        assert [
            (mail["Subject"], mail.get_content().splitlines()) for mail in mails.mails_to("desk@example.com")
        ] == [(subject, text.splitlines()) for subject, text in said]
        assert [(subject, text.strip()) for subject, text in web.messages()] == [
            (subject, text.strip()) for subject, text in said
        ]
