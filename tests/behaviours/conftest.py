"""What the behaviour suites run over: a new adapter is one more parameter."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.adapters.storage.s3 import S3Storage
from datahub_dagster.ports import Storage
from tests.aws import AwsAccount


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.aws)])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    """Every storage, empty."""
    if request.param == "local":
        yield LocalStorage(tmp_path / "hub")
        return
    account: AwsAccount = request.getfixturevalue("aws_account")
    aws = AwsClients()
    yield S3Storage(aws, account.bucket, "hub")
    aws.close()
