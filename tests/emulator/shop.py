"""The Glue table shop.prices, which the tests of Glue and Athena are about."""

from typing import Any

from tests.aws import AwsAccount, parquet_storage


def prices(account: AwsAccount, location: str, **partition_keys: str) -> None:
    """The Glue table shop.prices over a folder of the account's bucket."""
    glue = account.client("glue")
    if not glue.get_databases()["DatabaseList"]:
        glue.create_database(DatabaseInput={"Name": "shop"})
    glue.create_table(
        DatabaseName="shop",
        TableInput={
            "Name": "prices",
            "TableType": "EXTERNAL_TABLE",
            "PartitionKeys": [{"Name": name, "Type": kind} for name, kind in partition_keys.items()],
            "StorageDescriptor": storage(account, location),
        },
    )


def storage(account: AwsAccount, folder: str) -> Any:
    return parquet_storage(f"s3://{account.bucket}/{folder}", item="string", cents="bigint")


def register(account: AwsAccount, value: str, folder: str) -> None:
    account.client("glue").create_partition(
        DatabaseName="shop", TableName="prices", PartitionInput=partition(account, value, folder)
    )


def partition(account: AwsAccount, value: str, folder: str) -> Any:
    return {"Values": [value], "StorageDescriptor": storage(account, folder)}
