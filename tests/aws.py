"""Fixtures for tests on AWS: a running emulator, an account of the test's own in it, and a count of requests.

`tests/conftest.py` makes them known to every test. A test that uses them carries `@pytest.mark.aws`.
"""

import contextlib
import secrets
import time
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import botocore.config
import botocore.hooks
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from tests.emulator.launch import Emulator, start_emulator

REGION = "eu-west-1"
QUERY_SECONDS = 60.0  # longest wait for a query


@dataclass
class AwsAccount:
    """An account in the emulator that only this test knows, with one bucket.

    Attributes:
        endpoint: AWS_ENDPOINT_URL.
        account_id: Twelve digits. The emulator takes them as access key of the account's root.
        bucket: The bucket that exists.
        root: DATAHUB_ROOT of a hub in it, `s3://<bucket>/hub`.
    """

    endpoint: str
    account_id: str
    bucket: str
    region: str = REGION
    _clients: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def root(self) -> str:
        return f"s3://{self.bucket}/hub"

    def environment(self) -> dict[str, str]:
        """The variables by which boto3, dbt-athena and the hub find the account."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.account_id,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str) -> Any:
        """A boto3 client that doesn't retry, the same for each call; the fixture closes it."""
        if service not in self._clients:
            session = boto3.Session(
                aws_access_key_id=self.account_id, aws_secret_access_key="test", region_name=self.region
            )
            config = botocore.config.Config(
                retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=60
            )
            make_client: Any = session.client  # its type lists every service by name
            self._clients[service] = make_client(service, endpoint_url=self.endpoint, config=config)
        return self._clients[service]

    def close(self) -> None:
        """Remove the objects of all its buckets, which the emulator keeps in memory, and close the clients."""
        s3 = self.client("s3")
        for bucket in s3.list_buckets().get("Buckets", []):
            for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket["Name"]):
                found = page.get("Versions", []) + page.get("DeleteMarkers", [])
                objects = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
                if objects:
                    s3.delete_objects(Bucket=bucket["Name"], Delete={"Objects": objects, "Quiet": True})
        for client in self._clients.values():
            client.close()


def new_account(endpoint: str) -> AwsAccount:
    """An account that nobody used before, with its bucket; bucket names are global, as on AWS."""
    account_id = str(100_000_000_000 + secrets.randbelow(900_000_000_000))
    account = AwsAccount(endpoint, account_id, bucket=f"hub-{secrets.token_hex(6)}")
    place: Any = {"LocationConstraint": account.region}
    account.client("s3").create_bucket(Bucket=account.bucket, CreateBucketConfiguration=place)
    return account


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """One emulator for all tests of a worker. They are kept apart by accounts."""
    with start_emulator() as running:
        yield running


@pytest.fixture
def aws_account(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsAccount]:
    """An account of this test's own, which the environment variables of the test name."""
    account = new_account(emulator.endpoint)
    for name, value in account.environment().items():
        monkeypatch.setenv(name, value)
    yield account
    account.close()


@dataclass(frozen=True)
class SentRequest:
    """One request to AWS: `s3`, `PutObject`, and the key of an object where it has one."""

    service: str
    operation: str
    key: str | None = None


class SentRequests(list[SentRequest]):
    """All requests that botocore sent, in order; a retried one is there once for each attempt."""

    def counts(self) -> Counter[str]:
        """How often each operation was sent: `{"s3.PutObject": 3}`."""
        return Counter(f"{request.service}.{request.operation}" for request in self)

    def of(self, operation: str) -> list[SentRequest]:
        """The requests of one operation, such as `CopyObject`."""
        return [request for request in self if request.operation == operation]


@contextlib.contextmanager
def recorded_requests() -> Iterator[SentRequests]:
    """Every request that botocore sends in this process inside the block, from clients made before or in it."""
    sent = SentRequests()
    emit = botocore.hooks.HierarchicalEmitter.emit

    def emit_and_record(emitter: Any, event_name: str, **values: Any) -> Any:
        kind, _, rest = event_name.partition(".")
        if kind == "before-send":
            service, _, operation = rest.partition(".")
            sent.append(SentRequest(service, operation, _key(service, values["request"].url)))
        return emit(emitter, event_name, **values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.hooks.HierarchicalEmitter, "emit", emit_and_record)
        yield sent


def _key(service: str, url: str) -> str | None:
    if service != "s3":
        return None
    _, _, key = urllib.parse.unquote(urllib.parse.urlsplit(url).path).removeprefix("/").partition("/")
    return key or None


@pytest.fixture
def requests_counted() -> Iterator[SentRequests]:
    """The requests that this test sends to AWS, fixtures that come before it not included."""
    with recorded_requests() as sent:
        yield sent


# ── Builders ────────────────────────────────────────────────────────────────────────────────────────────────────────


def put_parquet(account: AwsAccount, key: str, **columns: list[Any]) -> int:
    """A Parquet object in the account's bucket; answers its size in bytes."""
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), buffer)
    content = buffer.getvalue().to_pybytes()
    account.client("s3").put_object(Bucket=account.bucket, Key=key, Body=content)
    return len(content)


def parquet_storage(location: str, **columns: str) -> Any:
    """A Glue StorageDescriptor of Parquet files: `parquet_storage("s3://…/", price="decimal(10,2)")`."""
    return {
        "Columns": [{"Name": name, "Type": kind} for name, kind in columns.items()],
        "Location": location,
        "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
        "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
    }


@dataclass(frozen=True)
class AthenaAnswer:
    """How a query ended, and what GetQueryResults says of it.

    Attributes:
        state: SUCCEEDED, FAILED or CANCELLED.
        reason: Why it did not succeed; else "".
        scanned_bytes: DataScannedInBytes.
        columns: Name and type of each column.
        rows: Their texts, without the first row, which holds the names; None is NULL.
        execution: QueryExecution.
    """

    state: str
    reason: str
    scanned_bytes: int
    columns: list[tuple[str, str]]
    rows: list[list[str | None]]
    execution: dict[str, Any]


def error_code(problem: ClientError) -> str:
    """Such as `PreconditionFailed`."""
    return problem.response.get("Error", {}).get("Code", "")


def ask_athena(account: AwsAccount, query: str, workgroup: str = "primary") -> AthenaAnswer:
    """Run a query to its end; results go to `athena/` in the account's bucket."""
    athena = account.client("athena")
    query_id = athena.start_query_execution(
        QueryString=query,
        WorkGroup=workgroup,
        ResultConfiguration={"OutputLocation": f"s3://{account.bucket}/athena/"},
    )["QueryExecutionId"]
    deadline = time.monotonic() + QUERY_SECONDS
    while True:
        execution = athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
        if execution["Status"]["State"] not in ("QUEUED", "RUNNING"):
            break
        assert time.monotonic() < deadline, f"Athena did not finish: {query}"
        time.sleep(0.02)
    columns, rows = [], []
    if execution["Status"]["State"] == "SUCCEEDED":
        for page in athena.get_paginator("get_query_results").paginate(QueryExecutionId=query_id):
            described = page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
            columns = [(column["Name"], column["Type"]) for column in described]
            rows += [
                [datum.get("VarCharValue") for datum in row["Data"]] for row in page["ResultSet"]["Rows"]
            ]
    return AthenaAnswer(
        execution["Status"]["State"],
        execution["Status"].get("StateChangeReason", ""),
        execution["Statistics"]["DataScannedInBytes"],
        columns,
        rows[1:],
        execution,
    )
