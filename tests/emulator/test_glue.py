"""What the emulator adds to Glue."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.aws import AwsAccount, error_code
from tests.emulator.shop import partition, prices, register, storage

pytestmark = pytest.mark.aws


def test_a_table_keeps_its_versions_from_zero(aws_account: AwsAccount) -> None:
    glue = aws_account.client("glue")
    prices(aws_account, "r1/")
    table: Any = {"Name": "prices", "StorageDescriptor": storage(aws_account, "r2/")}

    glue.update_table(DatabaseName="shop", TableInput=table, VersionId="0")
    with pytest.raises(ClientError) as refused:
        glue.update_table(DatabaseName="shop", TableInput=table, VersionId="0")
    glue.update_table(DatabaseName="shop", TableInput=table, VersionId="1", SkipArchive=True)

    assert error_code(refused.value) == "ConcurrentModificationException"
    versions = glue.get_table_versions(DatabaseName="shop", TableName="prices")["TableVersions"]
    assert [version["VersionId"] for version in versions] == ["2", "0"]
    first = glue.get_table_version(DatabaseName="shop", TableName="prices", VersionId="0")["TableVersion"][
        "Table"
    ]
    assert first["StorageDescriptor"]["Location"].endswith("/r1/")


def test_an_update_drops_what_it_leaves_out(aws_account: AwsAccount) -> None:
    glue = aws_account.client("glue")
    prices(aws_account, "r1/")
    glue.update_table(DatabaseName="shop", TableInput={"Name": "prices", "Parameters": {"hub.release": "1"}})
    glue.update_table(DatabaseName="shop", TableInput={"Name": "prices"})
    assert glue.get_table(DatabaseName="shop", Name="prices")["Table"]["Parameters"] == {}


def test_of_eight_that_update_a_table_at_once_one_wins(aws_account: AwsAccount) -> None:
    prices(aws_account, "r1/")
    glue = aws_account.client("glue")

    def update(who: int) -> bool:
        table: Any = {"Name": "prices", "StorageDescriptor": storage(aws_account, f"r{who}/")}
        try:
            glue.update_table(DatabaseName="shop", TableInput=table, VersionId="0")
        except glue.exceptions.ConcurrentModificationException:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(update, range(8))).count(True) == 1


def test_partitions_are_updated_and_deleted(aws_account: AwsAccount) -> None:
    glue = aws_account.client("glue")
    prices(aws_account, "", dt="string")
    register(aws_account, "1", "r1/")
    register(aws_account, "2", "r1/")
    where: Any = {"DatabaseName": "shop", "TableName": "prices"}

    glue.update_partition(
        **where, PartitionValueList=["1"], PartitionInput=partition(aws_account, "1", "r2/")
    )
    found = glue.get_partition(**where, PartitionValues=["1"])["Partition"]
    assert found["StorageDescriptor"]["Location"].endswith("/r2/")
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.update_partition(
            **where, PartitionValueList=["9"], PartitionInput=partition(aws_account, "9", "r2/")
        )

    errors = glue.batch_delete_partition(**where, PartitionsToDelete=[{"Values": ["1"]}, {"Values": ["9"]}])[
        "Errors"
    ]
    assert [error["PartitionValues"] for error in errors] == [["9"]]
    assert [one["Values"] for one in glue.get_partitions(**where)["Partitions"]] == [["2"]]
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.delete_partition(**where, PartitionValues=["9"])


def test_a_batch_tells_which_of_its_partitions_failed(aws_account: AwsAccount) -> None:
    glue = aws_account.client("glue")
    prices(aws_account, "", dt="string")
    register(aws_account, "1", "r1/")
    where: Any = {"DatabaseName": "shop", "TableName": "prices"}
    one, two = partition(aws_account, "1", "r2/"), partition(aws_account, "2", "r2/")

    created = glue.batch_create_partition(**where, PartitionInputList=[one, two])["Errors"]
    entries: Any = [{"PartitionValueList": [value], "PartitionInput": one} for value in ("9", "1")]
    updated = glue.batch_update_partition(**where, Entries=entries)["Errors"]

    assert [error["PartitionValues"] for error in created] == [["1"]]
    assert [error["PartitionValueList"] for error in updated] == [["9"]]
    found = {
        one["Values"][0]: one["StorageDescriptor"]["Location"][-4:]
        for one in glue.get_partitions(**where)["Partitions"]
    }
    assert found == {"1": "/r2/", "2": "/r2/"}


def test_batches_have_the_sizes_of_aws(aws_account: AwsAccount) -> None:
    glue = aws_account.client("glue")
    prices(aws_account, "", dt="string")
    where: Any = {"DatabaseName": "shop", "TableName": "prices"}
    inputs = [partition(aws_account, str(day), "r/") for day in range(101)]
    entries: Any = [{"PartitionValueList": one["Values"], "PartitionInput": one} for one in inputs]
    values: Any = [{"Values": [str(day)]} for day in range(1001)]

    glue.batch_create_partition(**where, PartitionInputList=inputs[:100])
    glue.batch_update_partition(**where, Entries=entries[:100])
    glue.batch_get_partition(**where, PartitionsToGet=values[:1000])
    glue.batch_delete_partition(**where, PartitionsToDelete=values[:25])

    for call, too_much in (
        (glue.batch_create_partition, {"PartitionInputList": inputs}),
        (glue.batch_update_partition, {"Entries": entries}),
        (glue.batch_get_partition, {"PartitionsToGet": values}),
        (glue.batch_delete_partition, {"PartitionsToDelete": values[:26]}),
    ):
        with pytest.raises(ClientError) as refused:
            call(**where, **too_much)
        assert error_code(refused.value) == "ValidationException"


def test_partitions_come_in_pages_and_without_columns(aws_account: AwsAccount) -> None:
    glue = aws_account.client("glue")
    prices(aws_account, "", dt="string")
    where: Any = {"DatabaseName": "shop", "TableName": "prices"}
    for day in "123":
        register(aws_account, day, "r/")

    first = glue.get_partitions(**where, MaxResults=2, ExcludeColumnSchema=True)
    second = glue.get_partitions(**where, MaxResults=2, NextToken=first["NextToken"])

    assert [one["Values"] for one in first["Partitions"]] == [["1"], ["2"]]
    assert "Columns" not in first["Partitions"][0]["StorageDescriptor"]
    assert [one["Values"] for one in second["Partitions"]] == [["3"]]
    assert len(second["Partitions"][0]["StorageDescriptor"]["Columns"]) == 2
    assert "NextToken" not in second


def test_partitions_need_a_table(aws_account: AwsAccount) -> None:
    glue = aws_account.client("glue")
    glue.create_database(DatabaseInput={"Name": "shop"})
    where: Any = {"DatabaseName": "shop", "TableName": "prices"}
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.create_partition(**where, PartitionInput=partition(aws_account, "1", "r/"))
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.batch_create_partition(**where, PartitionInputList=[partition(aws_account, "1", "r/")])
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_partitions(**where)
