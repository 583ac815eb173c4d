"""Who reads what, as `datahub consumers` and `datahub impact` tell it, over a hub on a disk."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from datahub_dagster import pipeline
from datahub_dagster.cli import run
from datahub_dagster.cli.context import Session
from datahub_dagster.domain.contract import (
    ConsumerKind,
    ContractFault,
    FreshnessSlo,
    License,
    Lifecycle,
    Origin,
    Severity,
)
from datahub_dagster.ports import Hub
from tests.builders import book, by_day, column, consumer, contract, data_test, name
from tests.hubs import SetClock, hub_at, orders, put_delivery

EVENING = FreshnessSlo(due=time(18, 30), timezone="Asia/Tokyo", calendar="weekdays")
MORNING = FreshnessSlo(due=time(8), timezone="Asia/Tokyo", calendar="weekdays", covers=1)
DAILY = contract(
    "shop.daily",
    delivery=by_day(start=date(2036, 11, 3)),
    columns=(column("id", "bigint"), column("amount", "double"), column("day", "date")),
    tests=(),
    freshness_slos=(EVENING,),
    license=License(terms="CC BY 4.0", redistribution=True),
    lifecycle=Lifecycle.DEPRECATED,
    sunset_date=date(2037, 3, 31),
    successor="shop.hourly",
)
DESK = consumer(
    "desk", reads=("shop.daily",), label="Desk", kind=ConsumerKind.TEAM, slos={"shop.daily": MORNING}
)
FEED = consumer(
    "feed",
    reads=("shop.daily",),
    label="Feed",
    kind=ConsumerKind.CUSTOMER,
    columns={"shop.daily": ("id", "day")},
    notice=timedelta(days=90),
)
ACROSS = data_test(
    "relationships",
    "id",
    name="orders_are_in_the_shop",
    severity=Severity.WARN,
    depends_on=(name("payments.orders"), name("shop.daily")),
    origin=Origin("tests/orders.sql", 1),
)
ORDERS = contract(tests=(data_test(), ACROSS))

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    """Monday's data are there; it is Tuesday noon in Tokyo."""
    clock = SetClock(datetime(2036, 11, 10, 9, tzinfo=UTC))
    hub = hub_at(tmp_path, book=book(DAILY, ORDERS, consumers=(FEED, DESK)), clock=clock)
    put_delivery(hub, DAILY, "monday", {"x.parquet": orders([1], day=date(2036, 11, 10))})
    pipeline.release(hub, DAILY, "monday", actor="test")
    clock.at = datetime(2036, 11, 11, 3, tzinfo=UTC)
    return hub


@pytest.fixture
def text(hub: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str, columns: int = 80) -> tuple[int, str]:
        monkeypatch.setenv("COLUMNS", str(columns))
        session = Session()
        session.hub = hub
        code = run(arguments, session)
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return call


@pytest.fixture
def program(text: Run) -> Callable[..., Any]:
    def call(*arguments: str) -> Any:
        code, printed = text(*arguments, "--output", "json")
        assert code == 0
        return json.loads(printed)

    return call


def test_consumers_are_told_with_what_they_read_and_were_promised(text: Run) -> None:
    code, printed = text("consumers", "shop.daily")

    assert code == 0
    assert (
        printed
        == """\
shop.daily  shop, internal Feed  customer
  owner     Desk
            desk@example.com
  reads     id, day
  promised  by 18:30 Asia/Tokyo, Monday to Friday
            told 90 days before a breaking change
            licence: CC BY 4.0, may be passed on
shop.daily  shop, internal Desk  team
  owner     Desk
            desk@example.com
  reads     all columns
  promised  by 08:00 Asia/Tokyo, Monday to Friday, with the session before (its own)
"""
    )


def test_without_a_dataset_all_are_told_and_those_that_nobody_reads(text: Run) -> None:
    _, printed = text("consumers", columns=140)

    assert "customer" in printed
    assert "Nobody declared to read payments.orders: nobody would be told of a change." in printed


