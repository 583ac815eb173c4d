"""DuckDB reads `s3://` files: the whole of them, each exactly, by many threads, for few requests."""

import io
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.adapters.duckdb_views import exact
from datahub_dagster.adapters.storage.s3_for_duckdb import S3ForDuckDb, register_s3
from tests.aws import AwsAccount, SentRequests

pytestmark = pytest.mark.aws


@pytest.fixture
def aws(aws_account: AwsAccount) -> Iterator[AwsClients]:
    clients = AwsClients()
    yield clients
    clients.close()


@pytest.fixture
def connection(aws: AwsClients) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as made:
        register_s3(made, aws)
        yield made


def put(account: AwsAccount, key: str, table: pa.Table, **written: Any) -> str:
    """Its address."""
    stream = io.BytesIO()
    pq.write_table(table, stream, **written)
    account.client("s3").put_object(Bucket=account.bucket, Key=key, Body=stream.getvalue())
    return f"s3://{account.bucket}/{key}"


def ids(connection: duckdb.DuckDBPyConnection, *addresses: str) -> list[int]:
    files = [exact(address) for address in addresses]
    rows = connection.execute(
        "select id from read_parquet(?, hive_partitioning = false) order by id", [files]
    )
    return [row[0] for row in rows.fetchall()]


@pytest.mark.parametrize(
    "key",
    [
        "x.parquet",
        "a b/[x]*?{y,z}.parquet",
        "day=2026-11-20/%20+&#é.parquet",
        "env=prod/k=v/**/[[]x].parquet",
        "x?versionId=1.parquet",
    ],
)
def test_a_file_is_read_by_its_exact_name(
    connection: duckdb.DuckDBPyConnection, aws_account: AwsAccount, key: str
) -> None:
    for number, other in enumerate(("x.parque", "a b/x.parquet", "a b/[x]yy{y,z}.parquet", key)):
        address = put(aws_account, other, pa.table({"id": [number]}))
    assert ids(connection, address) == [3]


def test_many_threads_read_one_file_without_disturbing_each_other(
    connection: duckdb.DuckDBPyConnection, aws_account: AwsAccount
) -> None:
    # Uncompressed: bytes from another place would be other numbers, and no error.
    columns = {f"c{n}": np.arange(1_500_000) * (n + 1) for n in range(6)}
    address = put(
        aws_account,
        "x.parquet",
        pa.table(columns),
        row_group_size=150_000,
        compression="none",
        use_dictionary=False,
    )
    connection.execute("set threads = 8")
    sums = ", ".join(f"sum({name})" for name in columns)
    for _ in range(3):
        found = connection.execute(f"select {sums} from read_parquet(?)", [[address]]).fetchall()
        assert found == [tuple(int(values.sum()) for values in columns.values())]


def test_each_thread_reads_where_it_said_itself(aws: AwsClients, aws_account: AwsAccount) -> None:
    content = bytes(range(256)) * 1000
    aws_account.client("s3").put_object(Bucket=aws_account.bucket, Key="x", Body=content)
    file = S3ForDuckDb(aws).open(f"s3://{aws_account.bucket}/x")
    file.seek(5)
    with ThreadPoolExecutor(1) as other:
        other.submit(file.seek, 100).result()
        assert file.read(10) == content[5:15]
        assert other.submit(file.read, 10).result() == content[100:110]
    assert file.read(3) == content[15:18]


def test_a_small_file_costs_one_request(
    connection: duckdb.DuckDBPyConnection, aws_account: AwsAccount, requests_counted: SentRequests
) -> None:
    addresses = [put(aws_account, f"{n}.parquet", pa.table({"id": [n]})) for n in range(20)]
    requests_counted.clear()
    assert ids(connection, *addresses) == list(range(20))
    assert ids(connection, *addresses) == list(range(20))
    assert requests_counted.counts() == {"s3.GetObject": 20}


def test_of_a_large_file_only_the_columns_that_are_asked_for_are_read(
    connection: duckdb.DuckDBPyConnection, aws_account: AwsAccount, requests_counted: SentRequests
) -> None:
    random = np.random.default_rng(1)
    columns = {f"c{n}": random.random(100_000) for n in range(10)}
    address = put(aws_account, "x.parquet", pa.table(columns), row_group_size=50_000)
    requests_counted.clear()
    connection.execute("select sum(c3) from read_parquet(?)", [[address]])
    assert requests_counted.counts() == {"s3.GetObject": 3}, "the end, and a piece of each row group"


def test_what_is_wrong_is_told_with_bucket_and_key(
    connection: duckdb.DuckDBPyConnection, aws_account: AwsAccount
) -> None:
    gone = f"s3://{aws_account.bucket}/gone.parquet"
    for address, said in (
        (gone, f"FileNotFoundError: {gone}"),
        ("s3://no-such-bucket-at-all/x.parquet", "there is no such bucket"),
        (f"s3://{aws_account.bucket}/*.parquet", "is a pattern: name each file"),
    ):
        with pytest.raises(duckdb.Error, match=re.escape(said)):
            connection.execute("select * from read_parquet(?)", [[address]])


def test_a_file_that_is_replaced_while_it_is_read_is_an_error(
    connection: duckdb.DuckDBPyConnection, aws_account: AwsAccount
) -> None:
    many = pa.table({"id": np.random.default_rng(1).permutation(200_000)})
    address = put(aws_account, "x.parquet", many)
    connection.execute(f"create view x as select * from read_parquet('{address}')")
    put(aws_account, "x.parquet", pa.table({"id": np.arange(200_000)}))
    with pytest.raises(duckdb.Error, match="at the same moment"):
        connection.execute("select sum(id) from x").fetchall()


def test_nothing_is_written(connection: duckdb.DuckDBPyConnection, aws_account: AwsAccount) -> None:
    with pytest.raises(duckdb.Error):
        connection.execute(f"copy (select 1) to 's3://{aws_account.bucket}/x.parquet'")
    assert "Contents" not in aws_account.client("s3").list_objects_v2(Bucket=aws_account.bucket)
