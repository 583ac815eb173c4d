"""A Monday on which the prices come late: told at 18:31, recovered at 19:05, counted once.

A hub on disk with a contract in YAML, dbt's own audit, mails through a real mail server; only the clock is the test's, minute by
minute. It stands in 2036, so that no file of this machine is younger.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pyarrow as pa
import pytest

from datahub_dagster import pipeline
from datahub_dagster.cli import run
from datahub_dagster.cli.context import Session
from datahub_dagster.definitions import build
from datahub_dagster.defs.shown import Shown
from datahub_dagster.domain.release import ReleaseState
from datahub_dagster.domain.verdict import DueResult, Verdict
from datahub_dagster.ports import Hub
from datahub_dagster.settings import Settings
from datahub_dagster.wiring import open_hub
from tests.defs.dagster_hub import resource_of
from tests.hubs import SetClock, put_delivery
from tests.receivers import MailServer, mail_server

pytestmark = pytest.mark.slow

TOKYO = ZoneInfo("Asia/Tokyo")
DATASET = "equities.daily_prices"
OWNERS, DESK, RESEARCH = "markets-data@example.com", "tokyo-desk@example.co.jp", "research@example.com"

CONTRACT = f"""
version: 2
sources:
  - name: equities
    config:
      meta:
        hub:
          owners: [{OWNERS}]
          support:
            - {{tool: email, channel: {OWNERS}}}
            - {{tool: email, channel: {DESK}, language: ja}}
    tables:
      - name: daily_prices
        config:
          meta:
            hub:
              delivery:
                mode: partition
                partitions: {{column: trade_date, granularity: day, start: 2036-11-04, calendar: XTKS}}
              slo:
                freshness: {{due: "18:30", timezone: Asia/Tokyo, calendar: XTKS, objective: 0.9}}
                quality: {{objective: 0.9}}
        columns:
          - {{name: ticker, data_type: varchar, data_tests: [not_null]}}
          - {{name: trade_date, data_type: date, data_tests: [not_null]}}
          - {{name: close, data_type: double, data_tests: [not_null]}}
exposures:
  - name: morning_report
    label: Morning report
    type: dashboard
    owner: {{name: Research, email: {RESEARCH}}}
    depends_on:
      - source('equities', 'daily_prices')
    config:
      meta:
        hub:
          slo: {{{DATASET}: {{due: "08:00", timezone: Asia/Tokyo, calendar: XTKS, covers: 1}}}}
"""


@dataclass
class Hall:
    """A hub, its clock on Tokyo's time, and where its mails arrive."""

    hub: Hub
    settings: Settings
    clock: SetClock
    mails: MailServer

    def at(self, text: str) -> None:
        self.clock.at = datetime.fromisoformat(text).replace(tzinfo=TOKYO).astimezone(UTC)

    def release(self, day: str) -> None:
        contract = self.hub.book().find(DATASET)
        rows = pa.table({"ticker": ["1301"], "trade_date": [date.fromisoformat(day)], "close": [3100.0]})
        put_delivery(self.hub, contract, day, {"prices.parquet": rows})
        outcome = pipeline.release(self.hub, contract, day, actor="test")
        assert outcome.record
        assert outcome.record.state is ReleaseState.PUBLISHED

    def tick(self) -> None:
        """What the monitor's sensor does each minute."""
        pipeline.monitor(self.hub, list(self.hub.contracts_by_name()), scope="test", confirmed=None)
        pipeline.tell(self.hub)

    def minutes(self, since: str, until: str, *, without: tuple[str, str] | None = None) -> Iterator[str]:
        """Each minute of Monday evening, both included; afterwards the monitor ticks, but not while it is down."""
        at = datetime.fromisoformat(f"2036-11-10T{since}")
        while (text := f"{at:%H:%M}") <= until:
            self.at(at.isoformat())
            yield text
            if without is None or not without[0] <= text < without[1]:
                self.tick()
            at += timedelta(minutes=1)

    def told(self, to: str, about: str) -> list[str]:
        """When (Tokyo) an address was sent mails whose subject has a text."""
        return [
            f"{message.sent_at.astimezone(TOKYO):%H:%M}"
            for message in self.hub.alerts.messages(datetime(2036, 11, 1, tzinfo=UTC))
            if message.route.channel == to and about in message.subject and message.sent_at
        ]

    def mail(self, to: str, about: str) -> str:
        """The text of the only mail to an address whose subject has a text, as the server took it."""
        (mail,) = (mail for mail in self.mails.mails_to(to) if about in mail["Subject"])
        body = mail.get_body(("plain",))
        assert body is not None
        return body.get_content()

    def results(self, slo: str) -> dict[str, DueResult]:
        """What became of an SLO's due times, by business date."""
        reports = pipeline.slo(self.hub, list(self.hub.contracts_by_name()))
        (report,) = (report for report in reports if report.name == slo)
        return {each.business_date: each for each in report.results if isinstance(each, DueResult)}


@contextmanager
def hall(folder: Path, project: Path) -> Iterator[Hall]:
    """A hub whose dataset came in time on Friday, with the monitor at work."""
    with mail_server() as mails:
        (folder / "targets.yml").parent.mkdir(parents=True, exist_ok=True)
        (folder / "targets.yml").write_text(f"email: {mails.target}\n", encoding="utf-8")
        settings = Settings(
            root=folder / "hub",
            dbt_project_dir=project,
            cache_dir=project.parent / "cache",
            alert_targets=folder / "targets.yml",
        )
        clock = SetClock(datetime(2036, 11, 7, tzinfo=UTC))
        opened = Hall(replace(open_hub(settings), clock=clock), settings, clock, mails)
        opened.at("2036-11-07T17:40")
        opened.release("2036-11-07")
        opened.at("2036-11-07T18:31")
        opened.tick()
        yield opened


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project") / "dbt_project"
    (folder / "models/equities").mkdir(parents=True)
    (folder / "models/equities/prices.yml").write_text(CONTRACT, encoding="utf-8")
    (folder / "dbt_project.yml").write_text(
        "name: late_monday\nversion: 1.0.0\nconfig-version: 2\nprofile: datahub\n", encoding="utf-8"
    )
    return folder


