"""How well SLOs were kept, as `datahub slo` tells it: a week of a real hub whose clock the tests set."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from datahub_dagster import pipeline
from datahub_dagster.cli import run
from datahub_dagster.cli.context import Session
from datahub_dagster.domain.contract import FreshnessSlo, Override, QualitySlo
from datahub_dagster.domain.names import Location
from datahub_dagster.ports import Hub
from tests.builders import book, by_day, column, consumer, contract, data_test
from tests.hubs import GivenContracts, SetClock, hub_at, orders, put_delivery

TOKYO = ZoneInfo("Asia/Tokyo")
EVENING = FreshnessSlo(due=time(18, 30), timezone="Asia/Tokyo", calendar="weekdays", objective=0.8)
MORNING = FreshnessSlo(due=time(8), timezone="America/New_York", calendar="weekdays", covers=1, objective=0.5)
DAILY = contract(
    "shop.daily",
    delivery=by_day(start=date(2036, 11, 3)),
    columns=(column("id", "bigint"), column("amount", "double"), column("day", "date")),
    tests=(data_test("not_null", "id", "shop.daily"),),
    freshness_slos=(EVENING,),
    quality_slo=QualitySlo(objective=0.95),
)
DESK = consumer("desk", reads=("shop.daily",), label="New York | desk", slos={"shop.daily": MORNING})
PLAIN = contract("payments.orders")

Run = Callable[..., tuple[int, str]]


@dataclass
class Shop:
    """A hub with a dataset of days, and its clock on Tokyo's time."""

    hub: Hub
    clock: SetClock

    def at(self, text: str) -> "Shop":
        self.clock.at = datetime.fromisoformat(text).replace(tzinfo=TOKYO).astimezone(UTC)
        return self

    def release(self, day: str, ids: list[int | None]) -> None:
        name = f"{self.clock.at:%Y%m%dT%H%M%S}"
        put_delivery(self.hub, DAILY, name, {"x.parquet": orders(ids, day=date.fromisoformat(day))})
        pipeline.release(self.hub, self.hub.book().find("shop.daily"), name, actor="test")


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Monday in time, Tuesday late, Wednesday at the second try, Thursday missing; it is Friday evening, before the due time."""
    clock = SetClock(datetime(2036, 11, 10, tzinfo=UTC))
    hub = hub_at(tmp_path_factory.mktemp("hub"), book=book(DAILY, PLAIN, consumers=(DESK,)), clock=clock)
    shop = Shop(hub, clock)
    shop.at("2036-11-10T18:00").release("2036-11-10", [1])
    shop.at("2036-11-11T19:05").release("2036-11-11", [2])
    shop.at("2036-11-12T17:00").release("2036-11-12", [None])
    shop.at("2036-11-12T18:00").release("2036-11-12", [3])
    return shop.at("2036-11-14T17:00")


@pytest.fixture
def text(week: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command over the week; exit code and what it printed."""

    def call(*arguments: str, columns: int = 140, hub: Hub | None = None) -> tuple[int, str]:
        monkeypatch.setenv("COLUMNS", str(columns))
        session = Session()
        session.hub = hub or week.hub
        code = run(arguments, session)
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return call


@pytest.fixture
def program(text: Run) -> Callable[..., Any]:
    def call(*arguments: str, **more: Any) -> Any:
        code, printed = text(*arguments, "--output", "json", **more)
        assert code == 0
        return json.loads(printed)

    return call


def test_each_slo_is_told_with_its_verdicts_budget_and_worst_delays(text: Run) -> None:
    code, printed = text("slo", "shop.daily", columns=80)

    assert code == 0
    assert (
        printed
        == """\
SLOs over their windows, until 2036-11-14 08:00 UTC
shop.daily  freshness
  promised  by 18:30 Asia/Tokyo, Monday to Friday
            80% over 90 days
  kept      50%
            not kept
  verdicts  2 met
            1 late
            1 missed
  budget    overspent, 2 of 0.8 allowed
            burns 2.5 times as fast as allowed
  worst     Thu 2036-11-13: missed, 22 h 30 min ago
            Tue 2036-11-11: 35 min late
  next due  2036-11-14 18:30 JST
shop.daily  for New York | desk
  promised  by 08:00 America/New_York, Monday to Friday, with the session before
            50% over 90 days
  kept      75%
  verdicts  3 met
            1 missed
  budget    50% left, 1 of 2 spent
  worst     Fri 2036-11-07: missed, 3 days 19 h ago
  next due  2036-11-14 08:00 EST
shop.daily  quality
  promised  deliveries pass their audit at the first try
            95% over 90 days
  kept      75%
            not kept
  verdicts  3 met
            1 missed
  budget    overspent, 1 of 0.2 allowed
            burns 5.0 times as fast as allowed
  worst     2036-11-12.3: missed: not_null of id: 1 failure
"""
    )


