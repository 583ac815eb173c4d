"""The audit runs a dataset's own dbt tests on data that nobody sees yet, and shows nothing confidential."""

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from datahub_dagster.adapters.dbt.privacy import MASK
from datahub_dagster.domain.audit import CheckResult, CheckStatus, Sample, blocks
from datahub_dagster.domain.contract import Classification, Severity
from datahub_dagster.domain.names import DatasetName
from datahub_dagster.domain.view import ReleasedFile
from datahub_dagster.errors import EngineError
from datahub_dagster.ports import AuditRequest
from tests import builders
from tests.adapters.dbt.audited import Audited, account_of, by_name, write_project
from tests.projects.running import DbtProject

pytestmark = pytest.mark.slow

ORDERS = "select * from (values (1, 10, 'paid', 5.0), (2, 10, 'odd', -1.0), (2, 99, null, 7.0)) as t(id, customer, status, amount)"
GOOD_ORDERS = "select 1 as id, 10 as customer, 'paid' as status, 5.0::double as amount"
CUSTOMERS = "select 10 as id, 'ann@example.com' as email, 'Tokyo' as city"


def data_test(kind: str, name: str, arguments: dict[str, Any] | None = None, **config: Any) -> dict[str, Any]:
    return {kind: {"name": name, **({"arguments": arguments} if arguments else {}), "config": config}}


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
                            data_test("unique", "plain"),
                            data_test("unique", "stored", store_failures=True),
                            data_test("unique", "fail_calc", fail_calc="sum(n_records)"),
                            data_test("unique", "only_paid", where="status = 'paid'"),
                            data_test("unique", "warns", severity="warn"),
                            data_test("unique", "tolerates", warn_if=">0", error_if=">1"),
                            data_test("unique", "tolerates_all", warn_if=">5", error_if=">5"),
                            data_test("at_least", "limited", {"low": 100}, limit=2),
                            data_test("at_least", "dispatched", {"low": 0}),
                            data_test("not_null", "overridden"),
                        ],
                    },
                    {
                        "name": "customer",
                        "data_tests": [
                            data_test(
                                "relationships",
                                "has_customer",
                                {"to": "source('payments', 'customers')", "field": "id"},
                            )
                        ],
                    },
                    {
                        "name": "status",
                        "data_tests": [data_test("accepted_values", "known_status", {"values": ["paid"]})],
                    },
                    {
                        "name": "amount",
                        "data_tests": [
                            data_test("at_least", "no_such_column", {"low": 0}, where="nothing = 1"),
                            data_test("cannot_compile", "cannot_compile"),
                            data_test(
                                "at_least", "null_fail_calc", {"low": 0}, fail_calc="max(nullif(1, 1))"
                            ),
                        ],
                    },
                ],
            },
            {
                "name": "customers",
                "columns": [
                    {"name": "id", "data_tests": [data_test("unique", "customer_unique")]},
                    {
                        "name": "email",
                        "config": {"meta": {"hub": {"classification": "confidential"}}},
                        "data_tests": [
                            data_test("accepted_values", "email_value", {"values": ["-"]}),
                            data_test("not_like", "email_by_its_name", {"pattern": "%@%"}),
                            data_test("casts_to", "email_is_a_number", {"kind": "integer"}),
                        ],
                    },
                    {
                        "name": "city",
                        "data_tests": [
                            data_test("accepted_values", "city_value", {"values": ["-"]}),
                            data_test("casts_to", "no_such_type", {"kind": "no_such_type"}),
                        ],
                    },
                ],
            },
        ],
    },
    {
        "name": "strange-source",
        "schema": "temp",
        "database": "warehouse",
        "quoting": {"identifier": False, "schema": False},
        "meta": {"external_location": "/nowhere/{name}.parquet"},
        "tables": [
            {
                "name": "a.b-c",
                "identifier": 'T "x"',
                "columns": [{"name": "id", "data_tests": [data_test("not_null", "odd_name")]}],
            }
        ],
    },
]
FILES = {
    "macros/tests.sql": """
        {% test at_least(model, column_name, low) %}
        select * from {{ model }} where {{ column_name }} < {{ adapter.dispatch('bound')(low) }}
        {% endtest %}
        {% macro default__bound(low) %} of no engine {% endmacro %}
        {% macro duckdb__bound(low) %} {{ low }} {% endmacro %}
        {% macro athena__bound(low) %} {{ low }} {% endmacro %}
        {% test not_null(model, column_name) %} select * from {{ model }} where {{ column_name }} = 2 {% endtest %}
        {% test cannot_compile(model, column_name) %}
        {% if execute %} {{ exceptions.raise_compiler_error("not today") }} {% endif %}
        {% endtest %}
        {% test not_like(model, column_name, pattern) %}
        select * from {{ model }} where {{ column_name }} like '{{ pattern }}'
        {% endtest %}
        {% test casts_to(model, column_name, kind) %}
        select * from {{ model }} where cast({{ column_name }} as {{ kind }}) is null
        {% endtest %}
    """,
    "tests/orders_of_nobody.sql": """
        -- a comment first, and a CTE
        with orders as (select * from {{ source('payments', 'orders') }})
        select orders.id, customers.email, customers.city as town, customers.email as status
        from orders join {{ source('payments', 'customers') }} as customers on customers.id = orders.customer
        -- a comment last""",
    "tests/by_a_model.sql": """
        {{ config(severity='warn') }} select * from {{ source('payments', 'orders') }} where id in (select id from {{ ref('twice') }})
    """,
    "models/team/twice.sql": """
        {{ config(materialized='ephemeral') }}
        select id from {{ source('payments', 'orders') }} group by id having count(*) > 1
    """,
    # What a project may ask for, and what must not keep a test from running here.
    "selectors.yml": "selectors: [{name: few, default: true, definition: {method: fqn, value: plain}}]",
    ".user.yml": "id: none",
}
SETTINGS = {
    "flags": {"fail_fast": True, "send_anonymous_usage_stats": False},
    "on-run-start": ["select * from a_table_that_only_the_warehouse_has"],
}


