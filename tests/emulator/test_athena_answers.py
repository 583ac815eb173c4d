"""What Athena answers on the emulator: Trino's meaning, Athena's texts, refusals."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.aws import AwsAccount, ask_athena, put_parquet
from tests.emulator.shop import prices, register

pytestmark = pytest.mark.aws


@pytest.mark.parametrize(
    ("expression", "kind", "text"),
    [
        ("cast(12 as varchar)", "varchar", "12"),
        ("cast(null as integer)", "integer", None),
        ("1 = 1", "boolean", "true"),
        ("cast(1.5 as decimal(10, 2))", "decimal", "1.50"),
        ("cast(1.5 as double)", "double", "1.5"),
        ("date '2026-01-31'", "date", "2026-01-31"),
        ("timestamp '2026-01-31 01:02:03'", "timestamp", "2026-01-31 01:02:03.000"),
        (
            "from_iso8601_timestamp('2026-01-31T09:00:00+09:00')",
            "timestamp with time zone",
            "2026-01-31 00:00:00.000 UTC",
        ),
        ("1 / 2", "bigint", "0"),
        ("-7 / 2", "bigint", "-3"),
        ("cast(1 as double) / 2", "double", "0.5"),
        ("date_add('month', 1, date '2026-01-31')", "date", "2026-02-28"),
        ("date '2026-01-31' + interval '1' day", "date", "2026-02-01"),
        ("timestamp '2026-01-31 00:00:00' - interval '1' hour", "timestamp", "2026-01-30 23:00:00.000"),
        ("date_trunc('month', date '2026-01-31')", "date", "2026-01-01"),
        ("date_diff('day', date '2026-01-01', date '2026-01-31')", "bigint", "30"),
        ("date_format(timestamp '2026-01-31 01:02:03', '%Y-%m-%d %H:%i')", "varchar", "2026-01-31 01:02"),
        ("format_datetime(timestamp '2026-01-31 01:02:03', 'yyyyMMdd HH:mm')", "varchar", "20260131 01:02"),
        ("day_of_week(date '2026-02-01')", "bigint", "7"),
        ("to_milliseconds(interval '1' day)", "bigint", "86400000"),
        ("lower(to_hex(md5(to_utf8('a'))))", "varchar", "0cc175b9c0f1b6a831c399e269772661"),
        ("to_utf8('ab')", "varbinary", "61 62"),
        ("regexp_like('2026-01', '^\\d+-\\d+$')", "boolean", "true"),
        ("json_extract_scalar('{\"a\": {\"b\": 1}}', '$.a.b')", "varchar", "1"),
        ("element_at(map(array['a'], array[1]), 'a')", "integer", "1"),
        ("array[1, 2]", "array", "[1, 2]"),
        ("cardinality(sequence(1, 3))", "bigint", "3"),
        ("url_extract_host('https://hub.example/x?y=1')", "varchar", "hub.example"),
        ("is_nan(nan())", "boolean", "true"),
        ("try(1 / 0)", "bigint", None),
    ],
)
def test_athena_means_what_trino_means(
    aws_account: AwsAccount, expression: str, kind: str, text: str | None
) -> None:
    answer = ask_athena(aws_account, f"select {expression}")
    assert (answer.reason, answer.columns, answer.rows) == ("", [("_col0", kind)], [[text]])


def test_aggregates_of_trino(aws_account: AwsAccount) -> None:
    answer = ask_athena(
        aws_account,
        "select count_if(x > 1) as n, sum(x) as total, approx_distinct(x) as kinds, arbitrary(1) as any, "
        "map_agg(x, y)[2] as second, every(x > 0) as all_positive, max_by(y, x) as last "
        "from (values (1, 'a'), (2, 'b')) t(x, y)",
    )
    assert answer.rows == [["1", "3", "2", "1", "b", "true", "b"]]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("select * from shop.nowhere", "TABLE_NOT_FOUND: Table 'awsdatacatalog.shop.nowhere' does not exist"),
        ("select wrong from (values 1) t(x)", "COLUMN_NOT_FOUND: Column 'wrong' cannot be resolved"),
        ("select 1 / 0", "DIVISION_BY_ZERO: Division by zero"),
        ("select cast('x' as integer)", "INVALID_CAST_ARGUMENT: Cannot cast 'x' to INT32"),
        ("select no_such_function(1)", "FUNCTION_NOT_FOUND: Function 'no_such_function' not registered"),
        (
            "select * from shop.prices for version as of 1",
            "NOT_SUPPORTED: This connector does not support versioned tables",
        ),
        ("select 1; select 2", "Only one sql statement is allowed"),
        ("show tables in shop", "NOT_SUPPORTED by the emulator: show tables in shop"),
    ],
)
def test_athena_refuses(aws_account: AwsAccount, query: str, reason: str) -> None:
    failed = ask_athena(aws_account, query)
    assert (failed.state, failed.reason) == ("FAILED", reason)
    assert failed.execution["Status"]["AthenaError"]["ErrorCategory"] == 2


def test_queries_at_once_do_not_mix(aws_account: AwsAccount) -> None:
    prices(aws_account, "r/", dt="bigint")
    for day in range(8):
        put_parquet(aws_account, f"r/{day}/a.parquet", item=["tea"], cents=[day])
        register(aws_account, str(day), f"r/{day}/")
    aws_account.client("athena")  # clients are made by one thread

    def ask(day: int) -> list[list[str | None]]:
        return ask_athena(aws_account, f"select dt, cents from shop.prices where dt = {day}").rows

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(8)))
    assert answers == [[[str(day), str(day)]] for day in range(8)]


def test_long_results_come_in_pages_with_one_header(aws_account: AwsAccount) -> None:
    answer = ask_athena(aws_account, "select x from unnest(sequence(1, 2500)) t(x) order by x")
    assert [row[0] for row in answer.rows] == [str(number) for number in range(1, 2501)]


def test_schemas_tables_and_views_are_created_and_dropped(aws_account: AwsAccount) -> None:
    prices(aws_account, "r/", dt="string")
    put_parquet(aws_account, "r/a.parquet", item=["tea", "rice"], cents=[300, 900])
    register(aws_account, "1", "r/")

    def done(query: str) -> list[list[str | None]]:
        answer = ask_athena(aws_account, query)
        assert (answer.state, answer.reason) == ("SUCCEEDED", "")
        return answer.rows

    done("create schema if not exists `failures`")
    done(
        'create table "awsdatacatalog"."failures"."dear" with (table_type = \'hive\', is_external = true, '
        f"external_location = 's3://{aws_account.bucket}/failures/1', format = 'parquet') as "
        'select item, cents / 2 as half, cast(cents as decimal(9, 2)) as exact from "shop"."prices" where cents > 500'
    )
    assert done("select * from failures.dear") == [["rice", "450", "900.00"]]

    done("create or replace view failures.cheap as select item, dt from shop.prices where cents < 500")
    done("create or replace view failures.cheap as select item, dt from shop.prices where cents <= 300")
    assert done('select c.item, "failures"."cheap".dt from failures.cheap join failures.cheap c on true') == [
        ["tea", "1"]
    ]

    done("drop view failures.cheap")
    done("drop table if exists failures.dear")
    done("drop table if exists failures.dear")
    assert aws_account.client("glue").get_tables(DatabaseName="failures")["TableList"] == []
