"""What the contestants meet: two deliveries in a bucket of the emulator, and a dbt project that promises them."""

import base64
import hashlib
import io
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from benchmarks.on_aws.job import DATABASE
from tests.aws import AwsAccount

HUB_PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
LARGE, SMALL = "bench.large", "bench.small"
DELIVERY = "first"
_FIRST_DAY = date(2026, 1, 1)
_PAYLOAD = 1000  # bytes of a row that can't be compressed
_SMALL_ROWS = 10


class Scene:
    """An account of the emulator with its databases; a contestant finds it as the one before found it.

    Args:
        account: Of the emulator.
        project: Where the dbt project goes.
    """

    def __init__(self, account: AwsAccount, project: Path) -> None:
        self.account = account
        self.project = project
        self._s3 = account.client("s3")
        self._glue = account.client("glue")
        write_project(project)
        self.tidy()

    def inbox(self, dataset: str) -> str:
        """The key before the files of the delivery, with a slash at its end."""
        return f"hub/inbox/{dataset.replace('.', '/')}/{DELIVERY}/"

    def deliver_large(self, size: int, count: int, *, with_checksums: bool) -> tuple[str, ...]:
        """A delivery of `size` bytes in `count` files; paths of the files."""
        rows = size // count // (_PAYLOAD + 16)
        named = ((f"part-{i:05}.parquet", _parquet(i, rows)) for i in range(count))
        return self._deliver(LARGE, named, with_checksums, at_once=1)

    def deliver_small(self, count: int, days: int) -> tuple[str, ...]:
        """A delivery of `count` files of some ten kilobytes in `days` partitions; paths of the files."""

        def files() -> Iterator[tuple[str, bytes]]:
            for i in range(count):
                day = _FIRST_DAY + timedelta(days=i % days)
                yield f"day={day}/part-{i:05}.parquet", _parquet(i, _SMALL_ROWS)

        return self._deliver(SMALL, files(), True, at_once=4)

    def remove(self, dataset: str) -> None:
        """Remove a delivery, so that the emulator's memory has room for the next."""
        self._delete(self.inbox(dataset))

    def tidy(self) -> None:
        """Remove what a contestant made, and keep the deliveries."""
        for folder in ("hub/releases/", "hub/log/", "hub/catalog/", "hub/outbox/", "hub/athena/", "copies/"):
            self._delete(folder)
        for database in self._glue.get_databases()["DatabaseList"]:
            self._glue.delete_database(Name=database["Name"])
        self._glue.create_database(DatabaseInput={"Name": DATABASE})

    def _deliver(
        self, dataset: str, files: Iterator[tuple[str, bytes]], with_checksums: bool, at_once: int
    ) -> tuple[str, ...]:
        def put(file: tuple[str, bytes]) -> str:
            path, content = file
            told: dict[str, Any] = {}
            if with_checksums:
                told["ChecksumSHA256"] = base64.b64encode(hashlib.sha256(content).digest()).decode()
            self._s3.put_object(
                Bucket=self.account.bucket, Key=self.inbox(dataset) + path, Body=content, **told
            )
            return path

        with ThreadPoolExecutor(at_once) as pool:
            paths = tuple(put(file) for file in files) if at_once == 1 else tuple(pool.map(put, files))
        self._s3.put_object(Bucket=self.account.bucket, Key=f"{self.inbox(dataset)}_SUCCESS", Body=b"")
        return paths

    def _delete(self, prefix: str) -> None:
        for page in self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.account.bucket, Prefix=prefix
        ):
            keys = [{"Key": found["Key"]} for found in page.get("Contents", [])]
            if keys:
                self._s3.delete_objects(Bucket=self.account.bucket, Delete={"Objects": keys, "Quiet": True})


def write_project(folder: Path) -> None:
    """A dbt project of two sources with four data tests each."""
    shutil.copytree(HUB_PROJECT / "macros", folder / "macros")
    for name in ("profiles.yml", "dbt_project.yml"):
        shutil.copy(HUB_PROJECT / name, folder / name)
    by_day = {
        "delivery": {"mode": "partition", "partitions": {"column": "day", "start": _FIRST_DAY.isoformat()}}
    }
    tables = [_table(LARGE, {}), _table(SMALL, by_day)]
    models = folder / "models" / "bench" / "bench.yml"
    models.parent.mkdir(parents=True)
    source = {"name": LARGE.partition(".")[0], "tables": tables}
    models.write_text(yaml.safe_dump({"version": 2, "sources": [source]}, sort_keys=False))


def _table(dataset: str, hub: dict[str, Any]) -> dict[str, Any]:
    within_a_unit = {"hub_between": {"arguments": {"min_value": 0, "max_value": 1}}}
    return {
        "name": dataset.partition(".")[2],
        "config": {"meta": {"hub": {"team": "bench", "owners": ["bench@example.com"], **hub}}},
        "columns": [
            {"name": "id", "data_type": "bigint", "data_tests": ["not_null", "unique"]},
            {"name": "amount", "data_type": "double", "data_tests": ["not_null", within_a_unit]},
            {"name": "payload", "data_type": "varbinary"},
        ],
    }


def _parquet(number: int, rows: int) -> bytes:
    """A file like no other, of about a kilobyte a row."""
    numbers = np.random.default_rng(number)
    payload = numbers.bytes(rows * _PAYLOAD)
    table = pa.table(
        {
            "id": np.arange(rows, dtype=np.int64) + number * rows,
            "amount": numbers.random(rows),
            "payload": pa.array([payload[i * _PAYLOAD : (i + 1) * _PAYLOAD] for i in range(rows)]),
        }
    )
    stream = io.BytesIO()
    pq.write_table(table, stream, compression="none", use_dictionary=False)
    return stream.getvalue()
