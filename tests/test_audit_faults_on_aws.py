"""What AWS may answer to each call of an audit by Athena: a clear error and never a verdict, and the next audit answers rightly."""

import logging
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from datahub_dagster.adapters.dbt.athena_candidates import MADE_AT
from datahub_dagster.adapters.dbt.athena_engine import AthenaEngine
from datahub_dagster.domain.audit import AuditReport, Sample
from datahub_dagster.errors import HubError, OutsideError
from datahub_dagster.ports import AuditRequest
from tests.adapters.dbt.audited import Audited, account_of, by_name, write_project
from tests.aws import AwsAccount
from tests.aws_faults import FAULTS, SAID, Fault, call_of
from tests.emulator.launch import Emulator
from tests.places import OnAws

pytestmark = [pytest.mark.aws, pytest.mark.slow]

ORDERS = "select * from (values (1, 'ann@example.com'), (2, 'bob@example.com')) as t(id, email)"
SOURCES: list[dict[str, Any]] = [
    {
        "name": "payments",
        "tables": [
            {
                "name": "orders",
                "columns": [
                    {
                        "name": "id",
                        "data_tests": [
                            {"not_null": {"name": "is_there"}},
                            {"unique": {"name": "is_unique"}},
                        ],
                    },
                    {"name": "email", "data_tests": [{"not_null": {"name": "has_email"}}]},
                ],
            }
        ],
    }
]
PARTITIONS = 3
RIGHT = {"is_there": ("pass", 0), "is_unique": ("fail", 2), "has_email": ("pass", 0)}
SAMPLE = Sample(columns=("unique_field", "n_records"), rows=(("1", "3"), ("2", "3")), truncated=False)

NEEDED = {
    "GET": "s3:ListBucket",
    "AWSGlue.GetTables": "glue:GetTables",
    "AWSGlue.CreateDatabase": "glue:CreateDatabase",
    "AWSGlue.CreateTable": "glue:CreateTable",
    "AWSGlue.BatchCreatePartition": "glue:BatchCreatePartition",
    "AmazonAthena.StartQueryExecution": "athena:StartQueryExecution",
    "AmazonAthena.GetQueryExecution": "athena:GetQueryExecution",
    "AmazonAthena.GetQueryResults": "athena:GetQueryResults",
}
"""Each call without which there is no answer, and the action that an error must name."""

REMOVAL = "AWSGlue.BatchDeleteTable"
OF_A_SAMPLE = {
    f"AmazonAthena.{action} of a sample's {part}"
    for action in ("StartQueryExecution", "GetQueryExecution", "GetQueryResults")
    for part in ("columns", "rows")
}
EACH_KIND = pytest.mark.parametrize("kind", ["a permission is missing", "it fails", "its answer is lost"])


@dataclass
class Faulty:
    """Notes each call by its name, and lets the first one of the name `at` go wrong."""

    at: str = ""
    fault: Fault | None = None
    calls: list[str] = field(default_factory=list[str])
    _query: str = ""

    def request(self, request: Any) -> Any:
        call = self._named(request)
        self.calls.append(call)
        if self.fault is None or call != self.at:
            return None
        fault, self.fault = self.fault, None
        return fault(request)

    def _named(self, request: Any) -> str:
        """One query runs after the other, so that a call belongs to the one that began last."""
        call = call_of(request)
        if call.startswith("AmazonAthena."):
            if call.endswith(".StartQueryExecution"):
                sql = request.body.decode()
                parts = {
                    "as failures limit 0": " of a sample's columns",
                    "as failures (": " of a sample's rows",
                }
                self._query = next((part for text, part in parts.items() if text in sql), "")
            return call + self._query
        return call.partition(" ")[0]  # S3 is asked for one list alone


