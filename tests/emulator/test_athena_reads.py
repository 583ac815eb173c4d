"""What Athena reads on the emulator, and what it counts."""

import base64
import os
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.aws import AwsAccount, ask_athena, parquet_storage, put_parquet
from tests.emulator.shop import partition, prices, register, storage

pytestmark = pytest.mark.aws

NOT_PARQUET = b"PAR1 not really"


def test_athena_reads_registered_partitions_wherever_they_are(aws_account: AwsAccount) -> None:
    prices(aws_account, "releases/", dt="date")
    put_parquet(aws_account, "releases/1/a.parquet", item=["tea"], cents=[300])
    put_parquet(aws_account, "releases/2/a.parquet", item=["tea"], cents=[310])
    put_parquet(aws_account, "releases/dt=2026-01-03/a.parquet", item=["never registered"], cents=[0])
    register(aws_account, "2026-01-01", "releases/1/")
    every = "select dt, item, cents from shop.prices"
    assert ask_athena(aws_account, every).rows == [["2026-01-01", "tea", "300"]]

    aws_account.client("glue").update_partition(
        DatabaseName="shop",
        TableName="prices",
        PartitionValueList=["2026-01-01"],
        PartitionInput=partition(aws_account, "2026-01-01", "releases/2/"),
    )

    swapped = ask_athena(aws_account, every)
    assert swapped.rows == [["2026-01-01", "tea", "310"]]
    assert swapped.columns == [("dt", "date"), ("item", "varchar"), ("cents", "bigint")]


def test_athena_reads_no_file_or_folder_that_begins_with_an_underscore_or_a_dot(
    aws_account: AwsAccount,
) -> None:
    prices(aws_account, "_releases/1/")
    put_parquet(aws_account, "_releases/1/deep/a.parquet", item=["tea"], cents=[300])
    put_parquet(aws_account, "_releases/10/a.parquet", item=["of another folder"], cents=[0])
    s3 = aws_account.client("s3")
    for hidden in ("_files.json", ".hidden", "_temporary/a.parquet", "deep/_SUCCESS"):
        s3.put_object(Bucket=aws_account.bucket, Key=f"_releases/1/{hidden}", Body=NOT_PARQUET)
    assert ask_athena(aws_account, "select * from shop.prices").rows == [["tea", "300"]]


def test_athena_finds_columns_by_name_and_knows_only_those_that_glue_declares(
    aws_account: AwsAccount,
) -> None:
    prices(aws_account, "r/")
    put_parquet(aws_account, "r/a.parquet", cents=[300], extra=["unseen"], ITEM=["tea"])
    put_parquet(aws_account, "r/b.parquet", cents=[200])
    found = ask_athena(aws_account, "select * from shop.prices order by cents")
    assert found.columns == [("item", "varchar"), ("cents", "bigint")]
    assert found.rows == [[None, "200"], ["tea", "300"]]


def test_athena_refuses_a_file_of_another_type(aws_account: AwsAccount) -> None:
    prices(aws_account, "r/")
    put_parquet(aws_account, "r/a.parquet", item=["tea"], cents=["300"])
    failed = ask_athena(aws_account, "select * from shop.prices")
    assert failed.state == "FAILED"
    assert failed.reason.startswith(
        "HIVE_BAD_DATA: Field cents's type VARCHAR in parquet file is incompatible"
    )


def test_athena_refuses_a_partition_that_declares_another_type(aws_account: AwsAccount) -> None:
    prices(aws_account, "r/", dt="string")
    other: Any = parquet_storage(f"s3://{aws_account.bucket}/r/", item="string", cents="string")
    aws_account.client("glue").create_partition(
        DatabaseName="shop", TableName="prices", PartitionInput={"Values": ["1"], "StorageDescriptor": other}
    )
    failed = ask_athena(aws_account, "select * from shop.prices")
    assert failed.reason.startswith("HIVE_PARTITION_SCHEMA_MISMATCH")


def test_athena_does_not_make_rows_of_the_files_of_an_iceberg_table(aws_account: AwsAccount) -> None:
    prices(aws_account, "r/")
    put_parquet(aws_account, "r/a.parquet", item=["tea"], cents=[300])
    table: Any = {
        "Name": "prices",
        "Parameters": {"table_type": "ICEBERG"},
        "StorageDescriptor": storage(aws_account, "r/"),
    }
    aws_account.client("glue").update_table(DatabaseName="shop", TableInput=table)
    assert ask_athena(aws_account, "select * from shop.prices").reason.endswith("Iceberg tables")


