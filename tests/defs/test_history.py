"""What releases change over time, as Dagster's events tell it: figures that it plots, and small tables."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from datahub_dagster import pipeline
from datahub_dagster.adapters.site.build import StaticSite
from datahub_dagster.defs.docs import KEY
from datahub_dagster.defs.events import Reported, events_of_outcome, events_of_record
from datahub_dagster.domain.contract import Classification, Contract, Severity
from datahub_dagster.domain.release import DueVerdict
from datahub_dagster.ports import Hub
from tests.builders import NOW, book, by_day, column, contract, data_test
from tests.defs.dagster_hub import DagsterHub, materializations, rows, text
from tests.hubs import GivenContracts, hub_at, orders, put_delivery

ORDERS = contract()
DAYS = [date(2026, 11, 2), date(2026, 11, 3)]
DAILY = contract(
    "payments.daily",
    delivery=by_day(),
    columns=(column("id", "bigint"), column("amount", "double"), column("day", "date")),
    tests=(data_test("not_null", "id", "payments.daily", severity=Severity.WARN),),
)


def released(hub: Hub, of: Contract, name: str, **files: Any) -> Sequence[Reported]:
    """What Dagster is told of a delivery."""
    put_delivery(hub, of, name, {f"{file}.parquet": table for file, table in files.items()})
    outcome = pipeline.release(hub, of, name, actor="test")
    assert outcome.is_news
    return events_of_outcome(hub, of, outcome, "https://docs.example/hub/")


def numbers(told: Reported) -> dict[str, Any]:
    """What Dagster plots."""
    figures = (dg.IntMetadataValue, dg.FloatMetadataValue)
    return {name: value.value for name, value in told.metadata.items() if isinstance(value, figures)}


def test_each_partition_is_plotted_with_the_figures_of_its_release_and_its_own_lateness(
    tmp_path: Path,
) -> None:
    hub = hub_at(tmp_path, DAILY)
    files = {f"d{day.day}": orders([day.day, None], day=day) for day in DAYS}
    released(hub, DAILY, "first", **files)
    (record,) = hub.log.records(DAILY.name)
    late = (
        DueVerdict(slo="freshness", business_date=str(day), due_at=NOW, late_seconds=seconds)
        for day, seconds in zip(DAYS, (90, -600), strict=True)
    )
    told_of = events_of_record(hub, DAILY, replace(record, due=tuple(late)))

    for told, minutes in zip(told_of, (1.5, -10.0), strict=True):
        figures = numbers(told)
        assert figures.pop("seconds") >= 0
        assert figures == {
            "generation": 1,
            "rows": 4,
            "files": 2,
            "bytes": record.bytes,
            "dagster/row_count": 4,
            "dagster/partition_row_count": 2,
            "checks that failed": 1,
            "freshness: late (minutes)": minutes,
        }


def test_a_release_tells_what_its_columns_hold(tmp_path: Path) -> None:
    lenient = replace(ORDERS, tests=())
    told = released(hub_at(tmp_path, lenient), lenient, "first", a=orders([3, 1, None, 2]))[-1]

    assert rows(told.metadata, "columns") == [
        {"column": "id", "nulls": "1 (25%)", "values": "1 to 3"},
        {"column": "amount", "nulls": "0", "values": "1.0 to 1.0"},
    ]


def test_values_are_not_told_once_a_column_is_confidential(tmp_path: Path) -> None:
    hub = hub_at(tmp_path, ORDERS)
    put_delivery(hub, ORDERS, "first", {"a.parquet": orders([1])})
    outcome = pipeline.release(hub, ORDERS, "first", actor="test")
    secret = replace(ORDERS, classification=Classification.CONFIDENTIAL)
    told = events_of_outcome(hub, secret, outcome)[-1]

    assert [row["values"] for row in rows(told.metadata, "columns")] == ["", ""]


def test_the_first_release_under_another_contract_tells_what_changed(tmp_path: Path) -> None:
    hub = hub_at(tmp_path, ORDERS)
    first = released(hub, ORDERS, "first", a=orders([1]))[-1]
    same = released(hub, ORDERS, "second", a=orders([1, 2]))[-1]
    wider = replace(
        ORDERS, version="1.1.0", fingerprint="wider", columns=(*ORDERS.columns, column("note", "varchar"))
    )
    given = hub.contracts
    assert isinstance(given, GivenContracts)
    given.given = book(wider)
    third = released(hub, wider, "third", a=orders([1, 2], note="x"))[-1]

    assert all("contract changed" not in each.metadata for each in (first, same))
    (change,) = rows(third.metadata, "contract changed")
    assert (change["kind"], change["subject"]) == ("additive", "column note")


@pytest.mark.slow
def test_the_docs_tell_how_much_they_wrote_and_lead_to_their_pages(tmp_path: Path) -> None:
    there = DagsterHub(root=tmp_path, book=book(ORDERS))
    site = StaticSite(there.hub.storage, pipeline.status, collect_slos=pipeline.slo)
    there.use(site=site)
    released(there.hub, ORDERS, "first", a=orders([1]))
    first, again = (materializations(there.run("docs"))[0] for _ in range(2))

    assert text(first.metadata, "datasets") == text(first.metadata, "datasets that changed") == 1
    assert text(first.metadata, "files that changed") == text(first.metadata, "files") > 5
    written = sum(file.stat().st_size for file in (tmp_path / "docs").rglob("*") if file.is_file())
    assert 0 < text(first.metadata, "bytes") <= written
    assert (text(again.metadata, "datasets that changed"), text(again.metadata, "files that changed")) == (
        0,
        0,
    )

    shown = there.defs.resolve_asset_graph().get(KEY).metadata
    pages = {text(shown, name).removeprefix("http://docs.example/") for name in shown if "/" not in name}
    assert pages == {"index.html", "status.html", "changes.html", "consumers.html"}
    assert all((tmp_path / "docs" / page).is_file() for page in pages)