def test_a_wide_terminal_gets_a_table(text: Run) -> None:
    _, printed = text("slo", columns=140)

    assert " dataset               promised                 kept       verdicts   budget" in printed
    assert "No SLO: payments.orders" in printed


def test_history_lists_every_due_time_and_delivery_on_the_clocks_of_its_slo(text: Run) -> None:
    _, printed = text("slo", "shop.daily", "--history")

    assert (
        " Tue 2036-11-11   2036-11-11 18:30 JST   35 min late               2036-11-11 19:05 JST\n" in printed
    )
    assert " Thu 2036-11-13   2036-11-13 18:30 JST   missed, 22 h 30 min ago\n" in printed
    assert (
        " Mon 2036-11-10   2036-11-11 08:00 EST   met                       2036-11-10 04:00 EST\n" in printed
    )
    assert (
        "2036-11-12.3 (20361112T080000)         missed: not_null of id: 1 failure   2036-11-12 17:00 JST"
        in printed
    )


def test_programs_get_numbers(program: Callable[..., Any]) -> None:
    told = program("slo")

    freshness, for_desk, quality = told["slos"]
    assert (freshness["attainment"], freshness["kept"], freshness["budget_left"]) == (0.5, False, -1.5)
    assert [freshness[each] for each in ("met", "late", "missed", "excused", "unknown")] == [2, 1, 1, 0, 0]
    assert [each["late_seconds"] for each in freshness["worst"]] == [81_000.0, 2_100.0]
    assert freshness["next_due_at"] == "2036-11-14T09:30:00+00:00"
    assert "results" not in freshness
    assert (for_desk["slo"], for_desk["consumer"], for_desk["kept"]) == ("for_desk", "desk", True)
    assert quality["worst"][0]["release"] == "2036-11-12.3"
    assert told["without_slo"] == ["payments.orders"]
    with_history = program("slo", "--history")["slos"][0]["results"]
    assert [each["verdict"] for each in with_history] == ["met", "late", "met", "missed"]


def test_a_spreadsheet_gets_a_line_for_each_slo(text: Run) -> None:
    lines = list(csv.DictReader(io.StringIO(text("slo", "--output", "csv")[1])))

    assert [line["slo"] for line in lines] == ["freshness", "for_desk", "quality"]
    assert lines[1]["promised"] == "by 08:00 America/New_York, Monday to Friday, with the session before"
    assert (lines[0]["attainment"], lines[0]["kept"], lines[0]["consumer"]) == ("0.5", "false", "")


def test_a_spreadsheet_of_the_history_has_a_line_for_each_result(text: Run) -> None:
    lines = list(csv.DictReader(io.StringIO(text("slo", "--history", "--output", "csv")[1])))

    assert len(lines) == 12
    assert [line["late_seconds"] for line in lines if line["verdict"] == "late"] == ["2100.0"]
    assert [line["reason"] for line in lines if line["release"] == "2036-11-12.3"] == [
        "not_null of id: 1 failure"
    ]


def test_a_spreadsheet_of_nothing_has_its_columns_all_the_same(text: Run) -> None:
    _, printed = text("slo", "payments.orders", "--output", "csv")

    assert printed.startswith("dataset,team,slo,consumer,promised,objective,")
    assert printed.count("\n") == 1


def test_a_chat_gets_a_table_in_markdown_whose_cells_stay_whole(text: Run) -> None:
    _, printed = text("slo", "--output", "markdown")

    lines = printed.splitlines()
    assert lines[0] == "## SLOs over their windows, until 2036-11-14 08:00 UTC"
    assert lines[2] == "| dataset | promised | kept | verdicts | budget | worst | next due |"
    assert lines[5].startswith(
        "| shop.daily<br>for New York \\| desk | by 08:00 America/New\\_York, Monday to Friday, "
    )


def test_a_month_counts_what_was_due_by_its_end_in_the_slos_zone(week: Shop, text: Run) -> None:
    clock = SetClock(datetime(2036, 12, 20, tzinfo=UTC))
    later = replace(week.hub, clock=clock)

    _, printed = text("slo", "--month", "2036-11", "--history", hub=later)

    assert printed.startswith("SLOs in 2036-11\n")
    assert " Fri 2036-11-28   2036-11-28 18:30 JST " in printed
    assert "2036-12-01 18:30 JST" not in printed
    assert "next due" not in printed
    # New York's November ends 14 hours after Tokyo's; what covers Friday the 28th is due on Monday, in December.
    assert " Thu 2036-11-27   2036-11-28 08:00 EST " in printed
    assert "2036-12-01 08:00 EST" not in printed


