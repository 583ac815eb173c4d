"""Pictures say what documents say: well-formed, the same bytes each time, bounded, and readable without colour or sight."""

import re
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from markupsafe import Markup

from datahub_dagster.adapters.site import charts
from datahub_dagster.adapters.site.documents.days import letters
from datahub_dagster.adapters.site.speech import speech_of
from datahub_dagster.domain.contract import Language
from datahub_dagster.domain.verdict import DueResult, Verdict
from tests.adapters.site_overview_example import DAYS, HOSTILE, short, slo

SVG_STATES = ("met", "late", "missed", "excused", "unknown")
TOKYO = ZoneInfo("Asia/Tokyo")


@pytest.fixture(params=list(Language), ids=lambda language: language.value)
def each_language(request: pytest.FixtureRequest) -> charts.Charts:
    return charts.of(speech_of(request.param, TOKYO))


@pytest.fixture
def english() -> charts.Charts:
    return charts.of(speech_of(Language.ENGLISH, TOKYO))


def machine(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def result(verdict: str, day: date, at: time = time(18, 30), zone: str = "Asia/Tokyo", **values: Any) -> Any:
    due = machine(datetime.combine(day, at, ZoneInfo(zone)))
    return {
        "verdict": verdict,
        "at": due,
        "business_date": day.isoformat(),
        "due_at": due,
        "deadline_at": due,
        "answered_at": None,
        "late_seconds": 720.0 if verdict == "late" else None,
        "release": None,
        "delivery": None,
        "reason": None,
    } | values


def history(*results: Any, zone: str = "Asia/Tokyo", **values: Any) -> Any:
    numbers = Counter(each["verdict"] for each in results)
    return {
        "name": "freshness",
        "consumer": None,
        "consumer_label": None,
        "slo": slo(timezone=zone),
        "objective": 0.95,
        "window_days": 90.0,
        "since": results[0]["at"] if results else "2026-08-24T15:00:00Z",
        "attainment": None,
        "is_kept": None,
        **{verdict: numbers[verdict] for verdict in SVG_STATES},
        "budget_allowed": 2.0,
        "budget_left": 0.5,
        "burn_rate": None,
        "next_due_at": None,
        "problem": None,
        "timezone": zone,
        "results": list(results),
    } | values


def a_quarter(*, per_day: int = 1, days: int = 90) -> list[Any]:
    first = date(2026, 8, 23)
    return [
        result("met", first + timedelta(days=day), time(hour))
        for day in range(days)
        for hour in range(per_day)
    ]


def answer(status: str = "pass", failures: int | None = None, **values: Any) -> Any:
    return {
        "status": status,
        "failures": failures,
        "message": "",
        "at": "2026-11-18T09:12:00Z",
        "release": "2026-11-18.3",
        "sample": None,
    } | values


def answers(*several: Any) -> Any:
    return {"check": "not_null_ticker", "label": "not_null", "history": list(several)}


def delivery(day: int, rows: int | None = 100, published: bool = True, **values: Any) -> Any:
    at = f"2026-11-{day:02}T09:00:00Z" if published else None
    plain = {"release": f"2026-11-{day:02}.1", "published_at": at, "rows": rows}
    return plain | {"dataset_rows": None, "partitions": []} | values


def consumer(name: str = "morning_signal", **values: Any) -> Any:
    return {
        "name": name,
        "label": "Morning signal",
        "kind": "team",
        "type": "application",
        "page": f"consumers/{name}.html",
        "is_affected": False,
    } | values


def neighbour(name: str, page: str | None = "datasets/other.html") -> Any:
    return {"dataset": name, "page": page, "tests": []}


def document(*, reads: Any = (), read_by_tests: Any = (), consumers: Any = ()) -> Any:
    lineage = {"reads": list(reads), "read_by_tests": list(read_by_tests), "consumers": list(consumers)}
    return {"dataset": "equities.daily_prices", "team": "markets", "lineage": lineage}


def parsed(drawn: Markup) -> ElementTree.Element:
    """The picture as XML; whatever is not well formed is refused."""
    return ElementTree.fromstring(f"<body>{drawn}</body>")


def classes(drawn: Markup) -> Counter[str]:
    return Counter(
        element.get("class", "") for element in parsed(drawn).iter() if element.tag in ("path", "rect")
    )


def day_titles(drawn: Markup) -> list[str]:
    return [element.text or "" for element in parsed(drawn).iter("title")]


def every_picture(of: charts.Charts, name: str = "freshness") -> list[Markup]:
    results = [
        result("met", date(2026, 11, 16)),
        *(
            result(verdict, date(2026, 11, 17) + timedelta(days=day), reason=name)
            for day, verdict in enumerate(SVG_STATES[1:])
        ),
    ]
    told = history(*results, name=name, consumer_label=name)
    doc = document(
        reads=[neighbour(name)],
        consumers=[consumer(label=name, type=name, kind=None, is_affected=True)],
        read_by_tests=[neighbour(name, None)],
    )
    return [
        of.heat_map(told),
        of.budget_curve(told),
        of.strip(short(name)),  # pyright: ignore[reportArgumentType]
        of.test_history(
            answers(answer(), answer("fail", 3, release=name), answer("error"), answer("warn", 1))
        ),
        of.trend([delivery(1), delivery(2, release=name)]),
        of.lineage(doc | {"dataset": name, "team": name}, "../"),
    ]


def test_every_picture_has_a_name_for_those_who_do_not_see_it(each_language: charts.Charts) -> None:
    for drawn in every_picture(each_language):
        pictures = [svg for svg in parsed(drawn).iter("svg") if svg.get("aria-hidden") is None]
        assert pictures
        assert all(len(svg.get("aria-label", "")) > 10 for svg in pictures)


def test_the_same_document_gives_the_same_bytes_and_no_id_that_could_stand_twice_on_a_page(
    english: charts.Charts,
) -> None:
    again = charts.of(speech_of(Language.ENGLISH, TOKYO))

    assert every_picture(english) == every_picture(again)
    assert not [drawn for drawn in every_picture(english) if re.search(r'\b(id|style|on\w+)="', drawn)]


def test_hostile_names_stay_text(each_language: charts.Charts) -> None:
    for drawn in every_picture(each_language, HOSTILE):
        assert "<script" not in drawn
        assert "\x00" not in drawn
        assert not list(parsed(drawn).iter("script"))


def test_japanese_pictures_speak_japanese() -> None:
    told = charts.of(speech_of(Language.JAPANESE, TOKYO)).heat_map(
        history(result("late", date(2026, 11, 17)))
    )

    assert "11月" in told
    assert "遅延" in told


def test_a_day_with_several_due_times_shows_the_worst_of_them_and_tells_all(english: charts.Charts) -> None:
    day = date(2026, 11, 17)
    drawn = english.heat_map(
        history(
            result("met", day, time(9)),
            result("missed", day, time(12)),
            result("late", day, time(15)),
            result("excused", date(2026, 11, 18), reason="The exchange closed."),
        )
    )

    assert classes(drawn)["met"] == 0
    assert day_titles(drawn) == [
        "Tue 2026-11-17: missed; 12 min late; Met",
        "Wed 2026-11-18: excused: The exchange closed.",
    ]


def test_the_strip_and_the_calendar_agree_on_the_worst_of_a_day(english: charts.Charts) -> None:
    words = {"m": "met", "l": "late", "x": "missed", "e": "excused", "u": "unknown"}
    day = date(2026, 11, 17)
    for one in Verdict:
        for other in Verdict:
            drawn = english.heat_map(history(result(one.value, day), result(other.value, day)))
            at = datetime.combine(day, time(18, 30), TOKYO)
            due = [
                DueResult(slo="", business_date=day.isoformat(), due_at=at, deadline_at=at, verdict=verdict)
                for verdict in (one, other)
            ]
            of_strip = words[letters(due, TOKYO, day)[-1]]
            cells = [shape for shape in parsed(drawn).iter("path") if shape.find("title") is not None]
            assert [cell.get("class") for cell in cells] == [of_strip]


@pytest.mark.parametrize(
    ("zone", "at", "days"),
    [
        ("Asia/Tokyo", time(8), ["2026-10-31", "2026-11-01", "2026-11-02"]),  # 23:00 UTC of the day before
        ("America/New_York", time(20), ["2026-10-31", "2026-11-01", "2026-11-02"]),  # clocks go back on 1 Nov
        ("America/New_York", time(23, 30), ["2026-03-07", "2026-03-08", "2026-03-09"]),  # and forth on 8 Mar
    ],
)
def test_a_cell_is_a_day_on_the_clocks_of_the_slo(
    english: charts.Charts, zone: str, at: time, days: list[str]
) -> None:
    results = [result("met", date.fromisoformat(day), at, zone) for day in days]

    drawn = english.heat_map(history(*results, zone=zone))

    assert [title.split()[1].rstrip(":") for title in day_titles(drawn)] == days


def test_months_stand_above_the_week_in_which_they_begin(english: charts.Charts) -> None:
    labels = {
        element.text: element.get("x")
        for element in parsed(english.heat_map(history(*a_quarter()))).iter("text")
        if element.get("y") == "11"
    }

    assert list(labels) == ["Sep", "Oct", "Nov"]
    # 23 August 2026 is a Sunday, the only day of its week: September begins two columns later.
    assert labels["Sep"] == str(36 + 2 * 16)


def test_an_unknown_zone_is_taken_as_utc(english: charts.Charts) -> None:
    drawn = english.heat_map(history(result("met", date(2026, 11, 17)), timezone="Mars/Olympus"))

    assert day_titles(drawn) == ["Tue 2026-11-17: Met"]


def test_what_has_no_result_yet_says_so(each_language: charts.Charts) -> None:
    for drawn in (each_language.heat_map(history()), each_language.budget_curve(history())):
        assert not list(parsed(drawn).iter("svg"))
        assert "".join(parsed(drawn).itertext())
    assert each_language.trend([]) == each_language.trend([delivery(1)]) == ""
    assert each_language.test_history(answers()) == ""
    assert not list(parsed(each_language.lineage(document(), "")).iter("svg"))
    assert classes(each_language.strip(short(days="." * 90)))["met"] == 0  # pyright: ignore[reportArgumentType]


def test_ten_thousand_results_make_a_bounded_picture(english: charts.Charts) -> None:
    results = [
        each | {"verdict": "late" if index % 3 == 0 else "met"}
        for index, each in enumerate(a_quarter(per_day=10, days=1000))
    ]
    many = history(*results)

    assert len(english.heat_map(many)) < 80_000
    assert len(day_titles(english.heat_map(many))) <= 53 * 7
    assert len(english.budget_curve(many)) < 12_000
    assert len(english.test_history(answers(*[answer()] * 10_000))) < 6_000
    assert len(english.trend([delivery(1 + day % 28) for day in range(10_000)])) < 12_000
    several = [neighbour(f"a.{index}") for index in range(1000)]
    consumers = [consumer(f"c{index}") for index in range(1000)]
    drawn = english.lineage(document(reads=several, read_by_tests=several, consumers=consumers), "")
    assert len(drawn) < 25_000
    assert "and 993 more" in drawn
    assert "and 1,989 more" in drawn


def test_the_strip_tells_how_many_days_there_were_of_each_kind(english: charts.Charts) -> None:
    drawn = english.strip(short())  # pyright: ignore[reportArgumentType]

    (svg,) = parsed(drawn).iter("svg")
    met = DAYS.count("m")
    assert svg.get("aria-label") == (
        f"90 days to Fri 2026-11-20: {met} met, 1 late, 1 missed, 1 excused, 1 unknown"
    )
    assert (
        len(
            {shape.get("d", "").split("v")[-1].split("h")[0] for shape in svg if shape.get("class") != "base"}
        )
        >= 4
    )


def test_the_budget_curve_falls_a_step_for_each_that_broke_the_promise(english: charts.Charts) -> None:
    results = a_quarter()
    for broken in (20, 50, 80):
        results[broken]["verdict"] = "late"

    drawn = english.budget_curve(history(*results))

    (curve,) = [shape for shape in parsed(drawn).iter("path") if shape.get("class") == "spent"]
    levels = re.findall(r"V([\d.]+)", curve.get("d", ""))
    assert len(set(levels)) == 3
    assert levels == sorted(levels, key=float)
    assert "\u22121" in "".join(parsed(drawn).itertext())  # 3 of 2 allowed


def test_a_curve_of_the_newest_results_starts_with_what_the_older_ones_left(english: charts.Charts) -> None:
    told = history(*a_quarter(), late=2, met=500, budget_allowed=4.0)

    drawn = english.budget_curve(told)

    (curve,) = [shape for shape in parsed(drawn).iter("path") if shape.get("class") == "curve"]
    start = re.match(r"M44 ([\d.]+)", curve.get("d", ""))
    assert start
    assert float(start[1]) == pytest.approx(60)  # half way between all and nothing


def test_a_test_shows_its_newest_answer_at_the_right_and_the_more_failures_the_taller(
    english: charts.Charts,
) -> None:
    drawn = english.test_history(
        answers(answer("fail", 4000), answer("fail", 2), answer("warn", 1), answer())
    )

    (svg,) = parsed(drawn).iter("svg")
    assert [shape.get("class") for shape in svg] == ["pass", "warn", "fail", "fail"]
    heights = [int(re.findall(r"v(\d+)h", shape.get("d", ""))[0]) for shape in svg]
    assert heights == sorted(heights)
    assert day_titles(drawn)[-1] == "2026-11-18 18:12: Failed, 4,000 failures (2026-11-18.3)"
    assert svg.get("aria-label") == "Newest 4 answers: 1 passed, 1 warned, 2 failed"


def test_the_trend_leaves_out_what_was_never_published(english: charts.Charts) -> None:
    drawn = english.trend(
        [delivery(4, 120), delivery(3, 9, published=False), delivery(2, None), delivery(1, 80)]
    )

    assert day_titles(drawn) == ["2026-11-01.1: 80", "2026-11-04.1: 120"]


def test_the_trend_of_a_dataset_in_partitions_is_that_of_all_that_readers_have(
    english: charts.Charts,
) -> None:
    days = [delivery(day, 1, partitions=[f"2026-11-{day:02}"], dataset_rows=26 + day) for day in (3, 2)]

    drawn = english.trend([*days, delivery(1, 27, partitions=["2026-10-31"])])

    assert day_titles(drawn) == ["2026-11-02.1: 28", "2026-11-03.1: 29"]


def test_the_lineage_leads_to_pages_of_the_same_language() -> None:
    doc = document(
        reads=[neighbour("reference.listed")],
        consumers=[consumer()],
        read_by_tests=[neighbour("a.broken", None)],
    )
    drawn = charts.of(speech_of(Language.JAPANESE, TOKYO)).lineage(doc, "../../")

    links = [link.get("href") for link in parsed(drawn).iter("a")]
    assert links == ["../../ja/datasets/other.html", "../../ja/consumers/morning_signal.html"] * 2
    assert {svg.get("role") for svg in parsed(drawn).iter("svg")} == {"group"}
    assert "a.broken" in "".join(parsed(drawn).itertext())