@pytest.fixture(scope="module")
def monday(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Iterator[Hall]:
    """Monday evening is over: the prices came at 19:05."""
    with hall(tmp_path_factory.mktemp("monday"), project) as opened:
        for now in opened.minutes("18:00", "19:30"):
            if now == "19:05":
                opened.release("2036-11-10")
        yield opened


def test_a_late_monday_is_told_at_1831_and_recovered_at_1905(monday: Hall) -> None:
    assert [monday.told(OWNERS, about) for about in ("may be late", "is late", "caught up")] == [
        ["18:15"],
        ["18:31"],
        ["19:05"],
    ]
    assert len(monday.mails.mails_to(OWNERS)) == 3
    assert monday.mails.mails_to(RESEARCH) == []  # who needs the data tomorrow is not affected yet


def test_the_mail_says_what_was_promised_and_who_will_be_affected_when(monday: Hall) -> None:
    text = monday.mail(OWNERS, "is late")

    assert "2036-11-10" in text
    assert "18:30" in text
    assert "Morning report" in text
    assert "2036-11-11 08:00" in text


def test_the_desk_in_tokyo_reads_the_same_in_japanese(monday: Hall) -> None:
    times = [
        f"{message.sent_at.astimezone(TOKYO):%H:%M}"
        for message in monday.hub.alerts.messages(datetime(2036, 11, 1, tzinfo=UTC))
        if message.route.channel == DESK and message.sent_at
    ]
    mails = monday.mails.mails_to(DESK)

    assert times == ["18:15", "18:31", "19:05"]
    assert all(any("\u3040" <= char <= "\u30ff" for char in str(mail["Subject"])) for mail in mails)
    assert "Morning report" in str(mails[1].get_body(("plain",)).get_content())  # type: ignore[union-attr]


def test_it_is_counted_once_as_late_and_the_delivery_as_good(
    monday: Hall, capsys: pytest.CaptureFixture[str]
) -> None:
    monday.at("2036-11-10T20:00")
    session = Session()
    session.hub = monday.hub

    assert run(["slo", DATASET, "--month", "2036-11", "--history", "--output", "json"], session) == 0

    found: dict[str, Any] = {each["slo"]: each for each in json.loads(capsys.readouterr().out)["slos"]}
    freshness, quality = found["freshness"], found["quality"]
    assert (freshness["met"], freshness["late"], freshness["missed"]) == (1, 1, 0)
    assert (quality["met"], quality["missed"]) == (2, 0)
    assert [each["late_seconds"] for each in freshness["results"]] == [0, 35 * 60]


def test_a_rollback_on_tuesday_rewrites_nothing(tmp_path: Path, project: Path) -> None:
    with hall(tmp_path, project) as opened:
        opened.at("2036-11-10T19:05")
        opened.release("2036-11-10")
        before = opened.results("freshness")
        opened.at("2036-11-11T09:00")
        contract = opened.hub.book().find(DATASET)
        pipeline.rollback(opened.hub, contract, 1, reason="wrong closing prices", actor="test")
        opened.at("2036-11-11T10:00")

        monday = before["2036-11-10"]
        assert (monday.verdict, monday.late) == (Verdict.LATE, timedelta(minutes=35))
        assert opened.results("freshness") == before
        assert opened.results("for_morning_report")["2036-11-10"].verdict is Verdict.MET


def test_a_monitor_that_was_down_catches_up_and_tells_once(tmp_path: Path, project: Path) -> None:
    with hall(tmp_path, project) as opened:
        for now in opened.minutes("18:20", "19:10", without=("18:25", "18:40")):
            if now == "19:05":
                opened.release("2036-11-10")

        assert opened.told(OWNERS, "is late") == ["18:40"]
        assert opened.told(OWNERS, "caught up") == ["19:05"]


def test_dagsters_sensor_tells_the_same_and_its_checks_show_it(tmp_path: Path, project: Path) -> None:
    with hall(tmp_path, project) as opened, dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        resource = resource_of(opened.hub, str(opened.settings.root))
        location = build(Shown.of(opened.hub, opened.settings), {"hub": resource})
        cursor: str | None = None
        shown: list[tuple[str, bool, str]] = []
        for now in ("18:29", "18:30", "18:31", "18:32", "19:05", "19:06"):
            opened.at(f"2036-11-10T{now}")
            if now == "19:05":
                opened.release("2036-11-10")
            with dg.build_sensor_context(
                instance, cursor=cursor, definitions=location, resources={"hub": resource}
            ) as context:
                result = location.resolve_sensor_def("slo_monitor")(context)
            assert isinstance(result, dg.SensorResult)
            cursor = result.cursor
            shown += [
                (now, event.passed, str(event.description).split(":")[0])
                for event in result.asset_events
                if isinstance(event, dg.AssetCheckEvaluation) and event.check_name == "slo_freshness"
            ]

        assert shown[-2:] == [("18:31", False, "Mon 2036-11-10"), ("19:05", True, "Mon 2036-11-10")]
        assert opened.told(OWNERS, "is late") == ["18:31"]
        assert opened.told(OWNERS, "caught up") == ["19:05"]