@pytest.fixture(scope="module", params=["duckdb", pytest.param("athena", marks=pytest.mark.aws)])
def audited(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audited]:
    """The same project, audited by each engine."""
    folder = tmp_path_factory.mktemp("project")
    write_project(folder, SOURCES, FILES, SETTINGS)
    scratch = tmp_path_factory.mktemp("scratch")
    if request.param == "duckdb":
        yield Audited(folder, scratch, sample_rows=2)
        return
    with account_of(request.getfixturevalue("emulator")) as account:
        yield Audited(folder, scratch, sample_rows=2, aws=account)


def answers(audited: Audited, **more: Any) -> dict[str, tuple[str, int | None]]:
    report = audited.audit("payments.orders", ORDERS, {"payments.customers": CUSTOMERS}, **more)
    return {name: (result.status.value, result.failures) for name, result in by_name(report).items()}


def test_every_test_answers_as_plain_dbt_does(audited: Audited, tmp_path: Path) -> None:
    plain = DbtProject(audited.project_dir, tmp_path, profile="audited")
    plain.sql(
        "create schema payments",
        f"create table payments.orders as {ORDERS}",
        f"create table payments.customers as {CUSTOMERS}",
        "create table a_table_that_only_the_warehouse_has as select 1 as x",
    )
    done = plain.dbt("test", "--no-fail-fast", "--select", "source:payments.orders").result.results
    expected = {r.node.name: (str(r.status), r.failures) for r in done if r.node.resource_type == "test"}

    found = answers(audited)

    assert found == expected
    assert found == {
        "plain": ("fail", 1),
        "stored": ("fail", 1),
        "fail_calc": ("fail", 2),
        "only_paid": ("pass", 0),
        "warns": ("warn", 1),
        "tolerates": ("warn", 1),
        "tolerates_all": ("pass", 0),
        "limited": ("fail", 2),
        "dispatched": ("pass", 0),
        "overridden": ("fail", 2),
        "has_customer": ("fail", 1),
        "known_status": ("fail", 1),
        "no_such_column": ("error", None),
        "cannot_compile": ("error", None),
        "null_fail_calc": ("error", None),
        "orders_of_nobody": ("fail", 2),
        "by_a_model": ("warn", 2),
    }


