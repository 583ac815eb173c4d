"""A Monday on which the prices come late: told at 18:31, recovered at 19:05, counted once.

A hub on disk with a contract in YAML, dbt's own audit, mails through a real mail server; only the clock is the test's, minute by
minute. It stands in 2036, so that no file of this machine is younger.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from datahub_dagster import pipeline
from datahub_dagster.cli import run
from datahub_dagster.cli.context import Session
from datahub_dagster.domain.outcome import Outcome
from datahub_dagster.domain.release import ReleaseState
from datahub_dagster.domain.verdict import DueResult, Verdict
from datahub_dagster.ports import Clock, Hub
from datahub_dagster.settings import Settings
from datahub_dagster.wiring import open_hub
from tests.hubs import put_delivery
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
    depends_on: [source('equities', 'daily_prices')]
    config:
      meta:
        hub:
          slo: {{{DATASET}: {{due: "08:00", timezone: Asia/Tokyo, calendar: XTKS, covers: 1}}}}
"""


@dataclass
class SetClock(Clock):
    """Stands where it is put."""

    at: datetime = datetime(2036, 11, 7, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


@dataclass
class Hall:
    """A hub, its clock on Tokyo's time, and where its mails arrive."""

    hub: Hub
    clock: SetClock
    mails: MailServer
    outcomes: dict[str, Outcome] = field(default_factory=dict[str, Outcome])

    def at(self, text: str) -> None:
        self.clock.at = datetime.fromisoformat(text).replace(tzinfo=TOKYO).astimezone(UTC)

    def release(self, day: str) -> None:
        contract = self.hub.book().find(DATASET)
        rows = pa.table({"ticker": ["1301"], "trade_date": [date.fromisoformat(day)], "close": [3100.0]})
        put_delivery(self.hub, contract, day, {"prices.parquet": rows})
        self.outcomes[day] = pipeline.release(self.hub, contract, day, actor="test")

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

    def monday(self) -> DueResult:
        """What became of Monday's due time for everybody."""
        reports = pipeline.slo(self.hub, list(self.hub.contracts_by_name()))
        (report,) = (report for report in reports if report.name == "freshness")
        (result,) = (each for each in report.results if getattr(each, "business_date", "") == "2036-11-10")
        assert isinstance(result, DueResult)
        return result
