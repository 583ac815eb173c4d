"""Plain boto3: the same server-side copies and a Glue table with its partitions; no checksums, no checks, no record."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import botocore.config

from benchmarks.on_aws.job import COLUMNS, DATABASE, Job, run

_PARQUET: dict[str, Any] = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
}


def _copy_and_register(job: Job) -> None:
    s3: Any = boto3.client("s3", config=botocore.config.Config(max_pool_connections=32))

    def copy(path: str) -> None:
        source = {"Bucket": job.bucket, "Key": job.source + path}
        s3.copy_object(Bucket=job.bucket, Key=job.target + path, CopySource=source)

    with ThreadPoolExecutor(job.threads) as pool:
        for _ in pool.map(copy, job.files):
            pass
    _register(job)


def _register(job: Job) -> None:
    glue: Any = boto3.client("glue")
    name = job.table.rpartition(".")[2]
    columns = [{"Name": column, "Type": kind} for column, kind in COLUMNS.items()]
    root = f"s3://{job.bucket}/{job.target}"
    table = {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "PartitionKeys": [{"Name": "day", "Type": "date"}] if job.partitioned else [],
        "StorageDescriptor": {"Columns": columns, "Location": root, **_PARQUET},
    }
    glue.create_table(DatabaseName=DATABASE, TableInput=table)
    for start in range(0, len(job.days), 100):
        batch = [
            {
                "Values": [day],
                "StorageDescriptor": {"Columns": columns, "Location": f"{root}day={day}/", **_PARQUET},
            }
            for day in job.days[start : start + 100]
        ]
        glue.batch_create_partition(DatabaseName=DATABASE, TableName=name, PartitionInputList=batch)


if __name__ == "__main__":
    run(_copy_and_register)