def test_a_result_tells_what_was_asked_and_which_rows_failed(audited: Audited) -> None:
    report = audited.audit(
        "payments.orders",
        ORDERS,
        {"payments.customers": CUSTOMERS},
        tests={"known_status", "overridden", "limited"},
    )
    results = by_name(report)

    known = results["known_status"]
    assert known.severity is Severity.ERROR
    assert known.column == "status"
    assert known.message == "Got 1 result, configured to fail if != 0"
    table = (
        r'"awsdatacatalog"."hub_candidates"."payments__orders__\w+"'
        if audited.aws
        else '"memory"."payments"."orders"'
    )
    assert re.search(f"from {table}", known.compiled_sql)
    assert known.sample == Sample(columns=("value_field", "n_records"), rows=(("odd", "1"),))
    assert results["overridden"].sample == Sample(
        columns=("id", "customer", "status", "amount"),
        rows=(("2", "10", "odd", "-1.0"), ("2", "99", None, "7.0")),
    )
    assert results["limited"].sample is not None
    assert results["limited"].sample.truncated
    assert len(results["limited"].sample.rows) == 2
    assert report.base_generation == 3
    assert report.engine.startswith("athena, dbt 1." if audited.aws else "duckdb 2.")
    assert report.seconds > 0


def test_an_error_says_why_without_a_place_that_is_gone(audited: Audited) -> None:
    report = audited.audit("payments.orders", ORDERS, tests={"no_such_column", "cannot_compile", "plain"})
    results = by_name(report)

    said = (
        "COLUMN_NOT_FOUND: Column 'nothing' cannot be resolved"
        if audited.aws
        else 'Binder Error: Referenced column "nothing" not found'
    )
    assert results["no_such_column"].message.startswith(said)
    assert results["cannot_compile"].message == "not today"
    assert results["plain"].status is CheckStatus.FAIL
    assert "/tmp" not in str(report)


def test_a_test_that_reads_what_was_never_released_says_so(audited: Audited) -> None:
    report = audited.audit("payments.orders", ORDERS, tests={"has_customer", "plain"})

    assert by_name(report)["has_customer"].status is CheckStatus.ERROR
    assert by_name(report)["has_customer"].message == "needs payments.customers, which was never released"
    assert by_name(report)["plain"].status is CheckStatus.FAIL


def test_the_next_audit_in_the_same_process_sees_its_own_candidate(audited: Audited) -> None:
    statuses = [
        by_name(audited.audit("payments.orders", rows, tests={"plain"}, release=f"2026-11-20.{place}"))[
            "plain"
        ].status
        for place, rows in enumerate([GOOD_ORDERS, ORDERS, GOOD_ORDERS])
    ]

    assert statuses == [CheckStatus.PASS, CheckStatus.FAIL, CheckStatus.PASS]


def test_an_audit_of_several_datasets_answers_each_in_its_place(audited: Audited) -> None:
    bad = audited.request(
        "payments.orders", ORDERS, {"payments.customers": CUSTOMERS}, tests={"plain", "has_customer"}
    )
    customers = audited.request(
        "payments.customers", CUSTOMERS, tests={"customer_unique"}, release="2026-11-20.2"
    )
    good = audited.request(
        "payments.orders",
        GOOD_ORDERS,
        {"payments.customers": CUSTOMERS},
        tests={"plain", "has_customer"},
        release="2026-11-21.1",
    )
    lonely = replace(good, neighbours={})
    untested = audited.request("payments.orders", ORDERS, tests=set(), release="2026-11-22.1")

    reports = audited.auditor.audit([bad, customers, good, lonely, untested])

    assert [[result.status.value for result in report.results] for report in reports] == [
        ["fail", "fail"],
        ["pass"],
        ["pass", "pass"],
        ["error", "pass"],  # customers are a candidate of the same call, and no neighbour of this request
        [],
    ]
    assert [str(report.dataset) for report in reports[:2]] == ["payments.orders", "payments.customers"]


