"""Deliveries on S3, where times are whole seconds and each look costs a request."""

import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from boto3.s3.transfer import TransferConfig

from datahub_dagster import pipeline
from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.adapters.storage.s3 import S3Storage
from datahub_dagster.adapters.storage.s3_for_duckdb import register_s3
from datahub_dagster.domain.inbox import InboxState
from datahub_dagster.domain.names import Location
from datahub_dagster.domain.outcome import Outcome
from datahub_dagster.domain.release import OutcomeKind
from datahub_dagster.ports import Hub
from tests.aws import AwsAccount, SentRequests
from tests.builders import contract
from tests.hubs import PlainSqlAuditor, as_parquet, hub_at, orders, put_delivery

pytestmark = pytest.mark.aws

ORDERS = contract()
FILE = Location("inbox/payments/orders/first/x.parquet")
IN_PARTS = TransferConfig(multipart_threshold=1)


@pytest.fixture
def aws(aws_account: AwsAccount) -> Iterator[AwsClients]:
    clients = AwsClients()
    yield clients
    clients.close()


@pytest.fixture
def hub(aws: AwsClients, aws_account: AwsAccount, tmp_path: Path) -> Hub:
    return hub_on(aws, aws_account, tmp_path)


def hub_on(aws: AwsClients, account: AwsAccount, scratch: Path, prefix: str = "hub") -> Hub:
    """Its clock is far ahead of S3's: no time of a file tells that it was written after it was received."""

    def connect() -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect()
        register_s3(connection, aws)
        return connection

    storage = S3Storage(aws, account.bucket, prefix)
    return hub_at(scratch, ORDERS, storage=storage, auditor=PlainSqlAuditor(storage, connect))


def release(hub: Hub, name: str = "first") -> Outcome:
    return pipeline.release(hub, ORDERS, name, actor="test")


def state(hub: Hub) -> InboxState:
    (entry,) = pipeline.inbox(hub, ORDERS)
    return entry.state


def test_a_file_that_is_replaced_within_the_second_of_its_receipt_is_seen(hub: Hub) -> None:
    put_delivery(hub, ORDERS, "first", {"x.parquet": orders([1])})
    assert release(hub).kind is OutcomeKind.PUBLISHED
    assert state(hub) is InboxState.HANDLED
    other = as_parquet(orders([2]))
    assert len(other) == len(as_parquet(orders([1])))
    hub.storage.replace(FILE, other)
    assert state(hub) is InboxState.READY
    assert release(hub).kind is OutcomeKind.PUBLISHED
    assert state(hub) is InboxState.HANDLED


def test_the_same_content_under_another_version_is_looked_at_once(hub: Hub, aws_account: AwsAccount) -> None:
    put_delivery(hub, ORDERS, "first", {"x.parquet": orders([1])})
    first = release(hub)
    content = hub.storage.read(FILE)
    before = {file.path: file.version for file in hub.storage.list_files(Location("inbox"))}
    # In parts it is called otherwise, as it is after each write with a KMS key.
    aws_account.client("s3").upload_fileobj(
        io.BytesIO(content), aws_account.bucket, f"hub/{FILE}", Config=IN_PARTS
    )
    assert {file.path: file.version for file in hub.storage.list_files(Location("inbox"))} != before
    assert state(hub) is InboxState.READY
    assert release(hub).release_id == first.release_id
    assert state(hub) is InboxState.HANDLED


def test_a_delivery_that_is_said_to_be_the_whole_dataset_after_all_is_seen(hub: Hub) -> None:
    put_delivery(hub, ORDERS, "first", {"x.parquet": orders([1])})
    release(hub)
    hub.storage.create(Location("inbox/payments/orders/first/_FULL"), b"")
    assert state(hub) is InboxState.READY
    release(hub)
    assert state(hub) is InboxState.HANDLED


def test_each_file_of_a_release_costs_a_look_a_footer_and_a_copy_and_all_else_is_fixed(
    aws: AwsClients, aws_account: AwsAccount, requests_counted: SentRequests, tmp_path: Path
) -> None:
    def cost(files: int) -> Counter[str]:
        prefix = f"hub-{files}"
        put_delivery(
            hub_on(aws, aws_account, tmp_path, prefix),
            ORDERS,
            "first",
            {f"{number}.parquet": orders([number]) for number in range(files)},
        )
        cold = hub_on(aws, aws_account, tmp_path, prefix)
        requests_counted.clear()
        assert release(cold).kind is OutcomeKind.PUBLISHED
        return requests_counted.counts()

    few, many = cost(3), cost(20)
    of_the_audit = 17  # the stand-in for Athena reads the files, too
    assert many - few == {
        "s3.HeadObject": 17,
        "s3.GetObject": 17 + of_the_audit,
        "s3.CopyObject": 17,
    }
    assert (
        few.total() <= 3 * 4 + 39
    )  # four of them note the promise and the contract, at the first release only