@dataclass
class Hub:
    """An audit of one partitioned dataset, whose calls can go wrong."""

    account: AwsAccount
    audited: Audited
    faulty: Faulty
    request: AuditRequest

    def audit(self, at: str = "", kind: str = "") -> AuditReport:
        self.faulty.at, self.faulty.fault = at, FAULTS[kind] if kind else None
        self.faulty.calls.clear()
        return self.audited.auditor.audit([self.request])[0]

    @property
    def candidates(self) -> list[dict[str, Any]]:
        return self.account.client("glue").get_tables(DatabaseName="hub_candidates")["TableList"]

    def forget(self) -> None:
        """As before the first audit of all."""
        glue = self.account.client("glue")
        with suppress(glue.exceptions.EntityNotFoundException):
            glue.delete_database(Name="hub_candidates")


@pytest.fixture(scope="module")
def opened(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder, faulty = tmp_path_factory.mktemp("audited"), Faulty()
    project = write_project(folder / "project", SOURCES)
    with account_of(emulator) as account, pytest.MonkeyPatch.context() as patch:
        patch.setattr(AthenaEngine, "threads", 1)  # so that calls come in one order
        place = OnAws(account)
        audited = Audited(project, folder / "scratch", aws=account).with_clients(
            place.clients(faulty.request)
        )
        request = audited.request("payments.orders", ORDERS)
        request = replace(request, view=audited.in_partitions(request.view, PARTITIONS))
        yield Hub(account, audited, faulty, request)
        place.close()


@pytest.fixture
def hub(opened: Hub) -> Hub:
    opened.forget()
    return opened


def told(report: AuditReport) -> dict[str, tuple[str, int | None]]:
    return {name: (result.status.value, result.failures) for name, result in by_name(report).items()}


def sample(report: AuditReport) -> Sample | None:
    return by_name(report)["is_unique"].sample


def test_an_audit_makes_these_calls_and_no_others(hub: Hub) -> None:
    report = hub.audit()

    assert told(report) == RIGHT
    assert sample(report) == SAMPLE
    assert set(hub.faulty.calls) == NEEDED.keys() | OF_A_SAMPLE | {REMOVAL}


@EACH_KIND
def test_a_fault_in_a_call_that_is_needed_is_an_error_and_no_verdict(kind: str, hub: Hub) -> None:
    for call, action in NEEDED.items():
        hub.forget()

        with pytest.raises(OutsideError) as raised:
            hub.audit(call, kind)

        must_be_clear(raised.value, kind, action, hub.account)
        assert told(hub.audit()) == RIGHT, call
        assert hub.candidates == [], call


@EACH_KIND
def test_a_fault_in_a_sample_leaves_the_sample_out(kind: str, hub: Hub) -> None:
    for call in sorted(OF_A_SAMPLE):
        report = hub.audit(call, kind)

        assert hub.faulty.fault is None, f"{call} never came"
        assert told(report) == RIGHT, call
        assert sample(report) is None, call
    assert sample(hub.audit()) == SAMPLE


@EACH_KIND
def test_candidates_that_could_not_be_removed_are_removed_a_day_later(
    kind: str, hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert told(hub.audit(REMOVAL, kind)) == RIGHT

    (warning,) = [each.getMessage() for each in caplog.records if "hub_candidates" in each.getMessage()]
    assert "1 table of an audit" in warning
    assert SAID[kind] in warning
    assert "glue:BatchDeleteTable" in warning
    assert "Next: " in warning
    left = hub.candidates
    assert len(left) == (0 if kind == "its answer is lost" else 1)

    assert told(hub.audit()) == RIGHT
    assert hub.candidates == left, "a table of today may be of an audit that runs"
    for table in left:
        made_at = (datetime.now(UTC) - timedelta(days=1, minutes=1)).isoformat()
        aged = {"Name": table["Name"], "Parameters": {**table["Parameters"], MADE_AT: made_at}}
        hub.account.client("glue").update_table(DatabaseName="hub_candidates", TableInput=aged)
    assert told(hub.audit()) == RIGHT
    assert hub.candidates == []


def must_be_clear(error: HubError, kind: str, action: str, account: AwsAccount) -> None:
    text = str(error)
    assert action in text
    assert SAID[kind] in text
    assert re.search(rf"{account.bucket}|payments|hub_candidates|Athena workgroup primary", text), (
        f"no place in {text}"
    )
    assert error.next_step
    assert error.consumers == "still read what was published before"