def test_a_month_tells_also_what_is_promised_no_longer(
    week: Shop, text: Run, program: Callable[..., Any]
) -> None:
    renamed = replace(DAILY, freshness_slos=(replace(EVENING, name="evening", timezone="UTC"),))
    later = replace(
        week.hub, clock=SetClock(datetime(2036, 12, 20, tzinfo=UTC)), contracts=GivenContracts(book(renamed))
    )

    told = {each["slo"]: each for each in program("slo", "--month", "2036-11", hub=later)["slos"]}
    printed = text("slo", "--month", "2036-11", columns=80, hub=later)[1]
    markdown = text("slo", "--month", "2036-11", "--output", "markdown", hub=later)[1]
    lines = list(
        csv.DictReader(io.StringIO(text("slo", "--month", "2036-11", "--output", "csv", hub=later)[1]))
    )

    assert list(told) == ["evening", "freshness", "for_desk", "quality"]
    assert (told["evening"]["problem"], told["evening"]["promised_until"]) == ("not promised yet", None)
    assert (told["freshness"]["met"], told["freshness"]["late"], told["freshness"]["missed"]) == (2, 1, 12)
    assert told["freshness"]["promised_until"] == "2036-12-20T00:00:00+00:00"
    assert "no longer promised since 2036-12-20 09:00 JST" in printed
    assert "<br>no longer promised since 2036-12-20 09:00 JST" in markdown
    assert [bool(line["promised_until"]) for line in lines] == [False, True, True, False]
    assert [each["slo"] for each in program("slo", hub=later)["slos"]] == ["evening", "quality"]


def test_a_month_that_is_not_over_says_so(text: Run) -> None:
    assert text("slo", "--month", "2036-11")[1].startswith("SLOs in 2036-11 so far\n")


def test_a_month_before_the_promise_says_so_instead_of_a_share(
    text: Run, program: Callable[..., Any]
) -> None:
    _, printed = text("slo", "--month", "2036-10", columns=80)

    assert printed.count("not promised yet") == 3
    first = program("slo", "--month", "2036-10")["slos"][0]
    assert (first["attainment"], first["kept"], first["problem"]) == (None, None, "not promised yet")


@pytest.mark.parametrize(
    ("month", "why"),
    [
        ("2036-13", "that is no month"),
        ("november", "that is no month"),
        ("0000-01", "that is no month"),
        ("2036-12", "that month has not begun"),
    ],
)
def test_a_month_that_is_none_is_refused(text: Run, month: str, why: str) -> None:
    code, printed = text("slo", "--month", month)

    assert code == 2
    assert why in printed


def test_an_excuse_is_told_with_its_reason_and_counts_for_nothing(week: Shop, text: Run) -> None:
    moved = Override(on=date(2036, 11, 13), kind="removed", reason="the warehouse moves house")
    excused = replace(DAILY, freshness_slos=(replace(EVENING, overrides=(moved,)),))
    hub = replace(week.hub, contracts=GivenContracts(book(excused, consumers=(DESK,))))

    _, printed = text("slo", "shop.daily", "--history", columns=80, hub=hub)

    assert "excused: the warehouse moves house" in " ".join(printed.split())
    assert "1 excused" in printed


def test_a_dataset_whose_log_cant_be_read_is_unknown_and_hides_no_other(tmp_path: Path, text: Run) -> None:
    other = replace(contract("shop.hourly"), freshness_slos=(EVENING,))
    clock = SetClock(datetime(2036, 11, 10, tzinfo=UTC))
    shop = Shop(hub_at(tmp_path, book=book(DAILY, other), clock=clock), clock)
    shop.at("2036-11-10T18:00").release("2036-11-10", [1])
    shop.hub.storage.replace(Location("log/shop/daily/generations/00000001.json"), b"{")

    code, printed = text("slo", columns=80, hub=hub_at(tmp_path, book=book(DAILY, other), clock=clock))

    assert code == 0
    assert printed.count("/generations/00000001.json: can't be read as a generation") == 2
    assert "shop.hourly  freshness" in printed


def test_datasets_and_a_team_are_not_named_together(text: Run) -> None:
    assert text("slo", "shop.daily", "--team", "shop")[0] == 2
    assert "payments" not in text("slo", "--team", "shop")[1]


def test_the_status_says_how_often_each_promise_was_kept(text: Run, program: Callable[..., Any]) -> None:
    told = program("status")["datasets"]

    assert [each["slos"] for each in told if each["dataset"] == "payments.orders"] == [[]]
    (daily,) = [each["slos"] for each in told if each["dataset"] == "shop.daily"]
    assert [(each["slo"], each["attainment"]) for each in daily] == [
        ("freshness", 0.5),
        ("for_desk", 0.75),
        ("quality", 0.75),
    ]
    said = text("status", columns=80)[1]
    assert "late by 22 h 30 min (due 2036-11-13 09:30 UTC, for 2036-11-13); 50% kept, 80% promised" in said


def test_other_commands_have_no_csv_wherever_it_is_asked_for(text: Run) -> None:
    for arguments in (
        ("--output", "csv", "impact", "shop.daily"),
        ("impact", "shop.daily", "--output", "csv"),
    ):
        code, printed = text(*arguments)
        assert code == 2
        assert "csv" in printed