def test_a_dataset_and_a_team_are_not_named_together(text: Run) -> None:
    assert text("consumers", "shop.daily", "--team", "shop")[0] == 2


def test_only_external_customers_are_bound_by_a_licence(program: Callable[..., Any]) -> None:
    told = program("consumers", "--team", "shop")

    (daily,) = told["datasets"]
    assert daily["license"]["terms"] == "CC BY 4.0"
    feed, desk = daily["consumers"]
    assert (feed["name"], feed["kind"], feed["columns"]) == ("feed", "customer", ["id", "day"])
    assert feed["license"]["redistribution"] is True
    assert feed["notice"] == 90 * 86_400
    assert (desk["columns"], desk["license"], desk["own_slo"]["due"]) == (None, None, "08:00:00")


def test_faults_of_the_book_are_told_since_a_consumer_may_be_missing(hub: Hub, text: Run) -> None:
    fault = ContractFault(team="shop", path="models/exposures.yml", line=7, message="reads shop.dayly")
    hub.contracts.given = replace(hub.contracts.given, faults=(fault,))  # pyright: ignore[reportAttributeAccessIssue]

    assert "models/exposures.yml:7: reads shop.dayly" in text("consumers")[1]


def test_impact_says_who_is_affected_and_when_if_nothing_comes(text: Run) -> None:
    code, printed = text("impact", "shop.daily")

    assert code == 0
    assert printed.splitlines()[1:] == [
        "  team       shop, shop-data@example.com",
        "  published  2036-11-10 09:00 UTC",
        "  promised   by 18:30 Asia/Tokyo, Monday to Friday: met",
        "  licence    CC BY 4.0, may be passed on",
        "  sunset     2037-03-31, successor shop.hourly",
        "Who reads shop.daily",
        "Desk  team",
        "  owner             Desk",
        "                    desk@example.com",
        "  reads             all columns",
        "  promised          by 08:00 Asia/Tokyo, Monday to Friday, with the session before (its own)",
        "  if nothing comes  affected from 2036-11-12 08:00 JST on",
        "                    for Tue 2036-11-11",
        "Feed  customer",
        "  owner             Desk",
        "                    desk@example.com",
        "  reads             id, day",
        "  promised          by 18:30 Asia/Tokyo, Monday to Friday",
        "                    told 90 days before a breaking change",
        "                    licence: CC BY 4.0, may be passed on",
        "  if nothing comes  affected from 2036-11-11 18:30 JST on",
        "                    for Tue 2036-11-11",
        "Tests of other datasets that read shop.daily",
        "payments.orders payments orders_are_in_the_shop",
        "  severity  warn",
        "  written   dbt_project/tests/orders.sql:1",
    ]


def test_impact_of_a_column_names_only_who_reads_it(program: Callable[..., Any], text: Run) -> None:
    told = program("impact", "shop.daily", "--column", "AMOUNT")

    assert [each["name"] for each in told["consumers"]] == ["desk"]
    assert [each["check"] for each in told["tests"]] == ["orders_are_in_the_shop"]
    code, printed = text("impact", "shop.daily", "--column", "price")
    assert code == 2
    assert printed.splitlines()[:2] == [
        "shop.daily.price: there is no such column",
        "  found      the columns id, amount, day",
    ]


def test_impact_for_programs_has_instants_in_utc(hub: Hub, program: Callable[..., Any]) -> None:
    hub.clock.at = datetime(2036, 11, 12, 3, tzinfo=UTC)  # pyright: ignore[reportAttributeAccessIssue]

    desk, feed = program("impact", "shop.daily")["consumers"]

    assert (desk["affected_at"], desk["business_date"]) == ("2036-11-11T23:00:00+00:00", "2036-11-11")
    assert (feed["affected_at"], feed["already"]) == ("2036-11-11T09:30:00+00:00", True)


def test_impact_of_what_nobody_reads_says_so(text: Run) -> None:
    assert (
        "Nobody declared to read payments.orders: nobody would be told."
        in text("impact", "payments.orders")[1]
    )
