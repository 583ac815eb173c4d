"""What audits and checks cost, as `status --cost`, `show` and `releases` tell it. The engine's bill is made up; the sums are not."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from datahub_dagster import pipeline
from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.cli import run
from datahub_dagster.cli.context import Session
from datahub_dagster.domain.audit import CheckStatus, QueryCost
from datahub_dagster.domain.cost import Cost, cost_of
from datahub_dagster.ports import Hub
from tests.builders import NOW, book, contract
from tests.charging import MB, ChargingAuditor
from tests.hubs import PlainSqlAuditor, SetClock, hub_at, orders, put_delivery

ORDERS, REFUNDS = contract(), contract("payments.refunds")

Run = Callable[..., tuple[int, Any]]


@dataclass
class Charged:
    """A hub whose engine charges."""

    hub: Hub
    auditor: ChargingAuditor
    clock: SetClock

    def release(self, name: str, ids: list[int]) -> None:
        put_delivery(self.hub, ORDERS, name, {"part-0.parquet": orders(ids)})
        self.clock.at = max(self.clock.at, datetime.now(NOW.tzinfo) + timedelta(days=365))
        pipeline.release(self.hub, ORDERS, name, actor="test")


@pytest.fixture
def charged(tmp_path: Path) -> Charged:
    auditor = ChargingAuditor(PlainSqlAuditor(LocalStorage(tmp_path)))
    clock = SetClock(NOW + timedelta(days=3650))
    hub = hub_at(tmp_path, book=book(ORDERS, REFUNDS), auditor=auditor, clock=clock)
    return Charged(hub, auditor, clock)


@pytest.fixture
def text(charged: Charged, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str, root: str = "s3://acme-datahub/prod") -> tuple[int, str]:
        session = Session(root=root)
        session.hub = charged.hub
        code = run(arguments, session)
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return call


@pytest.fixture
def program(text: Run) -> Run:
    def call(*arguments: str, **more: Any) -> tuple[int, Any]:
        code, printed = text(*arguments, "--output", "json", **more)
        return code, json.loads(printed)

    return call


def test_the_costs_of_a_dataset_are_those_of_its_last_release_its_last_check_and_the_month(
    charged: Charged, program: Run
) -> None:
    charged.release("a", [1])
    charged.auditor.scanned = 40 * MB
    charged.release("b", [1, 2])
    charged.auditor.scanned = 5 * MB
    pipeline.check(charged.hub, [ORDERS])
    code, told = program("status", "--cost", "--price-per-tb", "5")
    assert code == 0
    assert told["is_charged"] is True
    orders_, refunds = told["datasets"]
    assert orders_["last_release"] == {
        "queries": 2,
        "bytes_scanned": 80 * MB,
        "bytes_charged": 80 * MB,
        "engine_seconds": 1.0,
        "usd": 5 * 80 / (1 << 20),
    }
    assert orders_["last_check"]["bytes_scanned"] == 10 * MB
    assert orders_["last_check"]["bytes_charged"] == 20 * MB  # ten are the least for each
    assert orders_["month"]["queries"] == 6
    assert orders_["month"]["bytes_scanned"] == (50 + 80 + 10) * MB
    assert refunds["last_release"] is None
    assert refunds["month"]["queries"] == 0
    assert told["month"]["bytes_charged"] == (50 + 80 + 20) * MB


def test_what_was_released_and_checked_before_this_month_is_no_part_of_it(
    charged: Charged, program: Run
) -> None:
    charged.release("a", [1])
    pipeline.check(charged.hub, [ORDERS])
    charged.clock.at += timedelta(days=40)
    _, told = program("status", "--cost")
    assert told["datasets"][0]["last_release"]["queries"] == 2
    assert told["month"]["queries"] == 0
    assert told["month"]["usd"] is None


def test_people_see_the_same_as_a_table(charged: Charged, text: Run) -> None:
    charged.release("a", [1])
    code, printed = text("status", "--cost", "--price-per-tb", "5")
    assert code == 0
    assert "52.4 MB scanned by 2 queries, 1.0 s in the engine" in " ".join(printed.split())
    assert "USD 0.000238" in printed


def test_without_a_price_there_is_none(charged: Charged, text: Run) -> None:
    charged.release("a", [1])
    _, printed = text("status", "--cost")
    assert "USD 0" not in printed
    assert "--price-per-tb" in printed


def test_a_price_alone_is_refused(text: Run) -> None:
    code, printed = text("status", "--price-per-tb", "5")
    assert code == 2
    assert "datahub status --cost" in printed


def test_the_embedded_hub_charges_nothing(text: Run, program: Run, tmp_path: Path) -> None:
    _, printed = text("status", "--cost", root=str(tmp_path))
    assert "DuckDB runs on this machine and charges nothing" in printed
    _, told = program("status", "--cost", root=str(tmp_path))
    assert told["is_charged"] is False


def test_a_dataset_that_cannot_be_read_hides_no_other(charged: Charged, program: Run, tmp_path: Path) -> None:
    charged.release("a", [1])
    receipts = tmp_path / "log/payments/refunds/receipts"
    receipts.mkdir(parents=True)
    (receipts / "00000001.json").write_text("{ torn")
    _, told = program("status", "--cost")
    assert told["datasets"][0]["month"]["queries"] == 2
    assert "can't be read" in told["datasets"][1]["problem"]


def test_a_release_says_what_its_audit_cost(charged: Charged, text: Run, program: Run) -> None:
    charged.release("a", [1])
    release = str(charged.hub.log.receipts(ORDERS.name)[0].release_id)
    _, shown = text("show", "payments.orders", "--release", release)
    assert "cost       52.4 MB scanned by 2 queries, 1.0 s in the engine" in shown
    _, history = program("releases", "payments.orders")
    assert history["history"][0]["cost"]["bytes_scanned"] == 50 * MB
    _, listed = text("releases", "payments.orders")
    assert "audit: 52.4 MB scanned by 2 queries" in " ".join(listed.split())


def test_a_query_that_failed_before_it_scanned_anything_is_not_charged_for(charged: Charged) -> None:
    charged.release("a", [1])
    record = charged.hub.log.records(ORDERS.name)[0]
    assert record.audit is not None
    nothing = QueryCost(bytes_scanned=0, engine_seconds=0.1)
    failed = replace(record.audit.results[0], status=CheckStatus.ERROR, cost=nothing)
    answered = replace(record.audit.results[1], cost=nothing)
    report = replace(record.audit, results=(failed, answered))
    assert cost_of([report]) == Cost(queries=2, bytes_charged=10 * MB, engine_seconds=0.2)


def test_an_audit_of_before_there_were_costs_is_read(tmp_path: Path) -> None:
    hub = hub_at(tmp_path, ORDERS)
    put_delivery(hub, ORDERS, "a", {"part-0.parquet": orders([1])})
    pipeline.release(hub, ORDERS, "a", actor="test")
    for path in tmp_path.glob("releases/payments/orders/*/_*.json"):
        document = json.loads(path.read_text())
        audit = document.get("audit") or document
        for result in audit.get("results", ()):
            del result["cost"]
        path.write_text(json.dumps(document))
    (record,) = hub_at(tmp_path, ORDERS).log.records(ORDERS.name)
    assert record.audit is not None
    assert [result.cost for result in record.audit.results] == [None, None]
    assert cost_of([record.audit]) is None


def test_samples_of_failing_rows_are_queries_too_and_each_is_charged_for(charged: Charged) -> None:
    charged.release("a", [1])
    record = charged.hub.log.records(ORDERS.name)[0]
    assert record.audit is not None
    bill = QueryCost(bytes_scanned=30, engine_seconds=1.0, bytes_by_query=(10, 10, 10))
    report = replace(record.audit, results=(replace(record.audit.results[0], cost=bill),))
    assert cost_of([report]) == Cost(
        queries=3, bytes_scanned=30, bytes_charged=3 * 10 * MB, engine_seconds=1.0
    )
