"""An audit by Athena answers as one by DuckDB does, leaves nothing behind, and costs what it must."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from datahub_dagster.adapters.dbt.athena_candidates import MADE_AT
from datahub_dagster.adapters.dbt.slim import Relation
from datahub_dagster.domain.audit import CheckStatus
from datahub_dagster.domain.names import DatasetName, Location
from datahub_dagster.domain.view import DatasetView
from datahub_dagster.errors import EngineError
from datahub_dagster.ports import AuditRequest
from tests.adapters.dbt.audited import Audited, account_of, by_name, write_project
from tests.aws import AwsAccount, recorded_requests
from tests.emulator.launch import Emulator
from tests.projects.running import HUB_PROJECT
from tests.test_generic_tests import CASES, Case, as_table

pytestmark = [pytest.mark.aws, pytest.mark.slow]

ORDERS = "select * from (values (1, 'ann@example.com'), (2, 'bob@example.com'), (2, null)) as t(id, email)"
GOOD_ORDERS = "select 1 as id, 'ann@example.com' as email"
PARENTS = "select * from (values (1), (1), (2), (3), (null)) as p(id)"
TYPES = """select 1 as id, 1.5::double as a_double, 1e20 as a_large, 0.25::float as a_float, 2.50::decimal(9, 2) as a_decimal,
    true as a_boolean, date '2026-11-20' as a_date, timestamp '2026-11-20 12:30:00' as a_minute,
    timestamp '2026-11-20 12:30:00.25' as an_instant, 'text' as a_text, null::varchar as nothing, 7::tinyint as a_tiny"""
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
                            {"unique": {"name": "is_unique"}},
                            {"not_null": {"name": "is_there"}},
                            {
                                "unique": {
                                    "name": "stored",
                                    "config": {"store_failures": True, "schema": "kept"},
                                }
                            },
                            {"not_null": {"name": "as_a_view", "config": {"store_failures_as": "view"}}},
                        ],
                    },
                    {
                        "name": "email",
                        "config": {"meta": {"hub": {"classification": "confidential"}}},
                        "data_tests": [{"not_null": {"name": "has_email"}}],
                    },
                ],
            },
            {
                "name": "types",
                "columns": [{"name": "nothing", "data_tests": [{"not_null": {"name": "shows_all"}}]}],
            },
        ],
    }
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "project", SOURCES)


@pytest.fixture
def audited(project: Path, aws_account: AwsAccount, tmp_path: Path) -> Iterator[Audited]:
    on_aws = Audited(project, tmp_path / "scratch", aws=aws_account)
    yield on_aws
    on_aws.clients.close()


def candidates(account: AwsAccount) -> list[str]:
    tables = account.client("glue").get_tables(DatabaseName="hub_candidates")["TableList"]
    return sorted(table["Name"] for table in tables)


def answers(audited: Audited, rows: str = ORDERS, **more: Any) -> dict[str, tuple[str, int | None]]:
    report = audited.audit("payments.orders", rows, **more)
    return {name: (result.status.value, result.failures) for name, result in by_name(report).items()}


def answer_instead(audited: Audited, operation: str, content: dict[str, Any], status: int = 200) -> None:
    """Every call of that operation is answered so, and never sent."""

    class Raw:
        def stream(self, **_: Any) -> Iterator[bytes]:
            yield json.dumps(content).encode()

    def answer(request: Any, **_: Any) -> AWSResponse:
        headers: Any = {"Content-Type": "application/x-amz-json-1.1"}
        return AWSResponse(request.url, status, headers, Raw())

    for client in (audited.clients.athena, audited.clients.glue):
        client.meta.events.register(f"before-send.*.{operation}", answer)


@pytest.fixture(scope="module")
def generic(
    emulator: Emulator, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[str, int | None]]:
    """What Athena answers to each case of the generic tests, all in one audit."""
    folder = tmp_path_factory.mktemp("generic")
    shutil.copytree(HUB_PROJECT / "macros", folder / "macros")
    sources = [{"name": "t", "tables": [{"name": "parents"}, *map(as_table, CASES)]}]
    write_project(folder, sources)
    with account_of(emulator) as account:
        audited = Audited(folder, tmp_path_factory.mktemp("scratch"), aws=account, sample_rows=0)
        requests = [
            audited.request(
                f"t.{case.name}", case.rows, {"t.parents": PARENTS} if "parent" in str(case) else None
            )
            for case in CASES
        ]
        reports = audited.auditor.audit(requests)
        audited.clients.close()
    return {
        result.check_name: (result.status.value, result.failures)
        for report in reports
        for result in report.results
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.test}-{case.name}")
def test_the_generic_tests_count_the_same_failures(
    case: Case, generic: dict[str, tuple[str, int | None]]
) -> None:
    if case.name == "nan_lies_between_nothing":
        pytest.skip("the emulator compares NaN as DuckDB does, and not as IEEE says")
    assert generic[f"test_{case.name}"] == ("fail" if case.failures else "pass", case.failures)


def test_nothing_of_an_audit_stays(audited: Audited, aws_account: AwsAccount) -> None:
    found = answers(audited)

    assert found["stored"] == ("fail", 1)
    assert found["as_a_view"] == ("pass", 0)
    assert candidates(aws_account) == []
    databases = aws_account.client("glue").get_databases()["DatabaseList"]
    assert [database["Name"] for database in databases] == ["hub_candidates"]
    objects = aws_account.client("s3").list_objects_v2(Bucket=aws_account.bucket)["Contents"]
    assert {each["Key"].split("/")[1] for each in objects} == {"releases", "athena"}


def test_what_a_crash_left_is_removed_a_day_later(audited: Audited, aws_account: AwsAccount) -> None:
    assert answers(audited, tests={"is_there"})  # makes the database
    now = datetime.now(UTC)
    made = {
        "of_yesterday": {MADE_AT: (now - timedelta(days=1, minutes=1)).isoformat()},
        "of_another_audit": {MADE_AT: (now - timedelta(hours=1)).isoformat()},
        "of_somebody_else": {},
    }
    for name, parameters in made.items():
        aws_account.client("glue").create_table(
            DatabaseName="hub_candidates", TableInput={"Name": name, "Parameters": parameters}
        )

    assert answers(audited, tests={"is_there"}) == {"is_there": ("pass", 0)}

    assert candidates(aws_account) == ["of_another_audit", "of_somebody_else"]


def test_no_former_result_is_used_again(audited: Audited) -> None:
    asked: list[dict[str, Any]] = []
    events = audited.clients.athena.meta.events
    events.register(
        "provide-client-params.athena.StartQueryExecution", lambda params, **_: asked.append(dict(params))
    )

    answers(audited)

    assert len(asked) > 5
    assert all("ResultReuseConfiguration" not in each for each in asked)
    assert {each["WorkGroup"] for each in asked} == {"primary"}


def test_an_audit_asks_no_more_than_it_must(audited: Audited) -> None:
    request = audited.request("payments.orders", GOOD_ORDERS)
    parts = audited.in_partitions(request.view, 230)

    with recorded_requests() as sent:
        report = audited.auditor.audit([replace(request, view=parts)])[0]

    counts = sent.counts()
    statuses = {name: (result.status.value, result.message) for name, result in by_name(report).items()}
    failed = {name for name, (status, _) in statuses.items() if status == "fail"}
    assert failed == {"is_unique", "stored"}, statuses
    assert counts["athena.StartQueryExecution"] == 5 + 2 * 2  # each test one, each sample two more
    glue = {name: count for name, count in counts.items() if name.startswith("glue.")}
    expected = {
        "glue.GetTables": 1,
        "glue.CreateTable": 1,
        "glue.BatchCreatePartition": 3,
        "glue.BatchDeleteTable": 1,
    }
    # The first audit of all makes the database on the way.
    assert glue == {**expected, "glue.CreateTable": 2, "glue.CreateDatabase": 1}
    assert {name: count for name, count in counts.items() if name.startswith("s3.")} == {
        "s3.ListObjectsV2": 1
    }
    costs = [result.cost for result in report.results]
    assert all(cost is not None and cost.bytes_scanned > 0 and cost.query_id for cost in costs)
    assert report.bytes_scanned == sum(cost.bytes_scanned for cost in costs if cost)


def view_location(view: DatasetView, path: str | None = None) -> Location:
    return Location(path or view.files[0].path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("gone", "part-0.parquet has gone"),
        ("replaced", "bytes, and was released with"),
        ("added", "added.parquet is no part of the release"),
    ],
)
def test_files_that_are_not_as_released_are_no_candidate(change: str, said: str, audited: Audited) -> None:
    request = audited.request("payments.orders", GOOD_ORDERS, tests={"is_there"})
    place = view_location(request.view)
    if change == "gone":
        audited.storage.delete(place)
    elif change == "replaced":
        audited.storage.replace(place, b"PAR1")
    else:
        audited.storage.replace(view_location(request.view, str(place).replace("part-0", "added")), b"PAR1")

    (result,) = audited.auditor.audit([request])[0].results

    assert result.status is CheckStatus.ERROR
    assert said in result.message


def test_confidential_values_never_leave_the_engine(audited: Audited, aws_account: AwsAccount) -> None:
    report = audited.audit("payments.orders", ORDERS)

    assert by_name(report)["has_email"].sample is not None
    s3 = aws_account.client("s3")
    results = s3.list_objects_v2(Bucket=aws_account.bucket, Prefix="hub/athena/")["Contents"]
    assert len(results) > 5
    for each in results:
        content = s3.get_object(Bucket=aws_account.bucket, Key=each["Key"])["Body"].read()
        assert b"example.com" not in content


def test_values_are_shown_as_duckdb_shows_them(audited: Audited, tmp_path: Path) -> None:
    on_disk = Audited(audited.project_dir, tmp_path / "disk")

    by_athena = by_name(audited.audit("payments.types", TYPES))["shows_all"].sample
    by_duckdb = by_name(on_disk.audit("payments.types", TYPES))["shows_all"].sample

    assert by_athena is not None
    assert by_athena == by_duckdb


def test_engines_take_turns_in_one_process(audited: Audited, tmp_path: Path) -> None:
    on_disk = Audited(audited.project_dir, tmp_path / "disk")

    found = [
        answers(each, rows, tests={"is_unique"}, release=f"2026-11-20.{place}")["is_unique"][0]
        for place, (each, rows) in enumerate(
            [
                (on_disk, ORDERS),
                (audited, GOOD_ORDERS),
                (on_disk, GOOD_ORDERS),
                (audited, ORDERS),
                (on_disk, ORDERS),
            ],
            1,
        )
    ]

    assert found == ["fail", "pass", "pass", "fail", "fail"]


def test_a_query_beyond_the_cutoff_says_which_setting_it_was(
    audited: Audited, aws_account: AwsAccount
) -> None:
    aws_account.client("athena").create_work_group(
        Name="tight", Configuration={"BytesScannedCutoffPerQuery": 10_000_000}
    )

    large = "select range as id, md5(range::varchar) || md5((range + 1)::varchar) as email from range(500000)"

    with pytest.raises(EngineError, match="more than the cutoff of the workgroup tight") as raised:
        replace(audited, workgroup="tight").audit("payments.orders", large, tests={"has_email"})

    assert "BytesScannedCutoffPerQuery" in str(raised.value)
    assert "nothing is lost" in str(raised.value.next_step)
    assert candidates(aws_account) == []


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({"State": "CANCELLED", "StateChangeReason": "Query cancelled by user"}, "somebody cancelled"),
        (
            {
                "State": "FAILED",
                "StateChangeReason": "GENERIC_INTERNAL_ERROR: a node was lost",
                "AthenaError": {"ErrorCategory": 1, "Retryable": True},
            },
            "Athena failed",
        ),
    ],
)
def test_a_query_without_a_verdict_says_nothing_against_the_data(
    status: dict[str, Any], said: str, audited: Audited
) -> None:
    execution = {"QueryExecutionId": "0", "Status": status}
    answer_instead(audited, "GetQueryExecution", {"QueryExecution": execution})

    with pytest.raises(EngineError, match=said) as raised:
        audited.audit("payments.orders", ORDERS, tests={"is_there"})

    assert "query 0" in str(raised.value)
    assert "the delivery waits" in str(raised.value.next_step)


def test_a_workgroup_that_is_not_there_stops_the_audit(audited: Audited, aws_account: AwsAccount) -> None:
    with pytest.raises(EngineError, match="Athena workgroup nowhere: Athena takes no queries") as raised:
        replace(audited, workgroup="nowhere").audit("payments.orders", ORDERS)

    assert "DATAHUB_ATHENA_WORKGROUP" in str(raised.value.next_step)
    assert candidates(aws_account) == []


@pytest.mark.parametrize(
    ("operation", "code", "said"),
    [
        (
            "StartQueryExecution",
            "AccessDeniedException",
            "the permission athena:StartQueryExecution is missing",
        ),
        ("GetQueryExecution", "AccessDeniedException", "the permission athena:GetQueryExecution is missing"),
        ("GetQueryResults", "AccessDeniedException", "the permission athena:GetQueryResults is missing"),
        ("CreateTable", "AccessDeniedException", "the permission glue:CreateTable is missing"),
        ("GetTables", "AccessDeniedException", "the permission glue:GetTables is missing"),
        ("StartQueryExecution", "ExpiredTokenException", "the AWS credentials have expired"),
    ],
)
def test_what_stops_athena_as_a_whole_is_an_error_that_names_the_action(
    operation: str, code: str, said: str, audited: Audited
) -> None:
    answer_instead(audited, operation, {"__type": code, "message": "no"}, status=400)

    with pytest.raises(EngineError, match=said) as raised:
        audited.audit("payments.orders", ORDERS)

    assert raised.value.next_step
    assert raised.value.consumers == "still read what was published before"


def test_a_dataset_that_was_never_released_is_not_found_by_its_published_name(
    audited: Audited, aws_account: AwsAccount
) -> None:
    glue = aws_account.client("glue")
    glue.create_database(DatabaseInput={"Name": "payments"})
    request = audited.request("payments.orders", ORDERS, tests={"is_there"})

    with audited.engine.showing([request.view]) as world:
        relation = world.relation(DatasetName.parse("payments.types"), "payments", "types")

    assert relation == Relation("awsdatacatalog", "hub_candidates", "payments__types__unseen")


def test_an_empty_dataset_is_audited(audited: Audited) -> None:
    request = audited.request("payments.orders", GOOD_ORDERS, tests={"is_unique", "is_there"})
    empty = AuditRequest(
        contract=request.contract, view=replace(request.view, files=()), base_generation=1, neighbours={}
    )

    assert [result.status for result in audited.auditor.audit([empty])[0].results] == [CheckStatus.PASS] * 2