def test_a_table_without_files_is_empty(aws_account: AwsAccount) -> None:
    prices(aws_account, "nothing/", dt="date")
    empty = ask_athena(aws_account, "select * from shop.prices")
    assert (empty.columns, empty.rows) == ([("item", "varchar"), ("cents", "bigint"), ("dt", "date")], [])


def test_statistics_tell_the_bytes_of_the_files_that_were_read(aws_account: AwsAccount) -> None:
    prices(aws_account, "r/", dt="string")
    one = put_parquet(aws_account, "r/1/a.parquet", item=["tea"], cents=[300])
    two = put_parquet(aws_account, "r/2/a.parquet", item=["tea"] * 1000, cents=list(range(1000)))
    aws_account.client("s3").put_object(Bucket=aws_account.bucket, Key="r/1/_files.json", Body=NOT_PARQUET)
    register(aws_account, "1", "r/1/")
    register(aws_account, "2", "r/2/")

    def scanned(query: str) -> int:
        return ask_athena(aws_account, query).scanned_bytes

    assert scanned("select * from shop.prices") == one + two
    assert scanned("select * from shop.prices where dt = '1'") == one
    assert scanned("select * from shop.prices p where p.dt in ('1', '0') and cents > 5") == one
    assert scanned("select count(*) from (select * from shop.prices where (dt >= '2')) x") == two
    assert scanned("select * from shop.prices where dt = '1' or cents = 5") == one + two
    assert scanned("select * from shop.prices a join shop.prices b on a.item = b.item where a.dt = '1'") == (
        one + one + two
    )
    assert scanned("select 1") == 0
    execution = ask_athena(aws_account, "select * from shop.prices").execution
    assert execution["Statistics"]["EngineExecutionTimeInMillis"] > 0


def test_a_query_beyond_its_workgroups_cutoff_is_cancelled(aws_account: AwsAccount) -> None:
    prices(aws_account, "r/")
    incompressible = base64.b64encode(os.urandom(6_000_000)).decode()
    size = put_parquet(aws_account, "r/a.parquet", item=[incompressible], cents=[300])
    smallest: Any = {"BytesScannedCutoffPerQuery": 10_000_000}
    aws_account.client("athena").create_work_group(Name="tight", Configuration=smallest)
    assert ask_athena(aws_account, "select cents from shop.prices", workgroup="tight").state == "SUCCEEDED"

    twice = ask_athena(aws_account, "select x.cents from shop.prices, shop.prices x", workgroup="tight")

    assert (twice.state, twice.reason) == ("CANCELLED", "Bytes scanned limit was exceeded")
    assert twice.scanned_bytes == 2 * size


def test_a_query_that_is_stopped_stays_cancelled(aws_account: AwsAccount) -> None:
    athena = aws_account.client("athena")
    query_id = athena.start_query_execution(
        QueryString="select count(*) from unnest(sequence(1, 100000)) a(x), unnest(sequence(1, 100000)) b(y)",
        ResultConfiguration={"OutputLocation": f"s3://{aws_account.bucket}/athena/"},
    )["QueryExecutionId"]
    athena.stop_query_execution(QueryExecutionId=query_id)

    time.sleep(0.3)  # the engine has to give up, too
    execution = athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
    assert execution["Status"]["State"] == "CANCELLED"
    with pytest.raises(ClientError, match="Final query state: CANCELLED"):
        athena.get_query_results(QueryExecutionId=query_id)


def test_a_workgroup_may_insist_on_its_place_for_results(aws_account: AwsAccount) -> None:
    aws_account.client("athena").create_work_group(
        Name="strict",
        Configuration={
            "EnforceWorkGroupConfiguration": True,
            "ResultConfiguration": {"OutputLocation": f"s3://{aws_account.bucket}/own"},
        },
    )
    done = ask_athena(aws_account, "select 1 as one, cast(null as varchar) as nothing", workgroup="strict")

    location = done.execution["ResultConfiguration"]["OutputLocation"]
    assert location == f"s3://{aws_account.bucket}/own/{done.execution['QueryExecutionId']}.csv"
    key = location.removeprefix(f"s3://{aws_account.bucket}/")
    written = aws_account.client("s3").get_object(Bucket=aws_account.bucket, Key=key)["Body"].read()
    assert written == b'"one","nothing"\n"1",\n'