def test_threads_wait_for_each_other(audited: Audited) -> None:
    wanted = [GOOD_ORDERS, ORDERS, GOOD_ORDERS, ORDERS]
    requests = [
        audited.request("payments.orders", rows, tests={"plain"}, release=f"2026-11-2{place}.1")
        for place, rows in enumerate(wanted)
    ]
    found: dict[int, str] = {}

    def run(place: int) -> None:
        found[place] = audited.auditor.audit([requests[place]])[0].results[0].status.value

    threads = [threading.Thread(target=run, args=[place]) for place in range(len(requests))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == {0: "pass", 1: "fail", 2: "pass", 3: "fail"}


def test_a_test_that_the_project_does_not_have_gives_no_answer(audited: Audited) -> None:
    request = audited.request("payments.orders", GOOD_ORDERS, tests={"plain"})
    contract = replace(request.contract, tests=(*request.contract.tests, builders.data_test("gone")))

    report = audited.auditor.audit([replace(request, contract=contract)])[0]

    assert [result.status for result in report.results] == [CheckStatus.PASS]
    assert [block.code.value for block in blocks(contract, report.results)] == ["test-missing"]
    only_gone = replace(contract, tests=contract.tests[-1:])
    assert audited.auditor.audit([replace(request, contract=only_gone)])[0].results == ()


def test_a_source_of_any_name_is_read_through_its_view(audited: Audited) -> None:
    if audited.aws:
        pytest.skip("Glue has no table of that name: see the next test")
    report = audited.audit("strange-source.a.b-c", "select 1 as id")

    assert [(result.status.value, result.message) for result in report.results] == [("pass", "")]


def test_a_source_that_the_engine_cannot_hold_is_an_error_of_its_tests(audited: Audited) -> None:
    if not audited.aws:
        pytest.skip("DuckDB holds a table of any name")
    report = audited.audit("strange-source.a.b-c", "select 1 as id")

    assert [(result.status.value, result.message) for result in report.results] == [
        ("error", "strange-source.a.b-c can't be read by Athena: Glue can't have a table of that name")
    ]


def test_a_candidate_whose_file_has_gone_is_an_error_of_its_tests_alone(audited: Audited) -> None:
    request = audited.request(
        "payments.orders", GOOD_ORDERS, {"payments.customers": CUSTOMERS}, tests={"plain", "has_customer"}
    )
    gone = ReleasedFile(
        path="releases/payments/customers/2026-11-20.9/gone.parquet", size=1, sha256="", rows=1
    )
    customers = replace(request.neighbours[DatasetName.parse("payments.customers")], files=(gone,))

    report = audited.auditor.audit([replace(request, neighbours={customers.dataset: customers})])[0]

    assert by_name(report)["plain"].status is CheckStatus.PASS
    said = (
        f"payments.customers can't be read: {gone.path} has gone"
        if audited.aws
        else "IO Error: payments.customers can't be read: IO Error: No files found"
    )
    assert by_name(report)["has_customer"].message.startswith(said)


@pytest.fixture(scope="module")
def customers(audited: Audited) -> dict[str, CheckResult]:
    """Answers for `payments.customers`, whose `email` is confidential."""
    return by_name(audited.audit("payments.customers", CUSTOMERS))


def test_confidential_values_are_masked_under_their_own_name(customers: dict[str, CheckResult]) -> None:
    assert customers["email_by_its_name"].sample == Sample(
        columns=("id", "email", "city"), rows=(("10", MASK, "Tokyo"),)
    )


def test_confidential_values_are_masked_under_another_name(customers: dict[str, CheckResult]) -> None:
    assert customers["email_value"].sample == Sample(
        columns=("value_field", "n_records"), rows=((MASK, "1"),)
    )


def test_beside_confidential_columns_others_are_shown_even_if_renamed(
    customers: dict[str, CheckResult],
) -> None:
    assert customers["city_value"].sample == Sample(
        columns=("value_field", "n_records"), rows=(("Tokyo", "1"),)
    )


def test_an_error_does_not_quote_a_confidential_value(
    audited: Audited, customers: dict[str, CheckResult]
) -> None:
    assert customers["email_is_a_number"].status is CheckStatus.ERROR
    said = (
        "INVALID_CAST_ARGUMENT: Cannot cast" if audited.aws else "Conversion Error: Could not convert string"
    )
    assert customers["email_is_a_number"].message.startswith(f"{said} {MASK} to INT")
    assert "ann@example.com" not in str(customers)


def test_an_error_that_only_quotes_the_sql_stays_whole(customers: dict[str, CheckResult]) -> None:
    assert "no_such_type" in customers["no_such_type"].message


def test_a_test_of_another_dataset_does_not_show_confidential_values_either(audited: Audited) -> None:
    report = audited.audit(
        "payments.orders", ORDERS, {"payments.customers": CUSTOMERS}, tests={"orders_of_nobody"}
    )

    sample = report.results[0].sample
    assert sample is not None
    assert sample.columns == ("id", "email", "town", "status")
    assert sample.rows[0] == ("1", MASK, MASK, MASK)


def test_a_dataset_that_is_confidential_as_a_whole_shows_counts_only(audited: Audited) -> None:
    request = audited.request("payments.orders", ORDERS, tests={"plain", "overridden"}, columns=())
    contract = replace(request.contract, classification=Classification.CONFIDENTIAL)

    results = by_name(audited.auditor.audit([replace(request, contract=contract)])[0])

    assert results["plain"].sample == Sample(columns=("unique_field", "n_records"), rows=((MASK, "2"),))
    assert results["overridden"].sample is not None
    assert results["overridden"].sample.rows[-1] == (MASK, MASK, None, MASK)


def test_long_values_are_cut_and_samples_can_be_switched_off(audited: Audited) -> None:
    long = "select 2 as id, 10 as customer, repeat('x', 1000) as status, 5.0 as amount"
    request = audited.request("payments.orders", long, tests={"known_status"})

    sample = audited.auditor.audit([request])[0].results[0].sample
    assert sample is not None
    assert sample.rows[0][0] == "x" * 200 + "…"
    without = replace(audited, sample_rows=0)
    assert without.auditor.audit([request])[0].results[0].sample is None


def test_an_audit_leaves_nothing_in_the_project(
    audited: Audited, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def everything() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in audited.project_dir.rglob("*") if path.is_file()}

    before = everything()
    monkeypatch.chdir(tmp_path)

    answers(audited)

    assert everything() == before
    assert Path.cwd() == tmp_path
    assert not list(tmp_path.iterdir())


def test_what_stops_dbt_as_a_whole_is_an_error_with_a_next_step(audited: Audited, tmp_path: Path) -> None:
    request = audited.request("payments.orders", GOOD_ORDERS, tests={"plain"})
    broken = replace(audited, project_dir=tmp_path)
    (tmp_path / "dbt_project.yml").write_text("name: [")

    with pytest.raises(EngineError, match="dbt test could not run") as raised:
        broken.with_manifest_of(audited).auditor.audit([request])

    assert "Syntax error near line 2" in str(raised.value)
    assert raised.value.next_step


def test_a_view_of_no_files_is_tested_as_an_empty_dataset(audited: Audited) -> None:
    request = audited.request("payments.orders", GOOD_ORDERS, tests={"plain"})
    columns = ("id", "customer", "status", "amount")
    from datahub_dagster.domain.view import ViewColumn

    empty = replace(
        request.view, files=(), columns=tuple(ViewColumn(name=name, type="bigint") for name in columns)
    )

    report = audited.auditor.audit(
        [AuditRequest(contract=request.contract, view=empty, base_generation=1, neighbours={})]
    )[0]

    assert [result.status for result in report.results] == [CheckStatus.PASS]
